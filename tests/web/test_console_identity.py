"""The console's page of identity keys, and what an agent sees of a visitor whom the website named."""

import re
from html import unescape

import httpx
from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Browser, Office

from minidesk.db.dump import dump_rows, shapes
from minidesk.db.models import IdentityKey, Visitor

office = test_console.office


async def create(browser: Browser, **fields: str) -> httpx.Response:
    """Press the button."""
    data = {"csrf": browser.csrf} | fields
    return await browser.client.post("/console/identity", data=data, headers={"Origin": browser.base})


async def secrets(office: Office) -> list[str]:
    async with office.db.read() as tx:
        keys = await tx.scalars(select(IdentityKey).order_by(IdentityKey.id))
        return [office.deps.sealer.open(key.sealed, key.id) for key in keys]


async def test_a_key_is_shown_once_and_there_can_be_two(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/identity")
        assert "There is no key yet" in page.text
        assert office.site.key in unescape(page.text)
        made = await create(browser)
        assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
        [secret] = await secrets(office)
        assert f'value="{secret}"' in made.text
        assert secret not in (await browser.get("/console/identity")).text
        assert (await create(browser)).status_code == 201
        full = await browser.get("/console/identity")
        assert "Make a key" not in full.text
        assert (await create(browser)).status_code == 409
        assert len(await secrets(office)) == 2
        action = re.search(r'action="(/console/identity/[^"]+/delete)"', full.text)
        assert action is not None
        assert (await browser.post(action.group(1))).status_code == 303
        assert (await browser.post(action.group(1))).status_code == 404
        assert len(await secrets(office)) == 1


async def test_its_secret_is_in_no_row(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/identity")
        made = await create(browser)
        [secret] = set(re.findall(r'value="([A-Za-z0-9_-]{43})"', made.text)) - {browser.csrf}
    async with office.db.read() as tx:
        for shape in shapes():
            assert secret not in "\n".join([line async for line in dump_rows(tx, shape)]), shape.name


async def test_only_administrators_of_the_site_get_here(office: Office) -> None:
    for role in ("agent", "editor", "admin"):
        await office.agent(f"{role}@example.com", office.site, role)
    await office.agent("elsewhere@example.com", office.other, "admin")
    async with office.at_work("admin@example.com") as browser:
        await create(browser, csrf="wrong")
        assert await secrets(office) == []
        await browser.get("/console/identity")
        assert (await create(browser)).status_code == 201
        assert '"/console/identity"' in (await browser.get("/console/keys")).text
    async with office.db.read() as tx:
        key = await tx.scalar(select(IdentityKey.id))
    for role in ("agent", "editor"):
        async with office.at_work(f"{role}@example.com") as browser:
            assert (await browser.get("/console/identity")).status_code == 403
            assert (await create(browser)).status_code == 403
            assert (await browser.post(f"/console/identity/{key}/delete")).status_code == 403
    async with office.at_work("elsewhere@example.com") as browser:
        assert str(key) not in (await browser.get("/console/identity")).text
        assert (await browser.post(f"/console/identity/{key}/delete")).status_code == 404
    assert len(await secrets(office)) == 1


async def test_what_the_page_said_is_shown_as_text(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "agent")
    conversation = await office.conversation(office.site)
    async with office.db.write() as tx:
        row = (await tx.scalars(select(Visitor))).one()
        row.name, row.external_id, row.verified = "Ana", "customer-4711", True
        row.attributes = {f"{n}{payload}"[:40]: payload for n, payload in enumerate(PAYLOADS)}
    async with office.at_work("mara@example.com") as browser:
        page = (await browser.get(f"/console/conversations/{conversation}")).text
    assert "customer-4711" in page
    assert page.count("the page says so") == len(PAYLOADS)
    for payload in PAYLOADS:
        assert payload in unescape(page)
        assert "<" not in payload or payload not in page
