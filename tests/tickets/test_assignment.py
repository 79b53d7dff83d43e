"""A ticket's team: by what the teams are for and by what became of tickets like it, else the first team; never an error."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from sqlalchemy import select
from tests.desk import Desk, embed_words
from tests.rows import add_conversation, add_team

from minidesk.db import Database
from minidesk.db.models import TicketText
from minidesk.errors import IndexUnavailable
from minidesk.handoff import Handoff, next_line
from minidesk.text.locale import load_texts
from minidesk.tickets import Embed, TeamChooser, TeamProfile, TicketView
from minidesk.tickets.learn import Description, Example, Floats, Learned

TEAMS = (
    TeamProfile("t0", "First line", ""),
    TeamProfile("t1", "Billing", "refunds, invoices, charged twice, payments"),
    TeamProfile("t2", "Workshop", "repairs of tents, torn seams, broken poles"),
)


@pytest.mark.parametrize(
    ("text", "team"),
    [
        ("I was charged twice and want a refund", "t1"),
        ("The poles of my tent are broken", "t2"),
        ("Completely different matters", "t0"),
        ("", "t0"),
    ],
)
async def test_the_likest_team_or_the_first(db: Database, text: str, team: str) -> None:
    choice = await TeamChooser(db, embed_words).choose("site", TEAMS, text)
    assert choice.team_id == team
    assert (choice.score is None) == (team == "t0")


async def test_no_teams_no_choice(db: Database) -> None:
    choice = await TeamChooser(db, embed_words).choose("site", (), "refund")
    assert (choice.team_id, choice.score) == (None, None)


async def test_a_failing_embedder_decides_nothing(db: Database) -> None:
    async def down(_texts: Sequence[str]) -> list[list[float]]:
        raise IndexUnavailable

    choice = await TeamChooser(db, down).choose("site", TEAMS, "refund")
    assert (choice.team_id, choice.score) == ("t0", None)


async def test_a_hanging_embedder_holds_nobody_up(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_texts: Sequence[str]) -> list[list[float]]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("minidesk.tickets.assignment.SECONDS", 0.01)
    assert (await TeamChooser(db, hang).choose("site", TEAMS, "refund")).team_id == "t0"


async def another(desk: Desk, text: str, embed: Embed, fingerprint: str) -> TicketView:
    """A new conversation of the desk's site that is handed off by a server with this model."""
    server = Handoff(
        desk.db,
        desk.conversations,
        desk.tickets,
        embed,
        next_line(load_texts()),
        desk.clock,
        fingerprint=fingerprint,
    )
    talk = await add_conversation(desk.db, desk.clock, desk.conversation.site_id)
    async with desk.db.write() as tx:
        await desk.conversations.post_visitor_message(tx, talk, client_id="c1", text=text)
    return await server.hand_off(talk.id, "customer_request")


async def test_what_was_learned_outlives_the_model_it_was_learned_with(desk: Desk) -> None:
    site = desk.conversation.site_id
    await add_team(desk.db, desk.clock, site, "First line")
    desk.clock.advance(seconds=1)
    billing = await add_team(desk.db, desk.clock, site, "Billing")
    first = await another(desk, "The newsletter voucher is refused at the checkout", embed_words, "one")
    assert (first.team_name, first.team_score) == ("First line", None)
    async with desk.db.write() as tx:
        await desk.tickets.set_team(tx, first.id, billing.id)

    async def backwards(texts: Sequence[str]) -> list[list[float]]:
        return [row[::-1] for row in await embed_words(texts)]

    again = await another(desk, "Your checkout says my newsletter voucher is refused", backwards, "two")
    assert (again.team_name, again.learned.number, again.learned.corrected) == ("Billing", first.number, True)
    async with desk.db.read() as tx:
        assert set(await tx.scalars(select(TicketText.fingerprint))) == {"two"}
    other = await another(desk, "My tent has holes", backwards, "two")
    assert (other.team_name, other.team_score) == ("First line", None)


def test_examples_weigh_against_descriptions_and_each_other() -> None:
    east, north, between = (
        np.array([1, 0], np.float32),
        np.array([0, 1], np.float32),
        np.full(2, 0.5**0.5, np.float32),
    )
    described = [Description("", east[None]), Description("", north[None])]
    assert Learned(described, []).judge(north, "north").best == 1
    # One correction outweighs what the description says of the same thing, and leaves the other class its own.
    taught = Learned(described, [Example(0, "north", north, weight=3.0)])
    assert taught.judge(north, "north").best == 0
    assert taught.judge(east, "east").best == 0
    for weights, best in (((3.0, 1.0), 0), ((1.0, 3.0), 1)):
        split = [Example(n, "both", between, weight) for n, weight in enumerate(weights)]
        judged = Learned(described, split).judge(between, "both")
        assert judged.best == best
        assert abs(float(judged.shares.sum()) - 1) < 1e-5
        assert float(judged.shares[best]) > 0.5


def test_a_correction_is_heard_among_many_tickets_that_agree_with_the_descriptions() -> None:
    chance = np.random.default_rng(1)
    east, north, new = (np.eye(8, dtype=np.float32)[n] for n in range(3))

    def near(vector: Floats) -> Floats:
        found = vector + chance.normal(0, 0.2, 8).astype(np.float32)
        return np.asarray(found / np.linalg.norm(found), np.float32)

    described = [Description("", near(east + 0.3 * new)[None]), Description("", north[None])]
    solved = [Example(n % 2, "", near((east, north)[n % 2]), 0.1) for n in range(40)]
    assert Learned(described, solved).judge(new, "").best == 0
    taught = Learned(described, [*solved, Example(1, "", near(new), 3.0)])
    assert taught.judge(near(new), "").best == 1
    assert [taught.judge(near(each), "").best for each in (east, north)] == [0, 1]
