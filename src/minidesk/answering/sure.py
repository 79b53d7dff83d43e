"""Do the passages answer the question at all? A number from 0 to 1, and the word that they lack.

Scores alone tell off-topic questions apart, not gaps inside a topic (evaluation README: near chance on SQuAD 2). So
beside the meaning's nearness it is asked whether what the question is *about* stands there: each of its words,
exactly or nearly, its names and codes, and the kind of answer it wants.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from minidesk.answering.rank import Ranking

# A logistic regression with the features and signs of tests/benchmarks/fit_sureness.py, set between two of its fits: to
# the sample shop's and 370 more questions about a shop's pages, and to five sets at once, each weighing the same for what
# can and what cannot be answered (a shop's pages twice, product help, encyclopaedia paragraphs, FAQ threads with gaps).
# Not all of these questions are kept in the repository, so the numbers cannot be made again to the digit. AUROC, shop
# .96 and .93, paragraphs .62, gaps .92: what it decides hangs on the base more than on the weights. Signs were fixed
# beforehand by what each feature means. Tried and left out, because they gained nothing elsewhere or changed sign from set
# to set: how the base's own sentences lie among its other documents, how many passages it has, how far the question's
# words are covered as a whole, whether the passage is an FAQ entry, search's own sureness (gaps .95, the shop .73).
#
# meaning: the nearest unit's cosine, or that of the nearest question that its entry is known to answer. same: by how
# much that is above .65, where MiniLM's cosines begin to mean that two sentences say the same. lead: by how much the
# best passage stands out of the third to eighth; a question that the pages miss is a little near to many. weakest:
# how well the worst-held word of the question stands in the best unit. words: how many of the words that say what it is
# about the best unit holds; those that it lacks told as little as the length of the question does. kind: whether the unit
# holds the kind of answer asked for. place: a place is named that the pages never name; by hand, for what has no other
# word. offered: "do you have …?" (see asks.Ask). sided: a table with a row for each of the things that are compared; by
# hand, as no set asks so. row: a table's row is named after the thing and holds the figure that is asked for; by hand.
# here: where those who answer are is asked, and told by an address or the way there; by hand, as neither has a word of the
# question. unsaid: what is asked about does not stand in the best unit at all (`unsaid.py`); another: the entry answers
# another question in the same words (`another.py`); both by hand, so much that nothing else outweighs them. helpless: what
# went wrong is told, and the best unit speaks of nothing that did; by hand. unnamed: the best unit lacks a name or figure
# of the question; as much as turned no answer of the shops' sets (of paragraphs' unanswerable, .25 to .31 were refused).
_WEIGHTS: dict[str, float] = {
    "meaning": 5.0,
    "same": 6.0,
    "lead": 1.3,
    "weakest": 1.6,
    "words": 0.15,
    "kind": 0.6,
    "place": -0.6,
    "offered": -0.9,
    "sided": 1.0,
    "row": 0.7,
    "here": 2.0,
    "unsaid": -4.0,
    "another": -4.0,
    "helpless": -1.0,
    "unnamed": -0.5,
}
# As far up as four in five of the sample shop's unanswerable questions are still refused.
_BIAS = -3.18
ANSWER_FROM = 0.5  # extracts are shown from here on
# A model reads the passages itself and may say NOT_FOUND; below this it is not worth asking.
ASK_MODEL_FROM = 0.12


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure, and the question's word that stands nowhere in the passages (for the visitor's line)."""

    score: float
    missing: str | None


def sureness(ranking: Ranking, found: float) -> Sureness:
    """0 to 1 that the best unit's passage answers. `found`: what search thinks of that, the same range; it decides of an
    entry that has questions and says nothing."""
    # Two missing words and more: naming one of them would sound as if the other were there.
    missing = ranking.missing[0] if len(ranking.missing) == 1 else None
    if not ranking.scored:
        return Sureness(0.0, missing)
    score = found if ranking.features["bare"] else _probability(ranking.features)
    if ranking.features["another"]:
        # A model knows more words for a thing than the lists here ("surgery" for a dentist's practice), and the proof lets
        # nothing stand that does not name it.
        score = max(score, ASK_MODEL_FROM)
    return Sureness(score, missing)


def _probability(features: Mapping[str, float]) -> float:
    z = _BIAS + sum(weight * features[name] for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-z))
