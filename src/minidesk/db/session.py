"""Transactions: one door for reading, one for writing, and what runs after a commit.

SQLite: WAL, `synchronous=FULL`, and every writing transaction is `BEGIN IMMEDIATE`. A deferred transaction
that reads and then writes fails at once with "database is locked", whatever the busy time-out (F3).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from minidesk.db.one_hop import OneHop
from minidesk.errors import DatabaseBusy, StorageFull, Unavailable

# Writers queue this long before they are told to come back (F3).
BUSY_SECONDS = 5
# Of a connection of `read_at_once`: a quarter off the time of a search's statements at 20,000 passages.
DIRECT_CACHE_KIB = 8_000

T = TypeVar("T")


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
            self._direct: Engine | None = _sqlite_direct(url)
        else:
            self._direct = None
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

    async def read_at_once(self, work: Callable[[Connection], T]) -> T:
        """`work`'s result, its statements run one after another in one transaction that reads.

        For what must be quick: on SQLite it stays in one thread from beginning to end, where `read()` changes threads
        for every statement, and for the transaction itself, which took five times as long as the statements of
        a search. `work` must not wait for anything else. Raises `Unavailable` when the database cannot be reached.
        """
        direct = self._direct
        if direct is None:
            async with self.read() as tx:
                return await tx.run_sync(lambda session: work(session.connection()))

        def run() -> T:
            with _translated(), direct.connect() as connection:
                return work(connection)

        return await asyncio.to_thread(run)

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
        if self._direct is not None:
            self._direct.dispose()


def _sqlite_engine(url: str, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=2 if writes else 8,
        max_overflow=4,
        connect_args={"timeout": BUSY_SECONDS},
        module=OneHop(aiosqlite, sqlite3),
    )
    _prepare(engine.sync_engine, writes=writes)
    return engine


def _sqlite_direct(url: str) -> Engine:
    """The same file through the standard library's driver, for reading in a thread of our own."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite"), pool_size=4, connect_args={"timeout": BUSY_SECONDS}
    )
    _prepare(engine, writes=False)

    @event.listens_for(engine, "connect")
    def _enlarge(connection: Any, _entry: ConnectionPoolEntry) -> None:
        # A search reads 500 pages all over the file; with SQLite's 2 MB most of them are fetched again each time.
        connection.execute(f"PRAGMA cache_size=-{DIRECT_CACHE_KIB}")

    return engine


def _prepare(engine: Engine, *, writes: bool) -> None:
    """What every connection to SQLite is told when it is opened, and how its transactions begin."""

    @event.listens_for(engine, "connect")
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

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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
