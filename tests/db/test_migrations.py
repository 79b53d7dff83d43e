"""The migrations make exactly what the models say, and can be run by two processes at once."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from tests.helpers.commands import minidesk

from minidesk.accounts import Sealer
from minidesk.channels import seal_webhook_secrets
from minidesk.db import Database
from minidesk.db.migrate import migrate, migrate_to
from minidesk.db.models import Base, IdentityKey, WebhookDelivery, WebhookEndpoint
from minidesk.errors import Invalid
from minidesk.sites import seal_identity_keys


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


async def test_secrets_that_were_kept_plain_are_kept_and_so_is_what_hangs_on_them(tmp_path: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'old.db'}")
    await migrate_to(db, tmp_path, "0020")
    at = "2026-01-02 03:04:05.000000"
    with closing(sqlite3.connect(tmp_path / "old.db")) as old, old:
        old.execute(
            "INSERT INTO identity_keys (id, site_id, secret, created_at) VALUES ('idk_1', 's', 'plain', ?)",
            (at,),
        )
        old.execute(
            "INSERT INTO webhook_endpoints (id, site_id, url, events, secret, old_secret, state, created_at)"
            " VALUES ('whe_1', 's', 'https://x.example', '[]', 'whsec_new', 'whsec_old', 'on', ?)", (at,),
        )  # fmt: skip
        old.execute(
            "INSERT INTO webhook_deliveries"
            " (id, endpoint_id, event, body, state, tries, round, round_tries, created_at)"
            " VALUES ('msg_1', 'whe_1', 'test', '{}', 'waiting', 0, 0, 0, ?)", (at,),
        )  # fmt: skip
    await migrate(db, tmp_path)
    sealer = Sealer(bytes(32))
    async with db.write() as tx:
        key, hook = await tx.get_one(IdentityKey, "idk_1"), await tx.get_one(WebhookEndpoint, "whe_1")
        assert (key.sealed, hook.sealed, hook.old_sealed) == ("plain", "whsec_new", "whsec_old")
        await tx.get_one(WebhookDelivery, "msg_1")
        await seal_identity_keys(tx, sealer)
        await seal_webhook_secrets(tx, sealer)
        await tx.flush()
        assert sealer.open(key.sealed, "idk_1") == "plain"
        opened = [sealer.open(sealed or "", "whe_1") for sealed in (hook.sealed, hook.old_sealed)]
        assert opened == ["whsec_new", "whsec_old"]
    await db.close()


async def test_newer_tables_than_this_version_knows_are_a_sentence(db: Database, tmp_path: Path) -> None:
    async with db.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Invalid, match="newer version") as refused:
        await migrate(db, tmp_path)
    assert refused.value.code == "revision_unknown"
    async with db.read() as tx:  # nothing was touched
        assert await tx.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize("command", ["migrate", "serve"])
@pytest.mark.parametrize(
    "url",
    ["postgresql+asyncpg://a:b@127.0.0.1:1/minidesk", "sqlite+aiosqlite:////nonexistent/folder/minidesk.db"],
)
def test_a_start_without_its_database_says_what_to_look_at(tmp_path: Path, command: str, url: str) -> None:
    port = ("--port", "0") if command == "serve" else ()
    done = minidesk(tmp_path / "data", command, *port, MINIDESK_DATABASE_URL=url)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "The database cannot be reached: see that it runs, and that MINIDESK_DATABASE_URL names it."
    ]
