"""Answers that are kept for the same question."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class KeptAnswer(Base):
    """A model's whole and proved answer. No word of a visitor is kept: the question is in `key`, a SHA-256."""

    __tablename__ = "kept_answers"
    __table_args__ = (
        UniqueConstraint("site_id", "key"),
        Index("ix_kept_answers_age", "site_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(64))
    sentences: Mapped[list[Any]]  # the text of each, with the spans that it cites
    shown: Mapped[list[Any]]  # ids of the chunks that the model had before it
    cited: Mapped[list[Any]]  # ids of those that the answer cites
    documents: Mapped[list[Any]]  # ids of the documents that the shown chunks belong to
    revision: Mapped[int] = mapped_column(
        BigInteger
    )  # of the site's knowledge: what changed after it was not seen
    model: Mapped[str] = mapped_column(String(120))  # who wrote it
    created_at: Mapped[datetime]
