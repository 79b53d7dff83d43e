"""The sample shop of `minidesk demo`: its site, teams, two agents, documents, and a desk that has seen a morning's work."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Literal

from sqlalchemy import select

from minidesk.accounts import COMMAND, create_team, grant
from minidesk.conversations import access_conversation_as_agent
from minidesk.db.models import Agent
from minidesk.errors import NotFound
from minidesk.handoff import Handoff, next_line
from minidesk.knowledge.folder import FoundFile, files_of
from minidesk.sites import OpeningHours, SiteConfig, Span, Visitors, update_config
from minidesk.tickets import (
    Condition,
    Does,
    Effect,
    Reason,
    Rule,
    Status,
    create_canned,
    note_mentions,
    put_rule,
    snooze,
)
from minidesk.wiring import DEFAULT_SITE, Desk, embed_function

EMAIL = "demo@hillside-outdoor.example"
COLLEAGUE = "jonas@hillside-outdoor.example"  # the same password: two browsers, two agents
NAMES = {EMAIL: "Lena Moser", COLLEAGUE: "Jonas Weber"}
SHOP = "Hillside Outdoor"
OFFICE_DAY = (Span(start=time(9), end=time(17)),)
# What each team is for, in the words that visitors use: likeness to these sentences routes a ticket.
TEAMS = {
    "Returns": "Sending something back, return label, return form, exchange for another size or colour, too small, too big, wrong "
    "size or article sent, gift return without a receipt, returns after 30 days, Boot Comfort Promise, boots that hurt. How do I "
    "send this back? Can I swap it for another size? Rücksendung, zurückschicken, Umtausch, zu eng, zu groß.",
    "Shipping": "Where is my parcel? Delivery time, express, tracking, parcel not arrived, delivered but not there, arrived damaged, "
    "part of the order is missing, customs and import fees, change the delivery address, parcel locker, pick up in store, "
    "shipping to another country. Paket nicht angekommen, Lieferung, Zustellung, Sendungsnummer, Zoll.",
    "Payments": "Invoice, wrong name on the invoice, VAT, card declined, charged twice, PayPal, Klarna reminder, instalments, voucher "
    "or discount code not accepted, gift card and credit, refund has not arrived, bank transfer. Rechnung, Zahlung, doppelt "
    "abgebucht, Rückerstattung, Gutschein.",
    "Products": "Advice before buying, which boot, tent, jacket, backpack, sleeping bag or stove suits me, fit and size chart, weight, "
    "warm enough, tall enough, waterproof, materials and PFAS, in stock again, suitable for crampons, how to wash and dry it. "
    "Beratung, welche Größe, Material, wieder lieferbar.",
    "Repairs": "Guarantee and warranty claim, something broke, came off or leaks, broken zip, pole, buckle or seam, hole in a tent, "
    "peeling coating, sole coming off, resoling, spare parts, repair number, what a repair costs and how long it takes. "
    "Reparatur, Garantie, kaputt, Ersatzteil.",
    "Accounts": "I can't log in, forgotten password, two-factor codes, change my e-mail address, newsletter and unsubscribing, loyalty "
    "points are missing, Trail Points, delete my account, a copy of my personal data, GDPR. Konto, Passwort, Newsletter "
    "abbestellen, Daten löschen.",
}
# Who works in which team; the others are everybody's.
MEMBERS = {"Returns": (EMAIL, COLLEAGUE), "Repairs": (COLLEAGUE,)}
# (name, text, what it does besides: tags, status, team)
REPLIES: tuple[tuple[str, str, tuple[str, ...], Status | None, str | None], ...] = (
    (
        "Ask for the order number",
        "Thank you for writing to us. Could you tell me your order number? It stands in the subject of our confirmation mail.\n\n"
        "{{agent.name}}, {{site.name}}",
        (),
        None,
        None,
    ),
    (
        "Return label sent",
        "Your return label is on its way to your e-mail address. Put it on the parcel and hand it in at any post office.\n\n"
        "{{agent.name}}, {{site.name}}",
        (),
        None,
        None,
    ),
    (
        "Nach der Bestellnummer fragen",
        "Danke für Ihre Nachricht. Können Sie mir Ihre Bestellnummer nennen? Sie steht im Betreff unserer Bestätigung.\n\n"
        "{{agent.name}}, {{site.name}}",
        (),
        None,
        None,
    ),
    (
        "Repair: ask for a photo",
        "I am sorry that it broke. Could you send a photo of the damage here in the chat? Then our workshop can tell what it needs.\n\n"
        "{{agent.name}}, {{site.name}}",
        ("repair",),
        "pending",
        "Repairs",
    ),
)
# The sample is read by the child; a file takes milliseconds, the first one waits for the embedding model.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Talk:
    """A request of the morning: what its visitor wrote, and how far the two agents have come with it."""

    name: str
    page: str
    words: str
    reason: Reason
    state: Literal["waiting", "mine", "pending", "snoozed", "solved"] = "waiting"
    answer: str = ""
    note: str = ""
    locale: str = "en"


TALKS = (
    Talk(
        "Ana Petrova", "/orders/20431",
        "My parcel with the tent was delivered yesterday, says the tracking of order 20431, but there is nothing here. I need it by Friday.",
        "customer_request",
    ),
    Talk(
        "Paul Reiter", "/konto/rechnungen",
        "Ich wurde für die Bestellung 20388 doppelt belastet, zweimal 64,90 € am 14. November.",
        "customer_request", locale="de",
    ),
    Talk(
        "Maeve Byrne", "/cart",
        "The boots from order 20417 are one size too small, can I swap them for a 43? I live in Austria: who pays for sending them back?",
        "missing_knowledge", "mine", note="@Lena Moser the third one this week who asks about Austria. Worth a line in Returns?",
    ),
    Talk(
        "Tom Hale", "/jackets/ridge",
        "The zip of my Ridge jacket came off after two weeks. Is that a guarantee case?",
        "unsupported_request", "pending",
        "I am sorry about the zip. Could you send a photo of it here in the chat? Then our workshop can tell what it needs.",
    ),
    Talk(
        "Ines Costa", "/tents/basecamp-3",
        "When will the Basecamp 3 tent in green be in stock again?",
        "missing_knowledge", "snoozed",
        "The next delivery is due on Monday. I will look then and write to you here.",
    ),
    Talk(
        "Sofie Lind", "/checkout",
        "My gift card is not accepted at the checkout, it says invalid code.",
        "customer_request", "solved",
        "The card is fine: its code begins with a zero, not with the letter O. It works now, I tried it.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Demo:
    """What the terminal and the demo page say."""

    site_id: str
    site_key: str
    documents: int
    email: str
    password: str
    agents: Mapping[str, str]  # by address, their ids
    talks: tuple[Talk, ...] = ()  # still to be made


def sample_folder() -> Path:
    """The sample's documents: in a checkout where they are kept, in an installed package inside it."""
    inside = Path(__file__).parent / "sample"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "knowledge"


async def prepare_demo(desk: Desk) -> Demo:
    """Make the shop where it is missing, a new password each time, and queue what changed in the sample."""
    core = desk.core
    site = await core.site(None)
    new = site.name == DEFAULT_SITE
    if new:
        async with core.db.write() as tx:
            await update_config(tx, site.id, _config(), name=SHOP)
    password = secrets.token_urlsafe(9)
    ids = await asyncio.gather(*(_login(desk, site.id, email, password) for email in NAMES))
    agents = dict(zip(NAMES, ids, strict=True))
    if new:
        await _furnish(desk, site.id, agents)
    found = await asyncio.to_thread(_sample_files)
    for one in found:
        await desk.sources.store(
            site_id=site.id, path=one.path, data=await asyncio.to_thread(one.file.read_bytes)
        )
    return Demo(site.id, site.key, len(found), EMAIL, password, agents, TALKS if new else ())


async def sample_is_read(desk: Desk, demo: Demo) -> None:
    """Return when every sample file has become knowledge and the indexes hold it, and the inbox its first tickets.

    The files are read by a child of the server: what is done here meanwhile makes nobody wait longer.
    """
    # Without a model: a first look must cost nothing and wait for nobody.
    handoff = Handoff(
        desk.core.db,
        desk.conversations,
        desk.tickets,
        embed_function(desk.answers.embedder),
        next_line(desk.core.texts),
        desk.core.clock,
    )
    for talk in demo.talks:
        await _play(desk, handoff, demo.site_id, demo.agents, talk)
    while any(s.status in ("queued", "processing") for s in await desk.sources.list_(demo.site_id)):  # noqa: ASYNC110 (another process works on them; only its rows can be asked)
        await asyncio.sleep(LOOK_SECONDS)
    await desk.follower.catch_up(demo.site_id)


def _sample_files() -> list[FoundFile]:
    folder = sample_folder()
    if not folder.is_dir():
        raise NotFound(
            "The sample documents are missing: run the demo from a checkout or an installed package."
        )
    return [one for one in files_of([folder]) if not one.path.startswith(("questions", "simulations"))]


async def _login(desk: Desk, site_id: str, email: str, password: str) -> str:
    """The agent's id; made where they are missing."""
    async with desk.core.db.read() as tx:
        agent_id = await tx.scalar(select(Agent.id).where(Agent.email == email))
    if agent_id is not None:
        await desk.agents.set_password(agent_id, password)
        return agent_id
    agent_id = (await desk.agents.create(email=email, name=NAMES[email], password=password)).id
    async with desk.core.db.write() as tx:
        await grant(
            tx,
            desk.sessions,
            agent_id=agent_id,
            site_id=site_id,
            role="admin" if email == EMAIL else "agent",
        )
    return agent_id


async def _furnish(desk: Desk, site_id: str, agents: Mapping[str, str]) -> None:
    """Teams, saved replies, a macro and a rule."""
    core, lena = desk.core, agents[EMAIL]
    teams: dict[str, str] = {}
    async with core.db.write() as tx:
        for name, description in TEAMS.items():
            members = [agents[email] for email in MEMBERS.get(name, ())]
            teams[name] = await create_team(
                tx, core.hub, site_id, name=name, description=description, members=members, now=core.clock(), actor=COMMAND,
            )  # fmt: skip
        for name, text, tags, status, team in REPLIES:
            does = Does(tags, status, teams[team] if team else None)
            await create_canned(
                tx, site_id, lena, name=name, text=text, own=False, now=core.clock(), does=does
            )
        doubled = Condition(
            "topic", ("charged twice", "charged two times", "doppelt belastet", "doppelt abgebucht")
        )
        effect = Effect(team_id=teams["Payments"], priority="high", tags=("refund",))
        await put_rule(
            tx, site_id, Rule("charged-twice", "Charged twice", "all", (doubled,), effect), core.clock()
        )


async def _play(desk: Desk, handoff: Handoff, site_id: str, agents: Mapping[str, str], talk: Talk) -> None:
    """One request, by the same moves that visitors and agents make."""
    core, tickets = desk.core, desk.tickets
    lena, jonas = agents[EMAIL], agents[COLLEAGUE]
    page = f"https://hillside-outdoor.example{talk.page}"
    async with core.db.write() as tx:
        visitors = Visitors(core.clock)
        visitor = (await visitors.open_session(tx, site_id, None)).visitor_id
        await visitors.introduce(tx, visitor, name=talk.name, email=None)
        row = await desk.conversations.start(
            tx, site_id=site_id, visitor_id=visitor, page_url=page, locale=talk.locale
        )
        # Before anything is said: the server runs by now, and the assistant would answer.
        await desk.conversations.to_queue(tx, row.id)
        await desk.conversations.post_visitor_message(tx, row, client_id="demo", text=talk.words)
    ticket = await handoff.hand_off(row.id, talk.reason)
    async with core.db.write() as tx:
        if talk.state != "waiting":
            await tickets.take(tx, ticket.id, jonas if talk.state == "pending" else lena)
        if talk.answer:
            agent_id = jonas if talk.state == "pending" else lena
            await tickets.reply(tx, ticket.id, agent_id=agent_id, text=talk.answer)
        if talk.note:
            said = (await desk.conversations.post_note(tx, row.id, agent_id=jonas, text=talk.note)).message
            seen = await access_conversation_as_agent(tx, jonas, row.id)
            await note_mentions(
                tx, seen, message_id=said.id, author_id=jonas, text=talk.note, now=core.clock()
            )
        if talk.state in ("pending", "solved"):
            await tickets.set_status(tx, ticket.id, talk.state)
        if talk.state == "snoozed":
            await snooze(tx, tickets, ticket.id, lena, core.clock() + timedelta(days=1))


def _config() -> SiteConfig:
    return SiteConfig(
        greeting="Hello! Ask me about orders, returns or products. I answer from our help pages, and can bring in a person any time.",
        quick_replies=(
            "How long can I return something?",
            "What does shipping cost?",
            "How do I wash my jacket?",
        ),
        hours=OpeningHours(time_zone="Europe/Vienna", week=(*(OFFICE_DAY for _ in range(5)), (), ())),
    )
