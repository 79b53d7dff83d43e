"""What visitors asked lately that a passage answered: its citations, led back to the questions."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import aliased

from minidesk.db import Tx
from minidesk.db.models import Citation, Conversation, Message
from minidesk.knowledge.queries import ChunkView
from minidesk.web.console.contexts import Asked

# Shown with a passage; the fourth like the first three says nothing new.
A_PASSAGE = 3
# Citations of a document that are looked at, the latest.
CITATIONS = 300
QUESTION_CHARS = 160


async def questions_of(
    tx: Tx, site_id: str, document_id: str, chunks: Sequence[ChunkView]
) -> dict[str, tuple[Asked, ...]]:
    """Questions by passage, the latest first, each wording once.

    A passage gets a new id with each version of its document. An answer that cites an older one counts for the
    passage that holds the quoted words now.
    """
    answer, asked = aliased(Message), aliased(Message)
    statement = (
        select(Citation.chunk_id, Citation.quote, asked.text, asked.conversation_id)
        .join(answer, answer.id == Citation.message_id)
        .join(asked, asked.id == answer.reply_to)
        .join(Conversation, Conversation.id == answer.conversation_id)
        .where(
            Citation.document_id == document_id, Conversation.site_id == site_id, answer.outcome == "reply"
        )
        .order_by(Citation.id.desc())  # ids begin with their time
        .limit(CITATIONS)
    )
    known = {chunk.id for chunk in chunks}
    found: dict[str, dict[str, Asked]] = {}
    for chunk_id, quote, text, conversation_id in (await tx.execute(statement)).all():
        holder = chunk_id if chunk_id in known else _holding(chunks, quote)
        said = " ".join(text.split())
        asked_of = found.setdefault(holder, {}) if holder else {}
        if said and said.lower() not in asked_of and len(asked_of) < A_PASSAGE:
            short = said if len(said) <= QUESTION_CHARS else f"{said[:QUESTION_CHARS]}…"
            asked_of[said.lower()] = Asked(short, f"/console/conversations/{conversation_id}")
    return {holder: tuple(lines.values()) for holder, lines in found.items()}


def _holding(chunks: Sequence[ChunkView], quote: str) -> str:
    return next((chunk.id for chunk in chunks if quote and quote in chunk.text), "")
