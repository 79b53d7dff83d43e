"""Further wordings of a message, for agents alone: a visitor's words in the agent's language, an agent's own words behind a translation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, select

from minidesk.db import Tx
from minidesk.db.models import MessageWording, new_id

WordingKind = Literal["translation", "original"]


@dataclass(frozen=True, slots=True)
class Wording:
    """A message's words in another language. `original`: these were written, and what the visitor reads was made of them."""

    kind: WordingKind
    language: str  # a code of two letters, or empty where nobody knows
    text: str


async def keep_wording(
    tx: Tx, message_id: str, kind: WordingKind, language: str, text: str, now: datetime
) -> None:
    """Keep one; the same kind in the same language again takes its place."""
    await tx.execute(
        delete(MessageWording).where(
            MessageWording.message_id == message_id,
            MessageWording.kind == kind,
            MessageWording.language == language,
        )
    )
    tx.add(
        MessageWording(
            id=new_id("wrd"), message_id=message_id, kind=kind, language=language, text=text, created_at=now
        )
    )


async def wordings_of(tx: Tx, message_ids: Sequence[str]) -> dict[str, tuple[Wording, ...]]:
    """Those of these messages, in the order in which they were made."""
    found: dict[str, tuple[Wording, ...]] = {}
    if not message_ids:
        return found
    rows = await tx.scalars(
        select(MessageWording)
        .where(MessageWording.message_id.in_(message_ids))
        .order_by(MessageWording.created_at, MessageWording.id)
    )
    for row in rows:
        wording = Wording(row.kind, row.language, row.text)  # type: ignore[arg-type]  # the column holds only its words
        found[row.message_id] = (*found.get(row.message_id, ()), wording)
    return found
