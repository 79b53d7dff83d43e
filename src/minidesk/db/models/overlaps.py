"""Pages that say the same twice, or say two things about the same; and how far a site was looked through for them."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Overlap(Base):
    """Two passages of two documents that an editor should look at. It goes with either document."""

    __tablename__ = "overlaps"
    __table_args__ = (
        UniqueConstraint("site_id", "pair"),
        Index("ix_overlaps_site_open", "site_id", "ignored_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    pair: Mapped[str] = mapped_column(String(64))  # SHA-256 of both ids and texts: what "ignore" is about
    kind: Mapped[str] = mapped_column(String(16))  # duplicate | contradiction
    first_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    second_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), index=True)
    # As they were compared: passages get new ids and bounds with each version.
    first_text: Mapped[str] = mapped_column(Text)
    second_text: Mapped[str] = mapped_column(Text)
    why: Mapped[str | None] = mapped_column(String(300))  # what differs, in words
    likeness: Mapped[float]  # cosine of the two
    found_at: Mapped[datetime]
    ignored_at: Mapped[datetime | None]
    ignored_by: Mapped[str | None] = mapped_column(Id)  # the agent


class OverlapProgress(Base):
    """The last of a site's knowledge revisions whose documents were compared."""

    __tablename__ = "overlap_progress"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
