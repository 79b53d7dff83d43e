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
    "Returns": "Sending things back, exchanges, refunds, wrong size, gift returns, return labels and postage.",
    "Shipping": "Where is my parcel, delivery times, tracking, customs, damaged or lost parcels, delivery address, pickup.",
    "Payments": "Invoices, card declined, charged twice, instalments, gift cards, vouchers, VAT, refunds not received.",
    "Products": "Which boot, tent, jacket or sleeping bag, sizes, fit, materials, care, stock and product advice.",
    "Repairs": "Guarantee, broken zip, resoling, warranty claims, spare parts and repair costs.",
    "Accounts": "Password, log in, e-mail address, newsletter, loyalty points, personal data and deleting an account.",
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
