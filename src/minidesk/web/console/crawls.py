"""Crawls as contexts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from minidesk.knowledge.crawls import CrawlView, PageView
from minidesk.web.console.contexts import CrawlLine, CrawlPart, RunLine, VisitLine
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate


def crawl_lines(crawls: Sequence[CrawlView], now: datetime, t: Translate) -> tuple[CrawlLine, ...]:
    """The list on the documents page."""
    return tuple(_line(crawl, now, t) for crawl in crawls)


def crawl_part(
    crawl: CrawlView, pages: Sequence[PageView], counts: Mapping[str, int], now: datetime, t: Translate
) -> CrawlPart:
    """The log of one: its runs, the newest first, and every page with what came of it; trouble first."""
    order = {"failed": 0, "skipped": 1}
    listed = sorted(pages, key=lambda page: order.get(page.status, 2))
    return CrawlPart(
        line=_line(crawl, now, t),
        busy=crawl.status in ("queued", "running"),
        next=when(crawl.next_run_at, now) if crawl.next_run_at else None,
        runs=tuple(RunLine(when(at, now), text) for at, text in reversed(crawl.log)),
        pages=tuple(
            VisitLine(
                page.url,
                f"/console/docs/{page.source_id}" if page.source_id else "",
                page.status,
                t(f"status.{page.status}"),
                page.reason or "",
                when(page.checked_at, now),
            )
            for page in listed
        ),
        total=sum(counts.values()),
    )


def _line(crawl: CrawlView, now: datetime, t: Translate) -> CrawlLine:
    return CrawlLine(
        id=crawl.id,
        href=f"/console/docs/crawls/{crawl.id}",
        url=crawl.url,
        kind=t(f"crawl.kind_{crawl.kind}"),
        status=crawl.status,
        word=t(f"crawl.{crawl.status}"),
        finished=when(crawl.finished_at, now) if crawl.finished_at else None,
    )
