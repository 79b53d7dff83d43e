"""The Start page: paste an address, see what its pages answer, copy the script, check that it is there."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import differences, record
from minidesk.db import Tx
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.insight.first_steps import (
    LOOK_AFTER,
    StepsView,
    begin,
    keep_check,
    progress_of,
    put_away,
    read_steps,
)
from minidesk.knowledge.crawls import access_crawl, count_pages, pages_of
from minidesk.sites import list_sightings, set_origins, site_by_id
from minidesk.web.console.crawl_routes import ORDERS_PER_HOUR
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.start import (
    Reading,
    StartPage,
    answers,
    check_step,
    desk_address,
    origins_of,
    read_step,
    script_step,
)
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to

HERE = "/console/start"
# Pages that help keep their site's answers fresh; the owner can change it with the crawl.
EVERY_HOURS = 168
# Each costs somebody's website a request.
CHECKS_PER_MINUTE = 10


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/start")
    async def start_page(request: Request) -> Response:
        return await _page(deps, view, request, await access_viewer(deps, request, role="editor"))

    @router.post("/start/done")
    async def done(request: Request) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        async with deps.db.write() as tx:
            await put_away(tx, viewer.site.site_id, deps.clock())
        return to("/console/inbox")

    _add_reading(router, deps, view)
    _add_script(router, deps, view)


def _add_reading(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """The first two steps: what is read, and what it answers."""

    @router.post("/start/crawl")
    async def crawl(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="editor")
        try:
            deps.limiter.charge("crawl", viewer.site.site_id, limit=ORDERS_PER_HOUR, seconds=3600)
            ordered = await deps.crawls.order(
                site_id=viewer.site.site_id, url=field(form, "url"), kind="crawl", every_hours=EVERY_HOURS
            )
        except MinideskError as error:
            return await _page(deps, view, request, viewer, problem=error, url=field(form, "url"))
        await _begin(deps, viewer.site.site_id, ordered.url, ordered.id)
        return to(HERE)

    @router.post("/start/upload")
    async def upload(request: Request) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        await _begin(deps, viewer.site.site_id)
        return to("/console/docs")

    @router.post("/start/look")
    async def look(request: Request) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        deps.limiter.charge("look", viewer.site.site_id, limit=CHECKS_PER_MINUTE, seconds=60)
        await _begin(deps, viewer.site.site_id)
        return to(HERE)


def _add_script(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """The last two steps: where the chat may be shown, and whether it is."""

    @router.post("/start/origins")
    async def allow(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        try:
            async with deps.db.write() as tx:
                site = await site_by_id(tx, viewer.site.site_id)
                stored = await set_origins(tx, site.id, [*site.allowed_origins, field(form, "origin")])
                changes = differences({"origins": site.allowed_origins}, {"origins": stored})
                if changes:
                    await record(
                        tx, deps.clock(), viewer.actor, "settings.changed", site_id=site.id, changes=changes
                    )
        except Invalid as error:
            return await _page(deps, view, request, viewer, problem=error)
        return to(f"{HERE}#script")

    @router.post("/start/check")
    async def check(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="editor")
        deps.limiter.charge("check", viewer.site.site_id, limit=CHECKS_PER_MINUTE, seconds=60)
        async with deps.db.read() as tx:
            site = await site_by_id(tx, viewer.site.site_id)
        url = field(form, "url").strip()
        address = url if "://" in url else f"https://{url}"
        try:
            found = await deps.install_check.check(address, site.key, desk_address(deps.settings, request))
        except MinideskError as error:
            return await _page(deps, view, request, viewer, problem=error)
        async with deps.db.write() as tx:
            await keep_check(tx, site.id, found, deps.clock())
        return to(f"{HERE}#check")


async def _begin(
    deps: ConsoleDeps, site_id: str, url: str | None = None, crawl_id: str | None = None
) -> None:
    """Begin the site's first steps, or look at its pages once more."""
    now = deps.clock()
    async with deps.db.write() as tx:
        await begin(tx, deps.jobs, site_id, url=url, crawl_id=crawl_id, now=now, run_at=now + LOOK_AFTER)


async def _page(
    deps: ConsoleDeps,
    view: View,
    request: Request,
    viewer: Viewer,
    *,
    problem: MinideskError | None = None,
    url: str = "",
) -> Response:
    """The page. `url`: the address that was refused."""
    site_id, now = viewer.site.site_id, deps.clock()
    async with deps.db.read() as tx:
        site = await site_by_id(tx, site_id)
        steps = await read_steps(tx, site_id)
        reading = await _reading(tx, site_id, steps)
        sightings = await list_sightings(tx, site_id)
        around = await shell_of(tx, viewer, "start")
    origins = origins_of(reading.crawl.url if reading.crawl else steps.url, reading.pages)
    seen = [(sighting, when(sighting.last_at, now)) for sighting in sightings]
    checked = when(steps.checked_at, now) if steps.checked_at else None
    page = StartPage(
        around,
        read_step(steps, reading, view.t),
        answers(steps.questions),
        steps.looking,
        steps.looked,
        script_step(site, deps.settings, request, origins),
        check_step(steps, seen, checked, origins, view.t),
        problem.message if problem else "",
        url[:1000],
    )
    return view.html("start.html", status=problem.status if problem else 200, page=page)


async def _reading(tx: Tx, site_id: str, steps: StepsView) -> Reading:
    progress = await progress_of(tx, site_id, steps.crawl_id)
    try:
        crawl = await access_crawl(tx, site_id, steps.crawl_id or "")
    except NotFound:  # none was ordered, or it was removed for itself
        return Reading(None, {}, (), progress)
    return Reading(crawl, await count_pages(tx, crawl.id), await pages_of(tx, crawl.id), progress)
