"""A deadline for a stream: how long its next piece may take."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

T = TypeVar("T")


class Patience:
    """A deadline that moves with every piece. One timer a stream looks after it: a time-out a piece costs more than the piece."""

    def __init__(self, deadline: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Task[Any] | None = None
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self.until(deadline)

    def until(self, deadline: float) -> None:
        """From now on, this one; the loop's time. A timer that is too early looks again when it fires."""
        self._deadline = deadline
        if self._timer is None or deadline < self._timer.when():
            self.end()
            self._timer = self._loop.call_at(deadline, self._look)

    async def wait_for(self, pieces: AsyncIterator[T]) -> T:
        """The next of `pieces`. Raises TimeoutError when the deadline passes meanwhile."""
        if self._loop.time() >= self._deadline:
            raise TimeoutError
        task = self._waiting = asyncio.current_task()
        assert task is not None  # a generator runs in one
        before = task.cancelling()
        try:
            return await anext(pieces)
        except asyncio.CancelledError:
            # Ours, unless somebody else cancelled the task as well: then it is theirs to see.
            if self._over and task.uncancel() <= before:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None

    def end(self) -> None:
        """No more of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
        elif self._waiting is not None:
            self._over = True
            self._waiting.cancel()
