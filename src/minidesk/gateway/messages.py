"""The records of a model call: what goes in, what comes out, what the ledger keeps."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# mini answers first; large is asked where the proof of mini's answer failed.
Tier = Literal["mini", "large"]
# Why a model was asked, as the ledger says it: at most 16 characters.
Purpose = Literal[
    "answer", "rewrite", "summary", "test", "api", "transcription", "draft", "rewrite_reply", "translate"
]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of the OpenAI protocol. Text from outside only ever stands in `user`."""

    role: Literal["system", "user", "assistant"]
    content: str
    images: tuple[
        str, ...
    ] = ()  # `data:` addresses of pictures, for models that can see; others get the words
    stable: int = 0  # characters at its beginning that are the same in every call of its kind


@dataclass(frozen=True, slots=True)
class AnswerSchema:
    """The JSON object that the answer must be (JSON Schema), for models that can be held to one."""

    name: str
    schema: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Order:
    """Names of models, provider/model as in the settings, that a tier asks first; the tier's own come after them."""

    mini: tuple[str, ...] = ()
    large: tuple[str, ...] = ()

    def of(self, tier: Tier) -> tuple[str, ...]:
        """What this tier asks first."""
        return self.large if tier == "large" else self.mini


USUAL_ORDER = Order()


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What to ask, for whom and why. `purpose` `api` is a company's own tool behind /v1."""

    messages: tuple[ChatMessage, ...]
    purpose: Purpose
    max_tokens: int
    temperature: float = 0.1
    site_id: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    order: Order = USUAL_ORDER
    schema: AnswerSchema | None = (
        None  # not sent to a model that does not support it: the prompt asks as well
    )


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a stream that ended well."""

    model: str
    input_tokens: int
    output_tokens: int
    estimated: bool  # the provider sent no usage
    cost_micros: int  # millionths of a US dollar
    first_token_ms: int
    total_ms: int
    finish_reason: str = "stop"  # length: the ceiling cut the answer; content_filter: the provider did


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A line of the ledger: one attempt at one target, whatever came of it."""

    purpose: str
    model: str
    provider: str  # the endpoint's host
    site_id: str | None
    conversation_id: str | None
    message_id: str | None
    input_tokens: int
    output_tokens: int
    estimated: bool
    cost_micros: int
    first_token_ms: int | None
    total_ms: int
    outcome: str  # ok | aborted | an error's code
    # large: also where one of its models was asked in mini's place; "": no tier was asked
    tier: Tier | Literal[""] = ""
    request_id: str = ""  # the attempts of one request share it
    attempt: int = 1  # counted from 1 over all targets, those that were resting included
    cached_tokens: int = 0  # of the input tokens, from the provider's cache


# The gateway never sees a database: whoever builds it hands in where the ledger's lines go.
LedgerSink = Callable[[CallRecord], Awaitable[None]]
