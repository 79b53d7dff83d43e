"""What can be done with a ticket. The ticket and its conversation change in the same transaction."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import select, update

from minidesk.accounts import access_site, acted
from minidesk.conversations import Conversations, MessageView, Posted
from minidesk.db import Tx
from minidesk.db.models import Conversation, Site, Team, Ticket, TicketPass, new_id
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.live import QUEUE, EventLog
from minidesk.sites import site_by_id
from minidesk.tickets.clocks import (
    Clocks,
    answered,
    due_of,
    go_on,
    promise_again,
    rest,
    settle,
    start,
    start_next,
    start_over,
    waits_again,
)
from minidesk.tickets.entities import find_entities
from minidesk.tickets.examples import keep_text
from minidesk.tickets.late import late_tickets
from minidesk.tickets.records import EvidencePart, Given, Priority, Reason, Status, TeamChoice, Triage
from minidesk.tickets.routing import mark_routed
from minidesk.tickets.rows import (
    ACTIVE,
    active_ticket,
    check_works_here,
    forget_giving,
    in_sight,
    is_given_out,
    joined,
    lock_ticket,
    works_here,
)
from minidesk.tickets.rules import NOT_ROUTED, Routed
from minidesk.tickets.tags import drop_tag, put_tag

# From a status to those it may become. A closed ticket stays closed: what comes later is a new ticket.
MOVES: dict[Status, frozenset[Status]] = {
    "open": frozenset({"pending", "solved", "closed"}),
    "pending": frozenset({"open", "solved", "closed"}),
    "solved": frozenset({"open", "closed"}),
    "closed": frozenset(),
}


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
        clocks: Clocks,
        routed: Routed = NOT_ROUTED,
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
            evidence=[asdict(e) for e in (*triage.evidence, team.evidence) if e is not None],
            entities=[asdict(e) for e in triage.entities],
            priority=triage.priority,
            priority_why=triage.priority_why,
            sentiment=triage.sentiment,
            team_id=team.team_id,
            team_score=team.score,
            team_corrected_at=None,
            learned=asdict(team.why) | {"tags": list(team.why.tags)},
            assignee_id=assignee_id,
            given_at=None,
            given_why=None,
            had_by=None,
            solved_at=None,
            routed_by=None,
            snoozed_until=None,
            follow_up_at=None,
            back_at=None,
            merged_into=None,
            created_at=now,
            updated_at=now,
        )
        start(ticket, clocks)
        tx.add(ticket)
        await tx.flush()
        if team.text is not None and team.fingerprint is not None and team.vector is not None:
            await keep_text(tx, ticket.id, team.text, team.fingerprint, team.vector)
        await mark_routed(tx, ticket, routed, now)
        await self._announce(tx, ticket)
        await self._tell(tx, ticket, routed)
        return ticket

    async def open_again(
        self,
        tx: Tx,
        ticket: Ticket,
        *,
        reason: Reason,
        triage: Triage,
        assignee_id: str | None,
        clocks: Clocks,
        routed: Routed = NOT_ROUTED,
    ) -> None:
        """A solved ticket whose conversation needs a person once more: the same number and team, a fresh context.

        What was read out of the conversation is replaced; the caller holds the conversation's lock.
        """
        had = ticket.assignee_id
        await forget_giving(tx, ticket)
        ticket.status = "open"
        ticket.reason = reason
        ticket.subject, ticket.summary = triage.subject, triage.summary
        ticket.evidence = [asdict(e) for e in triage.evidence]
        ticket.entities = [asdict(e) for e in triage.entities]
        ticket.priority, ticket.priority_why = triage.priority, triage.priority_why
        ticket.sentiment = triage.sentiment
        ticket.assignee_id, ticket.had_by = assignee_id, had
        ticket.solved_at = ticket.back_at = None
        start(ticket, clocks)
        await mark_routed(tx, ticket, routed, self._clock())
        await self.changed(tx, ticket)
        await self._tell(tx, ticket, routed)

    async def set_status(self, tx: Tx, ticket_id: str, status: Status) -> Ticket:
        """Move a ticket, by the table MOVES.

        Solved gives the conversation back to the assistant, closed closes it, and open again brings it to the
        queue. Raises Conflict where the table has no such move; the same status again changes nothing.
        """
        ticket = await lock_ticket(tx, ticket_id)
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
            await self._conversations.hand_back(tx, ticket.conversation_id, reply=False)
        elif status == "closed" and ticket.status in ACTIVE:
            await self._conversations.close(tx, ticket.conversation_id)
        if status == "open":
            in_sight(ticket, self._clock())
        ticket.status = status
        ticket.snoozed_until = ticket.back_at = None
        if status in ("solved", "closed"):
            ticket.follow_up_at = ticket.given_at = None
        await self.changed(tx, ticket)
        return ticket

    async def take(self, tx: Tx, ticket_id: str, agent_id: str) -> Ticket:
        """Claim: the agent becomes the assignee and holds the conversation. Raises AlreadyAssigned if another was first."""
        ticket = await self.active(tx, ticket_id)
        await check_works_here(tx, ticket.site_id, agent_id)
        await self._conversations.take_over(tx, ticket.conversation_id, agent_id)
        await self._go_on(tx, ticket)
        await self._came(tx, ticket, agent_id)
        ticket.status = "open"
        ticket.snoozed_until = ticket.back_at = None
        await self.changed(tx, ticket)
        return ticket

    async def hand_back(self, tx: Tx, conversation_id: str) -> bool:
        """Give a conversation back to the assistant, as `Conversations.hand_back`.

        Its ticket stays, for whoever it waits for, but its visitor waits for no person now: no clock of an answer runs.
        """
        if not await self._conversations.hand_back(tx, conversation_id):
            return False
        ticket = await active_ticket(tx, conversation_id, lock=True)
        if ticket is not None:
            rest(ticket)
            ticket.given_at = None
            await self.changed(tx, ticket)
        return True

    async def assign(self, tx: Tx, ticket_id: str, agent_id: str | None) -> Ticket:
        """Give the ticket to an agent of the site, or to nobody. A conversation that an agent holds moves with it.

        One that was put off is in sight again: whoever gets it has not put it off. What waits in the queue then has a
        time for an answer, though somebody has answered before. Where the desk gives its team's tickets out, it does
        not give this one back to who gave it away.
        """
        ticket = await self.active(tx, ticket_id)
        if agent_id is not None:
            await check_works_here(tx, ticket.site_id, agent_id)
        if agent_id != ticket.assignee_id:
            had, ticket.assignee_id = ticket.assignee_id, agent_id
            await forget_giving(tx, ticket)
            if agent_id is None and had is not None:
                tx.add(TicketPass(ticket_id=ticket.id, agent_id=had, at=self._clock()))
            ticket.snoozed_until = ticket.back_at = None
            moved = await self._conversations.pass_on(tx, ticket.conversation_id, agent_id)
            if moved and agent_id is None:
                await self._start_next(tx, ticket, "queue")
            await self.changed(tx, ticket)
        return ticket

    async def set_priority(self, tx: Tx, ticket_id: str, priority: Priority) -> Ticket:
        """Set the priority; the reason is then the agent's choice. Raises Invalid."""
        if priority not in get_args(Priority):
            raise Invalid("A priority is low, normal, high or urgent.", code="invalid_priority")
        ticket = await self.active(tx, ticket_id)
        if priority != ticket.priority:
            ticket.priority = priority
            ticket.priority_why = f"{priority.capitalize()}: set by an agent."
            ticket.evidence = _without(ticket.evidence, "priority")
            await self.changed(tx, ticket)
        return ticket

    async def set_team(self, tx: Tx, ticket_id: str, team_id: str | None) -> Ticket:
        """Send the ticket to another team of its site, or to none: the next one like it goes there. Raises Invalid."""
        ticket = await self.active(tx, ticket_id)
        if team_id is not None:
            team = await tx.scalar(select(Team.id).where(Team.id == team_id, Team.site_id == ticket.site_id))
            if team is None:
                raise Invalid("This site has no such team. Choose one from the list.", code="invalid_team")
        if team_id != ticket.team_id:
            ticket.team_id, ticket.team_score, ticket.learned = team_id, None, None
            ticket.team_corrected_at = self._clock() if team_id is not None else None
            ticket.evidence = _without(ticket.evidence, "team")
            if ticket.given_at is not None:
                ticket.assignee_id = None  # who has not come for it was of the other team
            if ticket.assignee_id is None:
                await forget_giving(tx, ticket)
            await self.changed(tx, ticket)
        return ticket

    async def add_tag(self, tx: Tx, ticket_id: str, agent_id: str, tag: str) -> Ticket:
        """Tag the ticket, whatever its status; a tag that it has changes nothing. Raises NotFound and Invalid."""
        ticket = await lock_ticket(tx, ticket_id)
        await access_site(tx, agent_id, ticket.site_id)
        if await put_tag(tx, ticket, tag, self._clock()):
            await self.changed(tx, ticket)
        return ticket

    async def remove_tag(self, tx: Tx, ticket_id: str, agent_id: str, tag: str) -> Ticket:
        """Take a tag off the ticket; one that it does not have changes nothing. Raises NotFound."""
        ticket = await lock_ticket(tx, ticket_id)
        await access_site(tx, agent_id, ticket.site_id)
        if await drop_tag(tx, ticket, tag):
            await self.changed(tx, ticket)
        return ticket

    async def reply(
        self,
        tx: Tx,
        ticket_id: str,
        *,
        agent_id: str,
        text: str,
        client_id: str | None = None,
        attachments: Sequence[str] = (),
    ) -> Posted:
        """Answer the visitor; a ticket that nobody holds is taken with it. A client id that was posted before changes nothing.

        Raises AlreadyAssigned if another agent holds the conversation. The first answer stops the response clock.
        """
        ticket = await lock_ticket(tx, ticket_id)
        await check_works_here(tx, ticket.site_id, agent_id)
        # A repeat that comes late, when the ticket was solved or given away since, changes nothing and is not refused.
        first = await self._conversations.agent_posted(
            tx, ticket.conversation_id, agent_id=agent_id, client_id=client_id
        )
        if first is not None:
            return first
        ticket = await self.active(tx, ticket_id)
        await self._conversations.take_over(tx, ticket.conversation_id, agent_id)
        posted = await self._conversations.post_agent_message(
            tx,
            ticket.conversation_id,
            agent_id=agent_id,
            text=text,
            client_id=client_id,
            attachments=attachments,
        )
        await self._go_on(tx, ticket)
        await self._came(tx, ticket, agent_id)
        ticket.back_at = None
        answered(ticket, self._clock())
        await self.changed(tx, ticket)
        return posted

    async def visitor_wrote(self, tx: Tx, message: MessageView, conversation_id: str) -> None:
        """What a visitor adds while a person has the matter: a pending ticket is open again, new facts join the others,
        and the clock of the next answer starts; not while the assistant answers.

        A pending ticket waits for the visitor. Without their new facts an agent would look in vain for the order
        number that they had asked for.
        """
        ticket = await active_ticket(tx, conversation_id, lock=True)
        if ticket is None:
            return
        facts = joined(ticket.entities, find_entities([message]))
        asleep = ticket.snoozed_until is not None
        holder = (await tx.get_one(Conversation, conversation_id)).holder
        waits = await self._start_next(tx, ticket, holder)
        if ticket.status == "pending" or asleep:
            in_sight(ticket, self._clock())
            waits = True
        if waits or len(facts) > len(ticket.entities):
            ticket.entities = facts
            await self.changed(tx, ticket)

    async def visitor_called(self, tx: Tx, ticket_id: str) -> None:
        """The visitor asks for the person whom they wait for, or have: a ticket that is put off, or pending, is open again."""
        ticket = await lock_ticket(tx, ticket_id)
        if ticket.status in ACTIVE and (ticket.status == "pending" or ticket.snoozed_until is not None):
            in_sight(ticket, self._clock())
            holder = (await tx.get_one(Conversation, ticket.conversation_id)).holder
            await self._start_next(tx, ticket, holder)
            await self.changed(tx, ticket)

    async def queued_again(self, tx: Tx, ticket: Ticket, clocks: Clocks) -> None:
        """The assistant had a conversation with an active ticket, and it waits for a person once more: open, in sight, with
        the time for an answer that its visitor is promised now. The caller holds the conversation's lock.
        """
        in_sight(ticket, self._clock())
        promise_again(ticket, clocks.first_due)
        await self._offer(tx, ticket)
        await self.changed(tx, ticket)

    async def wait_here(self, tx: Tx, ticket: Ticket) -> None:
        """A visitor who waited in another conversation waits in this one, told so by the caller, who announces the change.

        Open, in sight, in the queue where the assistant had it, and with a time.
        """
        in_sight(ticket, self._clock())
        if await self._conversations.to_queue(tx, ticket.conversation_id):
            await self._offer(tx, ticket)
        await self._go_on(tx, ticket)
        holder = (await tx.get_one(Conversation, ticket.conversation_id)).holder
        await self._start_next(tx, ticket, holder)

    async def say_late(self, tx: Tx, ticket_id: str, line: str) -> bool:
        """Tell a visitor whom nobody answered in time; once a ticket. False where somebody came meanwhile."""
        ticket, now = await lock_ticket(tx, ticket_id), self._clock()
        if (await tx.execute(late_tickets(now).where(Ticket.id == ticket_id))).one_or_none() is None:
            return False
        ticket.late_told_at = now
        await self._conversations.post_system_message(tx, ticket.conversation_id, line)
        return True

    async def warn(self, tx: Tx, ticket_id: str) -> bool:
        """Tell the agents that a clock of this ticket is about to run out; once for each time. False where it is not, by now."""
        ticket, now = await lock_ticket(tx, ticket_id), self._clock()
        due = due_of(ticket)
        near = ticket.warn_at is not None and ticket.warn_at <= now and ticket.snoozed_until is None
        if due is None or not near or ticket.warned_at is not None:
            return False
        ticket.warned_at = now
        data = {
            "number": ticket.number,
            "status": ticket.status,
            "clock": due.clock,
            "at": due.at.isoformat(),
        }
        await self._events.append(tx, ticket.conversation_id, "due", data, "agents")
        return True

    async def close_solved(self, tx: Tx, ticket_id: str) -> bool:
        """End a matter that nobody came back to: what the visitor writes next starts a new conversation.

        The conversation stays open where it has a newer matter, or its visitor is just talking with the assistant. False
        where the ticket is no longer solved.
        """
        ticket = await lock_ticket(tx, ticket_id)
        if ticket.status != "solved":
            return False
        ticket.status = "closed"
        if await active_ticket(tx, ticket.conversation_id) is None:
            await self._conversations.close_quiet(tx, ticket.conversation_id, ticket.solved_at)
        await self.changed(tx, ticket)
        return True

    async def _reopen(self, tx: Tx, ticket: Ticket) -> None:
        if await active_ticket(tx, ticket.conversation_id) is not None:
            raise Conflict("This conversation has a newer ticket that is open. Work on that one.")
        ticket.solved_at = None
        if ticket.assignee_id and not await works_here(tx, ticket.site_id, ticket.assignee_id):
            ticket.assignee_id = None  # they left, and nobody else would see that it is theirs
        start_over(ticket, (await site_by_id(tx, ticket.site_id)).config, self._clock())
        await self._conversations.to_queue(tx, ticket.conversation_id)
        await self._offer(tx, ticket)

    async def _came(self, tx: Tx, ticket: Ticket, agent_id: str) -> None:
        """The agent has it from now on; why it was given to them stays."""
        await acted(tx, ticket.site_id, agent_id, self._clock())
        why = ticket.given_why if ticket.assignee_id == agent_id else None
        if ticket.assignee_id != agent_id or ticket.given_at is not None:
            await forget_giving(tx, ticket)
        ticket.assignee_id, ticket.given_why = agent_id, why

    async def _offer(self, tx: Tx, ticket: Ticket) -> None:
        """It waits for a person once more. Where its team's tickets are given out, who had it is asked first, if they are there."""
        await forget_giving(tx, ticket)
        if ticket.assignee_id is not None and await is_given_out(tx, ticket.team_id):
            ticket.had_by, ticket.assignee_id = ticket.assignee_id, None

    async def _go_on(self, tx: Tx, ticket: Ticket) -> None:
        """An agent has what the assistant had."""
        if ticket.response_due_at is None:
            go_on(ticket, (await site_by_id(tx, ticket.site_id)).config, self._clock())

    async def _start_next(self, tx: Tx, ticket: Ticket, holder: str) -> bool:
        """Start the clock of the next answer, where the visitor waits for one of a person and it does not run."""
        if holder not in ("queue", "agent") or not waits_again(ticket, queued=holder == "queue"):
            return False
        start_next(ticket, (await site_by_id(tx, ticket.site_id)).config, self._clock())
        return True

    async def give(self, tx: Tx, ticket: Ticket, agent_id: str, name: str, why: Given) -> None:
        """The desk gives the locked ticket, which waits in the queue, to an agent; the log of the conversation says so.

        The conversation stays in the queue, and every clock runs on, until they come.
        """
        ticket.assignee_id, ticket.given_at, ticket.had_by = agent_id, self._clock(), None
        ticket.given_why = asdict(why) | {"skills": list(why.skills)}
        data = {"number": ticket.number, "to": agent_id, "name": name, "why": ticket.given_why}
        await self._events.append(tx, ticket.conversation_id, "given", data, "agents")
        await self.changed(tx, ticket)

    async def take_back(self, tx: Tx, ticket: Ticket) -> None:
        """Whom the locked ticket was given to has not come: it waits for anybody else."""
        had, passed = ticket.assignee_id, {"ticket_id": ticket.id, "agent_id": ticket.assignee_id}
        ticket.assignee_id = ticket.given_at = ticket.given_why = None
        if had is not None:
            await tx.merge(TicketPass(**passed, at=self._clock()))
        data = {"number": ticket.number, "from": had}
        await self._events.append(tx, ticket.conversation_id, "not_taken", data, "agents")
        await self.changed(tx, ticket)

    def now(self) -> datetime:
        """The time by which tickets are written."""
        return self._clock()

    async def active(self, tx: Tx, ticket_id: str) -> Ticket:
        """The locked ticket. Raises Conflict unless it is open or pending."""
        ticket = await lock_ticket(tx, ticket_id)
        if ticket.status not in ACTIVE:
            raise Conflict(f"This ticket is {ticket.status}. Open it again first.", code="ticket_not_open")
        return ticket

    async def changed(self, tx: Tx, ticket: Ticket) -> None:
        """Announce what the caller changed of a locked ticket."""
        settle(ticket)
        ticket.updated_at = self._clock()
        await self._announce(tx, ticket)

    async def _tell(self, tx: Tx, ticket: Ticket, routed: Routed) -> None:
        """One event for each rule that tells the site's webhooks. It names a rule: no visitor reads it."""
        for name in routed.told:
            data = {"number": ticket.number, "status": ticket.status, "rule": name}
            await self._events.append(tx, ticket.conversation_id, "rule", data, "agents")

    async def _announce(self, tx: Tx, ticket: Ticket) -> None:
        # A number and a status: priority, team and mood are none of the visitor's business (T27).
        data = {"number": ticket.number, "status": ticket.status}
        await self._events.append(tx, ticket.conversation_id, "ticket", data)
        self._events.wake_after_commit(tx, QUEUE)


def _without(evidence: list[Any], part: EvidencePart) -> list[Any]:
    """What is left when an agent has decided a part themselves: no words of the visitor stand for it any more."""
    return [each for each in evidence if each["part"] != part]
