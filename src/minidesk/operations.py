"""What the commands do, composed from the rooms: ingest, ask, evaluate, examine, people."""

import asyncio
import contextlib
import itertools
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TextIO

from sqlalchemy import select

from minidesk.accounts import COMMAND as BY_COMMAND
from minidesk.accounts import (
    Agents,
    Passwords,
    Role,
    Sessions,
    build_doors,
    grant,
    open_sealer,
    record,
    record_of_agent,
)
from minidesk.answering.models import OneTier
from minidesk.answering.outcome import Answered, Question
from minidesk.answering.privacy import SiteWishes
from minidesk.ask import answer, wishes_of
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.db.models import Agent, Membership, Site
from minidesk.errors import Invalid, MinideskError, NotFound, Unavailable
from minidesk.insight.evaluation import Asked, Result, evaluate, read_questions, with_tags
from minidesk.insight.evaluation_text import as_dict as results_as_dict
from minidesk.insight.evaluation_text import as_text as results_as_text
from minidesk.insight.simulation import Played, play
from minidesk.insight.visitors import ModelVisitor, RuleVisitor, Visits, read_personas
from minidesk.jobs import JobQueue, ParkedJobs
from minidesk.knowledge.crawls import CrawlView, Kind, access_crawl, pages_of
from minidesk.knowledge.doctor import Doctor, Finding
from minidesk.knowledge.embed import open_embedder
from minidesk.knowledge.folder import FoundFile, files_of
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.languages import ADVISED_MODEL, languages_read, unread_language
from minidesk.knowledge.owner_lock import OwnerLock
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.queries import documents_of_sources, public_ids
from minidesk.knowledge.sources import Maker, Sources, SourceState, Upload
from minidesk.settings import Settings
from minidesk.sites import list_sites
from minidesk.tickets import Tickets, suspend
from minidesk.wiring import (
    COMMAND,
    Answers,
    Core,
    background_worker,
    build_crawls,
    build_sources,
    open_answers,
    open_core,
    open_embedding,
    take_back_leases,
)

# A server's child works on the files that a command stored; its rows are looked at this often.
LOOK_SECONDS = 0.1
# Its jobs stay where they are: when one is given up, its conversation goes to a person.
REPLIES = "reply"
# Files stored in one transaction: their bytes are in memory meanwhile.
FILES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """What became of one document."""

    state: Literal["ready", "failed", "skipped"]
    path: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Work:
    """Where files are taken in, and the lock of the server that works on them (None: this process does)."""

    core: Core
    sources: Sources
    site_id: str
    servers: OwnerLock | None

    async def look_again(self) -> None:
        """Wait a little: another task or process works, and its rows are all there is to ask.

        Raises Unavailable where the server has gone: what it had not read stays queued for the next one.
        """
        await asyncio.sleep(LOOK_SECONDS)
        if self.servers is not None and self.servers.acquire():
            raise Unavailable("The server stopped meanwhile: run the command again to take in the rest.")


async def ingest_paths(
    settings: Settings,
    paths: Sequence[Path],
    site_key: str | None,
    base_url: str | None,
    on_total: Callable[[int], None],
) -> AsyncIterator[DocumentLine]:
    """Store the files and follow what becomes of each; one line a document.

    Where a server owns the data folder its child does the work; else this process does, and brings the full
    text up to date at the end (vectors are followed by the next server).
    """
    found = await asyncio.to_thread(lambda: list(files_of(paths)))
    on_total(len(found))
    async with _taking_in(settings, site_key) as work:
        async for line in _follow(work, found, base_url):
            yield line


async def ingest_urls(
    settings: Settings, urls: Sequence[str], kind: Kind, site_key: str | None
) -> AsyncIterator[DocumentLine]:
    """Read pages, sitemaps or sites and follow what becomes of each page; one line a document or unread page."""
    async with _taking_in(settings, site_key) as work:
        crawls = build_crawls(work.core)
        for url in urls:
            since = work.core.clock()
            try:
                crawl = await crawls.order(site_id=work.site_id, url=url, kind=kind)
            except MinideskError as error:
                yield DocumentLine("failed", url, error.message)
                continue
            async for line in _follow_crawl(work, crawl, since):
                yield line


async def _follow_crawl(work: _Work, ordered: CrawlView, since: datetime) -> AsyncIterator[DocumentLine]:
    shown: set[str] = set()
    while True:
        async with work.core.db.read() as tx:
            crawl = await access_crawl(tx, ordered.site_id, ordered.id)
            pages = await pages_of(tx, ordered.id, since=since)
        for page in pages:
            if page.url in shown or page.status in ("queued", "processing"):
                continue
            shown.add(page.url)
            if page.stored and page.source_id:
                state = await work.sources.status(ordered.site_id, page.source_id)
                for line in await _lines(work.core, ordered.site_id, [state]):
                    yield line
            else:
                yield DocumentLine(
                    "failed" if page.status == "failed" else "skipped", page.url, page.reason or ""
                )
        if crawl.generation != ordered.generation and shown >= {page.url for page in pages}:
            if crawl.status == "failed":
                yield DocumentLine("failed", crawl.url, crawl.log[-1][1])
            return
        await work.look_again()


@asynccontextmanager
async def _taking_in(settings: Settings, site_key: str | None) -> AsyncIterator[_Work]:
    """What stores files for a site, while they are worked on: here, or by the child of the server that owns the folder."""
    lock = OwnerLock(settings.data_dir)
    async with open_core(settings) as core:
        site = await core.site(site_key)
        if owner := lock.acquire():
            await take_back_leases(core)  # a command killed before held its files for half a minute more
        embedder = await open_embedder(settings)  # nothing can be taken in without it
        sources = build_sources(core, embedder)
        stop = asyncio.Event()
        try:
            async with background_worker(core, f"{COMMAND}-{os.getpid()}", embedder) as worker:
                task = asyncio.create_task(worker.run(stop)) if owner else None
                yield _Work(core, sources, site.id, None if owner else lock)
                stop.set()
                if task is not None:
                    await task
            if owner:
                async with open_answers(core, embedder) as answers:
                    await Follower(core.db, None, answers.fulltext, core.hub, core.clock).catch_up(site.id)
        finally:
            stop.set()
            lock.release()
            embedder.close()


async def _follow(
    work: _Work, found: Sequence[FoundFile], base_url: str | None
) -> AsyncIterator[DocumentLine]:
    waiting: set[str] = set()  # ids of sources
    for start in range(0, len(found), FILES_AT_ONCE):
        uploads: list[Upload] = []
        for one in found[start : start + FILES_AT_ONCE]:
            try:
                uploads.append(Upload(one.path, await asyncio.to_thread(one.file.read_bytes)))
            except OSError:
                yield DocumentLine("failed", one.path, "The file cannot be read: check its permissions.")
        stored = await work.sources.store_many(
            site_id=work.site_id, uploads=uploads, base_url=base_url, maker=Maker("command")
        )
        for upload, state in zip(uploads, stored, strict=True):
            if isinstance(state, MinideskError):
                yield DocumentLine("failed", upload.path, state.message)
            else:
                waiting.add(state.id)
        async for line in _settled(work, waiting):
            yield line
    while waiting:
        await work.look_again()
        async for line in _settled(work, waiting):
            yield line


async def _settled(work: _Work, waiting: set[str]) -> AsyncIterator[DocumentLine]:
    """Lines of the files that are done, in order of their paths; these leave `waiting`."""
    done = [
        state
        for state in await work.sources.list_(work.site_id, limit=100_000)
        if state.id in waiting and state.status in ("ready", "failed", "skipped")
    ]
    waiting.difference_update(state.id for state in done)
    for line in await _lines(work.core, work.site_id, done):
        yield line


async def _lines(core: Core, site_id: str, states: Sequence[SourceState]) -> list[DocumentLine]:
    """A line a document; for a file that became none, its own."""
    async with core.db.read() as tx:
        documents = await documents_of_sources(tx, site_id, [state.id for state in states])
    lines = []
    for state in states:
        held = documents.get(state.id, [])
        if state.status == "failed" or not held:
            status: Literal["failed", "skipped"] = "failed" if state.status == "failed" else "skipped"
            lines.append(DocumentLine(status, state.path, state.reason or ""))
        else:
            lines += [DocumentLine(d.status, d.external_id, d.reason or "") for d in held]  # type: ignore[arg-type]  # retired ones are not listed
    return lines


@asynccontextmanager
async def open_for_asking(settings: Settings, site_key: str | None) -> AsyncIterator[tuple[str, Answers]]:
    """The site's id and what answers there. Reads the full text as it stands, and follows it first where no server does."""
    lock = OwnerLock(settings.data_dir)
    async with open_core(settings) as core:
        site = await core.site(site_key)
        embedder = await open_embedding(settings)
        try:
            async with open_answers(core, embedder) as answers:
                if lock.acquire():
                    try:
                        await Follower(core.db, None, answers.fulltext, core.hub, core.clock).catch_up(
                            site.id
                        )
                    finally:
                        lock.release()
                yield site.id, answers
        finally:
            if embedder is not None:
                embedder.close()


async def evaluate_file(
    settings: Settings,
    questions: Path,
    out: Path | None,
    *,
    given: bool,
    site_key: str | None,
    tags: Sequence[str] = (),
    as_json: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> str:
    """Run a question set and give its report, as text or JSON. `out` gets a result a line as soon as there is one.

    `tags`: only questions with one of them. `progress` is told how many are done, of how many. Raises Invalid for a set
    that cannot be read and a file that cannot be written.
    """
    asked = with_tags(await asyncio.to_thread(read_questions, questions), tags)
    wishes, unknown = await _site_of(settings, site_key, asked)
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(_Lines(out)) if out is not None else None
        done = itertools.count(1)

        def keep(result: Result) -> None:
            if lines is not None:
                lines.add(result.line())
            progress(next(done), len(asked))

        async with open_for_asking(settings, site_key) as (site_id, answers):
            results = await evaluate(
                answers.asker,
                answers.searcher,
                site_id,
                asked,
                given=given,
                wishes=wishes,
                on_result=keep,
            )
    if as_json:
        return json.dumps(results_as_dict(results), ensure_ascii=False)
    return results_as_text(results, unknown=unknown, written=out is not None)


async def _site_of(
    settings: Settings, site_key: str | None, asked: Sequence[Asked]
) -> tuple[SiteWishes, set[str]]:
    """What the site asks of answers, and the documents that the questions name and it does not have."""
    async with open_core(settings) as core:
        site = await core.site(site_key)
        async with core.db.read() as tx:
            known = await public_ids(tx, site.id)
    files = {document.split("#", 1)[0] for document in known}
    return wishes_of(site), {document for each in asked for document in each.relevant} - known - files


class _Lines:
    """A file of results that grows line by line: what was paid for is kept, whatever comes afterwards."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> "_Lines":
        """Raises Invalid where the file cannot be written: before anything was asked."""
        try:
            self._file = self._path.open("w", encoding="utf-8")
        except OSError as problem:
            raise Invalid(
                f"{self._path} cannot be written: {problem.strerror}. Give --out another file."
            ) from problem
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()

    def add(self, row: dict[str, Any]) -> None:
        """One line."""
        assert self._file is not None
        self._file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
        self._file.flush()


async def simulate_file(
    settings: Settings,
    conversations: Path,
    out: Path | None,
    *,
    rules: bool,
    site_key: str | None,
    show: Callable[[Played], None],
) -> list[Played]:
    """Play the conversations of a file; `show` gets each as it ends, `out` too.

    Raises Invalid for a file that cannot be read, or `out` that cannot be written.
    """
    personas = await asyncio.to_thread(read_personas, conversations)
    played: list[Played] = []
    wishes, _ = await _site_of(settings, site_key, ())
    with contextlib.ExitStack() as stack:
        lines = stack.enter_context(_Lines(out)) if out is not None else None
        async with open_for_asking(settings, site_key) as (site_id, answers):
            mini = OneTier(answers.gateway, "mini")
            for persona in personas:
                by_model = mini.configured and not rules
                visitor: Visits = ModelVisitor(persona, mini, site_id) if by_model else RuleVisitor(persona)
                played.append(await play(answers.asker, site_id, persona, visitor, wishes))
                if lines is not None:
                    lines.add(played[-1].line())
                show(played[-1])
    return played


async def ask_site(settings: Settings, site_key: str | None, question: str) -> Answered:
    """One question as the site's own visitors ask it: with its instructions, topics and private numbers. Nothing is written."""
    wishes, _ = await _site_of(settings, site_key, ())
    async with open_for_asking(settings, site_key) as (site_id, answers):
        return await answer(answers.asker, Question(site_id, question), wishes)


async def examine(settings: Settings, *, repair: bool) -> list[Finding]:
    """Work that was given up, and rows against vectors against full text. Raises Conflict while a server owns the indexes."""
    with OwnerLock(settings.data_dir):
        async with open_core(settings) as core:
            findings = await examine_jobs(core.db, core.jobs, repair=repair)
            embedder = await open_embedding(settings)
            if embedder is None:
                no_model = Finding(False, "The embedding model cannot be loaded; the log above says why.")
                return [*findings, no_model]
            index = ChromaIndex.from_settings(settings, embedder.fingerprint)
            try:
                async with open_answers(core, embedder, index) as answers:
                    follower = Follower(core.db, index, answers.fulltext, core.hub, core.clock)
                    doctor = Doctor(core.db, core.files, embedder, index, answers.fulltext, follower)
                    findings += await examine_languages(core.db, settings)
                    return [*findings, *await doctor.examine(repair=repair)]
            finally:
                index.close()
                embedder.close()


async def examine_jobs(db: Database, jobs: JobQueue, *, repair: bool) -> list[Finding]:
    """Work that was given up, a finding a kind. With `repair` it is tried again, with all its attempts."""
    if repair:
        async with db.write() as tx:
            parked = await jobs.parked(tx)
            for id_ in (id_ for some in parked if some.queue != REPLIES for id_ in some.ids):
                await jobs.restart(tx, id_)
    else:
        async with db.read() as tx:
            parked = await jobs.parked(tx)
    return [_given_up(some, repair=repair) for some in parked]


async def examine_languages(db: Database, settings: Settings) -> list[Finding]:
    """Sites whose pages are in a language that the embedding model does not read: nothing is broken, and more could be found."""
    reads = languages_read(settings)
    async with db.read() as tx:
        unread = {site.name: await unread_language(tx, site.id, reads) for site in await list_sites(tx)}
    return [
        Finding(
            True,
            f"{name}: most pages are in a language ({language}) that the embedding model does not read, so they are found by "
            f"their words, hardly by their meaning. Set MINIDESK_EMBEDDING_MODEL to {ADVISED_MODEL} and start again; "
            "all documents are then read again, once.",
        )
        for name, language in unread.items()
        if language
    ]


def _given_up(jobs: ParkedJobs, *, repair: bool) -> Finding:
    one = len(jobs.ids) == 1
    count = "1 job" if one else f"{len(jobs.ids)} jobs"
    what = f"{count} of the kind {jobs.kind} {'was' if one else 'were'} given up, the last one for this: "
    reason = what + jobs.reason.rstrip(".") + "."
    if jobs.queue == REPLIES:
        return Finding(True, f"{reason} People were asked to answer instead.")
    if repair:
        return Finding(True, f"{reason} {'It is' if one else 'They are'} tried again.")
    them = "it" if one else "them"
    return Finding(False, f"{reason} `minidesk doctor --repair` tries {them} again.")


async def agent_lines(core: Core) -> list[str]:
    """One line an agent: address, name, and the sites with the role there."""
    async with core.db.read() as tx:
        rows = await tx.execute(
            select(Agent.email, Agent.name, Agent.operator, Membership.role, Site.name, Agent.disabled_at)
            .outerjoin(Membership, Membership.agent_id == Agent.id)
            .outerjoin(Site, Site.id == Membership.site_id)
            .order_by(Agent.email, Site.name)
        )
        return [
            f"{email}  {name}  {f'{role} of {site}' if role else 'no site'}{'  (operator)' if operator else ''}"
            f"{'  (suspended)' if disabled_at else ''}"
            for email, name, operator, role, site, disabled_at in rows.tuples()
        ]


async def add_agent(
    core: Core, email: str, name: str, password: str, role: Role, operator: bool, site_key: str | None
) -> None:
    """A new agent with a role in one site. Raises Invalid or Conflict."""
    site = await core.site(site_key)
    sessions = Sessions(core.clock)
    agents = Agents(core.db, Passwords(), sessions, core.clock)
    agent = await agents.create(email=email, name=name, password=password, operator=operator)
    async with core.db.write() as tx:
        await grant(tx, sessions, agent_id=agent.id, site_id=site.id, role=role)
        await record(
            tx, core.clock(), BY_COMMAND, "people.joined", site_id=site.id, target_id=agent.id,
            target_name=agent.name, changes={"role": (None, role)},
        )  # fmt: skip


async def suspend_agent(core: Core, email: str) -> int:
    """Lock an agent out; how many tickets they had, which wait in the queue now. Raises NotFound."""
    agent, agents = await _agent_by(core, email)
    tickets = Tickets(core.events, Conversations(core.events, core.jobs, core.clock), core.clock)
    async with core.db.write() as tx:
        count = await suspend(tx, tickets, agents, agent.id)
        await record_of_agent(
            tx, core.clock(), BY_COMMAND, "people.suspended", agent_id=agent.id, agent_name=agent.name
        )
    return count


async def restore_agent(core: Core, email: str) -> None:
    """Let an agent in again. Raises NotFound."""
    agent, agents = await _agent_by(core, email)
    async with core.db.write() as tx:
        await agents.disable_in(tx, agent.id, False)
        await record_of_agent(
            tx, core.clock(), BY_COMMAND, "people.let_in", agent_id=agent.id, agent_name=agent.name
        )


async def _agent_by(core: Core, email: str) -> tuple[Agent, Agents]:
    async with core.db.read() as tx:
        agent = await tx.scalar(select(Agent).where(Agent.email == email.strip().lower()))
    if agent is None:
        raise NotFound("Nobody has this e-mail address: `minidesk agents list` names them.")
    return agent, Agents(core.db, Passwords(), Sessions(core.clock), core.clock)


async def new_password_link(core: Core, email: str, *, drop_second_factor: bool) -> str:
    """A link for who is locked out, for one hour; whoever can run this owns the desk. Raises NotFound."""
    sessions = Sessions(core.clock)
    agents = Agents(core.db, Passwords(), sessions, core.clock)
    doors = build_doors(
        core.db, await asyncio.to_thread(open_sealer, core.settings), agents, sessions, core.clock
    )
    made = await doors.resets.ask(email)
    if made is None:
        raise NotFound("Nobody has this e-mail address: `minidesk agents list` names them.")
    if drop_second_factor:
        async with core.db.write() as tx:
            agent = (await tx.scalars(select(Agent).where(Agent.email == made.email))).one()
            if await doors.factors.remove(tx, agent.id):
                await sessions.close_all_for(tx, agent.id)
                await record_of_agent(
                    tx, core.clock(), BY_COMMAND, "people.second_factor_removed",
                    agent_id=agent.id, agent_name=agent.name,
                )  # fmt: skip
    return f"{core.settings.base_url}/console/reset/{made.token}"
