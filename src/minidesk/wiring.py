"""Builds the real parts from settings: the only place where concrete classes are chosen.

Core       rows, files, jobs, live events: what every command needs
Answers    what a question needs: search, the gateway, the asker
Desk       a server: Answers over Chroma, and the loops that follow, reply and supervise the child
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from minidesk.accounts import Agents, Passwords, Sessions, SetupCode
from minidesk.ask import Asker
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.db.migrate import migrate
from minidesk.db.models import utc_now
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.gateway import Clocks, Gateway, ModelClient, Target
from minidesk.handoff import Handoff, next_line
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue, Worker
from minidesk.knowledge.embed import Embedder, open_embedder
from minidesk.knowledge.index import ChromaIndex, ExactIndex, OwnerLock, VectorIndex
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.sources import Sources
from minidesk.live import EventLog, Hub
from minidesk.reply import Replier
from minidesk.settings import Settings
from minidesk.sites import SiteView, create_site, list_sites, site_by_key
from minidesk.sites.spending import Spending
from minidesk.text.locale import Texts, load_texts
from minidesk.tickets import Embed, Tickets

log = logging.getLogger(__name__)

# Replies at once in one server. Each waits for a model most of its time; more would only queue behind the embedder.
REPLIES_AT_ONCE = 16
# Names in leases: a server that starts takes back what its predecessor and its child held.
SERVER, CHILD = "server", "child"
# Work that another process enqueued, or whose time has come, is seen this much later at most.
LOOK_FOR_WORK_SECONDS = 1.0
# An agent who uploads one file often uploads another: the next one need not wait for a new child.
IDLE_SECONDS = 10.0
# What a child may need to end the file it is at; after that its lease is taken back anyway.
CHILD_GRACE_SECONDS = 10
# A child that died is started again this much later (F31 asks for 3 s at most).
RESTART_SECONDS = 1.0
DEFAULT_SITE = "default"


@dataclass(frozen=True, slots=True)
class Core:
    """What every command needs. Nothing heavy is loaded."""

    settings: Settings
    clock: Callable[[], datetime]
    db: Database
    hub: Hub
    jobs: JobQueue
    events: EventLog
    files: FileStore
    texts: Texts
    spending: Spending

    async def site(self, key: str | None) -> SiteView:
        """The site with this key, or the only one there is. Raises NotFound, or Invalid where there are several."""
        async with self.db.read() as tx:
            if key is not None:
                try:
                    return await site_by_key(tx, key)
                except NotFound as error:
                    raise NotFound(
                        f"There is no site with the key {key}: `minidesk sites list` names them."
                    ) from error
            found = await list_sites(tx)
        if len(found) != 1:
            raise Invalid(
                "There are several sites: say which one with --site KEY (`minidesk sites list` names them)."
            )
        return found[0]


@asynccontextmanager
async def open_core(settings: Settings, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Core]:
    """Open the database, bring it up to date, and make sure that there is a site."""
    await asyncio.to_thread(settings.data_dir.mkdir, parents=True, exist_ok=True)
    db = Database(settings.resolved_database_url)
    hub = Hub()
    try:
        await migrate(db, settings.data_dir)
        async with db.write() as tx:
            if not await list_sites(tx):
                await create_site(tx, name=DEFAULT_SITE, now=clock())
        yield Core(
            settings=settings,
            clock=clock,
            db=db,
            hub=hub,
            jobs=JobQueue(hub, clock),
            events=EventLog(hub, clock),
            files=FileStore(settings.data_dir / "files"),
            texts=load_texts(),
            spending=Spending(db, clock, settings.model_daily_budget_usd),
        )
    finally:
        await db.close()


@dataclass(frozen=True, slots=True)
class Answers:
    """What a question needs."""

    embedder: Embedder | None
    fulltext: FullText
    searcher: Searcher
    gateway: Gateway
    asker: Asker


async def open_embedding(settings: Settings) -> Embedder | None:
    """The embedder, or None with a line in the log: words alone answer then (F29)."""
    try:
        return await open_embedder(settings)
    except MinideskError as error:
        log.error("%s", error.message)  # noqa: TRY400 (the sentence says all; a trace would only frighten)
        return None


@asynccontextmanager
async def open_answers(
    core: Core, embedder: Embedder | None, index: VectorIndex | None = None
) -> AsyncIterator[Answers]:
    """Search, gateway and asker. Without an `index`, SQL's vectors are ranked exactly: what commands do."""
    fulltext = FullText(core.settings.data_dir / "fulltext")
    if index is None and embedder is not None:
        index = ExactIndex(core.db, embedder.fingerprint)
    searcher = Searcher(core.db, embedder, index, fulltext)
    gateway = build_gateway(core)
    try:
        asker = Asker(searcher, embed_function(embedder), gateway, core.settings, core.clock)
        yield Answers(embedder, fulltext, searcher, gateway, asker)
    finally:
        await gateway.close()
        fulltext.close()
        if embedder is not None:
            embedder.close()


def build_gateway(core: Core) -> Gateway:
    """The models that the settings name, in the order they are asked."""
    settings = core.settings
    clocks = Clocks(settings.model_first_token_s, settings.model_gap_s, settings.model_total_s)
    return Gateway(ModelClient(clocks), _targets(settings), core.spending.book, core.spending)


def _targets(settings: Settings) -> list[Target]:
    def target(model: str, url: str, key: SecretStr) -> Target:
        return Target(
            model, url, key.get_secret_value(), settings.model_input_price, settings.model_output_price
        )

    found = []
    if settings.model:
        found.append(target(settings.model, settings.model_base_url, settings.model_api_key))
    if settings.model_fallback:
        elsewhere = settings.model_fallback_base_url
        key = settings.model_fallback_api_key if elsewhere else settings.model_api_key
        found.append(target(settings.model_fallback, elsewhere or settings.model_base_url, key))
    return found


def embed_function(embedder: Embedder | None) -> Embed:
    """What answering and triage compare texts with. Without a model nothing is alike: words decide alone (F29)."""
    if embedder is not None:
        return embedder.documents

    async def nothing_alike(texts: Sequence[str]) -> Any:
        import numpy as np

        return np.zeros((len(texts), 1), np.float32)

    return nothing_alike


def build_sources(core: Core, embedder: Embedder | None) -> Sources:
    """The door for files."""
    fingerprint = embedder.fingerprint if embedder is not None else ""
    return Sources(core.db, core.files, core.jobs, core.hub, core.settings, core.clock, fingerprint)


@dataclass(frozen=True, slots=True)
class Desk:
    """A server's parts."""

    core: Core
    answers: Answers
    index: ChromaIndex | None
    follower: Follower
    conversations: Conversations
    tickets: Tickets
    handoff: Handoff
    sources: Sources
    replies: Worker
    agents: Agents
    sessions: Sessions
    setup_code: SetupCode
    stopping: asyncio.Event

    async def check_database(self) -> None:
        """Raises a MinideskError if no row can be read."""
        async with self.core.db.read() as tx:
            await tx.execute(text("SELECT 1"))

    @asynccontextmanager
    async def running(self, *others: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """The loops of the embedded server: following the knowledge, replying, the child with all other jobs, and `others`."""
        loops = [self.follower.run(self.stopping), self.replies.run(self.stopping)]
        loops += [supervise_child(self.core, self.stopping), *(other() for other in others)]
        async with AsyncExitStack() as stack:
            for loop in loops:
                task = asyncio.create_task(loop)
                task.add_done_callback(_report)
                stack.push_async_callback(_finish, task)
            stack.callback(self.stopping.set)  # runs first: the loops end by themselves
            yield


@asynccontextmanager
async def open_desk(core: Core, crash_point: Callable[[str], None] = lambda _: None) -> AsyncIterator[Desk]:
    """A server's parts, the indexes' ownership among them. Raises Conflict where another process owns them."""
    clock, db = core.clock, core.db
    async with AsyncExitStack() as stack:
        stack.enter_context(OwnerLock(core.settings.data_dir))
        # Whoever had these leases is dead: the lock was free.
        await core.jobs.take_back(db, SERVER)
        await core.jobs.take_back(db, CHILD)
        embedder = await open_embedding(core.settings)
        index = (
            ChromaIndex.from_settings(core.settings, embedder.fingerprint) if embedder is not None else None
        )
        if index is not None:
            stack.callback(index.close)
        answers = await stack.enter_async_context(open_answers(core, embedder, index))
        sources = build_sources(core, embedder)
        if embedder is not None:  # without a model every file would look as if another one had made it
            await sources.refresh()
        await core.files.clean_up()
        conversations = Conversations(core.events, core.jobs, clock)
        tickets = Tickets(core.events, conversations, clock)
        embed = embed_function(embedder)
        handoff = Handoff(
            db, conversations, tickets, embed, next_line(core.texts), clock, crash_point=crash_point
        )
        replier = Replier(db, core.hub, conversations, answers.asker, handoff, crash_point=crash_point)
        replies = Worker(
            db,
            core.jobs,
            core.hub,
            queue="reply",
            owner=f"{SERVER}-{os.getpid()}",
            handlers={"reply": replier.reply},
            give_up={"reply": replier.give_up},
            concurrency=REPLIES_AT_ONCE,
        )
        sessions = Sessions(clock)
        agents = Agents(db, Passwords(), sessions, clock)
        yield Desk(
            core=core,
            answers=answers,
            index=index,
            follower=Follower(db, index, answers.fulltext, core.hub, clock),
            conversations=conversations,
            tickets=tickets,
            handoff=handoff,
            sources=sources,
            replies=replies,
            agents=agents,
            sessions=sessions,
            setup_code=SetupCode(db, agents, clock),
            stopping=asyncio.Event(),
        )


async def supervise_child(core: Core, stop: asyncio.Event) -> None:
    """While there is background work, keep one niced child running it, until `stop`.

    The child ends when the queue is empty: an idle one would hold 150 MB for the embedding model alone.
    """
    async with core.hub.subscribe("jobs:background") as woken:
        while not stop.is_set():
            if not await core.jobs.is_due(core.db, "background"):
                await first_of(woken.wait(LOOK_FOR_WORK_SECONDS), stop.wait())
                continue
            status = await _run_child(core.settings, stop)
            if status != 0 and not stop.is_set():
                log.warning("the background process ended with %s and is started again", status)
                await core.jobs.take_back(core.db, CHILD)
                await first_of(asyncio.sleep(RESTART_SECONDS), stop.wait())


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
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        found[f"MINIDESK_{name.upper()}"] = json.dumps(value) if isinstance(value, tuple) else str(value)
    return found


async def run_background_worker(settings: Settings, *, until_stdin_closes: bool) -> int:
    """Run the background queue: parsing and embedding. It writes SQL only; whoever owns the indexes follows."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if until_stdin_closes:
        os.nice(10)  # an upload must not slow an answer
        # Set here and not by the parent: a server that was killed with -9 closes the pipe and nothing else.
        loop.add_reader(sys.stdin.fileno(), stop.set)
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
        busy = await core.jobs.is_unfinished(core.db, "background")
        quiet = 0.0 if busy else quiet + LOOK_FOR_WORK_SECONDS
    stop.set()


@asynccontextmanager
async def background_worker(core: Core, owner: str, embedder: Embedder) -> AsyncIterator[Worker]:
    """A worker of the background queue with its parser."""
    ingest = Ingest(core.db, core.files, embedder, core.jobs, core.hub, core.settings, core.clock)
    try:
        yield Worker(
            core.db,
            core.jobs,
            core.hub,
            queue="background",
            owner=owner,
            handlers={"ingest": ingest.run},
            give_up={"ingest": ingest.give_up},
            concurrency=2,  # the rows of one file are written while the next one is embedded
        )
    finally:
        await ingest.close()


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of `waits` does; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _finish(task: asyncio.Task[None]) -> None:
    """Wait for a loop to end; what it raised was reported."""
    await asyncio.wait({task})


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a loop of the server ended", exc_info=error)
