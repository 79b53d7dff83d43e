"""The second story: one visitor message.

Still the assistant's turn? → begin the answer → ask → each proved sentence into the message's row, where the
holder is checked in that same write → outcome. Every failure ends at a person; a killed process ends at the
next attempt, in the same row. No transaction is open while a question is asked.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from minidesk.answering.outcome import (
    Answered,
    Citation,
    Clarify,
    HandOff,
    ProvedSentence,
    Question,
    Reply,
    Turn,
)
from minidesk.answering.prompt import version_of
from minidesk.ask import Asks, wishes_of
from minidesk.conversations import (
    AnswerEnd,
    AnswerHandle,
    AnswerPart,
    CitationDraft,
    Conversations,
    MessageView,
    transcript,
)
from minidesk.db import Database
from minidesk.db.models import Conversation, Message
from minidesk.errors import HolderChanged, MinideskError, ModelBadResponse
from minidesk.handoff import Handoff
from minidesk.jobs import ClaimedJob, Turns
from minidesk.live import Hub, Subscription
from minidesk.sites import ExperimentView, SiteView, note_version, running_experiment, site_by_id
from minidesk.tickets import Reason

log = logging.getLogger(__name__)

# What a follow-up can refer to. A prompt holds the last of them whole and the visitor's earlier ones in short.
HISTORY_MESSAGES = 60
# The gateway's own clocks end a model call at 90 s (F10); this one also ends whatever hangs around it.
REPLY_SECONDS = 120
# A stop or a take-over in another process is seen at the next look (F20: within a second).
LOOK_SECONDS = 0.5


# A message's pictures for a model, as `data:` addresses.
Pictures = Callable[[str], Awaitable[tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class _Turn:
    """A message as the job finds it: to be answered, to be handed off, or neither."""

    conversation_id: str
    site: SiteView
    question: Question | None = None
    trial: ExperimentView | None = None
    hand_off: str | None = None  # the outcome was stored, but a killed process opened no ticket


class Replier:
    """Handles `reply` jobs. `reply` may run again at any time: it never gives a second answer."""

    def __init__(
        self,
        db: Database,
        hub: Hub,
        conversations: Conversations,
        asker: Asks,
        handoff: Handoff,
        *,
        pictures: Pictures | None = None,
        crash_point: Callable[[str], None] = lambda _: None,
        look_s: float = LOOK_SECONDS,
        reply_s: float = REPLY_SECONDS,
    ) -> None:
        """`pictures` gives a message's pictures as `data:` addresses; None: no model can see, and none is looked for."""
        self._db = db
        self._hub = hub
        self._conversations = conversations
        self._asker = asker
        self._handoff = handoff
        self._pictures = pictures
        self._crash_point = crash_point
        self._look_s = look_s
        self._reply_s = reply_s
        self._turns = Turns()

    async def reply(self, job: ClaimedJob) -> None:
        """Answer the message of this job, or bring it to a person.

        Raises only what another attempt may mend; the worker then tries again, and at last calls `give_up`. Or NotYet,
        where the conversation has enough that waits.
        """
        self._crash_point("reply.after_claim")
        message_id = str(job.payload["message_id"])
        # Who writes twice in a breath gets two answers, and the second knows the first. Jobs that an earlier release
        # left behind do not name their conversation, and take no turns.
        async with self._turns.of(str(job.payload.get("conversation_id", message_id)), job):
            await self._reply(job, message_id)

    async def _reply(self, job: ClaimedJob, message_id: str) -> None:
        turn = await self._look(message_id)
        if turn is None:
            return
        reason = turn.hand_off
        if turn.question is not None:
            question = turn.question
            if self._pictures is not None and question.message_id is not None:
                question = replace(question, images=await self._pictures(question.message_id))
            reason = await self._answer(job, question, turn)
        if reason is not None:
            self._crash_point("reply.before_handoff")
            await self._handoff.hand_off(turn.conversation_id, reason)  # type: ignore[arg-type]  # a Reason, or one as stored
            self._crash_point("reply.after_handoff")

    async def give_up(self, job: ClaimedJob, reason: str) -> None:
        """The job has no attempts left, or its processes died: a person answers instead."""
        turn = await self._look(str(job.payload["message_id"]))
        if turn is not None:
            log.warning("a reply was given up", extra={"job": job.id, "reason": reason})
            await self._handoff.hand_off(turn.conversation_id, "model_failure")

    async def _answer(self, job: ClaimedJob, question: Question, turn: _Turn) -> Reason | None:
        """Write the answer; gives the reason if a person must take over."""
        letter = None if turn.trial is None else turn.trial.letter_of(turn.conversation_id)
        variant = None if turn.trial is None or letter is None else turn.trial.variant(letter)
        wishes = wishes_of(turn.site, variant)
        async with self._hub.subscribe(f"stop:{question.conversation_id}") as stops:
            try:
                async with self._db.write() as tx:
                    handle = await self._conversations.begin_answer(tx, reply_to=question.message_id or "")
                self._crash_point("reply.after_start")
                answered = await self._stream(handle, self._asker.ask(question, wishes), stops)
                self._crash_point("reply.before_finish")
                async with self._db.write() as tx:
                    await self._conversations.finish_answer(tx, handle, _end(answered))
                    version = version_of(wishes.rules, wishes.instructions)
                    note_version(tx, handle.message_id, version, turn.trial, letter)
                self._crash_point("reply.after_finish")
            except HolderChanged:
                # A person speaks now, the visitor said stop, or another worker is at it: nothing more to say.
                return None
            except Exception as error:
                # Whatever went wrong, the visitor waits: another attempt if that can help, else a person.
                if isinstance(error, MinideskError) and error.retry and not job.last_attempt:
                    raise
                log.exception("a question could not be answered", extra={"job": job.id})
                return "model_failure"
        return answered.outcome.reason if isinstance(answered.outcome, HandOff) else None

    async def _stream(
        self, handle: AnswerHandle, items: AsyncIterator[ProvedSentence | Answered], stops: Subscription
    ) -> Answered:
        """Append each sentence before anyone sees it. Raises HolderChanged as soon as this answer may not go on."""
        stopped = asyncio.create_task(self._until_stopped(handle, stops))
        try:
            async with asyncio.timeout(self._reply_s):
                while True:
                    item = await _next(items, stopped)
                    if isinstance(item, Answered):
                        return item
                    async with self._db.write() as tx:
                        await self._conversations.append_sentence(tx, handle, _part(item))
                    self._crash_point("reply.after_part")
        finally:
            stopped.cancel()
            await asyncio.gather(stopped, return_exceptions=True)
            await _close(items)

    async def _until_stopped(self, handle: AnswerHandle, stops: Subscription) -> None:
        """Returns when this attempt may not write any more: woken in this process, or seen at the next look."""
        while True:
            await stops.wait(self._look_s)
            try:
                if not await self._may_write(handle):
                    return
            except (MinideskError, SQLAlchemyError) as error:
                # The next look may work, and every write looks as well.
                log.warning("cannot look whether to go on: %s", type(error).__name__)

    async def _may_write(self, handle: AnswerHandle) -> bool:
        async with self._db.read() as tx:
            row = await tx.execute(
                select(Conversation.holder, Message.state, Message.attempt)
                .join(Message, Message.conversation_id == Conversation.id)
                .where(Message.id == handle.message_id)
            )
            return row.one_or_none() == ("assistant", "streaming", handle.attempt)

    async def _look(self, message_id: str) -> _Turn | None:
        """What is to be done about this message now; None if nothing."""
        async with self._db.read() as tx:
            message = await tx.get(Message, message_id)
            if message is None:
                return None
            conversation = await tx.get_one(Conversation, message.conversation_id)
            if conversation.holder != "assistant":
                return None
            site = await site_by_id(tx, conversation.site_id)
            answer = await tx.scalar(select(Message).where(Message.reply_to == message_id))
            if answer is not None and answer.state != "streaming":
                unfinished = answer.kind if answer.outcome == "handoff" else None
                return _Turn(conversation.id, site, hand_off=unfinished) if unfinished else None
            if not message.text:  # files alone: there is no question that pages could answer
                return _Turn(conversation.id, site, hand_off="unsupported_request")
            earlier = await transcript(
                tx, conversation.id, include_notes=False, before_seq=message.seq, last=HISTORY_MESSAGES
            )
            question = Question(
                site_id=conversation.site_id,
                text=message.text,
                history=tuple(turn for view in earlier if (turn := _turn(view)) is not None),
                not_found_before=conversation.not_found_count,
                conversation_id=conversation.id,
                message_id=message.id,
                locale=conversation.locale,
            )
            trial = await running_experiment(tx, conversation.site_id)
            return _Turn(conversation.id, site, question=question, trial=trial)


async def _next(
    items: AsyncIterator[ProvedSentence | Answered], stopped: asyncio.Task[None]
) -> ProvedSentence | Answered:
    """The next item, or HolderChanged if `stopped` ends first. A write is never cut: only waiting is."""

    async def one() -> ProvedSentence | Answered | None:
        return await anext(items, None)

    coming = asyncio.create_task(one())
    try:
        await asyncio.wait({coming, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            stopped.result()  # a failure of the looking itself is no stop: it must end at a person
            raise HolderChanged
        item = coming.result()
    finally:
        if not coming.done():
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
    if item is None:
        raise ModelBadResponse("The answer ended without an outcome.")
    return item


async def _close(items: AsyncIterator[ProvedSentence | Answered]) -> None:
    """End the question's work now and not when it is collected: it may hold a model's stream open."""
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()


def _turn(view: MessageView) -> Turn | None:
    if view.author not in ("visitor", "assistant", "agent") or not view.text:
        return None
    return Turn(view.author, view.text, view.choices)


def _part(sentence: ProvedSentence) -> AnswerPart:
    return AnswerPart(sentence.text, tuple(_draft(c) for c in sentence.citations))


def _draft(citation: Citation) -> CitationDraft:
    return CitationDraft(
        n=citation.n,
        chunk_id=citation.chunk,
        document_id=citation.document_id,
        version_id=citation.version_id,
        document=citation.document,
        title=citation.title,
        url=citation.url,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
    )


def _end(answered: Answered) -> AnswerEnd:
    outcome = answered.outcome
    common = AnswerEnd(
        outcome="reply",
        text=answered.text,
        citations=tuple(_draft(c) for c in answered.citations),
        score=answered.score,
        model=answered.model,
        cost_micros=answered.cost_micros,
        ms=answered.ms,
    )
    if isinstance(outcome, Reply):
        return common
    if isinstance(outcome, Clarify):
        return replace(
            common,
            outcome="clarify",
            kind=outcome.kind,
            offer_person=outcome.offer_person,
            choices=outcome.choices,
        )
    return replace(common, outcome="handoff", kind=outcome.reason)
