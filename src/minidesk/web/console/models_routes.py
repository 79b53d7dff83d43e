"""What models do and cost: for a site's administrators; of all sites together for operators."""

import math
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.errors import Invalid
from minidesk.sites import cap_large, site_by_id
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.models import models_page
from minidesk.web.console.models_rows import LargeForm
from minidesk.web.console.models_words import large_form
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View

HERE = "/console/models"


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/models")
    async def models(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        wanted = request.query_params
        every = viewer.agent.operator and wanted.get("of") == "all"
        return await _page(viewer, period=wanted.get("period", "day"), all_sites=every)

    @router.post("/models/large")
    async def cap(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        share, daily = field(form, "share").strip(), field(form, "daily").strip()
        try:
            limits = (
                _number(share, 100, view.t("models.large_wrong_share")),
                _number(daily, 100_000, view.t("models.large_wrong_daily")),
            )
        except Invalid as error:
            async with deps.db.read() as tx:
                site = await site_by_id(tx, viewer.site.site_id)
            usual = large_form(site.config, deps.large_cap, view.t)
            return await _page(
                viewer, refused=replace(usual, share=share, daily=daily, problem=error.message), status=422
            )
        async with deps.db.write() as tx:
            await cap_large(
                tx,
                viewer.site.site_id,
                share=None if limits[0] is None else limits[0] / 100,
                daily_usd=limits[1],
            )
        return RedirectResponse(f"{HERE}#large", status_code=303)

    async def _page(
        viewer: Viewer,
        *,
        period: str = "day",
        all_sites: bool = False,
        refused: LargeForm | None = None,
        status: int = 200,
    ) -> Response:
        async with deps.db.read() as tx:
            waiting = await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id)
            page = await models_page(
                tx,
                shell(viewer, "models", waiting),
                deps.model_states(),
                deps.ceilings,
                deps.large_cap,
                period=period,
                all_sites=all_sites,
                may_see_all=viewer.agent.operator,
                now=deps.clock(),
                t=view.t,
                refused=refused,
            )
        return view.html("models.html", status=status, page=page)


def _number(text: str, most: float, sentence: str) -> float | None:
    """A number from 0 to `most`; None where nothing is written. Raises `Invalid` with `sentence`."""
    if not text:
        return None
    try:
        value = float(text.replace(",", ".", 1).removesuffix("%").strip())
    except ValueError:
        raise Invalid(sentence, code="cap_invalid") from None
    if not (math.isfinite(value) and 0 <= value <= most):
        raise Invalid(sentence, code="cap_invalid")
    return value
