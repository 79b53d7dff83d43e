"""Saved replies: variables are filled or named, never sent; who sees, writes and deletes them."""

import pytest
from sqlalchemy import select
from tests.desk import Desk

from minidesk.db.models import Membership, Visitor
from minidesk.errors import Conflict, Invalid, MinideskError, NotAllowed, NotFound
from minidesk.tickets import (
    Variable,
    canned_for,
    change_canned,
    check_filled,
    create_canned,
    delete_canned,
    list_canned,
)
from minidesk.tickets.canned import CANNED_MAX
from minidesk.tickets.canned_fill import Filled, fill


async def make_editor(desk: Desk, *agent_ids: str) -> None:
    """Both agents of the desk are plain ones."""
    async with desk.db.write() as tx:
        for row in await tx.scalars(select(Membership).where(Membership.agent_id.in_(agent_ids))):
            row.role = "editor"


async def create(desk: Desk, name: str, text: str = "Hello", *, own: bool = False, by: str = "") -> str:
    """A reply of Mara's, unless somebody else is named."""
    async with desk.db.write() as tx:
        return await create_canned(
            tx, desk.conversation.site_id, by or desk.mara.id, name=name, text=text, own=own, now=desk.clock()
        )


async def names(desk: Desk, agent_id: str) -> list[str]:
    """What this agent may insert."""
    async with desk.db.read() as tx:
        return [each.name for each in await list_canned(tx, desk.conversation.site_id, agent_id)]


def test_a_variable_is_filled_once_and_what_is_missing_stays() -> None:
    values: dict[Variable, str | None] = {"visitor.name": "Ann {{site.name}}", "site.name": "Alpenglow"}
    filled = fill(
        "Hi {{ visitor.name }}, {{site.name}} #{{ticket.number}} {{ticket.number}} {{other}}", values
    )
    assert filled == Filled(
        "Hi Ann site.name, Alpenglow #{{ticket.number}} {{ticket.number}} {{other}}", ("ticket.number",)
    )
    with pytest.raises(Invalid, match=r"\{\{ticket\.number\}\}") as refused:
        check_filled(filled.text)
    assert refused.value.code == "variable_left"
    check_filled("Our templates use {{ user.email }} and {curly} words.")


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("", "Hello", "canned_name_invalid"),
        ("x" * 61, "Hello", "canned_name_invalid"),
        ("a\0b", "Hello", "invalid_text"),
        ("ok", " ", "canned_text_invalid"),
        ("ok", "x" * 2001, "canned_text_invalid"),
        ("ok", "Hi {{visitor.email}}", "unknown_variable"),
        ("ok", "Hi {{}}", "unknown_variable"),
        ("ok", "Hi {{visitor.name}", "unknown_variable"),
        ("ok", "Hi visitor.name}}", "unknown_variable"),
    ],
)
async def test_what_is_refused_when_saving(desk: Desk, name: str, text: str, code: str) -> None:
    await make_editor(desk, desk.mara.id)
    with pytest.raises(MinideskError) as refused:
        await create(desk, name, text)
    assert refused.value.code == code
    assert await names(desk, desk.mara.id) == []


async def test_own_replies_are_seen_and_changed_by_their_owner_alone(desk: Desk) -> None:
    await make_editor(desk, desk.mara.id, desk.jonas.id)
    shared = await create(desk, "Opening hours")
    own = await create(desk, "My greeting", own=True)
    assert await names(desk, desk.mara.id) == ["My greeting", "Opening hours"]
    assert await names(desk, desk.jonas.id) == ["Opening hours"]
    site_id, jonas = desk.conversation.site_id, desk.jonas.id
    for canned_id in (own, "can_nothing", "a\0b"):
        with pytest.raises(NotFound):
            async with desk.db.write() as tx:
                await delete_canned(tx, site_id, jonas, canned_id)
    async with desk.db.write() as tx:
        await change_canned(
            tx, site_id, jonas, shared, name="Hours", text="9 to 5", own=False, now=desk.clock()
        )
    assert await names(desk, desk.mara.id) == ["Hours", "My greeting"]
    async with desk.db.write() as tx:
        await delete_canned(tx, site_id, desk.mara.id, own)
    assert await names(desk, desk.mara.id) == ["Hours"]


async def test_only_editors_write_and_a_name_is_there_once(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        await create(desk, "Hours")
    await make_editor(desk, desk.mara.id)
    await create(desk, "Hours")
    with pytest.raises(Conflict):
        await create(desk, "  hours ")
    await create(desk, "hours", own=True)  # her own may be named as the site's is
    with pytest.raises(NotFound):
        await create(desk, "More", by="agt_stranger")
    assert len(await names(desk, desk.mara.id)) == 2


async def test_a_site_has_so_many_and_no_more(desk: Desk) -> None:
    await make_editor(desk, desk.mara.id)
    async with desk.db.write() as tx:
        for n in range(CANNED_MAX):
            await create_canned(
                tx,
                desk.conversation.site_id,
                desk.mara.id,
                name=f"r{n}",
                text="x",
                own=n % 2 == 0,
                now=desk.clock(),
            )
    with pytest.raises(Invalid) as refused:
        await create(desk, "one more")
    assert refused.value.code == "too_many_canned"


async def test_it_is_filled_for_the_conversation_and_the_agent(desk: Desk) -> None:
    await make_editor(desk, desk.mara.id)
    await create(desk, "All", "{{visitor.name}}|{{agent.name}}|{{ticket.number}}|{{site.name}}")
    async with desk.db.read() as tx:
        [choice] = await canned_for(tx, desk.conversation, desk.mara.id)
    assert choice.filled == Filled(
        "{{visitor.name}}|Mara|{{ticket.number}}|Alpenglow", ("visitor.name", "ticket.number")
    )
    await desk.say("I want to talk to a person")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    async with desk.db.write() as tx:
        (await tx.get_one(Visitor, desk.conversation.visitor_id)).name = "Ann Example"
    async with desk.db.read() as tx:
        [choice] = await canned_for(tx, desk.conversation, desk.jonas.id)
    assert choice.filled == Filled(f"Ann Example|Jonas|{ticket.number}|Alpenglow")
