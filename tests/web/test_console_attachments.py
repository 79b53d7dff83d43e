"""Files of messages in the console: who sees them, how they come, and what an agent can send."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
from tests.helpers.pictures import PDF, SVG, picture
from tests.web.test_console import PART, Browser, Office
from tests.web.test_console import office as office  # noqa: PLC0414 (a fixture, named so that pytest finds it)

from minidesk.conversations import Sent, transcript
from minidesk.db.models import Conversation


async def attached(office: Office, *sent: tuple[str, bytes]) -> str:
    """A conversation whose first message has files and no words."""
    conversation = await office.conversation(office.site)
    async with office.db.read() as tx:
        row = await tx.get_one(Conversation, conversation)
    ids = []
    for name, data in sent:

        async def pieces(data: bytes = data) -> AsyncIterator[bytes]:
            yield data

        view = await office.deps.attachments.take(
            site_id=row.site_id, author="visitor", owner_id=row.visitor_id, sent=Sent(name, "", pieces())
        )
        ids.append(view.id)
    async with office.db.write() as tx:
        await office.deps.conversations.post_visitor_message(
            tx, row, client_id="c2", text="", attachments=ids
        )
    return conversation


async def say(
    browser: Browser,
    conversation: str,
    files: list[tuple[str, bytes, str]],
    *,
    part: bool = True,
    **fields: str,
) -> httpx.Response:
    """Send the composer's form, with files."""
    return await browser.client.post(
        f"/console/conversations/{conversation}/say",
        data={"csrf": browser.csrf, "text": "Here it is.", "kind": "reply", **fields},
        files=[("files", file) for file in files] or [("files", ("", b"", "application/octet-stream"))],
        headers={"Origin": browser.base, **(PART if part else {})},
    )


async def test_a_picture_is_shown_and_another_file_is_a_download(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    conversation = await attached(office, ("<b>.png", picture(width=800, height=400)), ("a.pdf", PDF))
    async with office.at_work("mara@example.com") as browser:
        page = (await browser.get(f"/console/conversations/{conversation}")).text
        links = re.findall(rf"/console/conversations/{conversation}/attachments/att_\w+", page)
        assert len(set(links)) == 2
        assert 'width="320" height="160"' in page
        assert 'alt="_b_.png"' in page
        first, second = [await browser.client.get(link) for link in dict.fromkeys(links)]
    assert first.headers["content-disposition"].startswith("inline")
    assert second.headers["content-disposition"] == "attachment; filename*=UTF-8''a.pdf"
    for answer in (first, second):
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    assert second.content == PDF


async def test_agents_of_other_sites_and_strangers_see_nothing(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await office.agent("ben@example.com", office.other)
    conversation, other = await attached(office, ("a.png", picture())), await office.conversation(office.site)
    async with office.db.read() as tx:
        file = (await transcript(tx, conversation, include_notes=True))[-1].attachments[0].id
    path = f"/console/conversations/{conversation}/attachments/{file}"
    async with office.at_work("ben@example.com") as browser:
        assert (await browser.client.get(path)).status_code == 404
    async with office.browser() as browser:
        assert (await browser.client.get(path)).status_code == 303
    async with office.at_work("mara@example.com") as browser:
        assert (await browser.client.get(path)).status_code == 200
        assert (await browser.client.get(path.replace(conversation, other))).status_code == 404


async def test_an_agent_sends_a_file_with_a_reply(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    conversation = await office.conversation(office.site)
    async with office.at_work("mara@example.com") as browser:
        files = [("label.png", picture(), "image/png"), ("terms.pdf", PDF, "application/pdf")]
        for _ in range(2):
            sent = await say(browser, conversation, files, client_id="same")
            assert sent.status_code == 204, sent.text
        assert (await say(browser, conversation, [], client_id="other", text="And this.")).status_code == 204
    async with office.db.read() as tx:
        messages = await transcript(tx, conversation, include_notes=False)
        events = await office.deps.events.after(tx, conversation, 0, audience="all")
    assert [[file.name for file in m.attachments] for m in messages] == [[], ["label.png", "terms.pdf"], []]
    told: Any = [e.data.get("attachments") for e in events if e.type == "message"]
    assert [file["name"] for file in told[1]] == ["label.png", "terms.pdf"]


async def test_what_is_refused_takes_nothing_over_and_keeps_the_draft(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    conversation = await office.conversation(office.site)
    svg, png = ("a.svg", SVG, "image/svg+xml"), ("a.png", picture(), "image/png")
    async with office.at_work("mara@example.com") as browser:
        assert (await say(browser, conversation, [svg])).json()["error"]["code"] == "type_not_allowed"
        page = await say(browser, conversation, [svg], part=False)
        assert page.status_code == 415
        assert "This kind of file is not taken." in page.text
        assert "Here it is.</textarea>" in page.text
        note = await say(browser, conversation, [png], kind="note")
        assert (note.status_code, note.json()["error"]["code"]) == (422, "note_with_files")
        assert (await say(browser, conversation, [png] * 6)).json()["error"]["code"] == "too_many_files"
    assert await office.holder(conversation) == ("assistant", None)
    async with office.db.read() as tx:
        assert [m.author for m in await transcript(tx, conversation, include_notes=True)] == ["visitor"]
