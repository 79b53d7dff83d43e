"""A desk whose events go out, a receiver that does as it is told, and a hand that runs the jobs."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from tests.conftest import FakeClock
from tests.desk import Desk, embed_words, open_desk

from minidesk.accounts import Sealer
from minidesk.channels import QUEUE, Deliverer, Endpoints, Outbox
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.handoff import Handoff, next_line
from minidesk.live import EventLog
from minidesk.outbound import Allowed, Outbound
from minidesk.text.locale import load_texts
from minidesk.tickets import Tickets

BASE = "https://desk.example.com"


@dataclass
class Received:
    """One request."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A customer's server. It answers with the next of `statuses`, and then with the last one for ever."""

    port: int = 0
    statuses: list[int] = field(default_factory=lambda: [204])
    location: str = ""
    silent: bool = False
    got: list[Received] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    async def wait_for(self, n: int) -> None:
        """Return when `n` requests came."""
        async with asyncio.timeout(60):
            while len(self.got) < n:
                self.came.clear()
                await self.came.wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read one request whole, and answer."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = [line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line]
        headers = {name.lower(): value for name, value in lines}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.got.append(Received({":line": head.split("\r\n", 1)[0], **headers}, body))
        self.came.set()
        if self.silent:
            await reader.read()  # until the other side hangs up
        else:
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            where = f"Location: {self.location}\r\n" if self.location else ""
            writer.write(f"HTTP/1.1 {status} X\r\n{where}Content-Length: 2\r\n\r\nok".encode())
            await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Listens on a free port."""
    found = Receiver()
    server = await asyncio.start_server(found.answer, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


@dataclass
class Channels:
    """What a test holds in its hands."""

    desk: Desk
    outbox: Outbox
    endpoints: Endpoints
    deliverer: Deliverer

    @property
    def site_id(self) -> str:
        return self.desk.conversation.site_id

    async def add(self, receiver: Receiver, *events: str) -> tuple[str, str]:
        """An endpoint at the receiver: its id and its secret."""
        async with self.desk.db.write() as tx:
            made = await self.endpoints.add(tx, site_id=self.site_id, url=receiver.url, events=events)
        return made.id, made.secret

    async def work(self) -> int:
        """Run all jobs that are due; how many there were."""
        done = 0
        while (job := await self.desk.jobs.claim(self.desk.db, QUEUE, "w:1")) is not None:
            await self.deliverer.run(job)
            await self.desk.jobs.finish(self.desk.db, job)
            done += 1
        return done


@pytest.fixture
async def channels(db: Database, clock: FakeClock, receiver: Receiver) -> Channels:
    """A desk on the test's own database; the receiver's address is one that the operator allows."""
    desk = await open_desk(db, clock)
    outbox = Outbox(desk.jobs, clock, BASE)
    events = EventLog(desk.hub, clock, (outbox.heard,))
    conversations = Conversations(events, desk.jobs, clock)
    tickets = Tickets(events, conversations, clock)
    line = next_line(load_texts())
    desk = dataclasses.replace(
        desk,
        events=events,
        conversations=conversations,
        tickets=tickets,
        handoff=Handoff(db, conversations, tickets, embed_words, line, clock),
    )
    allow = f"127.0.0.1:{receiver.port}"
    sealer = Sealer(bytes(32))
    deliverer = Deliverer(db, outbox, Outbound(allow), clock, sealer, seconds=0.5, chance=lambda: 0.5)
    return Channels(desk, outbox, Endpoints(outbox, clock, Allowed(allow), sealer), deliverer)
