"""What every write to a ticket starts with: its row behind the conversation's lock, and who may do it."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from minidesk.accounts import access_site
from minidesk.conversations import lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Site, Team, Ticket, TicketPass
from minidesk.errors import Invalid, NotFound
from minidesk.tickets.entities import MAX_ENTITIES
from minidesk.tickets.records import Entity, Status

ACTIVE: tuple[Status, ...] = ("open", "pending")
# A handoff this soon after the last ticket was solved is about the same matter: the same ticket, number and team.
SAME_MATTER = timedelta(days=7)


async def active_ticket(tx: Tx, conversation_id: str, *, lock: bool = False) -> Ticket | None:
    """The conversation's ticket that is open or pending; there is at most one."""
    query = select(Ticket).where(Ticket.conversation_id == conversation_id, Ticket.status.in_(ACTIVE))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await tx.scalar(query.order_by(Ticket.number.desc()).limit(1))


async def solved_ticket(tx: Tx, conversation_id: str, now: datetime) -> Ticket | None:
    """The conversation's latest ticket, if it was solved so lately that a new handoff is about the same matter."""
    query = select(Ticket).where(Ticket.conversation_id == conversation_id).order_by(Ticket.number.desc())
    latest = await tx.scalar(query.limit(1))
    if latest is None or latest.status != "solved" or latest.solved_at is None:
        return None
    return latest if latest.solved_at >= now - SAME_MATTER else None


def joined(kept: list[Any], found: tuple[Entity, ...]) -> list[Any]:
    """Stored facts and new ones, each once."""
    known = {(e["kind"], (e["normal"] or e["text"]).lower()) for e in kept}
    new = [asdict(e) for e in found if (e.kind, (e.normal or e.text).lower()) not in known]
    return [*kept, *new][:MAX_ENTITIES]


async def lock_ticket(tx: Tx, ticket_id: str) -> Ticket:
    """The ticket's row, behind its conversation's lock: every writer takes the two in this order, so none waits in a ring."""
    conversation_id = await tx.scalar(select(Ticket.conversation_id).where(Ticket.id == ticket_id))
    if conversation_id is None:
        raise NotFound
    await lock_conversation(tx, conversation_id)
    return await tx.get_one(Ticket, ticket_id, with_for_update=True, populate_existing=True)


def in_sight(ticket: Ticket, now: datetime) -> None:
    """Open, and put off no more. Whom it was given to has the time to come that they had then."""
    ticket.status, ticket.snoozed_until = "open", None
    if ticket.given_at is not None:
        ticket.given_at = now


async def is_given_out(tx: Tx, team_id: str | None) -> bool:
    """Whether the desk itself chooses who gets the tickets of this team."""
    return team_id is not None and await tx.scalar(select(Team.giving).where(Team.id == team_id)) == "given"


async def forget_giving(tx: Tx, ticket: Ticket) -> None:
    """Whom the desk gave the locked ticket to, and who did not come, counts no more: it is somebody's by hand, or waits anew."""
    ticket.given_at = ticket.given_why = ticket.had_by = None
    await tx.execute(delete(TicketPass).where(TicketPass.ticket_id == ticket.id))


async def lock_site(tx: Tx, site_id: str) -> None:
    """One change of a site's rules or policies at a time: two editors must not pass a limit, or take one place, together."""
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))


async def works_here(tx: Tx, site_id: str, agent_id: str) -> bool:
    """Whether the agent works in the site."""
    try:
        await access_site(tx, agent_id, site_id)
    except NotFound:
        return False
    return True


async def check_works_here(tx: Tx, site_id: str, agent_id: str) -> None:
    """Raises Invalid unless the agent works in the site."""
    if not await works_here(tx, site_id, agent_id):
        raise Invalid(
            "This agent does not work in this site. Choose one from the list.", code="invalid_agent"
        )
