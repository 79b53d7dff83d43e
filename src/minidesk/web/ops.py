"""For whoever runs the desk: is it alive, does it take requests, what has it done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from minidesk.errors import MinideskError

# A check that hangs must not hang the load balancer's question.
CHECK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class OpsDeps:
    """`checks` are named parts that must work before requests are welcome; each raises a `MinideskError` if it does not."""

    checks: Mapping[str, Callable[[], Awaitable[None]]]
    registry: CollectorRegistry
    stopping: asyncio.Event


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
        ready = all(results) and not deps.stopping.is_set()
        return JSONResponse({"ready": ready, "parts": parts}, status_code=200 if ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Counters in Prometheus' text format."""
        return Response(generate_latest(deps.registry), media_type=CONTENT_TYPE_LATEST)

    return router


async def _works(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except (MinideskError, TimeoutError):
        return False
    return True
