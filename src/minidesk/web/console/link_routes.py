"""Ways in by a link: an invitation, and a new password for who forgot theirs."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import MinideskError, NotFound, TooMany
from minidesk.web.console.contexts import DoorPage
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.door import Door
from minidesk.web.console.gate import address_of, checked_door_form, door_token, field
from minidesk.web.console.view import View

# Asking for a link (T5), and using one: neither hashing nor mail is to be had for nothing.
ASKS_PER_30_MINUTES = 5
USES_PER_5_MINUTES = 10


@dataclass(frozen=True, slots=True)
class InvitePage:
    """An invitation. `known`: there is an account with this address, so its own password is asked for."""

    csrf: str
    token: str
    email: str
    role: str
    sites: str
    invited_by: str
    known: bool
    name: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ResetPage:
    """Asking for a link, or choosing a new password with one. `sent`: what is said to everybody who asked."""

    csrf: str
    mails: bool = True
    sent: bool = False
    token: str = ""
    email: str = ""
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    door = Door(deps, view)
    _add_invitations(router, deps, view, door)
    _add_resets(router, deps, view, door)


def _add_invitations(router: APIRouter, deps: ConsoleDeps, view: View, door: Door) -> None:
    @router.get("/invite/{token}")
    async def invite_page(request: Request, token: str) -> Response:
        return await _page(request, token)

    @router.post("/invite/{token}")
    async def accept(request: Request, token: str) -> Response:
        form = await checked_door_form(deps, request)
        name = field(form, "name")
        try:
            address = address_of(deps, request)
            deps.limiter.charge("link", address, limit=USES_PER_5_MINUTES, seconds=300)
            async with deps.db.read() as tx:
                invited = await deps.doors.invitations.look(tx, token)
            if invited.known:  # a password is guessed here as well as at the front door
                deps.throttle.check(address, invited.email)
            agent = await deps.doors.invitations.accept(
                token, name=name, password=field(form, "password"), address=address
            )
            if invited.known:
                deps.throttle.succeeded(address, invited.email)
        except NotFound:
            raise
        except MinideskError as error:
            return await _page(request, token, name, error)
        return await door.enter(request, agent, "/console/inbox")

    async def _page(
        request: Request, token: str, name: str = "", error: MinideskError | None = None
    ) -> Response:
        async with deps.db.read() as tx:
            seen = await deps.doors.invitations.look(tx, token)
        page = InvitePage(
            door_token(request),
            token,
            seen.email,
            view.t(f"people.role.{seen.role}"),
            ", ".join(seen.sites),
            seen.invited_by,
            seen.known,
            name,
            error.message if error else "",
        )
        return door.page("invite.html", page, error)


def _add_resets(router: APIRouter, deps: ConsoleDeps, view: View, door: Door) -> None:
    @router.get("/reset")
    async def forgot_page(request: Request) -> Response:
        return door.page("forgot.html", ResetPage(door_token(request), deps.mails.configured))

    @router.post("/reset")
    async def forgot(request: Request) -> Response:
        form = await checked_door_form(deps, request)
        email = field(form, "email")
        try:
            deps.limiter.charge("reset", address_of(deps, request), limit=ASKS_PER_30_MINUTES, seconds=1800)
        except TooMany as error:
            page = ResetPage(door_token(request), deps.mails.configured, email=email, problem=error.message)
            return door.page("forgot.html", page, error)
        if deps.mails.configured:
            deps.mails.later(_mail(email))
        # The same page at the same speed, whether there is somebody with this address or not.
        page = ResetPage(door_token(request), deps.mails.configured, sent=True)
        return door.page("forgot.html", page)

    async def _mail(email: str) -> None:
        who = email.strip().lower()[:254]
        try:
            deps.limiter.charge("reset-account", who, limit=ASKS_PER_30_MINUTES, seconds=1800)
        except TooMany:
            return  # nobody is told: the page would tell that there is somebody
        made = await deps.doors.resets.ask(email)
        if made is None:
            return
        link = f"{deps.settings.base_url}/console/reset/{made.token}"
        text = view.t_in(made.locale, "mail.reset_text", link=link)
        await deps.mails.send(made.email, view.t_in(made.locale, "mail.reset_subject"), text)

    @router.get("/reset/{reset}")
    async def reset_page(request: Request, reset: str) -> Response:
        return await _page(request, reset)

    @router.post("/reset/{reset}")
    async def reset_password(request: Request, reset: str) -> Response:
        form = await checked_door_form(deps, request)
        try:
            address = address_of(deps, request)
            deps.limiter.charge("link", address, limit=USES_PER_5_MINUTES, seconds=300)
            await deps.doors.resets.use(reset, field(form, "password"), address=address)
        except NotFound:
            raise
        except MinideskError as error:
            return await _page(request, reset, error)
        # Not signed in: a second factor is still asked for at the door.
        page = DoorPage(door_token(request), done=view.t("reset.done"), service=door.service)
        return door.page("login.html", page)

    async def _page(request: Request, token: str, error: MinideskError | None = None) -> Response:
        async with deps.db.read() as tx:
            email = await deps.doors.resets.look(tx, token)
        page = ResetPage(
            door_token(request), token=token, email=email, problem=error.message if error else ""
        )
        return door.page("reset.html", page, error)
