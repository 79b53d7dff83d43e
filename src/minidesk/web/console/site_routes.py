"""A site's settings: for its administrators alone."""

import asyncio
from collections.abc import Mapping
from zoneinfo import available_timezones

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import differences, record
from minidesk.errors import Conflict, MinideskError
from minidesk.sites import (
    SiteSettings,
    link_hosts,
    logo_url,
    save_settings,
    settings_version,
    site_by_id,
    told_apart,
)
from minidesk.text.normalise import check_text
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.site_form import FIELDS, MOST_TOPICS, Values, check, lines, written
from minidesk.web.console.site_page import SitePage, fields_of, swatch_of, told, will_not_work
from minidesk.web.console.start import script_step
from minidesk.web.console.try_routes import TRIES_PER_MINUTE
from minidesk.web.console.view import View, to

HERE = "/console/settings"
_TRY_CHARS = 400


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    _add_page(router, deps, view)
    _add_looks(router, deps, view)


def _add_page(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    @router.get("/settings")
    async def site_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        return await _page(deps, view, request, viewer, saved="saved" in request.query_params)

    @router.post("/settings")
    async def save(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        values, version = {name: field(form, name) for name in FIELDS}, field(form, "version")
        async with deps.db.read() as tx:
            site = await site_by_id(tx, viewer.site.site_id)
        checked = check(values, site.config, view.t)
        if checked.settings is None:
            return await _page(
                deps, view, request, viewer, values=values, problems=checked.problems, version=version
            )
        try:
            await _save(deps, viewer, checked.settings, version)
        except Conflict as error:
            return await _page(deps, view, request, viewer, values=values, refused=error)
        except MinideskError as error:
            return await _page(deps, view, request, viewer, values=values, refused=error, version=version)
        return to(f"{HERE}?saved=1")


def _add_looks(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """What the form shows while it is being filled in."""

    @router.get("/settings/accent")
    async def accent(request: Request, accent: str = "") -> Response:
        await access_viewer(deps, request, role="admin")
        return view.html("parts/accent.html", swatch=swatch_of(accent, view.t))

    @router.post("/settings/topics")
    async def try_topic(request: Request) -> Response:
        """Which topic a sentence would be given to a person for, by the topics as they are written in the form."""
        viewer, form = await checked_viewer(deps, request, role="admin")
        deps.limiter.charge("try", viewer.agent.agent_id, limit=TRIES_PER_MINUTE, seconds=60)
        said = check_text(field(form, "topic_try"), _TRY_CHARS)
        topics = tuple(lines(field(form, "person_topics"))[:MOST_TOPICS])
        look = view.t("site.topic.empty")
        if said and topics:
            look = told(await deps.asker.topic_of(said, topics), view.t)
        return view.html("parts/topic.html", look=look)


async def _save(deps: ConsoleDeps, viewer: Viewer, settings: SiteSettings, version: str) -> None:
    """Write the settings, and what changed into the audit log. Raises Conflict where they changed since `version`."""
    site_id = viewer.site.site_id
    async with deps.db.write() as tx:
        before = await site_by_id(tx, site_id)
        await save_settings(tx, site_id, settings, version=version, by=viewer.agent.name, now=deps.clock())
        changes = differences(told_apart(before), told_apart(await site_by_id(tx, site_id)))
        if changes:
            await record(tx, deps.clock(), viewer.actor, "settings.changed", site_id=site_id, changes=changes)


async def _page(
    deps: ConsoleDeps,
    view: View,
    request: Request,
    viewer: Viewer,
    *,
    values: Values | None = None,
    problems: Mapping[str, str] | None = None,
    refused: MinideskError | None = None,
    version: str | None = None,
    saved: bool = False,
) -> Response:
    """`version`: what the refused form was made from. A form that was overtaken gets the new one: it shows both."""
    async with deps.db.read() as tx:
        site = await site_by_id(tx, viewer.site.site_id)
        around = await shell_of(tx, viewer, "site")
    overtaken = isinstance(refused, Conflict)
    shown = written(site) if values is None else values
    hosts = link_hosts(site.allowed_origins, lines(shown["link_hosts"]))
    notes = await asyncio.to_thread(will_not_work, shown["instructions"], hosts, view.t)
    fields = fields_of(site, values, problems or {}, overtaken=overtaken, notes={"instructions": notes})
    page = SitePage(
        around,
        fields,
        settings_version(site) if version is None else version,
        script_step(site, deps.settings, request),
        swatch_of(fields["accent"].value, view.t),
        logo_url(site),
        await asyncio.to_thread(_zones),
        saved,
        view.t("site.look_again") if problems else refused.message if refused else "",
    )
    status = refused.status if refused else 422 if problems else 200
    return view.html("site.html", status=status, page=page)


def _zones() -> tuple[str, ...]:
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"))
