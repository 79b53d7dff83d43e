"""What hands do in the console: a draft by its key goes out by the next one, a phone's thumb finds the menu."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import test_console_access as access
from tests.browser import test_console_assist as assisted
from tests.browser.conftest import PATIENCE_MS, sign_in_as
from tests.browser.test_console_access import PHONE, Furnished, signed_in
from tests.web.test_console import PASSWORD
from tests.web.test_console_assist import Help

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console, desk_help, embedder = access.console, assisted.desk_help, assisted.embedder


async def phone_in(console: Furnished, browser: Browser, locale: str) -> Page:
    """The page of an administrator with a phone."""
    context = await browser.new_context(viewport=PHONE, locale=locale, has_touch=True)  # type: ignore[arg-type]  # a dict of two numbers
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await sign_in_as(page, console.office.base, access.EMAIL, PASSWORD)
    return page


async def test_a_draft_by_its_key_is_sent_by_the_next_key(desk_help: Help, browser: Browser) -> None:
    context = await browser.new_context(locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    base = desk_help.office.base
    await sign_in_as(page, base, "mara@example.com", PASSWORD)
    await page.goto(f"{base}/console/conversations/{desk_help.conversation}")
    drafted = "You can return articles within 30 days after delivery."
    desk_help.models.replies = [drafted[:-1] + " [1]."]
    await expect(page.locator("[data-open=help]")).to_have_js_property("hidden", False)
    # By keys alone no button ever has the focus: whatever was pressed last must not decide where the reply goes.
    await page.keyboard.press("d")
    await expect(page.locator("#say")).to_have_value(drafted)
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .entry.agent")).to_contain_text(drafted)
    await expect(page.locator("#say")).to_have_value("")


@pytest.mark.parametrize("locale", ["en-GB", "de-DE"])
async def test_on_a_phone_the_own_menu_is_within_reach(
    console: Furnished, browser: Browser, locale: str
) -> None:
    page = await phone_in(console, browser, locale)
    for path in ("inbox", "docs"):
        await page.goto(f"{console.office.base}/console/{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        rail = await page.locator(".rail nav a").evaluate_all(
            "links => links.map((link) => [link.scrollWidth <= link.clientWidth, link.getBoundingClientRect().width])"
        )
        assert [(fits, width >= 40) for fits, width in rail] == [(True, True)] * len(rail)
        await page.locator(".me > summary").click()
        box = await page.locator(".me form[action$=logout] button").bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE["width"]


async def test_the_box_that_blocks_stands_beside_its_words(console: Furnished, browser: Browser) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await page.locator("#act-more > summary").click()
    box = await page.locator("[name=block_visitor]").bounding_box()
    words = await page.locator("[name=block_visitor] + span").bounding_box()
    assert box
    assert words
    assert box["width"] <= 20
    assert box["x"] + box["width"] <= words["x"]
    assert abs(box["y"] - words["y"]) <= 8
