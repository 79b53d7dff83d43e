"""Do the passages answer the question at all? A number from 0 to 1, and the word that they lack.

Scores alone tell off-topic questions apart, not gaps inside a topic (evaluation README: near chance on SQuAD 2). So
beside the meaning's nearness it is asked whether what the question is *about* stands there: each of its words,
exactly or nearly, its names and codes, and the kind of answer it wants.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from minidesk.answering.rank import Ranking

_WEIGHTS: dict[str, float] = {"meaning": 5.0, "lead": 2.8, "weakest": 1.3, "words": 0.07, "kind": 0.5, "offered": -0.8}
_BIAS = -3.5
ANSWER_FROM = 0.5  # extracts are shown from here on
# A model reads the passages itself and may say NOT_FOUND; below this it is not worth asking.
ASK_MODEL_FROM = 0.12


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure, and the question's word that stands nowhere in the passages (for the visitor's line)."""

    score: float
    missing: str | None


def sureness(ranking: Ranking) -> Sureness:
    """0 to 1 that the best unit's passage answers."""
    # Two missing words and more: naming one of them would sound as if the other were there.
    missing = ranking.missing[0] if len(ranking.missing) == 1 else None
    return Sureness(_probability(ranking.features) if ranking.scored else 0.0, missing)


def _probability(features: Mapping[str, float]) -> float:
    z = _BIAS + sum(weight * features[name] for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-z))
