"""The agent's help with a reply: suggested from the pages, made shorter or friendlier, translated. Nothing is ever sent from here.

A suggestion is an `ask` like a visitor's, with the same proof, only that pages for agents are read as well, and that nothing
hands off: a person is there already. What a model rewrites or translates must keep every figure and name of its source.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, Protocol

from sqlalchemy import select

from minidesk.answering.language import base
from minidesk.answering.models import Models
from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Reply, Turn
from minidesk.answering.privacy import PrivateModels
from minidesk.answering.smalltalk import smalltalk
from minidesk.answering.wants_human import wants_human
from minidesk.answering.wordings import HOWS, LANGUAGES, MOST_CHARS, reworded, translated
from minidesk.ask import Asks, wishes_of
from minidesk.conversations import MessageView, agent_name, keep_wording, transcript
from minidesk.db import Database, Tx
from minidesk.db.models import Conversation, Document, Message, Visitor
from minidesk.errors import Invalid, NotFound
from minidesk.knowledge.records import SearchResult
from minidesk.sites import SiteView, site_by_id
from minidesk.text.besides import besides
from minidesk.text.language import language_of
from minidesk.text.words import sentences

# What a suggestion can refer to, as in a reply to a visitor.
HISTORY_MESSAGES = 20
# How far back a question is looked for, behind "thanks" and "a person please".
QUESTIONS = 3
# A suggestion is made anew after that: the pages may say something else by then.
FRESH = timedelta(minutes=10)
SUGGESTIONS = 500  # kept at a time: a few hundred bytes each, more tickets than are looked at in ten minutes
WORDS_CHARS = 80  # of what tells a language: a line that can be found again in the transcript


class SearchesFor(Protocol):
    """What is needed of knowledge.search.Searcher."""

    async def search(
        self,
        site_id: str,
        query: str,
        *,
        k: int = 8,
        within: Collection[str] | None = None,
        audience: Literal["public", "agents"] = "public",
    ) -> SearchResult:
        """Passages, best first."""


@dataclass(frozen=True, slots=True)
class Source:
    """A page that bears the suggestion. `internal`: visitors are not told what stands there."""

    n: int
    document: str
    title: str
    url: str | None
    quote: str
    internal: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """A suggested reply. `none`: the pages do not say it, or nothing was asked; `text` is empty then."""

    kind: Literal["answer", "question", "none"]
    text: str = ""
    sources: tuple[Source, ...] = ()
    question: str = ""  # what was looked for


@dataclass(frozen=True, slots=True)
class _Case:
    """A conversation as it was read."""

    site: SiteView
    locale: str | None
    messages: tuple[MessageView, ...]
    names: tuple[str, ...]  # of the people in it, and of the site


@dataclass(frozen=True, slots=True)
class _Suggested:
    """A draft that was asked for at a time; it may still be under way."""

    at: datetime
    draft: "asyncio.Future[Draft]"


class Assist:
    """`asker` reads what agents may read; `models` None, or none configured: only suggestions, of extracts."""

    def __init__(
        self, db: Database, asker: Asks, models: Models | None, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._asker = asker
        self._models = models if models is not None and models.configured else None
        self._clock = clock
        self._suggested: dict[str, _Suggested] = {}

    @property
    def writes(self) -> bool:
        """Whether there is a model that can rewrite and translate."""
        return self._models is not None

    async def draft(self, conversation_id: str) -> Draft:
        """A reply to what the visitor asked last. The caller has checked that the agent may see the conversation."""
        case = await self._read(conversation_id)
        wishes = replace(wishes_of(case.site), topics=())  # whoever it is for is already there
        for asked, before in await asyncio.to_thread(_questions, case.messages):
            question = Question(
                site_id=case.site.id,
                text=asked.text,
                history=before,
                conversation_id=conversation_id,
                message_id=asked.id,
                locale=case.locale,
            )
            answered: Answered | None = None
            async with aclosing(self._asker.ask(question, wishes)) as parts:
                async for part in parts:
                    answered = part if isinstance(part, Answered) else answered
            assert answered is not None  # the stream always ends with one
            outcome = answered.outcome
            if isinstance(outcome, HandOff) and outcome.reason == "customer_request":
                continue  # what they asked before that
            if isinstance(outcome, Reply):
                return Draft("answer", answered.text.strip(), await self._sources(case, answered), asked.text)
            if isinstance(outcome, Clarify) and outcome.kind == "choices":
                return Draft("question", answered.text.strip(), question=asked.text)
            return Draft("none", question=asked.text)
        return Draft("none")

    async def suggest(self, conversation_id: str, asked_id: str) -> Draft:
        """`draft` for a conversation whose visitor wrote the message `asked_id` last: made once for all who open it.

        Several agents look at a ticket before one takes it, and each draft costs a model's call. Raises as `draft`.
        """
        now = self._clock()
        for old, each in list(self._suggested.items()):
            if now - each.at > FRESH or len(self._suggested) > SUGGESTIONS:
                del self._suggested[old]
        known = self._suggested.get(asked_id)
        if known is None:
            known = _Suggested(now, asyncio.ensure_future(self.draft(conversation_id)))
            self._suggested[asked_id] = known
        try:
            # One who goes on to another ticket takes it away from nobody.
            return await asyncio.shield(known.draft)
        finally:
            if known.draft.done() and (known.draft.cancelled() or known.draft.exception()):
                self._suggested.pop(asked_id, None)

    async def reword(self, conversation_id: str, text: str, how: str) -> str:
        """What the agent typed, in other words. Raises Invalid, NotKept, ModelError, and NotFound where no model is."""
        chosen = next((each for each in HOWS if each == how), None)
        if chosen is None:
            raise Invalid("Choose shorter, friendlier or spelling.", code="invalid_rewrite")
        case, models = await self._private(conversation_id, _checked(text))
        return await reworded(
            models, text, chosen, names=case.names, site_id=case.site.id, conversation_id=conversation_id
        )

    async def translate(self, conversation_id: str, text: str, language: str) -> str:
        """What the agent typed, in another language. Raises as `reword`."""
        if language not in LANGUAGES:
            raise Invalid("This language is not known. Choose another one.", code="invalid_language")
        case, models = await self._private(conversation_id, _checked(text))
        return await translated(
            models, text, language, names=case.names, site_id=case.site.id, conversation_id=conversation_id
        )

    async def translate_message(self, conversation_id: str, message_id: str, language: str) -> None:
        """A visitor's message in the agent's language, kept beside it. Raises as `reword`, and NotFound for other messages."""
        async with self._db.read() as tx:
            text = await tx.scalar(
                select(Message.text).where(
                    Message.id == message_id,
                    Message.conversation_id == conversation_id,
                    Message.author == "visitor",
                )
            )
        if not text:
            raise NotFound
        said = await self.translate(conversation_id, text, language)
        async with self._db.write() as tx:
            await keep_wording(tx, message_id, "translation", language, said, self._clock())

    async def _private(self, conversation_id: str, text: str) -> tuple[_Case, Models]:
        """The models, which learn no private fact that the visitor, or the agent now, has written."""
        if self._models is None:
            raise NotFound
        case = await self._read(conversation_id)
        said = [m.text for m in case.messages if m.author == "visitor"]
        redaction = await asyncio.to_thread(wishes_of(case.site).redaction, [*said, text], case.locale)
        return case, self._models if redaction is None else PrivateModels(self._models, redaction)

    async def _read(self, conversation_id: str) -> _Case:
        async with self._db.read() as tx:
            row = await tx.get(Conversation, conversation_id)
            if row is None:
                raise NotFound
            site = await site_by_id(tx, row.site_id)
            messages = await transcript(tx, row.id, include_notes=False, last=HISTORY_MESSAGES)
            return _Case(site, row.locale, tuple(messages), await _names(tx, row, site))

    async def _sources(self, case: _Case, answered: Answered) -> tuple[Source, ...]:
        async with self._db.read() as tx:
            internal = set(
                await tx.scalars(
                    select(Document.id).where(
                        Document.site_id == case.site.id,
                        Document.id.in_({c.document_id for c in answered.citations}),
                        Document.audience != "public",
                    )
                )
            )
        return tuple(
            Source(c.n, c.document, c.title, c.url, c.quote, c.document_id in internal)
            for c in answered.citations
        )


class ForAgents:
    """A search that also reads what only agents may be told."""

    def __init__(self, searcher: SearchesFor) -> None:
        self._searcher = searcher

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
    ) -> SearchResult:
        """Passages, best first."""
        return await self._searcher.search(site_id, query, k=k, within=within, audience="agents")


@dataclass(frozen=True, slots=True)
class VisitorLanguage:
    """The language that a visitor writes: its code, one of LANGUAGES, or empty where it cannot be told.

    `message_id` and `words`: where they write it; empty where only their browser says so.
    """

    code: str = ""
    message_id: str = ""
    words: str = ""


async def visitor_language(tx: Tx, conversation_id: str) -> str:
    """The code alone."""
    return (await visitor_language_told(tx, conversation_id)).code


async def visitor_language_told(tx: Tx, conversation_id: str) -> VisitorLanguage:
    """The language of the visitor's latest messages, and the words that tell it."""
    last = select(Message.id, Message.text).where(
        Message.conversation_id == conversation_id, Message.author == "visitor", Message.text != ""
    )
    said = list(await tx.execute(last.order_by(Message.seq.desc()).limit(3)))
    code = language_of(" ".join(text for _, text in said))
    if code is None:
        locale = await tx.scalar(select(Conversation.locale).where(Conversation.id == conversation_id))
        browser = base(locale)
        return VisitorLanguage(browser if browser in LANGUAGES else "")
    if code not in LANGUAGES:
        return VisitorLanguage()
    id, text = max(said, key=lambda one: len(one[1]))  # of several, the one that tells most
    return VisitorLanguage(code, id, next(iter(text.splitlines()))[:WORDS_CHARS])


def _questions(messages: Sequence[MessageView]) -> list[tuple[MessageView, tuple[Turn, ...]]]:
    """The visitor's latest messages that may be questions, the last one first, each with what was said before it. CPU work."""
    found = []
    for at in range(len(messages) - 1, -1, -1):
        message = messages[at]
        if message.author != "visitor" or not message.text:
            continue
        asked = _asked(message.text)
        if not asked:
            continue
        before = tuple(
            Turn(m.author, m.text, m.choices)
            for m in messages[:at]
            if m.text and m.author in ("visitor", "assistant", "agent")
        )
        found.append((replace(message, text=asked), before))
    return found[:QUESTIONS]


def _asked(text: str) -> str:
    """What is asked besides "a person please" and "hello"; empty where nothing is. Most who ask for a person say what for."""
    if not wants_human(text) and smalltalk(text) is None:
        return text
    said = [_matter(span.text) for span in sentences(text)]
    return " ".join(each for each in said if each and smalltalk(each) is None)


def _matter(sentence: str) -> str:
    """The sentence without its wish for a person."""
    if not wants_human(sentence):
        return sentence
    rest = besides(sentence, wants_human)
    return rest.text if rest is not None and not wants_human(rest.text) else ""


def _checked(text: str) -> str:
    if not text.strip():
        raise Invalid("Write something first.", code="text_missing")
    if len(text) > MOST_CHARS:
        raise Invalid(
            f"This is longer than {MOST_CHARS} characters. Shorten it, or do it in two parts.",
            code="text_too_long",
        )
    return text


async def _names(tx: Tx, row: Conversation, site: SiteView) -> tuple[str, ...]:
    visitor = await tx.get(Visitor, row.visitor_id)
    whole = [visitor.name if visitor else None, await agent_name(tx, row.holder_agent_id), site.name]
    return tuple({part for name in whole if name for part in (name, *name.split()) if len(part) > 2})
