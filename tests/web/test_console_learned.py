"""Agents correct where tickets go, and the next one like it goes there by itself; the panel says why."""

from tests.desk import embed_words
from tests.rows import add_team
from tests.web.test_console import Browser, Office
from tests.web.test_console import office as office  # noqa: PLC0414 (a fixture, named so that pytest finds it)

from minidesk.handoff import Handoff, next_line
from minidesk.text.locale import load_texts

FIRST = "The newsletter coupon is refused when I pay."


async def handed_off(office: Office, words: str, *, elsewhere: bool = False) -> str:
    """A conversation that waits for a person; its address in the console."""
    deps = office.deps
    handoff = Handoff(
        office.db, deps.conversations, deps.tickets, embed_words, next_line(load_texts()), office.clock,
        fingerprint="words",
    )  # fmt: skip
    conversation = await office.conversation(office.other if elsewhere else office.site, words)
    await handoff.hand_off(conversation, "customer_request")
    return f"/console/conversations/{conversation}"


async def routed(browser: Browser, talk: str) -> str:
    """What the panel says of the way here."""
    page = await browser.get(talk)
    return page.text.split('id="p-routing"')[1].split("<form")[0]


async def test_the_next_ticket_like_a_corrected_one_goes_where_that_one_went(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await office.agent("ines@example.com", office.other)
    teams = {}
    for name, description in (
        ("First line", ""),
        ("Billing", ""),
        ("Workshop", "repairs of tents, broken poles"),
    ):
        office.clock.advance(seconds=1)
        teams[name] = (await add_team(office.db, office.clock, office.site.id, name, description)).id
    await add_team(office.db, office.clock, office.other.id, "Theirs")
    async with office.at_work("mara@example.com") as browser:
        talk = await handed_off(office, FIRST)
        assert "other: like no team and no earlier ticket" in await routed(browser, talk)
        assert (
            await browser.part(f"{talk}/ticket", team=teams["Billing"], priority="normal")
        ).status_code == 204
        assert (await browser.part(f"{talk}/tag", tag="coupon")).status_code == 204
        assert "sent here by an agent" in await routed(browser, talk)

        following = await handed_off(office, "Hello! Why is my newsletter coupon refused when I pay?")
        said = await routed(browser, following)
        assert "Billing" in said
        assert "like #1, which an agent sent here" in said
        # The words that it was known by can be shown in the conversation.
        assert 'data-words="Why is my newsletter coupon refused when I pay?"' in said
        page = await browser.get(following)
        assert 'aria-label="Add the tag coupon"' in page.text
        assert (await browser.part(f"{following}/tag", tag="coupon")).status_code == 204
        assert 'aria-label="Add the tag coupon"' not in (await browser.get(following)).text

        said = await routed(browser, await handed_off(office, "The poles of my tent are broken."))
        assert "Workshop" in said
        assert "what the team is for" in said
        assert "other: like" in await routed(browser, await handed_off(office, "Who won the football match?"))
    async with office.at_work("ines@example.com") as stranger:
        # One site's lessons are none of another's business.
        assert "other: like" in await routed(stranger, await handed_off(office, FIRST, elsewhere=True))
