"""Transactions: what is committed, what is rolled back, and what a second writer sees."""

import asyncio
import resource
import secrets
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import delete, event, func, select, text, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from tests.conftest import FakeClock
from tests.helpers.threads import sqlite_threads_end

from minidesk.db import Database
from minidesk.db.models import KeyValue, Site, new_id
from minidesk.errors import DatabaseBusy, StorageFull, Unavailable

SOON = 60  # seconds; a test that waits this long has failed


def _fact(key: str, clock: FakeClock) -> KeyValue:
    return KeyValue(key=key, value={"n": 1}, updated_at=clock())


async def _count(db: Database) -> int:
    async with db.read() as tx:
        return await tx.scalar(select(func.count()).select_from(KeyValue)) or 0


async def test_callbacks_run_after_the_commit_and_vanish_on_rollback(db: Database, clock: FakeClock) -> None:
    told: list[str] = []
    async with db.write() as tx:
        tx.add(_fact("kept", clock))
        tx.after_commit(lambda: told.append("kept"))
        assert told == []

    async def fail() -> None:
        async with db.write() as tx:
            tx.add(_fact("lost", clock))
            tx.after_commit(lambda: told.append("lost"))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        await fail()
    assert told == ["kept"]
    assert await _count(db) == 1


@pytest.mark.parametrize("how", ["read", "write"])
async def test_who_is_cancelled_at_the_end_of_a_transaction_leaves_no_traceback(
    db: Database, clock: FakeClock, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """A visitor who left, or a server that was stopped while it started, looked like a fault of the database."""
    ending = asyncio.Event()
    if how == "write":  # it is committed, and its connection is on the way back to the pool
        event.listen(db.engine.sync_engine, "reset", lambda *_: ending.set())

    async def work() -> None:
        async with db.read() if how == "read" else db.write() as tx:
            await tx.scalar(select(func.count()).select_from(KeyValue))
            if how == "write":
                tx.add(_fact("kept", clock))
            else:
                ending.set()

    task = asyncio.create_task(work())
    await ending.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "Traceback" not in caplog.text
    assert "Exception during reset" not in caplog.text
    assert await _count(db) == (how == "write")
    async with db.write() as tx:  # nobody holds the turn
        tx.add(_fact("next", clock))


async def test_a_reader_sees_one_state_throughout(db: Database, clock: FakeClock) -> None:
    async with db.read() as tx:
        before = await tx.scalar(select(func.count()).select_from(KeyValue))
        async with db.write() as other:
            other.add(_fact("late", clock))
        assert await tx.scalar(select(func.count()).select_from(KeyValue)) == before == 0
        # Nor can it write: what it saw may be old.
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await tx.execute(delete(KeyValue))
    assert await _count(db) == 1


async def test_parallel_read_modify_write_loses_no_update(db: Database, clock: FakeClock) -> None:
    site = new_id("sit")
    async with db.write() as tx:
        tx.add(Site(id=site, key="pk", name="Shop", created_at=clock()))

    async def raise_by_one() -> None:
        async with db.write() as tx:
            row = await tx.scalar(select(Site).where(Site.id == site).with_for_update())
            assert row is not None
            row.ticket_count += 1

    await asyncio.gather(*(raise_by_one() for _ in range(20)))
    async with db.read() as tx:
        assert await tx.scalar(select(Site.ticket_count)) == 20


async def test_a_broken_constraint_comes_through_as_itself(db: Database, clock: FakeClock) -> None:
    async def write_twice() -> None:
        async with db.write() as tx:
            tx.add_all([_fact("same", clock), _fact("other", clock)])
            await tx.flush()
            tx.expunge_all()
            tx.add(_fact("same", clock))

    with pytest.raises(IntegrityError) as caught:
        await write_twice()
    assert await _count(db) == 0
    assert "INSERT INTO key_values" in str(caught.value)
    assert '"n"' not in str(caught.value)  # what was to be written stays out of the logs


async def test_times_come_back_in_utc_and_naive_ones_are_refused(db: Database, clock: FakeClock) -> None:
    noon_in_india = datetime(2026, 5, 1, 12, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    async with db.write() as tx:
        tx.add(KeyValue(key="t", value={}, updated_at=noon_in_india))
    async with db.read() as tx:
        assert await tx.scalar(select(KeyValue.updated_at)) == datetime(2026, 5, 1, 6, 30, tzinfo=UTC)
    with pytest.raises(StatementError, match="without a zone"):
        async with db.write() as tx:
            tx.add(KeyValue(key="n", value={}, updated_at=datetime(2026, 5, 1)))  # noqa: DTZ001 (the naive time is the point)


async def test_sqlite_is_durable_and_a_writer_that_waits_too_long_is_told_to_come_back(
    sqlite_only: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidesk.db.session.BUSY_SECONDS", 0)
    db = Database(f"sqlite+aiosqlite:///{sqlite_only}")
    async with db.write() as tx:
        connection = await tx.connection()
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == 2  # FULL
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar() == 1
    other = sqlite3.connect(sqlite_only, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy) as refused:
        async with db.write() as tx:
            tx.add(_fact("late", clock))
    assert refused.value.retry_after == 1
    other.execute("ROLLBACK")
    async with db.write() as tx:
        tx.add(_fact("late", clock))
    assert await _count(db) == 1
    other.close()
    await db.close()


async def test_all_writers_behind_a_foreign_lock_are_told_within_one_wait(
    sqlite_only: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = Database(f"sqlite+aiosqlite:///{sqlite_only}")
    monkeypatch.setattr("minidesk.db.session.BUSY_SECONDS", 0.4)
    other = sqlite3.connect(sqlite_only, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def late(n: int) -> None:
        async with db.write() as tx:
            tx.add(_fact(f"late-{n}", clock))

    loop = asyncio.get_running_loop()
    since = loop.time()
    refused = await asyncio.gather(*(late(n) for n in range(8)), return_exceptions=True)
    assert {type(error) for error in refused} == {DatabaseBusy}
    assert loop.time() - since < 1.6  # one after another they took 3.2
    other.execute("ROLLBACK")
    other.close()
    # Nobody's shorter wait is left behind on a connection.
    async with db.write() as tx:
        connection = await tx.connection()
        assert (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar() == 400
    await db.close()


async def test_a_writer_waits_no_longer_than_that_for_another_of_its_own_process(
    sqlite_only: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minidesk.db.session.BUSY_SECONDS", 0.05)
    db = Database(f"sqlite+aiosqlite:///{sqlite_only}")

    async def write(key: str) -> None:
        async with db.write() as tx:
            tx.add(_fact(key, clock))

    async with asyncio.timeout(SOON), db.write() as tx:
        tx.add(_fact("first", clock))
        with pytest.raises(DatabaseBusy):
            await write("second")
    await write("third")
    assert await _count(db) == 2
    await db.close()


async def test_a_disk_that_fails_is_our_error_and_nothing_is_half_written(
    sqlite_only: Path, clock: FakeClock
) -> None:
    db = Database(f"sqlite+aiosqlite:///{sqlite_only}")
    async with db.write() as tx:
        tx.add(_fact("before", clock))
    log = sqlite_only.with_name("only.db-wal")

    async def write() -> None:
        async with db.write() as tx:
            tx.add(KeyValue(key="large", value={"text": "x" * 300_000}, updated_at=clock()))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 50_000, hard))
    try:
        with pytest.raises(Unavailable):  # "disk I/O error"
            await write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await _count(db) == 1
    await write()
    assert await _count(db) == 2
    await db.close()


async def test_a_file_that_cannot_be_opened_is_our_error(tmp_path: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///{tmp_path}/nowhere/minidesk.db")
    with pytest.raises(Unavailable):
        async with db.read() as tx:
            await tx.execute(text("SELECT 1"))
    with pytest.raises(Unavailable):
        async with db.write() as tx:
            await tx.execute(text("SELECT 1"))
    with pytest.raises(Unavailable):
        await db.read_at_once(lambda connection: connection.execute(text("SELECT 1")))
    await db.close()
    await sqlite_threads_end()


async def test_a_mistake_of_ours_comes_through_as_itself(db: Database, clock: FakeClock) -> None:
    async def run(statement: str) -> None:
        async with db.write() as tx:
            await tx.execute(text(statement))

    with pytest.raises(DBAPIError):
        await run("SELECT 1 FROM no_such_table")

    async def write_twice() -> None:
        for _ in range(2):
            async with db.write() as tx:
                tx.add(_fact("busy, locked, full disk", clock))

    with pytest.raises(IntegrityError):  # PostgreSQL names the value in its text
        await write_twice()


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_number_that_the_driver_refuses_comes_through_as_itself(db: Database) -> None:
    with pytest.raises(DBAPIError):
        async with db.write() as tx:
            await tx.execute(update(Site).values(ticket_count=1 << 40))


@asynccontextmanager
async def _as_guest(db: Database) -> AsyncIterator[tuple[Database, str]]:
    """The same database through a role that may have two connections at once; the role's name."""
    name = f"guest_{secrets.token_hex(4)}"
    async with db.write() as tx:
        await tx.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'guest' CONNECTION LIMIT 2"))
        await tx.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}"))
    url = make_url(db.url).set(username=name, password="guest")
    guest = Database(url.render_as_string(hide_password=False))
    try:
        yield guest, name
    finally:
        await guest.close()
        async with db.write() as tx:
            await tx.execute(text(f"DROP OWNED BY {name}"))
            await tx.execute(text(f"DROP ROLE {name}"))


async def _ask(db: Database) -> None:
    async with db.read() as tx:
        await tx.execute(text("SELECT 1"))


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_a_server_that_takes_no_more_or_hangs_up_is_our_error(db: Database, clock: FakeClock) -> None:
    async with _as_guest(db) as (guest, name):
        held = [await guest.engine.connect() for _ in range(2)]
        with pytest.raises(Unavailable):  # too many connections
            await _ask(guest)
        for connection in held:
            await connection.close()
        await _ask(guest)

        async def cut() -> None:
            async with guest.write() as tx:
                await tx.execute(text("SELECT 1"))
                async with db.write() as other:
                    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :name"
                    await other.execute(text(query), {"name": name})
                tx.add(_fact("lost", clock))

        with pytest.raises(Unavailable):
            await cut()
        await _ask(guest)
        assert await _count(db) == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_who_waits_in_vain_for_a_connection_is_told_to_come_back(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db.engine.pool, "_timeout", 0.05)
    held = [await db.engine.connect() for _ in range(20)]
    with pytest.raises(DatabaseBusy):
        await _ask(db)
    for connection in held:
        await connection.close()
    await _ask(db)


@pytest.mark.postgres
@pytest.mark.parametrize("database_kind", ["postgres"], indirect=True)
async def test_of_two_that_wait_for_each_other_one_is_told_to_come_back(
    db: Database, clock: FakeClock
) -> None:
    async with db.write() as tx:
        tx.add_all([_fact("a", clock), _fact("b", clock)])
    both = asyncio.Barrier(2)

    async def take(first: str, second: str) -> None:
        async with db.write() as tx:
            await tx.execute(text("SET LOCAL deadlock_timeout = '20ms'"))
            await tx.execute(update(KeyValue).where(KeyValue.key == first).values(value={}))
            await both.wait()
            await tx.execute(update(KeyValue).where(KeyValue.key == second).values(value={}))

    async with asyncio.timeout(SOON):
        ended = await asyncio.gather(take("a", "b"), take("b", "a"), return_exceptions=True)
    assert DatabaseBusy in {type(error) for error in ended}
    assert {type(error) for error in ended} <= {DatabaseBusy, type(None)}


@pytest.mark.parametrize(
    ("problem", "ours"),
    [
        (socket.gaierror(-2, "Name or service not known"), Unavailable),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), Unavailable),
        (OSError(24, "Too many open files"), Unavailable),
        (OSError(28, "No space left on device"), StorageFull),
    ],
)
async def test_whatever_keeps_us_from_connecting_is_our_error(
    problem: OSError, ours: type[Unavailable], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise problem

    monkeypatch.setattr("asyncpg.connect", fail)
    db = Database("postgresql+asyncpg://a:b@database.invalid/minidesk")
    with pytest.raises(ours):
        await _ask(db)
    with pytest.raises(ours):
        async with db.write() as tx:
            await tx.execute(text("SELECT 1"))
    await db.close()
