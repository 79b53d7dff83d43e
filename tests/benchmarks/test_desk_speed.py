"""An agent's pages on a desk of two busy years, over HTTP from a real server. `make bench` prints it and writes reports/desk-speed.md.

MINIDESK_TEST_CONVERSATIONS=5000 makes a small desk, which takes a minute; MINIDESK_TEST_DESK=FOLDER takes one that
`python -m tests.benchmarks.desk_rows FOLDER` made before, and MINIDESK_TEST_ROUNDS=10 asks for each page ten times.
"""

import asyncio
import json
import os
import platform
import random
import re
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, async_playwright

from minidesk.accounts.sessions import hash_token
from minidesk.db import Database
from tests.benchmarks import desk_rows
from tests.benchmarks.test_start import cpu_of, pid_of
from tests.browser.conftest import CHROMIUM, QUIET
from tests.helpers.server import Server, running

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

CONVERSATIONS = int(os.environ.get("MINIDESK_TEST_CONVERSATIONS", "100000"))
GIVEN = os.environ.get("MINIDESK_TEST_DESK", "")
PAGE_MS, SCREEN_MS = 150.0, 200.0  # promised (issue 6): p95
LONG = 360  # messages: what a long conversation has
ROUNDS, WARM, SAID = int(os.environ.get("MINIDESK_TEST_ROUNDS", "40")), 3, 40
REPORT = Path(__file__).parent / "reports" / "desk-speed.md"
VIEWS = ("mine", "unassigned", "team", "open", "waiting", "snoozed", "mentions", "assistant", "solved")
SITE = desk_rows.SITES[0]
# A browser's own look at what comes into the page: the time of the frame in which a text is shown first. Only what is new is
# read: to read the whole page at each change would be a good part of what is measured.
WATCH = """() => {
  window.seen = {};
  const note = (text) => requestAnimationFrame(() => (window.seen[text] ??= Date.now()));
  const look = (changes) => {
    for (const change of changes)
      for (const node of change.type === "characterData" ? [change.target] : change.addedNodes)
        for (const found of (node.textContent ?? "").matchAll(/said-[0-9]+-[a-z]+/g)) note(found[0]);
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


OPENED = "conversation, opened from the list"
# As htmx asks: the list stays where it is.
HEADERS = {OPENED: {"HX-Request": "true", "HX-Target": "work"}}


@dataclass
class Times:
    """Milliseconds of one kind of request, and what the server's CPU spent on all of them."""

    clock: list[float] = field(default_factory=list)
    cpu: float = 0.0

    @property
    def p50(self) -> float:
        """The median."""
        return statistics.median(self.clock)

    @property
    def p95(self) -> float:
        """The value that 19 of 20 stay below."""
        return sorted(self.clock)[int(0.95 * len(self.clock))]


@dataclass
class Report:
    """Lines that are printed and written."""

    lines: list[str] = field(default_factory=list)

    def say(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines
        print("\n" + "\n".join(lines))


async def desk(folder: Path) -> tuple[Path, str]:
    """A folder that holds a desk, and a line on what is in it."""
    if GIVEN:
        folder = Path(GIVEN)
    else:
        made = await desk_rows.make_desk(folder, CONVERSATIONS)
        print(f"\nmade in {made.seconds:.0f} s")
    size = (folder / "data" / "minidesk.db").stat().st_size
    return folder, f"{size / 1e9:.2f} GB"


@dataclass(frozen=True, slots=True)
class Known:
    """What the pages are asked for."""

    conversations: Sequence[str]
    longest: str
    spoken: Sequence[str]
    counted: str


async def look_up(folder: Path) -> Known:
    """Conversations of the measured site: some with a ticket, the longest, and those whose visitors have a token."""
    db = Database(f"sqlite+aiosqlite:///{folder}/data/minidesk.db")
    async with db.read() as tx:
        connection = await tx.connection()

        async def ask(sql: str) -> Sequence[tuple[str | int, ...]]:
            return [tuple(row) for row in (await connection.exec_driver_sql(sql)).all()]

        of_tickets = await ask(f"SELECT conversation_id FROM tickets WHERE site_id = '{SITE}' ORDER BY id")
        longest = await ask(
            f"SELECT id FROM conversations WHERE site_id = '{SITE}' ORDER BY last_seq DESC LIMIT 1"
        )
        counted = await ask(
            "SELECT (SELECT count(*) FROM conversations), (SELECT count(*) FROM messages), (SELECT count(*) FROM tickets), "
            "(SELECT count(*) FROM tickets WHERE status IN ('open', 'pending')), (SELECT count(*) FROM events)"
        )
        tokens = [desk_rows.VISITOR_TOKEN.format(n=n) for n in range(2)]
        spoken = [
            await ask(
                "SELECT c.id FROM conversations c JOIN visitors v ON v.id = c.visitor_id "
                f"WHERE v.token_hash = '{hash_token(token)}'"
            )
            for token in tokens
        ]
    await db.close()
    chosen = random.Random(3).sample([str(row[0]) for row in of_tickets], 200)
    return Known(
        chosen,
        str(longest[0][0]),
        [str(rows[0][0]) for rows in spoken],
        "{:,} conversations with {:,} messages, {:,} tickets ({:,} of them open or pending), {:,} events".format(
            *counted[0]
        ),
    )


def requests_of(known: Known) -> dict[str, list[str]]:
    """Addresses by what they are; several of one kind take turns."""
    found = {f"inbox, {view}": [f"/console/inbox?view={view}"] for view in VIEWS}
    found |= {f"the list again, {view}": [f"/console/inbox/list?view={view}&site={SITE}"] for view in VIEWS}
    tags = [f"tag-{n}" for n in range(desk_rows.TAGS)]
    found |= {
        f"inbox, {view}, of a tag": [f"/console/inbox?view={view}&tag={tag}" for tag in tags]
        for view in ("open", "solved")
    }
    search = "/console/search?"
    frequent, rare, pair = desk_rows.FREQUENT, desk_rows.RARE, "+".join(desk_rows.PAIR)
    agents = [f"agt_{n:03}" for n in range(desk_rows.AGENTS)]
    found |= {
        "search, frequent word": [f"{search}q={frequent}"],
        "search, rare word": [f"{search}q={rare}"],
        "search, a word that is nowhere": [f"{search}q=nowhereatall"],
        "search, with an umlaut": [f"{search}q=z%C3%BCrich+{rare}"],
        "search, two words": [f"{search}q={pair}"],
        "search, word and status": [f"{search}q={rare}&status={status}" for status in ("open", "solved", "closed")],
        "search, word and team": [f"{search}q={pair}&team=tem_0_{n}" for n in range(desk_rows.TEAMS)],
        "search, word and person": [f"{search}q={rare}&assignee={agent}" for agent in agents],
        "search, word and tag": [f"{search}q={rare}&tag={tag}" for tag in tags],
        "search, closed tickets only": [f"{search}status=closed"],
        "conversation": [f"/console/conversations/{id}" for id in known.conversations],
        OPENED: [f"/console/conversations/{id}?view=open" for id in known.conversations],
        "conversation, the longest": [f"/console/conversations/{known.longest}"],
        "conversation, what was just said": [f"/console/conversations/{id}/messages" for id in known.conversations],
        "conversation, its live part": [f"/console/conversations/{id}/live" for id in known.conversations],
    }  # fmt: skip
    return found


async def deep_pages(client: httpx.AsyncClient) -> dict[str, list[str]]:
    """Where lists can be turned over: the tenth page of each."""
    found = {}
    for name, first in {
        "search, frequent word": f"/console/search?q={desk_rows.FREQUENT}",
        "search, rare word": f"/console/search?q={desk_rows.RARE}",
        "search, closed tickets only": "/console/search?status=closed",
    }.items():
        path = first
        for _ in range(9):
            text = (await client.get(path)).text
            older = re.search(r'href="(/console/search\?[^"]*after=[^"]*)"', text)
            if older is None:
                break
            path = unescape(older[1])
        found[f"{name}, tenth page"] = [path]
    key = {"Authorization": f"Bearer {desk_rows.API_KEY}"}
    for name, query in (
        ("tickets", "status=closed&"),
        ("conversations", ""),
        ("conversations", "holder=assistant&"),
    ):
        after = ""
        for _ in range(9):
            answer = await client.get(f"/api/v1/{name}?{query}after={after}&limit=50", headers=key)
            assert answer.status_code == 200, answer.text
            after = answer.json()["next"] or after
        found[f"REST, {name} {query.strip('&')}, tenth page"] = [
            f"/api/v1/{name}?{query}after={after}&limit=50"
        ]
    return found


async def time_all(client: httpx.AsyncClient, pid: int, asked: dict[str, list[str]]) -> dict[str, Times]:
    """Each kind ROUNDS times, all kinds taking turns by tens."""
    found = {name: Times() for name in asked}
    key = {"Authorization": f"Bearer {desk_rows.API_KEY}"}
    headers = {name: key if "/api/" in paths[0] else HEADERS.get(name) for name, paths in asked.items()}
    for name, paths in asked.items():
        for n in range(WARM):
            answer = await client.get(paths[n % len(paths)], headers=headers[name])
            assert answer.status_code == 200, (name, answer.status_code, answer.text[:500])
    for turn in range(0, ROUNDS, 10):
        for name, paths in asked.items():
            cpu = cpu_of(pid)
            for n in range(turn, turn + 10):
                path = paths[n % len(paths)]
                began = time.perf_counter()
                answer = await client.get(path, headers=headers[name])
                found[name].clock.append(1000 * (time.perf_counter() - began))
                assert answer.status_code == 200, (name, answer.status_code)
            found[name].cpu += cpu_of(pid) - cpu
    return found


@asynccontextmanager
async def watched(server: Server, *paths: str) -> AsyncIterator[list[Page]]:
    """An agent's browser with these pages open, each noting when a message appears."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = await browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB")
        await context.add_cookies([{"name": "minidesk", "value": desk_rows.TOKEN, "url": server.url}])
        pages = []
        for path in paths:
            page = await context.new_page()
            await page.goto(server.url + path)
            await page.locator('[data-controller="live"]').first.wait_for(state="attached")
            await page.evaluate(WATCH)
            pages.append(page)
        yield pages
        await browser.close()


async def say(client: httpx.AsyncClient, visitor: int, conversation: str, text: str) -> float:
    """A visitor's message; when it had been accepted, in milliseconds of the clock."""
    token = desk_rows.VISITOR_TOKEN.format(n=visitor)
    answer = await client.post(
        f"/api/widget/v1/conversations/{conversation}/messages",
        json={"client_id": text, "text": text},
        headers={"Authorization": f"Bearer {token}"},
    )
    accepted = time.time() * 1000
    assert answer.status_code == 202, answer.text
    return accepted


async def time_screen(server: Server, client: httpx.AsyncClient, known: Known) -> dict[str, Times]:
    """From "accepted" to the message in the open conversation, short and long, and to its line in the inbox."""
    first, second = (f"/console/conversations/{id}" for id in known.spoken)
    for n in range(LONG):
        await say(client, 1, known.spoken[1], f"many-{n}-{time.time_ns()}")
    found, waits = {}, random.Random(4)
    for name, letter, visitor, path, earlier in (
        ("in the open conversation", "c", 0, first, 0),
        (f"in one of over {LONG} messages, of which the last 50 are shown", "l", 1, second, 0),
        ("in the same with all messages shown", "a", 1, second, -(-(LONG + SAID) // 50)),
        ("in the inbox's list", "i", 0, "/console/inbox?view=mine", 0),
    ):
        found[name] = Times()
        async with watched(server, path) as (page,):
            await page.wait_for_timeout(1500)  # what it fetches by itself after it was opened
            for _ in range(earlier):
                if await page.locator("[data-earlier]").count():
                    await page.locator("[data-earlier]").click()
                    await page.wait_for_timeout(1000)
            for _ in range(SAID):
                text = f"said-{time.time_ns() // 1000}-{letter}"
                accepted = await say(client, visitor, known.spoken[visitor], text)
                seen = await page.wait_for_function(f"() => window.seen['{text}']", polling=5)
                found[name].clock.append(float(await seen.json_value()) - accepted)
                await page.wait_for_timeout(200 + 400 * waits.random())
    return found


async def time_event(client: httpx.AsyncClient, known: Known) -> Times:
    """From "accepted" to the event on the agent's stream of that conversation."""
    found = Times()
    url = f"/console/conversations/{known.spoken[1]}/events?after=100000"
    async with client.stream("GET", url) as stream:
        heard: asyncio.Queue[float] = asyncio.Queue()

        async def listen() -> None:
            async for line in stream.aiter_lines():
                if line.startswith("event: changed"):
                    heard.put_nowait(time.time() * 1000)

        ear = asyncio.create_task(listen())
        await asyncio.sleep(0.5)
        for _ in range(SAID):
            while not heard.empty():  # of what was said before
                heard.get_nowait()
            accepted = await say(client, 1, known.spoken[1], f"said-{time.time_ns() // 1000}-e")
            found.clock.append(await asyncio.wait_for(heard.get(), 10) - accepted)
            await asyncio.sleep(0.1)
        ear.cancel()
    return found


def table(times: dict[str, Times]) -> list[str]:
    """As Markdown."""
    rows = [
        f"| {name} | {one.p50:.0f} | {one.p95:.0f} | {1000 * one.cpu / len(one.clock):.0f} |"
        for name, one in times.items()
    ]
    return ["| page | p50 ms | p95 ms | CPU ms |", "| --- | --- | --- | --- |", *rows]


async def test_an_agents_pages(tmp_path: Path) -> None:
    began = os.getloadavg()
    folder, size = await desk(tmp_path)
    known = await look_up(folder)
    report = Report()
    limits = {"MINIDESK_MESSAGES_PER_MINUTE": "10000", "MINIDESK_MESSAGES_PER_MINUTE_ADDRESS": "10000",
              "MINIDESK_REQUESTS_PER_MINUTE_KEY": "100000"}  # fmt: skip
    async with (
        running(folder, "serve", **limits) as server,
        httpx.AsyncClient(timeout=60, base_url=server.url, cookies={"minidesk": desk_rows.TOKEN}) as client,
    ):
        asked = requests_of(known) | await deep_pages(client)
        pages = await time_all(client, pid_of(server), asked)
        print("\n" + "\n".join(table(pages)))
        event = await time_event(client, known)
        screen = await time_screen(server, client, known)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    report.say(
        "# An agent's pages on a large desk", "",
        f"`make bench ARGS=tests/benchmarks/test_desk_speed.py` on {os.cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, SQLite. Load {began[0]:.1f} at the start, {load} at the end (1, 5 and 15 minutes). "
        f"{known.counted}; {size}. {ROUNDS} requests of each kind, one at a time, by one agent among {desk_rows.AGENTS}; "
        "CPU is the server's, a request.",
        "", *table(pages), "",
        "From the moment at which the visitor's message was accepted:", "",
        "| until | p50 ms | p95 ms |", "| --- | --- | --- |",
        f"| its event is on the agent's stream | {event.p50:.0f} | {event.p95:.0f} |",
        *(f"| it stands {name}, in Chromium | {one.p50:.0f} | {one.p95:.0f} |" for name, one in screen.items()),
    )  # fmt: skip
    slow = {name: round(one.p95) for name, one in pages.items() if one.p95 > PAGE_MS}
    late = {name: round(one.p95) for name, one in screen.items() if one.p95 > SCREEN_MS}
    report.say(
        "",
        f"Promised: pages {PAGE_MS:.0f} ms, a message {SCREEN_MS:.0f} ms (p95). Over it: {json.dumps(slow | late) if slow | late else 'none'}.",
    )
    if not GIVEN:
        shutil.rmtree(folder / "data", ignore_errors=True)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(report.lines) + "\n")
    assert not slow
    assert not late
