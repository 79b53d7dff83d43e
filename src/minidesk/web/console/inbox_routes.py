"""The inbox and the site's event stream."""

from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.web.console.bulk_routes import said_of, undone_by
from minidesk.web.console.contexts import InboxPage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer, at_the_console, identify, viewer_in
from minidesk.web.console.inbox import list_part, shell
from minidesk.web.console.streams import site_events, stream
from minidesk.web.console.view import View


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/inbox")
    async def inbox_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request)
        await at_the_console(deps, viewer.site.site_id, viewer.agent.agent_id)
        wanted, tag = request.query_params.get("view", ""), request.query_params.get("tag", "")
        async with deps.db.read() as tx:
            part = await list_part(tx, viewer, wanted, tag=tag, selected=None, now=deps.clock(), t=view.t)
            if (
                not wanted and not tag and not part.rows
            ):  # nothing of one's own yet: what waits for anybody is the better start
                part = await list_part(tx, viewer, "unassigned", selected=None, now=deps.clock(), t=view.t)
        query = request.query_params
        said = said_of(view, *(query.get(name, "") for name in ("did", "done", "failed")))
        undo = undone_by(query.get("did", ""), query.get("undo", ""))
        page = InboxPage(shell(viewer, "inbox", part.waiting), replace(part, said=said, undo=undo))
        return view.html("inbox.html", page=page)

    @router.get("/inbox/list")
    async def list_fragment(request: Request) -> Response:
        query, agent, now = request.query_params, await identify(deps, request), deps.clock()
        wanted, tag = query.get("view", ""), query.get("tag", "")
        async with deps.db.read() as tx:
            viewer = await viewer_in(tx, deps, request, agent, site_id=query.get("site"))
            part = await list_part(tx, viewer, wanted, tag=tag, selected=None, now=now, t=view.t, again=True)
        return view.html("parts/list.html", list=part)

    @router.get("/events")
    async def events(request: Request) -> Response:
        viewer = await access_viewer(deps, request, site_id=request.query_params.get("site"))
        return stream(site_events(deps, request, viewer.site.site_id))
