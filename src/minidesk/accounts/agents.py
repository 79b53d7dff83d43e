"""Agents and their passwords."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from minidesk.accounts.audit import Actor, record_of_agent
from minidesk.accounts.sessions import AgentIdentity, Sessions
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, new_id
from minidesk.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound
from minidesk.text.normalise import check_text

# NIST SP 800-63B-4: length counts, composition rules do not. The ceiling only keeps hashing cheap.
PASSWORD_MIN, PASSWORD_MAX = 10, 200
# Each hash takes 64 MiB for a tenth of a second; more at once would let a burst of log-ins take the machine's memory.
HASHES_AT_ONCE = 2

_EMAIL = re.compile(r"[^@\s\x00-\x1f<>,;\"\\]{1,64}@[^@\s.<>,;\"\\]+(?:\.[^@\s.<>,;\"\\]+)*")
WRONG = "The e-mail address or the password is wrong. Try again, or ask an operator for a new password."


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent as the console sees one."""

    id: str
    email: str
    name: str
    operator: bool
    disabled: bool


@dataclass(frozen=True, slots=True)
class ProvedAgent(AgentView):
    """An agent whose password was right. `proof` is its hash: what begins with it asks `check_still` whether it is the one yet."""

    proof: str = field(repr=False)


class Passwords:
    """argon2id with the parameters of RFC 9106's second choice (64 MiB, 3 passes), off the event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turn = asyncio.Semaphore(HASHES_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether `password` is the one. With no hash (no such agent) the same work is done, so that the time tells nothing."""
        if password_hash is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody has this password")
            await self._verify(self._nobody, password)
            return False
        return await self._verify(password_hash, password)

    async def _verify(self, password_hash: str, password: str) -> bool:
        async with self._turn:
            try:
                return await asyncio.to_thread(self._hasher.verify, password_hash, password)
            except (VerificationError, InvalidHashError):
                return False


class Agents:
    """Creates agents and tells whether somebody is one."""

    def __init__(
        self, db: Database, passwords: Passwords, sessions: Sessions, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._sessions = sessions
        self._clock = clock

    async def create(self, *, email: str, name: str, password: str, operator: bool = False) -> AgentView:
        """A new agent. Raises `Invalid` for a value that cannot be used and `Conflict` for an address already taken."""
        row = await self.prepare(email=email, name=name, password=password, operator=operator)
        try:
            async with self._db.write() as tx:
                tx.add(row)
        except IntegrityError as error:
            raise Conflict(
                "There is an agent with this e-mail address already.", code="email_taken"
            ) from error
        return view_of(row)

    async def prepare(self, *, email: str, name: str, password: str, operator: bool) -> Agent:
        """A checked row that is not stored yet, for callers that store it together with others.

        Hashing happens here, outside any transaction: inside one, every writer would wait for it.
        """
        label = check_text(name, 120)
        if not label:
            raise Invalid("Give the agent a name.", code="name_missing")
        return Agent(
            id=new_id("agt"),
            email=check_email(email),
            name=label,
            password_hash=await self._passwords.hash(check_password(password)),
            operator=operator,
            disabled_at=None,
            away_at=None,
            created_at=self._clock(),
        )

    async def authenticate(self, email: str, password: str) -> ProvedAgent:
        """The agent with this address and password. Raises `NotAuthenticated`, in the same words and time for every reason."""
        try:
            wanted = check_email(email)
        except Invalid:
            wanted = ""  # nobody's address; PostgreSQL would fail on a NUL in it
        async with self._db.read() as tx:
            agent = await tx.scalar(select(Agent).where(Agent.email == wanted))
        usable = agent is not None and agent.disabled_at is None
        stored = agent.password_hash if agent is not None and usable else None
        matches = await self._passwords.matches(stored, password[:PASSWORD_MAX])
        if agent is None or not matches:
            raise NotAuthenticated(WRONG, code="wrong_password")
        return proved(agent)

    async def check_still(self, tx: Tx, agent: ProvedAgent) -> None:
        """Raises `NotAuthenticated` where the password was changed since it was looked at: hashing takes its time.

        The row stays locked, so that a change that comes now waits for `tx`, and then ends what began in it.
        """
        row = await tx.scalar(select(Agent).where(Agent.id == agent.id).with_for_update())
        if row is None or row.disabled_at is not None or row.password_hash != agent.proof:
            raise NotAuthenticated(WRONG, code="wrong_password")

    async def set_password(self, agent_id: str, password: str) -> None:
        """A new password; every session of the agent ends (T9). Raises `Invalid` or `NotFound`."""
        new = await self._passwords.hash(check_password(password))
        async with self._db.write() as tx:
            await self._change(tx, agent_id, password_hash=new)

    async def change_password(
        self, identity: AgentIdentity, old: str, new: str, *, address: str = ""
    ) -> None:
        """A new password by its owner; every other session ends. Raises `NotAllowed` for a wrong old one, or `Invalid`."""
        hashed = await self.hash_checked(new)
        await self.check_own_password(identity, old)
        actor = Actor("agent", identity.agent_id, identity.name, address)
        async with self._db.write() as tx:
            await tx.execute(update(Agent).where(Agent.id == identity.agent_id).values(password_hash=hashed))
            await self._sessions.close_others(tx, identity.agent_id, identity.session_id)
            await record_of_agent(
                tx, self._clock(), actor, "account.password_changed",
                agent_id=identity.agent_id, agent_name=identity.name,
            )  # fmt: skip

    async def check_own_password(self, identity: AgentIdentity, password: str) -> None:
        """Before a change that a borrowed browser must not make. Raises `NotAllowed`."""
        async with self._db.read() as tx:
            stored = await tx.scalar(select(Agent.password_hash).where(Agent.id == identity.agent_id))
        if not await self._passwords.matches(stored, password[:PASSWORD_MAX]):
            raise NotAllowed("This is not your password. Type it again.", code="wrong_password")

    async def hash_checked(self, password: str) -> str:
        """The hash of a password that may be used. Raises `Invalid`. Takes a tenth of a second: never in a transaction."""
        return await self._passwords.hash(check_password(password))

    async def choose_locale(self, agent_id: str, locale: str | None) -> None:
        """The console's language for this agent; None: as the browser asks."""
        async with self._db.write() as tx:
            await tx.execute(update(Agent).where(Agent.id == agent_id).values(locale=locale))

    async def choose_picture(self, agent_id: str, picture: str | None) -> None:
        """What visitors see beside the agent's name: `files.pictures.portrait` in base64; None: nothing."""
        async with self._db.write() as tx:
            await tx.execute(update(Agent).where(Agent.id == agent_id).values(picture=picture))

    async def disable(self, agent_id: str, disabled: bool = True) -> None:
        """Suspend an agent, or let one back in; every session ends. Raises `NotFound`.

        What they had of tickets is not looked at here: `tickets.suspend` does both.
        """
        async with self._db.write() as tx:
            await self.disable_in(tx, agent_id, disabled)

    async def disable_in(self, tx: Tx, agent_id: str, disabled: bool = True) -> None:
        """The same, in a transaction of the caller."""
        await self._change(tx, agent_id, disabled_at=self._clock() if disabled else None)

    async def list_all(self) -> list[AgentView]:
        """All agents by name."""
        async with self._db.read() as tx:
            return [view_of(row) for row in await tx.scalars(select(Agent).order_by(Agent.name, Agent.id))]

    async def _change(self, tx: Tx, agent_id: str, **values: object) -> None:
        changed = await tx.execute(
            update(Agent).where(Agent.id == agent_id).values(**values).returning(Agent.id)
        )
        if changed.one_or_none() is None:
            raise NotFound
        await self._sessions.close_all_for(tx, agent_id)


def check_email(raw: str) -> str:
    """The address in lower case. Raises `Invalid`."""
    email = check_text(raw, 254).lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid("This is not an e-mail address. Write it like name@example.com.", code="email_invalid")
    return email


def check_password(raw: str) -> str:
    """The password as it is. Raises `Invalid` for one that is too short or too long."""
    if not PASSWORD_MIN <= len(raw) <= PASSWORD_MAX or "\0" in raw:
        raise Invalid(
            f"Choose a password of {PASSWORD_MIN} to {PASSWORD_MAX} characters.", code="password_invalid"
        )
    try:
        raw.encode()
    except UnicodeEncodeError as error:
        raise Invalid(
            "Choose a password of characters that can be typed.", code="password_invalid"
        ) from error
    return raw


def view_of(row: Agent) -> AgentView:
    """The agent of a row."""
    return AgentView(row.id, row.email, row.name, row.operator, row.disabled_at is not None)


def proved(row: Agent) -> ProvedAgent:
    """The agent of a row whose password was typed."""
    return ProvedAgent(
        row.id, row.email, row.name, row.operator, row.disabled_at is not None, row.password_hash
    )
