"""What models cost: the ledger's lines, and the ceiling a day and site."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select

from minidesk.db import Database
from minidesk.db.models import ModelCall, new_id
from minidesk.gateway import CallRecord


class Spending:
    """Books every model call, and answers whether another one fits under the day's ceiling.

    What is set aside for calls under way is counted in this process only: with several `serve` processes the
    ceiling can be passed by the calls that the others have under way at that moment.
    """

    def __init__(self, db: Database, clock: Callable[[], datetime], daily_ceiling_usd: float) -> None:
        self._db = db
        self._clock = clock
        self._ceiling = round(daily_ceiling_usd * 1_000_000)
        self._set_aside: defaultdict[str | None, int] = defaultdict(int)

    async def book(self, record: CallRecord) -> None:
        """Write the ledger's line of a call that has ended, however it ended."""
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
                    created_at=self._clock(),
                )
            )

    async def spent_today(self, site_id: str | None) -> int:
        """Millionths of a dollar that `site_id` has cost since midnight UTC."""
        midnight = self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._db.read() as tx:
            total = await tx.scalar(
                select(func.coalesce(func.sum(ModelCall.cost_micros), 0)).where(
                    ModelCall.site_id == site_id, ModelCall.created_at >= midnight
                )
            )
        return int(total or 0)

    async def reserve(self, site_id: str | None, most: int) -> bool:
        """Set `most` aside if the day's ceiling holds it beside all that is spent and under way."""
        spent = await self.spent_today(site_id)
        # Nothing is awaited from here on: two calls at once cannot both take the last of it.
        if spent + self._set_aside[site_id] + most > self._ceiling:
            return False
        self._set_aside[site_id] += most
        return True

    def release(self, site_id: str | None, most: int) -> None:
        """Give back what was set aside."""
        self._set_aside[site_id] -= most
