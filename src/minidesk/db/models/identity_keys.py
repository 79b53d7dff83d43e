"""What a website signs its visitors' names with."""

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class IdentityKey(Base):
    """A secret that a site and its website share. Sealed, not hashed: a signature can be checked with nothing less."""

    __tablename__ = "identity_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    sealed: Mapped[str] = mapped_column(
        String(200)
    )  # plain where it is older than sealing, until the next start
    created_by: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
