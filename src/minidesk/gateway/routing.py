"""From a request to an answer over several targets: one retry loop, fallback, cool-down, and a ledger line for each attempt.

Everything that can go wrong before the first token may be tried elsewhere. After it nothing is: two models in one
answer would contradict each other (F14).
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from minidesk.errors import ModelError, ModelOverloaded, ModelRefused
from minidesk.gateway.client import ModelClient, Target, Usage
from minidesk.gateway.messages import CallRecord, ChatRequest, Finished, LedgerSink

log = logging.getLogger(__name__)

# To the first token over all targets: beyond it a visitor has gone, and extracts should have answered (F12).
FIRST_TOKEN_BUDGET_S = 25.0
# A target that refused our key or model is left alone this long, so that a wrong setting does not cost each visitor a call (F13).
REFUSED_COOLDOWN_S = 300.0
# An overloaded one at least this long, or as long as it asked for (F11).
OVERLOADED_COOLDOWN_S = 5.0


class Purse(Protocol):
    """The budget as the gateway sees it. Amounts are millionths of a dollar."""

    async def reserve(self, site_id: str | None, most: int) -> bool:
        """Set aside the most that a call can cost, before it; False means the budget does not hold it."""

    def release(self, site_id: str | None, most: int) -> None:
        """Give back what was set aside, after what the call did cost was booked."""


class Gateway:
    """All models, as one. `targets` in the order they are asked; an empty list means that no model is configured."""

    def __init__(
        self, client: ModelClient, targets: Sequence[Target], ledger: LedgerSink, purse: Purse
    ) -> None:
        self._client = client
        self._targets = tuple(targets)
        self._ledger = ledger
        self._purse = purse
        self._cool_until: dict[Target, float] = {}

    @property
    def configured(self) -> bool:
        """Whether there is any model to ask."""
        return bool(self._targets)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Finished]:
        """Text deltas, then exactly one `Finished`. Close it (`aclosing`) when you stop early, or the ledger line waits for the collector.

        Raises the last target's ModelError where no first token came, the error itself where a stream broke later,
        and ModelRefused with the code `budget_spent` at the ceiling.
        """
        loop = asyncio.get_running_loop()
        started, last = loop.time(), ModelError()
        for target in self._targets:
            if self._cool_until.get(target, 0.0) > loop.time():
                continue
            for attempt in (1, 2):
                if loop.time() - started > FIRST_TOKEN_BUDGET_S:
                    raise last
                most = _most(target, request)
                if not await self._purse.reserve(request.site_id, most):
                    raise ModelRefused("The model budget is spent.", code="budget_spent")
                call = _Call(self._client, self._ledger, target, request)
                try:
                    async with aclosing(call.run()) as pieces:
                        async for piece in pieces:
                            yield piece
                    return
                except ModelError as error:
                    last = error
                    if call.begun:
                        raise
                    self._cool(target, error, loop.time())
                    log.warning("a model did not answer", extra={"code": error.code})
                finally:
                    self._purse.release(request.site_id, most)
                if not last.retry or attempt == 2 or self._cool_until.get(target, 0.0) > loop.time():
                    break
                await asyncio.sleep(random.uniform(0.1, 0.5))  # noqa: S311 (jitter, so that many visitors do not retry as one)
        raise last

    def _cool(self, target: Target, error: ModelError, now: float) -> None:
        if isinstance(error, ModelRefused):
            self._cool_until[target] = now + REFUSED_COOLDOWN_S
        elif isinstance(error, ModelOverloaded) and error.retry_after is not None:
            self._cool_until[target] = now + max(error.retry_after, OVERLOADED_COOLDOWN_S)


class _Call:
    """One attempt at one target, and its line in the ledger."""

    def __init__(self, client: ModelClient, ledger: LedgerSink, target: Target, request: ChatRequest) -> None:
        self._client, self._ledger, self._target, self._request = client, ledger, target, request
        self._usage: Usage | None = None
        self._characters = 0
        self._first_ms: int | None = None
        self.begun = False

    async def run(self) -> AsyncGenerator[str | Finished]:
        loop = asyncio.get_running_loop()
        started, outcome = loop.time(), "aborted"

        def elapsed() -> int:
            return round((loop.time() - started) * 1000)

        try:
            async with aclosing(self._client.stream(self._target, self._request)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Usage):
                        self._usage = piece
                        continue
                    if not self.begun:
                        self.begun, self._first_ms = True, elapsed()
                    self._characters += len(piece)
                    yield piece
            outcome = "ok"
        except ModelError as error:
            outcome = error.code
            raise
        finally:
            record = self._record(outcome, elapsed())
            # Shielded: a visitor who leaves must not make a call that was paid for vanish from the ledger.
            await asyncio.shield(self._ledger(record))
        yield Finished(
            model=record.model,
            input_tokens=record.input_tokens,
            output_tokens=record.output_tokens,
            estimated=record.estimated,
            cost_micros=record.cost_micros,
            first_token_ms=record.first_token_ms or record.total_ms,
            total_ms=record.total_ms,
        )

    def _record(self, outcome: str, total_ms: int) -> CallRecord:
        usage, request, target = self._usage, self._request, self._target
        if usage is None:
            # Nothing came back: a provider does not charge for a call that it refused.
            counted = self.begun or outcome in ("ok", "aborted")
            usage = Usage(estimate_tokens(request) if counted else 0, -(-self._characters // 4))
        return CallRecord(
            purpose=request.purpose,
            model=target.model,
            provider=target.provider,
            site_id=request.site_id,
            conversation_id=request.conversation_id,
            message_id=request.message_id,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            estimated=self._usage is None,
            cost_micros=_cost(target, usage.input_tokens, usage.output_tokens),
            first_token_ms=self._first_ms,
            total_ms=total_ms,
            outcome=outcome,
        )


def estimate_tokens(request: ChatRequest) -> int:
    """Input tokens where nobody counted them: a token for four characters, the usual rule for English (OpenAI's help pages), and 4 a message."""
    return sum(len(m.content) // 4 + 4 for m in request.messages)


def _cost(target: Target, input_tokens: int, output_tokens: int) -> int:
    # Dollars a million tokens are millionths of a dollar a token. Rounded up, so that a call is never free by rounding.
    exact = input_tokens * target.input_price + output_tokens * target.output_price
    return int(-(-exact // 1))


def _most(target: Target, request: ChatRequest) -> int:
    return _cost(target, estimate_tokens(request), request.max_tokens)
