"""Alembic's entry: it is handed an open connection by `db.migrate`, or a URL by Alembic's own command line."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import create_engine

from minidesk.db.models import Base
from minidesk.db.models.base import UtcDateTime


def _render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Plain column types in migrations: a later change of our own type must not change an old migration."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and "JSON" in repr(item):
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False


config = context.config
# Alembic's own command line (`alembic revision --autogenerate`) knows only synchronous drivers.
url = (config.get_main_option("sqlalchemy.url") or "").replace("+aiosqlite", "")
connection = config.attributes.get("connection") or create_engine(url).connect()
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()
