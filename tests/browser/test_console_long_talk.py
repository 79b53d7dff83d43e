"""A conversation of 130 messages: its end, what came before it, what is new, and the words of its first message."""

import pytest
from playwright.async_api import Browser, expect

from minidesk.conversations import transcript
from minidesk.db.models import Conversation
from tests.browser import test_console_access as access
from tests.browser.test_console_access import Furnished, signed_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console


async def test_what_is_new_comes_in_below_what_was_before_above_and_evidence_is_reached(
    console: Furnished, browser: Browser
) -> None:
    office = console.office
    async with office.db.read() as tx:
        first = (await transcript(tx, console.conversation, include_notes=False))[0].id

    async def say(*texts: str) -> None:
        async with office.db.write() as tx:
            row = await tx.get_one(Conversation, console.conversation)
            for text in texts:
                await office.deps.conversations.post_visitor_message(tx, row, client_id=text, text=text)

    await say(*(f"Line number {n}." for n in range(130)))
    _, page = await signed_in(console, browser)
    await page.goto(f"{office.base}/console/conversations/{console.conversation}")
    entries, last = page.locator("#messages > li"), page.locator("#messages > li").last
    await expect(entries).to_have_count(50)
    await expect(last).to_be_in_viewport()
    await last.evaluate("element => (element.kept = true)")
    await say("Something new.")
    await expect(entries).to_have_count(51)
    await expect(last).to_contain_text("Something new.")
    await expect(last).to_be_in_viewport()
    assert await entries.nth(49).evaluate(
        "element => element.kept"
    )  # the very same element: it was not sent again
    oldest = page.locator("#messages > li").first
    await page.get_by_role("link", name="Show earlier messages").press("Enter")
    await expect(entries).to_have_count(101)
    await expect(
        page.get_by_text("Line number 80.", exact=True)
    ).to_be_in_viewport()  # what was read stays where it is
    assert await entries.nth(99).evaluate("element => element.kept")
    await say("And more.")
    await expect(last).to_contain_text("And more.")
    await expect(entries).to_have_count(102)
    await expect(oldest).not_to_have_id(f"m-{first}")
    await page.locator("#p-summary .evidence").first.click()
    await expect(page.locator(f"#m-{first}")).to_be_in_viewport()
