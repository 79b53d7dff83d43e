"""What answering needs of the gateway: one tier at a time, as if there were no other."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import Protocol

from minidesk.gateway.messages import ChatRequest, Finished, Purpose, Tier


class Models(Protocol):
    """One tier."""

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""

    def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """Text deltas, then exactly one Finished; raises ModelError."""


class Tiered(Protocol):
    """The gateway."""

    def offers(self, tier: Tier) -> bool:
        """Whether there is any model in this tier."""

    def stream(self, request: ChatRequest, tier: Tier) -> AsyncIterator[str | Finished]:
        """Text deltas, then exactly one Finished; raises ModelError."""


class OneTier:
    """The models of one tier."""

    def __init__(self, gateway: Tiered, tier: Tier) -> None:
        self._gateway = gateway
        self._tier: Tier = tier

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self._gateway.offers(self._tier)

    def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """Text deltas, then exactly one Finished; raises ModelError."""
        return self._gateway.stream(request, self._tier)


class ForPurpose:
    """`models`, whose every call the ledger shows under one purpose, whatever it is a step of."""

    def __init__(self, models: Models, purpose: Purpose) -> None:
        self._models = models
        self._purpose: Purpose = purpose

    @property
    def configured(self) -> bool:
        """Whether there is a model to ask."""
        return self._models.configured

    def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """Text deltas, then exactly one Finished; raises ModelError."""
        return self._models.stream(replace(request, purpose=self._purpose))


async def closing(source: AsyncIterator[str | Finished]) -> AsyncGenerator[str | Finished, None]:
    """`source` as something that can be closed: leaving early must end the call, or it goes on costing."""
    try:
        async for item in source:
            yield item
    finally:
        close = getattr(source, "aclose", None)
        if close is not None:
            await close()
