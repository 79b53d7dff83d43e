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
from minidesk.knowledge.revisions import Change, drop_chunks, write_revisions

_BATCH = 500  # values in one IN (…)
# Texts of a document that are kept although no answer quotes them, for comparing and going back.
VERSIONS = 20
# Its passages and vectors are there, whether or not visitors are told of it.
WHOLE = ("ready", "unpublished")


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
    """Fingerprints of sources' documents, by source and public id; retired ones left out, empty for one that is not whole."""
    statement = select(Document.source_id, Document.external_id, Document.fingerprint, Document.status)
    rows = await tx.execute(statement.where(Document.source_id.in_(source_ids), Document.status != "retired"))
    found: dict[str, dict[str, str]] = {}
    for source_id, external_id, mark, status in rows.all():
        found.setdefault(source_id, {})[external_id] = mark if status in WHOLE else ""
    return found


@dataclass(frozen=True, slots=True)
class Owner:
    """What a source says of the documents that are made of it now."""

    audience: str
    origin: str
    author: str | None


async def owned(tx: Tx, generations: Mapping[str, int]) -> dict[str, Owner]:
    """Those of these sources (id → generation) that no newer upload has taken over; their rows are locked until the commit."""
    # In order, so that two processes cannot wait for each other.
    statement = select(Source.id, Source.generation, Source.audience, Source.origin, Source.author)
    ordered = statement.where(Source.id.in_(generations)).order_by(Source.id)
    rows = (await tx.execute(ordered.with_for_update())).all()
    return {
        id_: Owner(audience, origin, author)
        for id_, generation, audience, origin, author in rows
        if generations[id_] == generation
    }


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
    owner: Owner


async def write_documents(
    tx: Tx,
    *,
    site_id: str,
    entries: Sequence[Entry],
    vectors: Mapping[str, bytes],
    embedding_fingerprint: str,
    now: datetime,
) -> list[str]:
    """Replace what these documents say by their new versions. A document of another file under the same id moves to this one.

    One that is unpublished stays so: its new version waits, as the old one did. Gives the checksums of the files
    of versions that were forgotten. No public id may stand twice in `entries`.
    """
    if not entries:
        return []
    existing = await _existing(tx, site_id, [entry.prepared.external_id for entry in entries])
    known = {row.id: row for row in existing.values()}
    numbers = await _last_numbers(tx, list(known))
    gone = await drop_chunks(tx, list(known))
    rows = _Rows(site_id, embedding_fingerprint, vectors, now)
    for entry in entries:
        row = existing.get(entry.prepared.external_id) or _Existing(new_id("doc"), now, held=False)
        rows.add(entry, row, numbers.get(row.id, 0) + 1)
    await rows.write(tx, set(known))
    forgotten = await _forget_old_versions(tx, numbers)
    changes = [
        Change(document_id, added, gone.get(document_id, ()))
        for document_id, added in rows.added.items()
        # Its passages are in no index, and must not come into one.
        if document_id not in known or not known[document_id].held
    ]
    await write_revisions(tx, site_id, changes, now)
    return forgotten


@dataclass(frozen=True, slots=True)
class _Existing:
    """A document that is there already, or is about to be. `held`: it is unpublished."""

    id: str
    created_at: datetime
    held: bool


async def _existing(tx: Tx, site_id: str, external_ids: Sequence[str]) -> dict[str, _Existing]:
    """The site's documents with these public ids; nobody publishes or withdraws them until the commit."""
    found: dict[str, _Existing] = {}
    for start in range(0, len(external_ids), _BATCH):
        statement = (
            select(Document.external_id, Document.id, Document.created_at, Document.status)
            .where(
                Document.site_id == site_id, Document.external_id.in_(external_ids[start : start + _BATCH])
            )
            .order_by(Document.id)
            .with_for_update()
        )
        for external_id, id_, created_at, status in (await tx.execute(statement)).all():
            found[external_id] = _Existing(id_, created_at, held=status == "unpublished")
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

    def add(self, entry: Entry, row: _Existing, number: int) -> None:
        """A document's new version with passages and vectors."""
        item, document, version_id = entry.prepared, entry.prepared.document, new_id("ver")
        asked = [document.question, *document.phrasings] if document.question else list(document.phrasings)
        self._documents.append(
            {
                "id": row.id, "site_id": self._site_id, "source_id": entry.source_id, "external_id": item.external_id,
                "title": document.title, "url": item.url, "language": document.language,
                "status": "unpublished" if row.held else "ready", "reason": None,
                "current_version_id": None if row.held else version_id,
                "held_version_id": version_id if row.held else None,
                "audience": entry.owner.audience, "fingerprint": item.fingerprint,
                "created_at": row.created_at, "updated_at": self._now,
            }
        )  # fmt: skip
        self._versions.append(
            {
                "id": version_id, "document_id": row.id, "n": number, "text": document.text,
                "sha256": entry.sha256, "source_id": entry.source_id, "title": document.title,
                "questions": asked or None, "origin": entry.owner.origin, "author": entry.owner.author,
                "created_at": self._now,
            }
        )  # fmt: skip
        self.added[row.id] = [self._chunk(chunk, row.id, version_id) for chunk in item.chunks]

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


async def _forget_old_versions(tx: Tx, numbers: Mapping[str, int]) -> list[str]:
    """A file uploaded every day would fill the disk; what an answer quotes stays. Gives their files' checksums."""
    forgotten: list[str] = []
    for document_id, number in numbers.items():
        if number >= VERSIONS:
            cited = select(Citation.version_id).where(Citation.document_id == document_id)
            old = delete(DocumentVersion).where(
                DocumentVersion.document_id == document_id,
                DocumentVersion.n <= number + 1 - VERSIONS,
                DocumentVersion.id.not_in(cited),
            )
            forgotten += await tx.scalars(old.returning(DocumentVersion.sha256))
    return forgotten


async def write_skipped(
    tx: Tx,
    *,
    site_id: str,
    source_id: str,
    skipped: Mapping[str, SkippedDocument],
    recipe: str,
    now: datetime,
) -> None:
    """Name the rows that `recipe` could not use. One that answered before goes on with its old passages."""
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
        # No content, so that the mended row is taken even if it is what it was before; but the recipe, or the file
        # would be read again at every start.
        document.fingerprint = recipe
        if document.current_version_id is None and document.held_version_id is None:
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
                held_version_id=None,
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
