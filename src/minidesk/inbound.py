"""The fourth story: a visitor answers our mail.

read the mail → did a person write it? → the token in its address names the mail that it answers, and so the conversation →
what was written anew, and its files → one write: the same mail twice is one message, a waiting ticket wakes → where no person
has the conversation, one gets it: the assistant answers in the chat, and who writes mails may never look there. Nothing is
mailed because of a mail that came in, so two programs cannot keep each other busy (T24).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select

from minidesk.channels import MailFile, ReceivedMail, ReplyAddress, read_mail
from minidesk.conversations import Attachments, Conversations, Sent, lock_conversation
from minidesk.conversations.attachments import MOST
from minidesk.db import Database, Tx
from minidesk.db.models import Conversation, Event, InboundMail, SentMail, new_id
from minidesk.errors import NotAllowed, Refused, TooMany
from minidesk.handoff import Handoff
from minidesk.text.normalise import MAX_SHRINK, check_text, clean_label
from minidesk.tickets import Tickets, check_not_blocked

# Mails at once: one of 10 MB takes several times that while its files are decoded.
AT_ONCE = 2
# Of one conversation in an hour: more is a program, whatever its headers say.
AN_HOUR = 20
_LEFT_OUT_CHARS = 500
_GROWTH = 3  # composing makes one character of four, or three of one (UAX 15)

Outcome = Literal["stored", "repeated", "dropped"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a mail. `reason` is a word where it was dropped."""

    outcome: Outcome
    reason: str = ""
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Answered:
    """The conversation that a mail belongs to."""

    conversation_id: str
    site_id: str
    visitor_id: str


class Inbound:
    """Takes mails."""

    def __init__(
        self,
        db: Database,
        conversations: Conversations,
        tickets: Tickets,
        handoff: Handoff,
        attachments: Attachments,
        address: ReplyAddress,
        clock: Callable[[], datetime],
        *,
        max_chars: int,
    ) -> None:
        """`max_chars`: of a message; what is longer comes as a file as well."""
        self._db = db
        self._conversations = conversations
        self._tickets = tickets
        self._handoff = handoff
        self._attachments = attachments
        self._address = address
        self._clock = clock
        self._max_chars = max_chars
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def take(self, raw: bytes) -> Taken:
        """Store a mail as the visitor's message. Raises TooLarge and Invalid for what is no mail, and TooMany."""
        async with self._reading:
            mail = await asyncio.to_thread(read_mail, raw)
            if mail.machine:
                return Taken("dropped", mail.machine)
            answered = await self._find(self._address.mail_of(mail.addresses))
            if answered is None:
                return Taken("dropped", "unknown_address")
            if not mail.text and not mail.files:
                return Taken("dropped", "empty")
            taken = await self._before(answered, mail) or await self._store(answered, mail)
        if taken.message_id is not None:
            await self._to_a_person(answered.conversation_id, taken.message_id)
        return taken

    async def _find(self, mail_id: str | None) -> _Answered | None:
        if mail_id is None:
            return None
        async with self._db.read() as tx:
            found = await tx.execute(
                select(Conversation.id, Conversation.site_id, Conversation.visitor_id)
                .join(SentMail, SentMail.conversation_id == Conversation.id)
                .where(SentMail.id == mail_id)
            )
            row = found.one_or_none()
        return None if row is None else _Answered(*row)

    async def _before(self, answered: _Answered, mail: ReceivedMail) -> Taken | None:
        """What is told without storing anything: the mail was there, or its writer may not write."""
        async with self._db.read() as tx:
            if (known := await _known(tx, answered, mail)) is not None:
                return known
            try:
                await check_not_blocked(tx, answered.site_id, answered.visitor_id)
            except NotAllowed:
                return Taken("dropped", "blocked")
            since = self._clock() - timedelta(hours=1)
            came = await tx.scalar(
                select(func.count()).where(
                    InboundMail.conversation_id == answered.conversation_id, InboundMail.created_at > since
                )
            )
        if (came or 0) >= AN_HOUR:
            raise TooMany(
                "Too many mails came for this conversation. Try again in an hour.", retry_after=3600
            )
        return None

    async def _store(self, answered: _Answered, mail: ReceivedMail) -> Taken:
        files = list(mail.files)
        text, is_whole = _fitting(mail.text, self._max_chars)
        if not is_whole:
            files.insert(0, MailFile("message.txt", "text/plain", mail.text.encode()))
        stored, left_out = await self._files(answered, files)
        names = ", ".join(left_out)[:_LEFT_OUT_CHARS]
        if not text and not stored:
            text = f"[{names}]"[: self._max_chars]  # an agent at least sees that something came
        async with self._db.write() as tx:
            row = await lock_conversation(tx, answered.conversation_id)
            if (known := await _known(tx, answered, mail)) is not None:
                return known
            posted = await self._conversations.post_visitor_message(
                tx, row, client_id=f"mail-{mail.digest[:40]}", text=text, attachments=stored, channel="mail"
            )
            await self._tickets.visitor_wrote(tx, posted.message, row.id)
            tx.add(
                InboundMail(
                    id=new_id("inm"),
                    site_id=answered.site_id,
                    conversation_id=row.id,
                    digest=mail.digest,
                    message_id=posted.message.id,
                    left_out=names,
                    created_at=self._clock(),
                )
            )
        return Taken("stored", message_id=posted.message.id)

    async def _files(self, answered: _Answered, files: list[MailFile]) -> tuple[list[str], list[str]]:
        """Ids of those that are taken, and names of the others: the same kinds as in the chat, and no more of them."""
        stored: list[str] = []
        left_out: list[str] = []
        for file in files:
            if len(stored) == MOST:
                left_out.append(clean_label(file.name))
                continue
            sent = Sent(file.name, file.declared, _whole(file.data))
            try:
                view = await self._attachments.take(
                    site_id=answered.site_id, author="visitor", owner_id=answered.visitor_id, sent=sent
                )
            except Refused:
                left_out.append(clean_label(file.name))
            else:
                stored.append(view.id)
        return stored, left_out

    async def _to_a_person(self, conversation_id: str, message_id: str) -> None:
        """Hand off what the assistant would have. A repeated mail finds what a killed process left undone."""
        async with self._db.read() as tx:
            row = await tx.get_one(Conversation, conversation_id)
            if row.holder != "assistant" or await _had_a_person(tx, conversation_id, message_id):
                return
        await self._handoff.hand_off(conversation_id, "customer_request")


def _fitting(raw: str, most: int) -> tuple[str, bool]:
    """As much of the text as a message can hold, and whether that is all of it."""
    # Cut after composing, which changes the length; and once more checked, for what shapes nothing at its new end.
    text = check_text(raw[: most * MAX_SHRINK], most * MAX_SHRINK * _GROWTH)
    return check_text(text[:most], most), len(text) <= most and len(raw) <= most * MAX_SHRINK


async def _had_a_person(tx: Tx, conversation_id: str, message_id: str) -> bool:
    """Whether a person had the conversation, or was awaited, when this message came or since then."""
    this = (Event.type == "message") & (Event.data["id"].as_string() == message_id)
    events = await tx.execute(
        select(Event.type, Event.data["holder"].as_string())
        .where(Event.conversation_id == conversation_id, this | (Event.type == "holder"))
        .order_by(Event.n)
    )
    said, holder, had = False, "assistant", False
    for type, to in events:
        said, holder = said or type == "message", to or holder
        had = had or (said and holder in ("queue", "agent"))
    return had


async def _known(tx: Tx, answered: _Answered, mail: ReceivedMail) -> Taken | None:
    row = await tx.scalar(
        select(InboundMail).where(
            InboundMail.conversation_id == answered.conversation_id, InboundMail.digest == mail.digest
        )
    )
    return None if row is None else Taken("repeated", message_id=row.message_id)


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data
