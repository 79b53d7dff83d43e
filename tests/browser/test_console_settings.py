"""The settings' long forms in a real browser: nothing makes the window itself scroll, and what a button asks can be read."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import test_console_access as access
from tests.browser.test_console_access import Furnished, signed_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console
LONG = ("rules", "teams", "policies", "people", "settings")


async def open_all(page: Page) -> None:
    """Every part that can be unfolded, menus and confirmations left alone."""
    await page.locator("main details:not(.confirm, .menu)").evaluate_all(
        "all => all.forEach((one) => { one.open = true; })"
    )


@pytest.mark.parametrize("path", LONG)
async def test_the_window_itself_never_scrolls_past_its_end(
    console: Furnished, browser: Browser, path: str
) -> None:
    _, page = await signed_in(console, browser)
    await page.goto(f"{console.office.base}/console/{path}")
    await open_all(page)
    beyond = await page.evaluate("document.documentElement.scrollHeight - window.innerHeight")
    assert beyond <= 0


@pytest.mark.parametrize("path", ["rules", "teams"])
@pytest.mark.parametrize("phone", [False, True], ids=["laptop", "phone"])
async def test_what_a_delete_button_asks_can_be_read_as_a_whole(
    console: Furnished, browser: Browser, path: str, phone: bool
) -> None:
    _, page = await signed_in(console, browser)
    if phone:
        await page.set_viewport_size({"width": 390, "height": 780})
    await page.goto(f"{console.office.base}/console/{path}")
    await open_all(page)
    button = page.locator("main .confirm > summary").first
    await button.click()
    asked = page.locator("main .confirm[open] > .menu").first
    await asked.scroll_into_view_if_needed()
    await expect(asked).to_be_in_viewport(ratio=1)
    menu, main = await asked.bounding_box(), await page.locator("main").bounding_box()
    assert menu is not None
    assert main is not None
    assert main["x"] <= menu["x"]
    assert menu["x"] + menu["width"] <= main["x"] + main["width"]


async def test_each_button_of_a_webhook_is_within_a_telephones_screen(
    console: Furnished, browser: Browser
) -> None:
    _, page = await signed_in(console, browser)
    await page.set_viewport_size({"width": 390, "height": 780})
    await page.goto(f"{console.office.base}/console/webhooks/{console.names['endpoint_id']}")
    buttons = page.locator("main .head .actions > form > button, main .head .actions > .confirm > summary")
    assert await buttons.count() == 4
    for button in await buttons.all():
        await expect(button).to_be_in_viewport(ratio=1)
    for menu in await page.locator("main .head .confirm").all():
        await menu.locator("summary").click()
        await expect(menu.locator(".menu")).to_be_in_viewport(ratio=1)
        await page.keyboard.press("Escape")
