"""Sign-ins of agents: a random token in a cookie, its SHA-256 in the database."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from minidesk.db import Database, Tx
from minidesk.db.models import Agent, AgentSession, DoorStep, new_id
from minidesk.errors import CsrfFailed, NotAuthenticated, NotFound

TOKEN_BYTES = 32  # 256 bits: cannot be guessed, so a fast hash is enough to store it (T4, T9)
IDLE = timedelta(hours=12)  # a working day with its breaks
ABSOLUTE = timedelta(days=14)  # a stolen cookie ends here even if it is used all the time
TOUCH_EVERY = timedelta(minutes=5)  # a write a request would make every page wait for the database's writer


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new sign-in. `token` goes into the cookie and is stored nowhere."""

    token: str
    csrf_token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AgentIdentity:
    """Who is signed in, as of this request."""

    agent_id: str
    email: str
    name: str
    operator: bool
    session_id: str
    csrf_token: str
    locale: str | None = None  # of the console; None: as the browser asks
    away: bool = False  # they are given no tickets, by their own switch


@dataclass(frozen=True, slots=True)
class SessionView:
    """A sign-in as its owner sees it in a list."""

    id: str
    browser: str
    address: str
    created_at: datetime
    last_seen_at: datetime


class Sessions:
    """Opens, resolves and closes sign-ins."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def open(
        self, tx: Tx, agent_id: str, *, replaces: str | None = None, address: str = "", browser: str = ""
    ) -> OpenedSession:
        """A new sign-in with a new token. The token that the browser had before ends, so that none can be planted (fixation).

        `address` and `browser` are what its owner knows it by in the list of sign-ins.
        """
        now = self._clock()
        if replaces:
            await self.close(tx, replaces)
        await tx.execute(delete(AgentSession).where(AgentSession.expires_at < now))
        opened = OpenedSession(
            secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES), now + ABSOLUTE
        )
        tx.add(
            AgentSession(
                id=new_id("ses"),
                token_hash=hash_token(opened.token),
                agent_id=agent_id,
                csrf_token=opened.csrf_token,
                created_at=now,
                last_seen_at=now,
                expires_at=opened.expires_at,
                address=address[:64],
                browser=browser[:80],
            )
        )
        return opened

    async def identify(self, db: Database, token: str | None, *, address: str = "") -> AgentIdentity:
        """Who `token` belongs to; the agent is read anew each time, so a suspended one is out at once.

        `address`, where it is known, is written down as the place where the session was used last.
        Raises `NotAuthenticated` for none, an unknown, an idle or an ended one.
        """
        if not token:
            raise NotAuthenticated
        now = self._clock()
        async with db.read() as tx:
            found = await tx.execute(
                select(AgentSession, Agent)
                .join(Agent, Agent.id == AgentSession.agent_id)
                .where(AgentSession.token_hash == hash_token(token), Agent.disabled_at.is_(None))
            )
            row = found.one_or_none()
        if row is None:
            raise NotAuthenticated
        session, agent = row
        if session.expires_at <= now or session.last_seen_at + IDLE <= now:
            raise NotAuthenticated("Your session has ended. Please sign in again.", code="session_ended")
        if session.last_seen_at + TOUCH_EVERY <= now:
            seen = {"last_seen_at": now, **({"address": address[:64]} if address else {})}
            async with db.write() as tx:
                await tx.execute(update(AgentSession).where(AgentSession.id == session.id).values(**seen))
        return AgentIdentity(
            agent.id, agent.email, agent.name, agent.operator, session.id, session.csrf_token, agent.locale,
            away=agent.away_at is not None,
        )  # fmt: skip

    def now(self) -> datetime:
        """The time by which sign-ins end."""
        return self._clock()

    async def list_(self, tx: Tx, agent_id: str) -> list[SessionView]:
        """An agent's sign-ins that still count, the one used last first."""
        now = self._clock()
        rows = await tx.scalars(
            select(AgentSession)
            .where(
                AgentSession.agent_id == agent_id,
                AgentSession.expires_at > now,
                AgentSession.last_seen_at > now - IDLE,
            )
            .order_by(AgentSession.last_seen_at.desc(), AgentSession.id)
        )
        return [
            SessionView(row.id, row.browser or "", row.address or "", row.created_at, row.last_seen_at)
            for row in rows
        ]

    async def close_one(self, tx: Tx, agent_id: str, session_id: str) -> None:
        """End one of the agent's sign-ins. Raises `NotFound` for another agent's."""
        if "\0" in session_id:  # PostgreSQL refuses to look for it
            raise NotFound
        gone = await tx.execute(
            delete(AgentSession)
            .where(AgentSession.id == session_id, AgentSession.agent_id == agent_id)
            .returning(AgentSession.id)
        )
        if gone.one_or_none() is None:
            raise NotFound

    async def close_others(self, tx: Tx, agent_id: str, keep: str) -> None:
        """End all of an agent's sign-ins but the one with the id `keep`, those too that are not whole yet."""
        await _end_half_done(tx, agent_id)
        await tx.execute(
            delete(AgentSession).where(AgentSession.agent_id == agent_id, AgentSession.id != keep)
        )

    async def close(self, tx: Tx, token: str) -> None:
        """Sign out; an unknown token is no error."""
        await tx.execute(delete(AgentSession).where(AgentSession.token_hash == hash_token(token)))

    async def close_all_for(self, tx: Tx, agent_id: str) -> None:
        """End every sign-in of an agent, half-done ones too: after a new password, a suspension or a lost role (T9)."""
        await _end_half_done(tx, agent_id)
        await tx.execute(delete(AgentSession).where(AgentSession.agent_id == agent_id))


def check_csrf(identity: AgentIdentity, given: str | None) -> None:
    """Raises `CsrfFailed` unless `given` is this session's token; compared in constant time (T10)."""
    if not given or not hmac.compare_digest(identity.csrf_token.encode(), given.encode("utf-8", "replace")):
        raise CsrfFailed


async def _end_half_done(tx: Tx, agent_id: str) -> None:
    """Before the sessions end, never after: one that becomes a session at this moment is waited for, and ends with them."""
    await tx.execute(delete(DoorStep).where(DoorStep.agent_id == agent_id))


def hash_token(token: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
