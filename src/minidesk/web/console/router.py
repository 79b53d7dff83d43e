"""All routes of the console, and what a page answers when something goes wrong."""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import Invalid, MinideskError, NotAuthenticated, NotFound
from minidesk.web.console import (
    account_routes,
    attachment_routes,
    audit_routes,
    bulk_routes,
    canned_routes,
    code_routes,
    crawl_routes,
    docs_routes,
    door_routes,
    experiment_routes,
    gap_routes,
    identity_routes,
    inbox_routes,
    keys_routes,
    link_routes,
    logo_routes,
    models_routes,
    oidc_routes,
    overlap_routes,
    people_routes,
    person_routes,
    policy_routes,
    prompt_routes,
    rule_routes,
    search_routes,
    site_routes,
    start_routes,
    synonym_routes,
    talk_routes,
    teams_routes,
    webhook_routes,
)
from minidesk.web.console.contexts import MessagePage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import NoSite, identify, is_part
from minidesk.web.console.view import View, speak, to
from minidesk.web.problems import LostPage, request_id_of


def console_router(deps: ConsoleDeps) -> APIRouter:
    """Everything below /console."""
    view = View(deps.assets)
    router = APIRouter(prefix="/console", route_class=_page_route(view), include_in_schema=False)
    door_routes.add(router, deps, view)
    code_routes.add(router, deps, view)
    link_routes.add(router, deps, view)
    oidc_routes.add(router, deps, view)
    account_routes.add(router, deps, view)
    inbox_routes.add(router, deps, view)
    bulk_routes.add(router, deps, view)
    talk_routes.add(router, deps, view)
    attachment_routes.add(router, deps, view)
    canned_routes.add(router, deps, view)
    search_routes.add(router, deps, view)
    crawl_routes.add(router, deps, view)
    gap_routes.add(router, deps, view)
    docs_routes.add(router, deps, view)
    keys_routes.add(router, deps, view)
    models_routes.add(router, deps, view)
    experiment_routes.add(router, deps, view)
    prompt_routes.add(router, deps, view)
    identity_routes.add(router, deps, view)
    webhook_routes.add(router, deps, view)
    site_routes.add(router, deps, view)
    logo_routes.add(router, deps)
    teams_routes.add(router, deps, view)
    rule_routes.add(router, deps, view)
    policy_routes.add(router, deps, view)
    people_routes.add(router, deps, view)
    person_routes.add(router, deps, view)
    audit_routes.add(router, deps, view)
    start_routes.add(router, deps, view)
    synonym_routes.add(router, deps, view)
    overlap_routes.add(router, deps, view)
    return router


def lost_page(deps: ConsoleDeps) -> LostPage:
    """What a browser is shown at an address of the console that there is not. It says the same to everybody."""
    view = View(deps.assets)

    async def answer(request: Request, status: int) -> Response:
        speak(request.headers.get("accept-language"))
        with suppress(MinideskError):
            await identify(deps, request)  # for the language that they chose
        return _problem_page(view, request, NotFound(), status)

    return LostPage("/console", answer)


def _page_route(view: View) -> type[APIRoute]:
    """A route that answers a person with a page where something went wrong, and htmx with the one error body."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                speak(request.headers.get("accept-language"))
                try:
                    return await handle(request)
                except (MinideskError, RequestValidationError) as error:
                    if is_part(request) or "text/event-stream" in request.headers.get("accept", ""):
                        raise
                    problem = error if isinstance(error, MinideskError) else Invalid()
                    return _problem_page(view, request, problem)

            return answer

    return PageRoute


def _problem_page(view: View, request: Request, error: MinideskError, status: int | None = None) -> Response:
    if isinstance(error, NotAuthenticated):
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        # A half-done sign-in is no place to come back to: whoever is signed in would be sent here again, for ever.
        back = request.method == "GET" and not here.startswith("/console/login/")
        then = f"?next={quote(here, safe='')}" if back else ""
        return to(f"/console/login{then}")
    known = (401, 403, 404, 409, 413, 429)
    title = view.t(f"message.{error.status}" if error.status in known else "message.other")
    if isinstance(error, NoSite):
        title = view.t("message.no_site_title")
    csrf = error.csrf if isinstance(error, NoSite) else ""
    page = MessagePage(title, error.message, request_id_of(request), "/console/inbox", csrf)
    headers = {"Retry-After": str(max(1, round(error.retry_after)))} if error.retry_after else None
    return view.html("message.html", status=status or error.status, headers=headers, page=page)
