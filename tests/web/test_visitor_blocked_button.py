"""A visitor who is blocked does not reach the inbox by the button for a person either."""

import httpx
import pytest
from sqlalchemy import select
from tests.rows import add_agent
from tests.web.conftest import Desk, open_visitor
from tests.web.test_visitor_plain import open_page

from minidesk.db.models import Conversation, Ticket
from minidesk.tickets import Tickets, block_writer
from minidesk.web.visitor_api import plain


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """No assistant answers here."""
    monkeypatch.setattr(plain, "ANSWER_SECONDS", 0.05)


async def test_who_is_blocked_reaches_nobody_by_the_button(desk: Desk, client: httpx.AsyncClient) -> None:
    """In the widget, and on the page without scripts."""
    visitor = await open_visitor(client, desk.site)
    conversation = await visitor.start()
    await visitor.say(conversation, "Buy cheap watches")
    await block(desk, conversation)
    pressed = await visitor.post(f"/conversations/{conversation}/handoff")
    assert (pressed.status_code, pressed.json()["error"]["code"]) == (403, "blocked")
    assert await state(desk, conversation) == ("closed", True, [])
    page = await (await open_page(client, desk)).press("send", "Buy cheap boots")
    await block(desk, page.fields["conversation"])
    refused = await page.press("person")
    assert refused.answer.status_code == 403
    assert "not taken any more" in refused.text
    assert await state(desk, page.fields["conversation"]) == ("closed", True, [])


async def block(desk: Desk, conversation: str) -> None:
    """An agent blocks who wrote it."""
    agent = await add_agent(desk.db, desk.clock, desk.site.id)
    async with desk.db.write() as tx:
        tickets = Tickets(desk.log, desk.conversations, desk.clock)
        await block_writer(
            tx, tickets, desk.conversations, conversation, agent.id, ("visitor",), desk.clock()
        )


async def state(desk: Desk, conversation: str) -> tuple[str, bool, list[str]]:
    """Who holds it, whether it is out of the inbox, and its tickets."""
    async with desk.db.read() as tx:
        row = await tx.get_one(Conversation, conversation)
        tickets = await tx.scalars(select(Ticket.status).where(Ticket.conversation_id == conversation))
        return row.holder, row.spam_at is not None, list(tickets)
