"""Everyone can use the console: axe on every page of it, in both colour schemes, on a laptop and on a phone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from minidesk.accounts import Actor
from minidesk.channels import new_secret
from minidesk.conversations import AnswerEnd, AnswerPart, CitationDraft, access_conversation_as_agent
from minidesk.db import Database
from minidesk.db.models import Message, Visitor, WebhookEndpoint, new_id
from minidesk.settings import Settings
from minidesk.text.locale import load_texts
from minidesk.tickets import (
    Condition,
    Does,
    Effect,
    Rule,
    block_writer,
    correct_answer,
    create_canned,
    list_corrections,
    note_mentions,
    put_rule,
    save_search,
    snooze,
)
from minidesk.web.assets import DIST, Assets
from minidesk.web.console import console_router
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.problems import install_error_handlers
from minidesk.web.visitor_api import PageDeps, pages_router
from tests.browser.conftest import PATIENCE_MS, sign_in_as
from tests.browser.test_widget_access import violations
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.rows import add_site, add_team
from tests.web.test_console import PASSWORD, Office, build, put_file

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

EMAIL = "mara@example.com"
LAPTOP, PHONE = {"width": 1440, "height": 860}, {"width": 390, "height": 780}
# What answers with something else than a page: a stream, a part of one, a file, JSON.
NO_PAGES = (
    "/events",
    "/live",
    "/messages",
    "/list",
    "/canned",
    "/people",
    "/suggested",
    "/attachments/{attachment_id}",
    "/sources",
)


@dataclass
class Furnished:
    """The console with something on every page; `names` fill the addresses of its routes."""

    office: Office
    conversation: str
    names: dict[str, str]


@pytest.fixture
async def console(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Furnished]:
    """The built console in front of real rooms, on a port of its own."""
    deps = replace(build(db, clock, settings), assets=Assets(DIST))
    app = FastAPI()
    app.include_router(console_router(deps))
    app.include_router(pages_router(PageDeps(db, load_texts(), Assets(DIST))))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    site, other = await add_site(db, clock, "Alpenglow"), await add_site(db, clock, "Other")
    office = Office(db, clock, deps, app, site, other)
    async with serving(app, proxy_headers=False) as office.base:
        yield await furnish(office)
        deps.stopping.set()


async def furnish(office: Office) -> Furnished:
    """Two agents, a team, a conversation with all there can be in it, and one thing of each kind."""
    deps, site, clock = office.deps, office.site, office.clock
    mara = await office.agent(EMAIL, site, "admin")
    ben = await office.agent("ben@example.com", site, "agent", name="Ben Okafor")
    team = await add_team(office.db, clock, site.id, "Parcels", "Where parcels are.")
    talk = await answered(office, "Where is my parcel? Order 20431")
    async with office.db.write() as tx:
        row = await access_conversation_as_agent(tx, mara, talk)
        (await tx.get_one(Visitor, row.visitor_id)).email = "ana@example.com"
        answer = await tx.scalar(select(Message.id).where(Message.author == "assistant"))
        await correct_answer(tx, row, mara, answer or "", "It takes five days.", clock())
        effect = Effect(team.id, "high", ("parcel",))
        await put_rule(
            tx,
            site.id,
            Rule("parcels", "Parcels", "all", (Condition("topic", ("parcel",)),), effect),
            clock(),
        )
        await create_canned(
            tx, site.id, mara, name="Late", text="Sorry, it is late.", own=False, now=clock(),
            does=Does(("late",), "solved", team.id, "high"),
        )  # fmt: skip
    await deps.handoff.hand_off(talk, "customer_request")
    async with office.db.write() as tx:
        row = await access_conversation_as_agent(tx, ben, talk)
        posted = await deps.conversations.post_note(tx, talk, agent_id=ben, text="@Mara please look")
        await note_mentions(
            tx, row, message_id=posted.message.id, author_id=ben, text="@Mara please look", now=clock()
        )
        [gap] = await list_corrections(tx, site.id)
        saved = await save_search(tx, site.id, mara, name="Parcels", query="q=parcel", now=clock())
    later = await office.conversation(site, "A question for tomorrow")
    ticket = await deps.handoff.hand_off(later, "customer_request")
    spam = await office.conversation(site, "Buy cheap watches")
    async with office.db.write() as tx:
        await snooze(tx, deps.tickets, ticket.id, mara, clock() + timedelta(days=1))
        await block_writer(tx, deps.tickets, deps.conversations, spam, mara, ("visitor",), clock())
    crawl = await deps.crawls.order(site_id=site.id, url="shop.example", kind="page")
    hook = WebhookEndpoint(
        id=new_id("whe"), site_id=site.id, url="https://hooks.example.com/", events=["ticket.created"],
        sealed=new_secret(), state="on", created_at=clock(),
    )  # fmt: skip
    async with office.db.write() as tx:
        tx.add(hook)
        actor = Actor("agent", mara, "Mara Lindt")
        invited = await deps.doors.invitations.make(
            tx, actor, site_id=site.id, email="new@example.com", role="agent", sites=()
        )
    reset = await deps.doors.resets.ask(EMAIL)
    assert reset is not None
    names = {
        "conversation_id": talk,
        "source_id": await put_file(office, site),
        "crawl_id": crawl.id,
        "endpoint_id": hook.id,
        "agent_id": ben,
        "token": invited.token,
        "reset": reset.token,
        "gap_id": gap.id,
        "attachment_id": "none",
        "saved_id": saved,
    }
    return Furnished(office, talk, names)


async def answered(office: Office, words: str) -> str:
    """A conversation that the assistant answered with a source."""
    deps, conversation = office.deps, await office.conversation(office.site, words)
    draft = CitationDraft(
        1,
        "chk_1",
        "doc_1",
        "ver_1",
        "returns.md",
        "Returns",
        "https://shop.example.com/returns",
        "30 days",
        9,
        16,
    )
    async with office.db.write() as tx:
        question = await tx.scalar(select(Message.id).where(Message.conversation_id == conversation))
        handle = await deps.conversations.begin_answer(tx, reply_to=question or "")
        await deps.conversations.append_sentence(tx, handle, AnswerPart("Within 30 days.", (draft,)))
        await deps.conversations.finish_answer(
            tx, handle, AnswerEnd("reply", score=0.9, model=None, cost_micros=0)
        )
    return conversation


async def signed_in(console: Furnished, browser: Browser, **more: Any) -> tuple[BrowserContext, Page]:
    """A page of the administrator's."""
    context = await browser.new_context(viewport=LAPTOP, locale="en-GB", **more)  # type: ignore[arg-type]
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page = await context.new_page()
    await sign_in_as(page, console.office.base, EMAIL, PASSWORD)
    return context, page


def paths_of(console: Furnished) -> list[str]:
    """Every address of the console that answers with a page."""
    return [
        route.path.format(**console.names)
        for route in console_router(console.office.deps).routes
        if isinstance(route, APIRoute)
        and "GET" in (route.methods or ())
        and not route.path.endswith(NO_PAGES)
    ]


async def is_page(context: BrowserContext, url: str) -> bool:
    """Whether this person gets a page there, and is not sent elsewhere."""
    answer = await context.request.get(url, max_redirects=0)
    if answer.status != 200 or "text/html" not in answer.headers.get("content-type", ""):
        return False
    return (await answer.text()).lstrip().startswith("<!doctype html>")  # and no part of one


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_page(console: Furnished, browser: Browser, scheme: Any) -> None:
    context, inside = await signed_in(console, browser, color_scheme=scheme, reduced_motion="reduce")
    stranger = await browser.new_context(color_scheme=scheme, reduced_motion="reduce")
    outside = await stranger.new_page()
    found: dict[str, list[str]] = {}
    seen = set()
    for path in paths_of(console):
        url = f"{console.office.base}{path}"
        for page in (inside, outside):
            if not await is_page(page.context, url):
                continue
            await page.goto(url)
            seen.add(path)
            for size in (LAPTOP, PHONE):
                await page.set_viewport_size(size)  # type: ignore[arg-type]
                if wrong := await violations(page):
                    found[f"{path} {size['width']}"] = wrong
    assert not found, "\n".join(f"{path}: {wrong}" for path, wrong in found.items())
    assert len(seen) > 30
    for one in (context, stranger):
        await one.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_in_what_opens(console: Furnished, browser: Browser, scheme: Any) -> None:
    context, page = await signed_in(console, browser, color_scheme=scheme, reduced_motion="reduce")
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    for size in (LAPTOP, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        for summary in ("Snooze", "More", "Macros", "Change it"):
            opener = page.locator("summary", has_text=summary)
            await opener.click()
            await expect(opener.locator("xpath=..")).to_have_attribute("open", "")
            assert await violations(page) == [], (summary, size)
            await opener.click()
            await expect(opener.locator("xpath=..")).not_to_have_attribute("open", "")
    await page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]
    await page.goto(f"{console.office.base}/console/inbox?view=open")
    await page.get_by_role("checkbox").first.check()
    await expect(page.get_by_role("button", name="Assign")).to_be_visible()
    assert await violations(page) == []
    await context.close()
