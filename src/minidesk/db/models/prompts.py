"""What a site's answers were asked for with, version by version."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class PromptVersion(Base):
    """A site's words to the model, as they were from `made_at` on. Rows are added and never changed: answers name them."""

    __tablename__ = "prompt_versions"
    __table_args__ = (UniqueConstraint("site_id", "n"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    n: Mapped[int]  # counted from 1 for each site
    rules: Mapped[str] = mapped_column(Text)  # in the place of the shipped ones; empty: the shipped ones
    instructions: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(120))
    made_at: Mapped[datetime]
    restored: Mapped[int | None]  # the version that this one brought back
