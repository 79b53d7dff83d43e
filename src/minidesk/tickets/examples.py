"""What became of earlier tickets: the examples that a ticket's team is learned from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import ColumnElement, and_, case, func, or_, select, update

from minidesk.db import Tx
from minidesk.db.models import Conversation, Ticket, TicketText
from minidesk.tickets.learn import Floats

# Fitting takes the third power of their number: 1.4 s for so many on two busy cores, and a triage has three.
EXAMPLES_MAX = 1_500
# A solved ticket moves next to nothing; only when they have grown by this share is it worth another fit.
GROWN = 0.05


@dataclass(frozen=True, slots=True)
class PastExample:
    """A ticket and the team that had it in the end. `corrected`: an agent sent it there."""

    ticket_id: str
    number: int
    team_id: str
    corrected: bool
    text: str
    fingerprint: str
    vector: Floats


@dataclass(frozen=True, slots=True)
class Taught:
    """How much a site's tickets teach: tells whether something was fitted before the latest correction."""

    corrected: int
    last: datetime | None
    solved: int

    def behind(self, now: "Taught") -> bool:
        """Whether so much has come since that it is worth fitting again."""
        if (self.corrected, self.last) != (now.corrected, now.last):
            return True
        return abs(now.solved - self.solved) > GROWN * self.solved


async def taught(tx: Tx, site_id: str) -> Taught:
    """As it stands now."""
    row = (
        await tx.execute(
            select(
                func.count(Ticket.team_corrected_at),
                func.max(Ticket.team_corrected_at),
                func.count(case((_solved(), 1))),
            ).where(Ticket.site_id == site_id, Ticket.team_id.is_not(None))
        )
    ).one()
    return Taught(row[0], row[1], row[2])


async def examples_of(tx: Tx, site_id: str) -> list[PastExample]:
    """The corrected ones first, then the newest solved ones; at most EXAMPLES_MAX."""
    kept = TicketText
    rows = await tx.execute(
        select(
            Ticket.id,
            Ticket.number,
            Ticket.team_id,
            Ticket.team_corrected_at,
            kept.text,
            kept.fingerprint,
            kept.data,
        )
        .join(TicketText, TicketText.ticket_id == Ticket.id)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(
            Ticket.site_id == site_id,
            Ticket.team_id.is_not(None),
            Ticket.merged_into.is_(None),
            Conversation.spam_at.is_(None),
            or_(Ticket.team_corrected_at.is_not(None), _solved()),
        )
        .order_by(Ticket.team_corrected_at.is_(None), Ticket.number.desc())
        .limit(EXAMPLES_MAX)
    )
    return [
        PastExample(
            id,
            number,
            str(team_id),
            at is not None,
            text,
            fingerprint,
            np.frombuffer(data, "<f2").astype(np.float32),
        )
        for id, number, team_id, at, text, fingerprint, data in rows
    ]


async def keep_text(tx: Tx, ticket_id: str, text: str, fingerprint: str, vector: Floats) -> None:
    """What a ticket of this transaction is about, instead of what it was about before."""
    row = await tx.get(TicketText, ticket_id)
    if row is None:
        row = TicketText(ticket_id=ticket_id)
        tx.add(row)
    row.text, row.fingerprint, row.data = text, fingerprint, _bytes(vector)
    await tx.flush()


async def keep_vectors(tx: Tx, ticket_ids: Sequence[str], vectors: Floats, fingerprint: str) -> None:
    """The same texts' vectors by another model."""
    for ticket_id, vector in zip(ticket_ids, vectors, strict=True):
        values = {"fingerprint": fingerprint, "data": _bytes(vector)}
        await tx.execute(update(TicketText).where(TicketText.ticket_id == ticket_id).values(values))


def _solved() -> ColumnElement[bool]:
    return and_(Ticket.status.in_(("solved", "closed")), Ticket.solved_at.is_not(None))


def _bytes(vector: Floats) -> bytes:
    return vector.astype("<f2").tobytes()
