"""One attempt at one target: its stream, what it tells about the target, and its line in the ledger."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from minidesk.errors import MinideskError, ModelError
from minidesk.gateway.answer import Ended, Usage
from minidesk.gateway.client import ModelClient
from minidesk.gateway.health import Health
from minidesk.gateway.messages import CallRecord, ChatRequest, Finished, LedgerSink, Purpose, Tier
from minidesk.gateway.target import Target

log = logging.getLogger(__name__)

# A provider has read the prompt, and bills it, also where the answer was broken off before its first word.
BILLED_WITHOUT_A_WORD = frozenset({"ok", "aborted", "model_timeout", "model_truncated"})


class Hold(Protocol):
    """Money that was set aside for one call."""

    def release(self) -> None:
        """Give it back, after what the call did cost was booked."""


class Purse(Protocol):
    """The budget as the gateway sees it. Amounts are millionths of a dollar."""

    async def reserve(self, request: ChatRequest, most: int) -> Hold | None:
        """Set aside the most that a call can cost, before it; None means that a budget does not hold it."""


class Gate(Protocol):
    """What a site lets the large tier do for it."""

    async def grant(self, site_id: str, purpose: Purpose) -> Hold | None:
        """Leave for one request, to be released when its calls have ended; None where share or money is used up."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call stands in its request: the tier whose model is asked, and which attempt over all targets this is."""

    tier: Tier
    request_id: str
    attempt: int


class Call:
    """Run it once."""

    def __init__(
        self,
        client: ModelClient,
        target: Target,
        request: ChatRequest,
        health: Health,
        ledger: LedgerSink,
        place: Place,
    ) -> None:
        self.target, self.request, self.health = target, request, health
        self._place, self.tier = place, place.tier
        self.begun = False  # the first token came
        self._client, self._ledger = client, ledger
        self._usage: Usage | None = None
        self._characters = 0
        self._first_ms: int | None = None
        self._finish_reason = ""

    async def run(
        self, by: float, hold: Hold, settling: set[asyncio.Task[None]]
    ) -> AsyncGenerator[str | Finished]:
        """The stream. `by` is the loop's time for the first token; a task in `settling` books the call and releases `hold`."""
        loop = asyncio.get_running_loop()
        started, outcome = loop.time(), "aborted"

        def elapsed() -> int:
            return round((loop.time() - started) * 1000)

        try:
            async with aclosing(self._client.stream(self.target, self.request, by)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, str):
                        if not self.begun:
                            self.begun, self._first_ms = True, elapsed()
                        self._characters += len(piece)
                        yield piece
                    else:
                        self._keep(piece)
            outcome = "ok"
        except ModelError as error:
            outcome = error.code
            self.health.failed(error)
            raise
        finally:
            self._tell(outcome)
            record = self._record(outcome, elapsed())
            # In a task of its own: a visitor who leaves must not make a call that was paid for vanish from the ledger.
            task = asyncio.create_task(self._settle(record, hold))
            settling.add(task)
            task.add_done_callback(settling.discard)
            await asyncio.shield(task)
        yield self._finished(record)

    def _keep(self, piece: Usage | Ended) -> None:
        if isinstance(piece, Usage):
            self._usage = piece
        else:
            self._finish_reason = piece.finish_reason

    def _tell(self, outcome: str) -> None:
        """What a call that did not fail says of its target; a reader who left after the first token has seen it work."""
        if outcome == "ok" or (outcome == "aborted" and self.begun):
            self.health.answered(self._first_ms)
        elif outcome == "aborted":
            self.health.breaker.abandon()
        # A picture's tokens are bounded, not guessed: they would teach the guess about words something wrong.
        if self._usage is not None and outcome == "ok" and not image_tokens(self.target, self.request):
            counted = (self._usage.input_tokens, self._usage.output_tokens)
            self.health.learn(self._guess(), counted)

    def _guess(self) -> tuple[int, int]:
        return estimate_tokens(self.request, self.target), -(-self._characters // 4)

    def _record(self, outcome: str, total_ms: int) -> CallRecord:
        usage, request, target = self._usage, self.request, self.target
        if usage is None:
            # A provider does not charge for a call that it refused.
            counted = self.begun or outcome in BILLED_WITHOUT_A_WORD
            usage = Usage(*self.health.tokens(self._guess())) if counted else Usage(0, 0)
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
            cost_micros=target.cost(
                usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.written_tokens
            ),
            first_token_ms=self._first_ms,
            total_ms=total_ms,
            outcome=outcome,
            tier=self._place.tier,
            request_id=self._place.request_id,
            attempt=self._place.attempt,
            cached_tokens=min(usage.cached_tokens, usage.input_tokens),
        )

    async def _settle(self, record: CallRecord, hold: Hold) -> None:
        try:
            await self._ledger(record)
        except MinideskError as error:
            # The answer stands. What it cost stays set aside, so that the ceiling counts it although the ledger does not.
            log.error("a model call could not be booked", extra={"code": error.code})  # noqa: TRY400 (the code says all)
            return
        hold.release()

    def _finished(self, record: CallRecord) -> Finished:
        return Finished(
            model=record.model,
            input_tokens=record.input_tokens,
            output_tokens=record.output_tokens,
            estimated=record.estimated,
            cost_micros=record.cost_micros,
            first_token_ms=record.total_ms if record.first_token_ms is None else record.first_token_ms,
            total_ms=record.total_ms,
            finish_reason=self._finish_reason,
        )


def image_tokens(target: Target, request: ChatRequest) -> int:
    """The most that the request's pictures count for at this target; nothing where it is not shown them."""
    return target.image_tokens * sum(len(m.images) for m in request.messages) if target.sees else 0


def estimate_tokens(request: ChatRequest, target: Target) -> int:
    """Input tokens where nobody counted them: a token for four characters, the usual rule for English (OpenAI's help pages), and 4 a message."""
    return sum(len(m.content) // 4 + 4 for m in request.messages) + image_tokens(target, request)


def at_most(target: Target, request: ChatRequest) -> int:
    """The most that a call can cost, in millionths of a dollar.

    A token for three bytes of UTF-8 and 8 a message: more than any usual tokenizer makes of prose in any script
    (English has about four bytes a token, Chinese three).
    """
    most = sum(len(m.content.encode(errors="replace")) // 3 + 8 for m in request.messages)
    most += image_tokens(target, request)
    written = (
        most if "cache_control" in target.supports else 0
    )  # putting it there may cost more than reading it
    return target.cost(most, request.max_tokens, written_tokens=written)
