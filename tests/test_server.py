"""The server's process: how it ends, and what is left when it does not get to."""

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.helpers.server import Server, running

# F26: whoever supervises the process kills it after this long.
STOP_SECONDS = 40


def children(pid: int, word: str) -> list[int]:
    """Processes that `pid` started, with `word` in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it ended while we looked
            continue
        if parent == pid and any(word in one for one in words):
            found.append(int(folder.name))
    return found


async def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that another process does."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 (another process does it: nothing in here can wake us)
            await asyncio.sleep(0.02)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """`minidesk serve` on an empty folder."""
    async with running(tmp_path) as one:
        yield one


def pid_of(server: Server) -> int:
    """Its process id."""
    assert server.process is not None
    return server.process.pid


async def open_stream(server: Server, client: httpx.AsyncClient) -> AsyncIterator[str]:
    """The lines of a new conversation's event stream; the first one comes when it is open."""
    with sqlite3.connect(server.folder / "data" / "minidesk.db") as rows:
        (key,) = rows.execute("SELECT key FROM sites").fetchone()
    api = f"{server.url}/api/widget/v1"
    token = (await client.post(f"{api}/sites/{key}/session", json={})).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    conversation = (await client.post(f"{api}/conversations", json={}, headers=headers)).json()["id"]
    url = f"{api}/conversations/{conversation}/events"
    async with client.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200
        yield "open"
        async for line in response.aiter_lines():
            yield line


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_stopping_server_sends_everybody_away_and_ends_quietly(
    server: Server, name: signal.Signals
) -> None:
    assert server.process is not None
    async with httpx.AsyncClient(timeout=30) as client:
        stream = open_stream(server, client)
        assert await anext(stream) == "open"
        assert (await client.get(f"{server.url}/healthz")).status_code == 200

        started = time.monotonic()
        server.process.send_signal(name)
        lines = [line async for line in stream]
        stopping = await client.get(f"{server.url}/healthz")
        status = await server.process.wait()

    assert "event: reconnect" in lines
    assert stopping.status_code == 503
    assert status == 0
    assert time.monotonic() - started < STOP_SECONDS
    assert "Traceback" not in server.log
    assert "Exception" not in server.log
    assert "error" not in server.log


async def test_a_second_ctrl_c_ends_it_at_once(server: Server) -> None:
    assert server.process is not None
    async with httpx.AsyncClient(timeout=30) as client:
        stream = open_stream(server, client)
        assert await anext(stream) == "open"
        server.process.send_signal(signal.SIGINT)
        assert "event: reconnect" in [line async for line in stream]  # the first one has arrived
        server.process.send_signal(signal.SIGINT)
        assert await server.process.wait() == 130
    assert "Traceback" not in server.log


async def test_ctrl_c_while_starting_ends_it_and_costs_no_index(tmp_path: Path) -> None:
    async with running(tmp_path):
        pass  # the first start made the vector index, so the second one checks it in a child
    with (tmp_path / "second.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "minidesk", "serve", "--port", "0"),
            cwd=tmp_path,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    await until(lambda: children(process.pid, "minidesk.knowledge.index"))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to everybody in the foreground
    async with asyncio.timeout(STOP_SECONDS):
        assert await process.wait() == 0
    said = (tmp_path / "second.log").read_text()
    assert "Traceback" not in said
    assert "damaged" not in said
    assert not list((tmp_path / "data").glob("chroma.damaged-*"))


async def test_the_child_of_a_killed_server_ends_by_itself(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "returns.md"
    file.write_text("# Returns\n\nGoods can be sent back within 30 days.\n")
    ingest = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "minidesk", "ingest", str(file)), cwd=tmp_path
    )
    await until(lambda: children(pid_of(server), "--parent-pipe"))
    (child,) = children(pid_of(server), "--parent-pipe")
    await ingest.wait()

    await server.kill()

    await until(lambda: not Path(f"/proc/{child}").exists(), STOP_SECONDS)
