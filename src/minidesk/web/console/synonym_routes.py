"""Words that mean the same in this site: one page, one field."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.errors import MinideskError
from minidesk.knowledge.synonyms import check_groups, read_groups, write_groups
from minidesk.web.console.contexts import Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View


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
        return await _page(viewer, saved=bool(saved))

    @router.post("/synonyms")
    async def save(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="editor")
        text = field(form, "groups")
        try:
            groups = check_groups(text)
        except MinideskError as error:
            return await _page(viewer, text=text, problem=error)
        async with deps.db.write() as tx:
            await write_groups(tx, viewer.site.site_id, groups, deps.clock())
        return RedirectResponse("/console/synonyms?saved=1", status_code=303)

    async def _page(
        viewer: Viewer, *, text: str | None = None, saved: bool = False, problem: MinideskError | None = None
    ) -> Response:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            groups = await read_groups(tx, site_id)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
        written = "\n".join(", ".join(group) for group in groups) if text is None else text
        message = problem.message if problem else ""
        page = SynonymsPage(shell(viewer, "docs", waiting), written, len(groups), saved, message)
        return view.html("synonyms.html", status=problem.status if problem else 200, page=page)
