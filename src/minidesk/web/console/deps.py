"""What the console is handed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from minidesk.accounts import Agents, Sessions, SetupCode
from minidesk.answering.outcome import Answered, ProvedSentence, Question
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.handoff import Handoff
from minidesk.knowledge.crawls import CrawlView, Kind
from minidesk.knowledge.records import SearchResult
from minidesk.live import EventLog, Hub
from minidesk.settings import Settings
from minidesk.tickets import Tickets
from minidesk.web.assets import Assets
from minidesk.web.limits import LoginThrottle, RateLimiter


class TakesFiles(Protocol):
    """What the console needs of knowledge.sources.Sources."""

    async def store(
        self,
        *,
        site_id: str,
        path: str,
        data: bytes | AsyncIterator[bytes],
        content_type: str | None = None,
        base_url: str | None = None,
    ) -> object:
        """Take a file."""

    async def delete_source(self, site_id: str, source_id: str) -> None:
        """Remove a file and all its documents."""

    async def retry(self, site_id: str, source_id: str) -> object:
        """Read a file once more."""


class TakesAddresses(Protocol):
    """What the console needs of knowledge.crawls.Crawls."""

    async def order(
        self,
        *,
        site_id: str,
        url: str,
        kind: Kind,
        every_hours: int | None = None,
        settings: Mapping[str, int] | None = None,
    ) -> CrawlView:
        """Read pages now, and again every so many hours."""

    async def remove(self, site_id: str, crawl_id: str) -> None:
        """Read them no more."""


class Asks(Protocol):
    """What "try a question" needs of ask.Asker."""

    def ask(
        self, question: Question, *, site_prompt: str = "", site_name: str = ""
    ) -> AsyncIterator[ProvedSentence | Answered]:
        """Sentences as they are proved, then exactly one Answered."""


class Searches(Protocol):
    """What "try a question" needs of knowledge.search.Searcher: how long each stage takes."""

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
    ) -> SearchResult:
        """Passages, best first."""


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """Everything that the pages call."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    hub: Hub
    events: EventLog
    stopping: asyncio.Event  # set when the server shuts down: open streams end by themselves
    assets: Assets
    agents: Agents
    sessions: Sessions
    setup_code: SetupCode
    throttle: LoginThrottle
    limiter: RateLimiter
    conversations: Conversations
    tickets: Tickets
    handoff: Handoff
    sources: TakesFiles
    crawls: TakesAddresses
    asker: Asks
    searcher: Searches
