"""The knowledge pages as contexts."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from minidesk.answering.outcome import Answered, Clarify, HandOff, ProvedSentence
from minidesk.db import Tx
from minidesk.knowledge.queries import chunks_of, counts
from minidesk.knowledge.records import Passage as Found
from minidesk.web.console.contexts import (
    Chip,
    DocumentLine,
    Passage,
    SourceList,
    SourcePart,
    SourceRow,
    TryPart,
)
from minidesk.web.console.marks import numbered
from minidesk.web.console.queries import SourceLine, access_source, documents_of, list_sources
from minidesk.web.console.talk import document_href, reason_words
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate

PASSAGES_SHOWN = 200
KIB, MIB = 1024, 1024 * 1024


async def source_list(
    tx: Tx, site_id: str, wanted: str, *, selected: str | None, now: datetime, t: Translate
) -> SourceList:
    """The site's files whose name or titles hold `wanted`."""
    wanted = wanted.strip()[:200]
    lines = await list_sources(tx, site_id, wanted)
    by_status = (await counts(tx, site_id)).sources
    return SourceList(
        rows=tuple(_row(line, selected, now, t) for line in lines),
        wanted=wanted,
        total=sum(by_status.values()),
        busy=by_status.get("queued", 0) + by_status.get("processing", 0),
        failed=by_status.get("failed", 0),
    )


async def source_part(
    tx: Tx, site_id: str, source_id: str, document: str | None, *, now: datetime, t: Translate
) -> SourcePart:
    """A file with the passages of one of its documents. Raises NotFound for another site's."""
    line = await access_source(tx, site_id, source_id)
    documents = await documents_of(tx, site_id, source_id)
    shown = next((d for d in documents if d.external_id == document), documents[0] if documents else None)
    chunks = await chunks_of(tx, site_id, shown.id) if shown else []
    return SourcePart(
        row=_row(line, None, now, t),
        documents=tuple(
            DocumentLine(document_href(d.external_id), d.title, d.status, d is shown) for d in documents
        ),
        title=shown.title if shown else "",
        url=shown.url if shown else None,
        passages=tuple(
            Passage(c.id, c.heading_path, c.question or "", c.text, c.page) for c in chunks[:PASSAGES_SHOWN]
        ),
        more=len(chunks) > PASSAGES_SHOWN,
    )


def _row(line: SourceLine, selected: str | None, now: datetime, t: Translate) -> SourceRow:
    drawn = (line.path, line.status, line.reason, line.size, line.updated_at)
    return SourceRow(
        id=line.id,
        href=f"/console/docs/{line.id}",
        name=line.path,
        status=line.status,  # type: ignore[arg-type]  # the column holds only these words
        word=t(f"status.{line.status}"),
        reason=line.reason or "",
        size=size_words(line.size),
        changed=when(line.updated_at, now),
        selected=line.id == selected,
        version=hashlib.sha256(repr(drawn).encode()).hexdigest()[:12],
    )


def size_words(size: int) -> str:
    """Bytes as people say them."""
    if size < KIB:
        return f"{size} bytes"
    return f"{size / KIB:.0f} KB" if size < MIB else f"{size / MIB:.1f} MB"


def try_part(
    question: str,
    sentences: Sequence[ProvedSentence],
    answered: Answered,
    timings: dict[str, float],
    t: Translate,
) -> TryPart:
    """An answer with its reasons."""
    outcome, sentence = _outcome(answered, t)
    details = [
        t("try.score", n=f"{answered.score:.2f}"),
        t("talk.seconds", n=f"{answered.ms / 1000:.2f}"),
        answered.model or t("try.no_model"),
    ]
    if answered.tokens:
        details += [
            t("try.tokens", n=answered.tokens),
            t("talk.cents", n=f"{answered.cost_micros / 10_000:.3f}"),
        ]
    chips = tuple(Chip(c.n, c.title, c.quote, document_href(c.document)) for c in answered.citations)
    stages = tuple((name, f"{ms:.1f} ms") for name, ms in timings.items())
    passages = tuple(_passage(p, t) for p in answered.passages)
    ends: dict[int, list[int]] = {}
    length = 0
    for part in sentences:
        length += len(part.text)
        ends[length] = [c.n for c in part.citations]
    hints = {c.n: f"{c.title}: “{c.quote}”" for c in answered.citations}
    body = numbered(answered.text, ends if answered.citations else {}, hints)
    return TryPart(question, outcome, sentence, body, chips, tuple(details), passages, stages)


def _outcome(answered: Answered, t: Translate) -> tuple[str, str]:
    outcome = answered.outcome
    if isinstance(outcome, HandOff):
        return "handoff", t("outcome_text.handoff", reason=reason_words(outcome.reason, t))
    if isinstance(outcome, Clarify):
        return "clarify", t(f"outcome_text.{outcome.kind}")
    return "reply", t("outcome_text.reply")


def _passage(p: Found, t: Translate) -> Passage:
    scores = (
        (t("try.fused"), f"{p.score:.2f}"),
        (t("try.dense"), f"{p.dense:.2f}"),
        (t("try.lexical"), f"{p.lexical:.1f}"),
    )
    return Passage(
        p.chunk, p.heading_path, p.question or "", p.text, p.page, p.title, document_href(p.document), scores
    )
