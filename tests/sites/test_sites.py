"""Sites: settings, origins, visitors, hours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests.conftest import FakeClock

from minidesk.db import Database
from minidesk.db.models import Team, Visitor
from minidesk.errors import Invalid, NotAuthenticated, NotFound
from minidesk.sites import (
    SiteConfig,
    Visitors,
    allows,
    check_origin,
    config_of,
    create_site,
    hours_line,
    is_open,
    link_hosts,
    nearest_accent,
    next_opening,
    on_accent,
    set_origins,
    site_by_id,
    site_by_key,
    update_config,
)
from minidesk.sites.visitors import KEPT
from minidesk.text.locale import load_texts

ALLOWED = ("https://shop.example.com", "http://localhost:3000")


@pytest.mark.parametrize(
    ("sent", "allowed"),
    [
        ("https://shop.example.com", True),
        ("http://localhost:3000", True),
        ("http://shop.example.com", False),
        ("https://shop.example.com:443", False),
        ("https://shop.example.com:8443", False),
        ("https://shop.example.com.", False),
        ("https://SHOP.example.com", False),
        ("https://shop.example.com/", False),
        ("https://evil-shop.example.com", False),
        ("https://evilshop.example.com", False),
        ("https://shop.example.com.evil.example", False),
        ("https://a.shop.example.com", False),
        ("https://example.com", False),
        ("https://shop.example.com@evil.example", False),
        ("http://localhost", False),
        ("null", False),
        ("", False),
        ("*", False),
        ("https://shop.example.com https://evil.example", False),
        ("https://xn--shp-0na.example.com", False),
    ],
)
def test_origins_are_compared_whole(sent: str, allowed: bool) -> None:
    assert allows(ALLOWED, sent) is allowed


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://shop.example.com", "https://shop.example.com"),
        (" Shop.Example.com/ ", "https://shop.example.com"),
        ("https://shop.example.com:443", "https://shop.example.com"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_owners_spelling_becomes_the_browsers(typed: str, stored: str) -> None:
    assert check_origin(typed) == stored
    assert allows([stored], stored)


@pytest.mark.parametrize(
    "typed",
    ["", "null", "*", "https://*.example.com", "ftp://a.example", "javascript:alert(1)", "https://a.example/path", "https://a.example?x", "https://u:p@a.example", "https://a.example.", "https://a b", "https://a\\b", "https://a.example:0", "https://a.example:99999", "https://a.example:x", "https://'; script-src *", "https://a.example;x", "https://" + "a" * 400, "https://\ud800"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_origin(typed)
    assert refused.value.status == 422


async def test_a_new_site_works_at_once(db: Database, clock: FakeClock) -> None:
    async with db.write() as tx:
        site = await create_site(tx, name=" My\u202e shop ", now=clock())
        other = await create_site(tx, name="Other", now=clock(), key="default")
    assert site.key.startswith("pk_")
    assert (site.name, site.allowed_origins, site.config) == ("My shop", (), SiteConfig())
    async with db.read() as tx:
        assert await site_by_key(tx, site.key) == await site_by_id(tx, site.id) == site
        assert (await site_by_key(tx, "default")).id == other.id
        assert list(await tx.scalars(select(Team.name).where(Team.site_id == site.id))) == ["Support"]
        with pytest.raises(NotFound):
            await site_by_key(tx, "pk_none")


async def test_settings_are_replaced_and_checked(db: Database, clock: FakeClock) -> None:
    config = SiteConfig(greeting="Grüß Gott", quick_replies=("Where is my parcel?",), reply_minutes=30)
    async with db.write() as tx:
        site = await create_site(tx, name="Shop", now=clock())
        await update_config(tx, site.id, config, name="Shop 2")
        assert await set_origins(tx, site.id, ["Shop.example.com", "https://shop.example.com/"]) == (
            "https://shop.example.com",
        )
        for refused in ([*["https://a.example"] * 51], ["*"]):
            with pytest.raises(Invalid):
                await set_origins(tx, site.id, refused)
        with pytest.raises(NotFound):
            await update_config(tx, "site_none", config)
    async with db.read() as tx:
        stored = await site_by_id(tx, site.id)
    assert (stored.config, stored.name, stored.allowed_origins) == (
        config,
        "Shop 2",
        ("https://shop.example.com",),
    )
    assert link_hosts(stored.allowed_origins, ["help.example.com"]) == {
        "shop.example.com",
        "help.example.com",
    }


@pytest.mark.parametrize(
    "raw",
    [
        {"look": {"accent": "red"}},
        {"look": {"accent": "#7E7E7E"}},  # neither white nor ink is readable on it
        {"look": {"position": "top"}},
        {"privacy_url": "javascript:alert(1)"},
        {"privacy_url": "https://a.example/ x"},
        {"greeting": "x" * 401},
        {"greeting": "a\0b"},
        {"quick_replies": ["a"] * 7},
        {"link_hosts": ["https://a.example"]},
        {"hours": {"time_zone": "Mars/Olympus"}},
        {"hours": {"week": [[]]}},
        {"hours": {"week": [[{"start": "18:00", "end": "09:00"}], [], [], [], [], [], []]}},
        {"reply_minutes": 0},
        {"daily_budget_usd": -1},
    ],
)
def test_settings_that_cannot_be_used(raw: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        config_of(raw)
    assert next(iter(raw)) in refused.value.message


def test_text_on_the_accent_is_readable() -> None:
    assert on_accent("#1F5F5B") == "#FFFFFF"
    assert on_accent("#FFD400") == "#1D1C1A"
    assert on_accent("#7E7E7E") is None
    assert on_accent(nearest_accent("#7E7E7E")) == "#FFFFFF"


async def test_a_visitors_token_slides_and_stays_in_its_site(db: Database, clock: FakeClock) -> None:
    visitors = Visitors(clock)
    async with db.write() as tx:
        site, other = [await create_site(tx, name=name, now=clock()) for name in ("A", "B")]
        session = await visitors.open_session(tx, site.id, None, browser="Fire\u202efox\n1")
        again = await visitors.open_session(tx, site.id, session.token)
        elsewhere = await visitors.open_session(tx, other.id, session.token)
        forged = await visitors.open_session(tx, site.id, "guess")
    assert (again.visitor_id, again.token, again.resumed) == (session.visitor_id, session.token, True)
    assert len({session.visitor_id, elsewhere.visitor_id, forged.visitor_id}) == 3
    assert session.token not in {elsewhere.token, forged.token}
    async with db.read() as tx:
        row = await tx.get(Visitor, session.visitor_id)
        assert row is not None
        assert (row.browser, session.token in row.token_hash) == ("Firefox 1", False)
    for _ in range(3):
        clock.advance(seconds=(KEPT - timedelta(hours=2)).total_seconds())
        assert (await visitors.identify(db, session.token)).site_id == site.id
    clock.advance(seconds=KEPT.total_seconds())
    for token in (session.token, None, "", "x" * 10_000, "\ud800"):
        with pytest.raises(NotAuthenticated):
            await visitors.identify(db, token)
    async with db.write() as tx:
        assert (await visitors.open_session(tx, site.id, session.token)).visitor_id != session.visitor_id


WEEK = [[{"start": "09:00", "end": "12:00"}, {"start": "13:30", "end": "18:00"}]] * 5 + [[], []]
HOURS = config_of(
    {"hours": {"time_zone": "Europe/Vienna", "week": WEEK, "holidays": [{"day": "2026-04-06"}]}}
)


@pytest.mark.parametrize(
    ("utc", "line"),
    [
        ("2026-03-02T08:00", "People from 9 to 12."),
        (
            "2026-03-02T11:00",
            "People are back today at 13:30.",
        ),  # 12:00 sharp in Vienna: the end does not count
        ("2026-03-02T17:00", "People are back tomorrow at 9."),
        ("2026-03-02T23:30", "People are back today at 9."),  # already Tuesday in Vienna
        ("2026-03-06T18:00", "People are back on Monday at 9."),
        ("2026-03-30T07:30", "People from 9 to 12."),  # the day after the clocks went forward
        ("2026-04-03T18:00", "People are back on Tuesday at 9."),  # Easter Monday is a holiday
        ("2026-04-06T08:00", "People are back tomorrow at 9."),
    ],
)
def test_the_line_about_opening_hours(utc: str, line: str) -> None:
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert hours_line(HOURS, now, load_texts(), "en") == line


def test_hours_at_the_edges() -> None:
    texts, now = load_texts(), datetime(2026, 3, 2, 22, 59, tzinfo=UTC)
    assert hours_line(SiteConfig(), now, texts, "en") == ""
    assert (
        hours_line(SiteConfig(reply_minutes=120), now, texts, "de")
        == "Ein Mensch antwortet meist innerhalb von 2 Stunden."
    )
    never = config_of({"hours": {"time_zone": "UTC"}})
    assert hours_line(never, now, texts, "en") == ""
    always = config_of({"hours": {"time_zone": "UTC", "week": [[{"start": "00:00", "end": "00:00"}]] * 7}})
    assert always.hours is not None
    assert is_open(always.hours, now)
    assert next_opening(always.hours, now) == now
    assert hours_line(always, now, texts, "en") == "People from 0 to 24."
