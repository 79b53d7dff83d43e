"""Webhooks of a site: for its administrators alone, each secret shown once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.channels import EVENTS, DeliveryView, Endpoints, EndpointView, MailCounts, Outbox, mail_counts
from minidesk.errors import MinideskError
from minidesk.outbound import Allowed
from minidesk.web.console.contexts import Option, Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field, fields
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.times import span, when
from minidesk.web.console.view import View, to

HERE = "/console/webhooks"
COUNTED = timedelta(days=30)
TRIES_SHOWN = 12  # somebody may have pressed "send again" a hundred times


@dataclass(frozen=True, slots=True)
class EndpointRow:
    """An endpoint in the list: never its secret."""

    id: str
    url: str
    events: str
    state: str
    failing: When | None
    ok: When | None


@dataclass(frozen=True, slots=True)
class WebhooksPage:
    """A site's endpoints, and the form for one more, as it was filled in."""

    shell: Shell
    rows: tuple[EndpointRow, ...]
    choices: tuple[Option, ...]
    mail_from: str  # empty: nothing is mailed
    mails: MailCounts
    url: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TryRow:
    """One request in the log."""

    at: When
    status: str
    ms: int
    error: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One event in the log."""

    id: str
    event: str
    state: str
    created: When
    next_in: str  # empty: now, or never
    tries: tuple[TryRow, ...]


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """One endpoint with its log. `made` is its new secret, shown this once."""

    shell: Shell
    row: EndpointRow
    choices: tuple[Option, ...]
    deliveries: tuple[DeliveryRow, ...]
    two_secrets: bool
    made: str = ""
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    outbox = Outbox(deps.jobs, deps.clock, deps.settings.base_url)
    endpoints = Endpoints(outbox, deps.clock, Allowed(deps.settings.outbound_allow), deps.sealer)
    _add_list(router, deps, view, endpoints)
    _add_one(router, deps, view, endpoints)
    _add_deliveries(router, deps, endpoints)


def _add_list(router: APIRouter, deps: ConsoleDeps, view: View, endpoints: Endpoints) -> None:
    @router.get("/webhooks")
    async def webhooks_page(request: Request) -> Response:
        return await page(await access_viewer(deps, request, role="admin"))

    @router.post("/webhooks")
    async def create(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        try:
            async with deps.db.write() as tx:
                made = await endpoints.add(
                    tx,
                    site_id=viewer.site.site_id,
                    url=field(form, "url"),
                    events=_chosen(form),
                    actor=viewer.actor,
                )
        except MinideskError as error:
            return await page(viewer, form, error)
        # No redirect: an address that shows a secret could be opened again.
        return await endpoint_response(deps, view, endpoints, viewer, made.id, made=made.secret)

    async def page(
        viewer: Viewer, form: FormData | None = None, problem: MinideskError | None = None
    ) -> Response:
        site_id, now = viewer.site.site_id, deps.clock()
        async with deps.db.read() as tx:
            rows = await endpoints.list_(tx, site_id)
            mails = await mail_counts(tx, site_id, now - COUNTED)
            around = await shell_of(tx, viewer, "keys")
        context = WebhooksPage(
            around,
            tuple(_row(row, now) for row in rows),
            _choices(_chosen(form) if form is not None else ()),
            mail_from=deps.settings.mail_from if deps.settings.mails else "",
            mails=mails,
            url=field(form, "url") if form is not None else "",
            problem=problem.message if problem else "",
        )
        return view.html("webhooks.html", status=problem.status if problem else 200, page=context)


def _add_one(router: APIRouter, deps: ConsoleDeps, view: View, endpoints: Endpoints) -> None:
    @router.get("/webhooks/{endpoint_id}")
    async def webhook_page(request: Request, endpoint_id: str) -> Response:
        viewer = await access_viewer(deps, request, role="admin")
        return await endpoint_response(deps, view, endpoints, viewer, endpoint_id)

    @router.post("/webhooks/{endpoint_id}/events")
    async def choose(request: Request, endpoint_id: str) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        try:
            async with deps.db.write() as tx:
                await endpoints.choose(
                    tx, viewer.site.site_id, endpoint_id, _chosen(form), actor=viewer.actor
                )
        except MinideskError as error:
            return await endpoint_response(deps, view, endpoints, viewer, endpoint_id, problem=error)
        return _to(endpoint_id)

    @router.post("/webhooks/{endpoint_id}/secret")
    async def rotate(request: Request, endpoint_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            made = await endpoints.rotate(tx, viewer.site.site_id, endpoint_id, actor=viewer.actor)
        return await endpoint_response(deps, view, endpoints, viewer, endpoint_id, made=made.secret)

    @router.post("/webhooks/{endpoint_id}/on")
    async def switch_on(request: Request, endpoint_id: str) -> Response:
        return await switched(request, endpoint_id, on=True)

    @router.post("/webhooks/{endpoint_id}/off")
    async def switch_off(request: Request, endpoint_id: str) -> Response:
        return await switched(request, endpoint_id, on=False)

    @router.post("/webhooks/{endpoint_id}/delete")
    async def remove(request: Request, endpoint_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await endpoints.remove(tx, viewer.site.site_id, endpoint_id, actor=viewer.actor)
        return to(HERE)

    async def switched(request: Request, endpoint_id: str, *, on: bool) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await endpoints.switch(tx, viewer.site.site_id, endpoint_id, on=on, actor=viewer.actor)
        return _to(endpoint_id)


def _add_deliveries(router: APIRouter, deps: ConsoleDeps, endpoints: Endpoints) -> None:
    @router.post("/webhooks/{endpoint_id}/test")
    async def send_test(request: Request, endpoint_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await endpoints.test(tx, viewer.site.site_id, endpoint_id)
        return _to(endpoint_id)

    @router.post("/webhooks/{endpoint_id}/deliveries/{delivery_id}/again")
    async def again(request: Request, endpoint_id: str, delivery_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await endpoints.send_again(tx, viewer.site.site_id, endpoint_id, delivery_id)
        return _to(endpoint_id)


async def endpoint_response(
    deps: ConsoleDeps,
    view: View,
    endpoints: Endpoints,
    viewer: Viewer,
    endpoint_id: str,
    *,
    made: str = "",
    problem: MinideskError | None = None,
) -> Response:
    """The page of one endpoint. Raises NotFound for another site's."""
    site_id, now = viewer.site.site_id, deps.clock()
    async with deps.db.read() as tx:
        endpoint = await endpoints.one(tx, site_id, endpoint_id)
        deliveries = await endpoints.log(tx, endpoint.id)
        around = await shell_of(tx, viewer, "keys")
    until = endpoint.old_secret_until
    page = WebhookPage(
        around,
        _row(endpoint, now),
        _choices(endpoint.events),
        tuple(_delivery(delivery, now) for delivery in deliveries),
        two_secrets=until is not None and until > now,
        made=made,
        problem=problem.message if problem else "",
    )
    status = problem.status if problem else 201 if made else 200
    return view.html("webhook.html", status=status, page=page)


def _to(endpoint_id: str) -> Response:
    return to(f"{HERE}/{endpoint_id}")


def _chosen(form: FormData) -> tuple[str, ...]:
    return fields(form, "events")


def _choices(chosen: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(event, event, event in chosen) for event in EVENTS)


def _row(endpoint: EndpointView, now: datetime) -> EndpointRow:
    return EndpointRow(
        endpoint.id,
        endpoint.url,
        ", ".join(endpoint.events),
        endpoint.state,
        when(endpoint.failing_since, now) if endpoint.failing_since else None,
        when(endpoint.last_ok_at, now) if endpoint.last_ok_at else None,
    )


def _delivery(delivery: DeliveryView, now: datetime) -> DeliveryRow:
    later = delivery.next_at is not None and delivery.next_at > now
    tries = tuple(
        TryRow(when(t.at, now), str(t.status or ""), t.ms, t.error) for t in delivery.tries[:TRIES_SHOWN]
    )
    return DeliveryRow(
        delivery.id,
        delivery.event,
        delivery.state,
        when(delivery.created_at, now),
        span((delivery.next_at - now).total_seconds()) if later and delivery.next_at else "",
        tries,
    )
