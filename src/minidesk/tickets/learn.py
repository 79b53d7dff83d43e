"""Which class a text belongs to, from a few examples: kernel ridge regression over meaning and words.

Two texts are as alike as their embeddings' cosine and the cosine of their weighted words say together. A class's score is
what its description says, plus what the examples teach beside it: with no examples the description decides alone, and far
from all examples it still does. Fitting is one matrix inverse, so a correction counts with the next text.

Kernel ridge regression: Saunders, Gammerman and Vovk, 1998. Its errors with each example left out need no second fit:
e = a / diag(inverse) (Rasmussen and Williams, Gaussian Processes for Machine Learning, 5.4.2).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from minidesk.text.words import STOPWORDS, stem, words

Floats = NDArray[np.float32]

# Ten examples a class, first rows and mean of 5 seeds (tests/benchmarks/triage_evals.py): banking77 .851 and .853, clinc150
# .902 and .913, dstc11_insurance .971. On the same vectors of the first rows: logistic regression .843 and .910 (the first two
# sets), linear discriminants with shrunken covariance .840 and .893; vectors of tokens, whitening and n-grams added nothing.
# How much of likeness are the words; the rest is the embeddings' cosine.
WORDS_SHARE = 0.15
# How fast likeness falls off. One correction moves the other of four in five pairs of tickets that say the same in other
# words (at 4.0: none), and none of six about something else; 1.5 is half a point better with ten examples of everything.
SHARPNESS = 3.0
# What an example of weight 1 may be wrong by: more follows single examples less.
RIDGE = 0.2
# What descriptions count beside examples, which count 1: the one of these under which the examples, each left out, fare
# best, and the first while they are few. And what a description's words count beside its meaning.
DESCRIPTION = (0.5, 1.0, 2.0)
DESCRIBING_WORDS = 0.25
# Scores become shares by a softmax; its temperature is the one of these under which the examples, each left out, fare best.
TEMPERATURES = (0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5)
FEW = 12  # examples that choose no temperature
FEW_TEMPERATURE = 0.04  # by the sample shop's 60 conversations and its teams' descriptions


@dataclass(frozen=True, slots=True)
class Example:
    """A text whose class is known. `vector` is L2-normalised; `weight` 1 is an ordinary one."""

    label: int
    text: str
    vector: Floats
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Description:
    """What a class is about. `vectors` are L2-normalised: of the whole, then of its pieces; none where it says nothing."""

    text: str
    vectors: Floats


@dataclass(frozen=True, slots=True)
class Judged:
    """Scores and shares of the classes (they add up to 1), and how alike each example is (0 to 1)."""

    scores: Floats
    shares: Floats
    likeness: Floats

    @property
    def best(self) -> int:
        """The class."""
        return int(self.scores.argmax())


class Learned:
    """What some examples teach. Fitting and judging are CPU work: call them off the event loop."""

    def __init__(self, descriptions: Sequence[Description], examples: Sequence[Example]) -> None:
        """One description a class, in the order of the labels. Up to a second for 2,000 examples."""
        # A class without pieces has one that is like nothing, so that each has its own stretch of the pieces.
        parts = [
            each.vectors if len(each.vectors) else each.vectors.sum(axis=0)[None] for each in descriptions
        ]
        self._wholes = np.stack([part[0] for part in parts])
        self._pieces = np.concatenate([part[1:] if len(part) > 1 else part for part in parts])
        self._starts = np.cumsum([0] + [max(1, len(part) - 1) for part in parts])[:-1]
        self._describing = Words([each.text for each in descriptions])
        self._labels = np.array([each.label for each in examples], np.int64)
        self._words = Words([each.text for each in examples])
        self._vectors = (
            np.stack([each.vector for each in examples]).astype(np.float32)
            if examples
            else np.zeros((0, self._wholes.shape[1]), np.float32)
        )
        self._description, self._temperature = DESCRIPTION[0], FEW_TEMPERATURE
        self._pull = np.zeros((len(examples), len(parts)), np.float32)
        if examples:
            self._fit(examples)

    def judge(self, vector: Floats, text: str) -> Judged:
        """What a text is."""
        likeness = self._likeness(vector, text)
        scores = self._description * self.told(vector, text)
        if len(likeness):
            scores = scores + _kernel(likeness) @ self._pull
        return Judged(scores, _shares(scores, self._temperature), likeness)

    def nearest(self, judged: Judged, label: int) -> int | None:
        """The example of a class that is most like the text; None where it has none."""
        own = np.flatnonzero(self._labels == label)
        return int(own[judged.likeness[own].argmax()]) if len(own) else None

    def told(self, vector: Floats, text: str) -> Floats:
        """How alike a text is to the descriptions (classes,): to the whole and its nearest piece, and by words."""
        piece = np.maximum.reduceat(self._pieces @ vector, self._starts)
        meant = (self._wholes @ vector + piece) / 2
        found: Floats = meant + DESCRIBING_WORDS * self._describing.alike(text)
        return found

    def described(self, label: int) -> Floats:
        """The vector of a class's description; zeros where it has none."""
        found: Floats = self._wholes[label]
        return found

    def _fit(self, examples: Sequence[Example]) -> None:
        alike = np.stack([self._likeness(each.vector, each.text) for each in examples])
        noise = np.array([RIDGE / each.weight for each in examples], np.float32)
        inverse = np.linalg.inv(_kernel(alike) + np.diag(noise))
        wanted = np.eye(len(self._wholes), dtype=np.float32)[self._labels]
        told = np.stack([self.told(each.vector, each.text) for each in examples])
        if len(examples) >= FEW:
            # Tickets that went where descriptions sent them agree with these; a correction does not, and counts more.
            weights = np.array([each.weight for each in examples], np.float32)
            diagonal = np.diag(inverse)[:, None]
            left_out = {
                d: (wanted - inverse @ (wanted - d * told) / diagonal).astype(np.float32) for d in DESCRIPTION
            }
            self._description, self._temperature = max(
                ((d, t) for d in DESCRIPTION for t in TEMPERATURES),
                key=lambda both: _likelihood(left_out[both[0]], self._labels, weights, both[1]),
            )
        self._pull = (inverse @ (wanted - self._description * told)).astype(np.float32)

    def _likeness(self, vector: Floats, text: str) -> Floats:
        if not len(self._vectors):
            return np.zeros(0, np.float32)
        meant = np.clip(self._vectors @ vector, 0.0, 1.0)
        found: Floats = (1 - WORDS_SHARE) * meant + WORDS_SHARE * self._words.alike(text)
        return found


class Words:
    """Weighted words and pairs of words of some texts (tf-idf); gives the cosine of another text with each."""

    def __init__(self, texts: Sequence[str]) -> None:
        counted = [features(text) for text in texts]
        spread = Counter(feature for each in counted for feature in each)
        self._weights = {feature: math.log((1 + len(texts)) / n) + 1 for feature, n in spread.items()}
        self._new = math.log(1 + len(texts)) + 1
        places: defaultdict[str, list[int]] = defaultdict(list)
        values: defaultdict[str, list[float]] = defaultdict(list)
        for at, each in enumerate(counted):
            for feature, value in self._weighted(each).items():
                places[feature].append(at)
                values[feature].append(value)
        self._places = {
            feature: (np.array(at, np.int32), np.array(values[feature], np.float32))
            for feature, at in places.items()
        }
        self._size = len(texts)

    def alike(self, text: str) -> Floats:
        """Cosines (texts,)."""
        found = np.zeros(self._size, np.float32)
        for feature, value in self._weighted(features(text)).items():
            if feature in self._places:
                at, values = self._places[feature]
                found[at] += value * values
        return found

    def _weighted(self, counted: Counter[str]) -> dict[str, float]:
        raw = {f: (1 + math.log(n)) * self._weights.get(f, self._new) for f, n in counted.items()}
        length = math.sqrt(sum(value * value for value in raw.values())) or 1.0
        return {feature: value / length for feature, value in raw.items()}


def features(text: str) -> Counter[str]:
    """Stems, and pairs of neighbours among all words: "not arrived" is another thing than "arrived"."""
    said = words(text)
    found = Counter(stem(word) for word in said if word not in STOPWORDS)
    found.update(f"{a} {b}" for a, b in pairwise(said))
    return found


def _kernel(alike: Floats) -> Floats:
    """From 0 for nothing alike to 1 for the same: what is far from all examples is moved by none."""
    found: Floats = np.expm1(SHARPNESS * alike) / np.expm1(SHARPNESS)
    return found


def _shares(scores: Floats, temperature: float) -> Floats:
    raised = np.exp((scores - scores.max(axis=-1, keepdims=True)) / temperature)
    found: Floats = raised / raised.sum(axis=-1, keepdims=True)
    return found


def _likelihood(scores: Floats, labels: NDArray[np.int64], weights: Floats, temperature: float) -> float:
    shares = _shares(scores, temperature)[np.arange(len(labels)), labels]
    return float(np.average(np.log(np.maximum(shares, 1e-9)), weights=weights))
