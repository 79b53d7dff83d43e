"""Follows the knowledge revisions in SQL into the full text and into Chroma.

Each index stores, with what it holds, the revision that it holds. Applying revisions again is harmless, so a
process killed between two steps goes on where an index says it stands; an index that is missing, damaged,
behind a gap or ahead of a restored database is built from SQL's rows.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, KnowledgeRevision, Site, Vector
from minidesk.errors import MinideskError
from minidesk.fulltext import FullText, TextDoc, TextPage
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.known_answers import known_answer, known_answers
from minidesk.knowledge.vectors import RANKED_KINDS, VectorRow
from minidesk.live.hub import Hub
from minidesk.text.language import language_of

log = logging.getLogger(__name__)

# The child that ingests cannot wake us; a revision it wrote is seen this much later at most.
POLL_SECONDS = 1.0
# Revisions of one step: the first documents of a large upload answer while the others are still being followed.
STEP = 200
# Rows read from SQL at once: under 2 MB with their vectors, and half a second of Chroma's work.
READ = 500
# Documents read from SQL at once, with the text of all their chunks: a manual may have a hundred.
READ_PAGES = 100
# How often the open store is asked its known answers (F7).
CHECK_EVERY = timedelta(hours=1)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Step:
    """What a run of revisions comes to: chunks that went, chunks that may have come, whose they are, the last revision."""

    removed: set[str]
    added: set[str]
    documents: set[str]
    revision: int
    count: int


class Follower:
    """Keeps the indexes of one process at SQL's revision. Only the holder of the `OwnerLock` may run one."""

    def __init__(
        self,
        db: Database,
        index: ChromaIndex | None,
        fulltext: FullText,
        hub: Hub,
        clock: Callable[[], datetime],
    ) -> None:
        """`index` is None where there are no vectors to follow: without an embedding model words still answer."""
        self._db = db
        self._index = index
        self._fulltext = fulltext
        self._hub = hub
        self._clock = clock
        self._checked_at: datetime | None = None
        # A command's `catch_up` and the running loop must not interleave their batches.
        self._turn = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until `stop`. A failure is logged and tried again: a follower that ends lets the answers grow old."""
        while not stop.is_set():
            sites: dict[str, int] = await _guarded(self._revisions, {})
            async with self._hub.subscribe(
                "knowledge", *(f"knowledge:{site}" for site in sites)
            ) as subscription:
                await _guarded(self.catch_up, 0)
                await _first(subscription.wait(POLL_SECONDS), stop.wait())

    async def catch_up(self, site_id: str | None = None) -> int:
        """Bring the indexes to SQL's revision, for one site or all; how many revisions were applied (a rebuild is one).

        Opens and checks Chroma where that has not been done; a damaged store is moved aside and built again.
        """
        async with self._turn:
            sites = await self._revisions(site_id)
            # The text of all sites first: it takes a moment, and answers until the vectors are there.
            applied = sum([await self._follow_text(site, now) for site, now in sites.items()])
            if self._index is not None:
                await self._care(self._index)
                applied += sum(
                    [await self._follow_vectors(site, now, self._index) for site, now in sites.items()]
                )
            return applied

    async def is_behind(self, site_id: str) -> bool:
        """Whether pages of the site are stored that a question does not find yet."""
        for now in (await self._revisions(site_id)).values():
            if await asyncio.to_thread(self._fulltext.revision, site_id) != now:
                return True
            if self._index is not None and await self._index.revision(site_id) != now:
                return True
        return False

    async def rebuild(self, site_id: str) -> None:
        """Build both indexes of a site from SQL's rows."""
        async with self._turn:
            await self._rebuild_text(site_id)
            if self._index is not None:
                await self._care(self._index)
                await self._rebuild_vectors(site_id, self._index)

    async def _revisions(self, site_id: str | None = None) -> dict[str, int]:
        query = select(Site.id, Site.knowledge_revision).order_by(Site.id)
        async with self._db.read() as tx:
            rows = await tx.execute(query if site_id is None else query.where(Site.id == site_id))
            return dict(rows.all())

    async def _care(self, index: ChromaIndex) -> None:
        """Open the store after its check, mend it where it is damaged, and ask it its known answers once an hour."""
        now = self._clock()
        if not index.is_open:
            await index.open(await known_answers(self._db, index.fingerprint))
            self._checked_at = now
        elif self._checked_at is None or now - self._checked_at >= CHECK_EVERY:
            self._checked_at = now
            await index.healthy(await known_answers(self._db, index.fingerprint))
        if await index.is_damaged():
            await index.reset()

    async def _follow_text(self, site_id: str, now: int) -> int:
        at = await asyncio.to_thread(self._fulltext.revision, site_id)
        applied = 0
        while at != now:
            step = await self._step(site_id, at, now)
            if step is None:
                await self._rebuild_text(site_id)
                return applied + 1
            docs = [doc for ids in _pieces(sorted(step.added)) for doc in await self._docs(site_id, ids)]
            pages = [
                page
                for ids in _pieces(sorted(step.documents), READ_PAGES)
                for page in await self._pages(site_id, ids)
            ]
            gone = step.documents - {page.group for page in pages}
            await asyncio.to_thread(
                self._fulltext.apply, site_id, [*docs, *pages], step.removed, step.revision, gone=gone
            )
            at, applied = step.revision, applied + step.count
        return applied

    async def _follow_vectors(self, site_id: str, now: int, index: ChromaIndex) -> int:
        at = await index.revision(site_id)
        applied = 0
        while at != now:
            step = await self._step(site_id, at, now)
            if step is None:
                await self._rebuild_vectors(site_id, index)
                return applied + 1
            rows = [
                row
                for ids in _pieces(sorted(step.added))
                for row in await self._vectors(site_id, ids, index.fingerprint)
            ]
            await index.apply(site_id, rows, step.removed, step.revision)
            at, applied = step.revision, applied + step.count
            if rows:
                # A store that takes rows and loses them says nothing by itself (F7).
                await index.healthy([known_answer(site_id, at, rows)])
        return applied

    async def _step(self, site_id: str, at: int, now: int) -> _Step | None:
        """The next revisions after `at`, or None where following cannot lead there.

        None of them is past `now`, however many were written since: at a later one than it asked for, the caller
        would take the index for one of a database that was since restored, and build it again.
        """
        if at < 0 or at > now:
            return None
        query = (
            select(
                KnowledgeRevision.n,
                KnowledgeRevision.document_id,
                KnowledgeRevision.added,
                KnowledgeRevision.removed,
            )
            .where(KnowledgeRevision.site_id == site_id, KnowledgeRevision.n > at, KnowledgeRevision.n <= now)
            .order_by(KnowledgeRevision.n)
            .limit(STEP)
        )
        async with self._db.read() as tx:
            rows = (await tx.execute(query)).all()
        if [row[0] for row in rows] != list(range(at + 1, at + 1 + len(rows))) or not rows:
            return None
        return _Step(
            removed={chunk for _, _, _, removed in rows for chunk in removed},
            added={chunk for _, _, added, _ in rows for chunk in added},
            documents={document for _, document, _, _ in rows},
            revision=rows[-1][0],
            count=len(rows),
        )

    async def _rebuild_text(self, site_id: str) -> None:
        """All chunks again, in one commit. What changes meanwhile has a later revision and is followed afterwards."""
        revision = (await self._revisions(site_id)).get(site_id, 0)
        chunks = await self._current(site_id)
        loop = asyncio.get_running_loop()

        def everything() -> Iterator[TextDoc | TextPage]:
            """SQL's rows lot by lot, for the thread that writes: a whole site need not stand in memory."""
            for ids in _pieces(sorted(chunks)):
                yield from asyncio.run_coroutine_threadsafe(self._docs(site_id, ids), loop).result()
            for ids in _pieces(sorted(set(chunks.values())), READ_PAGES):
                yield from asyncio.run_coroutine_threadsafe(self._pages(site_id, ids), loop).result()

        await asyncio.to_thread(self._fulltext.rebuild, site_id, everything(), revision)
        log.info("full text built from the database", extra={"site": site_id, "revision": revision})

    async def _rebuild_vectors(self, site_id: str, index: ChromaIndex) -> None:
        """All vectors again, in batches; full text answers until the last one is there."""
        revision = (await self._revisions(site_id)).get(site_id, 0)
        chunks = await self._current(site_id)
        await index.begin(site_id)
        for ids in _pieces(sorted(chunks)):
            await index.add(site_id, await self._vectors(site_id, ids, index.fingerprint))
        await index.finish(site_id, revision)
        log.info("vector index built from the database", extra={"site": site_id, "revision": revision})

    async def _current(self, site_id: str) -> dict[str, str]:
        """The chunks of current versions, and the document of each."""
        query = (
            select(Chunk.id, Chunk.document_id)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.site_id == site_id, Document.current_version_id == Chunk.version_id)
        )
        async with self._db.read() as tx:
            return dict((await tx.execute(query)).all())

    # In the three below the site is compared here, not in the query: SQLite would take the index by site and read
    # all its rows for every lot.

    async def _docs(self, site_id: str, chunks: Sequence[str]) -> list[TextDoc]:
        """Chunks as the full text holds them; those that are no longer current are left out."""
        query = (
            select(Chunk, Document.title, Document.language)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.id.in_(chunks), Document.current_version_id == Chunk.version_id)
        )
        async with self._db.read() as tx:
            rows = (await tx.execute(query)).all()
        return [
            TextDoc(
                id=chunk.id,
                group=chunk.document_id,
                title=title,
                heading=" ".join(map(str, chunk.heading_path)),
                question=_lines(chunk.question, chunk.phrasings),
                body=chunk.text,
                language=language or language_of(f"{chunk.question or title}\n{chunk.text}"),
            )
            for chunk, title, language in rows
            if chunk.site_id == site_id
        ]

    async def _pages(self, site_id: str, documents: Sequence[str]) -> list[TextPage]:
        """Documents as wholes; one without current chunks is left out."""
        query = (
            select(Chunk, Document.title, Document.language)
            .join(Document, Document.id == Chunk.document_id)
            .where(Document.id.in_(documents), Document.current_version_id == Chunk.version_id)
            .order_by(Chunk.document_id, Chunk.ordinal)
        )
        async with self._db.read() as tx:
            rows = (await tx.execute(query)).all()
        parts: dict[str, dict[str, None]] = {}
        languages: dict[str, str | None] = {}
        for chunk, title, language in rows:
            if chunk.site_id == site_id:
                # A title that was made of the page's first words would count them twice.
                made = chunk.ordinal == 0 and chunk.text.startswith(title.rstrip("…"))
                languages[chunk.document_id] = language
                texts = parts.setdefault(chunk.document_id, {} if made else {title: None})
                # Each once: passages of one section share its heading, and all of an entry its questions.
                texts.update(dict.fromkeys(map(str, chunk.heading_path)))
                texts.update(dict.fromkeys((_lines(chunk.question, chunk.phrasings), chunk.text)))
        pages = [(document, "\n".join(texts)) for document, texts in parts.items()]
        return [
            TextPage(document, text, languages[document] or language_of(text)) for document, text in pages
        ]

    async def _vectors(self, site_id: str, chunks: Sequence[str], fingerprint: str) -> list[VectorRow]:
        """The vectors that an index holds of these chunks."""
        query = (
            select(Vector.site_id, Vector.chunk_id, Vector.kind, Vector.ordinal, Vector.data)
            .join(Chunk, Chunk.id == Vector.chunk_id)
            .join(Document, Document.id == Chunk.document_id)
            .where(
                Vector.chunk_id.in_(chunks),
                Vector.kind.in_(RANKED_KINDS),
                Vector.fingerprint == fingerprint,
                Document.current_version_id == Chunk.version_id,
            )
        )
        async with self._db.read() as tx:
            rows = (await tx.execute(query)).all()
        return [
            VectorRow(chunk, kind, ordinal, data)
            for site, chunk, kind, ordinal, data in rows
            if site == site_id
        ]


def _lines(question: str | None, phrasings: Sequence[object]) -> str:
    return "\n".join([*([question] if question else []), *map(str, phrasings)])


def _pieces(ids: Sequence[str], size: int = READ) -> Iterator[Sequence[str]]:
    """`ids` in runs that fit a statement: older SQLite builds allow 999 variables."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]


async def _guarded(work: Callable[[], Awaitable[T]], otherwise: T) -> T:
    """`work`'s result, or `otherwise` where a part is down for now; the next round tries again."""
    try:
        return await work()
    except (MinideskError, SQLAlchemyError, OSError, ValueError) as error:
        # ValueError: what tantivy raises for every trouble with its files.
        log.warning("the indexes could not be brought up to date: %s", error)
        return otherwise


async def _first(*waits: Awaitable[object]) -> None:
    """Return when one of `waits` does; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
