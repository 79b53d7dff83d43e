"""The proof: a sentence is shown only if a span of a passage bears it.

Three kinds of checks, each of which can refuse. *Facts* (`claims.py`): every number, date, time, amount, code, e-mail,
link and name stands in the span (in any written form, `facts.py`), beside the words it stands beside in the sentence.
*Force* (`force.py`): negation, "only", must/may, bounds and opposites agree, and nothing is promised that the company
did not write. *Content*: every word that carries meaning is the span's, or one that says the same (`alike.py`).

A refused sentence costs the visitor one sentence; a wrong one costs them money: in doubt, refuse. Where the page itself
says nearly what was refused, its own words stand in for it (`instead.py`): true by construction, and not lost.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from minidesk.answering.abroad import agrees_abroad
from minidesk.answering.alike import LIGHT, alike, opposed
from minidesk.answering.claims import facts_agree
from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.force import denies, force_agrees
from minidesk.answering.instead import PagesWords
from minidesk.answering.outcome import Citation, ProvedSentence
from minidesk.answering.pieces import cite
from minidesk.answering.rank import Embed, WordNearness, surface
from minidesk.answering.spans import Span, spans_of
from minidesk.answering.together import leans_rightly, stands_together
from minidesk.knowledge.records import Passage
from minidesk.text.words import stem, words

__all__ = ["Prover", "facts_agree", "prove"]

# Lines that state nothing and may stand without a citation; anything else must be proved.
ALLOWED_LINES = frozenset(
    {"hi", "hi there", "hello", "hello there", "thanks for asking", "good question", "happy to help", "glad to help",
     "you're welcome", "i hope this helps", "hope this helps", "i hope that helps", "hope that helps",
     "let me know if you need anything else", "let me know if you have any other questions",
     "is there anything else i can help you with", "is there anything else i can help with"}
)  # fmt: skip

# Characters of one sentence. No page is retold in more, and the rules behind were not made for it: whatever a model was
# talked into repeating must not hold up the other visitors.
LONGEST = 600
_CANDIDATES = 8  # spans tried a sentence; the right one was never further down
_MEANING = 0.25  # cosine from which a sentence whose words all agree may mean the same
# Cosine of single words from which one stands for the other, where the passages never use the first one themselves: a
# page that says "boots" and "shoes" means two things, one that says "parcel" only is well told with "package".
_WORD_NEAR = 0.68
_HALF = re.compile(r"[.!?…:][\s\"'”’)\]*_]*$")
# Courtesies in front of a statement; what follows them has to be proved.
_OPENING = re.compile(
    r"^(?:(?:I'm sorry|I am sorry|sorry|unfortunately|don't worry|no worries|sure|certainly|of course|great question|good question|good news|thanks for asking|"
    r"please note that|in short|to answer your question|happy to help)\s*[,:!.–-]*\s+(?:but\s+)?)+",
    re.IGNORECASE,
)
# What a figure's own unit says: "costs" beside €49, "weighs" beside 2 kg.
_SAID_BY = {
    "eur": "cost price",
    "usd": "cost price",
    "gbp": "cost price",
    "chf": "cost price",
    "g": "weigh weight",
    "°c": "temperatur",
}
_ADDRESS = re.compile(r"https?://\S+|www\.\S+|\S+@\S+", re.IGNORECASE)  # facts.py compares them
# What a heading like "What is not covered" says of its items, in whichever of these words.
_WHAT = re.compile(r"\s*(?:what|not)\b", re.IGNORECASE)
_STATES = frozenset(
    stem(w)
    for w in [
        "covered",
        "included",
        "accepted",
        "returned",
        "exchanged",
        "supported",
        "allowed",
        "excluded",
        "refunded",
    ]
)
_PHRASES = tuple(
    (re.compile(rf"\b{phrase}\b", re.IGNORECASE), plainer)
    for phrase, plainer in (
        ("free of charge", "free"),
        ("takes? place", "is"),
        ("change your mind", "think again"),
    )
)
_LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """What is shown of a model's sentence: it, `proved`; the page's words `instead`; or nothing, as it was `told` already
    or is `lost`."""

    how: Literal["proved", "instead", "told", "lost"]
    sentence: ProvedSentence | None = None


class Prover:
    """Proves the sentences of one answer and numbers its citations, consecutively by first use."""

    def __init__(self, passages: Sequence[Passage], embed: Embed, nearness: WordNearness) -> None:
        self._passages = passages
        self._embed = embed
        self._nearness = nearness
        self._candidates = [span for i, p in enumerate(passages) for span in spans_of(p, i)]
        self._known = frozenset(root for span in self._candidates for root in span.words)
        self._numbers: dict[tuple[str, int, int], Citation] = {}
        self._quoted: list[Citation] = []  # the page's words that were shown

    @cached_property
    def _pages(self) -> PagesWords:
        """Read when something is refused: most answers need none of it, and their first sentence must not wait."""
        return PagesWords(self._passages, self._embed)

    async def say(self, text: str) -> Said:
        """`text` (with its joining whitespace) where it is proved; else what the page says in its place. Call it in the
        order of the answer: nothing is said twice."""
        if len(text) > LONGEST:
            return Said("lost")
        proved = await self.prove(text)
        if proved is not None:
            told = proved.citations and all(_lies_in(each, self._quoted) for each in proved.citations)
            return Said("told") if told else Said("proved", proved)
        bare = strip_marks(text)
        core = _LIST_MARK.sub("", bare).strip()
        piece = await self._pages.nearest(plain(core))
        if piece is None:
            return Said("lost")
        if _lies_in(cite(self._passages[piece.passage], piece.start, piece.end, 0), self._numbers.values()):
            return Said("told")
        citation = self._cite(piece.passage, piece.start, piece.end)
        self._quoted.append(citation)
        joint = bare[: len(bare) - len(bare.lstrip())]
        mark = _LIST_MARK.match(bare)
        shown = ProvedSentence(f"{mark.group() if mark else joint}{piece.text}", (citation,))
        return Said("instead", shown)

    async def prove(self, text: str) -> ProvedSentence | None:
        """`text` (with its joining whitespace) as a proved sentence, or None if no span bears it."""
        if len(text) > LONGEST:
            return None
        bare = strip_marks(text)
        listed = _LIST_MARK.match(bare)
        core = bare[listed.end() :].strip() if listed else bare.strip()
        if not core:
            return None
        if is_allowed(core):
            return ProvedSentence(bare, ())
        if not content_of(core) and not facts(core):
            return None
        if not (_HALF.search(core) or (listed and re.search(r"[\w)%]$", core))):
            return None  # cut off: what is missing could turn it round
        stated = _OPENING.sub("", re.sub(r"\*+|__|`", "", plain(core)))
        span = await self._bearing(_usual(stated)) if stated else None
        return (
            ProvedSentence(bare, (self._cite(span.passage, span.start, span.end),))
            if span is not None
            else None
        )

    async def _bearing(self, sentence: str) -> Span | None:
        said = facts(sentence)
        roots = frozenset(content_of(sentence))
        ranked = sorted(self._candidates, key=lambda s: -_likeness(roots, said, s))[:_CANDIDATES]
        fitting = [
            span
            for span in ranked
            if facts_agree(sentence, span.text, span.around)
            and force_agrees(sentence, span.text, span.around, span.lead)
            and agrees_abroad(sentence, f"{span.lead} {span.text}".strip())
            and leans_rightly(roots, span)
        ]
        fitting = [span for span in fitting if await self._words_stand(sentence, span)]
        if not fitting:
            return None
        vectors = await self._embed(
            [sentence, *(f"{s.around}: {s.text}" for s in fitting), *(s.text for s in fitting)]
        )
        count = len(fitting)
        meaning = np.maximum(vectors[1 : count + 1] @ vectors[0], vectors[count + 1 :] @ vectors[0])
        return next((span for i, span in enumerate(fitting) if float(meaning[i]) >= _MEANING), None)

    async def _words_stand(self, sentence: str, span: Span) -> bool:
        """Every content word of the sentence is a word of the span, light, or says the same as one of the span's."""
        there = span.every | (_STATES if denies(span.lead) or _WHAT.match(span.lead) else frozenset())
        named = {root for fact in facts(sentence) for root in _said_by(fact).split()}
        halves = {
            half for pair in pairwise(words(sentence)) if stem("".join(pair)) in span.every for half in pair
        }
        unknown: list[str] = []
        for root, word in surface(_ADDRESS.sub(" ", sentence)).items():
            if (
                root in there
                or root in named
                or _is_light(root, word)
                or alike(root, there)
                or _compound_stands(word, there)
                or root in span.pairs
                or word in halves
            ):
                continue
            if root in self._known or opposed(root, there):
                return False  # the pages use this word for something else
            if "-" in word:
                return False  # half of a compound is always near
            unknown.append(word)
        if not span.row and not stands_together(sentence, span):
            return False
        if not unknown:
            return True
        said = surface(sentence)
        others = [word for root, word in span.words.items() if root not in said]
        if not others:
            return False
        cosines = await self._nearness.matrix(unknown, others)
        return bool((cosines.max(axis=1) >= _WORD_NEAR).all())

    def _cite(self, index: int, start: int, end: int) -> Citation:
        passage = self._passages[index]
        key = (passage.chunk, start, end)
        if key not in self._numbers:
            self._numbers[key] = cite(passage, start, end, len(self._numbers) + 1)
        return self._numbers[key]


async def prove(sentence: str, passages: Sequence[Passage], embed: Embed) -> ProvedSentence | None:
    """One sentence against the passages; None if nothing bears it."""
    return await Prover(passages, embed, WordNearness(embed)).prove(sentence)


def _lies_in(citation: Citation, others: Iterable[Citation]) -> bool:
    """Whether one of the others quotes all that this one quotes."""
    return any(
        other.chunk == citation.chunk and other.start <= citation.start and citation.end <= other.end
        for other in others
    )


def is_allowed(sentence: str) -> bool:
    """True for a greeting or closing phrase of the fixed list."""
    return re.sub(r"[^a-z' ]", "", plain(sentence).lower()).strip() in ALLOWED_LINES


def strip_marks(text: str) -> str:
    """A model's own citation marks ([1], [^2], 【3†source】), images and invisible joins are never shown."""
    text = re.sub(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?", "", text)
    # From the first blank only: tried from each, a page of line feeds would cost its square.
    text = re.sub(r"(?:(?<!\s)\s+)?(?:\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\](?!\()|【[^】]*】)", "", text)
    return re.sub(r"[\u200b\u2060\ufeff]", "", text)


def content_of(text: str) -> set[str]:
    """Stems of the words that carry meaning."""
    return set(surface(text))


def _usual(sentence: str) -> str:
    """Set phrases as pages have them."""
    for phrase, plainer in _PHRASES:
        sentence = phrase.sub(plainer, sentence)
    return sentence


def _is_light(root: str, word: str) -> bool:
    return root in LIGHT or any(c.isdigit() for c in word) or word.endswith("n't")


def _said_by(fact: Fact) -> str:
    return "take last keep kept" if fact.kind == "duration" else _SAID_BY.get(fact.value.split()[0], "")


def _compound_stands(word: str, there: frozenset[str]) -> bool:
    """`PFAS-free` where the page is "free of PFAS": all parts of the compound stand in the span."""
    parts = [part for part in word.split("-") if part]
    return len(parts) > 1 and all(stem(part) in there or stem(part) in LIGHT for part in parts)


def _likeness(roots: frozenset[str], said: Sequence[Fact], span: Span) -> float:
    shared = len(roots & span.roots) + 0.5 * len((roots & span.roots_around) - span.roots)
    length = 0.02 * len(span.roots)
    return shared / (len(roots) or 1) + 0.5 * sum(fact.key in span.facts for fact in said) - length
