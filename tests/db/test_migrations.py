"""The migrations make exactly what the models say, and can be run by two processes at once."""

import asyncio
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.engine import Connection

from minidesk.db import Database
from minidesk.db.migrate import migrate
from minidesk.db.models import Base


async def test_the_migrated_database_is_what_the_models_say(db: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))

    async with db.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        tables = await connection.run_sync(lambda c: set(inspect(c).get_table_names()))
    assert tables == set(Base.metadata.tables) | {"alembic_version"}


async def test_two_starts_at_once_migrate_once(tmp_path: Path) -> None:
    first, second = (Database(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}") for _ in range(2))
    await asyncio.gather(migrate(first, tmp_path), migrate(second, tmp_path))
    async with second.engine.connect() as connection:
        tables = await connection.run_sync(lambda c: set(inspect(c).get_table_names()))
    assert "conversations" in tables
    await first.close()
    await second.close()
