"""When people are there, and the line that says so."""

from datetime import UTC, date, datetime, timedelta

from minidesk.sites.config import OpeningHours, SiteConfig, Span
from minidesk.text.locale import Texts

LOOK_AHEAD_DAYS = 60  # beyond the longest holidays; a site that opens later than this is not open


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
            start = datetime.combine(day, span.start, hours.zone).astimezone(UTC)
            if start > now:
                return start
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
    time = _clock(local.hour, local.minute)
    if days == 0:
        return texts.t("hours.today", locale, time=time)
    if days == 1:
        return texts.t("hours.tomorrow", locale, time=time)
    if days < 7:
        return texts.t("hours.on_day", locale, day=texts.t(f"day.{local.weekday()}", locale), time=time)
    return texts.t("hours.on_date", locale, date=local.date().isoformat(), time=time)


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


def _clock(hour: int, minute: int) -> str:
    """9 or 9:30, as people write it."""
    return f"{hour}:{minute:02}" if minute else str(hour)
