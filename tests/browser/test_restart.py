"""The server is killed with -9 in the middle of an answer and started again: nothing is lost, nothing comes twice."""

import asyncio
import sqlite3
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from minidesk.gateway.scripted import Line, ScriptedModel
from tests.browser.conftest import Server, Widget, person
from tests.helpers.serving import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FIRST = "You can return articles within 30 days after delivery. "
SECOND = "The day on which the last parcel of the order reached you counts as day zero."


async def test_killed_in_mid_answer_and_started_again(server: Server, browser: Browser) -> None:
    never = asyncio.Event()
    calls: list[dict[str, Any]] = []

    def model(request: dict[str, Any]) -> Line:
        """Stops after its first sentence the first time it is asked."""
        calls.append(request)
        return Line((FIRST, SECOND[:8], SECOND[8:]), gate=never if len(calls) == 1 else None)

    async with serving(ScriptedModel(otherwise=model)) as url:
        server.environment |= {"MINIDESK_MODEL_BASE_URL": f"{url}/v1", "MINIDESK_MODEL": "scripted"}
        await server.start()
        visitor = await person(browser, server.url)
        widget = Widget(visitor.page)
        await widget.open(server.url)
        await widget.say("How long do I have to send something back?")
        answer = widget.frame.locator(".from-desk .prose").first
        await expect(answer).to_contain_text("30 days after delivery")

        await server.kill()
        # Written while nobody listens: it waits in the widget until the desk is back.
        await widget.say("Which payment methods do you take?")
        await server.start()

        await expect(answer).to_contain_text("day zero")
        await expect(widget.frame.locator(".from-desk .prose")).to_have_count(2)  # one answer each
        await expect(widget.frame.locator(".from-visitor")).to_have_count(2)
        await visitor.page.reload()
        await widget.frame.get_by_role("textbox").wait_for()
        await expect(widget.frame.locator(".from-desk .prose")).to_have_count(2)
        await expect(answer).to_contain_text("day zero")
        never.set()

    with sqlite3.connect(server.folder / "data" / "minidesk.db") as rows:
        # The demo's own conversations have people only.
        theirs = "SELECT conversation_id FROM messages WHERE author = 'assistant'"
        found = rows.execute(
            f"SELECT author, state, attempt, text FROM messages WHERE conversation_id IN ({theirs}) ORDER BY seq"
        ).fetchall()
    rows.close()
    assert [(author, state) for author, state, _, _ in found] == [
        ("visitor", "done"),
        ("assistant", "done"),
        ("visitor", "done"),
        ("assistant", "done"),
    ]
    assert found[1][2] == 2  # the second attempt, in the same row
    assert found[1][3].strip() == (FIRST + SECOND).strip()
