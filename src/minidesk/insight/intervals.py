"""Shares and means with the interval in which they would lie 19 times of 20 for other questions of the same kind."""

import random
from collections.abc import Sequence
from statistics import fmean

from minidesk.insight.experiments import Estimate, wilson

# The 2.5th and 97.5th percentiles then move by less than a tenth of their distance from run to run.
RESAMPLES = 2_000
# Above so many the draws of a set would take minutes, and the normal approximation is as good.
_DRAWN = 500
_Z = 1.959964  # the normal quantile of a 95 % interval
# The same values must always give the same interval.
SEED = 20


def share_of(hits: Sequence[bool]) -> Estimate:
    """How many of these are true, with Wilson's interval (1927), which holds for few as well."""
    return wilson(sum(hits), len(hits))


def mean_of(values: Sequence[float]) -> Estimate:
    """The mean, with the interval of the values drawn again and again (bootstrap; Efron and Tibshirani 1993)."""
    if not values:
        return Estimate(None)
    mean = fmean(values)
    if len(values) > _DRAWN:
        half = _Z * (fmean((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
        return Estimate(mean, mean - half, mean + half, len(values))
    draw = random.Random(SEED)  # noqa: S311 (no secret: a fixed sequence is the point)
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))]
    return Estimate(mean, low, high, len(values))
