"""The worker: retries, parks, hands a killed worker's job to the next, and lets go at shutdown."""

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import select, text
from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.db.models import Job, utc_now
from minidesk.errors import Refused
from minidesk.jobs import MAX_ATTEMPTS, ClaimedJob, GiveUp, Handler, JobQueue, Worker
from minidesk.jobs.queue import UNKNOWN_WAIT_SECONDS
from minidesk.live import Hub

SOON = 10  # seconds; a test that waits this long has failed


@asynccontextmanager
async def working(
    db: Database,
    jobs: JobQueue,
    hub: Hub,
    handler: Handler,
    *,
    give_up: GiveUp | None = None,
    concurrency: int = 2,
    grace_s: float = SOON,
    heartbeat_s: float = 5,
    kind: str = "reply",
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    worker = Worker(
        db,
        jobs,
        hub,
        queue="reply",
        owner="w:1",
        handlers={kind: handler},
        give_up={kind: give_up} if give_up else {},
        concurrency=concurrency,
        poll_s=0.02,
        grace_s=grace_s,
        heartbeat_s=heartbeat_s,
    )
    running = asyncio.create_task(worker.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(SOON):
            await running


async def enqueue(db: Database, jobs: JobQueue, n: int = 1, kind: str = "reply") -> str:
    async with db.write() as tx:
        job_id = await jobs.enqueue(tx, queue="reply", kind=kind, payload={"n": n})
    assert job_id is not None
    return job_id


async def rows(db: Database) -> list[Job]:
    async with db.read() as tx:
        return list(await tx.scalars(select(Job)))


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(SOON):
        while not await check():  # noqa: ASYNC110 (rows of another task have no event to wait for)
            await asyncio.sleep(0.005)


async def test_jobs_are_done_and_their_rows_deleted(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    done: list[int] = []

    async def handler(job: ClaimedJob) -> None:
        done.append(job.payload["n"])

    async with working(db, jobs, hub, handler):
        for n in range(5):
            await enqueue(db, jobs, n)

        async def empty() -> bool:
            return not await rows(db)

        await until(empty)
    assert sorted(done) == [0, 1, 2, 3, 4]


async def test_a_broken_database_stops_no_worker(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    done: list[int] = []

    async def handler(job: ClaimedJob) -> None:
        done.append(job.payload["n"])

    async def rename(old: str, new: str) -> None:
        async with db.write() as tx:
            await tx.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    await enqueue(db, jobs, 7)
    await rename("jobs", "jobs_away")
    failures = FailureCount()
    logging.getLogger("minidesk.jobs.worker").addHandler(failures)
    async with working(db, jobs, hub, handler):
        async with asyncio.timeout(SOON):
            await failures.three.wait()  # it has asked, in vain, and asks again
        await rename("jobs_away", "jobs")

        async def empty() -> bool:
            return not await rows(db)

        await until(empty)
    logging.getLogger("minidesk.jobs.worker").removeHandler(failures)
    assert done == [7]


class FailureCount(logging.Handler):
    """Says when three warnings were written."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.three = asyncio.Event()
        self.seen = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count."""
        self.seen += 1
        if self.seen == 3:
            self.three.set()


async def test_no_more_run_at_once_than_allowed(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    running = most = 0
    go = asyncio.Event()

    async def handler(_job: ClaimedJob) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await go.wait()
        running -= 1

    for n in range(5):
        await enqueue(db, jobs, n)
    async with working(db, jobs, hub, handler, concurrency=2):

        async def two_run() -> bool:
            return running == 2

        async def empty() -> bool:
            return not await rows(db)

        await until(two_run)
        go.set()
        await until(empty)
    assert most == 2


async def test_five_failures_tell_somebody_and_park_with_the_reason(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    told: list[str] = []
    attempts: list[int] = []

    async def handler(job: ClaimedJob) -> None:
        attempts.append(job.attempt)
        raise ValueError("the plate is broken")

    async def give_up(_job: ClaimedJob, reason: str) -> None:
        told.append(reason)

    await enqueue(db, jobs)
    async with working(db, jobs, hub, handler, give_up=give_up):

        async def parked() -> bool:
            (row,) = await rows(db)
            if row.state == "ready":  # and no farther: it may be claimed just now, and its lease would end
                clock.now = max(clock.now, row.run_at)
            return row.state == "parked"

        await until(parked)
    assert attempts == [1, 2, 3, 4, 5]
    assert told == ["ValueError: the plate is broken"]
    assert [r.last_error for r in await rows(db)] == told


async def test_what_is_refused_is_parked_at_once(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)

    async def handler(_job: ClaimedJob) -> None:
        raise Refused("This can never work. Change it.")

    await enqueue(db, jobs)
    async with working(db, jobs, hub, handler):

        async def parked() -> bool:
            return [r.state for r in await rows(db)] == ["parked"]

        await until(parked)
    assert [r.attempts for r in await rows(db)] == [1]


async def test_a_kind_that_nobody_knows_waits_for_somebody_who_does(db: Database, clock: FakeClock) -> None:
    """A start without the settings of mail, or of an older version, must not cost the mails that wait."""
    hub = Hub()
    jobs = JobQueue(hub, clock)
    done: list[int] = []

    async def handler(job: ClaimedJob) -> None:
        done.append(job.payload["n"])

    for n in range(MAX_ATTEMPTS + 1):
        await enqueue(db, jobs, 7, kind="mail") if n == 0 else clock.advance(minutes=1)
        async with working(db, jobs, hub, handler):

            async def put_back() -> bool:
                return [(r.state, r.run_at) for r in await rows(db)] == [
                    ("ready", clock() + timedelta(seconds=UNKNOWN_WAIT_SECONDS))
                ]

            await until(put_back)
    assert [(r.attempts, "nobody here" in (r.last_error or "")) for r in await rows(db)] == [(0, True)]
    assert done == []
    clock.advance(minutes=1)
    async with working(db, jobs, hub, handler, kind="mail"):

        async def empty() -> bool:
            return not await rows(db)

        await until(empty)
    assert done == [7]


async def test_stopping_gives_a_grace_and_then_the_lease_back(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    begun = asyncio.Event()
    cut: list[bool] = []

    async def handler(_job: ClaimedJob) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.append(True)
            raise

    await enqueue(db, jobs)
    async with working(db, jobs, hub, handler, grace_s=0.01):
        await begun.wait()
    assert cut == [True]
    assert [(r.state, r.attempts, r.lease_token) for r in await rows(db)] == [("ready", 0, None)]


async def test_stopping_lets_a_running_job_end(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    begun, go = asyncio.Event(), asyncio.Event()

    async def handler(_job: ClaimedJob) -> None:
        begun.set()
        await go.wait()

    await enqueue(db, jobs, 1)
    async with working(db, jobs, hub, handler, concurrency=1) as stop:
        await begun.wait()
        await enqueue(db, jobs, 2)
        stop.set()
        go.set()
    # No new claim after the stop.
    assert [(r.payload["n"], r.state) for r in await rows(db)] == [(2, "ready")]


async def test_a_worker_that_lost_its_lease_stops_working(db: Database, clock: FakeClock) -> None:
    hub = Hub()
    jobs = JobQueue(hub, clock)
    begun, cut = asyncio.Event(), asyncio.Event()

    async def handler(_job: ClaimedJob) -> None:
        if begun.is_set():
            return  # the second claim of it, after the heir is done
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut.set()

    await enqueue(db, jobs)
    async with working(db, jobs, hub, handler, heartbeat_s=0.01, concurrency=1):
        await begun.wait()
        assert await jobs.take_back(db, "w:1") == 1  # as a restarted owner would
        async with asyncio.timeout(SOON):
            await cut.wait()

        async def empty() -> bool:
            return not await rows(db)

        await until(empty)


KILLED = """
import asyncio, os, sys
from minidesk.db import Database
from minidesk.db.models import utc_now
from minidesk.jobs import JobQueue, Worker
from minidesk.live import Hub

async def handler(job):
    os._exit(137)  # what kill -9 leaves behind: a claimed row and nothing else

async def main():
    db, hub = Database(sys.argv[1]), Hub()
    worker = Worker(db, JobQueue(hub, utc_now), hub, queue="reply", owner="desk:1", handlers={"reply": handler})
    await worker.run(asyncio.Event())

asyncio.run(main())
"""


async def test_a_killed_process_leaves_its_job_to_the_next(db: Database, database_url: str) -> None:
    hub = Hub()
    jobs = JobQueue(hub, utc_now)
    job_id = await enqueue(db, jobs)
    killed = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(KILLED), database_url],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        timeout=60,
    )
    assert killed.returncode == 137, killed.stderr
    assert [r.state for r in await rows(db)] == ["running"]
    assert await jobs.take_back(db, "desk:") == 1
    done: list[tuple[str, int]] = []

    async def handler(job: ClaimedJob) -> None:
        done.append((job.id, job.attempt))

    async with working(db, jobs, hub, handler):

        async def empty() -> bool:
            return not await rows(db)

        await until(empty)
    assert done == [(job_id, 2)]
