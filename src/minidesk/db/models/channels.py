"""Ways out of the desk: webhooks with their outbox, and mail."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from minidesk.db.models.base import Base, Id


class WebhookEndpoint(Base):
    """An address of the site's own systems that is told of events."""

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    url: Mapped[str] = mapped_column(String(1000))
    events: Mapped[list[Any]]  # channels.records.EVENTS, those that were chosen
    # Secrets, sealed: a signature can be made with nothing less. The old one signs beside the new one for a day.
    sealed: Mapped[str] = mapped_column(String(200))
    old_sealed: Mapped[str | None] = mapped_column(String(200))
    old_secret_until: Mapped[datetime | None]
    state: Mapped[str] = mapped_column(String(8))  # on | off | gone | failing: the last two switched it off
    failing_since: Mapped[datetime | None]  # the first failure after the last success
    last_ok_at: Mapped[datetime | None]
    created_by: Mapped[str | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]


class WebhookDelivery(Base):
    """One event for one endpoint: the outbox. Its id is the `webhook-id` of every try."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (Index("ix_webhook_deliveries_log", "endpoint_id", "created_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)  # exactly what is sent and signed, at every try
    state: Mapped[str] = mapped_column(String(10))  # waiting | delivered | failed
    # A press on "send again" starts a new round: jobs of an older one find that they are not meant any more.
    round: Mapped[int]
    round_tries: Mapped[int]
    tries: Mapped[int]  # over all rounds
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class WebhookTry(Base):
    """What came of one request."""

    __tablename__ = "webhook_tries"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    delivery_id: Mapped[str] = mapped_column(
        ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), index=True
    )
    status: Mapped[int | None]  # None: no answer came
    ms: Mapped[int]
    error: Mapped[str] = mapped_column(String(40))  # a word of channels.deliver; empty where it went well
    created_at: Mapped[datetime]


class SentMail(Base):
    """A mail to a visitor: answers that they had not seen, or the copy that they asked for.

    Its id is the secret in the link that stops further ones.
    """

    __tablename__ = "sent_mails"
    __table_args__ = (Index("ix_sent_mails_address", "site_id", "address", "created_at"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    conversation_id: Mapped[str] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), index=True
    )
    address: Mapped[str] = mapped_column(String(254))  # lower case
    kind: Mapped[str] = mapped_column(
        String(8), default="answers", server_default="answers"
    )  # answers | copy
    up_to_seq: Mapped[int]  # the last message that it held
    state: Mapped[str] = mapped_column(String(8))  # sending | sent | failed
    problem: Mapped[str] = mapped_column(String(24))  # a word of channels.smtp; empty where it went well
    created_at: Mapped[datetime]


class InboundMail(Base):
    """A mail of a visitor's that came in. The same one again finds this row and changes nothing."""

    __tablename__ = "inbound_mails"
    __table_args__ = (UniqueConstraint("conversation_id", "digest"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"), index=True)
    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of its Message-ID, or of all of it
    # No foreign key: of a message that was removed, the mail must not come in again.
    message_id: Mapped[str | None] = mapped_column(Id, index=True)
    left_out: Mapped[str] = mapped_column(String(500))  # names of files that were not taken
    created_at: Mapped[datetime]


class MailStop(Base):
    """An address that wants no more mail from a site."""

    __tablename__ = "mail_stops"
    __table_args__ = (UniqueConstraint("site_id", "address"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    site_id: Mapped[str] = mapped_column(ForeignKey("sites.id", ondelete="CASCADE"))
    address: Mapped[str] = mapped_column(String(254))  # lower case
    created_at: Mapped[datetime]
