"""synonyms of a site, likely duplicates, what a first look found."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """To this revision."""
    _overlaps()
    _onboarding()


def _json() -> sa.types.TypeEngine[Any]:
    return sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def _site(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_site_id_sites")
    return sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=name, ondelete="CASCADE")


def _overlaps() -> None:
    op.create_table(
        "overlaps",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("pair", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("first_id", sa.String(length=40), nullable=False),
        sa.Column("second_id", sa.String(length=40), nullable=False),
        sa.Column("first_text", sa.Text(), nullable=False),
        sa.Column("second_text", sa.Text(), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=True),
        sa.Column("likeness", sa.Double(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ignored_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ignored_by", sa.String(length=40), nullable=True),
        _site("overlaps"),
        *(
            sa.ForeignKeyConstraint(
                [column],
                ["documents.id"],
                name=op.f(f"fk_overlaps_{column}_documents"),
                ondelete="CASCADE",
            )
            for column in ("first_id", "second_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overlaps")),
        sa.UniqueConstraint("site_id", "pair", name=op.f("uq_overlaps_site_id_pair")),
    )
    op.create_index("ix_overlaps_site_open", "overlaps", ["site_id", "ignored_at"])
    for column in ("first_id", "second_id"):
        op.create_index(op.f(f"ix_overlaps_{column}"), "overlaps", [column])
    op.create_table(
        "overlap_progress",
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        _site("overlap_progress"),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_overlap_progress")),
    )


def _onboarding() -> None:
    op.create_table(
        "first_steps",
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=True),
        sa.Column("crawl_id", sa.String(length=40), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("questions", _json(), nullable=False),
        sa.Column("looking", sa.Boolean(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_url", sa.String(length=1000), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_result", sa.String(length=16), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        _site("first_steps"),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_first_steps")),
    )
    op.create_table(
        "widget_sightings",
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("origin", sa.String(length=300), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        _site("widget_sightings"),
        sa.PrimaryKeyConstraint("site_id", "origin", name=op.f("pk_widget_sightings")),
    )
    op.create_table(
        "synonym_groups",
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("groups", _json(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        _site("synonym_groups"),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_synonym_groups")),
    )
