"""What an agent may do in a site. The only way from an agent and a site's id to the site."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, select, update

from minidesk.accounts.second_factor import end_without_factor
from minidesk.accounts.sessions import Sessions
from minidesk.db import Tx
from minidesk.db.models import Agent, Invitation, Membership, Site, new_id
from minidesk.errors import NotAllowed, NotFound

Role = Literal["agent", "editor", "admin"]
ROLES: tuple[Role, ...] = ("agent", "editor", "admin")  # each may do what those before it may


@dataclass(frozen=True, slots=True)
class SiteAccess:
    """A site that this agent may see, and as what."""

    site_id: str
    name: str
    key: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the role held includes `role`."""
        return ROLES.index(self.role) >= ROLES.index(role)


async def access_site(tx: Tx, agent_id: str, site_id: str, role: Role = "agent") -> SiteAccess:
    """The site, if this agent works in it as `role` or more. An operator is `admin` everywhere.

    Raises `NotFound` where the agent has no membership (the same as for a site that is not there, T12) and
    `NotAllowed` where the role is too low.
    """
    for access in await list_sites(tx, agent_id, site_id=site_id):
        if not access.may(role):
            raise NotAllowed
        return access
    raise NotFound


async def list_sites(tx: Tx, agent_id: str, *, site_id: str | None = None) -> list[SiteAccess]:
    """The sites that an agent may see, by name; a suspended agent sees none."""
    query = (
        select(Site.id, Site.name, Site.key, Agent.operator, Membership.role)
        .select_from(Agent)
        .join(Site, Agent.id == agent_id)
        .outerjoin(Membership, (Membership.agent_id == Agent.id) & (Membership.site_id == Site.id))
        .where(Agent.disabled_at.is_(None), Agent.operator.is_(True) | Membership.role.is_not(None))
        .order_by(Site.name, Site.id)
    )
    if site_id is not None:
        query = query.where(Site.id == site_id)
    rows = await tx.execute(query)
    return [
        SiteAccess(id, name, key, "admin" if operator else ROLES[ROLES.index(role)])
        for id, name, key, operator, role in rows
    ]


async def grant(tx: Tx, sessions: Sessions, *, agent_id: str, site_id: str, role: Role) -> None:
    """Give an agent a role in a site. Where another role is replaced, the agent's sessions end (T9). Raises `NotFound`.

    They end too where the site asks for a second factor that the agent does not have.
    """
    if await tx.get(Agent, agent_id) is None or await tx.get(Site, site_id) is None:
        raise NotFound
    row = await tx.scalar(
        select(Membership)
        .where(Membership.agent_id == agent_id, Membership.site_id == site_id)
        .with_for_update()
    )
    if row is None:
        tx.add(Membership(id=new_id("mem"), agent_id=agent_id, site_id=site_id, role=role))
        await end_without_factor(tx, agent_id, site_id)
    elif row.role != role:
        row.role = role
        await sessions.close_all_for(tx, agent_id)
        await _end_invitations(tx, sessions, agent_id, site_id)


async def revoke(tx: Tx, sessions: Sessions, *, agent_id: str, site_id: str) -> None:
    """Take an agent's role in a site away and end their sessions. Raises `NotFound`."""
    gone = await tx.execute(
        delete(Membership)
        .where(Membership.agent_id == agent_id, Membership.site_id == site_id)
        .returning(Membership.id)
    )
    if gone.one_or_none() is None:
        raise NotFound
    await sessions.close_all_for(tx, agent_id)
    await _end_invitations(tx, sessions, agent_id, site_id)


async def _end_invitations(tx: Tx, sessions: Sessions, agent_id: str, site_id: str) -> None:
    """Take back what somebody promised in a site that they administer no more: it must not come true if they return."""
    if any(site.may("admin") for site in await list_sites(tx, agent_id, site_id=site_id)):
        return
    waits = Invitation.used_at.is_(None), Invitation.revoked_at.is_(None)
    made = await tx.execute(
        select(Invitation.id, Invitation.sites).where(Invitation.invited_by == agent_id, *waits)
    )
    over = [id for id, sites in made if site_id in sites]
    await tx.execute(
        update(Invitation).where(Invitation.id.in_(over), *waits).values(revoked_at=sessions.now())
    )
