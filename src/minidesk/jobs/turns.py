"""Jobs about the same thing one after another, in the order in which they came."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from minidesk.jobs.queue import ClaimedJob

# Of one key: what waits keeps its lease alive with a write every few seconds. What comes later stays in the queue.
LINE = 8
# For how long: the more there are, the less often each asks in vain.
PUT_OFF_SECONDS, PUT_OFF_MOST = 5, 30


class NotYet(Exception):
    """So many wait for their turn already that this job goes back to the queue, for some seconds and with all its attempts."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"its turn has not come, ask again in {seconds} s")
        self.seconds = seconds


@dataclass(slots=True, weakref_slot=True)
class _Line:
    """Lives as long as somebody holds the turn or waits for it."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    # Ids of jobs. They grow with time: what was written later must not overtake them.
    put_off: set[str] = field(default_factory=set)


class Turns:
    """Within one process: what is done for the same key waits for what came before it; other keys go on."""

    def __init__(self) -> None:
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, key: str, job: ClaimedJob) -> AsyncIterator[None]:
        """Wait for the turn, and hold it. Meanwhile the job's worker takes another job. Raises NotYet."""
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line()
        line.put_off.discard(job.id)
        if line.turn.locked() or line.waiting:  # between two turns it is nobody's for a moment
            if line.waiting >= LINE or any(earlier < job.id for earlier in line.put_off):
                line.put_off.add(job.id)
                raise NotYet(min(PUT_OFF_MOST, PUT_OFF_SECONDS * (1 + len(line.put_off) // LINE)))
            with job.aside():
                line.waiting += 1
                try:
                    await line.turn.acquire()
                finally:
                    line.waiting -= 1
        else:
            await line.turn.acquire()
        try:
            yield
        finally:
            line.turn.release()
