"""The main job: a visitor asks, is answered or told the truth, reaches a person; the agent answers and adds knowledge."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import Server, Widget, person, sign_in
from tests.helpers.documents import pdf

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


async def test_from_widget_to_console_and_back(
    server: Server, browser: Browser, database_kind: str, database_url: str, tmp_path: Path
) -> None:
    server.sample = None  # the story begins with the first start
    if database_kind == "postgres":
        server.environment["MINIDESK_DATABASE_URL"] = database_url
    await server.start()
    agent = await person(browser, server.url)
    await sign_in(agent.page, server)
    await agent.page.goto(f"{server.url}/console/inbox?view=unassigned")
    rows = agent.page.locator("[data-row]")
    await expect(rows).to_have_count(2)  # of the demo's morning

    visitor = await person(browser, server.url)
    widget = Widget(visitor.page)
    await widget.open(server.url)

    # An answer with its source, which opens the passage with the words marked.
    await widget.say("How long do I have to send something back?")
    await expect(widget.frame.locator(".from-desk").last).to_contain_text("30 days")
    source = widget.frame.get_by_role("button", name="Returns policy").first
    await source.click()
    marked = widget.frame.locator("dialog mark")
    await expect(marked).to_contain_text("30 days")
    # An extract is word for word what the passage says, so the marked words stand in the answer.
    assert " ".join((await marked.inner_text()).split())[:40] in " ".join(
        (await widget.last_answer()).split()
    )
    await visitor.page.keyboard.press("Escape")

    # What the pages do not say.
    await widget.say("Do you rent out ski goggles?")
    await expect(widget.frame.locator(".from-desk").last).to_contain_text("Our pages don't say")
    await expect(widget.frame.get_by_role("button", name="Talk to a person").last).to_be_visible()

    # A person: the visitor is told what happens next, the agent's page shows the ticket without a reload.
    await widget.say("can I talk to someone? My order number is 20431, mail me at ana@example.com")
    await expect(widget.frame.get_by_text("Your request has number 7", exact=False)).to_be_visible()
    row = rows.filter(has_text="goggles")
    await expect(row).to_be_visible()
    await row.click()
    panel = agent.page.get_by_role("complementary").last
    await expect(panel).to_contain_text("20431")
    await expect(panel).to_contain_text("ana@example.com")
    for heading in ("Summary", "Team", "Priority"):
        await expect(panel).to_contain_text(heading)

    # The agent answers; the visitor reads it at once.
    await agent.page.get_by_role("button", name="Take over").click()
    reply = agent.page.locator("#say")
    await reply.fill("Hello Ana, I have your order here. We do not rent goggles.")
    await reply.press("Control+Enter")
    await expect(widget.frame.get_by_text("Hello Ana, I have your order here.", exact=False)).to_be_visible()

    # New knowledge: a PDF, ready while one looks on, answers the next question.
    await agent.page.get_by_role("button", name="Solve").click()
    await expect(widget.frame.locator(".head")).to_contain_text("Assistant")
    await agent.page.goto(f"{server.url}/console/docs")
    file = tmp_path / "snowshoe-rental.pdf"
    words = "Snowshoes can be rented in Graz for 19 euros a day. The deposit is 80 euros."
    file.write_bytes(pdf([[(72, 760, 20, "Snowshoe rental"), (72, 720, 11, words)]]))
    await agent.page.set_input_files("input[type=file]", str(file))
    added = agent.page.locator("#sources-part").get_by_text("snowshoe-rental.pdf").first
    await expect(added).to_be_visible()
    await expect(agent.page.locator("#sources-part li", has_text="snowshoe-rental.pdf")).to_contain_text(
        "ready"
    )
    await widget.say("How much does it cost to rent snowshoes in Graz?")
    await expect(widget.frame.locator(".from-desk").last).to_contain_text("19 euros a day")

    # A reload keeps it all.
    await visitor.page.reload()
    await widget.frame.get_by_role("textbox").wait_for()
    await expect(widget.frame.locator(".from-desk").last).to_contain_text("19 euros a day")
    await expect(widget.frame.get_by_text("Hello Ana, I have your order here.", exact=False)).to_have_count(1)
    assert visitor.complaints == []
    assert agent.complaints == []
