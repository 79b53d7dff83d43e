"""Open event streams: who listens where, in which order they opened, and when each must end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import select

from minidesk.db import Database
from minidesk.db.models import Conversation, utc_now
from minidesk.errors import TooMany, Unavailable
from minidesk.live import AgentsHere, Hub, Presence, Subscription

# How soon an event that another process wrote is seen. One query for all streams, however many there are.
POLL_SECONDS = 1.0
RETRY_SECONDS = 30  # a chat that is closed elsewhere makes room at once, but nobody can say when
IDS_A_QUERY = 500  # below the number of variables that either database takes


@dataclass(eq=False, slots=True)
class OpenStream:
    """One listener. `superseded` is set when the same visitor opened too many after it."""

    visitor_id: str
    conversation_id: str
    address: str
    subscription: Subscription
    superseded: bool = False


class Streams:
    """Keeps the open streams of this process. `run` must run beside the server, or other processes' events come late."""

    def __init__(
        self,
        db: Database,
        hub: Hub,
        stopping: asyncio.Event,
        per_visitor: int,
        per_address: int = 20,
        presence: Presence | None = None,
        here: AgentsHere | None = None,
    ) -> None:
        self._db = db
        self.hub = hub
        self.stopping = stopping
        self.here = here or AgentsHere()
        self._per_visitor = per_visitor
        self._per_address = per_address
        self._presence = presence or Presence(utc_now)
        self._open: list[OpenStream] = []  # oldest first
        self._seen: dict[str, int] = {}

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    @asynccontextmanager
    async def open(
        self, visitor_id: str, conversation_id: str, address: str = ""
    ) -> AsyncIterator[OpenStream]:
        """A place in the list while the block runs; a visitor's oldest gives way when there are too many.

        Raises `TooMany` where one address would hold more connections than a household or an office needs (T28).
        """
        open_here = sum(stream.address == address and not stream.superseded for stream in self._open)
        if open_here >= self._per_address:
            raise TooMany(
                "Too many chats are open from this network. Close one that is not needed, and this one goes on.",
                code="too_many_streams",
                retry_after=RETRY_SECONDS,
            )
        here = self._presence.here(conversation_id)
        async with self.hub.subscribe(_topic(conversation_id)) as subscription:
            stream = OpenStream(visitor_id, conversation_id, address, subscription)
            self._open.append(stream)
            self._make_room(visitor_id)
            try:
                with here:
                    yield stream
            finally:
                self._open.remove(stream)

    async def run(self) -> None:
        """Wake streams whose conversation moved on, whoever wrote; when the server stops, wake all to say so."""
        while not self.stopping.is_set():
            try:
                await self._look()
            except Unavailable:
                pass  # the database is away for a moment: the next look finds what was missed
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self.stopping.wait()
            except TimeoutError:
                continue
        for stream in self._open:
            stream.subscription.wake()

    async def _look(self) -> None:
        ids = sorted({stream.conversation_id for stream in self._open})
        live = set(ids)
        self._seen = {id: n for id, n in self._seen.items() if id in live}
        for start in range(0, len(ids), IDS_A_QUERY):
            some = ids[start : start + IDS_A_QUERY]
            async with self._db.read() as tx:
                rows = await tx.execute(
                    select(Conversation.id, Conversation.last_event).where(Conversation.id.in_(some))
                )
                found = [(str(id), int(last_event)) for id, last_event in rows]
            for id, last_event in found:
                if self._seen.get(id) != last_event:
                    self._seen[id] = last_event
                    self.hub.wake(_topic(id))

    def _make_room(self, visitor_id: str) -> None:
        own = [stream for stream in self._open if stream.visitor_id == visitor_id and not stream.superseded]
        for stream in own[: -self._per_visitor]:
            stream.superseded = True
            stream.subscription.wake()


def _topic(conversation_id: str) -> str:
    return f"conversation:{conversation_id}"
