"""Who may be mailed about a conversation, and who wants no more mail.

A mail address lets nobody in anywhere: it is only written to. Which address that is follows from what the website
signed (sites/identity.py), or from what the visitor wrote when the desk had asked for one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from minidesk.channels.letter import is_mailable
from minidesk.db import Tx
from minidesk.db.models import Conversation, MailStop, Message, SentMail, Site, Ticket, Visitor, new_id
from minidesk.errors import NotFound
from minidesk.text.redact import EMAIL

# Mails a day and address. Each needs an agent's answer, so the first is a brake for what nobody thought of; an address
# that nobody has checked may be somebody else's (T24).
A_DAY_VERIFIED, A_DAY_WRITTEN = 20, 1


@dataclass(frozen=True, slots=True)
class Reader:
    """An address in lower case; `verified` if the website signed it."""

    address: str
    verified: bool


@dataclass(frozen=True, slots=True)
class MailedTo:
    """Whom a mail went to, for the page that stops further ones."""

    site_id: str
    site_name: str
    address: str
    locale: str | None


@dataclass(frozen=True, slots=True)
class MailCounts:
    """What became of a site's mails. `problem` is a word of smtp.py: of the latest mail, if it was not taken."""

    sent: int
    failed: int
    problem: str


async def mail_counts(tx: Tx, site_id: str, since: datetime) -> MailCounts:
    """Of the mails written since then."""
    rows = await tx.execute(
        select(SentMail.state, func.count())
        .where(SentMail.site_id == site_id, SentMail.created_at > since)
        .group_by(SentMail.state)
    )
    counts: dict[str, int] = {state: n for state, n in rows}  # noqa: C416 (a row is a tuple only at runtime)
    latest = (
        select(SentMail.problem)
        .where(SentMail.site_id == site_id)
        .order_by(SentMail.created_at.desc(), SentMail.id.desc())
        .limit(1)
    )
    return MailCounts(counts.get("sent", 0), counts.get("failed", 0), await tx.scalar(latest) or "")


async def reader_of(tx: Tx, conversation: Conversation, now: datetime) -> Reader | None:
    """Whom to mail about this conversation; None where nobody is known, or they had enough."""
    reader = await _known(tx, conversation)
    if reader is None or not is_mailable(reader.address):
        return None
    if await wants_none(tx, conversation.site_id, reader.address):
        return None
    sent = await tx.scalar(
        select(func.count())
        .select_from(SentMail)
        .where(
            SentMail.site_id == conversation.site_id,
            SentMail.address == reader.address,
            SentMail.kind == "answers",
            SentMail.state == "sent",
            SentMail.created_at > now - timedelta(days=1),
        )
    )
    most = A_DAY_VERIFIED if reader.verified else A_DAY_WRITTEN
    return reader if (sent or 0) < most else None


async def wants_none(tx: Tx, site_id: str, address: str) -> bool:
    """Whether this address has stopped the site's mails."""
    stopped = select(MailStop.id).where(MailStop.site_id == site_id, MailStop.address == address)
    return await tx.scalar(stopped) is not None


async def _known(tx: Tx, conversation: Conversation) -> Reader | None:
    visitor = await tx.get(Visitor, conversation.visitor_id)
    if visitor is not None and visitor.verified and visitor.email:
        return Reader(visitor.email.lower(), verified=True)
    asked_at = await tx.scalar(
        select(func.max(Ticket.late_told_at)).where(Ticket.conversation_id == conversation.id)
    )
    if asked_at is None:
        # An address that stands in a message for another reason ("my account is …") is not for us to write to.
        return None
    texts = await tx.scalars(
        select(Message.text)
        .where(
            Message.conversation_id == conversation.id,
            Message.author == "visitor",
            Message.created_at >= asked_at,
        )
        .order_by(Message.seq.desc())
    )
    for text in texts:
        found = {match.group().lower() for match in EMAIL.finditer(text)}
        if len(found) == 1:  # of two, one is somebody else's
            return Reader(found.pop(), verified=False)
    return None


async def mailed_to(tx: Tx, mail_id: str) -> MailedTo:
    """Whom the mail with this id went to. Raises NotFound."""
    if not mail_id.replace("_", "").isalnum():  # PostgreSQL would fail on a NUL in it
        raise NotFound
    found = await tx.execute(
        select(SentMail.site_id, Site.name, SentMail.address, Conversation.locale)
        .join(Site, Site.id == SentMail.site_id)
        .join(Conversation, Conversation.id == SentMail.conversation_id)
        .where(SentMail.id == mail_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return MailedTo(*row)


async def stop_mails(tx: Tx, mail_id: str, now: datetime) -> MailedTo:
    """Send this reader no more mail of this site. Once more changes nothing. Raises NotFound."""
    reader = await mailed_to(tx, mail_id)
    # One at a time: mail programs press twice. Not the key: whatever was inserted for the site holds that.
    await tx.execute(select(Site.id).where(Site.id == reader.site_id).with_for_update(key_share=True))
    if not await wants_none(tx, reader.site_id, reader.address):
        tx.add(MailStop(id=new_id("stp"), site_id=reader.site_id, address=reader.address, created_at=now))
    return reader
