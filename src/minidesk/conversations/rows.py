"""What every write to a conversation starts with and ends in: its row's lock, and a numbered message."""

from datetime import datetime
from typing import Any

from sqlalchemy import select

from minidesk.conversations.records import Author, Holder
from minidesk.db import Tx
from minidesk.db.models import Agent, Conversation, Message, new_id
from minidesk.errors import NotFound

_FRESH: dict[str, Any] = {
    "agent_id": None,
    "client_id": None,
    "reply_to": None,
    "channel": None,
    "state": "done",
    "attempt": 1,
    "outcome": None,
    "kind": None,
    "offer_person": False,
    "choices": [],
    "score": None,
    "model": None,
    "cost_micros": 0,
    "ms": None,
    "helpful": None,
}


async def lock_conversation(tx: Tx, conversation_id: str) -> Conversation:
    """The row as it stands now, locked to the end of the transaction. Raises NotFound.

    Everything that depends on the holder asks this row and writes in the same transaction. Without the lock an
    answer checked against the old holder could be stored after a person took over.
    """
    row = await tx.scalar(
        select(Conversation)
        .where(Conversation.id == conversation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NotFound
    return row


def add_message(
    tx: Tx, conversation: Conversation, now: datetime, *, author: Author, text: str, **fields: Any
) -> Message:
    """Add a message to a locked conversation: the next number, whatever the clocks say (F23)."""
    conversation.last_seq += 1
    conversation.last_message_at = now
    message = Message(
        # Set and not left to defaults: a field that was never set is read from the database at its first use.
        **{**_FRESH, **fields},
        id=new_id("msg"),
        conversation_id=conversation.id,
        seq=conversation.last_seq,
        author=author,
        text=text,
        created_at=now,
    )
    tx.add(message)
    return message


async def agent_name(tx: Tx, agent_id: str | None) -> str | None:
    """An agent's whole name, or None if there is no such agent."""
    return await tx.scalar(select(Agent.name).where(Agent.id == agent_id)) if agent_id else None


def holder_data(holder: Holder, name: str | None = None) -> dict[str, Any]:
    """The `holder` event: who has the conversation now; `name` is an agent's first name."""
    return {"holder": holder, "name": name} if name else {"holder": holder}
