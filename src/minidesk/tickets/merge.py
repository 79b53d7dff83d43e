"""Two tickets of one visitor about one matter: one goes on, the other is closed and leads to it."""

from sqlalchemy import select

from minidesk.accounts import access_site
from minidesk.conversations import Conversations
from minidesk.db import Tx
from minidesk.db.models import Conversation, Message, Site, Ticket
from minidesk.errors import Conflict, NotFound
from minidesk.tickets.actions import Tickets
from minidesk.tickets.entities import MAX_ENTITIES
from minidesk.tickets.rows import ACTIVE, lock_ticket
from minidesk.tickets.tags import TAGS_OF_TICKET, put_tag, tags_of

QUOTED_CHARS = 3_000  # of what the visitor wrote there; the whole of it stays where it was written


async def merge_tickets(
    tx: Tx,
    tickets: Tickets,
    conversations: Conversations,
    *,
    from_id: str,
    into_id: str,
    agent_id: str,
    line: str,
    notes: tuple[str, str] = ("Merged from", "Merged into"),
) -> Ticket:
    """Close the ticket `from_id` and go on with `into_id`, which gets its facts, its tags and a note of what was said.

    Whoever waited there for a person waits for one here: not behind a ticket that is put off, nor with the assistant.
    `line` tells the visitor, in the conversation that ends, where it goes on; `notes` tell agents, before the number of
    the ticket that came or went on. Raises NotFound for another site's, and
    Conflict where the two are not active tickets of one visitor, or are in one conversation.
    """
    # Both conversations are locked in one order, or two agents who merge in two directions wait for each other.
    if from_id == into_id:
        raise Conflict("Choose another ticket to merge this one into.", code="merge_same")
    locked = {id: await lock_ticket(tx, id) for id in await _in_order(tx, from_id, into_id)}
    source, target = locked[from_id], locked[into_id]
    await access_site(tx, agent_id, source.site_id)
    await access_site(tx, agent_id, target.site_id)
    visitors = {
        (await tx.get_one(Conversation, each.conversation_id)).visitor_id for each in (source, target)
    }
    if len(visitors) != 1 or source.conversation_id == target.conversation_id:
        raise Conflict("Only tickets of one visitor's conversations can be merged.", code="merge_others")
    if source.status not in ACTIVE or target.status not in ACTIVE:
        raise Conflict(
            "Only open tickets can be merged. Reopen the solved one first.", code="ticket_not_open"
        )
    # Before the tags ask for it. Not the key: tags.py says why.
    await tx.execute(select(Site.id).where(Site.id == source.site_id).with_for_update(key_share=True))
    target.entities = _joined(target.entities, source.entities)
    await _join_tags(tx, tickets, source, target, agent_id)
    said = await _said(tx, source)
    note = f"{notes[0]} #{source.number} {source.subject}\n\n{source.summary}\n\n{said}".rstrip()
    await conversations.post_note(tx, target.conversation_id, agent_id=agent_id, text=note)
    await conversations.post_note(
        tx, source.conversation_id, agent_id=agent_id, text=f"{notes[1]} #{target.number} {target.subject}"
    )
    await conversations.post_system_message(tx, source.conversation_id, line)
    source.merged_into = target.id
    waited = source.status == "open" and source.snoozed_until is None
    await tickets.set_status(tx, source.id, "closed")
    if waited:
        await tickets.wait_here(tx, target)
    await tickets.changed(tx, target)
    return target


async def mergeable(tx: Tx, conversation: Conversation) -> list[tuple[str, int, str]]:
    """(id, number, subject) of the visitor's active tickets in other conversations of the site, the latest first."""
    # The few conversations first: joined, SQLite went through all tickets of these statuses, which took 50 ms.
    others = await tx.scalars(
        select(Conversation.id).where(
            # A visitor is of one site: with the site as well SQLite would look through all of its conversations.
            Conversation.visitor_id == conversation.visitor_id,
            Conversation.id != conversation.id,
        )
    )
    rows = await tx.execute(
        select(Ticket.id, Ticket.number, Ticket.subject)
        .where(Ticket.conversation_id.in_(others.all()), Ticket.status.in_(ACTIVE))
        .order_by(Ticket.number.desc())
        .limit(20)
    )
    return [(id, number, subject) for id, number, subject in rows]


async def _in_order(tx: Tx, *ids: str) -> list[str]:
    query = select(Ticket.id).where(Ticket.id.in_(ids)).order_by(Ticket.conversation_id, Ticket.id)
    found = list(await tx.scalars(query))
    if len(found) != len(ids):
        raise NotFound
    return found


def _joined(kept: list[dict[str, str]], more: list[dict[str, str]]) -> list[dict[str, str]]:
    known = {(e["kind"], (e["normal"] or e["text"]).lower()) for e in kept}
    return [*kept, *(e for e in more if (e["kind"], (e["normal"] or e["text"]).lower()) not in known)][
        :MAX_ENTITIES
    ]


async def _join_tags(tx: Tx, tickets: Tickets, source: Ticket, target: Ticket, agent_id: str) -> None:
    worn = await tags_of(tx, [source.id, target.id])
    room = TAGS_OF_TICKET - len(worn.get(target.id, ()))
    missing = [tag for tag in worn.get(source.id, ()) if tag not in worn.get(target.id, ())]
    for tag in missing[:room]:
        await put_tag(tx, target, tag, target.updated_at)


async def _said(tx: Tx, ticket: Ticket) -> str:
    texts = await tx.scalars(
        select(Message.text)
        .where(Message.conversation_id == ticket.conversation_id, Message.author == "visitor")
        .order_by(Message.seq)
    )
    said = "\n".join(f"> {line}" for text in texts for line in text.splitlines())
    return said if len(said) <= QUOTED_CHARS else said[: QUOTED_CHARS - 1].rstrip() + "…"
