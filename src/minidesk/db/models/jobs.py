"""Work to be done, and every model call."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Job(Base):
    """A row with a lease: claimed by one worker, taken over when the lease ends, parked after five failures."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_claim", "queue", "state", "run_at", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    queue: Mapped[str] = mapped_column(String(16))  # reply (the server) | background (its niced child)
    kind: Mapped[str] = mapped_column(String(32))
    key: Mapped[str | None] = mapped_column(String(120), unique=True)  # the same work is enqueued once
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(
        String(8), default="ready"
    )  # ready | running | parked; a finished job's row is deleted
    attempts: Mapped[int] = mapped_column(default=0)
    run_at: Mapped[datetime]
    lease_owner: Mapped[str | None] = mapped_column(String(80))
    lease_token: Mapped[str | None] = mapped_column(
        String(40)
    )  # a worker that lost its lease cannot finish the job
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]


class ModelCall(Base):
    """A line of the ledger: one call to a model, whatever came of it."""

    __tablename__ = "model_calls"
    __table_args__ = (
        Index("ix_model_calls_site_day", "site_id", "created_at"),
        Index("ix_model_calls_created_at", "created_at"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str | None] = mapped_column(Id)
    conversation_id: Mapped[str | None] = mapped_column(Id, index=True)
    message_id: Mapped[str | None] = mapped_column(Id)
    request_id: Mapped[str] = mapped_column(
        String(40), server_default=""
    )  # the attempts of one request share it
    attempt: Mapped[int] = mapped_column(server_default="1")
    purpose: Mapped[str] = mapped_column(String(16))  # gateway.messages.Purpose
    tier: Mapped[str] = mapped_column(
        String(8), server_default=""
    )  # mini | large; empty before revision 0005
    model: Mapped[str] = mapped_column(String(120))
    provider: Mapped[str] = mapped_column(String(120))  # the endpoint's host, for the operator only
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cached_tokens: Mapped[int] = mapped_column(server_default="0")  # of the input, from the provider's cache
    estimated: Mapped[bool]  # the provider sent no usage
    cost_micros: Mapped[int] = mapped_column(BigInteger)  # millionths of a US dollar
    first_token_ms: Mapped[int | None]
    total_ms: Mapped[int]
    outcome: Mapped[str] = mapped_column(String(24))  # ok | aborted | an error's code
    created_at: Mapped[datetime]


class Budget(Base):
    """What is spent and what is promised under one ceiling in one day or month: sites/budgets.py moves money between the two."""

    __tablename__ = "budgets"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    whom: Mapped[str] = mapped_column(String(12))  # deployment | site | visitor
    subject_id: Mapped[str | None] = mapped_column(Id)
    period: Mapped[str] = mapped_column(String(8))  # day | month
    since: Mapped[datetime]
    booked_micros: Mapped[int] = mapped_column(BigInteger)  # the ledger's sum
    blocked_micros: Mapped[int] = mapped_column(BigInteger)  # drawn by processes and not yet booked


class KeyValue(Base):
    """Small facts of the deployment, such as the set-up code and how far an index has followed."""

    __tablename__ = "key_values"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
