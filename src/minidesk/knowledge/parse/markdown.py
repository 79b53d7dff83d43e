"""Markdown, with front matter read as plain lines: a YAML parser would let a file be a bomb."""

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from minidesk.knowledge.parse.build import Builder, squeeze, title_from_name
from minidesk.knowledge.parse.html import fragment_text
from minidesk.knowledge.parse.limits import TITLE_CHARS
from minidesk.knowledge.parse.plain import parse_text
from minidesk.knowledge.records import ParsedDocument

_FRONT = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z_][\w-]{0,40}):[ \t]*(.*)$")
# Template marks of site generators, which their readers never see: `{:target="_blank"}`, `{% include … %}`, `{{ site.url }}`.
_TEMPLATE = re.compile(r"\{:[^{}\n]{0,300}\}|\{%[^{}\n]{0,300}%\}|\{\{[^{}\n]{0,200}\}\}")
# A line that nobody wrote by hand: its marks would take the parser seconds a megabyte, so it is read as plain text.
_LINE_CHARS = 50_000
# Words that say nothing without the address behind them.
_BARE_LINKS = frozenset(
    {
        "here",
        "this",
        "link",
        "this link",
        "this page",
        "click here",
        "hier",
        "page",
        "website",
        "this form",
        "form",
    }
)


def parse_markdown(text: str, name: str) -> list[ParsedDocument]:
    """One document; the title is the front matter's, else the first heading of level 1, else the file's name."""
    fields, body = _front_matter(text)
    if any(len(line) > _LINE_CHARS for line in body.split("\n")):
        document = parse_text(body, name)[0]
        return [replace(document, title=squeeze(fields.get("title", ""))[:TITLE_CHARS] or document.title)]
    tokens = _markdown().parse(_TEMPLATE.sub("", body))
    builder = Builder()
    walk = _Walk(builder, fields.get("title", ""))
    title = walk.run(tokens)
    url = fields.get("url") or fields.get("permalink") or fields.get("slug") or None
    language = (fields.get("lang") or fields.get("language") or "")[:8] or None
    made = builder.build(title or title_from_name(name), url=url, language=language)
    return [replace(made, concealed=walk.concealed)]


@cache  # making one takes as long as a page
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    """The `key: value` lines at the top, and the rest. Lists, nesting and anchors are not interpreted."""
    found = _FRONT.match(text)
    if not found:
        return {}, text
    fields: dict[str, str] = {}
    for line in found.group(1).split("\n"):
        field = _FIELD.match(line)
        if field:
            value = field.group(2).strip()
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            fields.setdefault(field.group(1).lower(), value)
    return fields, text[found.end() :]


@dataclass(slots=True)
class _List:
    """A list that is open: its next number, or None for bullets, and whether its item still waits for its mark."""

    number: int | None
    fresh: bool = False


class _Walk:
    """Goes through the block tokens once and feeds the builder."""

    def __init__(self, builder: Builder, title: str) -> None:
        self._builder = builder
        self._title = squeeze(title)
        self._lists: list[_List] = []
        self._sheets = ""  # the page's own <style> elements, which hold for what comes behind them
        self._hiding = ""  # markup that opened something nobody sees and has not closed it yet
        self.concealed = 0

    def run(self, tokens: list[Token]) -> str:
        """Builds all blocks and gives the title, empty where there is none."""
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.type == "html_block":
                self._markup(token.content)
            elif self._hiding and token.type in _SAYS:
                pass
            elif token.type == "heading_open":
                self._heading(self._inline(tokens[index + 1]), int(token.tag[1:]))
                index += 2
            elif token.type == "table_open":
                index = self._table(tokens, index)
            elif token.type == "inline":
                self._text(self._inline(token))
            elif token.type in ("fence", "code_block"):
                self._builder.code(token.content)
            elif token.type in ("bullet_list_open", "ordered_list_open"):
                start = int(token.attrs.get("start", 1)) if token.type.startswith("ordered") else None
                self._lists.append(_List(start))
            elif token.type in ("bullet_list_close", "ordered_list_close"):
                self._lists.pop()
            elif token.type == "list_item_open":
                self._lists[-1].fresh = True
            elif token.type == "list_item_close":
                self._next_number()
            index += 1
        return self._title

    def _markup(self, content: str) -> None:
        """HTML between paragraphs: shown, or the beginning, the middle or the end of what is not."""
        if "<style" in content.lower():
            self._sheets = f"{self._sheets}{content}"[:_SHEET_CHARS]
        if not self._hiding:
            self._text(fragment_text(self._sheets + content))
        if self._hiding or not _may_hide(content):
            self._hiding = f"{self._hiding}{content}" if self._hiding else ""
        elif not self._shows(content):
            self._hiding = content
            self.concealed += 1
            return
        if self._hiding and (len(self._hiding) > _SHEET_CHARS or self._shows(self._hiding)):
            self._hiding = ""

    def _shows(self, before: str) -> bool:
        return _PROBE in fragment_text(f"{self._sheets}{before}{_PROBE}")

    def _inline(self, token: Token) -> str:
        found = inline_text(token, self._sheets)
        whole = sum(len(child.content) for child in token.children or () if child.type == "text")
        self.concealed += whole > len(found) and any(
            child.type == "html_inline" and _hides(child.content, self._sheets)
            for child in token.children or ()
        )
        return found

    def _heading(self, text: str, level: int) -> None:
        # The page's own title stands in every passage's heading already.
        if (
            level == 1
            and not self._builder.blocks
            and (not self._title or squeeze(text).lower() == self._title.lower())
        ):
            self._title = self._title or squeeze(text)
        else:
            self._builder.heading(text, level)

    def _text(self, text: str) -> None:
        if self._lists and self._lists[-1].fresh:
            self._lists[-1].fresh = False
            self._builder.item(text, number=self._lists[-1].number, level=len(self._lists) - 1)
        else:
            self._builder.paragraph(text)

    def _next_number(self) -> None:
        current = self._lists[-1]
        current.fresh = False
        if current.number is not None:
            current.number += 1

    def _table(self, tokens: list[Token], index: int) -> int:
        """Reads to the table's end and gives the index of its closing token."""
        rows: list[list[str]] = []
        while tokens[index].type != "table_close":
            if tokens[index].type == "tr_open":
                rows.append([])
            elif tokens[index].type == "inline":
                rows[-1].append(self._inline(tokens[index]))
            index += 1
        self._builder.table(rows[0] if rows else None, rows[1:])
        return index


def inline_text(token: Token, sheets: str = "") -> str:
    """The words of an inline token: marks gone, code kept, links as their text, images left out.

    What its HTML hides from readers is left out; `sheets` are the page's own `<style>` elements.
    """
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    hidden: list[str] = []  # names of the elements around, from the first that hides
    for child in token.children or ():
        if child.type == "html_inline":
            _follow(child.content, sheets, hidden)
        if hidden:
            continue
        if child.type in ("text", "code_inline", "text_special"):
            parts.append(child.content)
        elif child.type == "softbreak":
            parts.append(" ")
        elif child.type == "hardbreak" or (
            child.type == "html_inline" and child.content.lower().startswith("<br")
        ):
            parts.append("\n")
        elif child.type == "link_open":
            links.append((str(child.attrs.get("href", "")), len(parts)))
        elif child.type == "link_close" and links:
            href, start = links.pop()
            shown = "".join(parts[start:]).strip()
            if shown.lower() in _BARE_LINKS and href.startswith(("https://", "http://", "mailto:")):
                parts.append(f" ({href})")
    return "".join(parts)


_SAYS = frozenset({"inline", "heading_open", "fence", "code_block", "table_open"})
_SHEET_CHARS = 20_000
_PROBE = "qxjzprobeqxjz"
_TAG = re.compile(r"<(/?)([a-z][\w-]{0,20})", re.IGNORECASE)
_VOID = frozenset(
    {"br", "hr", "img", "input", "wbr", "meta", "link", "area", "base", "col", "embed", "source", "track"}
)


def _follow(markup: str, sheets: str, hidden: list[str]) -> None:
    """Open or close what one tag opens or closes among the elements that hide."""
    found = _TAG.match(markup)
    if found is None or (name := found[2].lower()) in _VOID or markup.endswith("/>"):
        return
    if found[1]:
        if name in hidden:
            del hidden[len(hidden) - 1 - hidden[::-1].index(name) :]
    elif hidden or _hides(markup, sheets):
        hidden.append(name)


def _may_hide(markup: str) -> bool:
    """Whether it is worth a look: most HTML in Markdown opens nothing that could hide."""
    return "<" in markup and any(word in markup.lower() for word in ("style", "hidden", "class", "id="))


@lru_cache(maxsize=1024)  # a page has few tags, again and again
def _hides(tag: str, sheets: str) -> bool:
    """Whether what stands behind this tag is not shown."""
    return (
        _may_hide(tag) and not tag.startswith("</") and _PROBE not in fragment_text(f"{sheets}{tag}{_PROBE}")
    )
