"""The messages of a conversation as entries: as many as are shown, and of these as many as the page does not have yet."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import select
from starlette.requests import Request

from minidesk.conversations import MessageView, access_conversation_as_agent, transcript
from minidesk.db import Tx
from minidesk.db.models import Conversation, Message, Visitor
from minidesk.sites import SiteView, link_hosts, site_by_id
from minidesk.text.normalise import whole_number
from minidesk.tickets import corrected_in
from minidesk.web.console.contexts import Chip, ConversationPart, Entry, FileLink, TranscriptPart
from minidesk.web.console.marks import LateText
from minidesk.web.console.ticket_part import reason_words
from minidesk.web.console.times import clock
from minidesk.web.console.view import Translate

# What is read of a conversation at once. What came before it is one press away, or as many as there are fifties.
MESSAGES_SHOWN = 50
BEFORE = 5  # messages that stand before one to which a link leads: it was said in answer to something
KNOWN = (
    "minidesk-known"  # the header that names the entries which a page has: their versions, with dots between
)
PICTURE_WIDTH, PICTURE_HEIGHT = 320, 240  # pixels: enough to see what it is; a press shows the whole


Part = TypeVar("Part", ConversationPart, TranscriptPart)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages a page asks for: from the number `first` on, and in any case the one with the id `reach`."""

    first: int | None = None
    reach: str = ""


def wanted_by(request: Request) -> Wanted:
    """What an address asks for: `from`, and `message` or a search's `hit`."""
    given = request.query_params
    return Wanted(whole_number(given.get("from", "")), given.get("message") or given.get("hit") or "")


async def first_shown(tx: Tx, row: Conversation, wanted: Wanted) -> int:
    """The number of the first message that is shown."""
    first = max(1, row.last_seq - MESSAGES_SHOWN + 1)
    if wanted.first is not None:
        first = max(1, min(wanted.first, row.last_seq))
    if wanted.reach and "\0" not in wanted.reach:  # PostgreSQL refuses to look for it
        query = select(Message.seq).where(Message.id == wanted.reach, Message.conversation_id == row.id)
        seq = await tx.scalar(query)
        first = first if seq is None else max(1, min(first, seq - BEFORE))
    return first


async def transcript_part(
    tx: Tx, agent_id: str, conversation_id: str, wanted: Wanted, *, now: datetime, t: Translate
) -> TranscriptPart:
    """The messages alone. Raises NotFound where this agent may not see the conversation."""
    row = await access_conversation_as_agent(tx, agent_id, conversation_id)
    visitor = await tx.get_one(Visitor, row.visitor_id)
    first = await first_shown(tx, row, wanted)
    site = await site_by_id(tx, row.site_id)
    entries = await entries_of(tx, row, site, agent_id, visitor.name, first, now=now, t=t)
    return TranscriptPart(
        row.id, entries, first, max(1, first - MESSAGES_SHOWN), row.last_seq, row.last_event
    )


async def entries_of(
    tx: Tx,
    row: Conversation,
    site: SiteView,
    agent_id: str,
    visitor: str | None,
    first: int,
    *,
    now: datetime,
    t: Translate,
) -> tuple[Entry, ...]:
    """The messages from the number `first` on, with what agents wrote instead of wrong answers."""
    hosts = tuple(link_hosts(site.allowed_origins, site.config.link_hosts))
    messages = await transcript(tx, row.id, include_notes=True, from_seq=first)
    corrected = await corrected_in(tx, row.id)
    return tuple(
        _entry(m, row.id, agent_id, visitor, hosts, corrected.get(m.id, ""), now, t) for m in messages
    )


def known_to(request: Request) -> frozenset[str]:
    """The versions of the entries that the page has."""
    return frozenset(request.headers.get(KNOWN, "").split("."))


def only_new(part: Part, known: frozenset[str]) -> Part:
    """The same with empty entries where the page has the very same version: it keeps its own."""
    return replace(
        part, entries=tuple(replace(e, same=True) if e.version in known else e for e in part.entries)
    )


def _entry(
    m: MessageView,
    conversation_id: str,
    agent_id: str,
    visitor: str | None,
    hosts: tuple[str, ...],
    right: str,
    now: datetime,
    t: Translate,
) -> Entry:
    mine = m.author in ("agent", "note") and m.agent_id == agent_id
    name = _name(m, mine, visitor, t)
    drawn = (
        m.id,
        name,
        right,
        m.text,
        m.state,
        m.attempt,
        m.outcome,
        m.kind,
        m.citations,
        m.helpful,
        m.choices,
        m.feedback_reason,
    )
    return Entry(
        id=m.id,
        author=m.author,
        name=name,
        mine=mine,
        at=clock(m.at, now),
        body=LateText(m.text, m.citations if m.author == "assistant" else None, hosts),
        details=_details(m, t),
        chips=tuple(Chip(c.n, c.title, c.quote, document_href(c.document)) for c in m.citations),
        files=_files(m, conversation_id),
        outcome=_outcome(m, t),
        streaming=m.state == "streaming",
        interrupted=m.state == "interrupted",
        version=hashlib.sha256(repr(drawn).encode()).hexdigest()[:12],
        right=right,
    )


def _name(m: MessageView, mine: bool, visitor: str | None, t: Translate) -> str:
    """Who says it; nobody, where it is a line of the desk."""
    match m.author:
        case "visitor":
            return visitor or t("talk.visitor")
        case "assistant":
            return t("talk.assistant")
        case "system":
            return ""
    agent = t("talk.you") if mine else m.name or t("talk.agent")
    return agent if m.author == "agent" else t("talk.note", name=agent)


def _files(m: MessageView, conversation_id: str) -> tuple[FileLink, ...]:
    return tuple(
        FileLink(
            f"/console/conversations/{conversation_id}/attachments/{file.id}",
            file.name,
            _size(file.size),
            *_fitted(file.width, file.height),
        )
        for file in m.attachments
    )


def _fitted(width: int | None, height: int | None) -> tuple[int, int] | tuple[None, None]:
    """The size in which a picture stands in the transcript: known before it is there, so that nothing jumps."""
    if not width or not height:
        return None, None
    scale = min(1.0, PICTURE_WIDTH / width, PICTURE_HEIGHT / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{-(-size // 1000)} KB"


def document_href(document: str) -> str:
    """The console's page of a document, by its public id."""
    return f"/console/docs/open?document={quote(document, safe='')}"


def _details(m: MessageView, t: Translate) -> tuple[str, ...]:
    if m.channel == "mail":
        return (t("talk.by_mail"),)
    if m.author != "assistant" or m.state == "streaming":
        return ()
    found = []
    if m.ms is not None:
        found.append(t("talk.seconds", n=f"{m.ms / 1000:.1f}"))
    if m.cost_micros:
        found.append(t("talk.cents", n=f"{m.cost_micros / 10_000:.2f}"))
    if m.outcome == "reply" and m.score is not None:
        found.append(t("talk.score", n=f"{m.score:.2f}"))
    if m.helpful is not None:
        found.append(t("talk.helpful" if m.helpful else "talk.not_helpful"))
    if m.feedback_reason:
        found.append(t(f"feedback.{m.feedback_reason}"))
    return tuple(found)


def _outcome(m: MessageView, t: Translate) -> str:
    if m.outcome == "handoff":
        return t("say.handoff", reason=reason_words(m.kind or "", t))
    if m.outcome != "clarify":
        return ""
    said = (
        t("say.choices", choices=", ".join(m.choices))
        if m.kind == "choices"
        else t(f"say.{m.kind}")
        if m.kind in ("not_found", "smalltalk")
        else ""
    )
    return f"{said} {t('say.offer')}" if m.offer_person else said
