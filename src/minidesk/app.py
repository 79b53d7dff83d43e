"""The web application around a desk: guard, error handlers, routers; and the server that runs it."""

import asyncio
import gc
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import click
import uvicorn
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from minidesk import __version__
from minidesk.accounts import ApiKeys
from minidesk.channels import AccountMails, CopyOutbox, Endpoints
from minidesk.demo import COLLEAGUE, Demo, prepare_demo, sample_is_read
from minidesk.errors import Conflict
from minidesk.knowledge.amend import Pages
from minidesk.knowledge.external import ExternalDocuments
from minidesk.knowledge.faq import FaqEntries
from minidesk.knowledge.installed import InstallCheck
from minidesk.knowledge.lifecycle import Lifecycle
from minidesk.knowledge.versions import Versions
from minidesk.live import AgentsHere
from minidesk.outbound import Allowed
from minidesk.settings import Settings
from minidesk.sites import Visitors
from minidesk.web.assets import DIST, Assets
from minidesk.web.console import ConsoleDeps, console_router, lost_page
from minidesk.web.demo import DemoDeps, demo_router
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.inbound_mail import InboundDeps, inbound_router
from minidesk.web.limits import LoginThrottle, RateLimiter
from minidesk.web.openai_api import OpenAIDeps, openai_router
from minidesk.web.ops import CountRequests, MetricsRules, OpsDeps, ops_router
from minidesk.web.problems import install_error_handlers
from minidesk.web.rest import RestDeps, rest_router
from minidesk.web.visitor_api import (
    PageDeps,
    Streams,
    VisitorDeps,
    mail_router,
    pages_router,
    plain_router,
    visitor_router,
)
from minidesk.wiring import (
    Desk,
    build_crawls,
    build_inbound,
    build_install_check,
    ceilings_of,
    keep_memory_small,
    large_cap_of,
    open_core,
    open_desk,
)

log = logging.getLogger(__name__)

# From the signal until the port closes: open streams are told to reconnect, and a proxy that asks /healthz each
# second turns away by itself instead of meeting a closed port (F26).
DRAIN_SECONDS = 1.0
# What requests that are under way may still take after that. With the loops' time (wiring/desk.py) it stays below F26's 20 s.
SHUTDOWN_SECONDS = 5


def create_app(desk: Desk, demo: DemoDeps | None = None) -> FastAPI:
    """The application. Its lifespan runs the desk's loops."""
    core = desk.core
    limiter = RateLimiter(core.clock)
    here = AgentsHere()
    streams = _streams(desk, here)
    assets = Assets(DIST)
    api_keys = ApiKeys(core.clock)
    install_check = build_install_check(core)
    limits = core.settings.data_dir / "limits.json"

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await limiter.restore(limits)
        async with desk.running(streams=streams.run, limits=lambda: limiter.keep(limits, desk.stopping)):
            yield
        await install_check.close()

    app = FastAPI(title="minidesk", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.include_router(ops_router(_ops_deps(desk)))
    # Routes are tried in this order, and this one is in a hurry.
    app.include_router(openai_router(_openai_deps(desk, limiter, api_keys)))
    app.include_router(
        pages_router(PageDeps(core.db, core.texts, assets, core.clock, desk.answers.voice.configured))
    )
    visitor = _visitor_deps(desk, streams, limiter)
    app.include_router(visitor_router(visitor))
    app.include_router(plain_router(visitor))
    app.include_router(mail_router(core.db, core.texts, core.clock))
    app.include_router(inbound_router(InboundDeps(core.settings, core.clock, limiter, build_inbound(desk))))
    console = _console_deps(desk, assets, limiter, install_check, here)
    app.include_router(console_router(console))
    app.include_router(rest_router(_rest_deps(desk, limiter, api_keys)))
    if demo is not None:
        app.include_router(demo_router(demo))
    first_page = "/demo" if demo is not None else "/console"

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse(first_page)

    install_error_handlers(app, lost_page(console))
    app.add_middleware(Guard, rules=_guard_rules(core.settings))
    app.add_middleware(CountRequests, count=core.metrics.requested)
    return app


def _streams(desk: Desk, here: AgentsHere) -> Streams:
    core = desk.core
    return Streams(
        core.db,
        core.hub,
        desk.stopping,
        core.settings.streams_per_visitor,
        core.settings.streams_per_address,
        core.presence,
        here,
    )


def _guard_rules(settings: Settings) -> GuardRules:
    return GuardRules(
        upload_body=settings.document_max_bytes,
        widget_upload=max(settings.attachment_max_bytes, settings.voice_max_bytes),
        https=settings.secure_cookies,
    )


def _ops_deps(desk: Desk) -> OpsDeps:
    core = desk.core
    rules = MetricsRules(
        core.settings.metrics_token.get_secret_value(),
        urlsplit(core.settings.public_url).hostname or "localhost",
    )
    return OpsDeps(
        {"database": desk.check_database},
        core.metrics.registry,
        desk.stopping,
        rules,
        desk.read_metrics,
        desk.loops.down,
    )


def _openai_deps(desk: Desk, limiter: RateLimiter, api_keys: ApiKeys) -> OpenAIDeps:
    core = desk.core
    return OpenAIDeps(
        db=core.db,
        settings=core.settings,
        clock=core.clock,
        limiter=limiter,
        api_keys=api_keys,
        asker=desk.answers.asker,
        gateway=desk.answers.gateway,
    )


def _visitor_deps(desk: Desk, streams: Streams, limiter: RateLimiter) -> VisitorDeps:
    core = desk.core
    return VisitorDeps(
        core.db,
        core.settings,
        core.clock,
        core.texts,
        Visitors(core.clock),
        desk.conversations,
        desk.tickets,
        desk.handoff,
        streams,
        limiter,
        core.attachments,
        desk.answers.voice,
        desk.sealer,
        CopyOutbox(core.jobs, core.clock) if core.settings.mails else None,
    )


def _console_deps(
    desk: Desk, assets: Assets, limiter: RateLimiter, install_check: InstallCheck, here: AgentsHere
) -> ConsoleDeps:
    core = desk.core
    return ConsoleDeps(
        db=core.db,
        settings=core.settings,
        clock=core.clock,
        hub=core.hub,
        jobs=core.jobs,
        events=core.events,
        stopping=desk.stopping,
        assets=assets,
        agents=desk.agents,
        sessions=desk.sessions,
        setup_code=desk.setup_code,
        doors=desk.doors,
        sealer=desk.sealer,
        mails=AccountMails(core.settings),
        oidc=desk.oidc,
        throttle=LoginThrottle(limiter, core.settings.logins_per_5_minutes),
        limiter=limiter,
        attachments=core.attachments,
        conversations=desk.conversations,
        tickets=desk.tickets,
        handoff=desk.handoff,
        sources=desk.sources,
        faq=FaqEntries(core.db, desk.sources, core.files),
        pages=Pages(core.db, desk.sources, core.files),
        lifecycle=Lifecycle(core.db, core.hub, core.clock),
        versions=Versions(core.db, core.files, core.jobs, core.hub, core.clock),
        crawls=build_crawls(core),
        install_check=install_check,
        asker=desk.answers.asker,
        searcher=desk.answers.searcher,
        ceilings=ceilings_of(core.settings),
        model_states=desk.answers.gateway.states,
        model_names=desk.answers.gateway.names,
        large_cap=large_cap_of(core.settings),
        assist=desk.answers.assist,
        here=here,
    )


def _rest_deps(desk: Desk, limiter: RateLimiter, api_keys: ApiKeys) -> RestDeps:
    core = desk.core
    return RestDeps(
        db=core.db,
        settings=core.settings,
        limiter=limiter,
        api_keys=api_keys,
        documents=ExternalDocuments(core.db, desk.sources),
        searcher=desk.answers.searcher,
        asker=desk.answers.asker,
        tickets=desk.tickets,
        conversations=desk.conversations,
        endpoints=Endpoints(core.outbox, core.clock, Allowed(core.settings.outbound_allow), desk.sealer),
        hub=core.hub,
        clock=core.clock,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it raises the signal again once it has ended, in the middle of our clean-up."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `_Ending`."""
        yield


class _Ending:
    """What Ctrl-C and SIGTERM do: the first one ends the task that made this in order, a second one the process at once."""

    def __init__(self) -> None:
        self.asked = False
        self._task = asyncio.current_task()
        self._way: Callable[[], object] | None = None
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._on_signal)

    def by(self, way: Callable[[], object]) -> None:
        """From now on `way` leads to the end; before, the task is cancelled where it stands."""
        self._way = way

    def _on_signal(self) -> None:
        if self.asked:
            # Rows are safe at any moment, and the child ends when its standard input closes.
            os._exit(130)
        self.asked = True
        if self._way is not None:
            self._way()
        elif self._task is not None:
            self._task.cancel()


async def run_server(settings: Settings, *, demo: bool = False) -> int:
    """Serve until Ctrl-C or SIGTERM. Raises Conflict where another server owns the data folder."""
    ending = _Ending()
    keep_memory_small()
    try:
        await _serve(settings, demo, ending)
    except asyncio.CancelledError:
        if not ending.asked:
            raise
    return 0


async def _serve(settings: Settings, demo: bool, ending: _Ending) -> None:
    listener = listen(settings)
    # Port 0 asked for a free one: links and origins need the one that came of it.
    settings = settings.model_copy(update={"port": listener.getsockname()[1]})
    async with open_core(settings) as core, open_desk(core, crash_point_of(os.environ)) as desk:
        shop = await prepare_demo(desk) if demo else None
        app = create_app(desk, DemoDeps(shop.site_key, shop.documents) if shop else None)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            proxy_headers=False,  # who asks is decided in one place, web/limits.py
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        server = _Server(config)
        loop = asyncio.get_running_loop()

        def end() -> None:
            desk.stopping.set()
            loop.call_later(DRAIN_SECONDS, setattr, server, "should_exit", True)

        ending.by(end)
        # Nothing that exists by now goes before the end: looking through it takes 0.1 s, in the middle of an answer.
        gc.freeze()
        greeting = asyncio.create_task(greet(desk, shop, server))
        try:
            await server.serve(sockets=[listener])
        finally:
            greeting.cancel()


def listen(settings: Settings) -> socket.socket:
    """The socket, bound before anything slow, so that a port in use is said at once. Raises Conflict."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is: an answer's head and body
    # were otherwise 40 ms apart, the time in which the other side waits with its acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Conflict(
            f"Port {settings.port} on {settings.host} cannot be used, perhaps another server has it: choose one with --port.",
            code="port_in_use",
        ) from error
    return listener


async def greet(desk: Desk, shop: Demo | None, server: uvicorn.Server) -> None:
    """Print where everything is, once it is there."""
    while not server.started:  # noqa: ASYNC110 (uvicorn announces its start by this flag alone)
        await asyncio.sleep(0.02)
    base = desk.core.settings.base_url
    if shop is not None:
        await sample_is_read(desk, shop)
        click.echo("minidesk is ready, with a sample shop.")
        click.echo(f"  Shop with the widget   {base}/demo")
        click.echo(f"  Console                {base}/console")
        click.echo(f"  Login                  {shop.email}   {shop.password}")
        click.echo(f"  Second agent           {COLLEAGUE}   (the same password)")
        click.echo("Ctrl-C stops it.")
        return
    click.echo(f"minidesk is ready: {base}/console")
    if (code := await desk.setup_code.make()) is not None:
        click.echo(f"There is no account yet. Open {base}/console/setup and enter this code: {code}")


def crash_point_of(environment: Mapping[str, str]) -> Callable[[str], None]:
    """For crash drills: MINIDESK_CRASH_AT names the point at which the process ends as if killed (F1)."""
    wanted = environment.get("MINIDESK_CRASH_AT")

    def crash_point(name: str) -> None:
        if name == wanted:
            os._exit(137)

    return crash_point
