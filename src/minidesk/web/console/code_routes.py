"""The second step at the door: a code, or setting the app up where a site asks for one."""

import asyncio
from dataclasses import dataclass

from fastapi import APIRouter
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import StepKind, address_for_app, check_code_form, qr_svg
from minidesk.db import Tx
from minidesk.errors import MinideskError, NotAuthenticated
from minidesk.web.console.contexts import DoorPage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.door import STEP_COOKIE, Door, data_next
from minidesk.web.console.gate import checked_door_form, door_token, field
from minidesk.web.console.view import View, to

# Beside the five tries of one sign-in: who knows the password could begin again and again.
CODES_PER_15_MINUTES = 10


@dataclass(frozen=True, slots=True)
class SetUpPage:
    """What an authenticator app is set up with."""

    csrf: str
    qr: Markup
    secret: str  # for who cannot scan, in groups of four
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CodesPage:
    """The recovery codes, shown this once."""

    codes: tuple[str, ...]
    then: str


async def set_up(secret: str, email: str, csrf: str, problem: str = "") -> SetUpPage:
    """The page's context. Drawing takes some milliseconds of CPU."""
    svg = await asyncio.to_thread(qr_svg, address_for_app(secret, email))
    groups = " ".join(secret[n : n + 4] for n in range(0, len(secret), 4))
    return SetUpPage(csrf, Markup(svg), groups, problem)  # noqa: S704 (drawn by us, no words in it)


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    second = _Second(deps, view)
    _add_code(router, second)
    _add_enrol(router, second)


class _Second:
    """What both ways through the second step share."""

    def __init__(self, deps: ConsoleDeps, view: View) -> None:
        self.deps = deps
        self.view = view
        self.door = Door(deps, view)

    async def tried(self, token: str | None, kind: StepKind) -> tuple[str, str]:
        """Whose sign-in it is and where it leads; the try is counted before the code is looked at."""
        async with self.deps.db.write() as tx:
            step = await self.deps.doors.steps.try_(tx, kind, token)
        limit = CODES_PER_15_MINUTES
        self.deps.limiter.charge("second-factor", step.agent_id, limit=limit, seconds=900)
        return step.agent_id, data_next(step.data)

    async def end(self, tx: Tx, token: str | None) -> None:
        """The sign-in is done. Raises `NotAuthenticated` where it was before."""
        if not await self.deps.doors.steps.end(tx, token):  # the same form twice at once
            raise NotAuthenticated

    def again(self, request: Request, error: MinideskError) -> Response:
        """Back to the password, with the reason."""
        page = DoorPage(door_token(request), error.message, next="/console/inbox", service=self.door.service)
        response = self.door.page("login.html", page, error)
        self.door.end_step(response)
        return response


def _add_code(router: APIRouter, second: _Second) -> None:
    deps, door = second.deps, second.door

    @router.get("/login/code")
    async def code_page(request: Request) -> Response:
        async with deps.db.read() as tx:
            await deps.doors.steps.read(tx, "code", request.cookies.get(STEP_COOKIE))
        return door.page("code.html", DoorPage(door_token(request)))

    @router.post("/login/code")
    async def code(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        token = request.cookies.get(STEP_COOKIE)
        try:
            typed = check_code_form(field(form, "code"))
            agent_id, then = await second.tried(token, "code")
            async with deps.db.write() as tx:
                await deps.doors.factors.check(tx, agent_id, typed)
                await second.end(tx, token)
                response = await door.open(tx, request, agent_id, to(then))
        except NotAuthenticated as error:
            return second.again(request, error)
        except MinideskError as error:
            return door.page("code.html", DoorPage(door_token(request), error.message), error)
        door.end_step(response)
        return response


def _add_enrol(router: APIRouter, second: _Second) -> None:
    """Where a site asks for a second factor and there is none yet."""
    deps, door = second.deps, second.door

    @router.get("/login/enrol")
    async def enrol_page(request: Request) -> Response:
        return await page(request)

    @router.post("/login/enrol")
    async def enrol(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        token = request.cookies.get(STEP_COOKIE)
        try:
            typed = check_code_form(field(form, "code"))
            agent_id, then = await second.tried(token, "enrol")
            async with deps.db.write() as tx:
                codes = await deps.doors.factors.confirm(tx, agent_id, typed)
                await second.end(tx, token)
                shown = second.view.html("codes.html", status=201, page=CodesPage(tuple(codes), then))
                response = await door.open(tx, request, agent_id, shown)
        except NotAuthenticated as error:
            return second.again(request, error)
        except MinideskError as error:
            return await page(request, error)
        door.end_step(response)
        return response

    async def page(request: Request, error: MinideskError | None = None) -> Response:
        async with deps.db.read() as tx:
            step = await deps.doors.steps.read(tx, "enrol", request.cookies.get(STEP_COOKIE))
            shown = await deps.doors.factors.shown(tx, step.agent_id)
        if shown is None:  # set up meanwhile, in another window
            raise NotAuthenticated
        return door.page(
            "enrol.html", await set_up(*shown, door_token(request), error.message if error else ""), error
        )
