"""wordings of messages, and mails that came in."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """To this revision."""
    op.add_column("messages", sa.Column("channel", sa.String(8), nullable=True))
    op.create_table(
        "message_wordings",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("message_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["messages.id"],
            name=op.f("fk_message_wordings_message_id_messages"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_wordings")),
        sa.UniqueConstraint(
            "message_id", "kind", "language", name=op.f("uq_message_wordings_message_id_kind_language")
        ),
    )
    op.create_table(
        "inbound_mails",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("site_id", sa.String(40), nullable=False),
        sa.Column("conversation_id", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("message_id", sa.String(40), nullable=True),
        sa.Column("left_out", sa.String(500), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_inbound_mails_site_id_sites"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_inbound_mails_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mails")),
        sa.UniqueConstraint(
            "conversation_id", "digest", name=op.f("uq_inbound_mails_conversation_id_digest")
        ),
    )
    op.create_index(op.f("ix_inbound_mails_site_id"), "inbound_mails", ["site_id"])
    op.create_index(op.f("ix_inbound_mails_message_id"), "inbound_mails", ["message_id"])
