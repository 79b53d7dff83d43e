"""The queue's promises: once per key, one owner at a time, nothing stranded, poison parked."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.db.models import Job
from minidesk.jobs import MAX_ATTEMPTS, ClaimedJob, JobQueue
from minidesk.live import Hub


@pytest.fixture
def jobs(clock: FakeClock) -> JobQueue:
    return JobQueue(Hub(), clock)


async def enqueue(db: Database, jobs: JobQueue, n: int = 1, key: str | None = None) -> str | None:
    async with db.write() as tx:
        return await jobs.enqueue(tx, queue="reply", kind="reply", payload={"n": n}, key=key)


async def claim(db: Database, jobs: JobQueue, owner: str = "a") -> ClaimedJob:
    job = await jobs.claim(db, "reply", owner)
    assert job is not None
    return job


async def row(db: Database, job_id: str) -> Job | None:
    async with db.read() as tx:
        return await tx.get(Job, job_id)


async def test_the_same_key_is_enqueued_once_until_it_is_done(db: Database, jobs: JobQueue) -> None:
    assert await enqueue(db, jobs, key="reply:1") is not None
    assert await enqueue(db, jobs, key="reply:1") is None
    assert await enqueue(db, jobs) is not None  # without a key, always
    job = await claim(db, jobs)
    assert await enqueue(db, jobs, key="reply:1") is None  # also while it runs
    assert await jobs.finish(db, job) is True
    assert await enqueue(db, jobs, key="reply:1") is not None


async def test_a_rolled_back_job_was_never_there(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)

    async def roll_back() -> None:
        async with db.write() as tx:
            await jobs.enqueue(tx, queue="reply", kind="reply", payload={})
            raise LookupError

    async with hub.subscribe("jobs:reply") as ear:
        with pytest.raises(LookupError):
            await roll_back()
        assert await ear.wait(0.01) is False
        assert await jobs.claim(db, "reply", "a") is None
        await enqueue(db, jobs)
        assert await ear.wait(5) is True


async def test_twenty_claims_at_once_get_twenty_different_jobs(db: Database, jobs: JobQueue) -> None:
    for n in range(20):
        await enqueue(db, jobs, n)
    claimed = await asyncio.gather(*(jobs.claim(db, "reply", f"w{i}") for i in range(25)))
    got = [job for job in claimed if job is not None]
    assert sorted(job.payload["n"] for job in got) == list(range(20))
    assert await jobs.claim(db, "background", "w") is None  # another queue's worker sees none of them


async def test_a_dead_workers_job_is_taken_over_after_its_lease(
    db: Database, jobs: JobQueue, clock: FakeClock
) -> None:
    await enqueue(db, jobs)
    dead = await claim(db, jobs, "dead")
    clock.advance(seconds=14)
    assert await jobs.claim(db, "reply", "heir") is None
    clock.advance(seconds=2)
    heir = await claim(db, jobs, "heir")
    assert (heir.id, heir.attempt) == (dead.id, 2)
    # The dead one was only slow: it can do nothing to the job any more.
    assert await jobs.heartbeat(db, dead) is False
    assert await jobs.finish(db, dead) is False
    assert await jobs.fail(db, dead, "too late") is False
    assert await jobs.release(db, dead) is False
    assert await jobs.finish(db, heir) is True
    assert await row(db, heir.id) is None


async def test_heartbeats_keep_a_long_job(db: Database, jobs: JobQueue, clock: FakeClock) -> None:
    await enqueue(db, jobs)
    job = await claim(db, jobs)
    for _ in range(10):
        clock.advance(seconds=10)
        assert await jobs.heartbeat(db, job) is True
        assert await jobs.claim(db, "reply", "other") is None


async def test_failures_back_off_and_the_fifth_parks_with_its_reason(
    db: Database, jobs: JobQueue, clock: FakeClock
) -> None:
    job_id = await enqueue(db, jobs)
    assert job_id is not None
    waits = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = await claim(db, jobs)
        assert job.attempt == attempt
        await jobs.fail(db, job, f"reason {attempt}")
        state = await row(db, job_id)
        assert state is not None
        waits.append(max(timedelta(0), state.run_at - clock()).total_seconds())
        if attempt < MAX_ATTEMPTS:
            assert await jobs.claim(db, "reply", "hasty") is None
            clock.advance(seconds=waits[-1])
    assert waits[:4] == [1, 2, 4, 8]
    assert state is not None
    assert state.state == "parked"
    assert state.last_error == "reason 5"
    clock.advance(days=30)
    assert await jobs.claim(db, "reply", "a") is None
    async with db.write() as tx:
        assert await jobs.restart(tx, job_id) is True
    assert (await claim(db, jobs)).attempt == 1


async def test_a_job_that_kills_its_workers_is_claimed_as_spent_and_then_parked(
    db: Database, jobs: JobQueue, clock: FakeClock
) -> None:
    job_id = await enqueue(db, jobs)
    assert job_id is not None
    spent = []
    while (job := await jobs.claim(db, "reply", "w")) is not None:
        spent.append(job.spent)
        clock.advance(seconds=16)
    assert spent == [False] * 5 + [True] * 3
    state = await row(db, job_id)
    assert state is not None
    assert state.state == "parked"
    assert state.last_error is not None
    assert "died" in state.last_error


async def test_a_restarted_owner_frees_its_predecessors_leases_only(db: Database, jobs: JobQueue) -> None:
    for n in range(3):
        await enqueue(db, jobs, n)
    await claim(db, jobs, "desk%1:100")
    await claim(db, jobs, "desk%1:100")
    other = await claim(db, jobs, "deskX1:7")  # the prefix is no pattern
    assert await jobs.take_back(db, "desk%1:") == 2
    assert [(await claim(db, jobs)).attempt for _ in range(2)] == [2, 2]
    assert await jobs.claim(db, "reply", "a") is None
    assert await jobs.finish(db, other) is True


async def test_a_released_job_is_there_at_once_and_loses_no_attempt(db: Database, jobs: JobQueue) -> None:
    await enqueue(db, jobs)
    first = await claim(db, jobs)
    assert await jobs.release(db, first) is True
    assert (await claim(db, jobs)).attempt == 1


@pytest.mark.parametrize("jump", [timedelta(days=-3), timedelta(hours=2)])
async def test_a_clock_that_jumps_strands_nothing(
    db: Database, jobs: JobQueue, clock: FakeClock, jump: timedelta
) -> None:
    await enqueue(db, jobs, 1)
    await claim(db, jobs, "dead")
    await enqueue(db, jobs, 2)
    clock.now += jump
    assert {(await claim(db, jobs)).payload["n"] for _ in range(2)} == {1, 2}


async def test_a_job_for_later_waits(db: Database, jobs: JobQueue, clock: FakeClock) -> None:
    async with db.write() as tx:
        await jobs.enqueue(tx, queue="mails", kind="mail", payload={}, run_at=clock() + timedelta(minutes=5))
    assert await jobs.claim(db, "mails", "a") is None
    assert await jobs.is_due(db, "mails") is False
    clock.advance(minutes=5)
    assert await jobs.is_due(db, "mails") is True
    assert await jobs.claim(db, "mails", "a") is not None


async def test_a_reply_that_failed_while_the_clock_was_ahead_waits_no_longer_than_others(
    db: Database, jobs: JobQueue, clock: FakeClock
) -> None:
    job_id = await enqueue(db, jobs)
    clock.advance(hours=2)
    await jobs.fail(db, await claim(db, jobs), "no model")
    clock.advance(hours=-2)
    assert await jobs.is_due(db, "reply") is True
    assert (await claim(db, jobs)).id == job_id


async def test_a_claim_among_many_sorts_nothing(db: Database, jobs: JobQueue, clock: FakeClock) -> None:
    async with db.write() as tx:
        await jobs.enqueue_many(
            tx, queue="reply", kind="reply", payloads={f"reply:{n}": {"n": n} for n in range(3000)}
        )
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    if not db.is_sqlite:
        async with db.write() as tx:
            await tx.execute(text("ANALYZE jobs"))
    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    first = await claim(db, jobs)
    event.remove(db.engine.sync_engine, "before_cursor_execute", note)
    statement, parameters = asked[-1]  # the one that found it
    how = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
    async with db.write() as tx:
        connection = await tx.connection()
        plan = "\n".join(map(str, await connection.exec_driver_sql(f"{how} {statement}", parameters)))
        oldest = await tx.scalar(select(func.min(Job.id)))
    assert "ix_jobs_claim" in plan
    assert "Sort" not in plan
    assert "B-TREE" not in plan
    assert first.id == oldest


async def test_nothing_is_left_of_finished_work(db: Database, jobs: JobQueue) -> None:
    for n in range(3):
        await enqueue(db, jobs, n)
        await jobs.finish(db, await claim(db, jobs))
    async with db.read() as tx:
        assert (await tx.scalars(select(Job))).all() == []
