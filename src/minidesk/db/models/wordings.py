"""A message's words in another language."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class MessageWording(Base):
    """For agents alone: apart from the message, so that nothing which a visitor is sent can hold it (T27)."""

    __tablename__ = "message_wordings"
    __table_args__ = (UniqueConstraint("message_id", "kind", "language"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(12))  # translation | original
    language: Mapped[str] = mapped_column(String(8))  # a code of two letters; empty: unknown
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
