"""What the ledger says: calls, errors, speed and cost by site, model and purpose; and who answered what.

`site_id` None means all sites together, what operators may see.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, func, select, true

from minidesk.db import Tx
from minidesk.db.models import Budget, KeyValue, ModelCall, Site
from minidesk.sites.budgets import Scope, ledger_sum, scopes_of
from minidesk.sites.ceilings import Ceilings
from minidesk.sites.large_share import written

# Neither ended well nor was it left by its reader.
FAILED = ModelCall.outcome.not_in(("ok", "aborted"))
# Answers that were told again (answering/known.py) have a line without an endpoint: no model was asked.
ASKED = ModelCall.provider != ""
# Percentiles are taken over this many of the newest calls: enough for a p95, and read in a few milliseconds.
MEASURED = 5000
# Requests on the page. Four times as many attempts are read: of more, the oldest request may miss its first ones.
LATEST = 50

Group = Literal["site", "model", "purpose"]


@dataclass(frozen=True, slots=True)
class Costs:
    """One line of a table. Money in millionths of a dollar; `name` is of a site, a model or a purpose."""

    name: str
    calls: int
    failed: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost_micros: int
    answers: int  # what the large tier's share is of (sites/large_share.py); of a purpose, all its calls that went well
    by_large: int  # of those, by the tier large


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast a model was, over its newest calls that went well."""

    model: str
    first_p50_ms: float
    first_p95_ms: float
    tokens_a_second: float | None  # the median; None where all came at once


@dataclass(frozen=True, slots=True)
class Attempt:
    """One target that was asked."""

    model: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request with all its attempts, the first one first; the last one answered or nobody did."""

    at: datetime
    purpose: str
    tier: str
    conversation_id: str | None
    site_id: str | None
    attempts: tuple[Attempt, ...]
    first_token_ms: int | None
    cost_micros: int

    @property
    def answered(self) -> bool:
        """Whether a model did."""
        return self.attempts[-1].outcome in ("ok", "aborted")

    @property
    def fallback_reason(self) -> str:
        """Why the one that was asked before the last did not answer; empty where the first one did."""
        return self.attempts[-2].outcome if len(self.attempts) > 1 else ""


@dataclass(frozen=True, slots=True)
class Used:
    """A ceiling and what is used of it. Millionths of a dollar; `promised` was drawn by processes and not booked yet."""

    whom: str
    name: str
    period: str
    booked: int
    promised: int
    ceiling: int | None
    told_at: datetime | None  # when the operator was told that it is reached


async def totals(tx: Tx, site_id: str | None, since: datetime, until: datetime | None = None) -> Costs:
    """Everything in one line; what was called at `until` is no longer in it, None: up to now."""
    asked = _sums(select(func.max(ModelCall.model)), site_id, since, written())
    row = (await tx.execute(asked if until is None else asked.where(ModelCall.created_at < until))).one()
    return _costs("", row[1:])


async def by(tx: Tx, group: Group, site_id: str | None, since: datetime) -> list[Costs]:
    """A line a site, model or purpose, the most expensive first."""
    if group == "site":
        statement = select(func.max(Site.name)).join_from(
            ModelCall, Site, Site.id == ModelCall.site_id, isouter=True
        )
        key: Any = ModelCall.site_id
    else:
        key = ModelCall.model if group == "model" else ModelCall.purpose
        statement = select(key)
    counted = true() if group == "purpose" else written()
    found = await tx.execute(_sums(statement, site_id, since, counted).group_by(key))
    rows = [_costs(row[0], row[1:]) for row in found]
    return sorted(rows, key=lambda costs: (-costs.cost_micros, -costs.calls, costs.name))


def _sums(statement: Any, site_id: str | None, since: datetime, counted: ColumnElement[bool]) -> Any:
    answer = and_(counted, ~FAILED)
    return statement.add_columns(
        func.count(ModelCall.id),
        func.coalesce(func.sum(case((FAILED, 1), else_=0)), 0),
        func.coalesce(func.sum(ModelCall.input_tokens), 0),
        func.coalesce(func.sum(ModelCall.output_tokens), 0),
        func.coalesce(func.sum(ModelCall.cached_tokens), 0),
        func.coalesce(func.sum(ModelCall.cost_micros), 0),
        func.coalesce(func.sum(case((answer, 1), else_=0)), 0),
        func.coalesce(func.sum(case((and_(answer, ModelCall.tier == "large"), 1), else_=0)), 0),
    ).where(_of(site_id), ModelCall.created_at >= since, ASKED)


def _of(site_id: str | None) -> ColumnElement[bool]:
    return true() if site_id is None else ModelCall.site_id == site_id


def _costs(name: str | None, row: Sequence[Any]) -> Costs:
    return Costs(name or "", *(int(value) for value in row))


async def told_again(tx: Tx, site_id: str | None, since: datetime) -> int:
    """Answers that no model was asked for, because the same question had been answered."""
    same = select(func.count(ModelCall.id)).where(_of(site_id), ModelCall.created_at >= since, ~ASKED)
    return int(await tx.scalar(same) or 0)


async def speeds(tx: Tx, site_id: str | None, since: datetime) -> list[Speed]:
    """A line a model, by name."""
    newest = (
        select(ModelCall.model, ModelCall.first_token_ms, ModelCall.total_ms, ModelCall.output_tokens)
        .where(
            _of(site_id),
            ModelCall.created_at >= since,
            ModelCall.outcome == "ok",
            ModelCall.first_token_ms.is_not(None),
        )
        .order_by(ModelCall.created_at.desc())
        .limit(MEASURED)
    )
    firsts: defaultdict[str, list[float]] = defaultdict(list)
    rates: defaultdict[str, list[float]] = defaultdict(list)
    for model, first_ms, total_ms, tokens in await tx.execute(newest):
        firsts[model].append(first_ms or 0)
        if total_ms > (first_ms or 0) and tokens > 1:
            rates[model].append(tokens / (total_ms - (first_ms or 0)) * 1000)
    return [
        Speed(
            model,
            percentile(times, 0.5),
            percentile(times, 0.95),
            percentile(rates[model], 0.5) if rates[model] else None,
        )
        for model, times in sorted(firsts.items())
    ]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of `values` (not empty) does not pass."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def latest(tx: Tx, site_id: str | None, limit: int = LATEST) -> list[Request]:
    """The newest requests, each with its attempts."""
    rows = (
        await tx.scalars(
            select(ModelCall)
            .where(_of(site_id), ASKED)
            .order_by(ModelCall.created_at.desc(), ModelCall.attempt.desc(), ModelCall.id.desc())
            .limit(4 * limit)
        )
    ).all()
    newest: dict[str, list[ModelCall]] = {}
    for row in rows:
        newest.setdefault(row.request_id or row.id, []).append(row)
    return [_request(sorted(calls, key=lambda call: call.attempt)) for calls in list(newest.values())[:limit]]


def _request(calls: Sequence[ModelCall]) -> Request:
    last = calls[-1]
    return Request(
        at=last.created_at,
        purpose=last.purpose,
        tier=last.tier,
        conversation_id=last.conversation_id,
        site_id=last.site_id,
        attempts=tuple(Attempt(call.model, call.outcome) for call in calls),
        first_token_ms=last.first_token_ms,
        cost_micros=sum(call.cost_micros for call in calls),
    )


async def used(
    tx: Tx,
    ceilings: Ceilings,
    sites: Sequence[tuple[str, str, float | None]],
    now: datetime,
    *,
    deployment: bool,
) -> list[Used]:
    """What is used of the ceilings of these sites (id, name, own ceiling a day in dollars).

    With `deployment` those of the whole desk come first: for operators, because they tell of other sites.
    """
    all_sites = {"day": ceilings.all_day, "month": ceilings.all_month}
    whole = scopes_of(None, None, now)[:2] if deployment else []
    wanted = [(scope, "", all_sites[scope.period]) for scope in whole]
    for site_id, name, own in sites:
        of_site = {"day": ceilings.site_day if own is None else own, "month": ceilings.site_month}
        wanted += [(scope, name, of_site[scope.period]) for scope in scopes_of(site_id, None, now)[2:]]
    return [await _used(tx, scope, name, ceiling) for scope, name, ceiling in wanted]


async def _used(tx: Tx, scope: Scope, name: str, ceiling: float | None) -> Used:
    row = await tx.get(Budget, scope.key)
    told = await tx.get(KeyValue, f"budget:{scope.key}"[:120])
    return Used(
        whom=scope.whom,
        name=name,
        period=scope.period,
        booked=row.booked_micros if row is not None else await ledger_sum(tx, scope),
        promised=row.blocked_micros if row is not None else 0,
        ceiling=None if ceiling is None else round(ceiling * 1_000_000),
        told_at=told.updated_at if told is not None else None,
    )
