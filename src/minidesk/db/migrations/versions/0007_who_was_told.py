"""when a waiting visitor was told."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """To this revision."""
    op.add_column("tickets", sa.Column("late_told_at", sa.DateTime(timezone=True), nullable=True))
    # The desk looks for solved tickets that are old, and for open ones that are late, several times a minute.
    op.create_index("ix_tickets_tended", "tickets", ["status", "response_due_at"])
