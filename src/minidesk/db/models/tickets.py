"""Tickets: what a handoff opens."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Ticket(Base):
    """A conversation that needs a person. At most one per conversation is not closed."""

    __tablename__ = "tickets"
    __table_args__ = (
        UniqueConstraint("site_id", "number"),
        Index("ix_tickets_inbox", "site_id", "status", "updated_at"),
        Index("ix_tickets_assigned", "site_id", "assignee_id", "status"),
        Index("ix_tickets_team", "site_id", "team_id", "status"),
        Index(
            "ix_tickets_desk",
            *("site_id", "status", "snoozed_until", "assignee_id", "team_id", "priority", "created_at"),
            *("due_at", "warn_at", "conversation_id", "id"),
        ),
        Index("ix_tickets_tended", "status", "response_due_at"),
        Index("ix_tickets_snoozed", "snoozed_until"),
        Index("ix_tickets_follow_up", "follow_up_at"),
        Index("ix_tickets_warn", "warn_at"),
        Index("ix_tickets_given", "given_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    number: Mapped[int]  # per site, from 1
    status: Mapped[str] = mapped_column(String(8))  # open | pending | solved | closed
    reason: Mapped[str] = mapped_column(String(24))  # tickets.records.Reason
    subject: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[Any]]  # tickets.records.Evidence as JSON: which words each part came from
    entities: Mapped[list[Any]]  # tickets.records.Entity as JSON
    priority: Mapped[str] = mapped_column(String(8))  # low | normal | high | urgent
    priority_why: Mapped[str] = mapped_column(Text)
    sentiment: Mapped[str] = mapped_column(String(10))  # calm | worried | angry
    team_id: Mapped[str | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    team_score: Mapped[float | None]
    team_corrected_at: Mapped[
        datetime | None
    ]  # when an agent sent it to another team: the next like it goes there
    learned: Mapped[dict[str, Any] | None]  # tickets.records.Why as JSON
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    given_at: Mapped[datetime | None]  # when the desk gave it to its assignee, who has not taken it yet
    given_why: Mapped[dict[str, Any] | None]  # tickets.records.Given as JSON; stays while the assignee has it
    had_by: Mapped[str | None] = mapped_column(Id)  # the agent who had it before, and is asked first
    policy: Mapped[dict[str, Any] | None]  # tickets.clocks.Policy as JSON, as it was when it set the clocks
    response_due_at: Mapped[datetime | None]  # the first answer
    next_due_at: Mapped[datetime | None]  # the answer to what the visitor has written since
    resolution_due_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]  # the first of those that run; `tickets.clocks.settle` keeps it
    warn_at: Mapped[datetime | None]  # from then on `due_at` is near
    warned_at: Mapped[datetime | None]
    responded_at: Mapped[datetime | None]
    late_told_at: Mapped[datetime | None]  # when the visitor was told that nobody had been free in time
    solved_at: Mapped[datetime | None]
    routed_by: Mapped[list[Any] | None]  # names of the rules that decided something of it
    snoozed_until: Mapped[datetime | None]  # out of sight until then, or until the visitor writes
    follow_up_at: Mapped[datetime | None]  # when somebody wants to look at it again
    back_at: Mapped[datetime | None]  # when one of the two brought it back; None once somebody acted
    merged_into: Mapped[str | None] = mapped_column(Id)  # the ticket that goes on in its place
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class TicketPass(Base):
    """Who had a ticket and did not come, or gave it to nobody: until they come back, or work on another, it is not given to them again."""

    __tablename__ = "ticket_passes"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[str] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    at: Mapped[datetime]


class TicketText(Base):
    """What a ticket was about when it was opened, and its vector: tickets like it go where this one went."""

    __tablename__ = "ticket_texts"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(64))  # of the embedding model and its precision
    data: Mapped[bytes] = mapped_column(LargeBinary)  # float16, little-endian, L2-normalised
