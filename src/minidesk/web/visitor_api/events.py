"""A conversation as a stream of events: what was missed, then what happens, each exactly once (F21)."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime
from typing import Any

from fastapi.sse import ServerSentEvent
from sqlalchemy import select

from minidesk.conversations import MessageView, access_conversation_as_visitor, transcript
from minidesk.db import Database, Tx
from minidesk.db.models import Conversation, Message
from minidesk.errors import NotAuthenticated
from minidesk.live import EventLog, StoredEvent
from minidesk.text.render import render_markdown
from minidesk.web.visitor_api.serializers import EVENT_FIELDS, event_data
from minidesk.web.visitor_api.streams import OpenStream, Streams

RETRY_MS = 2000
# FastAPI pings an idle stream every 15 s; this only bounds how long a lost wake-up can go unnoticed.
LOOK_SECONDS = 15.0
# A long replay comes in pages, so that no listener holds a whole year's events in memory.
PAGE = 500

_POSITION = re.compile(r"[0-9]{1,18}")


def position_of(last_event_id: str | None, after: str | None) -> int | None:
    """The event after which to go on; None for a new listener. What is no position is 0: everything, from the start.

    The header wins: a browser that reconnects repeats the address with its old `after`.
    """
    given = last_event_id if last_event_id is not None else after
    if given is None:
        return None
    return int(given) if _POSITION.fullmatch(given) else 0


class Follower:
    """Makes one visitor's stream."""

    def __init__(
        self,
        db: Database,
        log: EventLog,
        streams: Streams,
        hosts: Collection[str],
        clock: Callable[[], datetime],
        check: Callable[[Tx], Awaitable[object]],
    ) -> None:
        """`check` raises `NotAuthenticated` once the listener's session has ended."""
        self._db = db
        self._log = log
        self._streams = streams
        self._hosts = hosts
        self._check = check
        self._texts: dict[str, tuple[int, str]] = {}  # message → attempt and text so far
        self._seen = 0
        self._clock = clock
        self._writing: datetime | None = None  # until when the listener was told that an agent writes

    async def follow(self, stream: OpenStream, position: int | None) -> AsyncIterator[ServerSentEvent]:
        """Events until the visitor leaves or their session ends, a newer stream supersedes this one, or the server stops.

        A new listener (`position` None) first gets the text so far of an answer in progress; one that names a
        position that this conversation has not reached gets everything from the start.
        """
        yield ServerSentEvent(retry=RETRY_MS)
        for first in await self._begin(stream, position):
            yield first
        while True:
            while (events := await self._next(stream.conversation_id)) != []:
                if events is None:
                    return  # the page finds out when it asks again
                for stored in events:
                    # Rendered one by one: a long replay in one piece would hold up everybody else's streams.
                    event = await self._shown(stored)
                    if event is not None:
                        yield event
                    self._seen = stored.n
            if (writing := await self._writes(stream.conversation_id)) is not None:
                yield writing
            if stream.superseded:
                yield ServerSentEvent(event="superseded", raw_data="{}")
                return
            if self._streams.stopping.is_set():
                yield ServerSentEvent(event="reconnect", raw_data="{}")
                return
            await stream.subscription.wait(LOOK_SECONDS)

    async def _begin(self, stream: OpenStream, position: int | None) -> list[ServerSentEvent]:
        async with self._db.read() as tx:
            row = await access_conversation_as_visitor(tx, stream.visitor_id, stream.conversation_id)
            if position is not None:
                self._seen = position if position <= row.last_event else 0
                return []
            # Read before the messages: a part that comes between the two is in the text and skipped below.
            self._seen = row.last_event
            answers = await transcript(tx, row.id, include_notes=False, last=PAGE)
        events: list[ServerSentEvent] = []
        for answer in answers:
            if answer.state == "streaming" and answer.author == "assistant":
                events += self._so_far(answer)
        return events

    def _so_far(self, answer: MessageView) -> list[ServerSentEvent]:
        """An answer in progress, as the events that would have led to it; without ids, for they are not stored."""
        self._texts[answer.id] = (answer.attempt, answer.text)
        start = {
            "message": answer.id,
            "seq": answer.seq,
            "attempt": answer.attempt,
            "reply_to": answer.reply_to,
        }
        part = {
            "message": answer.id,
            "attempt": answer.attempt,
            "offset": 0,
            "text": answer.text,
            "citations": [citation.n for citation in answer.citations],
            "html": self._html(answer.text),
        }
        events = [ServerSentEvent(event="answer.start", raw_data=_json(start))]
        return (
            [*events, ServerSentEvent(event="answer.part", raw_data=_json(part))] if answer.text else events
        )

    async def _next(self, conversation_id: str) -> list[StoredEvent] | None:
        """What came since; None where it is for this listener no more (T4): sessions end while streams are open."""
        async with self._db.read() as tx:
            try:
                await self._check(tx)
            except NotAuthenticated:
                return None
            return await self._log.after(tx, conversation_id, self._seen, audience="all", limit=PAGE)

    async def _writes(self, conversation_id: str) -> ServerSentEvent | None:
        """That the agent who has the conversation writes, or does no more, if the listener does not know; not stored."""
        now = self._clock()
        until = self._streams.here.reply_until(conversation_id, now)
        if until == self._writing:
            return None
        before, self._writing = self._writing, until
        async with self._db.read() as tx:
            row = await tx.get_one(Conversation, conversation_id)
            if row.holder != "agent" or (until is None and before is not None and before <= now):
                return None  # a colleague of whom the visitor knows nothing; or it has ended by itself
        data = {"who": "agent", "until": (until or now).isoformat()}
        return ServerSentEvent(event="typing", raw_data=_json(data))

    async def _shown(self, stored: StoredEvent) -> ServerSentEvent | None:
        """The event for a visitor; None for one that is not theirs, or whose text they have."""
        if stored.type not in EVENT_FIELDS:
            return None
        data = event_data(stored.type, stored.data)
        if stored.type == "answer.part":
            text = await self._text_with(data)
            if text is None:
                return None
            data["html"] = self._html(text)
        elif stored.type == "answer.start":
            self._texts[data["message"]] = (data["attempt"], "")
        elif stored.type in ("answer.done", "message"):
            self._texts.pop(data.get("message", ""), None)
            data["html"] = self._html(data["text"])
        return ServerSentEvent(event=stored.type, id=str(stored.n), raw_data=_json(data))

    async def _text_with(self, part: dict[str, Any]) -> str | None:
        """The answer's text up to the end of this part; None if the listener has that much already."""
        offset, end = part["offset"], part["offset"] + len(part["text"])
        attempt, text = self._texts.get(part["message"], (0, ""))
        if attempt == part["attempt"] and end <= len(text):
            return None
        if attempt != part["attempt"] or len(text) < offset:
            async with self._db.read() as tx:
                found = await tx.execute(
                    select(Message.text).where(
                        Message.id == part["message"], Message.attempt == part["attempt"]
                    )
                )
                text = found.scalar_one_or_none() or ""
        self._texts[part["message"]] = (part["attempt"], text[:offset] + part["text"])
        return self._texts[part["message"]][1]

    def _html(self, text: str) -> str:
        return render_markdown(text, link_hosts=self._hosts)


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
