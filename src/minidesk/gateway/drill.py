"""A fault drill: outages played against the configured routes, and what visitors would have seen.

Tiers, order, policies, time-outs, retries and breakers are the real ones. Only the addresses are not: every target
is replaced by a local server that fails on purpose, so that nothing is spent and nobody's provider is troubled.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, get_args

from minidesk.errors import ModelError
from minidesk.gateway.catalog import Route
from minidesk.gateway.client import Clocks, ModelClient
from minidesk.gateway.faults import Fault, FaultServer, fault_server
from minidesk.gateway.messages import CallRecord, ChatMessage, ChatRequest, Tier
from minidesk.gateway.routing import Gateway

# Weighted routes choose by the conversation: all scenes play in one.
QUESTION = ChatRequest(
    (ChatMessage("user", "How long do I have to send boots back?"),), "test", 100, conversation_id="drill"
)
FAULTS: tuple[Fault, ...] = tuple(fault for fault in get_args(Fault) if fault != "well")


@dataclass(frozen=True, slots=True)
class Seen:
    """What one visitor saw. Without a `model` none answered: extracts did, or a person where the documents say nothing."""

    model: str | None
    first_ms: int  # to the first word, or until it was known that no model answers
    whole: bool  # False: the answer broke off; what was proved by then stays
    calls: int  # attempts, all targets together


@dataclass(frozen=True, slots=True)
class Scene:
    """One outage: what the visitor saw who met it first, and the one after them."""

    tier: Tier
    fault: Fault
    hit: Literal["first", "all"]
    target: str  # the one that is hit; empty for all
    first: Seen
    next: Seen

    def line(self) -> str:
        """For the terminal."""
        whom = self.target if self.hit == "first" else "every model"
        return f"{whom + ', ' + self.fault:42} {_say(self.first)}; the next visitor: {_say(self.next)}"


def _say(seen: Seen) -> str:
    after = f"{seen.first_ms / 1000:.1f} s" if seen.first_ms >= 1000 else f"{seen.first_ms} ms"
    if seen.model is None:
        return f"extracts or a person after {after}"
    return f"{seen.model} after {after}" + ("" if seen.whole else ", then broken off")


async def play_outages(
    routes: Mapping[Tier, Route], clocks: Clocks, faults: Collection[Fault] = FAULTS
) -> list[Scene]:
    """Play every fault against each tier, once at the model that is asked first and once at all of them.

    The scenes play side by side, so it takes as long as the longest: about twice the time to the first token.
    """
    client = ModelClient(clocks)
    try:
        async with fault_server() as server:
            plays = []
            for tier, route in routes.items():
                leader = await _leader(server, tier, route, client)
                plays += [
                    _scene(server, tier, route, client, fault, hit)
                    for fault in faults
                    for hit in ((leader, None) if len(route.targets) > 1 else (leader,))
                ]
            return await asyncio.gather(*plays)
    finally:
        await client.close()


async def _leader(server: FaultServer, tier: Tier, route: Route, client: ModelClient) -> int:
    """Which target is asked first when all is well."""
    stage = _Stage(server, f"{tier}-well", tier, route, client)
    await stage.ask()
    return stage.last_asked()


async def _scene(
    server: FaultServer, tier: Tier, route: Route, client: ModelClient, fault: Fault, leader: int | None
) -> Scene:
    """`leader` None hits all targets."""
    name = f"{tier}-{fault.replace(' ', '_')}-{'all' if leader is None else 'first'}"
    hit: Sequence[int] = range(len(route.targets)) if leader is None else (leader,)
    for n in hit:
        server.faults[f"{name}-{n}"] = fault
    stage = _Stage(server, name, tier, route, client)
    seen = [await stage.ask(), await stage.ask()]
    target = "" if leader is None and len(route.targets) > 1 else route.targets[leader or 0].name
    return Scene(tier, fault, "all" if leader is None else "first", target, *seen)


class _Stage:
    """A gateway of its own with the route's targets at the fault server."""

    def __init__(self, server: FaultServer, name: str, tier: Tier, route: Route, client: ModelClient) -> None:
        self._server, self._name, self._tier = server, name, tier
        self._lines: list[CallRecord] = []
        targets = tuple(
            # The model's name tells targets apart in the ledger.
            replace(target, base_url=f"{server.url}/{name}-{n}/v1", api_key="drill", model=target.name)
            for n, target in enumerate(route.targets)
        )
        self._gateway = Gateway(client, {tier: replace(route, targets=targets)}, self._book, _Unlimited())

    async def ask(self) -> Seen:
        """One visitor's question."""
        started, first, whole = time.perf_counter(), None, True
        before = len(self._lines)
        try:
            async with aclosing(self._gateway.stream(QUESTION, self._tier)) as pieces:
                async for _ in pieces:
                    first = first or time.perf_counter()
        except ModelError:
            whole = False
        made = self._lines[before:]
        ms = round(((first or time.perf_counter()) - started) * 1000)
        return Seen(made[-1].model if first is not None else None, ms, whole, len(made))

    def last_asked(self) -> int:
        """The number of the target that got the newest call of this stage."""
        mine = [name for name in self._server.asked if name.startswith(f"{self._name}-")]
        return int(mine[-1].rpartition("-")[2])

    async def _book(self, record: CallRecord) -> None:
        self._lines.append(record)


class _Unlimited:
    """No money is spent, so none is kept."""

    async def reserve(self, _request: ChatRequest, _most: int) -> "_Unlimited":
        return self

    def release(self) -> None:
        """Nothing was held."""
