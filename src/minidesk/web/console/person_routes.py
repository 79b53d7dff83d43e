"""One person of a site, whose account an administrator may help with: a new password, a lost app, sessions to end."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import FactorState, SessionView, check_may_manage, record_of_agent
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.times import when
from minidesk.web.console.view import View


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
        return await _page(await access_viewer(deps, request, role="admin"), agent_id)

    @router.post("/people/{agent_id}/reset")
    async def reset(request: Request, agent_id: str) -> Response:
        await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            made = await deps.doors.resets.make(tx, viewer.actor, viewer.site.site_id, agent_id)
        link = f"{deps.settings.base_url}/console/reset/{made.token}"
        if deps.mails.configured:
            subject = view.t_in(made.locale, "mail.reset_subject")
            text = view.t_in(made.locale, "mail.reset_text_by_admin", link=link)
            if await deps.mails.send(made.email, subject, text) is None:
                return await _page(viewer, agent_id, mailed=True)
        # No redirect: the link is kept nowhere, so the page after it could not show it.
        return await _page(viewer, agent_id, link=link)

    @router.post("/people/{agent_id}/factor-off")
    async def factor_off(request: Request, agent_id: str) -> Response:
        await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, viewer.site.site_id, agent_id)
            if await deps.doors.factors.remove(tx, agent.id):
                await deps.sessions.close_all_for(tx, agent.id)
                await record_of_agent(
                    tx, deps.clock(), viewer.actor, "people.second_factor_removed",
                    agent_id=agent.id, agent_name=agent.name,
                )  # fmt: skip
        return RedirectResponse(here.format(agent_id), status_code=303)

    @router.post("/people/{agent_id}/sign-out")
    async def sign_out(request: Request, agent_id: str) -> Response:
        """Of everywhere, or of the one session that the form names."""
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        session = form.get("session")
        async with deps.db.write() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, viewer.site.site_id, agent_id)
            if isinstance(session, str) and session:
                await deps.sessions.close_one(tx, agent.id, session)
            else:
                await deps.sessions.close_all_for(tx, agent.id)
            await record_of_agent(
                tx, deps.clock(), viewer.actor, "people.signed_out", agent_id=agent.id, agent_name=agent.name
            )
        return RedirectResponse(here.format(agent_id), status_code=303)

    async def _page(viewer: Viewer, agent_id: str, *, link: str = "", mailed: bool = False) -> Response:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            agent = await check_may_manage(tx, viewer.agent.agent_id, site_id, agent_id)
            factor = await deps.doors.factors.state(tx, agent.id)
            sessions = await deps.sessions.list_(tx, agent.id)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
        page = PersonPage(
            shell(viewer, "site", waiting),
            agent.id,
            agent.name,
            agent.email,
            factor,
            session_rows(deps, sessions, viewer.agent.session_id),
            deps.mails.configured,
            link,
            mailed,
        )
        return view.html("person.html", status=201 if link or mailed else 200, page=page)
