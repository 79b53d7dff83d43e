"""What the chat offers around an answer, and who is on the other side of it."""

import base64
from datetime import time
from typing import Any

import pytest
from playwright.async_api import expect
from pydantic import SecretStr
from sqlalchemy import select, update

from minidesk.accounts import seen_here
from minidesk.db.models import Agent, SentMail
from minidesk.files.pictures import portrait
from minidesk.sites import Look, OpeningHours, SiteConfig, Span, update_config
from tests.browser import embedding as parts
from tests.browser.embedding import Embedding, say, until
from tests.browser.test_widget_access import violations
from tests.helpers.pictures import picture
from tests.rows import add_agent
from tests.web import conftest as rooms

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

desk, embedding, database_kind = rooms.desk, parts.embedding, parts.database_kind
voice, ledger = rooms.voice, rooms.ledger

MORNING = Span(start=time(9), end=time(10))
# A browser with a voice of a vendor's for English, and one of its own for German.
VOICES = """
window.said = [];
class Utterance { constructor(text) { this.text = text; } }
Object.defineProperty(window, 'SpeechSynthesisUtterance', {value: Utterance});
Object.defineProperty(window, 'speechSynthesis', {value: {
  getVoices: () => [{lang: 'en-GB', localService: false}, {lang: 'de_DE', localService: true}],
  speak: (it) => said.push(it.text + ' in ' + it.lang), cancel: () => said.push('quiet'),
  addEventListener() {}, removeEventListener() {},
}});
"""


@pytest.fixture
def limits() -> dict[str, Any]:
    """A desk that mails."""
    return {"smtp_url": SecretStr("smtp://127.0.0.1:1"), "mail_from": "desk@example.com"}


async def test_read_aloud_and_a_copy_by_mail(embedding: Embedding) -> None:
    context = await embedding.context()
    await context.add_init_script(VOICES)
    page = await embedding.page(context)
    frame = await embedding.chat(page)
    await say(frame, "How long can I return boots?")
    await embedding.desk.answer(
        await embedding.last_question(), "You have 30 days for the return of your boots."
    )
    await frame.locator(".follow").wait_for()
    button = frame.get_by_role("button", name="Read aloud")
    await expect(button).to_have_count(0)  # the only voice for it would send the text away
    await say(frame, "Und auf Deutsch?")
    await embedding.desk.answer(
        await embedding.last_question(), "Sie haben **30 Tage**, und die Ware ist nicht getragen."
    )
    await button.focus()
    await page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "true")
    spoken = "Sie haben 30 Tage, und die Ware ist nicht getragen. in de_DE"
    assert await frame.evaluate("said") == [spoken]
    assert await violations(frame) == []
    await page.keyboard.press("Enter")
    await expect(button).to_have_attribute("aria-pressed", "false")
    assert await frame.evaluate("said") == [spoken, "quiet"]

    await frame.get_by_role("button", name="More").click()
    await frame.get_by_label("Send this conversation by e-mail to").fill("ana@example.com")
    assert await violations(frame) == []
    await page.keyboard.press("Enter")
    await expect(frame.get_by_role("dialog").get_by_role("status")).to_have_text(
        "A copy is on its way to ana@example.com."
    )
    async with embedding.desk.db.read() as tx:
        assert [(row.kind, row.address) for row in await tx.scalars(select(SentMail))] == [
            ("copy", "ana@example.com")
        ]
    assert embedding.complaints == []


async def test_a_face_in_a_dark_chat(embedding: Embedding) -> None:
    it = embedding.desk
    face = base64.b64encode(portrait(picture(), "image/png")).decode()
    config = SiteConfig(look=Look(scheme="dark", bottom=80, side=40, logo=face))
    async with it.db.write() as tx:
        await update_config(tx, it.site.id, config)
    page = await embedding.page(await embedding.context(color_scheme="light"))
    frame = await embedding.chat(page)
    assert await frame.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 23, 21)"
    await expect(page.locator("minidesk-widget button")).to_have_css("bottom", "80px")
    agent = await add_agent(it.db, it.clock, it.site.id, "Mara Berg")
    await seen_here(it.db, it.hub, it.site.id, agent.id, it.clock())
    logo = frame.locator(".head img")
    assert "/logo/" in str(await logo.get_attribute("src"))
    await say(frame, "I want a person")
    await embedding.last_question()
    await frame.get_by_role("button", name="Talk to a person").first.click()
    await expect(frame.get_by_text("You are next.")).to_be_visible()
    assert await violations(page, frame) == []
    id = await embedding.conversation()
    async with it.db.write() as tx:
        await tx.execute(update(Agent).where(Agent.id == agent.id).values(picture=face))
        await it.conversations.take_over(tx, id, agent.id)
    await expect(logo).to_have_attribute("src", f"data:image/webp;base64,{face}")
    with it.streams.here.viewing(id, agent.id, agent.name):
        it.streams.here.wrote(id, agent.id, it.clock())
        it.hub.wake(f"conversation:{id}")
        # The test's clock stands in the past: what counts is that the chat was told.
        await frame.get_by_role("textbox").press_sequentially("hel")

        async def heard() -> bool | None:
            return it.streams.here.visitor_writes(id, it.clock()) or None

        assert await until(heard)
    assert embedding.complaints == []


# Calls from before the script arrived.
QUEUED = """<script>window.heard = [];
window.minidesk = function () { (minidesk.q = minidesk.q || []).push(arguments); };
for (const name of ['ready', 'open', 'close', 'message', 'unread', 'handoff'])
  minidesk('on', name, (it) => heard.push(`${name} ${it?.author ?? it?.number ?? it ?? ''}`));
minidesk('send', 'from the page');</script>"""


async def test_the_pages_own_door(embedding: Embedding) -> None:
    embedding.more = QUEUED
    page = await embedding.page()
    await embedding.frame(page)  # what was queued opened it
    question = await embedding.last_question()
    await page.evaluate("minidesk('toggle')")
    await embedding.desk.answer(question, "You have 30 days.")
    button = page.locator("minidesk-widget button")
    await expect(button).to_have_accessible_name("Open chat (1)")
    await embedding.desk.handoff.hand_off(await embedding.conversation(), "customer_request")
    await page.wait_for_function("heard.includes('handoff 1')")
    expected = {"ready ", "open ", "close ", "message visitor", "message assistant", "unread 1", "handoff 1"}
    assert expected <= set(await page.evaluate("heard"))
    # Another page of the shop: a conversation is open, so the chat comes by itself once the page has nothing to do.
    embedding.more = ""
    await page.goto(embedding.origin() + "/cart")
    await expect(button).to_have_accessible_name("Open chat (1)")
    await page.evaluate("history.pushState(null, '', '/boots')")
    frame = await embedding.chat(page)
    await expect(frame.locator(".from-visitor")).to_contain_text("from the page")
    await expect(button).to_have_accessible_name("Close chat")
    assert embedding.complaints == []


async def test_when_people_are_back_is_read_to_its_end(embedding: Embedding) -> None:
    it = embedding.desk
    async with it.db.write() as tx:
        await update_config(tx, it.site.id, SiteConfig(hours=OpeningHours(week=((MORNING,),) * 7)))
    frame = await embedding.chat(await embedding.page())
    line = frame.locator(".head-names p")
    await expect(line).to_have_text("Assistant · People are back tomorrow at 9")
    assert await line.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight")
