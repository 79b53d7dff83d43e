"""Reads pages and sites, politely, and stores what they say as documents.

    address → robots.txt → one request, conditional where the page is known → links, canonical address → Sources.store

A page that cannot be read keeps what it said before; only the page itself says that it failed. A site never fails
as a whole: its run ends when everything was visited or a ceiling is reached, and says so.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from sqlalchemy import func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Crawl, CrawlPage, Source, new_id
from minidesk.errors import MinideskError, NotFound
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.knowledge.crawl_run import (
    MAX_HOPS,
    MET_PER_PAGE,
    Known,
    Run,
    Status,
    Step,
    as_utf8,
    fitting,
    looks_like_a_page,
    path_of,
    summary,
)
from minidesk.knowledge.crawls import CrawlView, finish_run, view
from minidesk.knowledge.pages import (
    PageLinks,
    charset_of,
    content_kind,
    page_path,
    read_links,
    read_sitemap,
    without_tracking,
)
from minidesk.knowledge.robots import EVERYTHING, MAX_BYTES, Robots, parse_robots
from minidesk.knowledge.sources import OWN_ADDRESS, Sources
from minidesk.live import Hub
from minidesk.outbound import Answer, Outbound, gunzip
from minidesk.settings import Settings

log = logging.getLogger(__name__)

GONE_TRIES = 3  # visits that find a page gone before its document is retired
PAGE_LINKS = 500  # links of one page that are followed, and kept for when it has not changed
# Calendars, filters and sort orders: one path with ever new queries.
QUERIES_PER_PATH = 10
SITEMAPS = 50  # files that one sitemap may lead to
RETRY_AFTER_SECONDS = 30.0  # longest wait that a busy site is granted

REDIRECTS = (301, 302, 303, 307, 308)
GONE = "The page is gone."
RETIRED = "The page has been gone for three visits. Its document was removed."


class _Withdrawn(Exception):
    """The crawl was removed while it ran."""


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
        self._sources = sources
        self._jobs = jobs
        self._hub = hub
        self._outbound = outbound
        self._settings = settings
        self._clock = clock
        self._timer = timer
        self._sleep = sleep
        self._free_at: dict[str, float] = {}  # host → when it may be asked again; shared by all crawls here

    async def run(self, job: ClaimedJob) -> None:
        """Visit what `job.payload` (`crawl_id`, `generation`) names. Only failures of ours are raised."""
        crawl = await self._begin(job)
        if crawl is None:
            return
        try:
            run = await self._prepare(crawl)
            problem = await self._seed(run)
            stopped = await self._visit_all(run)
            await self._retire_moved(run)
            await self._end(crawl, "done" if run.results else "failed", problem or summary(run, stopped))
        except _Withdrawn:
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
        pages = await self._sitemap_pages(run)
        for url in pages:
            run.add(Step(url))
        return "" if pages else "No pages were found in this sitemap. Check its address."

    async def _visit_all(self, run: Run) -> str:
        """Visit the queue, then what is known and was not met again; gives why it stopped before the end, if it did."""
        old = [url for url, known in run.known.items() if known.stored and run.crawl.kind != "page"]
        while run.queue or old:
            if run.asked >= run.pages:
                return f"Stopped after {run.pages} pages"
            if self._timer() >= run.ends:
                return f"Stopped after {self._settings.crawl_seconds / 60:.0f} minutes"
            if run.queue:
                await self._visit(run, run.queue.popleft())
            else:  # no page links to these any more: still there, or gone?
                run.add(Step(old.pop(0), depth=run.depth))
        return ""

    async def _end(self, crawl: CrawlView, status: Literal["done", "failed"], text: str) -> None:
        async with self._db.write() as tx:
            row = await tx.get(Crawl, crawl.id, with_for_update=True)
            if row is None or row.generation != crawl.generation:
                return
            await finish_run(tx, self._jobs, row, status, text, self._clock())
            tx.after_commit(lambda: self._hub.wake(f"site:{crawl.site_id}"))

    # ---------------------------------------------------------------- one page

    async def _visit(self, run: Run, step: Step) -> None:
        known = run.known.get(step.url, Known())
        try:
            answer = await self._fetch(run, step.url, known)
        except MinideskError as error:  # refused, too large: this page's own trouble
            await self._keep(run, step, "failed", error.message)
            return
        if isinstance(answer, str):
            await self._keep(run, step, "skipped", answer)
        elif answer.status == 304 and known.stored:
            self._follow(run, step, known.links)
            await self._keep(run, step, "ready", None, replace(known, failures=0))
        elif answer.status in REDIRECTS:
            await self._lead(run, step, answer.url, answer.headers.get("location", ""))
        elif answer.status in (404, 410):
            await self._gone(run, step, known)
        elif answer.status != 200:
            await self._keep(run, step, "failed", self._refusal(run, answer))
        else:
            await self._read(run, step, known, answer)

    async def _fetch(self, run: Run, url: str, known: Known) -> Answer | str:
        """The answer, or why the page may not be read. Raises MinideskError where there is none."""
        address = self._outbound.check(url)
        robots = await self._rules(run, url)
        if isinstance(robots, str):
            return robots
        if not robots.allows(path_of(url)):
            return "The website's robots.txt forbids it. Allow “minidesk” there to have this page read."
        headers = {"Accept": "text/html,application/xhtml+xml,application/pdf,text/plain;q=0.8,*/*;q=0.1"}
        if known.stored and known.etag:
            headers["If-None-Match"] = known.etag
        if known.stored and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        await self._wait(address.host, robots.delay)
        run.asked += 1
        return await self._outbound.get(
            address.url,
            headers=headers,
            limit=self._settings.page_max_bytes,
            seconds=self._settings.page_seconds,
            redirects=0,
        )

    async def _read(self, run: Run, step: Step, known: Known, answer: Answer) -> None:
        declared = answer.headers.get("content-type", "text/html")
        kind = content_kind(declared)
        if kind is None:
            await self._keep(run, step, "skipped", f"This is no page but {declared.partition(';')[0][:60]}.")
            return
        links = PageLinks()
        if kind == ".html":
            links = await asyncio.to_thread(read_links, answer.body, charset_of(declared))
            if links.refresh:
                await self._lead(run, step, answer.url, links.refresh)
                return
            if await self._elsewhere(run, step, answer.url, links):
                return
        found = [] if links.nofollow else self._links(run, answer.url, links)
        if links.noindex and run.crawl.kind != "page":
            self._follow(run, step, found)
            await self._keep(run, step, "skipped", "The page asks programs not to read it (noindex).")
            return
        stored = await self._store(run, step, known, answer, kind)
        if isinstance(stored, str):
            await self._keep(run, step, "failed", stored)
            return
        self._follow(run, step, found)
        await self._keep(run, step, "ready", None, replace(stored, links=found))

    async def _store(self, run: Run, step: Step, known: Known, answer: Answer, kind: str) -> Known | str:
        """Hand the page on, if it is not what was stored before; gives the reason where it cannot be taken."""
        sha256 = hashlib.sha256(answer.body).hexdigest()
        marks = replace(
            known,
            stored=True,
            etag=fitting(answer.headers.get("etag"), 300),
            last_modified=fitting(answer.headers.get("last-modified"), 100),
            sha256=sha256,
            failures=0,
        )
        if known.stored and known.sha256 == sha256:
            return marks
        path = await self._path(run.crawl, step.url, kind)
        try:
            state = await self._sources.store(
                site_id=run.crawl.site_id,
                path=path,
                data=as_utf8(answer, kind),
                base_url=step.url + OWN_ADDRESS,
            )
        except MinideskError as error:
            return error.message
        if known.source_id and known.source_id != state.id:  # it was another kind of file before
            await self._retire(run.crawl, step.url, known.source_id)
        return replace(marks, path=path, source_id=state.id)

    async def _path(self, crawl: CrawlView, url: str, kind: str) -> str:
        path = page_path(url, kind)
        async with self._db.read() as tx:
            others = await tx.scalars(
                select(CrawlPage.url).where(CrawlPage.site_id == crawl.site_id, CrawlPage.path == path)
            )
            # http and https are one page.
            taken = any(other.partition("://")[2] != url.partition("://")[2] for other in others)
        return page_path(url, kind, taken=True) if taken else path

    async def _gone(self, run: Run, step: Step, known: Known) -> None:
        failures = min(known.failures + 1, GONE_TRIES)
        if failures == GONE_TRIES and known.source_id:
            await self._retire(run.crawl, step.url, known.source_id)
            await self._keep(run, step, "skipped", RETIRED, Known(failures=failures))
        else:
            await self._keep(run, step, "failed", GONE, replace(known, failures=failures))

    def _refusal(self, run: Run, answer: Answer) -> str:
        if answer.status in (401, 403):
            return "The website lets nobody read this page without signing in, or no programs. Save it and upload the file."
        if answer.status in (429, 503):
            after = answer.headers.get("retry-after", "")
            seconds = float(after) if re.fullmatch(r"\d{1,5}", after) else RETRY_AFTER_SECONDS
            host = urlsplit(answer.url).hostname or ""
            self._free_at[host] = self._timer() + min(seconds, RETRY_AFTER_SECONDS)
            return "The website is busy. The next run reads this page again."
        return f"The website answered with an error ({answer.status}). The next run reads this page again."

    # ---------------------------------------------------------------- where pages lead

    async def _lead(self, run: Run, step: Step, base: str, location: str) -> None:
        """A redirect, by status or by meta refresh."""
        target = self._outbound.join(base, location)
        if target is None:
            await self._keep(run, step, "failed", "The page leads on to an address that cannot be read.")
        elif step.hops >= MAX_HOPS or run.leads_to(target.url, step.url):
            await self._keep(
                run,
                step,
                "failed",
                "The page leads on and on without arriving. It may want a login or a cookie.",
            )
        elif urlsplit(target.url).netloc != run.host and not step.start:
            await self._keep(run, step, "skipped", f"The page leads to another website: {target.url[:200]}")
        else:
            if step.start:  # example.com → www.example.com
                run.host = urlsplit(target.url).netloc
            run.moved[step.url] = target.url
            run.add(replace(step, url=target.url, hops=step.hops + 1), first=True)
            await self._keep(run, step, "skipped", f"The page leads on to {target.url[:200]}")

    async def _elsewhere(self, run: Run, step: Step, base: str, links: PageLinks) -> bool:
        """Whether the page names another address as its own, whose turn it is then."""
        if not links.canonical or run.crawl.kind == "page" or step.hops >= MAX_HOPS:
            return False
        target = self._outbound.join(base, links.canonical)
        if target is None or target.url == step.url or urlsplit(target.url).netloc != run.host:
            return False
        # Visited and not stored (two pages that name each other, or a broken address): then this one is kept.
        if target.url in run.results and run.results[target.url] != "ready":
            return False
        run.moved[step.url] = target.url
        run.add(replace(step, url=target.url, hops=step.hops + 1), first=True)
        self._follow(run, step, [] if links.nofollow else self._links(run, base, links))
        await self._keep(run, step, "skipped", f"The same page as {target.url[:200]}")
        return True

    def _links(self, run: Run, url: str, links: PageLinks) -> list[str]:
        """Addresses of pages on the same host, normalised."""
        if run.depth == 0:
            return []
        base = self._outbound.join(url, links.base) if links.base else None
        found: dict[str, None] = {}
        for link in links.links:
            target = self._outbound.join(base.url if base else url, link)
            if target is None or urlsplit(target.url).netloc != run.host:
                continue
            found[without_tracking(target.url)] = None
            if len(found) == PAGE_LINKS:
                break
        return list(found)

    def _follow(self, run: Run, step: Step, links: Sequence[str]) -> None:
        if step.depth >= run.depth:
            return
        for url in links:
            if url in run.met or not looks_like_a_page(url):
                continue
            plain, mark, _ = url.partition("?")
            run.variants[plain] += bool(mark)
            if run.variants[plain] <= QUERIES_PER_PATH:
                run.add(Step(url, depth=step.depth + 1))

    async def _sitemap_pages(self, run: Run) -> list[str]:
        """The pages that the sitemap names, and those that the sitemaps it names do: on its own host, once each."""
        waiting, seen, pages = deque([run.crawl.url]), {run.crawl.url}, dict[str, None]()
        while waiting and len(pages) < run.pages and self._timer() < run.ends:
            url = waiting.popleft()
            try:
                await self._wait(urlsplit(url).hostname or "", 0.0)
                answer = await self._outbound.get(
                    url,
                    limit=self._settings.page_max_bytes,
                    seconds=self._settings.page_seconds,
                    beginning=True,
                )
                body = answer.body
                if body.startswith(b"\x1f\x8b"):  # a .gz file, as opposed to a packed transfer
                    body = await asyncio.to_thread(gunzip, body, self._settings.page_max_bytes)
            except MinideskError as error:
                log.info("a sitemap could not be read: %s", error.message, extra={"crawl": run.crawl.id})
                continue
            if answer.status != 200:
                continue
            if url == run.crawl.url:
                run.host = urlsplit(answer.url).netloc
            sitemap = await asyncio.to_thread(read_sitemap, body)
            for found, wanted in ((sitemap.sitemaps, waiting), (sitemap.pages, None)):
                for link in found[: MET_PER_PAGE * run.pages]:
                    target = self._outbound.join(answer.url, link)
                    if target is None or urlsplit(target.url).netloc != run.host:
                        continue
                    if wanted is None:
                        pages[target.url] = None
                    elif target.url not in seen and len(seen) < SITEMAPS:
                        seen.add(target.url)
                        wanted.append(target.url)
                    if len(pages) >= MET_PER_PAGE * run.pages:
                        break
        return list(pages)

    # ---------------------------------------------------------------- manners

    async def _rules(self, run: Run, url: str) -> Robots | str:
        """The host's robots.txt, read once a run; a sentence where it forbids all because it cannot be read.

        Raises MinideskError where the host does not answer at all.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in run.robots:
            run.robots[origin] = await self._read_rules(origin, parts.hostname or "")
        rules = run.robots[origin]
        if isinstance(rules, MinideskError):
            raise rules
        return rules

    async def _read_rules(self, origin: str, host: str) -> Robots | str | MinideskError:
        await self._wait(host, 0.0)
        try:
            answer = await self._outbound.get(
                f"{origin}/robots.txt", limit=MAX_BYTES, seconds=self._settings.page_seconds, beginning=True
            )
        except MinideskError as error:
            return error  # nobody there: asking once for all pages is enough
        if answer.status == 200:
            return parse_robots(answer.body.decode("utf-8", "replace"))
        if answer.status >= 500 or answer.status == 429:  # RFC 9309, 2.3.1.4: then nothing is allowed
            return "The website's robots.txt cannot be read now. The next run tries again."
        return EVERYTHING

    async def _wait(self, host: str, delay: float) -> None:
        """Until `host` may be asked again; the turn is taken before the wait, so that two crawls keep the distance too."""
        now = self._timer()
        turn = max(now, self._free_at.get(host, now))
        self._free_at[host] = turn + max(1.0 / self._settings.crawl_requests_per_second, delay)
        if turn > now:
            await self._sleep(turn - now)

    # ---------------------------------------------------------------- rows

    async def _keep(
        self, run: Run, step: Step, status: Status, reason: str | None, state: Known | None = None
    ) -> None:
        """Write what came of a visit. Without a `state`, what was known before stays. Raises _Withdrawn."""
        run.results[step.url] = status
        async with self._db.write() as tx:
            crawl = await tx.get(Crawl, run.crawl.id)
            if crawl is None or crawl.generation != run.crawl.generation:
                raise _Withdrawn
            page = await _page(tx, run.crawl, step.url)
            page.status, page.reason, page.checked_at = status, reason, self._clock()
            if state is not None:
                page.path, page.source_id = state.path, state.source_id
                page.etag, page.last_modified, page.sha256 = state.etag, state.last_modified, state.sha256
                page.links, page.failures = list(state.links), state.failures
            tx.after_commit(lambda: self._hub.wake(f"site:{run.crawl.site_id}"))

    async def _retire_moved(self, run: Run) -> None:
        """Remove documents whose page is now another one that is ready: they would say everything twice."""
        for url in run.moved:
            target = url
            for _ in range(MAX_HOPS + 1):
                target = run.moved.get(target, target)
            known = run.known.get(url)
            if known and known.source_id and run.results.get(target) == "ready":
                await self._retire(run.crawl, url, known.source_id)
                async with self._db.write() as tx:
                    page = await _page(tx, run.crawl, url)
                    page.path = page.source_id = page.etag = page.last_modified = page.sha256 = None

    async def _retire(self, crawl: CrawlView, url: str, source_id: str) -> None:
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
