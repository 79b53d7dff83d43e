"""Figures as people read them on a terminal."""

from minidesk.insight.experiments import Estimate


def percent(value: float | None) -> str:
    """A share of 1 in per cent, a dash for none."""
    return "–" if value is None else f"{100 * value:.1f} %"


def figure(value: float | None) -> str:
    """A mean of values from 0 to 1, a dash for none."""
    return "–" if value is None else f"{value:.3f}"


def between(estimate: Estimate, *, as_share: bool = True) -> str:
    """The interval of a share ("71.7 to 91.1 %"), or of a mean."""
    if estimate.value is None:
        return ""
    low, high = estimate.low, estimate.high
    return f"{100 * low:.1f} to {100 * high:.1f} %" if as_share else f"{low:.3f} to {high:.3f}"


def shortened(text: str, most: int) -> str:
    """In one line of at most so many characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1].rstrip()}…"
