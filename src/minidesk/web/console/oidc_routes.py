"""Signing in by another service: to it, and back from it. Where there is none, neither address is there."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import OpenIdConnect
from minidesk.errors import MinideskError, NotFound
from minidesk.web.console.contexts import DoorPage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.door import STEP_SECONDS, Door
from minidesk.web.console.gate import address_of, door_token, local_path
from minidesk.web.console.view import View, to
from minidesk.web.identity import own_origin

COOKIE = "minidesk_oidc"
STARTS_PER_5_MINUTES = 20  # each is a request to the service


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    door = Door(deps, view)

    @router.get("/login/oidc")
    async def depart(request: Request, next: str = "") -> Response:
        service = _service()
        try:
            address = address_of(deps, request)
            deps.limiter.charge("oidc", address, limit=STARTS_PER_5_MINUTES, seconds=300)
            leaving = await service.begin(_back(request), local_path(next))
        except MinideskError as error:
            return _refused(request, service, error)
        response = to(leaving.url)
        response.set_cookie(
            COOKIE,
            leaving.cookie,
            max_age=STEP_SECONDS,
            path="/console/login",
            secure=deps.settings.secure_cookies,
            httponly=True,
            samesite="lax",  # strict ones are not sent when another site leads back here
        )
        return response

    @router.get("/login/oidc/callback")
    async def come_back(request: Request) -> Response:
        service = _service()
        try:
            address = address_of(deps, request)
            deps.limiter.charge("oidc", address, limit=STARTS_PER_5_MINUTES, seconds=300)
            agent, then = await service.finish(
                _back(request), request.cookies.get(COOKIE), request.query_params, address
            )
        except MinideskError as error:
            return _refused(request, service, error)
        response = await door.enter(request, agent, then)
        response.delete_cookie(COOKIE, path="/console/login")
        return response

    def _service() -> OpenIdConnect:
        if deps.oidc is None:
            raise NotFound
        return deps.oidc

    def _back(request: Request) -> str:
        return f"{own_origin(request, deps.settings)}/console/login/oidc/callback"

    def _refused(request: Request, service: OpenIdConnect, error: MinideskError) -> Response:
        page = DoorPage(door_token(request), error.message, next="/console/inbox", service=service.name)
        response = door.page("login.html", page, error)
        response.delete_cookie(COOKIE, path="/console/login")
        return response
