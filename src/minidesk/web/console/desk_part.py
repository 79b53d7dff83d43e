"""What stands around a ticket: who else is here, when it comes back, into what it can be merged, what macros would do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from minidesk.accounts import list_people
from minidesk.db import Tx
from minidesk.db.models import Message, Ticket
from minidesk.live import AgentHere, AgentsHere
from minidesk.tickets import (
    CannedChoice,
    Does,
    TicketView,
    article_of,
    mergeable,
    unread_mentions,
)
from minidesk.web.console.contexts import ConversationPart, DeskPart, MacroLine, Option, When
from minidesk.web.console.queries import list_teams
from minidesk.web.console.talk import Opened
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate


async def with_desk(
    tx: Tx,
    here: AgentsHere,
    agent_id: str,
    opened: Opened,
    part: ConversationPart,
    *,
    now: datetime,
    t: Translate,
) -> ConversationPart:
    """The conversation with everything around its ticket."""
    row, ticket = opened.row, opened.ticket
    active = ticket is not None and ticket.status in ("open", "pending")
    solved = ticket is not None and ticket.status in ("solved", "closed")
    people = await list_people(tx, row.site_id) if active else []
    others = await mergeable(tx, row) if active else []
    hours = opened.site.config.hours
    today = now.astimezone(hours.zone if hours else UTC).date()
    desk = DeskPart(
        others=tuple(_present(each, t) for each in here.others(row.id, agent_id, now))
        + ((t("talk.visitor_writes"),) if here.visitor_writes(row.id, now) else ()),
        active=active,
        snoozed=_at(ticket.snoozed_until if ticket else None),
        follow_up=_at(ticket.follow_up_at if ticket else None),
        back=ticket is not None and ticket.back_at is not None,
        first_day=(today + timedelta(days=1)).isoformat(),
        assignees=tuple(
            Option(p.id, p.name, bool(ticket) and p.id == ticket.assignee_id) for p in people if ticket
        ),
        mergeable=tuple(Option(id, f"#{number} {subject}") for id, number, subject in others),
        merged_into=await _merged(tx, ticket),
        spam=row.spam_at is not None,
        email=opened.visitor.email or "",
        may_propose=solved and await _agent_answered(tx, row.id),
        proposed=(await article_of(tx, row.id) if solved else None) or "",
        mentioned=await unread_mentions(tx, agent_id, row.id),
    )
    return replace(part, desk=desk)


async def macro_lines(
    tx: Tx, site_id: str, choices: Sequence[CannedChoice], t: Translate
) -> tuple[MacroLine, ...]:
    """The saved replies that do something, with what a press on each would do."""
    found = [each for each in choices if each.does != Does()]
    teams = dict(await list_teams(tx, site_id)) if found else {}
    return tuple(
        MacroLine(each.id, each.name, each.filled.text, say_does(each.does, teams, t), each.filled.missing)
        for each in found
    )


def say_does(does: Does, teams: dict[str, str], t: Translate) -> str:
    """What a macro changes, in one line; empty where it only says something."""
    said = []
    if does.tags:
        said.append(t("rules.do_tags", names=", ".join(does.tags)))
    if does.team_id:
        said.append(t("rules.do_team", name=teams.get(does.team_id, t("rules.gone"))))
    if does.priority:
        said.append(t("rules.do_priority", name=t(f"priority.{does.priority}")))
    if does.status:
        said.append(t(f"macro.do_{does.status}"))
    return "; ".join(said)


def _present(here: AgentHere, t: Translate) -> str:
    return t("talk.other_writes" if here.writing else "talk.other_here", name=here.name)


def _at(at: datetime | None) -> When | None:
    """A time to come: the day and the hour."""
    return when(at, at + timedelta(days=2)) if at else None


async def _agent_answered(tx: Tx, conversation_id: str) -> bool:
    query = select(Message.id).where(Message.conversation_id == conversation_id, Message.author == "agent")
    return await tx.scalar(query.limit(1)) is not None


async def _merged(tx: Tx, ticket: TicketView | None) -> tuple[str, str]:
    """(address, number and subject) of the ticket that goes on instead."""
    if ticket is None or ticket.merged_into is None:
        return "", ""
    other = (await tx.scalars(select(Ticket).where(Ticket.id == ticket.merged_into))).one_or_none()
    if other is None:
        return "", ""
    return f"/console/conversations/{other.conversation_id}", f"#{other.number} {other.subject}"
