"""Which model answers: mini first, and large where the proof of mini's answer is too thin.

Not the question decides (nobody can tell from it how hard it is) but the answer: how many of its sentences were
proved. What was shown stays: once a sentence of one model is out, the other one is not asked (F14). Where no large
tier is configured, or its share is used up, mini's answer stands as it is.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from minidesk.answering.models import Models, closing
from minidesk.answering.outcome import ProvedSentence
from minidesk.answering.prompt import NOT_FOUND, Prompt, leaks
from minidesk.answering.prove import Prover, Said
from minidesk.answering.stream import SentenceStream
from minidesk.errors import ModelError, ModelTimeout
from minidesk.gateway.failures import BUDGET_SPENT
from minidesk.gateway.messages import ChatRequest, Finished, Tier

# Of mini's sentences so many must be proved, counted from the first one on. An answer that loses more has lost what
# held it together; below it nothing is shown before large was asked.
ENOUGH_PROVED = 0.6
# So sure that the passages answer, mini's "not found" is not believed before large has read them too: at this score
# three in four of the sample shop's extracts are right.
SURE_OF_PASSAGES = 0.75
# Seconds to the first word over both tiers (faults-and-threats, F12), and what large needs of them to be worth asking.
FIRST_WORD_S = 25.0
LARGE_NEEDS_S = 3.0
# Seconds until the pages are read for the proof. By then a model has its request, which else waits 25 ms behind the reading
# (measured); no model's first token is sooner.
READ_AFTER_S = 0.05


@dataclass(frozen=True, slots=True)
class LargeTier:
    """The second tier. How often a site may ask it, the gateway decides: a refusal is a model that did not answer."""

    models: Models


@dataclass(frozen=True, slots=True)
class Composed:
    """How an answer ended. `model`: who wrote what was shown. `said_not_found`: it read the passages and found no answer.

    `whole`: every sentence that the model wrote was proved and shown, and nothing cut the text.
    """

    model: str | None = None
    tokens: int = 0
    cost_micros: int = 0
    said_not_found: bool = False
    model_failed: bool = False
    tier: Tier | None = None
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One model's try at an answer. `held`: proved sentences that were not shown, because too few others were proved."""

    tier: Tier
    shown: int
    whole: bool
    said_not_found: bool
    failed: Literal["", "failed", "no money"]
    held: tuple[ProvedSentence, ...]
    finished: Finished | None


class Cascade:
    """Asks mini, and then large where mini's answer is too weak and nothing of it was shown."""

    def __init__(self, models: Models, large: LargeTier | None, prover: Prover) -> None:
        self._models = models
        self._large = large
        self._prover = prover

    async def answer(
        self, request: ChatRequest, prompt: Prompt, sure: float
    ) -> AsyncGenerator[ProvedSentence | Composed, None]:
        """Proved sentences of one model, then one Composed. `sure`: 0 to 1 that the passages answer."""
        attempts: list[_Attempt] = []
        loop = asyncio.get_running_loop()
        by = loop.time() + FIRST_WORD_S
        reading = loop.call_later(READ_AFTER_S, self._prover.read_ahead)
        try:
            source = self._models.stream(request)
            async with aclosing(self._attempt("mini", source, request, prompt)) as parts:
                async for part in parts:
                    if isinstance(part, _Attempt):
                        attempts.append(part)
                    else:
                        yield part
        finally:
            reading.cancel()
        if self._large is not None and _weak(attempts[0], sure):
            async with aclosing(self._ask_large(self._large, request, prompt, by)) as parts:
                async for part in parts:
                    if isinstance(part, _Attempt):
                        attempts.append(part)
                    else:
                        yield part
        if not any(attempt.shown for attempt in attempts) and not attempts[-1].said_not_found:
            for sentence in attempts[0].held:
                yield sentence
        yield _composed(attempts)

    async def _ask_large(
        self, large: LargeTier, request: ChatRequest, prompt: Prompt, by: float
    ) -> AsyncGenerator[ProvedSentence | _Attempt, None]:
        """Large's try; nothing where no time is left for it."""
        if by - asyncio.get_running_loop().time() < LARGE_NEEDS_S:
            return
        source = _first_by(large.models.stream(request), by)
        async with aclosing(self._attempt("large", source, request, prompt)) as parts:
            async for part in parts:
                yield part

    async def _attempt(
        self, tier: Tier, source: AsyncIterator[str | Finished], request: ChatRequest, prompt: Prompt
    ) -> AsyncGenerator[ProvedSentence | _Attempt, None]:
        # What mini wrote waits for its proof only where somebody else could be asked instead.
        draft = _Draft(self._prover, ENOUGH_PROVED if tier == "mini" and self._large is not None else 0.0)
        finished: Finished | None = None
        failed: Literal["", "failed", "no money"] = ""
        try:
            async with aclosing(closing(source)) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Finished):
                        finished = delta
                        continue
                    draft.heard += delta
                    if leaks(draft.heard[-2000:], prompt):
                        failed = "failed"
                        break
                    for sentence in await draft.take(delta):
                        yield sentence
        except ModelError as error:
            failed = "no money" if error.code == BUDGET_SPENT else "failed"
        if not failed and finished is not None:
            for sentence in await draft.end(whole=finished.output_tokens < request.max_tokens):
                yield sentence
        ended_well = not failed and finished is not None and finished.finish_reason == "stop"
        yield _Attempt(
            tier=tier,
            shown=draft.shown,
            whole=ended_well and draft.whole,
            said_not_found=not (failed or draft.shown or draft.held) and NOT_FOUND in draft.heard,
            failed=failed,
            held=tuple(draft.held),
            finished=finished,
        )


def _weak(mini: _Attempt, sure: float) -> bool:
    """Whether large should be asked. Without money for mini there is none for large."""
    if mini.shown or mini.failed == "no money":
        return False
    return sure >= SURE_OF_PASSAGES if mini.said_not_found else True


def _composed(attempts: Sequence[_Attempt]) -> Composed:
    """How it ended: the attempt whose sentences were shown tells, else the one that said something at all."""
    ends = [attempt.finished for attempt in attempts if attempt.finished is not None]
    last = attempts[-1]
    told = last if last.shown or last.said_not_found else attempts[0]
    return Composed(
        model=told.finished.model if told.finished else None,
        tokens=sum(end.input_tokens + end.output_tokens for end in ends),
        cost_micros=sum(end.cost_micros for end in ends),
        said_not_found=told.said_not_found and not told.shown,
        model_failed=all(attempt.failed for attempt in attempts),
        tier=told.tier,
        whole=told.whole,
    )


class _Draft:
    """A model's text as it arrives: sentences cut, proved, and joined so that the shown text reads on.

    Proved sentences are held back until `enough` of all so far are proved; from then on each one is shown at once.
    """

    def __init__(self, prover: Prover, enough: float) -> None:
        self._prover = prover
        self._enough = enough
        self._stream = SentenceStream(prover.ends)
        self._lead: ProvedSentence | None = None  # "You need:" waits for the item that it introduces
        self._dropped = 0
        self._mended = 0  # said in the page's words, or told already
        self._joined = 0
        self.held: list[ProvedSentence] = []
        self.heard = ""
        self.proved = 0
        self.shown = 0

    @property
    def whole(self) -> bool:
        """All that the model wrote was shown as it wrote it."""
        return self.shown > 0 and not (self._dropped or self._mended or self._lead or self._stream.lost)

    async def take(self, delta: str) -> list[ProvedSentence]:
        """What this delta makes ready to be shown."""
        return await self._prove(self._stream.feed(delta))

    async def end(self, *, whole: bool) -> list[ProvedSentence]:
        """The same for what is left at the end of the stream."""
        return await self._prove(self._stream.rest(whole=whole))

    async def _prove(self, sentences: list[str]) -> list[ProvedSentence]:
        ready: list[ProvedSentence] = []
        for sentence in sentences:
            said = await self._prover.say(sentence) if NOT_FOUND not in sentence else Said("lost")
            if said.how == "lost":
                self._dropped += 1
                continue
            self._mended += said.how != "proved"
            self.proved += 1
            proved = said.sentence
            if proved is None:
                continue
            if proved.text.rstrip().endswith(":"):
                self._lead = proved
                continue
            for part in [self._lead, proved] if self._lead else [proved]:
                self.held.append(part if self._joined else ProvedSentence(part.text.lstrip(), part.citations))
                self._joined += 1
            self._lead = None
            if self.shown or self.proved >= self._enough * (self.proved + self._dropped):
                ready += self.held
                self.shown += len(self.held)
                self.held.clear()
        return ready


async def _first_by(source: AsyncIterator[str | Finished], by: float) -> AsyncGenerator[str | Finished, None]:
    """`source`, whose first piece must be there at the loop's time `by`."""
    async with aclosing(closing(source)) as pieces:
        try:
            async with asyncio.timeout_at(by):
                first = await anext(pieces, None)
        except TimeoutError as error:
            raise ModelTimeout from error
        if first is None:
            return
        yield first
        async for item in pieces:
            yield item
