"""Who works in a site, who is invited, and what it asks of them: for its administrators alone."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import (
    ROLES,
    InvitationView,
    Person,
    Work,
    change_role,
    is_required_in,
    list_people,
    list_suspended,
    list_teams,
    list_workers,
    record,
    remove_person,
    require_in,
    set_work,
)
from minidesk.errors import Invalid, MinideskError, NotFound
from minidesk.text.normalise import replace_surrogates, whole_number
from minidesk.tickets import release
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field, fields
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.view import Translate, View, to

HERE = "/console/people"
INVITATIONS_PER_HOUR = 60  # of one administrator: mail goes to addresses that they name


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person. Without `roles` they are an operator, who may do everything everywhere."""

    id: str
    name: str
    email: str
    roles: tuple[Option, ...]
    me: bool
    work: "WorkForm"


@dataclass(frozen=True, slots=True)
class WorkForm:
    """What they take, as the form shows it."""

    most_open: str = ""
    languages: str = ""
    skills: str = ""


@dataclass(frozen=True, slots=True)
class InvitationRow:
    """Somebody who has not come yet."""

    id: str
    email: str
    role: str
    invited_by: str
    until: str


@dataclass(frozen=True, slots=True)
class InviteForm:
    """The form as it was filled in."""

    email: str
    roles: tuple[Option, ...]
    sites: tuple[Option, ...]  # the administrator's other ones
    teams: tuple[Option, ...]
    open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """The page. `link` is a new invitation's, shown this once where no mail took it; `mailed` the address of one that was sent."""

    shell: Shell
    rows: tuple[PersonRow, ...]
    suspended: tuple[Option, ...]
    invitations: tuple[InvitationRow, ...]
    invite: InviteForm
    required: bool
    mails: bool
    link: str = ""
    mailed: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Written:
    """What the invitation's form held."""

    email: str = ""
    role: str = "agent"
    sites: Collection[str] = ()
    teams: Collection[str] = ()
    problem: MinideskError | None = None


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/people")
    async def people_page(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/people/require")
    async def require(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        try:
            await _require(deps, viewer, on=field(form, "second_factor") == "on")
        except MinideskError as error:
            return await _page(deps, view, viewer, error=error)
        return to(HERE)

    _add_invitations(router, deps, view)
    _add_members(router, deps, view)


def _add_invitations(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    @router.post("/people/invite")
    async def invite(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        written = _read(form)
        try:
            token = await _invite(deps, viewer, written)
        except NotFound:
            raise  # a site that is not theirs
        except MinideskError as error:
            return await _page(deps, view, viewer, replace(written, problem=error))
        link = f"{deps.settings.base_url}/console/invite/{token}"
        if await _mailed(deps, view.t, viewer, written.email, link):
            return await _page(deps, view, viewer, mailed=written.email.strip())
        # No redirect: the link is kept nowhere, so the page after it could not show it.
        return await _page(deps, view, viewer, link=link)

    @router.post("/people/invitations/{invitation_id}/revoke")
    async def revoke(request: Request, invitation_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await deps.doors.invitations.revoke(tx, viewer.actor, viewer.site.site_id, invitation_id)
        return to(HERE)


def _add_members(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    @router.post("/people/{agent_id}/role")
    async def role(request: Request, agent_id: str) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        return await changed(viewer, agent_id, field(form, "role"))

    @router.post("/people/{agent_id}/work")
    async def work(request: Request, agent_id: str) -> Response:
        """What the person takes of the site's tickets."""
        viewer, form = await checked_viewer(deps, request, role="admin")
        try:
            async with deps.db.write() as tx:
                await set_work(
                    tx, deps.hub, viewer.site.site_id, agent_id, _read_work(form),
                    now=deps.clock(), actor=viewer.actor,
                )  # fmt: skip
        except NotFound:
            raise
        except MinideskError as error:
            return await _page(deps, view, viewer, error=error)
        return to(f"{HERE}#{agent_id}")

    @router.post("/people/{agent_id}/remove")
    async def remove(request: Request, agent_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        return await changed(viewer, agent_id, None)

    async def changed(viewer: Viewer, agent_id: str, role: str | None) -> Response:
        """Another role, or none."""
        site_id, now = viewer.site.site_id, deps.clock()
        try:
            async with deps.db.write() as tx:
                if role is None:
                    await release(tx, deps.tickets, agent_id, site_id)
                    await remove_person(tx, deps.sessions, now, viewer.actor, site_id, agent_id)
                else:
                    await change_role(tx, deps.sessions, now, viewer.actor, site_id, agent_id, role)
        except NotFound:
            raise  # there is no line to show it in
        except MinideskError as error:
            return await _page(deps, view, viewer, error=error)
        return to(HERE)


def _read(form: FormData) -> _Written:
    return _Written(
        field(form, "email"),
        field(form, "role"),
        frozenset(fields(form, "site")),
        frozenset(fields(form, "team")),
    )


def _read_work(form: FormData) -> Work:
    most, given = None, field(form, "most_open").strip()
    if given and (most := whole_number(given)) is None:
        raise Invalid("Write the number of tickets as a whole number, or nothing.", code="most_open_invalid")
    languages, skills = (
        tuple(word for word in field(form, name).replace(";", ",").split(",") if word.strip())
        for name in ("languages", "skills")
    )
    return Work(most, languages, skills)


async def _invite(deps: ConsoleDeps, viewer: Viewer, written: _Written) -> str:
    """Make the invitation; its token. Raises what is wrong with the form, and `NotFound` for a site that is not theirs."""
    deps.limiter.charge("invite", viewer.agent.agent_id, limit=INVITATIONS_PER_HOUR, seconds=3600)
    async with deps.db.write() as tx:
        made = await deps.doors.invitations.make(
            tx,
            viewer.actor,
            site_id=viewer.site.site_id,
            email=written.email,
            role=written.role,
            sites=written.sites,
            teams=written.teams,
        )
    return made.token


async def _mailed(deps: ConsoleDeps, t: Translate, viewer: Viewer, email: str, link: str) -> bool:
    """Whether a mail with the link was taken. Without a mail server the administrator passes it on."""
    if not deps.mails.configured:
        return False
    words = {"by": viewer.agent.name, "site": viewer.site.name}
    text = t("mail.invite_text", link=link, **words)
    problem = await deps.mails.send(email.strip(), t("mail.invite_subject", **words), text)
    return problem is None


async def _require(deps: ConsoleDeps, viewer: Viewer, *, on: bool) -> None:
    """Ask everybody in the site for a second factor, or no longer."""
    site_id = viewer.site.site_id
    async with deps.db.write() as tx:
        if await require_in(tx, site_id, on=on, by=viewer.agent.agent_id):
            await record(
                tx, deps.clock(), viewer.actor, "people.second_factor_required",
                site_id=site_id, changes={"required": (not on, on)},
            )  # fmt: skip


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    written: _Written = _Written(),
    *,
    error: MinideskError | None = None,
    link: str = "",
    mailed: str = "",
) -> Response:
    """The page; with `error`, or a problem of what was `written`, the one that refuses."""
    site_id, t = viewer.site.site_id, view.t
    async with deps.db.read() as tx:
        people, locked_out = await list_people(tx, site_id), await list_suspended(tx, site_id)
        invitations = await deps.doors.invitations.list_(tx, site_id)
        teams = [(team.id, team.name) for team in await list_teams(tx, site_id)]
        required = await is_required_in(tx, site_id)
        works = {each.id: _work_form(each.work) for each in await list_workers(tx, site_id, deps.clock())}
        around = await shell_of(tx, viewer, "site")
    page = PeoplePage(
        around,
        tuple(_row(person, viewer, works.get(person.id, WorkForm()), t) for person in people),
        tuple(Option(each.id, f"{each.name} ({each.email})") for each in locked_out),
        tuple(_invitation(one, t) for one in invitations),
        _form(viewer, written, teams, t),
        required,
        deps.mails.configured,
        link,
        mailed,
        error.message if error else "",
    )
    refused = error or written.problem
    status = refused.status if refused else 201 if link or mailed else 200
    return view.html("people.html", status=status, page=page)


def _form(viewer: Viewer, written: _Written, teams: Collection[tuple[str, str]], t: Translate) -> InviteForm:
    others = [s for s in viewer.sites if s.may("admin") and s.site_id != viewer.site.site_id]
    return InviteForm(
        replace_surrogates(written.email),
        tuple(Option(r, t(f"people.role.{r}"), r == written.role) for r in ROLES),
        tuple(Option(s.site_id, s.name, s.site_id in written.sites) for s in others),
        tuple(Option(id, name, id in written.teams) for id, name in teams),
        open=written.problem is not None,
        problem=written.problem.message if written.problem else "",
    )


def _work_form(work: Work) -> WorkForm:
    most = "" if work.most_open is None else str(work.most_open)
    return WorkForm(most, ", ".join(work.languages), ", ".join(work.skills))


def _row(person: Person, viewer: Viewer, work: WorkForm, t: Translate) -> PersonRow:
    roles = tuple(Option(r, t(f"people.role.{r}"), r == person.role) for r in ROLES)
    mine = person.id == viewer.agent.agent_id
    return PersonRow(person.id, person.name, person.email, roles if person.role else (), mine, work)


def _invitation(one: InvitationView, t: Translate) -> InvitationRow:
    role = t(f"people.role.{one.role}")
    return InvitationRow(one.id, one.email, role, one.invited_by, f"{one.expires_at:%Y-%m-%d}")
