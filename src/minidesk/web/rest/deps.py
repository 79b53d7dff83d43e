"""What the API is handed."""

from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Protocol

from minidesk.accounts import ApiKeys
from minidesk.answering.outcome import Answered, ProvedSentence, Question
from minidesk.db import Database
from minidesk.knowledge.external import ExternalDocuments
from minidesk.knowledge.records import SearchResult
from minidesk.settings import Settings
from minidesk.web.limits import RateLimiter


class Asks(Protocol):
    """What is needed of ask.Asker."""

    def ask(
        self, question: Question, *, site_prompt: str = "", site_name: str = ""
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """Sentences as they are proved, then exactly one Answered."""


class Searches(Protocol):
    """What is needed of knowledge.search.Searcher."""

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
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
