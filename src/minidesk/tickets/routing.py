"""A site's routing rules: written, read for a handoff, applied, and tried on past tickets before they are saved."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from minidesk.accounts import list_people
from minidesk.db import Tx
from minidesk.db.models import (
    Conversation,
    Message,
    RoutingRule,
    ServicePolicy,
    Team,
    Ticket,
    Visitor,
    new_id,
)
from minidesk.errors import Invalid, NotFound
from minidesk.sites import SiteConfig, is_open
from minidesk.text.words import content_stems
from minidesk.tickets.records import Triage
from minidesk.tickets.rows import lock_site
from minidesk.tickets.rules import (
    NOT_ROUTED,
    RULES_MAX,
    Effect,
    Facts,
    Routed,
    Rule,
    check_rule,
    matches,
    route,
    rule_from,
)
from minidesk.tickets.tags import TAGS_OF_TICKET, put_tag, tags_of

# A few weeks of a small shop. Their visitors' words are read and stemmed while the form waits.
PAST = 200
TEXT_CHARS = 20_000  # of one conversation; a topic is named in the first of them


@dataclass(frozen=True, slots=True)
class PastTicket:
    """A ticket as it was when it was opened."""

    conversation_id: str
    number: int
    subject: str
    created_at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True)
class Tried:
    """What a rule would have done: `of` tickets were looked at."""

    of: int
    matched: tuple[PastTicket, ...]


def facts_of(
    found: Triage,
    *,
    reason: str,
    said: str,
    team_id: str | None,
    locale: str | None,
    page: str | None,
    attributes: Mapping[str, Any] | None,
    config: SiteConfig,
    now: datetime,
) -> Facts:
    """What rules compare of a conversation that is handed off. CPU work: call it off the event loop."""
    return Facts(
        language=locale or "",
        reason=reason,
        stems=frozenset(content_stems(said[:TEXT_CHARS])),
        mood=found.sentiment,
        priority=found.priority,
        team_id=team_id,
        entities=frozenset(entity.kind for entity in found.entities),
        page=page or "",
        attributes={name: str(value) for name, value in (attributes or {}).items()},
        open=None if config.hours is None else is_open(config.hours, now),
    )


def with_priority(found: Triage, routed: Routed) -> Triage:
    """The triage with the priority that a rule gave, and why."""
    if routed.priority is None:
        return found
    why = f"{routed.priority.capitalize()}: by the rule “{routed.priority_by}”."
    evidence = tuple(each for each in found.evidence if each.part != "priority")
    return replace(found, priority=routed.priority, priority_why=why, evidence=evidence)


async def mark_routed(tx: Tx, ticket: Ticket, routed: Routed, now: datetime) -> None:
    """Put the rules' names and tags on a ticket of this transaction. One tag too many is left out: no handoff fails for it."""
    ticket.routed_by = list(routed.by) or None
    worn = (await tags_of(tx, [ticket.id])).get(ticket.id, ()) if routed.tags else ()
    for tag in routed.tags[: max(0, TAGS_OF_TICKET - len(worn))]:
        try:
            await put_tag(tx, ticket, tag, now)
        except Invalid:
            return  # the site has as many tags as it may: nothing was written for this one


async def live_rules(tx: Tx, site_id: str) -> tuple[Rule, ...]:
    """The rules that are on, in order, without what they say of teams, people and policies that are gone."""
    rules = [rule for rule in await list_rules(tx, site_id) if rule.enabled]
    if not rules:
        return ()
    known = await _known(tx, site_id)
    return tuple(replace(rule, effect=_alive(rule.effect, known)) for rule in rules)


async def list_rules(tx: Tx, site_id: str) -> list[Rule]:
    """All rules of a site, in order."""
    query = select(RoutingRule).where(RoutingRule.site_id == site_id)
    rows = await tx.scalars(query.order_by(RoutingRule.position, RoutingRule.id))
    return [rule_from(r.key, r.name, r.match, r.conditions, r.effect, r.enabled) for r in rows]


async def check_rule_here(tx: Tx, site_id: str, rule: Rule) -> Rule:
    """`check_rule`, and that its teams, people and policy are the site's. Raises Invalid."""
    rule = check_rule(rule)
    known = await _known(tx, site_id)
    named = [rule.effect.team_id] if rule.effect.team_id else []
    named += [value for each in rule.conditions if each.field == "team" for value in each.values]
    if not known.teams.issuperset(named):
        raise Invalid("This site has no such team. Choose one from the list.", code="invalid_team")
    if rule.effect.assignee_id and rule.effect.assignee_id not in known.people:
        raise Invalid(
            "This agent does not work in this site. Choose one from the list.", code="invalid_agent"
        )
    if rule.effect.policy and rule.effect.policy not in known.policies:
        raise Invalid("This site has no such policy. Choose one from the list.", code="invalid_policy")
    return rule


async def put_rule(tx: Tx, site_id: str, rule: Rule, now: datetime) -> bool:
    """Write a rule, new and last, or instead of the one with its key. True if it is new. Raises Invalid."""
    await lock_site(tx, site_id)
    rule = await check_rule_here(tx, site_id, rule)
    row = await _row(tx, site_id, rule.key)
    new = row is None
    if row is None:
        count, last = (
            await tx.execute(
                select(func.count(), func.max(RoutingRule.position)).where(RoutingRule.site_id == site_id)
            )
        ).one()
        if count >= RULES_MAX:
            raise Invalid(
                f"A site can have up to {RULES_MAX} rules. Delete one first.", code="too_many_rules"
            )
        row = RoutingRule(
            id=new_id("rul"), site_id=site_id, key=rule.key, position=(last or 0) + 1, created_at=now
        )
        tx.add(row)
    row.name, row.match, row.enabled = rule.name, rule.match, rule.enabled
    row.conditions = [asdict(each) | {"values": list(each.values)} for each in rule.conditions]
    row.effect = asdict(rule.effect) | {"tags": list(rule.effect.tags)}
    row.updated_at = now
    await tx.flush()
    return new


async def delete_rule(tx: Tx, site_id: str, key: str) -> None:
    """Remove a rule. Raises NotFound."""
    await lock_site(tx, site_id)
    row = await _row(tx, site_id, key)
    if row is None:
        raise NotFound
    await tx.execute(delete(RoutingRule).where(RoutingRule.id == row.id))


async def move_rule(tx: Tx, site_id: str, key: str, by: int) -> None:
    """One place up (-1) or down (1); at the end nothing changes. Raises NotFound."""
    await lock_site(tx, site_id)
    query = select(RoutingRule).where(RoutingRule.site_id == site_id)
    rows = list(await tx.scalars(query.order_by(RoutingRule.position, RoutingRule.id)))
    at = next((n for n, row in enumerate(rows) if row.key == key), None)
    if at is None:
        raise NotFound
    rows.insert(min(len(rows) - 1, max(0, at + by)), rows.pop(at))
    for position, row in enumerate(rows, 1):
        row.position = position


async def past_tickets(tx: Tx, site_id: str, config: SiteConfig, limit: int = PAST) -> list[PastTicket]:
    """The site's latest tickets with what rules would have seen of them, as far as it is still known.

    Mood and entities are as they stand now; priority and team as people may have corrected them.
    """
    rows = (
        await tx.execute(
            select(Ticket, Conversation.locale, Conversation.page_url, Visitor.attributes)
            .join(Conversation, Conversation.id == Ticket.conversation_id)
            .join(Visitor, Visitor.id == Conversation.visitor_id)
            .where(Ticket.site_id == site_id)
            .order_by(Ticket.number.desc())
            .limit(limit)
        )
    ).all()
    said = await _said(tx, [row[0] for row in rows])
    return await asyncio.to_thread(
        lambda: [_past(row[0], row[1], row[2], row[3], said[row[0].id], config) for row in rows]
    )


def try_rule(rule: Rule, past: Sequence[PastTicket]) -> Tried:
    """Which of them the rule would have been for."""
    return Tried(len(past), tuple(each for each in past if matches(rule, each.facts)))


async def routed_for(rules: Sequence[Rule], facts: Facts) -> Routed:
    """`route`, off the event loop where there are rules at all."""
    return await asyncio.to_thread(route, rules, facts) if rules else NOT_ROUTED


def _past(
    ticket: Ticket, locale: str | None, page: str | None, attributes: Any, said: str, config: SiteConfig
) -> PastTicket:
    facts = Facts(
        language=locale or "",
        reason=ticket.reason,
        stems=frozenset(content_stems(f"{ticket.subject}\n{said}"[:TEXT_CHARS])),
        mood=ticket.sentiment,
        priority=ticket.priority,
        team_id=ticket.team_id,
        entities=frozenset(str(entity["kind"]) for entity in ticket.entities),
        page=page or "",
        attributes={name: str(value) for name, value in (attributes or {}).items()},
        open=None if config.hours is None else is_open(config.hours, ticket.created_at),
    )
    return PastTicket(ticket.conversation_id, ticket.number, ticket.subject, ticket.created_at, facts)


async def _said(tx: Tx, tickets: Sequence[Ticket]) -> defaultdict[str, str]:
    """What visitors had written when each ticket was opened."""
    found: defaultdict[str, str] = defaultdict(str)
    rows = await tx.execute(
        select(Ticket.id, Message.text)
        .join(Message, Message.conversation_id == Ticket.conversation_id)
        .where(
            Ticket.id.in_([ticket.id for ticket in tickets]),
            Message.author == "visitor",
            Message.created_at <= Ticket.created_at,
        )
        .order_by(Message.conversation_id, Message.seq)
    )
    for ticket_id, text in rows:
        if len(found[ticket_id]) < TEXT_CHARS:
            found[ticket_id] += f"{text}\n"
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What a rule of the site can name: ids, and keys of policies."""

    teams: set[str]
    people: set[str]
    policies: set[str]


def _alive(effect: Effect, known: _Known) -> Effect:
    return replace(
        effect,
        team_id=effect.team_id if effect.team_id in known.teams else None,
        assignee_id=effect.assignee_id if effect.assignee_id in known.people else None,
        policy=effect.policy if effect.policy in known.policies else None,
    )


async def _known(tx: Tx, site_id: str) -> _Known:
    return _Known(
        set(await tx.scalars(select(Team.id).where(Team.site_id == site_id))),
        {person.id for person in await list_people(tx, site_id)},
        set(await tx.scalars(select(ServicePolicy.key).where(ServicePolicy.site_id == site_id))),
    )


async def _row(tx: Tx, site_id: str, key: str) -> RoutingRule | None:
    if "\0" in key:  # PostgreSQL refuses to look for it
        raise NotFound
    return await tx.scalar(
        select(RoutingRule).where(RoutingRule.site_id == site_id, RoutingRule.key == key).with_for_update()
    )
