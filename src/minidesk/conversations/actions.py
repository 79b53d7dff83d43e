"""What people do in a conversation, and who holds it. Each action writes, numbers and announces in one transaction.

Every action locks the conversation's row first. So two agents cannot both claim it, a repeated POST finds the
first one's row, and the assistant cannot slip a word in after a person took over.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select

from minidesk.conversations.answers import STOPPED, Answers
from minidesk.conversations.attachments import attachments_of, bind
from minidesk.conversations.queries import first_name, message_view
from minidesk.conversations.records import (
    AnswerEnd,
    AnswerHandle,
    AnswerPart,
    AttachmentView,
    Author,
    BeforeFirst,
    FeedbackReason,
    Holder,
    Posted,
)
from minidesk.conversations.rows import add_message, agent_name, holder_data, lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Conversation, Message, new_id
from minidesk.errors import AlreadyAssigned, Conflict, Invalid
from minidesk.jobs import JobQueue
from minidesk.live import Audience, EventLog

CLIENT_ID_CHARS = 64  # the column's width; a UUID has 36
QUIET = timedelta(hours=1)  # after the last message; before, its visitor may still read the answer


class Conversations:
    """The actions of visitors and agents, and, through `answers`, of the assistant."""

    def __init__(self, events: EventLog, jobs: JobQueue, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._jobs = jobs
        self._clock = clock
        self._answers = Answers(events, clock)

    async def start(
        self,
        tx: Tx,
        *,
        site_id: str,
        visitor_id: str,
        page_url: str | None = None,
        page_title: str | None = None,
        locale: str | None = None,
        before: BeforeFirst | None = None,
    ) -> Conversation:
        """A new conversation, held by the assistant. `before`: what its visitor was asked, and agreed to."""
        now = self._clock()
        before = before or BeforeFirst()
        conversation = Conversation(
            id=new_id("cnv"),
            site_id=site_id,
            visitor_id=visitor_id,
            holder="assistant",
            last_seq=0,
            last_event=0,
            not_found_count=0,
            # The page says these of itself: cut to what the columns hold, or a long title would be a failure.
            page_url=page_url[:2000] if page_url else None,
            page_title=page_title[:300] if page_title else None,
            locale=locale[:35] if locale else None,
            asked=before.question,
            asked_answer=before.answer,
            consent_at=now if before.consent else None,
            consent_text=before.consent,
            created_at=now,
            last_message_at=now,
        )
        tx.add(conversation)
        await tx.flush()
        self._events.wake_after_commit(tx, f"site:{site_id}")
        return conversation

    async def post_visitor_message(
        self,
        tx: Tx,
        conversation: Conversation,
        *,
        client_id: str,
        text: str,
        attachments: Sequence[str] = (),
        channel: Literal["mail"] | None = None,
    ) -> Posted:
        """Store what the visitor said, announce it, and, while the assistant holds the conversation, ask for a reply.

        What came by `mail` asks for none: the assistant answers in the chat alone, where its writer may never look.

        A client id that was posted before gives its first row and changes nothing (F22). Writing to a closed
        conversation starts it again with the assistant. `attachments`: ids of files that this visitor sent before.
        """
        row = await lock_conversation(tx, conversation.id)
        first = await self._posted_before(tx, row.id, client_id, "visitor", None)
        if first is not None:
            return first
        if row.holder == "closed":
            await self._give_to(tx, row, "assistant")
        message = add_message(
            tx, row, self._clock(), author="visitor", text=text, client_id=client_id, channel=channel
        )
        files = await bind(tx, message, attachments, author="visitor", owner_id=row.visitor_id)
        await self._announce(tx, message, files)
        if row.holder == "assistant" and channel is None:
            await self._ask_for_reply(tx, message, f"reply:{message.id}")
        return Posted(message_view(message, None, attachments=files, for_agents=False), created=True)

    async def post_agent_message(
        self,
        tx: Tx,
        conversation_id: str,
        *,
        agent_id: str,
        text: str,
        client_id: str | None = None,
        attachments: Sequence[str] = (),
    ) -> Posted:
        """Store what an agent said to the visitor, with the files that they sent for it.

        Only who holds the conversation speaks: raises AlreadyAssigned if that is another agent, and Conflict
        with the code `not_taken_over` if it is nobody.
        """
        row = await lock_conversation(tx, conversation_id)
        first = await self._posted_before(tx, row.id, client_id, "agent", agent_id)
        if first is not None:
            return first
        await self._check_not_anothers(tx, row, agent_id)
        if row.holder_agent_id != agent_id:
            raise Conflict("Take this conversation over before you answer.", code="not_taken_over")
        message = add_message(
            tx, row, self._clock(), author="agent", text=text, agent_id=agent_id, client_id=client_id
        )
        name = await agent_name(tx, agent_id)
        files = await bind(tx, message, attachments, author="agent", owner_id=agent_id)
        await self._announce(tx, message, files, name=name)
        return Posted(message_view(message, name, attachments=files, for_agents=True), created=True)

    async def agent_posted(
        self, tx: Tx, conversation_id: str, *, agent_id: str, client_id: str | None
    ) -> Posted | None:
        """What this agent said under the client id before; None where they did not. Raises Conflict for somebody else's."""
        row = await lock_conversation(tx, conversation_id)
        return await self._posted_before(tx, row.id, client_id, "agent", agent_id)

    async def post_note(
        self, tx: Tx, conversation_id: str, *, agent_id: str, text: str, client_id: str | None = None
    ) -> Posted:
        """Store a note: agents read it, visitors never do. Anybody who may see the conversation may write one."""
        row = await lock_conversation(tx, conversation_id)
        first = await self._posted_before(tx, row.id, client_id, "note", agent_id)
        if first is not None:
            return first
        seen = row.last_message_at  # a note moves nothing in the visitor's list
        message = add_message(
            tx, row, self._clock(), author="note", text=text, agent_id=agent_id, client_id=client_id
        )
        row.last_message_at = seen
        name = await agent_name(tx, agent_id)
        await self._announce(tx, message, name=name, type="note", audience="agents")
        return Posted(message_view(message, name, for_agents=True), created=True)

    async def post_system_message(self, tx: Tx, conversation_id: str, text: str) -> Posted:
        """Store a line of the desk itself, such as what happens next."""
        row = await lock_conversation(tx, conversation_id)
        message = add_message(tx, row, self._clock(), author="system", text=text)
        await self._announce(tx, message)
        return Posted(message_view(message, None, for_agents=False), created=True)

    async def take_over(self, tx: Tx, conversation_id: str, agent_id: str) -> None:
        """Give the conversation to this agent; an unfinished answer ends where it stands.

        Once more by the same agent changes nothing. Raises AlreadyAssigned, naming the holder, if another
        agent was first (F24).
        """
        row = await lock_conversation(tx, conversation_id)
        await self._check_not_anothers(tx, row, agent_id)
        if row.holder_agent_id != agent_id:
            await self._give_to(tx, row, "agent", agent_id)

    async def pass_on(self, tx: Tx, conversation_id: str, agent_id: str | None) -> bool:
        """Move a conversation that an agent holds to another agent, or to the queue. False if no agent holds it."""
        row = await lock_conversation(tx, conversation_id)
        if row.holder != "agent" or row.holder_agent_id == agent_id:
            return False
        await self._give_to(tx, row, "agent" if agent_id else "queue", agent_id)
        return True

    async def to_queue(self, tx: Tx, conversation_id: str) -> bool:
        """Let the conversation wait for a person. False if one is there or it is waiting already."""
        row = await lock_conversation(tx, conversation_id)
        if row.holder in ("queue", "agent"):
            return False
        await self._give_to(tx, row, "queue")
        return True

    async def hand_back(self, tx: Tx, conversation_id: str, *, reply: bool = True) -> bool:
        """Give the conversation back to the assistant. False if it has it already, or the conversation is closed.

        A last message that nobody answered is the assistant's then; with `reply` False the matter is over, and it is not.
        """
        row = await lock_conversation(tx, conversation_id)
        if row.holder in ("assistant", "closed"):
            return False
        await self._give_to(tx, row, "assistant")
        question = await self._answers.owe_again(tx, row.id) if reply else None
        if question is not None:
            # A key of its own: the job that found a person here may not have deleted its row yet.
            await self._ask_for_reply(tx, question, f"reply:{question.id}:{row.last_event}")
        return True

    async def close(self, tx: Tx, conversation_id: str) -> bool:
        """Close the conversation; a later message of the visitor opens it again. False if it is closed already."""
        row = await lock_conversation(tx, conversation_id)
        if row.holder == "closed":
            return False
        await self._give_to(tx, row, "closed")
        return True

    async def close_quiet(self, tx: Tx, conversation_id: str, solved_at: datetime | None) -> bool:
        """Close a conversation whose matter is over, unless its visitor is here again: False then, or if it is closed.

        They are while an answer is written or, to what they wrote after `solved_at`, owed, and for an hour after it.
        """
        row = await lock_conversation(tx, conversation_id)
        if row.last_message_at > self._clock() - QUIET or await self._answers.is_streaming(tx, row.id):
            return False
        if row.holder == "assistant" and await self._answers.waiting(tx, row.id, solved_at):
            return False
        return await self.close(tx, conversation_id)

    async def stop(self, tx: Tx, conversation_id: str) -> None:
        """The visitor wants no more of this answer: it ends where it stands, also before its first word (F20)."""
        row = await lock_conversation(tx, conversation_id)
        if row.holder == "assistant":
            await self._answers.interrupt(tx, row, STOPPED)
            await self._answers.refuse_waiting(tx, row)

    async def rate(self, tx: Tx, conversation_id: str, rating: int) -> None:
        """Keep the visitor's rating, 1 to 5; the last one counts. Raises Invalid."""
        if not 1 <= rating <= 5:
            raise Invalid("A rating is a whole number from 1 to 5.", code="invalid_rating")
        row = await lock_conversation(tx, conversation_id)
        if row.rating != rating:
            row.rating = rating
            await self._events.append(tx, row.id, "rating", {"rating": rating}, "agents")

    async def moved_to(self, tx: Tx, conversation_id: str, page_url: str, page_title: str | None) -> None:
        """The visitor is on another page of the website now."""
        row = await lock_conversation(tx, conversation_id)
        row.page_url, row.page_title = page_url[:2000], page_title[:300] if page_title else None
        self._events.wake_after_commit(tx, f"site:{row.site_id}")

    async def set_feedback(
        self, tx: Tx, message_id: str, helpful: bool, reason: FeedbackReason | None = None
    ) -> None:
        """Keep whether an answer helped, and if not, why. Raises Invalid for a message that is no answer."""
        message = await tx.get_one(Message, message_id, with_for_update=True)
        if message.author not in ("assistant", "agent"):
            raise Invalid("Only an answer can be rated.", code="not_an_answer")
        message.helpful = helpful
        message.feedback_reason = None if helpful else reason

    async def begin_answer(self, tx: Tx, *, reply_to: str) -> AnswerHandle:
        """`Answers.begin`: start the assistant's answer to a message, or start it anew."""
        return await self._answers.begin(tx, reply_to=reply_to)

    async def append_sentence(self, tx: Tx, handle: AnswerHandle, part: AnswerPart) -> None:
        """`Answers.append`: one proved sentence more, or HolderChanged."""
        await self._answers.append(tx, handle, part)

    async def finish_answer(self, tx: Tx, handle: AnswerHandle, end: AnswerEnd) -> None:
        """`Answers.finish`: the outcome, or HolderChanged."""
        await self._answers.finish(tx, handle, end)

    async def _ask_for_reply(self, tx: Tx, question: Message, key: str) -> None:
        payload = {"message_id": question.id, "conversation_id": question.conversation_id}
        await self._jobs.enqueue(tx, queue="reply", kind="reply", payload=payload, key=key)

    async def _give_to(self, tx: Tx, row: Conversation, holder: Holder, agent_id: str | None = None) -> None:
        if row.holder == "assistant":
            await self._answers.interrupt(tx, row)
        row.holder = holder
        row.holder_agent_id = agent_id
        if holder in ("queue", "agent"):
            row.spam_at = None  # who is promised a person must stand where people look
        row.not_found_count = (
            0  # whoever comes next starts afresh, or an old count would hand off again at once
        )
        name = first_name(await agent_name(tx, agent_id))
        await self._events.append(tx, row.id, "holder", holder_data(holder, name))

    async def _check_not_anothers(self, tx: Tx, row: Conversation, agent_id: str) -> None:
        if row.holder == "agent" and row.holder_agent_id not in (None, agent_id):
            name = await agent_name(tx, row.holder_agent_id)
            raise AlreadyAssigned(
                f"{name} is on this conversation. Look at what was said, then take it over or write a note."
            )

    async def _posted_before(
        self, tx: Tx, conversation_id: str, client_id: str | None, author: Author, agent_id: str | None
    ) -> Posted | None:
        if client_id is None:
            return None
        if not 0 < len(client_id) <= CLIENT_ID_CHARS:
            raise Invalid(f"A client_id has 1 to {CLIENT_ID_CHARS} characters.", code="invalid_client_id")
        row = await tx.scalar(
            select(Message).where(Message.conversation_id == conversation_id, Message.client_id == client_id)
        )
        if row is None:
            return None
        # Or a visitor who hits on the client id of a note would read it.
        if (row.author, row.agent_id) != (author, agent_id):
            raise Conflict("This client id is in use. Send the message with another one.")
        name = await agent_name(tx, row.agent_id)
        files = (await attachments_of(tx, [row.id])).get(row.id, ())
        view = message_view(row, name, attachments=files, for_agents=row.author != "visitor")
        return Posted(view, created=False)

    async def _announce(
        self,
        tx: Tx,
        message: Message,
        files: Sequence[AttachmentView] = (),
        *,
        name: str | None = None,
        type: str = "message",
        audience: Audience = "all",
    ) -> None:
        data: dict[str, Any] = {
            "id": message.id,
            "seq": message.seq,
            "author": message.author,
            "text": message.text,
            "at": message.created_at.isoformat(),
        }
        if name:
            data["name"] = first_name(name)
        if message.client_id:
            data["client_id"] = message.client_id
        if files:
            data["attachments"] = [asdict(file) for file in files]
        await self._events.append(tx, message.conversation_id, type, data, audience)
