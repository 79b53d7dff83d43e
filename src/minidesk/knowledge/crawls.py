"""The rows of crawls: what a site's owner asked for, and what is known of each page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import delete, func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Crawl, CrawlPage, Site, Source, new_id
from minidesk.errors import Invalid, NotFound
from minidesk.jobs import JobQueue
from minidesk.live import Hub
from minidesk.outbound import Allowed, check_address

Kind = Literal["page", "sitemap", "crawl"]
QUEUE = "crawl"  # a queue of its own: a site takes up to 15 minutes, and uploads must not wait behind it
# Runs whose summary is kept; the pages' rows tell about the last one.
LOG_RUNS = 20
# A page listed in the log; more are counted only.
PAGES_LISTED = 2000
# A year: what comes later is a mistyped figure.
MAX_HOURS = 24 * 366


@dataclass(frozen=True, slots=True)
class CrawlView:
    """A crawl as its owner sees it. `log`: the last runs, (time, sentence), the newest last."""

    id: str
    site_id: str
    url: str
    kind: Kind
    settings: Mapping[str, int]
    generation: int
    status: Literal["queued", "running", "done", "failed"]
    log: Sequence[tuple[datetime, str]]
    every_hours: int | None
    next_run_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageView:
    """A page at the last visit. Once it is stored, its file's own status and reason count."""

    url: str
    path: str | None
    source_id: str | None
    status: Literal["ready", "failed", "skipped", "queued", "processing"]
    reason: str | None
    stored: bool  # it was read, and its file says how it is doing
    checked_at: datetime


class Crawls:
    """Takes orders for pages and sites."""

    def __init__(
        self, db: Database, jobs: JobQueue, hub: Hub, clock: Callable[[], datetime], allowed: Allowed
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._hub = hub
        self._clock = clock
        self._allowed = allowed

    async def order(
        self,
        *,
        site_id: str,
        url: str,
        kind: Kind,
        every_hours: int | None = None,
        settings: Mapping[str, int] | None = None,
    ) -> CrawlView:
        """Read `url` now, and again every so many hours (0: not again; None: as it was ordered before).

        The same address again starts another run of the same crawl.
        `settings` may hold `pages` and `depth`, where fewer than the ceilings are wanted. An address without
        `https://` gets it. Raises Invalid `url_invalid`, `address_not_allowed`, and NotFound for an unknown site.
        """
        if kind not in get_args(Kind) or not 0 <= (every_hours or 0) <= MAX_HOURS:
            raise Invalid
        url = url.strip()
        address = check_address(url if "://" in url or not url else f"https://{url}", self._allowed)
        async with self._db.write() as tx:
            # Its row is locked, so that two orders of one address make one crawl.
            if await tx.get(Site, site_id, with_for_update=True) is None:
                raise NotFound
            crawl = await tx.scalar(select(Crawl).where(Crawl.site_id == site_id, Crawl.url == address.url))
            if crawl is None:
                crawl = Crawl(
                    id=new_id("crw"), site_id=site_id, url=address.url, generation=0, status="done", log=[],
                    created_at=self._clock(),
                )  # fmt: skip
                tx.add(crawl)
            crawl.kind, crawl.settings = kind, dict(settings or {})
            if every_hours is not None:
                crawl.every_hours = every_hours or None
            if crawl.status not in ("queued", "running"):
                crawl.generation += 1
                crawl.status, crawl.next_run_at = "queued", None
                await tx.flush()
                await enqueue(tx, self._jobs, crawl, None)
            await tx.flush()
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))
            return view(crawl)

    async def remove(self, site_id: str, crawl_id: str) -> None:
        """Read these addresses no more. Their documents stay until somebody deletes them. Raises NotFound."""
        async with self._db.write() as tx:
            if await _row(tx, site_id, crawl_id) is None:
                raise NotFound
            await tx.execute(delete(CrawlPage).where(CrawlPage.crawl_id == crawl_id))
            await tx.execute(delete(Crawl).where(Crawl.id == crawl_id))
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))


async def enqueue(tx: Tx, jobs: JobQueue, crawl: Crawl, run_at: datetime | None) -> None:
    """The job of the crawl's present generation; jobs of older ones do nothing."""
    payload = {"crawl_id": crawl.id, "generation": crawl.generation}
    key = f"crawl:{crawl.id}:{crawl.generation}"
    await jobs.enqueue(tx, queue=QUEUE, kind="crawl", payload=payload, key=key, run_at=run_at)


async def finish_run(
    tx: Tx, jobs: JobQueue, crawl: Crawl, status: Literal["done", "failed"], text: str, now: datetime
) -> None:
    """Write how a run ended, and the job of the next one."""
    crawl.status, crawl.finished_at = status, now
    crawl.log = [*crawl.log, {"at": now.isoformat(), "text": text}][-LOG_RUNS:]
    crawl.generation += 1
    crawl.next_run_at = now + timedelta(hours=crawl.every_hours) if crawl.every_hours else None
    await tx.flush()
    if crawl.next_run_at is not None:
        await enqueue(tx, jobs, crawl, crawl.next_run_at)


async def access_crawl(tx: Tx, site_id: str, crawl_id: str) -> CrawlView:
    """One crawl of this site. Raises NotFound for another site's."""
    crawl = await _row(tx, site_id, crawl_id)
    if crawl is None:
        raise NotFound
    return view(crawl)


async def list_crawls(tx: Tx, site_id: str) -> list[CrawlView]:
    """The site's crawls, the newest first."""
    found = await tx.scalars(
        select(Crawl).where(Crawl.site_id == site_id).order_by(Crawl.id.desc()).limit(200)
    )
    return [view(crawl) for crawl in found]


async def pages_of(tx: Tx, crawl_id: str, *, since: datetime | None = None) -> list[PageView]:
    """A crawl's pages in the order of their last visit; `since`: only those visited then or later."""
    statement = (
        select(CrawlPage, Source.status, Source.reason)
        .outerjoin(Source, Source.id == CrawlPage.source_id)
        .where(CrawlPage.crawl_id == crawl_id)
        .order_by(CrawlPage.checked_at, CrawlPage.id)
        .limit(PAGES_LISTED)
    )
    if since is not None:
        statement = statement.where(CrawlPage.checked_at >= since)
    found = []
    for page, status, reason in (await tx.execute(statement)).all():
        stored = page.status == "ready" and status is not None
        found.append(
            PageView(
                url=page.url,
                path=page.path,
                source_id=page.source_id,
                status=status if stored else page.status,  # type: ignore[arg-type]  # the columns hold only these words
                reason=reason if stored else page.reason,
                stored=stored,
                checked_at=page.checked_at,
            )
        )
    return found


async def count_pages(tx: Tx, crawl_id: str) -> dict[str, int]:
    """How many pages are ready, failed and skipped."""
    statement = select(CrawlPage.status, func.count().label("number")).where(CrawlPage.crawl_id == crawl_id)
    rows = await tx.execute(statement.group_by(CrawlPage.status))
    return {row.status: row.number for row in rows.all()}


async def _row(tx: Tx, site_id: str, crawl_id: str) -> Crawl | None:
    return await tx.scalar(select(Crawl).where(Crawl.id == crawl_id, Crawl.site_id == site_id))


def view(crawl: Crawl) -> CrawlView:
    """The row as a record."""
    return CrawlView(
        id=crawl.id,
        site_id=crawl.site_id,
        url=crawl.url,
        kind=crawl.kind,  # type: ignore[arg-type]  # the column holds only these words
        settings=dict(crawl.settings),
        generation=crawl.generation,
        status=crawl.status,  # type: ignore[arg-type]  # the same
        log=tuple((datetime.fromisoformat(line["at"]), line["text"]) for line in crawl.log),
        every_hours=crawl.every_hours,
        next_run_at=crawl.next_run_at,
        finished_at=crawl.finished_at,
    )
