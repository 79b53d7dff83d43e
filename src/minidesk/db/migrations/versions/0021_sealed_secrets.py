"""sealed secrets: room for identity keys and webhook secrets as they are once they are sealed.

The key is not at hand here: what was kept plain is copied as it is, and sealed by the server that starts next.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """To this revision."""
    # New columns, not wider ones: to widen one, SQLite would have to make the table anew, and drop what hangs on it.
    sealed = sa.String(length=200)
    op.add_column("identity_keys", sa.Column("sealed", sealed, nullable=False, server_default=""))
    op.execute("UPDATE identity_keys SET sealed = secret")
    op.drop_column("identity_keys", "secret")
    op.add_column("webhook_endpoints", sa.Column("sealed", sealed, nullable=False, server_default=""))
    op.add_column("webhook_endpoints", sa.Column("old_sealed", sealed, nullable=True))
    op.execute("UPDATE webhook_endpoints SET sealed = secret, old_sealed = old_secret")
    op.drop_column("webhook_endpoints", "secret")
    op.drop_column("webhook_endpoints", "old_secret")
