"""A backup holds everything that cannot be made again, and gives it back on either database."""

import asyncio
import json
import shutil
import sqlite3
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import jwt
import pytest
from sqlalchemy import func, select

from minidesk.accounts import COMMAND, Sealer, open_sealer, record
from minidesk.backup import backup, restore
from minidesk.channels import Endpoints
from minidesk.conversations import Sent
from minidesk.db import Database, Tx
from minidesk.db.models import AuditEntry, Base, Site, Vector, WebhookEndpoint
from minidesk.errors import Conflict, Invalid, MinideskError
from minidesk.outbound import Allowed
from minidesk.settings import load_settings
from minidesk.sites import IdentityInvalid, create_identity_key, verify_identity
from minidesk.wiring import open_core
from tests.conftest import FakeClock
from tests.desk import open_desk
from tests.helpers.commands import minidesk

pytestmark = pytest.mark.timeout(180)

PAGES = {
    "returns.md": "# Returns\n\nYou can return articles within 30 days after delivery.\n",
    "größe.md": "# Größen\n\nSchuhe fallen eine halbe Größe kleiner aus.\n",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with two documents and an agent, and its backup beside it: `desk/` and `desk.zip`."""
    top = tmp_path_factory.mktemp("backup")
    (top / "files").mkdir()
    for name, text in PAGES.items():
        (top / "files" / name).write_text(text)
    assert minidesk(top / "desk", "ingest", str(top / "files")).returncode == 0
    added = minidesk(
        top / "desk", "agents", "add", "ada@example.com", "--password-stdin", typed="correct horse battery\n"
    )
    assert added.returncode == 0, added.stderr
    done = minidesk(top / "desk", "backup", str(top / "desk.zip"))
    assert done.returncode == 0, done.stderr
    assert "2 files" in done.stdout
    return top


def everything(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    with closing(sqlite3.connect(data / "minidesk.db")) as connection:
        tables = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}


def test_a_restored_desk_is_the_same_and_answers_without_embedding_again(kept: Path, tmp_path: Path) -> None:
    done = minidesk(tmp_path / "new", "restore", str(kept / "desk.zip"))
    assert done.returncode == 0, done.stderr
    assert everything(tmp_path / "new") == everything(kept / "desk")
    assert "30 days" in minidesk(tmp_path / "new", "search", "return articles", "-k", "1").stdout
    examined = minidesk(tmp_path / "new", "doctor", "--repair")
    assert examined.returncode == 0, examined.stdout
    again = minidesk(tmp_path / "new", "ingest", str(kept / "files"))
    assert everything(tmp_path / "new")["document_versions"] == everything(kept / "desk")["document_versions"]
    assert again.returncode == 0


def test_who_makes_a_backup_is_told_of_the_key_that_is_not_in_it(kept: Path, tmp_path: Path) -> None:
    shutil.copytree(kept / "desk", tmp_path / "desk")
    assert "secret.key" not in minidesk(tmp_path / "desk", "backup", str(tmp_path / "one.zip")).stdout
    (tmp_path / "desk" / "secret.key").write_text("ab" * 32)
    assert "Keep secret.key" in minidesk(tmp_path / "desk", "backup", str(tmp_path / "two.zip")).stdout
    with zipfile.ZipFile(tmp_path / "two.zip") as held:
        assert not [name for name in held.namelist() if "secret" in name]
    assert "secret.key" in minidesk(tmp_path / "new", "restore", str(tmp_path / "two.zip")).stdout


def test_a_backup_is_private_and_overwrites_nothing(kept: Path) -> None:
    assert (kept / "desk.zip").stat().st_mode & 0o077 == 0
    before = (kept / "desk.zip").read_bytes()
    refused = minidesk(kept / "desk", "backup", str(kept / "desk.zip"))
    assert refused.returncode == 1
    assert refused.stderr.startswith("desk.zip exists")
    assert (kept / "desk.zip").read_bytes() == before
    assert not list(kept.glob("*.partial"))


async def test_it_moves_to_either_database(kept: Path, db: Database, tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", database_url=db.url)
    await restore(settings, kept / "desk.zip")
    async with db.read() as tx:
        counts = {
            table.name: await tx.scalar(select(func.count()).select_from(table))
            for table in Base.metadata.sorted_tables
        }
        vector = (await tx.scalars(select(Vector).limit(1))).one()
        site = (await tx.scalars(select(Site))).one()
    assert len(vector.data) == 2 * 384
    assert site.created_at.tzinfo is not None
    assert counts == {name: len(rows) for name, rows in everything(kept / "desk").items() if name in counts}
    with pytest.raises(Conflict, match="a desk here already"):
        await restore(settings, kept / "desk.zip")


async def test_a_restored_desk_goes_on_writing(db: Database, tmp_path: Path, clock: FakeClock) -> None:
    async with open_core(load_settings(data_dir=tmp_path / "from"), clock) as core:
        desk = await open_desk(core.db, clock)
        await desk.say("Can I send the boots back?")
        async with core.db.write() as tx:
            await record(tx, clock(), COMMAND, "people.joined", site_id=desk.conversation.site_id)
        await backup(core, tmp_path / "desk.zip")
    await restore(load_settings(data_dir=tmp_path / "data", database_url=db.url), tmp_path / "desk.zip")
    desk = await open_desk(db, clock, new=False)
    # PostgreSQL counts such ids by itself, and does not look at those that come with their rows.
    assert (await desk.say("And the socks?")).seq == 2
    async with db.write() as tx:
        await record(tx, clock(), COMMAND, "people.joined", site_id=desk.conversation.site_id)
    async with db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(AuditEntry)) == 2


def changed(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """A copy of a backup with each entry passed through `change`; None leaves it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (data := change(name, old.read(name))) is not None:
                new.writestr(name, data)
    return target


def newer(name: str, data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"format": 99}).encode() if name == "manifest.json" else data


def unknown_tables(name: str, data: bytes) -> bytes:
    return json.dumps(json.loads(data) | {"revision": "9999"}).encode() if name == "manifest.json" else data


def fewer_rows(name: str, data: bytes) -> bytes:
    return b"" if name == "rows/vectors.jsonl" else data


def other_bytes(name: str, data: bytes) -> bytes:
    return b"something else" if name.startswith("files/") else data


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (newer, "backup_too_new"),
        (unknown_tables, "revision_unknown"),
        (fewer_rows, "backup_damaged"),
        (other_bytes, "backup_damaged"),
        (lambda name, data: None if name == "manifest.json" else data, "backup_unreadable"),
    ],
)
async def test_what_is_damaged_is_refused_and_leaves_no_rows(
    kept: Path, tmp_path: Path, change: Callable[[str, bytes], bytes | None], code: str
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    with pytest.raises(MinideskError) as refused:
        await restore(settings, changed(kept / "desk.zip", tmp_path / "bad.zip", change))
    assert refused.value.code == code
    # The same folder takes the good one afterwards.
    await restore(settings, kept / "desk.zip")


async def test_half_a_file_is_no_backup(kept: Path, tmp_path: Path) -> None:
    whole = await asyncio.to_thread((kept / "desk.zip").read_bytes)
    half = tmp_path / "half.zip"
    await asyncio.to_thread(half.write_bytes, whole[: len(whole) // 2])
    with pytest.raises(Invalid, match="cut short"):
        await restore(load_settings(data_dir=tmp_path / "data"), half)


async def test_a_backup_of_older_tables_is_brought_up_to_date(tmp_path: Path) -> None:
    old = tmp_path / "old.zip"
    site = {
        "id": ("plain", "site_1"),
        "key": ("plain", "k1"),
        "name": ("plain", "Old shop"),
        "allowed_origins": ("json", []),
        "config": ("json", {"greeting": "Hello"}),
        "knowledge_revision": ("plain", 0),
        "ticket_count": ("plain", 0),
        "created_at": ("time", "2026-01-02T03:04:05+00:00"),
    }
    manifest = {
        "format": 1,
        "minidesk": "0.1.0",
        "revision": "0001",
        "made_at": "2026-01-02T03:04:05+00:00",
        "tables": {"sites": [[name, kind] for name, (kind, _) in site.items()]},
        "rows": {"sites": 1},
        "files": 0,
        "missing": [],
    }
    with zipfile.ZipFile(old, "w") as archive:
        archive.writestr("rows/sites.jsonl", json.dumps([value for _, value in site.values()]) + "\n")
        archive.writestr("manifest.json", json.dumps(manifest))
    settings = load_settings(data_dir=tmp_path / "data")
    await restore(settings, old)
    db = Database(settings.resolved_database_url)
    async with db.read() as tx:
        found = (await tx.scalars(select(Site))).one()
    await db.close()
    assert (found.name, found.config["greeting"], found.created_at.hour) == ("Old shop", "Hello", 3)


async def test_files_of_messages_are_in_it(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"Order 20431"

    old, new = (load_settings(data_dir=tmp_path / name) for name in ("old", "new"))
    async with open_core(old) as core:
        async with core.db.read() as tx:
            site = (await tx.scalars(select(Site))).one()
        kept = await core.attachments.take(
            site_id=site.id,
            author="visitor",
            owner_id="vis_1",
            sent=Sent("order.txt", "text/plain", pieces()),
        )
        assert (await backup(core, tmp_path / "desk.zip")).missing == 0
    assert (await restore(new, tmp_path / "desk.zip")).files == 1
    async with open_core(new) as core:
        assert (await core.attachments.as_visitor("vis_1", kept.id)).data == b"Order 20431"


async def test_what_others_sign_with_stays_sealed_and_needs_the_key_beside_it(
    tmp_path: Path, clock: FakeClock
) -> None:
    old, new = (load_settings(data_dir=tmp_path / name) for name in ("old", "new"))
    async with open_core(old, clock) as core:
        sealer = open_sealer(old)
        async with core.db.write() as tx:
            site = (await tx.scalars(select(Site))).one()
            key = await create_identity_key(tx, sealer, site_id=site.id, now=clock())
            hooks = Endpoints(core.outbox, clock, Allowed(), sealer)
            hook = await hooks.add(
                tx, site_id=site.id, url="https://hooks.example.com/in", events=["ticket.created"]
            )
        await backup(core, tmp_path / "desk.zip")
    with zipfile.ZipFile(tmp_path / "desk.zip") as archive:
        for name in archive.namelist():
            assert "secret.key" not in name
            assert not any(secret.encode() in archive.read(name) for secret in (key.secret, hook.secret)), (
                name
            )
    await restore(new, tmp_path / "desk.zip")
    signed = jwt.encode(
        {"sub": "7", "aud": site.key, "exp": int(clock().timestamp()) + 600}, key.secret, algorithm="HS256"
    )

    async def named(tx: Tx, sealer: Sealer) -> str:
        person = await verify_identity(
            tx, sealer, site_id=site.id, site_key=site.key, token=signed, now=clock()
        )
        return person.external_id

    async with open_core(new, clock) as core, core.db.write() as tx:
        assert await named(tx, open_sealer(old)) == "7"
        with pytest.raises(IdentityInvalid):  # its own secret.key is another one
            await named(tx, open_sealer(new))
        row = (await tx.scalars(select(WebhookEndpoint))).one()
        assert open_sealer(old).open(row.sealed, row.id) == hook.secret
