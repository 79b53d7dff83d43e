"""What only the console reads: a site's teams, a visitor, and whether anything changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from minidesk.db import Tx
from minidesk.db.models import (
    Conversation,
    Crawl,
    CrawlPage,
    Event,
    FirstSteps,
    Mention,
    Message,
    Overlap,
    Source,
    Team,
    Ticket,
    Visitor,
)

EARLIER_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Customer:
    """Who asks, as far as they said, with their latest other conversations."""

    name: str | None
    email: str | None
    verified: bool
    browser: str | None
    earlier: tuple[tuple[str, str, datetime], ...]  # (id, subject or first words, when)
    external_id: str | None = None  # the website's own id of a verified person
    attributes: tuple[tuple[str, str], ...] = ()  # what the page said of them, unchecked


async def site_version(tx: Tx, site_id: str) -> str:
    """A word that changes whenever a conversation, ticket, file or crawl of the site does.

    One statement: each console that is open asks it after each commit.
    """
    steps = select(FirstSteps.generation, FirstSteps.looked_at, FirstSteps.looking)
    looks = steps.where(FirstSteps.site_id == site_id).subquery()
    parts = (
        select(func.max(Event.id)).where(Event.site_id == site_id),
        select(func.count()).select_from(Source).where(Source.site_id == site_id),
        select(func.max(Source.updated_at)).where(Source.site_id == site_id),
        select(func.max(CrawlPage.checked_at)).where(CrawlPage.site_id == site_id),
        select(func.sum(Crawl.generation)).where(Crawl.site_id == site_id),
        select(func.count()).select_from(Overlap).where(Overlap.site_id == site_id),
        select(func.max(Mention.read_at)).where(Mention.site_id == site_id),
        *(select(column) for column in looks.c),
    )
    row = (await tx.execute(select(*(part.scalar_subquery() for part in parts)))).one()
    return "-".join(str(part.timestamp() if isinstance(part, datetime) else part or 0) for part in row)


async def first_words_of(tx: Tx, conversation_ids: Sequence[str]) -> dict[str, str]:
    """What the visitor said first, by conversation."""
    first = (
        select(Message.conversation_id, func.min(Message.seq).label("seq"))
        .where(Message.conversation_id.in_(conversation_ids), Message.author == "visitor")
        .group_by(Message.conversation_id)
        .subquery()
    )
    rows = await tx.execute(
        select(Message.conversation_id, Message.text).join(
            first, (first.c.conversation_id == Message.conversation_id) & (first.c.seq == Message.seq)
        )
    )
    return {row.conversation_id: row.text for row in rows}


async def list_teams(tx: Tx, site_id: str) -> list[tuple[str, str]]:
    """(id, name) of the site's teams, by name."""
    rows = await tx.execute(select(Team.id, Team.name).where(Team.site_id == site_id).order_by(Team.name))
    return [(id, name) for id, name in rows]


async def customer_of(tx: Tx, conversation: Conversation, visitor: Visitor) -> Customer:
    """The visitor of a conversation that the caller may see."""
    first = (
        select(Message.text)
        .where(Message.conversation_id == Conversation.id, Message.author == "visitor")
        .order_by(Message.seq)
        .limit(1)
        .scalar_subquery()
    )
    subject = (
        select(Ticket.subject)
        .where(Ticket.conversation_id == Conversation.id)
        .order_by(Ticket.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await tx.execute(
        select(Conversation.id, func.coalesce(subject, first), Conversation.last_message_at)
        .where(
            Conversation.visitor_id == visitor.id,
            Conversation.id != conversation.id,
            Conversation.last_seq > 0,
        )
        .order_by(Conversation.last_message_at.desc())
        .limit(EARLIER_SHOWN)
    )
    earlier = tuple((id, text or "", at) for id, text, at in rows)
    attributes = tuple((name, str(value)) for name, value in (visitor.attributes or {}).items())
    return Customer(
        visitor.name,
        visitor.email,
        visitor.verified,
        visitor.browser,
        earlier,
        visitor.external_id,
        attributes,
    )
