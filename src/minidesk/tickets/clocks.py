"""When somebody should have answered."""

from datetime import datetime, timedelta

from minidesk.sites import SiteConfig, next_opening

# A visitor who was promised a person leaves after about this long; a site sets its own in `reply_minutes`.
DEFAULT_RESPONSE_MINUTES = 30


def response_due(config: SiteConfig, now: datetime, minutes: int | None = None) -> datetime:
    """The first answer is due so many minutes after now, or after the next opening while nobody is there.

    `minutes` of a rule go before the site's own.
    """
    start = now if config.hours is None else next_opening(config.hours, now) or now
    return start + timedelta(minutes=minutes or config.reply_minutes or DEFAULT_RESPONSE_MINUTES)
