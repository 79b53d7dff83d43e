"""For whoever runs the desk: is it alive, does it take requests, what has it done."""

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minidesk.errors import MinideskError, NotAuthenticated, NotFound
from minidesk.web.identity import bearer_token

log = logging.getLogger(__name__)

# A check that hangs must not hang the load balancer's question.
CHECK_SECONDS = 2.0
# What a proxy adds: a request with one of these came from farther than it looks.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


async def _nothing() -> None:
    """No numbers to fetch."""


def _none() -> Collection[str]:
    """No loops that could be down."""
    return ()


@dataclass(frozen=True, slots=True)
class MetricsRules:
    """Who may read `/metrics`: whoever has the `token`; without one, programs on this very machine.

    Behind a proxy all the world comes from this machine, so a desk with a `public_host` of its own needs the token.
    """

    token: str = ""
    public_host: str = "localhost"

    def check(self, request: Request) -> None:
        """Raises `NotAuthenticated` for a wrong token, and `NotFound` where there is none and the request is from elsewhere."""
        if self.token:
            if not hmac.compare_digest(bearer_token(request).encode(), self.token.encode()):
                raise NotAuthenticated("Send the token of MINIDESK_METRICS_TOKEN as a bearer token.")
            return
        local = request.client is not None and _is_loopback(request.client.host)
        direct = not any(name in request.headers for name in _FORWARDED)
        names = (self.public_host, request.url.hostname or "")
        if not (local and direct and all(name in LOOPBACK_NAMES for name in names)):
            raise NotFound


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class OpsDeps:
    """`checks` are named parts that must work before requests are welcome; each raises a `MinideskError` if it does not.

    `refresh` fetches those of the registry's numbers that are not counted as they happen. `down` names the loops that
    ended and are not running again yet.
    """

    checks: Mapping[str, Callable[[], Awaitable[None]]]
    registry: CollectorRegistry
    stopping: asyncio.Event
    metrics: MetricsRules = MetricsRules()
    refresh: Callable[[], Awaitable[None]] = _nothing
    down: Callable[[], Collection[str]] = _none


def ops_router(deps: OpsDeps) -> APIRouter:
    """`/healthz`, `/readyz` and `/metrics`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """200 while the process runs; 503 from the moment it is told to stop, so that a proxy turns away (F26)."""
        if deps.stopping.is_set():
            return JSONResponse({"status": "stopping"}, status_code=503)
        return JSONResponse({"status": "ok"})

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """200 when every part works; else 503 and which do not. Says no more than that: anybody may ask."""
        results = await asyncio.gather(*(_works(check) for check in deps.checks.values()))
        parts = dict(zip(deps.checks, ("ok" if works else "failing" for works in results), strict=True))
        parts |= dict.fromkeys(down := deps.down(), "failing")
        ready = all(results) and not down and not deps.stopping.is_set()
        return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)

    @router.get("/metrics")
    async def metrics(request: Request) -> Response:
        """Counters in Prometheus' text format."""
        deps.metrics.check(request)
        if not await _works(deps.refresh):
            log.warning("some metrics are as they were: the database cannot be asked")
        return Response(generate_latest(deps.registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _works(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (MinideskError, TimeoutError):
        return False
    return True


class CountRequests:
    """Middleware: tells `count` the kind of address and the status of each answer. Stands outermost, to see refusals too."""

    def __init__(self, app: ASGIApp, count: Callable[[str, int], None]) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(kind_of(scope["path"]), message["status"])
            await send(message)

        await self._app(scope, receive, counted)


# The kinds of addresses, by what they begin with. A path itself would be a label without end, and may hold an id.
_KINDS = (
    ("/api/widget/", "widget api"),
    ("/api/", "rest api"),
    ("/v1/", "openai api"),
    ("/console", "console"),
    ("/static/", "static"),
    ("/widget", "widget page"),
    ("/demo", "demo"),
)


def kind_of(path: str) -> str:
    """Which part of the product an address belongs to."""
    if path in ("/healthz", "/readyz", "/metrics"):
        return "ops"
    return next((kind for start, kind in _KINDS if path.startswith(start)), "other")
