"""The candidates that may bear a sentence: the units of a passage, two neighbours, or a whole list."""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from minidesk.answering.facts import facts
from minidesk.answering.pieces import leans
from minidesk.answering.rank import surface
from minidesk.answering.units import Unit, context, cut
from minidesk.knowledge.records import Passage
from minidesk.text.words import stem, words


@dataclass(frozen=True)
class Span:
    """A candidate: units of one passage that stand together, with what their reader has in mind."""

    passage: int
    start: int
    end: int
    text: str
    around: str  # headings, lead-in, table header, title
    lead: str = ""  # of a list item: its heading and its lead-in, a line each
    listed: bool = False  # all the items of a list
    row: bool = False  # of a table: each cell belongs to the first
    before: str = ""  # what the text's second half leans on ("They cannot …")

    @cached_property
    def roots(self) -> frozenset[str]:
        """Stems of what it says."""
        return frozenset(surface(self.text))

    @cached_property
    def roots_around(self) -> frozenset[str]:
        """Stems of what it stands under."""
        return frozenset(surface(self.around))

    @cached_property
    def words(self) -> dict[str, str]:
        """All its content words by stem."""
        return surface(f"{self.text} {self.around}")

    @cached_property
    def every(self) -> frozenset[str]:
        """Stems of all its words, function words included."""
        return frozenset(stem(word.removesuffix("'s")) for word in words(f"{self.text} {self.around}"))

    @cached_property
    def pairs(self) -> frozenset[str]:
        """Stems of each two neighbouring words written as one: "set up" is "setup" elsewhere."""
        return frozenset(stem(a + b) for a, b in pairwise(words(f"{self.text} {self.around}")))

    @cached_property
    def facts(self) -> frozenset[tuple[str, str]]:
        """Keys of its facts."""
        return frozenset(fact.key for fact in facts(self.text))


def spans_of(passage: Passage, index: int) -> list[Span]:
    """Each unit alone, each two neighbours, and each whole list with its lead-in."""
    units = cut(passage, index)
    title = " – ".join(dict.fromkeys((passage.title, *passage.heading_path)))
    made = [_span(u, u, title, passage) for u in units]
    for a, b in pairwise(units):
        if not _labelled(a) and not _labelled(b):
            made.append(_span(a, b, title, passage))
    for number in {u.block for u in units if u.kind in {"item", "step"}}:
        block = [u for u in units if u.block == number]
        if len(block) > 2 and not any(_labelled(u) for u in block):
            text = "; ".join(u.text for u in block)
            around = f"{title}. {block[0].lead_text}"
            made.append(
                Span(
                    index, block[0].start, block[-1].end, text, around, _lead(block[0], passage), listed=True
                )
            )
    return made


def _span(a: Unit, b: Unit, title: str, passage: Passage) -> Span:
    around = f"{title}. {context(passage, a)} {a.lead_text} {a.cells[0][0] if a.cells else ''}"
    text = _said(a) if a is b else f"{_ended(_said(a))} {_said(b)}"
    before = a.text if a is not b and leans(b.text) else ""
    return Span(a.passage, a.start, b.end, text, around, _lead(a, passage), False, a.kind == "row", before)


def _ended(text: str) -> str:
    return text if re.search(r"[.!?:;…]\W*$", text) else f"{text}."


def _labelled(unit: Unit) -> bool:
    """A row, or an item like "Karwendel GTX: medium width": two in one span would let their figures change places."""
    return unit.kind == "row" or (unit.kind == "item" and bool(re.match(r"[^.:]{1,40}:\s+\S", unit.text)))


def _lead(unit: Unit, passage: Passage) -> str:
    if unit.kind not in {"item", "step"}:
        return ""
    return f"{passage.heading_path[-1] if passage.heading_path else ''}\n{unit.lead_text}"


def _said(unit: Unit) -> str:
    if not unit.cells:
        return unit.text
    return "; ".join(_cell(head, value) if i else value for i, (head, value) in enumerate(unit.cells))


def _cell(head: str, value: str) -> str:
    """ "Price is €79"; a bare number under "Hours a week" is "25 hours a week" as well."""
    counted = re.match(r"(?:hours|days|weeks|months|years|minutes)\b", head, re.IGNORECASE)
    if counted and re.fullmatch(r"[\d.,–-]+", value):
        return f"{value} {head.lower()}"
    return f"{head} is {value}"
