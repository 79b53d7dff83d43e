"""The command bar: every page and every action by Ctrl+K and words, and `@` in a note."""

import asyncio

import pytest
from fastapi.routing import APIRoute
from playwright.async_api import Browser, Page, Route, expect

from minidesk.web.console import console_router
from tests.browser import test_console_access as access
from tests.browser.conftest import PATIENCE_MS, sign_in_as
from tests.browser.test_console_access import LAPTOP, PHONE, Furnished, signed_in
from tests.browser.test_widget_access import violations
from tests.web.test_console import PASSWORD

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console
# Pages without a place of their own: doors, what stands within another page, and Start, which leaves the rail when it is done.
NO_PLACES = {
    "/console", "/console/login", "/console/login/code", "/console/login/enrol", "/console/login/oidc",
    "/console/login/oidc/callback", "/console/setup", "/console/reset", "/console/account/two-factor",
    "/console/docs/open", "/console/settings/accent", "/console/start",
}  # fmt: skip
PARTS = ("/events", "/list")


async def opened(page: Page) -> None:
    """The bar stands open: its key works once the scripts have run, which is a moment after the page was loaded."""
    await expect(page.locator("[data-open=help]")).to_have_js_property("hidden", False)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox", name="Find a command")).to_be_focused()


async def choose(page: Page, words: str) -> None:
    """Type, and take what stands first."""
    await opened(page)
    await page.keyboard.type(words)
    await page.keyboard.press("Enter")
    await expect(page.locator("#commands")).to_be_hidden()


async def test_every_page_of_the_console_is_a_place(console: Furnished, browser: Browser) -> None:
    _, page = await signed_in(console, browser)
    pages = {
        route.path
        for route in console_router(console.office.deps).routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and "{" not in route.path
        and not route.path.endswith(PARTS)
    } - NO_PLACES
    links = await page.locator(".rail nav a, .me .menu a, [data-known] a").evaluate_all(
        "links => links.map((link) => link.pathname)"
    )
    assert pages - set(links) == set()


async def test_an_agent_is_offered_what_they_may_see(console: Furnished, browser: Browser) -> None:
    context = await browser.new_context(viewport=LAPTOP, locale="en-GB")  # type: ignore[arg-type]  # a dict of two numbers
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await sign_in_as(page, console.office.base, "ben@example.com", PASSWORD)
    places = await page.locator("[data-known] a").evaluate_all("links => links.map((link) => link.pathname)")
    for path in sorted(set(places)):
        answer = await context.request.get(f"{console.office.base}{path}", max_redirects=0)
        assert answer.status == 200, path
    assert "/console/teams" not in places
    await opened(page)
    await page.keyboard.type("webhooks")
    await expect(page.locator("#commands [role=option]")).to_have_text(["Search for “webhooks”"])


async def test_a_conversation_is_worked_by_the_bar_alone(console: Furnished, browser: Browser) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await choose(page, "take over")
    await expect(page.locator("#talk-head")).to_have_attribute("data-mine", "yes")
    await choose(page, "urgent")
    await expect(page.locator(".routing [name=priority]")).to_have_value("urgent")
    await choose(page, "tag")
    await expect(page.locator("#tag-name")).to_be_focused()
    await page.keyboard.type("boots")
    await page.keyboard.press("Enter")
    await expect(page.locator("#tag-list")).to_contain_text("boots")
    await choose(page, "note")
    await expect(page.locator("[name=kind][value=note]")).to_be_checked()
    await expect(page.locator("#say")).to_be_focused()
    await choose(page, "reply")  # from within the field
    await expect(page.locator("[name=kind][value=reply]")).to_be_checked()
    await choose(page, "snooze tomorrow")
    await expect(page.locator("#talk-names")).to_contain_text("back")
    await choose(page, "more")
    await expect(page.locator("#act-more")).to_have_attribute("open", "")
    await page.keyboard.press("Escape")
    await choose(page, "solve")
    await expect(page.locator("#act-reopen")).to_be_visible()
    await choose(page, "synonyms")
    await page.wait_for_url("**/console/synonyms")


async def test_a_saved_search_is_a_place(console: Furnished, browser: Browser) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/inbox?view=waiting")
    await choose(page, "parcels")
    await page.wait_for_url(f"**/console/searches/{console.names['saved_id']}")


async def test_keys_move_within_the_bar_and_the_last_entry_searches(
    console: Furnished, browser: Browser
) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await page.locator("#say").fill("Half a sent")
    await opened(page)
    field, options = page.locator("#command-words"), page.locator("#commands [role=option]")
    await expect(options.first).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("ArrowDown")
    await expect(field).to_have_attribute("aria-activedescendant", "command-1")
    await page.keyboard.press("Escape")
    await expect(page.locator("#commands")).to_be_hidden()
    await expect(page.locator("#say")).to_be_focused()
    await expect(page.locator("#say")).to_have_value("Half a sent")
    await opened(page)
    await page.keyboard.press("Control+k")
    await expect(page.locator("#commands")).to_be_hidden()
    await opened(page)
    await page.keyboard.type("parcel & co")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/search?q=parcel%20%26%20co")
    await expect(page.locator("#inbox-search")).to_have_value("parcel & co")
    # From the list of the inbox to one of its conversations.
    await page.goto(f"{console.office.base}/console/inbox?view=open")
    await opened(page)
    await page.keyboard.type("where is my parcel")
    await options.filter(has_text="Where is my parcel").first.click()
    await page.wait_for_url(f"**/console/conversations/{console.conversation}**")


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
async def test_axe_finds_nothing_in_the_bar(
    console: Furnished, browser: Browser, size: dict[str, int]
) -> None:
    _, page = await signed_in(console, browser, reduced_motion="reduce")
    await page.set_viewport_size(size)  # type: ignore[arg-type]  # a dict of two numbers
    await page.locator(".me > summary").click()
    await page.get_by_role("button", name="Commands").click()
    await expect(page.locator("#commands")).to_be_visible()
    assert await violations(page) == []
    await page.keyboard.type("team")
    assert await violations(page) == []
    box = await page.locator("#commands").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]


async def test_at_names_somebody_in_a_note_and_nobody_in_a_reply(
    console: Furnished, browser: Browser
) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await expect(page.locator("[data-open=help]")).to_have_js_property("hidden", False)
    say, listed = page.locator("#say"), page.locator("#people-options")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/people") else None)
    await page.keyboard.press("n")
    await page.keyboard.type("Ask @b")
    await expect(listed.get_by_role("option")).to_have_text(["Ben OkaforAgent"])
    await expect(say).to_have_attribute("aria-controls", "people-options")
    assert await violations(page) == []
    asked.clear()
    await page.keyboard.press("Enter")
    await expect(say).to_have_value("Ask @Ben Okafor ")
    await expect(listed).to_be_hidden()
    assert asked == []  # the name that stands there asks for no list
    await page.keyboard.type("about /")
    await expect(page.locator("#canned-options").get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Escape")
    await say.fill("write to ana@")
    await expect(listed).to_be_hidden()
    await say.fill("")
    await page.keyboard.type("@nobody")
    await expect(page.locator("#people")).to_contain_text("Nobody here has that name.")
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await page.keyboard.press("r")
    await say.fill("")
    await page.keyboard.type("@b")
    await expect(listed).to_be_hidden()
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await say.fill("")
    await page.keyboard.type("@b")
    await expect(listed.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .entry.note").last).to_contain_text("@Ben Okafor")
    await page.keyboard.press("Escape")
    await page.keyboard.press("n")
    await page.keyboard.type("@b")
    await expect(listed.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Control+Enter")  # sent with the list open
    await expect(page.locator("#messages .entry.note").last).to_contain_text("@b")
    await expect(listed).to_be_hidden()


async def test_a_list_that_comes_late_does_not_open_again(console: Furnished, browser: Browser) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await expect(page.locator("[data-open=help]")).to_have_js_property("hidden", False)
    listed, late, asked = page.locator("#people-options"), asyncio.Event(), 0

    async def answer(route: Route) -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            await late.wait()
        await route.continue_()

    await page.route("**/people", answer)
    await page.keyboard.press("n")
    await page.keyboard.type("Ask @b")
    await expect(listed.get_by_role("option")).to_have_text(["Ben OkaforAgent"])
    await page.keyboard.press("Escape")
    await expect(listed).to_be_hidden()
    async with page.expect_response("**/people") as answered:
        late.set()
    await (await answered.value).finished()
    await page.evaluate("() => new Promise((done) => setTimeout(done))")
    assert asked == 2
    await expect(listed).to_be_hidden()
