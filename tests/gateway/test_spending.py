"""Budgets over real rows: a day and a month, of the deployment, a site and a visitor; and the operator told once."""

import asyncio
import logging

import pytest
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.rows import add_conversation

from minidesk.db import Database
from minidesk.db.models import KeyValue
from minidesk.gateway import CallRecord, ChatMessage, ChatRequest
from minidesk.sites import SiteConfig, update_config
from minidesk.sites.spending import Ceilings, Spending


def call(cost: int, site_id: str | None = None, conversation_id: str | None = None) -> CallRecord:
    """A line of the ledger."""
    return CallRecord("answer", "m", "host", site_id, conversation_id, None, 1, 1, False, cost, 1, 2, "ok")


def request(site_id: str | None = None, conversation_id: str | None = None) -> ChatRequest:
    """A call for somebody."""
    return ChatRequest(
        (ChatMessage("user", "x"),), "answer", 10, site_id=site_id, conversation_id=conversation_id
    )


async def fits(spending: Spending, asked: ChatRequest, most: int) -> bool:
    """Whether it would be let through; nothing stays set aside."""
    held = await spending.reserve(asked, most)
    if held is not None:
        held.release()
    return held is not None


async def test_what_is_under_way_counts_and_is_given_back_once(db: Database, clock: FakeClock) -> None:
    spending = Spending(db, clock, Ceilings(site_day=0.001))
    held = await spending.reserve(request(), 600)
    assert held is not None
    assert not await fits(spending, request(), 401)
    assert await fits(spending, request(), 400)
    await spending.book(call(100))
    held.release()
    held.release()
    assert await fits(spending, request(), 900)
    assert not await fits(spending, request(), 901)


async def test_many_at_once_do_not_take_the_same_last_dollar(db: Database, clock: FakeClock) -> None:
    spending = Spending(db, clock, Ceilings(site_day=0.001))
    held = await asyncio.gather(*(spending.reserve(request(), 300) for _ in range(8)))
    assert sum(one is not None for one in held) == 3


async def test_a_day_and_a_month_end(db: Database, clock: FakeClock) -> None:
    spending = Spending(db, clock, Ceilings(site_day=0.001, site_month=0.0015))
    await spending.book(call(1000))
    assert not await fits(spending, request(), 1)
    clock.advance(days=1)
    assert await fits(spending, request(), 500)
    assert not await fits(spending, request(), 501)
    clock.advance(days=31)
    assert await fits(spending, request(), 1000)


async def test_each_ceiling_holds_for_its_own(db: Database, clock: FakeClock) -> None:
    one, two = await add_conversation(db, clock), await add_conversation(db, clock)
    spending = Spending(db, clock, Ceilings(site_day=0.001, all_day=0.0018, visitor_day=0.0004))
    await spending.book(call(400, one.site_id, one.id))
    assert not await fits(spending, request(one.site_id, one.id), 1)  # the visitor's
    assert await fits(spending, request(one.site_id), 600)
    assert not await fits(spending, request(one.site_id), 601)  # the site's
    await spending.book(call(600, one.site_id))
    await spending.book(call(500, two.site_id))
    assert not await fits(spending, request(two.site_id, two.id), 301)  # the deployment's
    assert await fits(spending, request(two.site_id, two.id), 300)
    assert await spending.spent("deployment", None, "month") == 1500


async def test_a_visitor_has_a_day_and_a_month(db: Database, clock: FakeClock) -> None:
    one = await add_conversation(db, clock)
    ceilings = Ceilings(site_day=5.0, visitor_day=0.001, visitor_month=0.0015)
    spending = Spending(db, clock, ceilings)
    await spending.book(call(1000, one.site_id, one.id))
    assert not await fits(spending, request(one.site_id, one.id), 1)
    clock.advance(days=1)
    assert await fits(spending, request(one.site_id, one.id), 500)
    assert not await fits(spending, request(one.site_id, one.id), 501)
    assert await fits(spending, request(one.site_id), 501), "the site's own is far"


async def test_a_site_has_its_own_ceiling(db: Database, clock: FakeClock) -> None:
    conversation = await add_conversation(db, clock)
    spending = Spending(db, clock, Ceilings(site_day=5.0))
    assert await fits(spending, request(conversation.site_id), 1000)
    async with db.write() as tx:
        await update_config(tx, conversation.site_id, SiteConfig(daily_budget_usd=0.0))
    clock.advance(seconds=3)
    assert not await fits(spending, request(conversation.site_id), 1)


async def test_what_another_process_drew_is_seen_within_seconds(db: Database, clock: FakeClock) -> None:
    ours, theirs = (Spending(db, clock, Ceilings(site_day=0.001)) for _ in range(2))
    assert not await fits(ours, request(), 1001)
    assert await fits(theirs, request(), 1000)
    clock.advance(seconds=2)
    assert not await fits(ours, request(), 1)
    await theirs.close()  # it gives back what it did not spend
    assert not await fits(ours, request(), 1)
    clock.advance(seconds=2)
    assert await fits(ours, request(), 1)


async def test_the_operator_is_told_once_a_period(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "minidesk.sites.spending"):
        for _ in range(2):  # and a second process does not tell it again
            spending = Spending(db, clock, Ceilings(site_day=0.0))
            for _ in range(3):
                assert not await fits(spending, request(), 1)
        assert len(caplog.records) == 1
        clock.advance(days=1)
        assert not await fits(spending, request(), 1)
    assert len(caplog.records) == 2
    async with db.read() as tx:
        rows = (await tx.scalars(select(KeyValue).where(KeyValue.key.startswith("budget:")))).all()
    assert [row.value["whom"] for row in rows] == ["site", "site"]
