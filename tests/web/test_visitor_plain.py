"""The chat without JavaScript, filled in as a browser without scripts would."""

import re
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import lxml.html
import pytest
from sqlalchemy import func, select
from tests.web.conftest import SHOP, Desk

from minidesk.db.models import Conversation, Message
from minidesk.db.models import Visitor as VisitorRow
from minidesk.web.visitor_api import plain


@dataclass
class Page:
    """A page with its form."""

    client: httpx.AsyncClient
    answer: httpx.Response
    fields: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the form."""
        self.tree = cast(Any, lxml.html.document_fromstring(self.answer.text))
        (self.form,) = self.tree.forms
        self.fields = {name: value or "" for name, value in self.form.form_values()}

    @property
    def text(self) -> str:
        """The words on it."""
        return " ".join(self.tree.text_content().split())

    async def press(self, do: str, text: str = "", **changed: str) -> "Page":
        """Press a button."""
        data = self.fields | {"text": text, "do": do} | changed
        return Page(self.client, await self.client.post(self.form.action, data=data))

    def said(self) -> list[tuple[str, str]]:
        """Who said what."""
        items = self.tree.xpath("//ol/li")
        return [
            (item.get("class"), " ".join(item.xpath("string(div)").split()))
            for item in items
            if item.xpath("div")
        ]


async def open_page(client: httpx.AsyncClient, desk: Desk, query: str = "") -> Page:
    """The page as it first comes."""
    answer = await client.get(f"/widget/{desk.site.key}/plain{query}")
    assert answer.status_code == 200
    return Page(client, answer)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No assistant answers here, unless the test does."""
    monkeypatch.setattr(plain, "ANSWER_SECONDS", 0.2)


async def count(desk: Desk, model: Any) -> int:
    async with desk.db.read() as tx:
        return await tx.scalar(select(func.count()).select_from(model)) or 0


async def test_a_question_an_answer_and_a_person(client: httpx.AsyncClient, desk: Desk) -> None:
    page = await open_page(client, desk)
    assert await count(desk, VisitorRow) == 0  # looking costs nothing
    assert "Servus" in page.text
    asked = await page.press("send", "How long can I return <b>boots</b>?")
    assert asked.said() == [("visitor", "How long can I return <b>boots</b>?")]
    assert "Your question has arrived" in asked.text
    async with desk.db.read() as tx:
        message = await tx.scalar(select(Message.id))
    assert message is not None
    await desk.answer(message, "You have 30 days.")
    shown = await asked.press("refresh")
    assert shown.said()[1] == ("assistant", "You have 30 days.")
    assert "Your question has arrived" not in shown.text
    assert [a.get("href") for a in shown.tree.xpath("//ol//ul//a")] == ["/returns"]
    person = await shown.press("person")
    assert "Your request has number 1" in person.text
    assert not person.tree.xpath("//button[@value='person']")
    assert (await count(desk, Conversation), await count(desk, VisitorRow)) == (1, 1)


async def test_the_token_stands_in_no_address(client: httpx.AsyncClient, desk: Desk) -> None:
    page = await (await open_page(client, desk)).press("send", "hello")
    token = page.fields["token"]
    assert len(token) == 43
    assert page.answer.text.count(token) == 1
    assert token not in str(page.answer.headers)
    assert page.form.method == "POST"
    assert (page.answer.headers["Cache-Control"], page.answer.headers["Referrer-Policy"]) == (
        "no-store",
        "no-referrer",
    )
    policy = page.answer.headers["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert policy.endswith(f"frame-ancestors 'self' {SHOP}")
    assert not page.tree.xpath("//script | //style | //@style | //@onclick")
    sheet = await client.get("/widget/plain.css")
    assert (sheet.status_code, sheet.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    stolen = await client.get(f"/widget/{desk.site.key}/plain?token={token}")
    assert token not in stolen.text


async def test_a_reload_says_it_once(client: httpx.AsyncClient, desk: Desk) -> None:
    page = await (await open_page(client, desk)).press("send", "first")
    for _ in range(3):  # the browser sends the same form again
        again = await page.press("send", "second")
    assert [text for _, text in again.said()] == ["first", "second"]
    assert await count(desk, Message) == 2


async def test_refusals_keep_what_was_written(client: httpx.AsyncClient, desk: Desk) -> None:
    page = await open_page(client, desk)
    empty = await page.press("send", "  ")
    assert empty.answer.status_code == 422
    assert "Write something first." in empty.text
    long = await page.press("send", "x" * 4001)
    assert "Shorten it to 4000 characters" in long.text
    assert long.fields["text"] == "x" * 4001
    assert await count(desk, Conversation) == 0
    first = await page.press("send", "hello")
    for n in range(9):
        await first.press("send", f"more {n}", client_id=f"{n:x}" * 8)
    busy = await first.press("send", "one too many", client_id="abcdef")
    assert (busy.answer.status_code, busy.fields["text"]) == (429, "one too many")
    assert "wait a moment" in busy.text
    desk.clock.advance(minutes=2)
    assert (await busy.press("send", "one too many")).said()[-1] == ("visitor", "one too many")
    desk.clock.advance(days=31)
    ended = await busy.press("send", "still there?")
    assert (ended.answer.status_code, ended.fields["text"]) == (401, "still there?")
    assert ended.said() == []
    assert (await ended.press("send", "still there?")).said() == [("visitor", "still there?")]


async def test_what_is_anothers_stays_theirs(client: httpx.AsyncClient, desk: Desk) -> None:
    ana = await (await open_page(client, desk)).press("send", "my secret")
    ben = await (await open_page(client, desk)).press("send", "hello")
    for id in (ana.fields["conversation"], "cnv_0", "a\0b", "x" * 300):
        for do in ("refresh", "person", "send"):
            seen = await ben.press(do, "hi" if do == "send" else "", conversation=id)
            assert seen.answer.status_code == 404
            assert "my secret" not in seen.answer.text
    other = await client.get(f"/widget/{desk.other.key}/plain")
    foreign = await Page(client, other).press("send", "hello", token=ana.fields["token"])
    assert foreign.answer.status_code == 401
    for missing in ("pk_none", "x" * 300):
        assert (await client.get(f"/widget/{missing}/plain")).status_code == 404


async def test_it_speaks_the_visitors_language(client: httpx.AsyncClient, desk: Desk) -> None:
    page = await open_page(client, desk, "?locale=ar")
    assert (page.tree.get("lang"), page.tree.get("dir")) == ("ar", "rtl")
    said = await page.press("person")
    assert re.search("رقم طلبك هو 1", said.text)
    assert said.tree.get("dir") == "rtl"


PAYLOADS = ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)"]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_text_is_text(client: httpx.AsyncClient, desk: Desk, payload: str) -> None:
    page = await (await open_page(client, desk)).press(
        "send", payload, client_id='"><script>', conversation=""
    )
    assert not page.tree.xpath("//script | //img | //@onerror")
    refused = await page.press("send", payload * 300)
    assert not refused.tree.xpath("//script | //img | //@onerror")
