"""Routing rules: what each condition compares, in which order rules decide, and what a handoff makes of it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests.desk import Desk
from tests.rows import add_agent, add_conversation, add_site, add_team

from minidesk.db.models import Conversation, Event, RoutingRule, Source, Ticket, Visitor
from minidesk.errors import Invalid, NotFound
from minidesk.knowledge.revisions import Change, write_revisions
from minidesk.sites import site_by_id, update_config
from minidesk.tickets import (
    Condition,
    Effect,
    Facts,
    Rule,
    delete_rule,
    list_rules,
    merge_tickets,
    move_rule,
    past_tickets,
    put_rule,
    tags_of,
    try_rule,
)
from minidesk.tickets.rules import matches, route

FACTS = Facts(
    language="de-AT",
    reason="policy",
    stems=frozenset({"refund", "late", "parcel"}),
    mood="angry",
    priority="high",
    team_id="tem_1",
    entities=frozenset({"order"}),
    page="https://shop.example.com/Checkout?step=2",
    attributes={"plan": "Pro", "trial": ""},
    open=False,
)
TAG = Effect(tags=("seen",))


def rule(
    *conditions: Condition, effect: Effect = TAG, key: str = "r1", name: str = "A rule", **more: Any
) -> Rule:
    """A rule with these conditions."""
    return Rule(key=key, name=name, conditions=conditions, effect=effect, **more)


@pytest.mark.parametrize(
    ("field", "fits", "fails"),
    [
        ("language", ("de", "DE-ch"), ("en", "d")),
        ("reason", ("policy",), ("turn_limit",)),
        ("topic", ("late parcels", "refunded"), ("late boots", "exchange")),
        ("mood", ("angry",), ("calm",)),
        ("priority", ("high",), ("urgent",)),
        ("team", ("tem_1",), ("tem_2",)),
        ("entity", ("order",), ("phone",)),
        ("page", ("/checkout", "shop.example"), ("/cart",)),
        ("attribute", ("plan=pro", "plan", "trial="), ("plan=free", "vip", "plan=")),
        ("hours", ("closed",), ("open",)),
    ],
)
def test_a_field_is_compared(field: Any, fits: tuple[str, ...], fails: tuple[str, ...]) -> None:
    for value in fits:
        assert matches(rule(Condition(field, (value,))), FACTS), value
        assert not matches(rule(Condition(field, (value,), negated=True)), FACTS), value
    for value in fails:
        assert not matches(rule(Condition(field, (value,))), FACTS), value
        assert matches(rule(Condition(field, (value,), negated=True)), FACTS), value
        assert matches(rule(Condition(field, (value, fits[0]))), FACTS), value  # one value is enough


def test_all_any_and_none() -> None:
    right, wrong = Condition("mood", ("angry",)), Condition("reason", ("turn_limit",))
    assert matches(rule(right, wrong, match="any"), FACTS)
    assert not matches(rule(right, wrong, match="all"), FACTS)
    assert matches(rule(match="any"), FACTS)
    assert matches(rule(), FACTS)
    # A site that set no hours has people at any time.
    always = replace(FACTS, open=None)
    assert matches(rule(Condition("hours", ("open",))), always)
    assert not matches(rule(Condition("hours", ("closed",))), always)


def test_the_first_that_decides_wins_tags_come_together_and_stop_ends() -> None:
    rules = [
        rule(name="off", effect=Effect(team_id="tem_0"), enabled=False),
        rule(name="one", effect=Effect(priority="low", tags=("a", "b"), tell=True)),
        rule(name="two", effect=Effect(team_id="tem_2", priority="urgent", tags=("b", "c"), stop=True)),
        rule(name="three", effect=Effect(assignee_id="agt_1", tags=("d",))),
    ]
    routed = route(rules, FACTS)
    assert routed.by == ("one", "two")
    assert (routed.team_id, routed.priority, routed.priority_by) == ("tem_2", "low", "one")
    assert (routed.tags, routed.assignee_id, routed.told) == (("a", "b", "c"), None, ("one",))
    assert route(rules[:1], FACTS).by == ()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (rule(name=" "), "rule_name_invalid"),
        (rule(key="a b"), "rule_id_invalid"),
        (rule(effect=Effect()), "rule_does_nothing"),
        (rule(effect=Effect(reply_minutes=0)), "rule_minutes_invalid"),
        (rule(effect=Effect(priority="huge")), "invalid_priority"),  # type: ignore[arg-type]
        (rule(effect=Effect(tags=("a,b",))), "tag_invalid"),
        (rule(Condition("mood", ("sad",))), "rule_values_invalid"),
        (rule(Condition("page", ("  ",))), "rule_values_invalid"),
        (rule(Condition("topic", ("the",))), "rule_values_invalid"),
        (rule(Condition("shoe", ("x",))), "rule_field_unknown"),  # type: ignore[arg-type]
        (rule(Condition("page", ("/a",)), Condition("page", ("/b",))), "rule_field_twice"),
        (rule(Condition("team", ("tem_gone",))), "invalid_team"),
        (rule(effect=Effect(team_id="tem_gone")), "invalid_team"),
        (rule(effect=Effect(assignee_id="agt_gone")), "invalid_agent"),
    ],
)
async def test_what_cannot_be_a_rule_is_refused(desk: Desk, wrong: Rule, code: str) -> None:
    async with desk.db.write() as tx:
        with pytest.raises(Invalid) as refused:
            await put_rule(tx, desk.conversation.site_id, wrong, desk.clock())
    assert refused.value.code == code


async def test_rules_are_written_moved_and_deleted_in_their_site(desk: Desk) -> None:
    site, other = desk.conversation.site_id, (await add_site(desk.db, desk.clock, "Other")).id
    full = rule(
        Condition("topic", ("late  parcel", "late parcel"), negated=True),
        Condition("hours", ("closed",)),
        effect=Effect(None, "high", ("x", "X"), desk.mara.id, 15, True, True),
        match="any",
        enabled=False,
    )
    async with desk.db.write() as tx:
        assert await put_rule(tx, site, full, desk.clock())
        assert await put_rule(tx, site, rule(key="r2", name="Second"), desk.clock())
        assert await put_rule(tx, other, rule(name="Theirs"), desk.clock())
        assert not await put_rule(tx, site, replace(full, name="Again"), desk.clock())
        stored = await list_rules(tx, site)
        assert [each.name for each in stored] == ["Again", "Second"]
        assert stored[0].conditions[0] == Condition("topic", ("late parcel",), negated=True)
        assert stored[0].effect == replace(full.effect, tags=("X",))
        assert (stored[0].match, stored[0].enabled) == ("any", False)
        await move_rule(tx, site, "r2", -1)
        assert [each.key for each in await list_rules(tx, site)] == ["r2", "r1"]
        await move_rule(tx, site, "r2", -1)  # at the top already
        await move_rule(tx, site, "r2", 1)
        assert [each.key for each in await list_rules(tx, site)] == ["r1", "r2"]
        await delete_rule(tx, site, "r1")
        for gone in ("r1", "r\0"):
            with pytest.raises(NotFound):
                await delete_rule(tx, site, gone)
        assert [each.name for each in await list_rules(tx, other)] == ["Theirs"]
        assert len(list(await tx.scalars(select(RoutingRule.id)))) == 2


async def test_a_handoff_follows_the_rules_and_then_likeness(desk: Desk) -> None:
    site = desk.conversation.site_id
    await add_team(desk.db, desk.clock, site, "Everything", "Anything at all.")
    money = await add_team(desk.db, desk.clock, site, "Money", "Refunds and invoices.")
    async with desk.db.write() as tx:
        await put_rule(
            tx,
            site,
            rule(
                Condition("topic", ("refund",)),
                Condition("page", ("/checkout",)),
                Condition("attribute", ("plan=pro",)),
                effect=Effect(money.id, "urgent", ("money", "pro"), desk.jonas.id, 5, True),
                name="Money first",
            ),
            desk.clock(),
        )
        row = await tx.get_one(Conversation, desk.conversation.id)
        row.page_url, row.locale = "https://shop.example.com/checkout", "en-GB"
        (await tx.get_one(Visitor, row.visitor_id)).attributes = {"plan": "Pro"}
    await desk.say("I want my refunds, please.")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert (ticket.team_id, ticket.team_score, ticket.assignee_id) == (money.id, None, desk.jonas.id)
    assert (ticket.priority, ticket.priority_why) == ("urgent", "Urgent: by the rule “Money first”.")
    assert ticket.response_due_at == desk.clock() + timedelta(minutes=5)
    assert ticket.routed_by == ("Money first",)
    async with desk.db.read() as tx:
        assert (await tags_of(tx, [ticket.id]))[ticket.id] == ("money", "pro")
        told = list(await tx.scalars(select(Event).where(Event.type == "rule")))
    assert [(event.audience, event.data["rule"]) for event in told] == [("agents", "Money first")]
    # A person named by a rule has not come yet: the visitor is told as anybody is.
    desk.clock.advance(minutes=6)
    assert await desk.tending.look() == 1


async def test_what_no_rule_decides_is_decided_by_likeness_and_the_gone_are_left_out(desk: Desk) -> None:
    site = desk.conversation.site_id
    await add_team(desk.db, desk.clock, site, "Everything", "Anything at all.")
    money = await add_team(desk.db, desk.clock, site, "Money", "refund money invoice")
    gone = await add_agent(desk.db, desk.clock, site, "Gone Soon")
    async with desk.db.write() as tx:
        effect = Effect(assignee_id=gone.id, tags=("a",))
        await put_rule(tx, site, rule(Condition("team", (money.id,)), effect=effect), desk.clock())
        await put_rule(tx, site, rule(Condition("mood", ("angry",)), key="r2", name="Angry"), desk.clock())
        agent = await tx.get_one(type(gone), gone.id)
        agent.disabled_at = desk.clock()
    await desk.say("refund money invoice")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    assert (ticket.team_id, ticket.assignee_id, ticket.routed_by) == (money.id, None, ("A rule",))
    assert ticket.team_score is not None


@pytest.mark.parametrize(
    "database_kind", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)  # SQLite has one writer at a time
async def test_what_tags_a_ticket_and_an_upload_do_not_wait_for_each_other(desk: Desk) -> None:
    """An upload's rows point to their site, and then it numbers its changes there: with a lock on the site's key both waited in a ring."""
    site, mara = desk.conversation.site_id, desk.mara.id
    other = await add_conversation(desk.db, desk.clock, site, desk.conversation.visitor_id)
    async with desk.db.write() as tx:
        await put_rule(tx, site, rule(effect=Effect(tags=("refund", "late"))), desk.clock())
        await desk.conversations.post_visitor_message(tx, other, client_id="c", text="Again")
    into = await desk.handoff.hand_off(other.id, "customer_request")
    await desk.say("A person, please.")
    async with desk.db.write() as upload:
        upload.add(
            Source(
                id="src_1", site_id=site, path="a.md", sha256="0" * 64, size=1, status="queued",
                created_at=desk.clock(), updated_at=desk.clock(),
            )
        )  # fmt: skip
        await upload.flush()
        async with asyncio.timeout(30):
            ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
            async with desk.db.write() as tx:
                await desk.tickets.remove_tag(tx, ticket.id, mara, "refund")
                await merge_tickets(
                    tx, desk.tickets, desk.conversations, from_id=ticket.id, into_id=into.id, agent_id=mara, line="There."
                )  # fmt: skip
        await write_revisions(upload, site, [Change("doc_1", ("chk_1",), ())], desk.clock())
    async with desk.db.read() as tx:
        assert (await tags_of(tx, [ticket.id]))[ticket.id] == ("late",)


async def test_a_rule_is_tried_on_past_tickets(desk: Desk) -> None:
    site_id = desk.conversation.site_id
    await desk.say("Where is my parcel? Order 20431")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    desk.clock.advance(seconds=1)
    await desk.say("And how do I exchange a voucher?")  # after the handoff: no rule saw it
    async with desk.db.write() as tx:
        hours = {"time_zone": "UTC", "week": [[] for _ in range(7)]}
        site = await site_by_id(tx, site_id)
        await update_config(tx, site_id, site.config.model_copy(update={}).model_validate({"hours": hours}))
    async with desk.db.read() as tx:
        past = await past_tickets(tx, site_id, (await site_by_id(tx, site_id)).config)
        assert [each.number for each in past] == [ticket.number]
        for conditions, count in (
            ([Condition("topic", ("parcels",))], 1),
            ([Condition("topic", ("voucher",))], 0),
            ([Condition("entity", ("order",)), Condition("hours", ("closed",))], 1),
            ([Condition("hours", ("open",))], 0),
            ([], 1),
        ):
            tried = try_rule(rule(*conditions), past)
            assert (tried.of, len(tried.matched)) == (1, count), conditions
        # Trying writes nothing.
        assert (await tx.get_one(Ticket, ticket.id)).routed_by is None
