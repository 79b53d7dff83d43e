"""A conversation with its ticket as a context."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from minidesk.conversations import MessageView, access_conversation_as_agent, transcript
from minidesk.conversations.rows import agent_name
from minidesk.db import Tx
from minidesk.db.models import Conversation
from minidesk.sites import link_hosts, site_by_id
from minidesk.tickets import TicketView, site_tags, tags_of, ticket_of
from minidesk.web.console.contexts import (
    Chip,
    ConversationPart,
    Earlier,
    Entry,
    Fact,
    FileLink,
    Segment,
    Tag,
)
from minidesk.web.console.marks import cited, marked, plain
from minidesk.web.console.queries import Customer, customer_of, list_teams
from minidesk.web.console.ticket_part import reason_words, ticket_part
from minidesk.web.console.times import clock, when
from minidesk.web.console.view import Translate

# A transcript that is longer shows its end; nobody reads more at once.
MESSAGES_SHOWN = 300
TITLE_CHARS = 90
PICTURE_WIDTH, PICTURE_HEIGHT = 320, 240  # pixels: enough to see what it is; a press shows the whole


async def conversation_part(
    tx: Tx, agent_id: str, conversation_id: str, *, now: datetime, t: Translate
) -> tuple[str, ConversationPart]:
    """The site's id and the conversation. Raises NotFound where this agent may not see it."""
    row = await access_conversation_as_agent(tx, agent_id, conversation_id)
    site = await site_by_id(tx, row.site_id)
    hosts = link_hosts(site.allowed_origins, site.config.link_hosts)
    messages = await transcript(tx, row.id, include_notes=True, last=MESSAGES_SHOWN)
    ticket = await ticket_of(tx, row.id)
    teams = await list_teams(tx, row.site_id)
    tags = (await tags_of(tx, [ticket.id])).get(ticket.id, ()) if ticket else ()
    known_tags = tuple(tag for tag in await site_tags(tx, row.site_id) if tag not in tags)
    customer = await customer_of(tx, row)
    holder = await agent_name(tx, row.holder_agent_id)
    mine = row.holder == "agent" and row.holder_agent_id == agent_id
    active = ticket is not None and ticket.status in ("open", "pending")
    part = ConversationPart(
        id=row.id,
        title=_title(ticket, messages, t),
        subtitle=_subtitle(row, customer, t),
        state=_state(row, ticket, mine, holder, t),
        holder=row.holder,  # type: ignore[arg-type]  # the column holds only Holder's words
        held_by_me=mine,
        holder_name=holder or "",
        entries=tuple(
            replace(_entry(m, agent_id, customer.name, hosts, now, t), files=_files(m, row.id))
            for m in messages
        ),
        ticket=replace(ticket_part(ticket, teams, now, t), tags=tags, known_tags=known_tags)
        if ticket
        else None,
        customer=_customer(row, customer, now, t),
        earlier=tuple(
            Earlier(f"/console/conversations/{id}", text[:TITLE_CHARS] or t("row.no_subject"), when(at, now))
            for id, text, at in customer.earlier
        ),
        may_take_over=not mine,
        may_hand_back=mine or row.holder == "queue",
        may_solve=active,
        may_wait=mine and ticket is not None and ticket.status == "open",
        may_reopen=ticket is not None and ticket.status == "solved",
        last_event=row.last_event,
        last_seq=row.last_seq,
    )
    return row.site_id, part


def with_hit(part: ConversationPart, message_id: str, words: Sequence[str]) -> ConversationPart:
    """The conversation as a search leads to it: the message that was found, and the words in every message."""
    entries = tuple(
        replace(each, body=marked(each.body, words), hit=each.id == message_id) for each in part.entries
    )
    return replace(part, entries=entries)


def _title(ticket: TicketView | None, messages: list[MessageView], t: Translate) -> str:
    if ticket:
        return ticket.subject
    first = next((m.text for m in messages if m.author == "visitor" and m.text), "")
    return " ".join(first.split())[:TITLE_CHARS] or t("row.no_subject")


def _subtitle(row: Conversation, customer: Customer, t: Translate) -> tuple[str, ...]:
    parts = [customer.name or t("talk.visitor")]
    if customer.verified:
        parts.append(t("talk.verified"))
    if row.page_url:
        parts.append(t("talk.page", page=_path(row.page_url)))
    return tuple(parts)


def _path(url: str) -> str:
    try:
        return (urlsplit(url).path or "/")[:80]
    except ValueError:
        return url[:80]


def _state(row: Conversation, ticket: TicketView | None, mine: bool, holder: str | None, t: Translate) -> Tag:
    if ticket is not None and ticket.status == "pending":
        return Tag(t("state.pending"))
    if mine:
        return Tag(t("state.mine"), "accent")
    if row.holder == "agent":
        return Tag(t("state.agent", name=holder or t("talk.agent")), "plain")
    if row.holder == "queue":
        return Tag(t("state.queue"), "wait")
    solved = ticket is not None and ticket.status in ("solved", "closed")
    return Tag(t("state.closed" if row.holder == "closed" or solved else "state.assistant"))


def _entry(
    m: MessageView, agent_id: str, visitor: str | None, hosts: Collection[str], now: datetime, t: Translate
) -> Entry:
    mine = m.author in ("agent", "note") and m.agent_id == agent_id
    names = {
        "visitor": visitor or t("talk.visitor"),
        "assistant": t("talk.assistant"),
        "note": t("talk.note", name=t("talk.you") if mine else m.name or t("talk.agent")),
        "agent": t("talk.you") if mine else m.name or t("talk.agent"),
    }
    body: Markup = cited(m.text, m.citations, hosts) if m.author == "assistant" else plain(m.text, hosts)
    drawn = (
        m.text,
        m.state,
        m.attempt,
        m.outcome,
        m.kind,
        m.citations,
        m.helpful,
        m.choices,
        m.name,
        m.feedback_reason,
    )
    return Entry(
        id=m.id,
        author=m.author,
        name=names.get(m.author, ""),
        mine=mine,
        at=clock(m.at, now),
        body=body,
        details=_details(m, t),
        chips=tuple(Chip(c.n, c.title, c.quote, document_href(c.document)) for c in m.citations),
        outcome=_outcome(m, t),
        streaming=m.state == "streaming",
        interrupted=m.state == "interrupted",
        version=hashlib.sha256(repr(drawn).encode()).hexdigest()[:12],
    )


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


def _customer(row: Conversation, customer: Customer, now: datetime, t: Translate) -> tuple[Fact, ...]:
    unknown = t("customer.unknown")
    verified = t("talk.verified") if customer.verified else t("talk.not_verified")
    facts = [
        Fact(
            t("customer.name"),
            (Segment(customer.name or unknown),),
            hint=t("talk.not_verified") if customer.name and not customer.verified else "",
        ),
        Fact(
            t("customer.email"),
            (Segment(customer.email or unknown),),
            hint=verified if customer.email else "",
        ),
        Fact(t("customer.page"), (Segment(row.page_title or row.page_url or unknown),)),
        Fact(t("customer.browser"), (Segment(browser_name(customer.browser) or unknown),)),
    ]
    if customer.external_id:
        facts.insert(2, Fact(t("customer.external_id"), (Segment(customer.external_id),)))
    if row.asked and row.asked_answer:
        facts.append(Fact(row.asked, (Segment(row.asked_answer),), hint=t("customer.asked_hint")))
    if row.consent_at:
        given = t("customer.consent_given", when=when(row.consent_at, now).exact, text=row.consent_text or "")
        facts.append(Fact(t("customer.consent"), (Segment(given),)))
    facts += [
        Fact(name, (Segment(value),), hint=t("customer.said_by_page")) for name, value in customer.attributes
    ]
    if row.rating:
        facts.append(Fact(t("customer.rating"), (Segment(t("customer.rating_of", n=row.rating)),)))
    return tuple(facts)


def browser_name(agent: str | None) -> str:
    """`Firefox, Android` of a User-Agent header; the header itself where nothing is known."""
    if not agent:
        return ""
    names = (
        ("Edg", "Edge"),
        ("OPR", "Opera"),
        ("Firefox", "Firefox"),
        ("Chrome", "Chrome"),
        ("Safari", "Safari"),
    )
    systems = (
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    )
    name = next((label for sign, label in names if sign in agent), "")
    system = next((label for sign, label in systems if sign in agent), "")
    return ", ".join(part for part in (name, system) if part) or agent[:60]
