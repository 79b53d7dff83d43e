"""Service-level policies: minutes of opening hours, the three clocks of a ticket, and warnings before they run out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from tests.desk import Desk

from minidesk.db.models import Event, ServicePolicy, Ticket
from minidesk.errors import Invalid, NotFound
from minidesk.sites import after_open_minutes, config_of, site_by_id, update_config
from minidesk.tickets import (
    Condition,
    Effect,
    Policy,
    Rule,
    TicketView,
    delete_policy,
    inbox,
    inbox_counts,
    list_policies,
    live_rules,
    put_policy,
    put_rule,
    snooze,
    ticket_of,
    wake,
)

# Vienna puts its clocks forward on 29 March 2026, a Sunday; a night shift ends at midnight.
HOURS = {
    "time_zone": "Europe/Vienna",
    "week": [
        *[[{"start": "09:00", "end": "12:00"}, {"start": "13:30", "end": "17:30"}]] * 4,
        [
            {"start": "13:00", "end": "15:00"},
            {"start": "09:00", "end": "14:00"},
        ],  # overlapping, and not in order
        [{"start": "22:00", "end": "00:00"}],
        [{"start": "00:00", "end": "04:00"}],
    ],
    "holidays": [{"day": "2026-04-06", "name": "Easter Monday"}],
}


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-03-02T08:30", 30, "2026-03-02T09:00"),  # 9:30 in Vienna
        ("2026-03-02T10:30", 45, "2026-03-02T12:45"),  # half an hour, lunch, a quarter
        ("2026-03-02T10:30", 30, "2026-03-02T11:00"),  # the last minute before lunch is one
        ("2026-03-02T03:00", 60, "2026-03-02T09:00"),  # before anybody is there
        ("2026-03-05T16:20", 370, "2026-03-06T14:00"),  # ten minutes, then Friday's six hours, counted once
        ("2026-03-28T20:50", 130, "2026-03-28T23:10"),  # to midnight, and on after it
        (
            "2026-03-28T23:30",
            180,
            "2026-03-30T07:30",
        ),  # two and a half hours of four, as the clocks leave one out, then Monday
        ("2026-04-03T12:55", 10, "2026-04-04T20:05"),  # Good Friday's end, then Saturday night
        ("2026-04-04T22:00", 250, "2026-04-07T07:10"),  # Easter Monday does not count
    ],
)
def test_minutes_of_opening_hours(start: str, minutes: int, due: str) -> None:
    hours = config_of({"hours": HOURS}).hours
    assert hours is not None
    found = after_open_minutes(hours, datetime.fromisoformat(start).replace(tzinfo=UTC), minutes)
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_hours_that_never_come() -> None:
    never = config_of({"hours": {"time_zone": "UTC"}}).hours
    assert never is not None
    assert after_open_minutes(never, datetime(2026, 3, 2, tzinfo=UTC), 5) is None


async def seen(desk: Desk) -> TicketView:
    """The ticket as agents read it."""
    async with desk.db.read() as tx:
        ticket = await ticket_of(tx, desk.conversation.id)
    assert ticket is not None
    return ticket


async def near(desk: Desk) -> tuple[int, int]:
    """How many clocks are near, for Mara, and how many have run out."""
    async with desk.db.read() as tx:
        counts = await inbox_counts(
            tx, site_id=desk.conversation.site_id, agent_id=desk.mara.id, now=desk.clock()
        )
    return counts.near, counts.overdue


async def test_a_ticket_keeps_the_clocks_of_the_policy_that_a_rule_set(desk: Desk) -> None:
    site = desk.conversation.site_id
    usual = Policy("usual", "Usual", first_minutes=60, default=True)
    gold = Policy("gold", "Gold", 10, 20, 120, "calendar", warn_minutes=5)
    async with desk.db.write() as tx:
        assert await put_policy(tx, site, usual, desk.clock())
        assert await put_policy(tx, site, gold, desk.clock())
        effect = Effect(policy="gold")
        await put_rule(
            tx,
            site,
            Rule("r", "Gold", conditions=(Condition("topic", ("tent",)),), effect=effect),
            desk.clock(),
        )
        with pytest.raises(Invalid) as refused:
            await put_rule(tx, site, Rule("s", "Gone", effect=Effect(policy="tin")), desk.clock())
        assert refused.value.code == "invalid_policy"
    await desk.say("My tent is torn")
    opened, minute = desk.clock(), timedelta(minutes=1)
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert (ticket.policy, ticket.routed_by) == ("Gold", ("Gold",))
    assert (ticket.response_due_at, ticket.resolution_due_at) == (opened + 10 * minute, opened + 120 * minute)
    assert ticket.due is not None
    assert (ticket.due.clock, ticket.due.at, ticket.due.warn_at) == (
        "first",
        opened + 10 * minute,
        opened + 5 * minute,
    )
    # What happens to the policy is for later tickets.
    async with desk.db.write() as tx:
        await put_policy(tx, site, replace(gold, next_minutes=1, warn_minutes=1), desk.clock())
        await delete_policy(tx, site, "gold")
        assert [rule.effect.policy for rule in await live_rules(tx, site)] == [None]
        with pytest.raises(NotFound):
            await delete_policy(tx, site, "gold")
    assert (await desk.tending.look(), await near(desk)) == (0, (0, 0))
    desk.clock.advance(minutes=5)
    assert (await desk.tending.look(), await desk.tending.look(), await near(desk)) == (1, 0, (1, 0))
    async with desk.db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="We mend it.")
    answered = await seen(desk)
    assert answered.due is not None
    assert (answered.due.clock, await near(desk)) == ("resolution", (0, 0))
    for text in ("Thanks", "When?"):  # the second does not start the clock anew
        await desk.say(text)
        desk.clock.advance(minutes=1)
    waiting = await seen(desk)
    assert waiting.due is not None
    assert (waiting.due.clock, waiting.due.at) == ("next", opened + 25 * minute)
    async with desk.db.read() as tx:
        [line] = await inbox(tx, site_id=site, agent_id=desk.mara.id, view="mine")
    assert line.due == waiting.due
    async with desk.db.write() as tx:
        await snooze(tx, desk.tickets, ticket.id, desk.mara.id, desk.clock() + timedelta(hours=3))
    desk.clock.advance(minutes=15)
    assert (await desk.tending.look(), await near(desk)) == (0, (0, 0))  # put off: nobody is warned
    async with desk.db.write() as tx:
        await wake(tx, desk.tickets, ticket.id, desk.mara.id)
    assert (await desk.tending.look(), await near(desk)) == (1, (1, 0))
    desk.clock.advance(minutes=4)
    assert await near(desk) == (1, 1)
    async with desk.db.read() as tx:
        warned = [event.data for event in await tx.scalars(select(Event).where(Event.type == "due"))]
    assert [(each["clock"], each["number"]) for each in warned] == [("first", 1), ("next", 1)]
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "solved")
    solved = await seen(desk)
    assert (solved.due, await near(desk)) == (None, (0, 0))
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "open")
    again = await seen(desk)
    assert (again.resolution_due_at, again.policy) == (desk.clock() + 120 * minute, "Gold")
    assert again.next_due_at == desk.clock() + 20 * minute  # nobody has answered since, and they start over


async def test_the_default_holds_where_no_rule_sets_another_and_without_one_the_sites_minutes(
    desk: Desk,
) -> None:
    site = desk.conversation.site_id
    async with desk.db.write() as tx:
        await put_policy(
            tx, site, Policy("a", "First", default=True, resolution_minutes=8 * 60), desk.clock()
        )
        await put_policy(tx, site, Policy("b", " Second  one ", 15, default=True), desk.clock())
        assert [(each.name, each.default) for each in await list_policies(tx, site)] == [
            ("First", False),
            ("Second one", True),
        ]
        for wrong in (
            Policy("c", ""),
            Policy("c d", "x"),
            Policy("c", "x", 0),
            Policy("c", "x", resolution_minutes=200_000),
            Policy("c", "x", counts="hours"),  # type: ignore[arg-type]
        ):
            with pytest.raises(Invalid):
                await put_policy(tx, site, wrong, desk.clock())
        assert len(list(await tx.scalars(select(ServicePolicy.id)))) == 2
        config = (await site_by_id(tx, site)).config.model_dump() | {"hours": HOURS, "reply_minutes": 45}
        await update_config(tx, site, config_of(config))
    await desk.say("Hello?")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    hours = config_of({"hours": HOURS}).hours
    assert hours is not None
    assert (ticket.policy, ticket.response_due_at) == (
        "Second one",
        after_open_minutes(hours, desk.clock(), 15),
    )
    async with desk.db.write() as tx:
        await delete_policy(tx, site, "b")
        await desk.tickets.set_status(tx, ticket.id, "solved")
    again = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert (again.number, again.policy) == (ticket.number, "")
    assert again.response_due_at == after_open_minutes(hours, desk.clock(), 45)
    async with desk.db.read() as tx:
        row = await tx.get_one(Ticket, ticket.id)
    assert (row.warn_at, row.due_at) == (None, again.response_due_at)


@pytest.mark.parametrize("policy", [True, False])
@pytest.mark.parametrize("answered", [True, False])
async def test_a_ticket_that_is_opened_again_has_its_time_again(
    desk: Desk, policy: bool, answered: bool
) -> None:
    """Or it would be overdue at once, and its visitor told that nobody had been free."""
    if policy:
        async with desk.db.write() as tx:
            await put_policy(
                tx, desk.conversation.site_id, Policy("p", "P", 15, 20, default=True), desk.clock()
            )
    await desk.say("I want a person")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    if answered:
        async with desk.db.write() as tx:
            await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="Hello")
        await desk.say("Thanks, that is all")  # the clock of the next answer starts
    else:
        desk.clock.advance(minutes=31)
        assert await desk.tending.look() == 1
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "solved")
    desk.clock.advance(days=1)
    lines = len(await desk.messages())
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "open")
    assert await desk.tending.look() == 0
    assert len(await desk.messages()) == lines
    again, minute = await seen(desk), timedelta(minutes=1)
    if answered:
        assert (again.due and again.due.clock) == ("next" if policy else None)
        assert again.next_due_at == (desk.clock() + 20 * minute if policy else None)
        return
    assert again.due is not None
    assert (again.due.clock, again.due.at) == ("first", desk.clock() + (15 if policy else 30) * minute)
    desk.clock.advance(minutes=31)
    assert await desk.tending.look() == 1  # and this time they are told again
    assert (await desk.messages())[-1].text.startswith("Sorry, nobody has been free yet.")


async def test_no_clock_runs_for_what_the_assistant_answers(desk: Desk) -> None:
    async with desk.db.write() as tx:
        policy = Policy("p", "P", 30, 30, warn_minutes=5, default=True)
        await put_policy(tx, desk.conversation.site_id, policy, desk.clock())
    await desk.say("A person please")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    async with desk.db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.mara.id, text="Ask the assistant for the rest.")
        await desk.conversations.hand_back(tx, desk.conversation.id)
    await desk.say("How long is delivery?")
    assert (await seen(desk)).due is None
    desk.clock.advance(minutes=31)
    assert (await desk.tending.look(), await near(desk)) == (0, (0, 0))
    async with desk.db.write() as tx:
        await desk.tickets.take(tx, ticket.id, desk.mara.id)
    await desk.say("And to Norway?")  # now a person has it
    waiting = await seen(desk)
    assert waiting.next_due_at == desk.clock() + timedelta(minutes=30)
