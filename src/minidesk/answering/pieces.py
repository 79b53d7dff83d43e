"""Parts of an extract: how a sentence, a list or a row is shown, and the citation of the words that bear it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from minidesk.answering.outcome import Citation, ProvedSentence
from minidesk.answering.units import Unit
from minidesk.knowledge.records import Passage

MAX_WORDS = 80  # what a chat bubble shows without scrolling; more reads like a page, not like an answer

_ALONE = 4  # words; less says little without its page

# A sentence that opens like this cannot be understood without the one before ("There is …" can).
_LEANS = re.compile(
    r"^(?:it|its|this|that|these|those|they|their|them|he|she|then|there(?! (?:is|are|was|were|will|has|have)\b)|otherwise|"
    r"however|but|so|after that|in that case|in this case|if not|if so|the same|both|for that|for those|for this|such|"
    r"instead|also|and|or|here)\b|(?:we|you|i)\s+(?:(?:can|may|must|will|do|should|have to|also|only|not|never)\s+){0,3}\w+\s+(?:them|it|those|these)\b",
    re.IGNORECASE,
)
# What an answer can open without: the rest of the sentence says the same.
_CONNECTIVE = re.compile(
    r"^(?:However,|But|And|Also,|In addition,|Moreover,|Furthermore,|Additionally,)\s+(?=\w)"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the answer: what is shown, and the span of a passage that bears it."""

    passage: int
    start: int
    end: int
    text: str
    joint: str  # whitespace and list mark before it


def count(text: str) -> int:
    """Words as a reader counts them."""
    return len(text.split())


def leans(text: str) -> bool:
    """True if the sentence opens with a word that points to the one before."""
    return bool(_LEANS.match(text))


def stands_alone(unit: Unit) -> bool:
    """False for what says little or nothing away from its place: a few words, a lead-in, the rest of a sentence."""
    text = unit.text
    return count(text) >= _ALONE and not text.endswith((":", "?")) and not leans(text) and text[:1].isalnum()


def prose(unit: Unit, joint: str = " ") -> Piece:
    """A sentence, with a full stop where the page has none."""
    text = unit.text if re.search(r"[.!?…:;]$", unit.text) else f"{unit.text}."
    return Piece(unit.passage, unit.start, unit.end, text, joint)


def listed(items: Sequence[Unit], *, numbered: bool) -> list[Piece]:
    """List items below one another, after their lead-in."""
    pieces = []
    lead = items[0].lead
    if lead is not None and items[0].lead_text:
        pieces.append(Piece(items[0].passage, lead[0], lead[1], items[0].lead_text, ""))
    for position, unit in enumerate(items, start=1):
        mark = f"{position}. " if numbered else "- "
        pieces.append(Piece(unit.passage, unit.start, unit.end, unit.text, f"\n{mark}"))
    return pieces


def with_lead(unit: Unit, text: str, joint: str) -> Piece:
    """A unit of the passage `text` that stands alone: a list item with its lead-in, where that stands right before it."""
    piece = prose(unit, joint)
    if (
        unit.lead
        and unit.lead_text
        and unit.kind != "row"
        and not text[unit.lead[1] : unit.start].strip(" \n-*•")
    ):
        return replace(piece, start=unit.lead[0], text=f"{unit.lead_text} {piece.text}")
    return piece


def fitting(pieces: Sequence[Piece]) -> list[Piece]:
    """At most MAX_WORDS words: what comes last goes first; a single sentence longer than that is cut off with a mark."""
    kept: list[Piece] = []
    left = MAX_WORDS
    for piece in pieces:
        words_of = list(re.finditer(r"\S+", piece.text))
        if len(words_of) > left:
            if not kept:
                shown = piece.text[: words_of[left - 1].end()].rstrip(" ,;:") + "…"
                kept.append(replace(piece, text=shown))
            break
        kept.append(piece)
        left -= len(words_of)
    return kept


def opened(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces, the first of them without a "However," that nothing stands before."""
    if not pieces:
        return []
    first = pieces[0]
    connective = _CONNECTIVE.match(first.text)
    if connective:
        rest = first.text[connective.end() :]
        first = replace(first, start=first.start + connective.end(), text=rest[0].upper() + rest[1:])
    return [replace(first, joint=first.joint.lstrip()), *pieces[1:]]


def cited(pieces: Sequence[Piece], passages: Sequence[Passage]) -> tuple[ProvedSentence, ...]:
    """Pieces as proved sentences; spans of one passage that touch share one citation, numbered by first use."""
    groups: list[list[Piece]] = []
    for piece in pieces:
        near = groups[-1][-1] if groups else None
        if (
            near is not None
            and near.passage == piece.passage
            and _touch(passages[piece.passage].text, near, piece)
        ):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    proved: list[ProvedSentence] = []
    for n, group in enumerate(groups, start=1):
        passage = passages[group[0].passage]
        start, end = min(p.start for p in group), max(p.end for p in group)
        citation = cite(passage, start, end, n)
        proved += [ProvedSentence(p.joint + p.text, (citation,)) for p in group]
    return tuple(proved)


def _touch(text: str, a: Piece, b: Piece) -> bool:
    between = text[min(a.end, b.end) : max(a.start, b.start)]
    return a.start <= b.start and not re.search(r"\w{2}", between)


def cite(passage: Passage, start: int, end: int, n: int) -> Citation:
    """A citation of `passage.text[start:end]`; its offsets count characters of the document version's text."""
    return Citation(
        n=n,
        chunk=passage.chunk,
        document=passage.document,
        document_id=passage.document_id,
        version_id=passage.version_id,
        title=passage.title,
        url=passage.url,
        quote=passage.text[start:end],
        start=passage.start + start,
        end=passage.start + end,
    )
