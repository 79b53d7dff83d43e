"""The model's harmless twin: an OpenAI-compatible endpoint (ASGI) that says what a script tells it.

For tests, for trying minidesk without a provider, and for fault drills. It speaks the wire protocol, so the client in
front of it is the real one.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One answer of the script."""

    pieces: Sequence[str] = ()
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None  # raw, instead of `pieces`
    usage: tuple[int, int] | None = (100, 20)
    done: bool = True  # False: the stream ends without saying so
    gate: asyncio.Event | None = None  # waited for before the last piece
    content_type: str = "text/event-stream"


@dataclass(slots=True)
class ScriptedModel:
    """An ASGI app. `script` is played line by line; when it is empty, `otherwise` (given the request's JSON) answers."""

    script: list[Line] = field(default_factory=list)
    otherwise: Callable[[dict[str, Any]], Line] | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)  # of each request, names in lower case

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        is_form = self.headers[-1].get("content-type", "").startswith("multipart/")
        request: dict[str, Any] = {"form": body} if is_form else json.loads(body or b"{}")
        self.requests.append(request)
        await _play(self._next(request), send)

    def _next(self, request: dict[str, Any]) -> Line:
        if self.script:
            return self.script.pop(0)
        return self.otherwise(request) if self.otherwise else Line(status=503)


async def _play(line: Line, send: Callable[[Message], Awaitable[None]]) -> None:
    headers = [(b"content-type", line.content_type.encode())]
    headers += [(name.encode(), value.encode()) for name, value in line.headers]
    await send({"type": "http.response.start", "status": line.status, "headers": headers})
    if line.body is not None or line.status != 200:
        await send({"type": "http.response.body", "body": line.body or b"{}"})
        return
    for n, piece in enumerate(line.pieces):
        if line.gate is not None and n == len(line.pieces) - 1:
            await line.gate.wait()
        await _data(send, {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]})
    if line.done:
        await _data(send, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        if line.usage:
            counts = {"prompt_tokens": line.usage[0], "completion_tokens": line.usage[1]}
            await _data(send, {"choices": [], "usage": counts})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _data(send: Callable[[Message], Awaitable[None]], body: dict[str, Any]) -> None:
    await send(
        {"type": "http.response.body", "body": f"data: {json.dumps(body)}\n\n".encode(), "more_body": True}
    )
