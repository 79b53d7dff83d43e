"""What the pages should say, by agents: the right answer instead of a wrong one, or what solved a ticket.

Both wait for an editor, who writes an entry of it or puts it aside.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from minidesk.accounts import access_site
from minidesk.db import Tx
from minidesk.db.models import Agent, Citation, Conversation, Correction, Message, Ticket, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.text.normalise import check_text

Kind = Literal["wrong", "article"]

RIGHT_CHARS = 4_000
LISTED = 100


@dataclass(frozen=True, slots=True)
class CorrectionView:
    """A gap. `given`: the wrong answer, if there was one; `documents`: (public id, title) of what it cited, which may have to be changed."""

    id: str
    conversation_id: str
    kind: Kind
    question: str
    given: str
    right: str
    by: str | None
    created_at: datetime
    documents: tuple[tuple[str, str], ...]


async def correct_answer(
    tx: Tx, conversation: Conversation, agent_id: str, message_id: str, right: str, now: datetime
) -> str:
    """Say that an answer of a conversation, which the agent may see, was wrong, and what is right. Once more replaces it.

    Raises NotFound for another conversation's message, and Invalid for what is no answer, or where nothing is written.
    """
    text = check_text(right, RIGHT_CHARS * 4)
    if not 0 < len(text) <= RIGHT_CHARS:
        raise Invalid(f"Write the right answer, in up to {RIGHT_CHARS} characters.", code="right_missing")
    query = select(Message).where(Message.id == message_id, Message.conversation_id == conversation.id)
    message = None if "\0" in message_id else await tx.scalar(query.with_for_update())
    if message is None:
        raise NotFound
    if message.author != "assistant" or message.state == "streaming":
        raise Invalid("Only an answer of the assistant can be corrected.", code="not_an_answer")
    row = await tx.scalar(select(Correction).where(Correction.message_id == message.id))
    if row is None:
        row = Correction(
            id=new_id("cor"),
            site_id=conversation.site_id,
            conversation_id=conversation.id,
            kind="wrong",
            message_id=message.id,
            question=await _question(tx, message),
            given=message.text,
            created_at=now,
        )
        tx.add(row)
    row.right, row.created_by, row.closed_at = text, agent_id, None
    await tx.flush()
    return row.id


async def propose_article(tx: Tx, conversation: Conversation, agent_id: str, now: datetime) -> str:
    """Propose what agents answered in a solved ticket of a conversation as an entry; once more renews it.

    Raises Conflict where nothing is solved, or no agent answered.
    """
    ticket = await tx.scalar(
        select(Ticket)
        .where(Ticket.conversation_id == conversation.id, Ticket.status.in_(("solved", "closed")))
        .order_by(Ticket.number.desc())
        .limit(1)
    )
    if ticket is None:
        raise Conflict("Solve the ticket first: what solved it becomes the article.", code="not_solved")
    texts = await tx.scalars(
        select(Message.text)
        .where(Message.conversation_id == conversation.id, Message.author == "agent", Message.text != "")
        .order_by(Message.seq)
    )
    answer = "\n\n".join(texts)[:RIGHT_CHARS]
    if not answer:
        raise Conflict("No agent answered here: there is nothing to make an article of.", code="no_answer")
    row = await tx.scalar(
        select(Correction).where(
            Correction.conversation_id == conversation.id,
            Correction.kind == "article",
            Correction.closed_at.is_(None),
        )
    )
    if row is None:
        row = Correction(
            id=new_id("cor"),
            site_id=conversation.site_id,
            conversation_id=conversation.id,
            kind="article",
            message_id=None,
            given="",
            created_at=now,
        )
        tx.add(row)
    row.question, row.right, row.created_by = ticket.subject, answer, agent_id
    await tx.flush()
    return row.id


async def article_of(tx: Tx, conversation_id: str) -> str | None:
    """The proposed article of a conversation that waits for an editor."""
    query = select(Correction.id).where(
        Correction.conversation_id == conversation_id,
        Correction.kind == "article",
        Correction.closed_at.is_(None),
    )
    return await tx.scalar(query.limit(1))


async def corrected_in(tx: Tx, conversation_id: str) -> dict[str, str]:
    """What agents wrote instead of wrong answers of a conversation, by the answer's id."""
    query = select(Correction.message_id, Correction.right).where(
        Correction.conversation_id == conversation_id, Correction.message_id.is_not(None)
    )
    return {message_id: right for message_id, right in await tx.execute(query) if message_id}


async def list_corrections(tx: Tx, site_id: str) -> list[CorrectionView]:
    """What is open, the latest first."""
    rows = list(
        await tx.execute(
            select(Correction, Agent.name)
            .outerjoin(Agent, Agent.id == Correction.created_by)
            .where(Correction.site_id == site_id, Correction.closed_at.is_(None))
            .order_by(Correction.created_at.desc(), Correction.id)
            .limit(LISTED)
        )
    )
    cited: dict[str, dict[str, str]] = {}
    found = select(Citation.message_id, Citation.document, Citation.title).order_by(Citation.n)
    for message_id, document, title in await tx.execute(
        found.where(Citation.message_id.in_([row.message_id for row, _ in rows]))
    ):
        cited.setdefault(message_id, {})[document] = title
    return [
        CorrectionView(
            row.id,
            row.conversation_id,
            "article" if row.kind == "article" else "wrong",
            row.question,
            row.given,
            row.right,
            name,
            row.created_at,
            tuple(cited.get(row.message_id or "", {}).items()),
        )
        for row, name in rows
    ]


async def access_correction(tx: Tx, site_id: str, correction_id: str) -> Correction:
    """A correction of the site, open or not. Raises NotFound."""
    row = None
    if "\0" not in correction_id:  # PostgreSQL refuses to look for it
        query = select(Correction).where(Correction.id == correction_id, Correction.site_id == site_id)
        row = await tx.scalar(query)
    if row is None:
        raise NotFound
    return row


async def close_correction(
    tx: Tx, site_id: str, agent_id: str, correction_id: str, now: datetime, source_id: str | None = None
) -> Correction:
    """An editor has dealt with it: `source_id` says it now, or it was put aside. Raises NotFound and NotAllowed."""
    await access_site(tx, agent_id, site_id, "editor")
    row = await access_correction(tx, site_id, correction_id)
    row.closed_at, row.closed_as = row.closed_at or now, source_id or row.closed_as
    return row


async def _question(tx: Tx, answer: Message) -> str:
    """What the visitor had asked."""
    query = select(Message.text).where(
        Message.conversation_id == answer.conversation_id,
        Message.author == "visitor",
        Message.seq < answer.seq,
    )
    if answer.reply_to:
        own = await tx.scalar(select(Message.text).where(Message.id == answer.reply_to))
        if own:
            return own
    return await tx.scalar(query.order_by(Message.seq.desc()).limit(1)) or ""
