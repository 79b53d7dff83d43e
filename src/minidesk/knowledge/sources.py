"""Uploaded files: stored bytes, their row, and the job that makes documents of them, in one transaction."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, func, select

from minidesk.accounts import Actor, record
from minidesk.db import Database, Tx
from minidesk.db.models import Document, DocumentVersion, Site, Source, new_id
from minidesk.errors import DocumentProblem, Invalid, MinideskError, NotFound, StorageFull, Unavailable
from minidesk.files import FileStore, Keeping, StoredFile, clean_path
from minidesk.jobs.queue import JobQueue
from minidesk.knowledge.parse import PARSER_VERSION
from minidesk.knowledge.parse.detect import HEAD_BYTES, TAIL_BYTES, check_name, detect
from minidesk.knowledge.revisions import align_audience, announce, remove_documents
from minidesk.live.hub import Hub
from minidesk.settings import Settings

log = logging.getLogger(__name__)

# Files that wait to be read in.
QUEUE = "background"
RECIPE_CHARS = 16  # of a document's fingerprint: the recipe; the rest is its content
# Files that are written to the disk at once: a disk that waits for one can take the others in the same turn
# (0.4 ms a file instead of 6.8 with eight of them).
_PUTS = 8
# A base address that ends so is the address of the page itself: nothing is added to it (crawled pages).
OWN_ADDRESS = "#"
_BATCH = 500  # values in one IN (…): SQLite takes 32,766, PostgreSQL's driver 32,767


def recipe(settings: Settings, embedding_fingerprint: str) -> str:
    """How documents become vectors, as 16 hex digits: when it changes, unchanged files are read and embedded again."""
    parts = f"{PARSER_VERSION}|{settings.chunk_tokens}|{embedding_fingerprint}"
    return hashlib.sha256(parts.encode()).hexdigest()[:RECIPE_CHARS]


Kind = Literal["file", "faq", "page"]
Audience = Literal["public", "agents"]
Origin = Literal["upload", "entry", "crawl", "api", "command", "restore", "refresh"]


@dataclass(frozen=True, slots=True)
class Maker:
    """How a file came, and by whose hand where it was a person's."""

    origin: Origin = "upload"
    author: str | None = None


@dataclass(frozen=True, slots=True)
class _Terms:
    """What is said of files besides their bytes. `kind` and `audience` None: as they are, or a file for everyone."""

    base_url: str | None = None
    kind: Kind | None = None
    audience: Audience | None = None
    maker: Maker = Maker()


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source as its owner sees it. `unchanged`: this very file stands ready, and nothing was queued."""

    id: str
    path: str
    status: str
    generation: int
    size: int
    reason: str | None
    code: str | None
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it comes: its path below the folder, and its bytes."""

    path: str
    data: bytes | AsyncIterator[bytes]
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class _Taken:
    """A file whose name and content fit, and whose bytes are stored."""

    path: str
    declared: str | None
    stored: StoredFile


class Sources:
    """Takes, lists and removes the files of a site."""

    def __init__(
        self,
        db: Database,
        files: FileStore,
        jobs: JobQueue,
        hub: Hub,
        settings: Settings,
        clock: Callable[[], datetime],
        embedding_fingerprint: str,
    ) -> None:
        self._db = db
        self._files = files
        self._jobs = jobs
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._recipe = recipe(settings, embedding_fingerprint)

    async def store(
        self,
        *,
        site_id: str,
        path: str,
        data: bytes | AsyncIterator[bytes],
        content_type: str | None = None,
        base_url: str | None = None,
        kind: Kind | None = None,
        audience: Audience | None = None,
        maker: Maker = Maker(),
    ) -> SourceState:
        """Take a file: bytes on the disk, then row and job in one transaction; what it becomes is decided later.

        The same bytes under the same path and recipe, once ready, stay as they are (`unchanged`). A new `audience`
        that leaves visitors out counts from now on; one that lets them in, with the new version.
        Raises WrongType, DocumentProblem `file_empty`, TooLarge or StorageFull; nothing is queued then.
        """
        async with self._files.keeping() as keeping:
            (taken,) = await self._take([Upload(path, data, content_type)], keeping)
            if isinstance(taken, MinideskError):
                raise taken
            (state,) = await self._accept(site_id, [taken], _Terms(base_url, kind, audience, maker))
        return state

    async def store_many(
        self,
        *,
        site_id: str,
        uploads: Sequence[Upload],
        base_url: str | None = None,
        maker: Maker = Maker(),
    ) -> list[SourceState | MinideskError]:
        """Take files as `store` does, all in one transaction. A file that is refused has its error in its place.

        One after another, a thousand small files wait for two thousand times the disk. Raises NotFound.
        """
        async with self._files.keeping() as keeping:
            found: list[SourceState | MinideskError | _Taken] = [*await self._take(uploads, keeping)]
            taken = [item for item in found if isinstance(item, _Taken)]
            states = iter(await self._accept(site_id, taken, _Terms(base_url, maker=maker)))
        return [next(states) if isinstance(item, _Taken) else item for item in found]

    async def _take(self, uploads: Sequence[Upload], keeping: Keeping) -> list[_Taken | MinideskError]:
        """The files' bytes on the disk, several at a time: waiting for the disk is most of it."""
        turn = asyncio.Semaphore(_PUTS)

        async def take(upload: Upload) -> _Taken | MinideskError:
            path = clean_path(upload.path)
            declared = (upload.content_type or "").split(";")[0].strip()[:120] or None
            try:
                check_name(path, declared)
                async with turn:
                    stored = await self._files.put(upload.data, self._settings.document_max_bytes, keeping)
                self._check_content(path, declared, upload.data, stored)
            except MinideskError as error:
                return error
            return _Taken(path, declared, stored)

        return await asyncio.gather(*map(take, uploads))

    async def _accept(self, site_id: str, taken: Sequence[_Taken], terms: _Terms) -> list[SourceState]:
        """Rows and jobs of files whose bytes are here; where none is new, nothing is written."""
        async with self._db.read() as tx:
            known = await self._known(tx, site_id, taken, terms)
        if all(item.path in known for item in taken):
            return [known[item.path] for item in taken]
        async with self._db.write() as tx:
            if await tx.get(Site, site_id) is None:
                raise NotFound
            known = await self._known(tx, site_id, taken, terms)
            sources = await _sources_at(tx, site_id, [item.path for item in taken], lock=True)
            queued: dict[str, Source] = {}
            for item in taken:
                if item.path not in known:
                    queued[item.path] = self._renewed(
                        site_id, item, terms, queued.get(item.path) or sources.get(item.path)
                    )
            tx.add_all(queued.values())
            await tx.flush()
            await self._enqueue(tx, list(queued.values()))
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            if terms.audience == "agents":
                # What visitors must not be told may stand in the old version too: it cannot wait for the new one.
                await align_audience(tx, site_id, [source.id for source in queued.values()], self._clock())
                announce(tx, self._hub, site_id)
            return [known.get(item.path) or _state(queued[item.path]) for item in taken]

    async def _known(
        self, tx: Tx, site_id: str, taken: Sequence[_Taken], terms: _Terms
    ) -> dict[str, SourceState]:
        """States of the files, by path, that need nothing: the same bytes are queued already, or stand ready."""
        sources = await _sources_at(tx, site_id, [item.path for item in taken])
        same = {}
        for item in taken:
            source = sources.get(item.path)
            there = source and (source.sha256, source.base_url) == (item.stored.sha256, terms.base_url)
            fits = source and terms.audience in (None, source.audience)
            if source and there and fits and source.status != "failed":
                same[item.path] = source
        settled = [source.id for source in same.values() if source.status in ("ready", "skipped")]
        stale = await self._stale(tx, settled)
        return {
            path: _state(source, unchanged=source.id in settled)
            for path, source in same.items()
            if source.id not in stale
        }

    def _renewed(self, site_id: str, item: _Taken, terms: _Terms, source: Source | None) -> Source:
        """The row of a file that has to be read."""
        now = self._clock()
        if source is None:
            source = Source(id=new_id("src"), site_id=site_id, path=item.path, generation=0, created_at=now)
            source.kind, source.audience = "file", "public"
        source.kind, source.audience = terms.kind or source.kind, terms.audience or source.audience
        source.origin, source.author = terms.maker.origin, terms.maker.author
        source.base_url, source.content_type = terms.base_url, item.declared
        source.sha256, source.size = item.stored.sha256, item.stored.size
        requeue(source, now)
        return source

    def _check_content(
        self, path: str, declared: str | None, data: bytes | AsyncIterator[bytes], stored: StoredFile
    ) -> None:
        """Refuse at the door what the child would refuse anyway, so that an upload is answered with 415."""
        if stored.size == 0:
            raise DocumentProblem(
                "This file is empty. Check that you saved it, and upload it again.", code="file_empty"
            )
        if isinstance(data, bytes):
            detect(path, declared, data[:HEAD_BYTES], data[-TAIL_BYTES:], stored.size)
            return
        with self._files.path(stored.sha256).open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, stored.size - TAIL_BYTES))
            detect(path, declared, head, file.read(), stored.size)

    async def _enqueue(self, tx: Tx, sources: Sequence[Source]) -> None:
        await enqueue(tx, self._jobs, sources)

    async def _stale(self, tx: Tx, source_ids: Sequence[str]) -> set[str]:
        """Those of the sources of which a document was made by another recipe."""
        found: set[str] = set()
        for start in range(0, len(source_ids), _BATCH):
            statement = select(Document.source_id).where(
                Document.source_id.in_(source_ids[start : start + _BATCH]),
                Document.status.in_(("ready", "unpublished")),
                Document.fingerprint.not_like(f"{self._recipe}%"),
            )
            found.update(await tx.scalars(statement))
        return found

    async def refresh(self, site_id: str | None = None) -> int:
        """Queue again every ready source that another recipe made (a new model or parser), and say how many.

        Until each is done its old passages answer.
        """
        async with self._db.write() as tx:
            stale = select(Document.source_id).where(
                Document.status.in_(("ready", "unpublished")),
                Document.fingerprint.not_like(f"{self._recipe}%"),
            )
            statement = select(Source).where(Source.id.in_(stale), Source.status == "ready")
            found = (
                await tx.scalars(statement.where(Source.site_id == site_id) if site_id else statement)
            ).all()
            for source in found:
                source.origin, source.author = "refresh", None
                requeue(source, self._clock())
            await self._enqueue(tx, found)
        return len(found)

    async def retry(self, site_id: str, source_id: str) -> SourceState:
        """Read a file once more, for instance after its failure had another cause. Raises NotFound."""
        async with self._db.write() as tx:
            source = await locked_source(tx, site_id, source_id)
            requeue(source, self._clock())
            await self._enqueue(tx, [source])
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            return _state(source)

    async def status(self, site_id: str, source_id: str) -> SourceState:
        """How a file is doing. Raises NotFound for another site's."""
        async with self._db.read() as tx:
            statement = select(Source).where(Source.id == source_id, Source.site_id == site_id)
            source = await tx.scalar(statement)
            if source is None:
                raise NotFound
            return _state(source)

    async def list_(self, site_id: str, *, limit: int = 1000, after: str = "") -> list[SourceState]:
        """The site's files by path, those behind `after`."""
        async with self._db.read() as tx:
            found = await tx.scalars(
                select(Source)
                .where(Source.site_id == site_id, Source.path > after)
                .order_by(Source.path)
                .limit(limit)
            )
            return [_state(source) for source in found]

    async def delete_source(self, site_id: str, source_id: str, by: Actor | None = None) -> None:
        """Remove a file and all its documents; the indexes follow the revisions. Raises NotFound.

        `by` stands in the audit log; None where nobody decided it, such as a page that is gone from a website.
        """
        async with self._db.write() as tx:
            source = await locked_source(tx, site_id, source_id)
            documents = (await tx.scalars(select(Document.id).where(Document.source_id == source_id))).all()
            held = {source.sha256} | await _files_of(tx, documents)
            await remove_documents(tx, site_id, documents, self._clock())
            await tx.execute(delete(Source).where(Source.id == source_id))
            if by is not None:
                await record(
                    tx, self._clock(), by, "documents.deleted", site_id=site_id, target_id=source_id,
                    target_name=source.path, changes={"documents": (len(documents), 0)},
                )  # fmt: skip
            announce(tx, self._hub, site_id)
        await remove_unused(self._db, self._files, sorted(held))

    async def delete_document(self, site_id: str, external_id: str, by: Actor | None = None) -> None:
        """Remove one document; a file that holds no other goes with it. Raises NotFound.

        Raises Invalid for one row of a file with several: the next upload would bring it back.
        """
        async with self._db.read() as tx:
            document = await tx.scalar(
                select(Document).where(Document.site_id == site_id, Document.external_id == external_id)
            )
            if document is None:
                raise NotFound
            others = await tx.scalar(
                select(func.count())
                .select_from(Document)
                .where(Document.source_id == document.source_id, Document.id != document.id)
            )
            source_id = document.source_id
        if others:
            raise Invalid(
                "This document is one row of a file. Remove the row there and upload the file again.",
                code="document_of_a_file",
            )
        await self.delete_source(site_id, source_id, by)


async def _sources_at(tx: Tx, site_id: str, paths: Sequence[str], *, lock: bool = False) -> dict[str, Source]:
    """The site's files at these paths."""
    found: dict[str, Source] = {}
    for start in range(0, len(paths), _BATCH):
        statement = select(Source).where(
            Source.site_id == site_id, Source.path.in_(paths[start : start + _BATCH])
        )
        rows = await tx.scalars(statement.order_by(Source.id).with_for_update() if lock else statement)
        found.update({row.path: row for row in rows})
    return found


async def locked_source(tx: Tx, site_id: str, source_id: str) -> Source:
    """A file of the site, its row locked until the commit: ingest waits for it too. Raises NotFound."""
    statement = select(Source).where(Source.id == source_id, Source.site_id == site_id)
    source = await tx.scalar(statement.with_for_update())
    if source is None:
        raise NotFound
    return source


def requeue(source: Source, now: datetime) -> None:
    """Let a file be read (again): what an earlier job makes of it counts no more."""
    source.generation += 1
    source.status, source.reason, source.code, source.updated_at = "queued", None, None, now


async def enqueue(tx: Tx, jobs: JobQueue, sources: Sequence[Source]) -> None:
    """A job for each of these files."""
    payloads = {
        f"ingest:{source.id}:{source.generation}": {"source_id": source.id, "generation": source.generation}
        for source in sources
    }
    await jobs.enqueue_many(tx, queue=QUEUE, kind="ingest", payloads=payloads)


async def remove_unused(db: Database, files: FileStore, sha256s: Sequence[str]) -> None:
    """Remove those of these stored files that no source and no version names any more; call it after the commit."""
    if not sha256s:
        return
    try:
        async with files.removing():
            async with db.read() as tx:
                unused = await _unused(tx, sha256s)
            for sha256 in unused:
                await files.remove(sha256)
    except (Unavailable, StorageFull) as error:
        # The rows are gone, which was asked for; what is left takes room and does no harm.
        log.warning("stored bytes that nothing names are still here: %s", error.code)


async def _unused(tx: Tx, sha256s: Sequence[str]) -> list[str]:
    used: set[str] = set()
    for start in range(0, len(sha256s), _BATCH):
        some = sha256s[start : start + _BATCH]
        used.update(await tx.scalars(select(Source.sha256).where(Source.sha256.in_(some))))
        used.update(await tx.scalars(select(DocumentVersion.sha256).where(DocumentVersion.sha256.in_(some))))
    return [sha256 for sha256 in sha256s if sha256 not in used]


async def _files_of(tx: Tx, document_ids: Sequence[str]) -> set[str]:
    """The stored files that versions of these documents were read from."""
    found: set[str] = set()
    for start in range(0, len(document_ids), _BATCH):
        ours = DocumentVersion.document_id.in_(document_ids[start : start + _BATCH])
        found.update(await tx.scalars(select(DocumentVersion.sha256).where(ours).distinct()))
    return found


def _state(source: Source, *, unchanged: bool = False) -> SourceState:
    return SourceState(
        source.id,
        source.path,
        source.status,
        source.generation,
        source.size,
        source.reason,
        source.code,
        unchanged,
    )
