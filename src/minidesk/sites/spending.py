"""What models cost: the ledger's lines, written in batches, and the ceilings that a call must fit under before it is made.

A call costs no commit: it is set aside from the blocks that this process drew (budgets.py), and its line waits in
memory for the next batch. At a `kill -9` the lines of the last `BATCH_S` are lost; what they cost was part of a block,
and that stays counted.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert

from minidesk.db import Database
from minidesk.db.models import ModelCall, new_id
from minidesk.errors import MinideskError
from minidesk.gateway import CallRecord, ChatRequest
from minidesk.sites.budgets import (
    Period,
    Scope,
    Whom,
    blocks,
    ledger_sum,
    lock_money,
    move,
    rest_of,
    scopes_of,
    start_of,
)
from minidesk.sites.ceilings import Ceilings, Limits, is_old

log = logging.getLogger(__name__)

# Lines wait this long for others, or until there are so many.
BATCH_S, BATCH_LINES = 0.5, 200
# A block that nobody used for so long is given back, so that another process can have it.
IDLE_S = 30.0
# Lines kept while the database takes none (20 MB); a full disk must not become a full memory.
MOST_LINES = 50_000

__all__ = ["Ceilings", "Held", "Spending", "Whom"]


@dataclass(slots=True)
class _Account:
    """What this process holds under one ceiling, in millionths of a dollar."""

    used_at: float  # the loop's clock
    ceiling: int = 0  # under which the block was drawn
    block: int = 0  # drawn, and not booked yet
    aside: int = 0  # of it, for calls under way
    unbooked: int = 0  # of it, the cost of calls whose lines wait
    refused: tuple[int, datetime] | None = None  # the rest that was too small, and when it was read

    @property
    def free(self) -> int:
        """What a call may take without a commit."""
        return self.block - self.aside - self.unbooked


class Held:
    """Money set aside for one call under every ceiling that it counts under."""

    def __init__(self, accounts: Sequence[_Account], micros: int) -> None:
        self._accounts, self._micros = accounts, micros
        for account in accounts:
            account.aside += micros

    def release(self) -> None:
        """Give it back; once more changes nothing."""
        for account in self._accounts:
            account.aside -= self._micros
        self._accounts = ()


class Spending:
    """Books every model call, and answers whether another one fits under every ceiling. `close` it."""

    def __init__(self, db: Database, clock: Callable[[], datetime], ceilings: Ceilings) -> None:
        self._db = db
        self._clock = clock
        self._limits = Limits(db, ceilings)
        self._accounts: dict[Scope, _Account] = {}
        self._lines: list[tuple[CallRecord, datetime, str | None]] = []  # with the visitor
        self._drawing, self._writing = asyncio.Lock(), asyncio.Lock()
        self._batch_is_full = asyncio.Event()
        self._tending: asyncio.Task[None] | None = None

    async def book(self, record: CallRecord) -> None:
        """Take the ledger's line of a call that has ended, however it ended; it is written with the next batch."""
        now = self._clock()
        visitor_id = await self._limits.visitor_of(record.conversation_id)
        if len(self._lines) >= MOST_LINES:
            log.error("a line of the ledger is lost: the database has taken none for too long")
            return
        self._lines.append((record, now, visitor_id))
        for scope in scopes_of(record.site_id, visitor_id, now):
            self._account(scope).unbooked += record.cost_micros
        if len(self._lines) >= BATCH_LINES:
            self._batch_is_full.set()
        self._tend()

    async def spent(self, whom: Whom, id: str | None, period: Period = "day") -> int:
        """Millionths of a dollar since midnight, or since the first of the month, UTC; what waits for its batch included."""
        scope = Scope(whom, id, start_of(period, self._clock()), period)
        async with self._writing, self._db.read() as tx:  # no batch moves between the two numbers
            booked = await ledger_sum(tx, scope)
            waiting = self._accounts.get(scope)
            return booked + (waiting.unbooked if waiting is not None else 0)

    async def reserve(self, request: ChatRequest, most: int) -> Held | None:
        """Set `most` aside if every ceiling holds it beside all that is spent and under way anywhere; None if one does not."""
        now = self._clock()
        limits = await self._limits.of(request.site_id, request.conversation_id, now)
        # Between a look at the accounts and the hold nothing is awaited: two calls at once cannot both take the last of it.
        if not self._short(limits, most):
            return Held([self._account(scope) for scope in limits], most)
        async with self._drawing:
            while short := self._short(limits, most):
                if full := await self._draw(short, most, now):
                    break
            else:
                return Held([self._account(scope) for scope in limits], most)
        for scope in full:
            await self._limits.tell(scope, limits[scope], now)
        return None

    async def flush(self) -> None:
        """Write the lines that wait. Raises a `MinideskError` if the database takes none; they wait on then."""
        await self._write(idle_since=None)

    async def close(self) -> None:
        """Write all lines and give all blocks back."""
        if self._tending is not None:
            async with self._writing:  # never in the middle of a commit: its lines would be written twice
                self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        try:
            await self._write(idle_since=asyncio.get_running_loop().time())
        except MinideskError as error:
            log.error("%s lines of the ledger could not be written: %s", len(self._lines), error.code)  # noqa: TRY400 (the code says all)

    # ---- blocks

    def _account(self, scope: Scope) -> _Account:
        now = asyncio.get_running_loop().time()
        account = self._accounts.setdefault(scope, _Account(now))
        account.used_at = now
        return account

    def _short(self, limits: Mapping[Scope, int], most: int) -> dict[Scope, int]:
        """Those that must draw before a call can take `most`; also where the ceiling was changed since."""
        accounts = {scope: self._account(scope) for scope in limits}
        return {s: limits[s] for s, a in accounts.items() if a.free < most or a.ceiling != limits[s]}

    async def _draw(self, limits: Mapping[Scope, int], most: int, now: datetime) -> list[Scope]:
        """Draw blocks until each scope's account holds `most` more; or nothing, and the scopes that cannot."""
        changed = [s for s, ceiling in limits.items() if self._account(s).ceiling != ceiling]
        if full := [s for s in limits if s not in changed and self._is_known_full(s, most, now)]:
            return full
        returned = {scope: max(self._account(scope).free, 0) for scope in changed}
        for scope, micros in returned.items():
            self._account(scope).block -= micros
        needs = {scope: most - self._account(scope).free for scope in limits}
        try:
            async with self._db.write() as tx:
                await lock_money(self._db, tx)
                for scope, micros in returned.items():
                    await move(tx, scope, blocked=-micros)
                rests = {scope: await rest_of(tx, scope, ceiling) for scope, ceiling in limits.items()}
                drawn = blocks(rests, needs)
                for scope, micros in drawn.items():
                    await move(tx, scope, blocked=micros)
        except BaseException:
            for scope, micros in returned.items():
                self._account(scope).block += micros
            raise
        for scope, ceiling in limits.items():
            account = self._account(scope)
            account.ceiling, account.block = ceiling, account.block + drawn.get(scope, 0)
            account.refused = None if drawn else (rests[scope], now)
        self._tend()
        return [scope for scope, rest in rests.items() if not drawn and rest < needs[scope]]

    def _is_known_full(self, scope: Scope, most: int, now: datetime) -> bool:
        """At a ceiling not every visitor's question may cost a commit."""
        account = self._account(scope)
        refused = account.refused
        return refused is not None and refused[0] < most - account.free and not is_old(refused[1], now)

    # ---- writing

    def _tend(self) -> None:
        if self._tending is None or self._tending.done():
            self._tending = asyncio.create_task(self._tend_until_quiet())

    async def _tend_until_quiet(self) -> None:
        """Write batches, and give idle blocks back, for as long as there is anything of either."""
        loop = asyncio.get_running_loop()
        while self._lines or any(account.block for account in self._accounts.values()):
            try:
                async with asyncio.timeout(BATCH_S):
                    await self._batch_is_full.wait()
            except TimeoutError:
                pass  # the usual case: few calls
            self._batch_is_full.clear()
            try:
                await self._write(idle_since=loop.time() - IDLE_S)
            except MinideskError as error:
                log.warning("the ledger waits for the database", extra={"code": error.code})

    async def _write(self, idle_since: float | None) -> None:
        """One transaction: the lines that wait, the money they cost, and blocks that nobody used since `idle_since`."""
        async with self._writing:
            lines, self._lines = self._lines, []
            costs = _costs(lines)
            # What one call cost more than was set aside for it was in no block.
            moves = {scope: min(cost, self._accounts[scope].block) for scope, cost in costs.items()}
            returned = self._take_idle(idle_since, costs) if idle_since is not None else {}
            try:
                if lines or returned:
                    await self._commit(lines, costs, moves, returned)
            except BaseException:  # cancelled in mid-commit too: nothing may be forgotten
                self._lines = lines + self._lines
                for scope, micros in returned.items():
                    self._account(scope).block += micros
                raise
            for scope, cost in costs.items():
                self._accounts[scope].unbooked -= cost
                self._accounts[scope].block -= moves[scope]
        self._drop_empty()

    async def _commit(
        self,
        lines: Sequence[tuple[CallRecord, datetime, str | None]],
        costs: Mapping[Scope, int],
        moves: Mapping[Scope, int],
        returned: Mapping[Scope, int],
    ) -> None:
        async with self._db.write() as tx:
            await lock_money(self._db, tx)
            if lines:
                await tx.execute(insert(ModelCall), [_row(record, at) for record, at, _ in lines])
            for scope in sorted({*costs, *returned}, key=lambda scope: scope.key):
                gone = moves.get(scope, 0) + returned.get(scope, 0)
                await move(tx, scope, booked=costs.get(scope, 0), blocked=-gone)

    def _take_idle(self, idle_since: float, costs: Mapping[Scope, int]) -> dict[Scope, int]:
        """Take idle blocks out of the accounts, so that no call counts on one while it is given back."""
        now, found = self._clock(), {}
        for scope, account in self._accounts.items():
            over = scope.since != start_of(scope.period, now)
            if (over or account.used_at <= idle_since) and account.free > 0 and not account.aside:
                found[scope] = account.block - costs.get(scope, 0)
                account.block -= found[scope]
        return found

    def _drop_empty(self) -> None:
        """A visitor who left, a day that is over."""
        since = asyncio.get_running_loop().time() - IDLE_S
        for scope, account in list(self._accounts.items()):
            quiet = account.used_at <= since
            if quiet and not (account.block or account.aside or account.unbooked):
                del self._accounts[scope]


def _costs(lines: Sequence[tuple[CallRecord, datetime, str | None]]) -> dict[Scope, int]:
    """What the lines cost under each ceiling."""
    costs: defaultdict[Scope, int] = defaultdict(int)
    for record, at, visitor_id in lines:
        for scope in scopes_of(record.site_id, visitor_id, at):
            costs[scope] += record.cost_micros
    return {scope: cost for scope, cost in costs.items() if cost}


def _row(record: CallRecord, at: datetime) -> dict[str, object]:
    return {
        "id": new_id("mdl"),
        "site_id": record.site_id,
        "conversation_id": record.conversation_id,
        "message_id": record.message_id,
        "request_id": record.request_id,
        "attempt": record.attempt,
        "purpose": record.purpose,
        "tier": record.tier,
        "model": record.model[:120],
        "provider": record.provider[:120],
        "input_tokens": record.input_tokens,
        "output_tokens": record.output_tokens,
        "cached_tokens": record.cached_tokens,
        "estimated": record.estimated,
        "cost_micros": record.cost_micros,
        "first_token_ms": record.first_token_ms,
        "total_ms": record.total_ms,
        "outcome": record.outcome,
        "created_at": at,
    }
