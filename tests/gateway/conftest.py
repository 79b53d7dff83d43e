"""A gateway over the real client, with the scripted twin at the network's edge and a list as the ledger."""

import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from minidesk.gateway import (
    CallRecord,
    ChatMessage,
    ChatRequest,
    Clocks,
    Finished,
    Gate,
    Gateway,
    ModelClient,
    Route,
    Target,
    Tier,
)
from minidesk.gateway.catalog import Policy

REQUEST = ChatRequest(
    (ChatMessage("user", "How long can I return it?"),), purpose="answer", max_tokens=100, site_id="s1"
)
FAST = Clocks(first_token=2.0, gap=2.0, total=5.0)


@dataclass
class Ledger:
    """Keeps what the gateway books, and how much may still be spent."""

    lines: list[CallRecord] = field(default_factory=list)
    left: int = 1_000_000

    async def book(self, record: CallRecord) -> None:
        """The sink."""
        self.lines.append(record)

    async def reserve(self, _request: ChatRequest, most: int) -> "Held | None":
        """Takes from what is left."""
        if most > self.left:
            return None
        self.left -= most
        return Held(self, most)


@dataclass
class Held:
    """What one call set aside."""

    ledger: Ledger
    most: int

    def release(self) -> None:
        """Gives it back."""
        self.ledger.left += self.most
        self.most = 0


@dataclass
class Share:
    """Lets so many requests ask large, and says who asked and how many are under way."""

    left: int = 100
    open: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def grant(self, site_id: str, purpose: str) -> "Share | None":
        """One of what is left."""
        self.asked.append((site_id, purpose))
        if not self.left:
            return None
        self.left -= 1
        self.open += 1
        return self

    def release(self) -> None:
        """Ended."""
        self.open -= 1


def target(url: str, model: str = "mini-1") -> Target:
    """A target with gpt-4o-mini's prices."""
    return Target(model=model, base_url=f"{url}/v1", api_key="sk-test", input_price=0.15, output_price=0.60)


class Steps:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def gateway(
    ledger: Ledger,
    *targets: Target,
    clocks: Clocks = FAST,
    policy: Policy = "first",
    weights: tuple[float, ...] = (),
    large: tuple[Target, ...] = (),
    gate: Gate | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Gateway:
    """The real thing, without the wait before a second attempt."""
    routes: dict[Tier, Route] = {"mini": Route(targets, policy, weights)} if targets else {}
    if large:
        routes["large"] = Route(large)
    return Gateway(ModelClient(clocks), routes, ledger.book, ledger, large=gate, now=now, jitter=lambda: 0.0)


async def collect(
    gateway: Gateway, request: ChatRequest = REQUEST, tier: Tier = "mini"
) -> tuple[str, Finished]:
    """The whole text and how it ended."""
    text, finished = "", None
    async with aclosing(gateway.stream(request, tier)) as pieces:
        async for piece in pieces:
            if isinstance(piece, str):
                text += piece
            else:
                assert finished is None, "two ends"
                finished = piece
    assert finished is not None
    return text, finished


@pytest.fixture
def ledger() -> Ledger:
    """An empty one."""
    return Ledger()
