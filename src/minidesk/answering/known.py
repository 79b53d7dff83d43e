"""Answers that were given before: what makes a question the same one, and how an answer is kept and told again."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Protocol

from minidesk.answering.compose import Manner
from minidesk.answering.outcome import Citation, ProvedSentence, Question
from minidesk.answering.prompt import SHOWN, prompt_version
from minidesk.answering.sameness import form, is_passing
from minidesk.errors import MinideskError
from minidesk.gateway.messages import CallRecord, LedgerSink
from minidesk.knowledge.records import Kept, Passage, SearchResult, Written

log = logging.getLogger(__name__)

# What the ledger calls it: nobody was asked and nothing was paid.
MODEL = "cache"
# Raised when the form of a question or of a kept answer changes, or when less is proved than before: what was kept then is
# never found.
_FORM = 2
# Who may be told: what is asked here is searched for visitors.
_AUDIENCE = "public"
# Nobody writes a longer message twice, and finding its form would take other visitors' time.
_LONGEST = 400


class Keeps(Protocol):
    """What is needed of knowledge.answer_cache."""

    async def find(self, site_id: str, key: str, found: Sequence[Passage]) -> Kept | None:
        """The answer kept under `key`, if it still holds for the passages `found` now."""

    async def keep(self, site_id: str, key: str, written: Written) -> None:
        """Keep an answer in the place of an older one."""


class KnownAnswers:
    """Finds and keeps answers. `book` writes a line of the ledger for each that was found."""

    def __init__(self, kept: Keeps, book: LedgerSink, models: str) -> None:
        """`models` tells which ones are configured: others might answer otherwise."""
        self._kept = kept
        self._book = book
        self._models = models

    async def find(
        self, question: Question, query: str, result: SearchResult, manner: Manner
    ) -> tuple[ProvedSentence, ...]:
        """The sentences of an answer that was given to this question and still holds; none where there is no such answer."""
        key = key_of(question, query, manner, self._models)
        if key is None:
            return ()
        try:
            kept = await self._kept.find(question.site_id, key, result.passages[:SHOWN])
        except MinideskError as error:
            log.warning("kept answers cannot be read: %s", error.code)
            return ()
        return () if kept is None else _sentences(kept, result)

    async def keep(
        self,
        question: Question,
        query: str,
        result: SearchResult,
        manner: Manner,
        sentences: Sequence[ProvedSentence],
        model: str,
    ) -> None:
        """Keep a whole and proved answer of a model."""
        key = key_of(question, query, manner, self._models)
        # Told in the middle of a conversation an answer may lean on what was said before: such a one is not kept.
        if key is None or question.history:
            return
        cited = {citation.chunk for sentence in sentences for citation in sentence.citations}
        written = Written(
            Kept([asdict(sentence) for sentence in sentences], model),
            result.passages[:SHOWN],
            sorted(cited),
            result.revision,
        )
        try:
            await self._kept.keep(question.site_id, key, written)
        except MinideskError as error:  # the answer was given; keeping it only saves money
            log.warning("an answer cannot be kept: %s", error.code)

    async def book(self, question: Question) -> None:
        """The ledger's line of an answer that was told again: at no cost, so that its share can be seen."""
        record = CallRecord(
            purpose="answer",
            model=MODEL,
            provider="",
            site_id=question.site_id,
            conversation_id=question.conversation_id,
            message_id=question.message_id,
            input_tokens=0,
            output_tokens=0,
            estimated=False,
            cost_micros=0,
            first_token_ms=None,
            total_ms=0,
            outcome="ok",
        )
        try:
            await self._book(record)
        except MinideskError as error:  # an answer is worth more than its line
            log.warning("an answer told again cannot be booked: %s", error.code)


def key_of(question: Question, query: str, manner: Manner, models: str) -> str | None:
    """A SHA-256 over everything that must be equal; None where the question cannot have the answer of another one.

    That is one with pictures, a question that its conversation had to make whole (`query` is then another text), one about some
    documents only, one about today, one that is very long, and one without a word.
    """
    alone = query == question.text and question.within is None and not question.images
    if not alone or len(question.text) > _LONGEST or is_passing(question.text):
        return None
    said = form(question.text)
    if not said:
        return None
    parts = [_FORM, question.site_id, _AUDIENCE, said, prompt_version(), models, asdict(manner)]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()


def _sentences(kept: Kept, result: SearchResult) -> tuple[ProvedSentence, ...]:
    """The kept sentences; titles and addresses of what they cite as they are today."""
    today = {passage.chunk: passage for passage in result.passages}
    return tuple(
        ProvedSentence(
            sentence["text"],
            tuple(
                replace(Citation(**citation), title=now.title, url=now.url, document=now.document)
                for citation in sentence["citations"]
                for now in [today[citation["chunk"]]]
            ),
        )
        for sentence in kept.sentences
    )
