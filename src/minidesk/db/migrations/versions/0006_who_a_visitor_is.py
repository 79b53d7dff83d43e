"""a visitor's verified identity, what a page said of them, and why an answer did not help."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """To this revision."""
    op.add_column("visitors", sa.Column("external_id", sa.String(length=200), nullable=True))
    op.add_column("visitors", sa.Column("person_id", sa.String(length=40), nullable=True))
    op.add_column(
        "visitors",
        sa.Column("attributes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
    )
    op.create_index(op.f("ix_visitors_person_id"), "visitors", ["person_id"])
    op.create_index("ix_visitors_external", "visitors", ["site_id", "external_id"], unique=True)
    op.add_column("messages", sa.Column("feedback_reason", sa.String(length=24), nullable=True))
    op.create_table(
        "identity_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"],
            ["agents.id"],
            name=op.f("fk_identity_keys_created_by_agents"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_identity_keys_site_id_sites"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_keys")),
    )
    op.create_index(op.f("ix_identity_keys_site_id"), "identity_keys", ["site_id"])
