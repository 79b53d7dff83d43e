"""What visitors and agents post: stored once, numbered by the server, announced, and seen by the right people."""

import asyncio

import pytest
from tests.desk import Desk
from tests.rows import add_agent, add_conversation, add_visitor

from minidesk.conversations import (
    access_conversation_as_agent,
    access_conversation_as_visitor,
    access_message_as_visitor,
    latest_open,
    list_for_visitor,
)
from minidesk.errors import AlreadyAssigned, Conflict, Invalid, NotFound


async def test_fifty_equal_posts_make_one_message_and_one_job(desk: Desk) -> None:
    posted = await asyncio.gather(*(desk.say("Where is my parcel?", "same") for _ in range(50)))
    assert len({message.id for message in posted}) == 1
    assert len(set(posted)) == 1  # the same body each time
    assert [m.text for m in await desk.messages()] == ["Where is my parcel?"]
    assert [e.type for e in await desk.stored()] == ["message"]
    assert await desk.job_count() == 1


async def test_different_posts_at_once_are_numbered_without_gap(desk: Desk) -> None:
    posted = await asyncio.gather(*(desk.say(f"message {i}") for i in range(20)))
    assert sorted(m.seq for m in posted) == list(range(1, 21))
    assert await desk.job_count() == 20
    assert [e.data["seq"] for e in await desk.stored()] == list(range(1, 21))


async def test_order_is_the_servers_even_if_the_clock_jumps_back(desk: Desk) -> None:
    await desk.say("first")
    desk.clock.advance(days=-3)
    await desk.say("second")
    assert [m.text for m in await desk.messages()] == ["first", "second"]


async def test_while_a_person_is_awaited_nothing_is_asked_of_the_assistant(desk: Desk) -> None:
    async with desk.db.write() as tx:
        assert await desk.conversations.to_queue(tx, desk.conversation.id) is True
    await desk.say("Hello?")
    assert await desk.job_count() == 0
    assert [m.text for m in await desk.messages()] == ["Hello?"]
    assert [e.type for e in await desk.stored()] == ["holder", "message"]


async def test_a_closed_conversation_starts_again_with_the_assistant(desk: Desk) -> None:
    async with desk.db.write() as tx:
        assert await desk.conversations.close(tx, desk.conversation.id) is True
        assert await desk.conversations.close(tx, desk.conversation.id) is False
    async with desk.db.read() as tx:
        assert await latest_open(tx, desk.conversation.visitor_id) is None
    await desk.say("One more thing")
    assert (await desk.row()).holder == "assistant"
    assert await desk.job_count() == 1
    assert [e.data.get("holder") for e in await desk.stored()] == ["closed", "assistant", None]
    async with desk.db.read() as tx:
        assert await latest_open(tx, desk.conversation.visitor_id) == desk.conversation.id


async def test_agents_write_only_what_they_hold(desk: Desk) -> None:
    conversations, cid = desk.conversations, desk.conversation.id
    with pytest.raises(Conflict) as nobody:
        async with desk.db.write() as tx:
            await conversations.post_agent_message(tx, cid, agent_id=desk.mara.id, text="Hi")
    assert nobody.value.code == "not_taken_over"
    async with desk.db.write() as tx:
        await conversations.take_over(tx, cid, desk.mara.id)
        await conversations.post_agent_message(
            tx, cid, agent_id=desk.mara.id, text="Hi, Mara here", client_id="a"
        )
    async with desk.db.write() as tx:
        again = await conversations.post_agent_message(
            tx, cid, agent_id=desk.mara.id, text="Hi, Mara here", client_id="a"
        )
    assert again.created is False
    with pytest.raises(AlreadyAssigned, match="Mara Lindt"):
        async with desk.db.write() as tx:
            await conversations.post_agent_message(tx, cid, agent_id=desk.jonas.id, text="Me too")
    messages = await desk.messages()
    assert [(m.author, m.name, m.text) for m in messages] == [("agent", "Mara", "Hi, Mara here")]
    assert messages[0].agent_id is None  # visitors learn a first name, nothing else


async def test_notes_are_for_agents(desk: Desk) -> None:
    await desk.say("This is bad")
    async with desk.db.write() as tx:
        await desk.conversations.post_note(
            tx, desk.conversation.id, agent_id=desk.jonas.id, text="Angry. Be kind.", client_id="note-1"
        )
    assert [m.text for m in await desk.messages()] == ["This is bad"]
    assert [m.text for m in await desk.messages(include_notes=True)] == ["This is bad", "Angry. Be kind."]
    async with desk.db.read() as tx:
        for_visitor = await desk.events.after(tx, desk.conversation.id, 0, audience="all")
        lines = await list_for_visitor(tx, desk.conversation.visitor_id)
    assert [e.type for e in for_visitor] == ["message"]
    assert [line.last_text for line in lines] == ["This is bad"]
    with pytest.raises(Conflict):  # a note's client id gives no note away
        await desk.say("guess", "note-1")


async def test_others_conversations_are_missing(desk: Desk) -> None:
    message = await desk.say("Mine")
    stranger = await add_visitor(desk.db, desk.clock, desk.conversation.site_id)
    elsewhere = await add_conversation(desk.db, desk.clock)
    outsider = await add_agent(desk.db, desk.clock, elsewhere.site_id, "Olga Outside")
    cid = desk.conversation.id
    async with desk.db.read() as tx:
        mine = await access_conversation_as_visitor(tx, desk.conversation.visitor_id, cid)
        assert mine.id == cid
        assert (
            await access_message_as_visitor(tx, desk.conversation.visitor_id, message.id)
        ).id == message.id
        assert (await access_conversation_as_agent(tx, desk.mara.id, cid)).id == cid
        for conversation_id in (cid, "cnv_missing"):
            with pytest.raises(NotFound) as as_visitor:
                await access_conversation_as_visitor(tx, stranger.id, conversation_id)
            with pytest.raises(NotFound) as as_agent:
                await access_conversation_as_agent(tx, outsider.id, conversation_id)
            assert as_visitor.value.message == as_agent.value.message == NotFound.default
        with pytest.raises(NotFound):
            await access_message_as_visitor(tx, stranger.id, message.id)


async def test_a_disabled_agent_sees_nothing(desk: Desk) -> None:
    async with desk.db.write() as tx:
        mara = await tx.merge(desk.mara)
        mara.disabled_at = desk.clock()
    async with desk.db.read() as tx:
        with pytest.raises(NotFound):
            await access_conversation_as_agent(tx, desk.mara.id, desk.conversation.id)


@pytest.mark.parametrize("client_id", ["", "x" * 65])
async def test_a_client_id_that_cannot_be_kept_is_refused(desk: Desk, client_id: str) -> None:
    with pytest.raises(Invalid) as refused:
        async with desk.db.write() as tx:
            await desk.conversations.post_visitor_message(
                tx, desk.conversation, client_id=client_id, text="Hello"
            )
    assert refused.value.code == "invalid_client_id"
    assert await desk.messages() == []


async def test_what_a_page_says_of_itself_is_cut(desk: Desk) -> None:
    async with desk.db.write() as tx:
        started = await desk.conversations.start(
            tx,
            site_id=desk.conversation.site_id,
            visitor_id=desk.conversation.visitor_id,
            page_url="https://shop.example/" + "x" * 3000,
            page_title="T" * 1000,
            locale="d" * 100,
        )
    assert (len(started.page_url or ""), len(started.page_title or ""), len(started.locale or "")) == (
        2000,
        300,
        35,
    )


async def test_ratings_are_kept_and_checked(desk: Desk) -> None:
    message = await desk.say("Thanks")
    async with desk.db.write() as tx:
        await desk.conversations.rate(tx, desk.conversation.id, 5)
    with pytest.raises(Invalid):
        async with desk.db.write() as tx:
            await desk.conversations.rate(tx, desk.conversation.id, 6)
    with pytest.raises(Invalid):  # one's own question cannot be helpful
        async with desk.db.write() as tx:
            await desk.conversations.set_feedback(tx, message.id, helpful=True)
    assert (await desk.row()).rating == 5
