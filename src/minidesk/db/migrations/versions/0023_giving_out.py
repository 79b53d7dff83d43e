"""tickets that are given out: how a team does it, what an agent can take, and who did not come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """To this revision."""
    time, json = sa.DateTime(timezone=True), sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
    # Desks that there are go on as they were: agents take their tickets.
    op.add_column("teams", sa.Column("giving", sa.String(length=8), nullable=False, server_default="taken"))
    op.add_column("teams", sa.Column("claim_minutes", sa.Integer(), nullable=False, server_default="5"))
    op.add_column("agents", sa.Column("away_at", time, nullable=True))
    op.add_column("tickets", sa.Column("given_at", time, nullable=True))
    op.add_column("tickets", sa.Column("given_why", json, nullable=True))
    op.add_column("tickets", sa.Column("had_by", sa.String(length=40), nullable=True))
    # Looked through at each look: few tickets are given and not taken yet.
    op.create_index("ix_tickets_given", "tickets", ["given_at"])
    op.create_table(
        "posts",
        sa.Column("site_id", sa.String(length=40), nullable=False),
        sa.Column("agent_id", sa.String(length=40), nullable=False),
        sa.Column("most_open", sa.Integer(), nullable=True),
        sa.Column("languages", json, nullable=False),
        sa.Column("skills", json, nullable=False),
        sa.Column("seen_at", time, nullable=True),
        sa.Column("acted_at", time, nullable=True),
        sa.Column("given_at", time, nullable=True),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_posts_site_id_sites"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_posts_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("site_id", "agent_id", name=op.f("pk_posts")),
    )
    op.create_index("ix_posts_agent_id", "posts", ["agent_id"])
    op.create_table(
        "ticket_passes",
        sa.Column("ticket_id", sa.String(length=40), nullable=False),
        sa.Column("agent_id", sa.String(length=40), nullable=False),
        sa.Column("at", time, nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["tickets.id"], name=op.f("fk_ticket_passes_ticket_id_tickets"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name=op.f("fk_ticket_passes_agent_id_agents"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("ticket_id", "agent_id", name=op.f("pk_ticket_passes")),
    )
    op.create_index("ix_ticket_passes_agent_id", "ticket_passes", ["agent_id"])
