"""Two ways to answer, side by side, and which way each answer was made."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Experiment(Base):
    """A site's trial of a variant B against A. One of a site runs at a time."""

    __tablename__ = "experiments"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    share: Mapped[int]  # of conversations that get B, 1 to 99 %
    a: Mapped[dict[str, Any]]  # a sites.experiments.Variant
    b: Mapped[dict[str, Any]]
    started_by: Mapped[str] = mapped_column(String(120))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # null: it runs


class AnswerVersion(Base):
    """How an answer was asked for: the prompt's version, and the variant where an experiment ran."""

    __tablename__ = "answer_versions"
    __table_args__ = (Index("ix_answer_versions_experiment", "experiment_id", "variant"),)

    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True)
    prompt: Mapped[str] = mapped_column(String(24))
    experiment_id: Mapped[str | None] = mapped_column(ForeignKey("experiments.id", ondelete="CASCADE"))
    variant: Mapped[str | None] = mapped_column(String(1))  # a | b
