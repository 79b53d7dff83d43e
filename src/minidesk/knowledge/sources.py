"""Uploaded files: stored bytes, their row, and the job that makes documents of them, in one transaction."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from minidesk.db import Database, Tx
from minidesk.db.models import (
    Chunk,
    Document,
    DocumentVersion,
    KnowledgeRevision,
    Site,
    Source,
    Vector,
    new_id,
)
from minidesk.errors import DocumentProblem, Invalid, MinideskError, NotFound
from minidesk.files import FileStore, StoredFile, clean_path
from minidesk.jobs.queue import JobQueue
from minidesk.knowledge.parse import PARSER_VERSION
from minidesk.knowledge.parse.detect import HEAD_BYTES, TAIL_BYTES, check_name, detect
from minidesk.live.hub import Hub
from minidesk.settings import Settings

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
class Change:
    """What happened to one document's passages: the ids that its indexes gain and lose."""

    document_id: str
    added: Sequence[str]
    removed: Sequence[str]


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
    ) -> SourceState:
        """Take a file: bytes on the disk, then row and job in one transaction; what it becomes is decided later.

        The same bytes under the same path and recipe, once ready, stay as they are (`unchanged`).
        Raises WrongType, DocumentProblem `file_empty`, TooLarge or StorageFull; nothing is queued then.
        """
        (taken,) = await self._take([Upload(path, data, content_type)])
        if isinstance(taken, MinideskError):
            raise taken
        (state,) = await self._accept(site_id, [taken], base_url)
        return state

    async def store_many(
        self, *, site_id: str, uploads: Sequence[Upload], base_url: str | None = None
    ) -> list[SourceState | MinideskError]:
        """Take files as `store` does, all in one transaction. A file that is refused has its error in its place.

        One after another, a thousand small files wait for two thousand times the disk. Raises NotFound.
        """
        found: list[SourceState | MinideskError | _Taken] = [*await self._take(uploads)]
        taken = [item for item in found if isinstance(item, _Taken)]
        states = iter(await self._accept(site_id, taken, base_url))
        return [next(states) if isinstance(item, _Taken) else item for item in found]

    async def _take(self, uploads: Sequence[Upload]) -> list[_Taken | MinideskError]:
        """The files' bytes on the disk, several at a time: waiting for the disk is most of it."""
        turn = asyncio.Semaphore(_PUTS)

        async def take(upload: Upload) -> _Taken | MinideskError:
            path = clean_path(upload.path)
            declared = (upload.content_type or "").split(";")[0].strip()[:120] or None
            try:
                check_name(path, declared)
                async with turn:
                    stored = await self._files.put(upload.data, self._settings.document_max_bytes)
                self._check_content(path, declared, upload.data, stored)
            except MinideskError as error:
                return error
            return _Taken(path, declared, stored)

        return await asyncio.gather(*map(take, uploads))

    async def _accept(self, site_id: str, taken: Sequence[_Taken], base_url: str | None) -> list[SourceState]:
        """Rows and jobs of files whose bytes are here; where none is new, nothing is written."""
        async with self._db.read() as tx:
            known = await self._known(tx, site_id, taken, base_url)
        if all(item.path in known for item in taken):
            return [known[item.path] for item in taken]
        async with self._db.write() as tx:
            if await tx.get(Site, site_id) is None:
                raise NotFound
            known = await self._known(tx, site_id, taken, base_url)
            sources = await _sources_at(tx, site_id, [item.path for item in taken], lock=True)
            queued: dict[str, Source] = {}
            for item in taken:
                if item.path not in known:
                    queued[item.path] = self._renewed(
                        site_id, item, base_url, queued.get(item.path) or sources.get(item.path)
                    )
            tx.add_all(queued.values())
            await tx.flush()
            await self._enqueue(tx, list(queued.values()))
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            return [known.get(item.path) or _state(queued[item.path]) for item in taken]

    async def _known(
        self, tx: Tx, site_id: str, taken: Sequence[_Taken], base_url: str | None
    ) -> dict[str, SourceState]:
        """States of the files, by path, that need nothing: the same bytes are queued already, or stand ready."""
        sources = await _sources_at(tx, site_id, [item.path for item in taken])
        same = {}
        for item in taken:
            source = sources.get(item.path)
            there = source and (source.sha256, source.base_url) == (item.stored.sha256, base_url)
            if source and there and source.status != "failed":
                same[item.path] = source
        settled = [source.id for source in same.values() if source.status in ("ready", "skipped")]
        stale = await self._stale(tx, settled)
        return {
            path: _state(source, unchanged=source.id in settled)
            for path, source in same.items()
            if source.id not in stale
        }

    def _renewed(self, site_id: str, item: _Taken, base_url: str | None, source: Source | None) -> Source:
        """The row of a file that has to be read."""
        now = self._clock()
        if source is None:
            source = Source(id=new_id("src"), site_id=site_id, path=item.path, generation=0, created_at=now)
        source.base_url, source.content_type = base_url, item.declared
        source.sha256, source.size = item.stored.sha256, item.stored.size
        source.generation += 1
        source.status, source.reason, source.code, source.updated_at = "queued", None, None, now
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
        payloads = {
            f"ingest:{source.id}:{source.generation}": {
                "source_id": source.id,
                "generation": source.generation,
            }
            for source in sources
        }
        await self._jobs.enqueue_many(tx, queue="background", kind="ingest", payloads=payloads)

    async def _stale(self, tx: Tx, source_ids: Sequence[str]) -> set[str]:
        """Those of the sources of which a document was made by another recipe."""
        found: set[str] = set()
        for start in range(0, len(source_ids), _BATCH):
            statement = select(Document.source_id).where(
                Document.source_id.in_(source_ids[start : start + _BATCH]),
                Document.status == "ready",
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
                Document.status == "ready", Document.fingerprint.not_like(f"{self._recipe}%")
            )
            statement = select(Source).where(Source.id.in_(stale), Source.status == "ready")
            found = (
                await tx.scalars(statement.where(Source.site_id == site_id) if site_id else statement)
            ).all()
            for source in found:
                source.generation += 1
                source.status, source.updated_at = "queued", self._clock()
            await self._enqueue(tx, found)
        return len(found)

    async def retry(self, site_id: str, source_id: str) -> SourceState:
        """Read a file once more, for instance after its failure had another cause. Raises NotFound."""
        async with self._db.write() as tx:
            source = await _access_source(tx, site_id, source_id)
            source.generation += 1
            source.status, source.reason, source.code, source.updated_at = "queued", None, None, self._clock()
            await self._enqueue(tx, [source])
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            return _state(source)

    async def status(self, site_id: str, source_id: str) -> SourceState:
        """How a file is doing. Raises NotFound for another site's."""
        async with self._db.read() as tx:
            return _state(await _access_source(tx, site_id, source_id, lock=False))

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

    async def delete_source(self, site_id: str, source_id: str) -> None:
        """Remove a file and all its documents; the indexes follow the revisions. Raises NotFound."""
        async with self._db.write() as tx:
            source = await _access_source(tx, site_id, source_id)
            documents = (await tx.scalars(select(Document.id).where(Document.source_id == source_id))).all()
            await remove_documents(tx, site_id, documents, self._clock())
            sha256 = source.sha256
            await tx.execute(delete(Source).where(Source.id == source_id))
            shared = await tx.scalar(select(func.count()).select_from(Source).where(Source.sha256 == sha256))
            announce(tx, self._hub, site_id)
        if not shared:
            await self._files.remove(sha256)

    async def delete_document(self, site_id: str, external_id: str) -> None:
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
        await self.delete_source(site_id, source_id)


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


async def _access_source(tx: Tx, site_id: str, source_id: str, *, lock: bool = True) -> Source:
    statement = select(Source).where(Source.id == source_id, Source.site_id == site_id)
    source = await tx.scalar(statement.with_for_update() if lock else statement)
    if source is None:
        raise NotFound
    return source


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


def announce(tx: Tx, hub: Hub, site_id: str) -> None:
    """After the commit wake who follows the site's knowledge and who looks at its documents."""
    tx.after_commit(lambda: hub.wake(f"knowledge:{site_id}"))
    tx.after_commit(lambda: hub.wake(f"site:{site_id}"))


async def drop_chunks(tx: Tx, document_ids: Sequence[str]) -> dict[str, list[str]]:
    """Delete the passages and vectors of documents; gives the passages' ids by document."""
    gone: dict[str, list[str]] = {}
    for start in range(0, len(document_ids), _BATCH):
        some = document_ids[start : start + _BATCH]
        for chunk_id, document_id in (
            await tx.execute(select(Chunk.id, Chunk.document_id).where(Chunk.document_id.in_(some)))
        ).all():
            gone.setdefault(document_id, []).append(chunk_id)
        await tx.execute(
            delete(Vector).where(Vector.chunk_id.in_(select(Chunk.id).where(Chunk.document_id.in_(some))))
        )
        await tx.execute(delete(Chunk).where(Chunk.document_id.in_(some)))
    return gone


async def remove_documents(tx: Tx, site_id: str, document_ids: Sequence[str], now: datetime) -> None:
    """Delete documents with versions, passages and vectors, and write the revisions. The caller announces."""
    gone = await drop_chunks(tx, document_ids)
    for start in range(0, len(document_ids), _BATCH):
        some = document_ids[start : start + _BATCH]
        await tx.execute(delete(DocumentVersion).where(DocumentVersion.document_id.in_(some)))
        await tx.execute(delete(Document).where(Document.id.in_(some)))
    await write_revisions(
        tx, site_id, [Change(document_id, (), gone.get(document_id, ())) for document_id in document_ids], now
    )


async def write_revisions(tx: Tx, site_id: str, changes: Sequence[Change], now: datetime) -> None:
    """Number the changes behind the site's last one. The site's row is locked until the commit, so numbers are committed in order."""
    changes = [change for change in changes if change.added or change.removed]
    if not changes:
        return
    statement = (
        update(Site)
        .where(Site.id == site_id)
        .values(knowledge_revision=Site.knowledge_revision + len(changes))
        .returning(Site.knowledge_revision)
    )
    last = await tx.scalar(statement.execution_options(synchronize_session=False))
    if last is None:
        raise NotFound
    first = last - len(changes) + 1
    rows = [
        {
            "site_id": site_id, "n": first + index, "document_id": change.document_id,
            "added": list(change.added), "removed": list(change.removed), "created_at": now,
        }
        for index, change in enumerate(changes)
    ]  # fmt: skip
    await (await tx.connection()).execute(insert(KnowledgeRevision.__table__), rows)  # type: ignore[arg-type]  # a Table, typed as FromClause
