"""Limits that survive a restart, and the cap of connections an address (T5, T28)."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import FakeClock
from tests.web.conftest import API, Desk, open_visitor

from minidesk.errors import TooMany
from minidesk.web.limits import RateLimiter


@asynccontextmanager
async def counting(clock: FakeClock, path: Path) -> AsyncIterator[RateLimiter]:
    """A server's limiter from its start to its end."""
    limiter, stopping = RateLimiter(clock), asyncio.Event()
    await limiter.restore(path)
    keeping = asyncio.create_task(limiter.keep(path, stopping))
    try:
        yield limiter
    finally:
        stopping.set()
        await keeping


async def test_a_restart_forgives_nobody(clock: FakeClock, tmp_path: Path) -> None:
    path = tmp_path / "limits.json"
    async with counting(clock, path) as limiter:
        for n in range(5):
            limiter.charge("login", "192.0.2.1", limit=5, seconds=300, once=f"try {n}")
            clock.advance(seconds=10)
        limiter.charge("requests", "192.0.2.1", limit=1200, seconds=60)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "requests" not in path.read_text()  # too many to be written down, and over in a minute
    async with counting(clock, path) as limiter:
        limiter.charge("login", "192.0.2.1", limit=5, seconds=300, once="try 3")  # a repeat is free, still
        with pytest.raises(TooMany) as refused:
            limiter.charge("login", "192.0.2.1", limit=5, seconds=300)
        assert refused.value.retry_after == pytest.approx(250)
        limiter.charge("login", "192.0.2.2", limit=5, seconds=300)
        clock.advance(seconds=251)
        limiter.charge("login", "192.0.2.1", limit=5, seconds=300)
    kept = json.loads(path.read_text())["windows"]
    assert sorted(len(uses) for _, _, _, uses in kept) == [1, 5]


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"windows": 5}', '{"windows": [["a"]]}', '{"windows": [["a", "b", "x", []]]}'],
)
async def test_a_damaged_file_is_no_obstacle(clock: FakeClock, tmp_path: Path, content: str) -> None:
    path = tmp_path / "limits.json"
    path.write_text(content)
    async with counting(clock, path) as limiter:
        limiter.charge("x", "y", limit=1, seconds=60)
    assert len(json.loads(path.read_text())["windows"]) == 1


async def test_a_full_disk_stops_no_counting(clock: FakeClock, tmp_path: Path) -> None:
    async with counting(clock, tmp_path / "missing" / "limits.json") as limiter:
        limiter.charge("x", "y", limit=1, seconds=60)
        with pytest.raises(TooMany):
            limiter.charge("x", "y", limit=1, seconds=60)


@pytest.fixture
def limits() -> dict[str, Any]:
    """A cap that can be reached quickly."""
    return {"streams_per_address": 6, "streams_per_visitor": 2}


async def test_an_address_holds_so_many_streams(client: httpx.AsyncClient, desk: Desk) -> None:
    visitors = [await open_visitor(client, desk.site) for _ in range(4)]
    ids = [await visitor.start() for visitor in visitors]
    async with AsyncExitStack() as stack:
        for visitor, id in zip(visitors[:3], ids, strict=False):
            for _ in range(2):
                listener = await stack.enter_async_context(visitor.listen(id))
                assert listener.response.status_code == 200
        refused = await visitors[3].get(f"/conversations/{ids[3]}/events")
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "too_many_streams"
        assert refused.json()["error"]["message"].endswith(
            "Close one that is not needed, and this one goes on."
        )
        assert int(refused.headers["Retry-After"]) > 0
        # Everything but listening goes on.
        await visitors[3].say(ids[3], "hello")
        assert len(desk.streams) == 6
    while len(desk.streams):  # noqa: ASYNC110 (the server notices by itself that connections are gone)
        await asyncio.sleep(0.01)
    async with visitors[3].listen(ids[3]) as listener:
        assert listener.response.status_code == 200


async def test_what_an_identity_costs_is_counted(client: httpx.AsyncClient, desk: Desk) -> None:
    path = f"{API}/sites/{desk.site.key}/session"
    codes = [(await client.post(path, json={"identity": "x"})).status_code for _ in range(61)]
    assert codes == [401] * 60 + [429]
