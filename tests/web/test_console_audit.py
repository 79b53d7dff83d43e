"""The console's page of changes: who changed what, written with the change, with filters and without secrets."""

import re

import pytest
from sqlalchemy import func, select
from tests.web import test_console
from tests.web.test_console import PASSWORD, Office, put_file

from minidesk.db.models import AuditEntry
from minidesk.web.console import audit_routes

office = test_console.office
HERE = "/console/audit"


async def actions(office: Office) -> list[str]:
    """What the log holds, in order."""
    async with office.db.read() as tx:
        return list(await tx.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


async def test_what_administrators_do_stands_in_the_log_and_no_secret_does(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site, name="Jonas Weber")
    source = await put_file(office, office.site)
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/people")
        await browser.post(f"/console/people/{jonas}/role", role="editor")
        await browser.post("/console/teams", name="Returns", description="sending back", member=jonas)
        made = await browser.post("/console/keys", name="Shop", scopes="search")
        key = re.search(r'value="(mdk_[^"]+)"', made.text)
        hook = await browser.post(
            "/console/webhooks", url="https://hooks.example.com/in?token=s3cret", events="ticket.created"
        )
        secret = re.search(r"whsec_[^\"<]+", hook.text)
        await browser.post("/console/identity")
        link = await browser.post(f"/console/people/{jonas}/reset")
        await browser.post(f"/console/docs/{source}/delete")
        await browser.post(f"/console/people/{jonas}/remove")
        page = await browser.get(HERE)
    assert await actions(office) == [
        "people.role_changed", "teams.created", "keys.created", "webhooks.created", "keys.identity_created",
        "people.reset_link_made", "documents.deleted", "people.removed",
    ]  # fmt: skip
    assert "Role changed" in page.text
    assert "Jonas Weber" in page.text
    assert "agent → editor" in page.text
    assert "127.0.0.1" in page.text
    token = re.search(r"/console/reset/([\w-]+)", link.text)
    assert key is not None
    assert secret is not None
    assert token is not None
    async with office.db.read() as tx:
        stored = repr([vars(row) for row in await tx.scalars(select(AuditEntry))])
    for hidden in (key[1], secret[0], token[1], "s3cret", PASSWORD):
        assert hidden not in page.text
        assert hidden not in stored


async def test_settings_say_which_changed_and_long_texts_only_that_they_did(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get("/console/settings")
        fields = dict(re.findall(r'<input id="\w+" name="(\w+)"[^>]* value="([^"]*)"', page.text))
        version = re.search(r'name="version" value="([^"]+)"', page.text)
        assert version is not None
        fields |= {"version": version[1], "name": "Alpine Shop", "greeting": "Servus! " * 12}
        fields |= {"position": "right", "time_zone": "Europe/Vienna"}
        fields |= dict.fromkeys(("ask_name", "ask_email", "ask_own"), "off")
        saved = await browser.post("/console/settings", **fields)
        assert saved.status_code == 303, saved.text
        page = await browser.get(HERE)
    async with office.db.read() as tx:
        changes = (await tx.scalars(select(AuditEntry.changes))).one()
    assert changes["name"] == ["Alpenglow", "Alpine Shop"]
    assert changes["greeting"] is None
    assert "Servus" not in page.text


async def test_where_the_chat_may_stand_and_what_it_may_cost_stand_there_too(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/models")
        for _ in range(2):  # the second time nothing changes
            await browser.post("/console/start/origins", origin="https://shop.example.com")
            await browser.post("/console/models/large", share="5", daily="2.5")
        page = await browser.get(HERE)
    assert await actions(office) == ["settings.changed", "settings.changed"]
    for change in ("nothing → https://shop.example.com", "nothing → 0.05", "nothing → 2.5"):
        assert change in " ".join(re.sub("<[^>]+>", " ", page.text).split())


async def test_nothing_is_written_where_nothing_changed(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    jonas = await office.agent("jonas@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/people")
        assert (await browser.post(f"/console/people/{jonas}/role", role="agent")).status_code == 303
        assert (await browser.post(f"/console/people/{jonas}/role", role="owner")).status_code == 422
        assert (await browser.post("/console/teams", name="")).status_code == 422
        assert (await browser.post("/console/people/require")).status_code == 303
    assert await office.count(AuditEntry) == 0


async def test_the_log_is_filtered_by_who_what_and_when_and_goes_page_by_page(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_routes, "SHOWN", 2)
    mara = await office.agent("mara@example.com", office.site, "admin", name="Mara Lindt")
    await office.agent("ben@example.com", office.site, "admin", name="Ben Okafor")
    await office.agent("else@example.com", office.other, "admin", name="Else Where")
    for who, name in (("mara", "Red"), ("ben", "Green"), ("mara", "Blue"), ("else", "Theirs")):
        async with office.at_work(f"{who}@example.com") as browser:
            await browser.get("/console/teams")
            await browser.post("/console/teams", name=name)
        office.clock.advance(days=1)
    async with office.at_work("mara@example.com") as browser:

        async def names(query: str) -> list[str]:
            page = await browser.get(HERE + query)
            assert page.status_code == 200
            return re.findall(r"</b> · (\w+)</p>", page.text)

        first = await browser.get(HERE)
        assert re.findall(r"</b> · (\w+)</p>", first.text) == ["Blue", "Green"]
        older = re.search(r'href="/console/audit(\?[^"]+)">', first.text)
        assert older is not None
        assert await names(older[1].replace("&amp;", "&")) == ["Red"]
        assert await names(f"?who={mara}") == ["Blue", "Red"]
        assert await names("?what=keys") == []
        assert await names("?since=2026-03-03&until=2026-03-03") == ["Green"]
        assert await names("?who=a%00b&since=x&until=y&before=z&what=nothing") == []
        assert "Else Where" not in first.text


@pytest.mark.parametrize(
    "query", ["until=9999-12-31", "since=9999-12-31", "until=0001-01-01", "since=0001-01-01", "until=now"]
)
async def test_every_day_that_there_is_can_be_asked_for(office: Office, query: str) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        assert (await browser.get(f"{HERE}?{query}")).status_code == 200


async def test_only_administrators_read_it(office: Office) -> None:
    await office.agent("ed@example.com", office.site, "editor")
    async with office.at_work("ed@example.com") as browser:
        assert (await browser.get(HERE)).status_code == 403
    async with office.browser() as browser:
        assert (await browser.get(HERE)).status_code == 303
    async with office.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(AuditEntry)) == 0
