"""Transactions: what is committed, what is rolled back, and what a second writer sees."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.db.models import KeyValue, Site, new_id
from minidesk.errors import DatabaseBusy


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

    with pytest.raises(IntegrityError):
        await write_twice()
    assert await _count(db) == 0


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
