"""Ceilings in SQL: what is booked under each, and the blocks that processes draw from the rest.

A row of `budgets` stands for one ceiling in one day or month. `booked` is the ledger's sum; `blocked` is what running
processes drew and have not booked yet. A block moves money from the rest to `blocked`; the ledger's lines move it on to
`booked` in the transaction that writes them. booked + blocked never passes the ceiling, so no number of processes can.

What a process did not need it gives back. A process that was killed cannot: its block may have been spent on calls whose
lines died with it, so it stays blocked until the day or month ends. That is the whole loss, at most `LARGEST_BLOCK` a ceiling.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, case, delete, func, or_, select, update

from minidesk.db import Database, Tx
from minidesk.db.models import Budget, Conversation, ModelCall, Site

# Millionths of a dollar. A hundredth of the rest, between a cent (some twenty mini answers without a commit) and ten
# cents (what a killed process may cost the day).
SMALLEST_BLOCK, LARGEST_BLOCK = 10_000, 100_000
# Any number that nothing else in this database takes: PostgreSQL's lock around all that moves money.
_LOCK = 0x6D6F6E6579

Whom = Literal["deployment", "site", "visitor"]
Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose spending since when. `since` is a midnight in UTC."""

    whom: Whom
    id: str | None
    since: datetime
    period: Period

    @property
    def key(self) -> str:
        """Its row's name."""
        return f"{self.whom}:{self.period}:{self.since:%Y-%m-%d}:{self.id or ''}"[:120]


def scopes_of(site_id: str | None, visitor_id: str | None, now: datetime) -> list[Scope]:
    """Everything that a call now counts under."""
    day, month = start_of("day", now), start_of("month", now)
    scopes = [
        Scope("deployment", None, day, "day"),
        Scope("deployment", None, month, "month"),
        Scope("site", site_id, day, "day"),
        Scope("site", site_id, month, "month"),
    ]
    if visitor_id is None:
        return scopes
    return [*scopes, Scope("visitor", visitor_id, day, "day"), Scope("visitor", visitor_id, month, "month")]


def start_of(period: Period, now: datetime) -> datetime:
    """The midnight that began it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == "day" else midnight.replace(day=1)


async def lock_money(db: Database, tx: Tx) -> None:
    """Let nobody else move money in this transaction. SQLite's writers are alone anyway.

    Without it a row could be made from a sum that misses lines which another process is just committing.
    """
    if not db.is_sqlite:
        await tx.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def rest_of(tx: Tx, scope: Scope, ceiling: int) -> int:
    """What is left to draw; below 0 where a ceiling was lowered. Makes the row of a new day, month, site or visitor."""
    row = await tx.get(Budget, scope.key, populate_existing=True)
    if row is None:
        await _forget_before(tx, scope.since)
        row = Budget(
            key=scope.key,
            whom=scope.whom,
            subject_id=scope.id,
            period=scope.period,
            since=scope.since,
            booked_micros=await ledger_sum(tx, scope),
            blocked_micros=0,
        )
        tx.add(row)
        await tx.flush()
    return ceiling - row.booked_micros - row.blocked_micros


async def _forget_before(tx: Tx, since: datetime) -> None:
    """Rows of days and months that are over serve nobody: the ledger keeps the truth. Two months show the last one whole."""
    old = or_(
        and_(Budget.period == "day", Budget.since < since - timedelta(days=2)),
        and_(Budget.period == "month", Budget.since < since - timedelta(days=62)),
    )
    await tx.execute(delete(Budget).where(old))


def blocks(rests: Mapping[Scope, int], needs: Mapping[Scope, int]) -> dict[Scope, int]:
    """How much to draw of each rest; nothing at all where one rest does not hold what is needed."""
    if any(rest < needs[scope] for scope, rest in rests.items()):
        return {}
    usual = {scope: min(max(rest // 100, SMALLEST_BLOCK), LARGEST_BLOCK) for scope, rest in rests.items()}
    return {scope: min(rest, max(needs[scope], usual[scope])) for scope, rest in rests.items()}


async def move(tx: Tx, scope: Scope, *, booked: int = 0, blocked: int = 0) -> None:
    """Change a row by these amounts. A scope without a row has no ceiling; its row, should it get one, starts from the ledger."""
    left = Budget.blocked_micros + blocked
    await tx.execute(
        update(Budget)
        .where(Budget.key == scope.key)
        .values(booked_micros=Budget.booked_micros + booked, blocked_micros=case((left > 0, left), else_=0))
    )


async def ledger_sum(tx: Tx, scope: Scope) -> int:
    """Millionths of a dollar that the ledger's lines add up to."""
    total = select(func.coalesce(func.sum(ModelCall.cost_micros), 0)).where(
        _whose(scope), ModelCall.created_at >= scope.since
    )
    return int(await tx.scalar(total) or 0)


def _whose(scope: Scope) -> ColumnElement[bool]:
    if scope.whom == "site":
        return ModelCall.site_id == scope.id
    if scope.whom == "visitor":
        theirs = select(Conversation.id).where(Conversation.visitor_id == scope.id)
        return ModelCall.conversation_id.in_(theirs)
    # By way of the sites, so that the index on site and time serves here as well.
    return or_(ModelCall.site_id.in_(select(Site.id)), ModelCall.site_id.is_(None))
