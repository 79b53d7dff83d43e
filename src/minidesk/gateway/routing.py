"""From a request to an answer over several targets: one retry loop, fallback by kind of error, and a ledger line for each attempt.

Everything that can go wrong before the first token may be tried elsewhere. After it nothing is: two models in one
answer would contradict each other (F14).
"""

import asyncio
import hashlib
import logging
import math
import random
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count

from minidesk.errors import ModelError, ModelOverloaded, ModelRefused, ModelTruncated, ModelUnreachable
from minidesk.gateway.call import Call, Gate, Hold, Place, Purse, at_most, estimate_tokens
from minidesk.gateway.catalog import Route
from minidesk.gateway.client import ModelClient
from minidesk.gateway.failures import BUDGET_SPENT, CONTEXT_TOO_LONG
from minidesk.gateway.health import REFUSED_COOLDOWN_S, Health, State, concerns_endpoint
from minidesk.gateway.messages import ChatRequest, Finished, LedgerSink, Tier
from minidesk.gateway.target import Target

log = logging.getLogger(__name__)

# To the first token over all targets: beyond it a visitor has gone, and extracts should have answered (F12).
FIRST_TOKEN_BUDGET_S = 25.0


class _PassedOver(Exception):
    """This target takes no calls now."""


class _Leave:
    """One request's leave to ask models of the tier large: asked for before the first of them, given back at the end."""

    def __init__(self, gate: Gate | None, request: ChatRequest, asked: Tier) -> None:
        self._gate, self._request, self._asked = gate, request, asked
        self._hold: Hold | None = None

    def __enter__(self) -> "_Leave":
        return self

    def __exit__(self, *_: object) -> None:
        if self._hold is not None:
            self._hold.release()

    async def ask(self) -> None:
        """Raises ModelRefused where the site's share or money for large is used up; _PassedOver where mini's own models are left."""
        if self._gate is None or self._hold is not None:
            return
        self._hold = await self._gate.grant(self._request.site_id or "", self._request.purpose)
        if self._hold is None and self._asked == "large":
            raise ModelRefused("What the large tier may do and cost here is used up.", code=BUDGET_SPENT)
        if self._hold is None:
            raise _PassedOver


def jitter() -> float:
    """Seconds before the second attempt, so that many visitors do not retry as one."""
    return random.uniform(0.1, 0.5)  # noqa: S311 (no secret)


@dataclass(frozen=True, slots=True)
class TargetState:
    """How a target stands, for the operator."""

    tier: Tier
    model: str
    provider: str
    breaker: State
    resting: bool
    first_token_ms: float | None
    name: str = ""  # provider/model as written in the settings


class Gateway:
    """All models, as one. Without routes no model is configured. `now` is a monotonic clock in seconds.

    `others` are in no tier: they are asked only where a request names them. `large` is asked for leave before any model
    of the tier large is, whoever asked for it and by which way; None: nothing holds them but the `purse`.
    """

    def __init__(
        self,
        client: ModelClient,
        routes: Mapping[Tier, Route],
        ledger: LedgerSink,
        purse: Purse,
        *,
        others: Sequence[Target] = (),
        large: Gate | None = None,
        now: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = jitter,
    ) -> None:
        self._client = client
        self._routes = dict(routes)
        self._ledger = ledger
        self._purse = purse
        self._gate = large
        self._jitter = jitter
        known = [*(target for route in routes.values() for target in route.targets), *others]
        self._health = {target: Health(now) for target in known}
        self._named = {target.name: target for target in known if target.name}
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def configured(self) -> bool:
        """Whether there is a model that answers first."""
        return self.offers("mini")

    def offers(self, tier: Tier) -> bool:
        """Whether there is any model in this tier."""
        return tier in self._routes

    @property
    def names(self) -> tuple[str, ...]:
        """Of all models that a request may name in its `order`."""
        return tuple(self._named)

    @property
    def sees(self) -> bool:
        """Whether any model can be shown pictures."""
        return any(target.sees for route in self._routes.values() for target in route.targets)

    def states(self) -> list[TargetState]:
        """How every target stands, tier by tier."""
        return [
            TargetState(
                tier,
                target.model,
                target.provider,
                health.breaker.state,
                health.resting,
                health.first_token_ms,
                target.name,
            )
            for tier, route in self._routes.items()
            for target in route.targets
            for health in [self._health[target]]
        ]

    async def close(self) -> None:
        """Write what was not yet written, and give the connections back."""
        await asyncio.gather(*self._settling, return_exceptions=True)
        await self._client.close()

    async def stream(self, request: ChatRequest, tier: Tier = "mini") -> AsyncGenerator[str | Finished]:
        """Text deltas, then exactly one `Finished`. Close it (`aclosing`) when you stop early, or the ledger line waits for the collector.

        Raises the last target's ModelError where no first token came, the error itself where a stream broke later,
        and ModelRefused with the code `budget_spent` at the ceiling.
        """
        loop = asyncio.get_running_loop()
        by, last = loop.time() + FIRST_TOKEN_BUDGET_S, ModelError()
        targets = self._targets(tier, request)
        request_id, attempts = secrets.token_hex(16), count(1)
        with _Leave(self._gate, request, tier) as leave:
            for target in targets:
                for attempt in (1, 2):
                    if loop.time() >= by:
                        raise last
                    place = Place(self._tier_of(target, tier), request_id, next(attempts))
                    call = Call(self._client, target, request, self._health[target], self._ledger, place)
                    try:
                        hold = await self._admitted(call, leave)
                        async with aclosing(call.run(by, hold, self._settling)) as pieces:
                            async for piece in pieces:
                                yield piece
                        return
                    except _PassedOver:
                        break
                    except ModelError as error:
                        last = error
                        if call.begun or error.code == BUDGET_SPENT:
                            raise
                        self._note(target, error)
                    if attempt == 2 or not _again(last, alone=len(targets) == 1) or not call.health.ready:
                        break
                    await asyncio.sleep(self._jitter())
        raise last

    def _tier_of(self, target: Target, asked: Tier) -> Tier:
        """Whose model is called: large's also where a request names it in mini's place, or its cap could be gone round."""
        mini, large = self._routes.get("mini"), self._routes.get("large")
        of_large = large is not None and target in large.targets
        of_mini = mini is not None and target in mini.targets
        return "large" if asked == "large" or (of_large and not of_mini) else "mini"

    async def _admitted(self, call: Call, leave: _Leave) -> Hold:
        """Money for one call, if its target takes any and the budget holds it; nothing is awaited from here to the call."""
        health = call.health
        if not health.ready:
            raise _PassedOver
        if call.tier == "large":
            await leave.ask()
        hold = await self._purse.reserve(call.request, at_most(call.target, call.request))
        if hold is None:
            raise ModelRefused("The model budget is spent.", code=BUDGET_SPENT)
        if (
            health.resting or not health.breaker.admit()
        ):  # the reservation took time: another call may be the probe
            hold.release()
            raise _PassedOver
        return hold

    def _note(self, target: Target, error: ModelError) -> None:
        """Let what was learned count for the neighbours behind the same key; say once to the operator what only they can mend."""
        if concerns_endpoint(error):
            for other, health in self._health.items():
                if other.endpoint == target.endpoint:
                    health.rest(REFUSED_COOLDOWN_S)
        level = logging.ERROR if isinstance(error, ModelRefused) else logging.WARNING
        log.log(level, "a model did not answer", extra={"code": error.code, "model": target.model})

    def _targets(self, tier: Tier, request: ChatRequest) -> list[Target]:
        """In the order in which they are asked; those whose context is too small are left out. Raises ModelError for none."""
        route = self._routes.get(tier)
        if route is None:
            raise ModelError
        ordered = self._ordered(route, request)
        # A name that is in the settings no more is passed over: an experiment must not stop the answers.
        first = [self._named[name] for name in request.order.of(tier) if name in self._named]
        ordered = list(dict.fromkeys([*first, *ordered]))
        if any(message.images for message in request.messages):
            ordered.sort(key=lambda target: not target.sees)
        found = [t for t in ordered if _fits(t, request)]
        if not found:
            raise ModelRefused(code=CONTEXT_TOO_LONG)
        return found

    def _ordered(self, route: Route, request: ChatRequest) -> list[Target]:
        if route.policy == "cheapest":
            return sorted(route.targets, key=lambda target: at_most(target, request))
        if route.policy == "fastest":  # what was not measured lately goes first, and is measured by that
            return sorted(route.targets, key=lambda target: self._health[target].first_token_ms or 0.0)
        if route.policy == "weighted":
            return weighted(route, request.conversation_id)
        return list(route.targets)


def _fits(target: Target, request: ChatRequest) -> bool:
    """Whether the request and the longest answer have room."""
    return target.context is None or estimate_tokens(request, target) + request.max_tokens <= target.context


def weighted(route: Route, conversation_id: str | None) -> list[Target]:
    """Each target first in its share of the conversations, and always in the same order in the same one.

    Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): the order of -ln(h) / weight. Taking a target
    away moves only the conversations that it had.
    """
    weights = route.weights or (1.0,) * len(route.targets)
    seed = conversation_id if conversation_id is not None else str(random.random())  # noqa: S311 (no secret)

    def score(n: int) -> float:
        if weights[n] <= 0:
            return math.inf
        target = route.targets[n]
        digest = hashlib.sha256(f"{seed}\0{target.model}\0{target.base_url}".encode()).digest()
        return -math.log((int.from_bytes(digest[:8]) + 1) / (2**64 + 1)) / weights[n]

    return [route.targets[n] for n in sorted(range(len(route.targets)), key=score)]


def _again(error: ModelError, *, alone: bool) -> bool:
    """Whether the same target is worth a second attempt. Where nobody is there or nobody hurries, the next one is the better bet (F9)."""
    if isinstance(error, ModelUnreachable):
        return alone
    return isinstance(error, ModelOverloaded | ModelTruncated)
