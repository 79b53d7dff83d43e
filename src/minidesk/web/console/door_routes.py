"""Signing in and out, the first agent, and which site is looked at."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import AgentView, access_site
from minidesk.errors import MinideskError, NotAllowed, NotAuthenticated, NotFound
from minidesk.web.console.contexts import DoorPage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import (
    SITE_COOKIE,
    checked_door_form,
    checked_form,
    door_token,
    field,
    identify,
    local_path,
    set_door_cookie,
)
from minidesk.web.console.view import View
from minidesk.web.identity import clear_session_cookie, session_cookie, set_session_cookie
from minidesk.web.limits import client_address

SITE_SECONDS = 365 * 24 * 3600
# A code of 80 bits cannot be guessed; this only keeps password hashing from being had for nothing.
SETUPS_PER_5_MINUTES = 10


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:  # noqa: PLR0915 (routes, one after the other)
    """Add the routes."""

    @router.get("")
    async def start() -> Response:
        return _to("/console/inbox")

    @router.get("/login")
    async def login_page(request: Request, next: str = "") -> Response:
        if await deps.setup_code.is_open():
            return _to("/console/setup")
        try:
            await identify(deps, request)
        except NotAuthenticated:
            return _door(request, "login.html", DoorPage(door_token(request), next=local_path(next)))
        return _to(local_path(next))

    @router.post("/login")
    async def login(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        email, then = field(form, "email"), local_path(field(form, "next"))
        try:
            agent = await _authenticated(request, email, field(form, "password"))
        except MinideskError as error:
            return _refused(
                request,
                "login.html",
                error,
                DoorPage(door_token(request), error.message, email=email, next=then),
            )
        return await _signed_in(request, agent, then)

    @router.get("/setup")
    async def setup_page(request: Request) -> Response:
        if not await deps.setup_code.is_open():
            raise NotFound
        return _door(request, "setup.html", DoorPage(door_token(request)))

    @router.post("/setup")
    async def setup(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        values = {name: field(form, name) for name in ("code", "email", "name")}
        try:
            deps.limiter.charge("setup", _address(request), limit=SETUPS_PER_5_MINUTES, seconds=300)
            agent = await deps.setup_code.use(password=field(form, "password"), **values)
        except NotFound:
            raise
        except MinideskError as error:
            return _refused(
                request, "setup.html", error, DoorPage(door_token(request), error.message, **values)
            )
        return await _signed_in(request, agent, "/console/start")

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        await checked_form(deps, request)
        async with deps.db.write() as tx:
            await deps.sessions.close(tx, session_cookie(request, deps.settings) or "")
        response = _to("/console/login")
        clear_session_cookie(response, deps.settings)
        response.headers["Clear-Site-Data"] = '"storage"'  # drafts of messages
        return response

    @router.post("/site")
    async def choose_site(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        async with deps.db.read() as tx:
            site = await access_site(tx, agent.agent_id, field(form, "site"))
        response = _to("/console/inbox")
        response.set_cookie(
            SITE_COOKIE,
            site.site_id,
            max_age=SITE_SECONDS,
            path="/console",
            secure=deps.settings.secure_cookies,
            httponly=True,
            samesite="lax",
        )
        return response

    def _address(request: Request) -> str:
        return client_address(request, deps.settings.trusted_proxies)

    async def _authenticated(request: Request, email: str, password: str) -> AgentView:
        deps.throttle.check(_address(request), email)
        agent = await deps.agents.authenticate(email, password)
        deps.throttle.succeeded(_address(request), email)
        return agent

    async def _signed_in(request: Request, agent: AgentView, then: str) -> Response:
        async with deps.db.write() as tx:
            opened = await deps.sessions.open(tx, agent.id, replaces=session_cookie(request, deps.settings))
        response = _to(then)
        set_session_cookie(response, deps.settings, opened.token)
        return response

    def _door(request: Request, template: str, page: DoorPage, *, status: int = 200) -> Response:
        response = view.html(template, status=status, page=page)
        set_door_cookie(response, deps.settings, page.csrf)
        return response

    def _refused(request: Request, template: str, error: MinideskError, page: DoorPage) -> Response:
        # 401 would make some browsers ask for a password of their own.
        status = 403 if isinstance(error, NotAuthenticated | NotAllowed) else error.status
        response = _door(request, template, page, status=status)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
        return response


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
