"""The widget in other people's pages: who may embed it, under which policies, and who it listens to."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest
from playwright.async_api import expect

from minidesk.sites import create_identity_key
from tests.browser import embedding as parts
from tests.browser.embedding import DESK, EVIL, FAR_DESK, LOOK_ALIKES, SHOP, Embedding, say, watch
from tests.web import conftest as rooms
from tests.web.conftest import SEALER

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

desk, limits, embedding, database_kind = rooms.desk, rooms.limits, parts.embedding, parts.database_kind
voice, ledger = rooms.voice, rooms.ledger


async def test_only_the_sites_own_pages_show_the_chat(embedding: Embedding) -> None:
    allowed = await embedding.page()
    await embedding.chat(allowed)
    assert embedding.complaints == []
    for name in LOOK_ALIKES:
        page = await embedding.page(name=name)
        async with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
            await page.locator("minidesk-widget button").click()
        assert not [frame for frame in page.frames if "/widget/" in frame.url], name
        await page.close()
    assert len(await embedding.messages()) == 0


STRICT = "default-src 'none'; script-src {desk}; frame-src {desk}; require-trusted-types-for 'script'; trusted-types 'none'"


async def test_it_works_under_the_strictest_policy(embedding: Embedding) -> None:
    embedding.desk_name = FAR_DESK  # and without storage
    embedding.policy = STRICT.format(desk=embedding.desk_url)
    page = await embedding.page()
    frame = await embedding.chat(page)
    await say(frame, "How long can I return boots?")
    await embedding.desk.answer(await embedding.last_question(), "You have 30 days.")
    await expect(frame.locator(".from-desk .prose")).to_contain_text("You have 30 days.")
    assert embedding.complaints == []
    shown = await page.evaluate(
        "getComputedStyle(document.querySelector('minidesk-widget').shadowRoot.querySelector('button')).position"
    )
    assert shown == "fixed"  # its style sheet was not refused


async def test_forged_messages_do_nothing_and_learn_nothing(embedding: Embedding) -> None:
    evil = f"http://{EVIL}:{embedding.page_port}/evil"
    embedding.more = f'<iframe id="evil" src="{evil}"></iframe>'
    context = await embedding.context()
    page = await embedding.page(context)
    frame = await embedding.chat(page)
    await say(frame, "hello")
    await embedding.last_question()
    before = await page.locator("minidesk-widget button").get_attribute("aria-label")
    foreign = next(frame for frame in page.frames if frame.url == evil)
    await foreign.evaluate("attack(parent)")
    # The page itself is not the desk either, although it holds the frame's window's parent.
    await page.evaluate(
        "() => { for (const type of ['close', 'reset', 'unread', 'ready'])"
        " postMessage({mark: 'minidesk2', type, count: 9}, '*'); }"
    )
    # Whoever opens the chat in a window has a hold on it.
    async with context.expect_page() as opening:
        await foreign.evaluate(f"void (window.chat = open({json.dumps(frame.url)}))")
    popup = await opening.value
    watch(popup, embedding.complaints)
    await popup.get_by_role("textbox").wait_for()
    await foreign.evaluate("attack(window.chat)")
    await popup.evaluate(
        "new Promise((done) => setTimeout(done, 300))"
    )  # what was posted has been heard by now
    assert await foreign.evaluate("window.got") == []
    assert await page.locator("minidesk-widget button").get_attribute("aria-label") == before
    assert await page.locator("minidesk-widget.left").count() == 0
    await expect(frame.get_by_role("textbox")).to_be_visible()
    assert [row.text for row in await embedding.messages()] == ["hello"]
    await popup.get_by_role("textbox").wait_for()
    # The same words by the page's own door are heard.
    await page.evaluate("minidesk('send', 'by the door')")
    await expect(frame.locator(".from-visitor").last).to_contain_text("by the door")
    assert embedding.complaints == []


async def test_inside_an_element_of_the_page(embedding: Embedding) -> None:
    embedding.attributes = 'data-target="#place"'
    page = await embedding.page()
    frame = await embedding.frame(page)
    assert await page.locator("#place minidesk-widget").count() == 1
    await expect(page.locator("minidesk-widget button")).to_be_hidden()
    assert await frame.get_by_role("button", name="Close chat").count() == 0
    assert embedding.complaints == []


async def test_a_link_of_its_own_and_without_scripts(embedding: Embedding) -> None:
    context = await embedding.context()
    page = await context.new_page()
    watch(page, embedding.complaints)
    await page.goto(f"{embedding.desk_url}/widget/{embedding.desk.site.key}?locale=fr")
    await expect(page.get_by_role("textbox", name="Écrire un message")).to_be_visible()
    plain = await (await embedding.context(java_script_enabled=False)).new_page()
    watch(plain, embedding.complaints)
    await plain.goto(f"{embedding.desk_url}/widget/{embedding.desk.site.key}")
    await plain.get_by_role("link").click()
    await plain.get_by_label("Your message").fill("How long can I return boots?")
    sending = asyncio.create_task(plain.get_by_role("button", name="Send").click())
    await embedding.desk.answer(await embedding.last_question(), "You have 30 days.")
    await sending
    await expect(plain.locator("li.assistant").last).to_contain_text("You have 30 days.")
    assert "?" not in plain.url.replace("?locale=en", "")
    assert embedding.complaints == []


async def test_the_page_names_its_visitor_and_lets_them_go(embedding: Embedding) -> None:
    it = embedding.desk
    async with it.db.write() as tx:
        secret = (await create_identity_key(tx, SEALER, site_id=it.site.id, now=it.clock())).secret
    opened = f"{it.site.key}/session"
    ends = int((it.clock() + timedelta(minutes=30)).timestamp())
    token = jwt.encode({"sub": "7", "name": "Ana", "aud": it.site.key, "exp": ends}, secret, "HS256")
    first = await embedding.page()
    frame = await embedding.chat(first)
    await say(frame, "from my phone")
    await embedding.last_question()
    await first.evaluate("(token) => minidesk('identify', token)", token)
    second = await embedding.page()  # another browser
    await second.evaluate("(token) => minidesk('identify', token)", token)
    await second.evaluate(
        "minidesk('context', {page: 'https://shop.example/cart', attributes: {plan: 'gold'}})"
    )
    there = await embedding.chat(second)
    await expect(there.locator(".from-visitor")).to_contain_text("from my phone")
    async with second.expect_response(lambda answer: answer.url.endswith(opened)):
        await second.evaluate("minidesk('reset')")
    there = await embedding.frame(second)
    await expect(there.locator(".from-visitor")).to_have_count(0)
    kept = await there.evaluate("JSON.stringify(localStorage)")
    assert "from my phone" not in kept
    await second.reload()
    await embedding.frame(second)
    # A token that does not hold: the chat goes on, and the page is told.
    refused = await embedding.page()
    await refused.evaluate("minidesk('on', 'error', (error) => { window.error = error.code; })")
    await refused.evaluate("minidesk('identify', 'nonsense')")
    await embedding.chat(refused)
    await refused.wait_for_function("window.error")
    assert await refused.evaluate("window.error") == "identity_invalid"
    assert embedding.complaints == []


BUDGET = 25_000  # scripts and styles, the page with its words, the session and the settings: all that comes
SESSION_AND_SETTINGS = 1_400  # what widget/size.mjs counts on


async def test_what_a_visitor_downloads(embedding: Embedding) -> None:
    context = await embedding.context()
    page = await context.new_page()
    sizes: dict[str, int] = {}
    hosts: set[str] = set()
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    names: dict[str, str] = {}
    session.on("Network.responseReceived", lambda it: names.update({it["requestId"]: it["response"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda it: sizes.update({names.get(it["requestId"], ""): int(it["encodedDataLength"])}),
    )
    page.on("request", lambda asked: hosts.add(asked.url.split("/")[2].partition(":")[0]))
    started = datetime.now(UTC)
    await page.goto(embedding.origin())
    await page.locator("minidesk-widget").wait_for(state="attached")
    before = [name for name in sizes if DESK in name]
    await embedding.chat(page)
    assert [name.rpartition("/")[2] for name in before] == ["widget.js"]
    assert hosts == {SHOP, DESK}
    assert (datetime.now(UTC) - started).total_seconds() < 30
    # The frame is another process: its requests are measured by the browser's own records.
    frame = await embedding.frame(page)
    await expect(frame.locator(".from-desk")).to_contain_text("Servus")  # the settings are there
    inside = await frame.evaluate(
        "performance.getEntries().filter((e) => ['navigation', 'resource'].includes(e.entryType))"
        ".map((e) => [e.name, e.encodedBodySize])"
    )
    loaded = {name: size for name, size in inside if "/events" not in name}
    loader = await _packed_size(f"http://127.0.0.1:{embedding.desk_port}/widget.js")
    api = sum(size for name, size in loaded.items() if "/api/" in name)
    total = loader + sum(loaded.values())
    print(f"session and settings {api} bytes, everything {total} bytes", loaded)
    assert 0 < api <= SESSION_AND_SETTINGS
    assert 15_000 < total <= BUDGET


async def _packed_size(url: str) -> int:
    """The bytes of a body as a browser gets it: from a page, its own records do not tell those of another origin."""
    async with httpx.AsyncClient() as client:
        return int((await client.get(url, headers={"Accept-Encoding": "gzip"})).headers["Content-Length"])
