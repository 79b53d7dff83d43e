"""Gaps: what agents say that the pages should say. An editor writes an entry of it, beside what is near, or puts it aside."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from minidesk.db.models import Correction, Document, Source
from minidesk.errors import Conflict, Invalid, MinideskError, Unavailable
from minidesk.knowledge.amend import PageText, with_answer
from minidesk.knowledge.compare import Line, compare
from minidesk.knowledge.faq import QUESTION_CHARS, FaqEntry
from minidesk.text.normalise import whole_number
from minidesk.tickets import CorrectionView, access_correction, close_correction, list_corrections
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.talk_entries import document_href
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to

HERE = "/console/gaps"
# Below this likeness of the nearest passage a text of its own is the better start (search's score, 0 to 1).
NEAR = 0.35
PREVIEW_CHARS = 160


@dataclass(frozen=True, slots=True)
class GapRow:
    """One gap in the list. `documents`: (title, address) of what the wrong answer cited."""

    href: str
    kind: str
    question: str
    given: str
    right: str
    by: str
    at: When
    talk: str
    documents: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class GapsPage:
    """The list."""

    shell: Shell
    rows: tuple[GapRow, ...]


@dataclass(frozen=True, slots=True)
class GapPage:
    """One gap as a draft. `near`: (title, address) of the nearest document; with `source` the draft changes that one.

    `whole`: it is a page, and `answer` all of its text; else an entry with a question.
    """

    shell: Shell
    href: str
    kind: str
    given: str
    talk: str
    near: tuple[str, str]
    source: str
    generation: int
    question: str
    answer: str
    changes: tuple[Line, ...]
    problem: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Near:
    """What stands nearest: a document, and the entry or the page that it is, if it can be changed here.

    `section`: the heading above the passage.
    """

    title: str = ""
    href: str = ""
    source: str = ""
    entry: FaqEntry | None = None
    page: PageText | None = None
    section: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/gaps")
    async def gaps_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="editor")
        async with deps.db.read() as tx:
            found = await list_corrections(tx, viewer.site.site_id)
            around = await shell_of(tx, viewer, "docs")
        now = deps.clock()
        return view.html("gaps.html", page=GapsPage(around, tuple(_row(each, now) for each in found)))

    @router.get("/gaps/{gap_id}")
    async def gap_page(request: Request, gap_id: str, new: str = "") -> Response:
        viewer = await access_viewer(deps, request, role="editor")
        return await _page(deps, view, viewer, gap_id, alone=new == "yes")

    @router.post("/gaps/{gap_id}")
    async def approve(request: Request, gap_id: str) -> Response:
        viewer, form = await checked_viewer(deps, request, role="editor")
        site_id, source = viewer.site.site_id, field(form, "source")
        async with deps.db.read() as tx:
            gap = await access_correction(tx, site_id, gap_id)
        if gap.closed_at is not None:
            raise Conflict("Somebody has dealt with this one. Go back to the list.", code="gap_closed")
        generation = whole_number(field(form, "generation"), 8) or 0
        written = FaqEntry(field(form, "question"), field(form, "answer"), generation=generation)
        try:
            stored_id = await _store(deps, viewer, source, written)
        except (Invalid, Conflict) as error:
            return await _page(deps, view, viewer, gap_id, written=written, alone=not source, problem=error)
        async with deps.db.write() as tx:
            await close_correction(tx, site_id, viewer.agent.agent_id, gap_id, deps.clock(), stored_id)
        return to(f"/console/docs/{stored_id}")

    @router.post("/gaps/{gap_id}/aside")
    async def aside(request: Request, gap_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        async with deps.db.write() as tx:
            await close_correction(tx, viewer.site.site_id, viewer.agent.agent_id, gap_id, deps.clock())
        return to(HERE)


def _row(gap: CorrectionView, now: datetime) -> GapRow:
    return GapRow(
        f"{HERE}/{gap.id}",
        gap.kind,
        gap.question[:PREVIEW_CHARS],
        gap.given[:PREVIEW_CHARS],
        gap.right,
        gap.by or "",
        when(gap.created_at, now),
        f"/console/conversations/{gap.conversation_id}",
        tuple((title, document_href(document)) for document, title in gap.documents),
    )


async def _store(deps: ConsoleDeps, viewer: Viewer, source: str, written: FaqEntry) -> str:
    """Keep what was written, in the entry `source` or as a new one; its id. What the form does not show stays as it was."""
    site_id, name = viewer.site.site_id, viewer.agent.name
    if not source:
        return (await deps.faq.create(site_id, written, name)).id
    if await deps.pages.read(site_id, source) is not None:
        return (await deps.pages.replace(site_id, source, written.answer, written.generation, name)).id
    old = await deps.faq.read(site_id, source)
    entry = replace(written, alternates=old.alternates, audience=old.audience)
    return (await deps.faq.update(site_id, source, entry, name)).id


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    gap_id: str,
    *,
    written: FaqEntry | None = None,
    alone: bool = False,
    problem: MinideskError | None = None,
) -> Response:
    """One gap. `alone`: as a new entry, whatever stands near; `written`: as it was sent, where it was refused."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        gap = await access_correction(tx, site_id, gap_id)
        around = await shell_of(tx, viewer, "docs")
    near = await _nearest(deps, site_id, gap)
    before, draft = ("", FaqEntry(_asked(gap), gap.right)) if alone else _draft(gap, near)
    draft, kept = written or draft, near.entry or near.page
    after = draft.answer if near.page else f"{draft.question}\n\n{draft.answer}"
    changes = await asyncio.to_thread(compare, before, after.replace("\r\n", "\n")) if before else None
    page = GapPage(
        around,
        f"{HERE}/{gap.id}",
        gap.kind,
        gap.given,
        f"/console/conversations/{gap.conversation_id}",
        (near.title, near.href),
        near.source if before else "",
        kept.generation if before and kept else 0,
        draft.question,
        draft.answer,
        tuple(changes.lines) if changes else (),
        problem.message if problem else "",
        bool(before) and near.page is not None,
    )
    return view.html("gap.html", status=problem.status if problem else 200, page=page)


def _asked(gap: Correction) -> str:
    return " ".join(gap.question.split())[:QUESTION_CHARS]


def _draft(gap: Correction, near: _Near) -> tuple[str, FaqEntry]:
    """What stands there now, and how it could be: in an entry the right answer instead of the near one that was wrong, or
    beneath it; in a page at the end of the section that is nearest. Nothing stands there where the draft is a new entry."""
    if near.entry is not None:
        entry = near.entry
        answer = gap.right if gap.kind == "wrong" else f"{entry.answer}\n\n{gap.right}"
        return f"{entry.question}\n\n{entry.answer}", replace(entry, answer=answer)
    asked = _asked(gap)
    if near.page is not None:
        text = with_answer(near.page, near.section, asked, gap.right)
        return near.page.text, FaqEntry(asked, text, generation=near.page.generation)
    return "", FaqEntry(asked, gap.right)


async def _nearest(deps: ConsoleDeps, site_id: str, gap: Correction) -> _Near:
    """The document whose passage is nearest to the question; empty where none is near."""
    if not gap.question.strip():
        return _Near()
    try:
        found = await deps.searcher.search(site_id, gap.question[:1000], k=1, audience="agents")
    except Unavailable:
        return _Near()  # a new entry can be written while the index is being built
    if not found.passages or found.score < NEAR:
        return _Near()
    passage = found.passages[0]
    async with deps.db.read() as tx:
        source = await tx.scalar(
            select(Source)
            .join(Document, Document.source_id == Source.id)
            .where(Document.site_id == site_id, Document.external_id == passage.document)
        )
    near = _Near(passage.title, document_href(passage.document))
    if source is None:
        return near
    if source.kind == "faq":
        return replace(near, source=source.id, entry=await deps.faq.read(site_id, source.id))
    page = await deps.pages.read(site_id, source.id)
    section = passage.heading_path[-1] if passage.heading_path else ""
    return near if page is None else replace(near, source=source.id, page=page, section=section)
