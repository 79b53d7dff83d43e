"""Whose key it is and what it may do, before anything else of a request is looked at (T12, T13)."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request

from minidesk.accounts import ApiKeyIdentity, Scope
from minidesk.errors import NotAllowed, NotAuthenticated
from minidesk.web.identity import bearer_token
from minidesk.web.rest.deps import RestDeps


class Gate:
    """Dependencies of the routes."""

    def __init__(self, deps: RestDeps) -> None:
        self._deps = deps

    def needs(self, scope: Scope) -> Callable[[Request], Awaitable[ApiKeyIdentity]]:
        """A dependency that gives the key's identity.

        Raises `NotAuthenticated`, `NotAllowed` for a key without `scope`, and `TooMany`; no byte of the body was
        read then. The site comes from the key alone: no path, query or body can name another.
        """

        async def check(request: Request) -> ApiKeyIdentity:
            identity = await self._deps.api_keys.identify(self._deps.db, _presented(request))
            if scope not in identity.scopes:
                raise NotAllowed(
                    f"This key may not do that. Use one with the scope {scope}.", code="scope_missing"
                )
            limit = self._deps.settings.requests_per_minute_key
            self._deps.limiter.charge("rest", identity.key_id, limit=limit, seconds=60)
            return identity

        return check


def _presented(request: Request) -> str | None:
    """The one header's token; a key in any other header, in a cookie or in the address is none."""
    try:
        return bearer_token(request)
    except NotAuthenticated:
        return None  # so that every 401 here says the same, and names the header to send
