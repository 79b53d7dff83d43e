"""Events that are stored, and wake-ups that only say "look again"."""

from minidesk.live.events import Audience, EventLog, StoredEvent
from minidesk.live.hub import Hub, Subscription

__all__ = ["Audience", "EventLog", "Hub", "StoredEvent", "Subscription"]
