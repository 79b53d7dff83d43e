"""The one-time code with which the first agent is made: whoever can read the terminal owns the desk."""

import hmac
import secrets
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import delete, exists, select

from minidesk.accounts.agents import Agents, AgentView, view_of
from minidesk.accounts.sessions import hash_token
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, KeyValue
from minidesk.errors import NotAllowed, NotFound

KEY = "setup_code"
# Crockford's letters: no I, L, O or U to misread from a terminal. 16 of them are 80 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class SetupCode:
    """Made by `serve` while there is no agent; used once by the console's set-up page."""

    def __init__(self, db: Database, agents: Agents, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._agents = agents
        self._clock = clock

    async def make(self) -> str | None:
        """A fresh code such as `4F7K-…`, replacing an older one; None where there is an agent already."""
        groups = ("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))
        code = "-".join(groups)
        async with self._db.write() as tx:
            if await _any_agent(tx):
                return None
            await tx.merge(KeyValue(key=KEY, value={"sha256": _hash(code)}, updated_at=self._clock()))
        return code

    async def is_open(self) -> bool:
        """Whether the set-up page is to be shown."""
        async with self._db.read() as tx:
            return not await _any_agent(tx)

    async def use(self, code: str, *, email: str, name: str, password: str) -> AgentView:
        """The first agent, an operator. The code and the agent change in one step, so two people cannot both be first.

        Raises `NotFound` once there is an agent, `NotAllowed` (code `setup_code_wrong`) for a wrong code and `Invalid`
        for a value that cannot be used; the code stays valid then.
        """
        if not await self.is_open():
            raise NotFound
        try:
            await self._check(code)
        except NotAllowed:
            if not await self.is_open():  # somebody was first while we looked: the code is gone, not wrong
                raise NotFound from None
            raise
        row = await self._agents.prepare(email=email, name=name, password=password, operator=True)
        async with self._db.write() as tx:
            if await _any_agent(tx):
                raise NotFound
            used = await tx.execute(delete(KeyValue).where(KeyValue.key == KEY).returning(KeyValue.key))
            if used.one_or_none() is None:
                raise NotFound
            tx.add(row)
        return view_of(row)

    async def _check(self, code: str) -> None:
        async with self._db.read() as tx:
            row = await tx.get(KeyValue, KEY)
        stored = str(row.value["sha256"]) if row else ""
        if not hmac.compare_digest(stored, _hash(code)):
            raise NotAllowed(
                "This is not the set-up code. Copy it from the terminal where minidesk runs.",
                code="setup_code_wrong",
            )


async def _any_agent(tx: Tx) -> bool:
    return bool(await tx.scalar(select(exists().where(Agent.id.is_not(None)))))


def _hash(code: str) -> str:
    """Of the code as people may type it: spaces, dashes and case do not count."""
    return hash_token("".join(c for c in code.upper()[:100] if c in ALPHABET))
