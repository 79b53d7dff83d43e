"""Who works in a site: for its administrators alone."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import ROLES, Person, change_role, list_people, remove_person
from minidesk.errors import MinideskError, NotFound
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View

HERE = "/console/people"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person. Without `roles` they are an operator, who may do everything everywhere."""

    id: str
    name: str
    email: str
    roles: tuple[Option, ...]
    me: bool


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """The page."""

    shell: Shell
    rows: tuple[PersonRow, ...]
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/people")
    async def people_page(request: Request) -> Response:
        return await _page(await access_viewer(deps, request, role="admin"))

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
        try:
            async with deps.db.write() as tx:
                if role is None:
                    await remove_person(tx, deps.sessions, viewer.site.site_id, agent_id)
                else:
                    await change_role(tx, deps.sessions, viewer.site.site_id, agent_id, role)
        except NotFound:
            raise  # there is no line to show it in
        except MinideskError as error:
            return await _page(viewer, error)
        return RedirectResponse(HERE, status_code=303)

    async def _page(viewer: Viewer, error: MinideskError | None = None) -> Response:
        async with deps.db.read() as tx:
            people = await list_people(tx, viewer.site.site_id)
            waiting = await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id)
        page = PeoplePage(
            shell(viewer, "site", waiting),
            tuple(_row(person, viewer) for person in people),
            error.message if error else "",
        )
        return view.html("people.html", status=error.status if error else 200, page=page)

    def _row(person: Person, viewer: Viewer) -> PersonRow:
        roles = tuple(Option(r, view.t(f"people.role.{r}"), r == person.role) for r in ROLES)
        mine = person.id == viewer.agent.agent_id
        return PersonRow(person.id, person.name, person.email, roles if person.role else (), mine)
