"""People in the console, their sessions and their teams; and the keys of programs."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Agent(Base):
    """A person in the console. Belongs to the deployment; memberships say where they may work."""

    __tablename__ = "agents"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(120))
    password_hash: Mapped[str] = mapped_column(String(200))  # argon2id
    operator: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]
    away_at: Mapped[datetime | None]  # since when they take no tickets, by their own switch
    created_at: Mapped[datetime]
    locale: Mapped[str | None] = mapped_column(String(8))  # of the console; None: as the browser asks
    # What visitors see beside the name: files.pictures.portrait in base64, some kilobytes. Read only where it is shown.
    picture: Mapped[str | None] = mapped_column(Text, deferred=True)


class AgentSession(Base):
    """A sign-in. Only the token's SHA-256 is kept, so a stolen database opens no console."""

    __tablename__ = "agent_sessions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    csrf_token: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    address: Mapped[str | None] = mapped_column(String(64))  # where it was used last
    browser: Mapped[str | None] = mapped_column(String(80))  # such as "Firefox on Linux"


class ApiKey(Base):
    """A program's way into one site's REST API. Only the key's SHA-256 is kept; a revoked row stays, so that one can see who had it."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    prefix: Mapped[str] = mapped_column(String(16))  # the key's first characters, to tell one from another
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    created_by: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Team(Base):
    """A group that tickets can go to. Its description is what likeness is measured against."""

    __tablename__ = "teams"
    __table_args__ = (UniqueConstraint("site_id", "name"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(Text, default="")
    giving: Mapped[str] = mapped_column(String(8), default="taken")  # taken | given: accounts.teams.Giving
    claim_minutes: Mapped[int] = mapped_column(default=5)  # then what was given goes to the next one
    created_at: Mapped[datetime]


class TeamMember(Base):
    """An agent in a team."""

    __tablename__ = "team_members"
    __table_args__ = (UniqueConstraint("team_id", "agent_id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    team_id: Mapped[str] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), index=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)


class Post(Base):
    """What an agent can take in a site, and whether they are at its console."""

    __tablename__ = "posts"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[str] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    most_open: Mapped[int | None]  # tickets at one time; None: no limit
    languages: Mapped[list[Any]]  # such as "de"; none: all
    skills: Mapped[list[Any]]  # words of tags and topics
    seen_at: Mapped[datetime | None]  # when a page of theirs was open last; written once a minute
    acted_at: Mapped[datetime | None]  # when they came, came back, took, answered or wrote something last
    given_at: Mapped[datetime | None]  # when they were given a ticket last
