"""What time does to tickets: agents are warned, who waits too long is told, what was put off comes back, what stayed solved is closed.

And what is done at once where it happens is looked at here once more: tickets are given out, and taken from who has left.

No handoff may end in silence: whoever waits longer than was promised hears of it once, and how to be reached.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from minidesk.db import Database
from minidesk.db.models import Ticket
from minidesk.errors import MinideskError
from minidesk.tickets.actions import Tickets
from minidesk.tickets.giving import Giving, give_up, strangers
from minidesk.tickets.late import late_tickets
from minidesk.tickets.rows import ACTIVE, SAME_MATTER
from minidesk.tickets.snooze import bring_back, due_back

log = logging.getLogger(__name__)

# What a visitor is told, in their language.
LateLine = Callable[[str | None], str]

# A promise is in minutes; half of one is late enough to notice that it was broken.
LOOK_SECONDS = 30.0
# Written one by one, each in a transaction of its own: a night's worth must not hold up the next message.
AT_ONCE = 100


class Tending:
    """Looks after all sites' tickets. Whoever runs it twice does no harm: each step looks again under the lock."""

    def __init__(
        self,
        db: Database,
        tickets: Tickets,
        late_line: LateLine,
        clock: Callable[[], datetime],
    ) -> None:
        self._db = db
        self._tickets = tickets
        self._late_line = late_line
        self._clock = clock
        self.giving = Giving(db, tickets, clock)

    async def run(self, stop: asyncio.Event) -> None:
        """Look every half minute until `stop`. A database that is away is asked again the next time."""
        while not stop.is_set():
            try:
                await self.look()
            except MinideskError as error:
                log.warning("tickets were not looked after: %s", error.code)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self) -> int:
        """One round; how many tickets changed."""
        changed = 0
        for ticket_id, agent_id in await self._of_strangers():
            async with self._db.write() as tx:
                changed += await give_up(tx, self._tickets, ticket_id, agent_id)
        for ticket_id, locale in await self._late():
            async with self._db.write() as tx:
                changed += await self._tickets.say_late(tx, ticket_id, self._late_line(locale))
        for ticket_id in await self._near():
            async with self._db.write() as tx:
                changed += await self._tickets.warn(tx, ticket_id)
        for ticket_id in await self._due_back():
            async with self._db.write() as tx:
                changed += await bring_back(tx, self._tickets, ticket_id, self._clock())
        for ticket_id in await self._long_solved():
            async with self._db.write() as tx:
                changed += await self._tickets.close_solved(tx, ticket_id)
        return changed + await self.giving.look()

    async def _of_strangers(self) -> Sequence[tuple[str, str]]:
        async with self._db.read() as tx:
            return await strangers(tx, AT_ONCE)

    async def _late(self) -> Sequence[tuple[str, str | None]]:
        query = late_tickets(self._clock())
        async with self._db.read() as tx:
            return [(ticket_id, locale) for ticket_id, locale in await tx.execute(query.limit(AT_ONCE))]

    async def _near(self) -> Sequence[str]:
        query = select(Ticket.id).where(
            Ticket.warn_at <= self._clock(),
            Ticket.warned_at.is_(None),
            Ticket.snoozed_until.is_(None),
            Ticket.status.in_(ACTIVE),
        )
        async with self._db.read() as tx:
            return (await tx.scalars(query.order_by(Ticket.warn_at).limit(AT_ONCE))).all()

    async def _due_back(self) -> Sequence[str]:
        async with self._db.read() as tx:
            return await due_back(tx, self._clock(), AT_ONCE)

    async def _long_solved(self) -> Sequence[str]:
        query = select(Ticket.id).where(
            Ticket.status == "solved", Ticket.solved_at < self._clock() - SAME_MATTER
        )
        async with self._db.read() as tx:
            return (await tx.scalars(query.limit(AT_ONCE))).all()
