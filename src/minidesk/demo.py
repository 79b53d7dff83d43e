"""The sample shop of `minidesk demo`: its site, teams, login and documents."""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import time
from pathlib import Path

from sqlalchemy import select

from minidesk.accounts import grant
from minidesk.db import Tx
from minidesk.db.models import Agent, Team, new_id
from minidesk.errors import NotFound
from minidesk.knowledge.folder import FoundFile, files_of
from minidesk.sites import OpeningHours, SiteConfig, Span, update_config
from minidesk.wiring import DEFAULT_SITE, Desk

EMAIL = "demo@hillside-outdoor.example"
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
# The sample is read by the child; a file takes milliseconds, the first one waits for the embedding model.
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Demo:
    """What the terminal and the demo page say."""

    site_id: str
    site_key: str
    documents: int
    email: str
    password: str


def sample_folder() -> Path:
    """The sample's documents: in a checkout where they are kept, in an installed package inside it."""
    inside = Path(__file__).parent / "sample"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "knowledge"


async def prepare_demo(desk: Desk) -> Demo:
    """Make the shop where it is missing, a new password each time, and queue what changed in the sample."""
    core = desk.core
    site = await core.site(None)
    if site.name == DEFAULT_SITE:
        async with core.db.write() as tx:
            await update_config(tx, site.id, _config(), name=SHOP)
            for name, description in TEAMS.items():
                tx.add(
                    Team(
                        id=new_id("team"),
                        site_id=site.id,
                        name=name,
                        description=description,
                        created_at=core.clock(),
                    )
                )
    password = secrets.token_urlsafe(9)
    await _login(desk, site.id, password)
    found = await asyncio.to_thread(_sample_files)
    for one in found:
        await desk.sources.store(
            site_id=site.id, path=one.path, data=await asyncio.to_thread(one.file.read_bytes)
        )
    return Demo(site.id, site.key, len(found), EMAIL, password)


async def sample_is_read(desk: Desk, demo: Demo) -> None:
    """Return when every sample file has become knowledge and the indexes hold it."""
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


async def _login(desk: Desk, site_id: str, password: str) -> None:
    async with desk.core.db.read() as tx:
        agent_id = await _agent_id(tx)
    if agent_id is None:
        agent_id = (await desk.agents.create(email=EMAIL, name="Lena Moser", password=password)).id
        async with desk.core.db.write() as tx:
            await grant(tx, desk.sessions, agent_id=agent_id, site_id=site_id, role="admin")
    else:
        await desk.agents.set_password(agent_id, password)


async def _agent_id(tx: Tx) -> str | None:
    return await tx.scalar(select(Agent.id).where(Agent.email == EMAIL))


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
