"""The only way from an id to a conversation. What is somebody else's is missing: the same error, the same words (T12)."""

from sqlalchemy import select

from minidesk.accounts import access_site
from minidesk.db import Tx
from minidesk.db.models import Conversation, Message
from minidesk.errors import NotFound


async def access_conversation_as_visitor(tx: Tx, visitor_id: str, conversation_id: str) -> Conversation:
    """The visitor's own conversation, whoever holds it. Raises NotFound."""
    row = await tx.scalar(
        select(Conversation).where(Conversation.id == conversation_id, Conversation.visitor_id == visitor_id)
    )
    if row is None:
        raise NotFound
    return row


async def access_conversation_as_agent(tx: Tx, agent_id: str, conversation_id: str) -> Conversation:
    """A conversation of a site where this agent works (`accounts.access_site`). Raises NotFound."""
    row = await tx.get(Conversation, conversation_id)
    if row is None:
        raise NotFound
    await access_site(tx, agent_id, row.site_id)
    return row


async def access_message_as_visitor(tx: Tx, visitor_id: str, message_id: str) -> Message:
    """A message of the visitor's own conversation; notes are not theirs. Raises NotFound."""
    row = await tx.scalar(
        select(Message)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Message.id == message_id, Conversation.visitor_id == visitor_id, Message.author != "note")
    )
    if row is None:
        raise NotFound
    return row
