"""One streamed call to one target, over the OpenAI chat protocol. The only file that names httpx here.

httpx's own time-outs do not stop a server that drips a byte now and then, and a stream cut off in the middle ends
without an exception (both measured): the clocks are asyncio's, and an end counts only with `finish_reason` or `[DONE]`.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from minidesk.errors import (
    ModelBadResponse,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
    ModelUnreachable,
)
from minidesk.gateway.failures import CONTENT_POLICY, failure, failure_in_band, retry_after
from minidesk.gateway.messages import ChatRequest
from minidesk.gateway.sse import EventParser
from minidesk.gateway.target import Target

# An answer longer than this is no answer to a visitor (faults-and-threats, section 0).
ANSWER_LIMIT = 32 * 1024
# A dead target must leave time for the next one (F9).
CONNECT_S = 3.0
# After its `finish_reason` a stream may still send its usage; a server that then forgets to hang up is not waited for.
AFTER_END_S = 2.0
# The end of the body follows `[DONE]` at once, or is not worth waiting for.
DRAIN_S = 0.25
# What is read of an error's body, and for how long: enough to tell an empty account from a rate limit.
ERROR_BYTES, ERROR_S = 16 * 1024, 2.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds to the first token, between two parts, and for the whole call (F10)."""

    first_token: float
    gap: float
    total: float


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them; `cached_tokens` of the input came from its cache."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is whole, and why the model stopped: stop, length, content_filter, …"""

    finish_reason: str


class ModelClient:
    """Speaks the protocol. `transport` is httpx's, for tests that stand at the network's edge."""

    def __init__(self, clocks: Clocks, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._clocks = clocks
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            follow_redirects=False,  # a redirect would carry the key to another host
            trust_env=False,
            transport=transport,
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50),
        )

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def stream(
        self, target: Target, request: ChatRequest, first_token_by: float | None = None
    ) -> AsyncGenerator[str | Usage | Ended]:
        """Deltas of the answer as they come, the usage if the provider sends it, and `Ended` last.

        `first_token_by` is a time of the loop's clock: what is left of the time for all targets together. Raises a
        ModelError for everything that is not an answer; after a first delta it means a broken answer.
        """
        loop = asyncio.get_running_loop()
        started = loop.time()
        first_by = started + min(self._clocks.first_token, self._clocks.total)
        if first_token_by is not None:
            first_by = min(first_by, first_token_by)
        answer = _Answer()
        pieces = self._pieces(target, request, answer)
        seen = False
        try:
            while True:
                gap = AFTER_END_S if answer.complete else self._clocks.gap
                deadline = min(loop.time() + gap, started + self._clocks.total) if seen else first_by
                try:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces)
                except TimeoutError as error:
                    if answer.complete:
                        break
                    raise ModelTimeout from error
                except StopAsyncIteration:
                    break
                seen = seen or isinstance(piece, str)
                yield piece
        finally:
            await pieces.aclose()
        if answer.finish_reason == "content_filter" and not seen:
            raise ModelRefused(code=CONTENT_POLICY)
        yield Ended(answer.finish_reason or "stop")

    async def _pieces(
        self, target: Target, request: ChatRequest, answer: "_Answer"
    ) -> AsyncGenerator[str | Usage]:
        call = self._http.stream(
            "POST",
            f"{target.base_url.rstrip('/')}/chat/completions",
            headers={
                # A local server has no key, and a "Bearer" with nothing behind it is no valid header.
                **({"Authorization": f"Bearer {target.api_key}"} if target.api_key else {}),
                # A compressed stream could unpack to hundreds of megabytes before any limit of ours is asked (F18).
                "Accept-Encoding": "identity",
            },
            json=body_for(target, request),
        )
        try:
            async with call as response:
                await _check(response)
                reads = _events if _is_stream(response) else _whole
                async for piece in reads(response, answer):
                    yield piece
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ModelUnreachable from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise ModelUnreachable from error
        except httpx.TimeoutException as error:
            raise ModelTimeout from error
        except httpx.LocalProtocolError as error:  # a key or an address that cannot be sent at all
            raise ModelRefused from error
        except httpx.HTTPError as error:
            if not answer.complete:
                raise ModelTruncated from error


def body_for(target: Target, request: ChatRequest) -> dict[str, Any]:
    """The request as this model takes it."""
    supports = target.supports
    ceiling = "max_completion_tokens" if "max_completion_tokens" in supports else "max_tokens"
    body: dict[str, Any] = {
        "model": target.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        ceiling: request.max_tokens,
        "stream": True,
    }
    if "temperature" in supports:
        body["temperature"] = request.temperature
    if "stream_usage" in supports:
        body["stream_options"] = {"include_usage": True}
    if "minimal_reasoning" in supports:
        body["reasoning_effort"] = "minimal"
    return body


def _is_stream(response: httpx.Response) -> bool:
    return "text/event-stream" in response.headers.get("content-type", "")


async def _events(response: httpx.Response, answer: "_Answer") -> AsyncGenerator[str | Usage]:
    parser, source = EventParser(), response.aiter_raw()
    async for raw in source:
        for piece in answer.read(parser, raw):
            yield piece
        if answer.closed:
            await _drain(source)
            return
    try:
        last = [piece for data in parser.close() for piece in answer.event(data)]
    except ModelBadResponse as error:  # half an event at the very end is a cut, not a wrong protocol
        if not answer.complete:
            raise ModelTruncated from error
        last = []
    for piece in last:
        yield piece
    if not answer.complete:
        raise ModelTruncated


async def _drain(source: AsyncIterator[bytes]) -> None:
    """Read to the end of the body: only then is the connection kept, and the next call spared a new one (measured: half of all our overhead)."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in source:
                pass
    except (TimeoutError, httpx.HTTPError):
        return


async def _whole(response: httpx.Response, answer: "_Answer") -> AsyncGenerator[str | Usage]:
    """A server that ignored `stream` and sent one JSON object."""
    if "application/json" not in response.headers.get("content-type", ""):
        raise ModelBadResponse
    for piece in answer.event((await _read(response, 4 * ANSWER_LIMIT)).decode(errors="replace")):
        yield piece
    if not answer.complete:
        raise ModelTruncated


async def _read(response: httpx.Response, limit: int) -> bytes:
    """The body. Raises ModelBadResponse above `limit`."""
    body = b""
    async for raw in response.aiter_raw():
        body += raw
        if len(body) > limit:
            raise ModelBadResponse
    return body


class _Answer:
    """What the events of one stream add up to."""

    def __init__(self) -> None:
        self.complete = False  # `finish_reason` or `[DONE]` was seen
        self.closed = False  # `[DONE]`: nothing after it counts
        self.finish_reason = ""
        self._length = 0

    def read(self, parser: EventParser, raw: bytes) -> Iterator[str | Usage]:
        """What one piece from the network says. Its text goes on in one: each step on the way costs more than the text."""
        said = ""
        rest: list[str | Usage] = []
        try:
            for data in parser.feed(raw):
                for piece in self.event(data):
                    if isinstance(piece, str):
                        said += piece
                    else:
                        rest.append(piece)
                if self.closed:
                    break
        finally:  # also in front of a broken event: what was said before it was said
            if said:
                yield said
        yield from rest

    def event(self, data: str) -> list[str | Usage]:
        """The deltas and usage in one event. Raises ModelBadResponse, or what an error in band stands for."""
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
            raise failure_in_band(body["error"])
        return [*self._deltas(body.get("choices")), *_usage(body.get("usage"))]

    def _deltas(self, choices: Any) -> list[str | Usage]:
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            return []
        choice = choices[0]
        message = choice.get("delta") or choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
        if choice.get("finish_reason"):
            self.complete = True
            self.finish_reason = str(choice["finish_reason"])[:40]
        if not isinstance(text, str) or not text:
            return []
        self._length += len(text)
        # Half a surrogate pair, as JSON can write it, would fail at the database's door.
        if self._length > ANSWER_LIMIT or any("\ud800" <= c <= "\udfff" for c in text):
            raise ModelBadResponse
        return [text]


def _usage(usage: Any) -> list[str | Usage]:
    if not isinstance(usage, dict):
        return []
    counts = (_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
    if counts[0] is None or counts[1] is None:
        return []
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return [Usage(counts[0], counts[1], cached or 0)]


def _count(value: Any) -> int | None:
    """A number of tokens that can be one: what a broken server sends must not become a bill."""
    ours = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000_000
    return value if ours else None


async def _check(response: httpx.Response) -> None:
    """Raise for every status that is not an answer. The body is never shown to anyone."""
    compressed = response.headers.get("content-encoding", "identity") != "identity"
    if response.status_code != 200:
        body = b"" if compressed else await _start_of(response)
        raise failure(response.status_code, body, retry_after(response.headers.get("retry-after")))
    if compressed:
        raise ModelBadResponse


async def _start_of(response: httpx.Response) -> bytes:
    """As much of an error's body as may be read."""
    try:
        async with asyncio.timeout(ERROR_S):
            return await _read(response, ERROR_BYTES)
    except (TimeoutError, ModelError, httpx.HTTPError):
        return b""
