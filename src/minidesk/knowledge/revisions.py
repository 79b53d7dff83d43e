"""What the indexes follow: passages that came and went, numbered in the order in which they were committed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from minidesk.db import Tx
from minidesk.db.models import Chunk, Document, DocumentVersion, KnowledgeRevision, Site, Source, Vector
from minidesk.errors import NotFound
from minidesk.live.hub import Hub

_BATCH = 500  # values in one IN (…): SQLite takes 32,766, PostgreSQL's driver 32,767


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one document's passages: the ids that its indexes gain and lose."""

    document_id: str
    added: Sequence[str]
    removed: Sequence[str]


def announce(tx: Tx, hub: Hub, site_id: str) -> None:
    """After the commit wake who follows the site's knowledge and who looks at its documents."""
    tx.after_commit(lambda: hub.wake(f"knowledge:{site_id}"))
    tx.after_commit(lambda: hub.wake(f"site:{site_id}"))


async def chunk_ids(tx: Tx, document_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of documents' passages, by document."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(document_ids), _BATCH):
        some = document_ids[start : start + _BATCH]
        rows = await tx.execute(select(Chunk.id, Chunk.document_id).where(Chunk.document_id.in_(some)))
        for chunk_id, document_id in rows.all():
            found.setdefault(document_id, []).append(chunk_id)
    return found


async def drop_chunks(tx: Tx, document_ids: Sequence[str]) -> dict[str, list[str]]:
    """Delete the passages and vectors of documents; gives the passages' ids by document."""
    gone = await chunk_ids(tx, document_ids)
    for start in range(0, len(document_ids), _BATCH):
        some = document_ids[start : start + _BATCH]
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


async def align_audience(tx: Tx, site_id: str, source_ids: Sequence[str], now: datetime) -> None:
    """Give the documents of these sources their source's audience; what changed is in the revisions.

    The passages are the same ones, taken out and put in again: whoever keeps answers made of them hears of it.
    """
    changed: dict[str, list[str]] = {}
    answering: list[str] = []
    for start in range(0, len(source_ids), _BATCH):
        statement = (
            select(Document.id, Document.current_version_id, Source.audience)
            .join(Source, Source.id == Document.source_id)
            .where(Source.id.in_(source_ids[start : start + _BATCH]), Document.audience != Source.audience)
        )
        for document_id, current, audience in (await tx.execute(statement)).all():
            changed.setdefault(audience, []).append(document_id)
            answering += [document_id] if current else []
    for audience, ids in changed.items():
        for start in range(0, len(ids), _BATCH):
            ours = update(Document).where(Document.id.in_(ids[start : start + _BATCH]))
            await tx.execute(
                ours.values(audience=audience, updated_at=now).execution_options(synchronize_session=False)
            )
    passages = await chunk_ids(tx, answering)
    await write_revisions(tx, site_id, [Change(id_, held, held) for id_, held in passages.items()], now)


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
