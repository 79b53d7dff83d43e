"""One short call to a model, to see whether it answers, how fast and for how much: what `minidesk models test` shows."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from minidesk.errors import ModelError
from minidesk.gateway.call import Purse
from minidesk.gateway.catalog import Entry, Route
from minidesk.gateway.client import ModelClient
from minidesk.gateway.failures import (
    BAD_KEY,
    BUDGET_SPENT,
    CONTEXT_TOO_LONG,
    OUT_OF_CREDIT,
    RATE_LIMITED,
    UNKNOWN_MODEL,
)
from minidesk.gateway.messages import ChatMessage, ChatRequest, Finished, LedgerSink
from minidesk.gateway.routing import Gateway

TRIAL = ChatRequest(
    messages=(
        ChatMessage("system", "You are being tested. Answer in plain words."),
        ChatMessage("user", "Count from one to twenty in words, separated by commas."),
    ),
    purpose="test",
    max_tokens=120,
    temperature=0.0,
)

# What the operator can do about it.
ADVICE: Mapping[str, str] = {
    BAD_KEY: "the key is refused: check it",
    OUT_OF_CREDIT: "the account has no credit left",
    UNKNOWN_MODEL: "the endpoint does not know this model: check its name and the base URL",
    RATE_LIMITED: "the rate limit is reached: try again later",
    CONTEXT_TOO_LONG: "its context is too small",
    BUDGET_SPENT: "minidesk's own budget is spent",
    "model_unreachable": "nobody answers at this address",
    "model_timeout": "it did not answer in time",
    "model_overloaded": "the server says that it is overloaded or broken",
    "model_bad_response": "what came back is not the OpenAI protocol: check the base URL",
    "model_truncated": "the stream broke off",
    "model_refused": "the request was refused: check what the model supports",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """How it went. Without `finished` it failed, and `why` says how."""

    name: str
    finished: Finished | None
    why: str = ""

    @property
    def tokens_a_second(self) -> float | None:
        """After the first token; None where it cannot be told, as all came at once."""
        if self.finished is None or self.finished.total_ms <= self.finished.first_token_ms:
            return None
        seconds = (self.finished.total_ms - self.finished.first_token_ms) / 1000
        return self.finished.output_tokens / seconds

    def line(self) -> str:
        """For the terminal."""
        end = self.finished
        if end is None:
            return f"FAILED  {self.name}: {self.why}"
        speed = self.tokens_a_second
        said = f"{speed:.0f} tokens/s" if speed is not None else "all at once"
        guessed = ", tokens estimated" if end.estimated else ""
        return (
            f"ok      {self.name}: first token {end.first_token_ms} ms, {said}, "
            f"${end.cost_micros / 1_000_000:.6f} ({end.input_tokens} + {end.output_tokens} tokens{guessed})"
        )


async def try_model(client: ModelClient, entry: Entry, ledger: LedgerSink, purse: Purse) -> Trial:
    """Call it once (twice where it is overloaded), within the budget and booked as any other call."""
    name = entry.target.name
    if entry.problem:
        return Trial(name, None, entry.problem)
    gateway = Gateway(client, {"mini": Route((entry.target,))}, ledger, purse)
    try:
        async with aclosing(gateway.stream(TRIAL)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Finished):
                    return Trial(name, piece)
    except ModelError as error:
        return Trial(name, None, ADVICE.get(error.code, "it did not answer"))
    return Trial(name, None, "it did not answer")
