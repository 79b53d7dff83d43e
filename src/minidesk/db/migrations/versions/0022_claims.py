"""claims: the oldest job of a queue is the first of its index."""

from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """To this revision."""
    # Most jobs are due "at once", at one and the same time: without the id all of them were sorted for each claim.
    op.drop_index("ix_jobs_claim", table_name="jobs")
    op.create_index("ix_jobs_claim", "jobs", ["queue", "state", "run_at", "id"])
