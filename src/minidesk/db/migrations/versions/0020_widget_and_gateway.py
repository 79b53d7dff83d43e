"""widget and gateway: copies of conversations by mail, agents' pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """To this revision."""
    op.add_column(
        "sent_mails", sa.Column("kind", sa.String(length=8), nullable=False, server_default="answers")
    )
    op.add_column("agents", sa.Column("picture", sa.Text(), nullable=True))
