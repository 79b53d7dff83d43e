"""minidesk as an OpenAI-compatible API: the grounded assistant as the model `minidesk`, and the tiers as plain models.

`minidesk` (scope `ask`) answers from the site's documents: each sentence comes once it is proved, with its citations
as [n], as footnotes at the end, and in the extension field `minidesk`. `mini` and `large` (scope `models`) are the
tiers as such: routing, fallbacks, budgets and ledger, but no documents and no proof.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar, cast

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from minidesk.accounts import ApiKeyIdentity, ApiKeys
from minidesk.answering.outcome import Answered, Citation, ProvedSentence, Question, Turn, answer_as_json
from minidesk.ask import Asks, wishes_of
from minidesk.db import Database
from minidesk.errors import Invalid, MinideskError, NotAllowed, NotAuthenticated, NotFound, Unavailable
from minidesk.gateway import BUDGET_SPENT, ChatMessage, ChatRequest, Finished, Tier
from minidesk.settings import Settings
from minidesk.sites import site_by_id
from minidesk.text.normalise import check_text
from minidesk.web.body import parse_model, read_json
from minidesk.web.identity import bearer_token
from minidesk.web.limits import RateLimiter
from minidesk.web.problems import request_id_of, response_of

GROUNDED = "minidesk"
TIERS: tuple[Tier, ...] = ("mini", "large")
# The gateway takes answers up to 32 KB; a higher ceiling would only set more of the budget aside.
MOST_TOKENS = 4096
# As many earlier messages as a conversation in the widget gives (reply.py).
HISTORY = 12
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

# A revoked key is out after this long at most (T9 allows 5 s); keys of all programs that asked lately.
KEY_REMEMBERED_S, KEYS_REMEMBERED = 1.0, 1000

T = TypeVar("T")


class Tiers(Protocol):
    """What is needed of gateway.Gateway."""

    def offers(self, tier: Tier) -> bool:
        """Whether there is a model in it."""

    def stream(self, request: ChatRequest, tier: Tier = "mini") -> AsyncGenerator[str | Finished]:
        """Text deltas, then exactly one Finished."""


@dataclass(frozen=True, slots=True)
class OpenAIDeps:
    """Everything that the routes call."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    limiter: RateLimiter
    api_keys: ApiKeys
    asker: Asks
    gateway: Tiers


class Part(BaseModel):
    """A piece of a message; other kinds than text are refused."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A message of the protocol."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None

    def plain(self) -> str:
        """Its text. Raises `Invalid` for images and the like."""
        if not isinstance(self.content, list):
            return self.content or ""
        if any(part.type != "text" for part in self.content):
            raise Invalid("Only text can be sent here. Leave images, sound and files out.")
        return "".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """What a stream brings along."""

    include_usage: bool = False


class Completion(BaseModel):
    """The request; fields that are not here are ignored."""

    model: str = Field(max_length=120)
    messages: list[Message] = Field(min_length=1, max_length=1000)
    stream: bool = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)

    @property
    def wants_usage(self) -> bool:
        """Whether the stream's last chunk is to hold the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


@dataclass(frozen=True, slots=True)
class End:
    """How a completion ended."""

    finish_reason: str
    usage: dict[str, int]
    extension: dict[str, Any]


class _Keys:
    """Whose key it is. A key is looked up once a second: a tool that asks without a pause spends a quarter of our time on it."""

    def __init__(self, deps: OpenAIDeps) -> None:
        self._deps = deps
        self._known: OrderedDict[str, tuple[ApiKeyIdentity, datetime]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[ApiKeyIdentity]] = {}

    async def identify(self, request: Request) -> ApiKeyIdentity:
        """Raises `NotAuthenticated`, and `TooMany` above the key's rate."""
        try:
            presented = bearer_token(request)
        except NotAuthenticated:
            presented = None  # so that every 401 says the same
        key = await self._look_up(presented)
        limit = self._deps.settings.requests_per_minute_key
        self._deps.limiter.charge("openai", key.key_id, limit=limit, seconds=60)
        return key

    async def _look_up(self, presented: str | None) -> ApiKeyIdentity:
        now = self._deps.clock()
        known = self._known.get(presented or "")
        if known is not None and 0 <= (now - known[1]).total_seconds() < KEY_REMEMBERED_S:
            return known[0]
        # Requests that come together look it up once: each would else wait for the others' turns at the database.
        task = self._asking.get(presented or "")
        if task is None:
            task = asyncio.create_task(self._deps.api_keys.identify(self._deps.db, presented))
            self._asking[presented or ""] = task
            task.add_done_callback(lambda done: self._answered(presented or "", done))
        key = await asyncio.shield(task)  # one that leaves must not end it for the others
        if presented is not None:
            self._known[presented] = (key, now)
            if len(self._known) > KEYS_REMEMBERED:
                self._known.popitem(last=False)
        return key

    def _answered(self, presented: str, done: asyncio.Task[ApiKeyIdentity]) -> None:
        self._asking.pop(presented, None)
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio does not log a wrong key where everybody has left


def openai_router(deps: OpenAIDeps) -> APIRouter:
    """`/v1/models` and `/v1/chat/completions`."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    keys = _Keys(deps)

    @router.get("/models")
    async def models(request: Request) -> Response:
        """The models that this key may use."""
        try:
            key = await keys.identify(request)
        except MinideskError as error:
            return _problem(error, request)
        rows = [
            {"id": name, "object": "model", "created": 0, "owned_by": "minidesk"}
            for name in _offered(deps, key)
        ]
        return JSONResponse({"object": "list", "data": rows})

    @router.post("/chat/completions")
    async def completions(request: Request) -> Response:
        """A completion, streamed or whole."""
        try:
            key = await keys.identify(request)
            asked = parse_model(await read_json(request), Completion)
            pieces = await _pieces(deps, key, asked)
            answer = _Wire(asked, request_id_of(request), int(deps.clock().timestamp()))
            if not asked.stream:
                return await _unless_gone(request, answer.whole(pieces))
            first = await _unless_gone(request, anext(pieces))
            return _Stream(answer.events(first, pieces), headers=_HEADERS)
        except MinideskError as error:
            return _problem(error, request)

    return router


def _offered(deps: OpenAIDeps, key: ApiKeyIdentity) -> list[str]:
    grounded = [GROUNDED] if "ask" in key.scopes else []
    plain = [tier for tier in TIERS if "models" in key.scopes and deps.gateway.offers(tier)]
    return [*grounded, *plain]


async def _pieces(
    deps: OpenAIDeps, key: ApiKeyIdentity, asked: Completion
) -> AsyncGenerator[str | End, None]:
    """The completion as text, then its end. Raises `NotAllowed` for a scope that is missing and `NotFound` for other models."""
    if asked.model not in (GROUNDED, *TIERS):
        raise NotFound(
            f"There is no such model here. Ask for {GROUNDED}, mini or large.", code="model_not_found"
        )
    scope = "ask" if asked.model == GROUNDED else "models"
    if scope not in key.scopes:
        raise NotAllowed(f"This key may not do that. Use one with the scope {scope}.", code="scope_missing")
    if asked.model == GROUNDED:
        return await _grounded(deps, key, asked)
    tier = cast("Tier", asked.model)
    if not deps.gateway.offers(tier):
        raise NotFound(
            f"No model is set for the tier {tier}. Ask the operator to set one.", code="model_not_found"
        )
    return _plain(deps, key, asked, tier)


async def _grounded(
    deps: OpenAIDeps, key: ApiKeyIdentity, asked: Completion
) -> AsyncGenerator[str | End, None]:
    """The last message is the question, those before it the history; system messages say nothing here: the site's own instructions do."""
    limit = deps.settings.message_max_chars
    turns = [message for message in asked.messages if message.role in ("user", "assistant")]
    if not turns or turns[-1].role != "user":
        raise Invalid("The last message must be the user's question.")
    text = check_text(turns[-1].plain(), limit)
    if not text:
        raise Invalid("Write a question first.", code="text_missing")
    history = tuple(
        Turn("visitor" if message.role == "user" else "assistant", said)
        for message in turns[-1 - HISTORY : -1]
        if (said := check_text(message.plain()[: 4 * limit], 4 * limit))
    )
    async with deps.db.read() as tx:
        site = await site_by_id(tx, key.site_id)
    question = Question(key.site_id, text, history)
    return _sentences(deps.asker.ask(question, wishes_of(site)))


async def _sentences(
    answering: AsyncGenerator[ProvedSentence | Answered, None],
) -> AsyncGenerator[str | End, None]:
    said = 0
    async with aclosing(answering) as parts:
        async for part in parts:
            if isinstance(part, ProvedSentence):
                said += len(part.text)
                yield part.text + "".join(f" [{citation.n}]" for citation in part.citations)
                continue
            # Of a clarifying question or a handoff nothing was streamed: its line comes whole.
            if rest := part.text[said:]:
                yield rest
            if part.citations:
                yield "\n\n" + "\n".join(_footnote(citation) for citation in part.citations)
            yield End("stop", _usage(part), answer_as_json(part))


def _footnote(citation: Citation) -> str:
    return f"[{citation.n}] {citation.title}" + (f" {citation.url}" if citation.url else "")


def _usage(answered: Answered) -> dict[str, int]:
    """The total is what the models counted; how it splits is not known here, and taken from the answer's length."""
    out = min(len(answered.text) // 4, answered.tokens)
    return _counts(answered.tokens - out, out)


def _counts(tokens_in: int, tokens_out: int) -> dict[str, int]:
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


async def _plain(
    deps: OpenAIDeps, key: ApiKeyIdentity, asked: Completion, tier: Tier
) -> AsyncGenerator[str | End, None]:
    settings = deps.settings
    ceiling = asked.max_completion_tokens or asked.max_tokens or settings.model_max_tokens
    request = ChatRequest(
        messages=_messages(asked.messages),
        purpose="api",
        max_tokens=min(ceiling, MOST_TOKENS),
        temperature=settings.model_temperature if asked.temperature is None else asked.temperature,
        site_id=key.site_id,
    )
    async with aclosing(deps.gateway.stream(request, tier)) as pieces:
        async for piece in pieces:
            if isinstance(piece, str):
                yield piece
                continue
            usage = _counts(piece.input_tokens, piece.output_tokens)
            yield End(
                piece.finish_reason,
                usage,
                {
                    "model": piece.model,
                    "cost_usd": piece.cost_micros / 1_000_000,
                    "estimated": piece.estimated,
                },
            )


def _messages(messages: Sequence[Message]) -> tuple[ChatMessage, ...]:
    return tuple(
        ChatMessage("system" if message.role == "developer" else message.role, message.plain())
        for message in messages
    )


class _Wire:
    """A completion as the protocol writes it."""

    def __init__(self, asked: Completion, request_id: str, created: int) -> None:
        self._asked = asked
        self._head = {"id": f"chatcmpl-{request_id}", "created": created, "model": asked.model}

    async def whole(self, pieces: AsyncGenerator[str | End, None]) -> JSONResponse:
        """All at once."""
        text, end = "", None
        async with aclosing(pieces):
            async for piece in pieces:
                if isinstance(piece, str):
                    text += piece
                else:
                    end = piece
        assert end is not None  # every stream ends with one, or raises
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": end.finish_reason,
            "logprobs": None,
        }
        body = {
            "object": "chat.completion",
            "choices": [choice],
            "usage": end.usage,
            "minidesk": end.extension,
        }
        return JSONResponse(self._head | body)

    async def events(
        self, first: str | End, pieces: AsyncGenerator[str | End, None]
    ) -> AsyncGenerator[bytes, None]:
        """As server-sent events. After the first one an error can only be said in band, and no [DONE] follows it."""
        opening = json.dumps(self._chunk({"role": "assistant", "content": ""}))
        yield f"data: {opening}\n\n".encode()
        # Only the text differs from chunk to chunk: the rest is written once.
        before, _, after = json.dumps(self._chunk({"content": "\0"})).partition(json.dumps("\0"))
        async with aclosing(pieces):
            try:
                if isinstance(first, End):
                    yield self._last(first)
                else:
                    yield f"data: {before}{json.dumps(first)}{after}\n\n".encode()
                async for piece in pieces:
                    if isinstance(piece, End):
                        yield self._last(piece)
                    else:
                        yield f"data: {before}{json.dumps(piece)}{after}\n\n".encode()
            except MinideskError as error:
                yield f"data: {json.dumps({'error': problem_body(error)})}\n\n".encode()

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return self._head | {"object": "chat.completion.chunk", "choices": [choice]}

    def _last(self, end: End) -> bytes:
        closing = [self._chunk({}, end.finish_reason) | {"minidesk": end.extension}]
        if self._asked.wants_usage:
            closing.append(
                self._head | {"object": "chat.completion.chunk", "choices": [], "usage": end.usage}
            )
        return "".join(f"data: {json.dumps(body)}\n\n" for body in closing).encode() + b"data: [DONE]\n\n"


class _Stream(StreamingResponse):
    """Closes its source whatever happens, so that a client who leaves ends the call to the model (F20)."""

    def __init__(self, events: AsyncGenerator[bytes, None], headers: dict[str, str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled if the client leaves before: nobody pays for an answer that nobody waits for (F20)."""
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Unavailable("The connection was closed before the answer began.", code="client_gone")
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def problem_body(error: MinideskError) -> dict[str, Any]:
    """An error in OpenAI's shape."""
    kinds = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        429: "rate_limit_error",
    }
    kind = kinds.get(error.status, "invalid_request_error" if error.status < 500 else "server_error")
    if error.code == BUDGET_SPENT:
        kind = "insufficient_quota"
    return {"message": error.message, "type": kind, "param": None, "code": error.code}


def _problem(error: MinideskError, request: Request) -> JSONResponse:
    request_id = request_id_of(request)
    plain = response_of(error, request_id)
    names = ("retry-after", "www-authenticate")
    headers = {name: plain.headers[name] for name in names if name in plain.headers}
    status = error.status
    if error.code == BUDGET_SPENT:
        status = 429
        headers["x-should-retry"] = "false"  # OpenAI's clients would try twice more
    body = problem_body(error) | {"request_id": request_id}
    return JSONResponse({"error": body}, status_code=status, headers=headers)
