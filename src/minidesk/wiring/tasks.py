"""Waiting for tasks, and keeping loops alive."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from minidesk.errors import MinideskError

log = logging.getLogger(__name__)

# A loop that ended is started again this much later; one that ends again and again, after twice as long each time.
AGAIN_SECONDS = 1.0
LONGEST_SECONDS = 30.0
# Whoever ran this long has got over what ended it the last time.
STEADY_SECONDS = 60.0


class Loops:
    """The loops of a server. One that ends before `stop` is set is started again, and counts as down until then.

    Loops bear a database that is away by themselves. This is for what nobody thought of: a loop that stays down is
    noticed last by whoever could start it again.
    """

    def __init__(
        self,
        stop: asyncio.Event,
        pause: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stop = stop
        self._pause = pause
        self._clock = clock
        self._down: set[str] = set()

    def down(self) -> Collection[str]:
        """The names of loops that wait to be started again."""
        return sorted(self._down)

    async def forever(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `loop`, again whenever it ends, until `stop` is set."""
        wait = AGAIN_SECONDS
        while not self.stop.is_set():
            since = self._clock()
            error = await _ended(loop)
            if self._clock() - since >= STEADY_SECONDS:
                wait = AGAIN_SECONDS
            if error is None and self.stop.is_set():
                return
            # An error of ours says all in its sentence; any other one needs its trace to be found.
            trace = None if isinstance(error, MinideskError) else error
            why = "nothing told it to" if error is None else str(error) or type(error).__name__
            log.error("the loop %r ended (%s) and is started again in %g s", name, why, wait, exc_info=trace)
            self._down.add(name)
            await first_of(self.stop.wait(), self._pause(wait))
            self._down.discard(name)
            wait = min(2 * wait, LONGEST_SECONDS)


async def _ended(loop: Callable[[], Coroutine[Any, Any, None]]) -> Exception | None:
    try:
        await loop()
    except Exception as error:  # whatever it is, it is logged and the loop runs again
        return error
    return None


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Return when one of `waits` does; the others are cancelled."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def end_tasks(tasks: Collection[asyncio.Task[Any]], seconds: float) -> None:
    """Let `tasks` end by themselves for so long; then cancel them. What they raise is not raised here."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late)
