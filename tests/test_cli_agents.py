"""`minidesk agents link`: the way back for who is locked out, where a shell on the server is the proof."""

import asyncio
import re
from pathlib import Path

import pyotp
from sqlalchemy import func, select

from minidesk.accounts import Agents, Passwords, Sessions, build_doors, open_sealer
from minidesk.db.models import AuditEntry, SecondFactor
from minidesk.settings import load_settings
from minidesk.wiring import open_core
from tests.helpers.commands import minidesk


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
