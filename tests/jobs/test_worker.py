"""The worker: retries, parks, hands a killed worker's job to the next, and lets go at shutdown."""

import asyncio
import logging
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from tests.conftest import FakeClock

from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Job, utc_now
from minidesk.errors import Refused, Unavailable
from minidesk.jobs import MAX_ATTEMPTS, ClaimedJob, GiveUp, Handler, JobQueue, Worker
from minidesk.jobs.queue import UNKNOWN_WAIT_SECONDS
from minidesk.live import Hub

SOON = 60  # seconds; a test that waits this long has failed


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
    poll_s: float = 0.02,
    ticks: Callable[[], float] = time.monotonic,
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
        poll_s=poll_s,
        grace_s=grace_s,
        heartbeat_s=heartbeat_s,
        ticks=ticks,
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
    jobs = AskedThrice(hub, clock)
    done: list[int] = []

    async def handler(job: ClaimedJob) -> None:
        done.append(job.payload["n"])

    async def rename(old: str, new: str) -> None:
        async with db.write() as tx:
            await tx.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))

    await enqueue(db, jobs, 7)
    await rename("jobs", "jobs_away")
    async with working(db, jobs, hub, handler):
        async with asyncio.timeout(SOON):
            await jobs.three.wait()  # it has asked, in vain, and asks again
        await rename("jobs_away", "jobs")

        async def empty() -> bool:
            return not await rows(db)

        await until(empty)
    assert done == [7]


class AskedThrice(JobQueue):
    """Says when it was asked in vain for the third time."""

    def __init__(self, hub: Hub, clock: FakeClock) -> None:
        super().__init__(hub, clock)
        self.three = asyncio.Event()
        self.seen = 0

    async def claim(self, db: Database, queue: str, owner: str) -> ClaimedJob | None:
        """Count failures."""
        try:
            return await super().claim(db, queue, owner)
        except SQLAlchemyError:
            self.seen += 1
            if self.seen == 3:
                self.three.set()
            raise


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


async def test_an_absent_database_is_told_of_ever_more_rarely_and_once_when_it_is_back(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub()

    class Away(JobQueue):
        """Asked once a second, and away for the first 1,000 of them, and once more later."""

        asked = 0

        async def claim(self, db: Database, queue: str, owner: str) -> ClaimedJob | None:
            self.asked += 1
            if self.asked <= 1000 or self.asked == 1010:
                raise Unavailable
            return await super().claim(db, queue, owner)

    async def handler(job: ClaimedJob) -> None:
        pass

    jobs = Away(hub, clock)
    with caplog.at_level(logging.INFO, logger="minidesk.jobs"):
        async with working(db, jobs, hub, handler, poll_s=0, ticks=lambda: float(jobs.asked)):

            async def both_over() -> bool:
                return jobs.asked > 1011

            await until(both_over)
    assert [record.getMessage() for record in caplog.records] == [
        "cannot claim jobs: Unavailable",
        "cannot claim jobs: Unavailable, for 10 s",
        "cannot claim jobs: Unavailable, for 30 s",
        "cannot claim jobs: Unavailable, for 70 s",
        "cannot claim jobs: Unavailable, for 150 s",
        "cannot claim jobs: Unavailable, for 310 s",
        "cannot claim jobs: Unavailable, for 630 s",
        "jobs can be claimed again, after 1000 s",
        "cannot claim jobs: Unavailable",
        "jobs can be claimed again, after 1 s",
    ]


SECRETS = ("ana.secret@example.com", "Ana Secretly", "secret words")
QUOTING = f'"{SECRETS[2]}" of mine'  # by its name below: a traceback shows lines of the program


async def _twice(tx: Tx, n: int) -> None:
    """A broken constraint, of which PostgreSQL tells the address."""
    tx.add(_agent(f"agt_{n}"))
    await tx.flush()


async def _missing(tx: Tx, n: int) -> None:
    """A column that must not be empty: it tells the whole row."""
    row = _agent("agt_without")
    row.password_hash = None  # type: ignore[assignment]
    tx.add(row)
    await tx.flush()


async def _unread(tx: Tx, n: int) -> None:
    """A text that the server cannot read as a number: it quotes it."""
    await tx.execute(text("SELECT CAST(CAST(:words AS text) AS integer)"), {"words": QUOTING})


async def _unsent(tx: Tx, n: int) -> None:
    """A value that the driver cannot send: it quotes it too."""
    await tx.execute(text("SELECT CAST(:words AS integer) + 1"), {"words": QUOTING})


def _agent(id: str) -> Agent:
    return Agent(
        id=id, email="ana.secret@example.com", name="Ana Secretly", password_hash="-", operator=False,
        created_at=utc_now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("database_kind", "wrong"),
    [  # SQLite reads any text as some number: the last two are no errors there
        *(("sqlite", wrong) for wrong in (_twice, _missing)),
        *(
            pytest.param("postgres", wrong, marks=pytest.mark.postgres)
            for wrong in (_twice, _missing, _unread, _unsent)
        ),
    ],
    indirect=["database_kind"],
)
async def test_what_stands_in_rows_is_in_no_log_and_no_reason(
    db: Database,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
    wrong: Callable[[Tx, int], Awaitable[None]],
) -> None:
    async with db.write() as tx:
        await _twice(tx, 1)
    hub = Hub()
    jobs = JobQueue(hub, clock)
    await enqueue(db, jobs)

    async def handler(job: ClaimedJob) -> None:
        async with db.write() as tx:
            await wrong(tx, 2)

    async def failed() -> bool:
        return (await rows(db))[0].last_error is not None

    async with working(db, jobs, hub, handler):
        await until(failed)
    (job,) = await rows(db)
    told = [str(job.last_error), *(logging.Formatter().format(record) for record in caplog.records)]
    assert any("Traceback" in line for line in told)
    assert [secret for secret in SECRETS for line in told if secret in line] == []
