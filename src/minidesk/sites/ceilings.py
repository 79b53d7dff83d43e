"""Which ceilings a call counts under, and the word to the operator when one is reached."""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from minidesk.db import Database
from minidesk.db.models import Conversation, KeyValue
from minidesk.errors import MinideskError, NotFound
from minidesk.sites.budgets import Scope, scopes_of
from minidesk.sites.queries import site_by_id

log = logging.getLogger(__name__)

# A site's own ceiling, and a rest that was too small, are read again after so long.
READ_AGAIN_S = 2.0
# Whose conversation it is does not change; this many are remembered.
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Ceilings:
    """US dollars; None means no ceiling, 0 no calls. A site's own `daily_budget_usd` replaces `site_day`."""

    site_day: float | None
    site_month: float | None = None
    all_day: float | None = None
    all_month: float | None = None
    visitor_day: float | None = None
    visitor_month: float | None = None


class Limits:
    """The ceilings of the deployment, its sites and their visitors."""

    def __init__(self, db: Database, ceilings: Ceilings) -> None:
        self._db = db
        self._ceilings = ceilings
        self._site_days: dict[str, tuple[float | None, datetime]] = {}
        self._visitors: OrderedDict[str, str | None] = OrderedDict()
        self._told: OrderedDict[Scope, None] = OrderedDict()

    async def of(self, site_id: str | None, conversation_id: str | None, now: datetime) -> dict[Scope, int]:
        """Every ceiling that a call for them counts under, in millionths of a dollar."""
        limits, visitor_id = {}, await self.visitor_of(conversation_id)
        for scope in scopes_of(site_id, visitor_id, now):
            ceiling = await self._ceiling(scope, now)
            if ceiling is not None:
                limits[scope] = round(ceiling * 1_000_000)
        return limits

    async def _ceiling(self, scope: Scope, now: datetime) -> float | None:
        ceilings = self._ceilings
        if scope.whom == "visitor":
            return ceilings.visitor_day if scope.period == "day" else ceilings.visitor_month
        if scope.whom == "deployment":
            return ceilings.all_day if scope.period == "day" else ceilings.all_month
        return ceilings.site_month if scope.period == "month" else await self._site_day(scope.id, now)

    async def _site_day(self, site_id: str | None, now: datetime) -> float | None:
        """The site's own ceiling, else the deployment's for any site."""
        if site_id is None:
            return self._ceilings.site_day
        known = self._site_days.get(site_id)
        if known is None or is_old(known[1], now):
            own = None
            try:
                async with self._db.read() as tx:
                    own = (await site_by_id(tx, site_id)).config.daily_budget_usd
            except NotFound:
                pass  # deleted while its question was under way: the deployment's ceiling holds
            known = self._site_days[site_id] = (self._ceilings.site_day if own is None else own, now)
        return known[0]

    async def visitor_of(self, conversation_id: str | None) -> str | None:
        """Whose conversation it is."""
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

    async def tell(self, scope: Scope, ceiling: int, now: datetime) -> None:
        """Tell the operator that a ceiling is reached, once a period: in the log, and in a row that the console shows."""
        if scope in self._told:
            return
        self._told[scope] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)  # its row says that it was told
        value = {
            "whom": scope.whom,
            "id": scope.id,
            "period": scope.period,
            "ceiling_usd": ceiling / 1_000_000,
        }
        try:
            async with self._db.write() as tx:
                key = f"budget:{scope.key}"[:120]
                if await tx.get(KeyValue, key) is not None:
                    return  # another process told it
                tx.add(KeyValue(key=key, value=value, updated_at=now))
        except (IntegrityError, MinideskError):
            # Another process was first, or the row must wait: the refusal itself does not depend on it.
            return
        if scope.whom == "visitor":
            log.warning(
                "a visitor's model budget for the %s is spent: extracts answer", scope.period, extra=value
            )
        else:
            log.error(
                "the model budget of the %s for this %s is spent: extracts answer",
                scope.whom,
                scope.period,
                extra=value,
            )


def is_old(then: datetime, now: datetime) -> bool:
    """Also where the clock was set back (F23)."""
    return not 0 <= (now - then).total_seconds() < READ_AGAIN_S
