"""The one renderer: Markdown from anyone (visitor, agent, document, model) to HTML that cannot act.

markdown-it-py never passes HTML through, images become their alternative text, links survive only to hosts that
the site named, and nh3 then keeps what an explicit list allows: both libraries let `<img>` through by default,
and neither removes invisible tag characters (T11, T19, T20).
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import escape

from minidesk.text.normalise import remove_invisible, replace_surrogates

TAGS = frozenset(
    "p br strong em s code pre blockquote ul ol li h1 h2 h3 h4 h5 h6 hr table thead tbody tr th td a".split()  # noqa: SIM905 (a list of tags reads better so)
)
# `noreferrer` keeps the desk's address from the linked page, `nofollow` and `ugc` say that a visitor may have written it.
REL = "noopener noreferrer nofollow ugc"

# Unclosed brackets cost markdown-it quadratic time: 4,000 take 0.2 s, 30,000 would take ten. Beyond this many,
# brackets are shown as they are; no honest answer has so many links.
MAX_BRACKETS = 500
_BRACKET = re.compile(r"(?<!\\)(\\*)\[")

# One line of words and harmless marks, which begins with a letter: nothing in it is Markdown, and nothing needs escaping.
# Most of what people write is so, and to parse it takes a hundred times as long as to see that.
_PLAIN = re.compile(r"[^\W\d_](?:[^\W_]|[ ,.;:?!'()/%-])*")

# Stricter than any browser's parser: browsers also follow https:/x, https:\\x and https://user@x, so a looser
# reading here could see one host where the browser goes to another (T15, T19).
_HTTPS = re.compile(
    r"https://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{1,5})?(?:[/?#][!-\[\]-~]*)?", re.IGNORECASE
)
# No query: ?body= would let a text fill somebody's mail.
_MAIL = re.compile(r"mailto:[\w.+-]{1,64}@[a-z0-9-]+(?:\.[a-z0-9-]+)+", re.IGNORECASE | re.ASCII)


def render_markdown(text: str, *, link_hosts: Collection[str] = ()) -> str:
    """Safe HTML of a Markdown text; a single line feed is a line break.

    Links to `link_hosts` (exact host names, lower case) and plain mail addresses stay links; all others are shown
    as their text, a bare address without its query. Never raises, whatever the text.
    """
    source = remove_invisible(replace_surrogates(text))
    if _PLAIN.fullmatch(source):
        return f"<p>{source.rstrip()}</p>"
    if source.count("[") > MAX_BRACKETS:
        # One that is escaped already must stay so: a second backslash would set it free again.
        source = _BRACKET.sub(lambda found: found[1] + ("" if len(found[1]) % 2 else "\\") + "[", source)
    env: EnvType = {"link_hosts": frozenset(host.lower() for host in link_hosts)}
    html = _markdown().render(source, env)
    clean = nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags={"script", "style"},
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"https", "mailto"},
        link_rel=REL,
        set_tag_attribute_values={"a": {"target": "_blank"}},
        strip_comments=True,
    )
    # A character reference such as &#xE0041; has become the character itself by now.
    return remove_invisible(clean).strip()


def is_known_link(href: str, hosts: Collection[str]) -> bool:
    """Whether `href` is a plain mail address, or an https address at one of `hosts`, beyond doubt."""
    if _MAIL.fullmatch(href):
        return True
    match = _HTTPS.fullmatch(href)
    return bool(match and match.group(1).lower() in hosts)


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    markdown = MarkdownIt(
        "js-default", {"html": False, "linkify": False, "typographer": False, "breaks": True}
    )
    markdown.core.ruler.push("known_links", _keep_known_links)
    markdown.add_render_rule("image", _image)
    return markdown


def _keep_known_links(state: StateCore) -> None:
    """Drop the tags of links that lead elsewhere and keep what they say. Runs after references are resolved."""
    hosts: Collection[str] = state.env["link_hosts"]
    for block in state.tokens:
        if block.type == "inline" and block.children:
            block.children = _without_unknown_links(block.children, hosts)


def _without_unknown_links(tokens: Sequence[Token], hosts: Collection[str]) -> list[Token]:
    kept: list[Token] = []
    dropped: Token | None = None  # links do not nest
    for token in tokens:
        if token.type == "link_open" and not is_known_link(str(token.attrGet("href") or ""), hosts):
            dropped = token
        elif token.type == "link_close" and dropped is not None:
            dropped = None
        else:
            if dropped is not None and dropped.info == "auto" and token.type == "text":
                token.content = token.content.partition("?")[0]
            kept.append(token)
    return kept


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    """An image is a request to somebody's server the moment it is shown, so only its description is."""
    return str(escape(renderer.renderInlineAsText(tokens[at].children or [], options, env)))
