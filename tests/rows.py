"""Rows that many tests start from: a site, a visitor, a conversation, an agent."""

from minidesk.db import Database
from minidesk.db.models import Agent, Conversation, Membership, Site, Team, Visitor, new_id
from tests.conftest import FakeClock


async def add_site(db: Database, clock: FakeClock, name: str = "Alpenglow") -> Site:
    """A site without documents, teams or agents."""
    site = Site(id=new_id("ste"), key=new_id("key"), name=name, created_at=clock())
    async with db.write() as tx:
        tx.add(site)
    return site


async def add_visitor(db: Database, clock: FakeClock, site_id: str) -> Visitor:
    """A visitor of the site."""
    visitor = Visitor(
        id=new_id("vis"),
        site_id=site_id,
        token_hash=new_id("hash"),
        created_at=clock(),
        last_seen_at=clock(),
        expires_at=clock(),
    )
    async with db.write() as tx:
        tx.add(visitor)
    return visitor


async def add_conversation(
    db: Database, clock: FakeClock, site_id: str | None = None, visitor_id: str | None = None
) -> Conversation:
    """A conversation that the assistant holds; site and visitor are made where none are named."""
    site_id = site_id or (await add_site(db, clock)).id
    visitor_id = visitor_id or (await add_visitor(db, clock, site_id)).id
    conversation = Conversation(
        id=new_id("cnv"),
        site_id=site_id,
        visitor_id=visitor_id,
        holder="assistant",
        created_at=clock(),
        last_message_at=clock(),
    )
    async with db.write() as tx:
        tx.add(conversation)
    return conversation


async def add_agent(db: Database, clock: FakeClock, site_id: str | None, name: str = "Mara Lindt") -> Agent:
    """An agent; with a membership if a site is named."""
    agent = Agent(
        id=new_id("agt"),
        email=f"{new_id('mail')}@example.com",
        name=name,
        password_hash="-",
        operator=False,
        created_at=clock(),
    )
    async with db.write() as tx:
        tx.add(agent)
        await tx.flush()
        if site_id:
            tx.add(Membership(id=new_id("mem"), agent_id=agent.id, site_id=site_id, role="agent"))
    return agent


async def add_team(db: Database, clock: FakeClock, site_id: str, name: str, description: str = "") -> Team:
    """A team of the site."""
    team = Team(id=new_id("tem"), site_id=site_id, name=name, description=description, created_at=clock())
    async with db.write() as tx:
        tx.add(team)
    return team
