"""A site's logo: for its administrators alone."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import record
from minidesk.sites import site_by_id, update_config
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import checked_viewer
from minidesk.web.console.portraits import portrait_in
from minidesk.web.console.view import to


def add(router: APIRouter, deps: ConsoleDeps) -> None:
    """Add the route."""

    @router.post("/settings/logo")
    async def logo(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        chosen = await portrait_in(form, "logo", deps.settings.attachment_max_pixels)
        async with deps.db.write() as tx:
            site = await site_by_id(tx, viewer.site.site_id)
            look = site.config.look.model_copy(update={"logo": chosen})
            await update_config(tx, site.id, site.config.model_copy(update={"look": look}))
            had = {"logo": (bool(site.config.look.logo), bool(chosen))}
            await record(tx, deps.clock(), viewer.actor, "settings.changed", site_id=site.id, changes=had)
        return to("/console/settings?saved=1")
