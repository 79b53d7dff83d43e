"""The life of a document: who is told of it, and from when until when.

Withdrawing and publishing move one pointer: `current_version_id` names what answers, `held_version_id` what would.
Passages and vectors stay, so that publishing embeds nothing; the indexes follow by the revisions.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select

from minidesk.db import Database, Tx
from minidesk.db.models import Document, Source
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.knowledge.revisions import Change, align_audience, announce, chunk_ids, write_revisions
from minidesk.knowledge.sources import Audience, locked_source
from minidesk.live.hub import Hub


def may_answer(now: datetime, audience: Audience = "public") -> ColumnElement[bool]:
    """The condition on `Document` under which it may be told: not past its date, and meant for this audience.

    Agents may see everything, visitors what is public. Whoever reads passages for an answer, or serves one that was
    kept, puts it beside `Document.current_version_id == Chunk.version_id`.
    """
    fresh = or_(Document.expires_at.is_(None), Document.expires_at > now)
    return fresh if audience == "agents" else and_(fresh, Document.audience == "public")


def speaks(language: str) -> ColumnElement[bool]:
    """The condition on `Document` that it is in this language (two letters), or that nobody said in which it is.

    Files name languages as they like: `de`, `de-AT`, `DE_de`.
    """
    return or_(Document.language.is_(None), func.lower(func.substr(Document.language, 1, 2)) == language)


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day is over in a place, in UTC. Raises `Invalid` for the last day that there is."""
    try:
        return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
    except OverflowError as error:
        raise Invalid("This date is too far away. Choose an earlier one.", code="date_invalid") from error


def start_of(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day begins in a place, in UTC. Raises `Invalid` for the first day that there is."""
    try:
        return datetime.combine(day, time(), zone).astimezone(UTC)
    except OverflowError as error:
        raise Invalid("This date is too long ago. Choose a later one.", code="date_invalid") from error


def last_day(expires_at: datetime, zone: ZoneInfo) -> date:
    """The last day on which it answers: what `end_of` was given."""
    return (expires_at.astimezone(zone) - timedelta(microseconds=1)).date()


class Lifecycle:
    """Publishes, withdraws and dates the documents of a site."""

    def __init__(self, db: Database, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._hub = hub
        self._clock = clock

    async def unpublish(self, site_id: str, document_id: str) -> None:
        """Let it answer nothing from now on; its passages and vectors are kept. Again changes nothing.

        Raises `NotFound`, and `Conflict` for a document that answers nothing anyway.
        """
        async with self._db.write() as tx:
            source, document = await _locked(tx, site_id, document_id)
            if document.status == "unpublished":
                return
            if document.status != "ready":
                raise Conflict("This document answers nothing as it is. There is nothing to withdraw.")
            document.held_version_id, document.current_version_id = document.current_version_id, None
            document.status = "unpublished"
            document.updated_at = source.updated_at = self._clock()
            passages = (await chunk_ids(tx, [document_id])).get(document_id, [])
            await write_revisions(tx, site_id, [Change(document_id, (), passages)], self._clock())
            announce(tx, self._hub, site_id)

    async def publish(self, site_id: str, document_id: str) -> None:
        """Let it answer again, in its newest version. Again changes nothing.

        Raises `NotFound`, and `Conflict` for a document that was not unpublished.
        """
        async with self._db.write() as tx:
            source, document = await _locked(tx, site_id, document_id)
            if document.status == "ready":
                return
            if document.status != "unpublished":
                raise Conflict(
                    "This document was not unpublished. Upload its file again if it should answer."
                )
            document.current_version_id, document.held_version_id = document.held_version_id, None
            document.status = "ready"
            document.updated_at = source.updated_at = self._clock()
            passages = (await chunk_ids(tx, [document_id])).get(document_id, [])
            await write_revisions(tx, site_id, [Change(document_id, passages, ())], self._clock())
            announce(tx, self._hub, site_id)

    async def set_dates(
        self, site_id: str, document_id: str, *, expires_at: datetime | None, review_at: datetime | None
    ) -> None:
        """From `expires_at` on it answers nothing, from `review_at` on it is listed as one to look at; None: never.

        Raises `NotFound`.
        """
        async with self._db.write() as tx:
            source, document = await _locked(tx, site_id, document_id)
            if (document.expires_at, document.review_at) == (expires_at, review_at):
                return
            document.expires_at, document.review_at = expires_at, review_at
            document.updated_at = source.updated_at = self._clock()
            # The passages stay as they are; who keeps answers made of them must look again.
            passages = (await chunk_ids(tx, [document_id])).get(document_id, [])
            if document.current_version_id:
                await write_revisions(tx, site_id, [Change(document_id, passages, passages)], self._clock())
            announce(tx, self._hub, site_id)

    async def set_audience(self, site_id: str, source_id: str, audience: Audience) -> None:
        """Who is told what this file says, and what later versions of it will say. Raises `NotFound`."""
        async with self._db.write() as tx:
            source = await locked_source(tx, site_id, source_id)
            if source.audience == audience:
                return
            source.audience, source.updated_at = audience, self._clock()
            await tx.flush()
            await align_audience(tx, site_id, [source_id], self._clock())
            announce(tx, self._hub, site_id)


async def _locked(tx: Tx, site_id: str, document_id: str) -> tuple[Source, Document]:
    """A document and its file, both locked until the commit, in the order in which ingest locks them.

    Without the locks a version that is being written in that moment would answer although it was just withdrawn.
    """
    found = select(Document.source_id).where(Document.id == document_id, Document.site_id == site_id)
    source_id = await tx.scalar(found)
    if source_id is None:
        raise NotFound
    source = await locked_source(tx, site_id, source_id)
    document = await tx.scalar(
        select(Document).where(Document.id == document_id, Document.source_id == source_id).with_for_update()
    )
    if document is None:
        raise Conflict  # another file took it over in this moment
    return source, document
