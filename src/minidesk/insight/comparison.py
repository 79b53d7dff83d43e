"""Two runs of the same question set, question by question: what got better, what got worse, and whether that can be chance.

Differences are paired: the same questions are drawn again and again (bootstrap; Efron and Tibshirani 1993, chapter 13),
so that a hard question weighs on both sides and only what differs between the runs remains.
"""

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from pydantic import BaseModel, ConfigDict, ValidationError

from minidesk.errors import Invalid

# The 2.5th and 97.5th percentiles then move by less than a tenth of their distance from run to run.
RESAMPLES = 2_000
# The same two files must always give the same intervals.
SEED = 20
# Questions listed on each side; the whole lists stand in the results files.
LISTED = 20
_TEXT = 90  # characters of an answer in a line


class ResultLine(BaseModel):
    """What comparing needs of a line that `minidesk eval --out` wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    outcome: str
    text: str
    cost_usd: float
    ms: float
    right: bool
    ndcg: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both runs over the questions that both have, and the 95 % interval of `b - a`."""

    name: str
    questions: int
    a: float
    b: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out "no difference"."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs side by side."""

    differences: tuple[Difference, ...]
    better: tuple[tuple[ResultLine, ResultLine], ...]  # wrong in A, right in B
    worse: tuple[tuple[ResultLine, ResultLine], ...]
    only_in_a: int
    only_in_b: int


def read_results(path: Path) -> dict[str, ResultLine]:
    """The lines of a results file by question id. Raises Invalid naming the first line that is none."""
    found: dict[str, ResultLine] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            result = ResultLine.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError) as problem:
            raise Invalid(
                f"Line {number} of {path.name} is no result: write both files with `minidesk eval --out`.",
                code="results_unreadable",
            ) from problem
        found[result.id] = result
    return found


def compare(a: dict[str, ResultLine], b: dict[str, ResultLine]) -> Comparison:
    """What changed from `a` to `b`, over the questions of both. Raises Invalid if they share none."""
    shared = [(a[id_], b[id_]) for id_ in a if id_ in b]
    if not shared:
        raise Invalid("The two files have no question in common: compare runs of the same set.")
    differences = [
        _difference("right", shared, lambda line: float(line.right)),
        _difference("nDCG@10", shared, lambda line: line.ndcg),
        _difference("replied", shared, lambda line: float(line.outcome == "reply")),
        _difference("cost, USD", shared, lambda line: line.cost_usd),
        _difference("time, ms", shared, lambda line: line.ms),
    ]
    for tag in sorted({tag for line, _ in shared for tag in line.tags}):
        tagged = [pair for pair in shared if tag in pair[0].tags]
        differences.append(_difference(f"right: {tag}", tagged, lambda line: float(line.right)))
    return Comparison(
        differences=tuple(found for found in differences if found is not None),
        better=tuple(pair for pair in shared if pair[1].right and not pair[0].right),
        worse=tuple(pair for pair in shared if pair[0].right and not pair[1].right),
        only_in_a=len(a.keys() - b.keys()),
        only_in_b=len(b.keys() - a.keys()),
    )


def _difference(
    name: str,
    pairs: Sequence[tuple[ResultLine, ResultLine]],
    figure: Callable[[ResultLine], float | None],
) -> Difference | None:
    """None where no question of both runs bears on the figure."""
    values = [
        (before, after)
        for before, after in ((figure(one), figure(other)) for one, other in pairs)
        if before is not None and after is not None
    ]
    if not values:
        return None
    low, high = _interval([after - before for before, after in values])
    a, b = fmean(before for before, _ in values), fmean(after for _, after in values)
    return Difference(name, len(values), a, b, low, high)


def _interval(changes: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of the means of `RESAMPLES` draws with replacement."""
    draw = random.Random(SEED)  # noqa: S311 (no secret: a fixed sequence is the point)
    means = sorted(fmean(draw.choices(changes, k=len(changes))) for _ in range(RESAMPLES))
    return means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]


def as_text(found: Comparison) -> str:
    """For a terminal: the figures, then the questions that changed sides."""
    lines = [f"{'':22}{'questions':>10}{'A':>11}{'B':>11}{'B - A':>11}   95 % interval"]
    for each in found.differences:
        sure = "" if each.certain else "   (can be chance)"
        lines.append(
            f"{each.name[:21]:22}{each.questions:>10}{each.a:>11.4g}{each.b:>11.4g}{each.b - each.a:>+11.4g}"
            f"   {each.low:+.4g} to {each.high:+.4g}{sure}"
        )
    lines += _listed("better", found.better) + _listed("worse", found.worse)
    if found.only_in_a or found.only_in_b:
        lines.append(f"\nLeft out: {found.only_in_a} questions only in A, {found.only_in_b} only in B.")
    return "\n".join(lines)


def _listed(word: str, pairs: Iterable[tuple[ResultLine, ResultLine]]) -> list[str]:
    held = list(pairs)
    lines = [f"\n{word}: {len(held)}"]
    for before, after in held[:LISTED]:
        lines.append(f"  {before.id}")
        lines += [
            f"    {side} {line.outcome}: {_short(line.text)}" for side, line in (("A", before), ("B", after))
        ]
    if len(held) > LISTED:
        lines.append(f"  and {len(held) - LISTED} more")
    return lines


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _TEXT else flat[: _TEXT - 1] + "…"
