"""What travels between the outbox, the sender and the console."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

# The jobs of this room wait for other people's servers; replies and files must not wait behind them.
QUEUE = "channels"

EVENTS = (
    "conversation.started",
    "message.visitor",
    "message.agent",
    "ticket.created",
    "ticket.updated",
    "ticket.solved",
    "ticket.due_soon",
    "rating.given",
    "rule.matched",
)
TEST_EVENT = "test"

EndpointState = Literal["on", "off", "gone", "failing"]
DeliveryState = Literal["waiting", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint as administrators see it: not its secrets."""

    id: str
    url: str
    events: tuple[str, ...]
    state: EndpointState
    failing_since: datetime | None
    last_ok_at: datetime | None
    old_secret_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TryView:
    """One request. `status` is None where no answer came; `error` is one of deliver.py's words, or empty."""

    at: datetime
    status: int | None
    ms: int
    error: str


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One event for one endpoint, with its tries, the latest first."""

    id: str
    event: str
    state: DeliveryState
    next_at: datetime | None
    created_at: datetime
    tries: tuple[TryView, ...]
