"""What agents do with tickets: allowed moves only, one holder, and the conversation follows."""

import asyncio
from datetime import timedelta

import pytest
from tests.desk import Desk, open_desk
from tests.rows import add_agent, add_conversation, add_team

from minidesk.db.models import TeamMember, new_id
from minidesk.errors import AlreadyAssigned, Conflict, Invalid, NotFound
from minidesk.tickets import (
    MOVES,
    STATUSES,
    Status,
    TicketView,
    access_ticket_as_agent,
    inbox,
    inbox_counts,
    snooze,
    ticket_of,
    waiting_count,
)
from minidesk.tickets.queries import View


async def opened(desk: Desk) -> TicketView:
    await desk.say("My tent is torn")
    return await desk.handoff.hand_off(desk.conversation.id, "customer_request")


async def set_status(desk: Desk, ticket: TicketView, status: Status) -> None:
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, status)


async def now(desk: Desk) -> TicketView:
    async with desk.db.read() as tx:
        ticket = await ticket_of(tx, desk.conversation.id)
    assert ticket is not None
    return ticket


@pytest.mark.parametrize("start", STATUSES)
async def test_only_the_tables_moves_are_allowed(desk: Desk, start: Status) -> None:
    for target in STATUSES:
        each = await open_desk(desk.db, desk.clock)
        ticket = await opened(each)
        await set_status(each, ticket, start)
        if target == start or target in MOVES[start]:
            await set_status(each, ticket, target)
            assert (await now(each)).status == target
        else:
            with pytest.raises(Conflict):
                await set_status(each, ticket, target)
            assert (await now(each)).status == start


@pytest.mark.parametrize(
    ("status", "holder"), [("pending", "queue"), ("solved", "assistant"), ("closed", "closed")]
)
async def test_the_conversation_follows_its_ticket(desk: Desk, status: Status, holder: str) -> None:
    ticket = await opened(desk)
    await set_status(desk, ticket, status)
    assert (await desk.row()).holder == holder
    assert [e.data for e in await desk.stored() if e.type == "ticket"] == [
        {"number": 1, "status": "open"},
        {"number": 1, "status": status},
    ]
    if status == "solved":
        assert (await now(desk)).solved_at == desk.clock()
        await set_status(desk, ticket, "open")
        assert (await desk.row()).holder == "queue"
        assert (await now(desk)).solved_at is None


async def test_two_agents_claim_and_one_wins(desk: Desk) -> None:
    ticket = await opened(desk)

    async def take(agent_id: str) -> None:
        async with desk.db.write() as tx:
            await desk.tickets.take(tx, ticket.id, agent_id)

    results = await asyncio.gather(take(desk.mara.id), take(desk.jonas.id), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["AlreadyAssigned", "NoneType"]
    winner = desk.mara if results[0] is None else desk.jonas
    assert ((await now(desk)).assignee_id, (await desk.row()).holder_agent_id) == (winner.id, winner.id)


async def test_an_answer_takes_the_ticket_and_stops_the_clock_once(desk: Desk) -> None:
    ticket = await opened(desk)
    first = desk.clock()
    for text in ("Hello, Mara here.", "Anything else?"):
        async with desk.db.write() as tx:
            await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text=text)
        desk.clock.advance(minutes=5)
    after = await now(desk)
    assert (after.responded_at, after.assignee_name) == (first, "Mara Lindt")
    with pytest.raises(AlreadyAssigned, match="Mara Lindt"):
        async with desk.db.write() as tx:
            await desk.tickets.reply(tx, ticket.id, agent_id=desk.jonas.id, text="Me too")
    assert [m.text for m in await desk.messages() if m.author == "agent"] == [
        "Hello, Mara here.",
        "Anything else?",
    ]


async def test_a_held_conversation_moves_with_its_ticket(desk: Desk) -> None:
    ticket = await opened(desk)
    async with desk.db.write() as tx:
        await desk.tickets.assign(tx, ticket.id, desk.jonas.id)
    assert (await desk.row()).holder == "queue"  # assigned is not yet taken
    async with desk.db.write() as tx:
        await desk.tickets.take(tx, ticket.id, desk.mara.id)
    async with desk.db.write() as tx:
        await desk.tickets.assign(tx, ticket.id, desk.jonas.id)
    assert (await desk.row()).holder_agent_id == desk.jonas.id
    async with desk.db.write() as tx:
        await desk.tickets.assign(tx, ticket.id, None)
    assert (await desk.row()).holder == "queue"
    assert (await now(desk)).assignee_id is None


@pytest.mark.parametrize("way", ["take", "assign", "to nobody"])
async def test_who_gets_a_ticket_that_sleeps_sees_it(desk: Desk, way: str) -> None:
    ticket = await opened(desk)
    async with desk.db.write() as tx:
        if way == "to nobody":
            await desk.tickets.assign(tx, ticket.id, desk.jonas.id)
        await snooze(tx, desk.tickets, ticket.id, desk.jonas.id, desk.clock() + timedelta(days=5))
    if way == "take":
        await desk.handoff.hand_off(desk.conversation.id, "agent_request", agent_id=desk.mara.id)
    else:
        async with desk.db.write() as tx:
            await desk.tickets.assign(tx, ticket.id, desk.mara.id if way == "assign" else None)
    after = await now(desk)
    assert (after.snoozed_until, after.back_at, after.status) == (None, None, "open")
    async with desk.db.read() as tx:
        counts = await inbox_counts(
            tx, site_id=desk.conversation.site_id, agent_id=desk.mara.id, now=desk.clock()
        )
    assert (counts.mine, counts.unassigned, counts.snoozed) == (
        (0, 1, 0) if way == "to nobody" else (1, 0, 0)
    )


async def test_what_the_visitor_writes_opens_a_pending_ticket(desk: Desk) -> None:
    ticket = await opened(desk)
    await set_status(desk, ticket, "pending")
    await desk.say("Here I am again")
    assert (await now(desk)).status == "open"
    events = len(await desk.stored())
    await desk.say("And once more")
    assert [e.type for e in (await desk.stored())[events:]] == ["message"]  # nothing changed for the ticket


async def test_what_does_not_belong_to_the_site_is_refused(desk: Desk) -> None:
    ticket = await opened(desk)
    elsewhere = await add_conversation(desk.db, desk.clock)
    outsider = await add_agent(desk.db, desk.clock, elsewhere.site_id, "Olga Outside")
    team = await add_team(desk.db, desk.clock, elsewhere.site_id, "Theirs")
    own = await add_team(desk.db, desk.clock, desk.conversation.site_id, "Ours")
    for refused in (
        lambda tx: desk.tickets.assign(tx, ticket.id, outsider.id),
        lambda tx: desk.tickets.take(tx, ticket.id, outsider.id),
        lambda tx: desk.tickets.reply(tx, ticket.id, agent_id=outsider.id, text="Hi"),
        lambda tx: desk.tickets.set_team(tx, ticket.id, team.id),
        lambda tx: desk.tickets.set_priority(tx, ticket.id, "whatever"),  # type: ignore[arg-type]  # a form can send anything
    ):
        with pytest.raises(Invalid):
            async with desk.db.write() as tx:
                await refused(tx)
    async with desk.db.read() as tx:
        with pytest.raises(NotFound):
            await access_ticket_as_agent(tx, outsider.id, ticket.id)
        assert (await access_ticket_as_agent(tx, desk.mara.id, ticket.id)).id == ticket.id
    async with desk.db.write() as tx:
        await desk.tickets.set_team(tx, ticket.id, own.id)
        await desk.tickets.set_priority(tx, ticket.id, "low")
    after = await now(desk)
    assert (after.team_name, after.priority, after.assignee_id) == ("Ours", "low", None)


async def test_views_of_the_inbox(desk: Desk) -> None:
    site, visitor = desk.conversation.site_id, desk.conversation.visitor_id
    team = await add_team(desk.db, desk.clock, site, "Workshop")
    numbers: dict[str, str] = {}
    for text in (
        "It smells of gas",
        "I have a suggestion",
        "My tent is torn",
        "Solved soon",
        "How do I wash it?",
        "",
    ):
        async with desk.db.write() as tx:
            conversation = await desk.conversations.start(tx, site_id=site, visitor_id=visitor)
            if text:
                await desk.conversations.post_visitor_message(tx, conversation, client_id="1", text=text)
        if text and not text.startswith("How"):
            numbers[text] = (await desk.handoff.hand_off(conversation.id, "customer_request")).id
        desk.clock.advance(minutes=10)
    async with desk.db.write() as tx:
        tx.add(TeamMember(id=new_id("mbr"), team_id=team.id, agent_id=desk.jonas.id))
        for ticket_id in numbers.values():
            await desk.tickets.set_team(tx, ticket_id, None)
        await desk.tickets.set_team(tx, numbers["My tent is torn"], team.id)
        await desk.tickets.reply(tx, numbers["I have a suggestion"], agent_id=desk.mara.id, text="Tell me")
        await desk.tickets.set_status(tx, numbers["Solved soon"], "solved")

    async def subjects(view: View, agent_id: str) -> list[str]:
        async with desk.db.read() as tx:
            return [
                line.last_text if line.subject is None else line.subject
                for line in await inbox(tx, site_id=site, agent_id=agent_id, view=view)
            ]

    mara, jonas = desk.mara.id, desk.jonas.id
    assert await subjects("all", mara) == ["It smells of gas", "My tent is torn", "I have a suggestion"]
    assert await subjects("unassigned", mara) == ["It smells of gas", "My tent is torn"]
    assert await subjects("mine", mara) == ["I have a suggestion"]
    assert await subjects("mine", jonas) == []
    assert await subjects("team", jonas) == ["My tent is torn"]
    assert await subjects("team", mara) == []
    assert await subjects("solved", mara) == ["Solved soon"]
    # A conversation that was given back to the assistant is there again; an empty one is nowhere.
    assert (await subjects("assistant", mara))[0] == "How do I wash it?"
    assert len(await subjects("assistant", mara)) == 2
    elsewhere = await open_desk(desk.db, desk.clock)
    async with desk.db.read() as tx:
        counts = await inbox_counts(tx, site_id=site, agent_id=mara, now=desk.clock())
        theirs = await inbox_counts(
            tx, site_id=elsewhere.conversation.site_id, agent_id=mara, now=desk.clock()
        )
    assert (counts.mine, counts.unassigned, counts.team, counts.all, counts.assistant) == (1, 2, 0, 3, 2)
    async with desk.db.read() as tx:
        badge = await waiting_count(tx, site, mara)
    assert counts.waiting_for_me == badge == len(await subjects("waiting", mara))
    assert counts.overdue == 2  # all three are older than half an hour, and one was answered
    assert (theirs.all, theirs.assistant, theirs.overdue) == (0, 0, 0)


async def test_a_reply_that_is_repeated_late_takes_nothing(desk: Desk) -> None:
    await desk.say("Returns?")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")

    async def reply() -> bool:
        async with desk.db.write() as tx:
            posted = await desk.tickets.reply(
                tx, ticket.id, agent_id=desk.mara.id, text="Within 30 days.", client_id="one"
            )
        return posted.created

    assert await reply()
    for given_to, holder in ((None, "queue"), (desk.jonas.id, "agent")):
        async with desk.db.write() as tx:
            await desk.tickets.take(tx, ticket.id, desk.mara.id)
            await desk.tickets.assign(tx, ticket.id, given_to)
        assert not await reply()
        row, [after] = await desk.row(), await desk.all_tickets()
        assert (row.holder, row.holder_agent_id, after.assignee_id) == (holder, given_to, given_to)
        async with desk.db.write() as tx:
            await desk.tickets.assign(tx, ticket.id, None)
    assert [m.author for m in await desk.messages()].count("agent") == 1
