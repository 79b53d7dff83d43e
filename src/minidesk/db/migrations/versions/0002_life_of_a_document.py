"""the life of a document: FAQ entries, versions, publishing, dates."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """To this revision."""
    op.add_column("sources", sa.Column("kind", sa.String(length=8), server_default="file", nullable=False))
    op.add_column(
        "sources", sa.Column("audience", sa.String(length=8), server_default="public", nullable=False)
    )
    op.add_column(
        "sources", sa.Column("origin", sa.String(length=8), server_default="upload", nullable=False)
    )
    op.add_column("sources", sa.Column("author", sa.String(length=120), nullable=True))
    # A base address that ends so is the address of a crawled page.
    op.execute("UPDATE sources SET kind = 'page', origin = 'crawl' WHERE base_url LIKE '%#'")

    op.add_column("documents", sa.Column("held_version_id", sa.String(length=40), nullable=True))
    op.add_column(
        "documents", sa.Column("audience", sa.String(length=8), server_default="public", nullable=False)
    )
    op.add_column("documents", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("documents", sa.Column("review_at", sa.DateTime(timezone=True), nullable=True))

    op.add_column("document_versions", sa.Column("source_id", sa.String(length=40), nullable=True))
    op.add_column("document_versions", sa.Column("title", sa.String(length=300), nullable=True))
    op.add_column(
        "document_versions",
        sa.Column("questions", sa.JSON().with_variant(postgresql.JSONB(), "postgresql"), nullable=True),
    )
    op.add_column("document_versions", sa.Column("origin", sa.String(length=8), nullable=True))
    op.add_column("document_versions", sa.Column("author", sa.String(length=120), nullable=True))
