"""How sure we are that the top passage answers: a number of 0 to 1 that means the same for every knowledge base.

A logistic curve, fitted to five sets of questions with and without an answer and to questions from foreign
domains, each set weighing the same. The cosine of the top passage says nearly all of it: AUROC .95 on gaps in
FAQs, .89 on shop chat, .63 on unanswerable questions about the very paragraph. Each of these is the figure of
the best logistic regression on nine features as well. The distance to the second passage was tried and left out:
leaving one set out, it cost 4 points on shop chat. Only a proof against the passage's text can do more.
"""

import math

# z = BASE + COSINE·cosine + WORDS·share - SHORT/(1 + terms); a question of one word may mean anything (SHORT).
# With five words, a third of what they could score: a cosine of .3 gives .06, .5 .40, .6 .68, .7 .87.
BASE = -5.8
COSINE = 11.6
WORDS = 0.4
SHORT = 3.5
# Words alone: every word found once gives a share of some .45, and then .73. On FAQs and shop chat the share was
# .34–.40 where there was an answer and .12–.19 where there was none. Without vectors we are never surer than .75.
TEXT_BASE = -2.6
TEXT_WORDS = 8.0
TEXT_MOST = 0.75


def confidence(cosine: float | None, words_share: float, terms: int) -> float:
    """The chance that a passage answers.

    `cosine`: the best of its vectors, None in text mode; `words_share`: the part of what the question's words could
    score that they do score in it; `terms`: how many words of the question say what it is about. Rises with the
    first two. A question that is about nothing ("hi") has no answer to be sure of: 0.
    """
    if terms == 0:
        return 0.0
    if cosine is None:
        return min(TEXT_MOST, _logistic(TEXT_BASE + TEXT_WORDS * words_share))
    return _logistic(BASE + COSINE * cosine + WORDS * words_share - SHORT / (1 + terms))


def _logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))
