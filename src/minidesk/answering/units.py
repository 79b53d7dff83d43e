"""A passage cut into the pieces an answer can be made of: sentences, list items, steps, table rows.

Works on the passage's text alone (blank lines, list markers, `a | b` rows), because that is what search
returns. Each unit knows where it stands, what it needs beside it to be understood (its lead-in or its
table's header) and how it reads aloud.
"""

import re
from dataclasses import dataclass
from typing import Literal

from minidesk.knowledge.records import Passage
from minidesk.text.words import sentences, words

UnitKind = Literal["sentence", "item", "step", "row", "poster"]

# "24. Dezember" is a day, and no 24th step.
_ITEM = re.compile(
    r"^[ \t]*(?:[-*•–+]|(\d{1,3})[.)](?!\s+(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b))[ \t]+",
    re.MULTILINE,
)
_RULE_ROW = re.compile(r"^[\s|:-]+$")
_HEADING = re.compile(r"^#{1,6}\s+")
# A block of several lines whose lines are this short on average, and mostly without a full stop, is a
# poster (opening hours, an address): its lines mean something only together.
_POSTER_WORDS = 8
_POSTER_MAX_WORDS = 60


@dataclass(frozen=True, slots=True)
class Unit:
    """A piece of `passage.text` at [start, end)."""

    passage: int  # index into the passages
    start: int
    end: int
    text: str  # as it reads in an answer
    kind: UnitKind
    block: int  # units of one paragraph, list or table share it
    lead: tuple[int, int] | None = None  # span of the lead-in ("You need:") or of the table's header
    lead_text: str = ""
    cells: tuple[tuple[str, str], ...] = ()  # of a row: (header, value)


def cut(passage: Passage, index: int = 0) -> list[Unit]:
    """The units of one passage in reading order; headings inside it are left out (the path has them)."""
    units: list[Unit] = []
    lead: tuple[int, int] | None = None
    for number, (start, end) in enumerate(_blocks(passage.text)):
        block = passage.text[start:end]
        if _HEADING.match(block) and "\n" not in block:
            lead = None
            continue
        if block.count("|") >= block.strip().count("\n") + 1 and "|" in block.split("\n", 1)[0]:
            units += _rows(passage.text, start, end, index, number)
        elif _is_list(block):
            units += _items(passage.text, start, end, index, number, lead)
        else:
            units += _prose(passage.text, start, end, index, number)
        last = units[-1] if units else None
        lead = (
            (last.start, last.end)
            if last is not None and last.end == end and last.text.endswith(":")
            else None
        )
    return units


def context(passage: Passage, unit: Unit) -> str:
    """What a reader has in mind at this unit: the nearest headings, or the FAQ's question, and the lead-in."""
    head = heading(passage)
    return f"{head}. {unit.lead_text}" if unit.lead_text and unit.kind != "row" else head


def heading(passage: Passage) -> str:
    """What the passage stands under: the FAQ's question, or the nearest two of its title and headings."""
    return passage.question or " – ".join(list(dict.fromkeys((passage.title, *passage.heading_path)))[-2:])


def _blocks(text: str) -> list[tuple[int, int]]:
    """Spans between blank lines; a run of list items or table rows after a line of prose is its own block."""
    spans: list[tuple[int, int]] = []
    start: int | None = None
    kind = ""
    previous_end = 0
    position = 0
    for line in text.splitlines(keepends=True):
        content = line.rstrip()
        end = position + len(content)
        this = "blank" if not content.strip() else _line_kind(content, kind)
        if start is not None and (
            this == "blank" or (this != kind and {this, kind} & {"list", "table", "heading"})
        ):
            spans.append((start, previous_end))
            start = None
        if this != "blank":
            if start is None:
                start = position + len(content) - len(content.lstrip())
            kind, previous_end = this, end
        else:
            kind = ""
        position += len(line)
    if start is not None:
        spans.append((start, previous_end))
    return spans


def _line_kind(line: str, before: str) -> str:
    if _HEADING.match(line):
        return "heading"
    if " | " in line or (line.startswith("|") and line.endswith("|")):
        return "table"
    if _ITEM.match(line):
        return "list"
    # A line without a marker right under an item continues that item, if it is indented or lower case.
    if before == "list" and (line[0].isspace() or line.lstrip()[:1].islower()):
        return "list"
    return "prose"


def _is_list(block: str) -> bool:
    return bool(_ITEM.match(block))


def _prose(text: str, start: int, end: int, index: int, number: int) -> list[Unit]:
    block = text[start:end]
    lines = [line for line in block.split("\n") if line.strip()]
    count = len(words(block))
    unfinished = sum(not re.search(r"[.!?:;,]$", line.rstrip()) for line in lines)
    if (
        len(lines) > 1
        and count <= _POSTER_MAX_WORDS
        and count / len(lines) <= _POSTER_WORDS
        and unfinished > len(lines) / 2
    ):
        return [Unit(index, start, end, _poster(lines), "poster", number)]
    units = []
    for span in sentences(block):
        shown = re.sub(r"\s+", " ", span.text)
        units.append(Unit(index, start + span.start, start + span.end, shown, "sentence", number))
    return units


def _poster(lines: list[str]) -> str:
    """`INNSBRUCK, Talgasse 14 / Mon-Fri  9:30 to 18:30` as one readable line."""
    head, *rest = (re.sub(r"\s+", " ", line.strip()) for line in lines)
    joiner = " " if head.endswith(":") else ": "
    return head + joiner + "; ".join(rest) if rest else head


def _items(
    text: str, start: int, end: int, index: int, number: int, lead: tuple[int, int] | None
) -> list[Unit]:
    marks = list(_ITEM.finditer(text, start, end))
    lead_text = re.sub(r"\s+", " ", text[slice(*lead)]) if lead else ""
    units = []
    for mark, following in zip(marks, [*(m.start() for m in marks[1:]), end], strict=True):
        stop = following
        while stop > mark.end() and text[stop - 1].isspace():
            stop -= 1
        if stop > mark.end():
            shown = re.sub(r"\s+", " ", text[mark.end() : stop])
            kind: UnitKind = "step" if mark.group(1) else "item"
            units.append(Unit(index, mark.end(), stop, shown, kind, number, lead, lead_text))
    return units


def _rows(text: str, start: int, end: int, index: int, number: int) -> list[Unit]:
    lines: list[tuple[int, int]] = []
    position = start
    for line in text[start:end].split("\n"):
        if line.strip() and not _RULE_ROW.match(line):
            lead = len(line) - len(line.lstrip())
            lines.append((position + lead, position + len(line.rstrip())))
        position += len(line) + 1
    headed = [_headed(text[slice(*line)]) for line in lines]
    if all(headed):
        return [
            Unit(index, low, high, read_row(cells), "row", number, cells=cells)
            for (low, high), cells in zip(lines, headed, strict=True)
        ]
    return _under_header(text, lines, index, number)


def _headed(line: str) -> tuple[tuple[str, str], ...]:
    """The cells of a row that names its columns itself: `Destination: Austria | up to 2 kg: €4.90`; else empty."""
    cells = _cells(line)
    if len(cells) < 2 or not all(": " in cell for cell in cells[1:]):
        return ()
    return tuple(
        (head, value) if colon else ("", head)
        for head, colon, value in (cell.partition(": ") for cell in cells)
    )


def _under_header(text: str, lines: list[tuple[int, int]], index: int, number: int) -> list[Unit]:
    """Rows of `a | b` cells below a first row with the columns' names."""
    if not lines:
        return []
    header_span, *body = lines
    header = _cells(text[slice(*header_span)])
    if not body:
        return [Unit(index, *header_span, ", ".join(header), "row", number)]
    units = []
    for low, high in body:
        cells = tuple(zip(_fit(header, len(_cells(text[low:high]))), _cells(text[low:high]), strict=True))
        lead = " | ".join(header)
        units.append(Unit(index, low, high, read_row(cells), "row", number, header_span, lead, cells))
    return units


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _fit(header: list[str], width: int) -> list[str]:
    return (header + [""] * width)[:width]


def read_row(cells: tuple[tuple[str, str], ...], keep: frozenset[int] | None = None) -> str:
    """A row as words: `Lizum 2: Weight 2.1 kg; Price €389`. `keep` names the columns beside the first.

    Empty cells and dashes ("–") are left out, unless the reader asked for exactly these.
    """
    first = cells[0][1]
    parts = []
    for position, (head, value) in enumerate(cells[1:], start=1):
        if keep is not None and position not in keep:
            continue
        if not value or (keep is None and value in {"-", "–", "—"}):
            continue
        parts.append(_cell(head, value) if head and (len(cells) > 2 or _counts(head, value)) else value)
    return f"{first} – {'; '.join(parts)}" if parts else first


_COUNTED = frozenset(
    [
        "years",
        "months",
        "weeks",
        "days",
        "hours",
        "minutes",
        "nights",
        "persons",
        "people",
        "points",
        "pieces",
        "litres",
    ]
)


def _counts(head: str, value: str) -> bool:
    """True where the header is the unit of a bare number: `Years | 10` is "10 years"."""
    return head.lower() in _COUNTED and bool(re.fullmatch(r"[\d.,–-]+", value))


def _cell(head: str, value: str) -> str:
    return f"{value} {head.lower()}" if _counts(head, value) else f"{head}: {value}"
