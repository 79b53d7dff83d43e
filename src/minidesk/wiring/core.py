"""Rows, files, jobs, live events: what every command needs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from minidesk.channels import MailOutbox, Outbox
from minidesk.conversations import Attachments
from minidesk.db import Database
from minidesk.db.migrate import migrate
from minidesk.db.models import utc_now
from minidesk.errors import Invalid, NotFound
from minidesk.files import FileStore
from minidesk.gateway import CallRecord
from minidesk.insight.metrics import Metrics
from minidesk.jobs import JobQueue
from minidesk.live import EventLog, Hub, Listener, Presence
from minidesk.settings import Settings
from minidesk.sites import SiteView, create_site, list_sites, site_by_key
from minidesk.sites.spending import Ceilings, Spending
from minidesk.text.locale import Texts, load_texts

DEFAULT_SITE = "default"


@dataclass(frozen=True, slots=True)
class Core:
    """What every command needs. Nothing heavy is loaded."""

    settings: Settings
    clock: Callable[[], datetime]
    db: Database
    hub: Hub
    jobs: JobQueue
    events: EventLog
    files: FileStore
    attachments: Attachments
    texts: Texts
    spending: Spending
    metrics: Metrics
    outbox: Outbox
    presence: Presence

    async def book(self, record: CallRecord) -> None:
        """Where the ledger's lines go."""
        self.metrics.called(record)
        await self.spending.book(record)

    async def site(self, key: str | None) -> SiteView:
        """The site with this key, or the only one there is. Raises NotFound, or Invalid where there are several."""
        async with self.db.read() as tx:
            if key is not None:
                try:
                    return await site_by_key(tx, key)
                except NotFound as error:
                    raise NotFound(
                        f"There is no site with the key {key}: `minidesk sites list` names them."
                    ) from error
            found = await list_sites(tx)
        if len(found) != 1:
            raise Invalid(
                "There are several sites: say which one with --site KEY (`minidesk sites list` names them)."
            )
        return found[0]


@asynccontextmanager
async def open_core(settings: Settings, clock: Callable[[], datetime] = utc_now) -> AsyncIterator[Core]:
    """Open the database, bring it up to date, and make sure that there is a site."""
    await asyncio.to_thread(settings.data_dir.mkdir, parents=True, exist_ok=True)
    db = Database(settings.resolved_database_url)
    hub = Hub()
    jobs = JobQueue(hub, clock)
    outbox = Outbox(jobs, clock, settings.base_url)
    listeners: list[Listener] = [outbox.heard]
    if settings.mails:
        listeners.append(MailOutbox(jobs, clock).heard)
    spending = Spending(db, clock, ceilings_of(settings))
    try:
        await migrate(db, settings.data_dir)
        async with db.write() as tx:
            if not await list_sites(tx):
                await create_site(tx, name=DEFAULT_SITE, now=clock())
        yield Core(
            settings=settings,
            clock=clock,
            db=db,
            hub=hub,
            jobs=jobs,
            events=EventLog(hub, clock, listeners),
            files=FileStore(settings.data_dir / "files"),
            attachments=build_attachments(settings, db, clock),
            texts=load_texts(),
            spending=spending,
            metrics=Metrics(),
            outbox=outbox,
            presence=Presence(clock),
        )
    finally:
        await spending.close()
        await db.close()


def attachment_files(settings: Settings) -> FileStore:
    """Where the bytes of messages' files are: apart from the documents', which are removed by other rules."""
    return FileStore(settings.data_dir / "attachments")


def build_attachments(settings: Settings, db: Database, clock: Callable[[], datetime]) -> Attachments:
    """The files of messages."""
    return Attachments(
        db,
        attachment_files(settings),
        clock,
        max_bytes=settings.attachment_max_bytes,
        max_pixels=settings.attachment_max_pixels,
    )


def ceilings_of(settings: Settings) -> Ceilings:
    """What may be spent."""
    return Ceilings(
        site_day=settings.model_daily_budget_usd,
        site_month=settings.model_monthly_budget_usd,
        all_day=settings.model_daily_budget_all_usd,
        all_month=settings.model_monthly_budget_all_usd,
        visitor_day=settings.model_daily_budget_visitor_usd,
        visitor_month=settings.model_monthly_budget_visitor_usd,
    )
