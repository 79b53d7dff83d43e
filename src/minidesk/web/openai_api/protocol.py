"""Requests and answers as OpenAI's chat protocol writes them."""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse

from minidesk.errors import Invalid, MinideskError
from minidesk.gateway import BUDGET_SPENT
from minidesk.web.problems import request_id_of, response_of


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


class Written:
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
    ) -> AsyncGenerator[tuple[bytes, bool], None]:
        """As server-sent events, each with whether more follow. After the first one an error can only be said in band, and no [DONE] follows it."""
        opening = f"data: {json.dumps(self._chunk({'role': 'assistant', 'content': ''}))}\n\n".encode()
        # Only the text differs from chunk to chunk: the rest is written once.
        before, _, after = json.dumps(self._chunk({"content": "\0"})).partition(json.dumps("\0"))
        async with aclosing(pieces):
            try:
                if isinstance(first, End):
                    yield opening + self._last(first), False
                    return
                yield opening + f"data: {before}{json.dumps(first)}{after}\n\n".encode(), True
                async for piece in pieces:
                    if isinstance(piece, End):
                        yield self._last(piece), False
                        return
                    yield f"data: {before}{json.dumps(piece)}{after}\n\n".encode(), True
            except MinideskError as error:
                yield f"data: {json.dumps({'error': problem_body(error)})}\n\n".encode(), False

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


def problem(error: MinideskError, request: Request) -> JSONResponse:
    """An error as the answer."""
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
