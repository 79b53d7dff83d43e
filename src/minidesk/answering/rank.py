"""Which piece of the passages answers a question, and what speaks for and against it.

A unit's worth is a weighted sum of: the cosine between question and unit in its context, the share of the
question's words (weighted by how rare they are in the passages) that the unit and its headings hold, exactly
or by a near word, whether it holds the kind of answer asked for, and how well its passage was found.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minidesk.answering.asks import Ask, Term, fits, stems_of
from minidesk.answering.facts import within
from minidesk.answering.units import Unit, context, cut
from minidesk.knowledge.records import Passage
from minidesk.text.words import STOPWORDS, distance, stem, words

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Awaitable[Vectors]]

# Reading more than this many passages and units costs time and has never changed the best one.
_PASSAGES = 8
_UNITS = 56
# Two words count as near from here on; below it MiniLM's single-word cosines are noise.
_NEAR = 0.45

# What pages call the thing, or the same word with a typing error, counts nearly as much as the word itself.
_ALTERNATE = 0.9

W_MEANING, W_WORDS, W_KIND, W_PASSAGE, W_ROW = 0.45, 0.30, 0.15, 0.20, 0.05


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
    """Units, best first, and the words of the question that stand nowhere near the best one's passage."""

    ask: Ask
    scored: tuple[Scored, ...]
    features: dict[str, float]
    missing: tuple[str, ...]


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


def surface(text: str) -> dict[str, str]:
    """Content words of a text: stem → the word as it first stands."""
    found: dict[str, str] = {}
    for word in words(text):
        bare = word.removesuffix("'s")
        if bare not in STOPWORDS:
            found.setdefault(stem(bare), bare)
    return found


async def rank(ask: Ask, passages: Sequence[Passage], embed: Embed, nearness: WordNearness) -> Ranking:
    """Units of the passages, best first. Empty passages give an empty ranking."""
    passages = passages[:_PASSAGES]
    units = [unit for index, passage in enumerate(passages) for unit in cut(passage, index)][:_UNITS]
    if not units:
        return Ranking(ask, (), {}, tuple(t.word for t in ask.terms))
    contexts = [context(passages[u.passage], u) for u in units]
    meaning = await _meaning(ask, units, contexts, embed)
    held = await _held(ask, passages, units, contexts, nearness)
    weights = _weights(ask, passages)
    total = float(weights.sum()) or 1.0
    top = max(passage.score for passage in passages) or 1.0
    scored = []
    for i, unit in enumerate(units):
        coverage = float((held[i] * weights).sum()) / total
        kind = fits(ask.kind, unit.text)
        place = passages[unit.passage].score / top
        score = W_MEANING * float(meaning[i]) + W_WORDS * coverage + W_KIND * kind + W_PASSAGE * place + _named_row(ask, unit)
        scored.append(Scored(unit, score, float(meaning[i]), coverage, kind))
    order = sorted(range(len(units)), key=lambda i: -scored[i].score)
    best = order[0]
    features, missing = _features(ask, passages, units, scored, held, weights, best, meaning)
    return Ranking(ask, tuple(scored[i] for i in order), features, missing)


def _named_row(ask: Ask, unit: Unit) -> float:
    """A bonus for a table row that the question names by its first cell, more where its figure fits a column."""
    if not unit.cells:
        return 0.0
    name = stems_of(unit.cells[0][1])
    if not name or not name <= {t.stem for t in ask.terms}:
        return 0.0
    ranged = any(within(fact, head) for fact in ask.facts for head, _ in unit.cells[1:])
    return 2 * W_ROW if ranged else W_ROW


async def _meaning(ask: Ask, units: Sequence[Unit], contexts: Sequence[str], embed: Embed) -> Vectors:
    """Cosine of each unit, read in its context, with the question as asked or in the pages' words: the better one.

    Units read alone as well were tried: twice the cost, and more answers where the pages had none.
    """
    asked = list(dict.fromkeys([ask.text, ask.plain]))
    vectors = await embed([*asked, *(f"{c}: {u.text}" for c, u in zip(contexts, units, strict=True))])
    return np.asarray((vectors[len(asked) :] @ vectors[: len(asked)].T).max(axis=1), dtype=np.float32)


async def _held(
    ask: Ask, passages: Sequence[Passage], units: Sequence[Unit], contexts: Sequence[str], nearness: WordNearness
) -> Vectors:
    """How well each unit (row) holds each word of the question (column): 1 exactly, less for a near word."""
    vocabulary: dict[str, str] = {}
    inside = [surface(u.text) for u in units]
    around = [surface(f"{c} {passages[u.passage].title} {' '.join(passages[u.passage].heading_path)} {u.lead_text}") for c, u in zip(contexts, units, strict=True)]
    for found in (*inside, *around):
        for root, word in found.items():
            vocabulary.setdefault(root, word)
    roots = list(vocabulary)
    position = {root: i for i, root in enumerate(roots)}
    cosines = await nearness.matrix([t.word for t in ask.terms], [vocabulary[r] for r in roots])
    near = np.clip((cosines - _NEAR) / (1 - _NEAR), 0.0, 0.9)
    for row, term in enumerate(ask.terms):
        if term.named or any(c.isdigit() for c in term.word):
            near[row] = np.where(cosines[row] > 0.8, near[row], 0.0)  # Graz is not Innsbruck, however near
        for other in term.alternates:
            if other in position:
                near[row, position[other]] = max(float(near[row, position[other]]), _ALTERNATE)
        for typo in _misspelled(term, position):
            near[row, position[typo]] = _ALTERNATE
        if term.stem in position:
            near[row, position[term.stem]] = 1.0
    held = np.zeros((len(units), len(ask.terms)), dtype=np.float32)
    for i in range(len(units)):
        here = [position[r] for r in inside[i]]
        there = [position[r] for r in around[i]]
        if here:
            held[i] = near[:, here].max(axis=1)
        if there:
            held[i] = np.maximum(held[i], 0.85 * near[:, there].max(axis=1))
    return held


def _misspelled(term: Term, position: Mapping[str, int]) -> list[str]:
    """Stems of the pages one typing error away from a word that they do not hold (`delivary`)."""
    if term.stem in position or term.named or len(term.stem) < 5 or any(c.isdigit() for c in term.stem):
        return []
    return [
        root for root in position
        if root[0] == term.stem[0] and abs(len(root) - len(term.stem)) <= 1 and len(root) >= 5 and distance(root, term.stem) == 1
    ]  # fmt: skip


def _weights(ask: Ask, passages: Sequence[Passage]) -> Vectors:
    """Weight of each question word: rarer among the passages is more; words that only shape the request less."""
    texts = [stems_of(f"{p.title} {' '.join(p.heading_path)} {p.question or ''} {p.text}") for p in passages]
    count = len(texts)
    weights = [
        term.weight * (1.3 if term.named else 1.0) * (0.5 + math.log(1 + count / (1 + sum(term.stem in t for t in texts))))
        for term in ask.terms
    ]
    return np.array(weights, dtype=np.float32)


def _features(
    ask: Ask,
    passages: Sequence[Passage],
    units: Sequence[Unit],
    scored: Sequence[Scored],
    held: Vectors,
    weights: Vectors,
    best: int,
    meaning: Vectors,
) -> tuple[dict[str, float], tuple[str, ...]]:
    home = units[best].passage
    rows = [i for i, u in enumerate(units) if u.passage == home]
    whole = held[rows].max(axis=0) if len(ask.terms) else np.zeros(0, dtype=np.float32)
    everywhere = held.max(axis=0) if len(ask.terms) else whole
    total = float(weights.sum()) or 1.0
    strong = [i for i, term in enumerate(ask.terms) if term.weight >= 1.0]
    named = [i for i in strong if ask.terms[i].named]
    features = {
        "meaning": scored[best].meaning,
        "meaning_max": float(meaning.max()),
        "dense": passages[home].dense,
        "dense_top": max(p.dense for p in passages),
        "coverage": scored[best].coverage,
        "coverage_passage": float((whole * weights).sum()) / total,
        "coverage_all": float((everywhere * weights).sum()) / total,
        "weakest": min((float(whole[i]) for i in strong), default=1.0),
        "weakest_unit": min((float(held[best][i]) for i in strong), default=1.0),
        "weakest_all": min((float(everywhere[i]) for i in strong), default=1.0),
        "named": min((float(whole[i]) for i in named), default=1.0),
        "kind": scored[best].kind,
        "margin": scored[best].score - max((s.score for j, s in enumerate(scored) if units[j].passage != home), default=0.0),
        "faq": 1.0 if passages[home].question else 0.0,
        "n_terms": float(len(strong)),
        "yesno": 1.0 if ask.kind == "yesno" else 0.0,
        "score": scored[best].score,
    }
    missing = tuple(ask.terms[i].word for i in strong if everywhere[i] < 0.35)
    return features, missing
