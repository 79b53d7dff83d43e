"""Which team a ticket goes to: the one whose description is most like the conversation."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from minidesk.db import Tx
from minidesk.db.models import Team
from minidesk.errors import MinideskError
from minidesk.tickets.records import TeamChoice

log = logging.getLogger(__name__)

# Texts to L2-normalised vectors, one row a text: `Embedder.documents`.
Embed = Callable[[Sequence[str]], Awaitable[Any]]

# MiniLM, fifteen made-up messages and five teams: those that belonged to a team had .20 and more with it, those
# that belonged to none .16 and less. Below this the default team sorts it.
MIN_LIKENESS = 0.18
# The visitor waits for the line that says what happens next; the team can be corrected later.
EMBED_SECONDS = 5


@dataclass(frozen=True, slots=True)
class TeamProfile:
    """A team as likeness sees it."""

    id: str
    name: str
    description: str


async def team_profiles(tx: Tx, site_id: str) -> list[TeamProfile]:
    """The site's teams, oldest first: the first is the default."""
    rows = await tx.scalars(select(Team).where(Team.site_id == site_id).order_by(Team.created_at, Team.id))
    return [TeamProfile(t.id, t.name, t.description) for t in rows]


async def choose_team(text: str, teams: Sequence[TeamProfile], embed: Embed) -> TeamChoice:
    """The team most like `text`, with the cosine as its score; else the default (the first team), score None.

    Never raises for the embedding: a ticket without the best team is better than no ticket (F29).
    """
    if not teams:
        return TeamChoice(None, None)
    described = [team for team in teams if team.description.strip()]
    if not described or not text.strip():
        return TeamChoice(teams[0].id, None)
    try:
        async with asyncio.timeout(EMBED_SECONDS):
            vectors = await embed([text, *(f"{team.name}. {team.description}" for team in described)])
    except (MinideskError, TimeoutError, OSError, RuntimeError) as error:
        log.warning("no likeness for a ticket's team: %s", type(error).__name__)
        return TeamChoice(teams[0].id, None)
    scores = [sum(float(a) * float(b) for a, b in zip(vectors[0], row, strict=True)) for row in vectors[1:]]
    best = max(range(len(described)), key=scores.__getitem__)
    if scores[best] < MIN_LIKENESS:
        return TeamChoice(teams[0].id, None)
    return TeamChoice(described[best].id, round(scores[best], 3))
