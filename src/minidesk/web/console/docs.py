"""The knowledge pages as contexts: the list of files, and one file with its documents and passages."""

import hashlib
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from minidesk.db import Tx
from minidesk.db.models import Document, DocumentVersion
from minidesk.errors import NotFound
from minidesk.knowledge.lifecycle import last_day
from minidesk.knowledge.queries import chunks_of, counts
from minidesk.web.console.chunk_questions import questions_of
from minidesk.web.console.contexts import Option, Passage, Tag, Tone
from minidesk.web.console.docs_contexts import (
    DocumentLine,
    DocumentPart,
    Life,
    SourceList,
    SourcePart,
    SourceRow,
)
from minidesk.web.console.docs_queries import (
    KINDS,
    SOURCES_AT_ONCE,
    STATUSES,
    Filters,
    SourceLine,
    Tally,
    access_document_row,
    access_source,
    documents_of,
    list_sources,
    review_count,
    tallies,
)
from minidesk.web.console.talk_entries import document_href
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate

PASSAGES_SHOWN = 200
KIB, MIB = 1024, 1024 * 1024


async def source_list(
    tx: Tx, site_id: str, filters: Filters, *, selected: str | None, now: datetime, t: Translate
) -> SourceList:
    """The site's files that fit the filters, a page of them."""
    lines = await list_sources(tx, site_id, filters, now)
    more, lines = len(lines) > SOURCES_AT_ONCE, lines[:SOURCES_AT_ONCE]
    held = await tallies(tx, [line.id for line in lines], now)
    by_status = (await counts(tx, site_id)).sources
    start = filters.start
    return SourceList(
        rows=tuple(_row(line, held.get(line.id, Tally()), selected, now, t) for line in lines),
        wanted=filters.contains,
        statuses=tuple(Option(s, t(f"docs.only.{s or 'all'}"), s == filters.status) for s in STATUSES),
        kinds=tuple(Option(k, t(f"docs.kind.{k or 'all'}"), k == filters.kind) for k in KINDS),
        query=_query(filters, start),
        narrowed=bool(filters.contains or filters.status or filters.kind),
        total=sum(by_status.values()),
        busy=by_status.get("queued", 0) + by_status.get("processing", 0),
        failed=by_status.get("failed", 0),
        review=await review_count(tx, site_id, now),
        before=_query(filters, max(0, start - SOURCES_AT_ONCE)) if start else "",
        behind=_query(filters, start + SOURCES_AT_ONCE) if more else "",
    )


def _query(filters: Filters, start: int) -> str:
    values = {"q": filters.contains, "status": filters.status, "kind": filters.kind, "start": start or ""}
    return urlencode({name: value for name, value in values.items() if value}) or "q="


async def source_part(
    tx: Tx,
    site_id: str,
    source_id: str,
    document: str | None,
    *,
    now: datetime,
    zone: ZoneInfo,
    t: Translate,
) -> SourcePart:
    """A file with the passages of one of its documents. Raises NotFound for another site's."""
    line = await access_source(tx, site_id, source_id)
    tally = (await tallies(tx, [source_id], now)).get(source_id, Tally())
    documents = await documents_of(tx, site_id, source_id)
    shown = next((d for d in documents if d.external_id == document), None)
    if document and shown is None:  # behind the first ones, or gone meanwhile
        try:
            shown = await access_document_row(tx, site_id, source_id, document)
        except NotFound:
            shown = None
    whole = next((d for d in documents if d.status in ("ready", "unpublished")), None)
    shown = shown or whole or (documents[0] if documents else None)
    query = f"?{urlencode({'document': shown.external_id})}" if shown else ""
    return SourcePart(
        row=_row(line, tally, None, now, t),
        part_href=f"/console/docs/{source_id}/part{query}",
        kind=t(f"docs.kind.{line.kind}"),
        size=size_words(line.size),
        reason=line.reason or "",
        tally=_tally_words(tally, t),
        audience=line.audience,
        entry_href=f"/console/docs/{source_id}/entry" if line.kind == "faq" else "",
        documents=tuple(_document_line(d, shown, now, t) for d in documents),
        more_documents=max(0, tally.documents - len(documents)),
        document=await _document_part(tx, site_id, shown, now, zone, t) if shown else None,
    )


def _tally_words(tally: Tally, t: Translate) -> str:
    """`14 documents: 11 ready, 1 unpublished, 2 failed`: every one of them is somewhere."""
    if tally.documents < 2 and not tally.failed + tally.skipped:
        return ""
    parts = [
        f"{n} {t(f'status.{word}')}"
        for word, n in (
            ("ready", tally.ready),
            ("unpublished", tally.unpublished),
            ("failed", tally.failed),
            ("skipped", tally.skipped),
        )
        if n
    ]
    return f"{t('docs.documents_in', n=tally.documents)}: {', '.join(parts)}"


def _document_line(d: Document, shown: Document | None, now: datetime, t: Translate) -> DocumentLine:
    expired = d.status == "ready" and d.expires_at is not None and d.expires_at <= now
    status = "expired" if expired else d.status
    href = document_href(d.external_id)
    return DocumentLine(d.id, href, d.title, status, t(f"status.{status}"), d.reason or "", d is shown)


async def _document_part(
    tx: Tx, site_id: str, d: Document, now: datetime, zone: ZoneInfo, t: Translate
) -> DocumentPart:
    chunks = await chunks_of(tx, site_id, d.id)
    shown = chunks[:PASSAGES_SHOWN]
    asked = await questions_of(tx, site_id, d.id, shown)
    versions = await tx.scalar(select(func.count()).where(DocumentVersion.document_id == d.id)) or 0
    return DocumentPart(
        id=d.id,
        external_id=d.external_id,
        title=d.title,
        url=d.url,
        life=_life(d, versions, now, zone, t),
        passages=tuple(
            Passage(
                c.id,
                c.heading_path,
                c.question or "",
                c.text,
                c.page,
                phrasings=c.phrasings,
                asked=asked.get(c.id, ()),
            )
            for c in shown
        ),
        total=len(chunks),
    )


def _life(d: Document, versions: int, now: datetime, zone: ZoneInfo, t: Translate) -> Life:
    until = last_day(d.expires_at, zone).isoformat() if d.expires_at else ""
    review = d.review_at.astimezone(zone).date().isoformat() if d.review_at else ""
    tone, sentence = _told(d, until, now, t)
    if d.status in ("ready", "unpublished") and d.review_at and d.review_at <= now:
        tone, sentence = "wait", f"{sentence} {t('life.review', day=review)}"
    drawn = (d.status, d.audience, d.expires_at, d.review_at, d.current_version_id, versions, tone, sentence)
    return Life(
        answers=d.status == "ready" and tone != "alarm",
        tone=tone,
        sentence=sentence,
        may_publish=d.status == "unpublished",
        may_unpublish=d.status == "ready",
        last_day=until,
        review_day=review,
        zone=str(zone),
        versions=versions,
        versions_href=f"/console/docs/{d.source_id}/versions?{urlencode({'document': d.external_id})}",
        version=hashlib.sha256(repr(drawn).encode()).hexdigest()[:12],
    )


def _told(d: Document, until: str, now: datetime, t: Translate) -> tuple[str, str]:
    """Who is told of it now, in a sentence, and how that looks."""
    if d.status == "unpublished":
        return "wait", t("life.unpublished")
    if d.status != "ready":
        return "alarm", t("life.nothing")
    if d.expires_at and d.expires_at <= now:
        return "alarm", t("life.expired", day=until)
    sentence = t("life.agents") if d.audience == "agents" else t("life.public")
    return "plain", f"{sentence} {t('life.until', day=until)}" if until else sentence


def _row(line: SourceLine, tally: Tally, selected: str | None, now: datetime, t: Translate) -> SourceRow:
    # An entry's question says more than the name of its file.
    name = tally.title if line.kind == "faq" and tally.title else line.path
    tags = tuple(_tags(line, tally, t))
    detail = line.reason or (t("docs.documents_in", n=tally.documents) if tally.documents > 1 else "")
    detail = detail or (t("docs.kind.faq") if line.kind == "faq" else size_words(line.size))
    status = _status(line, tally)
    drawn = (name, status, detail, line.updated_at, tags)
    return SourceRow(
        id=line.id,
        href=f"/console/docs/{line.id}",
        name=name,
        status=status,
        word=t(f"status.{status}"),
        detail=detail,
        changed=when(line.updated_at, now),
        tags=tags,
        selected=line.id == selected,
        version=hashlib.sha256(repr(drawn).encode()).hexdigest()[:12],
    )


def _status(line: SourceLine, tally: Tally) -> str:
    """The file's own, unless it was read well and its only document answers nobody all the same."""
    if line.status == "ready" and tally.documents == 1 and tally.unpublished + tally.expired:
        return "unpublished" if tally.unpublished else "expired"
    return line.status


def _tags(line: SourceLine, tally: Tally, t: Translate) -> list[Tag]:
    """What is particular: of a file with several documents with their number."""
    tags = [Tag(t("docs.tag.agents"))] if line.audience == "agents" else []
    particular: tuple[tuple[str, int, Tone], ...] = (
        ("unpublished", tally.unpublished, "wait"),
        ("expired", tally.expired, "alarm"),
        ("review", tally.review, "wait"),
    )
    for word, n, tone in particular:
        if n and (tally.documents > 1 or word == "review"):  # of one document the status says it
            text = t(f"docs.tag.{word}")
            tags.append(Tag(text if tally.documents == 1 else f"{n} {text}", tone))
    return tags


def size_words(size: int) -> str:
    """Bytes as people say them."""
    if size < KIB:
        return f"{size} bytes"
    return f"{size / KIB:.0f} KB" if size < MIB else f"{size / MIB:.1f} MB"
