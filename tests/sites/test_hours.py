"""Opening hours on the days on which clocks are changed: being open and counting open minutes say the same."""

import random
from datetime import UTC, datetime, time, timedelta

import pytest

from minidesk.sites import after_open_minutes, is_open, next_opening
from minidesk.sites.config import OpeningHours, Span

# Berlin: at 2:00 comes 3:00, at 3:00 comes 2:00 again. Santiago, Havana and Cairo change at midnight, Lord Howe by half an hour.
DAYS = [
    ("Europe/Berlin", "2026-03-28"),
    ("Europe/Berlin", "2026-10-24"),
    ("America/Santiago", "2026-04-04"),
    ("America/Santiago", "2026-09-05"),
    ("Africa/Cairo", "2026-04-23"),
    ("Africa/Cairo", "2026-10-29"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("America/Havana", "2026-03-07"),
    ("America/Havana", "2026-10-31"),
    ("America/St_Johns", "2010-11-06"),  # at one minute past midnight, back into the day before
]
STEP = timedelta(minutes=5)


def daily(zone: str, *spans: tuple[str, str]) -> OpeningHours:
    """The same spans every day."""
    day = tuple(Span(start=time.fromisoformat(start), end=time.fromisoformat(end)) for start, end in spans)
    return OpeningHours(time_zone=zone, week=(day,) * 7)


def at(utc: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("spans", "begin", "end"),
    [
        # 29 March: the hour from 2 to 3 is left out. What begins or ends in it does so when the clocks are put forward.
        ((("02:30", "06:00"),), "2026-03-29T01:00", "2026-03-29T04:00"),
        ((("00:00", "02:30"),), "2026-03-28T23:00", "2026-03-29T01:00"),
        # 25 October: it comes twice. What begins or ends in it does so the first time.
        ((("02:30", "06:00"),), "2026-10-25T00:30", "2026-10-25T05:00"),
        ((("00:00", "02:30"),), "2026-10-24T22:00", "2026-10-25T00:30"),
        ((("02:15", "02:45"),), "2026-10-25T00:15", "2026-10-25T00:45"),
    ],
)
def test_hours_that_begin_or_end_while_clocks_are_changed(
    spans: tuple[tuple[str, str], ...], begin: str, end: str
) -> None:
    hours, start, stop = daily("Europe/Berlin", *spans), at(begin), at(end)
    assert next_opening(hours, start - STEP) == start
    now = start - STEP
    while now < stop + STEP:
        assert is_open(hours, now) == (start <= now < stop), now
        now += STEP
    minutes = int((stop - start).total_seconds()) // 60
    assert after_open_minutes(hours, start - STEP, minutes) == stop
    assert after_open_minutes(hours, start - STEP, minutes + 1) != stop + timedelta(minutes=1)


def test_hours_that_the_clocks_leave_out() -> None:
    hours = daily("Europe/Berlin", ("02:15", "02:45"))
    now = at("2026-03-29T00:00")
    assert not any(is_open(hours, now + n * STEP) for n in range(36))
    assert next_opening(hours, now) == at("2026-03-30T00:15")
    assert after_open_minutes(hours, now, 30) == at("2026-03-30T00:45")


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_being_open_and_counting_open_minutes_say_the_same(zone: str, day: str) -> None:
    chance = random.Random(day + zone)
    for _ in range(8):
        quarters = sorted(chance.sample(range(97), 4))
        ends = [f"{n // 4 % 24:02}:{n % 4 * 15:02}" for n in quarters]
        hours = daily(zone, (ends[0], ends[1]), (ends[2], ends[3]))
        start = at(f"{day}T00:00") + chance.randrange(288) * STEP
        minutes = chance.choice((5, 30, 120, 600))
        due = after_open_minutes(hours, start, minutes)
        assert due is not None
        count, now = 0, start
        while now < due:
            count, now = count + 5 * is_open(hours, now), now + STEP
        assert count == minutes, (hours.week[0], start, due)
        opening, now = next_opening(hours, start), start
        assert opening is not None
        while not is_open(hours, now):
            now += STEP
        assert now == opening, (hours.week[0], start)
