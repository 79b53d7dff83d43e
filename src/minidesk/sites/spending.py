"""What models cost: the ledger's lines, and the ceilings a day and a month for the deployment, a site and a visitor."""

import logging
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.exc import IntegrityError

from minidesk.db import Database
from minidesk.db.models import Conversation, KeyValue, ModelCall, Site, new_id
from minidesk.errors import MinideskError, NotFound
from minidesk.gateway import CallRecord, ChatRequest
from minidesk.sites.queries import site_by_id

log = logging.getLogger(__name__)

# A sum read from the database is good that long: what this process books meanwhile is added to it, what others
# book is seen at the next reading.
READ_AGAIN_S = 2.0
# Whose conversation it is does not change; this many are remembered.
REMEMBERED = 10_000

Whom = Literal["deployment", "site", "visitor"]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """US dollars; None means no ceiling, 0 no calls. A site's own `daily_budget_usd` replaces `site_day`."""

    site_day: float | None
    site_month: float | None = None
    all_day: float | None = None
    all_month: float | None = None
    visitor_day: float | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose spending since when. `since` is a midnight in UTC."""

    whom: Whom
    id: str | None
    since: datetime
    period: Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class _Sum:
    micros: int
    booked_before: int  # what this process had booked in the scope when the reading began
    read_at: datetime


class Held:
    """Money set aside for one call in every scope that it counts in."""

    def __init__(self, aside: defaultdict[Scope, int], scopes: tuple[Scope, ...], micros: int) -> None:
        self._aside, self._scopes, self._micros = aside, scopes, micros
        for scope in scopes:
            aside[scope] += micros

    def release(self) -> None:
        """Give it back; once more changes nothing."""
        for scope in self._scopes:
            self._aside[scope] -= self._micros
            if not self._aside[scope]:
                del self._aside[scope]
        self._scopes = ()


class Spending:
    """Books every model call, and answers whether another one fits under every ceiling.

    What is set aside for calls under way is counted in this process only: with several `serve` processes a ceiling
    can be passed by the calls that the others have under way at that moment, and by what they booked in the last
    `READ_AGAIN_S` seconds.
    """

    def __init__(self, db: Database, clock: Callable[[], datetime], ceilings: Ceilings) -> None:
        self._db = db
        self._clock = clock
        self._ceilings = ceilings
        self._aside: defaultdict[Scope, int] = defaultdict(int)
        self._booked: defaultdict[Scope, int] = defaultdict(int)
        self._sums: dict[Scope, _Sum] = {}
        self._site_days: dict[str, tuple[float | None, datetime]] = {}
        self._visitors: OrderedDict[str, str | None] = OrderedDict()
        self._told: set[Scope] = set()

    async def book(self, record: CallRecord) -> None:
        """Write the ledger's line of a call that has ended, however it ended."""
        now = self._clock()
        visitor_id = await self._visitor_of(record.conversation_id)
        async with self._db.write() as tx:
            tx.add(
                ModelCall(
                    id=new_id("mdl"),
                    site_id=record.site_id,
                    conversation_id=record.conversation_id,
                    message_id=record.message_id,
                    purpose=record.purpose,
                    model=record.model[:120],
                    provider=record.provider[:120],
                    input_tokens=record.input_tokens,
                    output_tokens=record.output_tokens,
                    estimated=record.estimated,
                    cost_micros=record.cost_micros,
                    first_token_ms=record.first_token_ms,
                    total_ms=record.total_ms,
                    outcome=record.outcome,
                    created_at=now,
                )
            )
        # After the commit: a reading that began before it may then count this call twice, but never not at all.
        for scope in _scopes(record.site_id, visitor_id, now):
            self._booked[scope] += record.cost_micros

    async def spent(self, whom: Whom, id: str | None, period: Literal["day", "month"] = "day") -> int:
        """Millionths of a dollar since midnight, or since the first of the month, UTC."""
        return await self._read(Scope(whom, id, _since(self._clock(), period), period))

    async def reserve(self, request: ChatRequest, most: int) -> Held | None:
        """Set `most` aside if every ceiling holds it beside all that is spent and under way; None if one does not."""
        now = self._clock()
        visitor_id = await self._visitor_of(request.conversation_id)
        limits = await self._limits(request.site_id, visitor_id, now)
        for scope in limits:
            await self._refresh(scope, now)
        # Nothing is awaited from here to the hold: two calls at once cannot both take the last of it.
        full = [
            scope
            for scope, ceiling in limits.items()
            if self._known(scope) + self._aside.get(scope, 0) + most > ceiling
        ]
        if not full:
            return Held(self._aside, tuple(limits), most)
        for scope in full:
            await self._tell(scope, limits[scope], now)
        return None

    async def _limits(self, site_id: str | None, visitor_id: str | None, now: datetime) -> dict[Scope, int]:
        limits = {}
        for scope in _scopes(site_id, visitor_id, now):
            ceiling = await self._ceiling(scope, now)
            if ceiling is not None:
                limits[scope] = round(ceiling * 1_000_000)
        return limits

    async def _ceiling(self, scope: Scope, now: datetime) -> float | None:
        ceilings = self._ceilings
        if scope.whom == "visitor":
            return ceilings.visitor_day
        if scope.whom == "deployment":
            return ceilings.all_day if scope.period == "day" else ceilings.all_month
        return ceilings.site_month if scope.period == "month" else await self._site_day(scope.id, now)

    async def _site_day(self, site_id: str | None, now: datetime) -> float | None:
        """The site's own ceiling, else the deployment's for any site."""
        if site_id is None:
            return self._ceilings.site_day
        known = self._site_days.get(site_id)
        if known is None or _is_old(known[1], now):
            own = None
            try:
                async with self._db.read() as tx:
                    own = (await site_by_id(tx, site_id)).config.daily_budget_usd
            except NotFound:
                pass  # deleted while its question was under way: the deployment's ceiling holds
            known = self._site_days[site_id] = (self._ceilings.site_day if own is None else own, now)
        return known[0]

    async def _visitor_of(self, conversation_id: str | None) -> str | None:
        if conversation_id is None:
            return None
        if conversation_id not in self._visitors:
            async with self._db.read() as tx:
                found = await tx.scalar(
                    select(Conversation.visitor_id).where(Conversation.id == conversation_id)
                )
            self._visitors[conversation_id] = found
            if len(self._visitors) > REMEMBERED:
                self._visitors.popitem(last=False)
        return self._visitors.get(conversation_id)

    def _known(self, scope: Scope) -> int:
        known = self._sums[scope]
        return known.micros + self._booked.get(scope, 0) - known.booked_before

    async def _refresh(self, scope: Scope, now: datetime) -> None:
        known = self._sums.get(scope)
        if known is not None and not _is_old(known.read_at, now):
            return
        self._forget_before(now)
        before = self._booked.get(scope, 0)
        self._sums[scope] = _Sum(await self._read(scope), before, now)

    def _forget_before(self, now: datetime) -> None:
        """Yesterday's scopes are asked for no more."""
        for scope in [s for s in self._sums if s.since != _since(now, s.period)]:
            self._sums.pop(scope)
            self._booked.pop(scope, None)
            self._told.discard(scope)

    async def _read(self, scope: Scope) -> int:
        total = select(func.coalesce(func.sum(ModelCall.cost_micros), 0)).where(
            _whose(scope), ModelCall.created_at >= scope.since
        )
        async with self._db.read() as tx:
            return int(await tx.scalar(total) or 0)

    async def _tell(self, scope: Scope, ceiling: int, now: datetime) -> None:
        """Tell the operator that a ceiling is reached, once a period: in the log, and in a row that the console can show."""
        if scope in self._told:
            return
        self._told.add(scope)
        key = f"budget:{scope.whom}:{scope.period}:{scope.since:%Y-%m-%d}:{scope.id or ''}"[:120]
        value = {
            "whom": scope.whom,
            "id": scope.id,
            "period": scope.period,
            "ceiling_usd": ceiling / 1_000_000,
            "spent_usd": self._known(scope) / 1_000_000,
        }
        try:
            async with self._db.write() as tx:
                if await tx.get(KeyValue, key) is not None:
                    return  # another process told it
                tx.add(KeyValue(key=key, value=value, updated_at=now))
        except (IntegrityError, MinideskError):
            # Another process was first, or the row must wait: the refusal itself does not depend on it.
            return
        if scope.whom == "visitor":
            log.warning("a visitor's model budget for the day is spent: extracts answer", extra=value)
        else:
            log.error(
                "the model budget of the %s for this %s is spent: extracts answer",
                scope.whom,
                scope.period,
                extra=value,
            )


def _scopes(site_id: str | None, visitor_id: str | None, now: datetime) -> list[Scope]:
    day, month = _since(now, "day"), _since(now, "month")
    scopes = [
        Scope("deployment", None, day, "day"),
        Scope("deployment", None, month, "month"),
        Scope("site", site_id, day, "day"),
        Scope("site", site_id, month, "month"),
    ]
    return [*scopes, Scope("visitor", visitor_id, day, "day")] if visitor_id is not None else scopes


def _since(now: datetime, period: Literal["day", "month"]) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if period == "day" else midnight.replace(day=1)


def _is_old(then: datetime, now: datetime) -> bool:
    """Also where the clock was set back (F23)."""
    return not 0 <= (now - then).total_seconds() < READ_AGAIN_S


def _whose(scope: Scope) -> ColumnElement[bool]:
    if scope.whom == "site":
        return ModelCall.site_id == scope.id
    if scope.whom == "visitor":
        theirs = select(Conversation.id).where(Conversation.visitor_id == scope.id)
        return ModelCall.conversation_id.in_(theirs)
    # By way of the sites, so that the index on site and time serves here as well.
    return or_(ModelCall.site_id.in_(select(Site.id)), ModelCall.site_id.is_(None))
