"""The Start page as a context: what each step has come to, read from the rows each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import Request

from minidesk.errors import Invalid
from minidesk.insight.first_steps import AnsweredQuestion, Progress, StepsView
from minidesk.knowledge.crawls import CrawlView, PageView
from minidesk.settings import Settings
from minidesk.sites import Sighting, SiteView, check_origin
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.talk_entries import document_href
from minidesk.web.console.view import Translate
from minidesk.web.identity import own_origin

# Pages named while a site is being read: enough to see that something moves.
LATEST = 4


@dataclass(frozen=True, slots=True)
class ReadStep:
    """The address, and what came of it. `problem`: why nothing can be answered from it, and what to do."""

    state: Literal["new", "reading", "ready", "failed"]
    url: str
    ready: int
    trouble: int  # pages that failed or were skipped
    latest: tuple[str, ...]
    log: str  # where the crawl's log is
    problem: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with the answer that visitors get."""

    question: str
    answer: str
    source: str
    href: str


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """What to put into the website, and which of its addresses may show the chat."""

    snippet: str
    public: bool  # the desk has an address that visitors can reach
    allowed: tuple[str, ...]
    wanted: tuple[str, ...]  # origins of the address that are not allowed yet


@dataclass(frozen=True, slots=True)
class CheckStep:
    """Whether the chat was seen in the website. `tone`: good, or what to look at."""

    url: str
    verdict: str
    sentence: str
    at: When | None
    seen: tuple[tuple[str, When], ...]

    @property
    def good(self) -> bool:
        """It is there."""
        return self.verdict == "installed" or bool(self.seen)


@dataclass(frozen=True, slots=True)
class StartPage:
    """The page."""

    shell: Shell
    read: ReadStep
    answers: tuple[Answer, ...]
    looking: bool
    looked: bool
    script: ScriptStep
    check: CheckStep
    problem: str = ""
    typed: str = ""  # an address that was refused comes back

    @property
    def live(self) -> bool:
        """Whether it changes by itself. Otherwise it is left alone: somebody may be typing."""
        return self.read.state == "reading" or self.looking


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the crawl and of the site's files."""

    crawl: CrawlView | None
    counts: dict[str, int]
    pages: Sequence[PageView]
    progress: Progress


def read_step(steps: StepsView, reading: Reading, t: Translate) -> ReadStep:
    """The first step."""
    crawl, progress = reading.crawl, reading.progress
    trouble = reading.counts.get("failed", 0) + reading.counts.get("skipped", 0)
    state: Literal["new", "reading", "ready", "failed"]
    problem = ""
    if progress.reading or (steps.begun and progress.busy):
        state = "reading"
    elif progress.ready:
        state = "ready"
    elif crawl is not None:
        state, problem = "failed", _why(crawl, reading.pages, t)
    else:
        state = "new"
    return ReadStep(
        state,
        (crawl.url if crawl else steps.url) or "",
        progress.ready,
        trouble,
        tuple(page.url for page in list(reading.pages)[-LATEST:]) if state == "reading" else (),
        f"/console/docs/crawls/{crawl.id}" if crawl else "",
        problem,
    )


def _why(crawl: CrawlView, pages: Sequence[PageView], t: Translate) -> str:
    """The reason of the first page that was not read; else how the run ended."""
    reason = next((page.reason for page in pages if page.reason and page.status != "ready"), None)
    if reason is None and any(page.stored for page in pages):
        reason = next((page.reason for page in pages if page.reason), t("start.no_text"))
    return reason or (crawl.log[-1][1] if crawl.log else t("start.no_pages"))


def answers(questions: Sequence[AnsweredQuestion]) -> tuple[Answer, ...]:
    """The second step."""
    return tuple(Answer(q.question, q.answer, q.title, document_href(q.document)) for q in questions)


def origins_of(url: str | None, pages: Sequence[PageView]) -> tuple[str, ...]:
    """The origin of the address, and the one that its pages were found at: example.com leads to www.example.com."""
    found = [url] if url else []
    found += [page.url for page in pages if page.stored][:1]
    origins = []
    for address in found:
        parts = urlsplit(address)
        try:
            origins.append(check_origin(f"{parts.scheme}://{parts.netloc}"))
        except Invalid:
            continue  # nobody can embed it there
    return tuple(dict.fromkeys(origins))


def desk_address(settings: Settings, request: Request) -> str:
    """The address that visitors' browsers load the script from."""
    public = settings.base_url if settings.public_url else own_origin(request, settings)
    return public.rstrip("/")


def script_step(
    site: SiteView, settings: Settings, request: Request, origins: Sequence[str] = ()
) -> ScriptStep:
    """The third step."""
    desk = desk_address(settings, request)
    snippet = f'<script async src="{desk}/widget.js" data-site="{site.key}"></script>'
    wanted = tuple(origin for origin in origins if origin not in site.allowed_origins)
    return ScriptStep(snippet, bool(settings.public_url), site.allowed_origins, wanted)


def check_step(
    steps: StepsView,
    seen: Sequence[tuple[Sighting, When]],
    at: When | None,
    origins: Sequence[str],
    t: Translate,
) -> CheckStep:
    """The fourth step."""
    url = steps.checked_url or steps.url or (f"{origins[0]}/" if origins else "")
    sentence = t(f"start.check_{steps.check}") if steps.check else ""
    return CheckStep(
        url, steps.check or "", sentence, at, tuple((sighting.origin, when) for sighting, when in seen)
    )
