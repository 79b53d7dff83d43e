"""What only the knowledge pages read: a site's files with what is particular about their documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select

from minidesk.db import Tx
from minidesk.db.models import Document, Source
from minidesk.errors import NotFound

SOURCES_AT_ONCE = 100
DOCUMENTS_SHOWN = 300

Status = Literal["", "ready", "working", "failed", "skipped", "unpublished", "expired", "review", "agents"]
STATUSES: tuple[Status, ...] = (
    "", "ready", "working", "failed", "skipped", "unpublished", "expired", "review", "agents",
)  # fmt: skip
KINDS = ("", "file", "faq", "page")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which files are wanted, and from which one on."""

    contains: str = ""
    status: Status = ""
    kind: str = ""
    start: int = 0


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A file in the list."""

    id: str
    path: str
    kind: str
    audience: str
    status: str
    reason: str | None
    size: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of a file's documents, and how many of those that are ready answer nobody or want a look."""

    documents: int = 0
    ready: int = 0
    unpublished: int = 0
    failed: int = 0
    skipped: int = 0
    expired: int = 0
    review: int = 0
    title: str = ""  # of one of them


def _unpublished() -> ColumnElement[bool]:
    return Document.status == "unpublished"


def _expired(now: datetime) -> ColumnElement[bool]:
    return and_(Document.status == "ready", Document.expires_at <= now)


def _to_review(now: datetime) -> ColumnElement[bool]:
    return and_(Document.status.in_(("ready", "unpublished")), Document.review_at <= now)


async def list_sources(tx: Tx, site_id: str, filters: Filters, now: datetime) -> list[SourceLine]:
    """The site's files: those that failed or are in work first, then the latest. One more than a page, if there is one."""
    query = select(Source).where(Source.site_id == site_id)
    if filters.contains:
        titled = select(Document.source_id).where(
            Document.site_id == site_id, Document.title.icontains(filters.contains, autoescape=True)
        )
        named = Source.path.icontains(filters.contains, autoescape=True)
        query = query.where(or_(named, Source.id.in_(titled)))
    if filters.kind:
        query = query.where(Source.kind == filters.kind)
    if filters.status:
        query = query.where(_has_status(filters.status, now))
    busy = Source.status.in_(("failed", "queued", "processing"))
    ordered = query.order_by(busy.desc(), Source.updated_at.desc(), Source.path)
    rows = await tx.scalars(ordered.offset(filters.start).limit(SOURCES_AT_ONCE + 1))
    return [_source_line(row) for row in rows]


def _has_status(status: Status, now: datetime) -> ColumnElement[bool]:
    """The file itself, or one of its documents, stands so."""
    ours = exists().where(Document.source_id == Source.id)
    if status == "working":
        return Source.status.in_(("queued", "processing"))
    if status == "agents":
        return Source.audience == "agents"
    if status == "unpublished":
        return ours.where(_unpublished())
    if status == "expired":
        return ours.where(_expired(now))
    if status == "review":
        return ours.where(_to_review(now))
    if status == "ready":
        return Source.status == "ready"
    return or_(Source.status == status, ours.where(Document.status == status))


async def tallies(tx: Tx, source_ids: Sequence[str], now: datetime) -> dict[str, Tally]:
    """What these files hold, by file; retired documents are not counted."""

    def count(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    rows = await tx.execute(
        select(
            Document.source_id,
            func.count(),
            count(Document.status == "ready"),
            count(_unpublished()),
            count(Document.status == "failed"),
            count(Document.status == "skipped"),
            count(_expired(now)),
            count(_to_review(now)),
            func.min(Document.title),
        )
        .where(Document.source_id.in_(source_ids), Document.status != "retired")
        .group_by(Document.source_id)
    )
    return {row[0]: Tally(*row[1:]) for row in rows.all()}


async def review_count(tx: Tx, site_id: str, now: datetime) -> int:
    """How many documents somebody should look at."""
    return int(await tx.scalar(select(func.count()).where(Document.site_id == site_id, _to_review(now))) or 0)


async def access_source(tx: Tx, site_id: str, source_id: str) -> SourceLine:
    """A file of the site. Raises NotFound for another site's."""
    row = await tx.scalar(select(Source).where(Source.id == source_id, Source.site_id == site_id))
    if row is None:
        raise NotFound
    return _source_line(row)


async def documents_of(tx: Tx, site_id: str, source_id: str) -> list[Document]:
    """The first documents that a file holds, in its own order; what could not be used comes first."""
    rows = await tx.scalars(
        select(Document)
        .where(Document.site_id == site_id, Document.source_id == source_id, Document.status != "retired")
        # By length first: row 9 stands before row 10.
        .order_by(
            (Document.status == "failed").desc(), func.length(Document.external_id), Document.external_id
        )
        .limit(DOCUMENTS_SHOWN)
    )
    return list(rows)


async def access_document_row(tx: Tx, site_id: str, source_id: str, external_id: str) -> Document:
    """A document of a file. Raises NotFound."""
    row = await tx.scalar(
        select(Document).where(
            Document.site_id == site_id, Document.source_id == source_id, Document.external_id == external_id
        )
    )
    if row is None:
        raise NotFound
    return row


async def internal_ones(tx: Tx, document_ids: Sequence[str]) -> set[str]:
    """Those of these documents that are for agents only."""
    return set(
        await tx.scalars(
            select(Document.id).where(Document.id.in_(document_ids), Document.audience == "agents")
        )
    )


def _source_line(row: Source) -> SourceLine:
    return SourceLine(
        row.id, row.path, row.kind, row.audience, row.status, row.reason, row.size, row.updated_at
    )
