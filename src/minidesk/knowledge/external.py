"""Documents that a program puts under ids of its own: one id, one document, however often it is sent.

JSON is kept as a JSONL file of one line, because only there the id stands in the file and is taken as it is. A
file that was put is kept under its id as its path, as if it had been uploaded by that name. So one id can have two
sources; the document belongs to the one that was put last, and goes with both.
"""

import hashlib
import json
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import select

from minidesk.accounts import Actor
from minidesk.db import Database, Tx
from minidesk.db.models import Document, Source
from minidesk.errors import Invalid, NotFound, TooLarge, WrongType
from minidesk.files import clean_label, clean_path
from minidesk.knowledge.parse.build import squeeze
from minidesk.knowledge.parse.detect import check_name
from minidesk.knowledge.parse.limits import FIELD_CHARS
from minidesk.knowledge.queries import DocumentView, access_document
from minidesk.knowledge.sources import Maker, Sources, SourceState

ID_CHARS = 400  # what the JSONL parser keeps of an id
_ANY_ID_CHARS = 500  # the column's width: an upload's path may be longer
_IN_WORK = ("queued", "processing")


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as a program has it."""

    title: str
    text: str  # plain or Markdown
    url: str | None = None
    questions: Sequence[str] = ()  # ways to ask for it
    language: str | None = None


@dataclass(frozen=True, slots=True)
class ExternalView:
    """What became of an id. `answers`: visitors are told of a version of it now, whatever the newest one's status is."""

    id: str
    status: str  # queued | processing | ready | unpublished | failed | skipped | retired
    answers: bool
    title: str
    url: str | None
    language: str | None
    passages: int
    reason: str | None
    updated_at: datetime


class ExternalDocuments:
    """Puts and removes documents by their caller's ids."""

    def __init__(self, db: Database, sources: Sources) -> None:
        self._db = db
        self._sources = sources

    async def put(self, site_id: str, external_id: str, entry: Entry) -> SourceState:
        """Take a document, new or instead of the one that has this id; `unchanged` where it says the same already.

        Raises `Invalid` for an id or a value that could not be kept as it is, and `TooLarge`.
        """
        _check_id(external_id)
        if not squeeze(entry.title) or not squeeze(entry.text):
            raise Invalid(
                "Fill in title and text: a document without them answers nothing.", code="text_missing"
            )
        address = url_of(entry.url)
        if entry.url is not None and (address is None or address.scheme not in ("http", "https")):
            raise Invalid(
                "The field url must be a whole address that begins with https://.", code="url_invalid"
            )
        values = {key: value for key, value in asdict(entry).items() if value}
        line = json.dumps({"id": external_id, **values}, ensure_ascii=False, sort_keys=True)
        if len(line) > FIELD_CHARS:
            raise TooLarge(f"A document may have up to {FIELD_CHARS:,} characters. Split it into several.")
        return await self._store(site_id, external_id, entry_path(external_id), line.encode(), None)

    async def put_file(
        self, site_id: str, external_id: str, data: AsyncIterator[bytes], content_type: str | None
    ) -> SourceState:
        """The same for a file. Its format is told by the id's ending, or by `content_type` where it has none.

        Raises `Invalid`, `WrongType`, `DocumentProblem`, `TooLarge` or `StorageFull`.
        """
        _check_id(external_id)
        if clean_path(external_id) != external_id:
            raise Invalid(
                "A file's id must read like its path, such as manuals/boots.pdf. Send another id.",
                code="id_invalid",
            )
        try:
            check_name(external_id, content_type)
        except WrongType as error:
            raise WrongType(
                "A file's id must end like the file's name, such as .md, .html, .csv, .jsonl, .xlsx, .pdf or .docx."
            ) from error
        return await self._store(site_id, external_id, external_id, data, content_type)

    async def _store(
        self, site_id: str, external_id: str, path: str, data: bytes | AsyncIterator[bytes], kind: str | None
    ) -> SourceState:
        state = await self._sources.store(
            site_id=site_id, path=path, data=data, content_type=kind, maker=Maker("api")
        )
        if not state.unchanged:
            return state
        async with self._db.read() as tx:
            owner = await tx.scalar(
                select(Document.source_id).where(
                    Document.site_id == site_id, Document.external_id == external_id
                )
            )
            others = [one for one in await _sources_of(tx, site_id, external_id) if one.id != state.id]
        if owner in (None, state.id) and not any(one.status in _IN_WORK for one in others):
            return state
        # These bytes are known, but another source put its own under the id since: they are read once more.
        return await self._sources.retry(site_id, state.id)

    async def delete(self, site_id: str, external_id: str, by: Actor | None = None) -> None:
        """Remove the document and what it was made of; it answers nothing from the commit on.

        Raises `NotFound`, and `Invalid` for a row of a file that was uploaded with others.
        """
        check_known(external_id)
        found = False
        try:
            await self._sources.delete_document(site_id, external_id, by)
            found = True
        except NotFound:
            pass  # it may still be waiting to be read, or be a file of several documents
        async with self._db.read() as tx:
            left = await _sources_of(tx, site_id, external_id)
        for source in left:
            try:
                await self._sources.delete_source(site_id, source.id, by)
            except NotFound:
                pass  # somebody else was faster; it is gone
        if not found and not left:
            raise NotFound


async def access_external(tx: Tx, site_id: str, external_id: str, now: datetime) -> ExternalView:
    """How the document with this id is doing. Raises `NotFound` for a missing one and for another site's."""
    check_known(external_id)
    sources = await _sources_of(tx, site_id, external_id)
    try:
        document: DocumentView | None = await access_document(tx, site_id, external_id)
    except NotFound:
        document = None
    if document is not None and document.source_id not in {source.id for source in sources}:
        sources += await tx.scalars(select(Source).where(Source.id == document.source_id))
    if not sources:
        raise NotFound
    newest = max(sources, key=lambda source: (source.updated_at, source.id))
    if document is None or newest.status in (*_IN_WORK, "failed"):
        status, reason = newest.status, newest.reason
    else:
        status, reason = document.status, document.reason
    return ExternalView(
        id=external_id,
        status=status,
        answers=document is not None and document.answers(now),
        title=document.title if document else "",
        url=document.url if document else None,
        language=document.language if document else None,
        passages=document.chunks if document else 0,
        reason=reason,
        updated_at=newest.updated_at,
    )


def url_of(raw: str | None) -> SplitResult | None:
    """An address in its parts; None for none, and for what cannot be one, such as `http://[`."""
    try:
        return urlsplit(raw) if raw else None
    except ValueError:
        return None


def entry_path(external_id: str) -> str:
    """Where the JSON of an id is kept: readable, and another for every other id."""
    digest = hashlib.sha256(external_id.encode()).hexdigest()[:24]
    return clean_path(f"api/{clean_label(external_id)[:60].strip(' .')}-{digest}.jsonl")


def check_known(external_id: str) -> None:
    """Raises `NotFound` for text that can be nobody's id; PostgreSQL would fail on a NUL in it."""
    if not 0 < len(external_id) <= _ANY_ID_CHARS or "\0" in external_id:
        raise NotFound


def _check_id(external_id: str) -> None:
    """Raises `Invalid` unless the id comes out of a file as it went in."""
    fits = 0 < len(external_id) <= ID_CHARS and squeeze(external_id) == external_id
    if not fits or external_id.startswith("#") or "\N{REPLACEMENT CHARACTER}" in external_id:
        composed = unicodedata.is_normalized("NFC", external_id)
        raise Invalid(
            f"An id has 1 to {ID_CHARS} characters, single spaces, no invisible ones and no # in front. Send another."
            if composed
            else "An id must be in Unicode's composed form (NFC). Normalise it and send it again.",
            code="id_invalid",
        )


async def _sources_of(tx: Tx, site_id: str, external_id: str) -> list[Source]:
    """The sources that were put under this id."""
    paths = {entry_path(external_id), external_id}
    return list(await tx.scalars(select(Source).where(Source.site_id == site_id, Source.path.in_(paths))))
