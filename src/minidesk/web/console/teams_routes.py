"""A site's teams: for its administrators alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import (
    CLAIM_MINUTES,
    Person,
    TeamView,
    Worker,
    change_team,
    create_team,
    delete_team,
    list_people,
    list_teams,
    list_workers,
)
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.text.normalise import replace_surrogates, whole_number
from minidesk.tickets import Rule, list_rules, open_of
from minidesk.web.console.contexts import Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field, fields
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import Translate, View, to

HERE = "/console/teams"


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who can be in a team. `state`: whether they are there, and what they have to do."""

    id: str
    name: str
    selected: bool
    state: str


@dataclass(frozen=True, slots=True)
class TeamForm:
    """A team as its form shows it; without an id the one that is being made."""

    id: str
    name: str
    description: str
    members: tuple[Member, ...]
    giving: str = "taken"
    claim_minutes: str = str(CLAIM_MINUTES)
    waiting: int = 0
    default: bool = False
    open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TeamsPage:
    """The page."""

    shell: Shell
    teams: tuple[TeamForm, ...]
    new: TeamForm
    rules: Mapping[
        str, str
    ]  # by team: the names of the rules that name it, which deleting it would leave without it


@dataclass(frozen=True, slots=True)
class _Written:
    """What a form held. `team_id` is empty for a new team."""

    team_id: str
    name: str
    description: str
    members: frozenset[str]
    giving: str
    claim_minutes: str


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/teams")
    async def teams_page(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/teams")
    async def create(request: Request) -> Response:
        return await _save(deps, view, request, "")

    @router.post("/teams/{team_id}")
    async def change(request: Request, team_id: str) -> Response:
        return await _save(deps, view, request, team_id)

    @router.post("/teams/{team_id}/delete")
    async def delete(request: Request, team_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await delete_team(
                tx, deps.hub, viewer.site.site_id, team_id, now=deps.clock(), actor=viewer.actor
            )
        return to(HERE)


async def _save(deps: ConsoleDeps, view: View, request: Request, team_id: str) -> Response:
    viewer, form = await checked_viewer(deps, request, role="admin")
    written = _read(form, team_id)
    try:
        saved = await _write(deps, viewer, written)
    except NotFound:
        raise  # there is no form to show it in
    except MinideskError as error:
        return await _page(deps, view, viewer, written, error)
    return to(f"{HERE}#{saved}")


async def _write(deps: ConsoleDeps, viewer: Viewer, written: _Written) -> str:
    """Make the team, or change it; its id."""
    site_id, now = viewer.site.site_id, deps.clock()
    name, description, members = written.name, written.description, written.members
    minutes = whole_number(written.claim_minutes.strip()) if written.claim_minutes else None
    if written.claim_minutes and minutes is None:
        raise Invalid("Write the minutes as a whole number.", code="claim_minutes_invalid")
    async with deps.db.write() as tx:
        if not written.team_id:
            return await create_team(
                tx,
                deps.hub,
                site_id,
                name=name,
                description=description,
                members=members,
                now=now,
                actor=viewer.actor,
                giving=written.giving or None,
                claim_minutes=minutes,
            )
        await change_team(
            tx,
            deps.hub,
            site_id,
            written.team_id,
            name=name,
            description=description,
            members=members,
            now=now,
            actor=viewer.actor,
            giving=written.giving or None,
            claim_minutes=minutes,
        )
    return written.team_id


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    written: _Written | None = None,
    error: MinideskError | None = None,
) -> Response:
    """The page; with `error`, the form that was `written` comes back."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        teams = await list_teams(tx, site_id)
        people = await list_people(tx, site_id)
        rules = await list_rules(tx, site_id)
        workers, busy = await list_workers(tx, site_id, deps.clock()), await open_of(tx, site_id)
        around = await shell_of(tx, viewer, "site")
    problem = error.message if error else ""
    boxes = _Boxes(people, {each.id: _state(each, busy.get(each.id, 0), view.t) for each in workers})
    page = TeamsPage(
        around,
        tuple(
            _written_form(team, written, boxes, problem)
            if written and written.team_id == team.id
            else _form(team, boxes, default=n == 0)
            for n, team in enumerate(teams)
        ),
        _written_form(None, written, boxes, problem)
        if written and not written.team_id
        else TeamForm("", "", "", boxes.ticked(frozenset()), open=not teams),
        {team.id: ", ".join(f"“{rule.name}”" for rule in rules if _names(rule, team.id)) for team in teams},
    )
    return view.html("teams.html", status=error.status if error else 200, page=page)


def _names(rule: Rule, team_id: str) -> bool:
    asked = any(each.field == "team" and team_id in each.values for each in rule.conditions)
    return asked or rule.effect.team_id == team_id


def _read(form: FormData, team_id: str) -> _Written:
    members = frozenset(fields(form, "member"))
    giving, minutes = field(form, "giving"), field(form, "claim_minutes")
    return _Written(team_id, field(form, "name"), field(form, "description"), members, giving, minutes)


@dataclass(frozen=True, slots=True)
class _Boxes:
    """The people whom a team can have, with how each of them is."""

    people: Sequence[Person]
    states: Mapping[str, str]

    def ticked(self, members: frozenset[str]) -> tuple[Member, ...]:
        """A box for each. Two people may have one name: the address tells them apart."""
        names = [person.name for person in self.people]
        return tuple(
            Member(
                p.id,
                p.name if names.count(p.name) == 1 else f"{p.name} ({p.email})",
                p.id in members,
                self.states.get(p.id, ""),
            )
            for p in self.people
        )


def _form(team: TeamView, boxes: _Boxes, *, default: bool) -> TeamForm:
    members = boxes.ticked(team.members)
    return TeamForm(
        team.id,
        team.name,
        team.description,
        members,
        team.giving,
        str(team.claim_minutes),
        team.waiting,
        default,
    )


def _written_form(team: TeamView | None, written: _Written, boxes: _Boxes, problem: str) -> TeamForm:
    return TeamForm(
        written.team_id,
        replace_surrogates(written.name),
        replace_surrogates(written.description),
        boxes.ticked(written.members),
        written.giving,
        replace_surrogates(written.claim_minutes),
        team.waiting if team else 0,
        open=True,
        problem=problem,
    )


def _state(worker: Worker, busy: int, t: Translate) -> str:
    """Whether they are there, and how much of what they take they have."""
    there = t("teams.away" if worker.away else "teams.here" if worker.here else "teams.not_here")
    most = worker.work.most_open
    return f"{there} · " + (
        t("teams.open", n=busy) if most is None else t("teams.open_of", n=busy, most=most)
    )
