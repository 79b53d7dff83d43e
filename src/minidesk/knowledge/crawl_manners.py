"""How a website is asked: as its robots.txt allows, and not too often."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from minidesk.errors import MinideskError
from minidesk.knowledge.crawl_run import Run
from minidesk.knowledge.robots import EVERYTHING, MAX_BYTES, Robots, parse_robots
from minidesk.outbound import Outbound
from minidesk.settings import Settings

RETRY_AFTER_SECONDS = 30.0  # longest wait that a busy site is granted


class Manners:
    """The rules and the pace of each host, shared by all crawls of a process.

    `timer` gives seconds and only goes forward; `sleep` waits for some.
    """

    def __init__(
        self,
        outbound: Outbound,
        settings: Settings,
        timer: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._outbound = outbound
        self._settings = settings
        self._timer = timer
        self._sleep = sleep
        self._free_at: dict[str, float] = {}  # host → when it may be asked again

    async def rules(self, run: Run, url: str) -> Robots | str:
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
        await self.wait(host, 0.0)
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

    async def wait(self, host: str, delay: float) -> None:
        """Until `host` may be asked again; the turn is taken before the wait, so that two crawls keep the distance too."""
        now = self._timer()
        turn = max(now, self._free_at.get(host, now))
        self._free_at[host] = turn + max(1.0 / self._settings.crawl_requests_per_second, delay)
        if turn > now:
            await self._sleep(turn - now)

    def busy(self, host: str, seconds: float) -> None:
        """The host asked for a pause; it gets RETRY_AFTER_SECONDS at most."""
        self._free_at[host] = self._timer() + min(seconds, RETRY_AFTER_SECONDS)
