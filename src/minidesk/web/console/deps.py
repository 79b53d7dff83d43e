"""What the console is handed."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from minidesk.accounts import Actor, Agents, Doors, OpenIdConnect, Sealer, Sessions, SetupCode
from minidesk.ask import Advises
from minidesk.assist import Assist
from minidesk.channels import AccountMails
from minidesk.conversations import Attachments, Conversations
from minidesk.db import Database
from minidesk.errors import MinideskError
from minidesk.gateway import TargetState
from minidesk.handoff import Handoff
from minidesk.jobs import JobQueue
from minidesk.knowledge.amend import Pages
from minidesk.knowledge.crawls import CrawlView, Kind
from minidesk.knowledge.faq import FaqEntries
from minidesk.knowledge.installed import Check
from minidesk.knowledge.lifecycle import Lifecycle
from minidesk.knowledge.records import SearchResult
from minidesk.knowledge.sources import Audience, Maker, Upload
from minidesk.knowledge.versions import Versions
from minidesk.live import AgentsHere, EventLog, Hub
from minidesk.settings import Settings
from minidesk.sites.ceilings import Ceilings
from minidesk.sites.large_share import LargeCap
from minidesk.tickets import Tickets
from minidesk.web.assets import Assets
from minidesk.web.limits import LoginThrottle, RateLimiter


class TakesFiles(Protocol):
    """What the console needs of knowledge.sources.Sources."""

    async def store_many(
        self, *, site_id: str, uploads: Sequence[Upload], maker: Maker
    ) -> Sequence[object | MinideskError]:
        """Take files in one transaction; a file that is refused has its error in its place."""

    async def delete_source(self, site_id: str, source_id: str, by: Actor | None = None) -> None:
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


class Searches(Protocol):
    """What "try a question" needs of knowledge.search.Searcher: how long each stage takes, and what agents may see."""

    async def search(
        self,
        site_id: str,
        query: str,
        *,
        k: int = 8,
        within: Collection[str] | None = None,
        audience: Audience = "public",
    ) -> SearchResult:
        """Passages, best first."""


class LooksForScript(Protocol):
    """What the Start page needs of knowledge.installed.InstallCheck."""

    async def check(self, url: str, site_key: str, desk: str) -> Check:
        """Whether a page holds the chat's script."""


@dataclass(frozen=True, slots=True)
class ConsoleDeps:
    """Everything that the pages call."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    hub: Hub
    jobs: JobQueue
    events: EventLog
    stopping: asyncio.Event  # set when the server shuts down: open streams end by themselves
    assets: Assets
    agents: Agents
    sessions: Sessions
    setup_code: SetupCode
    doors: Doors
    sealer: Sealer
    mails: AccountMails
    throttle: LoginThrottle
    limiter: RateLimiter
    attachments: Attachments
    conversations: Conversations
    tickets: Tickets
    handoff: Handoff
    sources: TakesFiles
    faq: FaqEntries
    pages: Pages
    lifecycle: Lifecycle
    versions: Versions
    crawls: TakesAddresses
    install_check: LooksForScript
    asker: Advises
    searcher: Searches
    here: AgentsHere = field(default_factory=AgentsHere)  # who has which conversation open
    oidc: OpenIdConnect | None = None  # sign-in by another service
    ceilings: Ceilings = field(default_factory=lambda: Ceilings(None))
    assist: Assist | None = None  # suggests replies; None: no button for it
    model_states: Callable[[], Sequence[TargetState]] = tuple  # how each model stands now
    model_names: Sequence[str] = ()  # that an experiment may name
    large_cap: LargeCap = field(default_factory=lambda: LargeCap(0.2))  # for sites that have set none
