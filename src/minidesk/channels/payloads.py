"""What an event of a conversation is called outside, and what is told of it.

Nothing of an agent but the first name, no note, no score, no cost, no prompt (T27): a receiver is the site's own, but
what it does with what it gets is not known here.
"""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from minidesk.channels.records import TEST_EVENT
from minidesk.db import Tx
from minidesk.db.models import Agent, Conversation, Event, Team, Ticket
from minidesk.live import Appended

# The specification wants small payloads, below 20 KB; a text of 4,000 characters has at most 16 KB.
TEXT_CHARS = 4000
LINE_CHARS = 500


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing to tell of."""

    event: str
    source: Appended


async def happenings(tx: Tx, appended: Appended) -> list[Happening]:
    """What an appended event means to the world outside; mostly nothing."""
    names = []
    if appended.n == 1:
        names.append("conversation.started")
    if appended.type == "message" and appended.data["author"] in ("visitor", "agent"):
        names.append(f"message.{appended.data['author']}")
    elif appended.type == "ticket":
        names.append(await _ticket_event(tx, appended))
    elif appended.type == "rating":
        names.append("rating.given")
    elif appended.type == "rule":
        names.append("rule.matched")
    elif appended.type == "due":
        names.append("ticket.due_soon")
    return [Happening(name, appended) for name in names]


async def _ticket_event(tx: Tx, appended: Appended) -> str:
    """Whether a ticket is new, was just solved, or something else of it changed: by what was told of it before."""
    rows = await tx.scalars(
        select(Event.data)
        .where(
            Event.conversation_id == appended.conversation_id,
            Event.type == "ticket",
            Event.n < appended.n,
        )
        .order_by(Event.n.desc())
    )
    before = next((data for data in rows if data["number"] == appended.data["number"]), None)
    if before is None:
        return "ticket.created"
    solved = appended.data["status"] == "solved" != before["status"]
    return "ticket.solved" if solved else "ticket.updated"


async def body_of(tx: Tx, happening: Happening, site_key: str, base_url: str) -> str:
    """The JSON that is sent, made once: every try sends and signs the same characters."""
    source = happening.source
    data: dict[str, Any] = {
        "site": site_key,
        "conversation": await _conversation(tx, source.conversation_id, base_url),
    }
    if happening.event.startswith("message."):
        data["message"] = _message(source.data)
    elif happening.event.startswith("ticket."):
        data["ticket"] = await _ticket(tx, source)
        if happening.event == "ticket.due_soon":
            data["due"] = {"clock": source.data["clock"], "at": source.data["at"]}
    elif happening.event == "rule.matched":
        data["rule"] = source.data["rule"]
        data["ticket"] = await _ticket(tx, source)
    elif happening.event == "rating.given":
        data["rating"] = source.data["rating"]
    return _json(happening.event, source.created_at.isoformat(), data)


def test_body(site_key: str, at: str) -> str:
    """What the button "send a test event" sends."""
    return _json(TEST_EVENT, at, {"site": site_key, "text": "This is a test of your webhook."})


async def _conversation(tx: Tx, conversation_id: str, base_url: str) -> dict[str, Any]:
    row = await tx.get_one(Conversation, conversation_id)
    return {
        "id": row.id,
        "locale": row.locale,
        "page_url": row.page_url[:LINE_CHARS] if row.page_url else None,
        "url": f"{base_url}/console/conversations/{row.id}",
    }


def _message(data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": data["id"],
        "seq": data["seq"],
        "author": data["author"],
        "name": data.get("name"),
        "text": data["text"][:TEXT_CHARS],
        "truncated": len(data["text"]) > TEXT_CHARS,
        "at": data["at"],
    }


async def _ticket(tx: Tx, source: Appended) -> dict[str, Any]:
    # The session writes what was changed before it reads: the row is as this transaction leaves it so far.
    row, team, assignee = (
        await tx.execute(
            select(Ticket, Team.name, Agent.name)
            .outerjoin(Team, Team.id == Ticket.team_id)
            .outerjoin(Agent, Agent.id == Ticket.assignee_id)
            .where(Ticket.site_id == source.site_id, Ticket.number == source.data["number"])
        )
    ).one()
    return {
        "number": row.number,
        "status": source.data["status"],
        "reason": row.reason,
        "subject": row.subject,
        "summary": row.summary[:TEXT_CHARS],
        "priority": row.priority,
        "team": team,
        "assignee": assignee.split()[0] if assignee and assignee.split() else None,
        "created_at": row.created_at.isoformat(),
    }


def _json(event: str, at: str, data: dict[str, Any]) -> str:
    return json.dumps({"type": event, "timestamp": at, "data": data}, ensure_ascii=False)
