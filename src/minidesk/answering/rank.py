"""Which piece of the passages answers a question, and what speaks for and against it.

A unit's worth is a weighted sum of: the cosine between question and unit in its context, the share of the
question's words (weighted by how rare they are in the passages) that the unit and its headings hold, exactly
or by a near word, whether it holds the kind of answer asked for, and how well its passage was found.
"""

import asyncio
import hashlib
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minidesk.answering.another import asks_another
from minidesk.answering.asks import FITS, TELLING, Ask, Term, fits, stems_of
from minidesk.answering.facts import within
from minidesk.answering.followup import leans
from minidesk.answering.forms import BOTH_PARTS, Parts, forms_of, parts_of
from minidesk.answering.implied import (
    days,
    excepts,
    heads_exceptions,
    hinted,
    implied,
    is_address,
    is_for_all,
    is_special,
    is_way,
    tells_hours,
)
from minidesk.answering.late import LateReader
from minidesk.answering.near import HELD, NEAR, SAME
from minidesk.answering.reaching import HERE
from minidesk.answering.trouble import mended_by, told_with, troubles
from minidesk.answering.units import Unit, context, cut
from minidesk.answering.unsaid import denied, of_another_year, places_of, states, unsaid
from minidesk.knowledge.records import Passage
from minidesk.text.words import STOPWORDS, distance, stem, words

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Vectors]]

# Reading more than this many passages has never changed the best unit.
_PASSAGES = 10
# Units whose meaning is read: an embedding costs some 4 ms, so only those that words and place put first are read...
_READ = 20
# ...and where the sentences' vectors are stored, these sort out all but a few; so many are weighed.
_READ_SORTED = 6
# Units that are read as a whole where passages are read token by token: for the sureness, which knows no better sign.
_READ_LATE = 3
# Of them two in three are among the first so many before the others have been weighed.
_READ_AHEAD = 2
_WEIGHED = 32
# A sentence of a long passage is known well enough from the first of this many units.
_UNITS = 80

# What pages call the thing, or the same word with a typing error, counts nearly as much as the word itself.
_ALTERNATE = 0.9

# By hand, near what a listwise fit gives on four sets (which gained a point where it was fitted and none elsewhere).
W_MEANING, W_WORDS, W_KIND, W_PASSAGE, W_ROW, W_LATE = 0.40, 0.30, 0.15, 0.40, 0.05, 0.9
# For the row that is named after the thing and holds the amount, time or measure that is asked for: no sentence about
# the thing that happens to hold a figure is asked for as plainly.
W_TOLD = 0.25
# For a day and its hours where opening hours are asked for, and off for what holds on a few days of the year: as much as
# "open" in the sentence about those days gains on a row that has the word in its heading alone.
W_HOURS = 0.1
# For what stands below a heading each word of which the question says ("If nobody is at home"); off below "Not possible".
W_SECTION = 0.12
# For what a page says of something that went wrong, where just such a thing is told ("My order hasn't arrived"): sentences
# about orders and arrivals hold as many of its words.
W_TROUBLE = 0.3
# So many times as much for the steps of what is asked of an article by its name.
_WHOLE_QUESTION = 5
_STEPS = re.compile(r"^how\b|^wie\b|^1\.\s", re.IGNORECASE | re.MULTILINE)
# Off for what is *not* so where it is asked which ones are: "Water column: not waterproof" of a jacket.
W_NOT = 0.4
# Off for what says nothing of what is asked about (see `unsaid.py`): of a jacket that is to be returned, how it is sewn is no
# answer, and of courses in sewing, when there are no courses.
W_UNSAID = 0.2
_LEFT = 0.3
_PARTS = re.compile(r"[,(;/&]|\s(?:[-–—]|and|or|und|oder)\s")
# Off for what asks, introduces or sends elsewhere: "Wrong size?", "You need:" and "See Washing and care." are no answers.
W_OPEN = 0.15
_REFERS = re.compile(r"(?:please )?(?:see|refer to|siehe)\b(?! (?:that|if|whether|how)\b)", re.IGNORECASE)
# Off for what holds in another case only ("In that case cancel the order"): which one, the sentence before it says.
# Pronouns are no such sign: an encyclopedia's answers begin with "It" as often as with a name.
W_CASE = 0.08
_OTHER_CASE = re.compile(
    r"(?:in (?:that|this|such a) case|in the meantime|otherwise|if not|instead)\b", re.IGNORECASE
)
# Off for what is done with something that another sentence names: "We send them to Austria" is said of gas cartridges.
W_THEM = 0.12
_OF_THEM = re.compile(r"(?:we|you|i)\s+(?:\w+\s+){1,3}?(?:them|those|these)\b", re.IGNORECASE)
# Off where the passage answers another question than this one, by the share of that question's words that are not in
# this one; more for its "Yes" or "No": "Does PayPal cost extra?" has a "No" that does not answer "Can I pay with PayPal?".
W_OTHER, W_OTHER_YES = 0.35, 0.7
_SAYS_YES = re.compile(r"(?:yes|no|ja|nein)\b", re.IGNORECASE)
# Words with which any question may be put.
_ANY_QUESTION = frozenset(
    stem(word)
    for word in ["possible", "able", "can", "could", "may", "want", "need", "like", "have", "get", "there", "offer", "work",
                 "mean", "happen", "know"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """A unit with what it scored (about 0 to 1)."""

    unit: Unit
    score: float
    meaning: float  # cosine with the question, in context
    coverage: float  # share of the question's weighted words it holds
    kind: float  # see asks.fits


@dataclass(frozen=True, slots=True)
class Ranking:
    """Units, best first, and words of the question: those that stand in none of them, and those that the best one lacks."""

    ask: Ask
    scored: tuple[Scored, ...]
    features: dict[str, float]
    missing: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Cuts:
    """Units with what stands around them; `inside` and `around`: stem → word."""

    units: list[Unit]
    contexts: list[str]
    inside: list[dict[str, str]]
    around: list[dict[str, str]]

    def only(self, keep: Sequence[int]) -> "_Cuts":
        """These units alone."""
        return _Cuts(
            [self.units[i] for i in keep], [self.contexts[i] for i in keep],
            [self.inside[i] for i in keep], [self.around[i] for i in keep],
        )  # fmt: skip

    @property
    def vocabulary(self) -> dict[str, str]:
        """Every stem of the units and around them, with a word of it."""
        found: dict[str, str] = {}
        for words_of in (*self.inside, *self.around):
            for root, word in words_of.items():
                found.setdefault(root, word)
        return found


class Stored:
    """Vectors of passages that ingest has written: what a unit means, without embedding it again."""

    def __init__(self, vectors: Mapping[tuple[str, str], Vectors]) -> None:
        """`vectors`: as `SearchResult.vectors` gives them."""
        self._vectors = vectors

    def question(self, text: str) -> Vectors | None:
        """The vector that `text` was searched with."""
        return self._vectors.get(("", _hash(text)))

    def likeness(self, passage: Passage, unit: Unit, questions: Vectors) -> float | None:
        """The cosine of the unit, read with its title and passage, with the nearest of the questions; None: not known.

        The sum of the sentence's vector and half of its title's and passage's orders units as their joint text
        does (the chosen sentence was right as often on five sets), and costs nothing. Short passages, rows and list
        items have no vector of their own: the passage's speaks for them.
        """
        raw = passage.text[unit.start : unit.end]
        own = next(
            (v for t in (raw, unit.text) if (v := self._vectors.get((passage.chunk, _hash(t)))) is not None),
            None,
        )
        text, title = self._vectors.get((passage.chunk, "text")), self._vectors.get((passage.chunk, "title"))
        parts = [(own, 1.0), (title, 0.5), (text, 0.5 if own is not None else 1.0)]
        known = [share * vector for vector, share in parts if vector is not None]
        if own is None and text is None:
            return None
        whole = np.sum(known, axis=0)
        return float((questions @ whole).max()) / (float(np.linalg.norm(whole)) or 1.0)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


class Remembered:
    """An embed function that remembers: pages' sentences and words come back in question after question."""

    def __init__(self, embed: Embed, limit: int = 12_000) -> None:
        self._embed = embed
        self._limit = limit  # 12,000 vectors of 384 floats are 18 MB
        self._vectors: dict[str, Vectors] = {}

    async def __call__(self, texts: Sequence[str]) -> Vectors:
        """Rows for `texts`, L2-normalised; only what is new is computed. The oldest are forgotten first."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        known = {text: self._vectors[text] for text in texts if text in self._vectors}
        if unknown:
            known.update(zip(unknown, await self._embed(unknown), strict=True))
            self._vectors.update((text, known[text]) for text in unknown)
            for old in list(self._vectors)[: max(0, len(self._vectors) - self._limit)]:
                del self._vectors[old]
        return np.stack([known[text] for text in texts]) if texts else np.zeros((0, 1), dtype=np.float32)


class WordNearness:
    """Cosines between single words; hand in a `Remembered`, or each question pays for all its words."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    async def matrix(self, left: Sequence[str], right: Sequence[str]) -> Vectors:
        """Cosines, shape (len(left), len(right))."""
        if not left or not right:
            return np.zeros((len(left), len(right)), dtype=np.float32)
        vectors = await self._embed([*left, *right])
        return np.asarray(vectors[: len(left)] @ vectors[len(left) :].T, dtype=np.float32)


def whole(passage: Passage) -> str:
    """All that a reader of the passage sees."""
    return f"{passage.title} {' '.join(passage.heading_path)} {passage.question or ''} {passage.text}"


def asked_for(passage: Passage) -> bool:
    """True where the question is one that the entry is known to answer."""
    return passage.phrasing is not None and passage.phrasing >= SAME


def surface(text: str) -> dict[str, str]:
    """Content words of a text: stem → the word as it first stands."""
    found: dict[str, str] = {}
    for word in words(text):
        bare = word.removesuffix("'s")
        if bare not in STOPWORDS:
            found.setdefault(stem(bare), bare)
    return found


async def rank(
    ask: Ask,
    passages: Sequence[Passage],
    embed: Embed,
    nearness: WordNearness,
    stored: Stored | None = None,
    late: LateReader | None = None,
) -> Ranking:
    """Units of the passages, best first. Empty passages give an empty ranking.

    `stored`: vectors of the passages' texts that need not be computed again. `late`: reads the best passages token by
    token; without it the best units are read as a whole.
    """
    passages = passages[:_PASSAGES]
    cuts = await asyncio.to_thread(_cut, passages, ask.language)
    if not cuts.units:
        words_of = tuple(t.word for t in ask.terms)
        return Ranking(ask, (), {}, words_of, words_of)
    asked = list(dict.fromkeys([ask.text, ask.plain, *_in_page_words(ask, cuts.vocabulary)]))
    questions = await _questions(asked, embed, stored)
    cuts, likes, order = await asyncio.to_thread(_chosen, ask, passages, cuts, questions, stored)
    known = [like for like in likes if like is not None]
    sorted_out = len(known) == len(likes)
    if sorted_out and late is not None:
        meaning = np.array(known, dtype=np.float32)
    else:
        unread = [i for i, like in enumerate(likes) if like is None]
        read = order[:_READ_SORTED] if sorted_out else unread
        meaning = _meaning(likes, read, await _read(cuts, read, questions, embed))
    weighed = _weighed(ask, passages, cuts, order, meaning, nearness, late)
    if sorted_out and late is not None:
        # Most likely among the best, which are read at the end: the second core has nothing else to do meanwhile.
        (held, scored), _ = await asyncio.gather(weighed, _read(cuts, order[:_READ_AHEAD], questions, embed))
    else:
        held, scored = await weighed
    best = sorted(range(len(scored)), key=lambda i: -scored[i].score)
    if sorted_out and late is not None:
        meaning = await _read(cuts, best[:_READ_LATE], questions, embed)
    held_best = _held_by_best(ask, scored, held, best[0])
    anywhere = held.max(axis=0) if len(ask.terms) else held_best
    features = _features(ask, passages, scored, best[0], held_best, anywhere, float(meaning.max()))
    missing = _not_held(ask, anywhere)
    return Ranking(ask, tuple(scored[i] for i in best), features, missing, _not_held(ask, held_best))


async def _weighed(
    ask: Ask, passages: Sequence[Passage], cuts: _Cuts, order: Sequence[int], meaning: Vectors, nearness: WordNearness,
    late: LateReader | None,
) -> tuple[Vectors, list[Scored]]:  # fmt: skip
    """How well each unit holds each word of the question, and what it is worth."""
    said, words_near = await asyncio.gather(
        _said(ask, passages, cuts, order, late), nearness.matrix(*_compared(ask, cuts))
    )
    helps = await asyncio.to_thread(_helpful, ask, passages, cuts)
    held = await asyncio.to_thread(_held, ask, cuts, words_near, helps)
    return held, await asyncio.to_thread(_scored, ask, passages, cuts, held, meaning, said, helps)


def _in_page_words(ask: Ask, vocabulary: Mapping[str, str]) -> tuple[str, ...]:
    """The question with the units' words in the place of those that they have not, where they mean the same."""
    text = ask.text
    for term in ask.terms:
        if term.stem in vocabulary:
            continue
        other = next((vocabulary[root] for word in term.said if (root := stem(word)) in vocabulary), None)
        if other is not None:
            text = re.sub(rf"\b{re.escape(term.word)}\b", other, text, count=1, flags=re.IGNORECASE)
    return (text,) if text != ask.text else ()


async def _read(cuts: _Cuts, units: Sequence[int], questions: Vectors, embed: Embed) -> Vectors:
    """Cosines of these units, read as a whole with their context, with the nearest of the questions."""
    vectors = await embed([f"{cuts.contexts[i]}: {cuts.units[i].text}" for i in units])
    return np.asarray((vectors @ questions.T).max(axis=1), dtype=np.float32)


async def _said(
    ask: Ask, passages: Sequence[Passage], cuts: _Cuts, order: Sequence[int], late: LateReader | None
) -> Vectors:
    """How near each unit says what the question says, token by token; 0 for all where nothing is read so."""
    if late is None:
        return np.zeros(len(cuts.units), dtype=np.float32)
    promising = list(dict.fromkeys(cuts.units[i].passage for i in order))
    near = await late.nearness(ask.text, passages, cuts.units, promising)
    # What was not read is no nearer than the farthest that was.
    return np.nan_to_num(near, nan=0.0 if np.isnan(near).all() else float(np.nanmin(near)))


async def _questions(asked: Sequence[str], embed: Embed, stored: Stored | None) -> Vectors:
    """A row for each way to ask; what was searched with has its vector already."""
    found: dict[str, Vectors] = {}
    for text in asked:
        if stored is not None and (vector := stored.question(text)) is not None:
            found[text] = vector
    missing = [text for text in asked if text not in found]
    if missing:
        found.update(zip(missing, await embed(missing), strict=True))
    return np.stack([found[text] for text in asked])


def _cut(passages: Sequence[Passage], language: str) -> _Cuts:
    units = [unit for index, passage in enumerate(passages) for unit in cut(passage, index)][:_UNITS]
    contexts = [context(passages[u.passage], u) for u in units]
    inside = [surface(u.text) | days(u.text) | implied(u.text, language) for u in units]
    around = [
        hinted(u.text)
        | surface(
            f"{c} {passages[u.passage].title} {' '.join(passages[u.passage].heading_path)} {u.lead_text}"
        )
        for c, u in zip(contexts, units, strict=True)
    ]
    return _Cuts(units, contexts, inside, around)


def _chosen(
    ask: Ask,
    passages: Sequence[Passage],
    cuts: _Cuts,
    questions: Vectors,
    stored: Stored | None,
) -> tuple[_Cuts, list[float | None], list[int]]:
    """The units worth weighing, by the words they share with the question and where they stand; what each means where
    that is stored; and their order, the most promising first."""
    weights = _weights(ask, passages)
    total = float(weights.sum()) or 1.0
    top = max(passage.score for passage in passages) or 1.0
    likes = [stored.likeness(passages[u.passage], u, questions) if stored else None for u in cuts.units]
    said = {term.stem for term in ask.terms}
    first = []
    for i, unit in enumerate(cuts.units):
        held = sum(
            float(weight)
            * (1.0 if term.stem in cuts.inside[i] else 0.85 if term.stem in cuts.around[i] else 0.0)
            for term, weight in zip(ask.terms, weights, strict=True)
        )
        worth = (
            W_WORDS * held / total
            + W_KIND * fits(ask.kind, unit.text, said=said, units=ask.units)
            + W_PASSAGE * passages[unit.passage].score / top
        )
        first.append(worth + W_MEANING * (likes[i] or 0.0))
    order = sorted(range(len(first)), key=lambda i: -first[i])
    known = all(like is not None for like in likes)
    keep = order[: _WEIGHED if known else _READ]
    ordered = sorted(keep)
    return cuts.only(ordered), [likes[i] for i in ordered], [ordered.index(i) for i in keep]


def _meaning(likes: Sequence[float | None], read: Sequence[int], found: Vectors) -> Vectors:
    """The cosine of each unit: as read, else as stored. Sums of vectors lie nearer to a question than what is read, or
    farther, from base to base: the least that was read bounds what was not."""
    meaning = np.zeros(len(likes), dtype=np.float32)
    least = float(found.min()) if len(found) else 1.0
    for i, like in enumerate(likes):
        meaning[i] = min(like or 0.0, least)
    meaning[list(read)] = found
    return meaning


def _compared(ask: Ask, cuts: _Cuts) -> tuple[list[str], list[str]]:
    """Words of the question that stand nowhere as they are, and the words of the units that may mean the same."""
    vocabulary = cuts.vocabulary
    return [t.word for t in ask.terms if t.stem not in vocabulary], list(vocabulary.values())


def _scored(
    ask: Ask, passages: Sequence[Passage], cuts: _Cuts, held: Vectors, meaning: Vectors, said: Vectors,
    helps: Sequence[int],
) -> list[Scored]:  # fmt: skip
    """The units of `cuts` in their order, each with its worth."""
    weights = _weights(ask, passages)
    total = float(weights.sum()) or 1.0
    top = max(passage.score for passage in passages) or 1.0
    stems = {term.stem for term in ask.terms}
    # A vague question ("Can I exchange it?") is nearer to none of the pages' own ones: each may be meant.
    strong = 0 if leans(ask.text) else sum(term.weight >= 1.0 for term in ask.terms)
    others = [other_question(ask, passage) if strong else 0.0 for passage in passages]
    anywhere = held.max(axis=0) if len(ask.terms) else held[0]
    places, known = places_of(ask, passages), [passage.phrasing or 0.0 for passage in passages]
    sections = [_named_section(ask, passage) for passage in passages]
    other = W_OTHER if strong >= 2 else 0.0
    # Who sends back a jacket of which nothing is told has no damaged one.
    unhurt = bool(ask.goods) and not troubles(ask.text)
    scored = []
    for i, unit in enumerate(cuts.units):
        coverage = float((held[i] * weights).sum()) / total
        kind = fits(ask.kind, unit.text, said=stems, units=ask.units)
        place = passages[unit.passage].score / top
        score = (
            W_MEANING * float(meaning[i])
            + W_WORDS * coverage
            + (2 * W_KIND if ask.units or ask.kind == "amount" else W_KIND) * kind
            + _told(ask, unit, kind)
            + W_SECTION * sections[unit.passage]
            # Of the others a row helps least: it tells what a thing is like, not what to do.
            + (W_TROUBLE if i in helps else -W_TROUBLE if ask.trouble and unit.cells else 0.0)
            - (W_TROUBLE if unhurt and troubles(_above(passages[unit.passage])) else 0.0)
            - (W_NOT if ask.kind == "which" and denied(ask, unit.text) else 0.0)
            # Of a return nothing tells that only speaks of the thing.
            - (2 * W_UNSAID if ask.goods else W_UNSAID)
            * unsaid(ask, known[unit.passage], unit, kind, held[i], anywhere, places)
            + W_PASSAGE * place
            + W_LATE * float(said[i])
            + _named_row(ask, unit, held[i])
            - (W_OPEN if unit.text.endswith((":", "?")) or _REFERS.match(unit.text) else 0.0)
            - (W_CASE if _OTHER_CASE.match(unit.text) else 0.0)
            - (W_THEM if unit.kind == "sentence" and _OF_THEM.match(unit.text) else 0.0)
            - others[unit.passage] * (W_OTHER_YES if _SAYS_YES.match(unit.text) else other)
        )
        scored.append(Scored(unit, score, float(meaning[i]), coverage, kind))
    return scored


def _told(ask: Ask, unit: Unit, kind: float) -> float:
    """Who asks for a number or an address is helped by one, not by what is said about giving theirs; who asks when it is open,
    by a day and its hours, not by what is done on one day of the year."""
    if ask.kind == "contact":
        asked = {term.stem for term in ask.terms}
        return -W_TOLD if kind < FITS else W_TOLD if is_for_all(unit.text, asked) else 0.0
    if "way" in ask.units and is_way(unit.text):
        return 2 * W_TOLD
    if _is_here(ask, unit):
        return W_TOLD
    if "hours" in ask.units:
        if is_special(unit.text, {term.stem for term in ask.terms}):
            return -W_HOURS
        return W_HOURS if tells_hours(unit.text) else 0.0
    return 0.0


def _is_here(ask: Ask, unit: Unit) -> bool:
    """True where it is asked where those who answer are, and told."""
    if HERE.isdisjoint(ask.units):
        return False
    return is_address(unit.text) or ("way" in ask.units and is_way(unit.text))


def _named_section(ask: Ask, passage: Passage) -> int:
    """1 for a heading of two words and more where the question says all of them (one alone makes a topic, no answer), more
    for the steps of what is asked; -1 for one of exceptions, where the question asks for none; else 0."""
    heading = passage.heading_path[-1] if passage.heading_path else ""
    if heads_exceptions(heading) and not excepts(ask.text):
        return -1
    said = {stem for term in ask.terms for stem in (term.stem, *term.alternates)}
    named = stems_of(heading)
    if ask.goods and ask.kind == "steps" and _STEPS.search(f"{heading}\n{passage.text}"):
        # "How do I return something?" is "How do I return boots?", asked of all that is sold.
        about = named - _ARTICLES - _ANY_QUESTION
        return _WHOLE_QUESTION if about and about <= said - ask.goods else 0
    return 1 if len(named) > 1 and named <= said else 0


def _above(passage: Passage) -> str:
    """What the passage stands below: its own question, its nearest heading, else the page's title."""
    return passage.question or (passage.heading_path[-1] if passage.heading_path else passage.title)


def _helpful(ask: Ask, passages: Sequence[Passage], cuts: _Cuts) -> list[int]:
    """The units that speak of the trouble that is told; none where none is."""
    return [i for i, unit in enumerate(cuts.units) if _of_trouble(ask, passages[unit.passage], unit)]


def _of_trouble(ask: Ask, passage: Passage, unit: Unit) -> bool:
    """True where the unit, or what it stands below, speaks of what went wrong for the visitor, and with what: a refund that
    has not come is no parcel that has not."""
    if not ask.trouble:
        return False
    things = [term for term in ask.terms if not troubles(term.word)]
    meant = {root for term in things for root in (term.stem, *term.alternates)}
    above = _above(passage)
    mends = mended_by(ask.trouble, passage.title)
    return any(
        not meant.isdisjoint(stems_of(told)) and (mends or not ask.trouble.isdisjoint(troubles(told)))
        for told in (above, unit.text)
    )


def other_question(ask: Ask, passage: Passage) -> float:
    """The share of the words of the passage's own question that this one does not say; 0 where it has none."""
    heading = passage.heading_path[-1] if passage.heading_path else ""
    own = passage.question or (heading if heading.endswith("?") else "")
    stems = stems_of(own) - _ANY_QUESTION
    said = {stem for term in ask.terms for stem in (term.stem, *term.alternates)}
    return len(stems - said) / len(stems) if stems else 0.0


def names_row(ask: Ask, unit: Unit) -> bool:
    """True where the question says a word of the unit's first cell; False for what is no row."""
    return not names_of_row(unit).isdisjoint(term.stem for term in ask.terms)


def names_of_row(unit: Unit) -> set[str]:
    """Stems of the first cell, each day of "Tuesday to Friday" among them; none for what is no row."""
    name = unit.cells[0][1] if unit.cells else ""
    return stems_of(name) | days(name).keys()


def names_row_now(ask: Ask, unit: Unit) -> bool:
    """As `names_row`, by what this message says and not by what is carried on from the ones before it."""
    own = {term.stem for term in ask.terms} - ask.carried
    return bool(ask.carried) and not names_of_row(unit).isdisjoint(own)


def _named_row(ask: Ask, unit: Unit, held: Vectors) -> float:
    """A bonus for a table row that the question names by its first cell, more where its figure fits a column; `held`: by
    the row, of each term."""
    if not unit.cells:
        return 0.0
    # "Tents, including tent poles" is the row of tents, "DVDs and Blu-rays" that of DVDs.
    asked = {t.stem for t in ask.terms}
    parts = [stems_of(part) for part in _PARTS.split(unit.cells[0][1])]
    parts = [part for part in parts if part and part <= asked] or [days(unit.cells[0][1]).keys() & asked]
    name = max(parts, key=len)
    if not name:
        return 0.0
    ranged = any(within(fact, head) for fact in ask.facts for head, _ in unit.cells[1:])
    told = _tells(ask, unit, held)
    # Named by an earlier message, it may be what this one asks of, or what it leaves behind ("and for students?").
    asks_on = all(term.weight < 1.0 or term.stem in ask.carried for term in ask.terms)
    share = _LEFT if name <= ask.carried and not asks_on else 1.0
    # The longer name: who says "Alpsee 700 Long" does not mean the "Alpsee 700".
    return share * ((2 * W_ROW if ranged else W_ROW) + (W_TOLD if told else 0.0) + 0.01 * len(name))


def _tells(ask: Ask, unit: Unit, held: Vectors) -> bool:
    """True if a row holds the kind of figure asked for, and all that is asked of: a row of prices without the deposit
    that was asked for tells it not."""
    speaks = all(share >= HELD for term, share in zip(ask.terms, held, strict=True) if term.weight >= 1.0)
    return speaks and ask.kind in TELLING and any(
        fits(ask.kind, value, units=ask.units) >= FITS for _, value in unit.cells[1:]
    )  # fmt: skip


def _held(ask: Ask, cuts: _Cuts, cosines: Vectors, helps: Sequence[int]) -> Vectors:
    """How well each unit (row) holds each word of the question (column): 1 exactly, less for a near word.

    `cosines`: of the words that `_compared` named; `helps`: the units that speak of the trouble that is told.
    """
    position = {root: i for i, root in enumerate(cuts.vocabulary)}
    near = np.zeros((len(ask.terms), len(position)), dtype=np.float32)
    unknown = [row for row, term in enumerate(ask.terms) if term.stem not in position]
    near[unknown] = np.clip((cosines - NEAR) / (1 - NEAR), 0.0, 0.9)
    abroad = ask.language != "en"
    for row, term in enumerate(ask.terms):
        # Of another language an English model knows the letters: its near words are no nearer than others.
        if row in unknown and (abroad or term.named or any(c.isdigit() for c in term.word)):
            # Graz is not Innsbruck, however near
            near[row] = np.where(cosines[unknown.index(row)] > (0.9 if abroad else 0.8), near[row], 0.0)
        for root, share in _stands_for(ask, term, cuts.vocabulary).items():
            near[row, position[root]] = max(float(near[row, position[root]]), share)
        for typo in _misspelled(term, position):
            near[row, position[typo]] = _ALTERNATE
        if term.stem in position:
            near[row, position[term.stem]] = 1.0
    compounds = [parts_of(term.word, cuts.vocabulary, ask.language) for term in ask.terms]
    held = np.zeros((len(cuts.units), len(ask.terms)), dtype=np.float32)
    for i in range(len(cuts.units)):
        here = [position[r] for r in cuts.inside[i]]
        there = [position[r] for r in cuts.around[i]]
        if here:
            held[i] = near[:, here].max(axis=1)
        if there:
            held[i] = np.maximum(held[i], 0.85 * near[:, there].max(axis=1))
        for row, parts in enumerate(compounds):
            if parts is not None:
                held[i, row] = max(float(held[i, row]), _both_parts(parts, cuts.inside[i], cuts.around[i]))
    # What went wrong may be told in other words by who it befell and by the page that helps ("doesn't work").
    told = told_with(ask.text, ask.trouble)
    for row, term in enumerate(ask.terms):
        if helps and term.stem in told and held[helps, row].max() < HELD:
            held[helps, row] = _ALTERNATE
    return held


def _stands_for(ask: Ask, term: Term, vocabulary: Mapping[str, str]) -> dict[str, float]:
    """Stems of `vocabulary` that mean the term, or are a form of it, with how well they hold it."""
    found = {root: _ALTERNATE for root in term.alternates if root in vocabulary}
    if term.stem in ask.goods:
        found |= {root: max(_ARTICLE, found.get(root, 0.0)) for root in _ARTICLES if root in vocabulary}
    ways = [(term.word, 1.0, term.stem == ask.thing)]
    if ask.language != "en":
        # The English stemmer, which made the alternates, takes "erstatten" and "erstattet" apart.
        ways += [(word, _ALTERNATE, True) for word in term.said]
    for word, worth, whole in ways:
        for root, share in forms_of(word, vocabulary, ask.language, whole=whole).items():
            found[root] = max(found.get(root, 0.0), worth * share)
    return found


def _both_parts(parts: Parts, inside: Mapping[str, str], around: Mapping[str, str]) -> float:
    """How well a unit holds a compound whose parts stand there apart; 0 where one of them does not."""
    front, head = (not part.isdisjoint(inside) for part in (parts.front, parts.head))
    if front and head:
        return BOTH_PARTS
    beside = (front or not parts.front.isdisjoint(around)) and (head or not parts.head.isdisjoint(around))
    return 0.85 * BOTH_PARTS if beside else 0.0


def _misspelled(term: Term, position: Mapping[str, int]) -> list[str]:
    """Stems of the pages one typing error away from a word that they do not hold (`delivary`)."""
    if term.stem in position or term.named or len(term.stem) < 5 or any(c.isdigit() for c in term.stem):
        return []
    return [
        root for root in position
        if root[0] == term.stem[0] and abs(len(root) - len(term.stem)) <= 1 and len(root) >= 5 and distance(root, term.stem) == 1
    ]  # fmt: skip


# What rules for returns call whatever somebody has bought, and how well that names it.
_ARTICLES = frozenset(
    stem(word)
    for word in "article item product goods merchandise purchase anything everything something".split()  # noqa: SIM905 (as elsewhere)
)
_ARTICLE = 0.8


# What earlier messages brought says what it is about; what is asked now decides.
_CARRIED = 0.6


def _weights(ask: Ask, passages: Sequence[Passage]) -> Vectors:
    """Weight of each question word: rarer among the passages is more; words that only shape the request less."""
    texts = [stems_of(whole(passage)) for passage in passages]
    count = len(texts)
    weights = [
        term.weight
        * (1.3 if term.named else 1.0)
        * (_CARRIED if term.stem in ask.carried else 1.0)
        * (0.5 + math.log(1 + count / (1 + sum(term.stem in t for t in texts))))
        for term in ask.terms
    ]
    return np.array(weights, dtype=np.float32)


def _held_by_best(ask: Ask, scored: Sequence[Scored], held: Vectors, best: int) -> Vectors:
    """How well the best unit holds each word of the question; where two things are compared, its passage."""
    if not ask.compares:
        return np.asarray(held[best], dtype=np.float32)
    passage = scored[best].unit.passage
    own = [i for i, one in enumerate(scored) if one.unit.passage == passage]
    return np.asarray(held[own].max(axis=0), dtype=np.float32)


def _side_by_side(ask: Ask, scored: Sequence[Scored], best: int) -> float:
    """1 where two things are compared and the best unit is one of two rows of its passage that the question names."""
    if not ask.compares:
        return 0.0
    own = [i for i, one in enumerate(scored) if one.unit.passage == scored[best].unit.passage]
    named = [i for i in own if names_row(ask, scored[i].unit)]
    return 1.0 if best in named and len(named) > 1 else 0.0


# By how much the nearest unit may be nearer in meaning than the best one.
_AHEAD = 0.2
# "When was it founded?" is answered by a date or by nothing: what has none counts so many times as much.
_DATED = 3.0


def _features(
    ask: Ask,
    passages: Sequence[Passage],
    scored: Sequence[Scored],
    at: int,
    held: Vectors,
    anywhere: Vectors,
    meaning: float,
) -> dict[str, float]:
    """What `sure.py` weighs of the best unit, which stands at `at`; `held`: as `_held_by_best` gives it; `anywhere`: the
    most that any unit holds of each term."""
    best = scored[at]
    strong = [i for i, term in enumerate(ask.terms) if term.weight >= 1.0]
    found = sorted((passage.score for passage in passages), reverse=True)
    rest = found[2:8] or found[-1:]
    # What another unit means tells of this one only so far as they are alike: it is this one that would be said.
    meaning = min(meaning, best.meaning + _AHEAD)
    page = passages[best.unit.passage]
    another = _another(ask, page, best.unit)
    known = None if another else page.phrasing
    # Who asks what the entry is known to answer is answered, however its answer is worded.
    meaning = max(meaning, known or -1.0)
    here = _is_here(ask, best.unit)
    doubt = 1.0 - _said_alike(meaning, known)
    weakest = min(
        (float(held[i]) for i in strong),
        default=1.0 if ask.kind in TELLING or here else min(1.0, best.coverage),
    )
    return {
        "meaning": meaning,
        "same": max(0.0, meaning - SAME),
        "lead": found[0] - sum(rest) / len(rest),
        # Where no word says what it is about, those that shape the question must be held at least; "how much is it?" has not
        # even those, and is asked back.
        "weakest": weakest,
        "words": float(min(8, sum(float(held[i]) >= HELD for i in strong))),
        "kind": (best.kind - 0.5) * (_DATED if ask.kind == "date" else 1.0),
        "place": 1.0
        if any(term.place and share < HELD for term, share in zip(ask.terms, anywhere, strict=True))
        else 0.0,
        # "There is no parking": that is asked, and told.
        "offered": doubt if ask.offered and not (weakest >= HELD and states(ask, best.unit.text)) else 0.0,
        "sided": _side_by_side(ask, scored, at),
        "unsaid": 1.0
        if of_another_year(ask, best.unit)
        else doubt
        * unsaid(ask, known or 0.0, best.unit, best.kind, held, anywhere, places_of(ask, passages)),
        "another": 1.0 if another else 0.0,
        "here": 1.0 if here else 0.0,
        "helpless": 1.0 if ask.trouble and not _of_trouble(ask, page, best.unit) else 0.0,
        "row": 1.0 if best.unit.cells and names_row(ask, best.unit) and _tells(ask, best.unit, held) else 0.0,
        # What is said of one thing by its name, or of one year, is not said of another.
        "unnamed": 1.0 if any(_names(ask.terms[i]) and held[i] < HELD for i in strong) else 0.0,
        "bare": 1.0 if _bare(page) else 0.0,
    }


def _another(ask: Ask, passage: Passage, unit: Unit) -> bool:
    """True if the entry answers another question, and its best unit says nothing of what this one is about instead: by its
    very word, as cats are near to dogs."""
    another = asks_another(ask, passage)
    return another is not None and another.instead.isdisjoint(stems_of(unit.text))


def _names(term: Term) -> bool:
    return term.named or any(c.isdigit() for c in term.word)


# Over so much of a cosine the doubt goes, from nothing said alike to all of it.
_ALIKE = 0.1
# Two questions are alike from a little farther off than a question and its answer, which share fewer words.
_ASKED_ALIKE = SAME - 0.1


def _said_alike(meaning: float, phrasing: float | None) -> float:
    """0 to 1: whether what is near in meaning says, or is known to be asked, the same. Then a word of the question that
    stands nowhere is the visitor's own for something that does: "a for profit web site", where the entry says "commercial"."""
    nearest = meaning - SAME if phrasing is None else max(meaning - SAME, phrasing - _ASKED_ALIKE)
    return min(1.0, max(0.0, nearest / _ALIKE))


def _bare(passage: Passage) -> bool:
    """True for an entry that says no more than its name: there is no sentence in it to weigh."""
    said = passage.text.strip().casefold()
    return passage.phrasing is not None and said in {
        passage.title.strip().casefold(),
        (passage.question or "").strip().casefold(),
    }


def _not_held(ask: Ask, held: Vectors) -> tuple[str, ...]:
    """Strong words of the question that are not held, nor by a near word; `held`: a share for each of its terms."""
    return tuple(
        term.word for term, share in zip(ask.terms, held, strict=True) if term.weight >= 1.0 and share < HELD
    )
