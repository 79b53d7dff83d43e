"""Wake-ups inside one process. A topic says that something changed; what changed is read from SQL.

Nothing is lost when a wake-up is: every waiter has a time-out and then looks by itself. That is what lets
another carrier (Redis, PostgreSQL NOTIFY) fail without anybody noticing more than a short delay.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# A ticket may wait to be given out, or somebody may have room for one: whoever gives them out looks.
QUEUE = "queue"


class Subscription:
    """One waiter's ear. A wake-up that comes between two waits is kept for the next one."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 (the answer is "no", not an exception)
        """True as soon as there was a wake-up since the last wait, False after `timeout` seconds without one."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        """Let the next wait return at once. Called by the hub, on the event loop."""
        self._woken.set()


class Hub:
    """Carries topics between the parts of one process, never data. Use it on one event loop only."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, set[Subscription]] = {}

    def wake(self, topic: str) -> None:
        """Wake everyone who listens to `topic`; nobody listening is no error."""
        for subscription in tuple(self._subscriptions.get(topic, ())):
            subscription.wake()

    @asynccontextmanager
    async def subscribe(self, *topics: str) -> AsyncIterator[Subscription]:
        """Listen to one topic or several inside the block. Subscribe first and read then, or a change between is missed."""
        subscription = Subscription()
        for topic in topics:
            self._subscriptions.setdefault(topic, set()).add(subscription)
        try:
            yield subscription
        finally:
            for topic in topics:
                listeners = self._subscriptions[topic]
                listeners.discard(subscription)
                # A long-lived server would otherwise keep one set for every conversation there ever was.
                if not listeners:
                    del self._subscriptions[topic]
