"""Excel files: each visible sheet as a CSV file would be read, cells as their reader sees them."""

import datetime
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.archive import BROKEN, Sentences, check_office, check_xml, open_zip
from minidesk.knowledge.parse.build import clean, squeeze
from minidesk.knowledge.parse.detect import MISMATCH
from minidesk.knowledge.parse.limits import COLUMNS, FIELD_CHARS, ROWS
from minidesk.knowledge.parse.sheet import Sheet, is_faq_header
from minidesk.knowledge.records import ParsedDocument, SkippedDocument

_SAY = Sentences(
    damaged="This Excel file is damaged and could not be opened. Open it in Excel, save it again as .xlsx, and upload that copy.",
    too_much="This Excel file unpacks to far more than it should. Save it again without embedded files and pictures, and upload that copy.",
    protected="This Excel file is protected by a password. Remove the password and upload it again.",
    macros="This Excel file holds macros. Save it as a plain .xlsx and upload that copy.",
)
_TOO_LONG = f"This file has more than {ROWS:,} rows. Split it into several files and upload those."
_XML_HEAD = 65_536
_SHEETS = 50
_TINY_POINTS = 2
_FORM_OF_TEXT = 3  # of a cell's form: positive; negative; zero; text
# A title and a remark may stand above the names of the columns.
_HEADER_ROWS = 10
_CURRENCY = re.compile(r'\[\$([^\]-]{1,4})[^\]]*\]|"\s*([€$£¥]|EUR|USD|CHF|GBP)\s*"|([€$£¥])')


def parse_xlsx(source: Path | bytes, name: str) -> list[ParsedDocument | SkippedDocument]:
    """A document a row: its id is `#n` on the first sheet and `#sheet:n` on the others, n from 1 below the header.

    Raises DocumentProblem `document_unreadable`, `document_encrypted` or `document_too_complex`, and WrongType
    for other ZIP files.
    """
    _check(source)
    import openpyxl

    # Opened here: openpyxl refuses a path that does not end in .xlsx, and stored files have no endings.
    opened: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    try:
        book = openpyxl.load_workbook(opened, read_only=True, data_only=True, keep_links=False)
        found: list[ParsedDocument | SkippedDocument] = []
        visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        for index, sheet in enumerate(visible[:_SHEETS]):
            label = squeeze(sheet.title)
            mark = "#" if index == 0 else f"#{label}:"
            seen = _Seen()
            read = list(_Reader(label if len(visible) > 1 else name, mark).read(_rows(sheet, seen)))
            found += _counted(read, seen.concealed)
    except DocumentProblem:
        raise
    except (*BROKEN, KeyError, TypeError, AttributeError, IndexError, SyntaxError) as error:
        # What openpyxl raises for parts that are missing or are not what they should be.
        raise DocumentProblem(_SAY.damaged) from error
    finally:
        opened.close()
    if len(found) > ROWS:
        raise DocumentProblem(_TOO_LONG, code="document_too_complex")
    if not found:
        raise DocumentProblem(
            "This Excel file holds no text. Check that you saved it, and upload it again.",
            code="document_has_no_text",
        )
    return found


def _check(source: Path | bytes) -> None:
    """Sizes, and every part's first bytes: openpyxl follows entities where another library lets it."""
    try:
        with open_zip(source) as archive:
            check_office(archive, "xl/workbook.xml", _SAY, MISMATCH)
            for member in archive.infolist():
                if member.filename.endswith((".xml", ".rels")):
                    with archive.open(member) as part:
                        check_xml(part.read(_XML_HEAD), _SAY)
    except (*BROKEN, zipfile.LargeZipFile) as error:
        raise DocumentProblem(_SAY.damaged) from error


@dataclass(slots=True)
class _Seen:
    """Which cells of a sheet can be read, by their styles; how many could not."""

    concealed: int = 0
    _styles: dict[object, bool] = field(default_factory=dict)

    def shows(self, cell: Any) -> bool:
        """False for white letters without a ground, letters of two points, and the form `;;;`, which shows nothing."""
        if not isinstance(cell.value, str) or not cell.value.strip() or not getattr(cell, "has_style", False):
            return True
        style = tuple(cell.style_array)
        if style not in self._styles:
            self._styles[style] = _shows_text(cell)
        self.concealed += not self._styles[style]
        return self._styles[style]


def _shows_text(cell: Any) -> bool:
    font, fill = cell.font, cell.fill
    if font.sz is not None and font.sz <= _TINY_POINTS:
        return False
    forms = str(cell.number_format or "").split(";")
    if len(forms) > _FORM_OF_TEXT and not forms[_FORM_OF_TEXT].strip():
        return False
    # Theme colours count from white; a table's or sheet's own look may be behind them, so only plain white is told.
    ink = font.color.rgb if font.color is not None and font.color.type == "rgb" else None
    return not (isinstance(ink, str) and ink[-6:].upper() == "FFFFFF" and fill.fill_type is None)


def _counted(
    read: list[ParsedDocument | SkippedDocument], concealed: int
) -> list[ParsedDocument | SkippedDocument]:
    """The first document says how many cells of its sheet were left out."""
    for at, one in enumerate(read):
        if concealed and isinstance(one, ParsedDocument):
            return [*read[:at], replace(one, concealed=concealed), *read[at + 1 :]]
    return read


def _rows(sheet: Any, seen: _Seen) -> Iterator[list[str]]:
    """Rows that hold something, as texts."""
    sheet.reset_dimensions()  # what the file claims; a sheet of three rows may claim a million
    for row in sheet.iter_rows():
        cells = [_shown(cell) if seen.shows(cell) else "" for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield cells


class _Reader:
    """One sheet's rows, the header found among the first ones."""

    def __init__(self, name: str, mark: str) -> None:
        self._name = name
        self._mark = mark

    def read(self, rows: Iterator[list[str]]) -> Iterator[ParsedDocument | SkippedDocument]:
        """The rows' documents."""
        head = [row for row, _ in zip(rows, range(_HEADER_ROWS), strict=False)]
        if not head:
            return
        start = next((index for index, row in enumerate(head) if is_faq_header(row)), 0)
        sheet = Sheet(self._name, head[start])
        for number, row in enumerate(chain(head[start + sheet.has_header :], rows), start=1):
            if number > ROWS:
                raise DocumentProblem(_TOO_LONG, code="document_too_complex")
            wrong = _wrong(row)
            if wrong:
                reason = f"Row {number} {wrong}"
                yield SkippedDocument(f"{self._mark}{number}", f"Row {number}", reason, failed=True)
            else:
                yield from sheet.row(number, row, f"{self._mark}{number}")


def _wrong(row: list[str]) -> str:
    if len(row) > COLUMNS:
        return f"has {len(row)} cells. Keep at most {COLUMNS}."
    if any(len(cell) > FIELD_CHARS for cell in row):
        return f"has a cell of more than {FIELD_CHARS:,} characters. Shorten it."
    return ""


def _shown(cell: Any) -> str:
    """The cell as Excel shows it, near enough to be quoted: `€4.90`, `15%`, `2026-03-01`, `TRUE`."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value).strip()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "minutes")
    if isinstance(value, datetime.time):
        return value.isoformat("minutes")
    return clean(str(value)).strip()


def _number(value: int | float, form: str) -> str:
    form = form.split(";", maxsplit=1)[0]
    percent = "%" in form
    decimals = re.search(r"0\.(0+)", form)
    if percent:
        value *= 100
    if decimals and (percent or _CURRENCY.search(form) or form.strip("#,0. ") == ""):
        text = (
            f"{value:,.{len(decimals.group(1))}f}" if "," in form else f"{value:.{len(decimals.group(1))}f}"
        )
    else:
        text = f"{value:.15g}" if isinstance(value, float) and abs(value) < 1e15 else str(value)
    found = None if percent else _CURRENCY.search(form)
    if not found:
        return text + "%" * percent
    sign = next(part for part in found.groups() if part).strip()
    before = found.start() < (form.find("0") if "0" in form else len(form))
    gap = " " if len(sign) > 1 else ""
    return f"{sign}{gap}{text}" if before else f"{text} {sign}"
