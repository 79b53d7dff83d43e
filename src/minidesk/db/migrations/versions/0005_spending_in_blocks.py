"""budget drawn in blocks; the tier of a call, the attempts of one request, and what came from a provider's cache."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """To this revision."""
    op.add_column("model_calls", sa.Column("tier", sa.String(8), nullable=False, server_default=""))
    op.add_column("model_calls", sa.Column("request_id", sa.String(40), nullable=False, server_default=""))
    op.add_column("model_calls", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("model_calls", sa.Column("cached_tokens", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_model_calls_created_at", "model_calls", ["created_at"])
    op.create_table(
        "budgets",
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("whom", sa.String(12), nullable=False),
        sa.Column("subject_id", sa.String(40), nullable=True),
        sa.Column("period", sa.String(8), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_micros", sa.BigInteger(), nullable=False),
        sa.Column("blocked_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_budgets")),
    )
