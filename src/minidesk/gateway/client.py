"""One streamed call to one target, over the OpenAI chat protocol.

An HTTP client's own time-outs do not stop a server that drips a byte now and then, and a stream cut off in the middle
can end without an exception (both measured): the clocks are asyncio's, and an end counts only with `finish_reason` or `[DONE]`.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from minidesk.errors import (
    ModelBadResponse,
    ModelError,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
)
from minidesk.gateway.answer import ANSWER_LIMIT, Answer, Ended, Usage
from minidesk.gateway.failures import CONTENT_POLICY, failure, retry_after
from minidesk.gateway.messages import ChatMessage, ChatRequest
from minidesk.gateway.patience import Patience
from minidesk.gateway.sse import EventParser
from minidesk.gateway.target import Target
from minidesk.gateway.wire import ConnectionBroken, HttpWire, Opened, Wire

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


class ModelClient:
    """Speaks the protocol over a `wire`; tests that stand at the network's edge hand one in."""

    def __init__(self, clocks: Clocks, wire: Wire | None = None) -> None:
        self._clocks = clocks
        self._wire = wire or HttpWire()

    async def close(self) -> None:
        """Give the connections back."""
        await self._wire.close()

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
        answer = Answer()
        pieces = self._pieces(target, request, answer)
        patience = Patience(first_by)
        seen = False
        try:
            while True:
                if (
                    seen
                ):  # from now, and not from the last piece: the reader may have taken its time with that
                    gap = AFTER_END_S if answer.complete else self._clocks.gap
                    patience.until(min(loop.time() + gap, started + self._clocks.total))
                try:
                    piece = await patience.wait_for(pieces)
                except TimeoutError as error:
                    if answer.complete:
                        break
                    raise ModelTimeout from error
                except StopAsyncIteration:
                    break
                seen = seen or isinstance(piece, str)
                yield piece
        finally:
            patience.end()
            await pieces.aclose()
        if answer.finish_reason == "content_filter" and not seen:
            raise ModelRefused(code=CONTENT_POLICY)
        if not seen and not answer.finish_reason:  # a bare [DONE]: no model has spoken
            raise ModelBadResponse
        yield Ended(answer.finish_reason or "stop")

    async def _pieces(
        self, target: Target, request: ChatRequest, answer: Answer
    ) -> AsyncGenerator[str | Usage]:
        url = f"{target.base_url.rstrip('/')}/chat/completions"
        body = json.dumps(body_for(target, request)).encode()
        try:
            async with self._wire.post(url, headers_for(target), body) as opened:
                await check_answer(opened)
                reads = _events if "text/event-stream" in opened.headers.get("content-type", "") else _whole
                async for piece in reads(opened, answer):
                    yield piece
        except ConnectionBroken as error:
            if not answer.complete:
                raise ModelTruncated from error


def headers_for(target: Target) -> dict[str, str]:
    """What goes in front of every request."""
    headers = {
        "Content-Type": "application/json",
        # A compressed stream could unpack to hundreds of megabytes before any limit of ours is asked (F18).
        "Accept-Encoding": "identity",
    }
    # A local server has no key, and a "Bearer" with nothing behind it is no valid header.
    return headers | {"Authorization": f"Bearer {target.api_key}"} if target.api_key else headers


def body_for(target: Target, request: ChatRequest) -> dict[str, Any]:
    """The request as this model takes it."""
    supports = target.supports
    ceiling = "max_completion_tokens" if "max_completion_tokens" in supports else "max_tokens"
    body: dict[str, Any] = {
        "model": target.model,
        "messages": [{"role": m.role, "content": content_for(target, m)} for m in request.messages],
        ceiling: request.max_tokens,
        "stream": True,
    }
    if "temperature" in supports:
        body["temperature"] = request.temperature
    if "stream_usage" in supports:
        body["stream_options"] = {"include_usage": True}
    if "minimal_reasoning" in supports:
        body["reasoning_effort"] = "minimal"
    if request.schema is not None and "json_schema" in supports:
        form = {"name": request.schema.name, "strict": True, "schema": dict(request.schema.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": form}
    if "prompt_cache_key" in supports:
        # The prompts of a site and purpose begin alike. Hashed: the provider need not know our ids.
        same = f"minidesk {request.site_id} {request.purpose}".encode()
        body["prompt_cache_key"] = hashlib.sha256(same).hexdigest()[:32]
    return body


def content_for(target: Target, message: ChatMessage) -> str | list[dict[str, Any]]:
    """The words, with the pictures behind them where this model can see, and a mark behind what is the same in every call."""
    if message.stable and "cache_control" in target.supports:
        return _marked(message)
    if not (message.images and target.sees):
        return message.content
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in message.images]
    return [{"type": "text", "text": message.content}, *pictures]


def _marked(message: ChatMessage) -> list[dict[str, Any]]:
    """In two parts: the mark must stand behind what never changes, or each call would pay for a copy that none reads."""
    same, rest = message.content[: message.stable], message.content[message.stable :]
    first = {"type": "text", "text": same, "cache_control": {"type": "ephemeral"}}
    return [first, {"type": "text", "text": rest}] if rest else [first]


async def _events(opened: Opened, answer: Answer) -> AsyncGenerator[str | Usage]:
    parser = EventParser()
    async for raw in opened.pieces:
        for piece in answer.read(parser, raw):
            yield piece
        if answer.closed:
            await _drain(opened.pieces)
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
    except (TimeoutError, ConnectionBroken):
        return


async def _whole(opened: Opened, answer: Answer) -> AsyncGenerator[str | Usage]:
    """A server that ignored `stream` and sent one JSON object."""
    if "application/json" not in opened.headers.get("content-type", ""):
        raise ModelBadResponse
    for piece in answer.event((await read_body(opened, 4 * ANSWER_LIMIT)).decode(errors="replace")):
        yield piece
    if not answer.complete:
        raise ModelTruncated


async def read_body(opened: Opened, limit: int) -> bytes:
    """The body. Raises ModelBadResponse above `limit`."""
    body = b""
    async for raw in opened.pieces:
        body += raw
        if len(body) > limit:
            raise ModelBadResponse
    return body


async def check_answer(opened: Opened) -> None:
    """Raise for every status that is not an answer. The body is never shown to anyone."""
    compressed = opened.headers.get("content-encoding", "identity") != "identity"
    if opened.status != 200:
        body = b"" if compressed else await _start_of(opened)
        raise failure(opened.status, body, retry_after(opened.headers.get("retry-after")))
    if compressed:
        raise ModelBadResponse


async def _start_of(opened: Opened) -> bytes:
    """As much of an error's body as may be read."""
    try:
        async with asyncio.timeout(ERROR_S):
            return await read_body(opened, ERROR_BYTES)
    except (TimeoutError, ModelError, ConnectionBroken):
        return b""
