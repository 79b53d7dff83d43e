"""What models do and cost: for a site's administrators; of all sites together for operators."""

import math
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import differences, record
from minidesk.errors import Invalid
from minidesk.sites import cap_large, site_by_id
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.models import models_page
from minidesk.web.console.models_rows import LargeForm
from minidesk.web.console.models_words import large_form
from minidesk.web.console.view import View, to

HERE = "/console/models"
CAPS = {"large_share_max", "large_daily_budget_usd"}


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/models")
    async def models(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        wanted = request.query_params
        every = viewer.agent.operator and wanted.get("of") == "all"
        return await _page(deps, view, viewer, period=wanted.get("period", "day"), all_sites=every)

    @router.post("/models/large")
    async def cap(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
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
                deps,
                view,
                viewer,
                refused=replace(usual, share=share, daily=daily, problem=error.message),
                status=422,
            )
        await _cap(deps, viewer, None if limits[0] is None else limits[0] / 100, limits[1])
        return to(f"{HERE}#large")


async def _cap(deps: ConsoleDeps, viewer: Viewer, share: float | None, daily_usd: float | None) -> None:
    """Set the caps, and write down who did."""
    site_id = viewer.site.site_id
    async with deps.db.write() as tx:
        before = (await site_by_id(tx, site_id)).config
        await cap_large(tx, site_id, share=share, daily_usd=daily_usd)
        after = (await site_by_id(tx, site_id)).config
        changes = differences(before.model_dump(include=CAPS), after.model_dump(include=CAPS))
        if changes:
            await record(tx, deps.clock(), viewer.actor, "settings.changed", site_id=site_id, changes=changes)


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    *,
    period: str = "day",
    all_sites: bool = False,
    refused: LargeForm | None = None,
    status: int = 200,
) -> Response:
    """The page; `refused` is the form as it was filled in."""
    async with deps.db.read() as tx:
        around = await shell_of(tx, viewer, "models")
        page = await models_page(
            tx,
            around,
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
