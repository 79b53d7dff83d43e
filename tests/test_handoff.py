"""One conversation to a person: one ticket, one line to the visitor, whoever asks and however often."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import delete

from minidesk.conversations import AnswerEnd
from minidesk.db import Database
from minidesk.db.models import Membership, Site, Team
from minidesk.errors import AlreadyAssigned, HolderChanged, IndexUnavailable, NotFound
from minidesk.handoff import Handoff, next_line
from minidesk.text.locale import load_texts
from minidesk.tickets import (
    Effect,
    Entity,
    Evidence,
    Policy,
    Rule,
    TicketView,
    inbox_counts,
    put_policy,
    put_rule,
    snooze,
)
from tests.conftest import FakeClock
from tests.desk import Desk, embed_words, open_desk, part
from tests.rows import add_agent, add_team


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


async def hand_off(desk: Desk) -> TicketView:
    return await desk.handoff.hand_off(desk.conversation.id, "customer_request")


async def test_a_ticket_tells_what_why_and_from_which_words(desk: Desk) -> None:
    await add_team(desk.db, desk.clock, desk.conversation.site_id, "First line")
    money = await add_team(
        desk.db,
        desk.clock,
        desk.conversation.site_id,
        "Billing",
        "refunds that have not arrived, orders that were charged twice",
    )
    text = "Hello! My refund for order AG-48213 has not arrived, I was charged twice on 12 February. Can I talk to a person please?"
    said = await desk.say(text)
    ticket = await hand_off(desk)
    assert (ticket.number, ticket.status, ticket.reason, ticket.assignee_id) == (
        1,
        "open",
        "customer_request",
        None,
    )
    assert (ticket.team_id, ticket.team_name) == (money.id, "Billing")
    assert ticket.team_score is not None
    assert ticket.priority == "high"
    assert "charged twice" in ticket.priority_why
    assert len(ticket.summary.split()) <= 60
    assert "order AG-48213" in ticket.summary
    assert {(e.kind, e.text) for e in ticket.entities} == {("order", "AG-48213"), ("date", "12 February")}
    pieces: list[Evidence | Entity] = [*ticket.evidence, *ticket.entities]
    assert {piece.message_id for piece in pieces} == {said.id}
    assert [text[piece.start : piece.end] for piece in pieces] == [piece.text for piece in pieces]
    assert ticket.response_due_at is not None
    assert (ticket.response_due_at - ticket.created_at).total_seconds() == 30 * 60


async def test_the_visitor_is_told_once_what_happens_next(desk: Desk) -> None:
    async with desk.db.write() as tx:
        site = await tx.get_one(Site, desk.conversation.site_id)
        site.config = {
            "reply_minutes": 120,
            "hours": {
                "time_zone": "Europe/Vienna",
                "week": [[{"start": "09:00", "end": "17:00"}]] * 5 + [[], []],
            },
        }
    desk.clock.advance(hours=8)  # Monday, 19:00 in Vienna
    await desk.say("I want a human")
    tickets = await asyncio.gather(*(hand_off(desk) for _ in range(5)))
    assert {t.number for t in tickets} == {1}
    assert (await hand_off(desk)).id == tickets[0].id
    lines = [m.text for m in await desk.messages() if m.author == "system"]
    assert len(lines) == 1
    assert "number 1" in lines[0]
    assert "tomorrow at 9" in lines[0]
    assert [e.type for e in await desk.stored()] == ["message", "holder", "ticket", "message"]
    assert (await desk.row()).holder == "queue"
    # Due two hours after somebody is there again, not two hours from now.
    assert tickets[0].response_due_at is not None
    assert tickets[0].response_due_at.isoformat() == "2026-03-03T10:00:00+00:00"


async def test_it_ends_an_unfinished_answer(desk: Desk) -> None:
    question = await desk.say("Returns?")
    async with desk.db.write() as tx:
        handle = await desk.conversations.begin_answer(tx, reply_to=question.id)
        await desk.conversations.append_sentence(tx, handle, part("You have 30 days."))
    await hand_off(desk)
    with pytest.raises(HolderChanged):
        async with desk.db.write() as tx:
            await desk.conversations.finish_answer(tx, handle, AnswerEnd(outcome="reply"))
    assert [(m.author, m.state) for m in await desk.messages()] == [
        ("visitor", "done"),
        ("assistant", "interrupted"),
        ("system", "done"),
    ]


async def test_numbers_are_each_sites_own_and_without_gap(desk: Desk) -> None:
    async with desk.db.write() as tx:
        more = [
            await desk.conversations.start(
                tx, site_id=desk.conversation.site_id, visitor_id=desk.conversation.visitor_id
            )
            for _ in range(6)
        ]
    tickets = await asyncio.gather(*(desk.handoff.hand_off(c.id, "customer_request") for c in more))
    assert sorted(t.number for t in tickets) == [1, 2, 3, 4, 5, 6]
    elsewhere = await open_desk(desk.db, desk.clock)
    assert (await hand_off(elsewhere)).number == 1


async def test_after_the_assistant_had_it_back_the_same_ticket_is_used(desk: Desk) -> None:
    await desk.say("I want a human")
    first = await hand_off(desk)
    async with desk.db.write() as tx:
        await desk.conversations.hand_back(tx, desk.conversation.id)
    again = await hand_off(desk)
    assert again.id == first.id
    assert (await desk.row()).holder == "queue"
    assert (
        len([m for m in await desk.messages() if m.author == "system"]) == 2
    )  # they wait once more and are told so
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, first.id, "solved")
    assert (await hand_off(desk)).id == first.id  # for a week it is the same matter


@pytest.mark.parametrize("way", ["pending", "snoozed", "late"])
@pytest.mark.parametrize("back", [True, False], ids=["with the assistant", "in the queue"])
async def test_the_button_brings_a_ticket_back_into_sight(desk: Desk, way: str, back: bool) -> None:
    """Whoever presses it waits for a person: the ticket is open, in the inbox, and has a time for the answer."""
    async with desk.db.write() as tx:
        policy = Policy("usual", "Usual", 30, 60, 600, default=True)
        await put_policy(tx, desk.conversation.site_id, policy, desk.clock())
    await desk.say("I want a human")
    ticket = await hand_off(desk)
    solved_by = ticket.resolution_due_at
    if way == "late":
        desk.clock.advance(minutes=31)
        assert await desk.tending.look() == 1  # nobody came: the visitor was told
    async with desk.db.write() as tx:
        if way == "snoozed":
            until = desk.clock() + timedelta(days=30)
            await snooze(tx, desk.tickets, ticket.id, desk.mara.id, until)
        elif way == "pending":
            await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="Ask the assistant.")
            await desk.tickets.set_status(tx, ticket.id, "pending")
        if back:
            await desk.conversations.hand_back(tx, desk.conversation.id)
    desk.clock.advance(hours=2)
    again = await hand_off(desk)
    assert (again.id, again.status, again.snoozed_until) == (ticket.id, "open", None)
    assert again.resolution_due_at == solved_by
    async with desk.db.read() as tx:
        counts = await inbox_counts(
            tx, site_id=desk.conversation.site_id, agent_id=desk.jonas.id, now=desk.clock()
        )
    assert (counts.all, counts.snoozed) == (1, 0)
    assert again.due is not None
    if back:
        # They were told anew that somebody comes, and are told if nobody does.
        assert (again.due.clock, again.due.at) == ("first", desk.clock() + timedelta(minutes=30))
        desk.clock.advance(minutes=31)
        assert await desk.tending.look() == 1
        assert (await desk.messages())[-1].text.startswith("Sorry, nobody has been free yet.")
    elif way == "pending":
        assert (again.due.clock, again.due.at) == ("next", desk.clock() + timedelta(minutes=60))


async def test_what_was_deleted_while_it_was_read_is_not_chosen(desk: Desk) -> None:
    """The team of the words, the team of a rule, the agent of a rule: gone between the reading and the write."""
    site = desk.conversation.site_id
    first = await add_team(desk.db, desk.clock, site, "First line")
    returns = await add_team(desk.db, desk.clock, site, "Returns", "returns of shoes")
    ruled = await add_team(desk.db, desk.clock, site, "Ruled")
    leaves = await add_agent(desk.db, desk.clock, site, "Lea Leaving")
    rule = Rule("r", "R", effect=Effect(team_id=ruled.id, assignee_id=leaves.id))

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        async with desk.db.write() as tx:
            await tx.execute(delete(Team).where(Team.id.in_([returns.id, ruled.id])))
            await tx.execute(delete(Membership).where(Membership.agent_id == leaves.id))
        return await embed_words(texts)

    await desk.say("Returns of shoes: I want a person")
    async with desk.db.write() as tx:
        await put_rule(tx, site, rule, desk.clock())
    handoff = Handoff(
        desk.db, desk.conversations, desk.tickets, embed, next_line(load_texts()), desk.clock, fingerprint="w"
    )
    ticket = await handoff.hand_off(desk.conversation.id, "customer_request")
    assert (ticket.team_id, ticket.team_score, ticket.assignee_id) == (first.id, None, None)
    assert (await desk.row()).holder == "queue"


async def test_an_agent_takes_a_conversation_from_the_assistant(desk: Desk) -> None:
    await desk.say("My tent is broken")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "agent_request", agent_id=desk.mara.id)
    assert (ticket.assignee_id, ticket.assignee_name) == (desk.mara.id, "Mara Lindt")
    row = await desk.row()
    assert (row.holder, row.holder_agent_id) == ("agent", desk.mara.id)
    assert not [m for m in await desk.messages() if m.author == "system"]  # the agent speaks, not we
    with pytest.raises(AlreadyAssigned):
        await desk.handoff.hand_off(desk.conversation.id, "agent_request", agent_id=desk.jonas.id)
    # The visitor's button while a person is there opens nothing new.
    assert (await hand_off(desk)).id == ticket.id


async def test_no_embedding_no_teams_no_words_still_a_ticket(desk: Desk) -> None:
    async def broken(_texts: Sequence[str]) -> list[list[float]]:
        raise IndexUnavailable

    team = await add_team(desk.db, desk.clock, desk.conversation.site_id, "First line", "everything")
    handoff = Handoff(desk.db, desk.conversations, desk.tickets, broken, next_line(load_texts()), desk.clock)
    await desk.say("Where is it?")
    ticket = await handoff.hand_off(desk.conversation.id, "model_failure")
    assert (ticket.team_id, ticket.team_score) == (team.id, None)
    silent = await open_desk(desk.db, desk.clock)
    ticket = await hand_off(silent)
    assert (ticket.team_id, ticket.priority, ticket.sentiment) == (None, "normal", "calm")
    assert ticket.subject


async def test_a_missing_conversation_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.handoff.hand_off("cnv_missing", "customer_request")


async def test_german_visitors_are_told_in_german(desk: Desk) -> None:
    async with desk.db.write() as tx:
        conversation = await tx.merge(desk.conversation)
        conversation.locale = "de-AT"
    said = await desk.say("Mein Zelt ist kaputt, bitte rufen Sie mich unter 0512 564712 an.")
    ticket = await hand_off(desk)
    assert "Ihre Anfrage hat die Nummer 1" in (await desk.messages())[-1].text
    assert [(e.kind, e.normal, e.message_id) for e in ticket.entities] == [("phone", "+43512564712", said.id)]
    assert ticket.priority == "high"
