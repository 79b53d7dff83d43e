"""Do the passages answer the question at all? A number from 0 to 1, and the word that they lack.

Scores alone tell off-topic questions apart, not gaps inside a topic (evaluation README: near chance on SQuAD 2). So
beside the meaning's nearness it is asked whether what the question is *about* stands there: each of its words,
exactly or nearly, its names and codes, and the kind of answer it wants.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from minidesk.answering.rank import Ranking

# How much each of Ranking.features says; chosen by hand so that the order holds on four very different sets (a shop's
# pages, product help, FAQ threads with gaps, encyclopaedia paragraphs), not fitted: a regression on any one of them
# lost 10 points of AUROC on the others. `score` is the best unit's rank score, `weakest…` how well the worst-held word
# of the question stands in that unit and in all passages.
_WEIGHTS: dict[str, float] = {"score": 6.0, "dense": 2.0, "weakest_unit": 1.5, "weakest_all": 0.7, "kind": 1.0}
_BIAS = -5.8
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
