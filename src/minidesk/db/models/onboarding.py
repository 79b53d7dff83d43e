"""A site's first steps, its synonyms, and where its widget was seen."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class FirstSteps(Base):
    """How far the Start page has come for a site. No row: nobody has begun."""

    __tablename__ = "first_steps"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    url: Mapped[str | None] = mapped_column(String(1000))  # what was pasted; None: uploads instead
    crawl_id: Mapped[str | None] = mapped_column(Id)  # no foreign key: a crawl can be removed for itself
    generation: Mapped[int] = mapped_column(
        default=1
    )  # of the search for questions: a job of an older one is void
    # {"question", "answer", "title", "url", "document"}, the ones that were answered
    questions: Mapped[list[Any]] = mapped_column(default=list)
    looking: Mapped[bool] = mapped_column(default=False)  # a job looks for them
    looked_at: Mapped[datetime | None]  # when it last wrote what it found
    checked_url: Mapped[str | None] = mapped_column(String(1000))
    checked_at: Mapped[datetime | None]  # when a page was last looked at for the script
    check_result: Mapped[str | None] = mapped_column(String(16))  # a Verdict of knowledge.installed
    done_at: Mapped[datetime | None]  # put away by an editor
    created_at: Mapped[datetime]


class WidgetSighting(Base):
    """The chat of a site was loaded into a page of this origin, as the browser said."""

    __tablename__ = "widget_sightings"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    origin: Mapped[str] = mapped_column(String(300), primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]


class SynonymGroups(Base):
    """Words that mean the same in a site: a list of lists."""

    __tablename__ = "synonym_groups"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    groups: Mapped[list[Any]] = mapped_column(default=list)
    updated_at: Mapped[datetime]
