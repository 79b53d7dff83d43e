"""The large tier's share of a site's answers, and its money a day."""

import asyncio

import pytest
from tests.conftest import FakeClock
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import ModelCall, new_id
from minidesk.sites import cap_large, large_share
from minidesk.sites.large_share import AT_LEAST_OF, LATEST, LargeCap, LargeShare, large_use


async def calls(
    db: Database,
    clock: FakeClock,
    tier: str,
    count: int = 1,
    *,
    site_id: str = "s1",
    purpose: str = "answer",
    outcome: str = "ok",
    cost: int = 100,
) -> None:
    """Lines of the ledger."""
    async with db.write() as tx:
        tx.add_all(
            ModelCall(
                id=new_id("mdl"),
                site_id=site_id,
                purpose=purpose,
                tier=tier,
                model="m",
                provider="p",
                input_tokens=1,
                output_tokens=1,
                estimated=False,
                cost_micros=cost,
                total_ms=1,
                outcome=outcome,
                created_at=clock(),
            )
            for _ in range(count)
        )


async def test_a_share_of_the_latest_answers(db: Database, clock: FakeClock) -> None:
    share = LargeShare(db, clock, LargeCap(0.2))
    await calls(db, clock, "mini", 50)
    await calls(db, clock, "large", 9)
    assert await share.grant("s1") is not None
    await calls(db, clock, "large")
    assert await LargeShare(db, clock, LargeCap(0.2)).grant("s1") is None
    assert await LargeShare(db, clock, LargeCap(0.3)).grant("s1") is not None
    assert await LargeShare(db, clock, LargeCap(0.2)).grant("s2") is not None, "each site has its own"
    clock.advance(hours=25)
    assert await LargeShare(db, clock, LargeCap(0.2)).grant("s1") is not None


async def test_a_site_that_has_asked_little_may_ask_large(db: Database, clock: FakeClock) -> None:
    share = LargeShare(db, clock, LargeCap(0.2))
    granted = [await share.grant("s1") for _ in range(AT_LEAST_OF)]
    assert [grant is not None for grant in granted].count(True) == AT_LEAST_OF // 5
    assert await LargeShare(db, clock, LargeCap(0.0)).grant("s1") is None


async def test_what_is_under_way_counts_until_the_ledger_has_it(
    db: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_share, "IN_THE_LEDGER_S", 0.0)
    share = LargeShare(db, clock, LargeCap(0.05))
    first, second = await asyncio.gather(share.grant("s1"), share.grant("s1"))
    assert (first is None) != (second is None)
    granted = first or second
    assert granted is not None
    granted.release()
    granted.release()
    for _ in range(3):
        await asyncio.sleep(0)
    assert await share.grant("s1") is not None
    assert await share.grant("s1") is None


async def test_calls_that_failed_or_were_for_something_else_make_no_room(
    db: Database, clock: FakeClock
) -> None:
    await calls(db, clock, "mini", 100, outcome="model_overloaded")
    await calls(db, clock, "mini", 100, purpose="rewrite")
    await calls(db, clock, "", 100)
    await calls(db, clock, "large", AT_LEAST_OF // 5)
    assert await LargeShare(db, clock, LargeCap(0.2)).grant("s1") is None


async def test_only_the_latest_answers_count(db: Database, clock: FakeClock) -> None:
    await calls(db, clock, "large", 100)
    clock.advance(minutes=1)
    await calls(db, clock, "mini", LATEST)
    assert await LargeShare(db, clock, LargeCap(0.2)).grant("s1") is not None


async def test_money_a_day(db: Database, clock: FakeClock) -> None:
    await calls(db, clock, "mini", 100, cost=1_000_000)
    await calls(db, clock, "large", 1, cost=999_999)
    assert await LargeShare(db, clock, LargeCap(0.2, 1.0)).grant("s1") is not None
    await calls(db, clock, "large", 1, cost=1)
    assert await LargeShare(db, clock, LargeCap(0.2, 1.0)).grant("s1") is None
    clock.advance(hours=14)  # the next day, UTC
    assert await LargeShare(db, clock, LargeCap(0.2, 1.0)).grant("s1") is not None


async def test_a_site_may_have_caps_of_its_own(db: Database, clock: FakeClock) -> None:
    one, other = await add_site(db, clock), await add_site(db, clock, name="Other")
    for site in (one, other):
        await calls(db, clock, "mini", 20, site_id=site.id)
        await calls(db, clock, "large", 2, site_id=site.id, cost=600_000)
    async with db.write() as tx:
        await cap_large(tx, one.id, share=0.1, daily_usd=None)
    desk = LargeCap(0.2)
    assert await LargeShare(db, clock, desk).grant(one.id) is None
    assert await LargeShare(db, clock, desk).grant(other.id) is not None
    async with db.write() as tx:
        await cap_large(tx, one.id, share=0.9, daily_usd=1.2)
    assert await LargeShare(db, clock, desk).grant(one.id) is None, "the money is spent"
    async with db.write() as tx:
        await cap_large(tx, one.id, share=0.9, daily_usd=1.3)
    assert await LargeShare(db, clock, desk).grant(one.id) is not None
    async with db.read() as tx:
        use = await large_use(tx, one.id, clock())
    assert (use.answers, use.large, use.spent) == (22, 2, 1_200_000)
    async with db.write() as tx:
        await cap_large(tx, one.id, share=0.0, daily_usd=None)
    assert await LargeShare(db, clock, desk).grant(one.id) is None


async def test_all_that_large_did_counts_and_tools_that_chose_it_only_in_its_money(
    db: Database, clock: FakeClock
) -> None:
    await calls(db, clock, "mini", 20)
    for purpose in ("draft", "rewrite_reply", "summary", "answer"):
        share = LargeShare(db, clock, LargeCap(0.2, 1.0))
        assert await share.grant("s1") is not None, purpose
        await calls(db, clock, "large", purpose=purpose)
    await calls(db, clock, "large", 50, purpose="api", cost=19_000)
    async with db.read() as tx:
        use = await large_use(tx, "s1", clock())
    assert (use.answers, use.large, use.spent) == (24, 4, 4 * 100 + 50 * 19_000)
    share = LargeShare(db, clock, LargeCap(0.2, 1.0))
    assert await share.grant("s1", "draft") is None
    assert await share.grant("s1", "api") is not None
    await calls(db, clock, "large", purpose="api", cost=60_000)
    assert await LargeShare(db, clock, LargeCap(0.2, 1.0)).grant("s1", "api") is None
