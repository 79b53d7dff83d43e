"""Tags: put on and taken off, announced, filtered by, and gone with the last ticket that wears them."""

import pytest
from tests.desk import Desk
from tests.rows import add_agent

from minidesk.errors import Invalid, NotFound
from minidesk.tickets import View, check_tag, inbox, inbox_counts, site_tags, tags_of
from minidesk.tickets.tags import TAGS_OF_TICKET


async def ticket_id(desk: Desk) -> str:
    """A ticket that waits."""
    await desk.say("I want to talk to a person")
    return (await desk.handoff.hand_off(desk.conversation.id, "customer_request")).id


async def add(desk: Desk, ticket: str, name: str) -> None:
    """Mara tags it."""
    async with desk.db.write() as tx:
        await desk.tickets.add_tag(tx, ticket, desk.mara.id, name)


async def remove(desk: Desk, ticket: str, name: str) -> None:
    """Mara takes it off."""
    async with desk.db.write() as tx:
        await desk.tickets.remove_tag(tx, ticket, desk.mara.id, name)


async def worn(desk: Desk, ticket: str) -> tuple[str, ...]:
    """What the ticket wears."""
    async with desk.db.read() as tx:
        return (await tags_of(tx, [ticket])).get(ticket, ())


async def test_a_tag_is_announced_once_and_goes_with_the_last_ticket(desk: Desk) -> None:
    ticket = await ticket_id(desk)
    events = len(await desk.stored())
    async with desk.hub.subscribe(f"site:{desk.conversation.site_id}") as inbox_ear:
        await add(desk, ticket, "  Refund   late ")
        assert await inbox_ear.wait(5)
    await add(desk, ticket, "REFUND LATE")
    await add(desk, ticket, "Größe")
    assert await worn(desk, ticket) == ("Größe", "Refund late")
    assert [event.type for event in (await desk.stored())[events:]] == ["ticket", "ticket"]
    await remove(desk, ticket, "refund late")
    await remove(desk, ticket, "refund late")
    assert len(await desk.stored()) == events + 3
    assert await worn(desk, ticket) == ("Größe",)
    async with desk.db.read() as tx:
        assert await site_tags(tx, desk.conversation.site_id) == ["Größe"]


async def test_what_is_refused(desk: Desk) -> None:
    ticket = await ticket_id(desk)
    for raw in ("", "  ", "x" * 41, "one, two"):
        with pytest.raises(Invalid):
            check_tag(raw)
    stranger = await add_agent(desk.db, desk.clock, None)
    for action in (desk.tickets.add_tag, desk.tickets.remove_tag):
        with pytest.raises(NotFound):
            async with desk.db.write() as tx:
                await action(tx, ticket, stranger.id, "refund")
    for n in range(TAGS_OF_TICKET):
        await add(desk, ticket, f"tag {n}")
    with pytest.raises(Invalid) as refused:
        await add(desk, ticket, "one more")
    assert refused.value.code == "too_many_tags"
    assert len(await worn(desk, ticket)) == TAGS_OF_TICKET


async def test_views_and_counts_by_tag_also_of_a_solved_ticket(desk: Desk) -> None:
    ticket = await ticket_id(desk)
    site_id, agent_id = desk.conversation.site_id, desk.mara.id

    async def seen(view: View, tag: str) -> int:
        async with desk.db.read() as tx:
            return len(await inbox(tx, site_id=site_id, agent_id=agent_id, view=view, tag=tag))

    async def count(tag: str) -> tuple[int, int]:
        async with desk.db.read() as tx:
            counts = await inbox_counts(tx, site_id=site_id, agent_id=agent_id, now=desk.clock(), tag=tag)
        return counts.all, counts.assistant

    await add(desk, ticket, "Refund")
    assert [await seen("all", tag) for tag in ("", "refund", "other")] == [1, 1, 0]
    assert [await count(tag) for tag in ("", "refund", "other")] == [(1, 0), (1, 0), (0, 0)]
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket, "solved")
    await add(desk, ticket, "later")
    assert [await seen("solved", tag) for tag in ("", "later", "other")] == [1, 1, 0]
    assert [await seen("assistant", tag) for tag in ("", "later")] == [1, 0]
    assert [await count(tag) for tag in ("", "later")] == [(0, 1), (0, 0)]
