"""Web pages that the knowledge follows: what was asked for, and what is known of each page."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Crawl(Base):
    """An address whose pages become documents: once, or again and again."""

    __tablename__ = "crawls"
    __table_args__ = (UniqueConstraint("site_id", "url"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    url: Mapped[str] = mapped_column(String(1000))
    kind: Mapped[str] = mapped_column(String(8))  # page | sitemap | crawl
    settings: Mapped[dict[str, Any]] = mapped_column(
        default=dict
    )  # pages and depth, where fewer than the ceiling
    generation: Mapped[int] = mapped_column(
        default=1
    )  # raised at each order and each end: a job of an older one is void
    status: Mapped[str] = mapped_column(String(16))  # queued | running | done | failed
    log: Mapped[list[Any]] = mapped_column(default=list)  # the last runs: {"at", "text"}
    every_hours: Mapped[int | None]
    next_run_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class CrawlPage(Base):
    """One address that a crawl came across, with what the next visit needs to cost one conditional request."""

    __tablename__ = "crawl_pages"
    __table_args__ = (
        UniqueConstraint("crawl_id", "url"),
        Index("ix_crawl_pages_site_path", "site_id", "path"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    crawl_id: Mapped[str] = mapped_column(ForeignKey("crawls.id", ondelete="CASCADE"))
    site_id: Mapped[str] = mapped_column(Id)
    url: Mapped[str] = mapped_column(String(1000))
    path: Mapped[str | None] = mapped_column(String(500))  # of the document that was made of it
    source_id: Mapped[str | None] = mapped_column(
        Id, index=True
    )  # no foreign key: it can be deleted for itself
    status: Mapped[str] = mapped_column(String(8))  # ready (fetched and stored) | failed | skipped
    reason: Mapped[str | None] = mapped_column(Text)
    etag: Mapped[str | None] = mapped_column(String(300))
    last_modified: Mapped[str | None] = mapped_column(String(100))
    sha256: Mapped[str | None] = mapped_column(String(64))  # of the page as it was stored
    links: Mapped[list[Any]] = mapped_column(
        default=list
    )  # where it leads: an unchanged page is not read again
    failures: Mapped[int] = mapped_column(default=0)  # visits in a row that found it gone (404, 410)
    checked_at: Mapped[datetime]
