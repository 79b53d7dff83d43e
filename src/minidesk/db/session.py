"""Transactions: one door for reading, one for writing, and what runs after a commit.

SQLite: WAL, `synchronous=FULL`, and every writing transaction is `BEGIN IMMEDIATE`. A deferred transaction
that reads and then writes fails at once with "database is locked", whatever the busy time-out (F3).
"""

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from minidesk.db.discreet import keep_values_out
from minidesk.db.one_hop import OneHop
from minidesk.errors import DatabaseBusy, StorageFull, Unavailable

# Writers queue this long before they are told to come back, for each other and for other processes together (F3).
BUSY_SECONDS: float = 5
# Who waited less for the others of this process waits for other processes as long as if there had been none: to tell
# SQLite another time costs two changes of threads.
_NOTICED_SECONDS = 0.1
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
            self._writer = create_async_engine(
                url, pool_size=10, max_overflow=10, pool_pre_ping=True, hide_parameters=True
            )
            keep_values_out(self._writer.sync_engine)
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
        with _translated():
            async with Tx(self._reader, expire_on_commit=False) as tx:
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
            async with _transaction(self._writer) as tx:
                yield tx
        else:
            async with self._in_turn(self._turn) as engine, _transaction(engine) as tx:
                yield tx
        for callback in tx.info.get("after_commit", ()):
            callback()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """A bare connection in one transaction that writes, for migrations. Raises as `write` does."""
        with _translated():
            async with self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def _in_turn(self, turn: asyncio.Lock) -> AsyncIterator[AsyncEngine]:
        """Hold the turn; the engine given waits for other processes as long as is left of `BUSY_SECONDS`."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        try:
            async with asyncio.timeout(BUSY_SECONDS):
                await turn.acquire()
        except TimeoutError as error:
            raise DatabaseBusy(retry_after=1) from error
        try:
            waited = loop.time() - since
            left_ms = max(0, int(1000 * (BUSY_SECONDS - waited)))
            noticed = waited > _NOTICED_SECONDS
            yield self._writer.execution_options(busy_ms=left_ms) if noticed else self._writer
        finally:
            turn.release()

    async def close(self) -> None:
        """Give all connections back."""
        await self._writer.dispose()
        if self.is_sqlite:
            await self._reader.dispose()
        if self._direct is not None:
            self._direct.dispose()


@asynccontextmanager
async def _transaction(engine: AsyncEngine) -> AsyncIterator[Tx]:
    # Also what ending the session raises is translated: on a connection that broke, rolling back fails as well.
    with _translated():
        async with Tx(engine, expire_on_commit=False) as tx:
            try:
                yield tx
            except BaseException:
                await _to_its_end(tx.rollback())
                raise
            await _to_its_end(tx.commit())


async def _to_its_end(step: Coroutine[Any, Any, object]) -> None:
    """Await `step`, also where this task is cancelled meanwhile; it is, then.

    Cancelled between a commit and the return of its connection to the pool, SQLAlchemy logs a traceback and gives the
    connection up: a server that was stopped while it started, or a visitor who left, looked like a fault.
    """
    task = asyncio.ensure_future(step)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        task.exception()  # else asyncio would say that nobody has asked for it
        raise cancelled
    task.result()


def _sqlite_engine(url: str, *, writes: bool) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=2 if writes else 8,
        max_overflow=4,
        connect_args={"timeout": BUSY_SECONDS},
        module=OneHop(aiosqlite, sqlite3),
        hide_parameters=True,  # an error that is logged must not bring what visitors wrote into the log
    )
    _prepare(engine.sync_engine, writes=writes)
    return engine


def _sqlite_direct(url: str) -> Engine:
    """The same file through the standard library's driver, for reading in a thread of our own."""
    engine = create_engine(
        make_url(url).set(drivername="sqlite"),
        pool_size=4,
        connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,
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
            f"busy_timeout={_busy_ms()}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        if not writes:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if (left_ms := connection.get_execution_options().get("busy_ms")) is None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA busy_timeout={left_ms}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={_busy_ms()}")


def _busy_ms() -> int:
    return int(1000 * BUSY_SECONDS)


# What SQLite says of a file and its disk, and PostgreSQL of itself (classes of SQLSTATE, the longer one first). What
# neither names is a mistake of ours, or means something to the caller alone.
_SQLITE: dict[int, type[Unavailable]] = {
    sqlite3.SQLITE_BUSY: DatabaseBusy,
    sqlite3.SQLITE_LOCKED: DatabaseBusy,
    sqlite3.SQLITE_PROTOCOL: DatabaseBusy,
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_NOMEM: Unavailable,
    sqlite3.SQLITE_READONLY: Unavailable,
    sqlite3.SQLITE_INTERRUPT: Unavailable,
    sqlite3.SQLITE_IOERR: Unavailable,
    sqlite3.SQLITE_CANTOPEN: Unavailable,
}
_POSTGRES: dict[str, type[Unavailable]] = {
    "53100": StorageFull,
    "55P03": DatabaseBusy,  # a lock was not to be had
    "08": Unavailable,  # the connection
    "28": Unavailable,  # the password, or the role's right to connect
    "3D": Unavailable,  # no such database
    "40": DatabaseBusy,  # rolled back, a deadlock for example
    "53": Unavailable,  # too many connections, or no memory
    "57": Unavailable,  # starting, shutting down, recovering
    "58": Unavailable,  # its disk
}


@contextmanager
def _translated() -> Iterator[None]:
    """Our error for a database that is busy, full or gone; the driver's own for everything else."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy(retry_after=1) from error
    except DBAPIError as error:
        if (ours := _ours(error)) is None:
            raise
        raise ours from error
    except OSError as error:  # a connection that could not be made, or broke
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull from error
        raise Unavailable(retry_after=2) from error


def _ours(error: DBAPIError) -> Unavailable | None:
    kind = _kind(error)
    if kind is None:
        return None
    if kind is StorageFull:
        return StorageFull()
    return kind(retry_after=1 if kind is DatabaseBusy else 2)


def _kind(error: DBAPIError) -> type[Unavailable] | None:
    if isinstance(error, IntegrityError | DataError):
        return None
    original = error.orig
    code: int | None = getattr(original, "sqlite_errorcode", None)
    if code is not None:
        return _SQLITE.get(code & 0xFF)  # the rest of an extended code says where it happened
    state: str | None = getattr(original, "sqlstate", None)
    if state is not None:
        return next((kind for start, kind in _POSTGRES.items() if state.startswith(start)), None)
    # A driver's own, of a connection that is closed. asyncpg's word for a value that it cannot send is a ValueError too.
    unsent = original is not None and isinstance(original.__cause__, ValueError)
    closed = isinstance(error, OperationalError | InterfaceError) and not unsent
    return Unavailable if closed or error.connection_invalidated else None
