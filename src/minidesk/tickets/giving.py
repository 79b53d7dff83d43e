"""Tickets that the desk gives out: to who is there and has room, looked at again as soon as somebody has.

For teams that want it so; otherwise agents take them. Whoever is given a ticket is its assignee, and its visitor goes on
waiting in the queue until they come. If they do not come in the team's time, are away or have left, it is the next one's,
and in the end anybody's: no clock stands still for it. To write at the reply is to come, for a while. What a person or a rule
has assigned is left alone.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, case, func, or_, select

from minidesk.accounts import CLAIM_MINUTES, Agents, Worker, acted, acted_since, list_workers, was_given
from minidesk.db import Database, Tx
from minidesk.db.models import Agent, Conversation, Event, Membership, Team, TeamMember, Ticket, TicketPass
from minidesk.errors import MinideskError
from minidesk.live import QUEUE, Hub
from minidesk.text.words import content_stems
from minidesk.tickets.actions import Tickets
from minidesk.tickets.records import PRIORITIES, Given
from minidesk.tickets.rows import ACTIVE, active_ticket, is_given_out, lock_site, lock_ticket
from minidesk.tickets.tags import tags_of

log = logging.getLogger(__name__)

# What wakes this may have happened in another process, and nothing wakes it when somebody closes the laptop.
LOOK_SECONDS = 30.0
AT_ONCE = 100
# Who writes says so every few seconds. A team's minutes are one at least, so that this much is nothing to lose.
WRITTEN_EVERY = timedelta(seconds=20)
# A reply that is being written holds a ticket for this many times the team's minutes, all in all: 20 of them where those are
# the usual five. No reply takes longer; who wants the ticket for longer takes it over, by one press. Without an end, one
# word now and then in a draft would keep a visitor waiting who could have had the next agent.
WRITING_HOLDS = 4
_RANK = case({name: rank for rank, name in enumerate(PRIORITIES)}, value=Ticket.priority, else_=0)


@dataclass(frozen=True, slots=True)
class Asks:
    """What a ticket asks of who gets it."""

    language: str  # its first part, such as "de"; empty: not known
    tags: frozenset[str]  # folded
    stems: frozenset[str]
    had_by: str | None
    passed: Mapping[str, datetime]  # who did not come, or gave it away, and when


class Giving:
    """Gives out the tickets of all sites. Whoever runs it twice does no harm: each step looks again under the locks."""

    def __init__(self, db: Database, tickets: Tickets, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._tickets = tickets
        self._clock = clock

    async def run(self, hub: Hub, stop: asyncio.Event) -> None:
        """Look whenever somebody may have room, or something may wait, until `stop`."""
        stopped = asyncio.create_task(stop.wait())
        try:
            async with hub.subscribe(QUEUE) as ear:
                while not stop.is_set():
                    try:
                        await self.look()
                    except MinideskError as error:
                        log.warning("tickets were not given out: %s", error.code)
                    waiting = asyncio.create_task(ear.wait(LOOK_SECONDS))
                    await asyncio.wait({waiting, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    waiting.cancel()
        finally:
            stopped.cancel()

    async def look(self) -> int:
        """One round; how many tickets changed hands."""
        changed = 0
        for ticket_id in await self._not_taken():
            async with self._db.write() as tx:
                changed += await take_back(tx, self._tickets, ticket_id)
        for team_id in await self._teams():
            changed += await self._give_out(team_id)
        return changed

    async def _give_out(self, team_id: str) -> int:
        given, tried = 0, set[str]()
        while (ticket_id := await self._next(team_id, tried)) is not None:
            tried.add(ticket_id)
            async with self._db.write() as tx:
                given += await give_out(tx, self._tickets, ticket_id)
        return given

    async def _teams(self) -> Sequence[str]:
        query = select(Team.id).where(Team.giving == "given").order_by(Team.created_at, Team.id)
        async with self._db.read() as tx:
            return (await tx.scalars(query)).all()

    async def _next(self, team_id: str, tried: Collection[str]) -> str | None:
        """The first ticket of a team that somebody can take now, by rows alone: nothing is locked where nobody can."""
        async with self._db.read() as tx:
            site_id = await tx.scalar(select(Team.site_id).where(Team.id == team_id))
            if site_id is None:
                return None
            workers = await _workers(tx, site_id, team_id, self._clock())
            busy = await open_of(tx, site_id) if any(each.free for each in workers) else {}
            able = [each for each in workers if _can_take(each, busy, {})]
            offset = 0
            # Page by page, or a hundred that have gone round would hide those behind them.
            while able and (found := await _waiting(tx, site_id, team_id, offset)):
                passed = await _passed(tx, found)
                for ticket_id in found:
                    if ticket_id not in tried and any(
                        _can_take(each, busy, passed.get(ticket_id, {})) for each in able
                    ):
                        return ticket_id
                offset += len(found)
        return None

    async def _not_taken(self) -> Sequence[str]:
        """Tickets that were given to who does not come."""
        async with self._db.read() as tx:
            return await not_taken(tx, self._clock())


async def not_taken(tx: Tx, now: datetime) -> list[str]:
    """Tickets whose agent does not come for them, the earliest first."""
    rows = await tx.execute(
        _in_queue()
        .outerjoin(Team, Team.id == Ticket.team_id)
        .where(Ticket.given_at.is_not(None))
        .with_only_columns(Ticket, Team.claim_minutes)
        .order_by(Ticket.given_at, Ticket.id)
    )
    given = [(ticket, minutes) for ticket, minutes in rows]
    passed = await _passed(tx, [ticket.id for ticket, _ in given]) if given else {}
    busy = {site_id: await open_of(tx, site_id) for site_id in {ticket.site_id for ticket, _ in given}}
    workers: dict[str | None, list[Worker]] = {}
    found = []
    for ticket, minutes in given:
        key = ticket.team_id or ticket.site_id
        if key not in workers:
            workers[key] = await _workers(tx, ticket.site_id, ticket.team_id, now)
        if not _stays(ticket, minutes, workers[key], busy[ticket.site_id], passed.get(ticket.id, {}), now):
            found.append(ticket.id)
    return found


def _stays(
    ticket: Ticket,
    minutes: int | None,
    workers: Sequence[Worker],
    busy: Mapping[str, int],
    passed: Mapping[str, datetime],
    now: datetime,
) -> bool:
    """Whether a ticket stays with whom it was given to: while their time runs, and after it where they are at work on others
    and nobody else could take it.
    """
    agent = next((each for each in workers if each.id == ticket.assignee_id and each.free), None)
    if agent is None or ticket.given_at is None:
        return False
    time = timedelta(minutes=minutes or CLAIM_MINUTES)
    if now < ticket.given_at + time:
        return True
    if agent.acted_at is None or agent.acted_at <= now - time:
        return False
    return not any(_can_take(each, busy, passed) for each in workers if each is not agent)


async def at_work(db: Database, tickets: Tickets, conversation_id: str, agent_id: str) -> None:
    """The agent writes at a reply in a conversation that they may see: they are at work, and if they were given its ticket,
    their time begins anew with each word, up to WRITING_HOLDS times.

    What counts are keys that are pressed: a draft that was forgotten loses the ticket as silence does. Written down every
    WRITTEN_EVERY, whoever says it how often.
    """
    now = tickets.now()
    async with db.read() as tx:
        site_id = await tx.scalar(select(Conversation.site_id).where(Conversation.id == conversation_id))
        if site_id is None:
            return
        ticket = await active_ticket(tx, conversation_id)
        anew = None if ticket is None else await _anew(tx, ticket, agent_id, now)
        if anew is None and await acted_since(tx, site_id, agent_id, now - WRITTEN_EVERY):
            return
    async with db.write() as tx:
        if anew is not None and ticket is not None:
            row = await lock_ticket(tx, ticket.id)
            row.given_at = await _anew(tx, row, agent_id, now) or row.given_at
        await acted(tx, site_id, agent_id, now)


async def _anew(tx: Tx, ticket: Ticket, agent_id: str, now: datetime) -> datetime | None:
    """When the time begins anew of who was given the ticket, has not come for it yet, and writes; None where it does not."""
    at = ticket.given_at
    conversation = await tx.get_one(Conversation, ticket.conversation_id)
    if at is None or ticket.assignee_id != agent_id or not _waits(ticket, conversation):
        return None
    minutes = await tx.scalar(select(Team.claim_minutes).where(Team.id == ticket.team_id))
    # The log knows when they were given it; `given_at` is when their time began last.
    told = Event.conversation_id == ticket.conversation_id, Event.type == "given"
    first = await tx.scalar(select(func.max(Event.created_at)).where(*told)) or at
    anew = min(now, first + (WRITING_HOLDS - 1) * timedelta(minutes=minutes or CLAIM_MINUTES))
    return anew if anew - at >= WRITTEN_EVERY else None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A ticket that somebody was given and has not come for yet."""

    conversation_id: str
    number: int
    given_at: datetime


async def given_to(tx: Tx, site_id: str, agent_id: str) -> tuple[Waiting, ...]:
    """What the desk has given the agent and they have not taken up, the earliest first."""
    rows = await tx.execute(
        _in_queue()
        .where(Ticket.site_id == site_id, Ticket.assignee_id == agent_id, Ticket.given_at.is_not(None))
        .with_only_columns(Ticket.conversation_id, Ticket.number, Ticket.given_at)
        .order_by(Ticket.given_at, Ticket.id)
    )
    return tuple(Waiting(talk, number, at) for talk, number, at in rows if at is not None)


async def take_back(tx: Tx, tickets: Tickets, ticket_id: str) -> bool:
    """Take a ticket from who does not come, and give it to the next one at once; False where they came meanwhile."""
    ticket = await lock_ticket(tx, ticket_id)
    conversation = await tx.get_one(Conversation, ticket.conversation_id)
    if ticket.given_at is None or not _waits(ticket, conversation):
        return False
    now = tickets.now()
    minutes = await tx.scalar(select(Team.claim_minutes).where(Team.id == ticket.team_id))
    workers = await _workers(tx, ticket.site_id, ticket.team_id, now)
    passed = (await _passed(tx, [ticket.id])).get(ticket.id, {})
    if _stays(ticket, minutes, workers, await open_of(tx, ticket.site_id), passed, now):
        return False
    await tickets.take_back(tx, ticket)
    await _give(tx, tickets, ticket, conversation)
    return True


async def give_out(tx: Tx, tickets: Tickets, ticket_id: str) -> bool:
    """Give a waiting ticket to who can take it; False where nobody can, or it waits no more."""
    ticket = await lock_ticket(tx, ticket_id)
    conversation = await tx.get_one(Conversation, ticket.conversation_id)
    if ticket.assignee_id is not None or not _waits(ticket, conversation):
        return False
    return await _give(tx, tickets, ticket, conversation)


async def open_of(tx: Tx, site_id: str) -> dict[str, int]:
    """How many tickets each agent has to do: open, in sight, and not with the assistant."""
    rows = await tx.execute(
        select(Ticket.assignee_id, func.count())
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(
            Ticket.site_id == site_id,
            Ticket.status == "open",
            Ticket.snoozed_until.is_(None),
            Ticket.assignee_id.is_not(None),
            Conversation.holder.in_(("queue", "agent")),
        )
        .group_by(Ticket.assignee_id)
    )
    return {agent_id: count for agent_id, count in rows if agent_id is not None}


async def release(tx: Tx, tickets: Tickets, agent_id: str, site_id: str | None = None) -> int:
    """Bring what an agent has to the queue, of one site or of all: they do not come back to it. How many there were."""
    query = (
        select(Ticket.id)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(
            Ticket.status.in_(ACTIVE),
            or_(Ticket.assignee_id == agent_id, Conversation.holder_agent_id == agent_id),
        )
        # Locked as whoever locks several conversations does it.
        .order_by(Ticket.conversation_id, Ticket.id)
    )
    if site_id is not None:
        query = query.where(Ticket.site_id == site_id)
    if "\0" in agent_id:  # PostgreSQL refuses to look for it
        return 0
    found = (await tx.scalars(query)).all()
    return sum([await give_up(tx, tickets, ticket_id, agent_id) for ticket_id in found])


async def give_up(tx: Tx, tickets: Tickets, ticket_id: str, agent_id: str) -> bool:
    """The agent has the ticket no more; False where they do not have it."""
    ticket = await lock_ticket(tx, ticket_id)
    holder = (await tx.get_one(Conversation, ticket.conversation_id)).holder_agent_id
    if ticket.status not in ACTIVE or agent_id not in (ticket.assignee_id, holder):
        return False
    if ticket.assignee_id is None:
        ticket.assignee_id = holder  # whoever holds the conversation has its ticket
    await tickets.assign(tx, ticket_id, None)
    return True


async def suspend(tx: Tx, tickets: Tickets, agents: Agents, agent_id: str) -> int:
    """Suspend an agent everywhere; what they had waits for somebody else. How many tickets those were. Raises NotFound."""
    count = await release(tx, tickets, agent_id)
    await agents.disable_in(tx, agent_id)
    return count


async def strangers(tx: Tx, limit: int) -> Sequence[tuple[str, str]]:
    """(ticket, agent) of tickets that somebody has who does not work in their site any more."""
    here = (Membership.agent_id == Agent.id) & (Membership.site_id == Ticket.site_id)
    rows = await tx.execute(
        select(Ticket.id, Agent.id)
        .join(Agent, Agent.id == Ticket.assignee_id)
        .outerjoin(Membership, here)
        .where(
            Ticket.status.in_(ACTIVE),
            or_(Agent.disabled_at.is_not(None), Agent.operator.is_(False) & Membership.id.is_(None)),
        )
        .order_by(Ticket.conversation_id, Ticket.id)
        .limit(limit)
    )
    return [(ticket_id, agent_id) for ticket_id, agent_id in rows]


async def _give(tx: Tx, tickets: Tickets, ticket: Ticket, conversation: Conversation) -> bool:
    """The locked ticket to the best of those who can take it."""
    if not await is_given_out(tx, ticket.team_id):
        return False
    # One at a time in a site: what each has to do is counted behind this, so that two never fill one place.
    await lock_site(tx, ticket.site_id)
    now, asks = tickets.now(), await _asks(tx, ticket, conversation)
    workers, busy = await _workers(tx, ticket.site_id, ticket.team_id, now), await open_of(tx, ticket.site_id)
    found = choose(workers, busy, asks)
    if found is None:
        return False
    worker, why = found
    await was_given(tx, ticket.site_id, worker.id, now)
    await tickets.give(tx, ticket, worker.id, worker.name, why)
    return True


def choose(workers: Sequence[Worker], busy: Mapping[str, int], asks: Asks) -> tuple[Worker, Given] | None:
    """Who gets a ticket, and why; None where nobody can take it.

    First who has not left it waiting yet; then who had it before; who speaks its language, and whoever names none speaks
    all; who knows one of its words; who has least to do; who was given one longest ago. `busy`: what each has to do.
    """
    able = [each for each in workers if _can_take(each, busy, asks.passed)]
    if not able:
        return None

    def order(worker: Worker) -> tuple[bool, bool, bool, bool, int, float, str]:
        given = worker.given_at.timestamp() if worker.given_at else 0.0
        languages = worker.work.languages
        foreign = bool(asks.language and languages) and asks.language not in languages
        knows = bool(known_by(worker, asks))
        load = busy.get(worker.id, 0)
        return worker.id in asks.passed, worker.id != asks.had_by, foreign, not knows, load, given, worker.id

    best = min(able, key=order)
    why = Given(
        open=busy.get(best.id, 0) + 1,
        most=best.work.most_open,
        before=best.id == asks.had_by,
        language=asks.language if asks.language in best.work.languages else "",
        skills=known_by(best, asks),
    )
    return best, why


def known_by(worker: Worker, asks: Asks) -> tuple[str, ...]:
    """The words of somebody that stand for this ticket: one of its tags, or all of them in what it is about."""
    return tuple(
        word
        for word in worker.work.skills
        if word.casefold() in asks.tags or ((stems := content_stems(word)) and asks.stems.issuperset(stems))
    )


def _can_take(worker: Worker, busy: Mapping[str, int], passed: Mapping[str, datetime]) -> bool:
    most, at = worker.work.most_open, passed.get(worker.id)
    if not worker.free or (most is not None and busy.get(worker.id, 0) >= most):
        return False
    # Who did not come is asked again once they have come back, or have worked on another.
    return at is None or (worker.acted_at is not None and worker.acted_at > at)


async def _waiting(tx: Tx, site_id: str, team_id: str, offset: int) -> Sequence[str]:
    """Tickets of a team that wait for somebody: urgent ones first, then those that are due first."""
    waits = Ticket.site_id == site_id, Ticket.team_id == team_id, Ticket.assignee_id.is_(None)
    order = _RANK.desc(), Ticket.due_at.is_(None), Ticket.due_at, Ticket.created_at, Ticket.id
    query = _in_queue().where(*waits).order_by(*order)
    return (await tx.scalars(query.offset(offset).limit(AT_ONCE))).all()


async def _passed(tx: Tx, ticket_ids: Collection[str]) -> dict[str, dict[str, datetime]]:
    """Who did not come for each of these tickets, and when."""
    found: dict[str, dict[str, datetime]] = {}
    query = select(TicketPass.ticket_id, TicketPass.agent_id, TicketPass.at)
    for ticket_id, agent_id, at in await tx.execute(query.where(TicketPass.ticket_id.in_(ticket_ids))):
        found.setdefault(ticket_id, {})[agent_id] = at
    return found


async def _workers(tx: Tx, site_id: str, team_id: str | None, now: datetime) -> list[Worker]:
    """The members of a team who work in the site; of a team without members, and of none, everybody who does."""
    workers = await list_workers(tx, site_id, now)
    members = set(await tx.scalars(select(TeamMember.agent_id).where(TeamMember.team_id == team_id)))
    return [each for each in workers if each.id in members] if members else workers


async def _asks(tx: Tx, ticket: Ticket, conversation: Conversation) -> Asks:
    tags = (await tags_of(tx, [ticket.id])).get(ticket.id, ())
    return Asks(
        (conversation.locale or "").lower().replace("_", "-").partition("-")[0],
        frozenset(tag.casefold() for tag in tags),
        frozenset(content_stems(f"{ticket.subject}\n{ticket.summary}")),
        ticket.had_by,
        (await _passed(tx, [ticket.id])).get(ticket.id, {}),
    )


def _in_queue() -> Select[str]:
    return (
        select(Ticket.id)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(Ticket.status == "open", Ticket.snoozed_until.is_(None), Conversation.holder == "queue")
    )


def _waits(ticket: Ticket, conversation: Conversation) -> bool:
    return ticket.status == "open" and ticket.snoozed_until is None and conversation.holder == "queue"
