"""The product as a person meets it: `minidesk demo` in a process of its own, and Debian's Chromium."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, FrameLocator, Page, async_playwright, expect

from tests.helpers.server import Server

__all__ = ["Server"]

CHROMIUM = "/usr/bin/chromium"
# Without these Chromium asks its maker's hosts for components, which fails on a closed network and fills the log.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Starting, ingesting and answering share two cores with everything else.
PATIENCE_MS = 30_000


@pytest.fixture
async def server(tmp_path: Path, sample: Path) -> AsyncIterator[Server]:
    """Not started yet, so that a test can set its environment first; it has read the sample shop before."""
    one = Server(tmp_path, sample=sample)
    yield one
    await one.end()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium without a window."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        await browser.close()


@dataclass
class Watched:
    """A browser context of one person, and everything in it that should not have happened."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)


async def person(browser: Browser, home: str) -> Watched:
    """A fresh context whose pages note script errors, policy violations and requests to anywhere but `home`."""
    context = await browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB")
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = await context.new_page()
    watched = Watched(context, page)
    page.on("pageerror", lambda error: watched.complaints.append(f"error: {error}"))
    page.on(
        "console",
        lambda said: watched.complaints.append(said.text) if "Security Policy" in said.text else None,
    )
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((home, "data:", "blob:")) else watched.complaints.append(asked.url)
        ),
    )
    return watched


class Widget:
    """The chat on the demo page, by what a visitor sees of it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frame: FrameLocator = page.frame_locator("iframe")

    async def open(self, url: str) -> None:
        """Go to the demo page and press the launcher."""
        await self.page.goto(f"{url}/demo")
        await self.page.get_by_role("button").first.click()
        await self.frame.get_by_role("textbox").wait_for()

    async def say(self, text: str) -> None:
        """Write and send."""
        box = self.frame.get_by_role("textbox")
        await box.fill(text)
        await box.press("Enter")

    def answers(self) -> object:
        """The assistant's and agents' messages."""
        return self.frame.locator(".from-desk")

    async def last_answer(self) -> str:
        """The words of the newest one."""
        return await self.frame.locator(".from-desk .prose").last.inner_text()


async def sign_in(page: Page, server: Server) -> None:
    """To the console of a demo."""
    await sign_in_as(page, server.url, "demo@hillside-outdoor.example", server.password)


async def sign_in_as(page: Page, base: str, email: str, password: str) -> None:
    """To the console at `base`, by its form, in whatever language that is."""
    await page.goto(f"{base}/console")
    await page.locator("[name=email]").fill(email)
    await page.locator("[name=password]").fill(password)
    await page.locator("form button.primary").click()
    await page.wait_for_url("**/console/inbox**")
