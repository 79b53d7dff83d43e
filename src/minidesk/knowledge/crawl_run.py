"""What one run over a crawl keeps in mind, and the small questions that it asks of addresses and answers."""

import re
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from minidesk.errors import MinideskError
from minidesk.knowledge.crawls import CrawlView
from minidesk.knowledge.pages import charset_of
from minidesk.knowledge.robots import Robots
from minidesk.outbound import Answer

MAX_HOPS = 5  # redirects behind each other, meta refresh and canonical addresses among them
# Addresses met for each page that may be read: a trap can name millions.
MET_PER_PAGE = 10
SEGMENTS, REPEATED = 12, 3  # parts of a path; how often the same one may come in it (/a/b/a/b/a/b)
_NO_PAGE = re.compile(
    r"\.(?:jpe?g|png|gif|webp|avif|svg|ico|css|js|mjs|map|json|xml|rss|atom|zip|gz|tgz|rar|7z|exe|dmg|apk|iso|mp[34]|"
    r"m4[av]|mov|avi|webm|ogg|wav|woff2?|ttf|eot|docx?|xlsx?|pptx?|ics)$",
    re.IGNORECASE,
)

Status = Literal["ready", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """An address to visit. `start`: what was ordered, or where that redirects to."""

    url: str
    depth: int = 0
    hops: int = 0
    start: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What an earlier visit kept. `stored`: its document's file is still there."""

    stored: bool = False
    path: str | None = None
    source_id: str | None = None
    etag: str | None = None
    last_modified: str | None = None
    sha256: str | None = None
    links: Sequence[str] = ()
    failures: int = 0


@dataclass(slots=True)
class Run:
    """One run over one crawl."""

    crawl: CrawlView
    host: str
    pages: int
    depth: int
    ends: float
    known: dict[str, Known]
    queue: deque[Step] = field(default_factory=deque)
    met: set[str] = field(default_factory=set)
    variants: Counter[str] = field(default_factory=Counter)
    robots: dict[str, Robots | str | MinideskError] = field(default_factory=dict)
    results: dict[str, Status] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)  # address → where its content is now
    asked: int = 0

    def leads_to(self, url: str, other: str) -> bool:
        """Whether readers of `url` end at `other`, as far as it was seen."""
        for _ in range(MAX_HOPS + 1):
            if url == other:
                return True
            url = self.moved.get(url, url)
        return False

    def add(self, step: Step, *, first: bool = False) -> None:
        """Visit it later, or next if `first`; once only."""
        if step.url in self.met or len(self.met) >= MET_PER_PAGE * self.pages:
            return
        self.met.add(step.url)
        if first:
            self.queue.appendleft(step)
        else:
            self.queue.append(step)


def summary(run: Run, stopped: str) -> str:
    """How the run ended, in one line of the log."""
    counts = Counter(run.results.values())
    parts = [f"{counts[word]} {word}" for word in ("ready", "failed", "skipped") if counts[word]]
    text = ", ".join(parts) or "nothing was found"
    left = f"; {len(run.queue)} addresses were not visited" if stopped and run.queue else ""
    return f"{stopped}: {text}{left}." if stopped else f"{text}."


def looks_like_a_page(url: str) -> bool:
    """Whether an address is worth a request: no picture or archive, and no path that a trap makes longer and longer."""
    path = urlsplit(url).path
    parts = [part for part in path.split("/") if part]
    most = Counter(parts).most_common(1)
    return len(parts) <= SEGMENTS and not (most and most[0][1] >= REPEATED) and not _NO_PAGE.search(path)


def path_of(url: str) -> str:
    """Path and query."""
    return "/" + url.partition("://")[2].partition("/")[2]


def fitting(value: str | None, chars: int) -> str | None:
    """A mark that does not fit is none: half of it would never match."""
    return value if value and len(value) <= chars else None


def as_utf8(answer: Answer, kind: str) -> bytes:
    """The body in UTF-8 where the header names another charset: it counts more than what the page says of itself."""
    charset = charset_of(answer.headers.get("content-type", ""))
    if kind == ".pdf" or charset is None or charset.lower() in ("utf-8", "utf8"):
        return answer.body
    try:
        return answer.body.decode(charset).encode()
    except (LookupError, UnicodeError):
        return answer.body  # the header was wrong: the parser guesses
