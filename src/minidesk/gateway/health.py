"""What is known of a target from the calls that were made: its breaker, its rest, its speed, its way of counting tokens."""

from collections import deque
from collections.abc import Callable
from typing import Literal

from minidesk.errors import ModelError, ModelOverloaded, ModelRefused
from minidesk.gateway.failures import BAD_KEY, CONTENT_POLICY, CONTEXT_TOO_LONG, OUT_OF_CREDIT, UNKNOWN_MODEL

# The breaker (F12): as many calls, as large a share of failures, in so many seconds; then closed to all for that long.
BREAKER_CALLS, BREAKER_SHARE, BREAKER_WINDOW_S, BREAKER_OPEN_S = 5, 0.5, 60.0, 30.0
# A target that refused our key or model is left alone this long, so that a wrong setting does not cost each visitor a call (F13).
REFUSED_COOLDOWN_S = 300.0
# An overloaded one at least this long, or as long as it asked for (F11).
OVERLOADED_COOLDOWN_S = 5.0
# A speed that is older is measured again: a target that was slow once would otherwise never be asked again.
SPEED_FORGOTTEN_S = 300.0
# How much the newest call says against all before it.
NEWEST = 0.2

State = Literal["closed", "open", "half-open"]


class Breaker:
    """Keeps visitors from waiting for a target that fails. Every `admit` that gave True is followed by one of the others."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._calls: deque[tuple[float, bool]] = deque()
        self._failed = (
            0  # of them: counting them at each call took more time than the call, at thousands a minute
        )
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """Closed lets all through, half-open one."""
        if self._open_until is None:
            return "closed"
        return "half-open" if self._now() >= self._open_until else "open"

    @property
    def passable(self) -> bool:
        """Whether `admit` would give True."""
        return self.state == "closed" or (self.state == "half-open" and not self._probing)

    def admit(self) -> bool:
        """Whether a call may be made; when half-open, it is the probe."""
        if not self.passable:
            return False
        self._probing = self.state == "half-open"
        return True

    def record(self, *, ok: bool) -> None:
        """How an admitted call ended."""
        now = self._now()
        if self._open_until is not None:
            if not self._probing:
                return  # a call from before it opened says nothing of now
            self._probing = False
            self._calls.clear()
            self._failed = 0
            self._open_until = None if ok else now + BREAKER_OPEN_S
            return
        self._calls.append((now, ok))
        self._failed += not ok
        while self._calls[0][0] <= now - BREAKER_WINDOW_S:
            self._failed -= not self._calls.popleft()[1]
        if len(self._calls) >= BREAKER_CALLS and self._failed >= BREAKER_SHARE * len(self._calls):
            self._open_until = now + BREAKER_OPEN_S

    def abandon(self) -> None:
        """An admitted call ended before it said anything; the next one may be the probe."""
        self._probing = False


class Health:
    """Of one target, in this process."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.breaker = Breaker(now)
        self._rests_until = float("-inf")
        self._first_ms: float | None = None
        self._measured_at = float("-inf")
        self._input_factor = self._output_factor = 1.0

    @property
    def resting(self) -> bool:
        """It asked to be left alone, or refused us."""
        return self._now() < self._rests_until

    @property
    def ready(self) -> bool:
        """Whether a call would be let through now."""
        return not self.resting and self.breaker.passable

    @property
    def first_token_ms(self) -> float | None:
        """Mean time to the first token, the newest calls counting most; None where nothing is known lately."""
        return self._first_ms if self._now() - self._measured_at < SPEED_FORGOTTEN_S else None

    def answered(self, first_ms: int | None) -> None:
        """A call went well, as far as it was read."""
        self.breaker.record(ok=True)
        if first_ms is not None:
            known = self.first_token_ms
            self._first_ms = first_ms if known is None else known + NEWEST * (first_ms - known)
            self._measured_at = self._now()

    def failed(self, error: ModelError) -> None:
        """A call went wrong. What the request itself was to blame for says nothing about the target."""
        if error.code in (CONTEXT_TOO_LONG, CONTENT_POLICY):
            self.breaker.abandon()
            return
        self.breaker.record(ok=False)
        if error.code in (OUT_OF_CREDIT, BAD_KEY, UNKNOWN_MODEL):
            self.rest(REFUSED_COOLDOWN_S)
        elif isinstance(error, ModelOverloaded) and error.retry_after is not None:
            self.rest(max(error.retry_after, OVERLOADED_COOLDOWN_S))

    def rest(self, seconds: float) -> None:
        """Leave it alone that long."""
        self._rests_until = max(self._rests_until, self._now() + seconds)

    def learn(self, guessed: tuple[int, int], counted: tuple[int, int]) -> None:
        """How this provider's count of tokens, in and out, relates to ours: aborted calls are booked by it."""
        if guessed[0] and counted[0]:
            self._input_factor += NEWEST * (counted[0] / guessed[0] - self._input_factor)
        if guessed[1] and counted[1]:
            self._output_factor += NEWEST * (counted[1] / guessed[1] - self._output_factor)

    def tokens(self, guessed: tuple[int, int]) -> tuple[int, int]:
        """Our guess, corrected by what was learned."""
        return round(guessed[0] * self._input_factor), round(guessed[1] * self._output_factor)


def concerns_endpoint(error: ModelError) -> bool:
    """Whether every model behind the same key is out of reach too."""
    return isinstance(error, ModelRefused) and error.code in (OUT_OF_CREDIT, BAD_KEY)
