"""The candidates that may bear a sentence: the units of a passage, two neighbours, or a whole list."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from minidesk.answering.facts import facts
from minidesk.answering.figures import in_digits, language_of_figures
from minidesk.answering.pieces import leans
from minidesk.answering.rank import surface
from minidesk.answering.units import Unit, context, cut
from minidesk.knowledge.records import Passage
from minidesk.text.words import stem, words

_SOMEONE = re.compile(r"(?:we|you|i)\b", re.IGNORECASE)  # does something to "them": a statement of its own
_ORDERED = re.compile(
    r"^\W*(?:system|assistant|user|human|developer|tool)\s*(?::|-\s)|(?:[>.\]]|^)\s*(?:system|assistant)\s*:\s"
    r"|\banswer (?:every|each|all|any)(?: \w+)? (?:with|by)\b|\b(?:antworte|beantworte)\b[^.:]{0,40}\b(?:jede[rns]?|alle[ns]?) frage\w*\b"
    r"|\b(?:ignore|disregard|forget) (?:all |any |the |your |these |those |previous |earlier |above )*(?:instructions|rules|prompts?)\b"
    r"|\b(?:you are now|pretend to be|repeat after me|say exactly|always (?:say|answer|reply)|sag(?:e|en sie)? immer)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|can|may|must|has|have|ist|sind|kann|können|muss|müssen|hat|haben)\b", re.IGNORECASE
)
_LABEL = re.compile(r"([^:.;]{1,60}):\s+\S")


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
    cells: tuple[tuple[str, str], ...] = ()  # of a row: (header, value)
    labels: tuple[str, ...] = ()  # what other entries of the passage are called: "Boots with a membrane: …"

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


def spans_of(passage: Passage, index: int, language: str | None = None) -> list[Span]:
    """Each unit alone, each two neighbours, and each whole list with its lead-in.

    Their figures have the marks of one form (`figures.in_digits`); `language`: in which those of a passage are read that
    does not tell its own.
    """
    read_in = language_of_figures(passage.text) or language
    return [_in_digits(span, read_in) for span in _spans(passage, index)]


def _in_digits(span: Span, language: str | None) -> Span:
    return replace(
        span,
        text=in_digits(span.text, language),
        around=in_digits(span.around, language),
        lead=in_digits(span.lead, language),
        before=in_digits(span.before, language),
        cells=tuple((in_digits(head, language), in_digits(value, language)) for head, value in span.cells),
    )


def _spans(passage: Passage, index: int) -> list[Span]:
    units = [unit for unit in cut(passage, index) if not _for_machines(unit.text)]
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
    labels = [(u, match.group(1)) for u in units if (match := _LABEL.match(u.text))]
    if not labels:
        return made
    return [
        replace(span, labels=tuple(label for u, label in labels if not span.start <= u.start < span.end))
        for span in made
    ]


def _span(a: Unit, b: Unit, title: str, passage: Passage) -> Span:
    around = f"{title}. {context(passage, a)} {a.lead_text} {a.cells[0][0] if a.cells else ''}"
    text = _said(a) if a is b else f"{_ended(_said(a))} {_said(b)}"
    before = a.text if a is not b and leans(b.text) and not _SOMEONE.match(b.text) else ""
    return Span(
        a.passage, a.start, b.end, text, around, _lead(a, passage), False, a.kind == "row", before, a.cells
    )


def _for_machines(text: str) -> bool:
    """Whether it speaks to an assistant and not to a reader: what such a line holds is no statement of the page."""
    return _ORDERED.search(text) is not None


def _ended(text: str) -> str:
    return text if re.search(r"[.!?:;…]\W*$", text) else f"{text}."


def _labelled(unit: Unit) -> bool:
    """A row, or an item like "Karwendel GTX: medium width": two in one span would let their figures change places."""
    if unit.kind != "item":
        return unit.kind == "row"
    label = re.match(r"([^.:]{1,40}):\s+\S", unit.text)
    # What has a verb is a statement and no name: "your boots, even if they are dirty: the soles tell a lot".
    return label is not None and not _VERB.search(label[1])


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
