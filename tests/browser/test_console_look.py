"""What is on the page can be read and stands where nothing lies on it: files, other wordings, rows, menus, other scripts."""

import re

import pytest
from playwright.async_api import Browser, FloatRect, Locator, Page, Route, expect
from sqlalchemy import select

from minidesk.conversations import keep_wording
from minidesk.db.models import Agent
from tests.browser import test_console_access as access
from tests.browser.test_console_access import Furnished, signed_in
from tests.helpers.pictures import PDF, picture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console

LAPTOP = {"width": 1366, "height": 768}
ARABIC = "مرحبا، لم يصل طلبي."
# How a reader's eye finds two colours: WCAG's contrast of an element's text on the first ground behind it that is no glass.
CONTRAST = """element => {
  const channels = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let ground = element;
  while (channels(getComputedStyle(ground).backgroundColor)[3] === 0) ground = ground.parentElement;
  const [a, b] = [light(getComputedStyle(element).color), light(getComputedStyle(ground).backgroundColor)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


async def opened(console: Furnished, browser: Browser, conversation: str = "") -> Page:
    """A conversation on a laptop's screen."""
    _, page = await signed_in(console, browser)
    await page.set_viewport_size(LAPTOP)  # type: ignore[arg-type]  # a dict of two numbers
    await page.goto(f"{console.office.base}/console/conversations/{conversation or console.conversation}")
    # The page is alive once its own streams have opened: what is pressed before that is a plain form.
    await expect(page.locator("html.live")).to_have_count(1)
    return page


async def box(element: Locator) -> FloatRect:
    """Where it stands."""
    found = await element.bounding_box()
    assert found
    return found


def apart(one: FloatRect, other: FloatRect) -> bool:
    """Whether neither lies on the other."""
    return (
        one["x"] + one["width"] <= other["x"]
        or other["x"] + other["width"] <= one["x"]
        or one["y"] + one["height"] <= other["y"]
        or other["y"] + other["height"] <= one["y"]
    )


async def test_what_an_agent_sends_can_be_read_by_the_agent(console: Furnished, browser: Browser) -> None:
    office = console.office
    page = await opened(console, browser)
    await page.locator("#say-files").set_input_files(
        {"name": "form.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    await page.locator("#say").fill("Here is the form.")
    await page.locator("#say").press("Control+Enter")
    own = page.locator(".entry.agent.mine").last
    await expect(own.locator(".file")).to_contain_text("form.pdf")
    message = ((await own.get_attribute("id")) or "")[2:]
    async with office.db.write() as tx:
        await keep_wording(tx, message, "original", "", "Hier ist das Formular.", office.clock())
    await page.reload()
    await expect(own.locator(".wording")).to_contain_text("Hier ist das Formular.")
    for part in (".md p", ".file span >> nth=0", ".wording span"):
        assert await own.locator(part).evaluate(CONTRAST) >= 4.5, part


async def test_chosen_files_are_named_and_can_be_taken_back_pasted_and_dropped(
    console: Furnished, browser: Browser
) -> None:
    page = await opened(console, browser)
    chosen = page.locator("[data-files] li")
    files = [{"name": f"{n}.png", "mimeType": "image/png", "buffer": picture(width=20 + n)} for n in range(2)]
    await page.locator("#say-files").set_input_files(files)  # type: ignore[arg-type]  # as Playwright documents it
    await expect(chosen).to_have_text([re.compile(r"0\.png"), re.compile(r"1\.png")])
    await expect(chosen.first).to_be_visible()
    await page.get_by_role("button", name="Leave out 0.png").press("Enter")
    await expect(chosen).to_have_text([re.compile(r"1\.png")])
    # As a screenshot comes out of the clipboard, and as a file comes off the desktop.
    for kind, name in (("paste", "shot.png"), ("drop", "dropped.png")):
        await page.locator("#say").evaluate(
            """(field, [kind, name, bytes]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
              const more = kind === "paste" ? { clipboardData: data } : { dataTransfer: data };
              const event = new (kind === "paste" ? ClipboardEvent : DragEvent)(kind, { bubbles: true, cancelable: true, ...more });
              field.dispatchEvent(event);
            }""",
            [kind, name, list(picture(width=30))],
        )
    await expect(chosen).to_have_count(3)
    await page.locator("#say").fill("Three pictures.")
    await page.locator("#say").press("Control+Enter")
    sent = page.locator(".entry.agent.mine").last
    await expect(sent.locator("img")).to_have_count(3)
    names = await sent.locator("img").evaluate_all("all => all.map((each) => each.alt)")
    assert names == ["1.png", "shot.png", "dropped.png"]
    await expect(chosen).to_have_count(0)


async def test_twelve_tickets_fit_on_a_laptop(console: Furnished, browser: Browser) -> None:
    office = console.office
    for n in range(14):
        talk = await office.conversation(
            office.site, f"Ticket {n}: where is my parcel, and when will it come to me?"
        )
        await office.deps.handoff.hand_off(talk, "customer_request")
    page = await opened(console, browser)
    await page.goto(f"{office.base}/console/inbox?view=open")
    await expect(page.locator("#rows [data-row]")).to_have_count(15)
    rows = await page.locator("#rows li").evaluate_all(
        "all => all.map((row) => row.getBoundingClientRect().bottom)"
    )
    assert sum(bottom <= LAPTOP["height"] for bottom in rows) >= 12


async def test_a_menu_goes_away_once_it_did_what_it_is_for_and_stays_where_it_did_not(
    console: Furnished, browser: Browser
) -> None:
    page = await opened(console, browser)
    await page.keyboard.press("z")
    await expect(page.locator("#act-snooze")).to_have_attribute("open", "")
    await page.locator("#follow-up").fill("2199-01-01")
    await page.locator("#follow-up-form button").click()
    await expect(page.locator("#follow-up-form [data-problem]")).to_be_visible()
    await expect(page.locator("#act-snooze")).to_have_attribute("open", "")
    await page.locator("#follow-up").fill(f"{console.office.clock().date().replace(day=28)}")
    await page.locator("#follow-up-form button").click()
    await expect(page.locator("#talk-names")).to_contain_text("look again")
    await expect(page.locator("#act-snooze")).not_to_have_attribute("open", "")


async def test_what_was_typed_and_why_it_was_refused_outlive_what_others_do_meanwhile(
    console: Furnished, browser: Browser
) -> None:
    office = console.office
    page = await opened(console, browser)

    async def told_of(text: str) -> None:
        async with office.db.write() as tx:
            ben = await tx.scalar(select(Agent.id).where(Agent.name == "Ben Okafor"))
            await office.deps.conversations.post_note(tx, console.conversation, agent_id=ben or "", text=text)
        await expect(page.get_by_role("log")).to_contain_text(text)

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await told_of("one")
        await route.fulfill(response=answer)

    await page.keyboard.press("z")
    field, save = page.locator("#follow-up"), page.locator("#follow-up-form button")
    await field.fill("2199-01-01")
    await save.focus()
    await told_of("two")
    await expect(field).to_have_value("2199-01-01")
    await page.route("**/follow-up", late)
    await save.click()
    await expect(page.locator("#follow-up-form [data-problem]")).to_be_visible()
    await expect(field).to_have_value("2199-01-01")


async def test_undo_lies_on_nothing_that_is_pressed(console: Furnished, browser: Browser) -> None:
    page = await opened(console, browser)
    await page.keyboard.press("t")
    await expect(page.locator("#talk-head")).to_have_attribute("data-mine", "yes")
    await page.locator("#say").fill("It is on its way.")
    await page.locator("#say").press("Control+Enter")
    await expect(page.locator(".entry.agent.mine")).to_have_count(1)
    await page.keyboard.press("Escape")
    await page.keyboard.press("e")
    await expect(page.locator("#undo")).to_be_visible()
    await expect(page.locator("#act-reopen")).to_be_visible()
    await page.keyboard.press("x")
    line = await box(page.locator("#undo"))
    for other in ("#talk-head", "#act-more > .menu", ".composer"):
        assert apart(line, await box(page.locator(other))), other


async def test_what_is_written_from_right_to_left_is_read_so(console: Furnished, browser: Browser) -> None:
    office = console.office
    talk = await office.conversation(office.site, ARABIC)
    await office.deps.handoff.hand_off(talk, "customer_request")
    page = await opened(console, browser, talk)
    await page.locator("#say").fill(ARABIC)
    # The full stop ends the sentence: at its left. In a text that is laid out from left to right it stands at the right.
    ends = """element => {
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      let text = null;
      while (walker.nextNode()) if (walker.currentNode.data.trim()) text = walker.currentNode;
      const at = (i) => { const range = document.createRange(); range.setStart(text, i); range.setEnd(text, i + 1); return range.getBoundingClientRect().left; };
      return at(text.data.trimEnd().length - 1) < at(text.data.search(/\\S/));
    }"""
    for part in (".entry.visitor .md", "#talk-names h2", "#rows .row[aria-current] .subject"):
        assert await page.locator(part).first.evaluate(ends), part
    assert await page.locator("#say").evaluate("field => field.matches(':dir(rtl)')")


@pytest.mark.parametrize("path", ["inbox", "settings"])
async def test_keys_that_lead_somewhere_lead_there_from_every_page(
    console: Furnished, browser: Browser, path: str
) -> None:
    page = await opened(console, browser)
    for key, address in (("a", "/console/docs/entries/new"), ("q", "/console/docs/try")):
        await page.goto(f"{console.office.base}/console/{path}")
        await expect(page.locator("html.live")).to_have_count(1)
        await page.keyboard.press(key)
        await page.wait_for_url(f"**{address}")


@pytest.mark.parametrize("width", [1366, 1000])
async def test_a_ticket_is_given_to_a_colleague_by_the_keyboard(
    console: Furnished, browser: Browser, width: int
) -> None:
    page = await opened(console, browser)
    await page.set_viewport_size({"width": width, "height": 768})
    await page.keyboard.press("a")
    await expect(page.locator("select[name=assignee][data-key]")).to_be_focused()
    await page.keyboard.type("Ben")
    await expect(page.locator("#p-routing .facts")).to_contain_text("Ben Okafor")
    await expect(page).to_have_url(re.compile("/console/conversations/"))


async def test_ticking_a_row_moves_none(console: Furnished, browser: Browser) -> None:
    office = console.office
    for n in range(3):
        talk = await office.conversation(office.site, f"Ticket {n}: where is my parcel?")
        await office.deps.handoff.hand_off(talk, "customer_request")
    page = await opened(console, browser)
    await page.goto(f"{office.base}/console/inbox?view=open")
    rows = page.locator("#rows li")
    await expect(rows).to_have_count(4)
    places = [await box(rows.nth(n)) for n in range(4)]
    await rows.nth(1).hover()
    await rows.nth(1).get_by_role("checkbox").check()
    await expect(page.locator("#bulk")).to_be_visible()
    assert [await box(rows.nth(n)) for n in range(4)] == places
    assert apart(await box(page.locator("#bulk")), places[-1])
