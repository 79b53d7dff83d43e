"""Writes prepared documents: version, passages, vectors and revision change together, or not at all."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from minidesk.db import Tx
from minidesk.db.models import Chunk, Citation, Document, DocumentVersion, Vector, new_id
from minidesk.knowledge.passages import Prepared
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


async def documents_of(tx: Tx, source_id: str) -> dict[str, str]:
    """Fingerprints of a source's documents by public id, retired ones left out; empty for one that is not ready."""
    statement = select(Document.external_id, Document.fingerprint, Document.status)
    rows = await tx.execute(statement.where(Document.source_id == source_id, Document.status != "retired"))
    return {external_id: mark if status == "ready" else "" for external_id, mark, status in rows.all()}


async def write_documents(
    tx: Tx,
    *,
    site_id: str,
    source_id: str,
    sha256: str,
    prepared: Sequence[Prepared],
    vectors: Mapping[str, bytes],
    embedding_fingerprint: str,
    now: datetime,
) -> None:
    """Replace what these documents say by their new versions. A document of another file under the same id moves to this one."""
    if not prepared:
        return
    existing = await documents_by_id(tx, site_id, [item.external_id for item in prepared])
    numbers = await _last_numbers(tx, [row.id for row in existing.values()])
    gone = await drop_chunks(tx, [row.id for row in existing.values()])
    versions, chunks, vector_rows, changes = [], [], [], []
    for item in prepared:
        document = existing.get(item.external_id)
        if document is None:
            document = Document(
                id=new_id("doc"), site_id=site_id, external_id=item.external_id, created_at=now
            )
            tx.add(document)
        version_id = new_id("ver")
        document.source_id, document.title, document.url = source_id, item.document.title, item.url
        document.language, document.status, document.reason = item.document.language, "ready", None
        document.current_version_id, document.fingerprint, document.updated_at = (
            version_id,
            item.fingerprint,
            now,
        )
        number = numbers.get(document.id, 0) + 1
        versions.append(
            {
                "id": version_id,
                "document_id": document.id,
                "n": number,
                "text": item.document.text,
                "sha256": sha256,
                "created_at": now,
            }
        )
        added = []
        for chunk in item.chunks:
            draft, chunk_id = chunk.draft, new_id("chk")
            added.append(chunk_id)
            chunks.append(
                {
                    "id": chunk_id, "site_id": site_id, "document_id": document.id, "version_id": version_id, "ordinal": draft.ordinal,
                    "kind": draft.kind, "heading_path": list(draft.heading_path), "question": draft.question,
                    "phrasings": list(draft.phrasings), "text": draft.text, "start": draft.start, "end": draft.end, "page": draft.page,
                }
            )  # fmt: skip
            vector_rows += [
                {
                    "id": new_id("vec"), "site_id": site_id, "chunk_id": chunk_id, "kind": text.kind, "ordinal": text.ordinal,
                    "text_hash": text.text_hash, "fingerprint": embedding_fingerprint, "data": vectors[text.text_hash],
                }
                for text in chunk.vectors
            ]  # fmt: skip
        changes.append(Change(document.id, added, gone.get(document.id, ())))
    await tx.flush()
    for model, rows in ((DocumentVersion, versions), (Chunk, chunks), (Vector, vector_rows)):
        if rows:
            await tx.execute(insert(model), rows)
    await _forget_old_versions(tx, numbers)
    await write_revisions(tx, site_id, changes, now)


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
