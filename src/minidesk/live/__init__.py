"""Events that are stored, wake-ups that only say "look again", and who is looking on."""

from minidesk.live.desks import AgentHere, AgentsHere, desk_topic
from minidesk.live.events import Appended, Audience, EventLog, Listener, StoredEvent
from minidesk.live.hub import QUEUE, Hub, Subscription
from minidesk.live.presence import Presence

__all__ = [
    "QUEUE",
    "AgentHere",
    "AgentsHere",
    "Appended",
    "Audience",
    "EventLog",
    "Hub",
    "Listener",
    "Presence",
    "StoredEvent",
    "Subscription",
    "desk_topic",
]
