"""An answer out of passages: by the model where one is configured, sentence by sentence with proof; else by extracts.

Yields proved sentences as soon as they are proved, then exactly one `Composed`. A model's failure, its silence
about what can be proved, or its leaking of the prompt ends in the extracts; nothing unproved is ever yielded.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from minidesk.answering.extract import extract
from minidesk.answering.outcome import ProvedSentence, Question
from minidesk.answering.prompt import NOT_FOUND, Prompt, answer_prompt, leaks
from minidesk.answering.prove import Prover
from minidesk.answering.rank import Embed, Ranking, WordNearness
from minidesk.answering.stream import SentenceStream
from minidesk.answering.sure import ANSWER_FROM
from minidesk.errors import ModelError
from minidesk.gateway.messages import ChatRequest, Finished
from minidesk.knowledge.records import Passage


class Models(Protocol):
    """What answering needs of the gateway."""

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""

    def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """Text deltas, then exactly one Finished; raises ModelError."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the model is asked: ceilings, temperature and the site's own wishes."""

    max_tokens: int = 800
    temperature: float = 0.1
    site_prompt: str = ""
    site_name: str = ""


@dataclass(frozen=True, slots=True)
class Composed:
    """How it ended. `said_not_found`: the model read the passages and found no answer in them."""

    model: str | None = None
    tokens: int = 0
    cost_micros: int = 0
    said_not_found: bool = False
    model_failed: bool = False


class Composer:
    """Composes answers; `models` None or unconfigured means extracts."""

    def __init__(self, embed: Embed, nearness: WordNearness, models: Models | None, manner: Manner) -> None:
        self._embed = embed
        self._nearness = nearness
        self._models = models if models is not None and models.configured else None
        self._manner = manner

    @property
    def by_model(self) -> bool:
        """Whether a model is asked first."""
        return self._models is not None

    async def compose(
        self,
        question: Question,
        search_query: str,
        ranking: Ranking,
        sure: float,
        passages: Sequence[Passage],
    ) -> AsyncGenerator[ProvedSentence | Composed, None]:
        """The answer's sentences, then one Composed. Extracts are only given where `sure` reaches ANSWER_FROM."""
        ended = Composed()
        shown = 0
        if self._models is not None:
            prompt = answer_prompt(
                question.text,
                passages,
                question.history,
                rewritten=search_query,
                site_prompt=self._manner.site_prompt,
                site_name=self._manner.site_name,
            )
            async with aclosing(self._from_model(self._models, question, prompt, passages)) as parts:
                async for part in parts:
                    if isinstance(part, Composed):
                        ended = part
                    else:
                        shown += 1
                        yield part
        if not shown and not ended.said_not_found and sure >= ANSWER_FROM:
            for sentence in extract(ranking, passages):
                yield sentence
        yield ended

    async def _from_model(
        self, models: Models, question: Question, prompt: Prompt, passages: Sequence[Passage]
    ) -> AsyncGenerator[ProvedSentence | Composed, None]:
        prover = Prover(passages, self._embed, self._nearness)
        draft = _Draft(prover)
        finished: Finished | None = None
        failed = False
        try:
            async with aclosing(_generator(models.stream(self._request(question, prompt)))) as deltas:
                async for delta in deltas:
                    if isinstance(delta, Finished):
                        finished = delta
                        continue
                    draft.heard += delta
                    if leaks(draft.heard[-2000:], prompt):
                        failed = True
                        break
                    for sentence in await draft.take(delta):
                        yield sentence
        except ModelError:
            failed = True
        if not failed and finished is not None:
            for sentence in await draft.end(whole=finished.output_tokens < self._manner.max_tokens):
                yield sentence
        yield Composed(
            model=finished.model if finished else None,
            tokens=finished.input_tokens + finished.output_tokens if finished else 0,
            cost_micros=finished.cost_micros if finished else 0,
            said_not_found=not failed and not draft.shown and NOT_FOUND in draft.heard,
            model_failed=failed,
        )

    def _request(self, question: Question, prompt: Prompt) -> ChatRequest:
        return ChatRequest(
            messages=prompt.messages,
            purpose="answer",
            max_tokens=self._manner.max_tokens,
            temperature=self._manner.temperature,
            site_id=question.site_id,
            conversation_id=question.conversation_id,
            message_id=question.message_id,
        )


class _Draft:
    """The model's text as it arrives: sentences cut, proved, and joined so that the shown text reads on."""

    def __init__(self, prover: Prover) -> None:
        self._prover = prover
        self._stream = SentenceStream()
        self._lead: ProvedSentence | None = None  # "You need:" waits for the item that it introduces
        self.heard = ""
        self.shown = 0

    async def take(self, delta: str) -> list[ProvedSentence]:
        return await self._prove(self._stream.feed(delta))

    async def end(self, *, whole: bool) -> list[ProvedSentence]:
        return await self._prove(self._stream.rest(whole=whole))

    async def _prove(self, sentences: list[str]) -> list[ProvedSentence]:
        ready: list[ProvedSentence] = []
        for sentence in sentences:
            if NOT_FOUND in sentence:
                continue
            proved = await self._prover.prove(sentence)
            if proved is None:
                continue
            if proved.text.rstrip().endswith(":"):
                self._lead = proved
                continue
            for part in [self._lead, proved] if self._lead else [proved]:
                ready.append(part if self.shown else ProvedSentence(part.text.lstrip(), part.citations))
                self.shown += 1
            self._lead = None
        return ready


async def _generator(source: AsyncIterator[str | Finished]) -> AsyncGenerator[str | Finished, None]:
    """`source` as something that can be closed: leaving early must end the call, or it goes on costing."""
    try:
        async for item in source:
            yield item
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
