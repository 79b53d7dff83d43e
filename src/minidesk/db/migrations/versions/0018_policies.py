"""service-level policies, and the clocks of tickets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "service_policies",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("first_minutes", sa.Integer(), nullable=True),
        sa.Column("next_minutes", sa.Integer(), nullable=True),
        sa.Column("resolution_minutes", sa.Integer(), nullable=True),
        sa.Column("counts", sa.String(length=16), nullable=False),
        sa.Column("warn_minutes", sa.Integer(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_service_policies_site_id_sites"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_policies")),
        sa.UniqueConstraint("site_id", "key", name=op.f("uq_service_policies_site_id_key")),
    )
    json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    op.add_column("tickets", sa.Column("policy", json, nullable=True))
    for time in ("next_due_at", "resolution_due_at", "due_at", "warn_at", "warned_at"):
        op.add_column("tickets", sa.Column(time, sa.DateTime(timezone=True), nullable=True))
    # Until now a ticket had one clock, and the queue read it from there.
    op.execute(
        "UPDATE tickets SET due_at = response_due_at WHERE status IN ('open', 'pending') AND responded_at IS NULL"
    )
    # Looked at twice a minute; only tickets whose policy warns have such a time.
    op.create_index("ix_tickets_warn", "tickets", ["warn_at"])
    # What the queue is chosen, sorted and counted by: from this index alone, not from the rows with their texts.
    op.create_index(
        "ix_tickets_desk",
        "tickets",
        [
            *("site_id", "status", "snoozed_until", "assignee_id", "team_id", "priority", "created_at"),
            *("due_at", "warn_at", "conversation_id", "id"),
        ],
    )
    spam = sa.text("spam_at IS NOT NULL")
    op.create_index(
        "ix_conversations_spam", "conversations", ["site_id", "id"], sqlite_where=spam, postgresql_where=spam
    )
