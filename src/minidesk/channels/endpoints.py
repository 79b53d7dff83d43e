"""What administrators do with their endpoints."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, select

from minidesk.accounts import COMMAND, Actor, Sealer, record
from minidesk.channels.outbox import Outbox
from minidesk.channels.payloads import test_body
from minidesk.channels.records import (
    EVENTS,
    TEST_EVENT,
    DeliveryState,
    DeliveryView,
    EndpointState,
    EndpointView,
    TryView,
)
from minidesk.channels.signature import new_secret
from minidesk.db import Tx
from minidesk.db.models import Site, WebhookDelivery, WebhookEndpoint, WebhookTry, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.outbound import Allowed, check_address

ENDPOINTS_OF_A_SITE = 10  # each of them is a row and a request for every event
# While the receiver changes over, both secrets sign.
BOTH_SECRETS_FOR = timedelta(hours=24)
SHOWN = 50


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint that was just made. The secret is shown this once."""

    id: str
    secret: str


class Endpoints:
    """The endpoints of sites; each action names the site, and another site's endpoint is not found."""

    def __init__(
        self, outbox: Outbox, clock: Callable[[], datetime], allowed: Allowed, sealer: Sealer
    ) -> None:
        """`sealer`: the secrets are kept sealed (T30), and opened by whoever signs."""
        self._outbox = outbox
        self._clock = clock
        self._allowed = allowed
        self._sealer = sealer

    async def add(
        self, tx: Tx, *, site_id: str, url: str, events: Collection[str], actor: Actor = COMMAND
    ) -> NewEndpoint:
        """A new endpoint, switched on.

        Raises Invalid for an address that may not be asked for (T15) or no event, Conflict where there are too many.
        """
        address, wanted = self._check_url(url), check_events(events)
        # Not the key: whatever was inserted for the site holds that.
        await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))
        if len(await self.list_(tx, site_id)) >= ENDPOINTS_OF_A_SITE:
            raise Conflict(
                f"This site has {ENDPOINTS_OF_A_SITE} webhooks. Delete one that is not needed any more.",
                code="too_many_webhooks",
            )
        made = NewEndpoint(new_id("whe"), new_secret())
        tx.add(
            WebhookEndpoint(
                id=made.id,
                site_id=site_id,
                url=address,
                events=wanted,
                sealed=self._sealer.seal(made.secret, made.id),
                old_sealed=None,
                old_secret_until=None,
                state="on",
                failing_since=None,
                last_ok_at=None,
                created_by=actor.id if actor.kind == "agent" else None,
                created_at=self._clock(),
            )
        )
        await self._record(tx, actor, "created", site_id, made.id, address, {"events": (None, wanted)})
        return made

    async def rotate(self, tx: Tx, site_id: str, endpoint_id: str, *, actor: Actor = COMMAND) -> NewEndpoint:
        """A new secret. The old one goes on signing for a day, beside it."""
        row = await _locked(tx, site_id, endpoint_id)
        row.old_sealed, row.old_secret_until = row.sealed, self._clock() + BOTH_SECRETS_FOR
        secret = new_secret()
        row.sealed = self._sealer.seal(secret, row.id)
        await self._record(tx, actor, "secret_renewed", site_id, row.id, row.url)
        return NewEndpoint(row.id, secret)

    async def switch(
        self, tx: Tx, site_id: str, endpoint_id: str, *, on: bool, actor: Actor = COMMAND
    ) -> None:
        """On or off. What happens while it is off is not told later."""
        row = await _locked(tx, site_id, endpoint_id)
        if on and row.state != "on":
            row.failing_since = None
        before, row.state = row.state, "on" if on else "off"
        if before != row.state:
            await self._record(tx, actor, "changed", site_id, row.id, row.url, {"state": (before, row.state)})

    async def choose(
        self, tx: Tx, site_id: str, endpoint_id: str, events: Collection[str], *, actor: Actor = COMMAND
    ) -> None:
        """Other events from now on. Raises Invalid."""
        wanted = check_events(events)
        row = await _locked(tx, site_id, endpoint_id)
        before, row.events = list(row.events), wanted
        if before != wanted:
            await self._record(tx, actor, "changed", site_id, row.id, row.url, {"events": (before, wanted)})

    async def remove(self, tx: Tx, site_id: str, endpoint_id: str, *, actor: Actor = COMMAND) -> None:
        """Delete an endpoint with its log; what waits for it is not sent."""
        row = await _locked(tx, site_id, endpoint_id)
        await tx.execute(delete(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id))
        await self._record(tx, actor, "deleted", site_id, row.id, row.url)

    async def test(self, tx: Tx, site_id: str, endpoint_id: str) -> str:
        """Send an event of type `test`; the delivery's id. Raises Conflict where the endpoint is off."""
        row = _check_on(await _locked(tx, site_id, endpoint_id))
        key = await tx.scalar(select(Site.key).where(Site.id == site_id))
        body = test_body(key or "", self._clock().isoformat())
        return await self._outbox.put(tx, row.id, TEST_EVENT, body)

    async def send_again(self, tx: Tx, site_id: str, endpoint_id: str, delivery_id: str) -> None:
        """Send a delivery once more, now, with the same id and all its tries. Raises Conflict where the endpoint is off."""
        _check_on(await _locked(tx, site_id, endpoint_id))
        row = await tx.scalar(
            select(WebhookDelivery)
            .where(WebhookDelivery.id == _known(delivery_id), WebhookDelivery.endpoint_id == endpoint_id)
            .with_for_update()
        )
        if row is None:
            raise NotFound
        row.state, row.next_at = "waiting", self._clock()
        row.round, row.round_tries = row.round + 1, 0
        await self._outbox.send_at(tx, row, None)

    async def list_(self, tx: Tx, site_id: str) -> list[EndpointView]:
        """A site's endpoints, the oldest first."""
        rows = await tx.scalars(
            select(WebhookEndpoint)
            .where(WebhookEndpoint.site_id == site_id)
            .order_by(WebhookEndpoint.created_at, WebhookEndpoint.id)
        )
        return [_view(row) for row in rows]

    async def one(self, tx: Tx, site_id: str, endpoint_id: str) -> EndpointView:
        """One endpoint of the site. Raises NotFound."""
        row = await tx.scalar(
            select(WebhookEndpoint).where(
                WebhookEndpoint.id == _known(endpoint_id), WebhookEndpoint.site_id == site_id
            )
        )
        if row is None:
            raise NotFound
        return _view(row)

    async def log(self, tx: Tx, endpoint_id: str) -> list[DeliveryView]:
        """The latest deliveries of an endpoint that `one` gave, with their tries."""
        rows = (
            await tx.scalars(
                select(WebhookDelivery)
                .where(WebhookDelivery.endpoint_id == endpoint_id)
                .order_by(WebhookDelivery.created_at.desc(), WebhookDelivery.id.desc())
                .limit(SHOWN)
            )
        ).all()
        tries = await tx.scalars(
            select(WebhookTry)
            .where(WebhookTry.delivery_id.in_([row.id for row in rows]))
            .order_by(WebhookTry.id.desc())
        )
        return _with_tries(rows, tries.all())

    async def _record(
        self,
        tx: Tx,
        actor: Actor,
        what: str,
        site_id: str,
        endpoint_id: str,
        url: str,
        changes: Mapping[str, tuple[object, object]] | None = None,
    ) -> None:
        """Into the audit log, with the host alone: some put a secret behind it."""
        parts = urlsplit(url)
        await record(
            tx, self._clock(), actor, f"webhooks.{what}", site_id=site_id, target_id=endpoint_id,
            target_name=f"{parts.scheme}://{parts.hostname}", changes=changes,
        )  # fmt: skip

    def _check_url(self, url: str) -> str:
        address = check_address(url, self._allowed)
        # Messages would cross the internet for everybody to read; inside, the operator answers for the way.
        if address.scheme != "https" and address not in self._allowed:
            raise Invalid("Give an address that begins with https://.", code="webhook_needs_https")
        return address.url


def check_events(events: Collection[str]) -> list[str]:
    """The chosen events in their usual order. Raises Invalid for none, or one that there is not."""
    if not events or not set(events) <= set(EVENTS):
        raise Invalid("Choose at least one event from the list.", code="invalid_events")
    return [event for event in EVENTS if event in events]


async def seal_webhook_secrets(tx: Tx, sealer: Sealer) -> None:
    """Seal those that are older than sealing."""
    for row in await tx.scalars(select(WebhookEndpoint)):
        if not sealer.is_sealed(row.sealed):
            row.sealed = sealer.seal(row.sealed, row.id)
        if row.old_sealed and not sealer.is_sealed(row.old_sealed):
            row.old_sealed = sealer.seal(row.old_sealed, row.id)


async def _locked(tx: Tx, site_id: str, endpoint_id: str) -> WebhookEndpoint:
    row = await tx.scalar(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.id == _known(endpoint_id), WebhookEndpoint.site_id == site_id)
        .with_for_update()
    )
    if row is None:
        raise NotFound
    return row


def _known(raw: str) -> str:
    """An id as it may stand in an address; PostgreSQL would fail on a NUL in it."""
    if not raw.replace("_", "").isalnum():
        raise NotFound
    return raw


def _check_on(row: WebhookEndpoint) -> WebhookEndpoint:
    if row.state != "on":
        raise Conflict("This webhook is switched off. Switch it on first.", code="webhook_off")
    return row


def _view(row: WebhookEndpoint) -> EndpointView:
    state: EndpointState = row.state  # type: ignore[assignment]  # the column holds only these words
    return EndpointView(
        row.id,
        row.url,
        tuple(row.events),
        state,
        row.failing_since,
        row.last_ok_at,
        row.old_secret_until,
        row.created_at,
    )


def _with_tries(rows: Sequence[WebhookDelivery], tries: Sequence[WebhookTry]) -> list[DeliveryView]:
    by_delivery: dict[str, list[TryView]] = {row.id: [] for row in rows}
    for t in tries:
        by_delivery[t.delivery_id].append(TryView(t.created_at, t.status, t.ms, t.error))
    views = []
    for row in rows:
        state: DeliveryState = row.state  # type: ignore[assignment]  # the column holds only these words
        views.append(
            DeliveryView(row.id, row.event, state, row.next_at, row.created_at, tuple(by_delivery[row.id]))
        )
    return views
