"""A site's settings: for its administrators alone."""

import asyncio
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import differences, record
from minidesk.errors import Conflict, MinideskError
from minidesk.sites import (
    SiteView,
    link_hosts,
    logo_url,
    save_settings,
    settings_version,
    site_by_id,
)
from minidesk.text.normalise import check_text
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.site_form import FIELDS, MOST_TOPICS, Values, check, lines, written
from minidesk.web.console.site_page import SitePage, fields_of, swatch_of, told, will_not_work
from minidesk.web.console.start import script_step
from minidesk.web.console.try_routes import TRIES_PER_MINUTE
from minidesk.web.console.view import View
from minidesk.web.identity import own_origin

HERE = "/console/settings"
_TRY_CHARS = 400


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/settings")
    async def site_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        return await _page(request, viewer, saved="saved" in request.query_params)

    @router.get("/settings/accent")
    async def accent(request: Request, accent: str = "") -> Response:
        await access_viewer(deps, request, role="admin")
        return view.html("parts/accent.html", swatch=swatch_of(accent, view.t))

    @router.post("/settings/topics")
    async def try_topic(request: Request) -> Response:
        """Which topic a sentence would be given to a person for, by the topics as they are written in the form."""
        agent, form = await checked_form(deps, request)
        await access_viewer(deps, request, role="admin")
        deps.limiter.charge("try", agent.agent_id, limit=TRIES_PER_MINUTE, seconds=60)
        said = check_text(field(form, "topic_try"), _TRY_CHARS)
        topics = tuple(lines(field(form, "person_topics"))[:MOST_TOPICS])
        look = view.t("site.topic.empty")
        if said and topics:
            look = told(await deps.asker.topic_of(said, topics), view.t)
        return view.html("parts/topic.html", look=look)

    @router.post("/settings")
    async def save(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        values = {name: field(form, name) for name in FIELDS}
        async with deps.db.read() as tx:
            site = await site_by_id(tx, viewer.site.site_id)
        checked = check(values, site.config, view.t)
        if checked.settings is None:
            return await _page(
                request, viewer, values=values, problems=checked.problems, version=field(form, "version")
            )
        try:
            async with deps.db.write() as tx:
                before = await site_by_id(tx, site.id)
                await save_settings(
                    tx,
                    site.id,
                    checked.settings,
                    version=field(form, "version"),
                    by=viewer.agent.name,
                    now=deps.clock(),
                )
                changes = differences(_values(before), _values(await site_by_id(tx, site.id)))
                if changes:
                    await record(
                        tx, deps.clock(), viewer.actor, "settings.changed", site_id=site.id, changes=changes
                    )
        except Conflict as error:
            return await _page(request, viewer, values=values, refused=error)
        except MinideskError as error:
            return await _page(request, viewer, values=values, refused=error, version=field(form, "version"))
        return RedirectResponse(f"{HERE}?saved=1", status_code=303)

    async def _page(
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
            waiting = await waiting_count(tx, site.id, viewer.agent.agent_id)
        overtaken = isinstance(refused, Conflict)
        shown = written(site) if values is None else values
        notes = await asyncio.to_thread(
            will_not_work,
            shown["instructions"],
            link_hosts(site.allowed_origins, lines(shown["link_hosts"])),
            view.t,
        )
        fields = fields_of(site, values, problems or {}, overtaken=overtaken, notes={"instructions": notes})
        page = SitePage(
            shell(viewer, "site", waiting),
            fields,
            settings_version(site) if version is None else version,
            script_step(site, _desk(request), public=bool(deps.settings.public_url), origins=()),
            swatch_of(fields["accent"].value, view.t),
            logo_url(site),
            await asyncio.to_thread(_zones),
            saved,
            view.t("site.look_again") if problems else refused.message if refused else "",
        )
        status = refused.status if refused else 422 if problems else 200
        return view.html("site.html", status=status, page=page)

    def _desk(request: Request) -> str:
        """The address that visitors' browsers load the script from."""
        public = deps.settings.base_url if deps.settings.public_url else own_origin(request, deps.settings)
        return public.rstrip("/")


def _values(site: SiteView) -> dict[str, Any]:
    """The settings as the audit log compares them; of long ones it keeps only that they changed."""
    config = site.config.model_dump(mode="json", exclude={"look": {"logo"}})
    return {"name": site.name, "origins": site.allowed_origins, **config}


def _zones() -> tuple[str, ...]:
    return tuple(sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC"))
