"""A visitor who is blocked cannot write or begin anew; others can, and so can they once it is lifted."""

import httpx
from tests.rows import add_agent
from tests.web.conftest import Desk, open_visitor

from minidesk.conversations import Conversations
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
