"""Macros: a saved reply that does more than say something. One press answers, tags, routes and moves the ticket."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import Message, Team
from minidesk.errors import Invalid
from minidesk.tickets.actions import Tickets
from minidesk.tickets.canned_fill import check_filled
from minidesk.tickets.records import PRIORITIES, Priority, Status
from minidesk.tickets.rows import lock_ticket
from minidesk.tickets.tags import TAGS_OF_TICKET, check_tag

# A macro that reopens would be pressed on what is open already; closing for good is no everyday matter.
MACRO_STATUSES: tuple[Status, ...] = ("pending", "solved")


@dataclass(frozen=True, slots=True)
class Does:
    """What a macro changes of the ticket; None and empty leave it."""

    tags: tuple[str, ...] = ()
    status: Status | None = None
    team_id: str | None = None
    priority: Priority | None = None


NOTHING = Does()


async def check_does(tx: Tx, site_id: str, does: Does) -> Does:
    """As it is stored. Raises Invalid."""
    tags = tuple({tag.casefold(): tag for tag in map(check_tag, does.tags)}.values())
    if len(tags) > TAGS_OF_TICKET:
        raise Invalid(f"A ticket has up to {TAGS_OF_TICKET} tags.", code="too_many_tags")
    if does.status is not None and does.status not in MACRO_STATUSES:
        raise Invalid("A macro can solve a ticket, or let it wait for the visitor.", code="macro_invalid")
    if does.priority is not None and does.priority not in PRIORITIES:
        raise Invalid("A priority is low, normal, high or urgent.", code="invalid_priority")
    if does.team_id is not None and not await _is_team(tx, site_id, does.team_id):
        raise Invalid("This site has no such team. Choose one from the list.", code="invalid_team")
    return Does(tags, does.status, does.team_id, does.priority)


def as_json(does: Does) -> dict[str, Any] | None:
    """As the column holds it."""
    return asdict(does) | {"tags": list(does.tags)} if does != NOTHING else None


def does_of(raw: Mapping[str, Any] | None) -> Does:
    """Of the column."""
    return Does(**{**raw, "tags": tuple(raw["tags"])}) if raw else NOTHING


async def run_macro(
    tx: Tx, tickets: Tickets, ticket_id: str, *, agent_id: str, text: str, does: Does, client_id: str
) -> None:
    """Answer, tag, route and move an active ticket, all in this transaction or nothing.

    A client id that was posted before changes nothing: a double press is one. Raises Invalid where a variable of
    the text has no value, and what each of the steps raises.
    """
    check_filled(text)
    # Behind the lock: the other press may be at it, and what it solves would be refused to this one.
    locked = await lock_ticket(tx, ticket_id)
    posted = select(Message.id).where(
        Message.conversation_id == locked.conversation_id,
        Message.author == "agent",
        Message.client_id == client_id,
    )
    if await tx.scalar(posted) is not None:
        return
    ticket = await tickets.active(tx, ticket_id)
    if does.team_id is not None and await _is_team(tx, ticket.site_id, does.team_id):
        await tickets.set_team(tx, ticket_id, does.team_id)
    if does.priority is not None:
        await tickets.set_priority(tx, ticket_id, does.priority)
    for tag in does.tags:
        await tickets.add_tag(tx, ticket_id, agent_id, tag)
    if text:
        await tickets.reply(tx, ticket_id, agent_id=agent_id, text=text, client_id=client_id)
    if does.status is not None:
        await tickets.set_status(tx, ticket_id, does.status)


async def _is_team(tx: Tx, site_id: str, team_id: str) -> bool:
    query = select(Team.id).where(Team.id == team_id, Team.site_id == site_id)
    return await tx.scalar(query) is not None
