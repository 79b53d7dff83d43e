"""What the OpenAI-compatible API is handed."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from minidesk.accounts import ApiKeys
from minidesk.ask import Asks
from minidesk.db import Database
from minidesk.gateway import ChatRequest, Finished, Tier
from minidesk.settings import Settings
from minidesk.web.limits import RateLimiter


class Tiers(Protocol):
    """What is needed of gateway.Gateway."""

    def offers(self, tier: Tier) -> bool:
        """Whether there is a model in it."""

    def stream(self, request: ChatRequest, tier: Tier = "mini") -> AsyncGenerator[str | Finished]:
        """Text deltas, then exactly one Finished."""


@dataclass(frozen=True, slots=True)
class OpenAIDeps:
    """Everything that the routes call."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    limiter: RateLimiter
    api_keys: ApiKeys
    asker: Asks
    gateway: Tiers
