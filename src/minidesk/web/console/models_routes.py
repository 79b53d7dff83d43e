"""What models do and cost: for a site's administrators; of all sites together for operators."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer
from minidesk.web.console.inbox import shell
from minidesk.web.console.models import models_page
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the route."""

    @router.get("/models")
    async def models(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        wanted = request.query_params
        async with deps.db.read() as tx:
            waiting = await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id)
            page = await models_page(
                tx,
                shell(viewer, "models", waiting),
                deps.model_states(),
                deps.ceilings,
                period=wanted.get("period", "day"),
                all_sites=viewer.agent.operator and wanted.get("of") == "all",
                may_see_all=viewer.agent.operator,
                now=deps.clock(),
                t=view.t,
            )
        return view.html("models.html", page=page)
