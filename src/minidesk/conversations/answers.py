"""The assistant's side: an answer that grows sentence by sentence, as long as nobody else holds the conversation.

`streaming` is what a killed worker leaves behind: the next attempt clears the text and writes it anew, in the
same row. `done` and `interrupted` are final: a message that has one of them is answered and stays so.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from minidesk.conversations.queries import citations_of
from minidesk.conversations.records import AnswerEnd, AnswerHandle, AnswerPart, CitationDraft, CitationView
from minidesk.conversations.rows import add_message, lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Citation, Conversation, Message, new_id
from minidesk.errors import HolderChanged, NotFound
from minidesk.live import EventLog

INTERRUPTED = "interrupted"


class Answers:
    """Writes of the assistant. Each one locks the conversation and looks who holds it before it stores a word."""

    def __init__(self, events: EventLog, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._clock = clock

    async def begin(self, tx: Tx, *, reply_to: str) -> AnswerHandle:
        """Begin the answer to a visitor's message, or begin it again: the attempt is raised and its text cleared.

        Raises HolderChanged if the assistant does not hold the conversation, or, with the code
        `already_answered`, if the answer is final; and NotFound.
        """
        question = await tx.get(Message, reply_to)
        if question is None:
            raise NotFound
        conversation = await _lock_as_assistant(tx, question.conversation_id)
        answer = await tx.scalar(
            select(Message).where(Message.reply_to == reply_to).execution_options(populate_existing=True)
        )
        if answer is None:
            answer = add_message(
                tx,
                conversation,
                self._clock(),
                author="assistant",
                text="",
                state="streaming",
                reply_to=reply_to,
            )
        elif answer.state == "streaming":
            answer.attempt += 1
            answer.text = ""
            await tx.execute(delete(Citation).where(Citation.message_id == answer.id))
        else:
            raise HolderChanged("This message has its answer already.", code="already_answered")
        data = {"message": answer.id, "seq": answer.seq, "attempt": answer.attempt, "reply_to": reply_to}
        await self._events.append(tx, conversation.id, "answer.start", data)
        return AnswerHandle(conversation.id, answer.id, answer.attempt)

    async def append(self, tx: Tx, handle: AnswerHandle, part: AnswerPart) -> None:
        """Add a proved sentence. Raises HolderChanged, and then nothing is stored, if this attempt may not write."""
        message = await self._writable(tx, handle)
        offset = len(message.text)
        message.text += part.text
        lead = len(part.text) - len(part.text.lstrip())
        span = [offset + lead, offset + len(part.text.rstrip())]
        for draft in part.citations:
            await _cite(tx, message.id, draft, span)
        await self._events.append(
            tx,
            handle.conversation_id,
            "answer.part",
            {
                "message": message.id,
                "attempt": message.attempt,
                "offset": offset,
                "text": part.text,
                "citations": [draft.n for draft in part.citations],
            },
        )

    async def finish(self, tx: Tx, handle: AnswerHandle, end: AnswerEnd) -> None:
        """End the answer with its outcome. Raises HolderChanged, and then nothing is stored, as `append` does.

        What was shown in parts is the text of a reply; other outcomes replace it with their own line, if they
        have one. A not-found turn is counted in the conversation, any other outcome starts the count anew.
        """
        message = await self._writable(tx, handle)
        conversation = await tx.get_one(Conversation, handle.conversation_id)
        if not (end.outcome == "reply" and message.text):
            message.text = end.text or message.text
        for draft in end.citations:
            await _cite(tx, message.id, draft, None)
        message.state = "done"
        message.outcome, message.kind = end.outcome, end.kind
        message.offer_person, message.choices = end.offer_person, list(end.choices)
        message.score, message.model = end.score, end.model
        message.cost_micros, message.ms = end.cost_micros, end.ms
        conversation.last_message_at = self._clock()
        conversation.not_found_count = conversation.not_found_count + 1 if end.kind == "not_found" else 0
        await self._announce_done(tx, message)

    async def interrupt(self, tx: Tx, conversation: Conversation) -> None:
        """End every unfinished answer of a locked conversation as it stands: what was shown was proved and stays.

        Also wakes `stop:<conversation>`, so that the model's stream is closed at once and not at its next sentence.
        """
        streaming = await tx.scalars(
            select(Message).where(Message.conversation_id == conversation.id, Message.state == "streaming")
        )
        for message in streaming.all():
            message.state = INTERRUPTED
            await self._announce_done(tx, message)
        self._events.wake_after_commit(tx, f"stop:{conversation.id}")

    async def refuse_waiting(self, tx: Tx, conversation: Conversation) -> None:
        """Mark what the visitor said last as not to be answered, where no answer has begun yet."""
        others = select(func.max(Message.seq)).where(
            Message.conversation_id == conversation.id, Message.author.not_in(["visitor", "note"])
        )
        waiting = await tx.scalars(
            select(Message.id).where(
                Message.conversation_id == conversation.id,
                Message.author == "visitor",
                Message.seq > func.coalesce(others.scalar_subquery(), 0),
            )
        )
        for message_id in waiting.all():
            answer = add_message(
                tx,
                conversation,
                self._clock(),
                author="assistant",
                text="",
                state=INTERRUPTED,
                reply_to=message_id,
            )
            await self._announce_done(tx, answer)

    async def _writable(self, tx: Tx, handle: AnswerHandle) -> Message:
        await _lock_as_assistant(tx, handle.conversation_id)
        message = await tx.scalar(
            select(Message).where(Message.id == handle.message_id).execution_options(populate_existing=True)
        )
        # Another attempt has begun, or the visitor said stop.
        if message is None or message.attempt != handle.attempt or message.state != "streaming":
            raise HolderChanged
        return message

    async def _announce_done(self, tx: Tx, message: Message) -> None:
        cited = (await citations_of(tx, [message.id])).get(message.id, ())
        data: dict[str, Any] = {
            "message": message.id,
            "attempt": message.attempt,
            "reply_to": message.reply_to,
            "state": message.state,
            "outcome": message.outcome,
            "kind": message.kind,
            "text": message.text,
            "citations": list(_as_data(cited)),
            "offer_person": message.offer_person,
            "choices": message.choices,
        }
        await self._events.append(tx, message.conversation_id, "answer.done", data)


async def _lock_as_assistant(tx: Tx, conversation_id: str) -> Conversation:
    conversation = await lock_conversation(tx, conversation_id)
    if conversation.holder != "assistant":
        raise HolderChanged
    return conversation


async def _cite(tx: Tx, message_id: str, draft: CitationDraft, span: list[int] | None) -> None:
    row = await tx.scalar(select(Citation).where(Citation.message_id == message_id, Citation.n == draft.n))
    if row is None:
        row = Citation(
            id=new_id("cit"),
            message_id=message_id,
            n=draft.n,
            chunk_id=draft.chunk_id,
            document_id=draft.document_id,
            version_id=draft.version_id,
            document=draft.document,
            title=draft.title,
            url=draft.url,
            quote=draft.quote,
            start=draft.start,
            end=draft.end,
            sentences=[],
        )
        tx.add(row)
    if span is not None:
        row.sentences = [*row.sentences, span]  # a new list, or the change is not noticed


def _as_data(citations: Iterable[CitationView]) -> Iterable[dict[str, Any]]:
    for c in citations:
        yield {
            "n": c.n,
            "document": c.document,
            "title": c.title,
            "url": c.url,
            "quote": c.quote,
            "sentences": [list(pair) for pair in c.sentences],
        }
