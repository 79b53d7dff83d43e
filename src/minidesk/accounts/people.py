"""Who works in a site, and as what. A site never loses its last administrator, nor a customer the person who answers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update

from minidesk.accounts.audit import Actor, record
from minidesk.accounts.memberships import ROLES, Role, grant, revoke
from minidesk.accounts.sessions import Sessions
from minidesk.db import Tx
from minidesk.db.models import Agent, Conversation, Membership, Site, Team, TeamMember, Ticket
from minidesk.errors import Conflict, Invalid, NotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a site. `role` is None for an operator who has none of their own here."""

    id: str
    name: str
    email: str
    role: Role | None
    operator: bool


async def list_people(tx: Tx, site_id: str) -> list[Person]:
    """Everybody with a role in the site, and the operators; without those who are suspended."""
    rows = await tx.execute(
        select(Agent.id, Agent.name, Agent.email, Membership.role, Agent.operator)
        .outerjoin(Membership, (Membership.agent_id == Agent.id) & (Membership.site_id == site_id))
        .where(Agent.disabled_at.is_(None), or_(Membership.id.is_not(None), Agent.operator.is_(True)))
        .order_by(Agent.name, Agent.id)
    )
    return [
        Person(id, name, email, next((known for known in ROLES if known == role), None), operator)
        for id, name, email, role, operator in rows
    ]


async def list_suspended(tx: Tx, site_id: str) -> list[Person]:
    """Who had a role in the site when they were suspended, and still has it should they be let in again."""
    rows = await tx.execute(
        select(Agent.id, Agent.name, Agent.email, Membership.role, Agent.operator)
        .join(Membership, (Membership.agent_id == Agent.id) & (Membership.site_id == site_id))
        .where(Agent.disabled_at.is_not(None))
        .order_by(Agent.name, Agent.id)
    )
    return [
        Person(id, name, email, next((known for known in ROLES if known == role), None), operator)
        for id, name, email, role, operator in rows
    ]


async def change_role(
    tx: Tx, sessions: Sessions, now: datetime, actor: Actor, site_id: str, agent_id: str, role: str
) -> None:
    """Give a person of the site another role; their sessions end. Raises `NotFound`, `Invalid` or `Conflict`."""
    held, name = await _lock(tx, site_id, agent_id)
    wanted = next((known for known in ROLES if known == role), None)
    if wanted is None:
        raise Invalid("Choose one of the offered roles.", code="role_invalid")
    if held == "admin" and wanted != "admin":
        await _check_another_admin(tx, site_id, agent_id)
    await grant(tx, sessions, agent_id=agent_id, site_id=site_id, role=wanted)
    if held != wanted:
        await record(
            tx, now, actor, "people.role_changed", site_id=site_id, target_id=agent_id, target_name=name,
            changes={"role": (held, wanted)},
        )  # fmt: skip


async def remove_person(
    tx: Tx, sessions: Sessions, now: datetime, actor: Actor, site_id: str, agent_id: str
) -> None:
    """Take a person out of the site and its teams; their sessions end, and tickets that wait for them are anybody's.

    Raises `NotFound` or `Conflict`.
    """
    await _unassign(tx, site_id, agent_id)
    held_role, name = await _lock(tx, site_id, agent_id)
    if held_role == "admin":
        await _check_another_admin(tx, site_id, agent_id)
    held = await tx.scalar(
        select(func.count())
        .select_from(Conversation)
        .where(
            Conversation.site_id == site_id,
            Conversation.holder == "agent",
            Conversation.holder_agent_id == agent_id,
        )
    )
    if held:
        # Nobody else could see that these wait for somebody who does not come back.
        raise Conflict(
            "This person still has conversations. Let them hand them back or solve them first.",
            code="has_conversations",
        )
    teams = select(Team.id).where(Team.site_id == site_id)
    await tx.execute(delete(TeamMember).where(TeamMember.agent_id == agent_id, TeamMember.team_id.in_(teams)))
    await revoke(tx, sessions, agent_id=agent_id, site_id=site_id)
    await record(
        tx, now, actor, "people.removed", site_id=site_id, target_id=agent_id, target_name=name,
        changes={"role": (held_role, None)},
    )  # fmt: skip


async def check_may_manage(tx: Tx, admin_id: str, site_id: str, agent_id: str) -> Agent:
    """A person of the site, whose account this administrator may open: new password, second factor, sessions.

    Raises `NotFound` for who is not in the site, and `NotAllowed` for an operator and for who also works where the
    administrator is none: a new password would open those sites too.
    """
    if "\0" in agent_id:  # PostgreSQL refuses to look for it
        raise NotFound
    agent = await tx.scalar(
        select(Agent)
        .outerjoin(Membership, (Membership.agent_id == Agent.id) & (Membership.site_id == site_id))
        .where(Agent.id == agent_id, or_(Membership.id.is_not(None), Agent.operator.is_(True)))
    )
    if agent is None:
        raise NotFound
    admin = await tx.get_one(Agent, admin_id)
    if admin.operator:
        return agent
    theirs = select(Membership.site_id).where(Membership.agent_id == admin_id, Membership.role == "admin")
    elsewhere = await tx.scalar(
        select(Membership.id)
        .where(Membership.agent_id == agent_id, Membership.site_id.not_in(theirs))
        .limit(1)
    )
    if agent.operator or elsewhere is not None:
        raise NotAllowed(
            "This person also works where you are no administrator. Ask an operator.", code="not_theirs_alone"
        )
    return agent


async def _lock(tx: Tx, site_id: str, agent_id: str) -> tuple[str, str]:
    """The role held, and the name. Two administrators who take each other's role away at once do it one after the other."""
    if "\0" in agent_id:  # PostgreSQL refuses to look for it
        raise NotFound
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
    found = await tx.execute(
        select(Membership.role, Agent.name)
        .join(Agent, Agent.id == Membership.agent_id)
        .where(Membership.site_id == site_id, Membership.agent_id == agent_id)
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return row.role, row.name


async def _unassign(tx: Tx, site_id: str, agent_id: str) -> None:
    """Tickets that a rule or a colleague gave them, and that they have not taken: nobody else would look at them.

    Locked as whoever works on a ticket does, the conversation first, and before the site: no two wait in a ring.
    """
    if "\0" in agent_id:  # PostgreSQL refuses to look for it
        raise NotFound
    theirs = (
        Ticket.site_id == site_id,
        Ticket.assignee_id == agent_id,
        Ticket.status.in_(("open", "pending")),
    )
    talks = select(Conversation.id).where(Conversation.id.in_(select(Ticket.conversation_id).where(*theirs)))
    await tx.execute(talks.order_by(Conversation.id).with_for_update())
    await tx.execute(update(Ticket).where(*theirs).values(assignee_id=None))


async def _check_another_admin(tx: Tx, site_id: str, agent_id: str) -> None:
    other = await tx.scalar(
        select(Membership.id)
        .join(Agent, Agent.id == Membership.agent_id)
        .where(
            Membership.site_id == site_id,
            Membership.role == "admin",
            Membership.agent_id != agent_id,
            Agent.disabled_at.is_(None),
        )
        .limit(1)
    )
    if other is None:
        raise Conflict(
            "This is the site's last administrator. Make somebody else one first.", code="last_admin"
        )
