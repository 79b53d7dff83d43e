"""Writes prepared documents: version, passages, vectors and revision change together, or not at all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from minidesk.db import Tx
from minidesk.db.models import Chunk, Citation, Document, DocumentVersion, Source, Vector, new_id
from minidesk.knowledge.passages import Prepared, PreparedChunk
from minidesk.knowledge.records import SkippedDocument
from minidesk.knowledge.sources import Change, drop_chunks, write_revisions

_BATCH = 500  # values in one IN (…)
# Earlier texts of a document that are kept although no answer quotes them, for comparing.
_VERSIONS = 5


async def known_vectors(tx: Tx, site_id: str, fingerprint: str, hashes: Sequence[str]) -> dict[str, bytes]:
    """Vectors that the site has already for these texts from this very model."""
    found: dict[str, bytes] = {}
    for start in range(0, len(hashes), _BATCH):
        statement = select(Vector.text_hash, Vector.data).where(
            Vector.text_hash.in_(hashes[start : start + _BATCH]),
            Vector.site_id == site_id,
            Vector.fingerprint == fingerprint,
        )
        found.update({row[0]: row[1] for row in (await tx.execute(statement)).all()})
    return found


async def documents_by_id(tx: Tx, site_id: str, external_ids: Sequence[str]) -> dict[str, Document]:
    """The site's documents with these public ids."""
    found: dict[str, Document] = {}
    for start in range(0, len(external_ids), _BATCH):
        rows = await tx.scalars(
            select(Document).where(
                Document.site_id == site_id, Document.external_id.in_(external_ids[start : start + _BATCH])
            )
        )
        found.update({row.external_id: row for row in rows})
    return found


async def documents_of(tx: Tx, source_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Fingerprints of sources' documents, by source and public id; retired ones left out, empty for one that is not ready."""
    statement = select(Document.source_id, Document.external_id, Document.fingerprint, Document.status)
    rows = await tx.execute(statement.where(Document.source_id.in_(source_ids), Document.status != "retired"))
    found: dict[str, dict[str, str]] = {}
    for source_id, external_id, mark, status in rows.all():
        found.setdefault(source_id, {})[external_id] = mark if status == "ready" else ""
    return found


async def owned(tx: Tx, generations: Mapping[str, int]) -> set[str]:
    """Those of these sources (id → generation) that no newer upload has taken over; their rows are locked until the commit."""
    # In order, so that two processes cannot wait for each other.
    statement = select(Source.id, Source.generation).where(Source.id.in_(generations)).order_by(Source.id)
    rows = (await tx.execute(statement.with_for_update())).all()
    return {source_id for source_id, generation in rows if generations[source_id] == generation}


async def settle_sources(tx: Tx, states: Sequence[Mapping[str, str | None]], now: datetime) -> None:
    """Write `status`, `reason` and `code` of sources; each state names its `source`."""
    if states:
        table = Source.__table__
        statement = update(table).where(table.c.id == bindparam("source"))  # type: ignore[arg-type]  # a Table, typed as FromClause
        values: dict[str, Any] = {name: bindparam(name) for name in ("status", "reason", "code")}
        # Core: the ORM would look for the primary key among the values.
        connection = await tx.connection()
        await connection.execute(statement.values(updated_at=now, **values), list(states))


@dataclass(frozen=True, slots=True)
class Entry:
    """A prepared document, and the file that it was read from."""

    source_id: str
    sha256: str
    prepared: Prepared


async def write_documents(
    tx: Tx,
    *,
    site_id: str,
    entries: Sequence[Entry],
    vectors: Mapping[str, bytes],
    embedding_fingerprint: str,
    now: datetime,
) -> None:
    """Replace what these documents say by their new versions. A document of another file under the same id moves to this one.

    No public id may stand twice in `entries`.
    """
    if not entries:
        return
    existing = await _existing(tx, site_id, [entry.prepared.external_id for entry in entries])
    known = [document_id for document_id, _ in existing.values()]
    numbers = await _last_numbers(tx, known)
    gone = await drop_chunks(tx, known)
    rows = _Rows(site_id, embedding_fingerprint, vectors, now)
    for entry in entries:
        document_id, created_at = existing.get(entry.prepared.external_id) or (new_id("doc"), now)
        rows.add(entry, document_id, numbers.get(document_id, 0) + 1, created_at=created_at)
    await rows.write(tx, set(known))
    await _forget_old_versions(tx, numbers)
    changes = [
        Change(document_id, added, gone.get(document_id, ())) for document_id, added in rows.added.items()
    ]
    await write_revisions(tx, site_id, changes, now)


async def _existing(tx: Tx, site_id: str, external_ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
    """Id and time of making of the site's documents with these public ids."""
    found: dict[str, tuple[str, datetime]] = {}
    for start in range(0, len(external_ids), _BATCH):
        statement = select(Document.external_id, Document.id, Document.created_at).where(
            Document.site_id == site_id, Document.external_id.in_(external_ids[start : start + _BATCH])
        )
        found.update({row[0]: (row[1], row[2]) for row in (await tx.execute(statement)).all()})
    return found


class _Rows:
    """The rows of one batch, written table by table: a statement a table, whatever their number."""

    def __init__(self, site_id: str, fingerprint: str, vectors: Mapping[str, bytes], now: datetime) -> None:
        self._site_id = site_id
        self._fingerprint = fingerprint
        self._data = vectors
        self._now = now
        self._documents: list[dict[str, Any]] = []
        self._versions: list[dict[str, Any]] = []
        self._chunks: list[dict[str, Any]] = []
        self._vectors: list[dict[str, Any]] = []
        self.added: dict[str, list[str]] = {}  # document → its new chunks

    def add(self, entry: Entry, document_id: str, number: int, *, created_at: datetime) -> None:
        """A document's new version with passages and vectors."""
        item, version_id = entry.prepared, new_id("ver")
        self._documents.append(
            {
                "id": document_id, "site_id": self._site_id, "source_id": entry.source_id, "external_id": item.external_id,
                "title": item.document.title, "url": item.url, "language": item.document.language, "status": "ready",
                "reason": None, "current_version_id": version_id, "fingerprint": item.fingerprint,
                "created_at": created_at, "updated_at": self._now,
            }
        )  # fmt: skip
        self._versions.append(
            {
                "id": version_id, "document_id": document_id, "n": number, "text": item.document.text,
                "sha256": entry.sha256, "created_at": self._now,
            }
        )  # fmt: skip
        self.added[document_id] = [self._chunk(chunk, document_id, version_id) for chunk in item.chunks]

    def _chunk(self, chunk: PreparedChunk, document_id: str, version_id: str) -> str:
        draft, chunk_id = chunk.draft, new_id("chk")
        self._chunks.append(
            {
                "id": chunk_id, "site_id": self._site_id, "document_id": document_id, "version_id": version_id,
                "ordinal": draft.ordinal, "kind": draft.kind, "heading_path": list(draft.heading_path),
                "question": draft.question, "phrasings": list(draft.phrasings), "text": draft.text,
                "start": draft.start, "end": draft.end, "page": draft.page,
            }
        )  # fmt: skip
        self._vectors += [
            {
                "id": new_id("vec"), "site_id": self._site_id, "chunk_id": chunk_id, "kind": text.kind,
                "ordinal": text.ordinal, "text_hash": text.text_hash, "fingerprint": self._fingerprint,
                "data": self._data[text.text_hash],
            }
            for text in chunk.vectors
        ]  # fmt: skip
        return chunk_id

    async def write(self, tx: Tx, known: Collection[str]) -> None:
        """All of it; documents whose id is in `known` are updated."""
        connection = await tx.connection()
        new = [row for row in self._documents if row["id"] not in known]
        old = [{**row, "document": row["id"]} for row in self._documents if row["id"] in known]
        if old:
            table = Document.__table__
            names = [
                name
                for name in old[0]
                if name not in ("document", "id", "site_id", "external_id", "created_at")
            ]
            statement = update(table).where(table.c.id == bindparam("document"))  # type: ignore[arg-type]  # a Table, typed as FromClause
            values: dict[str, Any] = {name: bindparam(name) for name in names}
            await connection.execute(
                statement.values(values), [{name: row[name] for name in ("document", *names)} for row in old]
            )
        # Core's inserts: the ORM's take half as long again for rows that nobody will look at.
        for model, rows in (
            (Document, new),
            (DocumentVersion, self._versions),
            (Chunk, self._chunks),
            (Vector, self._vectors),
        ):
            if rows:
                await connection.execute(insert(model.__table__), rows)  # type: ignore[arg-type]  # the same


async def _last_numbers(tx: Tx, document_ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(document_ids), _BATCH):
        statement = (
            select(DocumentVersion.document_id, func.max(DocumentVersion.n))
            .where(DocumentVersion.document_id.in_(document_ids[start : start + _BATCH]))
            .group_by(DocumentVersion.document_id)
        )
        found.update({row[0]: row[1] for row in (await tx.execute(statement)).all()})
    return found


async def _forget_old_versions(tx: Tx, numbers: Mapping[str, int]) -> None:
    """A file uploaded every day would fill the disk; what an answer quotes stays."""
    for document_id, number in numbers.items():
        if number >= _VERSIONS:
            cited = select(Citation.version_id).where(Citation.document_id == document_id)
            await tx.execute(
                delete(DocumentVersion).where(
                    DocumentVersion.document_id == document_id,
                    DocumentVersion.n <= number + 1 - _VERSIONS,
                    DocumentVersion.id.not_in(cited),
                )
            )


async def write_skipped(
    tx: Tx, *, site_id: str, source_id: str, skipped: Mapping[str, SkippedDocument], now: datetime
) -> None:
    """Name the rows that could not be used. One that answered before goes on with its old passages."""
    if not skipped:
        return
    existing = await documents_by_id(tx, site_id, list(skipped))
    for external_id, item in skipped.items():
        document = existing.get(external_id)
        if document is None:
            document = Document(
                id=new_id("doc"),
                site_id=site_id,
                external_id=external_id,
                title=item.title[:300],
                created_at=now,
            )
            tx.add(document)
        document.source_id, document.reason, document.updated_at = source_id, item.reason, now
        document.fingerprint = ""  # so that the mended row is taken even if it is what it was before
        if document.current_version_id is None:
            document.status = "failed" if item.failed else "skipped"
    await tx.flush()


async def retire_others(tx: Tx, *, site_id: str, source_id: str, keep: Sequence[str], now: datetime) -> int:
    """Take back documents that the file no longer holds, and say how many."""
    kept = set(keep)
    rows = (
        await tx.execute(
            select(Document.id, Document.external_id).where(
                Document.source_id == source_id, Document.status != "retired"
            )
        )
    ).all()
    gone = [document_id for document_id, external_id in rows if external_id not in kept]
    removed = await drop_chunks(tx, gone)
    for start in range(0, len(gone), _BATCH):
        await tx.execute(
            update(Document)
            .where(Document.id.in_(gone[start : start + _BATCH]))
            .values(
                status="retired",
                current_version_id=None,
                fingerprint="",
                reason="The file no longer holds it.",
                updated_at=now,
            )
            .execution_options(synchronize_session=False)
        )
    await write_revisions(
        tx, site_id, [Change(document_id, (), removed.get(document_id, ())) for document_id in gone], now
    )
    return len(gone)
