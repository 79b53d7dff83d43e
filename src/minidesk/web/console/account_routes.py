"""An agent's own account: language, password, second factor, sessions."""

from dataclasses import dataclass

from fastapi import APIRouter
from markupsafe import Markup
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import AgentIdentity, FactorState, check_code_form, record_of_agent, set_away
from minidesk.db import Tx
from minidesk.db.models import Agent
from minidesk.errors import Conflict, Invalid, MinideskError
from minidesk.files.pictures import PORTRAIT_TYPE
from minidesk.web.console.code_routes import CODES_PER_15_MINUTES, CodesPage, set_up
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import (
    Viewer,
    access_viewer,
    came_from,
    checked_form,
    checked_viewer,
    field,
)
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.person_routes import SessionRow, session_rows
from minidesk.web.console.portraits import portrait_in
from minidesk.web.console.view import LOCALES, View, to

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
    _add_factor_changes(router, account)


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
            around = await shell_of(tx, viewer, "")
            picture = await tx.scalar(select(Agent.picture).where(Agent.id == agent.agent_id))
        t = self.view.t
        choices = [("", t("account.as_browser")), *((code, t(f"language.{code}")) for code in LOCALES)]
        page = AccountPage(
            around,
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

    async def factor_page(self, viewer: Viewer, error: MinideskError | None = None) -> Response:
        """Setting an authenticator app up, where that was begun."""
        async with self.deps.db.read() as tx:
            shown = await self.deps.doors.factors.shown(tx, viewer.agent.agent_id)
            around = await shell_of(tx, viewer, "")
        if shown is None:
            return to(HERE)
        drawn = await set_up(*shown, viewer.agent.csrf_token, error.message if error else "")
        page = FactorPage(around, drawn.csrf, drawn.qr, drawn.secret, drawn.problem)
        return self.view.html("factor.html", status=error.status if error else 200, page=page)

    def count_password(self, agent: AgentIdentity) -> None:
        """Before a password is looked at. Raises TooMany after some tries."""
        limit = PASSWORDS_PER_5_MINUTES
        self.deps.limiter.charge("own-password", agent.agent_id, limit=limit, seconds=300)

    async def check_password(self, agent: AgentIdentity, password: str) -> None:
        """Raises NotAllowed, or TooMany after some tries."""
        self.count_password(agent)
        await self.deps.agents.check_own_password(agent, password)

    async def record(self, tx: Tx, viewer: Viewer, action: str) -> None:
        """A line about the agent's own account in the audit log."""
        agent, now = viewer.agent, self.deps.clock()
        await record_of_agent(tx, now, viewer.actor, action, agent_id=agent.agent_id, agent_name=agent.name)


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

    @router.post("/account/away")
    async def away(request: Request) -> Response:
        """Take no tickets for a while, or take them again; back to the page that it was pressed on."""
        agent, form = await checked_form(deps, request)
        async with deps.db.write() as tx:
            await set_away(tx, deps.hub, agent.agent_id, field(form, "away") == "yes", deps.clock())
        return to(came_from(request))

    @router.post("/account/picture")
    async def picture(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        try:
            chosen = await portrait_in(form, "picture", deps.settings.attachment_max_pixels)
            await deps.agents.choose_picture(viewer.agent.agent_id, chosen or None)
        except MinideskError as error:
            return await account.page(viewer, part="picture", error=error)
        return _done("picture")

    @router.post("/account/password")
    async def password(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        try:
            account.count_password(viewer.agent)
            await deps.agents.change_password(
                viewer.agent, field(form, "old"), field(form, "new"), address=viewer.address
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


def _add_factor(router: APIRouter, account: _Account) -> None:
    """Setting the second factor up, in two steps."""
    deps, factors = account.deps, account.deps.doors.factors

    @router.get("/account/two-factor")
    async def factor_page(request: Request) -> Response:
        return await account.factor_page(await access_viewer(deps, request))

    @router.post("/account/two-factor")
    async def begin(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        try:
            await account.check_password(viewer.agent, field(form, "password"))
            async with deps.db.write() as tx:
                await factors.begin(tx, viewer.agent.agent_id)
        except MinideskError as error:
            return await account.page(viewer, part="factor", error=error)
        return to(f"{HERE}/two-factor")

    @router.post("/account/two-factor/confirm")
    async def confirm(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        agent, limit = viewer.agent, CODES_PER_15_MINUTES
        try:
            typed = check_code_form(field(form, "code"))
            deps.limiter.charge("second-factor", agent.agent_id, limit=limit, seconds=900)
            async with deps.db.write() as tx:
                codes = await factors.confirm(tx, agent.agent_id, typed)
                # Whoever is signed in elsewhere came in without it.
                await deps.sessions.close_others(tx, agent.agent_id, agent.session_id)
                await account.record(tx, viewer, "account.second_factor_on")
        except MinideskError as error:
            return await account.factor_page(viewer, error)
        return account.view.html("codes.html", status=201, page=CodesPage(tuple(codes), HERE))


def _add_factor_changes(router: APIRouter, account: _Account) -> None:
    """New recovery codes, and the way back to the password alone."""
    deps, factors = account.deps, account.deps.doors.factors

    @router.post("/account/two-factor/codes")
    async def renew(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        agent_id = viewer.agent.agent_id
        try:
            await account.check_password(viewer.agent, field(form, "password"))
            async with deps.db.write() as tx:
                if not (await factors.state(tx, agent_id)).on:
                    raise Conflict("Switch the second factor on first.", code="second_factor_off")
                codes = await factors.new_codes(tx, agent_id)
                await account.record(tx, viewer, "account.recovery_codes_renewed")
        except MinideskError as error:
            return await account.page(viewer, part="factor", error=error)
        return account.view.html("codes.html", status=201, page=CodesPage(tuple(codes), HERE))

    @router.post("/account/two-factor/off")
    async def off(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request)
        agent_id = viewer.agent.agent_id
        try:
            await account.check_password(viewer.agent, field(form, "password"))
            async with deps.db.write() as tx:
                if (await factors.state(tx, agent_id)).required:
                    raise Conflict(
                        "A site where you work asks everybody for a second factor. It stays on.",
                        code="second_factor_required",
                    )
                if await factors.remove(tx, agent_id):
                    await account.record(tx, viewer, "account.second_factor_off")
        except MinideskError as error:
            return await account.page(viewer, part="factor", error=error)
        return _done("factor_off")


def _done(what: str) -> Response:
    return to(f"{HERE}?done={what}")
