"""Reading documents, versions and passages, for the console, the API and the command line."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select

from minidesk.db import Tx
from minidesk.db.models import Chunk, Document, DocumentVersion, Source
from minidesk.errors import NotFound

_BATCH = 500  # values in one IN (…): older SQLite builds take 999


@dataclass(frozen=True, slots=True)
class DocumentView:
    """A document in a list."""

    id: str
    external_id: str
    title: str
    url: str | None
    language: str | None
    status: str
    reason: str | None
    source_id: str
    source_path: str
    chunks: int
    updated_at: datetime
    audience: str = "public"
    expires_at: datetime | None = None
    review_at: datetime | None = None

    def answers(self, now: datetime) -> bool:
        """Whether visitors are told of it at this moment (`lifecycle.may_answer` for a row that was read)."""
        fresh = self.expires_at is None or self.expires_at > now
        return self.status == "ready" and self.audience == "public" and fresh


@dataclass(frozen=True, slots=True)
class ChunkView:
    """A passage as its editor sees it."""

    id: str
    ordinal: int
    kind: str
    heading_path: tuple[str, ...]
    question: str | None
    phrasings: tuple[str, ...]
    text: str
    start: int
    end: int
    page: int | None


@dataclass(frozen=True, slots=True)
class KnowledgeCounts:
    """How much a site knows, and what is still to be done."""

    documents: int
    chunks: int
    sources: dict[str, int]  # by status


def _documents(site_id: str) -> Select[Document, str, int]:
    chunks = select(func.count()).select_from(Chunk).where(Chunk.document_id == Document.id).scalar_subquery()
    return (
        select(Document, Source.path, chunks)
        .join(Source, Source.id == Document.source_id)
        .where(Document.site_id == site_id)
    )


def _view(document: Document, path: str, chunks: int) -> DocumentView:
    return DocumentView(
        id=document.id,
        external_id=document.external_id,
        title=document.title,
        url=document.url,
        language=document.language,
        status=document.status,
        reason=document.reason,
        source_id=document.source_id,
        source_path=path,
        chunks=chunks,
        updated_at=document.updated_at,
        audience=document.audience,
        expires_at=document.expires_at,
        review_at=document.review_at,
    )


async def list_documents(
    tx: Tx,
    site_id: str,
    *,
    status: str | None = None,
    contains: str | None = None,
    after: str = "",
    limit: int = 50,
) -> list[DocumentView]:
    """The site's documents by public id, those behind `after`; `contains` looks into titles and ids. Retired ones only when asked for."""
    statement = _documents(site_id).where(Document.external_id > after)
    statement = (
        statement.where(Document.status == status)
        if status
        else statement.where(Document.status != "retired")
    )
    if contains:
        statement = statement.where(
            or_(
                Document.title.icontains(contains, autoescape=True),
                Document.external_id.icontains(contains, autoescape=True),
            )
        )
    rows = (await tx.execute(statement.order_by(Document.external_id).limit(limit))).all()
    return [_view(document, path, chunks) for document, path, chunks in rows]


async def public_ids(tx: Tx, site_id: str) -> set[str]:
    """Public ids of all documents of a site that are not retired."""
    statement = select(Document.external_id).where(Document.site_id == site_id, Document.status != "retired")
    return set(await tx.scalars(statement))


async def access_document(tx: Tx, site_id: str, external_id: str) -> DocumentView:
    """One document by its public id. Raises NotFound for a missing one and for another site's."""
    row = (await tx.execute(_documents(site_id).where(Document.external_id == external_id))).first()
    if row is None:
        raise NotFound
    document, path, chunks = row
    return _view(document, path, chunks)


async def version_text(tx: Tx, site_id: str, document_id: str, version_id: str | None = None) -> str:
    """The text of a version, of the current one without `version_id`. Raises NotFound."""
    wanted = (
        DocumentVersion.id == version_id if version_id else DocumentVersion.id == Document.current_version_id
    )
    statement = (
        select(DocumentVersion.text)
        .join(Document, Document.id == DocumentVersion.document_id)
        .where(Document.site_id == site_id, Document.id == document_id, wanted)
    )
    text = await tx.scalar(statement)
    if text is None:
        raise NotFound
    return text


async def chunks_of(tx: Tx, site_id: str, document_id: str) -> list[ChunkView]:
    """The passages of a document's current version, in order; none for one that is not there."""
    rows = await tx.scalars(
        select(Chunk)
        .where(Chunk.site_id == site_id, Chunk.document_id == document_id)
        .order_by(Chunk.ordinal)
    )
    return [
        ChunkView(
            c.id,
            c.ordinal,
            c.kind,
            tuple(c.heading_path),
            c.question,
            tuple(c.phrasings),
            c.text,
            c.start,
            c.end,
            c.page,
        )
        for c in rows
    ]


async def counts(tx: Tx, site_id: str) -> KnowledgeCounts:
    """How many documents answer, how many passages they have, and how many files stand in which status."""
    documents = await tx.scalar(
        select(func.count())
        .select_from(Document)
        .where(Document.site_id == site_id, Document.status == "ready")
    )
    chunks = await tx.scalar(select(func.count()).select_from(Chunk).where(Chunk.site_id == site_id))
    states = (
        await tx.execute(
            select(Source.status, func.count()).where(Source.site_id == site_id).group_by(Source.status)
        )
    ).all()
    return KnowledgeCounts(documents or 0, chunks or 0, {row[0]: row[1] for row in states})


async def documents_of_sources(
    tx: Tx, site_id: str, source_ids: Sequence[str]
) -> dict[str, list[DocumentView]]:
    """What files hold now, by source and then by public id; retired documents are left out."""
    found: dict[str, list[DocumentView]] = {}
    for start in range(0, len(source_ids), _BATCH):
        statement = (
            _documents(site_id)
            .where(Document.source_id.in_(source_ids[start : start + _BATCH]), Document.status != "retired")
            .order_by(Document.external_id)
        )
        for document, path, chunks in (await tx.execute(statement)).all():
            found.setdefault(document.source_id, []).append(_view(document, path, chunks))
    return found
