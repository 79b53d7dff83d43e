"""A model's answer as an object: asked for by schema where the model can be held to one, and in words in any case.

What comes back is checked with Pydantic. One more call may mend it: with what was wrong said in words, or without the
schema where that was refused (some servers answer 500 to one). After that, or when the time is up, the local way does it.
"""

import asyncio
import json
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from minidesk.answering.models import Models
from minidesk.errors import ModelError, ModelOverloaded, ModelRefused
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.messages import AnswerSchema, ChatMessage, ChatRequest, Finished

log = logging.getLogger(__name__)

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Structured(Generic[T]):
    """What came of it. `value` None: the model failed, was too late, or wrote no such object."""

    value: T | None
    model: str | None = None
    tokens: int = 0
    cost_micros: int = 0


class _NotIt(Exception):
    """What was written is not the object; says why in words for the model."""


async def ask_for(models: Models, request: ChatRequest, shape: type[T], *, seconds: float) -> Structured[T]:
    """The object that `request` asks for, within `seconds` over at most two calls. Raises nothing."""
    request = replace(request, schema=AnswerSchema(shape.__name__, schema_of(shape)))
    ends: list[Finished] = []
    value: T | None = None
    try:
        async with asyncio.timeout(seconds):
            try:
                value = _read(await _written(models, request, ends), shape)
            except (_NotIt, ModelOverloaded, ModelRefused) as error:
                if isinstance(error, ModelError) and error.code == BUDGET_SPENT:
                    raise
                value = _read(await _written(models, _again(request, error), ends), shape)
    except (TimeoutError, ModelError, _NotIt) as error:
        log.info("a %s is made without the model: %s", request.purpose, type(error).__name__)
    return Structured(
        value,
        ends[-1].model if ends else None,
        sum(end.input_tokens + end.output_tokens for end in ends),
        sum(end.cost_micros for end in ends),
    )


def schema_of(shape: type[BaseModel]) -> dict[str, Any]:
    """A flat shape as the JSON Schema that strict modes take: every field required and none other, no bounds."""
    fields = shape.model_json_schema()["properties"]
    properties = {
        name: {key: value for key, value in field.items() if key in ("type", "enum", "description")}
        for name, field in fields.items()
    }
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


async def _written(models: Models, request: ChatRequest, ends: list[Finished]) -> str:
    """All that the model writes; its end is added to `ends`."""
    text = ""
    stream: Any = models.stream(request)  # an async generator behind the protocol: it must be closed
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            if isinstance(piece, Finished):
                ends.append(piece)
            else:
                text += piece
    return text


def _read(text: str, shape: type[T]) -> T:
    """The first object in the text, whatever stands around it (a fence, "Here it is:")."""
    start = text.find("{")
    if start < 0:
        raise _NotIt("there was no JSON object")
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
        return shape.model_validate(found)
    except ValidationError as error:
        # Names and kinds only: what the model wrote must not come back as an instruction.
        fields = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]} & set(
            shape.model_fields
        )
        raise _NotIt(f"these fields were wrong: {', '.join(sorted(fields)) or 'all'}") from error
    except (ValueError, RecursionError) as error:
        raise _NotIt("the JSON object could not be read") from error


def _again(request: ChatRequest, error: Exception) -> ChatRequest:
    if not isinstance(error, _NotIt):
        return replace(request, schema=None)
    *before, last = request.messages
    hint = f"\n\nAn earlier try could not be used: {error}. Write the one JSON object and nothing else."
    return replace(request, messages=(*before, ChatMessage(last.role, last.content + hint)))
