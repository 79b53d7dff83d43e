"""what a visitor was asked, and agreed to, before the first message."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """To this revision."""
    for column in ("asked", "asked_answer", "consent_text"):
        op.add_column("conversations", sa.Column(column, sa.String(400), nullable=True))
    op.add_column("conversations", sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True))
