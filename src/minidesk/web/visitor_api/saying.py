"""A visitor says something, or begins to: counted against the limits, stored in one transaction."""

from collections.abc import Sequence

from minidesk.conversations import Posted, access_conversation_as_visitor
from minidesk.errors import Invalid
from minidesk.sites import SiteView, VisitorIdentity, site_by_id
from minidesk.text.normalise import check_text
from minidesk.tickets import check_not_blocked
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.intake import check_asked

HOUR, MINUTE = 3600, 60
CLIENT_ID = r"^[A-Za-z0-9_.:-]+$"  # the browser's own name for a message


async def say(
    deps: VisitorDeps,
    visitor: VisitorIdentity,
    address: str,
    conversation_id: str,
    client_id: str,
    raw: str,
    attachments: Sequence[str] = (),
) -> tuple[Posted, SiteView]:
    """Store a message; the same client id again gives the first row (F22). Raises `Invalid`, `NotAllowed`, `NotFound` or `TooMany`."""
    text = check_text(raw, deps.settings.message_max_chars)
    if not text and not attachments:
        raise Invalid("Write something first.", code="message_empty")
    _charge(deps, visitor, address, f"{conversation_id}:{client_id}")
    async with deps.db.write() as tx:
        row = await access_conversation_as_visitor(tx, visitor.visitor_id, conversation_id)
        await check_not_blocked(tx, visitor.site_id, visitor.visitor_id)
        site = await site_by_id(tx, visitor.site_id)
        await check_asked(deps, tx, site, row)
        posted = await deps.conversations.post_visitor_message(
            tx, row, client_id=client_id, text=text, attachments=attachments
        )
        if posted.created:
            await deps.tickets.visitor_wrote(tx, posted.message, row.id)
        deps.streams.here.visitor_sent(row.id)
        return posted, site


def charge_conversation(deps: VisitorDeps, address: str) -> None:
    """Count a new conversation. Raises `TooMany`."""
    limit = deps.settings.conversations_per_hour
    deps.limiter.charge("conversations", address, limit=limit, seconds=HOUR)


def charge_upload(deps: VisitorDeps, visitor: VisitorIdentity, address: str) -> None:
    """Count a file or a voice note, before a byte of it is read. Raises `TooMany`."""
    limits = deps.settings
    deps.limiter.charge("uploads", visitor.visitor_id, limit=limits.uploads_per_hour, seconds=HOUR)
    deps.limiter.charge("uploads-address", address, limit=limits.uploads_per_hour_address, seconds=HOUR)


def _charge(deps: VisitorDeps, visitor: VisitorIdentity, address: str, once: str) -> None:
    limits = deps.settings
    deps.limiter.charge(
        "messages", visitor.visitor_id, limit=limits.messages_per_minute, seconds=MINUTE, once=once
    )
    deps.limiter.charge(
        "messages-address",
        address,
        limit=limits.messages_per_minute_address,
        seconds=MINUTE,
        once=f"{visitor.visitor_id}:{once}",
    )
