"""Who a note names: `@Mara Lindt`, or `@Mara` where the site has only one. They find it in their inbox until they read it."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Select, func, select, update

from minidesk.accounts import Person, access_site, list_people
from minidesk.db import Tx
from minidesk.db.models import Conversation, Mention
from minidesk.errors import NotFound

MENTIONS = 20  # in one note: a list of names is for a team


def named_in(text: str, people: Sequence[Person]) -> list[Person]:
    """The people whom a text names, each once, in the order of the people.

    A whole name goes before a first name: "@Mara Lindt" is not the other Mara too.
    """
    firsts = Counter(_first(person.name) for person in people)
    found: list[Person] = []
    rest = text
    for person in sorted(people, key=lambda each: -len(each.name)):
        rest, count = _at(person.name).subn(" ", rest)
        if count:
            found.append(person)
    for person in people:
        first = _first(person.name)
        if person not in found and firsts[first] == 1 and _at(first).search(rest):
            found.append(person)
    return [person for person in people if person in found][:MENTIONS]


async def note_mentions(
    tx: Tx, conversation: Conversation, *, message_id: str, author_id: str, text: str, now: datetime
) -> list[Person]:
    """Store whom a note of this transaction names; oneself is nobody to tell. The people are told of by the note's own event."""
    if "@" not in text:
        return []
    people = await list_people(tx, conversation.site_id)
    named = [person for person in named_in(text, people) if person.id != author_id]
    for person in named:
        tx.add(
            Mention(
                message_id=message_id,
                agent_id=person.id,
                site_id=conversation.site_id,
                conversation_id=conversation.id,
                created_at=now,
                read_at=None,
            )
        )
    return named


async def read_mentions(tx: Tx, agent_id: str, conversation_id: str, now: datetime) -> bool:
    """The agent has read the conversation's notes; False where none was new to them. Raises NotFound."""
    row = await tx.get(Conversation, conversation_id)
    if row is None:
        raise NotFound
    await access_site(tx, agent_id, row.site_id)
    read = await tx.execute(
        update(Mention)
        .where(
            Mention.conversation_id == conversation_id,
            Mention.agent_id == agent_id,
            Mention.read_at.is_(None),
        )
        .values(read_at=now)
        .returning(Mention.message_id)
    )
    return bool(read.all())


def unread(site_id: str, agent_id: str) -> Select[int]:
    """In how many conversations of the site a note names this agent that they have not read."""
    return select(func.count(Mention.conversation_id.distinct())).where(
        Mention.agent_id == agent_id, Mention.site_id == site_id, Mention.read_at.is_(None)
    )


async def unread_of(tx: Tx, agent_id: str, conversation_ids: Collection[str]) -> set[str]:
    """Those of the conversations in which this agent has unread mentions."""
    if not conversation_ids:
        return set()
    query = select(Mention.conversation_id).where(
        Mention.agent_id == agent_id,
        Mention.read_at.is_(None),
        Mention.conversation_id.in_(conversation_ids),
    )
    return set(await tx.scalars(query))


async def unread_mentions(tx: Tx, agent_id: str, conversation_id: str) -> bool:
    """Whether a note of this conversation names the agent and is new to them."""
    return bool(await unread_of(tx, agent_id, [conversation_id]))


def mentioned_in(site_id: str, agent_id: str) -> Select[str]:
    """The conversations of a site in which a note names this agent."""
    return select(Mention.conversation_id).where(Mention.site_id == site_id, Mention.agent_id == agent_id)


def _first(name: str) -> str:
    return (name.split() or [""])[0].casefold()


def _at(name: str) -> re.Pattern[str]:
    words = r"\s+".join(map(re.escape, name.split()))
    # Not an address ("ana@mara.example"), and not the beginning of a longer name.
    return re.compile(rf"(?<![\w.])@{words}(?!\w)", re.IGNORECASE) if words else re.compile(r"(?!)")
