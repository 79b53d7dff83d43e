"""A gateway over the real client, with the scripted twin at the network's edge and a list as the ledger."""

from contextlib import aclosing
from dataclasses import dataclass, field

import pytest

from minidesk.gateway import (
    CallRecord,
    ChatMessage,
    ChatRequest,
    Clocks,
    Finished,
    Gateway,
    ModelClient,
    Target,
)

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

    async def reserve(self, _site: str | None, most: int) -> bool:
        """Takes from what is left."""
        if most > self.left:
            return False
        self.left -= most
        return True

    def release(self, _site: str | None, most: int) -> None:
        """Gives it back."""
        self.left += most


def target(url: str, model: str = "mini-1") -> Target:
    """A target with gpt-4o-mini's prices."""
    return Target(model=model, base_url=f"{url}/v1", api_key="sk-test", input_price=0.15, output_price=0.60)


def gateway(ledger: Ledger, *targets: Target, clocks: Clocks = FAST) -> Gateway:
    """The real thing."""
    return Gateway(ModelClient(clocks), targets, ledger.book, ledger)


async def collect(gateway: Gateway, request: ChatRequest = REQUEST) -> tuple[str, Finished]:
    """The whole text and how it ended."""
    text, finished = "", None
    async with aclosing(gateway.stream(request)) as pieces:
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
