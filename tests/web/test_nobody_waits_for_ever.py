"""Whoever was promised a person has somebody, or a place in the queue, and a time; and hears of it when that has passed.

Visitors and agents each by their own door, on one desk whose clock is the test's.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
import pytest
from tests.gateway.conftest import Ledger
from tests.rows import add_team
from tests.web import test_console
from tests.web.conftest import SEALER, Visitor, open_visitor
from tests.web.test_console import Browser, Office

from minidesk.gateway import Transcriber
from minidesk.handoff import late_line
from minidesk.sites import SiteView, Visitors, config_of, site_by_id, update_config
from minidesk.text.locale import load_texts
from minidesk.tickets import Effect, Policy, Rule, Tending, TicketView, put_policy, put_rule, ticket_of
from minidesk.web.visitor_api import Streams, VisitorDeps, visitor_router

office = test_console.office
LATE = "Sorry, nobody has been free yet."
MINUTE = timedelta(minutes=1)
CLOSED_ALL_DAY: list[list[dict[str, str]]] = [[], [], [], [], [], [], []]


@dataclass
class House:
    """The office with the visitors' door, and time that passes."""

    office: Office
    client: httpx.AsyncClient
    tending: Tending
    site: SiteView

    async def asked(
        self, visitor: Visitor | None = None, text: str = "I want a person"
    ) -> tuple[Visitor, str]:
        """A visitor who has written and pressed the button; the conversation."""
        visitor = visitor or await open_visitor(self.client, self.site)
        talk = await visitor.start()
        await visitor.say(talk, text)
        assert (await visitor.post(f"/conversations/{talk}/handoff")).status_code == 202
        return visitor, talk

    async def told(self, visitor: Visitor, talk: str) -> list[str]:
        """What the desk itself said to the visitor."""
        answer = await visitor.get(f"/conversations/{talk}")
        assert answer.status_code == 200, answer.text
        return [each["text"] for each in answer.json()["messages"] if each["author"] == "system"]

    async def ticket(self, talk: str) -> TicketView:
        """The ticket of a conversation."""
        async with self.office.db.read() as tx:
            found = await ticket_of(tx, talk)
        assert found is not None
        return found

    async def after(self, **passed: float) -> None:
        """Time passes, and the desk looks after its tickets."""
        self.office.clock.advance(**passed)
        await self.tending.look()

    @property
    def now(self) -> datetime:
        """The time."""
        return self.office.clock()


@pytest.fixture
async def house(office: Office) -> AsyncIterator[House]:
    """Both doors of one desk."""
    deps, texts = office.deps, load_texts()
    streams = Streams(office.db, deps.hub, deps.stopping, 5, 20)
    office.app.include_router(
        visitor_router(
            VisitorDeps(
                office.db, deps.settings, office.clock, texts, Visitors(office.clock), deps.conversations,
                deps.tickets, deps.handoff, streams, deps.limiter, deps.attachments,
                Transcriber(None, Ledger().book, Ledger()), SEALER, None,
            )
        )
    )  # fmt: skip
    async with office.db.write() as tx:
        site = await site_by_id(tx, office.site.id)
    async with httpx.AsyncClient(base_url=office.base, timeout=60, trust_env=False) as client:
        yield House(office, client, Tending(office.db, deps.tickets, late_line(texts), office.clock), site)


async def press(browser: Browser, talk: str, act: str, **fields: str) -> None:
    """An agent's press on the page of a conversation."""
    await browser.get(f"/console/conversations/{talk}")
    answer = await browser.part(f"/console/conversations/{talk}/{act}", **fields)
    assert answer.status_code == 204, answer.text


async def test_outside_opening_hours(house: House) -> None:
    week = [[{"start": "09:00", "end": "17:00"}] if day < 5 else [] for day in range(7)]
    async with house.office.db.write() as tx:
        await update_config(
            tx, house.site.id, config_of({"hours": {"time_zone": "UTC", "week": week}, "reply_minutes": 30})
        )
    night = house.now.replace(hour=20, minute=0) + timedelta(days=(7 - house.now.weekday()) % 7)  # a Monday
    house.office.clock.advance(minutes=(night - house.now) / MINUTE)
    visitor, talk = await house.asked()
    morning = night.replace(hour=9) + timedelta(days=1)
    assert (await house.ticket(talk)).response_due_at == morning + 30 * MINUTE
    await house.after(hours=13.4)
    assert len(await house.told(visitor, talk)) == 1
    await house.after(minutes=10)
    assert (await house.told(visitor, talk))[-1].startswith(LATE)


@pytest.mark.parametrize("hours", [None, CLOSED_ALL_DAY])
async def test_nobody_of_the_team_is_there(house: House, hours: list[list[dict[str, str]]] | None) -> None:
    """Nobody is signed in, the team has nobody, and the hours may never come: it is said all the same."""
    await add_team(house.office.db, house.office.clock, house.site.id, "Empty")
    if hours is not None:
        async with house.office.db.write() as tx:
            await update_config(tx, house.site.id, config_of({"hours": {"time_zone": "UTC", "week": hours}}))
    visitor, talk = await house.asked()
    await house.after(minutes=29)
    assert len(await house.told(visitor, talk)) == 1
    await house.after(minutes=2)
    assert (await house.told(visitor, talk))[-1].startswith(LATE)


@pytest.mark.parametrize("way", ["put off", "pending", "given by a rule", "given to who left"])
async def test_nobody_comes_whatever_became_of_the_ticket(house: House, way: str) -> None:
    await house.office.agent("mara@example.com", house.office.site, "admin")
    jonas = await house.office.agent("jonas@example.com", house.office.site)
    if "given" in way:
        async with house.office.db.write() as tx:
            await put_rule(tx, house.site.id, Rule("r", "R", effect=Effect(assignee_id=jonas)), house.now)
    visitor, talk = await house.asked()
    async with house.office.at_work("mara@example.com") as browser:
        if way == "put off":
            await press(browser, talk, "snooze", until="tomorrow")
        elif way == "pending":
            await press(browser, talk, "wait")
        elif way == "given to who left":
            await browser.get("/console/people")
            assert (await browser.post(f"/console/people/{jonas}/remove")).status_code == 303
            assert (await house.ticket(talk)).assignee_id is None
    await house.after(minutes=31)
    assert (await house.told(visitor, talk))[-1].startswith(LATE)
    ticket = await house.ticket(talk)
    assert ticket.due is not None
    if way == "put off":
        await house.after(days=2)
        assert (await house.ticket(talk)).snoozed_until is None


async def test_who_has_taken_it_and_says_nothing(house: House) -> None:
    """Its time passes while somebody has it: they may be looking something up, but not for ever."""
    await house.office.agent("mara@example.com", house.office.site)
    visitor, talk = await house.asked()
    async with house.office.at_work("mara@example.com") as browser:
        await press(browser, talk, "take-over")
        await house.after(minutes=59)
        assert len(await house.told(visitor, talk)) == 1
        await house.after(minutes=2)
        assert (await house.told(visitor, talk))[-1].startswith(LATE)
        await press(browser, talk, "say", text="Here I am")
    await house.after(hours=5)
    assert len(await house.told(visitor, talk)) == 2


@pytest.mark.parametrize("written", ["before", "after", "never"])
async def test_who_had_it_gives_it_to_nobody(house: House, written: str) -> None:
    """An answer was given once; in the queue there is a time again, and who wrote since is told when it passes."""
    await house.office.agent("mara@example.com", house.office.site)
    visitor, talk = await house.asked()
    async with house.office.at_work("mara@example.com") as browser:
        await press(browser, talk, "take-over")
        await press(browser, talk, "say", text="One moment")
        if written == "before":
            await visitor.say(talk, "Are you there?", "c2")
        await press(browser, talk, "ticket", assignee="", team="")
    since = house.now
    if written == "after":
        await visitor.say(talk, "Are you there?", "c2")
    due = (await house.ticket(talk)).due
    assert due is not None
    assert (due.clock, due.at) == ("next", since + 30 * MINUTE)
    await house.after(minutes=31)
    late = [line for line in await house.told(visitor, talk) if line.startswith(LATE)]
    assert len(late) == (written != "never")


@pytest.mark.parametrize("target", ["put off", "pending", "with the assistant", "in the queue"])
async def test_who_waits_in_a_ticket_that_is_merged_waits_in_the_other(house: House, target: str) -> None:
    await house.office.agent("mara@example.com", house.office.site)
    visitor, first = await house.asked()
    async with house.office.at_work("mara@example.com") as browser:
        if target == "put off":
            await press(browser, first, "snooze", until="tomorrow")
        elif target != "in the queue":
            await press(browser, first, "take-over")
            await press(browser, first, "say", text="Ask the assistant")
            await press(browser, first, "wait" if target == "pending" else "hand-back")
        _, second = await house.asked(visitor, "And another thing")
        await press(browser, second, "merge", into=(await house.ticket(first)).id)
    kept = await house.ticket(first)
    assert (kept.status, kept.snoozed_until) == ("open", None)
    holder = (await house.office.holder(first))[0]
    assert holder == ("agent" if target == "pending" else "queue")
    assert (await house.office.holder(second))[0] == "closed"
    if holder == "queue":
        assert kept.due is not None
        assert kept.due.at == house.now + 30 * MINUTE


async def test_what_is_merged_while_nobody_waits_wakes_nobody(house: House) -> None:
    await house.office.agent("mara@example.com", house.office.site)
    visitor, first = await house.asked()
    _, second = await house.asked(visitor, "And another thing")
    async with house.office.at_work("mara@example.com") as browser:
        for talk in (first, second):
            await press(browser, talk, "snooze", until="tomorrow")
        await press(browser, second, "merge", into=(await house.ticket(first)).id)
    assert (await house.ticket(first)).snoozed_until is not None


async def test_who_is_blocked_is_told_and_starts_anew_when_let_in(house: House) -> None:
    await house.office.agent("mara@example.com", house.office.site, "admin")
    visitor, talk = await house.asked()
    async with house.office.at_work("mara@example.com") as browser:
        await press(browser, talk, "spam", block_visitor="yes")
        assert (await house.office.holder(talk))[0] == "closed"
        refused = await visitor.post(f"/conversations/{talk}/messages", {"client_id": "c2", "text": "Hello?"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "blocked")
        listed = (await browser.get("/console/blocked")).text
        [lift] = re.findall(r'action="(/console/blocked/[^"]+/lift)"', listed)
        await house.after(hours=1)
        assert len(await house.told(visitor, talk)) == 1
        assert (await browser.post(lift)).status_code == 303
    await visitor.say(talk, "Hello again", "c3")
    assert (await house.office.holder(talk))[0] == "assistant"
    assert (await visitor.post(f"/conversations/{talk}/handoff")).status_code == 202
    assert (await house.office.holder(talk))[0] == "queue"
    await house.after(minutes=31)
    assert (await house.told(visitor, talk))[-1].startswith(LATE)


async def test_no_clock_of_an_answer_runs_while_the_assistant_has_it(house: House) -> None:
    """An agent gives the conversation back, before any answer or after one: then nobody waits for a person."""
    policy = Policy("p", "P", 10, 20, 600, "calendar", warn_minutes=5, default=True)
    async with house.office.db.write() as tx:
        await put_policy(tx, house.site.id, policy, house.now)
    await house.office.agent("mara@example.com", house.office.site)
    visitor, talk = await house.asked()
    opened = house.now
    async with house.office.at_work("mara@example.com") as browser:
        await press(browser, talk, "hand-back")
        back = await house.ticket(talk)
        assert back.due is not None
        assert (back.due.clock, back.due.at, back.response_due_at) == (
            "resolution",
            opened + 600 * MINUTE,
            None,
        )
        await house.after(minutes=30)
        assert len(await house.told(visitor, talk)) == 1
        # A person has it again: the time for the first answer begins anew.
        await press(browser, talk, "take-over")
        assert (await house.ticket(talk)).response_due_at == house.now + 10 * MINUTE
        await press(browser, talk, "say", text="Hello")
        await visitor.say(talk, "And how long is delivery?", "c2")
        assert (await house.ticket(talk)).next_due_at == house.now + 20 * MINUTE
        await press(browser, talk, "hand-back")
        assert (await house.ticket(talk)).next_due_at is None
    assert (await visitor.post(f"/conversations/{talk}/handoff")).status_code == 202
    again = (await house.ticket(talk)).due
    assert again is not None
    assert (again.clock, again.at) == ("first", house.now + 10 * MINUTE)
