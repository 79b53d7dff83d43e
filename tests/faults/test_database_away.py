"""A database that goes away under a running server, and comes back: 503 meanwhile, and everything goes on afterwards."""

import asyncio
import secrets
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from sqlalchemy import event, select, text
from sqlalchemy.engine import make_url
from tests.conftest import FakeClock
from tests.helpers.server import Server, running
from tests.helpers.threads import sqlite_threads_end

from minidesk.conversations import Attachments, Conversations
from minidesk.db import Database
from minidesk.db.models import Message, Site
from minidesk.errors import Unavailable
from minidesk.files import FileStore
from minidesk.jobs import JobQueue, Worker
from minidesk.live import EventLog, Hub
from minidesk.tickets import Tending, Tickets
from minidesk.web.visitor_api import Streams
from minidesk.wiring.child import _stop_when_idle, supervise_child

# F28: this soon after the database is back, requests are welcome again. Doubled for a machine with other work.
BACK_SECONDS = 10
SOON = 60  # seconds; a test that waits this long has failed


class Door:
    """The way of one server to its database, which can be shut without disturbing other tests."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.role = f"guest_{secrets.token_hex(4)}"
        url = make_url(db.url).set(username=self.role, password="guest")
        self.url = url.render_as_string(hide_password=False)

    async def make(self) -> None:
        """A role that may do what the owner of the tables may."""
        await self._run(f"CREATE ROLE {self.role} LOGIN PASSWORD 'guest'")
        await self._run(f"GRANT {make_url(self._db.url).username} TO {self.role}")

    async def shut(self) -> None:
        """Hang up on everybody, and take nobody new."""
        await self._run(f"ALTER ROLE {self.role} CONNECTION LIMIT 0")
        await self._run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.role}'"
        )

    async def open(self) -> None:
        """Take connections again."""
        await self._run(f"ALTER ROLE {self.role} CONNECTION LIMIT -1")

    async def drop(self) -> None:
        """Forget the role."""
        await self._run(f"DROP ROLE {self.role}")

    async def _run(self, statement: str) -> None:
        async with self._db.write() as tx:
            await tx.execute(text(statement))


@asynccontextmanager
async def _served(db: Database, folder: Path) -> AsyncIterator[tuple[Server, Door]]:
    door = Door(db)
    await door.make()
    try:
        async with running(folder, MINIDESK_DATABASE_URL=door.url) as server:
            yield server, door
    finally:
        await door.drop()


async def _until(true: Callable[[], Awaitable[object]], seconds: float = SOON) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 (another process does it: nothing in here can wake us)
            await asyncio.sleep(0.05)


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_server_outlives_its_database(db: Database, tmp_path: Path) -> None:
    async with _served(db, tmp_path) as (server, door), httpx.AsyncClient(timeout=30) as client:
        async with db.read() as tx:
            key = (await tx.scalars(select(Site.key))).one()
        api = f"{server.url}/api/widget/v1"
        token = (await client.post(f"{api}/sites/{key}/session", json={})).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        conversation = (await client.post(f"{api}/conversations", json={}, headers=headers)).json()["id"]

        async def say(words: str) -> httpx.Response:
            body = {"client_id": secrets.token_hex(8), "text": words}
            url = f"{api}/conversations/{conversation}/messages"
            return await client.post(url, json=body, headers=headers)

        async def ready() -> bool:
            return (await client.get(f"{server.url}/readyz")).status_code == 200

        assert await ready()
        await door.shut()
        refused = [await say(f"away {n}") for n in range(4)]
        assert {one.status_code for one in refused} == {503}
        assert {one.json()["error"]["code"] for one in refused} == {"unavailable"}
        assert not await ready()

        async def all_have_met_it() -> bool:
            said = server.log
            return "cannot claim jobs" in said and "work in the background" in said and "indexes" in said

        await _until(all_have_met_it)
        await door.open()
        await _until(ready, BACK_SECONDS)

        # The replies are written, and the child is started for what waits for it.
        assert (await say("Can I send the boots back?")).status_code == 202

        async def answered() -> bool:
            async with db.read() as tx:
                found = await tx.scalars(select(Message.outcome).where(Message.author == "assistant"))
                return any(outcome is not None for outcome in found)

        await _until(answered)
        file = tmp_path / "returns.md"
        file.write_text("# Returns\n\nGoods can be sent back within 30 days.\n")
        ingest = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "minidesk", "ingest", str(file)),
            cwd=tmp_path,
            env={"PATH": "", "MINIDESK_DATABASE_URL": door.url, "MINIDESK_DATA_DIR": str(tmp_path / "data")},
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(SOON):
            printed, _ = await ingest.communicate()
        assert printed.decode().startswith("ready ")
        assert "Traceback" not in server.log
        assert "the loop" not in server.log


async def test_a_loop_that_ends_is_named_and_comes_back(tmp_path: Path) -> None:
    async with running(tmp_path) as server, httpx.AsyncClient(timeout=30) as client:

        async def parts() -> tuple[int, dict[str, str]]:
            answer = await client.get(f"{server.url}/readyz")
            return answer.status_code, answer.json()["parts"]

        def rename(old: str, new: str) -> None:
            with closing(sqlite3.connect(tmp_path / "data" / "minidesk.db", timeout=30)) as rows:
                rows.execute(f"ALTER TABLE {old} RENAME TO {new}")

        assert await parts() == (200, {"database": "ok"})
        # Nothing that a database does when it is away: whoever looks for work meets an error that is nobody's.
        await asyncio.to_thread(rename, "jobs", "jobs_away")

        async def down() -> bool:
            return await parts() == (503, {"database": "ok", "background": "failing"})

        await _until(down)
        await asyncio.to_thread(rename, "jobs_away", "jobs")

        async def well() -> bool:
            return await parts() == (200, {"database": "ok"})

        await _until(well)
        assert "the loop 'background' ended" in server.log


class Nowhere:
    """A database whose folder is not there, and everything that looks into it again and again."""

    def __init__(self, folder: Path, clock: FakeClock, stop: asyncio.Event) -> None:
        self.db = Database(f"sqlite+aiosqlite:///{folder}/nowhere/minidesk.db")
        self.stop = stop
        self.tried = 0
        self.thrice = asyncio.Event()
        for engine in (self.db._writer, self.db._reader):
            event.listen(engine.sync_engine, "do_connect", self._count)
        hub = Hub()
        jobs = JobQueue(hub, clock)
        events = EventLog(hub, clock)
        conversations = Conversations(events, jobs, clock)
        core: Any = SimpleNamespace(db=self.db, hub=hub, jobs=jobs, settings=None)
        tending = Tending(self.db, Tickets(events, conversations, clock), lambda locale: locale or "", clock)
        attachments = Attachments(self.db, FileStore(folder), clock, max_bytes=1, max_pixels=1)
        streams = Streams(self.db, hub, stop, 5)
        worker = Worker(
            self.db, jobs, hub, queue="reply", owner="w", handlers={}, poll_s=0.001
        )  # fmt: skip
        self.loops: dict[str, Callable[[], Awaitable[None]]] = {
            "tickets": lambda: tending.run(stop),
            "attachments": lambda: attachments.run(stop),
            "streams": lambda: _with_one_open(streams),
            "replies": lambda: worker.run(stop),
            "background": lambda: supervise_child(core, stop),
        }

    def _count(self, *_: object) -> None:
        self.tried += 1
        if self.tried == 3:
            self.thrice.set()


async def _with_one_open(streams: Streams) -> None:
    async with streams.open("vis_1", "cnv_1"):
        await streams.run()


@pytest.mark.parametrize("name", ["tickets", "attachments", "streams", "replies", "background"])
async def test_whoever_looks_again_and_again_bears_a_database_that_is_away(
    name: str, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidesk.tickets.tending.LOOK_SECONDS", 0.001)
    monkeypatch.setattr("minidesk.conversations.attachments.SWEEP_SECONDS", 0.001)
    monkeypatch.setattr("minidesk.web.visitor_api.streams.POLL_SECONDS", 0.001)
    monkeypatch.setattr("minidesk.wiring.child.LOOK_FOR_WORK_SECONDS", 0.001)
    stop = asyncio.Event()
    nowhere = Nowhere(tmp_path, clock, stop)
    loop = asyncio.ensure_future(nowhere.loops[name]())
    async with asyncio.timeout(SOON):
        await asyncio.wait(
            {loop, waiting := asyncio.ensure_future(nowhere.thrice.wait())},
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert not loop.done()
        stop.set()
        await loop
    waiting.cancel()
    await nowhere.db.close()
    await sqlite_threads_end()


async def test_a_child_that_cannot_look_for_more_work_waits_until_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("minidesk.wiring.child.LOOK_FOR_WORK_SECONDS", 0.001)
    monkeypatch.setattr("minidesk.wiring.child.IDLE_SECONDS", 0.002)
    looked: list[str] = []

    async def is_unfinished(_db: object, queue: str) -> bool:
        looked.append(queue)
        if len(looked) < 4:
            raise Unavailable
        return False

    core: Any = SimpleNamespace(db=None, jobs=SimpleNamespace(is_unfinished=is_unfinished))
    stop = asyncio.Event()
    async with asyncio.timeout(SOON):
        await _stop_when_idle(core, stop)
    assert stop.is_set()
    assert len(looked) > 4
