"""API keys: shown once, looked up by their hash, and out at once when they end."""

import re

import pytest
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.rows import add_agent, add_site

from minidesk.accounts import Actor, ApiKeys, create_api_key, list_api_keys, revoke_api_key
from minidesk.accounts.api_keys import KEYS_OF_A_SITE
from minidesk.db import Database
from minidesk.db.models import ApiKey, Site
from minidesk.errors import Conflict, Invalid, NotAuthenticated, NotFound


@pytest.fixture
async def site(db: Database, clock: FakeClock) -> Site:
    """A site without keys."""
    return await add_site(db, clock)


async def make(db: Database, clock: FakeClock, site: Site, **more: object) -> str:
    """A key for searching, as text."""
    wanted: dict[str, object] = {"name": "Shop", "scopes": ["search"]} | more
    async with db.write() as tx:
        made = await create_api_key(tx, site_id=site.id, now=clock(), **wanted)  # type: ignore[arg-type]
    return made.key


async def test_a_key_opens_its_site_with_its_scopes_and_stands_nowhere(
    db: Database, clock: FakeClock, site: Site
) -> None:
    mara = await add_agent(db, clock, site.id)
    key = await make(
        db, clock, site, scopes=["search", "documents:read"], actor=Actor("agent", mara.id, mara.name)
    )
    assert re.fullmatch(r"mdk_[A-Za-z0-9_-]{40}", key)
    identity = await ApiKeys(clock).identify(db, key)
    assert (identity.site_id, identity.scopes) == (site.id, frozenset({"search", "documents:read"}))
    async with db.read() as tx:
        row = (await tx.scalars(select(ApiKey))).one()
    stored = " ".join(str(value) for value in vars(row).values())
    assert key not in stored
    assert key[12:] not in stored
    assert (row.prefix, row.created_by) == (key[:12], mara.id)


@pytest.mark.parametrize("change", ["", "x", "mdk_", "mdk_" + "a" * 40, "mdk_\0", "' OR 1=1 --", "Ä" * 44])
async def test_any_other_text_opens_nothing(db: Database, clock: FakeClock, site: Site, change: str) -> None:
    key, keys = await make(db, clock, site), ApiKeys(clock)
    for presented in (change, key + change if change else key[:-1], None):
        with pytest.raises(NotAuthenticated, match="Send a valid API key"):
            await keys.identify(db, presented)
    assert (await keys.identify(db, key)).site_id == site.id


async def test_an_expired_and_a_revoked_key_are_out_at_once(
    db: Database, clock: FakeClock, site: Site
) -> None:
    keys, other = ApiKeys(clock), await add_site(db, clock, "Other")
    short, long = await make(db, clock, site, expires_days=30), await make(db, clock, site, name="Long")
    clock.advance(days=29, hours=23)
    assert (await keys.identify(db, short)).site_id == site.id
    clock.advance(hours=1)
    with pytest.raises(NotAuthenticated):
        await keys.identify(db, short)
    async with db.read() as tx:
        listed = {key.name: key for key in await list_api_keys(tx, site.id)}
    assert {name: key.state(clock()) for name, key in listed.items()} == {"Shop": "expired", "Long": "active"}
    for site_id, key_id in ((other.id, listed["Long"].id), (site.id, "apk_0"), (site.id, "a\0")):
        with pytest.raises(NotFound):
            async with db.write() as tx:
                await revoke_api_key(tx, site_id=site_id, key_id=key_id, now=clock())
    assert (await keys.identify(db, long)).site_id == site.id
    for _ in range(2):
        async with db.write() as tx:
            await revoke_api_key(tx, site_id=site.id, key_id=listed["Long"].id, now=clock())
        with pytest.raises(NotAuthenticated):
            await keys.identify(db, long)
        clock.advance(days=1)
    async with db.read() as tx:
        row = await tx.get_one(ApiKey, listed["Long"].id)
    assert row.revoked_at is not None
    assert (clock() - row.revoked_at).days == 2, "the first revocation is the one that counts"


async def test_the_last_use_is_written_once_a_minute(db: Database, clock: FakeClock, site: Site) -> None:
    key, keys = await make(db, clock, site), ApiKeys(clock)
    seen = []
    for seconds in (0, 59, 1):
        clock.advance(seconds=seconds)
        await keys.identify(db, key)
        async with db.read() as tx:
            seen.append((await list_api_keys(tx, site.id))[0].last_used_at)
    assert seen[0] == seen[1]
    assert seen[2] == clock()


async def test_what_cannot_be_a_key_is_refused(db: Database, clock: FakeClock, site: Site) -> None:
    refused: tuple[dict[str, object], ...] = (
        {"name": " \u200b"},
        {"scopes": []},
        {"scopes": ["search", "everything"]},
    )
    for wrong in refused:
        with pytest.raises(Invalid):
            await make(db, clock, site, **wrong)
    async with db.read() as tx:
        assert await list_api_keys(tx, site.id) == []
    await make(db, clock, site)


async def test_a_site_has_a_hundred_working_keys_at_most(db: Database, clock: FakeClock, site: Site) -> None:
    await make(db, clock, site, expires_days=1)
    async with db.write() as tx:
        for _ in range(KEYS_OF_A_SITE - 1):
            await create_api_key(tx, site_id=site.id, name="Loop", scopes=["ask"], now=clock())
    with pytest.raises(Conflict):
        await make(db, clock, site)
    clock.advance(days=1)
    await make(db, clock, site)
