"""Signing in and out, the first agent, and which site is looked at."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import access_site, left
from minidesk.errors import MinideskError, NotAuthenticated, NotFound
from minidesk.web.console.contexts import DoorPage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.door import Door
from minidesk.web.console.gate import (
    SITE_COOKIE,
    address_of,
    checked_door_form,
    checked_form,
    door_token,
    field,
    identify,
    local_path,
)
from minidesk.web.console.view import View, to
from minidesk.web.identity import clear_session_cookie, session_cookie

SITE_SECONDS = 365 * 24 * 3600
# A code of 80 bits cannot be guessed; this only keeps password hashing from being had for nothing.
SETUPS_PER_5_MINUTES = 10


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    door = Door(deps, view)

    @router.get("")
    async def start() -> Response:
        return to("/console/inbox")

    _add_login(router, deps, door)
    _add_setup(router, deps, door)
    _add_inside(router, deps)


def _add_login(router: APIRouter, deps: ConsoleDeps, door: Door) -> None:
    @router.get("/login")
    async def login_page(request: Request, next: str = "") -> Response:
        if await deps.setup_code.is_open():
            return to("/console/setup")
        try:
            await identify(deps, request)
        except NotAuthenticated:
            page = DoorPage(door_token(request), next=local_path(next), service=door.service)
            return door.page("login.html", page)
        return to(local_path(next))

    @router.post("/login")
    async def login(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        email, then = field(form, "email"), local_path(field(form, "next"))
        address = address_of(deps, request)
        try:
            deps.throttle.check(address, email)
            agent = await deps.agents.authenticate(email, field(form, "password"))
            deps.throttle.succeeded(address, email)
        except MinideskError as error:
            page = DoorPage(door_token(request), error.message, email=email, next=then, service=door.service)
            return door.page("login.html", page, error)
        return await door.enter(request, agent, then)


def _add_setup(router: APIRouter, deps: ConsoleDeps, door: Door) -> None:
    """The first agent."""

    @router.get("/setup")
    async def setup_page(request: Request) -> Response:
        if not await deps.setup_code.is_open():
            raise NotFound
        return door.page("setup.html", DoorPage(door_token(request)))

    @router.post("/setup")
    async def setup(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        values = {name: field(form, name) for name in ("code", "email", "name")}
        try:
            deps.limiter.charge("setup", address_of(deps, request), limit=SETUPS_PER_5_MINUTES, seconds=300)
            agent = await deps.setup_code.use(password=field(form, "password"), **values)
        except NotFound:
            raise
        except MinideskError as error:
            page = DoorPage(door_token(request), error.message, **values)
            return door.page("setup.html", page, error)
        return await door.enter(request, agent, "/console/start")


def _add_inside(router: APIRouter, deps: ConsoleDeps) -> None:
    """Of who is signed in: out again, and which site is looked at."""

    @router.post("/logout")
    async def logout(request: Request) -> Response:
        agent, _ = await checked_form(deps, request)
        async with deps.db.write() as tx:
            await deps.sessions.close(tx, session_cookie(request, deps.settings) or "")
            await left(tx, deps.hub, agent.agent_id)
        response = to("/console/login")
        clear_session_cookie(response, deps.settings)
        response.headers["Clear-Site-Data"] = '"storage"'  # drafts of messages
        return response

    @router.post("/site")
    async def choose_site(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        async with deps.db.read() as tx:
            site = await access_site(tx, agent.agent_id, field(form, "site"))
        response = to("/console/inbox")
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
