"""Stored events: numbered without gaps, announced after the commit only, and split by audience."""

import asyncio

import pytest
from tests.conftest import FakeClock
from tests.rows import add_conversation

from minidesk.db import Database
from minidesk.errors import NotFound
from minidesk.live import EventLog, Hub


async def test_parallel_writers_number_without_gap_or_repeat(db: Database, clock: FakeClock) -> None:
    log = EventLog(Hub(), clock)
    conversation = await add_conversation(db, clock)

    async def append(i: int) -> int:
        async with db.write() as tx:
            return await log.append(tx, conversation.id, "message", {"i": i})

    numbers = await asyncio.gather(*(append(i) for i in range(20)))
    assert sorted(numbers) == list(range(1, 21))
    async with db.read() as tx:
        events = await log.after(tx, conversation.id, 0, audience="agents")
    assert [e.n for e in events] == list(range(1, 21))
    assert {e.n: e.data["i"] for e in events} == {n: i for i, n in enumerate(numbers)}


async def test_replay_gives_exactly_the_rest(db: Database, clock: FakeClock) -> None:
    log = EventLog(Hub(), clock)
    conversation = await add_conversation(db, clock)
    async with db.write() as tx:
        for i in range(5):
            await log.append(tx, conversation.id, "message", {"i": i})
    async with db.read() as tx:
        for cut in range(6):
            rest = await log.after(tx, conversation.id, cut, audience="all")
            assert [e.data["i"] for e in rest] == list(range(cut, 5))
        assert [e.n for e in await log.after(tx, conversation.id, 1, audience="all", limit=2)] == [2, 3]


async def test_a_visitor_never_reads_what_is_for_agents(db: Database, clock: FakeClock) -> None:
    log = EventLog(Hub(), clock)
    conversation = await add_conversation(db, clock)
    async with db.write() as tx:
        await log.append(tx, conversation.id, "message", {"text": "hello"})
        await log.append(tx, conversation.id, "note", {"text": "rude customer"}, audience="agents")
        await log.append(tx, conversation.id, "holder", {"holder": "queue"})
    async with db.read() as tx:
        for_visitor = await log.after(tx, conversation.id, 0, audience="all")
        for_agents = await log.after(tx, conversation.id, 0, audience="agents")
    assert [e.type for e in for_visitor] == ["message", "holder"]
    assert [e.type for e in for_agents] == ["message", "note", "holder"]


async def test_streams_are_woken_by_a_commit_and_not_by_a_rollback(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    log = EventLog(hub, clock)
    conversation = await add_conversation(db, clock)
    async with (
        hub.subscribe(f"conversation:{conversation.id}") as ear,
        hub.subscribe(f"site:{conversation.site_id}") as inbox,
    ):

        async def roll_back() -> None:
            async with db.write() as tx:
                await log.append(tx, conversation.id, "message", {})
                raise LookupError

        with pytest.raises(LookupError):
            await roll_back()
        assert await ear.wait(0.01) is False
        async with db.write() as tx:
            assert await log.append(tx, conversation.id, "message", {}) == 1  # the number went back as well
        assert await ear.wait(5) is True
        assert await inbox.wait(5) is True


async def test_an_event_of_no_conversation_is_refused(db: Database, clock: FakeClock) -> None:
    log = EventLog(Hub(), clock)
    with pytest.raises(NotFound):
        async with db.write() as tx:
            await log.append(tx, "cnv_nowhere", "message", {})
