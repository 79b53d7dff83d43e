"""Who is looking at a conversation right now, or was a moment ago: known to this process alone, and lost with it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

# Of the conversations left last; about a megabyte. Who left before these counts as one who never came.
REMEMBERED = 10_000


class Presence:
    """Counts the open event streams of each conversation."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._open: Counter[str] = Counter()
        self._left: dict[str, datetime] = {}  # in the order of leaving

    @contextmanager
    def here(self, conversation_id: str) -> Iterator[None]:
        """A visitor looks on while the block runs."""
        self._open[conversation_id] += 1
        try:
            yield
        finally:
            self._open[conversation_id] -= 1
            if not self._open[conversation_id]:
                del self._open[conversation_id]
            self._left.pop(conversation_id, None)
            self._left[conversation_id] = self._clock()
            if len(self._left) > REMEMBERED:
                del self._left[next(iter(self._left))]

    def seen_until(self, conversation_id: str) -> datetime | None:
        """Up to when a visitor has seen everything: now if one is here; None where nobody is known to have been."""
        return self._clock() if self._open[conversation_id] else self._left.get(conversation_id)
