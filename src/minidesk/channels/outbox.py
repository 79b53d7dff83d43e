"""The outbox: what an endpoint shall be told is a row of the transaction in which it happened, with its job.

So nothing is told that did not happen, and nothing that happened is forgotten when the process dies.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select

from minidesk.channels.payloads import body_of, happenings
from minidesk.channels.records import QUEUE
from minidesk.db import Tx
from minidesk.db.models import Site, WebhookDelivery, WebhookEndpoint, new_id
from minidesk.jobs import JobQueue
from minidesk.live import Appended

KIND = "webhook"
# Events of an answer in progress come many a second, and none of them is told outside.
_TOLD = ("message", "ticket", "rating", "rule", "due")


class Outbox:
    """Listens to the event log and writes deliveries. It reads and writes in the transaction that it is handed."""

    def __init__(self, jobs: JobQueue, clock: Callable[[], datetime], base_url: str) -> None:
        self._jobs = jobs
        self._clock = clock
        self._base_url = base_url

    async def heard(self, tx: Tx, appended: Appended) -> None:
        """Write a delivery for every endpoint of the site that wants to know of this event."""
        if appended.type not in _TOLD and appended.n != 1:
            return
        found = await tx.execute(
            select(WebhookEndpoint.id, WebhookEndpoint.events).where(
                WebhookEndpoint.site_id == appended.site_id, WebhookEndpoint.state == "on"
            )
        )
        endpoints = [(id, events) for id, events in found]
        if not endpoints:
            return
        key = await tx.scalar(select(Site.key).where(Site.id == appended.site_id))
        for happening in await happenings(tx, appended):
            wanted_by = [id for id, events in endpoints if happening.event in events]
            if wanted_by:
                body = await body_of(tx, happening, key or "", self._base_url)
                for endpoint_id in wanted_by:
                    await self.put(tx, endpoint_id, happening.event, body)

    async def put(self, tx: Tx, endpoint_id: str, event: str, body: str) -> str:
        """Write one delivery and its job; the delivery's id, which is the `webhook-id` of all its tries."""
        now = self._clock()
        row = WebhookDelivery(
            id=new_id("msg"),
            endpoint_id=endpoint_id,
            event=event,
            body=body,
            state="waiting",
            round=1,
            round_tries=0,
            tries=0,
            next_at=now,
            created_at=now,
        )
        tx.add(row)
        await self.send_at(tx, row, None)
        return row.id

    async def send_at(self, tx: Tx, row: WebhookDelivery, at: datetime | None) -> None:
        """Enqueue the next try of a delivery; without a time, at once."""
        step = row.round_tries + 1
        await self._jobs.enqueue(
            tx,
            queue=QUEUE,
            kind=KIND,
            payload={"delivery_id": row.id, "round": row.round, "step": step},
            key=f"webhook:{row.id}:{row.round}:{step}",
            run_at=at,
        )
