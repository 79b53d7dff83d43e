"""How much of a site's questions the large tier may answer: a share of them, and money a day."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from minidesk.db import Database, Tx
from minidesk.db.models import ModelCall, Site
from minidesk.sites.config import SiteConfig, config_of

# What the share is of: the site's answers in so much time, the latest so many of them.
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
    """Leave for one question; counts as used until its call stands in the ledger."""

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
    """How much large may do for a site: `share` of its answers, of 1, and money a day (None: only the usual budgets hold)."""

    share: float
    daily_usd: float | None = None

    def of(self, config: SiteConfig) -> "LargeCap":
        """With what the site has set for itself in the place of this."""
        share, daily = config.large_share_max, config.large_daily_budget_usd
        return LargeCap(self.share if share is None else share, self.daily_usd if daily is None else daily)


@dataclass(frozen=True, slots=True)
class LargeUse:
    """What large did for a site: of its latest answers, and millionths of a dollar since midnight UTC."""

    answers: int
    large: int
    spent: int


class LargeShare:
    """Grants calls of the large tier. What other processes have under way at this moment is not seen."""

    def __init__(self, db: Database, clock: Callable[[], datetime], cap: LargeCap) -> None:
        """`cap` is for sites that have set none."""
        self._db = db
        self._clock = clock
        self._cap = cap
        self._under_way: Counter[str] = Counter()

    async def grant(self, site_id: str) -> Grant | None:
        """Leave for one question; None where the share or the money is used up."""
        async with self._db.read() as tx:
            site = await tx.get(Site, site_id)
            cap = self._cap if site is None else self._cap.of(config_of(site.config))
            if cap.share <= 0:
                return None
            use = await large_use(tx, site_id, self._clock())
        # Nothing is awaited from here to the grant: two questions at once cannot both take the last one.
        large = use.large + self._under_way[site_id]
        most = cap.share * max(use.answers - use.large, AT_LEAST_OF)
        if large + 1 > most or (cap.daily_usd is not None and use.spent >= round(cap.daily_usd * 1_000_000)):
            return None
        return Grant(self._under_way, site_id)


async def large_use(tx: Tx, site_id: str, now: datetime) -> LargeUse:
    """What a site's share and its money are measured by."""
    ours = (ModelCall.site_id == site_id, ModelCall.purpose == "answer")
    latest = (
        select(ModelCall.tier)
        .where(
            *ours,
            ModelCall.created_at > now - WINDOW,
            ModelCall.tier.in_(("mini", "large")),
            ModelCall.outcome.in_(_ANSWERED),
        )
        .order_by(ModelCall.created_at.desc())
        .limit(LATEST)
    )
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    cost = select(func.coalesce(func.sum(ModelCall.cost_micros), 0)).where(
        *ours, ModelCall.created_at >= midnight, ModelCall.tier == "large"
    )
    tiers = list(await tx.scalars(latest))
    return LargeUse(len(tiers), tiers.count("large"), int(await tx.scalar(cost) or 0))
