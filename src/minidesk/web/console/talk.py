"""A conversation with its ticket as a context."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from minidesk.assist import visitor_language_told
from minidesk.conversations import access_conversation_as_agent
from minidesk.conversations.rows import agent_name
from minidesk.db import Tx
from minidesk.db.models import Conversation, Visitor
from minidesk.sites import SiteView, site_by_id
from minidesk.tickets import TicketView, site_tags, tags_of, ticket_of
from minidesk.web.console.contexts import ConversationPart, Earlier, Fact, Segment, Tag, TicketPart
from minidesk.web.console.marks import marked
from minidesk.web.console.queries import Customer, customer_of, first_words_of, list_teams
from minidesk.web.console.summaries import subject_words
from minidesk.web.console.talk_entries import MESSAGES_SHOWN, Wanted, entries_of, first_shown
from minidesk.web.console.ticket_part import ticket_part
from minidesk.web.console.times import when
from minidesk.web.console.view import Translate

TITLE_CHARS = 90


@dataclass(frozen=True, slots=True)
class Opened:
    """What the parts around a conversation need of it, read once."""

    row: Conversation
    ticket: TicketView | None
    visitor: Visitor
    site: SiteView


async def conversation_part(
    tx: Tx, agent_id: str, conversation_id: str, wanted: Wanted, *, now: datetime, t: Translate
) -> tuple[Opened, ConversationPart]:
    """The conversation, with the rows that it was made of. Raises NotFound where this agent may not see it."""
    row = await access_conversation_as_agent(tx, agent_id, conversation_id)
    ticket = await ticket_of(tx, row.id)
    teams = await list_teams(tx, row.site_id)
    tags = (await tags_of(tx, [ticket.id])).get(ticket.id, ()) if ticket else ()
    known_tags = tuple(tag for tag in await site_tags(tx, row.site_id) if tag not in tags)
    visitor = await tx.get_one(Visitor, row.visitor_id)
    site = await site_by_id(tx, row.site_id)
    customer = await customer_of(tx, row, visitor)
    first = await first_shown(tx, row, wanted)
    entries = await entries_of(tx, row, site, agent_id, customer.name, first, now=now, t=t)
    holder = await agent_name(tx, row.holder_agent_id)
    told = await visitor_language_told(tx, row.id)
    mine = row.holder == "agent" and row.holder_agent_id == agent_id
    active = ticket is not None and ticket.status in ("open", "pending")
    part = ConversationPart(
        id=row.id,
        title=subject_words(ticket.subject, t) if ticket else await _first_words(tx, row, t),
        subtitle=_subtitle(row, customer, t),
        state=_state(row, ticket, mine, holder, t),
        holder=row.holder,  # type: ignore[arg-type]  # the column holds only Holder's words
        held_by_me=mine,
        holder_name=holder or "",
        held_by=row.holder_agent_id or "" if row.holder == "agent" and not mine else "",
        entries=entries,
        ticket=_reaching(
            replace(ticket_part(ticket, teams, told, now, t), tags=tags, known_tags=known_tags),
            {each.id for each in entries},
            f"/console/conversations/{row.id}",
        )
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
        first=first,
        before=max(1, first - MESSAGES_SHOWN),
    )
    return Opened(row, ticket, visitor, site), part


def with_hit(part: ConversationPart, message_id: str, words: Sequence[str]) -> ConversationPart:
    """The conversation as a search leads to it: the message that was found, and the words in every message."""
    entries = tuple(
        replace(each, body=marked(each.body, words), hit=each.id == message_id) for each in part.entries
    )
    return replace(part, entries=entries)


def _reaching(ticket: TicketPart, shown: set[str], here: str) -> TicketPart:
    """The ticket with addresses for the evidence that stands in messages before those that are shown."""

    def reach(parts: tuple[Segment, ...]) -> tuple[Segment, ...]:
        return tuple(
            replace(each, href=f"{here}?message={each.message}")
            if each.message and each.message not in shown
            else each
            for each in parts
        )

    return replace(
        ticket,
        summary=reach(ticket.summary),
        facts=tuple(replace(fact, value=reach(fact.value)) for fact in ticket.facts),
        routing=tuple(replace(fact, value=reach(fact.value)) for fact in ticket.routing),
    )


async def _first_words(tx: Tx, row: Conversation, t: Translate) -> str:
    said = (await first_words_of(tx, [row.id])).get(row.id, "")
    return " ".join(said.split())[:TITLE_CHARS] or t("row.no_subject")


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
