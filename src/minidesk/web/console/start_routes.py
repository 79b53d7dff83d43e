"""The Start page: paste an address, see what its pages answer, copy the script, check that it is there."""

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

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
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.start import (
    Reading,
    StartPage,
    answers,
    check_step,
    origins_of,
    read_step,
    script_step,
)
from minidesk.web.console.times import when
from minidesk.web.console.view import View
from minidesk.web.identity import own_origin

HERE = "/console/start"
# Pages that help keep their site's answers fresh; the owner can change it with the crawl.
EVERY_HOURS = 168
# Each costs somebody's website a request.
CHECKS_PER_MINUTE = 10


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:  # noqa: PLR0915 (routes, one after the other)
    """Add the routes."""

    @router.get("/start")
    async def start_page(request: Request) -> Response:
        return await _page(request, await access_viewer(deps, request, role="editor"))

    @router.post("/start/crawl")
    async def crawl(request: Request) -> Response:
        viewer, form = await _editor(request)
        try:
            deps.limiter.charge("crawl", viewer.site.site_id, limit=ORDERS_PER_HOUR, seconds=3600)
            ordered = await deps.crawls.order(
                site_id=viewer.site.site_id, url=field(form, "url"), kind="crawl", every_hours=EVERY_HOURS
            )
        except MinideskError as error:
            return await _page(request, viewer, problem=error, url=field(form, "url"))
        await _begin(viewer, ordered.url, ordered.id)
        return _to(HERE)

    @router.post("/start/upload")
    async def upload(request: Request) -> Response:
        viewer, _ = await _editor(request)
        await _begin(viewer, None, None)
        return _to("/console/docs")

    @router.post("/start/look")
    async def look(request: Request) -> Response:
        viewer, _ = await _editor(request)
        deps.limiter.charge("look", viewer.site.site_id, limit=CHECKS_PER_MINUTE, seconds=60)
        await _begin(viewer, None, None)
        return _to(HERE)

    @router.post("/start/origins")
    async def allow(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        try:
            async with deps.db.write() as tx:
                site = await site_by_id(tx, viewer.site.site_id)
                await set_origins(tx, site.id, [*site.allowed_origins, field(form, "origin")])
        except Invalid as error:
            return await _page(request, viewer, problem=error)
        return _to(f"{HERE}#script")

    @router.post("/start/check")
    async def check(request: Request) -> Response:
        viewer, form = await _editor(request)
        deps.limiter.charge("check", viewer.site.site_id, limit=CHECKS_PER_MINUTE, seconds=60)
        async with deps.db.read() as tx:
            site = await site_by_id(tx, viewer.site.site_id)
        url = field(form, "url").strip()
        try:
            found = await deps.install_check.check(
                url if "://" in url else f"https://{url}", site.key, _desk(request)
            )
        except MinideskError as error:
            return await _page(request, viewer, problem=error)
        async with deps.db.write() as tx:
            await keep_check(tx, site.id, found, deps.clock())
        return _to(f"{HERE}#check")

    @router.post("/start/done")
    async def done(request: Request) -> Response:
        viewer, _ = await _editor(request)
        async with deps.db.write() as tx:
            await put_away(tx, viewer.site.site_id, deps.clock())
        return _to("/console/inbox")

    async def _editor(request: Request) -> tuple[Viewer, FormData]:
        """The form of an agent who may change documents. Raises `NotAllowed`, before anything is stored."""
        _, form = await checked_form(deps, request)
        return await access_viewer(deps, request, role="editor"), form

    async def _begin(viewer: Viewer, url: str | None, crawl_id: str | None) -> None:
        now = deps.clock()
        async with deps.db.write() as tx:
            await begin(
                tx,
                deps.jobs,
                viewer.site.site_id,
                url=url,
                crawl_id=crawl_id,
                now=now,
                run_at=now + LOOK_AFTER,
            )

    def _desk(request: Request) -> str:
        """The address that visitors' browsers load the script from."""
        public = deps.settings.base_url if deps.settings.public_url else own_origin(request, deps.settings)
        return public.rstrip("/")

    async def _page(
        request: Request, viewer: Viewer, *, problem: MinideskError | None = None, url: str = ""
    ) -> Response:
        site_id, now = viewer.site.site_id, deps.clock()
        async with deps.db.read() as tx:
            site = await site_by_id(tx, site_id)
            steps = await read_steps(tx, site_id)
            reading = await _reading(tx, site_id, steps)
            sightings = await list_sightings(tx, site_id)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
        origins = origins_of(reading.crawl.url if reading.crawl else steps.url, reading.pages)
        seen = [(sighting, when(sighting.last_at, now)) for sighting in sightings]
        checked = when(steps.checked_at, now) if steps.checked_at else None
        page = StartPage(
            shell(viewer, "start", waiting),
            read_step(steps, reading, view.t),
            answers(steps.questions),
            steps.looking,
            steps.looked,
            script_step(site, _desk(request), public=bool(deps.settings.public_url), origins=origins),
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


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
