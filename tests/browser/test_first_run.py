"""A new owner, an hour after installing: address, questions with answers, script, check. A real server, a small website."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import person
from tests.helpers.server import Server
from tests.helpers.serving import serving

PAGES = {
    "/": ("Alpine Bikes", "<p>We rent and repair bikes in Graz. Our help pages answer most questions.</p>"),
    "/help/rental": (
        "Renting a bike",
        "<h2>How do I reserve a bike?</h2><p>Choose the days on our website and pay a deposit of 50 euros by card.</p>"
        "<h2>Can I cancel a reservation?</h2><p>You can cancel a reservation free of charge up to 24 hours before it starts.</p>",
    ),
    "/help/prices": ("Prices", "<h2>What does a trekking bike cost?</h2><p>A trekking bike costs 29 euros a day.</p>"),
    "/help/repairs": ("Repairs", "<h2>How long does a repair take?</h2><p>Most repairs take two working days.</p>"),
    "/help/return": ("Return", "<h2>Where do I give the bike back?</h2><p>Bring the bike to our shop in Graz.</p>"),
    "/help/hours": (
        "Opening hours",
        "<p>The shop is open Monday to Saturday.</p>"
        "<p>You can cancel a reservation free of charge up to 48 hours before it starts.</p>",
    ),
}  # fmt: skip


@dataclass
class Website:
    """Six pages; `script` stands in each, once somebody put it there."""

    base: str = ""
    robots: str = ""
    script: str = ""
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
        if scope["type"] != "http":
            return
        path, status, body = scope["path"], 404, ""
        self.asked.append(path)
        if path == "/robots.txt":
            status, body = 200, self.robots
        elif path in PAGES:
            title, text = PAGES[path]
            links = "".join(f'<a href="{other}">{other}</a> ' for other in PAGES)
            status = 200
            body = f"<!doctype html><html lang=en><head><title>{title}</title></head><body><main><h1>{title}</h1>{text}</main>{links}{self.script}</body></html>"
        kind = b"text/plain" if path == "/robots.txt" else b"text/html; charset=utf-8"
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": body.encode()})


@pytest.fixture
async def website() -> AsyncIterator[Website]:
    """On 127.0.0.1."""
    website = Website()
    async with serving(website, lifespan="off") as website.base:
        yield website


@pytest.fixture
async def server(tmp_path: Path, website: Website) -> AsyncIterator[Server]:
    """A desk that nobody has set up, and that may read the website."""
    settings = {
        "MINIDESK_OUTBOUND_ALLOW": website.base.removeprefix("http://"),
        "MINIDESK_CRAWL_REQUESTS_PER_SECOND": "5",
    }
    server = Server(tmp_path, "serve", settings)
    await server.start()
    yield server
    await server.end()


async def set_up(page: Page, server: Server) -> None:
    """With the code from the terminal."""
    assert server.process
    assert server.process.stdout
    line = (await asyncio.wait_for(server.process.stdout.readline(), 60)).decode()
    code = re.search(r"code: (\S+)", line)
    assert code
    await page.goto(f"{server.url}/console/setup")
    fields = {
        "code": code[1],
        "name": "Lena Moser",
        "email": "lena@example.com",
        "password": "three calm words",
    }
    for name, value in fields.items():
        await page.fill(f"[name={name}]", value)
    await page.get_by_role("button", name="Create the first agent").click()
    await page.wait_for_url("**/console/start")


async def test_from_the_address_to_the_chat_that_was_seen(
    browser: Browser,
    server: Server,
    website: Website,
) -> None:
    owner = await person(browser, server.url)
    page = owner.page
    await set_up(page, server)

    website.robots = "User-agent: *\nDisallow: /"
    await page.fill("#url", website.base)
    await page.get_by_role("button", name="Read it").click()
    await expect(page.get_by_text("No page could be used.")).to_be_visible()
    await expect(page.locator("#read .alarm")).to_contain_text("robots.txt forbids it")

    website.robots = ""
    await page.fill("#url", website.base)
    await page.get_by_role("button", name="Read it").click()
    await expect(page.locator("#ask dt")).to_have_count(5)  # by itself, without a reload
    await expect(page.locator("#ask")).to_contain_text("29 euros a day")
    await expect(page.locator("#read")).to_contain_text("6 documents are ready")
    await page.reload()
    await expect(page.locator("#ask dt")).to_have_count(5)

    await page.get_by_role("button", name="Allow it").click()
    await expect(page.locator("#script")).to_contain_text(f"Allowed: {website.base}")
    await page.get_by_role("button", name="Check now").click()
    await expect(page.locator("#check")).to_contain_text("the line is not in it")
    website.script = await page.locator("#script textarea").input_value()
    await page.get_by_role("button", name="Check now").click()
    await expect(page.locator("#check")).to_contain_text("The chat is in this page")

    visitor = await browser.new_page()
    await visitor.goto(f"{website.base}/help/prices")
    await visitor.get_by_role("button").first.click()
    await visitor.frame_locator("iframe").get_by_role("textbox").wait_for()
    await page.reload()
    await expect(page.locator("#check")).to_contain_text(f"The chat was loaded in {website.base}")

    await page.goto(f"{server.url}/console/overlaps")
    await expect(page.locator("mark").first).to_be_visible()  # the job of the burst may still run
    assert sorted(await page.locator("mark").all_inner_texts()) == ["24", "48"]
    await page.get_by_role("button", name="Ignore").click()
    await expect(page.get_by_text("Nothing to mend")).to_be_visible()

    await page.goto(f"{server.url}/console/start")
    await page.get_by_role("button", name="Put this page away").click()
    await page.wait_for_url("**/console/inbox")
    await expect(page.get_by_role("link", name="Start")).to_have_count(0)
    assert owner.complaints == []
