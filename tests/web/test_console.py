"""The console over real HTTP: who gets in, who sees what, which forms count, and what comes out escaped."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import func, select, text, update
from tests.conftest import FakeClock
from tests.helpers.passwords import cheap_passwords
from tests.helpers.serving import serving
from tests.rows import add_site, add_team, add_visitor

from minidesk.accounts import Actor, Agents, Sealer, Sessions, SetupCode, build_doors, grant
from minidesk.ask import Asker
from minidesk.channels import AccountMails, new_secret
from minidesk.conversations import AnswerEnd, AnswerPart, Attachments, CitationDraft, Conversations, Sent
from minidesk.db import Database
from minidesk.db.models import (
    AgentSession,
    Attachment,
    Base,
    Chunk,
    Conversation,
    Correction,
    Crawl,
    CrawlPage,
    Document,
    DocumentVersion,
    Job,
    Message,
    Site,
    Source,
    Ticket,
    Visitor,
    WebhookEndpoint,
    new_id,
)
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.handoff import Handoff, next_line
from minidesk.jobs import JobQueue
from minidesk.knowledge.amend import Pages
from minidesk.knowledge.crawls import Crawls, finish_run
from minidesk.knowledge.faq import FaqEntries
from minidesk.knowledge.installed import InstallCheck
from minidesk.knowledge.lifecycle import Lifecycle
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.sources import Sources
from minidesk.knowledge.versions import Versions
from minidesk.live import EventLog, Hub
from minidesk.outbound import Allowed, Outbound
from minidesk.settings import Settings
from minidesk.text.locale import load_texts
from minidesk.tickets import Tickets, save_search
from minidesk.web.assets import Assets
from minidesk.web.console import ConsoleDeps, console_router, lost_page, streams
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.limits import LoginThrottle, RateLimiter
from minidesk.web.problems import install_error_handlers

PASSWORD = "a long enough password"
PART = {"HX-Request": "true"}
PAYLOADS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "' onmouseover='alert(3)",
    "<svg/onload=alert(4)>",
    "[x](javascript:alert(5))",
    "![x](https://evil.example/6.png)",
    "</textarea><script>alert(7)</script>",
    "{{31337*31337}}",
)


async def embed(texts: Sequence[str]) -> Any:
    """Vectors without a model: every text is like every other."""
    return np.ones((len(texts), 2), dtype=np.float32) / np.sqrt(2)


@dataclass
class Browser:
    """One person's browser: cookies, and the token of the page that was read last."""

    client: httpx.AsyncClient
    base: str
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """Read a page and remember its token."""
        answer = await self.client.get(path, **more)
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        self.csrf = unescape(found.group(1)) if found else self.csrf
        return answer

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as a page without scripts would."""
        data = {"csrf": self.csrf, **fields}
        return await self.client.post(path, data=data, headers={"Origin": self.base})

    async def part(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as htmx would."""
        data = {"csrf": self.csrf, **fields}
        return await self.client.post(path, data=data, headers={"Origin": self.base, **PART})

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Fill the form."""
        await self.get("/console/login")
        answer = await self.post("/console/login", email=email, password=password)
        if answer.status_code == 303:
            await self.get("/console/inbox")
        return answer


@dataclass
class Office:
    """What a test holds in its hands."""

    db: Database
    clock: FakeClock
    deps: ConsoleDeps
    app: FastAPI
    site: Site
    other: Site
    base: str = ""

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        """A browser with no cookies."""
        async with httpx.AsyncClient(base_url=self.base, trust_env=False, timeout=60) as client:
            yield Browser(client, self.base)

    @asynccontextmanager
    async def at_work(self, email: str) -> AsyncIterator[Browser]:
        """A browser of somebody who is signed in."""
        async with self.browser() as browser:
            assert (await browser.sign_in(email)).status_code == 303
            yield browser

    async def agent(
        self, email: str, site: Site | None, role: Any = "agent", name: str = "Mara Lindt"
    ) -> str:
        """An agent with this role in the site."""
        made = await self.deps.agents.create(email=email, name=name, password=PASSWORD)
        if site is not None:
            async with self.db.write() as tx:
                await grant(tx, self.deps.sessions, agent_id=made.id, site_id=site.id, role=role)
        return made.id

    async def conversation(self, site: Site, words: str = "Where is my parcel?") -> str:
        """A conversation in which a visitor said something."""
        visitor = await add_visitor(self.db, self.clock, site.id)
        async with self.db.write() as tx:
            row = await self.deps.conversations.start(
                tx, site_id=site.id, visitor_id=visitor.id, page_url="https://shop.example.com/cart"
            )
            await self.deps.conversations.post_visitor_message(tx, row, client_id="c1", text=words)
        return row.id

    async def count(self, model: type[Base]) -> int:
        """How many rows there are."""
        async with self.db.read() as tx:
            return int(await tx.scalar(select(func.count()).select_from(model)) or 0)

    async def holder(self, conversation_id: str) -> tuple[str, str | None]:
        """Who has it."""
        async with self.db.read() as tx:
            row = await tx.get_one(Conversation, conversation_id)
            return row.holder, row.holder_agent_id


def build(db: Database, clock: FakeClock, settings: Settings) -> ConsoleDeps:
    """Real parts; of the knowledge only words, because no model is loaded here."""
    hub = Hub()
    events, jobs = EventLog(hub, clock), JobQueue(hub, clock)
    conversations = Conversations(events, jobs, clock)
    tickets = Tickets(events, conversations, clock)
    sessions = Sessions(clock)
    agents = Agents(db, cheap_passwords(), sessions, clock)
    limiter = RateLimiter(clock)
    searcher = Searcher(db, None, None, FullText(settings.data_dir / "fulltext"), clock)
    files = FileStore(settings.data_dir / "files")
    sources = Sources(db, files, jobs, hub, settings, clock, "model")
    return ConsoleDeps(
        db=db,
        settings=settings,
        clock=clock,
        hub=hub,
        jobs=jobs,
        events=events,
        stopping=asyncio.Event(),
        assets=Assets(settings.data_dir / "no-build"),
        agents=agents,
        sessions=sessions,
        setup_code=SetupCode(db, agents, clock),
        doors=build_doors(db, Sealer(bytes(32)), agents, sessions, clock),
        sealer=Sealer(bytes(32)),
        mails=AccountMails(settings),
        throttle=LoginThrottle(limiter, settings.logins_per_5_minutes),
        limiter=limiter,
        attachments=Attachments(
            db,
            FileStore(settings.data_dir / "attachments"),
            clock,
            max_bytes=10_000_000,
            max_pixels=25_000_000,
        ),
        conversations=conversations,
        tickets=tickets,
        handoff=Handoff(db, conversations, tickets, embed, next_line(load_texts()), clock),
        sources=sources,
        faq=FaqEntries(db, sources, files),
        pages=Pages(db, sources, files),
        lifecycle=Lifecycle(db, hub, clock),
        versions=Versions(db, files, jobs, hub, clock),
        crawls=Crawls(db, jobs, hub, clock, Allowed()),
        install_check=InstallCheck(Outbound(), settings),
        asker=Asker(searcher, embed, None, settings, clock),
        searcher=searcher,
    )


@pytest.fixture
async def office(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Office]:
    """The console behind the guard on a real port, with two sites of two owners."""
    deps = build(db, clock, settings)
    app = FastAPI()
    app.include_router(console_router(deps))
    install_error_handlers(app, lost_page(deps))
    app.add_middleware(Guard, rules=GuardRules())
    office = Office(
        db, clock, deps, app, await add_site(db, clock, "Alpenglow"), await add_site(db, clock, "Other")
    )
    async with serving(app, proxy_headers=False) as office.base:
        yield office
        deps.stopping.set()


# ---------------------------------------------------------------- the door


async def test_signing_in_and_out(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.browser() as browser:
        refused = await browser.get("/console/inbox?view=team")
        assert refused.status_code == 303
        assert refused.headers["location"] == "/console/login?next=%2Fconsole%2Finbox%3Fview%3Dteam"
        answer = await browser.sign_in("Mara@example.com ")
        assert answer.status_code == 303
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("minidesk="))
        assert {"httponly", "samesite=lax", "path=/"} <= set(cookie.lower().split("; "))
        assert "secure" not in cookie.lower()
        page = await browser.get("/console/inbox")
        assert page.status_code == 200
        assert "Mara Lindt" in page.text
        assert page.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        out = await browser.post("/console/logout")
        assert out.status_code == 303
        assert (await browser.get("/console/inbox")).status_code == 303
    assert await office.count(AgentSession) == 0


async def test_over_https_the_cookie_is_bound_to_the_host(
    db: Database, clock: FakeClock, settings: Settings
) -> None:
    deps = build(db, clock, settings.model_copy(update={"public_url": "https://desk.example.com"}))
    app = FastAPI()
    app.include_router(console_router(deps))
    await deps.agents.create(email="mara@example.com", name="Mara", password=PASSWORD)
    async with serving(app) as base, httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client:
        page = await client.get("/console/login")
        door = page.headers["set-cookie"].split(";")[0]
        token = door.partition("=")[2]
        fields = {"csrf": token, "email": "mara@example.com", "password": PASSWORD}
        headers = {"Origin": "https://desk.example.com", "Cookie": door}
        answer = await client.post("/console/login", data=fields, headers=headers)
        assert answer.status_code == 303
        cookie = next(c for c in answer.headers.get_list("set-cookie") if "minidesk=" in c)
        assert cookie.startswith("__Host-minidesk=")
        assert {"Secure", "HttpOnly"} <= set(cookie.split("; "))
        elsewhere = await client.post("/console/login", data=fields, headers={**headers, "Origin": base})
        assert elsewhere.status_code == 403


@pytest.mark.parametrize(
    ("email", "password"), [("mara@example.com", "wrong password"), ("nobody@example.com", PASSWORD)]
)
async def test_a_wrong_sign_in_says_the_same_for_every_reason(
    office: Office, email: str, password: str
) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.browser() as browser:
        answer = await browser.sign_in(email, password)
    assert answer.status_code == 403
    assert "The e-mail address or the password is wrong." in answer.text
    assert f'value="{email}"' in answer.text
    assert await office.count(AgentSession) == 0


async def test_signing_in_is_throttled(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.browser() as browser:
        for _ in range(office.deps.settings.logins_per_5_minutes):
            assert (await browser.sign_in("mara@example.com", "wrong password")).status_code == 403
        answer = await browser.sign_in("mara@example.com")
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        office.clock.advance(minutes=6)
        assert (await browser.sign_in("mara@example.com")).status_code == 303


async def test_after_signing_in_one_stays_in_the_console(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    for wanted, reached in [
        ("/console/docs", "/console/docs"),
        ("//evil.example/x", "/console/inbox"),
        ("/console//evil.example", "/console//evil.example"),
        ("/console.evil.example", "/console/inbox"),
        ("/console\\@evil.example", "/console/inbox"),
    ]:
        async with office.browser() as browser:
            await browser.get("/console/login")
            answer = await browser.post(
                "/console/login", email="mara@example.com", password=PASSWORD, next=wanted
            )
            assert answer.headers["location"] == reached


async def test_the_first_agent_needs_the_code_and_there_is_only_one_first(office: Office) -> None:
    code = await office.deps.setup_code.make()
    assert code is not None
    async with office.browser() as browser:
        assert (await browser.get("/console/login")).headers["location"] == "/console/setup"
        await browser.get("/console/setup")
        fields = {"name": "Mara Lindt", "email": "mara@example.com"}
        wrong = await browser.post("/console/setup", code="0000-0000-0000-0000", password=PASSWORD, **fields)
        assert wrong.status_code == 403
        assert 'value="Mara Lindt"' in wrong.text
        short = await browser.post("/console/setup", code=code, password="short", **fields)
        assert short.status_code == 422
        assert "Choose a password of 10 to 200 characters." in short.text
        done = await browser.post("/console/setup", code=code, password=PASSWORD, **fields)
        assert done.status_code == 303
        assert (await browser.get("/console/docs")).status_code == 200
    async with office.browser() as late:
        assert (await late.get("/console/setup")).status_code == 404
        await late.get("/console/login")
        assert (await late.post("/console/setup", code=code, password=PASSWORD, **fields)).status_code == 404


# ---------------------------------------------------------------- forms and rights


def forms(conversation: str, source: str) -> list[tuple[str, dict[str, str]]]:
    """Every form of a signed-in agent, filled in."""
    talk = f"/console/conversations/{conversation}"
    return [
        (f"{talk}/say", {"text": "hello", "kind": "reply"}),
        (f"{talk}/say", {"text": "hello", "kind": "note"}),
        (f"{talk}/take-over", {}),
        (f"{talk}/hand-back", {}),
        (f"{talk}/solve", {}),
        (f"{talk}/reopen", {}),
        (f"{talk}/ticket", {"priority": "urgent", "team": ""}),
        (f"{talk}/snooze", {"until": "tomorrow"}),
        (f"{talk}/wake", {}),
        (f"{talk}/follow-up", {"day": "2026-03-09"}),
        (f"{talk}/merge", {"into": "tkt_1"}),
        (f"{talk}/spam", {"block_visitor": "yes"}),
        (f"{talk}/not-spam", {}),
        (f"{talk}/macro", {"macro": "can_1"}),
        (f"{talk}/wrong", {"message": "msg_1", "right": "Yes."}),
        (f"{talk}/article", {}),
        (f"{talk}/seen", {}),
        (f"{talk}/typing", {"writing": "yes"}),
        (f"/console/docs/{source}/delete", {}),
        (f"/console/docs/{source}/retry", {}),
        ("/console/docs/try", {"question": "Where is it?"}),
    ]


async def everything(db: Database) -> dict[str, list[Any]]:
    """All rows of all tables."""
    async with db.read() as tx:
        return {
            name: sorted(map(repr, await tx.execute(text(f'SELECT * FROM "{name}"'))))
            for name in Base.metadata.tables
        }


async def put_file(
    office: Office, site: Site, path: str = "returns.md", title: str = "Returns", chunk: str = "30 days."
) -> str:
    """A file that is ready, with one passage."""
    ids = {kind: new_id(kind) for kind in ("src", "doc", "ver", "chk")}
    now = office.clock()
    async with office.db.write() as tx:
        tx.add(
            Source(
                id=ids["src"],
                site_id=site.id,
                path=path,
                sha256="0" * 64,
                size=10,
                generation=1,
                status="ready",
                created_at=now,
                updated_at=now,
            )
        )
        await tx.flush()
        tx.add(
            Document(
                id=ids["doc"],
                site_id=site.id,
                source_id=ids["src"],
                external_id=path,
                title=title,
                url=None,
                status="ready",
                current_version_id=ids["ver"],
                created_at=now,
                updated_at=now,
            )
        )
        await tx.flush()
        tx.add(
            DocumentVersion(
                id=ids["ver"], document_id=ids["doc"], n=1, text=chunk, sha256="0" * 64, created_at=now
            )
        )
        await tx.flush()
        tx.add(
            Chunk(
                id=ids["chk"],
                site_id=site.id,
                document_id=ids["doc"],
                version_id=ids["ver"],
                ordinal=0,
                kind="text",
                heading_path=[title],
                question=title,
                phrasings=[],
                text=chunk,
                start=0,
                end=len(chunk),
                page=None,
            )
        )
    return ids["src"]


@pytest.mark.parametrize(
    "attack", ["no token", "another's token", "foreign origin", "null origin", "cross-site"]
)
async def test_a_form_that_is_not_ours_changes_nothing(office: Office, attack: str) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    conversation, source = await office.conversation(office.site), await put_file(office, office.site)
    async with office.at_work("mara@example.com") as browser:
        before = await everything(office.db)
        fields = {"csrf": {"no token": "", "another's token": "x" * 43}.get(attack, browser.csrf)}
        headers = {
            "foreign origin": {"Origin": "https://evil.example"},
            "null origin": {"Origin": "null"},
            "cross-site": {"Sec-Fetch-Site": "cross-site"},
        }.get(attack, {"Origin": office.base})
        for path, more in [
            *forms(conversation, source),
            ("/console/logout", {}),
            ("/console/site", {"site": office.site.id}),
        ]:
            answer = await browser.client.post(path, data={**more, **fields}, headers=headers)
            assert answer.status_code == 403, path
            part = await browser.client.post(path, data={**more, **fields}, headers={**headers, **PART})
            assert part.json()["error"]["code"] == "csrf_failed", path
        upload = await browser.client.post(
            "/console/docs/upload", data=fields, files={"files": ("a.md", b"# A")}, headers=headers
        )
        assert upload.status_code == 403
        assert await everything(office.db) == before


async def test_what_is_another_sites_is_not_there(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    theirs, source = (
        await office.conversation(office.other, "Their secret words"),
        await put_file(office, office.other, "secret.md"),
    )
    await office.deps.handoff.hand_off(theirs, "customer_request")
    async with office.at_work("mara@example.com") as browser:
        before = await everything(office.db)
        talk = f"/console/conversations/{theirs}"
        pages = [
            talk,
            f"{talk}/live",
            f"{talk}/messages",
            f"{talk}/events",
            f"/console/docs/{source}",
            "/console/docs/open?document=secret.md",
        ]
        pages += [f"/console/inbox/list?site={office.other.id}", f"/console/events?site={office.other.id}"]
        missing = await browser.client.get(talk.replace(theirs, "cnv_missing"), headers=PART)
        for path in pages:
            answer = await browser.client.get(path, headers=PART)
            assert answer.status_code == 404, path
            assert answer.json()["error"]["message"] == missing.json()["error"]["message"]
        for path, fields in forms(theirs, source)[:-1]:
            assert (await browser.post(path, **fields)).status_code == 404, path
        assert (await browser.post("/console/site", site=office.other.id)).status_code == 404
        for path in ("/console/inbox?view=open", "/console/docs"):
            page = await browser.get(path)
            assert "secret" not in page.text
        assert await everything(office.db) == before


async def test_an_agent_without_a_site_sees_nothing(office: Office) -> None:
    await office.agent("lost@example.com", None)
    conversation = await office.conversation(office.site)
    async with office.at_work("lost@example.com") as browser:
        for path in (
            "/console/inbox",
            "/console/docs",
            f"/console/conversations/{conversation}",
            "/console/events",
        ):
            page = await browser.get(path)
            assert page.status_code == 404, path
            assert "Alpenglow" not in page.text
        assert "You are not a member of any site yet." in (await browser.get("/console/inbox")).text


async def test_a_suspended_agent_is_out_at_once_and_their_stream_ends(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    agent_id = await office.agent("mara@example.com", office.site)
    async with (
        office.at_work("mara@example.com") as browser,
        browser.client.stream("GET", "/console/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        await office.deps.agents.disable(agent_id)
        async with asyncio.timeout(30):
            assert [line async for line in lines if line.startswith("event")] == []
        assert (await browser.get("/console/inbox")).status_code == 303


async def test_only_editors_change_documents(office: Office) -> None:
    await office.agent("agent@example.com", office.site, "agent")
    await office.agent("editor@example.com", office.site, "editor")
    source = await put_file(office, office.site)
    async with office.at_work("agent@example.com") as browser:
        assert "Choose files" not in (await browser.get("/console/docs")).text
        refused = await browser.post(f"/console/docs/{source}/delete")
        assert refused.status_code == 403
        files = {"files": ("a.md", b"# A\n\nText.", "text/markdown")}
        headers = {"Origin": office.base, "X-CSRF-Token": browser.csrf, **PART}
        assert (
            await browser.client.post("/console/docs/upload", files=files, headers=headers)
        ).status_code == 403
    assert await office.count(Job) == 0
    async with office.at_work("editor@example.com") as browser:
        assert "Choose files" in (await browser.get("/console/docs")).text
        assert (await browser.post(f"/console/docs/{source}/delete")).status_code == 303
    assert await office.count(Source) == 0


async def test_a_lost_browser_gets_a_page_and_a_program_the_error_body(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    person = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    elsewhere = await office.conversation(office.other)
    async with office.at_work("mara@example.com") as inside, office.browser() as outside:
        for path in ("/console/nonsense", "/console/docs/documents/a/b/c", "/console/logout"):
            for browser in (inside, outside):
                page = await browser.get(path, headers=person)
                assert page.status_code == (405 if path.endswith("logout") else 404), path
                assert page.headers["content-type"].startswith("text/html"), path
                assert '<a class="button" href="/console/inbox">To the inbox</a>' in page.text
                assert page.headers["cache-control"] == "no-store"
                told = await browser.get(path, headers={"Accept": "application/json"})
                assert told.json()["error"]["code"] in ("not_found", "method_not_allowed"), path
        part = await inside.get("/console/nonsense", headers={**person, **PART})
        assert part.json()["error"]["code"] == "not_found"
        # What is somebody else's says the same as what there is not.
        theirs = await inside.get(f"/console/conversations/{elsewhere}", headers=person)
        nobodys = await inside.get("/console/conversations/con_none", headers=person)
        no_such = await inside.get("/console/nonsense", headers=person)
        words = [
            re.sub(r"<span class=\"mono\">.*?</span>", "", each.text) for each in (theirs, nobodys, no_such)
        ]
        assert words[0] == words[1] == words[2]
        german = await outside.get("/console/nonsense", headers={**person, "Accept-Language": "de"})
        assert "Hier ist nichts" in german.text
        assert (await outside.get("/elsewhere", headers=person)).json()["error"]["code"] == "not_found"


async def test_whom_a_note_can_name(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await office.agent("ben@example.com", office.site, "admin", name="Ben Okafor")
    await office.agent("eve@example.com", office.other, name="Eve Elsewhere")
    conversation = await office.conversation(office.site)
    async with office.at_work("mara@example.com") as mara, office.at_work("eve@example.com") as eve:
        path = f"/console/conversations/{conversation}/people"
        assert (await mara.get(path)).json() == {"people": [{"name": "Ben Okafor", "about": "Administrator"}]}
        assert (await eve.get(path)).status_code == 404


async def test_no_page_changes_anything_by_being_read(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "admin")
    conversation, source = await office.conversation(office.site), await put_file(office, office.site)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    crawl = await office.deps.crawls.order(site_id=office.site.id, url="shop.example", kind="page")
    hook = WebhookEndpoint(
        id=new_id("whe"), site_id=office.site.id, url="https://hooks.example.com/", events=["ticket.created"],
        sealed=new_secret(), state="on", created_at=office.clock(),
    )  # fmt: skip
    async with office.db.write() as tx:
        tx.add(hook)
        actor = Actor("agent", mara, "Mara Lindt")
        email, doors = "new@example.com", office.deps.doors
        invited = await doors.invitations.make(
            tx, actor, site_id=office.site.id, email=email, role="agent", sites=()
        )
        await doors.factors.begin(tx, mara)
    reset = await doors.resets.ask("mara@example.com")
    assert reset is not None

    async def words() -> AsyncIterator[bytes]:
        yield b"words"

    file = await office.deps.attachments.take(
        site_id=office.site.id, author="agent", owner_id=mara, sent=Sent("a.txt", "", words())
    )
    async with office.db.write() as tx:
        (await tx.get_one(Attachment, file.id)).conversation_id = conversation
    gap = Correction(
        id=new_id("cor"), site_id=office.site.id, conversation_id=conversation, kind="article", question="Boots?",
        given="", right="Yes.", created_at=office.clock(),
    )  # fmt: skip
    async with office.db.write() as tx:
        tx.add(gap)
        saved = await save_search(
            tx, office.site.id, mara, name="Parcels", query="q=parcel", now=office.clock()
        )
    async with office.at_work("mara@example.com") as browser:
        before = await everything(office.db)
        paths = [
            route.path
            for route in console_router(office.deps).routes
            if isinstance(route, APIRoute) and "GET" in (route.methods or ())
        ]
        assert len(paths) > 10
        for path in paths:
            filled = path.format(
                conversation_id=conversation, source_id=source, crawl_id=crawl.id, endpoint_id=hook.id,
                agent_id=mara, token=invited.token, reset=reset.token, gap_id=gap.id, attachment_id=file.id,
                saved_id=saved,
            )  # fmt: skip
            async with browser.client.stream("GET", filled) as answer:
                assert answer.status_code in (200, 303, 404), path
                await anext(answer.aiter_raw(), b"")
        assert await everything(office.db) == before


# ---------------------------------------------------------------- work


async def test_two_agents_take_over_and_one_is_told_who_was_first(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, name="Mara Lindt")
    ben = await office.agent("ben@example.com", office.site, name="Ben Okafor")
    conversation = await office.conversation(office.site)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    path = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as one, office.at_work("ben@example.com") as two:
        answers = await asyncio.gather(one.part(f"{path}/take-over"), two.part(f"{path}/take-over"))
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        won = [answer.status_code for answer in answers].index(204)
        loser, name, winner = (two, "Mara Lindt", mara) if won == 0 else (one, "Ben Okafor", ben)
        assert await office.holder(conversation) == ("agent", winner)
        page = await loser.post(f"{path}/say", text="my draft <b>", kind="reply")
        assert page.status_code == 409
        assert f"{name} is on this conversation." in page.text
        assert "my draft &lt;b&gt;</textarea>" in page.text
        async with office.db.read() as tx:
            assert "my draft <b>" not in [m.text for m in await tx.scalars(select(Message))]


async def test_an_answer_reaches_the_visitor_once_and_a_note_never(office: Office) -> None:
    agent_id = await office.agent("mara@example.com", office.site)
    conversation = await office.conversation(office.site)
    path = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        for _ in range(2):
            sent = await browser.part(f"{path}/say", text="It left today.", kind="reply", client_id="same")
            assert sent.status_code == 204
        assert (await browser.part(f"{path}/say", text="Be kind.", kind="note")).status_code == 204
        empty = await browser.part(f"{path}/say", text="  ", kind="reply")
        assert empty.json()["error"]["code"] == "text_missing"
        page = (await browser.get(path)).text
        assert page.count("<p>It left today.</p>") == 1
        assert "Note to the team, You" in page
        assert await office.holder(conversation) == ("agent", agent_id)
        assert (await browser.post(f"{path}/solve")).status_code == 303
        assert "Reopen" in (await browser.get(path)).text
    async with office.db.read() as tx:
        seen = await office.deps.events.after(tx, conversation, 0, audience="all")
        assert await tx.scalar(select(Ticket.status)) == "solved"
    assert [e.data["text"] for e in seen if e.type == "message"] == ["Where is my parcel?", "It left today."]


async def test_why_a_priority_is_what_it_is_in_words_of_the_page(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    plain = await office.conversation(office.site)
    pressing = await office.conversation(office.site, "Where is my parcel? I need it by Friday.")
    for one in (plain, pressing):
        await office.deps.handoff.hand_off(one, "customer_request")
    german = {"Accept-Language": "de"}
    async with office.at_work("mara@example.com") as browser:
        path = f"/console/conversations/{plain}"
        assert (
            "<dt>Why</dt>" not in (await browser.get(path)).text
        )  # nothing asks for more: no sentence about it
        assert (await browser.part(f"{path}/ticket", priority="high")).status_code == 204
        assert "set by an agent" in (await browser.get(path)).text
        assert "von einem Menschen gesetzt" in (await browser.get(path, headers=german)).text
        said = await browser.get(f"/console/conversations/{pressing}")
        assert "High: speaks of a deadline" in said.text
        quoted = await browser.get(f"/console/conversations/{pressing}", headers=german)
        assert "“by Friday”</a>" in quoted.text
        assert "speaks of" not in quoted.text


async def test_team_and_priority_are_chosen_in_the_panel(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    team = await add_team(office.db, office.clock, office.site.id, "Returns")
    foreign = await add_team(office.db, office.clock, office.other.id, "Theirs")
    conversation = await office.conversation(office.site)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    path = f"/console/conversations/{conversation}/ticket"
    async with office.at_work("mara@example.com") as browser:
        assert (await browser.part(path, team=team.id, priority="urgent")).status_code == 204
        assert (await browser.part(path, team=foreign.id, priority="low")).status_code == 422
        assert (await browser.part(path, team=team.id, priority="huge")).status_code == 422
        page = await browser.get("/console/inbox?view=open")
        assert re.search(r'class="tag alarm"[^>]*>urgent<', page.text)
    async with office.db.read() as tx:
        ticket = (await tx.scalars(select(Ticket))).one()
    assert (ticket.team_id, ticket.priority) == (team.id, "urgent")


async def test_the_views_count_and_say_what_is_late(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    late, fresh = (
        await office.conversation(office.site, "The late one"),
        await office.conversation(office.site, "The fresh one"),
    )
    await office.conversation(office.site, "The easy one")
    for conversation in (late, fresh):
        await office.deps.handoff.hand_off(conversation, "missing_knowledge")
    async with office.db.write() as tx:
        for conversation, minutes in ((late, -1), (fresh, 8)):
            due = office.clock() + timedelta(minutes=minutes)
            await tx.execute(
                update(Ticket).where(Ticket.conversation_id == conversation).values(response_due_at=due)
            )
    async with office.at_work("mara@example.com") as browser:
        page = (
            await browser.get("/console/inbox")
        ).text  # nothing of one's own yet: it opens with what waits
        assert re.search(r'aria-current="page">Unassigned <b>2</b>', page)
        assert re.search(r'class="tag alarm"[^>]*>overdue<', page)
        assert re.search(r'class="tag wait"[^>]*>due 8 min<', page)
        assert "<title>(2) " in page
        part = (await browser.get("/console/inbox/list?view=assistant")).text
        assert "The easy one" in part
        assert "The late one" not in part
        assert "<html" not in part
        assert "Nothing solved yet" in (await browser.get("/console/inbox?view=solved")).text


async def test_streams_say_that_something_changed_and_replay_from_where_one_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    agent_id = await office.agent("mara@example.com", office.site)
    conversation = await office.conversation(office.site)
    path = f"/console/conversations/{conversation}/events"

    async def ids(stream: httpx.Response, last: int) -> list[int]:
        found: list[int] = []
        async with asyncio.timeout(10):
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    found.append(int(line[4:]))
                    if found[-1] == last:
                        break
        return found

    async with office.at_work("mara@example.com") as browser:
        async with browser.client.stream("GET", "/console/events") as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            async with office.db.write() as tx:
                await office.deps.conversations.post_note(tx, conversation, agent_id=agent_id, text="a note")
            async with asyncio.timeout(10):
                async for line in lines:
                    if line == "event: changed":
                        break
        async with browser.client.stream("GET", path) as stream:
            assert await ids(stream, 2) == [1, 2]
        for headers, query in (
            ({"Last-Event-ID": "1"}, ""),
            ({}, "?after=1"),
            ({"Last-Event-ID": "1"}, "?after=0"),
        ):
            async with browser.client.stream("GET", path + query, headers=headers) as stream:
                assert await ids(stream, 2) == [2]
        async with browser.client.stream(
            "GET", path, headers={"Last-Event-ID": "1; DROP TABLE events"}
        ) as stream:
            assert await ids(stream, 2) == [1, 2]


# ---------------------------------------------------------------- documents


async def test_pages_of_the_web_are_ordered_and_their_log_is_read(office: Office) -> None:
    await office.agent("agent@example.com", office.site, "agent")
    await office.agent("editor@example.com", office.site, "editor")
    await office.agent("stranger@example.com", office.other, "editor")
    fields = {"url": "shop.example/help", "whole": "yes", "every": "24"}
    async with office.at_work("agent@example.com") as browser:
        assert "Add a web page or site" not in (await browser.get("/console/docs")).text
        assert (await browser.post("/console/docs/crawls", **fields)).status_code == 403
    async with office.at_work("editor@example.com") as browser:
        assert "Add a web page or site" in (await browser.get("/console/docs")).text
        for url in ("http://127.0.0.1/", "ftp://shop.example/", "no address"):
            assert (await browser.post("/console/docs/crawls", **{**fields, "url": url})).status_code == 422
        assert (await browser.post("/console/docs/crawls", csrf="wrong", **fields)).status_code == 403
        assert await office.count(Job) == 0
        ordered = await browser.post("/console/docs/crawls", **fields)
        log = ordered.headers["location"]
        page = (await browser.get(log)).text
        assert "https://shop.example/help" in page
        assert "queued" in page
        (job,) = await jobs_of(office)
        async with office.db.write() as tx:
            crawl = await tx.get_one(Crawl, job.payload["crawl_id"])
            tx.add(
                CrawlPage(
                    id="cpg_1", crawl_id=crawl.id, site_id=crawl.site_id, url="https://shop.example/<b>x", status="failed",
                    reason="<script>alert(1)</script>", links=[], failures=0, checked_at=office.clock(),
                )
            )  # fmt: skip
            await finish_run(
                tx, JobQueue(office.deps.hub, office.clock), crawl, "done", "1 failed.", office.clock()
            )
        page = (await browser.get(log)).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "1 failed." in page
        assert "next on 2026-03-03 10:00 UTC" in page
        assert log in (await browser.get("/console/docs")).text
        assert (await browser.post(f"{log}/again")).status_code == 303
        assert (await browser.get(log)).text.count("queued") > 0
    async with office.at_work("stranger@example.com") as browser:
        assert (await browser.get(log)).status_code == 404
        assert (await browser.post(f"{log}/again")).status_code == 404
        assert (await browser.post(f"{log}/remove")).status_code == 404
    async with office.at_work("editor@example.com") as browser:
        await browser.get(log)
        assert (await browser.post(f"{log}/remove")).status_code == 303
        assert (await browser.get(log)).status_code == 404
    assert await office.count(CrawlPage) == 0


async def jobs_of(office: Office) -> Sequence[Job]:
    """All jobs that wait."""
    async with office.db.read() as tx:
        return (await tx.scalars(select(Job))).all()


async def test_uploads_become_jobs_and_what_cannot_is_said(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    async with office.at_work("mara@example.com") as browser:
        headers = {"Origin": office.base, "X-CSRF-Token": browser.csrf, **PART}
        stored = await browser.client.post(
            "/console/docs/upload",
            files={"files": ("../../returns.md", b"# Returns\n\n30 days.")},
            headers=headers,
        )
        assert stored.status_code == 204
        refused = await browser.client.post(
            "/console/docs/upload", files={"files": ("run.exe", b"MZ")}, headers=headers
        )
        assert refused.status_code == 415
        assert refused.json()["error"]["message"]
        none = await browser.client.post(
            "/console/docs/upload", data={"csrf": browser.csrf}, headers={"Origin": office.base, **PART}
        )
        assert none.status_code == 422
        both = [("files", ("a.md", b"# A\n\nText.")), ("files", ("b.exe", b"MZ"))]
        plain = await browser.client.post(
            "/console/docs/upload", data={"csrf": browser.csrf}, files=both, headers={"Origin": office.base}
        )
        assert plain.status_code == 415
        assert "b.exe: " in plain.text
        page = (await browser.get("/console/docs")).text
        assert "returns.md" in page
        assert ">queued<" in page
        assert "../" not in page
        assert "2 files" in page
        found = (await browser.get("/console/docs?q=RETURNS")).text
        assert "a.md" not in found
        assert "Nothing found" in (await browser.get("/console/docs?q=zzz")).text
    async with office.db.read() as tx:
        jobs = [(job.queue, job.kind) for job in await tx.scalars(select(Job))]
    assert jobs == [("background", "ingest")] * 2


async def test_a_question_can_be_tried_without_leaving_a_trace(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await put_file(office, office.site)
    async with office.at_work("mara@example.com") as browser:
        before = await everything(office.db)
        page = await browser.post("/console/docs/try", question="I want to talk to a person")
        assert page.status_code == 200
        assert "Handed to a person" in page.text
        assert "the visitor asked for a person" in page.text
        assert await everything(office.db) == before


# ---------------------------------------------------------------- what comes from outside


def dangers(html: str) -> list[str]:
    """What a browser would run or fetch, in a page of ours that has none of it."""
    found = re.findall(r"<(?:script|img|svg|iframe|object|embed|style)\b[^>]*>", html, re.IGNORECASE)
    found = [tag for tag in found if not tag.startswith('<svg class="icon"')]
    tags = re.findall(r"<[a-zA-Z][^<>]*>", re.sub(r'"[^"]*"', '""', html))
    found += [tag for tag in tags if re.search(r"\son\w+\s*=|\sstyle\s*=", tag)]
    return found + re.findall(r'(?:href|src|action)="(?:javascript|data:[^,])[^"]*"', html)


def test_the_check_itself() -> None:
    assert dangers('<a href="javascript:x">') == ['href="javascript:x"']
    assert dangers("<b onclick=x>")
    assert dangers('<img src="x">') == ['<img src="x">']
    assert dangers('<a title="&lt;img onerror=x&gt;">x</a>') == []


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_text_from_outside_cannot_act(office: Office, payload: str) -> None:
    agent_id = await office.agent("mara@example.com", office.site, "admin", name=f"Mara {payload}"[:120])
    conversation = await office.conversation(office.site, f"{payload} in a message, order 20431")
    await add_team(office.db, office.clock, office.site.id, payload)
    async with office.db.write() as tx:
        await tx.execute(update(Site).where(Site.id == office.site.id).values(name=payload))
        await tx.execute(update(Visitor).values(name=payload, email=payload, browser=payload))
        await tx.execute(
            update(Conversation).values(page_url=f"https://shop.example.com/{payload}", page_title=payload)
        )
        reply_to = await tx.scalar(select(Message.id))
        handle = await office.deps.conversations.begin_answer(tx, reply_to=str(reply_to))
        draft = CitationDraft(1, "chk", "doc", "ver", payload, payload, "javascript:alert(8)", payload, 0, 5)
        await office.deps.conversations.append_sentence(
            tx, handle, AnswerPart(f"{payload} in an answer.", (draft,))
        )
        await office.deps.conversations.finish_answer(tx, handle, AnswerEnd("reply", score=0.9, ms=5))
    ticket = await office.deps.handoff.hand_off(conversation, "customer_request")
    async with office.db.write() as tx:
        await office.deps.conversations.post_note(tx, conversation, agent_id=agent_id, text=payload)
        await office.deps.tickets.reply(tx, ticket.id, agent_id=agent_id, text=payload)
        values = {
            "subject": payload,
            "summary": f"Issue: “{payload}”\nWants: {payload}",
            "priority_why": payload,
        }
        await tx.execute(update(Ticket).values(**values))
    source = await put_file(office, office.site, path=payload, title=payload, chunk=payload)
    async with office.db.write() as tx:
        await tx.execute(update(Source).values(status="failed", reason=payload))
    async with office.at_work("mara@example.com") as browser:
        talk = f"/console/conversations/{conversation}"
        paths = [
            "/console/inbox?view=mine",
            "/console/inbox?view=open",
            talk,
            f"{talk}/live",
            f"{talk}/messages",
            "/console/docs",
            f"/console/docs/{source}",
        ]
        for path in paths:
            page = await browser.get(path)
            assert page.status_code == 200, path
            assert dangers(page.text) == [], path
            assert "982007569" not in page.text, path  # the product: a template that ran
        failed = await browser.post(f"{talk}/say", text=payload * 5000, kind="reply")
        assert failed.status_code == 422
        assert dangers(failed.text) == []
        tried = await browser.post("/console/docs/try", question=payload)
        assert dangers(tried.text) == []
        found = await browser.get("/console/docs", params={"q": payload})
        assert dangers(found.text) == []
        door = await browser.client.post(
            "/console/login",
            data={
                "csrf": browser.client.cookies.get("minidesk_door", ""),
                "email": payload,
                "password": payload,
            },
            headers={"Origin": office.base},
        )
        assert dangers(door.text) == []
