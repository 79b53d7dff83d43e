"""The form before the first message, and what the launcher says by itself."""

from typing import Any

import pytest
from playwright.async_api import expect

from minidesk.db.models import Conversation, Visitor
from minidesk.sites import SiteConfig, update_config
from tests.browser import embedding as parts
from tests.browser.embedding import SHOP, Embedding, say, until
from tests.browser.test_widget_access import violations
from tests.web import conftest as rooms

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

desk, limits, embedding, database_kind = rooms.desk, rooms.limits, parts.embedding, parts.database_kind
voice, ledger = rooms.voice, rooms.ledger
HELP = "Shall I help you to find your size?"


async def set_up(embedding: Embedding, **config: Any) -> None:
    async with embedding.desk.db.write() as tx:
        await update_config(tx, embedding.desk.site.id, SiteConfig(greeting="Servus", **config))


@pytest.mark.parametrize("lang", ["en", "ar"])
async def test_the_form_comes_before_the_first_message(embedding: Embedding, lang: str) -> None:
    await set_up(
        embedding,
        ask_name="required",
        ask_email="optional",
        ask_own="optional",
        own_question="Which order?",
        ask_consent=True,
        consent_text="I agree.",
        privacy_url="https://shop.example/privacy",
        quick_replies=("Where is my parcel?",),
    )
    embedding.lang = lang
    page = await embedding.page()
    await page.locator("minidesk-widget button").click()
    inside = page.frame_locator("minidesk-widget iframe")
    form = inside.locator("form.intake")
    await expect(form.locator("input").first).to_be_focused()
    await expect(inside.locator("textarea")).to_have_count(0)
    frame = next(frame for frame in page.frames if frame.url.startswith(embedding.desk_url))
    assert await violations(frame) == []
    # What is said before waits for the form.
    await inside.get_by_role("button", name="Where is my parcel?").click()
    await expect(inside.locator(".from-visitor")).to_have_count(1)
    await form.locator("button").click()
    await expect(form).to_be_visible()  # the browser says what is missing
    assert await embedding.messages() == []
    await form.locator("input[name=name]").fill("Ana <b>Kovač</b>")
    await form.locator("input[name=answer]").fill("20431")
    await form.locator("input[name=consent]").check()
    await form.locator("button").press("Enter")
    await expect(inside.locator("textarea")).to_be_focused()
    await embedding.last_question()
    async with embedding.desk.db.read() as tx:
        row = await tx.get_one(Conversation, await embedding.conversation())
        who = await tx.get_one(Visitor, row.visitor_id)
    assert (who.name, who.email, who.verified) == ("Ana <b>Kovač</b>", None, False)
    assert (row.asked_answer, row.consent_text) == ("20431", "I agree.")
    await say(frame, "and another")
    await expect(inside.locator(".from-visitor")).to_have_count(2)

    async def both() -> list[str] | None:
        texts = [message.text for message in await embedding.messages()]
        return texts if len(texts) > 1 else None

    assert await until(both) == ["Where is my parcel?", "and another"]
    assert embedding.complaints == []


async def test_a_refused_first_message_brings_the_form(embedding: Embedding) -> None:
    page = await embedding.page()
    frame = await embedding.chat(page)
    await expect(frame.locator(".from-desk")).to_contain_text("Servus")
    await set_up(embedding, ask_consent=True)  # while the chat is open
    await say(frame, "hello")
    await expect(frame.locator(".from-visitor")).to_contain_text("hello")
    await expect(frame.get_by_text("Agree to how your messages are used")).to_be_visible()
    await frame.locator("form.intake input[name=consent]").check()
    await frame.locator("form.intake button").click()
    await embedding.last_question()
    await expect(frame.locator(".from-visitor")).to_have_count(1)
    assert [message.text for message in await embedding.messages()] == ["hello"]


async def test_the_launcher_says_it_once(embedding: Embedding) -> None:
    asked: list[str] = []
    await set_up(embedding, nudges=(f"/boots/* | 1 | 0 | {HELP}",))
    context = await embedding.context()
    page = await embedding.page(context)
    page.on("request", lambda request: asked.append(request.url))
    nudge = page.locator("minidesk-nudge")
    await expect(nudge).to_be_attached()
    await page.evaluate("history.pushState(null, '', '/boots/7')")  # the rules follow the page's own routes
    bubble = nudge.get_by_role("button", name=HELP)
    await expect(bubble).to_be_visible()
    assert await page.evaluate("document.activeElement.tagName") == "BODY"
    assert await nudge.get_by_role("status").count() == 1
    assert not [url for url in asked if "locale" in url and "nudge" not in url], "the chat was loaded for it"
    assert await violations(page) == []
    await bubble.click()
    frame = await embedding.frame(page)
    await expect(frame.locator(".from-desk")).to_have_text(HELP)
    await expect(bubble).to_have_count(0)
    again = await embedding.page(context, path="/boots/7")
    await expect(again.locator("minidesk-nudge")).to_be_attached()
    await again.wait_for_timeout(2500)  # longer than the rule waits
    await expect(again.locator("minidesk-nudge").get_by_role("button")).to_have_count(0)
    assert embedding.complaints == []


async def test_closing_it_is_remembered(embedding: Embedding) -> None:
    await set_up(embedding, nudges=(f"/* | 0 | 0 | {HELP}", "/ | 0 | 0 | Something else"))
    embedding.policy = f"default-src 'none'; script-src {embedding.desk_url}; frame-src {embedding.desk_url}; require-trusted-types-for 'script'; trusted-types 'none'"
    context = await embedding.context(reduced_motion="reduce")
    page = await embedding.page(context)
    nudge = page.locator("minidesk-nudge")
    await nudge.get_by_role("button", name="Close the message").click()
    await expect(nudge.get_by_role("button")).to_have_count(0)
    assert await page.evaluate(f"localStorage.getItem('minidesk:{embedding.desk.site.key}:nudges')")
    await page.reload()
    await expect(page.locator("minidesk-nudge")).to_be_attached()
    await page.wait_for_timeout(2500)
    await expect(page.locator("minidesk-nudge").get_by_role("button")).to_have_count(0)
    assert embedding.complaints == []


async def test_without_rules_nothing_is_asked_for(embedding: Embedding) -> None:
    asked: list[str] = []
    page = await (await embedding.context()).new_page()
    page.on("request", lambda request: asked.append(request.url.partition(":")[2].rpartition("/")[2]))
    await page.goto(embedding.origin(SHOP))
    await page.locator("minidesk-widget").wait_for(state="attached")
    await page.wait_for_load_state("networkidle")
    assert "widget.js" in asked
    assert not [name for name in asked if "nudge" in name]
