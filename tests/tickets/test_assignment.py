"""A ticket's team: by likeness where there is any, else the first team; never an error."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.desk import embed_words

from minidesk.errors import IndexUnavailable
from minidesk.tickets import TeamProfile, choose_team

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
async def test_the_likest_team_or_the_first(text: str, team: str) -> None:
    choice = await choose_team(text, TEAMS, embed_words)
    assert choice.team_id == team
    assert (choice.score is None) == (team == "t0")


async def test_no_teams_no_choice() -> None:
    choice = await choose_team("refund", (), embed_words)
    assert (choice.team_id, choice.score) == (None, None)


async def test_a_failing_embedder_decides_nothing() -> None:
    async def down(_texts: Sequence[str]) -> list[list[float]]:
        raise IndexUnavailable

    choice = await choose_team("refund", TEAMS, down)
    assert (choice.team_id, choice.score) == ("t0", None)


async def test_a_hanging_embedder_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_texts: Sequence[str]) -> list[list[float]]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("minidesk.tickets.assignment.EMBED_SECONDS", 0.01)
    assert (await choose_team("refund", TEAMS, hang)).team_id == "t0"
