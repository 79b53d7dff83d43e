"""SQLite for asyncio with one change of threads a statement.

SQLAlchemy's adapter of aiosqlite goes to the connection's thread four times for a SELECT: to make a cursor, to execute,
to fetch and to close. Each time costs as much as a small statement, and under load a turn of the event loop: a page of
the console has thirty statements. Here all four are done in one visit.
"""

import sqlite3
from collections import deque
from typing import Any

from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection, AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.util.concurrency import await_


class _Cursor:
    """What SQLAlchemy asks of a cursor; everything is fetched when `execute` comes back."""

    server_side = False
    _awaitable_cursor_close = False

    def __init__(self, adapted: "_Connection") -> None:
        self._adapted = adapted
        self._rows: deque[Any] = deque()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    def execute(self, operation: str, parameters: Any = None) -> None:
        """Run one statement and take all its rows."""
        self._run("execute", operation, () if parameters is None else parameters)

    def executemany(self, operation: str, parameters: Any) -> None:
        """Run one statement with many rows of values."""
        self._run("executemany", operation, parameters)

    def _run(self, how: str, operation: str, parameters: Any) -> None:
        connection = self._adapted._connection

        def visit() -> tuple[Any, int, int | None, list[Any]]:
            cursor: sqlite3.Cursor = connection._conn.cursor()
            try:
                getattr(cursor, how)(operation, parameters)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                cursor.close()

        try:
            found = await_(self._adapted._visit(visit))
        except Exception as error:  # handed on: SQLAlchemy knows a closed connection by it
            self._adapted._handle_exception(error)
        self.description, self.rowcount, self.lastrowid, rows = found
        self._rows = deque(rows)

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next rows."""
        return [self._rows.popleft() for _ in range(min(size or self.arraysize, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        """All that are left."""
        rows, self._rows = list(self._rows), deque()
        return rows

    def setinputsizes(self, *sizes: Any) -> None:
        """SQLite has no use for it."""

    async def _async_soft_close(self) -> None:
        """There is nothing left to close."""

    def close(self) -> None:
        """Forget what was not fetched."""
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    def cursor(self, server_side: bool = False) -> Any:
        """A cursor that takes all rows at once, unless they are to come piece by piece."""
        return super().cursor(server_side=True) if server_side else _Cursor(self)

    async def _visit(self, work: Any) -> Any:
        # A cancelled statement still runs in the thread: whoever comes next waits for it, as with the adapter's own.
        async with self._execute_mutex:
            return await self._connection._execute(work)


class OneHop(AsyncAdapt_aiosqlite_dbapi):
    """The module that `create_async_engine(…, module=…)` takes in place of aiosqlite's adapter."""

    def connect(self, *args: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:
        """Open a connection in a thread of its own."""
        plain = super().connect(*args, **options)
        return _Connection(self, plain._connection)
