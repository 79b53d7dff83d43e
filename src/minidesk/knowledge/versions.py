"""Earlier texts of a document: listing them, reading them, and going back to one.

A document is what its file says, so going back means going back to the file that a version was read from. It is
parsed, cut and embedded as an upload is, and until it is done the present version answers.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Document, DocumentVersion, Source
from minidesk.errors import Conflict, NotFound
from minidesk.files import FileStore
from minidesk.jobs import JobQueue
from minidesk.knowledge.sources import enqueue, locked_source, requeue
from minidesk.live.hub import Hub


@dataclass(frozen=True, slots=True)
class VersionView:
    """One state of a document. `current`: it answers, or would if the document were published."""

    id: str
    n: int
    made_at: datetime
    origin: str | None  # upload | entry | crawl | api | command | restore | refresh; None: before it was kept
    author: str | None
    sha256: str
    current: bool
    restorable: bool  # its file is another one than the document's file now
    same_as: int | None  # the earlier version with the same file that this one brought back


@dataclass(frozen=True, slots=True)
class VersionText:
    """What a version says."""

    n: int
    title: str
    questions: tuple[str, ...]
    text: str

    def lines(self) -> str:
        """All of it as lines of text, for comparing."""
        return "\n".join([self.title, *self.questions, "", self.text])


async def list_versions(tx: Tx, site_id: str, document_id: str) -> list[VersionView]:
    """The versions of a document that are kept, newest first. Raises NotFound."""
    row = (
        await tx.execute(
            select(Document, Source.sha256)
            .join(Source, Source.id == Document.source_id)
            .where(Document.id == document_id, Document.site_id == site_id)
        )
    ).first()
    if row is None:
        raise NotFound
    document, present = row
    v = DocumentVersion
    rows = (
        await tx.execute(
            select(v.id, v.n, v.created_at, v.origin, v.author, v.sha256, v.source_id)
            .where(v.document_id == document_id)
            .order_by(v.n)
        )
    ).all()
    first: dict[str, int] = {}  # file → the version that had it first
    found = []
    for id_, n, made_at, origin, author, sha256, source_id in rows:
        moved = source_id not in (None, document.source_id)
        found.append(
            VersionView(
                id=id_,
                n=n,
                made_at=made_at,
                origin=origin,
                author=author,
                sha256=sha256,
                current=id_ in (document.current_version_id, document.held_version_id),
                restorable=moved or sha256 != present,
                same_as=first.get(sha256) if origin == "restore" else None,
            )
        )
        first.setdefault(sha256, n)
    return found[::-1]


async def version_texts(tx: Tx, site_id: str, document_id: str, *numbers: int) -> list[VersionText]:
    """What these versions of a document say, in this order. Raises NotFound if one is not kept."""
    v = DocumentVersion
    rows = await tx.execute(
        select(v.n, v.title, v.questions, v.text, Document.title)
        .join(Document, Document.id == v.document_id)
        .where(v.document_id == document_id, Document.site_id == site_id, v.n.in_(numbers))
    )
    found = {
        n: VersionText(n, title or now, tuple(map(str, questions or ())), text)
        for n, title, questions, text, now in rows.all()
    }
    if set(numbers) - set(found):
        raise NotFound
    return [found[n] for n in numbers]


class Versions:
    """Goes back to earlier versions."""

    def __init__(
        self, db: Database, files: FileStore, jobs: JobQueue, hub: Hub, clock: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._files = files
        self._jobs = jobs
        self._hub = hub
        self._clock = clock

    async def restore(self, site_id: str, document_id: str, n: int, author: str | None = None) -> str:
        """Take the file of version `n` again, with all documents that it holds; gives the source's id.

        Raises `NotFound`, and `Conflict` where that file is the present one or is not kept any more.
        """
        async with self._files.keeping() as keeping:
            # The version may be forgotten meanwhile, and its file with it: nobody removes that before the source names it.
            await keeping.begin()
            return await self._restore(site_id, document_id, n, author)

    async def _restore(self, site_id: str, document_id: str, n: int, author: str | None) -> str:
        async with self._db.read() as tx:
            wanted = await _version(tx, site_id, document_id, n)
        size = await asyncio.to_thread(_size, self._files.path(wanted.sha256))
        if size is None:
            raise Conflict("The file of this version is not kept any more. Upload it again.")
        async with self._db.write() as tx:
            version = await _version(tx, site_id, document_id, n)
            document = await tx.get_one(Document, document_id)
            source = await self._source(tx, site_id, version.source_id or document.source_id)
            if source.sha256 == version.sha256 and source.id == document.source_id:
                raise Conflict("The document's file is that of this version already.")
            source.sha256, source.size = version.sha256, size
            source.origin, source.author = "restore", author
            requeue(source, self._clock())
            await enqueue(tx, self._jobs, [source])
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            return source.id

    async def _source(self, tx: Tx, site_id: str, source_id: str) -> Source:
        try:
            return await locked_source(tx, site_id, source_id)
        except NotFound as error:
            raise Conflict(
                "This version came from another file, which was deleted since. Upload that file again."
            ) from error


async def documents_beside(tx: Tx, source_id: str) -> int:
    """How many documents a file holds: they all go back with it."""
    counted = select(func.count()).where(Document.source_id == source_id, Document.status != "retired")
    return int(await tx.scalar(counted) or 0)


async def _version(tx: Tx, site_id: str, document_id: str, n: int) -> DocumentVersion:
    version = await tx.scalar(
        select(DocumentVersion)
        .join(Document, Document.id == DocumentVersion.document_id)
        .where(Document.site_id == site_id, Document.id == document_id, DocumentVersion.n == n)
    )
    if version is None:
        raise NotFound
    return version


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
