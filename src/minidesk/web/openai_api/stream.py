"""Answers that end with their reader: nobody pays for what nobody waits for (F20)."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from minidesk.errors import Unavailable

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

T = TypeVar("T")


class Reader:
    """Whoever waits for an answer. When they leave, the task that works for them, the one that made this, is cancelled.

    One small task listens from the first word to the last: a task for each step cost more than the step (measured).
    """

    def __init__(self, request: Request) -> None:
        task = asyncio.current_task()
        assert task is not None  # every request is served in one
        self._task, self._before = task, task.cancelling()
        self._gone = False
        self._listening = asyncio.create_task(self._listen(request.receive))

    async def _listen(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()

    async def waits_for(self, work: Awaitable[T]) -> T:
        """What comes of `work`. Raises `Unavailable` if they left before."""
        try:
            return await work
        except asyncio.CancelledError:
            if not self.left():
                raise
            raise Unavailable(
                "The connection was closed before the answer began.", code="client_gone"
            ) from None

    def left(self) -> bool:
        """Whether a cancellation was theirs, and nobody else's as well."""
        return self._gone and self._task.uncancel() <= self._before

    def stop(self) -> None:
        """They have got everything."""
        self._listening.cancel()


class Stream(Response):
    """Server-sent events for a reader; their source is closed whatever happens."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[tuple[bytes, bool], None], reader: Reader) -> None:
        self.status_code, self.background = 200, None
        self.init_headers(_HEADERS)
        self._events, self._reader = events, reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them as they come."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for event, more in self._events:
                await send({"type": "http.response.body", "body": event, "more_body": more})
        except asyncio.CancelledError:
            if not self._reader.left():
                raise
        finally:
            self._reader.stop()
            await self._events.aclose()
