"""A small app of the visitor's routes behind the guard, served by uvicorn on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from tests.conftest import FakeClock
from tests.gateway.conftest import Ledger
from tests.helpers.serving import serving

from minidesk.accounts import Sealer
from minidesk.channels import CopyOutbox
from minidesk.conversations import (
    AnswerEnd,
    AnswerHandle,
    AnswerPart,
    Attachments,
    CitationDraft,
    Conversations,
)
from minidesk.db import Database
from minidesk.files import FileStore
from minidesk.gateway import Route, Transcriber
from minidesk.handoff import Handoff, next_line
from minidesk.jobs import JobQueue
from minidesk.live import EventLog, Hub
from minidesk.settings import Settings
from minidesk.sites import SiteConfig, SiteView, Visitors, create_site
from minidesk.text.locale import load_texts
from minidesk.tickets import Tickets
from minidesk.web.assets import Assets
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.limits import RateLimiter
from minidesk.web.problems import install_error_handlers
from minidesk.web.visitor_api import (
    PageDeps,
    Streams,
    VisitorDeps,
    pages_router,
    plain_router,
    visitor_router,
)

SHOP = "https://shop.example.com"
API = "/api/widget/v1"
SEALER = Sealer(bytes(32))


async def embed(texts: Sequence[str]) -> Any:
    """Vectors without a model: every text is like every other."""
    return np.ones((len(texts), 2), dtype=np.float32) / np.sqrt(2)


@dataclass
class Desk:
    """What a test holds in its hands."""

    db: Database
    clock: FakeClock
    hub: Hub
    log: EventLog
    conversations: Conversations
    handoff: Handoff
    streams: Streams
    stopping: asyncio.Event
    app: FastAPI
    site: SiteView
    other: SiteView
    dist: Path
    attachments: Attachments
    files: Path
    jobs: JobQueue

    async def part(self, handle: AnswerHandle, text: str, n: int = 1) -> None:
        """A proved sentence more."""
        draft = CitationDraft(
            n, f"chk_{n}", "doc_1", "ver_1", "returns.md", "Returns", "/returns", "30 days", 9, 16
        )
        async with self.db.write() as tx:
            await self.conversations.append_sentence(tx, handle, AnswerPart(text, (draft,)))

    async def begin(self, message_id: str) -> AnswerHandle:
        """The assistant starts to answer."""
        async with self.db.write() as tx:
            return await self.conversations.begin_answer(tx, reply_to=message_id)

    async def finish(self, handle: AnswerHandle) -> None:
        """The answer is whole."""
        async with self.db.write() as tx:
            await self.conversations.finish_answer(
                tx, handle, AnswerEnd("reply", score=0.9, model="secret-model", cost_micros=7)
            )

    async def answer(self, message_id: str, *parts: str) -> AnswerHandle:
        """A whole answer."""
        handle = await self.begin(message_id)
        for n, text in enumerate(parts, 1):
            await self.part(handle, text, n)
        await self.finish(handle)
        return handle


class Visitor:
    """A browser with the widget."""

    def __init__(self, client: httpx.AsyncClient, token: str, visitor_id: str) -> None:
        self.client = client
        self.visitor_id = visitor_id
        self.headers = {"Authorization": f"Bearer {token}"}
        self.token = token

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """GET below the API."""
        return await self.client.get(API + path, headers=self.headers | more.pop("headers", {}), **more)

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """POST below the API."""
        headers = self.headers | more.pop("headers", {})
        return await self.client.post(API + path, json={} if body is None else body, headers=headers, **more)

    async def start(self) -> str:
        """A new conversation's id."""
        answer = await self.post(
            "/conversations", {"page_url": "https://shop.example.com/boots", "locale": "en"}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def say(self, conversation: str, text: str, client_id: str = "c1") -> dict[str, Any]:
        """A message as the server shows it."""
        answer = await self.post(
            f"/conversations/{conversation}/messages", {"client_id": client_id, "text": text}
        )
        assert answer.status_code == 202, answer.text
        message: dict[str, Any] = answer.json()["message"]
        return message

    @asynccontextmanager
    async def listen(
        self, conversation: str, *, after: int | None = None, last_event_id: str | None = None
    ) -> AsyncIterator["Listener"]:
        """An open event stream."""
        query = "" if after is None else f"?after={after}"
        headers = self.headers | ({} if last_event_id is None else {"Last-Event-ID": last_event_id})
        url = f"{API}/conversations/{conversation}/events{query}"
        async with self.client.stream("GET", url, headers=headers) as response:
            yield Listener(response)


@dataclass
class Seen:
    """An event as a browser gets it."""

    type: str
    id: int | None
    data: dict[str, Any]


class Listener:
    """Reads a stream event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.retry: str | None = None
        self.comments: list[str] = []
        self._lines = response.aiter_lines()

    async def next(self) -> Seen:
        """The next event; StopAsyncIteration at the end."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(30):
            while True:
                line = await anext(self._lines)
                if line.startswith(":"):
                    self.comments.append(line)
                elif line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif "retry" in fields:
                    self.retry = fields["retry"]
                    fields = {}
                elif fields:
                    id = fields.get("id")
                    return Seen(fields["event"], None if id is None else int(id), json.loads(fields["data"]))

    async def until(self, type: str) -> list[Seen]:
        """All events up to the first of this type, with it."""
        events = [await self.next()]
        while events[-1].type != type:
            events.append(await self.next())
        return events


@pytest.fixture
def limits() -> dict[str, Any]:
    """Settings that a test module may override."""
    return {}


@pytest.fixture
def voice() -> Route | None:
    """Models that write down voice notes; a test module may name some."""
    return None


@pytest.fixture
def ledger() -> Ledger:
    """What they cost."""
    return Ledger()


@pytest.fixture
async def desk(
    db: Database,
    clock: FakeClock,
    settings: Settings,
    limits: dict[str, Any],
    voice: Route | None,
    ledger: Ledger,
    tmp_path: Path,
) -> Desk:
    """The app's parts on the test's own database; `site` is the shop's, `other` another owner's."""
    hub, stopping, texts = Hub(), asyncio.Event(), load_texts()
    log = EventLog(hub, clock)
    jobs = JobQueue(hub, clock)
    conversations = Conversations(log, jobs, clock)
    tickets = Tickets(log, conversations, clock)
    handoff = Handoff(db, conversations, tickets, embed, next_line(texts), clock)
    settings = settings.model_copy(update=limits)
    streams = Streams(db, hub, stopping, settings.streams_per_visitor, settings.streams_per_address)
    attachments = Attachments(
        db,
        FileStore(settings.data_dir / "attachments"),
        clock,
        max_bytes=settings.attachment_max_bytes,
        max_pixels=settings.attachment_max_pixels,
    )
    deps = VisitorDeps(
        db,
        settings,
        clock,
        texts,
        Visitors(clock),
        conversations,
        tickets,
        handoff,
        streams,
        RateLimiter(clock),
        attachments,
        Transcriber(voice, ledger.book, ledger),
        SEALER,
        CopyOutbox(jobs, clock) if settings.mails else None,
    )
    app = FastAPI()
    app.include_router(visitor_router(deps))
    app.include_router(plain_router(deps))
    app.include_router(pages_router(PageDeps(db, texts, Assets(tmp_path / "dist"))))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules(body_seconds=1.0))
    config = SiteConfig(
        greeting="Servus", quick_replies=("Where is my parcel?",), privacy_url=f"{SHOP}/privacy"
    )
    async with db.write() as tx:
        site = await create_site(tx, name="Shop", now=clock(), origins=[SHOP], config=config)
        other = await create_site(tx, name="Other", now=clock(), origins=["https://other.example.com"])
    return Desk(
        db,
        clock,
        hub,
        log,
        conversations,
        handoff,
        streams,
        stopping,
        app,
        site,
        other,
        tmp_path / "dist",
        attachments,
        settings.data_dir,
        jobs,
    )


@pytest.fixture
async def client(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the served app. The poller runs beside it, as in the real server."""
    async with serving(desk.app, proxy_headers=False) as base, asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.streams.run())
        async with httpx.AsyncClient(
            base_url=base, timeout=30, limits=httpx.Limits(max_connections=100)
        ) as http:
            yield http
        desk.stopping.set()


async def open_visitor(client: httpx.AsyncClient, site: SiteView) -> Visitor:
    """A new visitor of a site."""
    answer = await client.post(f"{API}/sites/{site.key}/session", json={})
    assert answer.status_code == 200, answer.text
    return Visitor(client, answer.json()["token"], answer.json()["visitor"]["id"])


@pytest.fixture
async def visitor(client: httpx.AsyncClient, desk: Desk) -> Visitor:
    """A visitor of the shop."""
    return await open_visitor(client, desk.site)


@pytest.fixture
async def stranger(client: httpx.AsyncClient, desk: Desk) -> Visitor:
    """Another visitor of the same shop."""
    return await open_visitor(client, desk.site)
