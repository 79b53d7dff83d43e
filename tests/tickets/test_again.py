"""A matter that comes back, one that nobody answers in time, and one that is over."""

import asyncio

import pytest
from tests.desk import Desk, part
from tests.rows import add_conversation, add_team

from minidesk.conversations import AnswerEnd
from minidesk.tickets import TicketView, ticket_of


async def hand_off(desk: Desk, text: str) -> TicketView:
    await desk.say(text)
    return await desk.handoff.hand_off(desk.conversation.id, "customer_request")


async def solve(desk: Desk, ticket: TicketView) -> None:
    async with desk.db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="I sent you a new one.")
        await desk.tickets.set_status(tx, ticket.id, "solved")


async def latest(desk: Desk) -> TicketView:
    async with desk.db.read() as tx:
        ticket = await ticket_of(tx, desk.conversation.id)
    assert ticket is not None
    return ticket


async def system_lines(desk: Desk) -> list[str]:
    return [m.text for m in await desk.messages() if m.author == "system"]


@pytest.mark.parametrize(("days", "numbers"), [(6.9, [1]), (7.1, [1, 2])])
async def test_a_second_handoff_is_the_same_matter_for_a_week(
    desk: Desk, days: float, numbers: list[int]
) -> None:
    workshop = await add_team(
        desk.db, desk.clock, desk.conversation.site_id, "Workshop", "torn tents, repairs"
    )
    first = await hand_off(desk, "My tent is torn, order AG-48213")
    async with desk.db.write() as tx:
        await desk.tickets.set_team(tx, first.id, workshop.id)
    await solve(desk, first)
    desk.clock.advance(days=days)
    again = await hand_off(desk, "The poles of the new one are missing, order AG-50001")
    assert [ticket.number for ticket in await desk.all_tickets()] == numbers
    assert (again.number, again.status, again.assignee_id) == (numbers[-1], "open", None)
    assert (await desk.row()).holder == "queue"
    if again.number == 1:
        # A fresh context in the same team's queue: the new words, a new clock.
        assert again.team_id == workshop.id
        assert "poles" in again.summary
        assert "torn" not in again.summary
        assert [e.text for e in again.entities] == ["AG-50001"]
        assert (again.responded_at, again.solved_at) == (None, None)
        assert again.response_due_at is not None
        assert again.response_due_at > desk.clock()
    assert len(await system_lines(desk)) == 2  # the visitor is told what happens next, each time


async def test_what_the_visitor_adds_joins_the_facts_once(desk: Desk) -> None:
    ticket = await hand_off(desk, "My parcel AG-48213 never came")
    for text in ("You can write to ada@example.com", "It was AG-48213, ada@example.com", "Thank you"):
        await desk.say(text)
    after = await latest(desk)
    assert after.id == ticket.id
    assert [(e.kind, e.text) for e in after.entities] == [("order", "AG-48213"), ("email", "ada@example.com")]


async def test_who_waits_longer_than_promised_is_told_once(desk: Desk) -> None:
    await hand_off(desk, "My tent is torn")
    desk.clock.advance(minutes=29)
    assert await desk.tending.look() == 0
    desk.clock.advance(minutes=2)
    # Two processes that look at the same moment tell it once.
    assert sorted(await asyncio.gather(desk.tending.look(), desk.tending.look())) == [0, 1]
    assert await desk.tending.look() == 0
    assert (await system_lines(desk))[-1].startswith("Sorry, nobody has been free yet.")
    assert len(await system_lines(desk)) == 2
    assert (await latest(desk)).status == "open"


async def test_who_is_being_answered_is_not_told_that_nobody_is_free(desk: Desk) -> None:
    ticket = await hand_off(desk, "My tent is torn")
    async with desk.db.write() as tx:
        await desk.tickets.take(tx, ticket.id, desk.mara.id)
    desk.clock.advance(minutes=31)
    assert await desk.tending.look() == 0
    assert len(await system_lines(desk)) == 1


async def test_a_matter_that_stays_solved_is_closed_with_its_conversation(desk: Desk) -> None:
    ticket = await hand_off(desk, "My tent is torn")
    await solve(desk, ticket)
    desk.clock.advance(days=6.9)
    assert await desk.tending.look() == 0
    assert (await desk.row()).holder == "assistant"
    desk.clock.advance(days=0.2)
    assert await desk.tending.look() == 1
    assert ((await latest(desk)).status, (await desk.row()).holder) == ("closed", "closed")
    assert await desk.tending.look() == 0


@pytest.mark.parametrize("far", ["asked", "answering", "answered", "long answered", "stopped"])
async def test_who_writes_when_the_week_ends_keeps_their_conversation(desk: Desk, far: str) -> None:
    await solve(desk, await hand_off(desk, "My tent is torn"))
    desk.clock.advance(days=7, seconds=1)
    question = await desk.say("How long is delivery?")
    if far == "stopped":
        async with desk.db.write() as tx:
            await desk.conversations.stop(tx, desk.conversation.id)
    elif far != "asked":
        async with desk.db.write() as tx:
            handle = await desk.conversations.begin_answer(tx, reply_to=question.id)
            await desk.conversations.append_sentence(tx, handle, part("Three days."))
    if far in ("answered", "long answered"):
        async with desk.db.write() as tx:
            await desk.conversations.finish_answer(tx, handle, AnswerEnd(outcome="reply"))
    # An answer that takes long, or a queue that is, must not end by itself; what is answered and quiet may.
    desk.clock.advance(minutes=10 if far == "answered" else 70)
    await desk.tending.look()
    assert [ticket.status for ticket in await desk.all_tickets()] == ["closed"]
    assert (await desk.row()).holder == ("closed" if far in ("long answered", "stopped") else "assistant")
    if far == "answering":
        async with desk.db.write() as tx:
            await desk.conversations.finish_answer(tx, handle, AnswerEnd(outcome="reply"))
        assert (await desk.messages())[-1].state == "done"
    elif far == "asked":
        async with desk.db.write() as tx:
            assert (await desk.conversations.begin_answer(tx, reply_to=question.id)).attempt == 1


async def test_a_newer_matter_keeps_the_conversation_open(desk: Desk) -> None:
    first = await hand_off(desk, "My tent is torn")
    await solve(desk, first)
    desk.clock.advance(days=7.1)  # nobody looked meanwhile
    second = await hand_off(desk, "My boots are wet")
    desk.clock.advance(minutes=1)
    await desk.tending.look()
    tickets = {ticket.number: ticket.status for ticket in await desk.all_tickets()}
    assert tickets == {1: "closed", 2: "open"}
    assert second.number == 2
    assert (await desk.row()).holder == "queue"


async def test_the_loop_ends_when_it_is_told(desk: Desk) -> None:
    await hand_off(desk, "My tent is torn")
    desk.clock.advance(hours=1)
    stop = asyncio.Event()
    loop = asyncio.create_task(desk.tending.run(stop))
    async with asyncio.timeout(10), desk.hub.subscribe(f"conversation:{desk.conversation.id}") as woken:
        while len(await system_lines(desk)) < 2:
            await woken.wait(1.0)
        stop.set()
        await loop


async def test_a_night_of_solved_tickets_is_closed_by_tens_with_room_for_messages_between(desk: Desk) -> None:
    """A commit has every open console fetch its list again: a hundred in a row kept a visitor's message waiting."""
    for _ in range(25):
        talk = await add_conversation(
            desk.db, desk.clock, desk.conversation.site_id, desk.conversation.visitor_id
        )
        ticket = await desk.handoff.hand_off(talk.id, "customer_request")
        async with desk.db.write() as tx:
            await desk.tickets.set_status(tx, ticket.id, "solved")
    desk.clock.advance(days=7, seconds=1)
    waiting: list[int] = []

    async def pause() -> None:
        await desk.say(f"Between {len(waiting)}")  # no transaction is open: this very process may write
        waiting.append([each.status for each in await desk.all_tickets()].count("solved"))

    assert await desk.tending.look(pause) == 25
    assert waiting == [15, 5, 0]
