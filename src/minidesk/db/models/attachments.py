"""Files that visitors and agents send along with their messages."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Attachment(Base):
    """A file of a message. Until the message is sent it belongs to nobody but its owner."""

    __tablename__ = "attachments"
    # The second is for those that were never sent, which are looked for to be removed.
    __table_args__ = (
        Index("ix_attachments_message", "message_id", "position"),
        Index("ix_attachments_created", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    author: Mapped[str] = mapped_column(String(16))  # visitor | agent
    # No foreign key: a restore writes rows in their order, and one who is gone owns nothing that was not sent.
    owner_id: Mapped[str] = mapped_column(Id, index=True)
    conversation_id: Mapped[str | None] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    message_id: Mapped[str | None] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    position: Mapped[int]  # among the files of its message
    name: Mapped[str] = mapped_column(String(120))  # made harmless; never a name on disk
    declared_type: Mapped[str] = mapped_column(String(120))  # what the sender said
    type: Mapped[str] = mapped_column(String(80))  # what the stored bytes are
    size: Mapped[int]  # bytes
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    width: Mapped[int | None]  # of a picture, in pixels
    height: Mapped[int | None]
    created_at: Mapped[datetime]
