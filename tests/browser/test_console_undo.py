"""What can be taken back is done at once and undone by a key within ten seconds; what cannot is asked once."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Dialog, Page, Route, expect

from tests.browser import test_console_access as access
from tests.browser.test_console_access import Furnished, signed_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console


async def opened(console: Furnished, browser: Browser) -> Page:
    """The conversation, held by the agent who looks at it."""
    _, page = await signed_in(console, browser)
    await page.clock.install()
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}?view=open")
    if await page.locator("#talk-head").get_attribute("data-mine") == "no":
        await page.keyboard.press("t")
    await expect(page.locator("#talk-head")).to_have_attribute("data-mine", "yes")
    return page


async def test_solved_and_undone_by_the_keyboard_it_is_the_agents_again(
    console: Furnished, browser: Browser
) -> None:
    page = await opened(console, browser)
    await expect(page.locator("#undo")).to_be_hidden()
    await page.keyboard.press("e")
    await expect(page.locator("#talk-names")).to_contain_text("solved")
    await expect(page.locator("#undo")).to_contain_text("Solved.")
    await page.keyboard.press("u")
    await expect(page.locator("#talk-head")).to_have_attribute("data-mine", "yes")
    await expect(page.locator("#talk-names")).not_to_contain_text("solved")
    await expect(page.locator("#undo")).to_be_hidden()
    # Once more, and let go: after ten seconds the key does nothing.
    await page.keyboard.press("e")
    await expect(page.locator("#undo")).to_be_visible()
    await page.clock.fast_forward(11_000)
    await expect(page.locator("#undo")).to_be_hidden()
    await page.keyboard.press("u")
    await expect(page.locator("#talk-names")).to_contain_text("solved")


async def test_a_key_pressed_as_soon_as_its_form_is_there_can_be_undone(
    console: Furnished, browser: Browser
) -> None:
    page = await opened(console, browser)
    # No timer runs: nothing that makes a form ready may wait for one.
    await page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    for _ in range(2):
        await page.keyboard.press("e")
        await expect(page.locator("#undo")).to_contain_text("Solved.")
        await page.keyboard.press("u")
        await expect(page.locator("#talk-names")).not_to_contain_text("solved")
        await expect(page.locator("#talk-head")).to_have_attribute("data-mine", "yes")


async def test_undo_is_offered_though_the_page_was_told_before_the_answer_came(
    console: Furnished, browser: Browser
) -> None:
    page = await opened(console, browser)

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await expect(page.locator("#talk-names")).to_contain_text("solved")
        await expect(page.locator("#act-solve")).to_have_count(0)
        await route.fulfill(response=answer)

    await page.route("**/solve", late)
    await page.keyboard.press("e")
    await expect(page.locator("#undo")).to_contain_text("Solved.")


async def test_what_was_put_off_is_in_sight_again(console: Furnished, browser: Browser) -> None:
    page = await opened(console, browser)
    await page.keyboard.press("z")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#talk-names")).to_contain_text(re.compile("back \\d"))
    await expect(page.locator("#undo")).to_contain_text("Put off.")
    await page.locator("#undo button").click()
    await expect(page.locator("#talk-names")).not_to_contain_text(re.compile("back \\d"))


async def test_many_are_solved_and_undone_and_asked_for_once_before_they_are_closed(
    console: Furnished, browser: Browser
) -> None:
    page = await opened(console, browser)
    await page.goto(f"{console.office.base}/console/inbox?view=open")
    box, row = page.locator("#rows input[name=chosen]"), page.locator("#rows [data-row]")
    await box.first.check()
    await page.locator("#bulk button[value=solve]").click()
    await expect(page.get_by_role("status").filter(has_text="1 ticket solved.")).to_be_visible()
    await expect(row).to_have_count(0)
    await page.keyboard.press("u")
    await expect(page.get_by_role("status").filter(has_text="1 ticket is open again.")).to_be_visible()
    await expect(row).to_have_count(1)

    asked: list[str] = []

    async def no(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await dialog.dismiss()

    page.on("dialog", no)
    await box.first.check()
    await page.locator("#bulk button[value=close]").click()
    await page.locator("#bulk button[value=spam]").click()
    await expect(row).to_have_count(1)
    assert asked == [
        "Close them for good? Tickets: 1",
        "Put them away as spam and close their tickets? Conversations: 1",
    ]
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await expect(page.locator("#talk-head")).to_have_attribute("data-mine", "yes")
