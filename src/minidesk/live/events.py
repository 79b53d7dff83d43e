"""Stored events: what happened in a conversation, numbered without gaps, replayed exactly."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import select, update

from minidesk.db import Tx
from minidesk.db.models import Conversation, Event
from minidesk.errors import NotFound
from minidesk.live.hub import Hub

Audience = Literal["all", "agents"]


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event as a stream sends it; `n` is its id there."""

    n: int
    type: str
    audience: str
    data: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Appended:
    """An event in the transaction that writes it."""

    site_id: str
    conversation_id: str
    n: int
    type: str
    data: dict[str, Any]
    created_at: datetime


Listener = Callable[[Tx, Appended], Awaitable[None]]


class EventLog:
    """Appends events inside the transaction that they tell of, and reads them back in order."""

    def __init__(self, hub: Hub, clock: Callable[[], datetime], listeners: Sequence[Listener] = ()) -> None:
        """`listeners` write more rows to the same transaction (webhooks, mail); they await nothing but the session."""
        self._hub = hub
        self._clock = clock
        self._listeners = listeners

    async def append(
        self, tx: Tx, conversation_id: str, type: str, data: dict[str, Any], audience: Audience = "all"
    ) -> int:
        """Store an event and give its number. Streams are woken after the commit, and only if there is one.

        The number comes from the conversation's row under its lock: two writers can never number in another
        order than they commit in, so a stream that has seen n never misses n - 1. Raises NotFound.
        """
        raised = await tx.execute(
            update(Conversation)
            .where(Conversation.id == conversation_id)
            .values(last_event=Conversation.last_event + 1)
            .returning(Conversation.last_event, Conversation.site_id)
        )
        row = raised.one_or_none()
        if row is None:
            raise NotFound
        n, site_id = row
        now = self._clock()
        tx.add(
            Event(
                conversation_id=conversation_id,
                site_id=site_id,
                n=n,
                type=type,
                audience=audience,
                data=data,
                created_at=now,
            )
        )
        appended = Appended(site_id, conversation_id, n, type, data, now)
        for listener in self._listeners:
            await listener(tx, appended)
        self.wake_after_commit(tx, f"conversation:{conversation_id}")
        self.wake_after_commit(tx, f"site:{site_id}")
        return int(n)

    def wake_after_commit(self, tx: Tx, topic: str) -> None:
        """Wake `topic` once the rows of this transaction are durable."""
        tx.after_commit(lambda: self._hub.wake(topic))

    async def after(
        self, tx: Tx, conversation_id: str, n: int, *, audience: Audience, limit: int = 500
    ) -> list[StoredEvent]:
        """Events numbered above `n`, oldest first, at most `limit`.

        Audience "all" is what a visitor may see: events for agents are left out by the query, not by the caller.
        """
        query = select(Event).where(Event.conversation_id == conversation_id, Event.n > n)
        if audience == "all":
            query = query.where(Event.audience == "all")
        rows = await tx.scalars(query.order_by(Event.n).limit(limit))
        return [StoredEvent(e.n, e.type, e.audience, e.data, e.created_at) for e in rows]
