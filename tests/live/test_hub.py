"""Wake-ups: none is lost between two waits, and nobody is kept after leaving."""

import asyncio

from minidesk.live import Hub


async def test_a_wake_up_between_two_waits_is_kept() -> None:
    hub = Hub()
    async with hub.subscribe("conversation:1") as ear:
        hub.wake("conversation:1")
        assert await ear.wait(5) is True
        assert await ear.wait(0.01) is False  # it counted once


async def test_only_the_topics_listened_to_wake() -> None:
    hub = Hub()
    async with hub.subscribe("jobs:reply", "stop:1") as ear:
        hub.wake("jobs:background")
        assert await ear.wait(0.01) is False
        hub.wake("stop:1")
        assert await ear.wait(5) is True


async def test_everyone_who_waits_is_woken() -> None:
    hub = Hub()
    ready: list[asyncio.Event] = [asyncio.Event() for _ in range(3)]

    async def listen(started: asyncio.Event) -> bool:
        async with hub.subscribe("site:1") as ear:
            started.set()
            return await ear.wait(5)

    listeners = [asyncio.create_task(listen(event)) for event in ready]
    for event in ready:
        await event.wait()
    hub.wake("site:1")
    assert await asyncio.gather(*listeners) == [True, True, True]
    assert hub._subscriptions == {}  # a thousand closed streams leave nothing behind
