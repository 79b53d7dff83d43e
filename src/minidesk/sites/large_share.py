"""How much of a site's questions the large tier may answer: a share of them, and money a day."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from minidesk.db import Database
from minidesk.db.models import ModelCall

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


class LargeShare:
    """Grants calls of the large tier. What other processes have under way at this moment is not seen."""

    def __init__(
        self, db: Database, clock: Callable[[], datetime], share: float, daily_usd: float | None
    ) -> None:
        """`share` is of 1; `daily_usd` None means that only the usual budgets hold."""
        self._db = db
        self._clock = clock
        self._share = share
        self._daily = None if daily_usd is None else round(daily_usd * 1_000_000)
        self._under_way: Counter[str] = Counter()

    async def grant(self, site_id: str) -> Grant | None:
        """Leave for one question; None where the share or the money is used up."""
        if self._share <= 0:
            return None
        tiers, spent = await self._latest(site_id)
        # Nothing is awaited from here to the grant: two questions at once cannot both take the last one.
        large = tiers.count("large") + self._under_way[site_id]
        most = self._share * max(tiers.count("mini"), AT_LEAST_OF)
        if large + 1 > most or (self._daily is not None and spent >= self._daily):
            return None
        return Grant(self._under_way, site_id)

    async def _latest(self, site_id: str) -> tuple[Sequence[str], int]:
        """The tiers of the latest answers, and millionths of a dollar that large took since midnight UTC."""
        now = self._clock()
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
        async with self._db.read() as tx:
            tiers = list(await tx.scalars(latest))
            return tiers, int(await tx.scalar(cost) or 0) if self._daily is not None else 0
