"""What is kept of each page that a crawl came across, and what becomes of the documents of pages that are gone."""

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Crawl, CrawlPage, new_id
from minidesk.errors import NotFound
from minidesk.knowledge.crawl_run import MAX_HOPS, Known, Run, Status, Step
from minidesk.knowledge.crawls import CrawlView
from minidesk.knowledge.pages import page_path
from minidesk.knowledge.sources import Sources
from minidesk.live import Hub

log = logging.getLogger(__name__)


class Withdrawn(Exception):
    """The crawl was removed while it ran."""


class CrawlRows:
    """The rows of pages."""

    def __init__(self, db: Database, hub: Hub, sources: Sources, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._hub = hub
        self._sources = sources
        self._clock = clock

    async def keep(
        self, run: Run, step: Step, status: Status, reason: str | None, state: Known | None = None
    ) -> None:
        """Write what came of a visit. Without a `state`, what was known before stays. Raises Withdrawn."""
        run.results[step.url] = status
        async with self._db.write() as tx:
            crawl = await tx.get(Crawl, run.crawl.id)
            if crawl is None or crawl.generation != run.crawl.generation:
                raise Withdrawn
            page = await _page(tx, run.crawl, step.url)
            page.status, page.reason, page.checked_at = status, reason, self._clock()
            if state is not None:
                page.path, page.source_id = state.path, state.source_id
                page.etag, page.last_modified, page.sha256 = state.etag, state.last_modified, state.sha256
                page.links, page.failures = list(state.links), state.failures
            tx.after_commit(lambda: self._hub.wake(f"site:{run.crawl.site_id}"))

    async def path_of(self, crawl: CrawlView, url: str, kind: str) -> str:
        """The page's path among the documents, one that no other page has."""
        path = page_path(url, kind)
        async with self._db.read() as tx:
            others = await tx.scalars(
                select(CrawlPage.url).where(CrawlPage.site_id == crawl.site_id, CrawlPage.path == path)
            )
            # http and https are one page.
            taken = any(other.partition("://")[2] != url.partition("://")[2] for other in others)
        return page_path(url, kind, taken=True) if taken else path

    async def retire_moved(self, run: Run) -> None:
        """Remove documents whose page is now another one that is ready: they would say everything twice."""
        for url in run.moved:
            target = url
            for _ in range(MAX_HOPS + 1):
                target = run.moved.get(target, target)
            known = run.known.get(url)
            if known and known.source_id and run.results.get(target) == "ready":
                await self.retire(run.crawl, url, known.source_id)
                async with self._db.write() as tx:
                    page = await _page(tx, run.crawl, url)
                    page.path = page.source_id = page.etag = page.last_modified = page.sha256 = None

    async def retire(self, crawl: CrawlView, url: str, source_id: str) -> None:
        """Delete the file that was made of this page, unless another page is it too."""
        async with self._db.read() as tx:
            others = await tx.scalar(
                select(func.count())
                .select_from(CrawlPage)
                .where(
                    CrawlPage.source_id == source_id,
                    (CrawlPage.crawl_id != crawl.id) | (CrawlPage.url != url),
                )
            )
        if others:
            return
        try:
            await self._sources.delete_source(crawl.site_id, source_id)
        except NotFound:
            log.info("a page's document was deleted before", extra={"crawl": crawl.id})


async def _page(tx: Tx, crawl: CrawlView, url: str) -> CrawlPage:
    page = await tx.scalar(select(CrawlPage).where(CrawlPage.crawl_id == crawl.id, CrawlPage.url == url))
    if page is None:
        page = CrawlPage(
            id=new_id("cpg"), crawl_id=crawl.id, site_id=crawl.site_id, url=url, links=[], failures=0
        )
        tx.add(page)
    return page
