"""Text that stands in a page and that no reader sees: in the colour of its ground, beside the screen, too small (T18).

Said by the element itself or by the page's own style sheet. What a page folds away for its readers is another matter: menus
formats leave out by themselves, and an answer that a press opens is read, though the sheet hides it at first.
"""

import re
from dataclasses import dataclass

from lxml import html as lxml_html

from minidesk.knowledge.parse.page_styles import PageStyles, declarations

# Differences of a colour's parts, 0 to 255, that nobody sees; and text of so few points nobody reads.
_ALIKE = 16
_TINY_POINTS = 2.0
_FAR_PIXELS = 900.0
_WHITE = (255, 255, 255)
_NAMED = {
    "white": _WHITE, "black": (0, 0, 0), "red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255),
    "yellow": (255, 255, 0), "gray": (128, 128, 128), "grey": (128, 128, 128), "silver": (192, 192, 192),
    "ivory": (255, 255, 240), "snow": (255, 250, 250), "whitesmoke": (245, 245, 245),
}  # fmt: skip
_POINTS = {"px": 0.75, "pt": 1.0, "em": 12.0, "rem": 12.0, "vw": 9.0, "vh": 6.0, "%": 0.12, "": 0.75}
_PIXELS = {"px": 1.0, "pt": 1.33, "em": 16.0, "rem": 16.0, "vw": 12.0, "vh": 8.0, "%": 12.0, "": 1.0}
_LENGTH = re.compile(r"(-?(?:\d{1,7}(?:\.\d{1,4})?|\.\d{1,4}))\s*(px|pt|r?em|v[wh]|%|)")
_NONE = re.compile(r"none\b")
_UNSEEN = re.compile(r"hidden\b|collapse\b")
_CLEAR = re.compile(r"(?:0(?:\.0\d*)?|\.0\d*|[0-5](?:\.\d*)?%)(?![\d.%])")  # up to 5 %, which nobody sees
_FLAT = re.compile(r"(?:0(?:\.0+)?|\.0+)(?:px|r?em|pt|%|v[wh])?(?![\w.])")
# What hides by the sheet, and may be opened.
_FOLDING = (
    ("display", _NONE),
    ("visibility", _UNSEEN),
    ("content-visibility", _UNSEEN),
    ("opacity", _CLEAR),
    ("max-height", _FLAT),
    ("height", _FLAT),
)
_SIZES = ("max-height", "height")
# Names that builders of pages give to what opens, and to what opens it.
_FOLDED = re.compile(
    r"accordi|collaps|toggle|expand|fold|faq|answer|panel|drop-?down|tab(?:s|-|_|$)|spoiler|reveal|modal|details|show-?more|read-?more",
    re.IGNORECASE,
)
_OPENERS = frozenset({"button", "summary", "label", "dt"})
_OPENING = (
    "onclick",
    "aria-expanded",
    "aria-controls",
    "data-toggle",
    "data-bs-toggle",
    "data-target",
    "tabindex",
)
_AROUND = 3  # elements outwards in which what opens is looked for
_RGB = re.compile(
    r"rgba?\(\s*(\d{1,3}%?)\s*[, ]\s*(\d{1,3}%?)\s*[, ]\s*(\d{1,3}%?)\s*(?:[,/]\s*([\d.]{1,6})(%?)\s*)?\)"
)
_HSL = re.compile(
    r"hsla?\(\s*[\w.-]{1,12}[\s,]{1,4}[\d.]{1,6}%[\s,]{1,4}(\d{1,3})%\s*(?:[,/]\s*([\d.]{1,6})(%?)\s*)?\)"
)
_SEEN_FROM = 0.05  # of a colour's opacity
_HEX = re.compile(r"#([0-9a-f]{3,8})\b", re.IGNORECASE)

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _Ground:
    """The colour that text stands on, where the page says it; of a page with style sheets we do not know."""

    colour: Colour | None


def remove_concealed(root: lxml_html.HtmlElement) -> int:
    """Take elements that readers cannot see out of the tree, and say how many of them held words."""
    page = _Page(root)
    grounds = {root: page.ground(root, _Ground(_WHITE if page.styles.whole else None))}
    doomed: list[lxml_html.HtmlElement] = []
    for element in root.iterdescendants():
        if not isinstance(element.tag, str):
            continue
        parent = element.getparent()
        ground = grounds[element] = page.ground(element, grounds.get(parent, _Ground(None)))
        if page.conceals(element, ground):
            doomed.append(element)
    words = 0
    for element in doomed:
        words += element.tag not in _WORDLESS and bool("".join(element.itertext()).strip())
        # What stands inside another one went with it.
        if element.getparent() is not None:
            element.drop_tree()
    return words


def hidden_by_itself(written: str) -> bool:
    """Whether a `style` attribute says that its element is not shown: as menus and closed parts are."""
    if not written:
        return False
    style = declarations(written[:_STYLE_CHARS])
    hides = any(hiding.match(style.get(name, "")) for name, hiding in _FOLDING if name not in _SIZES)
    return hides or _FLAT.match(style.get("font-size", "")) is not None


_STYLE_CHARS = 4_000
_WORDLESS = frozenset({"script", "style", "template", "noscript"})


class _Page:
    """A page with its own sheets."""

    def __init__(self, root: lxml_html.HtmlElement) -> None:
        self.styles = PageStyles.of(root)
        # What an address within the page or an attribute names: something opens it.
        self._opened = {
            value.lstrip("#")
            for name in ("aria-controls", "data-target", "data-bs-target", "for", "href")
            for value in map(str, root.xpath(f"//@{name}"))
            if name not in ("href",) or value.startswith("#")
        }

    def ground(self, element: lxml_html.HtmlElement, above: _Ground) -> _Ground:
        """The colour that the text of an element stands on."""
        told, own = self.styles.declared(element), _style(element)
        style = told | own
        said = style.get("background-color") or style.get("background") or element.get("bgcolor", "").lower()
        if not said or said in ("none", "transparent", "inherit", "initial", "unset"):
            # Of a class that the sheets here do not speak of, another one may.
            known = said or not element.get("class") or told
            return above if known else _Ground(None if above.colour == _WHITE else above.colour)
        return _Ground(None if "url(" in said or "gradient" in said else colour(said))

    def conceals(self, element: lxml_html.HtmlElement, ground: _Ground) -> bool:
        """Whether nobody sees the text of this element. What hides by `style` attribute alone the formats leave out."""
        told, own = self.styles.declared(element), _style(element)
        if not told and not own:
            return False
        forced = {name: value for name, value in told.items() if "!important" in value}
        style = {
            name: value.replace("!important", "").strip() for name, value in (told | own | forced).items()
        }
        if _conceals({name: value for name, value in style.items() if name != "font-size"}, ground):
            return True
        if _tiny(own) or (_tiny(style) and not any(self._has_size(one) for one in element.iterdescendants())):
            return True
        return any(
            # `display: none` in the element itself the formats leave out without counting it.
            (name in told or name in _SIZES)
            and hiding.match(style.get(name, "")) is not None
            and self._for_good(element, style, name, hiding)
            for name, hiding in _FOLDING
        )

    def _has_size(self, element: lxml_html.HtmlElement) -> bool:
        """Rows of no size around parts with one are an old way to close gaps."""
        style = self.styles.declared(element) | (_style(element) if isinstance(element.tag, str) else {})
        return "font-size" in style and not _tiny(style)

    def _for_good(
        self, element: lxml_html.HtmlElement, style: dict[str, str], name: str, hiding: re.Pattern[str]
    ) -> bool:
        if name in _SIZES and not style.get("overflow", "").startswith(("hidden", "clip")):
            return False
        if "transition" in style or "animation" in style or self.styles.shown_again(element, name, hiding):
            return False
        near = [element, *list(element.iterancestors())[:_AROUND]]
        if any(one.get("id") in self._opened or _FOLDED.search(one.get("class") or "") for one in near):
            return False
        return not self._opens(element.getprevious())

    def _opens(self, before: lxml_html.HtmlElement | None) -> bool:
        """Whether what stands right before can be pressed."""
        if before is None or not isinstance(before.tag, str):
            return False
        return any(
            isinstance(one.tag, str)
            and (
                one.tag in _OPENERS
                or one.get("role") == "button"
                or any(one.get(name) is not None for name in _OPENING)
                or _FOLDED.search(one.get("class") or "")
                or self.styles.declared(one).get("cursor") == "pointer"
            )
            for one in (before, *before.iterdescendants())
        )


def _style(element: lxml_html.HtmlElement) -> dict[str, str]:
    written = element.get("style", "")
    style = declarations(written[:_STYLE_CHARS]) if written else {}
    if element.tag == "font" and element.get("color"):
        style.setdefault("color", element.get("color", "").strip().lower())
    return style


def _tiny(style: dict[str, str]) -> bool:
    size = _length(style.get("font-size", ""), _POINTS)
    return size is not None and size <= _TINY_POINTS


def _conceals(style: dict[str, str], ground: _Ground) -> bool:
    ink = style.get("color", "")
    if _see_through(ink) or (ink and ground.colour and alike(colour(ink), ground.colour)):
        return True
    if _tiny(style):
        return True
    away = [style.get(name, "") for name in ("text-indent", "margin-left", "margin-top")]
    if (faded := re.search(r"opacity\(\s*([^)]{1,12}?)\s*\)", style.get("filter", ""))) and _CLEAR.match(
        faded[1]
    ):
        return True
    if style.get("position", "").startswith(("absolute", "fixed")):
        away += [style.get(side, "") for side in ("left", "top", "right", "bottom")]
        if re.match(r"rect\(\s*(?:0|1px)", style.get("clip", "")):
            return True
    if re.match(r"(?:inset\(\s*(?:50|100)%|circle\(\s*0)", style.get("clip-path", "")):
        return True
    if (moved := re.search(r"translate[xy]?\(([^)]{1,60})", style.get("transform", ""))) is not None:
        away += moved.group(1).split(",")
    if re.match(r"scale[xy]?\(\s*0(?:\.0+)?\s*[,)]", style.get("transform", "")):
        return True
    return any((at := _length(one, _PIXELS)) is not None and at <= -_FAR_PIXELS for one in away)


def _see_through(ink: str) -> bool:
    if ink.startswith("transparent"):
        return True
    found = _RGB.search(ink)
    parts = found.groups()[3:] if found else (_alpha_of_hsl(ink))
    if parts[0] is None or not re.fullmatch(r"\d*\.?\d+|\d+\.", parts[0]):
        return False
    return float(parts[0]) / (100 if parts[1] else 1) < _SEEN_FROM


def _alpha_of_hsl(ink: str) -> tuple[str | None, str | None]:
    found = _HSL.search(ink)
    return (None, None) if found is None else (found[2], found[3])


def _length(value: str, units: dict[str, float]) -> float | None:
    found = _LENGTH.match(value.strip().removeprefix("calc("))
    return float(found.group(1)) * units[found.group(2)] if found and found.group(2) in units else None


def colour(value: str) -> Colour | None:
    """A colour as CSS writes it; None for what we cannot read, or see through."""
    if (found := _HEX.search(value)) is not None:
        digits = found.group(1)
        if len(digits) in (3, 4):
            digits = "".join(digit * 2 for digit in digits)
        if len(digits) not in (6, 8):
            return None
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)
    if (found := _RGB.search(value)) is not None:
        red, green, blue = (
            round(int(part[:-1]) * 2.55) if part.endswith("%") else int(part) for part in found.groups()[:3]
        )
        return red, green, blue
    if (found := _HSL.search(value)) is not None and (light := int(found[1])) in (0, 100):
        return (255, 255, 255) if light else (0, 0, 0)
    return next((_NAMED[word] for word in re.findall(r"[a-z]+", value) if word in _NAMED), None)


def alike(one: Colour | None, other: Colour | None) -> bool:
    """Whether nobody could tell them apart; False where either is not known."""
    if one is None or other is None:
        return False
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= _ALIKE
