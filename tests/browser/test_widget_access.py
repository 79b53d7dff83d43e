"""Everyone can use it: axe in each frame, the keyboard alone, 200 % zoom, a phone, and languages from both sides."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Frame, Page, expect

from minidesk.conversations import Conversations
from tests.browser import embedding as parts
from tests.browser.embedding import Embedding, say
from tests.web import conftest as rooms

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

desk, limits, embedding, database_kind = rooms.desk, rooms.limits, parts.embedding, parts.database_kind
voice, ledger = rooms.voice, rooms.ledger

AXE = Path(__file__).parents[2] / "widget/node_modules/axe-core/axe.min.js"
RUN = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
  .map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(' | ').slice(0, 300)}`)"""
QUESTION = "How long can I return boots?"


async def violations(*places: Page | Frame) -> list[str]:
    """What axe finds in each document. From a page it does not look into a frame of another origin."""
    found: list[str] = []
    for place in places:
        await place.evaluate(AXE.read_text())
        # An opacity in the middle of an animation is no colour.
        await place.evaluate(
            "Promise.all(document.getAnimations().filter((a) => a.effect.getComputedTiming().iterations === 1)"
            ".map((a) => a.finished))"
        )
        found += await place.evaluate(RUN)
    return found


async def answered(embedding: Embedding, frame: Frame) -> None:
    """A question and its answer."""
    await say(frame, QUESTION)
    question = await embedding.last_question()
    await embedding.desk.answer(question, "You have **30 days** to return boots.", " They must be unworn.")
    await frame.locator(".follow").wait_for()


@pytest.mark.parametrize(
    ("lang", "scheme"), [("en", "light"), ("en", "dark"), ("ar", "light"), ("he", "dark")]
)
async def test_axe_finds_nothing(embedding: Embedding, lang: str, scheme: Any) -> None:
    embedding.lang = lang
    context = await embedding.context(color_scheme=scheme, reduced_motion="no-preference")
    page = await embedding.page(context)
    frame = await embedding.chat(page)
    assert await frame.evaluate("document.documentElement.dir") == ("rtl" if lang in ("ar", "he") else "ltr")
    assert await violations(page, frame) == []
    await answered(embedding, frame)
    assert await violations(page, frame) == []
    await frame.locator(".follow button").nth(1).click()  # not quite: why?
    assert await violations(frame) == []
    await frame.locator(".chips button").first.click()
    await frame.locator("dialog mark").wait_for()
    assert await violations(frame) == []
    await page.keyboard.press("Escape")
    await frame.locator(".head button").nth(1).click()
    await frame.locator("dialog h3").wait_for()
    assert await violations(frame) == []
    await page.keyboard.press("Escape")
    conversations: Conversations = embedding.desk.conversations
    async with embedding.desk.db.write() as tx:
        await conversations.close(tx, await embedding.conversation())
    await frame.locator(".closed").wait_for()
    assert await violations(frame) == []
    plain = await context.new_page()
    await plain.goto(f"{embedding.desk_url}/widget/{embedding.desk.site.key}/plain?locale={lang}")
    assert await violations(plain) == []
    assert embedding.complaints == []


LABEL = "(it => it.ariaLabel || (it.tagName === 'BUTTON' && it.textContent) || '')(document.activeElement)"


async def test_the_keyboard_is_enough(embedding: Embedding) -> None:
    page = await embedding.page()
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.tagName") == "MINIDESK-WIDGET"
    await page.keyboard.press("Enter")
    frame = await embedding.frame(page)
    await expect(frame.get_by_role("textbox")).to_be_focused()
    await page.keyboard.type(QUESTION)
    await page.keyboard.press("Enter")
    question = await embedding.last_question()
    await embedding.desk.answer(question, "You have 30 days.")
    await frame.locator(".follow").wait_for()
    assert await frame.get_by_role("log").get_attribute("aria-live") == "polite"
    await expect(frame.get_by_role("log")).to_contain_text("You have 30 days.")

    async def to(name: str, key: str = "Shift+Tab") -> None:
        """Go from control to control until this one has the focus."""
        for _ in range(15):
            await page.keyboard.press(key)
            if name in await frame.evaluate(LABEL):
                return
        raise AssertionError(f"{name} cannot be reached")

    await to("Not quite")
    await page.keyboard.press("Enter")
    await to("It is wrong", "Tab")
    await page.keyboard.press("Space")
    await expect(frame.get_by_text("Thank you for saying so.", exact=False)).to_be_visible()
    await to("Source 1: Returns")
    await page.keyboard.press("Enter")
    await expect(frame.get_by_role("dialog")).to_contain_text("30 days")
    await page.keyboard.press("Escape")
    await expect(frame.get_by_role("dialog")).to_have_count(0)
    assert "Source 1" in await frame.evaluate("document.activeElement.ariaLabel")
    await to("More")
    await page.keyboard.press("Enter")
    await frame.get_by_role("button", name="Start a new conversation").press("Enter")
    await expect(frame.locator(".from-visitor")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("minidesk-widget button")).to_have_attribute("aria-expanded", "false")
    assert await page.evaluate("document.activeElement.tagName") == "MINIDESK-WIDGET"
    assert embedding.complaints == []


PANELS = """() => { window.panels = []; new MutationObserver(() => {
  for (const panel of document.querySelectorAll("dialog")) window.panels.push(panel.open);
}).observe(document, { childList: true, subtree: true }); }"""


async def test_a_panel_is_open_as_soon_as_it_is_there(embedding: Embedding) -> None:
    """Else a quick Escape shuts the chat, and the panel stands there for good."""
    frame = await embedding.chat(await embedding.page())
    await frame.evaluate(PANELS)
    await frame.get_by_role("button", name="More").click()
    await expect(frame.get_by_role("dialog")).to_be_visible()
    assert (await frame.evaluate("window.panels"))[0] is True


WIDTH = "[document.documentElement.scrollWidth, innerWidth]"


@pytest.mark.parametrize(
    ("width", "height", "scale", "touch"),
    [(640, 400, 2, False), (360, 640, 3, True), (320, 568, 2, True), (740, 360, 2, True)],
    ids=["zoom 200 %", "phone", "small phone", "phone on its side"],
)
async def test_small_windows(
    embedding: Embedding, tmp_path: Path, width: int, height: int, scale: int, touch: bool
) -> None:
    for embedding.lang in ("en", "ar"):
        context = await embedding.context(
            viewport={"width": width, "height": height}, device_scale_factor=scale, has_touch=touch
        )
        page = await embedding.page(context)
        frame = await embedding.chat(page)
        await answered(embedding, frame)
        for place in (page, frame):
            needed, there = await place.evaluate(WIDTH)
            assert needed <= there
        for control in ("textarea", ".send", ".head button", ".follow button"):
            await frame.locator(control).last.scroll_into_view_if_needed()
            box = await frame.locator(control).last.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert box["y"] + box["height"] <= height
            assert min(box["width"], box["height"]) >= 40
        await page.screenshot(path=tmp_path / f"{embedding.lang}-{width}.png")
        if width == 360:
            await _write_above_the_keyboard(page, frame)
        await context.close()
    assert embedding.complaints == []


async def _write_above_the_keyboard(page: Page, frame: Frame) -> None:
    """A keyboard makes what is seen smaller, not the page; zooming with two fingers does that too, and changes nothing."""
    see = """([height, scale]) => {
        for (const [name, value] of [["height", height], ["scale", scale]])
            Object.defineProperty(visualViewport, name, { value, configurable: true });
        visualViewport.dispatchEvent(new Event("resize"));
    }"""
    panel = page.locator("minidesk-widget div")
    await page.evaluate(see, [300, 1])
    await expect(panel).to_have_css("height", "300px")
    box = await frame.locator("textarea").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 300
    await page.evaluate(see, [320, 2])
    await expect(panel).to_have_css("height", "640px")


async def test_the_arabic_page_is_a_mirror(embedding: Embedding) -> None:
    places: dict[str, list[float]] = {}
    for embedding.lang in ("en", "ar"):
        page = await embedding.page()
        frame = await embedding.chat(page)
        await say(frame, QUESTION)
        await expect(
            frame.locator(".from-visitor[title]")
        ).to_be_visible()  # arrived: the draft is out of the page
        found = []
        for part in (
            page.locator("minidesk-widget button"),
            frame.locator(".send"),
            frame.locator(".from-visitor"),
        ):
            box = await part.bounding_box()
            assert box is not None
            found.append(box["x"] + box["width"] / 2)
        places[embedding.lang] = found
        await page.close()
    for left, right in zip(places["ar"], places["en"], strict=True):
        assert left == pytest.approx(1280 - right, abs=60)  # names differ in length
        assert left < 640 < right


@pytest.mark.parametrize(
    ("lang", "left", "rating"),
    [("pl", "pozostały 3 znaki", "4 z 5"), ("ja", "残り3文字", "5点中4点"), ("ar", "بقيت 3 أحرف", "4 من 5")],
)
async def test_numbers_have_their_forms(embedding: Embedding, lang: str, left: str, rating: str) -> None:
    embedding.lang = lang
    frame = await embedding.chat(await embedding.page())
    await frame.get_by_role("textbox").fill("x" * 3997)
    await expect(frame.locator("#limit")).to_have_text(left)
    await frame.get_by_role("textbox").fill("")
    await answered(embedding, frame)
    async with embedding.desk.db.write() as tx:
        await embedding.desk.conversations.close(tx, await embedding.conversation())
    await expect(frame.get_by_role("button", name=rating)).to_be_visible()


async def test_the_language_can_change_in_the_middle(embedding: Embedding) -> None:
    page = await embedding.page()
    frame = await embedding.chat(page)
    await expect(frame.get_by_role("textbox", name="Write a message")).to_be_visible()
    await page.evaluate("minidesk('locale', 'he')")
    await expect(frame.get_by_role("textbox", name="כתיבת הודעה")).to_be_visible()
    assert await frame.evaluate("document.documentElement.dir") == "rtl"
