"""A site's teams: who is in them, and what they are for: a ticket's team is learned from it (`tickets/learn.py`)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from minidesk.accounts.audit import Actor, differences, record
from minidesk.accounts.people import list_people
from minidesk.db import Tx
from minidesk.db.models import Agent, Site, Team, TeamMember, Ticket, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.live import QUEUE, Hub
from minidesk.text.normalise import check_text

# How its tickets find somebody: agents take them out of the queue, or each is given to one who is there and has room.
Giving = Literal["taken", "given"]
CLAIM_MINUTES, CLAIM_MAX = 5, 24 * 60
NAME_CHARS = 80  # the column's
# Likeness is measured on the embedding model's 256 tokens; what stands behind them would change nothing.
DESCRIPTION_CHARS = 600
# Each description is embedded beside the conversation while its visitor waits.
TEAMS_MAX = 40


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team. `waiting`: its tickets that are not done."""

    id: str
    name: str
    description: str
    members: frozenset[str]  # ids of agents
    waiting: int
    giving: Giving
    claim_minutes: int  # then what was given, and not taken, goes to the next one


async def list_teams(tx: Tx, site_id: str) -> list[TeamView]:
    """The site's teams, oldest first: the first takes what no other is for."""
    rows = list(
        await tx.scalars(select(Team).where(Team.site_id == site_id).order_by(Team.created_at, Team.id))
    )
    members: defaultdict[str, set[str]] = defaultdict(set)
    pairs = select(TeamMember.team_id, TeamMember.agent_id).join(Team, Team.id == TeamMember.team_id)
    for team_id, agent_id in await tx.execute(pairs.where(Team.site_id == site_id)):
        members[team_id].add(agent_id)
    counted = await tx.execute(
        select(Ticket.team_id, func.count())
        .where(Ticket.site_id == site_id, Ticket.team_id.is_not(None), Ticket.status.in_(("open", "pending")))
        .group_by(Ticket.team_id)
    )
    waiting = {row[0]: row[1] for row in counted}
    return [
        TeamView(
            row.id,
            row.name,
            row.description,
            frozenset(members[row.id]),
            waiting.get(row.id, 0),
            "given" if row.giving == "given" else "taken",
            row.claim_minutes,
        )
        for row in rows
    ]


async def create_team(
    tx: Tx,
    hub: Hub,
    site_id: str,
    *,
    name: str,
    description: str,
    members: Collection[str],
    now: datetime,
    actor: Actor,
    giving: str | None = None,
    claim_minutes: int | None = None,
) -> str:
    """A new team; gives its id. Raises `Invalid`, and `Conflict` for a name that is taken."""
    # One at a time: two administrators must not pass the limit together.
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
    count = await tx.scalar(select(func.count()).select_from(Team).where(Team.site_id == site_id))
    if (count or 0) >= TEAMS_MAX:
        raise Invalid(f"A site can have up to {TEAMS_MAX} teams. Delete one first.", code="too_many_teams")
    team = Team(id=new_id("team"), site_id=site_id, created_at=now, **_checked(name, description))
    _give(team, giving or "taken", CLAIM_MINUTES if claim_minutes is None else claim_minutes)
    tx.add(team)
    await _flush(tx, team.name)
    await _set_members(tx, site_id, team.id, members)
    await record(
        tx, now, actor, "teams.created", site_id=site_id, target_id=team.id, target_name=team.name,
        changes={"members": ("", (await _members_of(tx, team))["members"]), "giving": ("taken", team.giving)},
    )  # fmt: skip
    _announce(tx, hub, site_id)
    return team.id


async def change_team(
    tx: Tx,
    hub: Hub,
    site_id: str,
    team_id: str,
    *,
    name: str,
    description: str,
    members: Collection[str],
    now: datetime,
    actor: Actor,
    giving: str | None = None,
    claim_minutes: int | None = None,
) -> None:
    """Rename and describe a team and replace its members; what is None stays. Raises `NotFound`, `Invalid` or `Conflict`."""
    team = await _lock(tx, site_id, team_id)
    values = _checked(name, description)
    before = {
        **await _members_of(tx, team),
        "name": team.name,
        "description": team.description,
        **_giving(team),
    }
    _give(team, giving or team.giving, team.claim_minutes if claim_minutes is None else claim_minutes)
    team.name, team.description = values["name"], values["description"]
    await _flush(tx, team.name)
    await _set_members(tx, site_id, team.id, members)
    after = {**await _members_of(tx, team), **values, **_giving(team)}
    if changes := differences(before, after):
        await record(
            tx, now, actor, "teams.changed", site_id=site_id, target_id=team.id, target_name=team.name,
            changes=changes,
        )  # fmt: skip
    _announce(tx, hub, site_id)


async def delete_team(tx: Tx, hub: Hub, site_id: str, team_id: str, *, now: datetime, actor: Actor) -> None:
    """Remove a team; its tickets have none from then on. Raises `NotFound`."""
    team = await _lock(tx, site_id, team_id)
    await tx.execute(update(Ticket).where(Ticket.team_id == team.id).values(team_id=None, team_score=None))
    await tx.execute(delete(Team).where(Team.id == team.id))
    await record(tx, now, actor, "teams.deleted", site_id=site_id, target_id=team.id, target_name=team.name)
    _announce(tx, hub, site_id)


async def _lock(tx: Tx, site_id: str, team_id: str) -> Team:
    if "\0" in team_id:  # PostgreSQL refuses to look for it
        raise NotFound
    team = await tx.scalar(select(Team).where(Team.id == team_id, Team.site_id == site_id).with_for_update())
    if team is None:
        raise NotFound
    return team


async def _members_of(tx: Tx, team: Team) -> dict[str, str]:
    """Names, as the audit log keeps them."""
    names = await tx.scalars(
        select(Agent.name)
        .join(TeamMember, TeamMember.agent_id == Agent.id)
        .where(TeamMember.team_id == team.id)
        .order_by(Agent.name, Agent.id)
    )
    return {"members": ", ".join(names)}


def _give(team: Team, giving: str, claim_minutes: int) -> None:
    """Raises `Invalid`."""
    if giving not in get_args(Giving):
        raise Invalid("Tickets of a team are taken, or given. Choose one of the two.", code="giving_invalid")
    if not 1 <= claim_minutes <= CLAIM_MAX:
        raise Invalid(
            f"Give people 1 to {CLAIM_MAX} minutes to take what they were given.",
            code="claim_minutes_invalid",
        )
    team.giving, team.claim_minutes = giving, claim_minutes


def _giving(team: Team) -> dict[str, object]:
    """As the audit log keeps it."""
    return {"giving": team.giving, "claim_minutes": team.claim_minutes}


def _checked(name: str, description: str) -> dict[str, str]:
    label = " ".join(check_text(name, NAME_CHARS * 4).split())
    if not 0 < len(label) <= NAME_CHARS:
        raise Invalid(f"Give the team a name of 1 to {NAME_CHARS} characters.", code="team_name_invalid")
    text = check_text(description, DESCRIPTION_CHARS * 10)
    if len(text) > DESCRIPTION_CHARS:
        raise Invalid(
            f"The description has {len(text)} characters. Shorten it to {DESCRIPTION_CHARS}.",
            code="team_description_invalid",
        )
    return {"name": label, "description": text}


async def _flush(tx: Tx, name: str) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        raise Conflict(
            f"There is a team “{name}” already. Choose another name.", code="team_name_taken"
        ) from error


async def _set_members(tx: Tx, site_id: str, team_id: str, members: Collection[str]) -> None:
    known = {person.id for person in await list_people(tx, site_id)}
    if not known.issuperset(members):
        raise Invalid(
            "Somebody you chose does not work in this site any more. Reload the page and choose again.",
            code="team_member_unknown",
        )
    await tx.execute(delete(TeamMember).where(TeamMember.team_id == team_id))
    tx.add_all(TeamMember(id=new_id("tmm"), team_id=team_id, agent_id=member) for member in set(members))
    await tx.flush()


def _announce(tx: Tx, hub: Hub, site_id: str) -> None:
    """Inboxes show teams' names; and somebody new may have room for what waits."""
    tx.after_commit(lambda: hub.wake(f"site:{site_id}"))
    tx.after_commit(lambda: hub.wake(QUEUE))
