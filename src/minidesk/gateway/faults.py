"""A local server that fails as models' servers do, byte by byte: for the drill."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Fault = Literal[
    "rate limit",
    "server error",
    "hangs",
    "drips",
    "resets",
    "login page",
    "bad key",
    "no credit",
    "truncated",
    "garbage",
    "well",
]
# What is said before a stream breaks.
WORDS = ("You ", "can ", "send ", "it ", "back ", "within ", "thirty ", "days.")
BREAKS_AFTER = 5
# Slow enough that no gap time-out ends it, and no first token ever comes.
DRIP_S = 0.5
# A reset throws away what the client has not read yet.
READ_S = 0.2

_PLAIN: Mapping[Fault, tuple[str, str, bytes]] = {
    "rate limit": (
        "429 Too Many Requests",
        "retry-after: 30\r\n",
        b'{"error":{"code":"rate_limit_exceeded"}}',
    ),
    "server error": ("500 Internal Server Error", "", b'{"error":{"message":"The server had an error"}}'),
    "bad key": ("401 Unauthorized", "", b'{"error":{"code":"invalid_api_key"}}'),
    "no credit": ("429 Too Many Requests", "", b'{"error":{"code":"insufficient_quota"}}'),
}


@dataclass
class FaultServer:
    """Which fault the targets have: a call's path begins with its target's name here."""

    url: str
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)  # names, in the order of the calls

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one call."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            name = head.split(b" ", 2)[1].decode().split("/")[1]
            length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
            await reader.readexactly(int(length[1]) if length else 0)
            self.asked.append(name)
            await _play(self.faults.get(name, "well"), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client was tired of waiting, as it should be
        finally:
            writer.close()


@asynccontextmanager
async def fault_server() -> AsyncIterator[FaultServer]:
    """A server on a free port of this machine."""
    server = FaultServer("")
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()


async def _play(fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if fault in _PLAIN:
        status, more, body = _PLAIN[fault]
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{more}content-length: {len(body)}\r\n\r\n"
        await _write(writer, head.encode() + body)
    elif fault == "login page":
        await _write(writer, b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Please sign in</html>")
    elif fault == "garbage":
        await _write(writer, b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
    elif fault == "hangs":
        await _until_left(reader, writer)
    else:
        await _stream(fault, reader, writer)


async def _stream(fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _write(writer, b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    if fault == "drips":
        await _until_left(reader, writer, b":")
        return
    words = WORDS if fault == "well" else WORDS[:BREAKS_AFTER]
    for word in words:
        await _write(writer, _event({"choices": [{"index": 0, "delta": {"content": word}}]}))
    if fault == "well":
        usage = {"prompt_tokens": 100, "completion_tokens": len(WORDS)}
        await _write(writer, _event({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": usage}))
        await _write(writer, b"data: [DONE]\n\n")
    elif fault == "resets":
        await asyncio.sleep(READ_S)
        writer.transport.abort()


def _event(body: Mapping[str, object]) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def _until_left(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, drop: bytes = b"") -> None:
    """Until the client hangs up, a drop now and then."""
    while True:
        try:
            async with asyncio.timeout(DRIP_S):
                if not await reader.read(1):
                    return
        except TimeoutError:
            await _write(writer, drop)
