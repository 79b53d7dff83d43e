"""A visitor says something, or begins to: counted against the limits, stored in one transaction."""

from minidesk.conversations import Posted, access_conversation_as_visitor
from minidesk.errors import Invalid
from minidesk.sites import SiteView, VisitorIdentity, site_by_id
from minidesk.text.normalise import check_text
from minidesk.web.visitor_api.deps import VisitorDeps

HOUR, MINUTE = 3600, 60


async def say(
    deps: VisitorDeps, visitor: VisitorIdentity, address: str, conversation_id: str, client_id: str, raw: str
) -> tuple[Posted, SiteView]:
    """Store a message; the same client id again gives the first row (F22). Raises `Invalid`, `NotFound` or `TooMany`."""
    text = check_text(raw, deps.settings.message_max_chars)
    if not text:
        raise Invalid("Write something first.", code="message_empty")
    _charge(deps, visitor, address, f"{conversation_id}:{client_id}")
    async with deps.db.write() as tx:
        row = await access_conversation_as_visitor(tx, visitor.visitor_id, conversation_id)
        posted = await deps.conversations.post_visitor_message(tx, row, client_id=client_id, text=text)
        if posted.created:
            await deps.tickets.visitor_wrote(tx, posted.message, row.id)
        return posted, await site_by_id(tx, visitor.site_id)


def charge_conversation(deps: VisitorDeps, address: str) -> None:
    """Count a new conversation. Raises `TooMany`."""
    limit = deps.settings.conversations_per_hour
    deps.limiter.charge("conversations", address, limit=limit, seconds=HOUR)


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
