"""Pages of the web as knowledge: the form that orders them, and the log of a crawl."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import access_site
from minidesk.errors import Invalid
from minidesk.knowledge.crawls import access_crawl, count_pages, pages_of
from minidesk.web.console.contexts import CrawlPage
from minidesk.web.console.crawls import crawl_part
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View

# Each order may cost somebody else's website 500 requests.
ORDERS_PER_HOUR = 30
# What the form offers: never, daily, weekly.
HOURS = {"0": 0, "24": 24, "168": 168}


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.post("/docs/crawls")
    async def order(request: Request) -> Response:
        viewer, fields = await _editor(request)
        if fields["every"] not in HOURS:
            raise Invalid
        deps.limiter.charge("crawl", viewer.site.site_id, limit=ORDERS_PER_HOUR, seconds=3600)
        crawl = await deps.crawls.order(
            site_id=viewer.site.site_id,
            url=fields["url"],
            kind="crawl" if fields["whole"] else "page",
            every_hours=HOURS[fields["every"]],
        )
        return RedirectResponse(f"/console/docs/crawls/{crawl.id}", status_code=303)

    @router.get("/docs/crawls/{crawl_id}")
    async def log_page(request: Request, crawl_id: str) -> Response:
        viewer = await access_viewer(deps, request)
        now = deps.clock()
        async with deps.db.read() as tx:
            crawl = await access_crawl(tx, viewer.site.site_id, crawl_id)
            part = crawl_part(
                crawl, await pages_of(tx, crawl.id), await count_pages(tx, crawl.id), now, view.t
            )
            waiting = await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id)
        return view.html("crawl.html", page=CrawlPage(shell(viewer, "docs", waiting), part))

    @router.post("/docs/crawls/{crawl_id}/again")
    async def again(request: Request, crawl_id: str) -> Response:
        viewer, _ = await _editor(request)
        deps.limiter.charge("crawl", viewer.site.site_id, limit=ORDERS_PER_HOUR, seconds=3600)
        async with deps.db.read() as tx:
            crawl = await access_crawl(tx, viewer.site.site_id, crawl_id)
        await deps.crawls.order(
            site_id=crawl.site_id, url=crawl.url, kind=crawl.kind, settings=crawl.settings
        )
        return RedirectResponse(f"/console/docs/crawls/{crawl.id}", status_code=303)

    @router.post("/docs/crawls/{crawl_id}/remove")
    async def remove(request: Request, crawl_id: str) -> Response:
        viewer, _ = await _editor(request)
        await deps.crawls.remove(viewer.site.site_id, crawl_id)
        return RedirectResponse("/console/docs", status_code=303)

    async def _editor(request: Request) -> tuple[Viewer, dict[str, str]]:
        """The form of an agent who may change documents. Raises `NotAllowed`, before anything is stored."""
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        async with deps.db.read() as tx:
            await access_site(tx, agent.agent_id, viewer.site.site_id, "editor")
        return viewer, {name: field(form, name) for name in ("url", "whole", "every")}
