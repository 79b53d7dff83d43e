"""Answers by mail: what an agent wrote and the visitor, who had left, has not seen.

The job is written in the transaction of the answer and waits two minutes: who is still there sees it in the chat, and
further answers join the same mail. A mail has a row before it is sent, so a repeated try is the same mail.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from sqlalchemy import func, select

from minidesk.channels.letter import Letter, Said, write_message
from minidesk.channels.readers import Reader, reader_of
from minidesk.channels.records import QUEUE
from minidesk.channels.reply_address import ReplyAddress
from minidesk.channels.smtp import MailServer, Problem
from minidesk.conversations.queries import first_name
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Conversation, Message, SentMail, new_id
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.live import Appended, Presence
from minidesk.sites import SiteView, link_hosts, origin_of, site_by_id
from minidesk.text.locale import Texts

KIND = "answer_mail"
DELAY = timedelta(minutes=2)
# After each failed try: greylisting wants minutes, a server's repair hours.
AGAIN = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


class MailOutbox:
    """Listens to the event log and writes a job for every answer of an agent."""

    def __init__(self, jobs: JobQueue, clock: Callable[[], datetime]) -> None:
        self._jobs = jobs
        self._clock = clock

    async def heard(self, tx: Tx, appended: Appended) -> None:
        """Write the job in the answer's own transaction."""
        if appended.type == "message" and appended.data["author"] == "agent":
            payload = {"conversation_id": appended.conversation_id, "step": 0}
            await self._enqueue(tx, payload, appended.data["id"], DELAY)

    async def try_again(self, tx: Tx, mail: SentMail, step: int) -> bool:
        """Write the job for the next try. False where there were enough."""
        if step >= len(AGAIN):
            return False
        payload = {"conversation_id": mail.conversation_id, "step": step + 1}
        await self._enqueue(tx, payload, f"{mail.id}:{mail.up_to_seq}:{step + 1}", AGAIN[step])
        return True

    async def _enqueue(self, tx: Tx, payload: dict[str, object], key: str, wait: timedelta) -> None:
        await self._jobs.enqueue(
            tx, queue=QUEUE, kind=KIND, payload=payload, key=f"mail:{key}", run_at=self._clock() + wait
        )


class AnswerMails:
    """The handler of `answer_mail` jobs."""

    def __init__(
        self,
        db: Database,
        outbox: MailOutbox,
        server: MailServer,
        presence: Presence,
        texts: Texts,
        clock: Callable[[], datetime],
        *,
        sender: str,
        base_url: str,
        reply_address: ReplyAddress | None = None,
    ) -> None:
        self._db = db
        self._outbox = outbox
        self._server = server
        self._presence = presence
        self._texts = texts
        self._clock = clock
        self._sender = sender
        self._base_url = base_url
        self._reply_address = reply_address
        # Two answers in one second are two jobs due at once; without turns both would mail both.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def run(self, job: ClaimedJob) -> None:
        """Mail what was not seen, if there is anything and anybody to mail it to."""
        conversation_id = job.payload["conversation_id"]
        turn = self._turns.setdefault(conversation_id, asyncio.Lock())
        async with turn:
            async with self._db.write() as tx:
                found = await self._prepare(tx, conversation_id)
            if found is None:
                return
            letter, site = found
            hosts = link_hosts(site.allowed_origins, site.config.link_hosts)

            def words(key: str, **values: object) -> str:
                return self._texts.t(key, letter.locale, **values)

            # Long answers take tens of milliseconds to render; streams must not wait for that.
            message = await asyncio.to_thread(
                write_message, letter, self._sender, self._base_url, words, hosts
            )
            problem = await self._server.send(message, sender=self._sender, to=letter.address)
            async with self._db.write() as tx:
                again = partial(self._outbox.try_again, step=job.payload["step"])
                await book(tx, letter.id, problem, again)

    async def _prepare(self, tx: Tx, conversation_id: str) -> tuple[Letter, SiteView] | None:
        conversation = await tx.get(Conversation, conversation_id)
        if conversation is None:
            return None
        unseen = await self._unseen(tx, conversation_id)
        reader = await reader_of(tx, conversation, self._clock()) if unseen else None
        if reader is None:
            return None
        site = await site_by_id(tx, conversation.site_id)
        mail = await self._row(tx, conversation, reader, up_to=unseen[-1][0])
        letter = Letter(
            id=mail.id,
            conversation_id=conversation.id,
            address=reader.address,
            site_name=site.name,
            locale=self._locale(site, conversation.locale),
            # What the desk told this visitor must not reach whoever's address they typed (T24).
            answers=tuple(said for _, said in unseen) if reader.verified else (),
            chat_url=chat_url(site, conversation.page_url, self._base_url),
            reply_to=self._reply_address.of(mail.id) if self._reply_address else "",
        )
        return letter, site

    async def _unseen(self, tx: Tx, conversation_id: str) -> list[tuple[int, Said]]:
        """Answers with their numbers: after the visitor's last word, the last mail, and the moment when they left."""
        said_last = await tx.scalar(
            select(func.max(Message.seq)).where(
                Message.conversation_id == conversation_id, Message.author == "visitor"
            )
        )
        mailed = await tx.scalar(
            select(func.max(SentMail.up_to_seq)).where(
                SentMail.conversation_id == conversation_id,
                SentMail.kind == "answers",
                SentMail.state == "sent",
            )
        )
        rows = await tx.execute(
            select(Message.seq, Message.text, Message.created_at, Agent.name)
            .outerjoin(Agent, Agent.id == Message.agent_id)
            .where(
                Message.conversation_id == conversation_id,
                Message.author == "agent",
                Message.seq > max(said_last or 0, mailed or 0),
            )
            .order_by(Message.seq)
        )
        seen = self._presence.seen_until(conversation_id)
        return [
            (seq, Said(first_name(name) or "", text))
            for seq, text, at, name in rows
            if seen is None or at > seen
        ]

    async def _row(self, tx: Tx, conversation: Conversation, reader: Reader, *, up_to: int) -> SentMail:
        mail = await tx.scalar(
            select(SentMail).where(
                SentMail.conversation_id == conversation.id,
                SentMail.address == reader.address,
                SentMail.kind == "answers",
                SentMail.state == "sending",
            )
        )
        if mail is None:
            mail = SentMail(
                id=new_id("eml"),
                site_id=conversation.site_id,
                conversation_id=conversation.id,
                address=reader.address,
                up_to_seq=up_to,
                state="sending",
                problem="",
                created_at=self._clock(),
            )
            tx.add(mail)
        mail.up_to_seq = up_to
        return mail

    def _locale(self, site: SiteView, wanted: str | None) -> str:
        chosen = self._texts.choose(wanted)
        spoken = site.config.languages
        return self._texts.choose(*spoken) if spoken and chosen not in spoken else chosen


async def book(
    tx: Tx, mail_id: str, problem: Problem | None, try_again: Callable[[Tx, SentMail], Awaitable[bool]]
) -> None:
    """What came of a mail; where a later try can help, `try_again` orders one and says whether it did."""
    mail = await tx.get(SentMail, mail_id, with_for_update=True)
    if mail is None:  # the site was deleted meanwhile
        return
    mail.problem = problem.word if problem else ""
    if problem is None:
        mail.state = "sent"
    elif not (problem.again and await try_again(tx, mail)):
        mail.state = "failed"


def chat_url(site: SiteView, page_url: str | None, base_url: str) -> str:
    """Where the chat goes on: the page that it was on if that is the site's own, else the desk's chat page.

    The visitor's browser named the page: without the look at the site's origins, anybody could have the desk mail a
    link to any place to anybody; and without its query, which a page of the site's own may follow somewhere else.
    """
    origin = origin_of(page_url)
    if origin in site.allowed_origins:
        return f"{origin}{urlsplit(page_url or '').path or '/'}"
    return f"{base_url}/widget/{site.key}"
