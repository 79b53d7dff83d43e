"""How a desk is run: routing rules, service-level policies, who is mentioned, who is blocked, and answers that agents corrected."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class RoutingRule(Base):
    """Where a new ticket goes by what is known of it. A site's rules are looked at by `position`."""

    __tablename__ = "routing_rules"
    __table_args__ = (UniqueConstraint("site_id", "key"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))  # the site's own name for it, in addresses
    name: Mapped[str] = mapped_column(String(80))
    position: Mapped[int]
    enabled: Mapped[bool]
    match: Mapped[str] = mapped_column(String(4))  # all | any of the conditions
    conditions: Mapped[list[Any]]  # tickets.rules.Condition as JSON
    effect: Mapped[dict[str, Any]]  # tickets.rules.Effect as JSON
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ServicePolicy(Base):
    """How soon a site wants to answer and to solve, under a name. At most one of a site is its default."""

    __tablename__ = "service_policies"
    __table_args__ = (UniqueConstraint("site_id", "key"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))  # the site's own name for it, in addresses and rules
    name: Mapped[str] = mapped_column(String(80))
    first_minutes: Mapped[int | None]
    next_minutes: Mapped[int | None]
    resolution_minutes: Mapped[int | None]
    counts: Mapped[str] = mapped_column(String(16))  # opening_hours | calendar
    warn_minutes: Mapped[int | None]
    is_default: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Mention(Base):
    """An agent is named in a note."""

    __tablename__ = "mentions"
    __table_args__ = (
        Index("ix_mentions_unread", "agent_id", "site_id", "read_at"),
        Index("ix_mentions_conversation", "conversation_id", "agent_id"),
    )

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class Block(Base):
    """A visitor, or everybody with an e-mail address, who may not write to a site any more."""

    __tablename__ = "blocks"
    __table_args__ = (UniqueConstraint("site_id", "kind", "value"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))  # visitor | email
    value: Mapped[str] = mapped_column(String(254))  # a visitor's id, or an address in lower case
    created_by: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]


class Correction(Base):
    """What the pages should say, by an agent: instead of a wrong answer, or out of a solved ticket. An editor closes it."""

    __tablename__ = "corrections"
    __table_args__ = (UniqueConstraint("message_id"), Index("ix_corrections_open", "site_id", "closed_at"))

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(8))  # wrong | article
    message_id: Mapped[str | None] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE")
    )  # the wrong one
    question: Mapped[str] = mapped_column(Text)
    given: Mapped[str] = mapped_column(Text)
    right: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_as: Mapped[str | None] = mapped_column(
        Id
    )  # the source that says it now; None where it was put aside
