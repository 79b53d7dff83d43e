"""When somebody should have answered."""

from datetime import datetime, timedelta

from minidesk.sites import SiteConfig, next_opening

# A visitor who was promised a person leaves after about this long; a site sets its own in `reply_minutes`.
DEFAULT_RESPONSE_MINUTES = 30


def response_due(config: SiteConfig, now: datetime) -> datetime:
    """The first answer is due so many minutes after now, or after the next opening while nobody is there."""
    start = now if config.hours is None else next_opening(config.hours, now) or now
    return start + timedelta(minutes=config.reply_minutes or DEFAULT_RESPONSE_MINUTES)
