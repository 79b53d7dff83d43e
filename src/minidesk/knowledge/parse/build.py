"""Puts a document's text together block by block, so that every offset is exact by construction."""

import re
import unicodedata
from collections.abc import Sequence

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.limits import CHARS, TITLE_CHARS
from minidesk.knowledge.records import Block, BlockKind, ParsedDocument
from minidesk.text.language import written_in

# Nobody sees these, but a model reads them: tag characters, variation selectors (a byte each), fillers, direction
# overrides, zero-width ones, soft hyphens (T20). U+FE0F stays: it makes a sign an emoji.
# Joiners (U+200C, U+200D) stay: Persian, Hindi and emoji need them.
_INVISIBLE = re.compile(
    "[\U000e0000-\U000e0fff\ufe00-\ufe0e\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u202a-\u202e\u2066-\u2069\u200b\u200e\u200f\u2060-\u2064\ufeff\u00ad\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufff9-\ufffb]"
)
_BREAKS = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_SPACES = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


def clean(text: str) -> str:
    """NFC, one kind of line break, no invisible characters; spaces and lines stay as they are."""
    return _INVISIBLE.sub("", _BREAKS.sub("\n", unicodedata.normalize("NFC", text)))


def squeeze(text: str) -> str:
    """On one line with single spaces."""
    return " ".join(clean(text).split())


def tidy(text: str) -> str:
    """Lines kept, spaces within them single, no empty lines."""
    lines = (_SPACES.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in lines if line)


class Builder:
    """Collects blocks and makes a `ParsedDocument` of them.

    Blocks stand a blank line apart, items of one list a line. Raises DocumentProblem `document_too_complex`
    when the text grows past the ceiling.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []

    def heading(self, text: str, level: int, page: int | None = None) -> None:
        """A heading on one line; level from 1."""
        self._add("heading", squeeze(text), level=level, page=page)

    def paragraph(self, text: str, page: int | None = None) -> None:
        """Running text; its line breaks are real ones (wrapped lines were joined before)."""
        self._add("paragraph", tidy(text), page=page)

    def item(self, text: str, *, number: int | None = None, level: int = 0, page: int | None = None) -> None:
        """One list item as `- text` or `3. text`, two spaces deeper a level."""
        body = tidy(text).replace("\n", " ")
        if body:
            mark = "- " if number is None else f"{number}. "
            self._add(
                "item",
                "  " * min(level, 6) + mark + body,
                level=level,
                page=page,
                numbered=number is not None,
            )

    def code(self, text: str, page: int | None = None) -> None:
        """Text whose lines and spaces matter."""
        self._add(
            "code", "\n".join(line.rstrip() for line in clean(text).split("\n") if line.strip()), page=page
        )

    def table(
        self, header: Sequence[str] | None, rows: Sequence[Sequence[str]], page: int | None = None
    ) -> None:
        """A table with a line a row. With a header each cell carries its column's name: `Country: Austria | Price: €4.90`.

        So a row can be quoted, embedded and proved without the lines above it.
        """
        names = [squeeze(cell) for cell in header] if header else []
        lines = [line for line in (table_row(names, [squeeze(cell) for cell in row]) for row in rows) if line]
        known = " | ".join(name for name in names if name) or None
        self._add("table", "\n".join(lines), page=page, header=known)

    def _add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        page: int | None = None,
        header: str | None = None,
        numbered: bool = False,
    ) -> None:
        if not text.strip():
            return
        if self.blocks:
            both_items = kind == "item" and self.blocks[-1].kind == "item"
            self._append("\n" if both_items else "\n\n")
        start = self._length
        self._append(text)
        self.blocks.append(
            Block(kind, start, self._length, level=level, page=page, header=header, numbered=numbered)
        )

    def _append(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > CHARS:
            raise DocumentProblem(
                "This file holds more than five million characters. Split it into several files and upload those.",
                code="document_too_complex",
            )

    def build(
        self,
        title: str,
        *,
        external_id: str | None = None,
        url: str | None = None,
        language: str | None = None,
        question: str | None = None,
        phrasings: tuple[str, ...] = (),
    ) -> ParsedDocument:
        """The document; `title` is squeezed to one line of at most 300 characters. Its language is told by its words where
        nobody names it."""
        text = "".join(self._parts)
        return ParsedDocument(
            external_id=external_id,
            title=squeeze(title)[:TITLE_CHARS].rstrip(),
            text=text,
            blocks=tuple(self.blocks),
            question=question,
            phrasings=phrasings,
            url=url,
            language=language or written_in(text),
        )


def table_row(names: Sequence[str], cells: Sequence[str]) -> str:
    """One row as a line; empty cells are left out."""
    if not any(cells):
        return ""
    parts = []
    for index, cell in enumerate(cells):
        name = names[index] if index < len(names) else ""
        if cell:
            # A cell that repeats its column's name would read "Price: Price".
            parts.append(f"{name.rstrip(':')}: {cell}" if name and name != cell else cell)
    return " | ".join(parts)


def faq(
    question: str,
    answer: str,
    *,
    external_id: str | None,
    phrasings: tuple[str, ...] = (),
    title: str | None = None,
    url: str | None = None,
    language: str | None = None,
) -> ParsedDocument:
    """A question with its answer: the text is the answer alone, so that nobody quotes the question back."""
    text = tidy(answer)
    asked = squeeze(question)
    return ParsedDocument(
        external_id=external_id,
        title=squeeze(title or asked)[:TITLE_CHARS].rstrip(),
        text=text,
        blocks=(Block("faq", 0, len(text)),) if text else (),
        question=asked or None,
        phrasings=phrasings,
        url=url,
        language=language or written_in(f"{asked} {text}"),
    )


def title_from_name(name: str) -> str:
    """A title for a file that has none: `boot-sizing.md` → `Boot sizing`."""
    stem = name.rsplit("/", 1)[-1]
    stem = stem.rsplit(".", 1)[0] if "." in stem else stem
    words = re.sub(r"[-_]+", " ", stem).strip()
    return (words[:1].upper() + words[1:]) or "Untitled"
