"""Times as people read them. `times.ts` says the same words while a page stays open."""

from datetime import datetime

from minidesk.web.console.contexts import When
from minidesk.web.console.view import say

MINUTE, HOUR, DAY = 60, 3600, 86_400


def when(at: datetime, now: datetime) -> When:
    """Relative up to a day, then a date."""
    return When(at.isoformat(), ago(at, now), f"{at:%Y-%m-%d %H:%M} UTC")


def clock(at: datetime, now: datetime) -> When:
    """The time of day on the same day, the date too on any other."""
    text = f"{at:%H:%M}" if at.date() == now.date() else f"{_date(at)} {at:%H:%M}"
    return When(at.isoformat(), text, f"{at:%Y-%m-%d %H:%M} UTC")


def ago(at: datetime, now: datetime) -> str:
    """`now`, `5 min`, `3 h`, `2 Mar`, `2 Mar 2025`."""
    seconds = (now - at).total_seconds()
    if seconds < MINUTE:
        return say("time.now")
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h"
    return _date(at) if at.year == now.year else f"{_date(at)} {at.year}"


def span(seconds: float) -> str:
    """A duration in one unit: `8 min`, `3 h`, `2 d`."""
    seconds = abs(seconds)
    if seconds < HOUR:
        return f"{max(1, -int(-seconds // MINUTE))} min"
    return f"{round(seconds / HOUR)} h" if seconds < DAY else say("time.days", n=round(seconds / DAY))


def _date(at: datetime) -> str:
    return say("time.date", day=at.day, month=say(f"time.month.{at.month}"))
