"""What a site no longer keeps: conversations that are over and older than its settings say, with all that hangs on them.

Their messages, tickets, events and the texts that search finds go with the row. Files lose their conversation, and with
it their reason to be here: `conversations.attachments` removes such ones, bytes and all. What the ledger and the audit
log say has no words of a visitor in it, and stays.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, false, or_, select, update
from sqlalchemy.orm import aliased

from minidesk.db import Tx
from minidesk.db.models import Attachment, Conversation, Ticket, Visitor
from minidesk.sites import sites_that_forget
from minidesk.tickets.rows import ACTIVE

# Of one transaction: some thousand rows with their messages, which hold up no visitor for longer than a blink.
FORGOTTEN_TOGETHER = 20


async def overdue(tx: Tx, now: datetime, limit: int) -> Sequence[str]:
    """Conversations whose time is over, the oldest first in each site. What waits for a person, or has one, is never over."""
    found: list[str] = []
    for site_id, days in await sites_that_forget(tx):  # one by one, each along its own index
        query = select(Conversation.id).where(_over(site_id, days, now))
        found += await tx.scalars(query.order_by(Conversation.last_message_at).limit(limit - len(found)))
        if len(found) == limit:
            break
    return found


async def forget(tx: Tx, conversation_ids: Sequence[str], now: datetime) -> int:
    """Delete those of them that still are over, and visitors of whom nothing is left; how many conversations."""
    sites = await sites_that_forget(tx)
    over = select(Conversation.id, Conversation.visitor_id).where(
        Conversation.id.in_(conversation_ids), or_(false(), *(_over(*site, now) for site in sites))
    )
    # Locked in one order: whoever writes to one of them now is either before us, and keeps it, or finds nothing.
    found = (await tx.execute(over.order_by(Conversation.id).with_for_update())).all()
    ids = [row.id for row in found]
    loose = update(Attachment).where(Attachment.conversation_id.in_(ids))
    await tx.execute(loose.values(conversation_id=None, message_id=None))
    await tx.execute(delete(Conversation).where(Conversation.id.in_(ids)))
    await _forget_visitors(tx, {row.visitor_id for row in found}, sites, now)
    return len(ids)


def _over(site_id: str, days: int, now: datetime) -> ColumnElement[bool]:
    unclosed = select(Ticket.id).where(Ticket.conversation_id == Conversation.id, Ticket.status.in_(ACTIVE))
    return and_(
        Conversation.site_id == site_id,
        Conversation.last_message_at < now - timedelta(days=days),
        Conversation.holder.in_(("assistant", "closed")),
        ~unclosed.exists(),
    )


async def _forget_visitors(
    tx: Tx, visitor_ids: set[str], sites: Sequence[tuple[str, int]], now: datetime
) -> None:
    """Whoever has no conversation left and has not come back since. A person's further browsers go first."""
    gone = or_(
        false(),
        *(
            and_(Visitor.site_id == site_id, Visitor.last_seen_at < now - timedelta(days=days))
            for site_id, days in sites
        ),
    )
    talks = select(Conversation.id).where(Conversation.visitor_id == Visitor.id).exists()
    await tx.execute(delete(Visitor).where(Visitor.person_id.in_(visitor_ids), gone, ~talks))
    other = aliased(Visitor)
    browsers = select(other.id).where(other.person_id == Visitor.id).exists()
    await tx.execute(delete(Visitor).where(Visitor.id.in_(visitor_ids), gone, ~talks, ~browsers))
