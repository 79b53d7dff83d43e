"""One person of a site, whose account an administrator may help with: a new password, a lost app, sessions to end."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import FactorState, SessionView, check_may_manage, record_of_agent
from minidesk.db import Tx
from minidesk.db.models import Agent
from minidesk.errors import Conflict
from minidesk.tickets import suspend
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A sign-in in a list."""

    id: str
    browser: str
    address: str
    since: When
    seen: When
    this: bool


@dataclass(frozen=True, slots=True)
class PersonPage:
    """The page. `link` is a new one to choose a password with, shown this once."""

    shell: Shell
    id: str
    name: str
    email: str
    factor: FactorState
    sessions: tuple[SessionRow, ...]
    mails: bool
    suspended: bool
    me: bool
    link: str = ""
    mailed: bool = False


def session_rows(deps: ConsoleDeps, found: list[SessionView], this: str) -> tuple[SessionRow, ...]:
    """The rows; `this` is the session that asks."""
    now = deps.clock()
    return tuple(
        SessionRow(
            s.id, s.browser, s.address, when(s.created_at, now), when(s.last_seen_at, now), s.id == this
        )
        for s in found
    )


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    here = "/console/people/{}"

    @router.get("/people/{agent_id}")
    async def person_page(request: Request, agent_id: str) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"), agent_id)

    @router.post("/people/{agent_id}/reset")
    async def reset(request: Request, agent_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            made = await deps.doors.resets.make(tx, viewer.actor, viewer.site.site_id, agent_id)
        link = f"{deps.settings.base_url}/console/reset/{made.token}"
        if deps.mails.configured:
            subject = view.t_in(made.locale, "mail.reset_subject")
            text = view.t_in(made.locale, "mail.reset_text_by_admin", link=link)
            if await deps.mails.send(made.email, subject, text) is None:
                return await _page(deps, view, viewer, agent_id, mailed=True)
        # No redirect: the link is kept nowhere, so the page after it could not show it.
        return await _page(deps, view, viewer, agent_id, link=link)

    @router.post("/people/{agent_id}/factor-off")
    async def factor_off(request: Request, agent_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, viewer.site.site_id, agent_id)
            if await deps.doors.factors.remove(tx, agent.id):
                await deps.sessions.close_all_for(tx, agent.id)
                await _record(tx, deps.clock(), viewer, "people.second_factor_removed", agent)
        return to(here.format(agent_id))

    @router.post("/people/{agent_id}/suspend")
    async def suspend_them(request: Request, agent_id: str) -> Response:
        """Lock them out everywhere; what they had waits for somebody else."""
        viewer, _ = await checked_viewer(deps, request, role="admin")
        if agent_id == viewer.agent.agent_id:
            raise Conflict("You cannot suspend yourself. Ask another administrator.", code="suspend_self")
        async with deps.db.write() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, viewer.site.site_id, agent_id)
            if agent.disabled_at is None:
                await suspend(tx, deps.tickets, deps.agents, agent.id)
                await _record(tx, deps.clock(), viewer, "people.suspended", agent)
        return to(here.format(agent_id))

    @router.post("/people/{agent_id}/restore")
    async def restore(request: Request, agent_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, viewer.site.site_id, agent_id)
            if agent.disabled_at is not None:
                await deps.agents.disable_in(tx, agent.id, False)
                await _record(tx, deps.clock(), viewer, "people.let_in", agent)
        return to(here.format(agent_id))

    @router.post("/people/{agent_id}/sign-out")
    async def sign_out(request: Request, agent_id: str) -> Response:
        """Of everywhere, or of the one session that the form names."""
        viewer, form = await checked_viewer(deps, request, role="admin")
        session = field(form, "session")
        async with deps.db.write() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, viewer.site.site_id, agent_id)
            if session:
                await deps.sessions.close_one(tx, agent.id, session)
            else:
                await deps.sessions.close_all_for(tx, agent.id)
            await _record(tx, deps.clock(), viewer, "people.signed_out", agent)
        return to(here.format(agent_id))


async def _record(tx: Tx, now: datetime, viewer: Viewer, action: str, agent: Agent) -> None:
    await record_of_agent(tx, now, viewer.actor, action, agent_id=agent.id, agent_name=agent.name)


async def _page(
    deps: ConsoleDeps, view: View, viewer: Viewer, agent_id: str, *, link: str = "", mailed: bool = False
) -> Response:
    """The page. Raises `NotFound` and `NotAllowed` as `check_may_manage` does."""
    site_id = viewer.site.site_id
    async with deps.db.read() as tx:
        agent = await check_may_manage(tx, viewer.agent.agent_id, site_id, agent_id)
        factor = await deps.doors.factors.state(tx, agent.id)
        sessions = await deps.sessions.list_(tx, agent.id)
        around = await shell_of(tx, viewer, "site")
    page = PersonPage(
        around,
        agent.id,
        agent.name,
        agent.email,
        factor,
        session_rows(deps, sessions, viewer.agent.session_id),
        deps.mails.configured,
        agent.disabled_at is not None,
        agent.id == viewer.agent.agent_id,
        link,
        mailed,
    )
    return view.html("person.html", status=201 if link or mailed else 200, page=page)
