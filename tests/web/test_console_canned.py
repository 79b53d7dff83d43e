"""The page of saved replies, and how one gets into a conversation with and without scripts."""

from html import unescape

from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import PART, PAYLOADS, Office

from minidesk.db.models import CannedReply, Message

office = test_console.office
HERE = "/console/replies"


async def rows(office: Office) -> list[CannedReply]:
    """What is stored."""
    async with office.db.read() as tx:
        return list(await tx.scalars(select(CannedReply).order_by(CannedReply.name)))


async def test_a_reply_is_written_changed_and_deleted(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    async with office.at_work("mara@example.com") as browser:
        page = await browser.get(HERE)
        assert "There is no saved reply yet" in page.text
        assert "{{visitor.name}}" in page.text
        made = await browser.post(HERE, name=" Late  parcel ", text="Hi {{visitor.name}}", audience="site")
        assert made.status_code == 303
        [row] = await rows(office)
        assert (row.name, row.text, row.owner_id) == ("Late parcel", "Hi {{visitor.name}}", None)
        assert made.headers["location"] == f"{HERE}#{row.id}"
        changed = await browser.post(f"{HERE}/{row.id}", name="Late", text="Sorry", audience="own")
        assert changed.status_code == 303
        [row] = await rows(office)
        assert (row.name, row.text, row.owner_id is not None) == ("Late", "Sorry", True)
        assert "only you" in (await browser.get(HERE)).text
        assert (await browser.post(f"{HERE}/{row.id}/delete")).status_code == 303
        assert (await browser.post(f"{HERE}/{row.id}/delete")).status_code == 404
    assert await rows(office) == []


async def test_what_is_refused_keeps_what_was_written(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    async with office.at_work("mara@example.com") as browser:
        await browser.get(HERE)
        refused = await browser.post(HERE, name="Late", text="Hi {{visitor.shoe}}", audience="own")
        assert refused.status_code == 422
        assert "There is no variable {{visitor.shoe}}" in unescape(refused.text)
        assert "Hi {{visitor.shoe}}</textarea>" in refused.text
        assert 'value="own" checked' in refused.text
        for payload in PAYLOADS[:-1]:
            assert (await browser.post(HERE, name=payload[:60], text=payload)).status_code == 303
        shown = (await browser.get(HERE)).text
        assert not any(payload in shown for payload in PAYLOADS if "<" in payload)
    assert len(await rows(office)) == len(PAYLOADS) - 1


async def test_agents_and_strangers_cannot_write_them(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    await office.agent("ann@example.com", office.site)
    await office.agent("else@example.com", office.other, "admin")
    async with office.at_work("mara@example.com") as browser:
        await browser.post(HERE, name="Late", text="Sorry", audience="site")
    [row] = await rows(office)
    for email, page, posted in (("ann@example.com", 403, 403), ("else@example.com", 200, 404)):
        async with office.at_work(email) as browser:
            read = await browser.get(HERE)
            assert (read.status_code, "Sorry" in read.text) == (page, False)
            assert (await browser.post(f"{HERE}/{row.id}", name="x", text="y")).status_code == posted
            assert (await browser.post(f"{HERE}/{row.id}/delete")).status_code == posted
    async with office.browser() as nobody:
        assert (await nobody.get(HERE)).status_code == 303
    assert [(r.name, r.text) for r in await rows(office)] == [("Late", "Sorry")]


async def test_an_agent_inserts_one_and_no_variable_reaches_the_visitor(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    await office.agent("ann@example.com", office.site, name="Ann Lee")
    async with office.at_work("mara@example.com") as browser:
        await browser.post(
            HERE, name="Late", text="Dear {{visitor.name}}, {{agent.name}} here", audience="site"
        )
        await browser.post(HERE, name="Private", text="x", audience="own")
    conversation = await office.conversation(office.site)
    elsewhere = await office.conversation(office.other)
    base = f"/console/conversations/{conversation}"
    raw = "Dear {{visitor.name}}, Ann here"
    async with office.at_work("ann@example.com") as browser:
        answer = await browser.client.get(f"{base}/canned", headers=PART)
        assert answer.json() == {"replies": [{"name": "Late", "text": raw, "missing": ["visitor.name"]}]}
        assert answer.headers["cache-control"] == "no-store"
        assert (await browser.client.get(f"/console/conversations/{elsewhere}/canned")).status_code == 404
        page = await browser.get(base)
        assert ">Private</option>" not in page.text
        [late] = [row for row in await rows(office) if row.name == "Late"]
        inserted = await browser.post(
            f"{base}/canned", canned=late.id, text="So far", kind="reply", client_id="c9"
        )
        assert inserted.status_code == 200
        assert f"So far\n\n{raw}</textarea>" in inserted.text
        assert "There is no value for this" in inserted.text
        assert 'value="c9"' in inserted.text
        assert (await browser.post(f"{base}/canned", canned="can_none", text="")).status_code == 404
        refused = await browser.part(f"{base}/say", text=raw, kind="reply", client_id="c9")
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "variable_left")
        assert (await office.holder(conversation))[0] == "assistant"
        sent = await browser.part(f"{base}/say", text="Dear you, Ann here", kind="reply", client_id="c9")
        assert sent.status_code == 204
    async with office.db.read() as tx:
        texts = list(await tx.scalars(select(Message.text).where(Message.author == "agent")))
    assert texts == ["Dear you, Ann here"]
