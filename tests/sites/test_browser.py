"""The browser's own name of itself is kept as it came: the console tells browser and system from it."""

from sqlalchemy import select
from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.db.models import Visitor
from minidesk.sites import Visitors, create_site

FIREFOX = "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0"


async def test_a_user_agent_is_not_a_file_name(db: Database, clock: FakeClock) -> None:
    async with db.write() as tx:
        site = await create_site(tx, name="Shop", now=clock())
        await Visitors(clock).open_session(tx, site.id, None, browser=FIREFOX)
        await Visitors(clock).open_session(tx, site.id, None, browser=f"\x07{'x' * 500}")
        await Visitors(clock).open_session(tx, site.id, None)
    async with db.read() as tx:
        kept = set(await tx.scalars(select(Visitor.browser)))
    assert kept == {FIREFOX, "x" * 300, None}
