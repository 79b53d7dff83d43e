"""A site with one visitor, two agents and an open conversation, and everything that acts on it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from minidesk.conversations import AnswerPart, CitationDraft, Conversations, MessageView, transcript
from minidesk.db import Database
from minidesk.db.models import Agent, Conversation, Ticket
from minidesk.handoff import Handoff, late_line, next_line
from minidesk.jobs import JobQueue
from minidesk.live import EventLog, Hub, StoredEvent
from minidesk.text.locale import load_texts
from minidesk.text.words import content_stems
from minidesk.tickets import Tending, Tickets, TicketView, ticket_detail
from tests.conftest import FakeClock
from tests.rows import add_agent, add_conversation


def part(text: str, n: int = 1) -> AnswerPart:
    """A sentence that cites the same small document."""
    draft = CitationDraft(
        n=n,
        chunk_id=f"chk_{n}",
        document_id="doc_1",
        version_id="ver_1",
        document="returns.md",
        title="Returns",
        url="/returns",
        quote="You have 30 days.",
        start=0,
        end=17,
    )
    return AnswerPart(text, (draft,))


async def embed_words(texts: Sequence[str]) -> list[list[float]]:
    """Vectors whose cosine is the share of common stems: likeness without a model."""
    rows = []
    for text in texts:
        row = [0.0] * 512
        for stem in set(content_stems(text)):
            row[int(hashlib.sha256(stem.encode()).hexdigest(), 16) % 512] = 1.0
        length = sum(row) ** 0.5 or 1.0
        rows.append([value / length for value in row])
    return rows


@dataclass
class Desk:
    """What a test holds in its hands."""

    db: Database
    clock: FakeClock
    hub: Hub
    events: EventLog
    jobs: JobQueue
    conversations: Conversations
    tickets: Tickets
    tending: Tending
    handoff: Handoff
    conversation: Conversation
    mara: Agent
    jonas: Agent

    async def say(self, text: str, client_id: str | None = None) -> MessageView:
        """The visitor posts a message."""
        async with self.db.write() as tx:
            posted = await self.conversations.post_visitor_message(
                tx, self.conversation, client_id=client_id or f"c-{text}"[:60], text=text
            )
            if posted.created:
                await self.tickets.visitor_wrote(tx, posted.message, self.conversation.id)
        return posted.message

    async def row(self) -> Conversation:
        """The conversation as it stands."""
        async with self.db.read() as tx:
            return await tx.get_one(Conversation, self.conversation.id)

    async def messages(self, *, include_notes: bool = False) -> list[MessageView]:
        """The transcript."""
        async with self.db.read() as tx:
            return await transcript(tx, self.conversation.id, include_notes=include_notes)

    async def stored(self) -> list[StoredEvent]:
        """All events, those for agents too."""
        async with self.db.read() as tx:
            return await self.events.after(tx, self.conversation.id, 0, audience="agents")

    async def all_tickets(self) -> list[TicketView]:
        """Every ticket there is, by number."""
        async with self.db.read() as tx:
            ids = (await tx.scalars(select(Ticket.id).order_by(Ticket.number))).all()
            return [await ticket_detail(tx, ticket_id) for ticket_id in ids]

    async def job_count(self) -> int:
        """How many reply jobs wait; each is claimed and put back."""
        claimed = []
        while (job := await self.jobs.claim(self.db, "reply", "count")) is not None:
            claimed.append(job)
        for job in claimed:
            await self.jobs.release(self.db, job)
        return len(claimed)


async def open_desk(db: Database, clock: FakeClock, *, new: bool = True) -> Desk:
    """A desk with a site of its own, or, if not `new`, on the first one of a database that another process filled."""
    hub = Hub()
    events, jobs = EventLog(hub, clock), JobQueue(hub, clock)
    if new:
        conversation = await add_conversation(db, clock)
        mara = await add_agent(db, clock, conversation.site_id, "Mara Lindt")
        jonas = await add_agent(db, clock, conversation.site_id, "Jonas Weber")
    else:
        async with db.read() as tx:
            conversation = (await tx.scalars(select(Conversation).order_by(Conversation.id))).all()[0]
            mara, jonas = (await tx.scalars(select(Agent).order_by(Agent.id))).all()[:2]
    conversations = Conversations(events, jobs, clock)
    tickets = Tickets(events, conversations, clock)
    return Desk(
        db=db,
        clock=clock,
        hub=hub,
        events=events,
        jobs=jobs,
        conversations=conversations,
        tickets=tickets,
        tending=Tending(db, tickets, late_line(load_texts()), clock),
        handoff=Handoff(
            db, conversations, tickets, embed_words, next_line(load_texts()), clock, fingerprint="words"
        ),
        conversation=conversation,
        mara=mara,
        jonas=jonas,
    )
