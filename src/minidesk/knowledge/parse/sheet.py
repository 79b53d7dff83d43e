"""CSV: question-and-answer sheets become FAQ entries; of any other sheet each row is a document."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minidesk.errors import DocumentProblem
from minidesk.knowledge.parse.build import Builder, clean, faq, squeeze, title_from_name
from minidesk.knowledge.parse.limits import COLUMNS, FIELD_CHARS, ROWS
from minidesk.knowledge.records import ParsedDocument, SkippedDocument

_QUESTION = frozenset(
    {"question", "questions", "frage", "fragen", "q", "faq", "customer question", "prompt", "pregunta"}
)
_ANSWER = frozenset(
    {"answer", "answers", "antwort", "antworten", "a", "reply", "response", "respuesta", "réponse"}
)
_PHRASINGS = frozenset(
    {
        "questions",
        "phrasings",
        "alternate",
        "alternates",
        "alternate question",
        "alternate questions",
        "alternative",
        "alternatives",
        "alternative question",
        "also asked",
        "paraphrases",
        "similar questions",
        "variations",
        "utterances",
        "alternativen",
        "alternative fragen",
        "varianten",
        "variants",
        "alternative questions",
        "other phrasings",
        "synonyms",
    }
)
_TITLES = frozenset(
    {"title", "name", "titel", "subject", "article", "product", "artikel", "produkt", "topic"}
)
# `=SUM(B2:B9)`, `=B2*1.2`; "= twice the price" is a text.
_FORMULA = re.compile(r"=\s*[+-]?\s*(?:[A-Za-z][A-Za-z0-9._]*\s*\(|\$?[A-Z]{1,3}\$?\d)")
_LINK = re.compile(r"=\s*HYPERLINK\s*\(", re.IGNORECASE)
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
# A quote that is never closed would swallow the rest of the file; no honest cell has more lines.
_RECORD_LINES = 500
_BAD_ROWS = 200


def parse_csv(text: str, name: str) -> list[ParsedDocument | SkippedDocument]:
    """A document a row, its id `#n` with n from 1 below the header; a row that cannot be read is named and left out."""
    lines = text.split("\n")
    delimiter = None
    marker = re.match(r"^\ufeff?sep=(.)\r?$", lines[0], re.IGNORECASE)
    if marker:
        delimiter, lines = marker.group(1), lines[1:]
    rows = _Rows(lines, delimiter or _delimiter(lines))
    first = next(iter(rows), "holds nothing. Check that you saved the file.")
    if isinstance(first, str):
        code = "document_too_complex" if " cells" in first else "document_unreadable"
        raise DocumentProblem(f"The first row of this sheet {first} Then upload it again.", code=code)
    sheet = Sheet(name, first)
    found: list[ParsedDocument | SkippedDocument] = []
    if not sheet.has_header:
        found += sheet.row(1, first)
    for number, row in enumerate(rows, start=1 if sheet.has_header else 2):
        if number > ROWS:
            raise DocumentProblem(
                f"This sheet has more than {ROWS:,} rows. Split it into several files and upload those.",
                code="document_too_complex",
            )
        found += [_bad(number, row)] if isinstance(row, str) else sheet.row(number, row)
    return found


def _bad(number: int, why: str) -> SkippedDocument:
    return SkippedDocument(f"#{number}", f"Row {number}", f"Row {number} {why}", failed=True)


class _Rows:
    """Records one after another: a list of cells, or a sentence's end that says why a record cannot be read."""

    def __init__(self, lines: list[str], delimiter: str) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._at = 0
        self._bad = 0
        csv.field_size_limit(FIELD_CHARS)

    def __iter__(self) -> Iterator[list[str] | str]:
        while self._at < len(self._lines):
            if not self._lines[self._at].strip():
                self._at += 1
                continue
            row = self._record()
            if isinstance(row, str):
                self._bad += 1
                if self._bad > _BAD_ROWS:
                    raise DocumentProblem(
                        "Too many rows of this sheet cannot be read. Check its quotes, save it again as CSV, and upload that copy.",
                        code="document_too_complex",
                    )
            yield row

    def _record(self) -> list[str] | str:
        """The record that starts here; after a bad one reading goes on with the next line, so that only it is lost."""
        start = self._at
        line = self._lines[start]
        if (
            '"' not in line and len(line) <= FIELD_CHARS
        ):  # most rows; a reader for each would take four times as long
            self._at += 1
            return self._counted(line.rstrip("\r").replace("\x00", "").split(self._delimiter))
        reader = csv.reader(self._feed(), delimiter=self._delimiter, strict=True)
        try:
            row = next(reader)
        except StopIteration:
            return "could not be read. Check its quotes."
        except csv.Error as error:
            self._at = start + 1
            if "field limit" in str(error) or "field larger" in str(error):
                return f"has a cell of more than {FIELD_CHARS:,} characters. Shorten it."
            return "has a quote that is not closed or stands in the middle of a cell. Double or remove it."
        return self._counted(row)

    @staticmethod
    def _counted(row: list[str]) -> list[str] | str:
        if len(row) > COLUMNS:
            return f"has {len(row)} cells. Keep at most {COLUMNS}."
        return [clean(cell).strip() for cell in row]

    def _feed(self) -> Iterator[str]:
        for _ in range(_RECORD_LINES):
            if self._at >= len(self._lines):
                return
            self._at += 1
            yield self._lines[self._at - 1].rstrip("\r").replace("\x00", "") + "\n"


def _delimiter(lines: Sequence[str]) -> str:
    """The sign that divides most of the first lines into the same number of cells, quoted ones not counted."""
    sample = [re.sub(r'"[^"]*"', "", line) for line in lines[:30] if line.strip()]
    best, best_score = ",", 0.0
    for sign in (",", ";", "\t", "|"):
        counts = [line.count(sign) for line in sample]
        most = counts[0] if counts else 0
        score = (
            sum(count == most for count in counts) / len(counts) * (1 + min(most, 50) / 100) if most else 0.0
        )
        if score > best_score:
            best, best_score = sign, score
    return best


@dataclass(slots=True)
class _Columns:
    question: int | None
    answer: int | None
    phrasings: list[int]
    external_id: int | None
    title: int | None
    url: int | None
    language: int | None


class Sheet:
    """What the first row says about the others."""

    def __init__(self, name: str, first: list[str]) -> None:
        self._name = title_from_name(name)
        names = [_base(cell) for cell in first]
        self.has_header = _looks_like_header(first)
        self._header = [squeeze(cell) for cell in first] if self.has_header else []
        self._at = _find(names) if self.has_header else _Columns(None, None, [], None, None, None, None)
        if not self.has_header and len(first) == 2 and first[0].rstrip().endswith("?"):
            self._at.question, self._at.answer = 0, 1

    def row(
        self, number: int, cells: list[str], mark: str | None = None
    ) -> list[ParsedDocument | SkippedDocument]:
        """The row's document; nothing for an empty row. Without an id of its own it gets `mark`, else `#number`."""
        cells = [_seen(cell) for cell in cells]
        if not any(cells):
            return []
        external_id = self._cell(cells, self._at.external_id) or mark or f"#{number}"
        if self._at.question is not None and self._at.answer is not None:
            return [self._faq(number, cells, external_id)]
        builder = Builder()
        lines = [
            f"{name}: {squeeze(cell)}" if name else squeeze(cell)
            for name, cell in zip(self._names(cells), cells, strict=False)
            if cell
        ]
        builder.paragraph("\n".join(lines))
        title = self._cell(cells, self._at.title) or next(
            (cell for cell in cells if any(c.isalpha() for c in cell)), ""
        )
        return [
            builder.build(
                title[:120] or f"{self._name}, row {number}",
                external_id=external_id,
                url=self._cell(cells, self._at.url) or None,
                language=self._cell(cells, self._at.language)[:8] or None,
            )
        ]

    def _names(self, cells: list[str]) -> list[str]:
        return self._header + [""] * (len(cells) - len(self._header))

    def _faq(self, number: int, cells: list[str], external_id: str) -> ParsedDocument | SkippedDocument:
        question, answer = self._cell(cells, self._at.question), self._cell(cells, self._at.answer)
        if not question or not answer:
            missing = "question" if not question else "answer"
            return SkippedDocument(
                external_id,
                question or f"Row {number}",
                f"Row {number} has no {missing}. Fill it in, or remove the row.",
                failed=True,
            )
        phrasings = [
            part
            for index in self._at.phrasings
            for part in re.split(r"\s*[|\n;]\s*", self._cell(cells, index))
            if part
        ]
        return faq(
            question,
            answer,
            external_id=external_id,
            phrasings=tuple(phrasings[:50]),
            title=self._cell(cells, self._at.title) or None,
            url=self._cell(cells, self._at.url) or None,
            language=self._cell(cells, self._at.language)[:8] or None,
        )

    @staticmethod
    def _cell(cells: list[str], index: int | None) -> str:
        return cells[index] if index is not None and index < len(cells) else ""


def _seen(cell: str) -> str:
    """What a program shows of a cell: of a link its words, of another formula nothing, for its result does not stand in it."""
    if not _FORMULA.match(cell):
        return cell
    quoted = [text.replace('""', '"') for text in _QUOTED.findall(cell)]
    return quoted[1] if len(quoted) == 2 and _LINK.match(cell) else ""


def is_faq_header(first: list[str]) -> bool:
    """True for the names of a question-and-answer sheet's columns."""
    names = {_base(cell) for cell in first}
    return bool(names & _QUESTION and names & _ANSWER)


def _base(name: str) -> str:
    """A column's name as it is compared: `Alternate_question 2` → `alternate question`."""
    plain = squeeze(name.replace("_", " ")).lower()
    base = re.sub(r"[\s.#-]*\d+$", "", plain)
    return base if len(base) > 1 else plain  # Q1 to Q4 are quarters


def _looks_like_header(first: list[str]) -> bool:
    """Short, different names without figures; a lone sheet of one column has one only if it is called so."""
    names = [cell.strip().lower() for cell in first]
    if {_base(name) for name in names} & (_QUESTION | _ANSWER):
        return True
    filled = [name for name in names if name]
    plain = all(
        len(name) <= 60 and not re.fullmatch(r"[\d.,:€$%/ +-]+", name) and name[-1] not in ".?!"
        for name in filled
    )
    return len(first) > 1 and len(filled) >= len(names) - 1 and plain and len(set(filled)) == len(filled)


def _find(names: list[str]) -> _Columns:
    def first(wanted: frozenset[str]) -> int | None:
        return next((index for index, name in enumerate(names) if name in wanted), None)

    question, answer = first(_QUESTION), first(_ANSWER)
    return _Columns(
        question=question,
        answer=answer,
        phrasings=[
            index
            for index, name in enumerate(names)
            if index != question and name in (_PHRASINGS | _QUESTION) and name != "faq"
        ],
        external_id=first(frozenset({"external id", "externalid"})),
        title=first(_TITLES),
        url=first(frozenset({"url", "link"})),
        language=first(frozenset({"language", "lang", "locale", "sprache"})),
    )
