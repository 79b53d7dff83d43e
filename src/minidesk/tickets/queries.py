"""Tickets as agents read them: inbox views, a ticket in full, and how many there are of each."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, case, func, or_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, aliased

from minidesk.accounts import access_site
from minidesk.db import Tx
from minidesk.db.models import Agent, Conversation, Message, Team, TeamMember, Ticket
from minidesk.errors import NotFound
from minidesk.tickets.clocks import due_of
from minidesk.tickets.lines import lines_of
from minidesk.tickets.mentions import mentioned_in, unread, unread_of
from minidesk.tickets.records import (
    PRIORITIES,
    Entity,
    Evidence,
    Given,
    InboxCounts,
    InboxLine,
    TicketView,
    Why,
)
from minidesk.tickets.rows import ACTIVE
from minidesk.tickets.tags import wears

View = Literal["mine", "unassigned", "team", "all", "waiting", "snoozed", "mentions", "assistant", "solved"]

# What fits on a screen is read; the rest is searched for.
PAGE = 50
_AWAKE = Ticket.snoozed_until.is_(None)
_WANTED = Conversation.spam_at.is_(None)
_RANK = case({name: rank for rank, name in enumerate(PRIORITIES)}, value=Ticket.priority, else_=0)


async def access_ticket_as_agent(tx: Tx, agent_id: str, ticket_id: str) -> TicketView:
    """A ticket of a site where this agent works. Raises NotFound."""
    ticket = await ticket_detail(tx, ticket_id)
    await access_site(tx, agent_id, ticket.site_id)
    return ticket


async def ticket_detail(tx: Tx, ticket_id: str) -> TicketView:
    """A ticket in full. Raises NotFound. It checks no right: routes call `access_ticket_as_agent`."""
    row = (await tx.execute(_with_names().where(Ticket.id == ticket_id))).one_or_none()
    if row is None:
        raise NotFound
    return ticket_view(*row)


async def ticket_of(tx: Tx, conversation_id: str) -> TicketView | None:
    """The conversation's latest ticket, whatever its status."""
    query = _with_names().where(Ticket.conversation_id == conversation_id)
    row = (await tx.execute(query.order_by(Ticket.number.desc()).limit(1))).one_or_none()
    return None if row is None else ticket_view(*row)


async def inbox(
    tx: Tx, *, site_id: str, agent_id: str, view: View, tag: str = "", limit: int = PAGE, offset: int = 0
) -> list[InboxLine]:
    """One view of a site's inbox; the caller has checked that the agent works there.

    Tickets stand by priority, then by who waits longest. `team` means the teams of this agent; `waiting` are those whose
    visitor waits for a person's answer, by how long they have, whatever the priority; `assistant`
    lists conversations that the assistant handles, the latest first; `snoozed` what comes back later, the next first;
    `mentions` where a note names this agent. With `tag` only tickets that wear it.
    """
    chosen = _chosen(agent_id, site_id, view, tag, limit + offset).limit(limit).offset(offset)
    found = [(conversation_id, ticket_id) for conversation_id, ticket_id in await tx.execute(chosen)]
    lines = await lines_of(tx, found)
    if view == "waiting":
        since = await _since_of(tx, [ticket_id for _, ticket_id in found if ticket_id])
        lines = [replace(line, waits_since=since.get(line.ticket_id or "")) for line in lines]
    new = await unread_of(tx, agent_id, [line.conversation_id for line in lines])
    return [replace(line, mentioned=True) if line.conversation_id in new else line for line in lines]


async def inbox_counts(tx: Tx, *, site_id: str, agent_id: str, now: datetime, tag: str = "") -> InboxCounts:
    """How many rows each view has; with `tag`, of tickets that wear it. In one question: each page of the inbox asks it."""

    def of(condition: ColumnElement[bool]) -> Any:
        return func.count(case((condition, 1)))

    handled = select(func.count()).select_from(Conversation).where(*_handled(site_id))
    if tag:
        handled = handled.join(Ticket, _active_of_conversation()).where(wears(site_id, tag))
    # A tag is of one site: with the site as well SQLite would look through all of its tickets.
    of_all = select(func.count()).select_from(Ticket)
    of_all = of_all.where(wears(site_id, tag) if tag else Ticket.site_id == site_id)
    of_active = of_all.where(Ticket.status.in_(ACTIVE))
    row = (
        await tx.execute(
            select(
                of(_in_view("mine", agent_id)),
                of(_in_view("unassigned", agent_id)),
                of(_in_view("team", agent_id)),
                of(_in_view("all", agent_id)),
                of(Ticket.snoozed_until.is_not(None)),
                of(and_(_AWAKE, Ticket.due_at < now)),
                of(and_(_AWAKE, _mine_or_nobodys(agent_id), Ticket.warn_at <= now)),
                # Not of the outer query's tickets, whose rows these do not count. What is over is what is not active: to
                # count it by its own status took three times as long.
                *(
                    each.correlate(None).scalar_subquery()
                    for each in (handled, unread(site_id, agent_id), of_all, of_active)
                ),
            ).where(
                Ticket.site_id == site_id,
                Ticket.status.in_(ACTIVE),
                _not_spam(site_id),
                *_tagged(site_id, tag),
            )
        )
    ).one()
    mine, unassigned, team, everything, snoozed, overdue, near, assistant, mentions, tickets, active = row
    waits, waits_for_me = await _waiting_counts(tx, site_id, agent_id, tag)
    return InboxCounts(
        mine,
        unassigned,
        team,
        everything,
        waits,
        assistant,
        snoozed,
        mentions,
        overdue,
        near,
        tickets - active,
        waits_for_me,
    )


async def waiting_count(tx: Tx, site_id: str, agent_id: str) -> int:
    """How many tickets of the agent, or of nobody, have a visitor who waits for a person: `InboxCounts.waiting_for_me` alone."""
    query = select(func.count()).select_from(Ticket).where(*_waiting(site_id), _mine_or_nobodys(agent_id))
    return await tx.scalar(query) or 0


async def _waiting_counts(tx: Tx, site_id: str, agent_id: str, tag: str) -> tuple[int, int]:
    """Of everybody, and of the agent and nobody.

    Both at once: who spoke last is asked of every open ticket, which is half of what an inbox costs on a large desk.
    """
    counts = select(func.count(), func.count(case((_mine_or_nobodys(agent_id), 1)))).select_from(Ticket)
    everybodys, own = (await tx.execute(counts.where(*_waiting(site_id), *_tagged(site_id, tag)))).one()
    return everybodys, own


def _mine_or_nobodys(agent_id: str) -> ColumnElement[bool]:
    return or_(Ticket.assignee_id == agent_id, Ticket.assignee_id.is_(None))


def ticket_view(row: Ticket, team_name: str | None, assignee_name: str | None) -> TicketView:
    """A row as a record."""
    return TicketView(
        id=row.id,
        site_id=row.site_id,
        conversation_id=row.conversation_id,
        number=row.number,
        status=row.status,  # type: ignore[arg-type]  # the columns hold only the words of their types
        reason=row.reason,  # type: ignore[arg-type]
        subject=row.subject,
        summary=row.summary,
        evidence=tuple(Evidence(**e) for e in row.evidence),
        entities=tuple(Entity(**e) for e in row.entities),
        priority=row.priority,  # type: ignore[arg-type]
        priority_why=row.priority_why,
        sentiment=row.sentiment,  # type: ignore[arg-type]
        team_id=row.team_id,
        team_name=team_name,
        team_score=row.team_score,
        assignee_id=row.assignee_id,
        assignee_name=assignee_name,
        response_due_at=row.response_due_at,
        responded_at=row.responded_at,
        solved_at=row.solved_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        routed_by=tuple(row.routed_by or ()),
        snoozed_until=row.snoozed_until,
        follow_up_at=row.follow_up_at,
        back_at=row.back_at,
        merged_into=row.merged_into,
        policy=(row.policy or {}).get("name", ""),
        due=due_of(row),
        next_due_at=row.next_due_at,
        resolution_due_at=row.resolution_due_at,
        team_corrected=row.team_corrected_at is not None,
        learned=Why(**{**row.learned, "tags": tuple(row.learned["tags"])}) if row.learned else Why(),
        given=Given(**{**row.given_why, "skills": tuple(row.given_why["skills"])}) if row.given_why else None,
    )


def _with_names() -> Select[Ticket, str, str]:
    return (
        select(Ticket, Team.name, Agent.name)
        .outerjoin(Team, Team.id == Ticket.team_id)
        .outerjoin(Agent, Agent.id == Ticket.assignee_id)
    )


def _in_view(view: View, agent_id: str) -> ColumnElement[bool]:
    if view == "snoozed":
        return Ticket.snoozed_until.is_not(None)
    if view == "mine":
        return and_(_AWAKE, Ticket.assignee_id == agent_id)
    if view == "unassigned":
        return and_(_AWAKE, Ticket.assignee_id.is_(None))
    if view == "team":
        teams = select(TeamMember.team_id).where(TeamMember.agent_id == agent_id)
        return and_(_AWAKE, Ticket.team_id.in_(teams))
    return _AWAKE


def _is_answer(message: type[Message]) -> ColumnElement[bool]:
    """By a person, or by the assistant; a note is none, nor is the assistant's empty turn that led to a person."""
    by_assistant = and_(message.author == "assistant", message.outcome.in_(("reply", "clarify")))
    return or_(message.author == "agent", by_assistant)


def _is_asking(message: type[Message]) -> ColumnElement[bool]:
    """By the visitor, or the line that tells them that a person comes."""
    return message.author.in_(("visitor", "system"))


def _since() -> ScalarSelect[datetime]:
    """Of a waiting ticket: from when on its visitor waits.

    Since the last answer: from when they were told that a person comes, else from the first message. That line goes
    first, because a "thanks" from before an earlier ticket was solved was never answered either.
    """
    said, answer = aliased(Message), aliased(Message)
    answered = (
        select(answer.seq)
        .where(answer.conversation_id == Ticket.conversation_id, _is_answer(answer))
        .order_by(answer.seq.desc())
        .limit(1)
        .correlate(Ticket)
        .scalar_subquery()
    )
    after = said.seq > func.coalesce(answered, 0)
    first = select(said.created_at).where(
        said.conversation_id == Ticket.conversation_id, after, _is_asking(said)
    )
    return first.order_by(said.author == "visitor", said.seq).limit(1).correlate(Ticket).scalar_subquery()


def _waiting(site_id: str) -> tuple[ColumnElement[bool], ...]:
    """Of a ticket: its visitor waits for a person. From the end one or two messages are read; all since the answer would be more."""
    last, talk = aliased(Message), aliased(Conversation)
    last_author = (
        select(last.author)
        .where(last.conversation_id == Ticket.conversation_id, or_(_is_answer(last), _is_asking(last)))
        .order_by(last.seq.desc())
        .limit(1)
        .correlate(Ticket)
        .scalar_subquery()
    )
    # A list out of the index on (site, holder): each ticket's conversation would be a row to read.
    with_people = select(talk.id).where(talk.site_id == site_id, talk.holder.in_(("queue", "agent")))
    return (
        Ticket.site_id == site_id,
        Ticket.status == "open",
        _AWAKE,
        Ticket.conversation_id.in_(with_people),
        _not_spam(site_id),
        last_author.in_(("visitor", "system")),
    )


async def _since_of(tx: Tx, ticket_ids: Sequence[str]) -> dict[str, datetime]:
    rows = await tx.execute(select(Ticket.id, _since()).where(Ticket.id.in_(ticket_ids)))
    return {row[0]: row[1] for row in rows}


def _handled(site_id: str) -> tuple[ColumnElement[bool], ...]:
    # A conversation without a word is a widget that was opened and closed again.
    return (
        Conversation.site_id == site_id,
        Conversation.holder == "assistant",
        Conversation.last_seq > 0,
        _WANTED,
    )


def _not_spam(site_id: str) -> ColumnElement[bool]:
    """Of a ticket. The list of what is spam is short and in an index; each ticket's conversation would be a row to read."""
    spam = select(Conversation.id).where(Conversation.site_id == site_id, Conversation.spam_at.is_not(None))
    return Ticket.conversation_id.not_in(spam)


def _tagged(site_id: str, tag: str) -> tuple[ColumnElement[bool], ...]:
    return (wears(site_id, tag),) if tag else ()


def _active_of_conversation() -> ColumnElement[bool]:
    return and_(Ticket.conversation_id == Conversation.id, Ticket.status.in_(ACTIVE))


def _chosen(agent_id: str, site_id: str, view: View, tag: str, most: int) -> Select[str, str | None]:
    """(conversation, ticket) of a view's first `most` rows or more, in order.

    Ids alone: with what a line shows joined before the sort, 21,000 solved tickets took 250 ms; so they take 9.
    """
    if view == "solved":
        return _over(site_id, tag, most)
    query = select(Conversation.id, Ticket.id)
    latest_first = (Conversation.last_message_at.desc(), Conversation.id.desc())
    if view == "assistant":
        query = query.outerjoin(Ticket, _active_of_conversation())
        query = query.where(*_handled(site_id)).order_by(*latest_first)
    elif view == "mentions":
        named = Conversation.id.in_(mentioned_in(site_id, agent_id))
        if not tag:
            # The first of them first: their tickets are looked for one by one.
            first = select(Conversation.id, Conversation.last_message_at).where(named)
            talk = first.order_by(*latest_first).limit(most).subquery().c
            query = select(talk.id, _latest_ticket(talk.id))
            return query.order_by(talk.last_message_at.desc(), talk.id.desc())
        query = query.join(Ticket, Ticket.id == _latest_ticket(Conversation.id))
        query = query.where(named).order_by(*latest_first)
    elif view == "waiting":
        query = select(Ticket.conversation_id, Ticket.id).where(*_waiting(site_id))
        query = query.order_by(_since(), Ticket.id)
    else:
        query = select(Ticket.conversation_id, Ticket.id)
        query = query.where(Ticket.site_id == site_id, Ticket.status.in_(ACTIVE), _not_spam(site_id))
        query = query.where(_in_view(view, agent_id))
        order = (Ticket.snoozed_until,) if view == "snoozed" else (_RANK.desc(), Ticket.created_at)
        query = query.order_by(*order, Ticket.id)
    return query.where(*_tagged(site_id, tag))


def _over(site_id: str, tag: str, most: int) -> Select[str, str | None]:
    """Solved and closed tickets, the latest first: each read along the index, where both together would be sorted whole."""
    parts = [
        select(Ticket.conversation_id, Ticket.id, Ticket.updated_at)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(Ticket.site_id == site_id, Ticket.status == status, _WANTED, *_tagged(site_id, tag))
        .order_by(Ticket.updated_at.desc(), Ticket.id)
        .limit(most)
        .subquery()
        for status in ("solved", "closed")
    ]
    both = union_all(*(select(part) for part in parts)).subquery()
    return select(both.c.conversation_id, both.c.id).order_by(both.c.updated_at.desc(), both.c.id)


def _latest_ticket(conversation_id: ColumnElement[str] | InstrumentedAttribute[str]) -> ScalarSelect[str]:
    other = aliased(Ticket)
    latest = select(other.id).where(other.conversation_id == conversation_id)
    return latest.order_by(other.number.desc()).limit(1).scalar_subquery()
