"""Tags of tickets. A site has no list of its own to keep: a tag comes with the first ticket and goes with the last."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, select

from minidesk.db import Tx
from minidesk.db.models import Site, Tag, Ticket, TicketTag, new_id
from minidesk.errors import Invalid
from minidesk.text.normalise import check_text

NAME_CHARS = 40  # the column's
TAGS_OF_TICKET = 10  # more would say nothing any more
TAGS_OF_SITE = 300  # all of them are offered in one list


def check_tag(raw: str) -> str:
    """A tag as it is stored: one line, no edges. Raises Invalid."""
    name = " ".join(check_text(raw, NAME_CHARS * 4).split())
    if not 0 < len(name) <= NAME_CHARS:
        raise Invalid(f"A tag has 1 to {NAME_CHARS} characters.", code="tag_invalid")
    if "," in name:
        raise Invalid("Add one tag at a time, without a comma.", code="tag_invalid")
    return name


async def put_tag(tx: Tx, ticket: Ticket, raw: str, now: datetime) -> bool:
    """The locked ticket wears the tag from now on; False where it did. Raises Invalid."""
    name = check_tag(raw)
    await _one_at_a_time(tx, ticket.site_id)
    worn = await tags_of(tx, [ticket.id])
    folded = name.casefold()
    if folded in {each.casefold() for each in worn.get(ticket.id, ())}:
        return False
    if len(worn.get(ticket.id, ())) >= TAGS_OF_TICKET:
        raise Invalid(f"A ticket has up to {TAGS_OF_TICKET} tags. Remove one first.", code="too_many_tags")
    tag_id = await tx.scalar(select(Tag.id).where(Tag.site_id == ticket.site_id, Tag.folded == folded))
    tx.add(TicketTag(ticket_id=ticket.id, tag_id=tag_id or await _new(tx, ticket.site_id, name, now)))
    await tx.flush()
    return True


async def drop_tag(tx: Tx, ticket: Ticket, raw: str) -> bool:
    """The locked ticket wears the tag no more; False where it did not. A tag that none wears is forgotten."""
    folded = check_text(raw, NAME_CHARS * 4).casefold()
    await _one_at_a_time(tx, ticket.site_id)
    tag_id = await tx.scalar(select(Tag.id).where(Tag.site_id == ticket.site_id, Tag.folded == folded))
    gone = await tx.execute(
        delete(TicketTag)
        .where(TicketTag.ticket_id == ticket.id, TicketTag.tag_id == tag_id)
        .returning(TicketTag.tag_id)
    )
    if gone.one_or_none() is None:
        return False
    await tx.execute(delete(Tag).where(Tag.id == tag_id, ~exists().where(TicketTag.tag_id == Tag.id)))
    return True


async def site_tags(tx: Tx, site_id: str) -> list[str]:
    """The names of the tags that the site's tickets wear, in order."""
    worn = exists().where(
        TicketTag.tag_id == Tag.id
    )  # a visitor's data may have been deleted, tickets and all
    query = select(Tag.name).where(Tag.site_id == site_id, worn).order_by(Tag.folded)
    return list(await tx.scalars(query))


async def tags_of(tx: Tx, ticket_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The tags of these tickets, by id; one without tags is missing."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    if ticket_ids:
        query = select(TicketTag.ticket_id, Tag.name).join(Tag, Tag.id == TicketTag.tag_id)
        rows = await tx.execute(query.where(TicketTag.ticket_id.in_(ticket_ids)).order_by(Tag.folded))
        for ticket_id, name in rows:
            found[ticket_id].append(name)
    return {ticket_id: tuple(names) for ticket_id, names in found.items()}


def wears(site_id: str, tag: str) -> ColumnElement[bool]:
    """The condition on `Ticket` that it wears this tag of the site."""
    worn = select(TicketTag.ticket_id).join(Tag, Tag.id == TicketTag.tag_id)
    return Ticket.id.in_(worn.where(Tag.site_id == site_id, Tag.folded == tag.casefold()))


async def _one_at_a_time(tx: Tx, site_id: str) -> None:
    """In a site: two agents who write the same new word must make one tag."""
    # Not the key: whatever was inserted for the site holds that, and an upload then waits for this very row.
    await tx.execute(select(Site.id).where(Site.id == site_id).with_for_update(key_share=True))


async def _new(tx: Tx, site_id: str, name: str, now: datetime) -> str:
    count = await tx.scalar(select(func.count()).select_from(Tag).where(Tag.site_id == site_id))
    if (count or 0) >= TAGS_OF_SITE:
        raise Invalid(
            f"This site has {TAGS_OF_SITE} tags. Use one of them, or remove one from its tickets.",
            code="too_many_tags",
        )
    tag = Tag(id=new_id("tag"), site_id=site_id, name=name, folded=name.casefold(), created_at=now)
    tx.add(tag)
    await tx.flush()
    return tag.id
