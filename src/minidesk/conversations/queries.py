"""Conversations as people read them: frozen records, never rows."""

from collections.abc import Sequence

from sqlalchemy import or_, select

from minidesk.conversations.attachments import attachments_of
from minidesk.conversations.records import AttachmentView, CitationView, ConversationLine, MessageView
from minidesk.db import Tx
from minidesk.db.models import Agent, Citation, Conversation, Message

# A list shows the beginning of the last message, not the whole of it.
LAST_TEXT_CHARS = 140


async def transcript(
    tx: Tx,
    conversation_id: str,
    *,
    include_notes: bool,
    before_seq: int | None = None,
    last: int | None = None,
    from_seq: int | None = None,
) -> list[MessageView]:
    """The messages in order, with their citations.

    `include_notes` is for agents: without it notes, scores and costs are left out. An answer of the assistant
    that ended without a word (stopped, or handed off at once) is no message and is left out too. `before_seq`
    keeps to what stands before that message, and to answers to it though they were begun later; `last` cuts a window
    from the end of a long thread, and `from_seq` leaves out what stands before that number.
    """
    query = (
        select(Message, Agent.name)
        .outerjoin(Agent, Agent.id == Message.agent_id)
        .where(Message.conversation_id == conversation_id)
    )
    if not include_notes:
        query = query.where(Message.author != "note")
    if before_seq is not None:
        before = select(Message.id).where(
            Message.conversation_id == conversation_id, Message.seq < before_seq
        )
        query = query.where(or_(Message.seq < before_seq, Message.reply_to.in_(before)))
    if from_seq is not None:
        query = query.where(Message.seq >= from_seq)
    rows = [
        (message, name) for message, name in await tx.execute(query.order_by(Message.seq.desc()).limit(last))
    ]
    rows = [
        (m, name) for m, name in reversed(rows) if m.text or m.state == "streaming" or m.author != "assistant"
    ]
    citations = await citations_of(tx, [m.id for m, _ in rows if m.author == "assistant"])
    files = await attachments_of(tx, [m.id for m, _ in rows if m.author in ("visitor", "agent")])
    return [
        message_view(m, name, citations.get(m.id, ()), files.get(m.id, ()), for_agents=include_notes)
        for m, name in rows
    ]


async def citations_of(tx: Tx, message_ids: Sequence[str]) -> dict[str, tuple[CitationView, ...]]:
    """The citations of these messages, each message's in the order of their numbers."""
    if not message_ids:
        return {}
    found: dict[str, tuple[CitationView, ...]] = {}
    rows = await tx.scalars(select(Citation).where(Citation.message_id.in_(message_ids)).order_by(Citation.n))
    for row in rows:
        found[row.message_id] = (*found.get(row.message_id, ()), citation_view(row))
    return found


def citation_view(row: Citation) -> CitationView:
    """A citation without our own ids."""
    spans = tuple((int(start), int(end)) for start, end in row.sentences)
    return CitationView(row.n, row.document, row.title, row.url, row.quote, spans)


def message_view(
    row: Message,
    agent_name: str | None,
    citations: tuple[CitationView, ...] = (),
    attachments: tuple[AttachmentView, ...] = (),
    *,
    for_agents: bool,
) -> MessageView:
    """A row as a record; what only agents may know is left out unless `for_agents`."""
    return MessageView(
        id=row.id,
        seq=row.seq,
        author=row.author,  # type: ignore[arg-type]  # the column holds only Author's words
        name=first_name(agent_name),
        text=row.text,
        at=row.created_at,
        state=row.state,
        attempt=row.attempt,
        client_id=row.client_id,
        reply_to=row.reply_to,
        outcome=row.outcome,
        kind=row.kind,
        citations=citations,
        offer_person=row.offer_person,
        choices=tuple(row.choices),
        helpful=row.helpful,
        attachments=attachments,
        agent_id=row.agent_id if for_agents else None,
        score=row.score if for_agents else None,
        model=row.model if for_agents else None,
        cost_micros=row.cost_micros if for_agents else 0,
        ms=row.ms if for_agents else None,
        feedback_reason=row.feedback_reason if for_agents else None,
        channel=row.channel if for_agents else None,
    )


def first_name(name: str | None) -> str | None:
    """What visitors see of an agent's name."""
    return name.split()[0] if name and name.split() else None


async def list_for_visitor(tx: Tx, visitor_id: str, limit: int = 20) -> list[ConversationLine]:
    """The visitor's conversations, the latest first."""
    last_text = (
        select(Message.text)
        .where(Message.conversation_id == Conversation.id, Message.author != "note", Message.text != "")
        .order_by(Message.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await tx.execute(
        select(Conversation, last_text)
        .where(Conversation.visitor_id == visitor_id)
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(limit)
    )
    return [
        ConversationLine(c.id, c.holder, (text or "")[:LAST_TEXT_CHARS], c.last_message_at, c.created_at)
        for c, text in rows
    ]


async def latest_open(tx: Tx, visitor_id: str) -> str | None:
    """The id of the visitor's latest conversation that is not closed."""
    return await tx.scalar(
        select(Conversation.id)
        .where(Conversation.visitor_id == visitor_id, Conversation.holder != "closed")
        .order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
        .limit(1)
    )
