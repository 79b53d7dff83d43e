"""Sends what the outbox holds: one request a job, its result and the next job in one transaction.

A process that dies between the request and that transaction repeats the request, with the same `webhook-id`: the
receiver can tell that it had it. One that dies after it finds the job again, and sees by the counters that it is done.
"""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from minidesk.accounts import Sealer
from minidesk.channels.outbox import Outbox
from minidesk.channels.signature import signed_headers
from minidesk.db import Database, Tx
from minidesk.db.models import WebhookDelivery, WebhookEndpoint, WebhookTry
from minidesk.errors import Invalid
from minidesk.jobs import ClaimedJob
from minidesk.outbound import Outbound

log = logging.getLogger(__name__)

# After each failed try: six tries in a little more than a day. A receiver that restarts is met by the first two, one
# that is down over night by the last two.
DELAYS = (
    timedelta(seconds=10),
    timedelta(minutes=5),
    timedelta(hours=1),
    timedelta(hours=5),
    timedelta(hours=18),
)
# Each delay is made up to a fifth longer, or everything that failed together would come back together.
JITTER = 0.2
TRY_SECONDS = 15.0  # for everything, to the answer's headers; what the specification recommends at least
# An endpoint without a success for so long is switched off when a delivery has used up its tries.
FAILING_FOR = timedelta(days=3)
LOG_KEPT = timedelta(days=30)
GONE = 410  # "do not come back", by the specification

NO_ANSWER, REDIRECT, REFUSED, BROKEN, SWITCHED_OFF = "no_answer", "redirect", "refused", "broken", "off"
CANNOT_SIGN = "no_secret"  # sealed with a key that is lost: nobody could tell that the event is ours


@dataclass(frozen=True, slots=True)
class _Due:
    delivery_id: str
    round: int
    step: int
    url: str
    body: bytes
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of a request; `error` is empty where the receiver took the event."""

    status: int | None
    ms: int
    error: str


class Deliverer:
    """The handler of `webhook` jobs."""

    def __init__(
        self,
        db: Database,
        outbox: Outbox,
        outbound: Outbound,
        clock: Callable[[], datetime],
        sealer: Sealer,
        *,
        seconds: float = TRY_SECONDS,
        chance: Callable[[], float] = lambda: secrets.randbelow(1000) / 1000,
    ) -> None:
        """`chance` gives numbers from 0 to 1 for the jitter; `seconds` is the time a receiver has."""
        self._db = db
        self._outbox = outbox
        self._outbound = outbound
        self._clock = clock
        self._sealer = sealer
        self._seconds = seconds
        self._chance = chance

    async def run(self, job: ClaimedJob) -> None:
        """One try. Failures of the receiver are written down here, and are no failures of the job."""
        due = await self._due(job)
        if due is None:
            return
        result = await self._send(due) if due.keys else _Result(None, 0, CANNOT_SIGN)
        async with self._db.write() as tx:
            await self._book(tx, due, result)

    async def _due(self, job: ClaimedJob) -> _Due | None:
        """What is to be sent; None where it was sent, sent again by hand, deleted, or switched off meanwhile."""
        now = self._clock()
        async with self._db.write() as tx:
            found = await _lock(tx, job.payload["delivery_id"])
            if found is None:
                return None
            endpoint, row = found
            due = (row.state, row.round, row.round_tries + 1)
            if due != ("waiting", job.payload["round"], job.payload["step"]):
                return None
            if endpoint.state != "on":
                row.state, row.next_at = "failed", None
                tx.add(_try(row, _Result(None, 0, SWITCHED_OFF), now))
                return None
            keys = [endpoint.sealed]
            if endpoint.old_sealed and endpoint.old_secret_until and endpoint.old_secret_until > now:
                keys.append(endpoint.old_sealed)
            opened = tuple(secret for key in keys if (secret := self._opened(endpoint.id, key)) is not None)
            return _Due(row.id, row.round, due[2], endpoint.url, row.body.encode(), opened)

    def _opened(self, endpoint_id: str, kept: str) -> str | None:
        secret = self._sealer.read(kept, endpoint_id)
        if secret is None:
            log.warning(
                "a webhook's secret was sealed with another secret.key: renew it",
                extra={"endpoint": endpoint_id},
            )
        return secret

    async def _send(self, due: _Due) -> _Result:
        headers = signed_headers(due.keys, due.delivery_id, int(self._clock().timestamp()), due.body)
        began = time.monotonic()
        status = None
        try:
            answer = await self._outbound.post(
                due.url,
                due.body,
                headers={"Content-Type": "application/json", **headers},
                seconds=self._seconds,
            )
            status = answer.status
            error = _error_of(status)
        except Invalid:
            error = NO_ANSWER
        return _Result(status, round((time.monotonic() - began) * 1000), error)

    async def _book(self, tx: Tx, due: _Due, result: _Result) -> None:
        found = await _lock(tx, due.delivery_id)
        if found is None:
            return
        endpoint, row = found
        now = self._clock()
        tx.add(_try(row, result, now))
        row.tries += 1
        if not result.error:
            row.state, row.next_at = "delivered", None
            endpoint.last_ok_at, endpoint.failing_since = now, None
            await _forget_old(tx, endpoint.id, now)
        elif row.state == "waiting" and (row.round, row.round_tries + 1) == (due.round, due.step):
            endpoint.failing_since = endpoint.failing_since or now
            row.round_tries += 1
            await self._after_failure(tx, endpoint, row, result, now)

    async def _after_failure(
        self, tx: Tx, endpoint: WebhookEndpoint, row: WebhookDelivery, result: _Result, now: datetime
    ) -> None:
        gone = result.status == GONE
        if not gone and row.round_tries <= len(DELAYS):
            delay = DELAYS[row.round_tries - 1]
            row.next_at = now + delay * (1 + JITTER * self._chance())
            await self._outbox.send_at(tx, row, row.next_at)
            return
        row.state, row.next_at = "failed", None
        failing = endpoint.failing_since is not None and endpoint.failing_since <= now - FAILING_FOR
        if endpoint.state == "on" and (gone or failing):
            endpoint.state = "gone" if gone else "failing"
            log.warning("a webhook was switched off", extra={"endpoint": endpoint.id, "why": endpoint.state})


def _error_of(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return REDIRECT
    return REFUSED if status < 500 else BROKEN


async def _lock(tx: Tx, delivery_id: str) -> tuple[WebhookEndpoint, WebhookDelivery] | None:
    """Endpoint and delivery, locked in this order by everybody; None where they were deleted."""
    endpoint_id = await tx.scalar(
        select(WebhookDelivery.endpoint_id).where(WebhookDelivery.id == delivery_id)
    )
    if endpoint_id is None:
        return None
    endpoint = await tx.get(WebhookEndpoint, endpoint_id, with_for_update=True, populate_existing=True)
    row = await tx.get(WebhookDelivery, delivery_id, with_for_update=True, populate_existing=True)
    return (endpoint, row) if endpoint is not None and row is not None else None


def _try(row: WebhookDelivery, result: _Result, now: datetime) -> WebhookTry:
    return WebhookTry(
        delivery_id=row.id, status=result.status, ms=result.ms, error=result.error, created_at=now
    )


async def _forget_old(tx: Tx, endpoint_id: str, now: datetime) -> None:
    # The log would otherwise hold every message of the site a second time, for ever.
    await tx.execute(
        delete(WebhookDelivery).where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.created_at < now - LOG_KEPT,
            WebhookDelivery.state != "waiting",
        )
    )
