"""How sure we are that the top passage answers: a number of 0 to 1 that means the same for every knowledge base.

A logistic curve, fitted to three sets of questions with and without an answer, each weighing the same: gaps in FAQs
(AUROC .95), shop chat (.89), unanswerable questions about the very paragraph (.64). Expected calibration error .09 on
average (.12 for its predecessor of one cosine); leaving a set out of the fit, .12. A regression on 25 features of scores
and words reached .96, .90 and .64 where it was fitted and .94, .84 and .60 where it was not; missing words, the distance
to the second passage, the base's own density and how near the question is to the base in general gained nothing. Only a
proof against the passage's text can do more.
"""

import math
from dataclasses import dataclass

# z = BASE + NEAREST·nearest + SENTENCE·best sentence + STANDS_OUT·(nearest - usual) + WORDS·share - SHORT/(1 + terms).
# What stands out of the other passages found counts once more: in a base about one thing all are near. A question of
# one word may mean anything (SHORT).
BASE = -4.6
NEAREST = 3.55
SENTENCE = 3.55
STANDS_OUT = 3.55
WORDS = 0.35
SHORT = 3.1
# The other passages: so many of the nearest.
OTHERS = 50
# Words alone: every word found once gives a share of some .45, and then .73. On FAQs and shop chat the share was
# .34–.40 where there was an answer and .12–.19 where there was none. Without vectors we are never surer than .75.
TEXT_BASE = -2.6
TEXT_WORDS = 8.0
TEXT_MOST = 0.75
# Where the model does not read the language (`abroad`), the cosines count half against the words.


@dataclass(frozen=True, slots=True)
class Nearness:
    """Cosines of what was found, -1 to 1."""

    nearest: float  # of all passages, by text or phrasing
    top: float  # of the top passage: its text, its phrasings or its best sentence
    usual: float  # the mean of the OTHERS nearest passages


def confidence(near: Nearness | None, words_share: float, terms: int, *, abroad: bool = False) -> float:
    """The chance that the top passage answers.

    `near`: None in text mode; `words_share`: the part of what the question's words could score that they do score in
    it; `terms`: how many words of the question say what it is about. Rises with `nearest`, `top` and `words_share`.
    A question that is about nothing ("hi") has no answer to be sure of: 0.
    """
    if terms == 0:
        return 0.0
    if near is None:
        return min(TEXT_MOST, _logistic(TEXT_BASE + TEXT_WORDS * words_share))
    cosines = NEAREST * near.nearest + SENTENCE * near.top + STANDS_OUT * (near.nearest - near.usual)
    z = BASE + cosines + WORDS * words_share - SHORT / (1 + terms)
    if abroad:
        z = (z + TEXT_BASE + TEXT_WORDS * words_share) / 2
    return _logistic(z)


def _logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))
