"""Every route of the application × every kind of caller, by one reviewed table, authorisation.toml (T12).

The routes are read from the application as it is served: one that is new and has no row in the table fails here. All
ids in the paths are of real objects of one site; a second site has the same objects, so that what its people may do at
home is told from what they may do to the first one's.
"""

import hashlib
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.rows import add_agent, add_site, add_team

from minidesk.accounts import SCOPES, create_api_key, revoke_api_key
from minidesk.app import create_app
from minidesk.db import Database
from minidesk.db.models import (
    Agent,
    AgentSession,
    ApiKey,
    Attachment,
    Base,
    Block,
    CannedReply,
    Chunk,
    Citation,
    Conversation,
    Correction,
    Crawl,
    Document,
    DocumentVersion,
    Experiment,
    IdentityKey,
    Invitation,
    Membership,
    Message,
    Overlap,
    PromptVersion,
    RoutingRule,
    SavedSearch,
    SentMail,
    ServicePolicy,
    Site,
    Source,
    Ticket,
    WebhookDelivery,
    WebhookEndpoint,
    new_id,
)
from minidesk.files import FileStore
from minidesk.settings import Settings
from minidesk.sites import Visitors
from minidesk.wiring import Desk, open_core, open_desk

TABLE = Path(__file__).parent / "authorisation.toml"
ROLES = ("agent", "editor", "admin")
# Stands in every text of the first site, and nowhere else: no answer to a foreign or refused caller may hold it.
MARK = "Quokka"
FILE = hashlib.sha256(b"-").hexdigest()
# What takes away an object that other calls need; and what ends the caller. Sent after all others, in this order.
TAKES = re.compile(r"DELETE .*|.*/(delete|remove|revoke|suspend|solve|spam|merge|end-others|sign-out|off)")
LEAVES = re.compile(r".*/(logout|session/end)")
# Written down whenever a key is presented, whatever it may do.
SEEN = {("api_keys", "last_used_at")}
# Where there is no model here, 503 says so.
MODELS = {"/console/docs/try"}
# What a site calls by names of its own: the same name in another site is another thing.
NAMED = re.compile(r"\{(rule_key|rule_id|policy_key|policy_id|external_id:path|number)\}")
# What comes with a call, where it is refused for a body that makes no sense before anything is looked up.
SENT: dict[str, dict[str, Any]] = {
    "POST /api/widget/v1/conversations/{id}/messages": {"client_id": "c9", "text": "Hello"},
    "POST /api/widget/v1/conversations/{id}/transcript/mail": {"address": "a@example.com"},
    "POST /api/widget/v1/conversations/{id}/address": {"client_id": "c8", "address": "a@example.com"},
    "POST /api/widget/v1/conversations/{id}/rating": {"rating": 5},
    "POST /api/widget/v1/messages/{id}/feedback": {"helpful": True},
    "POST /v1/chat/completions": {"model": "minidesk", "messages": [{"role": "user", "content": "Hello"}]},
    "PUT /api/v1/teams/{team_id}": {"name": "Team"},
    "POST /console/docs/{source_id}/entry": {"question": "How long?", "answer": "Two weeks."},
    "GET /console/docs/{source_id}/versions": {"document": "faq.md"},
    "GET /console/docs/open": {"document": "faq.md"},
}
# Fields of the console's forms and addresses that take an id or a word, with what of the first site is put there.
FIELDS = {
    "team": "team_id", "then_team": "team_id", "team_is": "team_id", "assignee": "agent_id", "agent": "agent_id",
    "member": "agent_id", "source": "source_id", "document": "document", "message": "messages id",
    "macro": "canned_id", "canned": "canned_id", "site": "site", "chosen": "conversation_id", "into": "ticket",
    "crawl": "crawl_id", "saved": "saved_id", "session": "session_id", "file": "unsent", "files": "unsent",
    "attachments": "unsent", "conversation": "conversation_id", "experiment": "experiment_id",
}  # fmt: skip
WORDS = {
    "name": "A name", "text": "Some words", "question": "How long?", "answer": "Two weeks.", "tag": "boots",
    "do": "assign", "client_id": "c7", "priority": "high", "role": "agent", "email": "b@example.com",
    "right": "Three weeks.", "first_minutes": "5", "giving": "taken", "claim_minutes": "5",
}  # fmt: skip
# Reads that say 404 to who may: where there is nothing, or where the installation has no such part.
EMPTY = {
    "GET /widget/{key}/logo/{version}",
    "GET /static/dist/{path:path}",
    "HEAD /static/dist/{path:path}",
    "GET /widget.js",  # both need the built front end
    "HEAD /widget.js",
    "GET /widget/{key}",
    "GET /widget/plain.css",
    "GET /console/conversations/{conversation_id}/suggested",  # no model
    "GET /console/docs/{source_id}/entry",  # a file, and no entry
    "GET /api/widget/v1/conversations/{id}/agent",  # nobody has taken it over yet
}


@dataclass(frozen=True, slots=True)
class Call:
    """A route with a method, and who may."""

    method: str
    path: str
    may: str

    def __str__(self) -> str:
        """As the table writes it."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks. `kind`: a key of the table, or why they are nobody; `home`: their site."""

    name: str
    kind: str
    home: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    owns: str = ""  # the site of whose objects theirs is what belongs to one person
    scoped: dict[str, dict[str, str]] = field(default_factory=dict)  # another key for routes of a scope
    lacks: bool = False  # the key has not the scope that a route asks for

    def may(self, call: Call, site_id: str) -> bool:
        """Whether the table lets them, with ids of this site in the path."""
        here = self.home == site_id or "{" not in NAMED.sub("", call.path)
        if call.may in ("all", "secret"):
            return True
        if call.may == "password":
            return False
        if call.may == "visitor":
            return self.kind == "visitor"
        if call.may == "owner":
            return self.kind == "visitor" and self.owns == site_id
        if call.may == "mine":
            return self.kind in ROLES and self.owns == site_id
        if call.may in ROLES:
            return self.kind in ROLES and ROLES.index(self.kind) >= ROLES.index(call.may) and here
        return self.kind == "key" and here and (not self.lacks or call.may == "key any")


@dataclass
class World:
    """Two sites with the same objects, and everybody who calls."""

    db: Database
    site: Site
    calls: list[Call]
    unknown: list[str]  # routes without a row, and rows without a route
    objects: dict[str, dict[str, str]]  # by site: what stands for each parameter of a path
    callers: list[Caller]
    http: httpx.AsyncClient

    def path(self, call: Call, site_id: str | None = None) -> str:
        """The path with a site's ids."""
        known = self.objects[site_id or self.site.id]
        kind = call.path.split("/")[4] if call.path.startswith("/api/widget/v1/") else ""
        return re.sub(
            r"\{(\w+)(:path)?\}",
            lambda found: known.get(f"{kind} {found[1]}") or known[_special(call, found[1])],
            call.path,
        )

    async def send(
        self, caller: Caller, call: Call, sent: dict[str, Any] | None = None, site_id: str | None = None
    ) -> tuple[int, str, str]:
        """The status, where it leads to, and the text; a stream is closed as soon as it is open."""
        path = self.path(call, site_id)
        headers = dict(caller.scoped.get(call.may, caller.headers))
        sent = SENT.get(str(call), {}) if sent is None else sent
        more: dict[str, Any] = {}
        if call.method in ("GET", "HEAD", "OPTIONS"):
            more["params"] = sent
        elif path.startswith(("/console", "/widget")):
            headers["Origin"] = str(self.http.base_url).rstrip("/")
            more["data"] = {"csrf": caller.csrf, **sent}
        else:
            more["json"] = sent
        self.http.cookies.clear()
        async with self.http.stream(call.method, path, headers=headers, **more) as answer:
            streams = answer.headers.get("content-type", "").startswith("text/event-stream")
            words = "" if streams else (await answer.aread()).decode(errors="replace")
            return answer.status_code, answer.headers.get("location", ""), words

    async def rows(self) -> dict[str, set[tuple[str, ...]]]:
        """All that is stored, by table."""
        found = {}
        async with self.db.read() as tx:
            for table in Base.metadata.sorted_tables:
                columns = [each for each in table.columns if (table.name, each.name) not in SEEN]
                found[table.name] = {tuple(map(repr, row)) for row in await tx.execute(select(*columns))}
        return found


def _special(call: Call, name: str) -> str:
    return "identity_key" if name == "key_id" and call.path.startswith("/console/identity") else name


def routes_of(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Every method with its path, those of included routers too."""

    def flat(routes: Any) -> Iterator[Any]:
        for route in routes:
            inner = getattr(route, "effective_route_contexts", None)
            if inner is None:
                yield route
            else:
                yield from flat(inner())

    for route in flat(app.routes):
        methods = getattr(route, "methods", None)
        assert methods, f"{route!r} is no route with methods: this test does not see what it serves"
        for method in sorted(methods):
            yield method, str(route.path)


def read_table(path: Path) -> dict[str, list[str]]:
    """Rows by who may."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    keys = {f"key {scope}": rows for scope, rows in table.pop("key").items()}
    return table | keys


def matches(row: str, method: str, path: str) -> bool:
    """Whether a row names the route."""
    methods, _, pattern = row.partition(" ")
    start = pattern.removesuffix("/**")
    below = start != pattern and (path == start or path.startswith(start + "/"))
    return method in methods.split("|") and (path == pattern or below)


def calls_of(app: FastAPI) -> tuple[list[Call], list[str]]:
    """The routes with who may; and where table and routes do not agree."""
    table, used, calls, problems = read_table(TABLE), set(), [], []
    for method, path in routes_of(app):
        rows = [(who, row) for who, rows in table.items() for row in rows if matches(row, method, path)]
        used |= set(rows)
        if len(rows) == 1:
            calls.append(Call(method, path, rows[0][0]))
        else:
            problems.append(f"{method} {path} has {len(rows)} rows in {TABLE.name}; it needs one")
    every = {(who, row) for who, rows in table.items() for row in rows}
    problems += [f"no route for: {who}: {row}" for who, row in sorted(every - used)]
    return calls, problems


async def add_objects(db: Database, clock: FakeClock, site: Site, owner: str, word: str) -> dict[str, str]:
    """One of everything that a path can name; `owner` is the visitor. `word` stands in every text."""
    now, own = clock(), site.id
    colleague = await add_agent(db, clock, own, f"{word} Weber")
    mine = await add_agent(db, clock, own, "Mara Lindt")
    team = await add_team(db, clock, own, f"{word} team")
    conversation = Conversation(
        id=new_id("cnv"), site_id=own, visitor_id=owner, holder="queue", last_seq=2, created_at=now,
        last_message_at=now,
    )  # fmt: skip
    said = Message(
        id=new_id("msg"), conversation_id=conversation.id, seq=1, author="visitor", text=word, created_at=now
    )
    answer = Message(
        id=new_id("msg"), conversation_id=conversation.id, seq=2, author="assistant", text=word,
        outcome="reply", reply_to=said.id, created_at=now,
    )  # fmt: skip
    source = Source(
        id=new_id("src"), site_id=own, path="faq.md", kind="file", sha256="0" * 64, size=1, status="ready",
        created_at=now, updated_at=now,
    )  # fmt: skip
    twin = Source(
        id=new_id("src"), site_id=own, path="twin.md", kind="file", sha256="0" * 64, size=1, status="ready",
        created_at=now, updated_at=now,
    )  # fmt: skip
    documents = [
        Document(
            id=new_id("doc"), site_id=own, source_id=each.id, external_id=each.path, title=word,
            status="ready", created_at=now, updated_at=now,
        )
        for each in (source, twin)
    ]  # fmt: skip
    version = DocumentVersion(
        id=new_id("ver"), document_id=documents[0].id, n=1, text=word, sha256="0" * 64, created_at=now
    )
    documents[0].current_version_id = version.id
    chunk = Chunk(
        id=new_id("chk"), site_id=own, document_id=documents[0].id, version_id=version.id, ordinal=0,
        kind="text", heading_path=[], text=word, start=0, end=len(word),
    )  # fmt: skip
    cited = Citation(
        id=new_id("cit"), message_id=answer.id, n=1, chunk_id=chunk.id, document_id=documents[0].id,
        version_id=version.id, document="faq.md", title=word, quote=word, start=0, end=len(word),
    )  # fmt: skip
    files = [
        Attachment(
            id=new_id("att"), site_id=own, author="visitor", owner_id=owner, conversation_id=of, message_id=to,
            position=0, name=f"{word}.txt", declared_type="text/plain", type="text/plain", size=1,
            sha256=FILE, created_at=now,
        )
        for of, to in ((conversation.id, said.id), (None, None))
    ]  # fmt: skip
    ticket = Ticket(
        id=new_id("tkt"), site_id=own, conversation_id=conversation.id, number=1, status="open",
        reason="asked", subject=word, summary=word, evidence=[], entities=[], priority="normal",
        priority_why="", sentiment="calm", created_at=now, updated_at=now,
    )  # fmt: skip
    endpoint = WebhookEndpoint(
        id=new_id("whk"), site_id=own, url=f"https://{word.lower()}.example.com/", events=["ticket.created"],
        sealed="-", state="on", created_at=now,
    )  # fmt: skip
    delivery = WebhookDelivery(
        id=new_id("dlv"), endpoint_id=endpoint.id, event="ticket.created", body="{}", state="failed",
        round=1, round_tries=1, tries=1, created_at=now,
    )  # fmt: skip
    crawl = Crawl(
        id=new_id("crl"), site_id=own, url=f"https://{word.lower()}.example.com/", kind="crawl",
        status="done", created_at=now,
    )  # fmt: skip
    others: list[Any] = [
        RoutingRule(
            id=new_id("rul"), site_id=own, key="first", name=word, position=0, enabled=True, match="all",
            conditions=[], effect={}, created_at=now, updated_at=now,
        ),
        ServicePolicy(
            id=new_id("pol"), site_id=own, key="first", name=word, first_minutes=60, counts="calendar",
            is_default=False, created_at=now, updated_at=now,
        ),
        PromptVersion(
            id=new_id("prm"), site_id=own, n=1, rules="", instructions=word, made_by="-", made_at=now
        ),
    ]  # fmt: skip
    block = Block(id=new_id("blk"), site_id=own, kind="email", value=f"{word}@example.com", created_at=now)
    gap = Correction(
        id=new_id("cor"), site_id=own, conversation_id=conversation.id, kind="wrong", message_id=answer.id,
        question=word, given=word, right=word, created_at=now,
    )  # fmt: skip
    canned = CannedReply(id=new_id("cnd"), site_id=own, name=word, text=word, created_at=now, updated_at=now)
    saved = SavedSearch(
        id=new_id("svd"), site_id=own, agent_id=mine.id, name=word, query="q=boots", created_at=now
    )
    experiment = Experiment(
        id=new_id("exp"), site_id=own, name=word, share=50, a={}, b={"temperature": 1.0}, started_by="-",
        started_at=now,
    )  # fmt: skip
    overlap = Overlap(
        id=new_id("ovl"), site_id=own, pair=new_id("pair"), kind="duplicate", first_id=documents[0].id,
        second_id=documents[1].id, first_text=word, second_text=word, likeness=1.0, found_at=now,
    )  # fmt: skip
    identity = IdentityKey(id=new_id("idk"), site_id=own, sealed="-", created_at=now)
    invitation = Invitation(
        id=new_id("inv"), site_id=own, token_hash=new_id("hash"), email=f"{word.lower()}@example.com",
        role="agent", sites=[own], teams=[], created_at=now, expires_at=now + timedelta(days=1),
    )  # fmt: skip
    mail = SentMail(
        id=new_id("mai"), site_id=own, conversation_id=conversation.id, address="a@example.com", up_to_seq=1,
        state="sent", problem="", created_at=now,
    )  # fmt: skip
    session = AgentSession(
        id=new_id("ses"), token_hash=new_id("hash"), agent_id=mine.id, csrf_token="-", created_at=now,
        last_seen_at=now, expires_at=now + timedelta(days=1),
    )  # fmt: skip
    async with db.write() as tx:
        key = await create_api_key(tx, site_id=own, name=word, scopes=["search"], now=now)
        for row in (
            *(conversation, said, answer, source, twin), *documents, version, chunk, cited, *files, ticket,
            *(endpoint, delivery, crawl), *others, block, gap, canned, saved, experiment, overlap, identity,
            *(invitation, mail, session),
        ):  # fmt: skip
            tx.add(row)
            await tx.flush()
        await tx.execute(update(Site).where(Site.id == own).values(ticket_count=1))
    return {
        "conversations id": conversation.id, "messages id": answer.id, "attachments id": files[0].id,
        "unsent": files[1].id, "ticket": ticket.id, "said": said.id,
        "conversation_id": conversation.id, "attachment_id": files[0].id, "block_id": block.id,
        "canned_id": canned.id, "saved_id": saved.id, "crawl_id": crawl.id, "gap_id": gap.id,
        "source_id": source.id, "document": documents[0].id, "version_id": version.id, "key_id": key.id,
        "identity_key": identity.id, "experiment_id": experiment.id, "endpoint_id": endpoint.id,
        "delivery_id": delivery.id, "team_id": team.id, "rule_key": "first", "rule_id": "first",
        "policy_key": "first", "policy_id": "first", "invitation_id": invitation.id,
        "agent_id": colleague.id, "mine": mine.id, "overlap_id": overlap.id, "session_id": session.id,
        "external_id": "faq.md", "number": "1", "n": "1", "site": own, "key": site.key, "version": "0",
        "mail_id": "no-such-mail", "token": "no-such-token", "reset": "no-such-token", "path": "no-such-file",
        "visitor": owner,
    }  # fmt: skip


async def add_callers(
    desk: Desk, clock: FakeClock, site: Site, other: Site, people: dict[str, str]
) -> list[Caller]:
    """Everybody but the visitors. `people`: the agent of each site whose own things the paths name."""
    db, now, found = desk.core.db, clock(), [Caller("nobody", "nobody")]

    async def sign_in(name: str, kind: str, home: Site, agent_id: str = "", role: str = "") -> None:
        agent_id = agent_id or (await add_agent(db, clock, home.id, name)).id
        async with db.write() as tx:
            await tx.execute(
                update(Membership).where(Membership.agent_id == agent_id).values(role=role or kind)
            )
            opened = await desk.sessions.open(tx, agent_id)
            if name == "suspended agent":
                await tx.execute(update(Agent).where(Agent.id == agent_id).values(disabled_at=now))
            if name == "agent whose session ended":
                ended = AgentSession.agent_id == agent_id
                await tx.execute(update(AgentSession).where(ended).values(expires_at=now))
        owns = home.id if agent_id in people.values() else ""
        cookie = {"Cookie": f"minidesk={opened.token}"}
        found.append(Caller(name, kind, home.id, cookie, opened.csrf_token, owns))

    await sign_in("agent", "agent", site, people[site.id])
    await sign_in("editor", "editor", site)
    await sign_in("administrator", "admin", site)
    await sign_in("administrator of another site", "admin", other, people[other.id])
    await sign_in("suspended agent", "nobody", site, role="admin")
    await sign_in("agent whose session ended", "nobody", site, role="admin")

    async def hand_out(home: Site, *scopes: str) -> tuple[str, dict[str, str]]:
        async with db.write() as tx:
            made = await create_api_key(tx, site_id=home.id, name="-", scopes=scopes, now=now)
        return made.id, {"Authorization": f"Bearer {made.key}"}

    every = SCOPES
    alone = {f"key {scope}": (await hand_out(site, scope))[1] for scope in every}
    rest = {f"key {scope}": (await hand_out(site, *(set(every) - {scope})))[1] for scope in every}
    _, whole = await hand_out(site, *every)
    found.append(Caller("key with that scope alone", "key", site.id, whole, scoped=alone))
    found.append(Caller("key with all other scopes", "key", site.id, whole, scoped=rest, lacks=True))
    found.append(Caller("key of another site", "key", other.id, (await hand_out(other, *every))[1]))
    revoked, headers = await hand_out(site, *every)
    found.append(Caller("revoked key", "nobody", site.id, headers))
    expired, headers = await hand_out(site, *every)
    found.append(Caller("expired key", "nobody", site.id, headers))
    async with db.write() as tx:
        await revoke_api_key(tx, site_id=site.id, key_id=revoked, now=now)
        await tx.execute(update(ApiKey).where(ApiKey.id == expired).values(expires_at=now))
    return found


@pytest.fixture
async def world(sqlite_only: Path, clock: FakeClock, settings: Settings) -> AsyncIterator[World]:
    """The whole application on a real port, without its loops: nothing changes but by a request."""
    limits = {
        "requests_per_minute_key": 10_000, "streams_per_address": 10_000, "streams_per_visitor": 100,
        "conversations_per_hour": 1000, "uploads_per_hour_address": 1000, "database_url": f"sqlite+aiosqlite:///{sqlite_only}",
    }  # fmt: skip
    settings = settings.model_copy(update=limits)
    async with open_core(settings, clock) as core, open_desk(core) as desk:
        app = create_app(desk)
        calls, unknown = calls_of(app)
        site, other = await add_site(core.db, clock, "Shop"), await add_site(core.db, clock, "Other")
        visitors, callers = Visitors(clock), []
        for name, home in (("visitor", site), ("another visitor", site), ("visitor of another site", other)):
            async with core.db.write() as tx:
                opened = await visitors.open_session(tx, home.id, None)
            headers = {"Authorization": f"Bearer {opened.token}"}
            owns = "" if name == "another visitor" else home.id
            callers.append((Caller(name, "visitor", home.id, headers, owns=owns), opened.visitor_id))
        file = await FileStore(settings.data_dir / "attachments").put(b"-", limit=1)
        assert file.sha256 == FILE
        objects = {
            site.id: await add_objects(core.db, clock, site, callers[0][1], MARK),
            other.id: await add_objects(core.db, clock, other, callers[2][1], "Wombat"),
        }
        people = {site_id: found["mine"] for site_id, found in objects.items()}
        everybody = [each for each, _ in callers] + await add_callers(desk, clock, site, other, people)
        async with (
            serving(app, lifespan="off", proxy_headers=False) as base,
            httpx.AsyncClient(base_url=base, trust_env=False, timeout=20) as http,
        ):
            yield World(core.db, site, calls, unknown, objects, everybody, http)
            desk.stopping.set()


def refused(call: Call, caller: Caller, status: int, leads: str) -> bool:
    """Whether the answer is a refusal. A page of the console sends who is not signed in to the login."""
    to_login = call.path.startswith("/console") and status == 303 and leads.startswith("/console/login")
    return status in (401, 403, 404) or (to_login and caller.kind not in ROLES)


def turn(call: Call) -> int:
    """When it is sent: 0 first, 2 last."""
    return 2 if LEAVES.fullmatch(call.path) else 1 if TAKES.fullmatch(str(call)) else 0


def failed(call: Call, status: int, leads: str) -> bool:
    """Whether somebody who may was stopped by a fault, or by the login."""
    no_model = status == 503 and call.path in MODELS
    return (status >= 500 and not no_model) or (leads.startswith("/console/login") and turn(call) < 2)


async def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    assert not world.unknown, "\n".join(world.unknown)
    assert len(world.calls) > 200, "the application's routes are not seen"


async def test_whoever_may_not_is_refused_and_changes_nothing(world: World) -> None:
    problems, count = [], 0
    for caller in world.callers:
        before = await world.rows()
        for call in world.calls:
            secret = call.may == "secret"
            if caller.may(call, world.site.id) and not secret:
                continue
            status, leads, words = await world.send(caller, call)
            count += 1
            if status >= 500 or not (secret or refused(call, caller, status, leads)):
                problems.append(f"{caller.name}: {call} gave {status} {leads}")
            if MARK in words and not secret:
                problems.append(f"{caller.name}: {call} gave {status} and showed what is the first site's")
        after = await world.rows()
        problems += [
            f"{caller.name}: a row of {table} changed: {sorted(rows ^ after[table])[:3]}"
            for table, rows in before.items()
            if rows != after[table]
        ]
    assert not problems, f"{len(problems)} of {count}\n" + "\n".join(problems)


async def test_whoever_may_is_let_in(world: World) -> None:
    """Reads come first and must find what they ask for: so the ids are real, and the refusals above no accident."""
    problems = []
    reads = [each for each in world.calls if each.method in ("GET", "HEAD", "OPTIONS")]
    writes = [each for each in world.calls if each not in reads]
    for calls in (reads, *([each for each in writes if turn(each) == n] for n in range(3))):
        for caller in world.callers:
            for call in calls:
                if call.may == "secret" or not caller.may(call, world.site.id):
                    continue
                status, leads, words = await world.send(caller, call)
                if status in (401, 403) or failed(call, status, leads):
                    problems.append(f"{caller.name}: {call} gave {status} {leads}")
                if calls is reads and status >= 400 and str(call) not in EMPTY:
                    problems.append(f"{caller.name}: {call} gave {status} instead of what there is")
                if caller.home != world.site.id and MARK in words:
                    problems.append(f"{caller.name}: {call} showed what is the first site's")
    assert not problems, f"{len(problems)}\n" + "\n".join(problems)


async def test_ids_of_another_site_in_forms_and_bodies_do_nothing(world: World) -> None:
    """People of the second site at home, with ids of the first one wherever a form, an address or a body takes one."""
    first = world.objects[world.site.id]
    ids = {each for each in first.values() if len(each) > 20}
    # Once without agents and once without teams: a form is refused whole, and each must be what it is refused for.
    forms = [
        {name: first[what] for name, what in FIELDS.items() if what != left_out} | WORDS
        for left_out in ("", "team_id", "agent_id")
    ]
    bodies: dict[str, list[dict[str, Any]]] = {
        "POST /api/widget/v1/conversations/{id}/messages": [
            {"client_id": "c1", "text": "Hello", "attachments": [first["unsent"]]}
        ],
        "POST /api/widget/v1/context": [{"conversation": first["conversation_id"], "page_url": "/a"}],
        "PATCH /api/v1/tickets/{number}": [{"team": first["team_id"]}, {"assignee": first["agent_id"]}],
        "POST /api/v1/tickets/{number}/messages": [
            {"agent": first["agent_id"], "text": "Hello", "kind": kind} for kind in ("reply", "note")
        ],
        "POST /api/v1/teams": [{"name": "Team", "members": [first["agent_id"]]}],
        "PUT /api/v1/teams/{team_id}": [{"name": "Team", "members": [first["agent_id"]]}],
        "PUT /api/v1/rules/{rule_id}": [
            {"name": "Rule", "then": {"team": first["team_id"]}},
            {"name": "Rule", "then": {"assignee": first["agent_id"]}},
        ],
    }
    problems, before, sent = [], await world.rows(), set()
    # Programs before people, who may close what a program would change.
    for caller in sorted(world.callers, key=lambda each: each.kind in ROLES):
        if caller.home in ("", world.site.id):
            continue
        calls = [each for each in world.calls if caller.may(each, caller.home)]
        for call in sorted(calls, key=turn):
            in_console = call.path.startswith("/console")
            if call.may in ("all", "secret") or not (in_console or str(call) in bodies):
                continue
            for body in (forms if call.method == "POST" else forms[:1]) if in_console else bodies[str(call)]:
                status, leads, words = await world.send(caller, call, body, caller.home)
                sent.add(str(call))
                if status == 401 or failed(call, status, leads):
                    problems.append(f"{caller.name}: {call} gave {status} {leads}")
                if MARK in words:
                    problems.append(f"{caller.name}: {call} showed what is the first site's")
            if call.method == "GET":
                continue  # what it changed is seen after the next one
            after = await world.rows()
            named = [
                row
                for each in after
                for row in before[each] ^ after[each]
                if any(id in "".join(row) for id in ids)
            ]
            problems += [f"{caller.name}: {call} changed {row}" for row in named]
            before = after
    assert set(bodies) <= sent
    assert not problems, f"{len(problems)}\n" + "\n".join(problems)
