"""Links that make people agents: for one address, seven days, once."""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, String, cast, func, select, update
from sqlalchemy.exc import IntegrityError

from minidesk.accounts.agents import Agents, AgentView, ProvedAgent, check_email, proved
from minidesk.accounts.audit import Actor, record
from minidesk.accounts.memberships import ROLES, Role, access_site, grant
from minidesk.accounts.sessions import TOKEN_BYTES, Sessions, hash_token
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Invitation, Membership, Site, Team, TeamMember, new_id
from minidesk.errors import Conflict, Invalid, NotAllowed, NotFound

LIVES = timedelta(days=7)
OPEN_OF_A_SITE = 100  # that wait: more is a mistake, or somebody who sends mail with us

OVER = "This invitation was used, taken back or is older than seven days. Ask for a new one."


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """One that was just made. `token` goes into the link and is stored nowhere."""

    id: str
    token: str


@dataclass(frozen=True, slots=True)
class InvitationView:
    """One that waits, as administrators see it."""

    id: str
    email: str
    role: Role
    invited_by: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invited:
    """What the person with the link sees. `known`: there is an account with this address, so its password is asked for."""

    email: str
    role: Role
    sites: tuple[str, ...]  # names
    invited_by: str
    known: bool


class Invitations:
    """Makes them and takes them in."""

    def __init__(
        self, db: Database, agents: Agents, sessions: Sessions, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._agents = agents
        self._sessions = sessions
        self._clock = clock

    async def make(
        self,
        tx: Tx,
        actor: Actor,
        *,
        site_id: str,
        email: str,
        role: str,
        sites: Collection[str],
        teams: Collection[str] = (),
    ) -> NewInvitation:
        """A new one, from an administrator of every one of `sites`; an older one for the same address ends.

        Raises `Invalid`, `NotFound` or `NotAllowed` for a site that is not theirs, `Conflict` for who is there already.
        """
        address, wanted, now = check_email(email), _role(role), self._clock()
        chosen = sorted({*sites, site_id})
        for one in chosen:
            await access_site(tx, actor.id, one, "admin")
        await _check_teams(tx, chosen, teams)
        await _check_not_there(tx, site_id, address)
        waiting = await tx.scalar(select(func.count()).select_from(Invitation).where(*_waiting(site_id, now)))
        if (waiting or 0) >= OPEN_OF_A_SITE:
            raise Conflict(
                f"{OPEN_OF_A_SITE} invitations wait already. Take back those that nobody will use.",
                code="too_many_invitations",
            )
        await tx.execute(
            update(Invitation)
            .where(*_waiting(site_id, now), Invitation.email == address)
            .values(revoked_at=now)
        )
        made = NewInvitation(new_id("inv"), secrets.token_urlsafe(TOKEN_BYTES))
        tx.add(
            Invitation(
                id=made.id, site_id=site_id, token_hash=hash_token(made.token), email=address, role=wanted,
                sites=chosen, teams=sorted(set(teams)), invited_by=actor.id, created_at=now,
                expires_at=now + LIVES, used_at=None, revoked_at=None,
            )
        )  # fmt: skip
        for one in chosen:
            await record(
                tx, now, actor, "people.invited", site_id=one, target_id=made.id, target_name=address,
                changes={"role": (None, wanted)},
            )  # fmt: skip
        return made

    async def list_(self, tx: Tx, site_id: str) -> list[InvitationView]:
        """Those that wait and open the site, from whichever site they were sent; the newest first."""
        rows = await tx.execute(
            select(Invitation, Agent.name)
            .outerjoin(Agent, Agent.id == Invitation.invited_by)
            .where(*_waiting_for(site_id, self._clock()))
            .order_by(Invitation.created_at.desc(), Invitation.id.desc())
        )
        return [
            InvitationView(row.id, row.email, _role(row.role), name or "", row.expires_at)
            for row, name in rows
        ]

    async def revoke(self, tx: Tx, actor: Actor, site_id: str, invitation_id: str) -> None:
        """Take one back, in all of its sites. Raises `NotFound` for one that does not open this site, or is over."""
        if "\0" in invitation_id:  # PostgreSQL refuses to look for it
            raise NotFound
        now = self._clock()
        row = await tx.scalar(
            select(Invitation)
            .where(*_waiting_for(site_id, now), Invitation.id == invitation_id)
            .with_for_update()
        )
        if row is None:
            raise NotFound
        row.revoked_at = now
        for one in await _sites_of(tx, row):
            await record(
                tx, now, actor, "people.invitation_revoked", site_id=one, target_id=row.id,
                target_name=row.email,
            )  # fmt: skip

    async def look(self, tx: Tx, token: str) -> Invited:
        """What the link is good for. Raises `NotFound` where it is over."""
        row = await self._find(tx, token)
        inviter = await tx.get(Agent, row.invited_by) if row.invited_by else None
        names = await tx.scalars(
            select(Site.name).where(Site.id.in_(map(str, row.sites))).order_by(Site.name)
        )
        known = await tx.scalar(select(Agent.id).where(Agent.email == row.email))
        return Invited(
            row.email, _role(row.role), tuple(names), inviter.name if inviter else "", known is not None
        )

    async def accept(self, token: str, *, name: str, password: str, address: str = "") -> ProvedAgent:
        """Make the agent, or let the one with this address in; the link is over.

        For an account that is there, `password` must be its own: who finds the link must not get another's rights.
        Raises `NotFound`, `Invalid`, or `NotAuthenticated` for a wrong password.
        """
        async with self._db.read() as tx:
            email = (await self._find(tx, token)).email
            known = await tx.scalar(select(Agent.id).where(Agent.email == email)) is not None
        if known:
            agent, row = await self._agents.authenticate(email, password), None
        else:
            row = await self._agents.prepare(email=email, name=name, password=password, operator=False)
            agent = proved(row)
        try:
            async with self._db.write() as tx:
                invitation = await self._find(tx, token, lock=True)
                invitation.used_at = self._clock()
                if row is None:
                    await self._agents.check_still(tx, agent)
                else:
                    tx.add(row)
                    await tx.flush()
                await self._let_in(tx, invitation, agent, address)
        except IntegrityError as error:
            raise Conflict(
                "Somebody made an account with this address in the meantime. Open the link again.",
                code="email_taken",
            ) from error
        return agent

    async def waits_for(self, tx: Tx, email: str) -> bool:
        """Whether an invitation for this address is good for something now."""
        return bool(await self._all_for(tx, email))

    async def accept_all(self, tx: Tx, agent: AgentView, address: str = "") -> bool:
        """Let an agent in wherever their address is invited; True if it was anywhere. The links are over.

        Only for who has proved that the address is theirs in another way than by the link, such as a sign-in service.
        """
        found = await self._all_for(tx, agent.email, lock=True)
        for invitation in found:
            invitation.used_at = self._clock()
            await self._let_in(tx, invitation, agent, address)
        return bool(found)

    async def _all_for(self, tx: Tx, email: str, *, lock: bool = False) -> list[Invitation]:
        """The oldest first."""
        query = select(Invitation).where(Invitation.email == email, *_waits(self._clock()))
        query = query.order_by(Invitation.created_at, Invitation.id)
        rows = (await tx.scalars(query.with_for_update() if lock else query)).all()
        return [row for row in rows if await _may_still_invite(tx, row)]

    async def _let_in(self, tx: Tx, invitation: Invitation, agent: AgentView, address: str) -> None:
        """Roles and teams, where they still are; nobody's higher role becomes a lower one."""
        wanted = _role(invitation.role)
        actor = Actor("agent", agent.id, agent.name, address)
        sites = await _sites_of(tx, invitation)
        for site_id in sites:
            held = await tx.scalar(
                select(Membership.role).where(Membership.agent_id == agent.id, Membership.site_id == site_id)
            )
            if held is None or ROLES.index(_role(held)) < ROLES.index(wanted):
                await grant(tx, self._sessions, agent_id=agent.id, site_id=site_id, role=wanted)
            await record(
                tx, self._clock(), actor, "people.joined", site_id=site_id, target_id=agent.id,
                target_name=agent.name, changes={"role": (held, wanted)},
            )  # fmt: skip
        member_of = set(await tx.scalars(select(TeamMember.team_id).where(TeamMember.agent_id == agent.id)))
        teams = await tx.scalars(
            select(Team.id).where(Team.id.in_(map(str, invitation.teams)), Team.site_id.in_(sites))
        )
        tx.add_all(
            TeamMember(id=new_id("tmm"), team_id=team_id, agent_id=agent.id)
            for team_id in teams
            if team_id not in member_of
        )

    async def _find(self, tx: Tx, token: str, *, lock: bool = False) -> Invitation:
        query = select(Invitation).where(
            Invitation.token_hash == hash_token(token),
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
            Invitation.expires_at > self._clock(),
        )
        row = await tx.scalar(query.with_for_update() if lock else query)
        if row is None or not await _may_still_invite(tx, row):
            raise NotFound(OVER, code="invitation_over")
        return row


def _waiting(site_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Invitation.site_id == site_id, *_waits(now)


def _waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Invitation.used_at.is_(None),
        Invitation.revoked_at.is_(None),
        Invitation.expires_at > now,
    )


def _waiting_for(site_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """As `_waiting`, wherever it was sent from: a site sees whoever could come in."""
    opens = cast(Invitation.sites, String).contains(f'"{site_id}"', autoescape=True)
    return opens, *_waits(now)


async def _sites_of(tx: Tx, invitation: Invitation) -> list[str]:
    """Those that it opens and that are still there."""
    wanted = map(str, invitation.sites)
    return list(await tx.scalars(select(Site.id).where(Site.id.in_(wanted)).order_by(Site.id)))


async def _may_still_invite(tx: Tx, invitation: Invitation) -> bool:
    """Whether who made it still administers every site that it opens (T9): a link gives no right that its maker lost."""
    sites = await _sites_of(tx, invitation)
    try:
        for site_id in sites:
            await access_site(tx, invitation.invited_by or "", site_id, "admin")
    except (NotFound, NotAllowed):
        return False
    return bool(sites)


def _role(raw: str) -> Role:
    found = next((known for known in ROLES if known == raw), None)
    if found is None:
        raise Invalid("Choose one of the offered roles.", code="role_invalid")
    return found


async def _check_teams(tx: Tx, sites: Collection[str], teams: Collection[str]) -> None:
    if any("\0" in team for team in teams):  # PostgreSQL refuses to look for it
        raise NotFound
    known = set(await tx.scalars(select(Team.id).where(Team.site_id.in_(sites), Team.id.in_(teams))))
    if known != set(teams):
        raise Invalid(
            "A team you chose is not there any more. Reload the page and choose again.", code="team_unknown"
        )


async def _check_not_there(tx: Tx, site_id: str, email: str) -> None:
    there = await tx.scalar(
        select(Membership.id)
        .join(Agent, Agent.id == Membership.agent_id)
        .where(Agent.email == email, Membership.site_id == site_id)
    )
    if there is not None:
        raise Conflict("This person works in the site already.", code="already_there")
