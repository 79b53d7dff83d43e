"""Links to choose a new password: asked for by whoever forgot it, or made by an administrator. For an hour or a day, once."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from minidesk.accounts.agents import Agents, check_email
from minidesk.accounts.audit import Actor, record_of_agent
from minidesk.accounts.memberships import list_sites
from minidesk.accounts.people import check_may_manage
from minidesk.accounts.sessions import TOKEN_BYTES, Sessions, hash_token
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Membership, PasswordReset, new_id
from minidesk.errors import Invalid, NotAllowed, NotFound

LIVES = timedelta(hours=1)  # by mail it is there at once
LIVES_BY_HAND = timedelta(hours=24)  # an administrator passes it on

OVER = "This link was used or is too old. Ask for a new one."


@dataclass(frozen=True, slots=True)
class NewReset:
    """A link's token, with whom it is for. It is stored nowhere."""

    token: str
    email: str
    locale: str | None


class PasswordResets:
    """Makes them and takes them in."""

    def __init__(
        self, db: Database, agents: Agents, sessions: Sessions, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._agents = agents
        self._sessions = sessions
        self._clock = clock

    async def ask(self, email: str) -> NewReset | None:
        """One for whoever has this address; None where nobody has. Callers must let nobody tell which it was."""
        try:
            wanted = check_email(email)
        except Invalid:
            return None
        async with self._db.write() as tx:
            agent = await tx.scalar(select(Agent).where(Agent.email == wanted, Agent.disabled_at.is_(None)))
            if agent is None:
                return None
            token = await self._add(tx, agent.id, LIVES, None)
        return NewReset(token, agent.email, agent.locale)

    async def make(self, tx: Tx, actor: Actor, site_id: str, agent_id: str) -> NewReset:
        """One that an administrator passes on. Raises `NotFound`, or `NotAllowed` where the person is not theirs alone."""
        agent = await check_may_manage(tx, actor.id, site_id, agent_id)
        token = await self._add(tx, agent.id, LIVES_BY_HAND, actor.id)
        await record_of_agent(
            tx, self._clock(), actor, "people.reset_link_made", agent_id=agent.id, agent_name=agent.name
        )
        return NewReset(token, agent.email, agent.locale)

    async def look(self, tx: Tx, token: str) -> str:
        """Whose password it is for, as an address. Raises `NotFound` where it is over."""
        _, agent = await self._find(tx, token)
        return agent.email

    async def use(self, token: str, password: str, *, address: str = "") -> None:
        """Set the password and end every session; every link of this agent is over. Raises `NotFound` or `Invalid`."""
        async with self._db.read() as tx:
            await self._find(tx, token)  # nobody gets a hash for a link that is over
        hashed = await self._agents.hash_checked(password)
        async with self._db.write() as tx:
            row, agent = await self._find(tx, token, lock=True)
            now = self._clock()
            row.used_at = now
            await tx.execute(update(Agent).where(Agent.id == agent.id).values(password_hash=hashed))
            await tx.execute(
                delete(PasswordReset).where(PasswordReset.agent_id == agent.id, PasswordReset.id != row.id)
            )
            await self._sessions.close_all_for(tx, agent.id)
            actor = Actor("agent", agent.id, agent.name, address)
            await record_of_agent(
                tx, now, actor, "account.password_changed", agent_id=agent.id, agent_name=agent.name
            )

    async def _add(self, tx: Tx, agent_id: str, lives: timedelta, made_by: str | None) -> str:
        """Of one kind there is one at a time: who presses twice uses the later mail."""
        now, token = self._clock(), secrets.token_urlsafe(TOKEN_BYTES)
        await tx.execute(
            delete(PasswordReset).where(
                (PasswordReset.agent_id == agent_id) & (PasswordReset.used_at.is_(None))
                | (PasswordReset.expires_at < now)
            )
        )
        tx.add(
            PasswordReset(
                id=new_id("rst"), agent_id=agent_id, token_hash=hash_token(token), made_by=made_by,
                created_at=now, expires_at=now + lives, used_at=None,
            )
        )  # fmt: skip
        return token

    async def _find(self, tx: Tx, token: str, *, lock: bool = False) -> tuple[PasswordReset, Agent]:
        query = (
            select(PasswordReset, Agent)
            .join(Agent, Agent.id == PasswordReset.agent_id)
            .where(
                PasswordReset.token_hash == hash_token(token),
                PasswordReset.used_at.is_(None),
                PasswordReset.expires_at > self._clock(),
                Agent.disabled_at.is_(None),
            )
        )
        row = (await tx.execute(query.with_for_update() if lock else query)).one_or_none()
        if row is None:
            raise NotFound(OVER, code="link_over")
        reset, agent = row
        if reset.made_by is not None and not await _may_still_make(tx, reset.made_by, agent.id):
            raise NotFound(OVER, code="link_over")
        return reset, agent


async def _may_still_make(tx: Tx, admin_id: str, agent_id: str) -> bool:
    """Whether who made a link by hand could make it now: the account may open more by this time, or theirs less (T9)."""
    sites = [site.site_id for site in await list_sites(tx, admin_id) if site.may("admin")]
    common = select(Membership.site_id).where(Membership.agent_id == agent_id, Membership.site_id.in_(sites))
    # An operator is in every site, and may be in none by name.
    site_id = await tx.scalar(common.limit(1)) or next(iter(sites), None)
    if site_id is None:
        return False
    try:
        await check_may_manage(tx, admin_id, site_id, agent_id)
    except (NotFound, NotAllowed):
        return False
    return True
