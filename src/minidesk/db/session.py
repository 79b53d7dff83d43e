"""Transactions: one door for reading, one for writing, and what runs after a commit.

SQLite: WAL, `synchronous=FULL`, and every writing transaction is `BEGIN IMMEDIATE`. A deferred transaction
that reads and then writes fails at once with "database is locked", whatever the busy time-out (F3).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from minidesk.errors import DatabaseBusy, StorageFull, Unavailable

# Writers queue this long before they are told to come back (F3).
BUSY_SECONDS = 5


class Tx(AsyncSession):
    """A session inside exactly one transaction; callbacks given to `after_commit` run only if it commits."""

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Run `callback` once the rows are durable. It is dropped on rollback, so that nobody is told of a row that is not there."""
        self.info.setdefault("after_commit", []).append(callback)


class Database:
    """Opens transactions on SQLite or PostgreSQL.

    `read()` gives a snapshot that cannot write; `write()` commits when its block ends and then runs the
    after-commit callbacks. Never await anything but the session inside a `write()` block: on SQLite every
    other writer waits for it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        if self.is_sqlite:
            self._writer: AsyncEngine = _sqlite_engine(url, writes=True)
            self._reader: AsyncEngine = _sqlite_engine(url, writes=False)
        else:
            self._writer = create_async_engine(url, pool_size=10, max_overflow=10, pool_pre_ping=True)
            # The same pool. PostgreSQL's default shows each statement another state, and two of one reader that do
            # not fit: a revision, and rows that are newer than it.
            self._reader = self._writer.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        # One process's writers wait here, woken in turn, rather than in SQLite's sleeping busy handler.
        self._turn = asyncio.Lock() if self.is_sqlite else None

    @property
    def engine(self) -> AsyncEngine:
        """The writing engine, for migrations and doctor."""
        return self._writer

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A transaction that reads. Raises `Unavailable` when the database cannot be reached."""
        async with Tx(self._reader, expire_on_commit=False) as tx:
            with _translated():
                yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Tx]:
        """A transaction that writes, committed at the end of the block.

        Raises `DatabaseBusy`, `StorageFull` or `Unavailable`; a constraint that is broken comes through as
        SQLAlchemy's IntegrityError, because only the caller knows what it means.
        """
        if self._turn is None:
            async with self._transaction() as tx:
                yield tx
        else:
            async with self._turn, self._transaction() as tx:
                yield tx
        for callback in tx.info.get("after_commit", ()):
            callback()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Tx]:
        async with Tx(self._writer, expire_on_commit=False) as tx:
            with _translated():
                async with tx.begin():
                    yield tx

    async def close(self) -> None:
        """Give all connections back."""
        await self._writer.dispose()
        if self.is_sqlite:
            await self._reader.dispose()


def _sqlite_engine(url: str, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=2 if writes else 8, max_overflow=4, connect_args={"timeout": BUSY_SECONDS}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # The driver must not open transactions by itself, or BEGIN IMMEDIATE below comes too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if not writes:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


@contextmanager
def _translated() -> Iterator[None]:
    """Our error for a database that is busy, full or gone; the driver's own for everything else."""
    try:
        yield
    except DBAPIError as error:
        original, text = error.orig, str(error.orig).lower()
        if "locked" in text or "busy" in text:
            raise DatabaseBusy(retry_after=1) from error
        if "full" in text and ("disk" in text or "database" in text):
            raise StorageFull from error
        if error.connection_invalidated or isinstance(original, ConnectionError):
            raise Unavailable(retry_after=2) from error
        raise
    except (ConnectionError, TimeoutError) as error:
        raise Unavailable(retry_after=2) from error
