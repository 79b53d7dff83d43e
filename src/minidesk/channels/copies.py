"""A copy of a conversation by mail, for the visitor who asked for it in the chat.

Anybody can type anybody's address, so the mail says why it came and how to stop such mails; subject and frame are fixed
words, and an address that the website has not vouched for is sent no web address that the visitor wrote (T24). How
often is limited where it is asked for (web/visitor_api/transcript_routes.py).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from functools import partial

from minidesk.channels.answer_mails import AGAIN, book
from minidesk.channels.letter import begin_message, is_mailable, on_a_line, stop_url
from minidesk.channels.readers import wants_none
from minidesk.channels.records import QUEUE
from minidesk.channels.smtp import MailServer
from minidesk.channels.transcript import MOST_MESSAGES, transcript_text
from minidesk.conversations import MessageView, transcript
from minidesk.db import Database, Tx
from minidesk.db.models import Conversation, SentMail, Site, Visitor, new_id
from minidesk.errors import Invalid
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.sites.identity import EMAIL, EMAIL_CHARS
from minidesk.text.locale import Texts

KIND = "copy_mail"
COPY = "copy"


@dataclass(frozen=True, slots=True)
class _Copy:
    """What a mail is made of."""

    mail_id: str
    address: str
    site_name: str
    locale: str
    messages: tuple[MessageView, ...]
    to_stranger: bool


def check_address(raw: str) -> str:
    """One plain address in lower case. Raises `Invalid`."""
    address = raw.strip().lower()
    if len(address) > EMAIL_CHARS or not EMAIL.fullmatch(address) or not is_mailable(address):
        raise Invalid("Write the e-mail address as name@example.com.", code="address_invalid")
    return address


class CopyOutbox:
    """Takes orders."""

    def __init__(self, jobs: JobQueue, clock: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._clock = clock

    async def ask(self, tx: Tx, conversation: Conversation, address: str, locale: str) -> None:
        """Have what was said so far mailed to an address that `check_address` gave. Raises `Invalid` where nothing was said.

        To an address that stopped the site's mails nothing goes, and nobody is told so: whether it ever got one is
        its owner's matter.
        """
        if conversation.last_seq == 0:
            raise Invalid("There is nothing in this conversation to send yet.", code="transcript_empty")
        if await wants_none(tx, conversation.site_id, address):
            return
        mail = SentMail(
            id=new_id("eml"),
            site_id=conversation.site_id,
            conversation_id=conversation.id,
            address=address,
            kind=COPY,
            up_to_seq=conversation.last_seq,
            state="sending",
            problem="",
            created_at=self._clock(),
        )
        tx.add(mail)
        await self._enqueue(tx, mail.id, locale, 0, self._clock())

    async def try_again(self, tx: Tx, mail: SentMail, *, locale: str, step: int) -> bool:
        """Order the next try. False where there were enough."""
        if step >= len(AGAIN):
            return False
        await self._enqueue(tx, mail.id, locale, step + 1, self._clock() + AGAIN[step])
        return True

    async def _enqueue(self, tx: Tx, mail_id: str, locale: str, step: int, at: datetime) -> None:
        payload = {"mail_id": mail_id, "locale": locale, "step": step}
        key = f"copy:{mail_id}:{step}"
        await self._jobs.enqueue(tx, queue=QUEUE, kind=KIND, payload=payload, key=key, run_at=at)


class CopyMails:
    """The handler of `copy_mail` jobs."""

    def __init__(
        self,
        db: Database,
        outbox: CopyOutbox,
        server: MailServer,
        texts: Texts,
        *,
        sender: str,
        base_url: str,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._server = server
        self._texts = texts
        self._sender = sender
        self._base_url = base_url

    async def run(self, job: ClaimedJob) -> None:
        """Mail the copy, unless that was done."""
        locale, step = job.payload["locale"], job.payload["step"]
        async with self._db.read() as tx:
            copy = await _read(tx, job.payload["mail_id"], locale)
        if copy is None:
            return
        # A long conversation takes tens of milliseconds to write; streams must not wait for that.
        message = await asyncio.to_thread(self._message, copy)
        problem = await self._server.send(message, sender=self._sender, to=copy.address)
        async with self._db.write() as tx:
            again = partial(self._outbox.try_again, locale=locale, step=step)
            await book(tx, copy.mail_id, problem, again)

    def _message(self, copy: _Copy) -> EmailMessage:
        site = on_a_line(copy.site_name)
        t = partial(self._texts.t, locale=copy.locale, site=site)
        message = begin_message(
            copy.mail_id, copy.address, site, t("copy.subject"), self._sender, self._base_url
        )
        said = transcript_text(copy.messages, self._texts, copy.locale, to_stranger=copy.to_stranger)
        stop = stop_url(self._base_url, copy.mail_id)
        message.set_content(f"{t('copy.intro')}\n\n{said}\n-- \n{t('copy.why')}\n{t('mail.stop')}:\n{stop}\n")
        return message


async def _read(tx: Tx, mail_id: str, locale: str) -> _Copy | None:
    mail = await tx.get(SentMail, mail_id)
    if mail is None or mail.state != "sending":
        return None
    conversation = await tx.get_one(Conversation, mail.conversation_id)
    visitor = await tx.get_one(Visitor, conversation.visitor_id)
    site = await tx.get_one(Site, mail.site_id)
    messages = await transcript(tx, conversation.id, include_notes=False, last=MOST_MESSAGES)
    return _Copy(
        mail.id,
        mail.address,
        site.name,
        locale,
        tuple(message for message in messages if message.seq <= mail.up_to_seq),
        to_stranger=not (visitor.verified and (visitor.email or "").lower() == mail.address),
    )
