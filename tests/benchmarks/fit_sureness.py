"""Fits the weights of `answering/sure.py`: `python -m tests.benchmarks.fit_sureness DATA_DIR:QUESTIONS.jsonl …`

Each DATA_DIR is a desk into which `minidesk ingest` has put the corpus of the question set beside it; the first part of
the folder's name is its domain (`shop`, `shop-2`). Prints the weights over all sets, and for each set what they decide
when its domain is left out of the fit. Read the result before using it: a weight that changes its sign from domain to
domain says something about the files, not about language.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minidesk.answering.outcome import Question
from minidesk.answering.smalltalk import smalltalk
from minidesk.answering.wants_human import wants_human
from minidesk.insight.evaluation import read_questions
from minidesk.operations import open_for_asking
from minidesk.settings import load_settings

Floats = NDArray[np.float64]
FEATURES = ("meaning", "same", "lead", "weakest", "words", "kind", "offered")
# What each feature means fixes its sign: 1 speaks for an answer, -1 against one, 0 either.
SIGNS = np.array([1, 1, 1, 1, 0, 1, -1])
SHRINK = 0.02  # of the squared weights; ten times more or less moved no AUROC by .01
STEPS, RATE = 4000, 0.5


@dataclass(frozen=True, slots=True)
class Set:
    """Features and whether there is an answer, a row a question."""

    name: str
    domain: str
    x: Floats
    y: Floats

    @property
    def weights(self) -> Floats:
        """What can and what cannot be answered weigh the same, and each set as much as any other."""
        with_, without = max(1.0, float(self.y.sum())), max(1.0, float((1 - self.y).sum()))
        return np.asarray(self.y / with_ + (1 - self.y) / without) / 2


async def collect(folder: Path, questions: Path) -> Set:
    """Every question that is searched for, weighed by the product itself."""
    x, y = [], []
    async with open_for_asking(load_settings(data_dir=folder), None) as (site, answers):
        for asked in read_questions(questions):
            if (
                asked.outcome == "handoff"
                or wants_human(asked.question)
                or smalltalk(asked.question) is not None
            ):
                continue
            found = await answers.asker.prepare(Question(site, asked.question, asked.history))
            if found.ranking.features:
                x.append([found.ranking.features[name] for name in FEATURES])
                y.append(float(asked.can_answer))
    return Set(questions.stem, folder.name.split("-")[0], np.array(x), np.array(y))


def fit(sets: list[Set]) -> tuple[float, Floats]:
    """Bias and weights by projected gradient descent on standardised features."""
    x, y = np.vstack([s.x for s in sets]), np.concatenate([s.y for s in sets])
    share = np.concatenate([s.weights for s in sets]) / len(sets)
    mean, deviation = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = (x - mean) / deviation
    bias, weights = 0.0, np.zeros(x.shape[1])
    for _ in range(STEPS):
        error = share * (1 / (1 + np.exp(-(z @ weights + bias))) - y)
        bias -= RATE * error.sum()
        weights -= RATE * (z.T @ error + SHRINK * weights)
        weights = np.where(SIGNS * weights < 0, 0.0, weights)
    return bias - float(weights / deviation @ mean), weights / deviation


def auroc(z: Floats, y: Floats) -> float:
    """The chance that a question with an answer scores above one without."""
    with_, without = z[y == 1], z[y == 0]
    return float(np.mean([(z > without).mean() + 0.5 * (z == without).mean() for z in with_]))


def main() -> None:
    """Fit and report."""
    sets = [
        asyncio.run(collect(Path(a), Path(b))) for a, b in (argument.split(":") for argument in sys.argv[1:])
    ]
    bias, weights = fit(sets)
    print(
        {name: round(float(w), 2) for name, w in zip(FEATURES, weights, strict=True)}, "bias", round(bias, 2)
    )
    for one in sets:
        others = [other for other in sets if other.domain != one.domain]
        for label, (b, w) in {
            "all": (bias, weights),
            **({"left out": fit(others)} if others else {}),
        }.items():
            z = one.x @ w + b
            print(
                f"{one.name}, {label}: AUROC {auroc(z, one.y):.3f}, answered {(z[one.y == 1] > 0).mean():.3f}, refused {(z[one.y == 0] <= 0).mean():.3f}"
            )


if __name__ == "__main__":
    main()
