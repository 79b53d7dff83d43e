"""How much the large tier may do for a site: a share of what its models write, and money a day.

Counted is what the ledger says was called of large's models, whoever asked and by which way: the cascade, an
experiment's variant that names one of them, an agent's suggestion. What the company's own tools ask of `large` behind
/v1 costs of the same money but is no part of the share: who gave a key that scope chose the model.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_, select

from minidesk.db import Database, Tx
from minidesk.db.models import ModelCall, Site
from minidesk.gateway import Purpose
from minidesk.sites.config import SiteConfig, config_of

# What the models write for people, visitors or agents; summaries and questions made whole are steps on the way.
WRITTEN: tuple[Purpose, ...] = ("answer", "draft", "rewrite_reply", "translate")
# Asked for large by name, with a key that may.
CHOSEN: tuple[Purpose, ...] = ("api",)
# What the share is of: what was written for the site in so much time, the latest so many.
WINDOW = timedelta(hours=24)
LATEST = 200
# A site that has asked little yet may use what so many answers allow; else a share of one in five would let the
# first large call through after the fifth question only.
AT_LEAST_OF = 20
# The ledger's lines are written in batches: until then a call that has ended is counted here.
IN_THE_LEDGER_S = 1.0
# A call that failed before it began is nobody's answer: with mini down, every question would else make room for large.
_ANSWERED = ("ok", "aborted", "model_truncated")


class Grant:
    """Leave for one request; counts as used until its call stands in the ledger."""

    def __init__(self, under_way: Counter[str], site_id: str) -> None:
        self._under_way, self._site_id = under_way, site_id
        self._open = True
        under_way[site_id] += 1

    def release(self) -> None:
        """To be called when the call has ended, or was not made; once more changes nothing."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().call_later(IN_THE_LEDGER_S, self._forget)

    def _forget(self) -> None:
        self._under_way[self._site_id] -= 1


@dataclass(frozen=True, slots=True)
class LargeCap:
    """How much large may do for a site: `share` of what is written, of 1, and money a day (None: only the usual budgets hold)."""

    share: float
    daily_usd: float | None = None

    def of(self, config: SiteConfig) -> "LargeCap":
        """With what the site has set for itself in the place of this."""
        share, daily = config.large_share_max, config.large_daily_budget_usd
        return LargeCap(self.share if share is None else share, self.daily_usd if daily is None else daily)


@dataclass(frozen=True, slots=True)
class LargeUse:
    """What large did for a site: of the latest that was written, and millionths of a dollar since midnight UTC."""

    answers: int
    large: int
    spent: int

    def most(self, cap: LargeCap) -> float:
        """How many of `answers` large may have written, under this cap."""
        return cap.share * max(self.answers - self.large, AT_LEAST_OF)

    def paid_out(self, cap: LargeCap) -> bool:
        """Whether the money of the day is spent."""
        return cap.daily_usd is not None and self.spent >= round(cap.daily_usd * 1_000_000)


class LargeShare:
    """Grants calls of the large tier. What other processes have under way at this moment is not seen."""

    def __init__(self, db: Database, clock: Callable[[], datetime], cap: LargeCap) -> None:
        """`cap` is for sites that have set none."""
        self._db = db
        self._clock = clock
        self._cap = cap
        self._under_way: Counter[str] = Counter()

    async def grant(self, site_id: str, purpose: Purpose = "answer") -> Grant | None:
        """Leave for one request; None where the share or the money is used up."""
        async with self._db.read() as tx:
            site = await tx.get(Site, site_id)
            cap = self._cap if site is None else self._cap.of(config_of(site.config))
            use = await large_use(tx, site_id, self._clock())
        if use.paid_out(cap):
            return None
        if purpose in CHOSEN:
            return Grant(Counter(), site_id)
        # Nothing is awaited from here to the grant: two requests at once cannot both take the last one.
        if cap.share <= 0 or use.large + self._under_way[site_id] + 1 > use.most(cap):
            return None
        return Grant(self._under_way, site_id)


def written() -> ColumnElement[bool]:
    """Lines of the ledger that the share is counted of: what was written, and all else that large did."""
    by_large = and_(ModelCall.tier == "large", ModelCall.purpose.not_in(CHOSEN))
    return or_(ModelCall.purpose.in_(WRITTEN), by_large)


async def large_use(tx: Tx, site_id: str, now: datetime) -> LargeUse:
    """What a site's share and its money are measured by."""
    latest = (
        select(ModelCall.tier)
        .where(
            ModelCall.site_id == site_id,
            written(),
            ModelCall.created_at > now - WINDOW,
            ModelCall.tier.in_(("mini", "large")),
            ModelCall.outcome.in_(_ANSWERED),
        )
        .order_by(ModelCall.created_at.desc())
        .limit(LATEST)
    )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    cost = select(func.coalesce(func.sum(ModelCall.cost_micros), 0)).where(
        ModelCall.site_id == site_id, ModelCall.created_at >= midnight, ModelCall.tier == "large"
    )
    tiers = list(await tx.scalars(latest))
    return LargeUse(len(tiers), tiers.count("large"), int(await tx.scalar(cost) or 0))
