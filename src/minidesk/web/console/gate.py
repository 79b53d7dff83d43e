"""Who asks, for which site, and whether a form is really theirs (T9, T10, T12)."""

import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import Actor, AgentIdentity, Role, SiteAccess, check_csrf, list_sites, seen_here
from minidesk.db import Tx
from minidesk.errors import CsrfFailed, MinideskError, NotAllowed, NotFound
from minidesk.insight.first_steps import is_starting
from minidesk.settings import Settings
from minidesk.web.body import read_form
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.view import speak
from minidesk.web.identity import check_own_origin, session_cookie
from minidesk.web.limits import client_address

SITE_COOKIE = (
    "minidesk_site"  # which site was looked at last: no secret, checked against the memberships each time
)
DOOR_COOKIE = "minidesk_door"  # binds the sign-in form to this browser before there is a session
FORM_FIELDS = 100
FILES_AT_ONCE = 200
OWN_FIELD_BYTES = 1024 * 1024  # of who is signed in: an article, a list of synonyms


class NoSite(NotFound):
    """The agent is a member of no site."""

    code = "no_site"
    default = "You are not a member of any site yet. Ask an administrator to add you, then reload this page."

    def __init__(self, csrf: str) -> None:
        """`csrf` lets the page offer to sign out."""
        super().__init__()
        self.csrf = csrf


@dataclass(frozen=True, slots=True)
class Viewer:
    """An agent in a site."""

    agent: AgentIdentity
    site: SiteAccess
    sites: tuple[SiteAccess, ...]
    starting: bool = False  # the site's first steps are not done
    address: str = ""  # where they are

    @property
    def may_edit(self) -> bool:
        """Whether they may change the site's documents."""
        return self.site.may("editor")

    @property
    def actor(self) -> Actor:
        """Who the audit log says it was."""
        return actor_of(self.agent, self.address)


async def identify(deps: ConsoleDeps, request: Request) -> AgentIdentity:
    """The agent whose session the cookie names; the page speaks their language. Raises `NotAuthenticated`."""
    cookie, address = session_cookie(request, deps.settings), address_of(deps, request)
    agent = await deps.sessions.identify(deps.db, cookie, address=address)
    speak(agent.locale, request.headers.get("accept-language"))
    return agent


def address_of(deps: ConsoleDeps, request: Request) -> str:
    """Where the request comes from."""
    return client_address(request, deps.settings.trusted_proxies)


def actor_of(agent: AgentIdentity, address: str) -> Actor:
    """Who the audit log says it was."""
    return Actor("agent", agent.agent_id, agent.name, address)


async def access_viewer(
    deps: ConsoleDeps,
    request: Request,
    *,
    site_id: str | None = None,
    role: Role = "agent",
    agent: AgentIdentity | None = None,
) -> Viewer:
    """The agent with a site: `site_id`, or the one looked at last, or the first.

    `agent`, where this very request has told it already. Raises `NotAuthenticated`, `NotFound` for a site that is not
    theirs, `NotAllowed` where the role is too low.
    """
    agent = agent or await identify(deps, request)
    async with deps.db.read() as tx:
        return await viewer_in(tx, deps, request, agent, site_id=site_id, role=role)


async def viewer_in(
    tx: Tx,
    deps: ConsoleDeps,
    request: Request,
    agent: AgentIdentity,
    *,
    site_id: str | None = None,
    role: Role = "agent",
) -> Viewer:
    """`access_viewer`, for whoever reads more in the same transaction: to begin one costs as much as three questions."""
    sites = await list_sites(tx, agent.agent_id)
    if not sites:
        raise NoSite(agent.csrf_token)
    last = request.cookies.get(SITE_COOKIE)
    known = next((site.site_id for site in sites if site.site_id == last), sites[0].site_id)
    wanted = site_id or known
    site = next((each for each in sites if each.site_id == wanted), None)
    if site is None:
        raise NotFound
    if not site.may(role):
        raise NotAllowed
    starting = site.may("editor") and await is_starting(tx, site.site_id)
    return Viewer(agent, site, tuple(sites), starting, address_of(deps, request))


async def at_the_console(deps: ConsoleDeps, site_id: str, agent_id: str) -> None:
    """A page of the site is open in front of the agent, who can be given tickets then. No page fails for it."""
    with suppress(MinideskError):
        await seen_here(deps.db, deps.hub, site_id, agent_id, deps.clock())


async def checked_form(deps: ConsoleDeps, request: Request) -> tuple[AgentIdentity, FormData]:
    """The agent and the fields of a form that they sent from our own page.

    Who it is and where it came from are looked at before a byte of the body is read. Raises `NotAuthenticated`
    and `CsrfFailed`.
    """
    agent = await identify(deps, request)
    check_own_origin(request, deps.settings)
    header = request.headers.get("x-csrf-token")
    if header is not None:
        check_csrf(agent, header)
    form = await read_form(
        request, max_files=FILES_AT_ONCE, max_fields=FORM_FIELDS, field_bytes=OWN_FIELD_BYTES
    )
    if header is None:
        check_csrf(agent, field(form, "csrf"))
    return agent, form


async def checked_viewer(
    deps: ConsoleDeps, request: Request, *, role: Role = "agent"
) -> tuple[Viewer, FormData]:
    """`checked_form`, of an agent who is `role` or more in the site that they look at. Raises as `access_viewer` does too."""
    _, form = await checked_form(deps, request)
    return await access_viewer(deps, request, role=role), form


def field(form: FormData, name: str) -> str:
    """A field's text; empty where it is missing or a file."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def fields(form: FormData, name: str) -> tuple[str, ...]:
    """All texts of a field that may be there several times: ticked boxes."""
    return tuple(value for value in form.getlist(name) if isinstance(value, str))


def door_token(request: Request) -> str:
    """The browser's token for forms before sign-in, or a new one."""
    return request.cookies.get(DOOR_COOKIE) or secrets.token_urlsafe(32)


def set_door_cookie(response: Response, settings: Settings, token: str) -> None:
    """Let the browser keep it; no script and no other site's form can use it."""
    response.set_cookie(
        DOOR_COOKIE,
        token,
        max_age=24 * 3600,
        path="/console",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="strict",
    )


async def checked_door_form(deps: ConsoleDeps, request: Request) -> FormData:
    """The fields of a sign-in form that this very browser was given. Raises `CsrfFailed`."""
    check_own_origin(request, deps.settings)
    token = request.cookies.get(DOOR_COOKIE, "")
    form = await read_form(request, max_files=0, max_fields=FORM_FIELDS)
    if not token or not hmac.compare_digest(token.encode(), field(form, "csrf").encode("utf-8", "replace")):
        raise CsrfFailed
    return form


def is_part(request: Request) -> bool:
    """Whether htmx asks: it wants a part of a page or a short answer, not a whole page."""
    return "hx-request" in request.headers


def local_path(raw: str) -> str:
    """Where to go after signing in: a page of the console, never another host's."""
    plain = raw.startswith("/console") and "\\" not in raw and not any(ord(c) < 32 for c in raw)
    return raw if plain and raw[8:9] in ("", "/", "?") and len(raw) < 500 else "/console/inbox"


def came_from(request: Request) -> str:
    """The page of the console that a form was sent from; the inbox where the browser does not say."""
    try:
        last = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/console/inbox"
    return local_path(last.path + (f"?{last.query}" if last.query else ""))
