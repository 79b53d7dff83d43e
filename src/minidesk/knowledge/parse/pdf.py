"""PDF: text runs with their places, by PDFium; headings by size, tables by columns, no scripts, no attachments.

PDFium only draws and reads here: JavaScript, launch actions and embedded files are never looked at.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.build import Builder, clean, squeeze, title_from_name
from minidesk.knowledge.parse.limits import CHARS, PAGES
from minidesk.knowledge.parse.pdf_concealed import PageSight
from minidesk.knowledge.parse.pdf_layout import Row, Run, Table, column_order, table_at
from minidesk.knowledge.records import ParsedDocument

_PASSWORD = 4  # FPDF_ERR_PASSWORD
# Smaller than anything a person reads: text hidden for machines.
_HIDDEN_POINTS = 1.5
# Asking for each piece's place takes longer the more a page has; no page that somebody reads comes near this.
_RUNS = 4_000
# A file with less has no text layer worth the name.
_MIN_CHARS = 12
_BULLET = re.compile(r"^[•◦▪‣∙·●○■–—*-]\s+(?=\S)|^[•◦▪‣●]")
_NUMBER = re.compile(r"^(\d{1,3})[.)]\s+(?=\S)")
_HYPHEN = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010\u0002\ufffe]$")
_ENDED = (".", "!", "?", ":", ";", "…", "”", '"')


def parse_pdf(source: Path | bytes, name: str) -> list[ParsedDocument]:
    """One document with page numbers.

    Raises DocumentProblem: `document_encrypted`, `document_unreadable`, `document_too_complex`, and
    `document_has_no_text` for scans.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(source)
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD or "password" in str(error).lower():
            raise DocumentProblem(
                "This PDF is protected by a password. Remove the password and upload it again.",
                code="document_encrypted",
            ) from error
        raise DocumentProblem(
            "This PDF is damaged and could not be opened. Export it again from the program that made it, and upload that copy."
        ) from error
    try:
        if len(document) > PAGES:
            raise DocumentProblem(
                f"This PDF has {len(document):,} pages; {PAGES:,} are the most that is read. Split it and upload the parts.",
                code="document_too_complex",
            )
        pages, concealed = _pages(document)
        meta = squeeze(document.get_metadata_dict().get("Title", ""))
    finally:
        document.close()
    if sum(len(run.text) for page in pages for run in page) < _MIN_CHARS:
        raise DocumentProblem(
            "This PDF holds no text, only pictures of pages. Run text recognition (OCR) over it and upload that copy.",
            code="document_has_no_text",
        )
    return [replace(_Writer(pages, meta, name).document(), concealed=concealed)]


def _pages(document: Any) -> tuple[list[list[Run]], int]:
    """What is seen of each page, and how many pieces are not."""
    import pypdfium2

    pages: list[list[Run]] = []
    total, broken, concealed = 0, 0, 0
    for index in range(len(document)):
        try:
            runs, unseen = _runs(document[index])
            concealed += unseen
        except pypdfium2.PdfiumError:
            runs, broken = [], broken + 1  # one damaged page does not cost the others
        total += sum(len(run.text) for run in runs)
        if total > CHARS:
            raise DocumentProblem(
                "This PDF holds more than five million characters. Split it and upload the parts.",
                code="document_too_complex",
            )
        pages.append(runs)
    if broken and broken == len(pages):
        raise DocumentProblem(
            "No page of this PDF could be read. Export it again from the program that made it, and upload that copy."
        )
    return pages, concealed


def _runs(page: Any) -> tuple[list[Run], int]:
    """The page's pieces of text that are seen, and how many are not."""
    text_page = page.get_textpage()
    try:
        sight = PageSight(page, text_page)
        return list(_seen(text_page, sight)), sight.concealed
    finally:
        text_page.close()
        page.close()


def _seen(text_page: Any, sight: PageSight) -> Iterator[Run]:
    """Pieces on one line in one font, as PDFium found them."""
    from pypdfium2 import raw

    if text_page.count_rects() > _RUNS:
        yield from _plain_runs(text_page.get_text_range())
        return
    for index in range(text_page.count_rects()):
        left, bottom, right, top = text_page.get_rect(index)
        text = clean(
            text_page.get_text_bounded(left, bottom, right, top).replace("\x02", "-").replace("\ufffe", "-")
        ).replace("\n", " ")
        if not text.strip():
            continue
        at = raw.FPDFText_GetCharIndexAtPos(
            text_page.raw,
            (left + right) / 2,
            (bottom + top) / 2,
            (right - left) / 2 + 2,
            top - bottom + 2,
        )
        size = raw.FPDFText_GetFontSize(text_page.raw, at) if at >= 0 else top - bottom
        # Some producers scale the page instead of the font: then the size says 1 and the glyphs are tall.
        size = size if size > 2 or top - bottom < 4 else (top - bottom) * 1.2
        if size < _HIDDEN_POINTS or top - bottom < 0.3:
            sight.concealed += 1
            continue
        if not sight.shows((left, bottom, right, top), at):
            continue
        bold = at >= 0 and (raw.FPDFText_GetFontWeight(text_page.raw, at) >= 600 or _bold_name(text_page, at))
        yield Run(text, left, bottom, right, top, round(size * 2) / 2, bold)


def _plain_runs(text: str) -> Iterator[Run]:
    """The lines of a page whose places would take too long to ask for, set one below the other."""
    for index, line in enumerate(clean(text).split("\n")):
        if line.strip():
            yield Run(line, 50, -14.0 * index, 50 + 5.0 * len(line), 10 - 14.0 * index, 10, bold=False)


def _bold_name(text_page: Any, at: int) -> bool:
    """Many producers say bold only in the font's name."""
    import ctypes

    from pypdfium2 import raw

    buffer, flags = ctypes.create_string_buffer(128), ctypes.c_int()
    length = raw.FPDFText_GetFontInfo(text_page.raw, at, buffer, 128, ctypes.byref(flags))
    return 0 < length <= 128 and b"bold" in buffer.value.lower()


@dataclass(slots=True)
class _Paragraph:
    """Lines that are being put together."""

    text: str
    page: int
    size: float
    kind: str = "paragraph"  # or "item"
    number: int | None = None
    last: Row | None = None


class _Writer:
    """Turns the rows of all pages into blocks."""

    def __init__(self, pages: list[list[Run]], meta: str, name: str) -> None:
        self._meta = meta
        self._name = name
        self._builder = Builder()
        self._open: _Paragraph | None = None
        self._title = ""
        self._table_before: Table | None = None
        weights: Counter[float] = Counter()
        for page in pages:
            for run in page:
                weights[run.size] += len(run.text)
        self._body = weights.most_common(1)[0][0]
        self._pages = _without_margins([column_order(page) for page in pages])
        sizes = {row.size for page in self._pages for row in page if self._is_large(row)}
        self._levels = {size: level for level, size in enumerate(sorted(sizes, reverse=True)[:5], start=1)}

    def document(self) -> ParsedDocument:
        """The finished document."""
        for number, page in enumerate(self._pages, start=1):
            self._page(page, number)
        self._flush()
        good_meta = (
            self._meta
            if len(self._meta) > 3
            and not re.search(
                r"\.(?:docx?|pdf|indd|odt|xlsx?|pptx?)$|^microsoft word|^untitled|^\W*anonymous",
                self._meta,
                re.IGNORECASE,
            )
            else ""
        )
        return self._builder.build(self._title or good_meta or title_from_name(self._name))

    def _is_large(self, row: Row) -> bool:
        return row.size > self._body * 1.12 and any(c.isalpha() for c in row.text)

    def _page(self, rows: list[Row], number: int) -> None:
        index = 0
        while index < len(rows):
            row = rows[index]
            following = rows[index + 1] if index + 1 < len(rows) else None
            if self._is_heading(row, following):
                index = self._heading(rows, index, number)
                continue
            table = table_at(rows, index)
            if table:
                self._table(table, number)
                index = table.end
                continue
            self._line(row, number)
            index += 1

    def _is_heading(self, row: Row, following: Row | None) -> bool:
        text = row.text
        if self._is_large(row):
            return len(text) <= 200
        if (
            not row.bold
            or len(row.runs) > 3
            or len(text) > 90
            or text.endswith((".", ",", ";"))
            or row.cells > 1
        ):
            return False
        # Bold words at the start of a paragraph are no heading: a heading's line is bold to its end and stands apart.
        return (
            any(c.isalpha() for c in text)
            and all(run.bold for run in row.runs)
            and not (following is not None and following.bold and following.size == row.size)
        )

    def _heading(self, rows: list[Row], index: int, page: int) -> int:
        """Reads a heading, which may run over several lines, and gives the index behind it."""
        self._flush()
        first = rows[index]
        text, last = first.text, first
        index += 1
        large = self._is_large(first)
        while (
            large
            and index < len(rows)
            and rows[index].size == first.size
            and last.bottom - rows[index].top < first.size * 0.9
            and len(text) < 200
        ):
            text, last = f"{text} {rows[index].text}", rows[index]
            index += 1
        level = self._levels.get(first.size, 5) if large else len(self._levels) + 1
        if large and level == 1 and not self._title and page == 1:
            self._title = squeeze(text)
        else:
            self._builder.heading(text, level, page=page)
        return index

    def _table(self, table: Table, page: int) -> None:
        self._flush()
        before = self._table_before
        # A table that runs on over the page has its header on the page before.
        if (
            before
            and self._builder.blocks[-1].kind == "table"
            and self._builder.blocks[-1].page == page - 1
            and table.continues(before)
        ):
            header, rows = before.lines[0], table.lines
            if table.lines[0] == header:
                rows = table.lines[1:]
            self._table_before = Table([header], table.lefts, 0)
        else:
            header, rows = table.lines[0], table.lines[1:]
            self._table_before = table
        self._builder.table(header, rows, page=page)

    def _line(self, row: Row, page: int) -> None:
        text = row.text
        bullet, number = _BULLET.match(text), _NUMBER.match(text)
        if bullet or number:
            self._flush()
            body = text[(bullet or number).end() :]  # type: ignore[union-attr]  # one of the two matched
            self._open = _Paragraph(
                body, page, row.size, "item", int(number.group(1)) if number else None, row
            )
        elif self._open and self._continues(row, page):
            self._join(text)
            self._open.last = row
        else:
            self._flush()
            self._open = _Paragraph(text, page, row.size, last=row)

    def _join(self, text: str) -> None:
        assert self._open
        if _HYPHEN.search(self._open.text) and text[:1].islower():
            self._open.text = self._open.text[:-1] + text
        else:
            self._open.text += " " + text

    def _continues(self, row: Row, page: int) -> bool:
        current = self._open
        assert current
        assert current.last
        last = current.last
        if abs(row.size - current.size) > 0.6:
            return False
        if current.page != page or row.top > last.top:  # next page or column
            return not current.text.endswith(_ENDED) and row.text[:1].islower()
        gap = last.bottom - row.top
        if gap > row.size * 0.95:
            return False
        if current.kind == "item":
            return row.left > last.left - 2 or not current.text.endswith(_ENDED)
        # A short line that ends a sentence ends its paragraph, unless lines are set as close as within it.
        short = last.right < row.right - row.size * 8 and current.text.endswith((".", "!", "?", ":"))
        return not (short and gap > row.size * 0.5)

    def _flush(self) -> None:
        current, self._open = self._open, None
        if current is None:
            return
        if current.kind == "item":
            self._builder.item(current.text, number=current.number, page=current.page)
        else:
            self._builder.paragraph(current.text, page=current.page)


def _without_margins(pages: list[list[Row]]) -> list[list[Row]]:
    """Leaves out what stands at the top or bottom of most pages: running titles and page numbers."""
    if len(pages) < 2:
        return [
            [
                row
                for row in page
                if not re.fullmatch(
                    r"(?:page|seite)?\s*\d{1,4}(?:\s*(?:/|of|von)\s*\d{1,4})?", row.text, re.IGNORECASE
                )
            ]
            for page in pages
        ]
    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({_margin_key(row) for row in _edges(page)})
    need = max(2, len(pages) * 0.5)
    repeated = {key for key, count in seen.items() if count >= need}
    kept = []
    for page in pages:
        edge = {id(row) for row in _edges(page)}
        kept.append([row for row in page if not (id(row) in edge and _margin_key(row) in repeated)])
    return kept


def _edges(page: list[Row]) -> list[Row]:
    """The two highest and the two lowest rows."""
    ordered = sorted(page, key=lambda row: -row.top)
    return ordered[:2] + ordered[-2:] if len(ordered) > 4 else ordered[:1] + ordered[-1:]


def _margin_key(row: Row) -> str:
    return f"{round(row.bottom / 6)}|{re.sub(r'[0-9]+', '#', row.text)}"
