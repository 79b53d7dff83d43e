"""The third story: one conversation to a person.

reason → read the conversation → triage and team, off the event loop and outside any transaction, with a model's summary
where there is a model that is quick enough → one write: holder, ticket, and the line that tells the visitor what
happens next and when. Asking again gives the same ticket.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from minidesk.answering.anger import anger_in
from minidesk.answering.models import Models
from minidesk.answering.outcome import Turn
from minidesk.answering.privacy import PrivateModels, SiteWishes, said_by_visitor
from minidesk.answering.summarise import read_conversation
from minidesk.conversations import Conversations, MessageView, lock_conversation, transcript
from minidesk.db import Database, Tx
from minidesk.db.models import Conversation, Document, Team, Ticket, Visitor
from minidesk.errors import NotFound
from minidesk.sites import SiteView, hours_line, site_by_id
from minidesk.text.locale import Texts
from minidesk.tickets import (
    Embed,
    LateLine,
    Policy,
    Reason,
    Routed,
    Rule,
    TeamChoice,
    TeamChooser,
    TeamProfile,
    Tickets,
    TicketView,
    Triage,
    Why,
    active_ticket,
    facts_of,
    list_policies,
    live_rules,
    policy_for,
    read_by_model,
    routed_for,
    set_clocks,
    solved_ticket,
    team_profiles,
    ticket_detail,
    triage,
    visitor_sentences,
    with_priority,
    works_here,
)

# A ticket's number, and the site, in the visitor's language.
NextLine = Callable[[SiteView, str | None, int, datetime], str]

# Titles looked for in what the visitor wrote; a base with more documents than this has no use for them as names.
MAX_PRODUCTS = 2000
FIRST_NAME_CHARS = 20
READ_CHARS = 1000
# Countries whose telephone numbers a language's speakers write without a prefix, where the locale names no region.
_HOME = {"de": "DE", "fr": "FR", "it": "IT", "es": "ES", "nl": "NL", "pl": "PL"}


@dataclass(frozen=True, slots=True)
class _Case:
    """A conversation as it was read, before anything was decided."""

    site: SiteView
    locale: str | None
    messages: tuple[MessageView, ...]
    teams: tuple[TeamProfile, ...]
    products: tuple[str, ...]
    rules: tuple[Rule, ...]
    policies: tuple[Policy, ...]
    page: str | None
    visitor: str | None  # their first name
    attributes: Mapping[str, Any] | None


class Handoff:
    """Opens tickets. The visitor's button, their words, a failed model and an agent all come here."""

    def __init__(
        self,
        db: Database,
        conversations: Conversations,
        tickets: Tickets,
        embed: Embed,
        next_line: NextLine,
        clock: Callable[[], datetime],
        *,
        models: Models | None = None,
        fingerprint: str | None = None,
        crash_point: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`models` None: what an agent reads is quoted from the conversation, and not summed up.

        `fingerprint`: of the model behind `embed`; None where there is none, and nothing is learned of tickets.
        """
        self._db = db
        self._models = models if models is not None and models.configured else None
        self._conversations = conversations
        self._tickets = tickets
        self._teams = TeamChooser(db, embed, fingerprint)
        self._next_line = next_line
        self._clock = clock
        self._crash_point = crash_point

    async def hand_off(
        self,
        conversation_id: str,
        reason: Reason,
        *,
        text_for_visitor: str | None = None,
        agent_id: str | None = None,
    ) -> TicketView:
        """Bring the conversation to a person and give its ticket.

        If a person has it or is awaited, the ticket there is comes back, in sight again if it was put off or
        pending, and the visitor is told nothing twice. `text_for_visitor` replaces the line about what happens next.
        `agent_id` is an agent who takes the conversation at once: it skips the queue, and the agent speaks instead
        of us. Raises NotFound, and AlreadyAssigned if another agent has it.
        """
        async with self._db.read() as tx:
            waiting = await _ticket_being_worked(tx, conversation_id)
            case = await _read(tx, conversation_id, self._clock())
        if waiting is not None:
            return await self._call(waiting) if agent_id is None else await self._take(waiting, agent_id)
        found = await asyncio.to_thread(
            triage,
            case.messages,
            reason=reason,
            anger_in=anger_in,
            products=case.products,
            country=_country(case.locale),
            visitor=case.visitor,
        )
        # Both at once: each has its own time, and together they must be there within 3 seconds.
        team, found = await asyncio.gather(
            self._team_for(case, found),
            # An agent who takes the conversation reads it anyway, and must not wait; a model that just failed would again.
            self._read_by_model(
                found, case, conversation_id, quickly=agent_id is not None or reason == "model_failure"
            ),
        )
        routed = await _routed(case, found, reason, team, self._clock())
        self._crash_point("handoff.before_write")
        async with self._db.write() as tx:
            ticket_id = await self._write(
                tx, conversation_id, reason, case, found, team, routed, text_for_visitor, agent_id
            )
        async with self._db.read() as tx:
            return await ticket_detail(tx, ticket_id)

    async def _team_for(self, case: _Case, found: Triage) -> TeamChoice:
        text, said = _for_likeness(case.messages, found), visitor_sentences(case.messages)
        return await self._teams.choose(case.site.id, case.teams, text, said)

    async def _read_by_model(
        self, found: Triage, case: _Case, conversation_id: str, *, quickly: bool
    ) -> Triage:
        """What the rules found, with a model's summary where there is one that keeps to what was said; not if `quickly`."""
        if self._models is None or quickly:
            return found
        turns = [
            Turn(message.author, message.text)
            for message in case.messages
            if message.author in ("visitor", "assistant", "agent") and message.text
        ]
        models = self._models
        config = case.site.config
        wishes = SiteWishes(
            hide_private=config.hide_private,
            languages=config.languages,
            private_forms=config.private_forms,
            time_zone=config.hours.time_zone if config.hours else None,
        )
        redaction = await asyncio.to_thread(wishes.redaction, said_by_visitor(turns), case.locale)
        if redaction is not None:
            models = PrivateModels(models, redaction)
        read = await read_conversation(
            models,
            turns,
            site_id=case.site.id,
            conversation_id=conversation_id,
            site_name=case.site.name,
        )
        if read is None:
            return found
        return read_by_model(
            found,
            case.messages,
            summary=read.summary,
            mood=read.mood,
            mood_words=read.mood_words,
            priority=read.priority,
            priority_words=read.priority_words,
        )

    async def _call(self, waiting: TicketView) -> TicketView:
        """Somebody has it or will: the visitor who asks again must not wait for a day that it was put off to."""
        if waiting.status == "open" and waiting.snoozed_until is None:
            return waiting
        async with self._db.write() as tx:
            await self._tickets.visitor_called(tx, waiting.id)
        async with self._db.read() as tx:
            return await ticket_detail(tx, waiting.id)

    async def _take(self, waiting: TicketView, agent_id: str) -> TicketView:
        """The ticket is there: nothing to find out, so an agent's press takes effect before their next one."""
        async with self._db.write() as tx:
            await self._tickets.take(tx, waiting.id, agent_id)
        async with self._db.read() as tx:
            return await ticket_detail(tx, waiting.id)

    async def _write(
        self,
        tx: Tx,
        conversation_id: str,
        reason: Reason,
        case: _Case,
        found: Triage,
        team: TeamChoice,
        routed: Routed,
        text_for_visitor: str | None,
        agent_id: str | None,
    ) -> str:
        """The one write. What was read before may be old: it looks again under the lock."""
        # Teams first, as whoever deletes one: behind the ticket's lock the two would wait for each other.
        team, routed = await _still_there(tx, case.site.id, team, routed)
        if agent_id is not None:
            await self._conversations.take_over(tx, conversation_id, agent_id)
            queued = False
        else:
            queued = await self._conversations.to_queue(tx, conversation_id)
        row = await lock_conversation(tx, conversation_id)
        ticket = await active_ticket(tx, conversation_id, lock=True)
        policy = policy_for(case.policies, routed.policy)
        clocks = set_clocks(case.site.config, policy, self._clock(), routed.reply_minutes)
        found = with_priority(found, routed)
        if ticket is None and (ticket := await solved_ticket(tx, conversation_id, self._clock())) is not None:
            await self._tickets.open_again(
                tx,
                ticket,
                reason=reason,
                triage=found,
                assignee_id=row.holder_agent_id or routed.assignee_id,
                clocks=clocks,
                routed=routed,
            )
        elif ticket is None:
            ticket = await self._tickets.open(
                tx,
                site_id=row.site_id,
                conversation_id=conversation_id,
                reason=reason,
                triage=found,
                team=_by_rule(team, routed.team_id) if routed.team_id else team,
                assignee_id=row.holder_agent_id or routed.assignee_id,
                clocks=clocks,
                routed=routed,
            )
        elif agent_id is not None:
            await self._tickets.take(tx, ticket.id, agent_id)
        elif queued:
            await self._tickets.queued_again(tx, ticket, clocks)
        if queued:
            line = text_for_visitor or self._next_line(case.site, case.locale, ticket.number, self._clock())
            await self._conversations.post_system_message(tx, conversation_id, line)
        return ticket.id


def next_line(texts: Texts) -> NextLine:
    """The line that tells a visitor what happens next: a person, the number, and when somebody is there."""

    def line(site: SiteView, locale: str | None, number: int, now: datetime) -> str:
        when = hours_line(site.config, now, texts, locale)
        return f"{texts.t('handoff.queued', locale, number=number)} {when}".strip()

    return line


def late_line(texts: Texts) -> LateLine:
    """The line for a visitor whom nobody answered in the time that they were told."""
    return lambda locale: texts.t("handoff.late", locale)


async def _ticket_being_worked(tx: Tx, conversation_id: str) -> TicketView | None:
    ticket_id = await tx.scalar(
        select(Ticket.id)
        .join(Conversation, Conversation.id == Ticket.conversation_id)
        .where(
            Conversation.id == conversation_id,
            Conversation.holder.in_(["queue", "agent"]),
            Ticket.status.in_(["open", "pending"]),
        )
    )
    return None if ticket_id is None else await ticket_detail(tx, ticket_id)


async def _still_there(tx: Tx, site_id: str, team: TeamChoice, routed: Routed) -> tuple[TeamChoice, Routed]:
    """Both without what was deleted while the conversation was read: a team, which the first one stands in for, or a person.

    On PostgreSQL the teams stay until this transaction ends.
    """
    query = select(Team.id).where(Team.site_id == site_id).order_by(Team.created_at, Team.id)
    teams = (await tx.scalars(query.with_for_update(read=True, key_share=True))).all()
    if team.team_id is not None and team.team_id not in teams:
        team = _by_rule(team, teams[0] if teams else None)
    if routed.team_id not in teams:
        routed = replace(routed, team_id=None)
    if routed.assignee_id is not None and not await works_here(tx, site_id, routed.assignee_id):
        routed = replace(routed, assignee_id=None)
    return team, routed


async def _read(tx: Tx, conversation_id: str, now: datetime) -> _Case:
    conversation = await tx.get(Conversation, conversation_id)
    if conversation is None:
        raise NotFound
    visitor = await tx.get_one(Visitor, conversation.visitor_id)
    titles = await tx.scalars(
        select(Document.title)
        .where(Document.site_id == conversation.site_id, Document.status == "ready")
        .limit(MAX_PRODUCTS)
    )
    messages = await transcript(tx, conversation_id, include_notes=False)
    before = await solved_ticket(tx, conversation_id, now)
    if before is not None and before.solved_at is not None:
        # What was solved is not what is wanted now.
        messages = [message for message in messages if message.at > before.solved_at] or messages
    return _Case(
        site=await site_by_id(tx, conversation.site_id),
        locale=conversation.locale,
        messages=tuple(messages),
        teams=tuple(await team_profiles(tx, conversation.site_id)),
        products=tuple(titles),
        rules=await live_rules(tx, conversation.site_id),
        policies=tuple(await list_policies(tx, conversation.site_id)),
        page=conversation.page_url,
        visitor=_first_name(visitor.name),
        attributes=visitor.attributes,
    )


async def _routed(case: _Case, found: Triage, reason: Reason, team: TeamChoice, now: datetime) -> Routed:
    """What the site's rules decide of what was found out."""
    if not case.rules:
        return Routed()
    said = "\n".join([found.subject, *(m.text for m in case.messages if m.author == "visitor")])
    facts = await asyncio.to_thread(
        facts_of,
        found,
        reason=reason,
        said=said,
        team_id=team.team_id,
        locale=case.locale,
        page=case.page,
        attributes=case.attributes,
        config=case.site.config,
        now=now,
    )
    return await routed_for(case.rules, facts)


def _for_likeness(messages: tuple[MessageView, ...], found: Triage) -> str:
    """What the team is chosen by: the visitor's words; of a long talk the issue first, the model reads about 250 tokens of it."""
    said = "\n".join(m.text for m in messages if m.author == "visitor")
    return (said if len(said) <= READ_CHARS else f"{found.subject}\n{said}")[:2000]


def _first_name(name: str | None) -> str | None:
    """As a summary calls the visitor; what no person is called so is left out of it."""
    first = (name or "").split()[:1]
    return first[0] if first and first[0].isalpha() and len(first[0]) <= FIRST_NAME_CHARS else None


def _by_rule(team: TeamChoice, team_id: str | None) -> TeamChoice:
    """Another team instead of the likest, a rule's say; what is learned of the ticket, and its likely tags, stay."""
    return replace(team, team_id=team_id, score=None, evidence=None, why=Why(tags=team.why.tags))


def _country(locale: str | None) -> str | None:
    language, _, region = (locale or "").replace("_", "-").partition("-")
    return region.upper() if len(region) == 2 and region.isalpha() else _HOME.get(language.lower())
