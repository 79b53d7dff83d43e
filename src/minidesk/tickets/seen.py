"""Nobody answers over what they have not read: another agent may have been faster."""

from sqlalchemy import select

from minidesk.conversations import lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Agent, Message
from minidesk.errors import Conflict


async def check_seen(tx: Tx, conversation_id: str, agent_id: str, seen: int) -> None:
    """Raises Conflict where another agent answered after message `seen`, the last that this agent's page showed.

    Under the conversation's lock, which the reply that follows in this transaction needs as well.
    """
    await lock_conversation(tx, conversation_id)
    query = select(Agent.name).join(Message, Message.agent_id == Agent.id)
    query = query.where(
        Message.conversation_id == conversation_id,
        Message.author == "agent",
        Message.agent_id != agent_id,
        Message.seq > seen,
    )
    name = await tx.scalar(query.order_by(Message.seq.desc()).limit(1))
    if name is not None:
        raise Conflict(
            f"{name} answered meanwhile. Read it, then send yours if it still fits.",
            code="answered_meanwhile",
        )
