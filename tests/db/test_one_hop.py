"""The adapter for SQLite: one change of threads a statement, and the errors and rows of the driver."""

from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError

from minidesk.db import Database


async def test_a_statement_changes_threads_once(sqlite_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db, visits = Database(f"sqlite+aiosqlite:///{sqlite_only}"), []
    plain: Any = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, work: Any, *args: Any, **more: Any) -> Any:
        visits.append(work)
        return await plain(self, work, *args, **more)

    async with db.write() as tx:
        await tx.execute(text("CREATE TABLE numbers (n INTEGER PRIMARY KEY)"))
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        await tx.execute(text("INSERT INTO numbers VALUES (:n)"), [{"n": n} for n in range(2000)])
        rows = (await tx.execute(text("SELECT n FROM numbers ORDER BY n"))).all()
        assert len(visits) == 2
        assert [row.n for row in rows] == list(range(2000))
        gone = await tx.execute(text("DELETE FROM numbers WHERE n < 10 RETURNING n"))
        assert (gone.fetchmany(3), len(gone.all())) == ([(0,), (1,), (2,)], 7)
        with pytest.raises(IntegrityError):
            await tx.execute(text("INSERT INTO numbers VALUES (11)"))
        with pytest.raises(OperationalError, match="no such table"):
            await tx.execute(text("SELECT 1 FROM nowhere"))
        streamed = await (await tx.connection()).stream(text("SELECT n FROM numbers ORDER BY n LIMIT 3"))
        assert [row.n async for row in streamed] == [10, 11, 12]
    async with db.read() as tx:
        assert await tx.scalar(text("SELECT count(*) FROM numbers")) == 1990
    await db.close()
