"""Uploaded files: stored bytes, their row, and the job that makes documents of them, in one transaction."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update

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
from minidesk.errors import DocumentProblem, Invalid, NotFound
from minidesk.files import FileStore, clean_path
from minidesk.jobs.queue import JobQueue
from minidesk.knowledge.parse import PARSER_VERSION
from minidesk.knowledge.parse.detect import HEAD_BYTES, TAIL_BYTES, check_name, detect
from minidesk.live.hub import Hub
from minidesk.settings import Settings

RECIPE_CHARS = 16  # of a document's fingerprint: the recipe; the rest is its content
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
        path = clean_path(path)
        declared = (content_type or "").split(";")[0].strip()[:120] or None
        check_name(path, declared)
        stored = await self._files.put(data, self._settings.document_max_bytes)
        self._check_content(path, declared, stored.sha256, stored.size)
        async with self._db.write() as tx:
            if await tx.get(Site, site_id) is None:
                raise NotFound
            source = await tx.scalar(
                select(Source).where(Source.site_id == site_id, Source.path == path).with_for_update()
            )
            now = self._clock()
            if (
                source
                and source.sha256 == stored.sha256
                and source.base_url == base_url
                and source.status != "failed"
            ):
                settled = source.status in ("ready", "skipped")
                if not settled or not await self._is_stale(tx, source.id):
                    return _state(source, unchanged=settled)
            if source is None:
                source = Source(id=new_id("src"), site_id=site_id, path=path, generation=0, created_at=now)
                tx.add(source)
            source.base_url, source.content_type = base_url, declared
            source.sha256, source.size = stored.sha256, stored.size
            source.generation += 1
            source.status, source.reason, source.code, source.updated_at = "queued", None, None, now
            await tx.flush()
            await self._enqueue(tx, source.id, source.generation)
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            return _state(source)

    def _check_content(self, path: str, declared: str | None, sha256: str, size: int) -> None:
        """Refuse at the door what the child would refuse anyway, so that an upload is answered with 415."""
        if size == 0:
            raise DocumentProblem(
                "This file is empty. Check that you saved it, and upload it again.", code="file_empty"
            )
        with self._files.path(sha256).open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(max(0, size - TAIL_BYTES))
            detect(path, declared, head, file.read(), size)

    async def _enqueue(self, tx: Tx, source_id: str, generation: int) -> None:
        await self._jobs.enqueue(
            tx,
            queue="background",
            kind="ingest",
            payload={"source_id": source_id, "generation": generation},
            key=f"ingest:{source_id}:{generation}",
        )

    async def _is_stale(self, tx: Tx, source_id: str) -> bool:
        """True if a document of it was made by another recipe."""
        statement = select(Document.id).where(
            Document.source_id == source_id,
            Document.status == "ready",
            Document.fingerprint.not_like(f"{self._recipe}%"),
        )
        return await tx.scalar(statement.limit(1)) is not None

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
                await self._enqueue(tx, source.id, source.generation)
        return len(found)

    async def retry(self, site_id: str, source_id: str) -> SourceState:
        """Read a file once more, for instance after its failure had another cause. Raises NotFound."""
        async with self._db.write() as tx:
            source = await _access_source(tx, site_id, source_id)
            source.generation += 1
            source.status, source.reason, source.code, source.updated_at = "queued", None, None, self._clock()
            await self._enqueue(tx, source.id, source.generation)
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
    tx.add_all(
        KnowledgeRevision(
            site_id=site_id,
            n=first + index,
            document_id=change.document_id,
            added=list(change.added),
            removed=list(change.removed),
            created_at=now,
        )
        for index, change in enumerate(changes)
    )
    await tx.flush()
