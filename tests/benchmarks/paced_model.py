"""A model's server that costs next to nothing, so that what is measured is what stands before it: `paced_model.py PORT`.

It answers any POST with TOKENS words as an OpenAI-compatible stream, one every `gap` milliseconds by the clock (the
path's first part, /20/v1/chat/completions; /0 sends them all at once). uvloop and one timer a stream, no framework.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop

TOKENS = 100
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _framed(data: str) -> bytes:
    raw = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(raw), raw)


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "mock"}
    return _framed(json.dumps(head | {"choices": [choice]}))


_USAGE = {"prompt_tokens": 12, "completion_tokens": TOKENS, "total_tokens": 12 + TOKENS}
EVENTS = [_event({"content": f"tok{n} "}) for n in range(TOKENS)]
LAST = (
    _event({}, "stop")
    + _framed(json.dumps({"choices": [], "usage": _USAGE}))
    + _framed("[DONE]")
    + b"0\r\n\r\n"
)


class Model(asyncio.Protocol):
    """One connection, kept for the next request."""

    def __init__(self) -> None:
        self._read = b""
        self._sent = 0
        self._gap = 0.0
        self._started = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is there."""
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's do not inherit from it
        self._loop = asyncio.get_running_loop()

    def connection_lost(self, exc: Exception | None) -> None:
        """They have left."""
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        """A request, in pieces."""
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        if len(body) < length:
            return
        self._read = body[length:]
        self._gap = int(head.split(b"/", 2)[1]) / 1000
        self._sent, self._started = 0, self._loop.time()
        self._transport.write(HEAD)
        if self._gap:
            self._tick()
        else:
            self._transport.write(b"".join(EVENTS) + LAST)

    def _tick(self) -> None:
        if self._sent == TOKENS:
            self._transport.write(LAST)
            return
        self._transport.write(EVENTS[self._sent])
        self._sent += 1
        self._timer = self._loop.call_at(self._started + self._sent * self._gap, self._tick)


async def main(port: int) -> None:
    """Serve until it is ended."""
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
