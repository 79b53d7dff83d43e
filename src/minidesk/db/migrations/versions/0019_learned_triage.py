"""what a ticket was about, with its vector, and who corrected its team: what the next one's team is learned from."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """To this revision."""
    op.add_column("tickets", sa.Column("team_corrected_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "tickets",
        sa.Column("learned", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
    )
    op.create_table(
        "ticket_texts",
        sa.Column("ticket_id", sa.String(40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name="fk_ticket_texts_ticket_id_tickets", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_texts"),
    )
