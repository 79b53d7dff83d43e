"""What the visitor may have meant, as buttons: by hand or by keyboard, and gone once something is said."""

from pathlib import Path

import pytest
from playwright.async_api import Frame, expect

from minidesk.conversations import AnswerEnd
from tests.browser import embedding as parts
from tests.browser.embedding import Embedding, say
from tests.web import conftest as rooms

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

desk, limits, embedding, database_kind = rooms.desk, rooms.limits, parts.embedding, parts.database_kind
voice, ledger = rooms.voice, rooms.ledger

CHOICES = (
    "Shipping costs",
    "Can I change the payment method after…",
    "Gifts: returning and exchanging presents",
)
NAME = "document.activeElement.textContent"


async def asked_back(embedding: Embedding) -> Frame:
    """A chat in which the assistant has just asked what is meant."""
    page = await embedding.page()
    frame = await embedding.chat(page)
    await say(frame, "What does it cost?")
    question = await embedding.last_question()
    desk = embedding.desk
    handle = await desk.begin(question)
    end = AnswerEnd(outcome="clarify", kind="choices", text="Do you mean …?", choices=CHOICES)
    async with desk.db.write() as tx:
        await desk.conversations.finish_answer(tx, handle, end)
    await frame.locator(".follow .pill").first.wait_for()
    return frame


async def test_a_choice_is_pressed_and_all_are_gone(embedding: Embedding, tmp_path: Path) -> None:
    frame = await asked_back(embedding)
    pills = frame.locator(".follow .pill")
    await expect(pills).to_have_text(list(CHOICES))
    await frame.page.screenshot(path=tmp_path / "choices.png")
    assert await frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await pills.nth(1).click()
    await expect(pills).to_have_count(0)
    await expect(frame.locator(".from-visitor").last).to_have_text(f"You: {CHOICES[1]}")
    await embedding.last_question()
    assert (await embedding.messages())[-1].text == CHOICES[1]
    assert embedding.complaints == []


async def test_choices_are_reached_by_tab_and_arrows(embedding: Embedding) -> None:
    frame = await asked_back(embedding)
    keys = frame.page.keyboard
    for _ in range(6):
        await keys.press("Shift+Tab")
        if await frame.evaluate(NAME) == CHOICES[2]:
            break
    for key, name in (("ArrowLeft", 1), ("ArrowUp", 0), ("ArrowUp", 2), ("ArrowRight", 0), ("ArrowDown", 1)):
        await keys.press(key)
        assert await frame.evaluate(NAME) == CHOICES[name]
    await keys.press("Enter")
    await expect(frame.locator(".follow .pill")).to_have_count(0)
    await expect(frame.locator(".from-visitor").last).to_have_text(f"You: {CHOICES[1]}")


async def test_writing_something_else_takes_them_away(embedding: Embedding) -> None:
    frame = await asked_back(embedding)
    await say(frame, "the Nordkette")
    await expect(frame.locator(".follow .pill")).to_have_count(0)
