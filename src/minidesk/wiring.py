"""Builds the real parts from settings: the only place where concrete classes are chosen.

Core       rows, files, jobs, live events: what every command needs
Answers    what a question needs: search, the gateway, the asker
Desk       a server: Answers over Chroma, and the loops that follow, reply and supervise the child
"""

import asyncio
import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text

from minidesk import __version__
from minidesk.accounts import (
    Agents,
    Doors,
    OpenIdConnect,
    Passwords,
    Sealer,
    Sessions,
    SetupCode,
    build_doors,
    open_sealer,
)
from minidesk.answering.compose import LargeTier
from minidesk.answering.known import KnownAnswers
from minidesk.answering.models import ForPurpose, OneTier
from minidesk.ask import Asker
from minidesk.assist import Assist, ForAgents
from minidesk.channels import (
    ANSWER_MAIL,
    WEBHOOK,
    AnswerMails,
    Deliverer,
    MailOutbox,
    MailServer,
    Outbox,
    ReplyAddress,
    key_of,
)
from minidesk.channels import QUEUE as CHANNELS_QUEUE
from minidesk.conversations import Attachments, Conversations
from minidesk.db import Database
from minidesk.db.migrate import migrate
from minidesk.db.models import utc_now
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.gateway import CallRecord, Clocks, Gateway, ModelClient, Transcriber, read_catalog
from minidesk.handoff import Handoff, late_line, next_line
from minidesk.inbound import Inbound
from minidesk.ingest import Ingest
from minidesk.insight.first_look import FirstLook
from minidesk.insight.first_steps import QUEUE as LOOK_QUEUE
from minidesk.insight.metrics import CountedAsker, MeasuredSearcher, Metrics
from minidesk.jobs import Handler, JobQueue, Worker
from minidesk.knowledge.answer_cache import AnswerCache
from minidesk.knowledge.crawl import Crawler
from minidesk.knowledge.crawls import QUEUE as CRAWL_QUEUE
from minidesk.knowledge.crawls import Crawls
from minidesk.knowledge.duplicates import QUEUE as DUPLICATES_QUEUE
from minidesk.knowledge.duplicates import DuplicateFinder
from minidesk.knowledge.embed import Embedder, Reranker, open_embedder
from minidesk.knowledge.index import ChromaIndex, ExactIndex, OwnerLock, VectorIndex
from minidesk.knowledge.installed import InstallCheck
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.sources import Sources
from minidesk.live import EventLog, Hub, Listener, Presence
from minidesk.outbound import Allowed, Outbound
from minidesk.reply import Replier
from minidesk.settings import Settings
from minidesk.sites import SiteView, create_site, list_sites, site_by_key
from minidesk.sites.large_share import LargeCap, LargeShare
from minidesk.sites.spending import Ceilings, Spending
from minidesk.text.locale import Texts, load_texts
from minidesk.tickets import Embed, Tending, Tickets

log = logging.getLogger(__name__)

# Replies at once in one server. Each waits for a model most of its time; more would only queue behind the embedder.
REPLIES_AT_ONCE = 16
# Webhooks and mails under way at once. One site's ten silent receivers must not keep another's waiting.
SENT_AT_ONCE = 16
# Names in leases: whoever gets the owner's lock takes back what its predecessors held.
SERVER, CHILD, COMMAND = "server", "child", "command"
# Work that another process enqueued, or whose time has come, is seen this much later at most.
LOOK_FOR_WORK_SECONDS = 1.0
# An agent who uploads one file often uploads another: the next one need not wait for a new child.
IDLE_SECONDS = 10.0
# What a child may need to end the file it is at; after that its lease is taken back anyway.
CHILD_GRACE_SECONDS = 10
# The loops' time to end. Replies have ten seconds of grace (jobs/worker.py); following a large upload may take longer
# and goes on at the next start.
LOOPS_SECONDS = 12.0
# A child that died is started again this much later (F31 asks for 3 s at most).
RESTART_SECONDS = 1.0
DEFAULT_SITE = "default"
# What the child works on. Reading a site takes minutes, and uploads must not wait behind it.
CHILD_QUEUES = ("background", CRAWL_QUEUE, DUPLICATES_QUEUE)
# Numbers from glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MEGABYTE = 1 << 20


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
    attachments: Attachments
    texts: Texts
    spending: Spending
    metrics: Metrics
    outbox: Outbox
    presence: Presence

    async def book(self, record: CallRecord) -> None:
        """Where the ledger's lines go."""
        self.metrics.called(record)
        await self.spending.book(record)

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
    jobs = JobQueue(hub, clock)
    outbox = Outbox(jobs, clock, settings.base_url)
    listeners: list[Listener] = [outbox.heard]
    if settings.mails:
        listeners.append(MailOutbox(jobs, clock).heard)
    spending = Spending(db, clock, ceilings_of(settings))
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
            jobs=jobs,
            events=EventLog(hub, clock, listeners),
            files=FileStore(settings.data_dir / "files"),
            attachments=build_attachments(settings, db, clock),
            texts=load_texts(),
            spending=spending,
            metrics=Metrics(),
            outbox=outbox,
            presence=Presence(clock),
        )
    finally:
        await spending.close()
        await db.close()


def attachment_files(settings: Settings) -> FileStore:
    """Where the bytes of messages' files are: apart from the documents', which are removed by other rules."""
    return FileStore(settings.data_dir / "attachments")


def build_attachments(settings: Settings, db: Database, clock: Callable[[], datetime]) -> Attachments:
    """The files of messages."""
    return Attachments(
        db,
        attachment_files(settings),
        clock,
        max_bytes=settings.attachment_max_bytes,
        max_pixels=settings.attachment_max_pixels,
    )


@dataclass(frozen=True, slots=True)
class Answers:
    """What a question needs."""

    embedder: Embedder | None
    fulltext: FullText
    searcher: Searcher
    gateway: Gateway
    asker: Asker
    voice: Transcriber
    assist: Assist


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
    reranker = Reranker(core.settings.rerank_model) if core.settings.rerank_model else None
    searcher = MeasuredSearcher(core.db, embedder, index, fulltext, core.clock, reranker)
    searcher.metrics = core.metrics
    gateway, voice = build_gateway(core), build_voice(core)
    try:
        asker = Asker(
            searcher,
            embed_function(embedder),
            gateway,
            core.settings,
            core.clock,
            large=build_large(core, gateway),
            tokens=None if embedder is None else embedder.tokens,
            known=build_known(core),
            texts=core.texts,
        )
        assist = build_assist(core, searcher, embedder, gateway)
        yield Answers(embedder, fulltext, searcher, gateway, asker, voice, assist)
    finally:
        await gateway.close()
        await voice.close()
        fulltext.close()
        if reranker is not None:
            reranker.close()
        if embedder is not None:
            embedder.close()


def build_gateway(core: Core) -> Gateway:
    """The models that the settings name. Raises Invalid where the settings cannot be meant."""
    catalog = read_catalog(core.settings, os.environ)
    for entry in catalog.entries:
        if entry.problem:
            log.warning("the model %s is not asked: %s", entry.target.name, entry.problem)
    client = ModelClient(model_clocks(core.settings))
    return Gateway(client, catalog.routes, core.book, core.spending, others=catalog.others)


def build_voice(core: Core) -> Transcriber:
    """The models that write down voice notes, if the settings name any."""
    return Transcriber(read_catalog(core.settings, os.environ).voice, core.book, core.spending)


def build_large(core: Core, gateway: Gateway) -> LargeTier | None:
    """The tier that is asked where the proof of an answer is too thin; None where no model makes it."""
    if not gateway.offers("large"):
        return None
    share = LargeShare(core.db, core.clock, large_cap_of(core.settings))
    return LargeTier(OneTier(gateway, "large"), share)


def build_assist(core: Core, searcher: Searcher, embedder: Embedder | None, gateway: Gateway) -> Assist:
    """What helps agents with a reply. It keeps no answers: one with an internal page in it must reach no visitor."""
    large = build_large(core, gateway)
    asker = Asker(
        ForAgents(searcher),
        embed_function(embedder),
        ForPurpose(gateway, "draft"),
        core.settings,
        core.clock,
        large=None if large is None else LargeTier(ForPurpose(large.models, "draft"), large.share),
        tokens=None if embedder is None else embedder.tokens,
        texts=core.texts,
    )
    return Assist(core.db, asker, gateway, core.clock)


def build_known(core: Core) -> KnownAnswers | None:
    """Answers that were given before; None where they are not to be kept."""
    settings = core.settings
    if not settings.answer_cache:
        return None
    models = settings.model_dump_json(include={"model", "model_fallback", "model_base_url", "tiers"})
    return KnownAnswers(AnswerCache(core.db, core.clock), core.book, models)


def model_clocks(settings: Settings) -> Clocks:
    """How long a model may take."""
    return Clocks(settings.model_first_token_s, settings.model_gap_s, settings.model_total_s)


def ceilings_of(settings: Settings) -> Ceilings:
    """What may be spent."""
    return Ceilings(
        site_day=settings.model_daily_budget_usd,
        site_month=settings.model_monthly_budget_usd,
        all_day=settings.model_daily_budget_all_usd,
        all_month=settings.model_monthly_budget_all_usd,
        visitor_day=settings.model_daily_budget_visitor_usd,
    )


def large_cap_of(settings: Settings) -> LargeCap:
    """How much the large tier may do for a site that has set nothing else."""
    return LargeCap(settings.large_share_max, settings.large_daily_budget_usd)


def embed_function(embedder: Embedder | None) -> Embed:
    """What answering and triage compare texts with. Without a model nothing is alike: words decide alone (F29)."""
    if embedder is not None:
        return embedder.texts

    async def nothing_alike(texts: Sequence[str]) -> Any:
        import numpy as np

        return np.zeros((len(texts), 1), np.float32)

    return nothing_alike


def build_sources(core: Core, embedder: Embedder | None) -> Sources:
    """The door for files."""
    fingerprint = embedder.fingerprint if embedder is not None else ""
    return Sources(core.db, core.files, core.jobs, core.hub, core.settings, core.clock, fingerprint)


def build_crawls(core: Core) -> Crawls:
    """The door for addresses of pages and sites."""
    return Crawls(core.db, core.jobs, core.hub, core.clock, Allowed(core.settings.outbound_allow))


def build_install_check(core: Core) -> InstallCheck:
    """What looks at a page for the chat's script."""
    outbound = Outbound(core.settings.outbound_allow, user_agent=f"minidesk/{__version__}")
    return InstallCheck(outbound, core.settings)


def build_oidc(core: Core, sealer: Sealer, agents: Agents, sessions: Sessions) -> OpenIdConnect | None:
    """Sign-in by another service, where the settings name one."""
    if not core.settings.oidc_issuer:
        return None
    outbound = Outbound(core.settings.outbound_allow, user_agent=f"minidesk/{__version__}")
    return OpenIdConnect(core.db, core.settings, outbound, sealer, agents, sessions, core.clock)


@dataclass(frozen=True, slots=True)
class Desk:
    """A server's parts."""

    core: Core
    answers: Answers
    index: ChromaIndex | None
    follower: Follower
    conversations: Conversations
    tickets: Tickets
    tending: Tending
    handoff: Handoff
    sources: Sources
    replies: Worker
    looks: Worker
    channels: Worker
    agents: Agents
    sessions: Sessions
    setup_code: SetupCode
    doors: Doors
    oidc: OpenIdConnect | None
    stopping: asyncio.Event

    async def check_database(self) -> None:
        """Raises a MinideskError if no row can be read."""
        async with self.core.db.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def read_metrics(self) -> None:
        """Fetch the numbers that are not counted as they happen. Raises a MinideskError as `check_database` does."""
        await self.core.metrics.read(self.core.db, self.answers.gateway.states())

    @asynccontextmanager
    async def running(self, *others: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
        """The loops of the embedded server: following the knowledge, replying, the child with all other jobs, and `others`."""
        loops = [self.follower.run(self.stopping), self.replies.run(self.stopping)]
        loops += [self.looks.run(self.stopping), self.channels.run(self.stopping)]
        loops += [self.tending.run(self.stopping), self.core.attachments.run(self.stopping)]
        loops += [supervise_child(self.core, self.stopping), *(other() for other in others)]
        tasks = {asyncio.create_task(loop) for loop in loops}
        for task in tasks:
            task.add_done_callback(_report)
        try:
            yield
        finally:
            self.stopping.set()
            await end_tasks(tasks, LOOPS_SECONDS)


@asynccontextmanager
async def open_desk(core: Core, crash_point: Callable[[str], None] = lambda _: None) -> AsyncIterator[Desk]:
    """A server's parts, the indexes' ownership among them. Raises Conflict where another process owns them."""
    clock, db = core.clock, core.db
    async with AsyncExitStack() as stack:
        stack.enter_context(OwnerLock(core.settings.data_dir))
        await take_back_leases(core)
        embedder = await open_embedding(core.settings)
        index = (
            ChromaIndex.from_settings(core.settings, embedder.fingerprint) if embedder is not None else None
        )
        if index is not None:
            stack.callback(index.close)
        answers = await stack.enter_async_context(open_answers(core, embedder, index))
        follower = Follower(db, index, answers.fulltext, core.hub, clock)
        # Checking and opening Chroma takes a second; the rest of the start does not wait for it.
        opening = asyncio.create_task(follower.catch_up())
        opening.add_done_callback(
            lambda task: task.cancelled() or task.exception()
        )  # its loop will report the same
        stack.push_async_callback(end_tasks, [opening], LOOPS_SECONDS)
        sources = build_sources(core, embedder)
        if embedder is not None:  # without a model every file would look as if another one had made it
            await sources.refresh()
        await core.files.clean_up()
        await core.attachments.clean_up()
        conversations = Conversations(core.events, core.jobs, clock)
        tickets = Tickets(core.events, conversations, clock)
        embed = embed_function(embedder)
        handoff = Handoff(
            db,
            conversations,
            tickets,
            embed,
            next_line(core.texts),
            clock,
            models=answers.gateway,
            crash_point=crash_point,
        )
        replier = Replier(
            db,
            core.hub,
            conversations,
            CountedAsker(answers.asker, core.metrics),
            handoff,
            pictures=core.attachments.for_model
            if core.settings.model_images and answers.gateway.sees
            else None,
            crash_point=crash_point,
        )
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
        sealer = await asyncio.to_thread(open_sealer, core.settings)
        yield Desk(
            core=core,
            answers=answers,
            index=index,
            follower=follower,
            conversations=conversations,
            tickets=tickets,
            tending=Tending(db, tickets, late_line(core.texts), clock),
            handoff=handoff,
            sources=sources,
            replies=replies,
            looks=build_looks(core, answers.asker),
            channels=build_channels(core),
            agents=agents,
            sessions=sessions,
            setup_code=SetupCode(db, agents, clock),
            doors=build_doors(db, sealer, agents, sessions, clock),
            oidc=build_oidc(core, sealer, agents, sessions),
            stopping=asyncio.Event(),
        )


def build_looks(core: Core, asker: Asker) -> Worker:
    """What finds questions for a new site's first page, beside the replies."""
    look = FirstLook(core.db, asker, core.jobs, core.hub, core.clock)
    return Worker(
        core.db,
        core.jobs,
        core.hub,
        queue=LOOK_QUEUE,
        owner=f"{SERVER}-{os.getpid()}",
        handlers={"first_look": look.run},
        give_up={"first_look": look.give_up},
        concurrency=1,
    )


def build_channels(core: Core) -> Worker:
    """What sends webhooks and mails, beside the replies: it waits for others' servers and needs neither memory nor CPU."""
    settings = core.settings
    outbound = Outbound(settings.outbound_allow, user_agent=f"minidesk/{__version__}")
    handlers: dict[str, Handler] = {WEBHOOK: Deliverer(core.db, core.outbox, outbound, core.clock).run}
    if settings.mails:
        handlers[ANSWER_MAIL] = AnswerMails(
            core.db,
            MailOutbox(core.jobs, core.clock),
            MailServer(settings.smtp_url.get_secret_value()),
            core.presence,
            core.texts,
            core.clock,
            sender=settings.mail_from,
            base_url=settings.base_url,
            reply_address=reply_address(settings),
        ).run
    return Worker(
        core.db,
        core.jobs,
        core.hub,
        queue=CHANNELS_QUEUE,
        owner=f"{SERVER}-{os.getpid()}",
        handlers=handlers,
        concurrency=SENT_AT_ONCE,
    )


def reply_address(settings: Settings) -> ReplyAddress | None:
    """Where answers to mails go; None where none come in."""
    if not settings.mail_reply_to:
        return None
    return ReplyAddress(settings.mail_reply_to, key_of(settings.mail_inbound_secret.get_secret_value()))


def build_inbound(desk: Desk) -> Inbound | None:
    """What takes mails that come in, where the settings name an address for them."""
    core, address = desk.core, reply_address(desk.core.settings)
    if address is None:
        return None
    return Inbound(
        core.db,
        desk.conversations,
        desk.tickets,
        desk.handoff,
        core.attachments,
        address,
        core.clock,
        max_chars=core.settings.message_max_chars,
    )


async def take_back_leases(core: Core) -> None:
    """For the holder of the `OwnerLock`: whoever had these leases is dead, for the lock was free."""
    for owner in (SERVER, CHILD, COMMAND):
        await core.jobs.take_back(core.db, owner)


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

    The child ends when the queue is empty: an idle one would hold 150 MB for the embedding model alone.
    """
    async with core.hub.subscribe(*(f"jobs:{queue}" for queue in CHILD_QUEUES)) as woken:
        while not stop.is_set():
            if not any([await core.jobs.is_due(core.db, queue) for queue in CHILD_QUEUES]):
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
        busy = any([await core.jobs.is_unfinished(core.db, queue) for queue in CHILD_QUEUES])
        quiet = 0.0 if busy else quiet + LOOK_FOR_WORK_SECONDS
    stop.set()


@asynccontextmanager
async def background_worker(core: Core, owner: str, embedder: Embedder) -> AsyncIterator["Workers"]:
    """Workers of the child's queues: one for files with its parser, one that reads the web."""
    crawler = Crawler(
        core.db,
        build_sources(core, embedder),
        core.jobs,
        core.hub,
        Outbound(core.settings.outbound_allow, user_agent=f"minidesk/{__version__}"),
        core.settings,
        core.clock,
    )
    crawls = Worker(
        core.db,
        core.jobs,
        core.hub,
        queue=CRAWL_QUEUE,
        owner=owner,
        handlers={"crawl": crawler.run},
        give_up={"crawl": crawler.give_up},
        concurrency=2,  # they wait most of their time
    )
    ingest = Ingest(core.db, core.files, embedder, core.jobs, core.hub, core.settings, core.clock)
    try:
        files = Worker(
            core.db,
            core.jobs,
            core.hub,
            queue="background",
            owner=owner,
            handlers={"ingest": ingest.run},
            give_up={"ingest": ingest.give_up},
            concurrency=2,  # the rows of one file are written while the next one is embedded
        )
        finder = DuplicateFinder(
            core.db, core.jobs, core.hub, core.clock, embedder.fingerprint, embedder.documents
        )
        duplicates = Worker(
            core.db,
            core.jobs,
            core.hub,
            queue=DUPLICATES_QUEUE,
            owner=owner,
            handlers={"duplicates": finder.run},
            concurrency=1,
        )
        yield Workers((files, crawls, duplicates))
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


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of `waits` does; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def end_tasks(tasks: Collection[asyncio.Task[Any]], seconds: float) -> None:
    """Let `tasks` end by themselves for so long; then cancel them. What they raise is not raised here."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a loop of the server ended", exc_info=error)
