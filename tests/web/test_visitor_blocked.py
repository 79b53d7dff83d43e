"""A visitor who is blocked cannot write or begin anew; others can, and so can they once it is lifted."""

import asyncio

import httpx
from sqlalchemy import func, select
from tests.rows import add_agent
from tests.web.conftest import Desk, open_visitor

from minidesk.conversations import Conversations
from minidesk.db.models import Conversation
from minidesk.live import EventLog
from minidesk.tickets import Tickets, block_writer, list_blocks, unblock


async def test_who_is_blocked_is_told_so_and_nothing_is_stored(desk: Desk, client: httpx.AsyncClient) -> None:
    visitor, other = await open_visitor(client, desk.site), await open_visitor(client, desk.site)
    conversation = await visitor.start()
    await visitor.say(conversation, "Buy cheap watches")
    agent = await add_agent(desk.db, desk.clock, desk.site.id)
    conversations: Conversations = desk.conversations
    log: EventLog = desk.log
    async with desk.db.write() as tx:
        tickets = Tickets(log, conversations, desk.clock)
        await block_writer(tx, tickets, conversations, conversation, agent.id, ("visitor",), desk.clock())
    body = {"client_id": "c2", "text": "And more"}
    refused = await visitor.post(f"/conversations/{conversation}/messages", body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "blocked")
    anew = await visitor.post("/conversations", {"locale": "en"})
    assert (anew.status_code, anew.json()["error"]["code"]) == (403, "blocked")
    await other.say(await other.start(), "Hello")
    async with desk.db.write() as tx:
        [block] = await list_blocks(tx, desk.site.id)
        await unblock(tx, desk.site.id, block.id)
    await visitor.say(conversation, "And more", "c2")


async def test_two_agents_block_one_writer_at_once(desk: Desk, client: httpx.AsyncClient) -> None:
    """Each from another conversation of theirs, one of them by the address too; PostgreSQL ended one of the two with an error."""
    visitor = await open_visitor(client, desk.site)
    talks = [await visitor.start() for _ in range(4)]
    agents = [
        await add_agent(desk.db, desk.clock, desk.site.id, name) for name in ("Mara Lindt", "Jonas Weber")
    ]
    tickets = Tickets(desk.log, desk.conversations, desk.clock)

    async def block(conversation: str, agent_id: str, *kinds: str) -> int:
        async with desk.db.write() as tx:
            return await block_writer(
                tx, tickets, desk.conversations, conversation, agent_id, kinds, desk.clock()
            )

    async def lift(block_id: str) -> None:
        async with desk.db.write() as tx:
            await unblock(tx, desk.site.id, block_id)

    await asyncio.gather(
        block(talks[-1], agents[0].id, "visitor", "email"), block(talks[0], agents[1].id, "visitor")
    )
    async with desk.db.read() as tx:
        [found] = await list_blocks(tx, desk.site.id)
        left = await tx.scalar(select(func.count()).where(Conversation.spam_at.is_(None)))
    assert (found.kind, left) == ("visitor", 0)
    await asyncio.gather(lift(found.id), block(talks[2], agents[0].id, "visitor"))
    async with desk.db.read() as tx:
        assert len(await list_blocks(tx, desk.site.id)) <= 1
