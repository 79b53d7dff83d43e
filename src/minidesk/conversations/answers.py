"""The assistant's side: an answer that grows sentence by sentence, as long as nobody else holds the conversation.

`streaming` is what a killed worker leaves behind: the next attempt clears the text and writes it anew, in the
same row. `done` and `interrupted` are final: a message that has one of them is answered and stays so. Only an answer
that a person cut before its first word is owed again, when they give the conversation back without a word of their own.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import aliased

from minidesk.conversations.queries import citations_of
from minidesk.conversations.records import AnswerEnd, AnswerHandle, AnswerPart, CitationDraft, CitationView
from minidesk.conversations.rows import add_message, lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Citation, Conversation, Message, new_id
from minidesk.errors import HolderChanged, NotFound
from minidesk.live import EventLog

INTERRUPTED = "interrupted"
STOPPED = "stopped"  # the kind of an answer that its visitor wanted no more of


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

    async def interrupt(self, tx: Tx, conversation: Conversation, kind: str | None = None) -> None:
        """End every unfinished answer of a locked conversation as it stands: what was shown was proved and stays.

        `kind`: STOPPED where its visitor said so. Also wakes `stop:<conversation>`, so that the model's stream is closed
        at once and not at its next sentence.
        """
        streaming = await tx.scalars(
            select(Message).where(Message.conversation_id == conversation.id, Message.state == "streaming")
        )
        for message in streaming.all():
            message.state, message.kind = INTERRUPTED, kind
            await self._announce_done(tx, message)
        self._events.wake_after_commit(tx, f"stop:{conversation.id}")

    async def refuse_waiting(self, tx: Tx, conversation: Conversation) -> None:
        """Mark everything that waits for an answer of a locked conversation, and has none begun, as not to be answered."""
        for question in await self.waiting(tx, conversation.id):
            answer = add_message(
                tx,
                conversation,
                self._clock(),
                author="assistant",
                text="",
                state=INTERRUPTED,
                kind=STOPPED,
                reply_to=question.id,
            )
            await self._announce_done(tx, answer)

    async def waiting(self, tx: Tx, conversation_id: str, since: datetime | None = None) -> Sequence[Message]:
        """What the visitor wrote in the chat after an agent spoke last, and no answer was begun to; with `since`, after then."""
        answer = aliased(Message)
        spoken = select(func.max(Message.seq)).where(
            Message.conversation_id == conversation_id, Message.author == "agent"
        )
        query = select(Message).where(
            Message.conversation_id == conversation_id,
            Message.author == "visitor",
            Message.channel.is_(None),
            Message.seq > func.coalesce(spoken.scalar_subquery(), 0),
            ~select(answer.id).where(answer.reply_to == Message.id).exists(),
        )
        if since is not None:
            query = query.where(Message.created_at > since)
        return (await tx.scalars(query.order_by(Message.seq))).all()

    async def is_streaming(self, tx: Tx, conversation_id: str) -> bool:
        """Whether an answer of the conversation is being written."""
        query = select(Message.id).where(
            Message.conversation_id == conversation_id, Message.state == "streaming"
        )
        return await tx.scalar(query.limit(1)) is not None

    async def owe_again(self, tx: Tx, conversation_id: str) -> Message | None:
        """The visitor's last message of a locked conversation, if neither a person nor the assistant said a word to it.

        An answer that was cut before its first word may begin again, but one that its visitor stopped may not. None as
        well for what came by mail, and for files alone, to which the assistant has nothing to say.
        """
        last = await tx.scalar(
            select(Message)
            .where(Message.conversation_id == conversation_id, Message.author.in_(["visitor", "agent"]))
            .order_by(Message.seq.desc())
            .limit(1)
        )
        if last is None or last.author == "agent" or last.channel is not None or not last.text:
            return None
        answer = await tx.scalar(
            select(Message).where(Message.reply_to == last.id).execution_options(populate_existing=True)
        )
        if answer is not None:
            if answer.state != INTERRUPTED or answer.text or answer.kind == STOPPED:
                return None
            answer.state = "streaming"
            answer.attempt += 1  # whoever wrote at it before must not go on
        return last

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
