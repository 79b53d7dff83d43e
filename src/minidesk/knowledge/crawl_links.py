"""Which of a page's links a crawl goes on to."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from minidesk.knowledge.crawl_run import Run, Step, looks_like_a_page
from minidesk.knowledge.pages import without_tracking
from minidesk.knowledge.records import PageLinks
from minidesk.outbound import Outbound

PAGE_LINKS = 500  # links of one page that are followed, and kept for when it has not changed
# Calendars, filters and sort orders: one path with ever new queries.
QUERIES_PER_PATH = 10


def links_of(outbound: Outbound, run: Run, url: str, links: PageLinks) -> list[str]:
    """Addresses of pages on the same host, normalised."""
    if run.depth == 0:
        return []
    base = outbound.join(url, links.base) if links.base else None
    found: dict[str, None] = {}
    for link in links.links:
        target = outbound.join(base.url if base else url, link)
        if target is None or urlsplit(target.url).netloc != run.host:
            continue
        found[without_tracking(target.url)] = None
        if len(found) == PAGE_LINKS:
            break
    return list(found)


def follow(run: Run, step: Step, links: Sequence[str]) -> None:
    """Visit these later, as far as depth and traps allow."""
    if step.depth >= run.depth:
        return
    for url in links:
        if url in run.met or not looks_like_a_page(url):
            continue
        plain, mark, _ = url.partition("?")
        run.variants[plain] += bool(mark)
        if run.variants[plain] <= QUERIES_PER_PATH:
            run.add(Step(url, depth=step.depth + 1))
