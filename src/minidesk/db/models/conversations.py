"""Visitors, conversations, messages, citations and stored events."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class Visitor(Base):
    """The person in the widget, as one browser knows them. Only the token's SHA-256 is kept.

    Who was named by their website has an `external_id`; their further browsers have rows of their own that point to
    that first one by `person_id`. Conversations belong to the first row, so every browser sees the same ones.
    """

    __tablename__ = "visitors"
    __table_args__ = (Index("ix_visitors_external", "site_id", "external_id", unique=True),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    verified: Mapped[bool] = mapped_column(default=False)
    external_id: Mapped[str | None] = mapped_column(String(200))  # the website's own id of a verified person
    # No foreign key: a row may be older than the one that it points to, and a restore writes rows in their order.
    person_id: Mapped[str | None] = mapped_column(Id, index=True)
    attributes: Mapped[dict[str, Any] | None]  # what the page said of them; nobody has checked it
    browser: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]  # slides: 30 days after the last use (T4)


class Conversation(Base):
    """The thread between a visitor, the assistant and agents; exactly one of them holds it."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index("ix_conversations_site_recent", "site_id", "last_message_at"),
        Index("ix_conversations_held", "site_id", "holder", "spam_at", "last_message_at", "last_seq"),
        Index("ix_conversations_site_id", "site_id", "id"),
        Index("ix_conversations_holder_id", "site_id", "holder", "id"),
        Index(
            "ix_conversations_spam",
            *("site_id", "id"),
            sqlite_where=text("spam_at IS NOT NULL"),
            postgresql_where=text("spam_at IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    visitor_id: Mapped[str] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"), index=True)
    holder: Mapped[str] = mapped_column(String(16), default="assistant")  # assistant | queue | agent | closed
    holder_agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    last_seq: Mapped[int] = mapped_column(default=0)  # of messages; raised under this row's lock
    last_event: Mapped[int] = mapped_column(default=0)  # of events; raised under this row's lock
    not_found_count: Mapped[int] = mapped_column(
        default=0
    )  # in a row; two lead to the offer becoming a handoff
    page_url: Mapped[str | None] = mapped_column(String(2000))
    page_title: Mapped[str | None] = mapped_column(String(300))
    locale: Mapped[str | None] = mapped_column(String(35))
    rating: Mapped[int | None]
    # What the visitor was asked before the first message, and what they agreed to, in the words that they saw.
    asked: Mapped[str | None] = mapped_column(String(400))
    asked_answer: Mapped[str | None] = mapped_column(String(400))
    consent_at: Mapped[datetime | None]
    consent_text: Mapped[str | None] = mapped_column(String(400))
    spam_at: Mapped[datetime | None]  # when an agent put it out of the inbox for good
    created_at: Mapped[datetime]
    last_message_at: Mapped[datetime]


class Message(Base):
    """One message. The assistant's grows sentence by sentence while `state` is `streaming`."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        UniqueConstraint("conversation_id", "client_id"),  # a repeated POST finds its first row
        UniqueConstraint("reply_to"),  # a visitor's message has at most one answer, whoever restarts
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    seq: Mapped[int]
    author: Mapped[str] = mapped_column(String(16))  # visitor | assistant | agent | system | note
    agent_id: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    client_id: Mapped[str | None] = mapped_column(String(64))
    reply_to: Mapped[str | None] = mapped_column(Id)
    text: Mapped[str] = mapped_column(Text, default="")
    channel: Mapped[str | None] = mapped_column(String(8))  # mail; None: the chat
    state: Mapped[str] = mapped_column(String(16), default="done")  # streaming | done | interrupted
    attempt: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[str | None] = mapped_column(String(16))  # reply | clarify | handoff
    # of a clarify, or the reason of a handoff; stopped: its visitor wanted no more of it
    kind: Mapped[str | None] = mapped_column(String(24))
    offer_person: Mapped[bool] = mapped_column(
        default=False
    )  # the widget shows the button to a person below it
    choices: Mapped[list[Any]] = mapped_column(default=list)  # of a clarify: what can be tapped
    score: Mapped[float | None]
    model: Mapped[str | None] = mapped_column(String(120))
    cost_micros: Mapped[int] = mapped_column(BigInteger, default=0)  # millionths of a US dollar
    ms: Mapped[int | None]
    helpful: Mapped[bool | None]
    feedback_reason: Mapped[str | None] = mapped_column(String(24))  # why an answer did not help
    created_at: Mapped[datetime]


class Citation(Base):
    """A sentence of an answer bound to a span of a passage; `n` is the server's."""

    __tablename__ = "citations"
    __table_args__ = (UniqueConstraint("message_id", "n"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    n: Mapped[int]
    chunk_id: Mapped[str] = mapped_column(Id)  # no foreign key: the citation outlives the version it quotes
    document_id: Mapped[str] = mapped_column(Id, index=True)
    version_id: Mapped[str] = mapped_column(Id)
    document: Mapped[str] = mapped_column(String(500))  # the public id
    title: Mapped[str] = mapped_column(String(300))
    url: Mapped[str | None] = mapped_column(String(2000))
    quote: Mapped[str] = mapped_column(Text)
    start: Mapped[int]  # of the quote in the version's text, in characters
    end: Mapped[int]
    sentences: Mapped[list[Any]] = mapped_column(default=list)  # [start, end) pairs in the message's text


class Event(Base):
    """What happened in a conversation, in order, for exact replay."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("conversation_id", "n"),)

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    site_id: Mapped[str] = mapped_column(Id, index=True)
    n: Mapped[int]
    type: Mapped[str] = mapped_column(String(32))
    audience: Mapped[str] = mapped_column(
        String(8)
    )  # all | agents: a visitor's stream never sees the second (T27)
    data: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
