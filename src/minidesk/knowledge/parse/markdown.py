"""Markdown, with front matter read as plain lines: a YAML parser would let a file be a bomb."""

import re
from dataclasses import dataclass, replace
from functools import cache

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
    title = _Walk(builder, fields.get("title", "")).run(tokens)
    url = fields.get("url") or fields.get("permalink") or fields.get("slug") or None
    language = (fields.get("lang") or fields.get("language") or "")[:8] or None
    return [builder.build(title or title_from_name(name), url=url, language=language)]


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

    def run(self, tokens: list[Token]) -> str:
        """Builds all blocks and gives the title, empty where there is none."""
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.type == "heading_open":
                self._heading(inline_text(tokens[index + 1]), int(token.tag[1:]))
                index += 2
            elif token.type == "table_open":
                index = self._table(tokens, index)
            elif token.type == "inline":
                self._text(inline_text(token))
            elif token.type in ("fence", "code_block"):
                self._builder.code(token.content)
            elif token.type == "html_block":
                self._text(fragment_text(token.content))
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
                rows[-1].append(inline_text(tokens[index]))
            index += 1
        self._builder.table(rows[0] if rows else None, rows[1:])
        return index


def inline_text(token: Token) -> str:
    """The words of an inline token: marks gone, code kept, links as their text, images left out."""
    parts: list[str] = []
    links: list[tuple[str, int]] = []
    for child in token.children or ():
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
