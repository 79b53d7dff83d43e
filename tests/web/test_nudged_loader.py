"""The launcher's script is there whatever becomes of the database."""

from pathlib import Path

from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.db.models import Site
from minidesk.web.visitor_api.nudges import PLACE, NudgedSites

LOADER = b"const sites='" + PLACE + b"'"


async def test_sites_with_rules_stand_in_it(db: Database, clock: FakeClock) -> None:
    async with db.write() as tx:
        for key, config in (("key_with", {"nudges": ["/ | 1 | 0 | Hello"]}), ("key_none", {})):
            tx.add(Site(id=f"ste_{key}", key=key, name=key, config=config, created_at=clock()))
    assert await NudgedSites(db, clock).fill(LOADER) == b"const sites='with'"


async def test_without_a_database_it_comes_all_the_same(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "minidesk.db").write_bytes(b"no database" * 500)
    broken = Database(f"sqlite+aiosqlite:///{tmp_path}/minidesk.db")
    assert await NudgedSites(broken, clock).fill(LOADER) == b"const sites=''"
    await broken.close()
