"""Loops: what ends before its time runs again, not too often, and is known by name until then."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from minidesk.errors import DatabaseBusy
from minidesk.wiring.tasks import AGAIN_SECONDS, LONGEST_SECONDS, STEADY_SECONDS, Loops

SOON = 60  # seconds; a test that waits this long has failed


@dataclass
class Pauses:
    """Time that passes at once, and how long each pause was to be."""

    now: float = 0.0
    waited: list[float] = field(default_factory=list)
    look: Callable[[], object] = lambda: None

    async def pause(self, seconds: float) -> None:
        """Note it, and let the test look around."""
        self.waited.append(seconds)
        self.now += seconds
        self.look()

    def clock(self) -> float:
        """What has passed."""
        return self.now


async def test_a_loop_that_fails_runs_again_after_ever_longer_pauses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, pauses = asyncio.Event(), Pauses()
    loops = Loops(stop, pauses.pause, pauses.clock)
    lives: list[int] = []
    last = asyncio.Event()
    down: list[object] = []
    pauses.look = lambda: down.append(loops.down())

    async def loop() -> None:
        lives.append(1)
        assert loops.down() == []
        if len(lives) == 8:
            pauses.now += STEADY_SECONDS  # it ran well for a while, and fails again
        if len(lives) == 10:
            last.set()
            await stop.wait()
            return
        raise (DatabaseBusy() if len(lives) % 2 else LookupError("where is it?"))

    with caplog.at_level(logging.ERROR):
        running = asyncio.create_task(loops.forever("tickets", loop))
        async with asyncio.timeout(SOON):
            await last.wait()
        stop.set()
        await running
    assert pauses.waited == [AGAIN_SECONDS, 2, 4, 8, 16, LONGEST_SECONDS, LONGEST_SECONDS, AGAIN_SECONDS, 2]
    assert down == [["tickets"]] * 9
    assert loops.down() == []
    # One line a failure; a trace only where it is nothing that we know.
    assert len(caplog.records) == 9
    assert all(record.getMessage().startswith("the loop 'tickets' ended (") for record in caplog.records)
    assert [record.exc_info is not None for record in caplog.records[:2]] == [False, True]


async def test_one_that_ends_without_being_told_runs_again() -> None:
    stop, pauses = asyncio.Event(), Pauses()
    lives: list[int] = []

    async def loop() -> None:
        lives.append(1)
        if len(lives) == 3:
            stop.set()

    async with asyncio.timeout(SOON):
        await Loops(stop, pauses.pause, pauses.clock).forever("tickets", loop)
    assert pauses.waited == [1, 2]


async def test_a_stop_ends_the_pause_too() -> None:
    stop = asyncio.Event()
    paused = asyncio.Event()

    async def for_ever(_seconds: float) -> None:
        paused.set()
        await asyncio.Event().wait()

    async def loop() -> None:
        raise LookupError

    running = asyncio.create_task(Loops(stop, for_ever).forever("tickets", loop))
    async with asyncio.timeout(SOON):
        await paused.wait()
        stop.set()
        await running


async def test_a_cancelled_loop_stays_ended() -> None:
    async def loop() -> None:
        await asyncio.Event().wait()

    running = asyncio.create_task(Loops(asyncio.Event()).forever("tickets", loop))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
