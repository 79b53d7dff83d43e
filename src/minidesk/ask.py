"""One question answered, without a conversation being written: the heart of a reply, of `ask`, of evaluation.

A person is asked for → hand off. Small talk → a fixed line. Else: the follow-up made whole → search → could it be
several things? → do the passages answer? → the answer that was given before and still holds, or compose with proof →
`Reply`, or an honest "our pages don't say", which the second time in a row becomes a handoff. Spending goes through the
gateway's ledger sink.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from minidesk.answering import absent, followup
from minidesk.answering.anger import angry
from minidesk.answering.asks import asked_in, in_page_words, read, to_search
from minidesk.answering.choices import choices, fitting, named_by
from minidesk.answering.compose import Composed, Composer, LargeTier, Manner, Models
from minidesk.answering.extract import extract
from minidesk.answering.known import MODEL, KnownAnswers
from minidesk.answering.language import of_pages
from minidesk.answering.late import LateReader
from minidesk.answering.likeness import HumanLikeness
from minidesk.answering.lines import Lines
from minidesk.answering.offer import answer_to_offer
from minidesk.answering.outcome import (
    Answered,
    Citation,
    Clarify,
    HandOff,
    Outcome,
    ProvedSentence,
    Question,
    Reply,
    Spent,
)
from minidesk.answering.picked import offered, picked
from minidesk.answering.privacy import NO_WISHES, PrivateModels, SiteWishes, said_by_visitor
from minidesk.answering.prompt import SHOWN
from minidesk.answering.rank import Embed, Ranking, Remembered, Stored, WordNearness, rank
from minidesk.answering.reach import WIDE, reached
from minidesk.answering.rewriting import made_whole
from minidesk.answering.several import both, two_questions
from minidesk.answering.smalltalk import MISUNDERSTOOD, SPEAKS, smalltalk
from minidesk.answering.sure import ANSWER_FROM, ASK_MODEL_FROM, Sureness, sureness
from minidesk.answering.topics import Caught, Topics, caught_by_words
from minidesk.answering.wants_human import wants_human
from minidesk.answering.wordings import LANGUAGES
from minidesk.errors import ModelBadResponse
from minidesk.knowledge.records import Passage, SearchResult
from minidesk.settings import Settings
from minidesk.sites import SiteView, Variant, link_hosts
from minidesk.text.addresses import host_of, without_queries
from minidesk.text.language import language_of
from minidesk.text.locale import Texts, load_texts
from minidesk.text.plain_forms import plain_forms

# How much surer another reading of a follow-up must be: the likeliest one is right more often than not.
_SURER = 0.1
_ALSO = re.compile(r"\b(?:too|also|as well|auch)\b", re.IGNORECASE)
# "Where is your nearest agent?" reads like a request for one; where the pages surely answer, they do.
_PAGES_WIN = 0.75


class Searches(Protocol):
    """What asking needs of knowledge.search."""

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
    ) -> SearchResult:
        """Passages, best first."""


class Asks(Protocol):
    """What others need of an `Asker`."""

    def ask(
        self, question: Question, site: SiteWishes = NO_WISHES
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """Sentences as they are proved, then exactly one Answered."""


class Advises(Asks, Protocol):
    """What the console needs of an `Asker`: it also tells of topics."""

    async def topic_of(self, text: str, topics: tuple[str, ...]) -> Caught | None:
        """Which of these topics a message is about."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question before anything is said."""

    query: str
    result: SearchResult
    ranking: Ranking
    sure: Sureness
    choice: str | None = None  # what the visitor chose of "Do you mean …?", and only its passages are read
    parts: "tuple[Prepared, Prepared] | None" = (
        None  # where the message holds two questions that are both answered
    )

    @property
    def written(self) -> str | None:
        """The language that the passages are in: the question's, where some are."""
        return of_pages(self.result.passages, self.query)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A question under way: when it came, and what it has cost so far."""

    question: Question
    started: datetime
    models: Models | None
    large: LargeTier | None
    lines: Lines
    spent: Spent = field(default_factory=Spent)


class Asker:
    """Answers questions. `embed` gives L2-normalised rows; `models` None means extracts only.

    `large` is asked where the proof of an answer is too thin; `known` keeps whole and proved answers.
    `late` reads passages token by token, by which sentences are chosen; without it, only whole sentences are compared.
    """

    def __init__(
        self,
        searcher: Searches,
        embed: Embed,
        models: Models | None,
        settings: Settings,
        clock: Callable[[], datetime],
        k: int = 10,
        *,
        large: LargeTier | None = None,
        known: KnownAnswers | None = None,
        late: LateReader | None = None,
        texts: Texts | None = None,
    ) -> None:
        self._searcher = searcher
        self._embed = Remembered(embed)
        self._models = models if models is not None and models.configured else None
        self._large = large
        self._known = known if self._models is not None else None
        self._settings = settings
        self._clock = clock
        self._k = k
        self._texts = texts or load_texts()
        self._nearness = WordNearness(self._embed)
        self._likeness = HumanLikeness(self._embed)
        self._topics = Topics(self._embed)
        self._late = late

    async def ask(
        self, question: Question, site: SiteWishes = NO_WISHES
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """Sentences as they are proved, then exactly one Answered whose text is their concatenation."""
        # Full-width letters, as phones with a Japanese keyboard write them, are found in no page else.
        question = replace(question, text=plain_forms(question.text))
        turn = await self._turn(question, site)
        # Rules over 4,000 characters may take longer than other visitors should wait.
        plain = await asyncio.to_thread(_without_search, question, turn.lines, site.topics)
        if plain is not None:
            yield self._end(turn, *plain)
            return
        found = await self._prepared(turn)
        written = await asyncio.to_thread(lambda: found.written)
        turn = replace(turn, lines=turn.lines.beside(written))
        if await self._wants_human(question, found):
            yield self._end(turn, HandOff("customer_request"), turn.lines.say("handoff_asked"))
            return
        if await self._is_for_a_person(question, found, site.topics):
            yield self._end(turn, HandOff("policy"), turn.lines.say("handoff_policy"), found)
            return
        if names := await asyncio.to_thread(_to_choose, question, found):
            yield self._end(turn, Clarify("choices", names), turn.lines.choices(names), found)
            return
        composed = Composed()
        parts: list[ProvedSentence] = []
        async with aclosing(self._sentences(turn, found, self._manner(site, turn.lines))) as made:
            async for part in made:
                if isinstance(part, Composed):
                    composed = part
                else:
                    if not parts and (opening := self._in_their_language(turn, found, part)) is not None:
                        parts.append(opening)
                        yield opening
                    parts.append(_without_foreign_queries(part, site))
                    yield parts[-1]
        turn.spent.add(composed.model, composed.tokens, composed.cost_micros)
        not_said = "" if parts else await self._not_said(turn, found, site)
        yield self._end(turn, *_outcome(turn, found, composed, parts, not_said), found, _citations(parts))

    async def _turn(self, question: Question, site: SiteWishes) -> _Turn:
        """The question with the models that it may be shown to: without what the visitor said of themselves."""
        models, started = self._models, self._clock()
        large = self._large if site.large else None
        if models is not None:
            said = said_by_visitor(question.history, question.text)
            redaction = await asyncio.to_thread(site.redaction, said, question.locale)
            if redaction is not None:
                models = PrivateModels(models, redaction)
                large = large and replace(large, models=PrivateModels(large.models, redaction))
        lines = Lines.of(self._texts, question, site.languages)
        return _Turn(question, started, models, large, lines)

    async def prepare(self, question: Question) -> Prepared:
        """All that comes before the first word of an answer: the question made whole, found, and weighed."""
        return await self._prepared(await self._turn(question, NO_WISHES))

    async def _prepared(self, turn: _Turn) -> Prepared:
        question = turn.question
        if (choice := picked(question.text, question.history)) is not None:
            joined = await asyncio.to_thread(followup.rewrite, question.text, question.history)
            return await self._weighed(question, joined, choice)
        if turn.models is not None:
            whole = await made_whole(turn.models, question, turn.spent)
            if whole is not None:
                return await self._weighed(question, whole)
        if (two := await self._both(question)) is not None:
            return two
        first, *others = await asyncio.to_thread(followup.candidates, question.text, question.history)
        best = await self._weighed(question, first)
        if (alone := await asyncio.to_thread(asked_in, question.text)) is not None:
            found = await self._weighed(question, alone)
            best = found if found.sure.score > best.sure.score else best
        # Words of the last topic find its pages again; what was asked now must stand in the answer all the same.
        now = (
            {term.word for term in read(question.text).terms if term.weight >= 1.0} if others else set[str]()
        )
        for other in others:
            found = await self._weighed(question, other)
            if found.sure.score > best.sure.score + _SURER and now.isdisjoint(found.ranking.lacking):
                best = found
        return best

    async def _both(self, question: Question) -> Prepared | None:
        """Two questions of one message, where the pages answer each of them; one alone would pass for all there is."""
        asked = await asyncio.to_thread(two_questions, question.text)
        if asked is None:
            return None
        one, other = [await self._weighed(question, text) for text in asked]
        if min(one.sure.score, other.sure.score) < ANSWER_FROM:
            return None
        return replace(one, query=question.text, parts=(one, other))

    async def _weighed(self, question: Question, query: str, choice: str | None = None) -> Prepared:
        result = await self._search(question, query)
        found, best = result.passages, result.passages[: self._k]
        if choice is not None:
            # Else a page that the visitor has just turned down could answer.
            best = named_by(choice, best) or best
        pages = await asyncio.to_thread(of_pages, best, query)
        ask = await asyncio.to_thread(read, query, result.alternates, question.text, pages)
        stored = Stored(result.vectors) if result.vectors else None
        ranking = await rank(ask, best, self._embed, self._nearness, stored, self._late)
        sure = sureness(ranking, result.score)
        if choice is None:
            known = sure.score >= ANSWER_FROM
            farther = await reached(ranking, found, self._k, self._nearness, all_words=known)
            if farther is not None:
                again = await rank(ask, farther, self._embed, self._nearness, stored, self._late)
                surer = sureness(again, result.score)
                if surer.score > sure.score:
                    best, ranking, sure = farther, again, surer
        result = replace(result, passages=best)
        if choice is not None:
            # It was offered as an answer: what stands out of other pages tells nothing where they are not read.
            sure = replace(sure, score=max(sure.score, ANSWER_FROM))
            ranking = fitting(ranking)
        return Prepared(query, result, ranking, sure, choice)

    async def _search(self, question: Question, query: str) -> SearchResult:
        """The question as asked and in the pages' words, each half of the say: alone, added words can drown it."""
        whole = await asyncio.to_thread(to_search, query)
        wider = await asyncio.to_thread(in_page_words, query)
        if wider in (query, whole):
            return await self._found(question, whole)
        result, other = await asyncio.gather(self._found(question, whole), self._found(question, wider))
        k = self._k  # what stands behind says nothing of the best
        passages = _merged(result.passages[:k], other.passages[:k])
        known = {passage.chunk for passage in passages}
        behind = {p.chunk: p for p in (*other.passages[k:], *result.passages[k:]) if p.chunk not in known}
        passages += tuple(sorted(behind.values(), key=lambda passage: -passage.score))
        return replace(result, passages=passages, vectors={**other.vectors, **result.vectors})

    async def _found(self, question: Question, text: str) -> SearchResult:
        return await self._searcher.search(question.site_id, text, k=WIDE, within=question.within)

    async def _wants_human(self, question: Question, found: Prepared) -> bool:
        """Asked for a person in words that no rule knows; where the pages surely answer, they do."""
        if found.choice is not None:
            return False
        vector = Stored(found.result.vectors).question(question.text)
        # Who asks for the number to call is told it where the pages have it.
        surely = ANSWER_FROM if found.ranking.ask.kind == "contact" else _PAGES_WIN
        return found.sure.score < surely and await self._likeness.asks(question.text, vector)

    async def _is_for_a_person(self, question: Question, found: Prepared, topics: tuple[str, ...]) -> bool:
        """One of the site's topics that always go to a person, as it was said or as it is meant."""
        if not topics:
            return False
        vector = Stored(found.result.vectors).question(question.text)
        return (
            await self._topics.caught(question.text, topics, vector) is not None
            or await asyncio.to_thread(caught_by_words, found.query, topics) is not None
        )

    def _in_their_language(
        self, turn: _Turn, found: Prepared, first: ProvedSentence
    ) -> ProvedSentence | None:
        """What stands before extracts in another language than the visitor's: nobody here can translate them."""
        if self._models is not None:
            return None
        elsewhere = turn.lines.elsewhere(found.written)
        if elsewhere is None or language_of(first.text) == turn.lines.told:
            return None
        return ProvedSentence(turn.lines.with_language("said_in", elsewhere) + "\n\n", ())

    async def _not_said(self, turn: _Turn, found: Prepared, site: SiteWishes) -> str:
        """The line for what the pages do not say; the second time in a row a person takes over."""
        lines, question = turn.lines, turn.question
        # Of another language's words the pages hold none: that they are missing there tells nothing.
        elsewhere = lines.elsewhere(found.written)
        unread = elsewhere is not None and self._models is None
        if question.not_found_before >= 1:
            return lines.say("handoff_failed" if unread else "handoff_missing")
        if elsewhere is not None:
            return lines.with_language("other_language", elsewhere) if unread else lines.not_found(None)
        said = said_by_visitor(question.history, question.text)
        word = await asyncio.to_thread(site.quotable, found.sure.missing, said, question.locale)
        named = None if word is None else absent.topic(word, question.text, found.written)
        if word is None or named is None or await self._hold(question, word, found):
            return lines.not_found(None)
        return lines.not_found(named)

    async def _hold(self, question: Question, word: str, found: Prepared) -> bool:
        """Whether the pages have the word in some form: those that were found, and those that it alone finds."""
        language = found.written
        if await asyncio.to_thread(absent.held, word, language, found.result.passages):
            return True
        alone = await self._found(question, word)
        return await asyncio.to_thread(absent.held, word, language, alone.passages)

    async def topic_of(self, text: str, topics: tuple[str, ...]) -> Caught | None:
        """Which of these topics a message is about, for whoever writes them."""
        return await self._topics.caught(text, topics)

    async def _sentences(
        self, turn: _Turn, found: Prepared, manner: Manner
    ) -> AsyncGenerator[ProvedSentence | Composed, None]:
        """The answer that was given before and still holds, or a new one; then one Composed."""
        question = turn.question
        if found.sure.score < (ASK_MODEL_FROM if self._models else 0.0):
            yield Composed()
            return
        if self._known is not None and (
            again := await self._known.find(question, found.query, found.result, manner)
        ):
            await self._known.book(question)
            for sentence in again:
                yield sentence
            yield Composed(model=MODEL)
            return
        if found.parts is not None and turn.models is None:
            for sentence in both(*(extract(part.ranking, part.result.passages) for part in found.parts)):
                yield sentence
            yield Composed()
            return
        composer = Composer(self._embed, self._nearness, turn.models, manner, turn.large)
        parts: list[ProvedSentence] = []
        making = composer.compose(
            question, found.query, found.ranking, found.sure.score, found.result.passages
        )
        async with aclosing(making) as made:
            async for part in made:
                if isinstance(part, ProvedSentence):
                    parts.append(part)
                elif self._known is not None and part.whole:
                    await self._known.keep(
                        question, found.query, found.result, manner, parts, part.model or ""
                    )
                yield part

    def _manner(self, site: SiteWishes, lines: Lines) -> Manner:
        settings = self._settings
        warmth = settings.model_temperature if site.temperature is None else site.temperature
        shown = SHOWN if site.passages is None else site.passages
        return Manner(
            settings.model_max_tokens, warmth, site.instructions, site.name, shown, site.rules, site.models,
            LANGUAGES.get((lines.locale or "")[:2].lower(), "") if site.languages else "",
        )  # fmt: skip

    def _end(
        self,
        turn: _Turn,
        outcome: Outcome,
        text: str,
        found: Prepared | None = None,
        citations: tuple[Citation, ...] = (),
    ) -> Answered:
        return Answered(
            outcome=outcome,
            text=text,
            citations=citations,
            score=found.sure.score if found else 0.0,
            passages=found.result.passages if found else (),
            search_query=found.query if found else turn.question.text,
            model=turn.spent.model,
            tokens=turn.spent.tokens,
            cost_micros=turn.spent.cost_micros,
            ms=round((self._clock() - turn.started).total_seconds() * 1000),
        )


def _without_foreign_queries(sentence: ProvedSentence, site: SiteWishes) -> ProvedSentence:
    """Addresses of hosts that are neither the site's, nor named by its owner, nor the cited page's stand without their query (T19)."""
    cited = {host_of(urlsplit(citation.url).netloc) for citation in sentence.citations if citation.url}
    return replace(sentence, text=without_queries(sentence.text, site.link_hosts | cited))


def wishes_of(site: SiteView, variant: Variant | None = None) -> SiteWishes:
    """What a site's settings ask of its answers, and what an experiment's variant asks instead."""
    config = site.config
    wishes = SiteWishes(
        config.instructions,
        site.name,
        config.hide_private,
        config.languages,
        config.private_forms,
        config.prompt_rules,
        topics=config.person_topics,
        time_zone=config.hours.time_zone if config.hours else None,
        link_hosts=link_hosts(site.allowed_origins, config.link_hosts),
    )
    if variant is None:
        return wishes
    return replace(
        wishes,
        instructions=wishes.instructions if variant.instructions is None else variant.instructions,
        rules=wishes.rules if variant.rules is None else variant.rules,
        models=variant.models,
        temperature=variant.temperature,
        passages=variant.passages,
        large=variant.large,
    )


async def answer(asker: Asks, question: Question, site: SiteWishes = NO_WISHES) -> Answered:
    """The end of the turn alone, for callers that do not stream. `site`: what its owner asks of answers."""
    async with aclosing(asker.ask(question, site)) as parts:
        async for part in parts:
            if isinstance(part, Answered):
                return part
    raise ModelBadResponse("The answer ended without an outcome.")


def _without_search(question: Question, lines: Lines, topics: tuple[str, ...]) -> tuple[Outcome, str] | None:
    """Asked for a person, a topic for one, or small talk: nothing to look up. CPU work."""
    if caught_by_words(question.text, topics) is not None:
        return HandOff("policy"), lines.say("handoff_policy")
    if picked(question.text, question.history) is not None:
        return None  # a choice may be named "Customer service"
    wanted = answer_to_offer(question.text, question.history, lines.texts)
    if wanted or wants_human(question.text):
        return HandOff("customer_request"), lines.say("handoff_asked")
    if angry(question.text):
        return HandOff("angry_customer"), lines.say("handoff_angry")
    if wanted is False:
        return Clarify("smalltalk"), lines.say("declined")
    line = smalltalk(question.text)
    if line == SPEAKS and _ALSO.search(question.text) and followup.last_question(question.history):
        return None  # "in Spanish too?" asks on: of the tour, not of us
    if line == MISUNDERSTOOD:
        if question.not_found_before >= 1:
            return HandOff("customer_request"), lines.say("handoff_asked")
        return Clarify("not_found", offer_person=True), lines.say(line)
    return None if line is None else (Clarify("smalltalk"), lines.say(line))


def _to_choose(question: Question, found: Prepared) -> tuple[str, ...]:
    """What to offer instead of one of several answers; nothing right after such an offer, or where none is sure. CPU work."""
    if offered(question.history) or found.sure.score < ANSWER_FROM or found.parts is not None:
        return ()
    return choices(found.ranking, found.result.passages)


def _outcome(
    turn: _Turn, found: Prepared, composed: Composed, parts: list[ProvedSentence], not_said: str
) -> tuple[Outcome, str]:
    lines = turn.lines
    if _citations(parts):
        return Reply(), "".join(part.text for part in parts)
    if composed.model_failed and found.sure.score >= ASK_MODEL_FROM:
        return HandOff("model_failure"), lines.say("handoff_failed")
    if turn.question.not_found_before >= 1:
        return HandOff("missing_knowledge"), not_said
    return Clarify("not_found", offer_person=True), not_said


def _merged(first: tuple[Passage, ...], second: tuple[Passage, ...]) -> tuple[Passage, ...]:
    """Both lists by the mean of their scores; what one list lacks counts there as much as its last."""
    scores: dict[str, float] = {}
    passages: dict[str, Passage] = {}
    for held in (second, first):
        for passage in held:
            known = passages.get(passage.chunk)
            passages[passage.chunk] = passage if known is None else _nearer(passage, known)
    for held in (first, second):
        by_chunk = {passage.chunk: passage.score for passage in held}
        last = min(by_chunk.values(), default=0.0)
        for chunk in passages:
            scores[chunk] = scores.get(chunk, 0.0) + by_chunk.get(chunk, last) / 2
    ranked = sorted(passages.values(), key=lambda passage: -scores[passage.chunk])
    return tuple(replace(passage, score=scores[passage.chunk]) for passage in ranked)


def _nearer(passage: Passage, other: Passage) -> Passage:
    """The same passage, as near as the nearer of two ways to ask found it."""
    asked = [near for near in (passage.phrasing, other.phrasing) if near is not None]
    return replace(passage, dense=max(passage.dense, other.dense), phrasing=max(asked, default=None))


def _citations(parts: list[ProvedSentence]) -> tuple[Citation, ...]:
    found: dict[int, Citation] = {}
    for part in parts:
        for citation in part.citations:
            found.setdefault(citation.n, citation)
    return tuple(found[n] for n in sorted(found))
