"""Sites and who may work in them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Site(Base):
    """One website with a widget: the unit of isolation."""

    __tablename__ = "sites"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)  # public, stands in the script tag
    name: Mapped[str] = mapped_column(String(120))
    allowed_origins: Mapped[list[Any]] = mapped_column(default=list)  # empty: the desk's own origin only
    config: Mapped[dict[str, Any]] = mapped_column(default=dict)  # a sites.SiteConfig as JSON
    # Counts changes of the site's knowledge; raised under this row's lock, so revisions are committed in order.
    knowledge_revision: Mapped[int] = mapped_column(BigInteger, default=0)
    ticket_count: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class Membership(Base):
    """What an agent may do in a site."""

    __tablename__ = "memberships"
    __table_args__ = (UniqueConstraint("agent_id", "site_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(16))  # agent | editor | admin
