"""Words that mean the same in this site: one page, one field."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import MinideskError
from minidesk.knowledge.synonyms import check_groups, read_groups, write_groups
from minidesk.web.console.contexts import Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import View, to


@dataclass(frozen=True, slots=True)
class SynonymsPage:
    """The groups as they are written: one a line."""

    shell: Shell
    text: str
    number: int
    saved: bool
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/synonyms")
    async def synonyms_page(request: Request, saved: str = "") -> Response:
        viewer = await access_viewer(deps, request, role="editor")
        return await _page(deps, view, viewer, saved=bool(saved))

    @router.post("/synonyms")
    async def save(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="editor")
        text = field(form, "groups")
        try:
            groups = check_groups(text)
        except MinideskError as error:
            return await _page(deps, view, viewer, text=text, problem=error)
        async with deps.db.write() as tx:
            await write_groups(tx, viewer.site.site_id, groups, deps.clock())
        return to("/console/synonyms?saved=1")


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    *,
    text: str | None = None,
    saved: bool = False,
    problem: MinideskError | None = None,
) -> Response:
    """The page; with a `problem`, the refused `text` comes back."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        groups = await read_groups(tx, site_id)
        around = await shell_of(tx, viewer, "docs")
    written = "\n".join(", ".join(group) for group in groups) if text is None else text
    message = problem.message if problem else ""
    page = SynonymsPage(around, written, len(groups), saved, message)
    return view.html("synonyms.html", status=problem.status if problem else 200, page=page)
