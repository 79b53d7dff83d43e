"""How people get in: invitations, forgotten passwords, second factors, half-done sign-ins; and who changed what."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Invitation(Base):
    """A link that makes somebody an agent. Only its token's SHA-256 is kept; a used row stays, to see who was invited by whom."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    # The site on whose page it stands; the sites that it opens are in `sites`.
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254))  # lower case
    role: Mapped[str] = mapped_column(String(8))
    sites: Mapped[list[Any]]  # ids
    teams: Mapped[list[Any]]  # ids
    invited_by: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class PasswordReset(Base):
    """A link with which an agent chooses a new password. Only its token's SHA-256 is kept."""

    __tablename__ = "password_resets"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_by: Mapped[str | None] = mapped_column(
        ForeignKey("agents.id", ondelete="SET NULL")
    )  # None: asked for
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SecondFactor(Base):
    """An agent's authenticator app. The secret is sealed with a key that is not in the database."""

    __tablename__ = "second_factors"

    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[str] = mapped_column(String(300))
    confirmed_at: Mapped[datetime | None]  # None: the QR code was shown, no code came yet
    last_step: Mapped[int] = mapped_column(
        BigInteger
    )  # of the last code that was taken: it and older ones are over
    created_at: Mapped[datetime]


class RecoveryCode(Base):
    """A code for who lost the app; good once. Only its SHA-256 is kept."""

    __tablename__ = "recovery_codes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class DoorStep(Base):
    """A sign-in that is not whole yet: the password was right, and a code is missing."""

    __tablename__ = "door_steps"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(8))  # code | enrol
    agent_id: Mapped[str] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    data: Mapped[dict[str, Any]]
    tries: Mapped[int]
    expires_at: Mapped[datetime]


class AccessRule(Base):
    """What a site asks of everybody who works there."""

    __tablename__ = "access_rules"

    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), primary_key=True)
    second_factor: Mapped[bool]


class AuditEntry(Base):
    """Who changed what. Rows are only added: a trigger refuses anything else.

    No foreign keys: an entry outlives the person, the key and the thing that it names, and so carries their names.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_site", "site_id", "id"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    site_id: Mapped[str | None] = mapped_column(Id)  # None: an operator's own account
    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(String(8))  # agent | key | command
    actor_id: Mapped[str] = mapped_column(Id)
    actor_name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))  # accounts.audit.ACTIONS
    target_id: Mapped[str] = mapped_column(String(500))
    target_name: Mapped[str] = mapped_column(String(200))
    changes: Mapped[dict[str, Any]]  # field → [before, after]; null where the value is nobody's business
