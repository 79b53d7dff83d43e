"""A reply with help: drafted by a key, rewritten and translated by the mouse, undone, and sent by the agent alone."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, expect

from minidesk.answering.models import ForPurpose
from minidesk.ask import Asker
from minidesk.assist import Assist
from minidesk.db import Database
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from minidesk.text.locale import load_texts
from minidesk.web.assets import DIST, Assets
from minidesk.web.console import console_router
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.problems import install_error_handlers
from minidesk.web.visitor_api import PageDeps, pages_router
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import Script, SmallSearch
from tests.browser.conftest import PATIENCE_MS, sign_in_as
from tests.browser.test_widget_access import violations
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.rows import add_site
from tests.web.test_console import PASSWORD, Office, build
from tests.web.test_console_assist import ASKED, RETURNS, Help, written

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]


@pytest.fixture
async def desk_help(
    db: Database, clock: FakeClock, settings: Settings, embedder: Embedder
) -> AsyncIterator[Help]:
    """The built console, with a model that says what it is told to."""
    models = Script([])
    search = SmallSearch(embedder, (RETURNS,))
    asker = Asker(search, embedder.documents, ForPurpose(models, "draft"), settings, clock)
    deps = replace(build(db, clock, settings), assets=Assets(DIST), assist=Assist(db, asker, models, clock))
    app = FastAPI()
    app.include_router(console_router(deps))
    app.include_router(pages_router(PageDeps(db, load_texts(), Assets(DIST))))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    office = Office(
        db, clock, deps, app, await add_site(db, clock, "Alpenglow"), await add_site(db, clock, "Other")
    )
    async with serving(app, proxy_headers=False) as office.base:
        made = Help(office, models, await office.conversation(office.site, ASKED))
        await office.agent("mara@example.com", office.site)
        yield made
        deps.stopping.set()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_reply_with_help_by_key_and_by_mouse(desk_help: Help, browser: Browser, scheme: str) -> None:
    models, office = desk_help.models, desk_help.office
    desk_help.conversation = await office.conversation(
        office.site, "Wie lange kann ich die Artikel zurückgeben?"
    )
    context = await browser.new_context(
        locale="en-GB",
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": 1440, "height": 860},
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await sign_in_as(page, office.base, "mara@example.com", PASSWORD)
    await page.goto(f"{office.base}/console/conversations/{desk_help.conversation}")
    say = page.locator("#say")

    # The visitor's words, beside their translation.
    models.replies = [written("How long can I return the articles?")]
    await page.get_by_role("button", name="Translate", exact=True).click()
    await expect(page.locator(".wording")).to_contain_text("How long can I return the articles?")

    # A draft, by its key; what the field held stays above it, and comes back alone.
    models.replies = ["NOT_FOUND"]
    await page.keyboard.press("d")
    await expect(page.locator("[data-told]")).to_contain_text("The pages do not answer this")
    await expect(say).to_have_value("")
    models.replies = ["You can return articles within 30 days after delivery [1]."] * 2
    desk_help.conversation = await office.conversation(office.site, ASKED)
    await page.goto(f"{office.base}/console/conversations/{desk_help.conversation}")
    await say.fill("Hello Ada,")
    await page.keyboard.press("Escape")
    await page.keyboard.press("d")
    await expect(say).to_have_value("Hello Ada,\n\nYou can return articles within 30 days after delivery.")
    await expect(page.locator(".sources li")).to_have_count(1)
    await expect(page.get_by_role("link", name="Returns")).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Undo").click()
    await expect(say).to_have_value("Hello Ada,")
    await expect(page.locator(".sources li")).to_have_count(0)

    # Other words; what changes a figure is refused with a sentence.
    await say.fill("You have 30 days, and it cost €4.90.")
    await page.locator(".rewrites > summary").click()
    models.replies = [written("You have 30 days, and it costs €49.")]
    await page.get_by_role("button", name="Friendlier").click()
    await expect(page.locator("form.composer > [data-problem]")).to_contain_text("Nothing was taken over")
    await expect(say).to_have_value("You have 30 days, and it cost €4.90.")
    await page.locator(".rewrites > summary").click()
    models.replies = [written("You have 30 days, and it costs €4.90.")]
    await page.get_by_role("button", name="Correct spelling").click()
    await expect(say).to_have_value("You have 30 days, and it costs €4.90.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages")).to_contain_text("You have 30 days, and it costs €4.90.")
    await expect(say).to_have_value("")
    await expect(page.locator("[data-told]")).to_be_hidden()
    await context.close()


async def test_what_is_suggested_stands_beside_the_ticket_and_goes_into_the_field_by_a_key(
    desk_help: Help, browser: Browser
) -> None:
    office, models = desk_help.office, desk_help.models
    models.replies = ["You can return articles within 30 days after delivery [1]."]
    await office.deps.handoff.hand_off(desk_help.conversation, "customer_request")
    context = await browser.new_context(locale="en-GB", viewport={"width": 1366, "height": 768})
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await sign_in_as(page, office.base, "mara@example.com", PASSWORD)
    await page.goto(f"{office.base}/console/conversations/{desk_help.conversation}")
    suggested, drafted = page.locator("#p-suggested"), RETURNS.text
    await expect(suggested.locator(".suggestion")).to_have_text(drafted)
    await expect(suggested.locator(".chip")).to_contain_text("Returns")
    assert await violations(page) == []
    asked = len(models.requests)
    await page.locator("#say").fill("Hello Ada,")
    await page.keyboard.press("Escape")
    await page.keyboard.press("d")
    await expect(page.locator("#say")).to_have_value(f"Hello Ada,\n\n{drafted}")
    await expect(page.locator(".helped .sources li")).to_have_count(1)
    assert len(models.requests) == asked  # what stands there is not paid for twice
    # News around it leave it where it is.
    async with office.db.write() as tx:
        await office.deps.conversations.post_system_message(tx, desk_help.conversation, "News came in")
    await expect(page.locator("#messages")).to_contain_text("News came in")
    await expect(suggested.locator(".suggestion")).to_have_text(drafted)
    assert len(models.requests) == asked
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#messages .entry.agent")).to_contain_text(drafted)
    await expect(suggested).to_have_count(0)
