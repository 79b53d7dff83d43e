"""A ticket that the desk gives to an agent who looks elsewhere: notification, sound and title tell them, as they have chosen."""

import re

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select, update

from minidesk.accounts import seen_here
from minidesk.db.models import Agent, Team
from minidesk.tickets import Giving, at_work
from tests.browser import test_console_access as access
from tests.browser.test_console_access import EMAIL, Furnished, signed_in

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    # A page looks the same on either database; the story goes through both.
    pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True),
]

console = access.console

# The desktop and the loudspeaker at the edge of the page, and a switch for whether somebody looks at it.
EDGE = """() => {
  window.told = []; window.tones = 0; window.looks = true;
  window.Notification = class extends EventTarget {
    static permission = "default";
    static async requestPermission() { return (this.permission = localStorage.getItem("test:permission") ?? "granted"); }
    constructor(said, options) { super(); this.said = said; window.told.push(said); window.last = this; }
    close() {}
  };
  Notification.permission = localStorage.getItem("test:granted") ?? "default";
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...at) { window.tones += 1; return start.apply(this, at); };
  Object.defineProperty(document, "visibilityState", {get: () => (window.looks ? "visible" : "hidden")});
}"""


async def a_desk_that_gives(console: Furnished, browser: Browser) -> tuple[Page, Giving]:
    """The page of Mara, who is the one member of a team whose tickets are given out, and what gives them."""
    _, page = await signed_in(console, browser)
    await page.add_init_script(f"({EDGE})()")
    office = console.office
    async with office.db.write() as tx:
        await tx.execute(update(Team).values(giving="given"))
        mara = await tx.scalar(select(Agent.id).where(Agent.email == EMAIL))
        # Ben is at lunch.
        await tx.execute(update(Agent).where(Agent.email != EMAIL).values(away_at=office.clock()))
    assert mara is not None
    await seen_here(office.db, office.deps.hub, office.site.id, mara, office.clock())
    return page, Giving(office.db, office.deps.tickets, office.clock)


async def chosen(page: Page, name: str) -> None:
    """Press a button of the menu."""
    await page.locator("details.me > summary").click()
    await page.get_by_role("button", name=name, exact=True).click()
    await page.keyboard.press("Escape")


async def cookie(page: Page) -> str | None:
    """The session's."""
    return next((each["value"] for each in await page.context.cookies() if each["name"] == "minidesk"), None)


async def asked(console: Furnished, giving: Giving, text: str) -> tuple[str, int]:
    """Somebody wants a person, and the desk gives the ticket out; the conversation and the ticket's number."""
    office = console.office
    office.clock.advance(seconds=5)
    talk = await office.conversation(office.site, text)
    ticket = await office.deps.handoff.hand_off(talk, "customer_request")
    await giving.look()
    return talk, ticket.number


async def test_a_given_ticket_is_told_of_once_by_desktop_sound_and_title(
    console: Furnished, browser: Browser
) -> None:
    page, giving = await a_desk_that_gives(console, browser)
    await page.goto(f"{console.office.base}/console/inbox?view=open")
    await chosen(page, "Desktop notifications")
    await chosen(page, "Sound")
    assert await page.evaluate("window.tones") == 2  # what it will sound like
    await giving.look()  # what waits from before
    await expect(page).to_have_title(re.compile("^● "))
    assert await page.evaluate("window.told") == []  # they look at the page
    await page.evaluate("window.looks = false; window.told = []; localStorage.removeItem('desk:rang')")
    talk, number = await asked(console, giving, "My tent is torn")
    await page.wait_for_function("() => window.told.length > 0 && window.tones > 2")
    assert await page.evaluate("window.told.filter((said) => said.includes('given'))") == [
        f"Ticket #{number} was given to you"
    ]
    # Their time begins anew while they write in another tab, and that is no news; a press on it leads there.
    console.office.clock.advance(minutes=2)
    mara = (await console.office.deps.sessions.identify(console.office.db, await cookie(page))).agent_id
    await at_work(console.office.db, console.office.deps.tickets, talk, mara)
    await console.office.conversation(console.office.site, "Somebody else")
    await expect(page.locator("#tabs")).to_contain_text("Assistant 1")
    assert len(await page.evaluate("window.told.filter((said) => said.includes('given'))")) == 1
    await page.evaluate("window.last.dispatchEvent(new Event('click'))")
    await page.wait_for_url(f"**/console/conversations/{talk}")
    await expect(page).to_have_title(re.compile("^● "))
    assert await page.evaluate("window.told") == []


async def test_once_all_are_taken_the_mark_in_the_title_is_gone(console: Furnished, browser: Browser) -> None:
    page, giving = await a_desk_that_gives(console, browser)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(f"{console.office.base}/console/conversations/{console.conversation}")
    await expect(page).not_to_have_title(re.compile("^●"))
    await giving.look()  # the very one that is open
    await expect(page).to_have_title(re.compile("^● "))
    await page.locator("#say").fill("I look at it at once.")
    await page.keyboard.press("Control+Enter")
    await expect(page).not_to_have_title(re.compile("^●"))
    await expect(page).to_have_title(re.compile("parcel"))
    assert errors == []


async def test_who_wants_neither_sound_nor_notification_has_the_title_alone(
    console: Furnished, browser: Browser
) -> None:
    page, giving = await a_desk_that_gives(console, browser)
    await page.goto(f"{console.office.base}/console/docs")
    await page.evaluate("window.looks = false")
    await expect(page).not_to_have_title(re.compile("^●"))
    await asked(console, giving, "My tent is torn")
    await expect(page).to_have_title(re.compile("^● "))
    assert await page.evaluate("[window.told.length, window.tones]") == [0, 0]
