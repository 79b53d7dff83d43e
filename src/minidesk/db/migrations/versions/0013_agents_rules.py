"""routing rules, macros and when a ticket comes back."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """To this revision."""
    op.add_column("canned_replies", sa.Column("does", _json(), nullable=True))
    op.add_column("conversations", sa.Column("spam_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("routed_by", _json(), nullable=True))
    for time in ("snoozed_until", "follow_up_at", "back_at"):
        op.add_column("tickets", sa.Column(time, sa.DateTime(timezone=True), nullable=True))
    op.add_column("tickets", sa.Column("merged_into", sa.String(length=40), nullable=True))
    # The desk looks for tickets that come back several times a minute; hardly any has such a time.
    op.create_index("ix_tickets_snoozed", "tickets", ["snoozed_until"])
    op.create_index("ix_tickets_follow_up", "tickets", ["follow_up_at"])
    _rules()
    _mentions()
    _blocks()
    _corrections()


def _json() -> Any:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _key(table: str, column: str, to: str, gone: str = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"), ondelete=gone
    )


def _id(name: str, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=nullable)


def _time(name: str, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _rules() -> None:
    op.create_table(
        "routing_rules",
        _id("id"),
        _id("site_id"),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("match", sa.String(length=4), nullable=False),
        sa.Column("conditions", _json(), nullable=False),
        sa.Column("effect", _json(), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        _key("routing_rules", "site_id", "sites"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_rules")),
        sa.UniqueConstraint("site_id", "key", name=op.f("uq_routing_rules_site_id_key")),
    )


def _mentions() -> None:
    op.create_table(
        "mentions",
        _id("message_id"),
        _id("agent_id"),
        _id("site_id"),
        _id("conversation_id"),
        _time("created_at"),
        _time("read_at", nullable=True),
        _key("mentions", "message_id", "messages"),
        _key("mentions", "agent_id", "agents"),
        _key("mentions", "site_id", "sites"),
        _key("mentions", "conversation_id", "conversations"),
        sa.PrimaryKeyConstraint("message_id", "agent_id", name=op.f("pk_mentions")),
    )
    op.create_index("ix_mentions_unread", "mentions", ["agent_id", "site_id", "read_at"])
    op.create_index("ix_mentions_conversation", "mentions", ["conversation_id", "agent_id"])


def _blocks() -> None:
    op.create_table(
        "blocks",
        _id("id"),
        _id("site_id"),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=254), nullable=False),
        _id("created_by", nullable=True),
        _time("created_at"),
        _key("blocks", "site_id", "sites"),
        _key("blocks", "created_by", "agents", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sa.UniqueConstraint("site_id", "kind", "value", name=op.f("uq_blocks_site_id_kind_value")),
    )


def _corrections() -> None:
    op.create_table(
        "corrections",
        _id("id"),
        _id("site_id"),
        _id("conversation_id"),
        sa.Column("kind", sa.String(length=8), nullable=False),
        _id("message_id", nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("right", sa.Text(), nullable=False),
        _id("created_by", nullable=True),
        _time("created_at"),
        _time("closed_at", nullable=True),
        _id("closed_as", nullable=True),
        _key("corrections", "site_id", "sites"),
        _key("corrections", "conversation_id", "conversations"),
        _key("corrections", "message_id", "messages"),
        _key("corrections", "created_by", "agents", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_corrections")),
        sa.UniqueConstraint("message_id", name=op.f("uq_corrections_message_id")),
    )
    op.create_index("ix_corrections_open", "corrections", ["site_id", "closed_at"])
