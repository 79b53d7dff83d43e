"""What the visitor's routes are handed; `wiring` fills these."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from minidesk.accounts import Sealer
from minidesk.channels import CopyOutbox
from minidesk.conversations import Attachments, Conversations
from minidesk.db import Database
from minidesk.db.models import utc_now
from minidesk.gateway import Transcriber
from minidesk.settings import Settings
from minidesk.sites import Visitors
from minidesk.text.locale import Texts
from minidesk.tickets import Tickets
from minidesk.web.assets import Assets
from minidesk.web.limits import RateLimiter
from minidesk.web.visitor_api.streams import Streams


class HasNumber(Protocol):
    """A ticket, as far as a visitor is told of it."""

    @property
    def number(self) -> int:
        """Per site, from 1."""


class HandsOff(Protocol):
    """What is needed of `minidesk.handoff.Handoff`."""

    async def hand_off(self, conversation_id: str, reason: Literal["customer_request"]) -> HasNumber:
        """Give the conversation to a person; once more gives the same ticket."""


@dataclass(frozen=True, slots=True)
class VisitorDeps:
    """For the API."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    texts: Texts
    visitors: Visitors
    conversations: Conversations
    tickets: Tickets
    handoff: HandsOff
    streams: Streams
    limiter: RateLimiter
    attachments: Attachments
    voice: Transcriber
    sealer: Sealer
    copies: CopyOutbox | None = None  # None: no mail goes out


@dataclass(frozen=True, slots=True)
class PageDeps:
    """For the pages and the built files."""

    db: Database
    texts: Texts
    assets: Assets
    clock: Callable[[], datetime] = utc_now
    voice: bool = False  # the chat may ask for the microphone
