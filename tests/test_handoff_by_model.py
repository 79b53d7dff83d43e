"""What a model adds to a ticket: a summary that keeps to what was said, within the time; and nothing where it cannot."""

import asyncio
import json
import time
from collections.abc import AsyncIterator

import pytest

from minidesk.answering.models import Models
from minidesk.db import Database
from minidesk.errors import ModelOverloaded
from minidesk.gateway import ChatRequest, Finished
from minidesk.handoff import Handoff, next_line
from minidesk.text.locale import load_texts
from minidesk.tickets import TicketView
from tests.answering.shop import Script
from tests.conftest import FakeClock
from tests.desk import Desk, embed_words, open_desk

SAID = "Hello, the tent of order AG-48213 has a colour that I do not like. I want it changed before Friday, we leave on Saturday."
READING = {
    "summary": "The tent of order AG-48213 has a colour that the visitor does not like. The visitor wants it changed before Friday.",
    "mood": "worried",
    "mood_words": "we leave on Saturday",
    "priority": "high",
    "priority_words": "before Friday",
}


@pytest.fixture
async def desk(db: Database, clock: FakeClock) -> Desk:
    """A desk on the test's own database."""
    return await open_desk(db, clock)


async def hand_off(desk: Desk, models: Models, *, agent_id: str | None = None, **changed: str) -> TicketView:
    """A ticket, read by `models`, which say READING if they are a script."""
    if isinstance(models, Script):
        models.replies = [json.dumps(READING | changed)] * 2
    handoff = Handoff(
        desk.db,
        desk.conversations,
        desk.tickets,
        embed_words,
        next_line(load_texts()),
        desk.clock,
        models=models,
    )
    return await handoff.hand_off(desk.conversation.id, "customer_request", agent_id=agent_id)


async def test_a_true_summary_stands_in_the_ticket_and_mood_and_priority_point_at_words(desk: Desk) -> None:
    said = await desk.say(SAID)
    model = Script([])
    ticket = await hand_off(desk, model)
    assert ticket.summary == f"{READING['summary']}\nAsked for a person."
    assert len(ticket.summary.split()) <= 60
    assert (ticket.sentiment, ticket.priority) == ("worried", "high")
    assert ticket.priority_why == "High: the visitor writes “before Friday”."
    assert [e.text for e in ticket.evidence if e.part in ("sentiment", "priority")] == [
        "we leave on Saturday",
        "before Friday",
    ]
    assert all(SAID[e.start : e.end] == e.text for e in ticket.evidence if e.message_id == said.id)
    assert model.requests[0].site_id == desk.conversation.site_id


@pytest.mark.parametrize(
    "changed",
    [
        {"summary": "The tent of order AG-99999 has a colour that the visitor does not like."},
        {"summary": "The visitor was promised a refund of €80 for the tent."},
        {"summary": "x" * 700},
        {"mood": "furious"},
    ],
)
async def test_what_was_not_said_leaves_the_ticket_as_the_rules_made_it(
    desk: Desk, changed: dict[str, str]
) -> None:
    await desk.say(SAID)
    ticket = await hand_off(desk, Script([]), **changed)
    assert ticket.summary.startswith("The visitor says the tent of order AG-48213")
    assert "AG-48213" in ticket.summary
    assert "AG-99999" not in ticket.summary
    assert (ticket.sentiment, ticket.priority) == ("calm", "normal")


async def test_words_that_the_visitor_did_not_write_show_nothing(desk: Desk) -> None:
    await desk.say(SAID)
    ticket = await hand_off(
        desk, Script([]), mood="angry", mood_words="you idiots", priority_words="I will sue"
    )
    assert ticket.summary.startswith(READING["summary"])
    assert (ticket.sentiment, ticket.priority) == ("calm", "normal")


async def test_what_the_rules_found_stays(desk: Desk) -> None:
    await desk.say("Fraud! My card was charged twice for order AG-48213 and I want my money back.")
    ticket = await hand_off(
        desk, Script([]), summary="The card was charged twice for order AG-48213.", priority="high", priority_words="twice"
    )  # fmt: skip
    assert ticket.priority in ("high", "urgent")
    assert "the visitor writes" not in ticket.priority_why


async def test_anger_that_only_the_model_saw_raises_the_priority(desk: Desk) -> None:
    await desk.say("Well done, really. A pink tent, how lovely of you, order AG-48213.")
    ticket = await hand_off(
        desk, Script([]), summary="A pink tent, order AG-48213.", mood="angry", mood_words="how lovely of you", priority="normal", priority_words=""
    )  # fmt: skip
    assert (ticket.sentiment, ticket.priority) == ("angry", "high")
    assert "how lovely of you" in ticket.priority_why


async def test_a_model_that_fails_or_hangs_delays_no_one_for_long(desk: Desk) -> None:
    class Hanging:
        configured = True

        async def stream(self, _: ChatRequest) -> AsyncIterator[str | Finished]:
            await asyncio.Event().wait()
            yield ""

    await desk.say(SAID)
    started = time.monotonic()
    ticket = await hand_off(desk, Hanging())
    assert time.monotonic() - started < 30  # the limit is 2.5 s; the machine may be busy
    assert ticket.summary.startswith("The visitor says the tent of order AG-48213")


async def test_a_model_that_fails_changes_nothing(desk: Desk) -> None:
    await desk.say(SAID)
    ticket = await hand_off(desk, Script([], error=ModelOverloaded()))
    assert ticket.summary.startswith("The visitor says the tent of order AG-48213")
    assert ticket.priority == "normal"


async def test_an_agent_who_takes_over_does_not_wait_for_a_model(desk: Desk) -> None:
    await desk.say(SAID)
    model = Script([])
    ticket = await hand_off(desk, model, agent_id=desk.mara.id)
    assert (model.requests, ticket.assignee_id) == ([], desk.mara.id)
