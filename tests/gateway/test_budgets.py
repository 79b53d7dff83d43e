"""Blocks over real rows: several processes under one ceiling, lines in batches, and what a killed process leaves behind."""

import asyncio
import random

import pytest
from sqlalchemy import func, select, text
from tests.conftest import FakeClock
from tests.gateway.test_spending import call, request
from tests.rows import add_conversation

from minidesk.db import Database
from minidesk.db.models import Budget, ModelCall
from minidesk.errors import DatabaseBusy
from minidesk.sites.budgets import LARGEST_BLOCK, SMALLEST_BLOCK, Scope, start_of
from minidesk.sites.spending import Ceilings, Spending


async def rows(db: Database) -> dict[tuple[str, str], tuple[int, int]]:
    """Booked and blocked by whom and period."""
    async with db.read() as tx:
        found = (await tx.scalars(select(Budget))).all()
    return {(row.whom, row.period): (row.booked_micros, row.blocked_micros) for row in found}


async def lines(db: Database) -> int:
    """Lines of the ledger that are written."""
    async with db.read() as tx:
        return int(await tx.scalar(select(func.count()).select_from(ModelCall)) or 0)


async def commits(db: Database, spending: Spending, calls: int) -> int:
    """How many writing transactions so many calls of 500 take, their batch not counted."""
    count, write = 0, db.write

    def counted():  # type: ignore[no-untyped-def]  # a context manager of theirs
        nonlocal count
        count += 1
        return write()

    db.write = counted  # type: ignore[method-assign]
    for _ in range(calls):
        held = await spending.reserve(request(), 500)
        assert held is not None
        await spending.book(call(400))
        held.release()
    db.write = write  # type: ignore[method-assign]
    return count


async def test_calls_cost_a_commit_a_block_and_their_lines_one_a_batch(
    db: Database, clock: FakeClock
) -> None:
    spending = Spending(db, clock, Ceilings(site_day=5.0, all_month=1.0))
    # 5 cents of the day and 1 cent of the month: the month's block is drawn anew each 24 calls.
    assert await commits(db, spending, 100) <= 6
    assert await spending.spent("site", None) == 40_000
    assert await lines(db) == 0
    await spending.flush()
    assert await lines(db) == 100
    found = await rows(db)
    assert found["site", "day"] == (40_000, 10_000)
    assert found["deployment", "month"][0] == 40_000
    assert await spending.spent("site", None) == 40_000
    await spending.close()
    assert await rows(db) == {("site", "day"): (40_000, 0), ("deployment", "month"): (40_000, 0)}


async def test_lines_are_written_without_being_asked_for(db: Database, clock: FakeClock) -> None:
    spending = Spending(db, clock, Ceilings(site_day=5.0))
    held = await spending.reserve(request(), 500)
    assert held is not None
    for _ in range(250):  # more than a batch
        await spending.book(call(1))
    async with asyncio.timeout(10):
        while await lines(db) < 250:  # noqa: ASYNC110 (another task writes them; its rows are all there is to ask)
            await asyncio.sleep(0.01)
    held.release()
    await spending.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_several_processes_never_pass_a_ceiling_together(
    db: Database, clock: FakeClock, seed: int
) -> None:
    """Each has calls under way while the others draw, book and give back; cost is up to what was set aside."""
    rng, ceiling = random.Random(seed), 60_000
    processes = [Spending(db, clock, Ceilings(site_day=ceiling / 1_000_000)) for _ in range(4)]
    spent = under_way = refused = 0

    async def one(spending: Spending) -> None:
        nonlocal spent, under_way, refused
        most = rng.randrange(200, 1_500)
        held = await spending.reserve(request(), most)
        if held is None:
            refused += 1
            clock.advance(seconds=0.5)
            return
        under_way += most
        assert spent + under_way <= ceiling
        await asyncio.sleep(0)
        cost = rng.randrange(most // 2, most + 1)
        under_way, spent = under_way - most, spent + cost
        await spending.book(call(cost))
        held.release()
        if rng.random() < 0.1:
            await spending.flush()

    async def process(spending: Spending) -> None:
        for _ in range(40):
            await one(spending)

    await asyncio.gather(*(process(spending) for spending in processes for _ in range(2)))
    for spending in processes:
        await spending.close()
    assert refused > 0
    assert spent > ceiling - 4 * SMALLEST_BLOCK - 1_500
    assert (await rows(db))["site", "day"] == (spent, 0)
    assert await Spending(db, clock, Ceilings(site_day=None)).spent("site", None) == spent


async def test_what_a_killed_process_may_have_spent_stays_counted(db: Database, clock: FakeClock) -> None:
    ceilings = Ceilings(site_day=0.03)
    killed = Spending(db, clock, ceilings)
    held = await killed.reserve(request(), 4_000)
    assert held is not None
    await killed.book(call(4_000))
    held.release()
    # Killed here: its line is lost, its block stands.
    assert await lines(db) == 0
    next_one = Spending(db, clock, ceilings)
    assert await next_one.reserve(request(), 30_000 - SMALLEST_BLOCK + 1) is None
    clock.advance(seconds=2)
    held = await next_one.reserve(request(), 30_000 - SMALLEST_BLOCK)
    assert held is not None, "no more than one block may be lost"
    held.release()
    await next_one.close()
    clock.advance(days=1)
    tomorrow = Spending(db, clock, ceilings)
    assert await tomorrow.reserve(request(), 30_000) is not None


async def test_a_block_is_a_hundredth_of_the_rest_within_limits(db: Database, clock: FakeClock) -> None:
    for ceiling, block in ((0.004, 4_000), (0.5, SMALLEST_BLOCK), (5.0, 50_000), (500.0, LARGEST_BLOCK)):
        spending = Spending(db, clock, Ceilings(site_day=ceiling))
        held = await spending.reserve(request(), 1_000)
        assert held is not None
        assert (await rows(db))["site", "day"] == (0, block)
        held.release()
        await spending.close()
    large = Spending(db, clock, Ceilings(site_day=500.0))
    assert await large.reserve(request(), 400_000) is not None
    assert (await rows(db))["site", "day"] == (0, 400_000)


async def test_lines_wait_while_the_database_takes_none(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    spending = Spending(db, clock, Ceilings(site_day=0.02))
    held = await spending.reserve(request(), 1_000)
    assert held is not None
    await spending.book(call(1_000))
    held.release()

    def busy() -> None:
        raise DatabaseBusy

    with monkeypatch.context() as broken:
        broken.setattr(db, "write", busy)
        with pytest.raises(DatabaseBusy):
            await spending.flush()
    assert await lines(db) == 0
    assert await spending.spent("site", None) == 1_000
    await spending.close()
    assert await lines(db) == 1
    assert (await rows(db))["site", "day"] == (1_000, 0)


async def test_a_ceiling_that_is_met_later_starts_from_the_ledger(db: Database, clock: FakeClock) -> None:
    conversation = await add_conversation(db, clock)
    before = Spending(db, clock, Ceilings(site_day=None))
    await before.book(call(700, conversation.site_id, conversation.id))
    await before.close()
    assert await rows(db) == {}
    after = Spending(db, clock, Ceilings(site_day=0.001, visitor_day=0.002))
    asked = request(conversation.site_id, conversation.id)
    assert await after.reserve(asked, 301) is None
    assert await after.reserve(asked, 300) is not None
    assert await rows(db) == {("site", "day"): (700, 300), ("visitor", "day"): (700, 1_300)}


async def test_rows_of_days_that_are_over_go(db: Database, clock: FakeClock) -> None:
    for _ in range(2):
        spending = Spending(db, clock, Ceilings(site_day=1.0, site_month=10.0))
        assert await spending.reserve(request(), 1) is not None
        clock.advance(days=95)
    async with db.read() as tx:
        assert len((await tx.scalars(select(Budget))).all()) == 2
        assert await tx.scalar(text("SELECT count(*) FROM budgets WHERE period = 'month'")) == 1


def test_a_scope_has_a_name_that_fits_its_row(clock: FakeClock) -> None:
    scope = Scope("visitor", "v" * 40, start_of("day", clock()), "day")
    assert scope.key == f"visitor:day:2026-03-02:{'v' * 40}"
