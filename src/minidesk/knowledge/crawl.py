"""Reads pages and sites, politely, and stores what they say as documents.

    address → robots.txt → one request, conditional where the page is known → links, canonical address → Sources.store

A page that cannot be read keeps what it said before; only the page itself says that it failed. A site never fails
as a whole: its run ends when everything was visited or a ceiling is reached, and says so.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import select

from minidesk.db import Database
from minidesk.db.models import Crawl, CrawlPage, Source
from minidesk.errors import MinideskError
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.knowledge.crawl_manners import Manners
from minidesk.knowledge.crawl_rows import CrawlRows, Withdrawn
from minidesk.knowledge.crawl_run import Known, Run, Step, looks_like_a_page, summary
from minidesk.knowledge.crawl_sitemaps import Sitemaps
from minidesk.knowledge.crawl_visit import PageVisits
from minidesk.knowledge.crawls import CrawlView, finish_run, view
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.sources import Sources
from minidesk.live import Hub
from minidesk.outbound import Outbound
from minidesk.settings import Settings

log = logging.getLogger(__name__)


class Crawler:
    """Handles `crawl` jobs. `timer` gives seconds and only goes forward; `sleep` waits for some."""

    def __init__(
        self,
        db: Database,
        sources: Sources,
        jobs: JobQueue,
        hub: Hub,
        outbound: Outbound,
        settings: Settings,
        clock: Callable[[], datetime],
        *,
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._hub = hub
        self._settings = settings
        self._clock = clock
        self._timer = timer
        self._parser = ParserPool(settings)
        self._rows = CrawlRows(db, hub, sources, clock)
        self._manners = Manners(outbound, settings, timer, sleep)
        self._sitemaps = Sitemaps(outbound, self._manners, self._parser, settings, timer)
        self._visits = PageVisits(outbound, self._manners, self._parser, self._rows, sources, settings)

    async def close(self) -> None:
        """End the child that reads pages."""
        await self._parser.close()

    async def run(self, job: ClaimedJob) -> None:
        """Visit what `job.payload` (`crawl_id`, `generation`) names. Only failures of ours are raised."""
        crawl = await self._begin(job)
        if crawl is None:
            return
        try:
            run = await self._prepare(crawl)
            problem = await self._seed(run)
            stopped = await self._visit_all(run)
            await self._rows.retire_moved(run)
            await self._end(crawl, "done" if run.results else "failed", problem or summary(run, stopped))
        except Withdrawn:
            log.info("a crawl was removed while it ran", extra={"crawl": crawl.id})

    async def give_up(self, job: ClaimedJob, reason: str) -> None:
        """Every attempt failed: say so in the log of the crawl, and keep its schedule."""
        crawl = await self._begin(job)
        if crawl is not None:
            text = "This run could not be finished after several attempts. Start it again; if it fails again, ask the operator to look into the log."
            await self._end(crawl, "failed", text)

    # ---------------------------------------------------------------- a run

    async def _begin(self, job: ClaimedJob) -> CrawlView | None:
        async with self._db.write() as tx:
            crawl = await tx.get(Crawl, str(job.payload["crawl_id"]), with_for_update=True)
            if crawl is None or crawl.generation != job.payload["generation"]:
                return None
            crawl.status = "running"
            tx.after_commit(lambda: self._hub.wake(f"site:{crawl.site_id}"))
            return view(crawl)

    async def _prepare(self, crawl: CrawlView) -> Run:
        async with self._db.read() as tx:
            rows = await tx.execute(
                select(CrawlPage, Source.id)
                .outerjoin(Source, Source.id == CrawlPage.source_id)
                .where(CrawlPage.crawl_id == crawl.id)
                .order_by(CrawlPage.id)
            )
            known = {
                page.url: Known(
                    stored is not None, page.path, page.source_id, page.etag, page.last_modified, page.sha256,
                    page.links, page.failures,
                )
                for page, stored in rows.all()
            }  # fmt: skip
        ceiling = self._settings
        return Run(
            crawl=crawl,
            host=urlsplit(crawl.url).netloc,
            pages=min(crawl.settings.get("pages", ceiling.crawl_pages), ceiling.crawl_pages),
            depth=min(crawl.settings.get("depth", ceiling.crawl_depth), ceiling.crawl_depth)
            if crawl.kind == "crawl"
            else 0,
            ends=self._timer() + ceiling.crawl_seconds,
            known=known,
        )

    async def _seed(self, run: Run) -> str:
        """Put the first addresses into the queue; gives a sentence if there are none."""
        if run.crawl.kind != "sitemap":
            run.add(Step(run.crawl.url, start=True))
            return ""
        pages = await self._sitemaps.pages(run, [run.crawl.url])
        for url in pages:
            run.add(Step(url))
        return "" if pages else "No pages were found in this sitemap. Check its address."

    async def _visit_all(self, run: Run) -> str:
        """Visit the queue, then what the site's own sitemaps name, then what is known and was not met again.

        Gives why it stopped before the end, if it did.
        """
        old = [url for url, known in run.known.items() if known.stored and run.crawl.kind != "page"]
        named = run.crawl.kind == "crawl" and run.depth > 0
        while run.queue or named or old:
            if run.asked >= run.pages:
                return f"Stopped after {run.pages} pages"
            if self._timer() >= run.ends:
                return f"Stopped after {self._settings.crawl_seconds / 60:.0f} minutes"
            if run.queue:
                await self._visits.visit(run, run.queue.popleft())
            elif named:
                named = False
                await self._add_named(run)
            else:  # no page links to these any more: still there, or gone?
                run.add(Step(old.pop(0), depth=run.depth))
        return ""

    async def _add_named(self, run: Run) -> None:
        """Pages of the sitemaps that robots.txt names: those that no link led to. They come last, because a shop's
        sitemap lists every article and a help page is usually linked."""
        try:
            rules = await self._manners.rules(run, f"{urlsplit(run.crawl.url).scheme}://{run.host}/")
        except MinideskError:
            return  # nobody there: the page that was ordered says so
        if not isinstance(rules, str) and rules.sitemaps:
            for url in await self._sitemaps.pages(run, list(rules.sitemaps)):
                if looks_like_a_page(url):
                    run.add(Step(url, depth=1))

    async def _end(self, crawl: CrawlView, status: Literal["done", "failed"], text: str) -> None:
        async with self._db.write() as tx:
            row = await tx.get(Crawl, crawl.id, with_for_update=True)
            if row is None or row.generation != crawl.generation:
                return
            await finish_run(tx, self._jobs, row, status, text, self._clock())
            tx.after_commit(lambda: self._hub.wake(f"site:{crawl.site_id}"))
