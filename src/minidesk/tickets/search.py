"""Search over a site's conversations and tickets: what was written, newest first.

Each word must stand somewhere in the conversation: in a message, or in the subject, summary or number of a ticket of
it. There is no index behind it. The database compares the text of every message, so one call looks through LOOKED
conversations at most and says where it stopped; the next call goes on from there.

Upper and lower case are the same as far as the database knows: LIKE folds ASCII alone on SQLite, and on PostgreSQL
what its locale knows. So a word with other letters is looked for as it was typed, in lower case, in upper case and
with a capital first letter: "ärger" finds "Ärger" and "ÄRGER" on both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from minidesk.db import Tx
from minidesk.db.models import Agent, Conversation, Message, Team, Ticket, Visitor
from minidesk.text.normalise import remove_invisible, replace_surrogates
from minidesk.tickets.records import Status
from minidesk.tickets.tags import tags_of, wears

# What one call may look through. With 20 messages each, 2,000 conversations are 40,000 comparisons: 23 ms in SQLite for
# a word that is nowhere, 44 ms with an umlaut, which is looked for in several spellings.
LOOKED = 2_000
SHOWN = 30
WORDS = 8
QUERY_CHARS = 200
# Of a conversation with thousands of messages only the latest that match are looked at for the one to show.
MATCHES_READ = 600
SNIPPET_CHARS = 160
_ESCAPE = "!"
_LARGEST = 2**31 - 1  # of PostgreSQL's integer


@dataclass(frozen=True, slots=True)
class Filters:
    """What a ticket of the conversation must be; empty means anything, also no ticket."""

    status: Status | None = None
    team_id: str | None = None
    assignee_id: str | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search stopped: what comes next is older than this conversation."""

    at: datetime
    conversation_id: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A conversation that holds all words. `message_id` is the latest message with most of them, if one has any."""

    conversation_id: str
    last_message_at: datetime
    visitor_name: str | None
    message_id: str | None
    snippet: str
    ticket_id: str | None = None
    number: int | None = None
    subject: str | None = None
    status: Status | None = None
    team_name: str | None = None
    assignee_name: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """`then` is where to go on; None when everything was looked through."""

    hits: tuple[Hit, ...]
    then: Place | None


def read_words(raw: str) -> tuple[str, ...]:
    """The words of what was typed, each once, at most WORDS; never raises."""
    text = remove_invisible(replace_surrogates(raw[: QUERY_CHARS * 4]))[:QUERY_CHARS]
    return tuple(dict.fromkeys(text.split()))[:WORDS]


async def search_site(
    tx: Tx, site_id: str, words: Sequence[str], filters: Filters, *, after: Place | None = None
) -> Found:
    """A page of the site's conversations that hold all words, the latest first, from `after` on.

    The caller has checked that the agent works in the site.
    """
    held = _held(site_id, filters)
    few = None if held is None else await _few(tx, held)
    base = select(Conversation.id, Conversation.last_message_at).where(
        Conversation.last_seq > 0, *_older(after)
    )
    if few is None:
        base = base.where(Conversation.site_id == site_id)
        base = base if held is None else base.where(Conversation.id.in_(held))
    else:
        # Not with the site too: SQLite would look for these few by going through all of its conversations.
        base = base.where(Conversation.id.in_(few))
    base = base.order_by(Conversation.last_message_at.desc(), Conversation.id.desc())
    edge = (await tx.execute(base.offset(LOOKED - 1).limit(1))).one_or_none() if few is None else None
    query = base.where(*(_has(tx, word) for word in words))
    if edge is not None:
        query = query.where(_not_older(Place(edge[1], edge[0])))
    rows = [Place(at, id) for id, at in await tx.execute(query.limit(SHOWN + 1))]
    then = rows[SHOWN - 1] if len(rows) > SHOWN else Place(edge[1], edge[0]) if edge else None
    return Found(tuple(await _hits(tx, [row.conversation_id for row in rows[:SHOWN]], words)), then)


def _older(place: Place | None) -> tuple[ColumnElement[bool], ...]:
    if place is None:
        return ()
    # The plain comparison first: the index on (site, time) can use it, and not the pair.
    return (
        Conversation.last_message_at <= place.at,
        or_(Conversation.last_message_at < place.at, Conversation.id < place.conversation_id),
    )


def _not_older(place: Place) -> ColumnElement[bool]:
    return and_(
        Conversation.last_message_at >= place.at,
        or_(Conversation.last_message_at > place.at, Conversation.id >= place.conversation_id),
    )


def _held(site_id: str, filters: Filters) -> Select[str] | None:
    """The conversations of the site's tickets that the filters let through; None where there are no filters."""
    wanted: list[ColumnElement[bool]] = []
    if filters.status:
        wanted.append(Ticket.status == filters.status)
    if filters.team_id:
        wanted.append(Ticket.team_id == filters.team_id)
    if filters.assignee_id:
        wanted.append(Ticket.assignee_id == filters.assignee_id)
    if filters.tag:
        # A tag is of one site: with the site as well SQLite would look through all of its tickets.
        wanted.append(wears(site_id, filters.tag))
    else:
        wanted.append(Ticket.site_id == site_id)
    # A list of its own, not EXISTS: SQLite would answer that by the index on status, every ticket for every conversation.
    return select(Ticket.conversation_id).where(*wanted) if filters != Filters() else None


async def _few(tx: Tx, held: Select[str]) -> list[str] | None:
    """The conversations themselves, if they are so few that one call may look through all of them."""
    ids = (await tx.scalars(held.limit(LOOKED + 1))).all()
    return list(ids) if len(ids) <= LOOKED else None


def _has(tx: Tx, word: str) -> ColumnElement[bool]:
    """The condition on `Conversation` that the word stands in it."""
    ticket = or_(_like(tx, Ticket.subject, word), _like(tx, Ticket.summary, word), *_numbered(word))
    return or_(
        exists().where(Ticket.conversation_id == Conversation.id, ticket),
        exists().where(Message.conversation_id == Conversation.id, _like(tx, Message.text, word)),
    )


def _numbered(word: str) -> tuple[ColumnElement[bool], ...]:
    digits = word.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10 and int(digits) <= _LARGEST):
        return ()
    return (Ticket.number == int(digits),)


def _like(tx: Tx, column: Any, word: str) -> ColumnElement[bool]:
    # SQLite's LIKE folds ASCII by itself; SQLAlchemy's `ilike` would call lower() for every row on top of it.
    compare = column.ilike if tx.get_bind().dialect.name == "postgresql" else column.like
    return or_(*(compare(f"%{_escaped(form)}%", escape=_ESCAPE) for form in _forms(word)))


def _forms(word: str) -> tuple[str, ...]:
    """The spellings of a word to look for; one is enough where LIKE folds all of its letters."""
    if word.isascii():
        return (word,)
    return tuple(dict.fromkeys((word, word.lower(), word.upper(), word[:1].upper() + word[1:].lower())))


def _escaped(word: str) -> str:
    for sign in (_ESCAPE, "%", "_"):
        word = word.replace(sign, _ESCAPE + sign)
    return word


async def _hits(tx: Tx, ids: Sequence[str], words: Sequence[str]) -> list[Hit]:
    """What is shown of these conversations, in their order."""
    if not ids:
        return []
    best = await _best_messages(tx, ids, words)
    rows: dict[str, Any] = {}
    for row in await tx.execute(_with_tickets(ids)):
        rows[row[0]] = row  # tickets come by number: the latest stays
    tags = await tags_of(tx, [row[3] for row in rows.values() if row[3]])
    return [_hit(rows[id], best.get(id), words, tags) for id in ids]


def _with_tickets(ids: Sequence[str]) -> Select[*tuple[Any, ...]]:
    query = select(
        Conversation.id, Conversation.last_message_at, Visitor.name, Ticket.id, Ticket.number, Ticket.subject,
        Ticket.summary, Ticket.status, Team.name, Agent.name,
    )  # fmt: skip
    query = query.join(Visitor, Visitor.id == Conversation.visitor_id)
    query = query.outerjoin(Ticket, Ticket.conversation_id == Conversation.id)
    query = query.outerjoin(Team, Team.id == Ticket.team_id).outerjoin(Agent, Agent.id == Ticket.assignee_id)
    return query.where(Conversation.id.in_(ids)).order_by(Ticket.number)


async def _best_messages(tx: Tx, ids: Sequence[str], words: Sequence[str]) -> dict[str, tuple[str, str]]:
    """(id, text) of the latest message with most of the words, by conversation."""
    if not words:
        return {}
    found = await tx.execute(
        select(Message.conversation_id, Message.id, Message.text)
        .where(Message.conversation_id.in_(ids), or_(*(_like(tx, Message.text, word) for word in words)))
        .order_by(Message.conversation_id, Message.seq.desc())
        .limit(MATCHES_READ)
    )
    best: dict[str, tuple[int, str, str]] = {}
    for conversation_id, message_id, text in found:
        folded = text.casefold()
        count = sum(word.casefold() in folded for word in words)
        if count > best.get(conversation_id, (0,))[0]:
            best[conversation_id] = (count, message_id, text)
    return {conversation_id: (message_id, text) for conversation_id, (_, message_id, text) in best.items()}


def _hit(
    row: Any, best: tuple[str, str] | None, words: Sequence[str], tags: dict[str, tuple[str, ...]]
) -> Hit:
    id, at, visitor, ticket_id, number, subject, summary, status, team, assignee = row
    message_id, text = best or (None, summary or "")
    return Hit(
        id, at, visitor, message_id, snippet(text, words), ticket_id, number, subject, status, team, assignee,
        tags.get(ticket_id or "", ()),
    )  # fmt: skip


def snippet(text: str, words: Sequence[str]) -> str:
    """The part of a text around its first word that was looked for, on one line."""
    line = " ".join(text.split())
    if len(line) <= SNIPPET_CHARS:
        return line
    low = line.lower()
    found = [at for word in words if (at := low.find(word.lower())) >= 0]
    start = max(0, min(found, default=0) - SNIPPET_CHARS // 4)
    # Not in the middle of a word, unless the word is as long as a line.
    if start and 0 <= (space := line.find(" ", start)) - start < 20:
        start = space + 1
    end = start + SNIPPET_CHARS
    return ("… " if start else "") + line[start:end].rstrip() + (" …" if end < len(line) else "")
