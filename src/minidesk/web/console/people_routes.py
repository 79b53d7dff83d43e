"""Who works in a site, who is invited, and what it asks of them: for its administrators alone."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import (
    ROLES,
    InvitationView,
    Person,
    change_role,
    is_required_in,
    list_people,
    list_teams,
    record,
    remove_person,
    require_in,
)
from minidesk.errors import MinideskError, NotFound
from minidesk.text.normalise import replace_surrogates
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View

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


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:  # noqa: PLR0915 (routes, one after the other)
    """Add the routes."""

    @router.get("/people")
    async def people_page(request: Request) -> Response:
        return await _page(await access_viewer(deps, request, role="admin"))

    @router.post("/people/invite")
    async def invite(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        written = _read(form)
        try:
            limit = INVITATIONS_PER_HOUR
            deps.limiter.charge("invite", viewer.agent.agent_id, limit=limit, seconds=3600)
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
        except NotFound:
            raise  # a site that is not theirs
        except MinideskError as error:
            return await _page(viewer, replace(written, problem=error))
        link = f"{deps.settings.base_url}/console/invite/{made.token}"
        if await _mailed(viewer, written.email, link):
            return await _page(viewer, mailed=written.email.strip())
        # No redirect: the link is kept nowhere, so the page after it could not show it.
        return await _page(viewer, link=link)

    @router.post("/people/invitations/{invitation_id}/revoke")
    async def revoke(request: Request, invitation_id: str) -> Response:
        await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await deps.doors.invitations.revoke(tx, viewer.actor, viewer.site.site_id, invitation_id)
        return RedirectResponse(HERE, status_code=303)

    @router.post("/people/require")
    async def require(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        on, site_id = field(form, "second_factor") == "on", viewer.site.site_id
        try:
            async with deps.db.write() as tx:
                if await require_in(tx, site_id, on=on, by=viewer.agent.agent_id):
                    await record(
                        tx, deps.clock(), viewer.actor, "people.second_factor_required",
                        site_id=site_id, changes={"required": (not on, on)},
                    )  # fmt: skip
        except MinideskError as error:
            return await _page(viewer, error=error)
        return RedirectResponse(HERE, status_code=303)

    @router.post("/people/{agent_id}/role")
    async def role(request: Request, agent_id: str) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        return await _change(viewer, agent_id, field(form, "role"))

    @router.post("/people/{agent_id}/remove")
    async def remove(request: Request, agent_id: str) -> Response:
        await checked_form(deps, request)
        return await _change(await access_viewer(deps, request, role="admin"), agent_id, None)

    async def _change(viewer: Viewer, agent_id: str, role: str | None) -> Response:
        """Another role, or none."""
        site_id, now = viewer.site.site_id, deps.clock()
        try:
            async with deps.db.write() as tx:
                if role is None:
                    await remove_person(tx, deps.sessions, now, viewer.actor, site_id, agent_id)
                else:
                    await change_role(tx, deps.sessions, now, viewer.actor, site_id, agent_id, role)
        except NotFound:
            raise  # there is no line to show it in
        except MinideskError as error:
            return await _page(viewer, error=error)
        return RedirectResponse(HERE, status_code=303)

    async def _mailed(viewer: Viewer, email: str, link: str) -> bool:
        """Whether a mail with the link was taken. Without a mail server the administrator passes it on."""
        if not deps.mails.configured:
            return False
        words = {"by": viewer.agent.name, "site": viewer.site.name}
        text = view.t("mail.invite_text", link=link, **words)
        problem = await deps.mails.send(email.strip(), view.t("mail.invite_subject", **words), text)
        return problem is None

    async def _page(
        viewer: Viewer,
        written: _Written | None = None,
        *,
        error: MinideskError | None = None,
        link: str = "",
        mailed: str = "",
    ) -> Response:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            people = await list_people(tx, site_id)
            invitations = await deps.doors.invitations.list_(tx, site_id)
            teams = [(team.id, team.name) for team in await list_teams(tx, site_id)]
            required = await is_required_in(tx, site_id)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
        page = PeoplePage(
            shell(viewer, "site", waiting),
            tuple(_row(person, viewer) for person in people),
            tuple(_invitation(one) for one in invitations),
            _form(viewer, written or _Written(), teams),
            required,
            deps.mails.configured,
            link,
            mailed,
            error.message if error else "",
        )
        refused = error or (written.problem if written else None)
        status = refused.status if refused else 201 if link or mailed else 200
        return view.html("people.html", status=status, page=page)

    def _form(viewer: Viewer, written: _Written, teams: Collection[tuple[str, str]]) -> InviteForm:
        others = [s for s in viewer.sites if s.may("admin") and s.site_id != viewer.site.site_id]
        return InviteForm(
            replace_surrogates(written.email),
            tuple(Option(r, view.t(f"people.role.{r}"), r == written.role) for r in ROLES),
            tuple(Option(s.site_id, s.name, s.site_id in written.sites) for s in others),
            tuple(Option(id, name, id in written.teams) for id, name in teams),
            open=written.problem is not None,
            problem=written.problem.message if written.problem else "",
        )

    def _row(person: Person, viewer: Viewer) -> PersonRow:
        roles = tuple(Option(r, view.t(f"people.role.{r}"), r == person.role) for r in ROLES)
        mine = person.id == viewer.agent.agent_id
        return PersonRow(person.id, person.name, person.email, roles if person.role else (), mine)

    def _invitation(one: InvitationView) -> InvitationRow:
        role = view.t(f"people.role.{one.role}")
        return InvitationRow(one.id, one.email, role, one.invited_by, f"{one.expires_at:%Y-%m-%d}")


def _read(form: FormData) -> _Written:
    def chosen(name: str) -> frozenset[str]:
        return frozenset(value for value in form.getlist(name) if isinstance(value, str))

    return _Written(field(form, "email"), field(form, "role"), chosen("site"), chosen("team"))
