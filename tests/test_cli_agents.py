"""`minidesk agents`: the way back for who is locked out, where a shell on the server is the proof; and locking out."""

import asyncio
import re
from pathlib import Path

import pyotp
from sqlalchemy import func, select

from minidesk.accounts import Agents, Passwords, Sessions, build_doors, open_sealer
from minidesk.conversations import Conversations
from minidesk.db.models import (
    Agent,
    AuditEntry,
    Conversation,
    Membership,
    SecondFactor,
    Ticket,
    new_id,
)
from minidesk.handoff import Handoff, next_line
from minidesk.settings import load_settings
from minidesk.tickets import Tickets
from minidesk.wiring import open_core
from tests.conftest import FakeClock
from tests.desk import embed_words
from tests.helpers.commands import minidesk
from tests.rows import add_conversation


async def furnish(data: Path) -> None:
    """An agent with a second factor."""
    async with open_core(load_settings(data_dir=data)) as core:
        sessions = Sessions(core.clock)
        agents = Agents(core.db, Passwords(), sessions, core.clock)
        doors = build_doors(core.db, open_sealer(core.settings), agents, sessions, core.clock)
        agent = await agents.create(email="mara@example.com", name="Mara", password="a long enough password")
        async with core.db.write() as tx:
            await doors.factors.begin(tx, agent.id)
        async with core.db.read() as tx:
            shown = await doors.factors.shown(tx, agent.id)
        assert shown is not None
        code = pyotp.TOTP(shown[0]).at(core.clock())
        async with core.db.write() as tx:
            await doors.factors.confirm(tx, agent.id, code)


async def held(data: Path) -> tuple[int, list[str]]:
    """How many second factors there are, and what the log says."""
    async with open_core(load_settings(data_dir=data)) as core, core.db.read() as tx:
        count = await tx.scalar(select(func.count()).select_from(SecondFactor))
        return count or 0, list(await tx.scalars(select(AuditEntry.action)))


def test_a_link_is_printed_and_the_second_factor_stays_unless_told(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(furnish(data))
    unknown = minidesk(data, "agents", "link", "nobody@example.com")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "minidesk agents list" in unknown.stderr
    link = re.compile(r"http://\S+/console/reset/[\w-]{43}\n")
    made = minidesk(data, "agents", "link", "Mara@example.com")
    assert made.returncode == 0, made.stderr
    assert link.fullmatch(made.stdout)
    assert asyncio.run(held(data)) == (1, [])
    dropped = minidesk(data, "agents", "link", "mara@example.com", "--drop-second-factor")
    assert link.fullmatch(dropped.stdout)
    assert asyncio.run(held(data)) == (0, ["people.second_factor_removed"])


async def talking(data: Path) -> str:
    """Mara answers a visitor; the conversation."""
    async with open_core(load_settings(data_dir=data)) as core:
        site = await core.site(None)
        clock = FakeClock()
        conversation = await add_conversation(core.db, clock, site.id)
        async with core.db.write() as tx:
            agent = (await tx.scalars(select(Agent))).one()
            tx.add(Membership(id=new_id("mem"), agent_id=agent.id, site_id=site.id, role="agent"))
            conversations = Conversations(core.events, core.jobs, core.clock)
            tickets = Tickets(core.events, conversations, core.clock)
        handoff = Handoff(core.db, conversations, tickets, embed_words, next_line(core.texts), core.clock)
        await handoff.hand_off(conversation.id, "agent_request", agent_id=agent.id)
    return conversation.id


async def stands(data: Path, conversation_id: str) -> tuple[str, str | None, bool]:
    """Who holds the conversation, whose the ticket is, and whether Mara is suspended."""
    async with open_core(load_settings(data_dir=data)) as core, core.db.read() as tx:
        agent = (await tx.scalars(select(Agent))).one()
        ticket = (await tx.scalars(select(Ticket))).one()
        holder = (await tx.get_one(Conversation, conversation_id)).holder
        return holder, ticket.assignee_id, agent.disabled_at is not None


def test_who_is_suspended_leaves_nobody_waiting_and_can_be_let_in_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    asyncio.run(furnish(data))
    conversation = asyncio.run(talking(data))
    unknown = minidesk(data, "agents", "suspend", "nobody@example.com")
    assert (unknown.returncode, "minidesk agents list" in unknown.stderr) == (1, True)
    assert asyncio.run(stands(data, conversation))[0] == "agent"
    done = minidesk(data, "agents", "suspend", "Mara@example.com")
    assert done.returncode == 0, done.stderr
    assert "1 of their tickets" in done.stdout
    assert asyncio.run(stands(data, conversation)) == ("queue", None, True)
    assert "(suspended)" in minidesk(data, "agents", "list").stdout
    assert minidesk(data, "agents", "restore", "mara@example.com").returncode == 0
    assert asyncio.run(stands(data, conversation)) == ("queue", None, False)
    assert asyncio.run(held(data))[1] == ["people.suspended", "people.let_in"]
