"""What can be done with a ticket. The ticket and its conversation change in the same transaction."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import select, update

from minidesk.accounts import access_site
from minidesk.conversations import Conversations, MessageView, Posted, lock_conversation
from minidesk.db import Tx
from minidesk.db.models import Site, Team, Ticket, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.live import EventLog
from minidesk.tickets.entities import MAX_ENTITIES, find_entities
from minidesk.tickets.records import Entity, Priority, Reason, Status, TeamChoice, Triage
from minidesk.tickets.tags import drop_tag, put_tag

# From a status to those it may become. A closed ticket stays closed: what comes later is a new ticket.
MOVES: dict[Status, frozenset[Status]] = {
    "open": frozenset({"pending", "solved", "closed"}),
    "pending": frozenset({"open", "solved", "closed"}),
    "solved": frozenset({"open", "closed"}),
    "closed": frozenset(),
}
ACTIVE: tuple[Status, ...] = ("open", "pending")
# A handoff this soon after the last ticket was solved is about the same matter: the same ticket, number and team.
SAME_MATTER = timedelta(days=7)


class Tickets:
    """The actions of agents on tickets, and the opening of one by a handoff."""

    def __init__(self, events: EventLog, conversations: Conversations, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._conversations = conversations
        self._clock = clock

    async def open(
        self,
        tx: Tx,
        *,
        site_id: str,
        conversation_id: str,
        reason: Reason,
        triage: Triage,
        team: TeamChoice,
        assignee_id: str | None,
        response_due_at: datetime,
    ) -> Ticket:
        """A new ticket with the site's next number. The caller holds the conversation's lock and saw no active ticket."""
        number = await tx.scalar(
            update(Site)
            .where(Site.id == site_id)
            .values(ticket_count=Site.ticket_count + 1)
            .returning(Site.ticket_count)
        )
        if number is None:
            raise NotFound
        now = self._clock()
        ticket = Ticket(
            id=new_id("tkt"),
            site_id=site_id,
            conversation_id=conversation_id,
            number=number,
            status="open",
            reason=reason,
            subject=triage.subject,
            summary=triage.summary,
            evidence=[asdict(e) for e in triage.evidence],
            entities=[asdict(e) for e in triage.entities],
            priority=triage.priority,
            priority_why=triage.priority_why,
            sentiment=triage.sentiment,
            team_id=team.team_id,
            team_score=team.score,
            assignee_id=assignee_id,
            response_due_at=response_due_at,
            responded_at=None,
            solved_at=None,
            created_at=now,
            updated_at=now,
        )
        tx.add(ticket)
        await self._announce(tx, ticket)
        return ticket

    async def open_again(
        self,
        tx: Tx,
        ticket: Ticket,
        *,
        reason: Reason,
        triage: Triage,
        assignee_id: str | None,
        response_due_at: datetime,
    ) -> None:
        """A solved ticket whose conversation needs a person once more: the same number and team, a fresh context.

        What was read out of the conversation is replaced; the caller holds the conversation's lock.
        """
        ticket.status = "open"
        ticket.reason = reason
        ticket.subject, ticket.summary = triage.subject, triage.summary
        ticket.evidence = [asdict(e) for e in triage.evidence]
        ticket.entities = [asdict(e) for e in triage.entities]
        ticket.priority, ticket.priority_why = triage.priority, triage.priority_why
        ticket.sentiment = triage.sentiment
        ticket.assignee_id = assignee_id
        ticket.response_due_at, ticket.responded_at, ticket.late_told_at = response_due_at, None, None
        ticket.solved_at = None
        await self._changed(tx, ticket)

    async def set_status(self, tx: Tx, ticket_id: str, status: Status) -> Ticket:
        """Move a ticket, by the table MOVES.

        Solved gives the conversation back to the assistant, closed closes it, and open again brings it to the
        queue. Raises Conflict where the table has no such move; the same status again changes nothing.
        """
        ticket = await _lock(tx, ticket_id)
        if status == ticket.status:
            return ticket
        if status not in MOVES[ticket.status]:  # type: ignore[index]  # the column holds only Status's words
            raise Conflict(
                f"This ticket is {ticket.status} and cannot become {status}. Reload to see how it stands."
            )
        if status == "open" and ticket.status == "solved":
            await self._reopen(tx, ticket)
        elif status == "solved":
            ticket.solved_at = self._clock()
            await self._conversations.hand_back(tx, ticket.conversation_id)
        elif status == "closed" and ticket.status in ACTIVE:
            await self._conversations.close(tx, ticket.conversation_id)
        ticket.status = status
        await self._changed(tx, ticket)
        return ticket

    async def take(self, tx: Tx, ticket_id: str, agent_id: str) -> Ticket:
        """Claim: the agent becomes the assignee and holds the conversation. Raises AlreadyAssigned if another was first."""
        ticket = await self._active(tx, ticket_id)
        await _check_works_here(tx, ticket.site_id, agent_id)
        await self._conversations.take_over(tx, ticket.conversation_id, agent_id)
        ticket.assignee_id = agent_id
        ticket.status = "open"
        await self._changed(tx, ticket)
        return ticket

    async def assign(self, tx: Tx, ticket_id: str, agent_id: str | None) -> Ticket:
        """Give the ticket to an agent of the site, or to nobody. A conversation that an agent holds moves with it."""
        ticket = await self._active(tx, ticket_id)
        if agent_id is not None:
            await _check_works_here(tx, ticket.site_id, agent_id)
        if agent_id != ticket.assignee_id:
            ticket.assignee_id = agent_id
            await self._conversations.pass_on(tx, ticket.conversation_id, agent_id)
            await self._changed(tx, ticket)
        return ticket

    async def set_priority(self, tx: Tx, ticket_id: str, priority: Priority) -> Ticket:
        """Set the priority; the reason is then the agent's choice. Raises Invalid."""
        if priority not in get_args(Priority):
            raise Invalid("A priority is low, normal, high or urgent.", code="invalid_priority")
        ticket = await self._active(tx, ticket_id)
        if priority != ticket.priority:
            ticket.priority = priority
            ticket.priority_why = f"{priority.capitalize()}: set by an agent."
            await self._changed(tx, ticket)
        return ticket

    async def set_team(self, tx: Tx, ticket_id: str, team_id: str | None) -> Ticket:
        """Send the ticket to another team of its site, or to none. Raises Invalid."""
        ticket = await self._active(tx, ticket_id)
        if team_id is not None:
            team = await tx.scalar(select(Team.id).where(Team.id == team_id, Team.site_id == ticket.site_id))
            if team is None:
                raise Invalid("This site has no such team. Choose one from the list.", code="invalid_team")
        if team_id != ticket.team_id:
            ticket.team_id, ticket.team_score = team_id, None
            await self._changed(tx, ticket)
        return ticket

    async def add_tag(self, tx: Tx, ticket_id: str, agent_id: str, tag: str) -> Ticket:
        """Tag the ticket, whatever its status; a tag that it has changes nothing. Raises NotFound and Invalid."""
        ticket = await _lock(tx, ticket_id)
        await access_site(tx, agent_id, ticket.site_id)
        if await put_tag(tx, ticket, tag, self._clock()):
            await self._changed(tx, ticket)
        return ticket

    async def remove_tag(self, tx: Tx, ticket_id: str, agent_id: str, tag: str) -> Ticket:
        """Take a tag off the ticket; one that it does not have changes nothing. Raises NotFound."""
        ticket = await _lock(tx, ticket_id)
        await access_site(tx, agent_id, ticket.site_id)
        if await drop_tag(tx, ticket, tag):
            await self._changed(tx, ticket)
        return ticket

    async def reply(
        self, tx: Tx, ticket_id: str, *, agent_id: str, text: str, client_id: str | None = None
    ) -> Posted:
        """Answer the visitor; a ticket that nobody holds is taken with it.

        Raises AlreadyAssigned if another agent holds the conversation. The first answer stops the response clock.
        """
        ticket = await self._active(tx, ticket_id)
        await _check_works_here(tx, ticket.site_id, agent_id)
        await self._conversations.take_over(tx, ticket.conversation_id, agent_id)
        posted = await self._conversations.post_agent_message(
            tx, ticket.conversation_id, agent_id=agent_id, text=text, client_id=client_id
        )
        if posted.created:
            ticket.assignee_id = agent_id
            ticket.responded_at = ticket.responded_at or self._clock()
            await self._changed(tx, ticket)
        return posted

    async def visitor_wrote(self, tx: Tx, message: MessageView, conversation_id: str) -> None:
        """What a visitor adds while a person has the matter: a pending ticket is open again, new facts join the others.

        A pending ticket waits for the visitor. Without their new facts an agent would look in vain for the order
        number that they had asked for.
        """
        ticket = await active_ticket(tx, conversation_id, lock=True)
        if ticket is None:
            return
        facts = _joined(ticket.entities, find_entities([message]))
        if ticket.status == "pending" or len(facts) > len(ticket.entities):
            ticket.status = "open"
            ticket.entities = facts
            await self._changed(tx, ticket)

    async def say_late(self, tx: Tx, ticket_id: str, line: str) -> bool:
        """Tell a visitor whom nobody answered in time; once a ticket. False where somebody came meanwhile."""
        ticket = await _lock(tx, ticket_id)
        waits = ticket.status == "open" and ticket.responded_at is None and ticket.assignee_id is None
        if not waits or ticket.late_told_at is not None:
            return False
        ticket.late_told_at = self._clock()
        await self._conversations.post_system_message(tx, ticket.conversation_id, line)
        return True

    async def close_solved(self, tx: Tx, ticket_id: str) -> bool:
        """End a matter that nobody came back to: what the visitor writes next starts a new conversation.

        False where the ticket is no longer solved, or the conversation has a newer matter.
        """
        ticket = await _lock(tx, ticket_id)
        if ticket.status != "solved":
            return False
        ticket.status = "closed"
        if await active_ticket(tx, ticket.conversation_id) is None:
            await self._conversations.close(tx, ticket.conversation_id)
        await self._changed(tx, ticket)
        return True

    async def _reopen(self, tx: Tx, ticket: Ticket) -> None:
        if await active_ticket(tx, ticket.conversation_id) is not None:
            raise Conflict("This conversation has a newer ticket that is open. Work on that one.")
        ticket.solved_at = None
        await self._conversations.to_queue(tx, ticket.conversation_id)

    async def _active(self, tx: Tx, ticket_id: str) -> Ticket:
        ticket = await _lock(tx, ticket_id)
        if ticket.status not in ACTIVE:
            raise Conflict(f"This ticket is {ticket.status}. Open it again first.", code="ticket_not_open")
        return ticket

    async def _changed(self, tx: Tx, ticket: Ticket) -> None:
        ticket.updated_at = self._clock()
        await self._announce(tx, ticket)

    async def _announce(self, tx: Tx, ticket: Ticket) -> None:
        # A number and a status: priority, team and mood are none of the visitor's business (T27).
        data = {"number": ticket.number, "status": ticket.status}
        await self._events.append(tx, ticket.conversation_id, "ticket", data)


async def active_ticket(tx: Tx, conversation_id: str, *, lock: bool = False) -> Ticket | None:
    """The conversation's ticket that is open or pending; there is at most one."""
    query = select(Ticket).where(Ticket.conversation_id == conversation_id, Ticket.status.in_(ACTIVE))
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await tx.scalar(query.order_by(Ticket.number.desc()).limit(1))


async def solved_ticket(tx: Tx, conversation_id: str, now: datetime) -> Ticket | None:
    """The conversation's latest ticket, if it was solved so lately that a new handoff is about the same matter."""
    query = select(Ticket).where(Ticket.conversation_id == conversation_id).order_by(Ticket.number.desc())
    latest = await tx.scalar(query.limit(1))
    if latest is None or latest.status != "solved" or latest.solved_at is None:
        return None
    return latest if latest.solved_at >= now - SAME_MATTER else None


def _joined(kept: list[Any], found: tuple[Entity, ...]) -> list[Any]:
    """Stored facts and new ones, each once."""
    known = {(e["kind"], (e["normal"] or e["text"]).lower()) for e in kept}
    new = [asdict(e) for e in found if (e.kind, (e.normal or e.text).lower()) not in known]
    return [*kept, *new][:MAX_ENTITIES]


async def _lock(tx: Tx, ticket_id: str) -> Ticket:
    """The ticket's row, behind its conversation's lock: every writer takes the two in this order, so none waits in a ring."""
    conversation_id = await tx.scalar(select(Ticket.conversation_id).where(Ticket.id == ticket_id))
    if conversation_id is None:
        raise NotFound
    await lock_conversation(tx, conversation_id)
    return await tx.get_one(Ticket, ticket_id, with_for_update=True, populate_existing=True)


async def _check_works_here(tx: Tx, site_id: str, agent_id: str) -> None:
    """Raises Invalid unless the agent works in the site."""
    try:
        await access_site(tx, agent_id, site_id)
    except NotFound:
        raise Invalid(
            "This agent does not work in this site. Choose one from the list.", code="invalid_agent"
        ) from None
