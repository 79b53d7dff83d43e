"""The background process: parsing, embedding, reading the web; and what keeps it running."""

import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from minidesk import __version__
from minidesk.errors import MinideskError
from minidesk.ingest import Ingest
from minidesk.jobs import GiveUp, Handler, Worker
from minidesk.knowledge.crawl import Crawler
from minidesk.knowledge.crawls import QUEUE as CRAWL_QUEUE
from minidesk.knowledge.duplicates import QUEUE as DUPLICATES_QUEUE
from minidesk.knowledge.duplicates import DuplicateFinder
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.sources import QUEUE as FILES_QUEUE
from minidesk.knowledge.token_vectors import KIND as READ_TOKENS
from minidesk.knowledge.token_vectors import QUEUE as TOKENS_QUEUE
from minidesk.knowledge.token_vectors import TokenStore
from minidesk.outbound import Outbound
from minidesk.read_ahead import ReadAhead
from minidesk.settings import Settings
from minidesk.wiring.core import Core, open_core
from minidesk.wiring.doors import build_sources
from minidesk.wiring.tasks import first_of

log = logging.getLogger(__name__)

# Names in leases: whoever gets the owner's lock takes back what its predecessors held.
SERVER, CHILD, COMMAND = "server", "child", "command"
# Work that another process enqueued, or whose time has come, is seen this much later at most.
LOOK_FOR_WORK_SECONDS = 1.0
# An agent who uploads one file often uploads another: the next one need not wait for a new child.
IDLE_SECONDS = 10.0
# What a child may need to end the file it is at; after that its lease is taken back anyway.
CHILD_GRACE_SECONDS = 10
# A child that died is started again this much later (F31 asks for 3 s at most).
RESTART_SECONDS = 1.0
# What the child works on. Reading a site takes minutes, and uploads must not wait behind it.
CHILD_QUEUES = (FILES_QUEUE, CRAWL_QUEUE, DUPLICATES_QUEUE, TOKENS_QUEUE)
# Numbers from glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MEGABYTE = 1 << 20


def keep_memory_small() -> None:
    """Let glibc give memory back: before threads start, and for as long as this process lives.

    It opens up to eight heaps a core, one a thread, and once a block of some megabytes was freed it keeps all later
    ones of that size. The embedder's buffers then stayed in every thread's heap: 42 answers took a server from
    247 MB to 343–393; with these three limits to 306, at the same CPU time an answer.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:  # another C library, with rules of its own
        return
    for parameter, value in ((M_ARENA_MAX, 2), (M_MMAP_THRESHOLD, MEGABYTE), (M_TRIM_THRESHOLD, MEGABYTE)):
        mallopt(parameter, value)


async def supervise_child(core: Core, stop: asyncio.Event) -> None:
    """While there is background work, keep one niced child running it, until `stop`.

    The child ends when the queue is empty: an idle one would hold 150 MB for the embedding model alone. A database
    that is away is asked again each second, and said once.
    """
    away = False
    async with core.hub.subscribe(*(f"jobs:{queue}" for queue in CHILD_QUEUES)) as woken:
        while not stop.is_set():
            try:
                due = any([await core.jobs.is_due(core.db, queue) for queue in CHILD_QUEUES])
                away = False
                if due:
                    await _work_in_child(core, stop)
                    continue
            except MinideskError as error:
                if not away:
                    log.warning("work in the background cannot be looked for: %s", error.code)
                away = True
            await first_of(woken.wait(LOOK_FOR_WORK_SECONDS), stop.wait())


async def _work_in_child(core: Core, stop: asyncio.Event) -> None:
    """One life of the child. After one that died its leases are free, and a moment has passed."""
    status = await _run_child(core.settings, stop)
    if status != 0 and not stop.is_set():
        log.warning("the background process ended with %s and is started again", status)
        await first_of(asyncio.sleep(RESTART_SECONDS), stop.wait())
        await core.jobs.take_back(core.db, CHILD)


async def _run_child(settings: Settings, stop: asyncio.Event) -> int:
    """One life of the child; its exit status. It ends when its standard input closes, also if we are killed."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "minidesk", "work", "--parent-pipe"),
        stdin=asyncio.subprocess.PIPE,
        env=os.environ | environment_of(settings),
    )
    try:
        await first_of(child.wait(), stop.wait())
        if child.stdin is not None:
            child.stdin.close()
        async with asyncio.timeout(CHILD_GRACE_SECONDS):
            return await child.wait()
    except TimeoutError:
        child.kill()
        return await child.wait()


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, so that a child has the same ones, whatever they came from."""
    found = {}
    plain = settings.model_dump(mode="json", include=set(settings.model_fields_set), exclude_none=True)
    for name, value in plain.items():
        given = getattr(settings, name)
        if isinstance(given, SecretStr):
            value = given.get_secret_value()  # noqa: PLW2901 (a dump masks it)
        found[f"MINIDESK_{name.upper()}"] = (
            json.dumps(value) if isinstance(value, list | dict) else str(value)
        )
    return found


async def run_background_worker(settings: Settings, *, until_stdin_closes: bool) -> int:
    """Run the background queue: parsing and embedding. It writes SQL only; whoever owns the indexes follows."""
    keep_memory_small()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if until_stdin_closes:
        os.nice(10)  # an upload must not slow an answer
        pipe = sys.stdin.fileno()

        def hang_up() -> None:
            # A closed pipe is readable for ever: we would spin while the last job ends.
            loop.remove_reader(pipe)
            stop.set()

        # Noticed here and not told by the parent: a server that was killed with -9 closes the pipe and nothing else.
        loop.add_reader(pipe, hang_up)
    async with open_core(settings) as core:
        embedder = await open_embedder(settings)
        try:
            async with background_worker(core, f"{CHILD}-{os.getpid()}", embedder) as worker:
                idle = asyncio.create_task(_stop_when_idle(core, stop)) if until_stdin_closes else None
                await worker.run(stop)
                if idle is not None:
                    await idle
        finally:
            embedder.close()
    return 0


async def _stop_when_idle(core: Core, stop: asyncio.Event) -> None:
    """Set `stop` once no job has been there for `IDLE_SECONDS`."""
    quiet = 0.0
    while quiet < IDLE_SECONDS and not stop.is_set():
        await first_of(asyncio.sleep(LOOK_FOR_WORK_SECONDS), stop.wait())
        try:
            busy = any([await core.jobs.is_unfinished(core.db, queue) for queue in CHILD_QUEUES])
        except MinideskError as error:
            # Nobody knows whether there is work: to end now, the next child would ask the same database.
            log.warning("cannot look whether there is more to do: %s", error.code)
            busy = True
        quiet = 0.0 if busy else quiet + LOOK_FOR_WORK_SECONDS
    stop.set()


@asynccontextmanager
async def background_worker(core: Core, owner: str, embedder: Embedder) -> AsyncIterator["Workers"]:
    """Workers of the child's queues: files, the web, duplicates, and reading ahead."""
    crawler = Crawler(
        core.db,
        build_sources(core, embedder),
        core.jobs,
        core.hub,
        Outbound(core.settings.outbound_allow, user_agent=f"minidesk/{__version__}"),
        core.settings,
        core.clock,
    )
    ingest = Ingest(core.db, core.files, embedder, core.jobs, core.hub, core.settings, core.clock)
    finder = DuplicateFinder(
        core.db, core.jobs, core.hub, core.clock, embedder.fingerprint, embedder.documents
    )
    ahead = ReadAhead(
        TokenStore(core.db, embedder.token_fingerprint),
        embedder.tokens,
        core.jobs,
        core.settings.read_ahead_passages,
        lambda: core.jobs.is_unfinished(core.db, FILES_QUEUE),
    )

    def worker(
        queue: str, kind: str, run: Handler, give_up: GiveUp | None = None, at_once: int = 1
    ) -> Worker:
        return Worker(
            core.db,
            core.jobs,
            core.hub,
            queue=queue,
            owner=owner,
            handlers={kind: run},
            give_up={} if give_up is None else {kind: give_up},
            concurrency=at_once,
        )

    try:
        yield Workers(
            (
                # Of files, the rows of one are written while the next one is embedded; crawls wait most of their time.
                worker(FILES_QUEUE, "ingest", ingest.run, ingest.give_up, at_once=2),
                worker(CRAWL_QUEUE, "crawl", crawler.run, crawler.give_up, at_once=2),
                worker(DUPLICATES_QUEUE, "duplicates", finder.run),
                worker(TOKENS_QUEUE, READ_TOKENS, ahead.run),
            )
        )
    finally:
        await ingest.close()
        await crawler.close()


@dataclass(frozen=True, slots=True)
class Workers:
    """Several workers as one."""

    each: Sequence[Worker]

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        await asyncio.gather(*(worker.run(stop) for worker in self.each))
