"""The console's page of API keys: for administrators, shown once, revoked with a second thought."""

import re
from collections.abc import Sequence
from html import unescape

import httpx
import pytest
from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Browser, Office

from minidesk.accounts import SCOPES, ApiKeys, create_api_key
from minidesk.db.models import ApiKey
from minidesk.errors import NotAuthenticated

office = test_console.office


async def create(browser: Browser, *scopes: str, **fields: str) -> httpx.Response:
    """Send the form."""
    data: dict[str, str | Sequence[str]] = {"csrf": browser.csrf, "name": "Shop", "scopes": scopes} | fields
    return await browser.client.post("/console/keys", data=data, headers={"Origin": browser.base})


def key_in(page: httpx.Response) -> str | None:
    """The key that a page shows."""
    found = re.search(r'value="(mdk_[^"]+)"', page.text)
    return found.group(1) if found else None


async def test_an_administrator_makes_a_key_and_sees_it_once(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/keys")
        assert page.status_code == 200
        assert "There is no key yet." in page.text
        assert 'href="/console/keys" aria-current="page"' in page.text
        made = await create(browser, "search", "documents:read", days="30")
        assert made.status_code == 201
        assert made.headers["cache-control"] == "no-store"
        key = key_in(made)
        assert key is not None
        again = await browser.get("/console/keys")
        assert key not in again.text
        assert key[12:] not in again.text
        assert key[:12] in again.text
        assert "ends on 2026-04-01" in again.text
        assert "never used" in again.text
        identity = await ApiKeys(office.clock).identify(office.db, key)
        assert (identity.site_id, identity.scopes) == (
            office.site.id,
            frozenset({"search", "documents:read"}),
        )
        assert "last used" in (await browser.get("/console/keys")).text
    async with office.db.read() as tx:
        assert (await tx.scalars(select(ApiKey.created_by))).all() == [mara]


async def test_revoking_ends_it_at_once_and_asks_first(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/keys")
        key = key_in(await create(browser, *SCOPES))
        assert key is not None
        page = (await browser.get("/console/keys")).text
        action = re.search(r'action="(/console/keys/[^"]+/revoke)"', page)
        assert action is not None
        assert "Revoke “Shop”?" in page
        assert (await ApiKeys(office.clock).identify(office.db, key)).site_id == office.site.id
        assert (await browser.post(action.group(1))).status_code == 303
        with pytest.raises(NotAuthenticated):
            await ApiKeys(office.clock).identify(office.db, key)
        after = (await browser.get("/console/keys")).text
        assert "revoked" in after
        assert action.group(1) not in after
        assert (await browser.post("/console/keys/apk_0/revoke")).status_code == 404
        assert (await browser.post("/console/keys/a%00b/revoke")).status_code == 404


async def test_only_administrators_of_the_site_get_here(office: Office) -> None:
    for role in ("agent", "editor", "admin"):
        await office.agent(f"{role}@example.com", office.site, role)
    await office.agent("elsewhere@example.com", office.other, "admin")
    async with office.db.write() as tx:
        made = await create_api_key(
            tx, site_id=office.site.id, name="Ours", scopes=["ask"], now=office.clock()
        )
    for role in ("agent", "editor"):
        async with office.at_work(f"{role}@example.com") as browser:
            assert "/console/keys" not in (await browser.get("/console/inbox")).text
            assert (await browser.get("/console/keys")).status_code == 403
            assert (await create(browser, "ask")).status_code == 403
            assert (await browser.post(f"/console/keys/{made.id}/revoke")).status_code == 403
    async with office.at_work("elsewhere@example.com") as browser:
        assert "Ours" not in (await browser.get("/console/keys")).text
        assert (await browser.post(f"/console/keys/{made.id}/revoke")).status_code == 404
    async with office.browser() as browser:
        assert (await browser.get("/console/keys")).status_code == 303
    assert await office.count(ApiKey) == 1
    assert (await ApiKeys(office.clock).identify(office.db, made.key)).key_id == made.id
    async with office.at_work("admin@example.com") as browser:
        assert 'href="/console/keys"' in (await browser.get("/console/inbox")).text
        assert "Ours" in (await browser.get("/console/keys")).text
        assert (await create(browser, "ask")).status_code == 201


async def test_a_form_from_elsewhere_makes_nothing(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/keys")
        assert (await create(browser, "ask", csrf="wrong")).status_code == 403
        data = {"csrf": browser.csrf, "name": "x", "scopes": "ask"}
        foreign = {"Origin": "https://evil.example"}
        assert (await browser.client.post("/console/keys", data=data, headers=foreign)).status_code == 403
        assert await office.count(ApiKey) == 0
        assert (await create(browser, "ask")).status_code == 201


async def test_a_refused_form_keeps_what_was_written_and_shows_it_as_text(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/keys")
        for fields, scopes in [
            ({"name": " "}, ["ask"]),
            ({}, []),
            ({}, ["everything"]),
            ({"days": "31"}, ["ask"]),
            ({"days": "-1"}, ["ask"]),
        ]:
            refused = await create(browser, *scopes, **fields)
            assert refused.status_code == 422, (fields, scopes)
            assert 'role="alert"' in refused.text
            assert key_in(refused) is None
        for payload in PAYLOADS:
            refused = await create(browser, name=payload)
            assert unescape(payload) in unescape(refused.text)
            assert payload not in refused.text or "<" not in payload
            made = await create(browser, "ask", name=payload)
            assert made.status_code == 201
            assert payload not in made.text or "<" not in payload
            assert "982007569" not in made.text
    assert await office.count(ApiKey) == len(PAYLOADS)
