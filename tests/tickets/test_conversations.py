"""Sixty conversations of the sample shop: what matters is among the facts, word for word, and the team is the right one.

`conversations.json` was written before the rules were tried on it: for each conversation the turns, the teams that may
have it, and every order number, address, amount and date that an agent needs.
"""

import json
from pathlib import Path
from typing import Any

from tests.tickets.test_triage import message

from minidesk.answering.anger import anger_in
from minidesk.conversations import MessageView
from minidesk.db import Database
from minidesk.demo import TEAMS
from minidesk.handoff import _for_likeness
from minidesk.knowledge.embed import open_embedder
from minidesk.settings import Settings
from minidesk.tickets import TeamChooser, TeamProfile, find_entities, triage

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "conversations.json").read_text())
FACTS_FOUND, TEAMS_RIGHT = 0.98, 0.92


def turns(case: dict[str, Any]) -> list[MessageView]:
    return [message(n, author, text) for n, (author, text) in enumerate(case["turns"], 1)]


def test_the_facts_that_matter_are_found() -> None:
    missed, wanted = [], 0
    for case in CASES:
        found = find_entities(turns(case), country="AT")
        for kind, fact in case["facts"]:
            wanted += 1
            # A date may carry its "on" or "since".
            if not any(
                e.kind == kind and (e.text == fact or (kind == "date" and fact in e.text)) for e in found
            ):
                missed.append((case["id"], kind, fact))
    assert wanted >= 60
    assert 1 - len(missed) / wanted >= FACTS_FOUND, missed


async def test_the_right_team_has_them(db: Database, settings: Settings) -> None:
    embedder = await open_embedder(settings)
    try:
        chooser = TeamChooser(db, embedder.documents)
        teams = [TeamProfile(name, name, description) for name, description in TEAMS.items()]
        wrong = []
        for case in CASES:
            said = turns(case)
            text = _for_likeness(tuple(said), triage(said, reason="customer_request", anger_in=anger_in))
            choice = await chooser.choose("site", teams, text)
            if choice.team_id not in case["team"]:
                wrong.append((case["id"], choice.team_id, choice.score, case["team"]))
    finally:
        embedder.close()
    assert 1 - len(wrong) / len(CASES) >= TEAMS_RIGHT, wrong
