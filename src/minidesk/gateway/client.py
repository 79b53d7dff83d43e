"""One streamed call to one target, over the OpenAI chat protocol. The only file that names httpx here.

httpx's own time-outs do not stop a server that drips a byte now and then, and a stream cut off in the middle ends
without an exception (both measured): the clocks are asyncio's, and an end counts only with `finish_reason` or `[DONE]`.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from minidesk.errors import (
    ModelBadResponse,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
    ModelUnreachable,
)
from minidesk.gateway.messages import ChatRequest
from minidesk.gateway.sse import EventParser

# An answer longer than this is no answer to a visitor (faults-and-threats, section 0).
ANSWER_LIMIT = 32 * 1024
# A provider that asks for more is treated as down that long and no longer (F11).
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Target:
    """One model at one endpoint. Prices are US dollars a million tokens."""

    model: str
    base_url: str
    api_key: str
    input_price: float
    output_price: float

    @property
    def provider(self) -> str:
        """The endpoint's host: for the operator's ledger, never for a visitor."""
        return httpx.URL(self.base_url).host


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds to the first token, between two parts, and for the whole call (F10)."""

    first_token: float
    gap: float
    total: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int
    output_tokens: int


class ModelClient:
    """Speaks the protocol. `transport` is httpx's, for tests that stand at the network's edge."""

    def __init__(self, clocks: Clocks, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._clocks = clocks
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=3.0),  # a dead target must leave time for the next one (F9)
            follow_redirects=False,  # a redirect would carry the key to another host
            trust_env=False,
            transport=transport,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def stream(self, target: Target, request: ChatRequest) -> AsyncGenerator[str | Usage]:
        """Deltas of the answer as they come, and the usage if the provider sends it.

        Raises a ModelError for everything that is not an answer; after a first delta it means a broken answer.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        pieces = self._pieces(target, request)
        seen = False
        try:
            while True:
                allowed = self._clocks.gap if seen else self._clocks.first_token
                deadline = min(loop.time() + allowed, started + self._clocks.total)
                if not seen:
                    deadline = min(deadline, started + self._clocks.first_token)
                try:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces)
                except TimeoutError as error:
                    raise ModelTimeout from error
                except StopAsyncIteration:
                    return
                if isinstance(piece, str):
                    seen = True
                yield piece
        finally:
            await pieces.aclose()

    async def _pieces(self, target: Target, request: ChatRequest) -> AsyncGenerator[str | Usage]:
        call = self._http.stream(
            "POST",
            f"{target.base_url.rstrip('/')}/chat/completions",
            headers={
                # A local server has no key, and a "Bearer" with nothing behind it is no valid header.
                **({"Authorization": f"Bearer {target.api_key}"} if target.api_key else {}),
                # A compressed stream could unpack to hundreds of megabytes before any limit of ours is asked (F18).
                "Accept-Encoding": "identity",
            },
            json={
                "model": target.model,
                "messages": [{"role": m.role, "content": m.content} for m in request.messages],
                "max_tokens": request.max_tokens,
                "temperature": request.temperature,
                "stream": True,
                "stream_options": {"include_usage": True},
            },
        )
        try:
            async with call as response:
                await _check(response)
                if "text/event-stream" in response.headers.get("content-type", ""):
                    async for piece in _events(response):
                        yield piece
                else:
                    async for piece in _whole(response):
                        yield piece
        except httpx.TimeoutException as error:
            raise ModelTimeout from error
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ModelUnreachable from error
        except httpx.LocalProtocolError as error:  # a key or an address that cannot be sent at all
            raise ModelRefused from error
        except httpx.HTTPError as error:
            raise ModelTruncated from error


async def _events(response: httpx.Response) -> AsyncIterator[str | Usage]:
    parser, answer = EventParser(), _Answer()
    async for raw in response.aiter_raw():
        for data in parser.feed(raw):
            for piece in answer.event(data):
                yield piece
            if answer.closed:
                return
    try:
        last = [piece for data in parser.close() for piece in answer.event(data)]
    except ModelBadResponse as error:  # half an event at the very end is a cut, not a wrong protocol
        raise ModelTruncated from error
    for piece in last:
        yield piece
    if not answer.complete:
        raise ModelTruncated


async def _whole(response: httpx.Response) -> AsyncIterator[str | Usage]:
    """A server that ignored `stream` and sent one JSON object."""
    if "application/json" not in response.headers.get("content-type", ""):
        raise ModelBadResponse
    body = b""
    async for raw in response.aiter_raw():
        body += raw
        if len(body) > 4 * ANSWER_LIMIT:
            raise ModelBadResponse
    answer = _Answer()
    for piece in answer.event(body.decode(errors="replace")):
        yield piece
    if not answer.complete:
        raise ModelTruncated


class _Answer:
    """What the events of one stream add up to."""

    def __init__(self) -> None:
        self.complete = False  # `finish_reason` or `[DONE]` was seen
        self.closed = False  # `[DONE]`: nothing after it counts
        self._length = 0

    def event(self, data: str) -> list[str | Usage]:
        """The deltas and usage in one event. Raises ModelBadResponse, or ModelOverloaded for an error in band."""
        if data.strip() == "[DONE]":
            self.complete = self.closed = True
            return []
        try:
            body = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ModelBadResponse from error
        if not isinstance(body, dict):
            raise ModelBadResponse
        if body.get("error"):
            raise ModelOverloaded
        return [*self._deltas(body.get("choices")), *_usage(body.get("usage"))]

    def _deltas(self, choices: Any) -> list[str | Usage]:
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return []
        choice = choices[0]
        message = choice.get("delta") or choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if choice.get("finish_reason"):
            self.complete = True
        if not isinstance(text, str) or not text:
            return []
        self._length += len(text)
        if self._length > ANSWER_LIMIT:
            raise ModelBadResponse
        return [text]


def _usage(usage: Any) -> list[str | Usage]:
    if not isinstance(usage, dict):
        return []
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    if not all(isinstance(n, int) and n >= 0 for n in counts):
        return []
    return [Usage(int(counts[0] or 0), int(counts[1] or 0))]


async def _check(response: httpx.Response) -> None:
    """Raise for every status that is not an answer. The body is never shown to anyone."""
    status = response.status_code
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ModelBadResponse
    if status == 200:
        return
    error: type[ModelError] = ModelRefused
    if status in (408, 409, 425, 429) or status >= 500:
        error = ModelOverloaded
    elif 300 <= status < 400:
        error = ModelBadResponse
    raise error(retry_after=retry_after(response.headers.get("retry-after")))


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, between 0 and `LONGEST_WAIT_S`; None where it says nothing usable (F11)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = when.timestamp() - time.time()
    # Written so that NaN fails it too.
    return min(seconds, LONGEST_WAIT_S) if seconds >= 0 else None
