"""Spam: out of the inbox for good, and, where an agent says so, its writer may not write to the site any more."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from minidesk.accounts import access_site
from minidesk.conversations import Conversations, lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Agent, Block, Conversation, Visitor, new_id
from minidesk.errors import NotAllowed, NotFound
from minidesk.tickets.actions import Tickets
from minidesk.tickets.rows import active_ticket

Kind = Literal["visitor", "email"]
LISTED = 200  # blocks on one page; older ones still hold
CLEANED = 500  # conversations of one visitor that a block puts away at once


@dataclass(frozen=True, slots=True)
class BlockView:
    """Who may not write. `said`: the latest conversation of theirs, to see whom one lets back in."""

    id: str
    kind: Kind
    value: str
    visitor_name: str | None
    created_at: datetime
    created_by: str | None
    conversation_id: str | None


async def mark_spam(
    tx: Tx, tickets: Tickets, conversations: Conversations, conversation_id: str, agent_id: str, now: datetime
) -> None:
    """Put a conversation out of the inbox and close its ticket; no answer is written to it any more. Raises NotFound."""
    row = await lock_conversation(tx, conversation_id)
    await access_site(tx, agent_id, row.site_id)
    row.spam_at = row.spam_at or now
    ticket = await active_ticket(tx, conversation_id, lock=True)
    if ticket is not None:
        await tickets.set_status(tx, ticket.id, "closed")
    await conversations.close(tx, conversation_id)


async def not_spam(tx: Tx, conversation_id: str, agent_id: str) -> None:
    """Into the inbox again; the ticket stays closed. Raises NotFound."""
    row = await lock_conversation(tx, conversation_id)
    await access_site(tx, agent_id, row.site_id)
    row.spam_at = None


async def block_writer(
    tx: Tx,
    tickets: Tickets,
    conversations: Conversations,
    conversation_id: str,
    agent_id: str,
    kinds: Collection[str],
    now: datetime,
) -> int:
    """Block who wrote a conversation, as this visitor, by their address, or both; how many conversations went with it.

    `kinds` are of Kind. All conversations of theirs in the site are put away as spam. Raises NotFound.
    """
    row = await tx.get(Conversation, conversation_id)
    if row is None:
        raise NotFound
    await access_site(tx, agent_id, row.site_id)
    visitor = await tx.get_one(Visitor, row.visitor_id)
    if "visitor" in kinds:
        await _put(tx, row.site_id, "visitor", visitor.id, agent_id, now)
    if "email" in kinds and visitor.email:
        await _put(tx, row.site_id, "email", visitor.email.lower(), agent_id, now)
    await _lock_visitor(tx, visitor.id)
    theirs = await tx.scalars(
        select(Conversation.id)
        .where(
            Conversation.visitor_id == visitor.id,
            Conversation.site_id == row.site_id,
            Conversation.spam_at.is_(None),
        )
        .order_by(Conversation.id)
        .limit(CLEANED)
    )
    away = sorted({conversation_id, *theirs})
    for id in away:
        await mark_spam(tx, tickets, conversations, id, agent_id, now)
    return len(away)


async def unblock(tx: Tx, site_id: str, block_id: str) -> None:
    """Let them write again. Raises NotFound."""
    gone = None
    if "\0" not in block_id:  # PostgreSQL refuses to look for it
        gone = await tx.scalar(
            delete(Block).where(Block.id == block_id, Block.site_id == site_id).returning(Block)
        )
    if gone is None:
        raise NotFound
    if gone.kind == "visitor":
        await _lock_visitor(tx, gone.value)
        theirs = (
            Conversation.visitor_id == gone.value,
            Conversation.site_id == site_id,
            Conversation.spam_at.is_not(None),
        )
        in_order = select(Conversation.id).where(*theirs).order_by(Conversation.id)
        await tx.execute(in_order.with_for_update(key_share=True))
        await tx.execute(update(Conversation).where(*theirs).values(spam_at=None))


async def list_blocks(tx: Tx, site_id: str) -> list[BlockView]:
    """Who may not write to the site, the latest first."""
    latest = (
        select(Conversation.id)
        .where(Conversation.visitor_id == Block.value, Conversation.site_id == Block.site_id)
        .order_by(Conversation.last_message_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = await tx.execute(
        select(Block, Visitor.name, Agent.name, latest)
        .outerjoin(Visitor, Visitor.id == Block.value)
        .outerjoin(Agent, Agent.id == Block.created_by)
        .where(Block.site_id == site_id)
        .order_by(Block.created_at.desc(), Block.id)
        .limit(LISTED)
    )
    return [
        BlockView(
            b.id, "email" if b.kind == "email" else "visitor", b.value, name, b.created_at, by, latest_id
        )
        for b, name, by, latest_id in rows
    ]


async def check_not_blocked(tx: Tx, site_id: str, visitor_id: str) -> None:
    """Raises NotAllowed where this visitor, or whoever has their address, may not write to the site."""
    row = await tx.get(Visitor, visitor_id)
    address = (row.email or "").lower() if row else ""
    theirs: ColumnElement[bool] = (Block.kind == "visitor") & (Block.value == visitor_id)
    if address:
        theirs = or_(theirs, (Block.kind == "email") & (Block.value == address))
    if await tx.scalar(select(Block.id).where(Block.site_id == site_id, theirs).limit(1)) is not None:
        raise NotAllowed("Messages from here are not taken any more.", code="blocked")


async def _put(tx: Tx, site_id: str, kind: Kind, value: str, agent_id: str, now: datetime) -> None:
    insert = sqlite.insert if tx.get_bind().dialect.name == "sqlite" else postgresql.insert
    row = insert(Block).values(
        id=new_id("blk"), site_id=site_id, kind=kind, value=value, created_by=agent_id, created_at=now
    )
    await tx.execute(row.on_conflict_do_nothing(index_elements=["site_id", "kind", "value"]))


async def _lock_visitor(tx: Tx, visitor_id: str) -> None:
    """One at a time puts away or brings back all that somebody wrote.

    Whoever does it takes the block, the visitor and the conversations in this order, and these by their ids: two of
    them who begin with a conversation each would wait for each other.
    """
    await tx.execute(select(Visitor.id).where(Visitor.id == visitor_id).with_for_update(key_share=True))
