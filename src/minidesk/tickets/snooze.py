"""Tickets that come back: out of sight until a time or until the visitor writes, or looked at again on a day."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, get_args

from sqlalchemy import or_, select

from minidesk.accounts import access_site
from minidesk.db import Tx
from minidesk.db.models import Ticket
from minidesk.errors import Invalid
from minidesk.sites import SiteConfig
from minidesk.tickets.actions import Tickets
from minidesk.tickets.rows import ACTIVE, in_sight, lock_ticket

Choice = Literal["later", "tomorrow", "monday", "day"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
LATER = timedelta(hours=3)  # after lunch, or before the day ends
MORNING = time(9)  # when people look at what the day brings
FARTHEST = timedelta(days=366)


def time_of(choice: str, day: str, config: SiteConfig, now: datetime) -> datetime:
    """When a ticket comes back, in UTC: mornings and days are the site's. Raises Invalid."""
    zone = config.hours.zone if config.hours else UTC
    today = now.astimezone(zone).date()
    if choice == "later":
        return now + LATER
    if choice == "tomorrow":
        wanted = today + timedelta(days=1)
    elif choice == "monday":
        wanted = today + timedelta(days=7 - today.weekday())
    elif choice == "day":
        wanted = _day(day)
    else:
        raise Invalid("Choose when it comes back.", code="time_invalid")
    at = datetime.combine(wanted, MORNING, zone).astimezone(UTC)
    if not now < at <= now + FARTHEST:
        raise Invalid("Choose a day after today, within a year.", code="time_invalid")
    return at


async def snooze(tx: Tx, tickets: Tickets, ticket_id: str, agent_id: str, until: datetime) -> Ticket:
    """Put an active ticket out of sight until then, or until its visitor writes. Raises NotFound and Conflict."""
    ticket = await tickets.active(tx, ticket_id)
    await access_site(tx, agent_id, ticket.site_id)
    ticket.snoozed_until, ticket.back_at = until, None
    await tickets.changed(tx, ticket)
    return ticket


async def wake(tx: Tx, tickets: Tickets, ticket_id: str, agent_id: str) -> Ticket:
    """Bring a ticket back now. One that is in sight is left as it is. Raises NotFound."""
    ticket = await lock_ticket(tx, ticket_id)
    await access_site(tx, agent_id, ticket.site_id)
    if ticket.snoozed_until is not None:
        ticket.snoozed_until = None
        if ticket.given_at is not None:
            ticket.given_at = tickets.now()
        await tickets.changed(tx, ticket)
    return ticket


async def follow_up(tx: Tx, tickets: Tickets, ticket_id: str, agent_id: str, at: datetime | None) -> Ticket:
    """Have an active ticket marked then, or, with None, not. It stays where it is until then. Raises NotFound and Conflict."""
    ticket = await tickets.active(tx, ticket_id)
    await access_site(tx, agent_id, ticket.site_id)
    if ticket.follow_up_at != at:
        ticket.follow_up_at = at
        await tickets.changed(tx, ticket)
    return ticket


async def bring_back(tx: Tx, tickets: Tickets, ticket_id: str, now: datetime) -> bool:
    """A ticket whose time has come is in sight, open and marked; False where somebody changed that meanwhile."""
    ticket = await lock_ticket(tx, ticket_id)
    due = [at for at in (ticket.snoozed_until, ticket.follow_up_at) if at is not None and at <= now]
    if not due:
        return False
    if ticket.snoozed_until in due:
        ticket.snoozed_until = None
    if ticket.follow_up_at in due:
        ticket.follow_up_at = ticket.snoozed_until = None
    if ticket.status in ACTIVE:
        in_sight(ticket, now)
        ticket.back_at = now
    await tickets.changed(tx, ticket)
    return True


async def due_back(tx: Tx, now: datetime, limit: int) -> list[str]:
    """Tickets whose time has come, the earliest first."""
    due = or_(Ticket.snoozed_until <= now, Ticket.follow_up_at <= now)
    query = select(Ticket.id).where(due).order_by(Ticket.snoozed_until, Ticket.id)
    return list(await tx.scalars(query.limit(limit)))


def _day(raw: str) -> date:
    try:
        return date.fromisoformat(raw.strip())
    except ValueError:
        raise Invalid("Choose a day, such as 2026-03-31.", code="time_invalid") from None
