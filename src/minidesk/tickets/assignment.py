"""Which team a ticket goes to: by what the teams are for, and by what became of tickets like it.

The site's tickets that agents sent to another team, or solved, are examples; those sent elsewhere count more. Each is
kept with its vector when it is opened, so that a correction is heard by the next handoff without a model.
"""

import asyncio
import logging
import re
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from minidesk.db import Database, Tx
from minidesk.db.models import Team
from minidesk.errors import MinideskError
from minidesk.tickets.examples import PastExample, Taught, examples_of, keep_vectors, taught
from minidesk.tickets.learn import Description, Example, Floats, Judged, Learned
from minidesk.tickets.records import Evidence, TeamChoice, Why
from minidesk.tickets.tags import tags_of

log = logging.getLogger(__name__)

# Texts to L2-normalised vectors, one row a text: `Embedder.documents`.
Embed = Callable[[Sequence[str]], Awaitable[Any]]

# Below this the default team sorts it. The sample shop's teams and 60 conversations: one of them is below, and two
# thirds of clinc150's 500 messages that belong nowhere.
MIN_LIKENESS = 0.2
# The same for the earlier ticket that is most like it: of 200 of those messages three in a hundred have one as near.
NEAR = 0.38
# A correction is a person's word against ours; a solved ticket may only have been left where it was.
CORRECTED, SOLVED = 3.0, 0.1
# The visitor waits for the line that says what happens next, and triage must be there within 3 seconds.
SECONDS = 2.0
REFIT_SECONDS = 1.0  # then what was learned before must do
# Of one handoff: examples whose vectors are of another model and are made again. The others wait for the next ones.
EMBED_AGAIN = 16
# Of all teams' descriptions, each embedded once a server: the visitor of the first handoff waits for it.
PIECES = 160
SITES = 16  # whose lessons are held; 2,000 examples are 3 MB
_BETWEEN = re.compile(r"[,.;?!\n]+\s*")
SENTENCES = 12  # of the visitor, among which the telling one is looked for
LIKELY_FROM, LIKELY_TAGS = 5, 3


@dataclass(frozen=True, slots=True)
class TeamProfile:
    """A team as likeness sees it."""

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class _Lessons:
    teams: tuple[TeamProfile, ...]
    descriptions: tuple[Description, ...]
    examples: tuple[PastExample, ...]
    learned: Learned
    upto: Taught | None  # None: some examples are not among them yet


async def team_profiles(tx: Tx, site_id: str) -> list[TeamProfile]:
    """The site's teams, oldest first: the first is the default."""
    rows = await tx.scalars(select(Team).where(Team.site_id == site_id).order_by(Team.created_at, Team.id))
    return [TeamProfile(t.id, t.name, t.description) for t in rows]


class TeamChooser:
    """Chooses teams, and holds what the latest handoffs' sites have taught."""

    def __init__(self, db: Database, embed: Embed, fingerprint: str | None = None) -> None:
        """`fingerprint`: of what `embed` gives; None where vectors mean nothing: then nothing is kept of a ticket."""
        self._db = db
        self._embed = embed
        self._fingerprint = fingerprint
        self._held: OrderedDict[str, _Lessons] = OrderedDict()
        self._learning: dict[str, asyncio.Task[_Lessons]] = {}

    async def choose(
        self, site_id: str, teams: Sequence[TeamProfile], text: str, said: Sequence[Evidence] = ()
    ) -> TeamChoice:
        """The team that `text` is for; the default (the first team), score None, where none fits.

        `said` are the visitor's sentences, of which the most telling one becomes the evidence. Never raises for the
        embedding or the examples: a ticket without the best team is better than no ticket (F29).
        """
        default = TeamChoice(teams[0].id if teams else None, None)
        if not text.strip():
            return default
        said, vectors = said[:SENTENCES], None
        try:
            async with asyncio.timeout(SECONDS):
                vectors = np.asarray(await self._embed([text, *(each.text for each in said)]), np.float32)
                if not teams:
                    return self._keeping(default, text, vectors[0])
                lessons = await self._lessons(site_id, tuple(teams), vectors.shape[1])
                judged = await asyncio.to_thread(lessons.learned.judge, vectors[0], text)
                tags = await self._likely_tags(lessons, judged)
        except (MinideskError, TimeoutError, OSError, RuntimeError, DBAPIError) as error:
            log.warning("no likeness for a ticket's team: %s", type(error).__name__)
            return default if vectors is None else self._keeping(default, text, vectors[0])
        if lessons.teams != tuple(teams):
            return self._keeping(default, text, vectors[0])  # they were changed while it was learned
        choice = _decided(lessons, judged, vectors, text, said)
        choice = replace(choice, why=replace(choice.why, tags=tags)) if tags else choice
        return self._keeping(choice, text, vectors[0])

    def _keeping(self, choice: TeamChoice, text: str, vector: Floats) -> TeamChoice:
        if self._fingerprint is None:
            return choice
        return replace(choice, text=text, fingerprint=self._fingerprint, vector=vector)

    async def _lessons(self, site_id: str, teams: tuple[TeamProfile, ...], width: int) -> _Lessons:
        async with self._db.read() as tx:
            now = await taught(tx, site_id)
        held = self._held.get(site_id)
        if held is None or held.teams != teams or held.upto is None or held.upto.behind(now):
            learning = self._learning.get(site_id)
            if learning is None:  # ten handoffs after a correction fit once
                learning = asyncio.create_task(self._learn(site_id, teams, width, now))
                self._learning[site_id] = learning
                learning.add_done_callback(partial(self._learned, site_id))
            # It goes on when this handoff's time is over: the next one finds it done.
            usable = held is not None and held.teams == teams
            await asyncio.wait({learning}, timeout=REFIT_SECONDS if usable else None)
            held = held if held is not None and usable and not learning.done() else learning.result()
        return held

    def _learned(self, site_id: str, learning: "asyncio.Task[_Lessons]") -> None:
        self._learning.pop(site_id, None)
        if learning.cancelled() or learning.exception() is not None:
            return  # whoever waited for it has heard
        self._held[site_id] = learning.result()
        self._held.move_to_end(site_id)
        while len(self._held) > SITES:
            self._held.popitem(last=False)

    async def _learn(self, site_id: str, teams: tuple[TeamProfile, ...], width: int, now: Taught) -> _Lessons:
        found: list[PastExample] = []
        if self._fingerprint is not None:
            async with self._db.read() as tx:
                found = await examples_of(tx, site_id)
        other = [each for each in found if each.fingerprint != self._fingerprint]
        if other:
            await self._embed_again(other[:EMBED_AGAIN])
            async with self._db.read() as tx:
                found = await examples_of(tx, site_id)
        number = {team.id: n for n, team in enumerate(teams)}
        usable = tuple(e for e in found if e.fingerprint == self._fingerprint and e.team_id in number)
        examples = [
            Example(number[e.team_id], e.text, e.vector, CORRECTED if e.corrected else SOLVED) for e in usable
        ]
        held = self._held.get(site_id)
        known = held is not None and held.teams == teams
        descriptions = held.descriptions if held and known else await self._describe(teams, width)
        learned = await asyncio.to_thread(Learned, descriptions, examples)
        return _Lessons(teams, descriptions, usable, learned, now if len(other) <= EMBED_AGAIN else None)

    async def _describe(self, teams: tuple[TeamProfile, ...], width: int) -> tuple[Description, ...]:
        """What the teams are for: a description lists things, and a message is like one of them."""
        most = max(1, PIECES // len(teams))
        pieces = [_pieces(team)[:most] for team in teams]
        texts = [piece for each in pieces for piece in each]
        vectors = iter(np.asarray(await self._embed(texts), np.float32) if texts else ())
        none = np.zeros((0, width), np.float32)
        return tuple(
            Description(each[0] if each else "", np.stack([next(vectors) for _ in each]) if each else none)
            for each in pieces
        )

    async def _embed_again(self, rows: Sequence[PastExample]) -> None:
        vectors = np.asarray(await self._embed([each.text for each in rows]), np.float32)
        async with self._db.write() as tx:
            await keep_vectors(tx, [each.ticket_id for each in rows], vectors, str(self._fingerprint))

    async def _likely_tags(self, lessons: _Lessons, judged: Judged) -> tuple[str, ...]:
        """Tags that at least half of the nearest tickets wear."""
        nearest = np.argsort(-judged.likeness)[:LIKELY_FROM]
        ids = [lessons.examples[n].ticket_id for n in nearest if judged.likeness[n] >= NEAR]
        if not ids:
            return ()
        async with self._db.read() as tx:
            worn = await tags_of(tx, ids)
        votes = Counter(tag for tags in worn.values() for tag in tags)
        return tuple(tag for tag, n in votes.most_common(LIKELY_TAGS) if 2 * n >= len(ids))


def _pieces(team: TeamProfile) -> list[str]:
    """The description with the team's name, then the name and what the description lists; none where there is none."""
    listed = [piece for piece in (each.strip() for each in _BETWEEN.split(team.description)) if piece]
    return [f"{team.name}. {team.description}", team.name, *listed] if listed else []


def _decided(
    lessons: _Lessons, judged: Judged, vectors: Floats, text: str, said: Sequence[Evidence]
) -> TeamChoice:
    best = judged.best
    near = lessons.learned.nearest(judged, best)
    told = float(lessons.learned.told(vectors[0], text)[best])
    like = lessons.examples[near] if near is not None and judged.likeness[near] >= NEAR else None
    if like is None and told < MIN_LIKENESS:
        return TeamChoice(lessons.teams[0].id, None)
    # A description says what decided only where no earlier ticket does.
    decided = lessons.learned.described(best) if like is None else like.vector
    shown: Evidence | None = None
    if said:
        shown = said[int((vectors[1:] @ decided).argmax())]
    why = Why() if like is None else Why(like.number, like.corrected)
    return TeamChoice(lessons.teams[best].id, round(float(judged.shares[best]), 3), shown, why)
