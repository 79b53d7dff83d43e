"""Tickets that the desk gives out: to who is there and has room; looked at again at once when somebody has room; nobody stranded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select, update
from tests.rows import add_team
from tests.web import test_console, test_nobody_waits_for_ever
from tests.web.conftest import Visitor
from tests.web.test_console import Browser, Office
from tests.web.test_nobody_waits_for_ever import LATE, House, press

from minidesk.accounts import list_workers
from minidesk.db import Database
from minidesk.db.models import Agent, Conversation, Event, Post, Team, TeamMember, Ticket, new_id
from minidesk.handoff import late_line
from minidesk.text.locale import load_texts
from minidesk.tickets import Effect, Rule, Tending, TicketView, put_rule
from minidesk.web.console import streams

office = test_console.office
house = test_nobody_waits_for_ever.house
NAMES = {"mara": "Mara Lindt", "jonas": "Jonas Weber", "ines": "Ines Roth"}


@dataclass
class Shift:
    """A team whose tickets are given out, with people who have their consoles open."""

    house: House
    team: str
    ids: dict[str, str] = field(default_factory=dict)
    browsers: dict[str, Browser] = field(default_factory=dict)
    visitors: dict[str, Visitor] = field(default_factory=dict)  # by conversation

    @property
    def office(self) -> Office:
        """The office around it."""
        return self.house.office

    async def look(self, minutes: float = 0, absent: Sequence[str] = ()) -> None:
        """Time passes, minute by minute, while all but the `absent` keep their pages open; then the desk looks once."""
        for _ in range(int(minutes)):
            self.office.clock.advance(minutes=1)
            for name, browser in self.browsers.items():
                if name not in absent:
                    assert (await browser.get("/console/inbox")).status_code == 200
        await self.house.tending.look()

    async def ask(self, visitor: Visitor | None = None, text: str = "I want a person") -> str:
        """Somebody wants a person; the conversation. Each a second later, so that their order is known."""
        self.office.clock.advance(seconds=1)
        asked, talk = await self.house.asked(visitor, text)
        self.visitors[talk] = asked
        return talk

    async def late(self, talk: str) -> bool:
        """Whether the visitor was told that nobody had been free."""
        return any(line.startswith(LATE) for line in await self.house.told(self.visitors[talk], talk))

    async def who(self, talk: str) -> str | None:
        """Whom the ticket of a conversation was given to."""
        found = (await self.house.ticket(talk)).assignee_id
        return next((name for name, id in self.ids.items() if id == found), found)

    async def take(self, name: str, talk: str) -> None:
        """They take a conversation, and say something."""
        await press(self.browsers[name], talk, "say", text="Hello")

    async def limit(self, **most: int | str) -> None:
        """How many tickets each takes, by the page."""
        for name, n in most.items():
            await self.works(name, most_open=str(n))

    async def works(self, name: str, **fields: str) -> None:
        """What somebody takes, by the page of an administrator."""
        async with self.admin() as admin:
            answer = await admin.post(f"/console/people/{self.ids[name]}/work", **fields)
            assert answer.status_code == 303, answer.text

    async def switch(self, name: str, away: str) -> None:
        """Somebody presses the switch in their menu."""
        answer = await self.browsers[name].post("/console/account/away", away=away)
        assert answer.status_code == 303

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[Browser]:
        """An administrator, who looks at settings: their inbox is not open, so they are given nothing."""
        async with self.office.at_work("admin@example.com") as browser:
            async with self.office.db.write() as tx:
                admin = select(Agent.id).where(Agent.email == "admin@example.com").scalar_subquery()
                await tx.execute(update(Post).where(Post.agent_id == admin).values(seen_at=None))
            await browser.get("/console/audit")
            yield browser

    async def loads(self) -> dict[str, int]:
        """How many open tickets each has."""
        async with self.office.db.read() as tx:
            query = select(Ticket.assignee_id, func.count()).where(Ticket.status == "open")
            rows = {row[0]: row[1] for row in await tx.execute(query.group_by(Ticket.assignee_id))}
        return {name: rows.get(id, 0) for name, id in self.ids.items()}

    async def until(self, talk: str, name: str | None) -> None:
        """Wait until a ticket is somebody's: the desk's own loop gives it, woken by what was done."""
        async with (
            asyncio.timeout(10),
            self.office.deps.hub.subscribe(f"site:{self.office.site.id}") as ear,
        ):
            while await self.who(talk) != name:
                await ear.wait(10)


@asynccontextmanager
async def shift(house: House, *names: str, members: bool = True) -> AsyncIterator[Shift]:
    """These people at their consoles, in one team that is given its tickets."""
    office = house.office
    await office.agent("admin@example.com", office.site, "admin", name="Ada Min")
    team = await add_team(office.db, office.clock, office.site.id, "Support")
    async with AsyncExitStack() as stack:
        made = Shift(house, team.id)
        for name in names:
            email = f"{name}@example.com"
            made.ids[name] = await office.agent(email, office.site, name=NAMES[name])
            made.browsers[name] = await stack.enter_async_context(office.at_work(email))
        async with made.admin() as admin:
            answer = await admin.client.post(
                f"/console/teams/{team.id}",
                data={"csrf": admin.csrf, "name": "Support", "description": "", "giving": "given",
                      "claim_minutes": "5", "member": list(made.ids.values()) if members else []},
                headers={"Origin": admin.base},
            )  # fmt: skip
            assert answer.status_code == 303, answer.text
        yield made


@asynccontextmanager
async def loop(house: House) -> AsyncIterator[None]:
    """The server's loop that gives tickets out."""
    stop = asyncio.Event()
    task = asyncio.create_task(house.tending.giving.run(house.office.deps.hub, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


# ---------------------------------------------------------------- to whom


async def test_a_ticket_is_given_at_once_and_its_visitor_waits_in_the_queue_until_they_come(
    house: House,
) -> None:
    async with shift(house, "mara") as desk, loop(house):
        talk = await desk.ask()
        await desk.until(talk, "mara")
        assert await house.office.holder(talk) == ("queue", None)
        assert (await house.ticket(talk)).due is not None
        mine = await desk.browsers["mara"].get("/console/inbox?view=mine")
        assert f"/console/conversations/{talk}" in mine.text
        page = await desk.browsers["mara"].get(f"/console/conversations/{talk}")
        assert "given automatically: had no other" in page.text
        async with house.office.db.read() as tx:
            told = select(Event.data).where(Event.conversation_id == talk, Event.type == "given")
            [why] = await tx.scalars(told)
        assert (why["to"], why["why"]["open"]) == (desk.ids["mara"], 1)
        await desk.take("mara", talk)
        await desk.look(31)
        assert await house.office.holder(talk) == ("agent", desk.ids["mara"])
        assert await desk.who(talk) == "mara"
        assert not await desk.late(talk)


async def test_nothing_changes_for_a_team_whose_agents_take_their_tickets(house: House) -> None:
    async with shift(house, "mara") as desk:
        async with desk.admin() as admin:
            path = f"/console/teams/{desk.team}"
            fields = {"name": "Support", "giving": "taken", "claim_minutes": "5"}
            assert (await admin.post(path, **fields)).status_code == 303
        talk = await desk.ask()
        await desk.look(31)
        assert await desk.who(talk) is None
        assert await desk.late(talk)


async def test_tickets_are_spread_evenly_and_the_limit_of_each_holds(house: House) -> None:
    async with shift(house, "mara", "jonas", "ines") as desk:
        await desk.limit(mara=1)
        talks = [await desk.ask() for _ in range(5)]
        await desk.look()
        assert await desk.loads() == {"mara": 1, "jonas": 2, "ines": 2}
        assert [await desk.who(talk) for talk in talks].count(None) == 0
        await desk.limit(jonas=2, ines=2)
        full = await desk.ask()
        await desk.look()
        assert await desk.who(full) is None
        page = (await desk.browsers["mara"].get(f"/console/conversations/{talks[0]}")).text
        assert "given automatically" in page


async def test_who_was_given_one_longest_ago_is_next_of_those_with_as_many(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        given = []
        for _ in range(4):
            talk = await desk.ask()
            await desk.look()
            who = await desk.who(talk)
            assert who is not None
            given.append(who)
            await desk.take(who, talk)
            await press(desk.browsers[who], talk, "solve")
        assert given[:2] == given[2:]
        assert sorted(given[:2]) == ["jonas", "mara"]


async def test_who_speaks_the_language_is_first_then_who_knows_its_words(house: House) -> None:
    async with shift(house, "mara", "jonas", "ines") as desk:
        await desk.works("mara", languages="de, fr-CA", skills="refund")
        await desk.works("jonas", languages="en")
        await desk.works("ines", skills="torn tent")

        async def given(text: str, locale: str) -> str | None:
            talk = await desk.ask(text=text)
            async with house.office.db.write() as tx:
                await tx.execute(update(Conversation).where(Conversation.id == talk).values(locale=locale))
            await desk.look()
            who = await desk.who(talk)
            assert who is not None
            page = (await desk.browsers[who].get(f"/console/conversations/{talk}")).text
            assert ("answers in fr" in page) == (locale == "fr" and who == "mara")
            assert ("knows torn tent" in page) == ("torn" in text)
            return who

        assert await given("My tent is torn, a person please", "en-US") == "ines"
        assert await given("Une personne", "fr") == "mara"  # ines speaks all, and has one
        assert await given("Une personne", "fr") in ("mara", "ines")
        assert await given("A person", "en") == "jonas"
        # A foreign one is better than nobody.
        for name in ("mara", "ines"):
            await desk.switch(name, "yes")
        assert await given("Une personne", "fr") == "jonas"


async def test_a_team_without_members_is_everybody_who_may_answer(house: House) -> None:
    async with shift(house, "mara", "jonas", members=False) as desk:
        await desk.office.agent("elsewhere@example.com", desk.office.other, name="Eve Else")
        async with desk.office.at_work("elsewhere@example.com"):
            talks = [await desk.ask() for _ in range(4)]
            await desk.look()
        assert await desk.loads() == {"mara": 2, "jonas": 2}
        assert None not in [await desk.who(talk) for talk in talks]


async def test_what_a_rule_gives_to_somebody_stays_theirs(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        rule = Rule("r", "R", effect=Effect(assignee_id=desk.ids["jonas"]))
        async with house.office.db.write() as tx:
            await put_rule(tx, house.site.id, rule, house.now)
        talks = [await desk.ask() for _ in range(2)]
        await desk.look(6)
        assert [await desk.who(talk) for talk in talks] == ["jonas", "jonas"]


# ---------------------------------------------------------------- as soon as somebody has room


@pytest.mark.parametrize("freed", [
    "solve", "close", "wait", "snooze", "merge", "given away", "to the assistant", "the limit is raised",
    "somebody is back", "somebody comes", "a member more",
])  # fmt: skip
async def test_the_queue_is_looked_at_again_at_once_when_somebody_has_room(house: House, freed: str) -> None:
    async with shift(house, "mara", "jonas") as desk, loop(house):
        await desk.switch("jonas", "yes")
        await desk.limit(mara=2, jonas=1)
        first, second = await desk.ask(), await desk.ask()
        for talk in (first, second):
            await desk.until(talk, "mara")
            await desk.take("mara", talk)
        third, mara = await desk.ask(), desk.browsers["mara"]
        await desk.look()
        assert await desk.who(third) is None
        if freed == "solve":
            await press(mara, first, "solve")
        elif freed == "close":
            await press(mara, first, "spam")
        elif freed == "wait":
            await press(mara, first, "wait")
        elif freed == "snooze":
            await press(mara, first, "snooze", until="tomorrow")
        elif freed == "to the assistant":
            await press(mara, first, "hand-back")
        elif freed == "given away":
            await press(mara, first, "ticket", assignee=desk.ids["jonas"], team=desk.team)
        elif freed == "merge":
            same = await desk.ask(desk.visitors[first], "And another thing")
            await press(mara, same, "merge", into=(await house.ticket(first)).id)
            await press(mara, first, "solve")
        elif freed == "the limit is raised":
            await desk.limit(mara=3)
        elif freed == "somebody is back":
            await desk.switch("jonas", "no")
        elif freed == "a member more":
            await house.office.agent("ines@example.com", house.office.site, name=NAMES["ines"])
            async with house.office.at_work("ines@example.com"):
                async with desk.admin() as admin:
                    page = (await admin.get("/console/teams")).text
                    assert "away · 0 of 1 open" in page
                    assert "here · 2 of 2 open" in page
                    fields = {"name": "Support", "giving": "given", "claim_minutes": "5"}
                    answer = await admin.post(f"/console/teams/{desk.team}", **fields)
                    assert answer.status_code == 303
                async with house.office.db.read() as tx:
                    ines = await tx.scalar(select(Agent.id).where(Agent.email == "ines@example.com"))
                assert ines is not None
                desk.ids["ines"] = ines
                await desk.until(third, "ines")
            return
        else:
            ines = desk.ids["ines"] = await house.office.agent(
                "ines@example.com", house.office.site, name=NAMES["ines"]
            )
            async with house.office.db.write() as tx:
                tx.add(TeamMember(id=new_id("tmm"), team_id=desk.team, agent_id=ines))
            async with house.office.at_work("ines@example.com"):
                await desk.until(third, "ines")
            return
        await desk.until(third, "jonas" if "back" in freed else "mara")


async def test_a_team_that_begins_to_give_its_tickets_out_gives_those_that_wait(house: House) -> None:
    async with shift(house, "mara") as desk, loop(house):
        path = f"/console/teams/{desk.team}"
        fields = {"name": "Support", "claim_minutes": "5"}
        async with desk.admin() as admin:
            assert (await admin.post(path, **fields, giving="taken")).status_code == 303
            talk = await desk.ask()
            assert (await admin.post(path, **fields, giving="given")).status_code == 303
        await desk.until(talk, "mara")


async def test_urgent_tickets_are_given_first_then_those_that_are_due_first(house: House) -> None:
    async with shift(house, "mara") as desk:
        await desk.limit(mara=1)
        await desk.switch("mara", "yes")
        talks = {name: await desk.ask() for name in ("old", "new", "urgent", "due")}
        async with house.office.db.write() as tx:
            tickets = {name: (await house.ticket(talk)).id for name, talk in talks.items()}
            await house.office.deps.tickets.set_priority(tx, tickets["urgent"], "urgent")
            row = await tx.get_one(Ticket, tickets["due"])
            row.due_at = row.created_at
        await desk.switch("mara", "no")
        for name in ("urgent", "due", "old", "new"):
            await desk.look()
            assert [n for n, talk in talks.items() if await desk.who(talk) == "mara"] == [name]
            await desk.take("mara", talks[name])
            await press(desk.browsers["mara"], talks[name], "solve")
            async with house.office.db.write() as tx:
                await tx.execute(update(Ticket).where(Ticket.status == "solved").values(assignee_id=None))


async def test_several_at_once_never_give_anybody_more_than_they_take(house: House) -> None:
    """As several servers would, each with its own connections."""
    async with shift(house, "mara", "jonas") as desk:
        await desk.limit(mara=2, jonas=3)
        for _ in range(8):
            await desk.ask()
        others = [Database(house.office.db.url) for _ in range(3)]
        tending = [
            Tending(each, house.office.deps.tickets, late_line(load_texts()), house.office.clock)
            for each in others
        ]
        await asyncio.gather(*(each.giving.look() for each in [house.tending, *tending] for _ in range(2)))
        assert await desk.loads() == {"mara": 2, "jonas": 3}
        for each in others:
            await each.close()


# ---------------------------------------------------------------- nobody is stranded


async def test_who_does_not_come_loses_it_to_the_next_one_then_it_is_anybodys(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.works("mara", skills="tent")
        talk = await desk.ask(text="My tent is torn, a person please")
        await desk.look()
        assert await desk.who(talk) == "mara"
        due = (await house.ticket(talk)).response_due_at
        await desk.look(4)
        assert await desk.who(talk) == "mara"
        await desk.look(1)
        assert await desk.who(talk) == "jonas"
        await desk.look(5)
        assert await desk.who(talk) is None
        assert "view=unassigned" in (await desk.browsers["mara"].get("/console/inbox?view=unassigned")).text
        await desk.look(21)
        assert await desk.who(talk) is None
        assert (await house.ticket(talk)).response_due_at == due
        assert await desk.late(talk)
        # Back from lunch, somebody says so: then it is theirs.
        await desk.switch("jonas", "yes")
        await desk.switch("jonas", "no")
        await desk.look()
        assert await desk.who(talk) == "jonas"


async def test_what_nobody_else_could_take_stays_with_who_works_on_another(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.switch("jonas", "yes")
        first, second = await desk.ask(), await desk.ask()
        await desk.look()
        await desk.look(4)
        await desk.take("mara", first)
        await desk.look(2)
        assert await desk.who(second) == "mara"
        await desk.switch("jonas", "no")
        await desk.look()
        assert await desk.who(second) == "jonas"


async def writes(desk: Shift, name: str, talk: str) -> None:
    """Somebody presses keys in the field for a reply: what their page then says."""
    answer = await desk.browsers[name].part(f"/console/conversations/{talk}/typing", writing="yes")
    assert answer.status_code == 204, answer.text


async def test_who_writes_at_the_reply_keeps_it_and_who_forgets_the_draft_does_not(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.works("mara", skills="tent")
        talk = await desk.ask(text="My tent is torn, a person please")
        await desk.look()
        for _ in range(3):
            await desk.look(3)
            await writes(desk, "mara", talk)
        assert await desk.who(talk) == "mara"  # nine minutes of the five
        await writes(desk, "jonas", talk)  # it is not his: nothing changes
        await desk.look(4)
        assert await desk.who(talk) == "mara"
        assert await house.office.holder(talk) == ("queue", None)
        await desk.look(1)
        assert await desk.who(talk) == "jonas"


async def test_no_draft_holds_a_ticket_for_more_than_four_times_the_minutes(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.works("mara", skills="tent")
        talk = await desk.ask(text="My tent is torn, a person please")
        await desk.look()
        for _ in range(19):
            await desk.look(1)
            await writes(desk, "mara", talk)
            assert await desk.who(talk) == "mara"
        await desk.look(1)
        assert await desk.who(talk) == "jonas"
        # One press would have kept it, and so does the reply.
        await desk.take("mara", talk)
        assert await desk.who(talk) == "mara"


async def test_who_writes_in_another_conversation_is_at_work(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.switch("jonas", "yes")
        first, second = await desk.ask(), await desk.ask()
        await desk.look()
        await desk.take("mara", first)
        for _ in range(3):
            await desk.look(3)
            await writes(desk, "mara", first)
        assert await desk.who(second) == "mara"  # nobody else could take it
        await desk.look(6)
        assert await desk.who(second) is None


@pytest.mark.parametrize("how", ["away", "signed out", "closed the page"])
async def test_who_goes_before_they_came_loses_it_and_keeps_what_they_took(house: House, how: str) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.switch("jonas", "yes")
        taken = await desk.ask()
        await desk.look()
        await desk.take("mara", taken)
        given = await desk.ask()
        await desk.look()
        assert await desk.who(given) == "mara"
        await desk.switch("jonas", "no")
        if how == "away":
            await desk.switch("mara", "yes")
            assert "You are away" in (await desk.browsers["mara"].get("/console/account")).text
            await desk.look()
        elif how == "signed out":
            assert (await desk.browsers["mara"].post("/console/logout")).status_code == 303
            await desk.look()
        else:
            await desk.look(3, absent=["mara"])
        assert await desk.who(given) == "jonas"
        assert (await desk.who(taken), (await house.office.holder(taken))[0]) == ("mara", "agent")


async def test_who_gives_it_to_nobody_is_not_given_it_again(house: House) -> None:
    async with shift(house, "mara", "jonas") as desk:
        talk = await desk.ask()
        await desk.look()
        first = await desk.who(talk)
        assert first is not None
        await desk.take(first, talk)
        await press(desk.browsers[first], talk, "ticket", assignee="", team=desk.team)
        await desk.look()
        other = "jonas" if first == "mara" else "mara"
        assert await desk.who(talk) == other
        assert (await house.office.holder(talk))[0] == "queue"


@pytest.mark.parametrize("back", ["visitor", "agent", "assistant"])
@pytest.mark.parametrize("there", [True, False])
async def test_what_is_opened_again_goes_first_to_who_had_it_if_they_have_room(
    house: House, back: str, there: bool
) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.switch("jonas", "yes")
        talk = await desk.ask()
        await desk.look()
        await desk.take("mara", talk)
        await press(desk.browsers["mara"], talk, "hand-back" if back == "assistant" else "solve")
        await desk.switch("jonas", "no")
        for _ in range(3):  # mara has more to do than jonas
            await desk.take("mara", await desk.ask())
        if not there:
            await desk.limit(mara=3)
        if back == "agent":
            await press(desk.browsers["jonas"], talk, "reopen")
        else:
            visitor = desk.visitors[talk]
            assert (await visitor.post(f"/conversations/{talk}/handoff")).status_code == 202
        await desk.look()
        assert await desk.who(talk) == ("mara" if there else "jonas")
        assert (await house.office.holder(talk))[0] == "queue"


@pytest.mark.parametrize("way", ["put off", "pending"])
async def test_what_comes_back_has_its_time_anew_and_is_not_left_with_who_is_gone(
    house: House, way: str
) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.switch("jonas", "yes")
        talk = await desk.ask()
        await desk.look()
        if way == "put off":
            await press(desk.browsers["mara"], talk, "snooze", until="tomorrow")
        else:
            async with house.office.db.write() as tx:
                await house.office.deps.tickets.set_status(tx, (await house.ticket(talk)).id, "pending")
        await desk.look(10)
        assert await desk.who(talk) == "mara"
        await desk.visitors[talk].say(talk, "Are you there?", "c2")
        await desk.look(4)
        assert await desk.who(talk) == "mara"
        await desk.switch("jonas", "no")
        await desk.look(1)
        assert await desk.who(talk) == "jonas"


@pytest.mark.parametrize("how", ["suspended", "removed", "suspended elsewhere"])
async def test_what_somebody_had_who_is_suspended_or_leaves_goes_to_another(house: House, how: str) -> None:
    async with shift(house, "mara", "jonas") as desk:
        await desk.switch("jonas", "yes")
        taken, given, waits = await desk.ask(), await desk.ask(), await desk.ask()
        await desk.look()
        await desk.take("mara", taken)
        await desk.take("mara", waits)
        await press(desk.browsers["mara"], waits, "wait")
        await desk.visitors[taken].say(taken, "Are you there?", "c2")
        await desk.switch("jonas", "no")
        if how == "suspended elsewhere":  # by a process that knows nothing of tickets
            await house.office.deps.agents.disable(desk.ids["mara"])
            await house.tending.look()
        else:
            async with desk.admin() as admin:
                act = "suspend" if how == "suspended" else "remove"
                answer = await admin.post(f"/console/people/{desk.ids['mara']}/{act}")
                assert answer.status_code == 303
        for talk in (taken, given, waits):
            assert await house.office.holder(talk) == ("queue", None)
        await desk.look()
        assert [await desk.who(talk) for talk in (taken, given, waits)] == ["jonas", "jonas", None]
        due = (await house.ticket(taken)).due
        assert due is not None
        assert due.clock == "next"
        await desk.visitors[waits].say(waits, "Here is what you asked for", "c2")
        await desk.look()
        assert await desk.who(waits) == "jonas"


async def test_somebody_is_suspended_and_let_in_again_on_their_page(house: House) -> None:
    async with shift(house, "mara") as desk, desk.admin() as admin:
        me = (await admin.get("/console/account")).text
        assert "Suspend" not in me
        mara, here = desk.ids["mara"], f"/console/people/{desk.ids['mara']}"
        assert (await admin.post(f"{here}/suspend")).status_code == 303
        assert (await desk.browsers["mara"].get("/console/inbox")).status_code == 303
        assert "Mara Lindt (mara@example.com)" in (await admin.get("/console/people")).text
        assert "cannot sign in" in (await admin.get(here)).text
        assert (await admin.post(f"{here}/restore")).status_code == 303
        async with house.office.at_work("mara@example.com"):
            pass
        log = (await admin.get("/console/audit")).text
        assert "Suspended" in log
        assert "Let in again" in log
        async with house.office.db.read() as tx:
            boss = await tx.scalar(select(Agent.id).where(Agent.email == "admin@example.com"))
        refused = await admin.post(f"/console/people/{boss}/suspend")
        assert (refused.status_code, "cannot suspend yourself" in refused.text) == (409, True)
        async with house.office.at_work("mara@example.com") as plain:
            assert (await plain.post(f"/console/people/{mara}/suspend")).status_code == 403


# ---------------------------------------------------------------- who is there


async def test_who_is_there_is_told_by_open_pages_and_written_once_a_minute(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.02)
    office = house.office
    mara = await office.agent("mara@example.com", office.site)

    async def seen() -> Post | None:
        async with office.db.read() as tx:
            return await tx.get(Post, (office.site.id, mara))

    async def here() -> bool:
        other = Database(office.db.url)  # as another process would ask
        async with other.read() as tx:
            workers = await list_workers(tx, office.site.id, office.clock())
        await other.close()
        return next(each.here for each in workers if each.id == mara)

    assert not await here()
    async with office.at_work("mara@example.com") as browser:
        came = office.clock()
        assert await here()
        office.clock.advance(seconds=40)
        await browser.get("/console/inbox")
        row = await seen()
        assert row is not None
        assert (row.seen_at, row.acted_at) == (came, came)
        async with browser.client.stream("GET", "/console/events") as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            for _ in range(4):
                office.clock.advance(minutes=1)
                async with asyncio.timeout(10):
                    while (row := await seen()) is None or row.seen_at != office.clock():
                        async with office.db.write() as tx:  # the stream looks when something happens
                            tx.after_commit(lambda: office.deps.hub.wake(f"site:{office.site.id}"))
            assert row.acted_at == came
            assert await here()
        office.clock.advance(minutes=3)
        assert not await here()
        await browser.get("/console/inbox")
        row = await seen()
        assert row is not None
        assert (row.acted_at, await here()) == (office.clock(), True)


async def test_the_switch_is_in_the_menu_of_every_page_and_leads_back_to_it(house: House) -> None:
    await house.office.agent("mara@example.com", house.office.site)
    async with house.office.at_work("mara@example.com") as browser:
        for away, says in (("yes", "You are away"), ("yes", "You are away"), ("no", "")):
            form = {"csrf": browser.csrf, "away": away}
            headers = {"Origin": browser.base, "Referer": f"{browser.base}/console/docs?view=all"}
            answer = await browser.client.post("/console/account/away", data=form, headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/docs?view=all")
            page = (await browser.get("/console/inbox")).text
            assert ("You are away" in page) == bool(says)
        headers["Referer"] = "https://evil.example/console@evil"
        answer = await browser.client.post("/console/account/away", data=form, headers=headers)
        assert answer.headers["location"] == "/console/inbox"
        form["csrf"] = "not ours"
        assert (await browser.client.post("/console/account/away", data=form)).status_code == 403


# ---------------------------------------------------------------- pages


async def test_what_is_refused_on_the_pages_says_why_and_changes_nothing(house: House) -> None:
    async with shift(house, "mara") as desk, desk.admin() as admin:
        mara = f"/console/people/{desk.ids['mara']}/work"
        for fields, says in (
            ({"most_open": "0"}, "1 to 999 tickets"),
            ({"most_open": "1000"}, "1 to 999 tickets"),
            ({"most_open": "many"}, "whole number"),
            ({"languages": "German"}, "by their codes"),
            ({"skills": "x" * 41}, "words of tags"),
            ({"skills": "a\0b"}, "cannot be stored"),
        ):
            refused = await admin.post(mara, **fields)
            assert (refused.status_code, says in refused.text) == (422, True), fields
        for who in ("agt_nobody", "x\0y"):
            answer = await admin.client.post(
                f"/console/people/{who.replace(chr(0), '%00')}/work",
                data={"csrf": admin.csrf}, headers={"Origin": admin.base},
            )  # fmt: skip
            assert answer.status_code == 404
        team = f"/console/teams/{desk.team}"
        for fields in ({"giving": "thrown"}, {"claim_minutes": "0"}, {"claim_minutes": "soon"}):
            refused = await admin.post(team, **{"name": "Support", "description": "kept"} | fields)
            assert refused.status_code == 422, fields
            assert "kept" in refused.text
        async with house.office.db.read() as tx:
            row = await tx.get_one(Team, desk.team)
            [worker] = [
                w for w in await list_workers(tx, house.site.id, house.now) if w.id == desk.ids["mara"]
            ]
        assert (row.giving, row.claim_minutes, row.description) == ("given", 5, "")
        assert (worker.work.most_open, worker.work.languages, worker.work.skills) == (None, (), ())
        fields = {"most_open": " 5 ", "languages": "DE; en-GB, de", "skills": "Refund, refund ,  torn  tent"}
        assert (await admin.post(mara, **fields)).status_code == 303
        page = (await admin.get("/console/people")).text
        assert "at most 5 open" in page
        assert 'value="de, en"' in page
        assert 'value="Refund, torn tent"' in page
        assert (await admin.get("/console/audit")).text.count("What they take of tickets changed") == 1
        async with house.office.at_work("mara@example.com") as plain:
            assert (await plain.post(mara, most_open="9")).status_code == 403


async def test_what_was_seen_of_a_ticket(house: House) -> None:
    """A ticket that a person took or was handed says nothing of the desk's giving."""
    async with shift(house, "mara", "jonas") as desk:
        talk = await desk.ask()
        await desk.look()
        first = await desk.who(talk)
        assert first is not None
        other = "jonas" if first == "mara" else "mara"
        given: TicketView = await house.ticket(talk)
        assert given.given is not None
        await press(desk.browsers[first], talk, "ticket", assignee=desk.ids[other], team=desk.team)
        assert (await house.ticket(talk)).given is None
        await desk.look(10)
        assert await desk.who(talk) == other
