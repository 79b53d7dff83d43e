"""Saved replies: texts that agents insert, with variables that are filled before anybody sends them; and macros.

A reply is the whole site's, or belongs to the agent who made it. What a variable stands for may be missing, such as
the name of a visitor who gave none: it then stays in the text as it is written, the agent is told, and
`check_filled` keeps it from the visitor.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select

from minidesk.accounts import access_site
from minidesk.conversations.queries import first_name
from minidesk.db import Tx
from minidesk.db.models import Agent, CannedReply, Conversation, Site, Ticket, Visitor, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.text.normalise import check_text
from minidesk.tickets.canned_fill import BRACES, VARIABLES, Filled, Variable, fill, named_in
from minidesk.tickets.macros import NOTHING, Does, as_json, check_does, does_of

NAME_CHARS = 60  # the column's
# All texts that an agent may use go to the page in one answer: 200 of these are 400 KB at the very most.
TEXT_CHARS = 2_000
CANNED_MAX = 200  # of a site, with those of all its agents


@dataclass(frozen=True, slots=True)
class CannedView:
    """A saved reply; a macro where it also does something. `own`: only the agent who made it sees it."""

    id: str
    name: str
    text: str
    own: bool
    updated_at: datetime
    does: Does = NOTHING


@dataclass(frozen=True, slots=True)
class CannedChoice:
    """A saved reply as it would go into one conversation."""

    id: str
    name: str
    filled: Filled
    does: Does = NOTHING


def check_canned(name: str, text: str, *, may_be_empty: bool = False) -> tuple[str, str]:
    """Name and text as they are stored. Raises Invalid, also for a variable that does not exist."""
    label = " ".join(check_text(name, NAME_CHARS * 4).split())
    if not 0 < len(label) <= NAME_CHARS:
        raise Invalid(f"Give the reply a name of 1 to {NAME_CHARS} characters.", code="canned_name_invalid")
    body = check_text(text, TEXT_CHARS * 10)
    if not (0 < len(body) <= TEXT_CHARS or (may_be_empty and not body)):
        raise Invalid(f"Write a text of 1 to {TEXT_CHARS} characters.", code="canned_text_invalid")
    known = ", ".join(f"{{{{{each}}}}}" for each in VARIABLES)
    unknown = next((each for each in named_in(body) if each not in VARIABLES), None)
    if unknown is not None:
        raise Invalid(
            f"There is no variable {{{{{unknown[:60]}}}}}. Use one of {known}.", code="unknown_variable"
        )
    rest = BRACES.sub("", body)
    if "{{" in rest or "}}" in rest:
        raise Invalid(f"A variable is not closed. Write it as one of {known}.", code="unknown_variable")
    return label, body


async def list_canned(tx: Tx, site_id: str, agent_id: str) -> list[CannedView]:
    """The site's replies and this agent's own, by name; the caller has checked that the agent works there."""
    query = select(CannedReply).where(*_seen_by(site_id, agent_id))
    rows = await tx.scalars(query.order_by(func.lower(CannedReply.name), CannedReply.id))
    return [
        CannedView(r.id, r.name, r.text, r.owner_id is not None, r.updated_at, does_of(r.does)) for r in rows
    ]


async def canned_for(tx: Tx, conversation: Conversation, agent_id: str) -> list[CannedChoice]:
    """What this agent may insert in a conversation that they may see, filled for it."""
    found = await list_canned(tx, conversation.site_id, agent_id)
    values = await _values(tx, conversation, agent_id) if found else {}
    return [CannedChoice(each.id, each.name, fill(each.text, values), each.does) for each in found]


async def create_canned(
    tx: Tx,
    site_id: str,
    agent_id: str,
    *,
    name: str,
    text: str,
    own: bool,
    now: datetime,
    does: Does = NOTHING,
) -> str:
    """A new reply by an editor; gives its id. Raises NotFound, NotAllowed, Invalid, and Conflict for a taken name."""
    await _lock_site(tx, site_id, agent_id)
    does = await check_does(tx, site_id, does)
    label, body = check_canned(name, text, may_be_empty=does != NOTHING)
    count = await tx.scalar(
        select(func.count()).select_from(CannedReply).where(CannedReply.site_id == site_id)
    )
    if (count or 0) >= CANNED_MAX:
        raise Invalid(
            f"A site can have up to {CANNED_MAX} saved replies. Delete one first.", code="too_many_canned"
        )
    owner_id = agent_id if own else None
    await _check_free(tx, site_id, owner_id, label, "")
    row = CannedReply(
        id=new_id("can"), site_id=site_id, owner_id=owner_id, name=label, text=body, does=as_json(does),
        created_at=now, updated_at=now,
    )  # fmt: skip
    tx.add(row)
    await tx.flush()
    return row.id


async def change_canned(
    tx: Tx,
    site_id: str,
    agent_id: str,
    canned_id: str,
    *,
    name: str,
    text: str,
    own: bool,
    now: datetime,
    does: Does = NOTHING,
) -> None:
    """Rewrite a reply of the site or of this editor. Raises as `create_canned`, NotFound for another agent's own."""
    await _lock_site(tx, site_id, agent_id)
    row = await _lock(tx, site_id, agent_id, canned_id)
    does = await check_does(tx, site_id, does)
    label, body = check_canned(name, text, may_be_empty=does != NOTHING)
    owner_id = agent_id if own else None
    await _check_free(tx, site_id, owner_id, label, row.id)
    row.name, row.text, row.owner_id, row.updated_at = label, body, owner_id, now
    row.does = as_json(does)


async def delete_canned(tx: Tx, site_id: str, agent_id: str, canned_id: str) -> None:
    """Remove a reply of the site or of this editor. Raises NotFound and NotAllowed."""
    await _lock_site(tx, site_id, agent_id)
    row = await _lock(tx, site_id, agent_id, canned_id)
    await tx.execute(delete(CannedReply).where(CannedReply.id == row.id))


def _seen_by(site_id: str, agent_id: str) -> tuple[ColumnElement[bool], ...]:
    mine = or_(CannedReply.owner_id.is_(None), CannedReply.owner_id == agent_id)
    return CannedReply.site_id == site_id, mine


async def _values(tx: Tx, conversation: Conversation, agent_id: str) -> dict[Variable, str | None]:
    number = await tx.scalar(select(func.max(Ticket.number)).where(Ticket.conversation_id == conversation.id))
    agent = await tx.scalar(select(Agent.name).where(Agent.id == agent_id))
    return {
        "visitor.name": await tx.scalar(select(Visitor.name).where(Visitor.id == conversation.visitor_id)),
        "agent.name": first_name(agent),  # visitors see no more of it elsewhere
        "ticket.number": None if number is None else str(number),
        "site.name": await tx.scalar(select(Site.name).where(Site.id == conversation.site_id)),
    }


async def _lock_site(tx: Tx, site_id: str, agent_id: str) -> None:
    """One change at a time: two editors must not pass the limit, or take one name, together."""
    await access_site(tx, agent_id, site_id, "editor")
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))


async def _lock(tx: Tx, site_id: str, agent_id: str, canned_id: str) -> CannedReply:
    if "\0" in canned_id:  # PostgreSQL refuses to look for it
        raise NotFound
    query = select(CannedReply).where(CannedReply.id == canned_id, *_seen_by(site_id, agent_id))
    row = await tx.scalar(query.with_for_update())
    if row is None:
        raise NotFound
    return row


async def _check_free(tx: Tx, site_id: str, owner_id: str | None, name: str, but: str) -> None:
    """A site has each name once, and so has an agent: the list in the composer tells them apart by nothing else."""
    owner = CannedReply.owner_id.is_(None) if owner_id is None else CannedReply.owner_id == owner_id
    names = await tx.scalars(
        select(CannedReply.name).where(CannedReply.site_id == site_id, owner, CannedReply.id != but)
    )
    if name.casefold() in {each.casefold() for each in names}:
        raise Conflict(
            f"There is a saved reply “{name}” already. Choose another name.", code="canned_name_taken"
        )
