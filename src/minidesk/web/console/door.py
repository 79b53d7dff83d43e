"""What every way in shares: the page without a session, and how a session comes about."""

from collections.abc import Mapping
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import AgentView, ProvedAgent, StepKind
from minidesk.db import Tx
from minidesk.errors import MinideskError, NotAllowed, NotAuthenticated
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import address_of, set_door_cookie
from minidesk.web.console.talk import browser_name
from minidesk.web.console.view import View, to
from minidesk.web.identity import session_cookie, set_session_cookie

STEP_COOKIE = "minidesk_step"  # binds a half-done sign-in to this browser
STEP_SECONDS = 600


class HasCsrf(Protocol):
    """A page's context with the token of its form."""

    @property
    def csrf(self) -> str:
        """The token, which the browser's cookie gets too."""


class Door:
    """Pages and cookies of who is not signed in yet."""

    def __init__(self, deps: ConsoleDeps, view: View) -> None:
        self._deps = deps
        self._view = view

    @property
    def service(self) -> str:
        """What the other service to sign in by is called; empty where there is none."""
        return self._deps.oidc.name if self._deps.oidc else ""

    def page(
        self,
        template: str,
        page: HasCsrf,
        error: MinideskError | None = None,
        *,
        status: int = 200,
    ) -> Response:
        """A page with a form that this very browser was given; with `error`, the one that was refused."""
        if error is not None:
            # 401 would make some browsers ask for a password of their own.
            status = 403 if isinstance(error, NotAuthenticated | NotAllowed) else error.status
        response = self._view.html(template, status=status, page=page)
        set_door_cookie(response, self._deps.settings, page.csrf)
        if error is not None and error.retry_after is not None:
            response.headers["Retry-After"] = str(max(1, round(error.retry_after)))
        return response

    async def enter(self, request: Request, agent: AgentView, then: str) -> Response:
        """Somebody proved who they are once: in, or on to the second factor that they have or must have.

        Raises `NotAuthenticated` where their password is another by now.
        """
        deps, agent_id = self._deps, agent.id
        async with deps.db.write() as tx:
            if isinstance(agent, ProvedAgent):
                await deps.agents.check_still(tx, agent)
            state = await deps.doors.factors.state(tx, agent_id)
            kind: StepKind | None = "code" if state.on else "enrol" if state.required else None
            if kind is None:
                return await self.open(tx, request, agent_id, to(then))
            if kind == "enrol":
                await deps.doors.factors.begin(tx, agent_id)
            token = await deps.doors.steps.begin(tx, kind, agent_id, {"next": then})
        response = to(f"/console/login/{kind}")
        self.set_step(response, token)
        return response

    async def open(self, tx: Tx, request: Request, agent_id: str, response: Response) -> Response:
        """Give `response` the cookie of a new session."""
        deps = self._deps
        opened = await deps.sessions.open(
            tx,
            agent_id,
            replaces=session_cookie(request, deps.settings),
            address=address_of(deps, request),
            browser=browser_name(request.headers.get("user-agent")),
        )
        set_session_cookie(response, deps.settings, opened.token)
        return response

    def set_step(self, response: Response, token: str) -> None:
        """For ten minutes, and for pages of the console alone."""
        response.set_cookie(
            STEP_COOKIE,
            token,
            max_age=STEP_SECONDS,
            path="/console",
            secure=self._deps.settings.secure_cookies,
            httponly=True,
            samesite="strict",
        )

    def end_step(self, response: Response) -> None:
        """Take the cookie away."""
        response.delete_cookie(STEP_COOKIE, path="/console")


def data_next(data: Mapping[str, Any]) -> str:
    """Where a half-done sign-in leads."""
    return str(data.get("next") or "/console/inbox")
