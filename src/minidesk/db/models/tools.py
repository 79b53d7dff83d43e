"""What agents work with: saved replies, saved searches, and the tags of tickets."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class CannedReply(Base):
    """A text that agents insert instead of writing it again. Without an owner it is the whole site's."""

    __tablename__ = "canned_replies"
    __table_args__ = (Index("ix_canned_replies_site_owner", "site_id", "owner_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))
    text: Mapped[str] = mapped_column(Text)  # with tickets.canned.VARIABLES
    does: Mapped[dict[str, Any] | None]  # tickets.macros.Does as JSON: what else a press on it changes
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class SavedSearch(Base):
    """What an agent searches for again and again in a site, under a name of their own."""

    __tablename__ = "saved_searches"
    __table_args__ = (Index("ix_saved_searches_site_agent", "site_id", "agent_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(Text)  # of the search page's address, as that page writes it
    created_at: Mapped[datetime]


class Tag(Base):
    """A word that a site's tickets wear. It is there as long as one of them does."""

    __tablename__ = "tags"
    __table_args__ = (UniqueConstraint("site_id", "folded"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))  # as it was written first
    folded: Mapped[str] = mapped_column(String(120))  # case-folded: "Refund" and "refund" are one tag
    created_at: Mapped[datetime]


class TicketTag(Base):
    """A ticket wears a tag."""

    __tablename__ = "ticket_tags"

    ticket_id: Mapped[str] = mapped_column(ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True)
    tag_id: Mapped[str] = mapped_column(
        ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, index=True
    )
