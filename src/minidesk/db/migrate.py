"""Bringing the database to the newest revision, once, under a lock, whoever starts first."""

import asyncio
import fcntl
from pathlib import Path
from typing import IO

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import text
from sqlalchemy.engine import Connection

from minidesk.db.session import Database, Tx
from minidesk.errors import DatabaseBusy, Invalid, StorageFull, Unavailable

# Any number will do, as long as every minidesk process asks for the same one.
_POSTGRES_LOCK = 7_164_733


async def migrate(db: Database, lock_dir: Path) -> None:
    """Run the migrations that are missing.

    `lock_dir` holds the lock file for SQLite; on PostgreSQL an advisory lock serves. A second process waits
    for the first and then finds nothing to do.
    """
    await migrate_to(db, lock_dir, "head")


async def migrate_to(db: Database, lock_dir: Path, revision: str) -> None:
    """The same up to `revision` and no further.

    Raises Invalid where this version does not know that revision or the tables' own, and Unavailable where the database
    cannot be reached.
    """
    wanted = _known(revision)
    try:
        if db.is_sqlite:
            await _migrate_file(db, lock_dir, wanted)
        else:
            async with db.connect() as connection:
                await connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _POSTGRES_LOCK})
                await connection.run_sync(_upgrade, wanted)
    except (DatabaseBusy, StorageFull):
        raise
    except Unavailable as problem:
        raise Unavailable(
            "The database cannot be reached: see that it runs, and that MINIDESK_DATABASE_URL names it."
        ) from problem


async def _migrate_file(db: Database, lock_dir: Path, wanted: str) -> None:
    # Waiting for the lock in a thread: two starts in one process would otherwise stop each other for ever.
    handle = await asyncio.to_thread(_take_lock, lock_dir)
    try:
        async with db.connect() as connection:
            await connection.run_sync(_upgrade, wanted)
    finally:
        handle.close()


async def current_revision(tx: Tx) -> str:
    """The revision of the database's tables."""
    connection = await tx.connection()
    found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    assert found is not None  # whoever opened a desk has migrated it
    return found


def _known(revision: str) -> str:
    scripts = ScriptDirectory.from_config(_config())
    try:
        found = scripts.get_revision(revision)
    except CommandError as problem:
        raise Invalid(
            f"This minidesk does not know the tables of revision {revision}: install a newer version.",
            code="revision_unknown",
        ) from problem
    assert found is not None  # there is at least the first
    return found.revision


def _upgrade(connection: Connection, revision: str) -> None:
    config = _config()
    # Asking costs 2 ms; letting Alembic find out that nothing is missing costs 60, at every start.
    current = MigrationContext.configure(connection).get_current_revision()
    if current == revision:
        return
    if current is not None:
        _known(current)  # a newer minidesk may have been here before
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _take_lock(folder: Path) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    handle = (folder / "migrate.lock").open("w")
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle
