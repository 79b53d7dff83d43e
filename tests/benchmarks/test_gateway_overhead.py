"""What the gateway adds in front of a model: against calling the same server directly, and against the LiteLLM proxy.

Through /v1/chat/completions with the model `mini`: key, rate limit, budgets and ledger are on. `make bench
ARGS=tests/benchmarks/test_gateway_overhead.py` prints the figures and writes reports/gateway-overhead.md.
"""

import asyncio
import json
import os
import platform
import socket
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.benchmarks.paced_model import TOKENS
from tests.benchmarks.test_start import cpu_of, pid_of
from tests.helpers.commands import minidesk
from tests.helpers.litellm import litellm_proxy
from tests.helpers.server import running

pytestmark = [pytest.mark.bench, pytest.mark.litellm]

REPORT = Path(__file__).parent / "reports" / "gateway-overhead.md"
GAP_MS = 20  # a model of 50 tokens a second
ROUNDS, ONE_BY_ONE = 5, 60
ANSWERS = 3  # of each stream, one after the other
# What was promised: of the proxy's addition at one stream, of its CPU an event, and how far 200 streams may stretch.
SHARE_OF_PROXY, PROXY_EVENT_US, STRETCH = 0.2, 685.0, 0.05
# LiteLLM saturates near 27 streams a core: more would measure its queue.
PROXY_STREAMS = 16


@dataclass(frozen=True, slots=True)
class Place:
    """A server that speaks the protocol. `pid` 0: its CPU is not looked at."""

    port: int
    model: str
    key: str = ""
    path: str = "/v1/chat/completions"
    pid: int = 0


class Reader(asyncio.Protocol):
    """Sends requests over one connection, and notes when the first word and the end of each answer came."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.first = self.total = 0.0
        self.words = 0
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready to ask."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    async def ask(self) -> None:
        """One answer."""
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.first, self.words, self._tail = 0.0, 0, b""
        self._began = time.perf_counter()
        self.transport.write(self._request)
        await self._done

    def data_received(self, data: bytes) -> None:
        """A part of it."""
        # Several words may come in one event; "tokens" is the usage's.
        self.words += data.count(b"tok") - data.count(b"tokens")
        if not self.first and self.words:
            self.first = time.perf_counter() - self._began
        self._tail = (self._tail + data)[-7:]
        if self._tail.endswith(b"\r\n0\r\n\r\n"):
            self.total = time.perf_counter() - self._began
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """It must not end before its answer."""
        if not self._done.done():
            self._done.set_exception(ConnectionError("the server hung up"))


async def connected(place: Place) -> Reader:
    """A connection to it."""
    body = json.dumps(
        {
            "model": place.model,
            "stream": True,
            "messages": [{"role": "user", "content": "How do I return boots?"}],
        }
    ).encode()
    head = (
        f"POST {place.path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {place.key}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, reader = await loop.create_connection(lambda: Reader(head.encode() + body), "127.0.0.1", place.port)
    return reader


async def one_by_one(place: Place, count: int) -> float:
    """Milliseconds to the first word, the median of `count` answers."""
    reader = await connected(place)
    found = []
    for n in range(count + 5):
        await reader.ask()
        assert reader.words == TOKENS
        if n >= 5:  # the first ones open connections
            found.append(reader.first * 1000)
    reader.transport.close()
    return statistics.median(found)


@dataclass(frozen=True, slots=True)
class Paced:
    """`streams` live at once: seconds of an answer, the median and the slowest, and microseconds of CPU an event."""

    streams: int
    median: float
    slowest: float
    event_us: float


async def paced(place: Place, streams: int) -> Paced:
    """So many live at any time: each answer is followed by another, and they begin spread over the length of one."""
    readers = [await connected(place) for _ in range(streams)]
    await asyncio.gather(*(reader.ask() for reader in readers[: min(4, streams)]))
    totals: list[float] = []

    async def visit(n: int) -> None:
        await asyncio.sleep(n * TOKENS * GAP_MS / 1000 / streams)
        for _ in range(ANSWERS):
            await readers[n].ask()
            assert readers[n].words == TOKENS
            totals.append(readers[n].total)

    before = cpu_of(place.pid) if place.pid else 0.0
    await asyncio.gather(*(visit(n) for n in range(streams)))
    spent = cpu_of(place.pid) - before if place.pid else 0.0
    for reader in readers:
        reader.transport.close()
    totals.sort()
    return Paced(streams, statistics.median(totals), totals[-1], spent / (len(totals) * TOKENS) * 1e6)


async def begun_at_once(place: Place, streams: int) -> list[Paced]:
    """All answers begin in the same moment, `ANSWERS` times with a pause: the first time each needs a new connection."""
    readers = [await connected(place) for _ in range(streams)]
    await asyncio.gather(*(reader.ask() for reader in readers[:4]))
    found = []
    for _ in range(ANSWERS):
        await asyncio.sleep(1)  # what the last answers left to be written is written
        before = cpu_of(place.pid) if place.pid else 0.0
        await asyncio.gather(*(reader.ask() for reader in readers))
        spent = cpu_of(place.pid) - before if place.pid else 0.0
        assert {reader.words for reader in readers} == {TOKENS}
        totals = sorted(reader.total for reader in readers)
        event_us = spent / (streams * TOKENS) * 1e6
        found.append(Paced(streams, statistics.median(totals), totals[-1], event_us))
    for reader in readers:
        reader.transport.close()
    return found


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def model() -> AsyncIterator[int]:
    """The server that all call, in a process of its own; gives its port."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(REPORT.parents[1] / "paced_model.py"), str(port))
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)  # it says by nothing else that it listens
                    continue
                writer.close()
                break
        yield port
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def ours(folder: Path, model_port: int, gap: int) -> AsyncIterator[Place]:
    """The product with that server as its model, and a key for it."""
    settings = {
        "MINIDESK_MODEL": "mock",
        "MINIDESK_MODEL_BASE_URL": f"http://127.0.0.1:{model_port}/{gap}/v1",
        "MINIDESK_MODEL_DAILY_BUDGET_USD": "10000",
        "MINIDESK_REQUESTS_PER_MINUTE_KEY": "1000000",
    }
    folder.mkdir()
    made = minidesk(folder / "data", "keys", "add", "Bench", "--scope", "models")
    assert made.returncode == 0, made.stderr
    async with running(folder, "serve", **settings) as server:
        yield Place(server.port, "mini", made.stdout.strip(), pid=pid_of(server))


@asynccontextmanager
async def proxy(folder: Path, model_port: int, gap: int) -> AsyncIterator[Place]:
    """LiteLLM's proxy before the same server."""
    config = {
        "model_list": [
            {
                "model_name": "mock",
                "litellm_params": {
                    "model": "openai/mock",
                    "api_base": f"http://127.0.0.1:{model_port}/{gap}/v1",
                    "api_key": "sk-x",
                },
            }
        ],
        "litellm_settings": {"num_retries": 0, "request_timeout": 30, "telemetry": False},
        "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY", "disable_spend_logs": True},
    }
    async with litellm_proxy(json.dumps(config), folder / f"proxy{gap}.log") as found:
        port = int(found.base_url.rpartition(":")[2].partition("/")[0])
        yield Place(port, "mock", found.key, pid=found.pid)


@pytest.mark.timeout(900)
async def test_what_the_gateway_adds(tmp_path: Path) -> None:
    load = os.getloadavg()[0]
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(model())
        at_once = {
            "direct": Place(port, "mock", path="/0/v1/chat/completions"),
            "minidesk": await stack.enter_async_context(ours(tmp_path / "at-once", port, 0)),
            "LiteLLM": await stack.enter_async_context(proxy(tmp_path, port, 0)),
        }
        firsts: dict[str, list[float]] = {name: [] for name in at_once}
        for _ in range(ROUNDS):  # by turns: what else this machine does meets all of them
            for name, place in at_once.items():
                firsts[name].append(await one_by_one(place, ONE_BY_ONE))
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(model())
        direct = Place(port, "mock", path=f"/{GAP_MS}/v1/chat/completions")
        desk = await stack.enter_async_context(ours(tmp_path / "paced", port, GAP_MS))
        table = [("direct", await paced(direct, 200))]
        table += [("minidesk", await paced(desk, streams)) for streams in (16, 64, 200)]
        other = await stack.enter_async_context(proxy(tmp_path, port, GAP_MS))
        table.append(("LiteLLM", await paced(other, PROXY_STREAMS)))
    said = report(firsts, table, load)
    print(f"\n{said}")
    REPORT.write_text(said)
    added = {
        name: statistics.median(values) - statistics.median(firsts["direct"])
        for name, values in firsts.items()
    }
    assert added["minidesk"] <= added["LiteLLM"] / 2, "far from what was promised: look at what changed"


@pytest.mark.timeout(300)
async def test_streams_that_begin_in_the_same_moment(tmp_path: Path) -> None:
    """Printed only: what the start of a stream costs is what these wait for, 200 times over."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(model())
        straight = await begun_at_once(Place(port, "mock", path=f"/{GAP_MS}/v1/chat/completions"), 200)
        desk = await stack.enter_async_context(ours(tmp_path / "desk", port, GAP_MS))
        found = await begun_at_once(desk, 200)
    base = statistics.median(row.median for row in straight)
    print(f"\nload {os.getloadavg()[0]:.1f}; directly {base:.2f} s")
    for row in found:
        print(
            f"200 at once: {row.median:.2f} s in the median ({100 * (row.median / base - 1):+.1f} %), "
            f"the slowest {row.slowest:.2f} s; {row.event_us:.0f} µs of CPU an event"
        )


def report(firsts: dict[str, list[float]], table: list[tuple[str, Paced]], load: float) -> str:
    """What was measured, against what was promised."""
    first = {name: statistics.median(values) for name, values in firsts.items()}
    added = {name: value - first["direct"] for name, value in first.items()}
    straight = next(row for name, row in table if name == "direct")
    most = next(row for name, row in table if name == "minidesk" and row.streams == 200)
    middle = next(row for name, row in table if name == "minidesk" and row.streams == 64)
    rows = "\n".join(
        f"| {name} | {row.streams} | {row.median:.2f} | {row.slowest:.2f} | "
        f"{100 * (row.median / straight.median - 1):+.1f} % | {f'{row.event_us:.0f}' if row.event_us else '–'} |"
        for name, row in table
    )
    return f"""# What the gateway adds

`make bench ARGS=tests/benchmarks/test_gateway_overhead.py` on {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}, load {load:.1f} at the start. Client, model and gateway share the machine; key, rate limit, budgets and ledger are on.

## One stream after another: milliseconds to the first word (median of {ROUNDS} rounds of {ONE_BY_ONE}, by turns)

| | first word | added |
| --- | --- | --- |
| the model's server, directly | {first["direct"]:.2f} | |
| through minidesk (`mini`) | {first["minidesk"]:.2f} | {added["minidesk"]:.2f} |
| through the LiteLLM proxy | {first["LiteLLM"]:.2f} | {added["LiteLLM"]:.2f} |

- minidesk adds {added["minidesk"] / added["LiteLLM"]:.2f} of what the proxy adds (promised {SHARE_OF_PROXY})

## Live streams of 50 tokens a second, one worker; {TOKENS} tokens an answer, begun spread over the length of one

| | streams | seconds, median | slowest | stretched | CPU an event, µs |
| --- | --- | --- | --- | --- | --- |
{rows}

- CPU an event at 64 streams: {middle.event_us:.0f} µs (promised {SHARE_OF_PROXY * PROXY_EVENT_US:.0f}, a fifth of the proxy's {PROXY_EVENT_US:.0f})
- 200 streams are stretched by {100 * (most.median / straight.median - 1):.1f} % (promised {100 * STRETCH:.0f})
"""
