"""Pages that say the same twice, or may contradict each other: side by side, to be mended or put aside."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.knowledge.contradictions import Piece, pieces
from minidesk.knowledge.overlaps import OverlapView, Side, list_overlaps, set_ignored
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer, checked_viewer
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.talk_entries import document_href
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to

# A long passage is compared as far as this: the rest is read on its own page.
SHOWN_CHARS = 1200


@dataclass(frozen=True, slots=True)
class Shown:
    """One of two texts, cut where they differ."""

    title: str
    href: str
    pieces: tuple[Piece, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """Two texts side by side."""

    id: str
    kind: str
    why: str
    sides: tuple[Shown, Shown]
    found: When


@dataclass(frozen=True, slots=True)
class OverlapsPage:
    """What waits, or what was put aside."""

    shell: Shell
    rows: tuple[OverlapRow, ...]
    ignored: bool
    other: int  # how many there are of the other kind of page


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/overlaps")
    async def overlaps_page(request: Request, ignored: str = "") -> Response:
        viewer = await access_viewer(deps, request)
        site_id, now = viewer.site.site_id, deps.clock()
        async with deps.db.read() as tx:
            found = await list_overlaps(tx, site_id, ignored=bool(ignored))
            other = len(await list_overlaps(tx, site_id, ignored=not ignored))
            around = await shell_of(tx, viewer, "docs")
        rows = tuple(_row(one, now) for one in found)
        page = OverlapsPage(around, rows, bool(ignored), other)
        return view.html("overlaps.html", page=page)

    @router.post("/overlaps/{overlap_id}/ignore")
    async def ignore(request: Request, overlap_id: str) -> Response:
        await _set(request, overlap_id, ignored=True)
        return to("/console/overlaps")

    @router.post("/overlaps/{overlap_id}/restore")
    async def restore(request: Request, overlap_id: str) -> Response:
        await _set(request, overlap_id, ignored=False)
        return to("/console/overlaps?ignored=1")

    async def _set(request: Request, overlap_id: str, *, ignored: bool) -> None:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        now = deps.clock() if ignored else None
        async with deps.db.write() as tx:
            await set_ignored(tx, viewer.site.site_id, overlap_id, agent_id=viewer.agent.agent_id, now=now)


def _row(one: OverlapView, now: datetime) -> OverlapRow:
    first, second = pieces(one.first.text[:SHOWN_CHARS], one.second.text[:SHOWN_CHARS])
    sides = (_shown(one.first, first), _shown(one.second, second))
    return OverlapRow(one.id, one.kind, one.why or "", sides, when(one.found_at, now))


def _shown(side: Side, cut: tuple[Piece, ...]) -> Shown:
    return Shown(side.title, document_href(side.document) or "", cut, len(side.text) > SHOWN_CHARS)
