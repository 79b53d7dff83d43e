"""indexes for a desk with a hundred thousand conversations."""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """To this revision."""
    # Every page of the inbox counts what the assistant holds: from the index alone, not from the rows.
    op.create_index(
        "ix_conversations_held",
        "conversations",
        ["site_id", "holder", "spam_at", "last_message_at", "last_seq"],
    )
    # Programs turn pages by id, of all conversations or of one holder's: without these each page sorts them all.
    op.create_index("ix_conversations_site_id", "conversations", ["site_id", "id"])
    op.create_index("ix_conversations_holder_id", "conversations", ["site_id", "holder", "id"])
    op.create_index("ix_tickets_assigned", "tickets", ["site_id", "assignee_id", "status"])
    op.create_index("ix_tickets_team", "tickets", ["site_id", "team_id", "status"])
