"""What only the visitor's pages ask for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from minidesk.conversations import (
    MessageView,
    access_conversation_as_visitor,
    access_message_as_visitor,
    transcript,
)
from minidesk.db import Tx
from minidesk.db.models import (
    Agent,
    Chunk,
    Citation,
    Conversation,
    Document,
    DocumentVersion,
    Ticket,
    Visitor,
)
from minidesk.errors import NotFound
from minidesk.files.pictures import PORTRAIT_TYPE
from minidesk.knowledge.lifecycle import may_answer
from minidesk.tickets import ACTIVE, active_ticket

# As much of a long thread as a widget shows at once.
MESSAGES = 200
# Around a quoted sentence: a few lines to see that it was not torn out.
CONTEXT_CHARS = 400


@dataclass(frozen=True, slots=True)
class ThreadView:
    """A conversation as its visitor sees it. `last_event` was read first: nothing after it is missing from the rest."""

    id: str
    site_id: str
    holder: str
    agent_name: str | None
    ticket_number: int | None
    ticket_status: str | None
    last_event: int
    messages: tuple[MessageView, ...]


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """The quoted words in their passage."""

    title: str
    url: str | None
    heading_path: tuple[str, ...]
    before: str
    quote: str
    after: str
    page: int | None


async def thread(tx: Tx, visitor_id: str, conversation_id: str) -> ThreadView:
    """The visitor's own conversation with its latest messages. Raises `NotFound`."""
    row = await access_conversation_as_visitor(tx, visitor_id, conversation_id)
    last_event = row.last_event
    messages = await transcript(tx, row.id, include_notes=False, last=MESSAGES)
    number, status = await _ticket(tx, row.id)
    return ThreadView(
        row.id,
        row.site_id,
        row.holder,
        await _holder_name(tx, row),
        number,
        status,
        last_event,
        tuple(messages),
    )


async def cited_passage(tx: Tx, visitor_id: str, message_id: str, n: int, now: datetime) -> CitedPassage:
    """Citation `n` of a message of the visitor's own. Raises `NotFound`.

    The version that was quoted may have been replaced, withdrawn or deleted since, or be for agents only: what stands around
    the quote is shown as long as it could be told a visitor now. The quote itself was kept.
    """
    message = await access_message_as_visitor(tx, visitor_id, message_id)
    citation = await tx.scalar(select(Citation).where(Citation.message_id == message.id, Citation.n == n))
    if citation is None:
        raise NotFound
    told = await tx.scalar(
        select(DocumentVersion.text)
        .join(Document, Document.current_version_id == DocumentVersion.id)
        .where(DocumentVersion.id == citation.version_id, may_answer(now))
    )
    text = told or ""
    chunk = await tx.get(Chunk, citation.chunk_id) if told is not None else None
    start, end = citation.start, citation.end
    if text[start:end] != citation.quote:
        text, start, end = citation.quote, 0, len(citation.quote)
    # The passage where it is still kept, else a window of the document; never more than a few lines either side.
    low = max(start - CONTEXT_CHARS, chunk.start if chunk is not None and chunk.start <= start else 0)
    high = min(end + CONTEXT_CHARS, chunk.end if chunk is not None and chunk.end >= end else len(text))
    return CitedPassage(
        title=citation.title,
        url=citation.url,
        heading_path=tuple(chunk.heading_path) if chunk is not None else (),
        before=text[low:start],
        quote=citation.quote,
        after=text[end:high],
        page=chunk.page if chunk is not None else None,
    )


async def waiting_before(tx: Tx, row: Conversation) -> int | None:
    """How many conversations of the site have waited for a person longer than this one; None if it does not wait."""
    number, _ = await _ticket(tx, row.id)
    if row.holder != "queue" or number is None:
        return None
    waiting = (
        select(func.count(Ticket.conversation_id.distinct()))
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(
            Conversation.site_id == row.site_id,
            Conversation.holder == "queue",
            Conversation.spam_at.is_(None),
            Ticket.status.in_(ACTIVE),
            Ticket.number < number,
            Ticket.conversation_id != row.id,
        )
    )
    return await tx.scalar(waiting) or 0


async def may_leave_address(tx: Tx, row: Conversation) -> bool:
    """Whether the visitor could be asked where an answer may go: nobody knows, and nobody has asked yet."""
    ticket = await active_ticket(tx, row.id)
    visitor = await tx.get_one(Visitor, row.visitor_id)
    return ticket is not None and ticket.late_told_at is None and not (visitor.verified and visitor.email)


async def agent_picture(tx: Tx, row: Conversation) -> str | None:
    """A small picture of who has the conversation, as a `data:` address."""
    if row.holder != "agent" or row.holder_agent_id is None:
        return None
    found = await tx.scalar(select(Agent.picture).where(Agent.id == row.holder_agent_id))
    return f"data:{PORTRAIT_TYPE};base64,{found}" if found else None


async def _holder_name(tx: Tx, row: Conversation) -> str | None:
    if row.holder != "agent" or row.holder_agent_id is None:
        return None
    name = await tx.scalar(select(Agent.name).where(Agent.id == row.holder_agent_id))
    return name.split()[0] if name and name.split() else None  # a visitor is told the first name only


async def _ticket(tx: Tx, conversation_id: str) -> tuple[int | None, str | None]:
    found = await tx.execute(
        select(Ticket.number, Ticket.status)
        .where(Ticket.conversation_id == conversation_id)
        .order_by(Ticket.number.desc())
        .limit(1)
    )
    row = found.one_or_none()
    return (row.number, row.status) if row else (None, None)
