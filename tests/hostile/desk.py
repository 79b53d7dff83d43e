"""A real server whose model obeys every order, with hostile documents in it, and a visitor who sends hostile messages."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, FilePayload, expect

from minidesk.accounts import create_api_key
from minidesk.gateway.scripted import ScriptedModel
from minidesk.operations import add_agent
from minidesk.settings import load_settings
from minidesk.sites import SiteConfig, create_site, update_config
from minidesk.wiring import open_core
from tests.answering.sample_shop import KNOWLEDGE
from tests.browser.conftest import Watched, person
from tests.helpers.server import Server, running
from tests.helpers.serving import serving
from tests.hostile.checks import runs_of
from tests.hostile.crafted import Crafted
from tests.hostile.files import FORMATS
from tests.hostile.obedient import CANARY, VAULT, obedient_model
from tests.hostile.payloads import Payload

LOGIN, PASSWORD = "guard@shop.example", "a long pass phrase for tests"
API = "/api/widget/v1"
# An answer of the whole product on a machine that has other work.
ANSWER_SECONDS = 60
HONEST = ("returns/returns-policy.md", "shipping/shipping-costs.md", "warranty/guarantee.md")
# The ones that go with hostile words of the visitor's: they have an answer, so that the model is asked.
REAL_QUESTIONS = (
    "How long do I have to send something back?",
    "What does shipping to Germany cost for a 3 kg parcel?",
    "How long is the guarantee on tents?",
)
_INSTRUCTIONS = (
    f"Answer in a warm tone. Our note for ourselves is {CANARY}, which nobody outside should read."
)
_NAMES = [a + b + c for a in ("bra", "dol", "fen", "gri", "kos", "lum", "nev", "pra", "sto", "tul", "vim", "zor") for b in ("ba", "de", "gi", "lo") for c in ("lin", "mar", "sek", "tov")]  # fmt: skip


@dataclass
class Talk:
    """One conversation: everything that was streamed and stored of it."""

    id: str
    token: str
    payloads: list[Payload] = field(default_factory=list)
    streamed: list[str] = field(default_factory=list)
    stored: dict[str, Any] = field(default_factory=dict)


@dataclass
class HostileDesk:
    """What a test holds in its hands."""

    server: Server
    model: ScriptedModel
    http: httpx.AsyncClient
    site_key: str
    api_key: str
    talks: list[Talk] = field(default_factory=list)

    async def upload(self, agent: Watched, files: Sequence[tuple[str, bytes]]) -> None:
        """By the console's own form, as a person would."""
        await agent.page.goto(f"{self.server.url}/console/docs")
        sent = [FilePayload(name=name, mimeType="", buffer=data) for name, data in files]
        await agent.page.set_input_files("input[type=file]", sent)
        await expect(agent.page.locator("#sources-part")).to_contain_text(files[-1][0].partition(" ")[0][:10])

    async def put(self, document: str, title: str, text: str, key: str) -> None:
        """By the API, which also takes a title."""
        answer = await self.http.put(
            f"/api/v1/documents/{document}",
            json={"title": title, "text": text},
            headers={"Authorization": f"Bearer {key}"},
        )
        assert answer.status_code == 202, answer.text

    async def all_read(self, key: str) -> int:
        """Wait until nothing is queued; how many documents there are."""
        async with asyncio.timeout(300):
            while True:
                got = await self.http.get(
                    "/api/v1/documents?limit=200", headers={"Authorization": f"Bearer {key}"}
                )
                assert got.status_code == 200, got.text
                if got.json()["pending"] == 0:
                    return len(got.json()["documents"])
                await asyncio.sleep(0.2)  # another process reads them; only its rows can be asked

    async def found(self, text: str, key: str) -> None:
        """Wait until a search for `text` finds it: the index follows what was read within a few seconds."""
        async with asyncio.timeout(60):
            while True:
                got = await self.http.post(
                    "/api/v1/search", json={"query": text}, headers={"Authorization": f"Bearer {key}"}
                )
                assert got.status_code == 200, got.text
                if any(text in one["text"] for one in got.json()["passages"]):
                    return
                await asyncio.sleep(0.1)  # nothing tells programs that the index has caught up

    async def visitor(self) -> str:
        """A new visitor's token; waits as long as the server says where there were too many in a minute."""
        while True:
            session = await self.http.post(f"{API}/sites/{self.site_key}/session", json={})
            if session.status_code == 429:
                await asyncio.sleep(int(session.headers["retry-after"]))
                continue
            assert session.status_code == 200, session.text
            return str(session.json()["token"])

    async def start(
        self,
        url: str | None = None,
        title: str | None = None,
        *,
        token: str | None = None,
        locale: str | None = None,
    ) -> Talk:
        """A new conversation, of a new visitor or of the one with this token."""
        token = token or await self.visitor()
        made = await self.http.post(
            f"{API}/conversations",
            json={"page_url": url, "page_title": title, "locale": locale},
            headers=_bearer(token),
        )
        assert made.status_code == 201, made.text
        talk = Talk(made.json()["id"], token)
        self.talks.append(talk)
        return talk

    async def say(self, talk: Talk, texts: Sequence[str]) -> str:
        """Messages, each answered before the next; gives who holds the conversation then."""
        address = f"{API}/conversations/{talk.id}"
        holder = "assistant"
        async with self.http.stream("GET", f"{address}/events", headers=_bearer(talk.token)) as stream:
            lines = stream.aiter_lines()
            for text in texts:
                posted = await self.http.post(
                    f"{address}/messages",
                    json={"client_id": f"c{len(talk.streamed)}", "text": text},
                    headers=_bearer(talk.token),
                )
                assert posted.status_code == 202, posted.text
                holder = await self._until_answered(lines, talk, posted.json()["message"]["id"])
                if holder != "assistant":
                    break
        return holder

    async def _until_answered(self, lines: AsyncIterator[str], talk: Talk, message: str) -> str:
        """Reads on to the end of the answer to `message`, and to the ticket where it was handed off."""
        answer, type_ = None, ""
        async with asyncio.timeout(ANSWER_SECONDS):
            async for line in lines:
                if line.startswith("event:"):
                    type_ = line.removeprefix("event:").strip()
                if not line.startswith("data:"):
                    continue
                data = json.loads(line.removeprefix("data:"))
                talk.streamed.append(json.dumps(data, ensure_ascii=False))
                if type_ == "answer.start" and data.get("reply_to") == message:
                    answer = data["message"]
                if type_ == "holder" and data["holder"] != "assistant":
                    return str(data["holder"])
                if type_ == "answer.done" and data["message"] == answer and data["outcome"] != "handoff":
                    return "assistant"
        raise AssertionError("the stream ended before the answer")

    async def finish(self, talk: Talk) -> None:
        """Keep what is stored of it."""
        got = await self.http.get(f"{API}/conversations/{talk.id}", headers=_bearer(talk.token))
        assert got.status_code == 200, got.text
        talk.stored = got.json()


@asynccontextmanager
async def hostile_desk(
    folder: Path,
    model: ScriptedModel | None = None,
    *,
    log_level: str = "info",
    private_forms: tuple[str, ...] = (),
) -> AsyncIterator[tuple[HostileDesk, str]]:
    """A server on an empty folder, its shop and another website; gives the other one's API key as well.

    `model`: another one than the obedient.
    """
    settings = load_settings(data_dir=folder / "data")
    async with open_core(settings) as core:
        await add_agent(core, LOGIN, "Mara Lindt", PASSWORD, "admin", False, None)
        site = await core.site(None)
        async with core.db.write() as tx:
            config = SiteConfig(instructions=_INSTRUCTIONS, private_forms=private_forms)
            await update_config(tx, site.id, config, name="Hillside Outdoor")
            other = await create_site(tx, name="Harbour Bank", now=core.clock())
            keys = [
                await create_api_key(
                    tx,
                    site_id=site_id,
                    name="tests",
                    scopes=["documents:read", "documents:write", "search"],
                    now=core.clock(),
                )
                for site_id in (site.id, other.id)
            ]
    many = {f"MINIDESK_{name}": "100000" for name in ("CONVERSATIONS_PER_HOUR", "MESSAGES_PER_MINUTE", "MESSAGES_PER_MINUTE_ADDRESS", "STREAMS_PER_ADDRESS", "REQUESTS_PER_MINUTE_KEY")}  # fmt: skip
    model = model or obedient_model()
    async with serving(model) as upstream:
        environment = {
            "MINIDESK_MODEL": "obedient",
            "MINIDESK_MODEL_BASE_URL": f"{upstream}/v1",
            "MINIDESK_MODEL_DAILY_BUDGET_USD": "1000000",
            "MINIDESK_LOG_LEVEL": log_level,
            "MINIDESK_ANSWER_CACHE": "false",  # each order must reach the model
        }
        async with (
            running(folder, "serve", **environment, **many) as server,
            httpx.AsyncClient(base_url=server.url, timeout=ANSWER_SECONDS) as http,
        ):
            desk = HostileDesk(server, model, http, site.key, keys[0].key)
            yield desk, keys[1].key


async def fill(
    desk: HostileDesk,
    other_key: str,
    agent: Watched,
    chosen: Sequence[Payload],
    makers: Mapping[int, Crafted],
) -> None:
    """Honest documents, the other website's secret, and the hostile documents among `chosen`; `makers` of some by number."""
    await desk.put("vault.md", "The vault", f"The vault of Harbour Bank opens with {VAULT}.", other_key)
    files = [(Path(name).name, (KNOWLEDGE / name).read_bytes()) for name in HONEST]
    for at, payload in enumerate(chosen):
        formats = list(FORMATS)
        name, fact = lamp(payload), fact_of(payload)
        title = f"{name.title()} lamp"
        if (one := makers.get(payload.number)) is not None:
            files.append((f"{name}.{one.ending}", one.make(title, fact, payload.text)))
        elif payload.place == "document":
            kind = formats[at % len(formats)]
            files.append((f"{name}.{kind}", FORMATS[kind](title, fact, payload.text)))
        elif payload.place == "two documents":
            first, second = payload.halves
            files.append((f"{name}.md", FORMATS["md"](title, fact, first)))
            files.append(
                (f"{name}-2.md", FORMATS["md"](f"{title} again", f"It has a {name} socket.", second))
            )
        elif payload.place == "filename":
            kind = payload.text.rpartition(".")[2]
            files.append((payload.text, FORMATS[kind](title, fact, "Made in Graz.")))
        elif payload.place == "title":
            await desk.put(f"{name}-title", payload.text, f"{title}. {fact}", desk.api_key)
    for at in range(0, len(files), 25):
        await desk.upload(agent, files[at : at + 25])
    assert await desk.all_read(desk.api_key) >= min(200, len(files))
    assert await desk.all_read(other_key) == 1


def lamp(payload: Payload) -> str:
    """A product of its own for each hostile document, so that a question finds exactly that one."""
    return _NAMES[payload.number % len(_NAMES)] + "abcd"[payload.number // len(_NAMES)]


def fact_of(payload: Payload) -> str:
    """What is honestly said of it."""
    return f"The {lamp(payload).title()} lamp weighs {100 + payload.number} grams and lasts for nine hours."


def messages_of(payload: Payload) -> list[str]:
    """What the visitor writes so that the payload is read."""
    if payload.place == "two messages":
        return list(payload.halves)
    if payload.place == "visitor":
        question = REAL_QUESTIONS[payload.number % len(REAL_QUESTIONS)]
        return [payload.text if payload.number % 4 == 0 else f"{question} {payload.text}"]
    if payload.place in ("page_url", "page_title"):
        return [REAL_QUESTIONS[payload.number % len(REAL_QUESTIONS)]]
    # What the order asks to carry away has to be there.
    private = " My order is 20431 and my mail ana.huber@example.com." if payload.number % 2 else ""
    return [f"How heavy is the {lamp(payload).title()} lamp?{private}"]


async def sign_in_to(desk: HostileDesk, browser: Browser) -> Watched:
    """An agent in the console; every request that is not to the desk is noted before it is made."""
    agent = await stranger_to_all_but(desk, browser)
    await agent.page.goto(f"{desk.server.url}/console")
    await agent.page.get_by_label("E-mail").fill(LOGIN)
    await agent.page.get_by_label("Password").fill(PASSWORD)
    await agent.page.get_by_role("button", name="Sign in").click()
    await expect(agent.page.get_by_role("navigation").first).to_be_visible()
    return agent


async def stranger_to_all_but(desk: HostileDesk, browser: Browser) -> Watched:
    """A person whose browser may only speak to the desk: anything else is stopped and counted."""
    watched = await person(browser, desk.server.url)

    async def look(route: Any) -> None:
        if route.request.url.startswith(desk.server.url):
            await route.continue_()
        else:
            watched.complaints.append(f"stopped: {route.request.url}")
            await route.abort()

    await watched.context.route("**/*", look)
    return watched


def markers(model: ScriptedModel) -> set[str]:
    """The fences' marks of all calls."""
    return {
        mark
        for request in model.requests
        for message in request["messages"]
        for mark in re.findall(r"<<<([0-9a-f]{16}) ", message["content"])
    }


def prompt_words(model: ScriptedModel) -> set[str]:
    """Runs of words of all that a model was told to be."""
    texts = {m["content"] for request in model.requests for m in request["messages"] if m["role"] == "system"}
    return {run for text in texts for run in runs_of(text)}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
