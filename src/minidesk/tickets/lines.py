"""Lines of the inbox: of the conversations and tickets that a view has chosen, the columns that a line shows and no others.

Whole rows were most of a page's time: evidence and facts of a ticket are JSON, and nobody reads them in a list.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import aliased

from minidesk.db import Tx
from minidesk.db.models import Agent, Conversation, Message, Team, Ticket, Visitor
from minidesk.tickets.clocks import due_of
from minidesk.tickets.records import InboxLine

LAST_TEXT_CHARS = 140
_OF_TICKET = (
    Ticket.id, Ticket.number, Ticket.subject, Ticket.summary, Ticket.status, Ticket.priority, Ticket.sentiment,
    Ticket.team_id, Ticket.assignee_id, Ticket.response_due_at, Ticket.responded_at, Ticket.next_due_at,
    Ticket.resolution_due_at, Ticket.warn_at, Ticket.snoozed_until, Ticket.follow_up_at, Ticket.back_at,
)  # fmt: skip


async def lines_of(tx: Tx, chosen: Sequence[tuple[str, str | None]]) -> list[InboxLine]:
    """The lines of (conversation, ticket), in their order."""
    talks = {row.id: row for row in await tx.execute(_talks([c for c, _ in chosen]))}
    with_ticket = [t for _, t in chosen if t]
    tickets = {row.id: row for row in await tx.execute(_tickets(with_ticket))} if with_ticket else {}
    return [_line(talks[c], tickets[t] if t else None) for c, t in chosen]


def _talks(conversation_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    """Conversations with their visitor's name, what was said last, and which agent said it."""
    last, writer = aliased(Message), aliased(Agent)
    last_id = (
        select(last.id)
        .where(last.conversation_id == Conversation.id, last.author != "note", last.text != "")
        .order_by(last.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(
        Conversation.id, Conversation.holder, Conversation.last_message_at, Visitor.name.label("visitor_name"),
        func.substr(Message.text, 1, LAST_TEXT_CHARS).label("last_text"), Message.author,
        writer.name.label("last_agent"),
    )  # fmt: skip
    query = query.join(Visitor, Visitor.id == Conversation.visitor_id)
    query = query.outerjoin(Message, Message.id == last_id).outerjoin(writer, writer.id == Message.agent_id)
    return query.where(Conversation.id.in_(conversation_ids))


def _tickets(ticket_ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    query = select(*_OF_TICKET, Team.name.label("team_name"), Agent.name.label("assignee_name"))
    query = query.outerjoin(Team, Team.id == Ticket.team_id).outerjoin(Agent, Agent.id == Ticket.assignee_id)
    return query.where(Ticket.id.in_(ticket_ids))


def _line(talk: Row[*tuple[Any, ...]], ticket: Row[*tuple[Any, ...]] | None) -> InboxLine:
    of_talk: dict[str, Any] = {
        "conversation_id": talk.id,
        "holder": talk.holder,
        "visitor_name": talk.visitor_name,
        "last_text": talk.last_text or "",
        "last_author": talk.author,
        "last_agent": talk.last_agent,
        "last_message_at": talk.last_message_at,
    }
    if ticket is None:
        return InboxLine(**of_talk)
    return InboxLine(
        **of_talk,
        ticket_id=ticket.id,
        number=ticket.number,
        subject=ticket.subject,
        summary=ticket.summary,
        status=ticket.status,
        priority=ticket.priority,
        sentiment=ticket.sentiment,
        team_id=ticket.team_id,
        team_name=ticket.team_name,
        assignee_id=ticket.assignee_id,
        assignee_name=ticket.assignee_name,
        due=due_of(ticket),
        snoozed_until=ticket.snoozed_until,
        follow_up_at=ticket.follow_up_at,
        back_at=ticket.back_at,
    )
