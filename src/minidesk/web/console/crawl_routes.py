"""Pages of the web as knowledge: the form that orders them, and the log of a crawl."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import Invalid
from minidesk.knowledge.crawls import access_crawl, count_pages, pages_of
from minidesk.web.console.contexts import CrawlPage
from minidesk.web.console.crawls import crawl_part
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import View, to

# Each order may cost somebody else's website 500 requests.
ORDERS_PER_HOUR = 30
# What the form offers: never, daily, weekly.
HOURS = {"0": 0, "24": 24, "168": 168}


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.post("/docs/crawls")
    async def order(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="editor")
        every = field(form, "every")
        if every not in HOURS:
            raise Invalid
        deps.limiter.charge("crawl", viewer.site.site_id, limit=ORDERS_PER_HOUR, seconds=3600)
        crawl = await deps.crawls.order(
            site_id=viewer.site.site_id,
            url=field(form, "url"),
            kind="crawl" if field(form, "whole") else "page",
            every_hours=HOURS[every],
        )
        return to(f"/console/docs/crawls/{crawl.id}")

    @router.get("/docs/crawls/{crawl_id}")
    async def log_page(request: Request, crawl_id: str) -> Response:
        viewer = await access_viewer(deps, request)
        now = deps.clock()
        async with deps.db.read() as tx:
            crawl = await access_crawl(tx, viewer.site.site_id, crawl_id)
            part = crawl_part(
                crawl, await pages_of(tx, crawl.id), await count_pages(tx, crawl.id), now, view.t
            )
            around = await shell_of(tx, viewer, "docs")
        return view.html("crawl.html", page=CrawlPage(around, part))

    @router.post("/docs/crawls/{crawl_id}/again")
    async def again(request: Request, crawl_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        deps.limiter.charge("crawl", viewer.site.site_id, limit=ORDERS_PER_HOUR, seconds=3600)
        async with deps.db.read() as tx:
            crawl = await access_crawl(tx, viewer.site.site_id, crawl_id)
        await deps.crawls.order(
            site_id=crawl.site_id, url=crawl.url, kind=crawl.kind, settings=crawl.settings
        )
        return to(f"/console/docs/crawls/{crawl.id}")

    @router.post("/docs/crawls/{crawl_id}/remove")
    async def remove(request: Request, crawl_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        await deps.crawls.remove(viewer.site.site_id, crawl_id)
        return to("/console/docs")
