"""An agent's own account: language, password, second factor, sessions."""

from dataclasses import dataclass

from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import AgentIdentity, FactorState, check_code_form, record_of_agent
from minidesk.db import Tx
from minidesk.db.models import Agent
from minidesk.errors import Conflict, Invalid, MinideskError
from minidesk.files.pictures import PORTRAIT_TYPE
from minidesk.web.console.code_routes import CODES_PER_15_MINUTES, CodesPage, set_up
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, actor_of, address_of, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.person_routes import SessionRow, session_rows
from minidesk.web.console.portraits import portrait_in
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import LOCALES, View

HERE = "/console/account"
PASSWORDS_PER_5_MINUTES = 5  # a borrowed browser must not try the password through


@dataclass(frozen=True, slots=True)
class AccountPage:
    """The page. `part` says which form `problem` belongs to."""

    shell: Shell
    name: str
    email: str
    locales: tuple[Option, ...]
    factor: FactorState
    sessions: tuple[SessionRow, ...]
    picture: str  # a data: address; empty: none
    done: str = ""
    part: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FactorPage:
    """Setting an authenticator app up."""

    shell: Shell
    csrf: str
    qr: Markup
    secret: str
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    account = _Account(deps, view)
    _add_account(router, account)
    _add_factor(router, account)


class _Account:
    """What the routes share."""

    def __init__(self, deps: ConsoleDeps, view: View) -> None:
        self.deps = deps
        self.view = view

    async def page(
        self, viewer: Viewer, *, done: str = "", part: str = "", error: MinideskError | None = None
    ) -> Response:
        """The page; with `error`, the form `part` was refused."""
        deps, agent = self.deps, viewer.agent
        async with deps.db.read() as tx:
            factor = await deps.doors.factors.state(tx, agent.agent_id)
            sessions = await deps.sessions.list_(tx, agent.agent_id)
            waiting = await waiting_count(tx, viewer.site.site_id, agent.agent_id)
            picture = await tx.scalar(select(Agent.picture).where(Agent.id == agent.agent_id))
        t = self.view.t
        choices = [("", t("account.as_browser")), *((code, t(f"language.{code}")) for code in LOCALES)]
        page = AccountPage(
            shell(viewer, "", waiting),
            agent.name,
            agent.email,
            tuple(Option(code, name, code == (agent.locale or "")) for code, name in choices),
            factor,
            session_rows(deps, sessions, agent.session_id),
            f"data:{PORTRAIT_TYPE};base64,{picture}" if picture else "",
            t(f"account.done.{done}") if done else "",
            part,
            error.message if error else "",
        )
        return self.view.html("account.html", status=error.status if error else 200, page=page)

    async def check_password(self, agent: AgentIdentity, password: str) -> None:
        """Raises NotAllowed, or TooMany after some tries."""
        limit = PASSWORDS_PER_5_MINUTES
        self.deps.limiter.charge("own-password", agent.agent_id, limit=limit, seconds=300)
        await self.deps.agents.check_own_password(agent, password)


DONE = ("language", "picture", "password", "factor_off", "sessions")


def _add_account(router: APIRouter, account: _Account) -> None:
    deps = account.deps

    @router.get("/account")
    async def account_page(request: Request, done: str = "") -> Response:
        viewer = await access_viewer(deps, request)
        return await account.page(viewer, done=done if done in DONE else "")

    @router.post("/account/language")
    async def language(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        wanted = field(form, "locale")
        if wanted not in ("", *LOCALES):
            raise Invalid("Choose one of the offered languages.", code="locale_invalid")
        await deps.agents.choose_locale(agent.agent_id, wanted or None)
        return _done("language")

    @router.post("/account/picture")
    async def picture(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        try:
            chosen = await portrait_in(form, "picture", deps.settings.attachment_max_pixels)
            await deps.agents.choose_picture(agent.agent_id, chosen or None)
        except MinideskError as error:
            return await account.page(viewer, part="picture", error=error)
        return _done("picture")

    @router.post("/account/password")
    async def password(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        try:
            limit = PASSWORDS_PER_5_MINUTES
            deps.limiter.charge("own-password", agent.agent_id, limit=limit, seconds=300)
            await deps.agents.change_password(
                agent, field(form, "old"), field(form, "new"), address=viewer.address
            )
        except MinideskError as error:
            return await account.page(viewer, part="password", error=error)
        return _done("password")

    @router.post("/account/sessions/{session_id}/end")
    async def end(request: Request, session_id: str) -> Response:
        agent, _ = await checked_form(deps, request)
        async with deps.db.write() as tx:
            await deps.sessions.close_one(tx, agent.agent_id, session_id)
        return _done("sessions")

    @router.post("/account/sessions/end-others")
    async def end_others(request: Request) -> Response:
        agent, _ = await checked_form(deps, request)
        async with deps.db.write() as tx:
            await deps.sessions.close_others(tx, agent.agent_id, agent.session_id)
        return _done("sessions")


def _add_factor(router: APIRouter, account: _Account) -> None:  # noqa: PLR0915 (routes, one after the other)
    deps, view, factors = account.deps, account.view, account.deps.doors.factors

    @router.get("/account/two-factor")
    async def factor_page(request: Request) -> Response:
        return await _page(await access_viewer(deps, request))

    @router.post("/account/two-factor")
    async def begin(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        try:
            await account.check_password(viewer.agent, field(form, "password"))
            async with deps.db.write() as tx:
                await factors.begin(tx, viewer.agent.agent_id)
        except MinideskError as error:
            return await account.page(viewer, part="factor", error=error)
        return RedirectResponse(f"{HERE}/two-factor", status_code=303)

    @router.post("/account/two-factor/confirm")
    async def confirm(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        try:
            typed = check_code_form(field(form, "code"))
            limit = CODES_PER_15_MINUTES
            deps.limiter.charge("second-factor", agent.agent_id, limit=limit, seconds=900)
            async with deps.db.write() as tx:
                codes = await factors.confirm(tx, agent.agent_id, typed)
                # Whoever is signed in elsewhere came in without it.
                await deps.sessions.close_others(tx, agent.agent_id, agent.session_id)
                await _record(tx, request, agent, "account.second_factor_on")
        except MinideskError as error:
            return await _page(viewer, error)
        return view.html("codes.html", status=201, page=CodesPage(tuple(codes), HERE))

    @router.post("/account/two-factor/codes")
    async def renew(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        try:
            await account.check_password(agent, field(form, "password"))
            async with deps.db.write() as tx:
                if not (await factors.state(tx, agent.agent_id)).on:
                    raise Conflict("Switch the second factor on first.", code="second_factor_off")
                codes = await factors.new_codes(tx, agent.agent_id)
                await _record(tx, request, agent, "account.recovery_codes_renewed")
        except MinideskError as error:
            return await account.page(viewer, part="factor", error=error)
        return view.html("codes.html", status=201, page=CodesPage(tuple(codes), HERE))

    @router.post("/account/two-factor/off")
    async def off(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        try:
            await account.check_password(agent, field(form, "password"))
            async with deps.db.write() as tx:
                if (await factors.state(tx, agent.agent_id)).required:
                    raise Conflict(
                        "A site where you work asks everybody for a second factor. It stays on.",
                        code="second_factor_required",
                    )
                if await factors.remove(tx, agent.agent_id):
                    await _record(tx, request, agent, "account.second_factor_off")
        except MinideskError as error:
            return await account.page(viewer, part="factor", error=error)
        return _done("factor_off")

    async def _record(tx: Tx, request: Request, agent: AgentIdentity, action: str) -> None:
        actor = actor_of(agent, address_of(deps, request))
        await record_of_agent(tx, deps.clock(), actor, action, agent_id=agent.agent_id, agent_name=agent.name)

    async def _page(viewer: Viewer, error: MinideskError | None = None) -> Response:
        async with deps.db.read() as tx:
            shown = await factors.shown(tx, viewer.agent.agent_id)
            waiting = await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id)
        if shown is None:
            return RedirectResponse(HERE, status_code=303)
        drawn = await set_up(*shown, viewer.agent.csrf_token, error.message if error else "")
        page = FactorPage(shell(viewer, "", waiting), drawn.csrf, drawn.qr, drawn.secret, drawn.problem)
        return view.html("factor.html", status=error.status if error else 200, page=page)


def _done(what: str) -> Response:
    return RedirectResponse(f"{HERE}?done={what}", status_code=303)
