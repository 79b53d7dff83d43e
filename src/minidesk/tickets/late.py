"""Who has waited longer than they were promised: for somebody to come, or for somebody who came and says nothing."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, or_, select

from minidesk.db.models import Conversation, Message, Ticket
from minidesk.tickets.rows import ACTIVE

# Who has taken a conversation may be reading it or looking something up; nobody does so for longer without a word.
SILENT = timedelta(minutes=30)


def late_tickets(now: datetime) -> Select[str, str | None]:
    """(ticket, its visitor's language) of those who are to be told that nobody was free, and were not told yet."""
    queued = Conversation.holder == "queue"
    first = and_(
        Ticket.responded_at.is_(None),
        or_(
            and_(queued, Ticket.response_due_at < now),
            and_(Conversation.holder == "agent", Ticket.response_due_at < now - SILENT),
        ),
    )
    # Who was answered and has said nothing since waits for nothing, though the ticket has its time in the queue.
    again = and_(queued, Ticket.next_due_at < now, _visitor_spoke_last())
    return (
        select(Ticket.id, Conversation.locale)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(Ticket.status.in_(ACTIVE), Ticket.late_told_at.is_(None), or_(first, again))
    )


def _visitor_spoke_last() -> ColumnElement[bool]:
    last = (
        select(Message.author)
        .where(Message.conversation_id == Conversation.id, Message.author.in_(["visitor", "agent"]))
        .order_by(Message.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    return last == "visitor"
