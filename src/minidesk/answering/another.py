"""Is it another question, asked in the same words? "Are horses allowed in the shop?" is not "Are dogs allowed in the shop?".

The answer of the one ("Yes, on a lead.") does not say what it is about, and an embedding model finds the two nearly as near
as two that ask the same. They are told apart by how they are made: the same words around one place, and there two things
that nobody calls by one name. Who asks the same in other words mostly changes more than one place, or puts a word of the
same meaning there, and then the two questions are nearer.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from minidesk.answering.alike import alike
from minidesk.answering.asks import Ask, Term, read
from minidesk.answering.weekdays import ENGLISH, GERMAN
from minidesk.knowledge.records import Passage
from minidesk.text.words import STOPWORDS, distance, stem, words

# The words around that place, of all of the longer question's. At .6 instead, one near miss in twelve passed for the same
# question; at .5, 3 of 870 reworded questions about software were taken for others (2 at .6).
_SAME_WORDS = 0.5
# As many words as a thing's name has ("hiking boots", "the new iPhone").
_PLACE = 3
_NOTHING = frozenset("a an the my your our any some this that please hi hello hey".split())  # noqa: SIM905 (a list of strings cannot be read)
# A word so long with one letter wrong is the same word, and a compound of it ("Studentenrabatt") may be.
_LONG = 4
# From this cosine on two questions made so ask the same: 16 of 26 with a word of the same meaning in that place lie above
# it, 3 of 65 with another thing there ("cancel" for "pause").
_AS_NEAR = 0.8
# Names are nearer to each other than what they name, and so are words of a language that the model hardly reads; each day
# of the week is much like the next.
_AS_NEAR_NAMED = 0.9
_LITTLE = frozenset(map(stem, STOPWORDS))
_DAYS = frozenset(map(stem, (*ENGLISH, *GERMAN)))


@dataclass(frozen=True, slots=True)
class Another:
    """Where two questions part: stems of what is asked about, and of what the entry is about."""

    instead: frozenset[str]
    own: frozenset[str]

    def named(self, roots: AbstractSet[str]) -> bool:
        """Whether a text with these words names one of the two: then it says itself what it holds for."""
        return not roots.isdisjoint(self.instead | self.own)


def asks_another(ask: Ask, passage: Passage) -> Another | None:
    """Where the question parts from the likest of those that the passage is known to answer; None where it parts in more
    than one place, in nothing, or in a word for the same, and where nothing is known."""
    if passage.phrasing is None:
        return None
    known = [*passage.phrasings, *([passage.question] if passage.question else [])]
    own = _words(ask.text)
    others = [(text, _words(text)) for text in known]
    if not others or any(other == own for _, other in others):
        return None
    text, other = max(others, key=lambda pair: _shared(own, pair[1]))
    # What the entry's question says behind all that ("in the shop") may be left out.
    if own and own[-1] in other:
        other = other[: len(other) - other[::-1].index(own[-1])]
    front = _common(own, other)
    back = _common(own[front:][::-1], other[front:][::-1])
    here, there = own[front : len(own) - back], other[front : len(other) - back]
    if not (0 < len(here) <= _PLACE and 0 < len(there) <= _PLACE):
        return None
    around = front + back
    if around < _SAME_WORDS * (around + max(_content(here), _content(there))):
        return None
    own_terms = [term for term in ask.terms if term.stem in here]
    their_terms = [term for term in read(text).terms if term.stem in there]
    instead, gone = _unlike(own_terms, their_terms), _unlike(their_terms, own_terms)
    if not instead or not gone:
        return None
    differing = (*instead, *gone)
    near = _AS_NEAR if ask.language == "en" and not any(term.named for term in differing) else _AS_NEAR_NAMED
    if passage.phrasing >= near and not any(term.stem in _DAYS for term in differing):
        return None
    return Another(_stems(instead), _stems(gone))


def _stems(terms: Sequence[Term]) -> frozenset[str]:
    return frozenset(term.stem for term in terms)


def _words(text: str) -> list[str]:
    """Stems in their order, without articles and greetings."""
    return [stem(word.removesuffix("'s")) for word in words(text) if word not in _NOTHING]


def _content(place: Sequence[str]) -> int:
    """How many of its words name something: "in die Schweiz" has one."""
    return sum(word not in _LITTLE for word in place)


def _shared(one: Sequence[str], other: Sequence[str]) -> float:
    """The part of all their words that both have."""
    return 2 * len({*one} & {*other}) / max(1, len(one) + len(other))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words they begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _unlike(terms: Sequence[Term], others: Sequence[Term]) -> list[Term]:
    """Those of the terms that say what the question is about, and that the others have no word for."""
    said = {word for term in others for word in (term.stem, *term.alternates)}
    roots = frozenset(term.stem for term in others)
    return [
        term
        for term in terms
        if term.weight >= 1.0
        and term.stem not in said
        and roots.isdisjoint(term.alternates)
        and not alike(term.stem, roots)
        and not any(_same_word(root, term.stem) for root in roots)
    ]


def _same_word(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _LONG and (short in long or distance(one, other) == 1)
