"""Half-done sign-ins: what is known of a browser between the password and the code."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import delete, select, update

from minidesk.accounts.sessions import TOKEN_BYTES, hash_token
from minidesk.db import Tx
from minidesk.db.models import Agent, DoorStep
from minidesk.errors import NotAuthenticated

StepKind = Literal["code", "enrol"]

LIVES = timedelta(minutes=10)  # long enough to find the telephone
TRIES = 5  # then the password is asked for again; a guesser has 3 codes in a million each

OVER = "This sign-in took too long or was tried too often. Begin again."


@dataclass(frozen=True, slots=True)
class Step:
    """How far somebody is."""

    agent_id: str
    data: Mapping[str, Any]


class DoorSteps:
    """Keeps them. A token is in the browser's cookie; its SHA-256 is in the database."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock

    async def begin(self, tx: Tx, kind: StepKind, agent_id: str, data: Mapping[str, Any]) -> str:
        """The token of a new one."""
        now, token = self._clock(), secrets.token_urlsafe(TOKEN_BYTES)
        await tx.execute(delete(DoorStep).where(DoorStep.expires_at < now))
        tx.add(
            DoorStep(
                token_hash=hash_token(token), kind=kind, agent_id=agent_id, data=dict(data), tries=0,
                expires_at=now + LIVES,
            )
        )  # fmt: skip
        return token

    async def read(self, tx: Tx, kind: StepKind, token: str | None) -> Step:
        """The step with this token. Raises `NotAuthenticated` for none, one of another kind, and one that is over."""
        row = await tx.scalar(
            select(DoorStep)
            .join(Agent, Agent.id == DoorStep.agent_id)
            .where(
                DoorStep.token_hash == hash_token(token or ""),
                DoorStep.kind == kind,
                DoorStep.expires_at > self._clock(),
                DoorStep.tries < TRIES,
                Agent.disabled_at.is_(None),
            )
        )
        if not token or row is None:
            raise NotAuthenticated(OVER, code="sign_in_over")
        return Step(row.agent_id, row.data)

    async def try_(self, tx: Tx, kind: StepKind, token: str | None) -> Step:
        """As `read`, and counts a try; in a transaction of its own, so that a wrong code counts too."""
        step = await self.read(tx, kind, token)
        await tx.execute(
            update(DoorStep)
            .where(DoorStep.token_hash == hash_token(token or ""))
            .values(tries=DoorStep.tries + 1)
        )
        return step

    async def end(self, tx: Tx, token: str | None) -> bool:
        """It is done, or given up; whether it was still there: of two at once only one goes on."""
        gone = await tx.execute(
            delete(DoorStep)
            .where(DoorStep.token_hash == hash_token(token or ""))
            .returning(DoorStep.token_hash)
        )
        return gone.one_or_none() is not None
