"""What the API is handed."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from minidesk.accounts import ApiKeys
from minidesk.ask import Asks
from minidesk.channels import Endpoints
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.db.models import utc_now
from minidesk.knowledge.external import ExternalDocuments
from minidesk.knowledge.records import SearchResult
from minidesk.live import Hub
from minidesk.settings import Settings
from minidesk.tickets import Tickets
from minidesk.web.limits import RateLimiter


class Searches(Protocol):
    """What is needed of knowledge.search.Searcher."""

    async def search(
        self,
        site_id: str,
        query: str,
        *,
        k: int = 8,
        within: Collection[str] | None = None,
        language: str | None = None,
    ) -> SearchResult:
        """Passages, best first."""


@dataclass(frozen=True, slots=True)
class RestDeps:
    """Everything that the routes call."""

    db: Database
    settings: Settings
    limiter: RateLimiter
    api_keys: ApiKeys
    documents: ExternalDocuments
    searcher: Searches
    asker: Asks
    tickets: Tickets
    conversations: Conversations
    endpoints: Endpoints
    hub: Hub
    clock: Callable[[], datetime] = utc_now
