"""One question answered, with no side effects: the heart of a reply, of `ask`, of evaluation.

A person is asked for → hand off. Small talk → a fixed line. Else: the follow-up made whole → search → do the
passages answer? → compose with proof → `Reply`, or an honest "our pages don't say", which the second time in a row
becomes a handoff. It writes nothing; spending goes through the gateway's ledger sink.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from minidesk.answering import followup
from minidesk.answering.asks import read
from minidesk.answering.compose import Composed, Composer, Manner, Models
from minidesk.answering.likeness import HumanLikeness
from minidesk.answering.outcome import (
    Answered,
    Citation,
    Clarify,
    HandOff,
    Outcome,
    ProvedSentence,
    Question,
    Reply,
)
from minidesk.answering.prompt import rewrite_prompt
from minidesk.answering.rank import Embed, Ranking, Remembered, Stored, WordNearness, rank
from minidesk.answering.smalltalk import smalltalk
from minidesk.answering.sure import ASK_MODEL_FROM, Sureness, sureness
from minidesk.answering.wants_human import wants_human
from minidesk.answering.wording import plainly
from minidesk.errors import ModelError
from minidesk.gateway.messages import ChatRequest, Finished
from minidesk.knowledge.records import Passage, SearchResult
from minidesk.settings import Settings

NOT_FOUND_LINE = "Our pages don't say, so I won't guess. Would you like a person to help you?"
NOT_FOUND_WORD = (
    "Our pages don't say anything about “{word}”, so I won't guess. Would you like a person to help you?"
)
HANDOFF_ASKED = "Of course. I'm passing you on to a person."
HANDOFF_MISSING = "Our pages don't say this either, so I'm passing you on to a person who can help."
HANDOFF_FAILED = "I can't answer this right now, so I'm passing you on to a person."
_REWRITE_TOKENS = 80  # a question is one sentence
_REWRITE_CHARS = 400
# How much surer another reading of a follow-up must be: the likeliest one is right more often than not.
_SURER = 0.1
# "Where is your nearest agent?" reads like a request for one; where the pages surely answer, they do.
_PAGES_WIN = 0.75


class Searches(Protocol):
    """What asking needs of knowledge.search."""

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
    ) -> SearchResult:
        """Passages, best first."""


@dataclass(slots=True)
class _Spent:
    model: str | None = None
    tokens: int = 0
    cost_micros: int = 0

    def add(self, model: str | None, tokens: int, cost_micros: int) -> None:
        self.model = model or self.model
        self.tokens += tokens
        self.cost_micros += cost_micros


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question before anything is said."""

    query: str
    result: SearchResult
    ranking: Ranking
    sure: Sureness


class Asker:
    """Answers questions. `embed` gives L2-normalised rows; `models` None means extracts only."""

    def __init__(
        self,
        searcher: Searches,
        embed: Embed,
        models: Models | None,
        settings: Settings,
        clock: Callable[[], datetime],
        k: int = 10,
    ) -> None:
        self._searcher = searcher
        self._embed = Remembered(embed)
        self._models = models if models is not None and models.configured else None
        self._settings = settings
        self._clock = clock
        self._k = k
        self._nearness = WordNearness(self._embed)
        self._likeness = HumanLikeness(self._embed)

    async def ask(
        self, question: Question, *, site_prompt: str = "", site_name: str = ""
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """Sentences as they are proved, then exactly one Answered whose text is their concatenation."""
        started = self._clock()
        # Rules over 4,000 characters may take longer than other visitors should wait.
        plain = await asyncio.to_thread(self._without_search, question, started)
        if plain is not None:
            yield plain
            return
        spent = _Spent()
        found = await self.prepare(question, spent)
        query, result, ranking, sure = found.query, found.result, found.ranking, found.sure
        if sure.score < _PAGES_WIN and await self._likeness.asks(
            question.text, Stored(result.vectors).question(question.text)
        ):
            outcome = HandOff("customer_request")
            yield self._said(question, started, outcome, HANDOFF_ASKED, spent)
            return
        composed = Composed()
        parts: list[ProvedSentence] = []
        if sure.score >= (ASK_MODEL_FROM if self._models else 0.0):
            composer = Composer(
                self._embed, self._nearness, self._models, self._manner(site_prompt, site_name)
            )
            async with aclosing(
                composer.compose(question, query, ranking, sure.score, result.passages)
            ) as made:
                async for part in made:
                    if isinstance(part, Composed):
                        composed = part
                        spent.add(part.model, part.tokens, part.cost_micros)
                    else:
                        parts.append(part)
                        yield part
        yield self._answered(question, started, result, sure, composed, parts, spent, query)

    async def prepare(self, question: Question, spent: "_Spent | None" = None) -> Prepared:
        """All that comes before the first word of an answer: the question made whole, found, and weighed."""
        if self._models is not None:
            return await self._weighed(question, await self._rewritten(question, spent or _Spent()))
        first, *others = await asyncio.to_thread(followup.candidates, question.text, question.history)
        best = await self._weighed(question, first)
        for other in others:
            found = await self._weighed(question, other)
            if found.sure.score > best.sure.score + _SURER:
                best = found
        return best

    async def _weighed(self, question: Question, query: str) -> Prepared:
        result = await self._search(question, query)
        ranking = await rank(
            await asyncio.to_thread(read, query),
            result.passages,
            self._embed,
            self._nearness,
            Stored(result.vectors) if result.vectors else None,
        )
        return Prepared(query, result, ranking, sureness(ranking))

    async def _search(self, question: Question, query: str) -> SearchResult:
        """The question as asked and in the pages' words, each half of the say: alone, added words can drown it."""
        result = await self._searcher.search(question.site_id, query, k=self._k, within=question.within)
        wider = await asyncio.to_thread(plainly, query)
        if wider == query:
            return result
        other = await self._searcher.search(question.site_id, wider, k=self._k, within=question.within)
        passages = _merged(result.passages, other.passages)[: self._k]
        return replace(result, passages=passages, vectors={**other.vectors, **result.vectors})

    def _without_search(self, question: Question, started: datetime) -> Answered | None:
        """Asked for a person, or small talk: nothing to look up."""
        outcome: Outcome
        if wants_human(question.text):
            outcome, text = HandOff("customer_request"), HANDOFF_ASKED
        else:
            line = smalltalk(question.text)
            if line is None:
                return None
            outcome, text = Clarify("smalltalk"), line
        return self._said(question, started, outcome, text, _Spent())

    def _said(
        self, question: Question, started: datetime, outcome: Outcome, text: str, spent: _Spent
    ) -> Answered:
        """The end of a turn that needs no passages."""
        return Answered(
            outcome, text, (), 0.0, (), question.text,
            spent.model, spent.tokens, spent.cost_micros, self._ms(started),
        )  # fmt: skip

    def _answered(
        self,
        question: Question,
        started: datetime,
        result: SearchResult,
        sure: Sureness,
        composed: Composed,
        parts: list[ProvedSentence],
        spent: _Spent,
        query: str,
    ) -> Answered:
        outcome: Outcome
        citations = _citations(parts)
        if citations:
            outcome, text = Reply(), "".join(part.text for part in parts)
        elif composed.model_failed and sure.score >= ASK_MODEL_FROM:
            outcome, text = HandOff("model_failure"), HANDOFF_FAILED
        elif question.not_found_before >= 1:
            outcome, text = HandOff("missing_knowledge"), HANDOFF_MISSING
        else:
            outcome, text = Clarify("not_found", offer_person=True), _not_found(sure)
        return Answered(
            outcome, text, citations, sure.score, result.passages, query,
            spent.model, spent.tokens, spent.cost_micros, self._ms(started),
        )  # fmt: skip

    def _manner(self, site_prompt: str, site_name: str) -> Manner:
        return Manner(
            self._settings.model_max_tokens, self._settings.model_temperature, site_prompt, site_name
        )

    async def _rewritten(self, question: Question, spent: _Spent) -> str:
        """The question made whole: by the model where there is one, by rules where there is none or it fails."""
        by_rules = await asyncio.to_thread(followup.rewrite, question.text, question.history)
        if self._models is None or by_rules == question.text:
            return by_rules
        prompt = rewrite_prompt(question.text, question.history)
        request = ChatRequest(
            messages=prompt.messages,
            purpose="rewrite",
            max_tokens=_REWRITE_TOKENS,
            temperature=0.0,
            site_id=question.site_id,
            conversation_id=question.conversation_id,
            message_id=question.message_id,
        )
        written = ""
        try:
            async for delta in self._models.stream(request):
                if isinstance(delta, Finished):
                    spent.add(delta.model, delta.input_tokens + delta.output_tokens, delta.cost_micros)
                else:
                    written += delta
        except ModelError:
            return by_rules
        written = re.sub(r"\s+", " ", written).strip(" \"'“”")
        return written if 0 < len(written) <= _REWRITE_CHARS and prompt.marker not in written else by_rules

    def _ms(self, started: datetime) -> int:
        return round((self._clock() - started).total_seconds() * 1000)


def _merged(first: tuple[Passage, ...], second: tuple[Passage, ...]) -> tuple[Passage, ...]:
    """Both lists by the mean of their scores; what one list lacks counts there as much as its last."""
    scores: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for held in (second, first):
        for passage in held:
            known = passages.get(passage.chunk)
            dense = max(passage.dense, known.dense) if known else passage.dense
            passages[passage.chunk] = replace(passage, dense=dense)
    for held in (first, second):
        by_chunk = {passage.chunk: passage.score for passage in held}
        last = min(by_chunk.values(), default=0.0)
        for chunk in passages:
            scores[chunk] = scores.get(chunk, 0.0) + by_chunk.get(chunk, last) / 2
    ranked = sorted(passages.values(), key=lambda passage: -scores[passage.chunk])
    return tuple(replace(passage, score=scores[passage.chunk]) for passage in ranked)


def _not_found(sure: Sureness) -> str:
    word = sure.missing
    return (
        NOT_FOUND_WORD.format(word=word)
        if word and re.fullmatch(r"[^\W_][\w'-]{2,24}", word)
        else NOT_FOUND_LINE
    )


def _citations(parts: list[ProvedSentence]) -> tuple[Citation, ...]:
    found: dict[int, Citation] = {}
    for part in parts:
        for citation in part.citations:
            found.setdefault(citation.n, citation)
    return tuple(found[n] for n in sorted(found))


async def answer(asker: Asker, question: Question) -> Answered:
    """The end of the turn alone, for callers that do not stream."""
    last: Answered | None = None
    async for part in asker.ask(replace(question)):
        if isinstance(part, Answered):
            last = part
    assert last is not None
    return last
