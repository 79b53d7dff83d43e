"""A worker: claims jobs of one queue, keeps their leases alive, and lets go of them when it is told to stop."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from minidesk.db import Database
from minidesk.errors import MinideskError, Refused
from minidesk.jobs.queue import (
    DIED,
    LEASE_SECONDS,
    UNKNOWN,
    UNKNOWN_WAIT_SECONDS,
    ClaimedJob,
    JobQueue,
)
from minidesk.jobs.turns import NotYet
from minidesk.live import Hub, Subscription

log = logging.getLogger(__name__)

# How long after the first line on an absent database the second follows, and how far apart they come at most.
SAY_AGAIN_SECONDS, SAY_AGAIN_MOST_SECONDS = 10.0, 3600.0

Handler = Callable[[ClaimedJob], Awaitable[None]]
GiveUp = Callable[[ClaimedJob, str], Awaitable[None]]

# Three missed heartbeats and the job is another's: one lost write must not cost a running answer.
HEARTBEAT_SECONDS = LEASE_SECONDS / 3

# What a database that is busy, gone or broken raises. The rows are safe: a worker waits and looks again.
DATABASE_ERRORS = (MinideskError, SQLAlchemyError, OSError)


class Worker:
    """Runs up to `concurrency` jobs of `queue` at a time.

    A handler runs at least once a job, so it must bear being repeated. What it raises becomes a retry, or a
    parked row with the reason. `give_up` names, by kind, whom to tell when a job has no attempts left: a job
    is parked only after that call has returned, so that no visitor waits for an answer that nobody writes. A job of a
    kind without a handler is put back, for a worker that has one.
    """

    def __init__(
        self,
        db: Database,
        jobs: JobQueue,
        hub: Hub,
        *,
        queue: str,
        owner: str,
        handlers: Mapping[str, Handler],
        give_up: Mapping[str, GiveUp] | None = None,
        concurrency: int = 1,
        poll_s: float = 1.0,
        grace_s: float = 10.0,
        heartbeat_s: float = HEARTBEAT_SECONDS,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """`ticks`: seconds from any moment on, by which it is said how long the database has been away."""
        self._db = db
        self._jobs = jobs
        self._hub = hub
        self._queue = queue
        self._owner = owner
        self._handlers = handlers
        self._give_up = give_up or {}
        self._concurrency = concurrency
        self._poll_s = poll_s
        self._grace_s = grace_s
        self._heartbeat_s = heartbeat_s
        self._running: set[asyncio.Task[None]] = set()
        self._unknown: set[str] = set()
        self._waiting = 0  # of those that run: they only wait for another one, and take no place
        self._freed = asyncio.Event()
        self._outage = _Outage(queue, ticks)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then claim nothing more, give running jobs their grace, and release the rest."""
        stopped = asyncio.create_task(stop.wait())
        try:
            async with self._hub.subscribe(f"jobs:{self._queue}") as woken:
                while not stop.is_set():
                    self._freed.clear()
                    job = await self._claim() if self._has_place() else None
                    if job is None:
                        await self._pause(stopped, woken)
                        continue
                    task = asyncio.create_task(self._work(replace(job, aside=self._aside)))
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
        finally:
            stopped.cancel()
            await self._drain()

    def _has_place(self) -> bool:
        return len(self._running) - self._waiting < self._concurrency

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """While a job waits for another one of its kind, somebody else's has its place."""
        self._waiting += 1
        self._freed.set()
        try:
            yield
        finally:
            self._waiting -= 1

    async def _claim(self) -> ClaimedJob | None:
        try:
            job = await self._jobs.claim(self._db, self._queue, self._owner)
        except DATABASE_ERRORS as error:
            # a busy or absent database: the rows are safe, ask again after the next pause
            self._outage.noticed(error)
            return None
        self._outage.over()
        return job

    async def _pause(self, stopped: asyncio.Task[bool], woken: Subscription) -> None:
        # With all hands full, a wake-up would only make us spin.
        news = woken.wait(self._poll_s) if self._has_place() else self._freed.wait()
        waits = {asyncio.create_task(news)}
        await asyncio.wait({stopped, *waits, *self._running}, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    async def _drain(self) -> None:
        tasks = set(self._running)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._grace_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _work(self, job: ClaimedJob) -> None:
        if job.kind not in self._handlers:
            if job.kind not in self._unknown:  # once, and not for each of a thousand mails each minute
                self._unknown.add(job.kind)
                log.warning("nobody here knows this kind of job: it waits", extra={"kind": job.kind})
            put_back = self._jobs.release(self._db, job, wait_s=UNKNOWN_WAIT_SECONDS, reason=UNKNOWN)
            await self._settle(job, put_back)
            return
        handling = asyncio.ensure_future(self._handle(job))
        beating = asyncio.create_task(self._beat(job, handling))
        try:
            await handling
        except asyncio.CancelledError:
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)
            await self._settle(job, self._jobs.release(self._db, job))
        except NotYet as not_yet:
            await self._settle(job, self._jobs.release(self._db, job, wait_s=not_yet.seconds))
        except Exception as error:  # whatever a handler raises is a failed attempt: the worker must live on
            await self._failed(job, error)
        else:
            await self._settle(job, self._jobs.finish(self._db, job))
        finally:
            beating.cancel()

    async def _handle(self, job: ClaimedJob) -> None:
        if job.spent:
            raise _Spent(DIED)
        await self._handlers[job.kind](job)

    async def _beat(self, job: ClaimedJob, handling: asyncio.Future[None]) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            try:
                ours = await self._jobs.heartbeat(self._db, job)
            except DATABASE_ERRORS as error:
                # the next beat may pass; if none does, the lease ends by itself
                log.warning("heartbeat failed: %s", type(error).__name__, extra={"job": job.id})
                continue
            if not ours:
                log.warning("lease lost", extra={"job": job.id, "kind": job.kind})
                handling.cancel()
                return

    async def _failed(self, job: ClaimedJob, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        final = job.last_attempt or isinstance(error, Refused)  # the same call would be refused again
        log.warning(
            "job failed", extra={"job": job.id, "kind": job.kind, "attempt": job.attempt}, exc_info=error
        )
        give_up = self._give_up.get(job.kind)
        if final and give_up is not None:
            try:
                await give_up(job, reason)
            except Exception:
                # the lease ends, the job is claimed once more as spent, and we try again to tell them
                log.exception("giving up failed", extra={"job": job.id, "kind": job.kind})
                return
        await self._settle(job, self._jobs.fail(self._db, job, reason, retry=not final))

    async def _settle(self, job: ClaimedJob, write: Awaitable[bool]) -> None:
        try:
            if not await write:
                log.warning("lease was lost before the end", extra={"job": job.id, "kind": job.kind})
        except DATABASE_ERRORS as error:
            # the row still says "running": its lease ends and the work is repeated
            log.warning("job could not be settled: %s", type(error).__name__, extra={"job": job.id})


class _Outage:
    """Tells of a database that is away: at once, then after ever longer times, and when it is back.

    It is asked each second: a night without it would be 30,000 lines of a log that say nothing more than the first.
    """

    def __init__(self, queue: str, ticks: Callable[[], float]) -> None:
        self._extra = {"queue": queue}
        self._ticks = ticks
        self._since: float | None = None
        self._distance = 0.0
        self._next = 0.0

    def noticed(self, error: Exception) -> None:
        """Jobs could not be claimed."""
        now = self._ticks()
        if self._since is None:
            self._since, self._distance, self._next = now, SAY_AGAIN_SECONDS, now
        if now < self._next:
            return
        away = now - self._since
        log.warning(
            "cannot claim jobs: %s%s",
            type(error).__name__,
            f", for {away:.0f} s" if away else "",
            extra=self._extra,
        )
        self._next = now + self._distance
        self._distance = min(2 * self._distance, SAY_AGAIN_MOST_SECONDS)

    def over(self) -> None:
        """They could be."""
        if self._since is not None:
            away = self._ticks() - self._since
            log.warning("jobs can be claimed again, after %.0f s", away, extra=self._extra)
            self._since = None


class _Spent(Exception):
    """All attempts died without a word."""
