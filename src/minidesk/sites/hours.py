"""When people are there, and the line that says so.

A span is a piece of time in UTC; all that is asked here is asked of these pieces, so no two answers differ on a day on
which clocks are changed. A time that such a day leaves out is the moment at which they are put forward; of one that
comes twice the first counts.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from minidesk.sites.config import OpeningHours, SiteConfig, Span
from minidesk.text.locale import Texts

LOOK_AHEAD_DAYS = 60  # beyond the longest holidays; a site that opens later than this is not open
COUNT_AHEAD_DAYS = (
    730  # a week of minutes, the longest that is promised, is a year and a half of one half-day a week
)


def is_open(hours: OpeningHours, now: datetime) -> bool:
    """Whether somebody is there at `now`."""
    return _span_at(hours, now) is not None


def next_opening(hours: OpeningHours, now: datetime) -> datetime | None:
    """When somebody is there again, in UTC; `now` itself while open, None if not within two months."""
    if is_open(hours, now):
        return now
    today = now.astimezone(hours.zone).date()
    for ahead in range(LOOK_AHEAD_DAYS):
        for _, start, _ in _pieces(hours, today + timedelta(days=ahead)):
            if start > now:
                return start
    return None


def after_open_minutes(hours: OpeningHours, start: datetime, minutes: int) -> datetime | None:
    """When `minutes` of opening hours have passed since `start`, in UTC; None if they never do within two years.

    Nights, breaks and holidays do not count, and a day on which clocks are put back has the hours that it has.
    """
    reached, left = start.astimezone(UTC), timedelta(minutes=minutes)
    today = start.astimezone(hours.zone).date()
    for ahead in range(-1, COUNT_AHEAD_DAYS):
        for _, opening, end in _pieces(hours, today + timedelta(days=ahead)):
            begin = max(reached, opening)
            if end - begin >= left:
                return begin + left
            if end > begin:  # spans may overlap, and some of today's are over
                left, reached = left - (end - begin), end
    return None


def hours_line(config: SiteConfig, now: datetime, texts: Texts, locale: str | None) -> str:
    """One line for the widget: "People from 9 to 18." or "People are back tomorrow at 9."; empty where nothing is set."""
    if config.hours is None:
        return _reply_line(config, texts, locale)
    span = _span_at(config.hours, now)
    if span is not None:
        start, end = span.start, span.end
        midnight = not (end.hour or end.minute)
        line = texts.t(
            "hours.open",
            locale,
            start=_clock(start.hour, start.minute),
            end=_clock(24 if midnight else end.hour, end.minute),
        )
        return f"{line} {_reply_line(config, texts, locale)}".strip()
    opening = next_opening(config.hours, now)
    return "" if opening is None else _back_line(config.hours, now, opening, texts, locale)


def _back_line(
    hours: OpeningHours, now: datetime, opening: datetime, texts: Texts, locale: str | None
) -> str:
    local = opening.astimezone(hours.zone)
    days = (local.date() - now.astimezone(hours.zone).date()).days
    at = _clock(local.hour, local.minute)
    if days == 0:
        return texts.t("hours.today", locale, time=at)
    if days == 1:
        return texts.t("hours.tomorrow", locale, time=at)
    if days < 7:
        return texts.t("hours.on_day", locale, day=texts.t(f"day.{local.weekday()}", locale), time=at)
    return texts.t("hours.on_date", locale, date=local.date().isoformat(), time=at)


def _reply_line(config: SiteConfig, texts: Texts, locale: str | None) -> str:
    minutes = config.reply_minutes
    if minutes is None:
        return ""
    if minutes % 60 == 0:
        return texts.t("hours.reply_hours", locale, n=minutes // 60)
    return texts.t("hours.reply_minutes", locale, n=minutes)


def _span_at(hours: OpeningHours, now: datetime) -> Span | None:
    today = now.astimezone(hours.zone).date()
    # Clocks that are put back just after midnight bring the day before once more, while the next one's hours run.
    for day in (today, today + timedelta(days=1)):
        for span, start, end in _pieces(hours, day):
            if start <= now < end:
                return span
    return None


def _pieces(hours: OpeningHours, day: date) -> list[tuple[Span, datetime, datetime]]:
    """The day's spans, the earliest first, each from when until when; without those that the clocks leave out."""
    if any(holiday.day == day for holiday in hours.holidays):
        return []
    zone, found = hours.zone, []
    for span in sorted(hours.week[day.weekday()], key=lambda span: span.start):
        start = _instant(zone, day, span.start)
        end = _instant(zone, day if span.end != time(0) else day + timedelta(days=1), span.end)
        if start < end:
            found.append((span, start, end))
    return found


def _instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    local = datetime.combine(day, at, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).time() == at:
        return moment
    # Left out: with the offset from before it lies behind the change, with the one from after it before.
    early, late = local.replace(fold=1).astimezone(UTC), moment
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


def _clock(hour: int, minute: int) -> str:
    """9 or 9:30, as people write it."""
    return f"{hour}:{minute:02}" if minute else str(hour)
