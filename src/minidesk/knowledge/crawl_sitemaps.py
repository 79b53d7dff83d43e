"""The pages that sitemaps name: one that was ordered, or those that a website's robots.txt names."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from minidesk.errors import MinideskError
from minidesk.knowledge.crawl_manners import Manners
from minidesk.knowledge.crawl_run import MET_PER_PAGE, Run
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.records import Sitemap
from minidesk.outbound import Outbound, gunzip
from minidesk.settings import Settings

log = logging.getLogger(__name__)

SITEMAPS = 50  # files that one sitemap may lead to


class Sitemaps:
    """Reads sitemaps, and those that they name, in the parser's child process."""

    def __init__(
        self,
        outbound: Outbound,
        manners: Manners,
        parser: ParserPool,
        settings: Settings,
        timer: Callable[[], float],
    ) -> None:
        self._outbound = outbound
        self._manners = manners
        self._parser = parser
        self._settings = settings
        self._timer = timer

    async def pages(self, run: Run, starts: Sequence[str]) -> list[str]:
        """The pages on the run's own host, once each. The host of a sitemap that was ordered becomes the run's own."""
        waiting, seen, pages = deque(starts), set(starts), dict[str, None]()
        most = MET_PER_PAGE * run.pages
        while waiting and len(pages) < run.pages and self._timer() < run.ends:
            url = waiting.popleft()
            read = await self._read(run, url)
            if read is None:
                continue
            at, sitemap = read
            if url == run.crawl.url:
                run.host = urlsplit(at).netloc
            for further in self._addresses(run, at, sitemap.sitemaps[:most]):
                if further not in seen and len(seen) < SITEMAPS:
                    seen.add(further)
                    waiting.append(further)
            for page in self._addresses(run, at, sitemap.pages[:most]):
                if len(pages) < most:
                    pages[page] = None
        return list(pages)

    def _addresses(self, run: Run, base: str, links: Sequence[str]) -> list[str]:
        """Those on the run's own host. What a sitemap says of other websites is not its to say."""
        targets = (self._outbound.join(base, link) for link in links)
        return [target.url for target in targets if target and urlsplit(target.url).netloc == run.host]

    async def _read(self, run: Run, url: str) -> tuple[str, Sitemap] | None:
        """Where it was found in the end, and what it says; None where it cannot be read."""
        try:
            await self._manners.wait(urlsplit(url).hostname or "", 0.0)
            answer = await self._outbound.get(
                url,
                limit=self._settings.page_max_bytes,
                seconds=self._settings.page_seconds,
                beginning=True,
            )
            if answer.status != 200:
                return None
            body = answer.body
            if body.startswith(b"\x1f\x8b"):  # a .gz file, as opposed to a packed transfer
                body = await asyncio.to_thread(gunzip, body, self._settings.page_max_bytes)
            return answer.url, await self._parser.sitemap(body)
        except MinideskError as error:
            log.info("a sitemap could not be read: %s", error.message, extra={"crawl": run.crawl.id})
            return None
