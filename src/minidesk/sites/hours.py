"""When people are there, and the line that says so."""

from datetime import UTC, date, datetime, time, timedelta

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
        day = today + timedelta(days=ahead)
        for span in _spans(hours, day):
            start = _instant(hours, day, span.start)
            if start > now:
                return start
    return None


def after_open_minutes(hours: OpeningHours, start: datetime, minutes: int) -> datetime | None:
    """When `minutes` of opening hours have passed since `start`, in UTC; None if they never do within two years.

    Nights, breaks and holidays do not count, and a day on which clocks are put back has the hours that it has.
    """
    reached, left = start.astimezone(UTC), timedelta(minutes=minutes)
    today = start.astimezone(hours.zone).date()
    for ahead in range(COUNT_AHEAD_DAYS):
        day = today + timedelta(days=ahead)
        for span in _spans(hours, day):
            begin, end = max(reached, _instant(hours, day, span.start)), _end(hours, day, span)
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
    local = now.astimezone(hours.zone)
    return next((span for span in _spans(hours, local.date()) if span.holds(local.time())), None)


def _spans(hours: OpeningHours, day: date) -> list[Span]:
    if any(holiday.day == day for holiday in hours.holidays):
        return []
    return sorted(hours.week[day.weekday()], key=lambda span: span.start)


def _instant(hours: OpeningHours, day: date, at: time) -> datetime:
    return datetime.combine(day, at, hours.zone).astimezone(UTC)


def _end(hours: OpeningHours, day: date, span: Span) -> datetime:
    return _instant(hours, day if span.end != time(0) else day + timedelta(days=1), span.end)


def _clock(hour: int, minute: int) -> str:
    """9 or 9:30, as people write it."""
    return f"{hour}:{minute:02}" if minute else str(hour)
