"""Who may call, and from which page, before anything else of a request is looked at (T1, T4, T5, T12)."""

import re

from starlette.requests import Request

from minidesk.errors import NotFound, OriginNotAllowed
from minidesk.sites import SiteView, VisitorIdentity, allows, any_site_allows, site_by_id, site_by_key
from minidesk.web.guard import add_response_header, drop_response_header
from minidesk.web.identity import bearer_token, own_origin
from minidesk.web.limits import client_address
from minidesk.web.visitor_api.deps import VisitorDeps

# A widget polls nothing and streams one connection; an office behind one address may hold a hundred of them.
REQUESTS_PER_MINUTE = 1200
SESSIONS_PER_MINUTE = 60
PREFLIGHT_SECONDS = "600"

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ECHO = "Access-Control-Allow-Origin"


class Gate:
    """Dependencies of the routes."""

    def __init__(self, deps: VisitorDeps) -> None:
        self._deps = deps

    def address(self, request: Request) -> str:
        """Who asks, as limits count them."""
        return client_address(request, self._deps.settings.trusted_proxies)

    async def enter(self, request: Request) -> None:
        """For every route: counts the request, and refuses a page that no site knows.

        A request without an Origin comes from no foreign page. Raises `OriginNotAllowed` or `TooMany`.
        """
        add_response_header(request, "Vary", "Origin")
        self._deps.limiter.charge("requests", self.address(request), limit=REQUESTS_PER_MINUTE, seconds=60)
        origin = self._foreign_origin(request)
        if origin is None:
            return
        async with self._deps.db.read() as tx:
            if not await any_site_allows(tx, origin):
                raise OriginNotAllowed
        # Set before the visitor is known, so that the page can read a 401 too; taken back if it is another site's.
        add_response_header(request, _ECHO, origin)

    async def visitor(self, request: Request) -> VisitorIdentity:
        """Whose token this is. Raises `NotAuthenticated`, and `OriginNotAllowed` on a page that is not of this visitor's site."""
        identity = await self._deps.visitors.identify(self._deps.db, bearer_token(request))
        if self._foreign_origin(request) is not None:
            async with self._deps.db.read() as tx:
                self.check_page(request, await site_by_id(tx, identity.site_id))
        return identity

    async def site(self, request: Request) -> SiteView:
        """The site whose key stands in the path, if this page may use it. Raises `NotFound` or `OriginNotAllowed`."""
        async with self._deps.db.read() as tx:
            site = await site_by_key(tx, known(request.path_params["key"]))
        self.check_page(request, site)
        return site

    def check_page(self, request: Request, site: SiteView) -> None:
        """Raises `OriginNotAllowed` unless the page is the desk's own or on this site's list, to the letter."""
        origin = self._foreign_origin(request)
        if origin is not None and not allows(site.allowed_origins, origin):
            drop_response_header(request, _ECHO)
            raise OriginNotAllowed

    def allow_preflight(self, request: Request) -> None:
        """Say what a page may send; which page was settled by `enter`, or by `site`."""
        add_response_header(request, "Access-Control-Allow-Methods", "GET, POST")
        add_response_header(
            request, "Access-Control-Allow-Headers", "authorization, content-type, last-event-id"
        )
        add_response_header(request, "Access-Control-Max-Age", PREFLIGHT_SECONDS)

    def _foreign_origin(self, request: Request) -> str | None:
        origins = request.headers.getlist("origin")
        if not origins or origins == [own_origin(request, self._deps.settings)]:
            return None
        return origins[0] if len(origins) == 1 else "null"


def known(id: str) -> str:
    """An id from a path, as it is. Raises `NotFound` for text that is no id: PostgreSQL would fail on a NUL in it."""
    if not _ID.fullmatch(id):
        raise NotFound
    return id
