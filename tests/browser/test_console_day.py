"""Two agents at one conversation, as they see each other: who writes, whose answer goes out, and a macro by keyboard alone."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import test_console_access as access
from tests.browser.conftest import PATIENCE_MS, sign_in_as
from tests.browser.test_console_access import Furnished, signed_in
from tests.web.test_console import PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console


async def both_at(console: Furnished, browser: Browser) -> tuple[Page, Page]:
    """The conversation on a page of each agent's: Mara's, and Ben's beside it."""
    _, mara = await signed_in(console, browser)
    context = await browser.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    ben = await context.new_page()
    await sign_in_as(ben, console.office.base, "ben@example.com", PASSWORD)
    for each in (mara, ben):
        await each.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    return mara, ben


async def test_two_agents_see_each_other_write_and_never_both_send_unasked(
    console: Furnished, browser: Browser
) -> None:
    ada, ben = await both_at(console, browser)
    await expect(ben.get_by_text("Mara Lindt is here")).to_be_visible()
    await expect(ada.get_by_text("Ben Okafor is here")).to_be_visible()
    await ada.locator("#say").press_sequentially("I am looking")
    await expect(ben.get_by_text("Mara Lindt is writing")).to_be_visible()
    await ben.locator("#say").fill("Hello from Ben")
    await ben.keyboard.press("Control+Enter")
    await expect(ben.get_by_text("Mara Lindt is writing. Send anyway?")).to_be_visible()
    await expect(ben.locator("#say")).to_have_value("Hello from Ben")
    await ben.get_by_role("button", name="Send anyway").click()
    await expect(ada.locator("#messages")).to_contain_text("Hello from Ben")
    await expect(ben.locator("#say")).to_have_value("")
    await ada.keyboard.press("Control+Enter")
    await expect(ada.get_by_text("Ben Okafor is on this conversation")).to_be_visible()
    await expect(ada.locator("#say")).to_have_value("I am looking")
    await expect(ada.locator(".entry.agent")).to_have_count(1)


async def test_a_macro_by_the_slash_and_the_keyboard_alone(console: Furnished, browser: Browser) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    # Whoever is mentioned has read it once the page was there for a moment.
    await expect(page.locator("#list-part")).to_have_attribute("data-mentions", "0")
    await page.keyboard.press("r")
    await page.keyboard.type("/late")
    await expect(page.locator("#canned-options [role=option]")).to_contain_text(
        "tags late; team Parcels; priority high; solve"
    )
    await page.keyboard.press("Enter")
    await expect(page.locator("#say")).to_have_value("Sorry, it is late.")
    await expect(page.locator("[data-macro]")).to_be_visible()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages")).to_contain_text("Sorry, it is late.")
    await expect(page.locator("#talk-names")).to_contain_text("solved")
    await expect(page.locator("#tag-list")).to_contain_text("late")
    await expect(page.locator("[data-macro]")).to_be_hidden()


async def test_snoozed_by_keyboard_it_leaves_the_list_and_an_open_menu_survives_news(
    console: Furnished, browser: Browser
) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}?view=open")
    await expect(page.locator("#rows [data-row]")).to_have_count(1)
    await page.keyboard.press("z")
    await expect(page.locator("#act-snooze")).to_have_attribute("open", "")
    async with console.office.db.write() as tx:
        await console.office.deps.conversations.post_system_message(tx, console.conversation, "News came in")
    await expect(page.locator("#messages")).to_contain_text("News came in")
    await expect(page.locator("#act-snooze")).to_have_attribute("open", "")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#talk-names")).to_contain_text(re.compile("back \\d"))
    await page.goto(f"{console.office.base}/console/inbox?view=open")
    await expect(page.locator("#rows")).to_contain_text("No open tickets")


async def test_what_goes_to_an_editor_is_said_on_the_page_at_once(
    console: Furnished, browser: Browser
) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    # What somebody corrected is corrected again.
    await page.locator("details.wrong > summary").click()
    await page.locator("details.wrong textarea").fill("It takes six days.")
    await page.locator("details.wrong button").click()
    await expect(page.locator(".righted")).to_contain_text("It takes six days.")
    await page.locator("#say").fill("Your parcel is in Graz.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages")).to_contain_text("Your parcel is in Graz.")
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await expect(page.locator("#talk-names")).to_contain_text("solved")
    await page.keyboard.press("x")
    await page.get_by_role("button", name="Make this an article").press("Enter")
    await expect(page.get_by_text("An editor has your answer as a draft.")).to_be_visible()
    await page.get_by_role("link", name="See the draft").click()
    await expect(page.get_by_text("Your parcel is in Graz.")).to_be_visible()


async def test_what_a_colleague_has_is_taken_over_by_its_key_and_by_nobody_who_did_not_see_it(
    console: Furnished, browser: Browser
) -> None:
    ada, ben = await both_at(console, browser)
    take = ben.locator("#act-take-over button")
    await expect(take).to_have_class("primary")
    # Ben's page still says that nobody has it.
    live = re.compile(r"/live(\?|$)")
    await ben.route(live, lambda route: route.abort())
    await ada.locator("#act-take-over button").click()
    await expect(ada.locator("#talk-head")).to_have_attribute("data-mine", "yes")
    await take.click()
    await expect(ben.locator("#talk-problem")).to_contain_text("Mara Lindt is on this conversation")
    await ben.unroute(live)
    await ben.reload()
    await expect(take).to_contain_text("Take over from Mara")
    await expect(take).not_to_have_class("primary")
    await ben.keyboard.press("t")
    await expect(ben.locator("#talk-head")).to_have_attribute("data-mine", "yes")
    await expect(ada.locator("#talk-names")).to_contain_text("with Ben Okafor")
    await ben.locator("#say").fill("I go on here.")
    await ben.keyboard.press("Control+Enter")
    await expect(ada.locator("#messages")).to_contain_text("I go on here.")
