"""One visit to one page of a crawl: ask, see where it leads, store what it says."""

import hashlib
import re
from dataclasses import replace
from urllib.parse import urlsplit

from minidesk.errors import DocumentProblem, MinideskError
from minidesk.knowledge.crawl_links import follow, links_of
from minidesk.knowledge.crawl_manners import RETRY_AFTER_SECONDS, Manners
from minidesk.knowledge.crawl_rows import CrawlRows
from minidesk.knowledge.crawl_run import MAX_HOPS, Known, Run, Step, as_utf8, fitting, path_of
from minidesk.knowledge.pages import charset_of, content_kind
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.records import PageLinks
from minidesk.knowledge.sources import OWN_ADDRESS, Maker, Sources
from minidesk.outbound import Answer, Outbound
from minidesk.settings import Settings

GONE_TRIES = 3  # visits that find a page gone before its document is retired
REDIRECTS = (301, 302, 303, 307, 308)
GONE = "The page is gone."
RETIRED = "The page has been gone for three visits. Its document was removed."


class PageVisits:
    """Visits pages, one after another. The page itself is read by `parser`, in its child process."""

    def __init__(
        self,
        outbound: Outbound,
        manners: Manners,
        parser: ParserPool,
        rows: CrawlRows,
        sources: Sources,
        settings: Settings,
    ) -> None:
        self._outbound = outbound
        self._manners = manners
        self._parser = parser
        self._rows = rows
        self._sources = sources
        self._settings = settings

    async def visit(self, run: Run, step: Step) -> None:
        """Ask for the page and keep what came of it. Only failures of ours are raised, and Withdrawn."""
        known = run.known.get(step.url, Known())
        try:
            answer = await self._fetch(run, step.url, known)
        except MinideskError as error:  # refused, too large: this page's own trouble
            await self._rows.keep(run, step, "failed", error.message)
            return
        if isinstance(answer, str):
            await self._rows.keep(run, step, "skipped", answer)
        elif answer.status == 304 and known.stored:
            follow(run, step, known.links)
            await self._rows.keep(run, step, "ready", None, replace(known, failures=0))
        elif answer.status in REDIRECTS:
            await self._lead(run, step, answer.url, answer.headers.get("location", ""))
        elif answer.status in (404, 410):
            await self._gone(run, step, known)
        elif answer.status != 200:
            await self._rows.keep(run, step, "failed", self._refusal(answer))
        else:
            await self._read(run, step, known, answer)

    async def _fetch(self, run: Run, url: str, known: Known) -> Answer | str:
        """The answer, or why the page may not be read. Raises MinideskError where there is none."""
        address = self._outbound.check(url)
        robots = await self._manners.rules(run, url)
        if isinstance(robots, str):
            return robots
        if not robots.allows(path_of(url)):
            return "The website's robots.txt forbids it. Allow “minidesk” there to have this page read."
        headers = {"Accept": "text/html,application/xhtml+xml,application/pdf,text/plain;q=0.8,*/*;q=0.1"}
        if known.stored and known.etag:
            headers["If-None-Match"] = known.etag
        if known.stored and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        await self._manners.wait(address.host, robots.delay)
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
            await self._rows.keep(
                run, step, "skipped", f"This is no page but {declared.partition(';')[0][:60]}."
            )
            return
        links = PageLinks()
        if kind == ".html":
            try:
                links = await self._parser.page_links(answer.body, charset_of(declared))
            except DocumentProblem as error:  # it killed or blocked the child
                await self._rows.keep(run, step, "failed", error.message)
                return
            if links.refresh:
                await self._lead(run, step, answer.url, links.refresh)
                return
            if await self._elsewhere(run, step, answer.url, links):
                return
        found = [] if links.nofollow else links_of(self._outbound, run, answer.url, links)
        if links.noindex and run.crawl.kind != "page":
            follow(run, step, found)
            await self._rows.keep(run, step, "skipped", "The page asks programs not to read it (noindex).")
            return
        stored = await self._store(run, step, known, answer, kind)
        if isinstance(stored, str):
            await self._rows.keep(run, step, "failed", stored)
            return
        follow(run, step, found)
        await self._rows.keep(run, step, "ready", None, replace(stored, links=found))

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
        path = await self._rows.path_of(run.crawl, step.url, kind)
        try:
            state = await self._sources.store(
                site_id=run.crawl.site_id,
                path=path,
                data=as_utf8(answer, kind),
                base_url=step.url + OWN_ADDRESS,
                kind="page",
                maker=Maker("crawl"),
            )
        except MinideskError as error:
            return error.message
        if known.source_id and known.source_id != state.id:  # it was another kind of file before
            await self._rows.retire(run.crawl, step.url, known.source_id)
        return replace(marks, path=path, source_id=state.id)

    async def _gone(self, run: Run, step: Step, known: Known) -> None:
        failures = min(known.failures + 1, GONE_TRIES)
        if failures == GONE_TRIES and known.source_id:
            await self._rows.retire(run.crawl, step.url, known.source_id)
            await self._rows.keep(run, step, "skipped", RETIRED, Known(failures=failures))
        else:
            await self._rows.keep(run, step, "failed", GONE, replace(known, failures=failures))

    def _refusal(self, answer: Answer) -> str:
        if answer.status in (401, 403):
            return "The website lets nobody read this page without signing in, or no programs. Save it and upload the file."
        if answer.status in (429, 503):
            after = answer.headers.get("retry-after", "")
            seconds = float(after) if re.fullmatch(r"\d{1,5}", after) else RETRY_AFTER_SECONDS
            self._manners.busy(urlsplit(answer.url).hostname or "", seconds)
            return "The website is busy. The next run reads this page again."
        return f"The website answered with an error ({answer.status}). The next run reads this page again."

    async def _lead(self, run: Run, step: Step, base: str, location: str) -> None:
        """A redirect, by status or by meta refresh."""
        target = self._outbound.join(base, location)
        if target is None:
            await self._rows.keep(run, step, "failed", "The page leads on to an address that cannot be read.")
        elif step.hops >= MAX_HOPS or run.leads_to(target.url, step.url):
            await self._rows.keep(
                run,
                step,
                "failed",
                "The page leads on and on without arriving. It may want a login or a cookie.",
            )
        elif urlsplit(target.url).netloc != run.host and not step.start:
            await self._rows.keep(
                run, step, "skipped", f"The page leads to another website: {target.url[:200]}"
            )
        else:
            if step.start:  # example.com → www.example.com
                run.host = urlsplit(target.url).netloc
            run.moved[step.url] = target.url
            run.add(replace(step, url=target.url, hops=step.hops + 1), first=True)
            await self._rows.keep(run, step, "skipped", f"The page leads on to {target.url[:200]}")

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
        follow(run, step, [] if links.nofollow else links_of(self._outbound, run, base, links))
        await self._rows.keep(run, step, "skipped", f"The same page as {target.url[:200]}")
        return True
