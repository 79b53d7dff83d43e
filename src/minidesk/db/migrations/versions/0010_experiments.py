"""experiments, and how each answer was asked for."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("site_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("share", sa.Integer(), nullable=False),
        sa.Column("a", _json(), nullable=False),
        sa.Column("b", _json(), nullable=False),
        sa.Column("started_by", sa.String(120), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        _to("experiments", "site_id", "sites"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    op.create_index(op.f("ix_experiments_site_id"), "experiments", ["site_id"])
    op.create_table(
        "answer_versions",
        sa.Column("message_id", sa.String(40), nullable=False),
        sa.Column("prompt", sa.String(24), nullable=False),
        sa.Column("experiment_id", sa.String(40), nullable=True),
        sa.Column("variant", sa.String(1), nullable=True),
        _to("answer_versions", "message_id", "messages"),
        _to("answer_versions", "experiment_id", "experiments"),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_answer_versions")),
    )
    op.create_index("ix_answer_versions_experiment", "answer_versions", ["experiment_id", "variant"])


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")
