"""The sample shop as somebody meets it who opens the console before the chat."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from minidesk.demo import COLLEAGUE, EMAIL
from tests.helpers.server import Server
from tests.web.test_console import Browser


@pytest.fixture
async def demo(tmp_path: Path, sample: Path) -> AsyncIterator[Server]:
    """`minidesk demo`, started for the second time."""
    one = Server(tmp_path, sample=sample)
    await one.start()
    yield one
    await one.end()


@pytest.mark.timeout(300)
async def test_the_desk_of_the_demo_lives(demo: Server) -> None:
    async with httpx.AsyncClient(base_url=demo.url, trust_env=False, timeout=60) as client:
        lena = Browser(client, demo.url)
        assert (await lena.sign_in(EMAIL, demo.password)).status_code == 303
        tabs = (await lena.get("/console/inbox?view=open")).text
        counts = dict(re.findall(r'view=(\w+)"[^>]*>[^<]*<b>(\d+)</b>', tabs))
        assert counts == {
            "mine": "1", "unassigned": "2", "team": "1", "open": "4", "waiting": "3", "snoozed": "1", "mentions": "1",
            "assistant": "1", "solved": "1",
        }  # fmt: skip
        assert "with Jonas" in tabs
        assert "refund" in tabs  # by the rule
        replies = (await lena.get("/console/replies")).text
        assert replies.count("{{site.name}}") >= 4
        assert '<span class="tag accent">macro</span>' in replies
        teams = (await lena.get("/console/teams")).text
        assert "Jonas Weber, Lena Moser" in teams
        assert "Charged twice" in (await lena.get("/console/rules")).text
        people = (await lena.get("/console/people")).text
        assert COLLEAGUE in people
    async with httpx.AsyncClient(base_url=demo.url, trust_env=False, timeout=60) as client:
        jonas = Browser(client, demo.url)
        assert (await jonas.sign_in(COLLEAGUE, demo.password)).status_code == 303
        assert "zip of my Ridge jacket" in (await jonas.get("/console/inbox?view=mine")).text
