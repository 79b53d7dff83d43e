"""What time does to tickets: agents are warned, who waits too long is told, what was put off comes back, what stayed solved is closed,
and what a site no longer keeps is deleted.

And what is done at once where it happens is looked at here once more: tickets are given out, and taken from who has left.

No handoff may end in silence: whoever waits longer than was promised hears of it once, and how to be reached.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import select

from minidesk.db import Database, Tx
from minidesk.db.models import Ticket
from minidesk.errors import MinideskError
from minidesk.tickets.actions import Tickets
from minidesk.tickets.forgetting import FORGOTTEN_TOGETHER, forget, overdue
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
# After each of them, while the server runs: a commit has every console that is open fetch its list again, and a hundred in
# a row kept both the database and the consoles from a visitor's message for two seconds.
PAUSE_SECONDS = 0.1
# What nobody waits for is written together: ten consoles that look again are better than a hundred.
CLOSED_TOGETHER = 10

Pause = Callable[[], Awaitable[None]]


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
                await self.look(_pause)
            except MinideskError as error:
                log.warning("tickets were not looked after: %s", error.code)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue

    async def look(self, pause: Pause | None = None) -> int:
        """One round; how many tickets and conversations changed. `pause` is awaited between two writes, for whoever else wants the database."""
        changed = 0

        async def write(work: Callable[[Tx], Awaitable[int]]) -> None:
            nonlocal changed
            async with self._db.write() as tx:
                changed += await work(tx)
            if pause is not None:
                await pause()

        tickets = self._tickets
        for ticket_id, agent_id in await self._of_strangers():
            await write(partial(give_up, tickets=tickets, ticket_id=ticket_id, agent_id=agent_id))
        for ticket_id, locale in await self._late():
            await write(partial(tickets.say_late, ticket_id=ticket_id, line=self._late_line(locale)))
        for ticket_id in await self._near():
            await write(partial(tickets.warn, ticket_id=ticket_id))
        for ticket_id in await self._due_back():
            await write(partial(bring_back, tickets=tickets, ticket_id=ticket_id, now=self._clock()))
        solved = await self._long_solved()
        for start in range(0, len(solved), CLOSED_TOGETHER):
            await write(partial(self._close, ticket_ids=solved[start : start + CLOSED_TOGETHER]))
        over = await self._overdue()
        for start in range(0, len(over), FORGOTTEN_TOGETHER):
            ids = over[start : start + FORGOTTEN_TOGETHER]
            await write(partial(forget, conversation_ids=ids, now=self._clock()))
        return changed + await self.giving.look()

    async def _close(self, tx: Tx, ticket_ids: Sequence[str]) -> int:
        return sum([await self._tickets.close_solved(tx, each) for each in ticket_ids])

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

    async def _overdue(self) -> Sequence[str]:
        async with self._db.read() as tx:
            return await overdue(tx, self._clock(), AT_ONCE)

    async def _long_solved(self) -> Sequence[str]:
        query = select(Ticket.id, Ticket.conversation_id).where(
            Ticket.status == "solved", Ticket.solved_at < self._clock() - SAME_MATTER
        )
        async with self._db.read() as tx:
            found = [(talk, ticket_id) for ticket_id, talk in await tx.execute(query.limit(AT_ONCE))]
        return [
            ticket_id for _, ticket_id in sorted(found)
        ]  # locked as whoever locks several conversations does it


async def _pause() -> None:
    await asyncio.sleep(PAUSE_SECONDS)
