"""kill -9 in the middle of `minidesk ingest`, and a Chroma folder that was lost: nothing else is lost with them."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from tests.helpers.commands import environment, minidesk
from tests.helpers.server import running

SEED = int(os.environ.get("MINIDESK_PROVE_SEED", "1"))
DOCUMENTS = 72  # small files are done 32 at a time: three groups leave a middle to be killed in
PARAGRAPHS = 4
WORDS = ("shipping", "a boot", "the tent", "a guarantee", "cold weather", "our shop", "a voucher", "repair")


def write(folder: Path, version: int) -> None:
    """A shop whose every page names its version in every paragraph."""
    folder.mkdir(exist_ok=True)
    for n in range(DOCUMENTS):
        text = "\n\n".join(
            f"## Part {m}\n\nArticle {n * 37 + m} costs {100 + version} euros in list {version} and {WORDS[(n + m) % 8]} helps."
            for m in range(PARAGRAPHS)
        )
        (folder / f"page{n:02}.md").write_text(f"# Page {n}\n\n{text}\n")


def answering(data: Path) -> list[tuple[str, set[int], int]]:
    """Of each document what its passages say now: which versions, and how many passages."""
    with closing(sqlite3.connect(data / "minidesk.db", timeout=10)) as connection:
        found: dict[str, tuple[set[int], int]] = {}
        for name, text in connection.execute(
            "SELECT d.external_id, c.text FROM documents d LEFT JOIN chunks c ON c.version_id = d.current_version_id"
        ):
            versions, count = found.get(name, (set(), 0))
            said = {int(word) for before, word in _pairs(text or "") if before == "list"}
            found[name] = versions | said, count + (text is not None)
    return [(name, versions, count) for name, (versions, count) in found.items()]


def _pairs(text: str) -> list[tuple[str, str]]:
    words = text.split()
    return list(pairwise(words))


def check(data: Path, old: int, new: int) -> int:
    """Every document answers as a whole, in the old version or the new one; how many are new."""
    found = answering(data)
    assert len(found) == DOCUMENTS
    for name, versions, count in found:
        assert count > 0, f"{name} says nothing"
        assert versions in ({old}, {new}), f"{name} mixes {versions}"
    return sum(new in versions for _, versions, _ in found)


def kill_in_the_middle(folder: Path, data: Path, version: int, chance: random.Random) -> int:
    """Ingest `version`, and kill the whole group once some documents are new; how many were in the end."""
    write(folder, version)
    process = subprocess.Popen(
        [sys.executable, "-m", "minidesk", "ingest", str(folder)],
        env=environment(data),
        cwd=data.parent,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # the parsing child dies with it
    )
    wanted, late = chance.randint(0, DOCUMENTS - 1), chance.uniform(0, 0.1)
    deadline: float | None = None
    try:
        while process.poll() is None and (deadline is None or time.monotonic() < deadline):
            with closing(sqlite3.connect(data / "minidesk.db", timeout=10)) as connection:
                (queued,) = connection.execute("SELECT count(*) FROM jobs WHERE kind = 'ingest'").fetchone()
            fresh = check(data, version - 1, version)
            if deadline is None and fresh >= wanted and (queued or fresh):
                deadline = time.monotonic() + late
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return check(data, version - 1, version)


def rounds(tmp_path: Path, count: int, seed: int) -> list[int]:
    """Kill `count` times, look at everything after each, and give how far each had come."""
    chance = random.Random(seed)
    folder, data = tmp_path / "files", tmp_path / "data"
    write(folder, 0)
    assert minidesk(data, "ingest", str(folder)).returncode == 0
    reached = []
    for version in range(1, count + 1):
        reached.append(kill_in_the_middle(folder, data, version, chance))
        looked = minidesk(data, "doctor")
        assert looked.returncode == 0, f"seed {seed}, round {version}: {looked.stdout}{looked.stderr}"
        if (
            reached[-1] < DOCUMENTS
        ):  # what the killed one had accepted is finished by the next, without a wait
            started = time.monotonic()
            assert minidesk(data, "ingest", str(folder)).returncode == 0
            assert time.monotonic() - started < 25, "it waited for the dead one's leases"
        assert check(data, version - 1, version) == DOCUMENTS
    return reached


@pytest.mark.timeout(180)
def test_killed_three_times(tmp_path: Path) -> None:
    assert min(rounds(tmp_path, 3, seed=1)) < DOCUMENTS


@pytest.mark.prove
@pytest.mark.timeout(3600)
def test_killed_a_hundred_times(tmp_path: Path) -> None:
    assert min(rounds(tmp_path, 100, SEED)) < DOCUMENTS


@pytest.mark.timeout(180)
async def test_a_server_starts_without_its_vectors(tmp_path: Path) -> None:
    """Missing, cut short or garbled: it answers at once, by words, and the vectors come back by themselves."""
    folder, data = tmp_path / "files", tmp_path / "data"
    folder.mkdir()
    (folder / "moon.md").write_text("# Moon shop\n\nThe shop on the moon opens at five in the morning.\n")
    assert (await asyncio.to_thread(minidesk, data, "ingest", str(folder))).returncode == 0
    with closing(sqlite3.connect(data / "minidesk.db")) as connection:
        (key,) = connection.execute("SELECT key FROM sites").fetchone()
    chance = random.Random(SEED)
    for n, damage in enumerate(("missing", "cut short", "garbled"), 1):
        for file in [one for one in (data / "chroma").rglob("*") if one.is_file()]:
            if damage == "cut short":
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
            elif damage == "garbled":
                file.write_bytes(chance.randbytes(file.stat().st_size))
        async with running(tmp_path) as server:
            assert "five in the morning" in await ask(server.url, key)
            async with asyncio.timeout(60):
                # The follower works by itself; its line in the log is all there is to see.
                while server.log.count("vector index built from the database") < n:  # noqa: ASYNC110 (see above)
                    await asyncio.sleep(0.1)
        assert server.log.count("the vector index was damaged") == n - 1  # a missing folder is no damage
        assert "Traceback" not in server.log
        assert len(list(data.glob("chroma.damaged-*"))) == min(1, n - 1)
    looked = await asyncio.to_thread(minidesk, data, "doctor")
    assert looked.returncode == 0
    assert "built" not in looked.stdout  # the last server had brought everything up to date


async def ask(url: str, key: str) -> str:
    """A visitor's question, and the text of its answer."""
    async with httpx.AsyncClient(base_url=f"{url}/api/widget/v1", trust_env=False, timeout=30) as client:
        token = (await client.post(f"/sites/{key}/session", json={})).json()["token"]
        client.headers["Authorization"] = f"Bearer {token}"
        conversation = (await client.post("/conversations", json={})).json()["id"]
        body = {"client_id": "c-00000001", "text": "When does the shop on the moon open?"}
        assert (await client.post(f"/conversations/{conversation}/messages", json=body)).status_code == 202
        text = ""
        async with (
            asyncio.timeout(30),
            client.stream("GET", f"/conversations/{conversation}/events") as events,
        ):
            async for line in events.aiter_lines():
                text += line
                if line == "event: answer.done":
                    return text
    raise AssertionError(f"no answer: {text}")
