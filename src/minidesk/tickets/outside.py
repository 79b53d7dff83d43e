"""Tickets and conversations of one site for programs with its key: by number and by id, page by page, latest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select

from minidesk.conversations import Conversations, Posted
from minidesk.db import Tx
from minidesk.db.models import Conversation, Ticket, Visitor
from minidesk.errors import NotFound
from minidesk.tickets.actions import Tickets
from minidesk.tickets.mentions import note_mentions
from minidesk.tickets.queries import ticket_detail
from minidesk.tickets.records import Priority, Status, TicketView
from minidesk.tickets.rows import check_works_here, lock_ticket
from minidesk.tickets.tags import drop_tag, put_tag, tags_of

NUMBER_MAX = 2**31 - 1  # what the column holds


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation with who it is with. `tickets` holds the numbers of its tickets, the latest last."""

    id: str
    holder: str
    visitor_id: str
    visitor_name: str | None
    visitor_email: str | None
    verified: bool
    page_url: str | None
    locale: str | None
    rating: int | None
    created_at: datetime
    last_message_at: datetime
    tickets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TicketChange:
    """What a program wants changed; a field that is not in `given` stays as it is."""

    given: frozenset[str]
    status: Status | None = None
    priority: Priority | None = None
    team: str | None = None
    assignee: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Saying:
    """What a program says for an agent: to the visitor, or as a note to the team."""

    agent_id: str
    text: str
    note: bool = False
    client_id: str | None = None


async def list_site_tickets(
    tx: Tx, site_id: str, *, status: Status | None, below: int | None, limit: int
) -> list[tuple[TicketView, tuple[str, ...]]]:
    """Tickets with their tags, those with a number below `below`."""
    query = select(Ticket.id).where(Ticket.site_id == site_id)
    if status is not None:
        query = query.where(Ticket.status == status)
    if below is not None:
        query = query.where(Ticket.number < below)
    ids = (await tx.scalars(query.order_by(Ticket.number.desc()).limit(limit))).all()
    tags = await tags_of(tx, ids)
    return [(await ticket_detail(tx, id), tags.get(id, ())) for id in ids]


async def access_site_ticket(tx: Tx, site_id: str, number: int) -> tuple[TicketView, tuple[str, ...]]:
    """The site's ticket with this number, and its tags. Raises NotFound."""
    id = await tx.scalar(select(Ticket.id).where(Ticket.site_id == site_id, Ticket.number == _known(number)))
    if id is None:
        raise NotFound
    return await ticket_detail(tx, id), (await tags_of(tx, [id])).get(id, ())


async def change_site_ticket(
    tx: Tx, tickets: Tickets, site_id: str, number: int, change: TicketChange, now: datetime
) -> None:
    """Change a ticket as an agent could. Raises NotFound, Invalid, and Conflict for a move that there is not.

    A status that opens it comes first, one that ends it last: what is closed takes no other change.
    """
    if any("\0" in (id or "") for id in (change.team, change.assignee)):  # PostgreSQL refuses to look for it
        raise NotFound
    view, _ = await access_site_ticket(tx, site_id, number)
    opens = change.status in ("open", "pending")
    if change.status is not None and opens:
        await tickets.set_status(tx, view.id, change.status)
    if "priority" in change.given and change.priority is not None:
        await tickets.set_priority(tx, view.id, change.priority)
    if "team" in change.given:
        await tickets.set_team(tx, view.id, change.team)
    if "assignee" in change.given:
        if change.assignee is not None:
            await check_works_here(tx, site_id, change.assignee)
        await tickets.assign(tx, view.id, change.assignee)
    if "tags" in change.given:
        await _set_tags(tx, tickets, view.id, change.tags, now)
    if change.status is not None and not opens:
        await tickets.set_status(tx, view.id, change.status)


async def say_in_site_ticket(
    tx: Tx,
    tickets: Tickets,
    conversations: Conversations,
    site_id: str,
    number: int,
    said: Saying,
    now: datetime,
) -> Posted:
    """Answer the visitor of a ticket, or write a note, as the agent could: who answers holds the conversation.

    A client id that was posted before changes nothing. Raises NotFound, Invalid where the agent does not work at the site,
    AlreadyAssigned where another agent holds the conversation, and Conflict where the ticket is not open.
    """
    view, _ = await access_site_ticket(tx, site_id, number)
    await check_works_here(tx, site_id, said.agent_id)
    if not said.note:
        return await tickets.reply(
            tx, view.id, agent_id=said.agent_id, text=said.text, client_id=said.client_id
        )
    talk = view.conversation_id
    posted = await conversations.post_note(
        tx, talk, agent_id=said.agent_id, text=said.text, client_id=said.client_id
    )
    if posted.created:
        row = await tx.get_one(Conversation, talk)
        await note_mentions(
            tx, row, message_id=posted.message.id, author_id=said.agent_id, text=said.text, now=now
        )
    return posted


async def list_site_conversations(
    tx: Tx, site_id: str, *, holder: str | None, below: str | None, limit: int
) -> list[ConversationRow]:
    """Conversations in which something was said, those with an id below `below`: ids grow with time."""
    where: list[ColumnElement[bool]] = [Conversation.last_seq > 0]
    if holder is not None:
        where.append(Conversation.holder == holder)
    if below is not None:
        where.append(Conversation.id < below)
    return await _rows(tx, site_id, where, limit)


async def access_site_conversation(tx: Tx, site_id: str, conversation_id: str) -> ConversationRow:
    """The site's conversation with this id. Raises NotFound."""
    if not conversation_id.replace("_", "").isalnum():  # PostgreSQL would fail on a NUL in it
        raise NotFound
    found = await _rows(tx, site_id, [Conversation.id == conversation_id], 1)
    if not found:
        raise NotFound
    return found[0]


async def _rows(
    tx: Tx, site_id: str, where: Sequence[ColumnElement[bool]], limit: int
) -> list[ConversationRow]:
    query = (
        select(Conversation, Visitor)
        .join(Visitor, Visitor.id == Conversation.visitor_id)
        .where(Conversation.site_id == site_id, *where)
        .order_by(Conversation.id.desc())
        .limit(limit)
    )
    found = [(conversation, visitor) for conversation, visitor in await tx.execute(query)]
    numbers: dict[str, list[int]] = {}
    held = select(Ticket.conversation_id, Ticket.number).where(
        Ticket.conversation_id.in_([conversation.id for conversation, _ in found])
    )
    for id, number in await tx.execute(held.order_by(Ticket.number)):
        numbers.setdefault(id, []).append(number)
    return [
        ConversationRow(
            c.id, c.holder, v.id, v.name, v.email, v.verified, c.page_url, c.locale, c.rating, c.created_at,
            c.last_message_at, tuple(numbers.get(c.id, ())),
        )
        for c, v in found
    ]  # fmt: skip


async def _set_tags(tx: Tx, tickets: Tickets, ticket_id: str, wanted: Sequence[str], now: datetime) -> None:
    ticket = await lock_ticket(tx, ticket_id)
    keep = {tag.casefold() for tag in wanted}
    changed = False
    for tag in (await tags_of(tx, [ticket_id])).get(ticket_id, ()):
        if tag.casefold() not in keep:
            changed = await drop_tag(tx, ticket, tag) or changed
    for tag in wanted:
        changed = await put_tag(tx, ticket, tag, now) or changed
    if changed:
        await tickets.changed(tx, ticket)


def _known(number: int) -> int:
    if not 0 < number <= NUMBER_MAX:
        raise NotFound
    return number
