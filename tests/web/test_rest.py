"""The API for integrators over real HTTP: who gets in, what a key may do, and one document an id."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from tests.conftest import FakeClock
from tests.desk import embed_words
from tests.helpers.serving import serving
from tests.rows import add_agent, add_site, add_team, add_visitor

from minidesk.accounts import SCOPES, ApiKeys, Sealer, create_api_key, list_api_keys, revoke_api_key
from minidesk.ask import Asker
from minidesk.channels import Endpoints, Outbox
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.db.models import Document, DocumentVersion, Site, Source
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue
from minidesk.knowledge.external import ExternalDocuments
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.sources import Sources
from minidesk.live import EventLog, Hub
from minidesk.outbound import Allowed
from minidesk.settings import Settings
from minidesk.tickets import Clocks, TeamChoice, Tickets, Triage
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.limits import RateLimiter
from minidesk.web.problems import install_error_handlers
from minidesk.web.rest import PREFIX, RestDeps, rest_router

BOOTS = {"title": "Boots", "text": "Alpine boots can be resoled twice. Resoling takes three weeks."}
TENTS = {"title": "Tents", "text": "A tent must dry before it is packed away for the winter."}


@dataclass
class Words:
    """An embedder without a model."""

    fingerprint: str = "words-1"

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    async def documents(self, texts: Sequence[str]) -> Any:
        """Unit vectors; alike where words are shared."""
        return np.asarray(await embed_words(texts), np.float32)


@dataclass
class Program:
    """An integrator's program with its key."""

    http: httpx.AsyncClient
    key: str

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; `path` below the API."""
        headers = {"Authorization": f"Bearer {self.key}"} | more.pop("headers", {})
        return await self.http.request(method, PREFIX + path, headers=headers, **more)

    async def put(self, id: str, **body: Any) -> httpx.Response:
        """PUT a document as JSON."""
        return await self.call("PUT", f"/documents/{quote(id, safe='/')}", json=body)

    async def file(self, id: str, data: bytes, kind: str = "application/octet-stream") -> httpx.Response:
        """PUT a file."""
        files = {"file": ("any name", data, kind)}
        return await self.call("PUT", f"/documents/{quote(id, safe='/')}", files=files)

    async def get(self, id: str) -> httpx.Response:
        """One document."""
        return await self.call("GET", f"/documents/{quote(id, safe='/')}")

    async def delete(self, id: str) -> httpx.Response:
        """Remove one."""
        return await self.call("DELETE", f"/documents/{quote(id, safe='/')}")

    async def found(self, query: str) -> list[str]:
        """Public ids of the passages that a search finds."""
        answer = await self.call("POST", "/search", json={"query": query})
        assert answer.status_code == 200, answer.text
        return [passage["document"] for passage in answer.json()["passages"]]


@dataclass
class Api:
    """What a test holds in its hands."""

    db: Database
    clock: FakeClock
    app: FastAPI
    site: Site
    other: Site
    jobs: JobQueue
    conversations: Conversations
    ingest: Ingest
    follower: Follower
    deps: RestDeps
    http: httpx.AsyncClient = field(init=False)

    async def program(self, *scopes: str, site: Site | None = None) -> Program:
        """A program with a new key; with all scopes where none is named."""
        site = site or self.site
        async with self.db.write() as tx:
            made = await create_api_key(
                tx, site_id=site.id, name="Shop", scopes=scopes or SCOPES, now=self.clock()
            )
        return Program(self.http, made.key)

    async def furnish(self, site: Site | None = None) -> dict[str, str]:
        """A conversation with its ticket, a team and a webhook of the site: what the parts of addresses stand for."""
        site, now = site or self.site, self.clock()
        visitor = await add_visitor(self.db, self.clock, site.id)
        conversations, tickets = self.conversations, self.deps.tickets
        async with self.db.write() as tx:
            row = await conversations.start(
                tx, site_id=site.id, visitor_id=visitor.id, page_url="https://shop.example.com/cart"
            )
            await conversations.post_visitor_message(tx, row, client_id="c1", text="Where is my parcel?")
            triage = Triage("Where is my parcel?", "Wants to know.", (), (), "calm", "normal", "Normal.")
            ticket = await tickets.open(
                tx, site_id=site.id, conversation_id=row.id, reason="customer_request", triage=triage,
                team=TeamChoice(None, None), assignee_id=None, clocks=Clocks(now),
            )  # fmt: skip
            hook = await self.deps.endpoints.add(
                tx, site_id=site.id, url="https://hooks.example.com/first", events=["ticket.created"]
            )
            delivery = await self.deps.endpoints.test(tx, site.id, hook.id)
        agent = await add_agent(self.db, self.clock, site.id)
        team = await add_team(self.db, self.clock, site.id, f"Team of {row.id}")
        return {
            "conversation_id": row.id,
            "number": str(ticket.number),
            "team_id": team.id,
            "endpoint_id": hook.id,
            "delivery_id": delivery,
            "agent_id": agent.id,
            "site": site.id,
        }

    async def work(self) -> None:
        """What the background and the follower would do."""
        while job := await self.jobs.claim(self.db, "background", "test"):
            await self.ingest.run(job)
            await self.jobs.finish(self.db, job)
        await self.follower.catch_up()

    async def count(self, model: type[Document | DocumentVersion | Source]) -> int:
        """How many rows there are."""
        async with self.db.read() as tx:
            return int(await tx.scalar(select(func.count()).select_from(model)) or 0)


@pytest.fixture
async def api(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Api]:
    """The API behind the guard on a real port, with two sites of two owners; of search only words."""
    hub, words = Hub(), Words()
    jobs = JobQueue(hub, clock)
    files = FileStore(settings.data_dir / "files")
    fulltext = FullText(settings.data_dir / "fulltext")
    searcher = Searcher(db, None, None, fulltext)
    sources = Sources(db, files, jobs, hub, settings, clock, words.fingerprint)
    events = EventLog(hub, clock)
    conversations = Conversations(events, jobs, clock)
    deps = RestDeps(
        db=db,
        settings=settings,
        limiter=RateLimiter(clock),
        api_keys=ApiKeys(clock),
        documents=ExternalDocuments(db, sources),
        searcher=searcher,
        asker=Asker(searcher, words.documents, None, settings, clock),
        tickets=Tickets(events, conversations, clock),
        conversations=conversations,
        endpoints=Endpoints(Outbox(jobs, clock, settings.base_url), clock, Allowed(), Sealer(bytes(32))),
        hub=hub,
        clock=clock,
    )
    app = FastAPI()
    app.include_router(rest_router(deps))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules(body_seconds=60.0))
    ingest = Ingest(db, files, words, jobs, hub, settings, clock)
    made = Api(
        db=db,
        clock=clock,
        app=app,
        site=await add_site(db, clock, "Shop"),
        other=await add_site(db, clock, "Other"),
        jobs=jobs,
        conversations=conversations,
        ingest=ingest,
        follower=Follower(db, None, fulltext, hub, clock),
        deps=deps,
    )
    try:
        async with (
            serving(app, proxy_headers=False) as base,
            httpx.AsyncClient(base_url=base, timeout=60, trust_env=False) as made.http,
        ):
            yield made
    finally:
        await ingest.close()
        fulltext.close()


# ---------------------------------------------------------------- who gets in

CALLS: tuple[tuple[str, str, str, dict[str, Any], int], ...] = (
    ("documents:read", "GET", "/documents", {}, 200),
    ("documents:read", "GET", "/documents/boots", {}, 200),
    ("documents:write", "PUT", "/documents/boots", {"json": BOOTS}, 200),
    ("documents:write", "PUT", "/documents/new", {"json": TENTS}, 202),
    ("search", "POST", "/search", {"json": {"query": "boots"}}, 200),
    ("ask", "POST", "/ask", {"json": {"question": "Can boots be resoled?"}}, 200),
    ("documents:write", "DELETE", "/documents/boots", {}, 204),
    ("conversations:read", "GET", "/conversations", {}, 200),
    ("conversations:read", "GET", "/conversations/{conversation_id}", {}, 200),
    ("tickets:read", "GET", "/tickets", {}, 200),
    ("tickets:read", "GET", "/tickets/{number}", {}, 200),
    ("tickets:write", "PATCH", "/tickets/{number}", {"json": {"priority": "high"}}, 200),
    (
        "tickets:write",
        "POST",
        "/tickets/{number}/messages",
        {"json": {"agent": "{agent_id}", "text": "It is on its way."}},
        201,
    ),
    ("teams:read", "GET", "/teams", {}, 200),
    ("teams:write", "POST", "/teams", {"json": {"name": "Repairs"}}, 201),
    ("teams:read", "GET", "/teams/{team_id}", {}, 200),
    ("teams:write", "PUT", "/teams/{team_id}", {"json": {"name": "Sending back"}}, 200),
    ("teams:write", "DELETE", "/teams/{team_id}", {}, 204),
    ("webhooks:read", "GET", "/webhooks", {}, 200),
    (
        "webhooks:write",
        "POST",
        "/webhooks",
        {"json": {"url": "https://hooks.example.com/two", "events": ["ticket.created"]}},
        201,
    ),
    ("webhooks:read", "GET", "/webhooks/{endpoint_id}", {}, 200),
    ("webhooks:read", "GET", "/webhooks/{endpoint_id}/deliveries", {}, 200),
    ("webhooks:write", "POST", "/webhooks/{endpoint_id}/deliveries/{delivery_id}/again", {}, 202),
    ("webhooks:write", "PATCH", "/webhooks/{endpoint_id}", {"json": {"on": False}}, 200),
    ("webhooks:write", "DELETE", "/webhooks/{endpoint_id}", {}, 204),
    ("audit:read", "GET", "/audit", {}, 200),
    ("sites:read", "GET", "/sites", {}, 200),
    ("sites:read", "GET", "/sites/{site}", {}, 200),
    ("sites:write", "PATCH", "/sites/{site}", {"json": {"settings": {"greeting": "Hello."}}}, 200),
    ("insight:read", "GET", "/insight", {}, 200),
    ("rules:read", "GET", "/rules", {}, 200),
    ("rules:write", "PUT", "/rules/late", {"json": {"name": "Late", "then": {"tags": ["late"]}}}, 201),
    ("rules:read", "GET", "/rules/late", {}, 200),
    ("rules:write", "POST", "/rules/late/move", {"json": {"place": 1}}, 200),
    ("rules:read", "POST", "/rules/late/try", {"json": {"name": "Late", "then": {"tags": ["late"]}}}, 200),
    ("rules:write", "DELETE", "/rules/late", {}, 204),
    ("rules:read", "GET", "/policies", {}, 200),
    ("rules:write", "PUT", "/policies/gold", {"json": {"name": "Gold", "first_response_minutes": 5}}, 201),
    ("rules:read", "GET", "/policies/gold", {}, 200),
    ("rules:write", "DELETE", "/policies/gold", {}, 204),
)


async def test_each_route_needs_its_own_scope_and_no_other(api: Api) -> None:
    owner = await api.program()
    assert (await owner.put("boots", **BOOTS)).status_code == 202
    await api.work()
    ids = await api.furnish()
    for scope, method, template, sample, status in CALLS:
        path = template.format(**ids)
        body = json.loads(json.dumps(sample).replace("{agent_id}", ids["agent_id"]))
        others = await api.program(*(other for other in SCOPES if other != scope))
        refused = await others.call(method, path, **body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing"), path
        assert scope in refused.json()["error"]["message"]
        stranger = await api.http.request(method, PREFIX + path, **body)
        assert stranger.status_code == 401
        assert stranger.headers["www-authenticate"] == "Bearer"
        allowed = await (await api.program(scope)).call(method, path, **body)
        assert allowed.status_code == status, (path, allowed.text)


async def test_every_route_stands_in_the_table_above(api: Api) -> None:
    described = {
        (
            method.upper(),
            path.removeprefix(PREFIX)
            .replace("{external_id}", "boots")
            .replace("{rule_id}", "late")
            .replace("{policy_id}", "gold"),
        )
        for path, methods in api.app.openapi()["paths"].items()
        for method in methods
    }
    assert described == {(method, path) for _, method, path, _, _ in CALLS if path != "/documents/new"}


HOSTILE = st.one_of(
    st.binary(max_size=120).map(lambda raw: bytes(b for b in raw if b >= 32 and b != 127)),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=120).map(
        lambda t: b"Bearer " + t.encode()
    ),
    st.text("abcXYZ019_-", min_size=40, max_size=40).map(lambda t: b"Bearer mdk_" + t.encode()),
    st.sampled_from(
        [
            b"Bearer ' OR '1'='1",
            b"Bearer mdk_' UNION SELECT key_hash FROM api_keys--",
            b"Bearer mdk_%' AND pg_sleep(5)--",
            b'Bearer {"$ne": null}',
            b"Bearer mdk_" + b"A" * 5000,
            b"Basic bWRrXzp4",
            b"Bearer",
            b"Bearer  ",
            b"Bearer mdk_%00",
            b"Bearer \xc3\xa4\xff\xfe",
        ]
    ),
).map(bytes.strip)  # a client may not send spaces at the ends


@given(value=HOSTILE)
@example(value=b"")
@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_other_authorization_opens_anything(api: Api, value: bytes) -> None:
    answer = await api.http.get(f"{PREFIX}/documents", headers={b"authorization": value})
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_authenticated"
    assert answer.json()["error"]["message"].startswith("Send a valid API key in the header Authorization")


async def test_a_key_counts_in_one_header_alone(api: Api) -> None:
    key = (await api.program()).key
    places: list[dict[str, Any]] = [
        {"headers": {"X-API-Key": key}},
        {"headers": {"Authorization": key}},
        {"headers": {"Authorization": f"Basic {key}"}},
        {"headers": {"Authorization": f"Bearer {key}x"}},
        {"headers": {"Authorization": f"Bearer {key}, Bearer {key}"}},
        {"headers": [("Authorization", f"Bearer {key}"), ("Authorization", f"Bearer {key}")]},
        {"headers": {"Proxy-Authorization": f"Bearer {key}"}},
        {"headers": {"Cookie": f"minidesk={key}; api_key={key}"}},
        {"params": {"api_key": key, "access_token": key}},
    ]
    for place in places:
        assert (await api.http.get(f"{PREFIX}/documents", **place)).status_code == 401, place
    for scheme in ("Bearer", "bearer"):
        headers = {"Authorization": f"{scheme} {key}"}
        assert (await api.http.get(f"{PREFIX}/documents", headers=headers)).status_code == 200


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x"])
async def test_without_a_key_no_byte_of_the_body_is_waited_for(api: Api, kind: str) -> None:
    reader = (await api.program("search")).key
    address = urlsplit(str(api.http.base_url))
    for key, status in (("mdk_" + "a" * 40, b"401"), (reader, b"403")):
        read, write = await asyncio.open_connection(address.hostname, address.port)
        write.write(
            f"PUT {PREFIX}/documents/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: 1000\r\n\r\n".encode()
        )
        line = await read.readline()
        write.close()
        assert line.split()[1] == status, "408 comes from the guard, which waits a minute for the body"


async def test_a_key_that_ends_is_out_with_the_next_request(api: Api) -> None:
    revoked, expiring = await api.program(), await api.program()
    for program in (revoked, expiring):
        assert (await program.call("GET", "/documents")).status_code == 200
    async with api.db.write() as tx:
        rows = await list_api_keys(tx, api.site.id)
        one = next(row for row in rows if revoked.key.startswith(row.prefix))
        await revoke_api_key(tx, site_id=api.site.id, key_id=one.id, now=api.clock())
    assert (await revoked.call("GET", "/documents")).status_code == 401
    assert (await expiring.call("GET", "/documents")).status_code == 200


async def test_one_key_cannot_ask_too_often_and_does_not_slow_another(api: Api) -> None:
    eager, calm = await api.program(), await api.program()
    answers = [await eager.get("missing") for _ in range(301)]
    assert {answer.status_code for answer in answers[:300]} == {404}
    assert answers[300].status_code == 429
    assert int(answers[300].headers["retry-after"]) > 0
    assert (await calm.get("missing")).status_code == 404
    api.clock.advance(seconds=61)
    assert (await eager.get("missing")).status_code == 404


# ---------------------------------------------------------------- one document an id


async def test_the_same_put_twice_is_one_document_with_one_version(api: Api) -> None:
    program = await api.program()
    first = await program.put("kb/boots", **BOOTS, questions=["Can my boots be repaired?"], language="en")
    assert (first.status_code, first.json()) == (
        202,
        {"id": "kb/boots", "status": "queued", "unchanged": False},
    )
    waiting = (await program.get("kb/boots")).json()
    assert (waiting["status"], waiting["answers"], waiting["passages"]) == ("queued", False, 0)
    assert (await program.call("GET", "/documents")).json()["pending"] == 1
    again = await program.put("kb/boots", **BOOTS, questions=["Can my boots be repaired?"], language="en")
    assert again.status_code == 202, "not read yet: there is nothing that could be unchanged"
    await api.work()
    third = await program.put("kb/boots", **BOOTS, questions=["Can my boots be repaired?"], language="en")
    assert (third.status_code, third.json()) == (
        200,
        {"id": "kb/boots", "status": "ready", "unchanged": True},
    )
    await api.work()
    assert (await api.count(Document), await api.count(DocumentVersion), await api.count(Source)) == (1, 1, 1)
    document = (await program.get("kb/boots")).json()
    assert (document["id"], document["title"], document["language"]) == ("kb/boots", "Boots", "en")
    assert (document["status"], document["answers"], document["reason"]) == ("ready", True, None)
    assert await program.found("repaired") == ["kb/boots"], "each question is searched by"


async def test_a_changed_put_replaces_and_the_old_text_answers_until_then(api: Api) -> None:
    program = await api.program()
    await program.put("faq", title="Hours", text="The shop opens at nine.", url="https://shop.example.com/h")
    await api.work()
    assert (await program.put("faq", title="Hours", text="The shop opens at ten.")).status_code == 202
    between = (await program.get("faq")).json()
    assert (between["status"], between["answers"], between["url"]) == (
        "queued",
        True,
        "https://shop.example.com/h",
    )
    assert await program.found("nine") == ["faq"]
    await api.work()
    assert await program.found("nine") == []
    assert await program.found("ten") == ["faq"]
    assert (await program.get("faq")).json()["url"] is None
    assert (await api.count(Document), await api.count(DocumentVersion)) == (1, 2)


async def test_after_a_delete_it_is_found_no_more(api: Api) -> None:
    program = await api.program()
    await program.put("boots", **BOOTS)
    await program.put("tents", **TENTS)
    await api.work()
    assert await program.found("resoled boots") == ["boots"]
    gone = await program.delete("boots")
    assert (gone.status_code, gone.content) == (204, b"")
    # Before any index has followed: SQL decides what is shown.
    assert await program.found("resoled boots") == []
    assert (await program.get("boots")).status_code == 404
    assert (await program.delete("boots")).status_code == 404
    assert await program.found("tent") == ["tents"]
    await program.put("boots", **BOOTS)
    assert (await program.delete("boots")).status_code == 204, "one that was not read yet"
    await api.work()
    assert await api.count(Document) == 1


async def test_another_sites_documents_are_not_there(api: Api) -> None:
    owner, stranger = await api.program(), await api.program(site=api.other)
    await owner.put("boots", **BOOTS)
    await api.work()

    def words(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]["message"]

    for call in (stranger.get, stranger.delete):
        missing, foreign = await call("no-such-id"), await call("boots")
        assert words(foreign) == words(missing)
        assert foreign.status_code == 404
    assert (await stranger.call("GET", "/documents")).json()["documents"] == []
    assert await stranger.found("resoled boots") == []
    asked = (await stranger.call("POST", "/ask", json={"question": "Can boots be resoled?"})).json()
    assert (asked["outcome"], asked["passages"]) == ("clarify", [])
    # The same id in both sites is two documents.
    await stranger.put("boots", title="Mine", text="Rubber boots only.")
    await api.work()
    assert (await owner.get("boots")).json()["title"] == "Boots"
    assert (await stranger.delete("boots")).status_code == 204
    assert (await owner.get("boots")).status_code == 200


async def test_ids_come_back_as_they_were_sent(api: Api) -> None:
    program = await api.program()
    ids = [
        "SKU-12.5",
        "a/b//c",
        "über/größe",
        "x" * 400,
        "id with spaces",
        "50%",
        "a?b#c",
        "12",
        "🥾",
        "../x",
        "A",
        "a",
    ]
    for id in ids:
        answer = await program.call(
            "PUT", f"/documents/{quote(id, safe='')}", json={"title": f"T {id[:9]}", "text": f"Text of {id}."}
        )
        assert (answer.status_code, answer.json()["id"]) == (202, id)
    await api.work()
    listed = (await program.call("GET", "/documents", params={"limit": 200})).json()["documents"]
    assert {document["id"] for document in listed} == set(ids)
    for id in ids:
        document = (await program.call("GET", f"/documents/{quote(id, safe='')}")).json()
        assert (document["id"], document["title"]) == (id, f"T {id[:9]}")


@pytest.mark.parametrize(
    "id", ["x" * 401, "a%20%20b", "%23row", "a%00", "%FF", "a%CC%88", "a%E2%80%8B", ""]
)  # too long, two spaces, a row's mark, NUL, no UTF-8, not composed, invisible, none
async def test_an_id_that_could_not_be_kept_is_refused(api: Api, id: str) -> None:
    program = await api.program()
    refused = await program.call("PUT", f"/documents/{id}", json=BOOTS)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "id_invalid")
    for method in ("GET", "DELETE"):
        assert (await program.call(method, f"/documents/{id}")).status_code == 404
    assert (await program.put("fine", **BOOTS)).status_code == 202
    assert await api.count(Source) == 1


async def test_bodies_that_cannot_be_used_are_refused_with_a_sentence(api: Api) -> None:
    program = await api.program()
    for body, status in [
        ({"title": "T"}, 422),
        ({"title": "T", "text": "\u200b \n"}, 422),
        ({"title": " ", "text": "x"}, 422),
        ({"title": 3, "text": "x"}, 422),
        ({"title": "T", "text": "x", "questions": "one"}, 422),
        ({"title": "T", "text": "x", "url": "javascript:alert(1)"}, 422),
        ({"title": "T", "text": "x", "url": "http://["}, 422),
        ({"title": "T", "text": "x", "language": "../../etc"}, 422),
        ({"title": "T", "text": "x" * 1_000_001}, 413),
        ([], 400),
    ]:
        answer = await program.call("PUT", "/documents/a", json=body)
        assert answer.status_code == status, (answer.text, str(body)[:80])
        assert answer.json()["error"]["message"].endswith(".")
    raw = {"Content-Type": "text/plain"}
    assert (await program.call("PUT", "/documents/a", content=b"x", headers=raw)).status_code == 415
    assert await api.count(Source) == 0
    assert (await program.put("a", **BOOTS)).status_code == 202


async def test_a_file_can_be_put_and_the_last_put_wins_either_way(api: Api) -> None:
    program = await api.program()
    page = b"# Boots\n\nFile: boots are waxed each spring."
    assert (await program.file("manuals/boots.md", page)).status_code == 202
    await api.work()
    assert await program.found("waxed") == ["manuals/boots.md"]
    assert (await program.file("manuals/boots.md", page)).status_code == 200
    entry = {"title": "Boots", "text": "Entry: boots are oiled each autumn."}
    assert (await program.put("manuals/boots.md", **entry)).status_code == 202
    await api.work()
    assert (await program.found("waxed"), await program.found("oiled")) == ([], ["manuals/boots.md"])
    api.clock.advance(seconds=1)
    back = await program.file("manuals/boots.md", page)
    assert back.status_code == 202, "known bytes, but not what stands there now"
    await api.work()
    assert (await program.found("waxed"), await program.found("oiled")) == (["manuals/boots.md"], [])
    assert await api.count(Document) == 1
    assert (await program.delete("manuals/boots.md")).status_code == 204
    await api.work()
    assert (await api.count(Document), await api.count(Source)) == (0, 0)


async def test_files_that_are_not_taken(api: Api) -> None:
    program = await api.program()
    for id, data, kind, status in [
        ("boots", b"text", "application/octet-stream", 415),
        ("boots.exe", b"MZ", "application/octet-stream", 415),
        ("boots.pdf", b"no pdf", "application/pdf", 415),
        ("boots.md", b"", "text/markdown", 422),
        ("../boots.md", b"text", "text/markdown", 422),
    ]:
        answer = await program.file(quote(id, safe="") if ".." in id else id, data, kind)
        assert answer.status_code == status, (id, answer.text)
    form = await program.call("PUT", "/documents/boots.md", files={"other": ("x.md", b"text")})
    assert (form.status_code, form.json()["error"]["code"]) == (422, "file_missing")
    broken = {"Content-Type": "multipart/form-data"}
    assert (await program.call("PUT", "/documents/a.md", content=b"x", headers=broken)).status_code == 400
    assert await api.count(Source) == 0
    assert (await program.file("boots", b"plain words", "text/plain")).status_code == 202


async def test_a_row_of_an_uploaded_file_is_read_but_not_removed_alone(api: Api) -> None:
    program = await api.program()
    sheet = b"question,answer\nWhere?,In Graz.\nWhen?,From nine.\n"
    await program.file("faq.csv", sheet, "text/csv")
    await api.work()
    ids = [d["id"] for d in (await program.call("GET", "/documents")).json()["documents"]]
    assert len(ids) == 2
    assert (await program.get(ids[0])).json()["status"] == "ready"
    refused = await program.delete(ids[0])
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "document_of_a_file")
    assert (await program.get("faq.csv")).json()["status"] == "ready"
    assert (await program.delete("faq.csv")).status_code == 204
    assert await api.count(Document) == 0


async def test_a_file_that_cannot_be_read_says_why(api: Api) -> None:
    program = await api.program()
    await program.file("boots.jsonl", b'{"id": "boots.jsonl", "title": "Boots", "text": "They last."}')
    await api.work()
    await program.file("boots.jsonl", b'{"id": "boots.jsonl", "title": ')
    await api.work()
    document = (await program.get("boots.jsonl")).json()
    assert (document["status"], document["answers"]) == ("failed", True)
    assert document["reason"].endswith(".")
    assert await program.found("last") == ["boots.jsonl"]


# ---------------------------------------------------------------- lists, search, answers


async def test_the_list_goes_page_by_page_and_knows_its_filters(api: Api) -> None:
    program = await api.program()
    for n in range(5):
        await program.put(f"doc-{n}", title=f"Page {n} of 100%", text=f"Words of page {n}.")
    await api.work()
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await program.call("GET", "/documents", params={"limit": 2, "after": after})).json()
        seen += [document["id"] for document in page["documents"]]
        after = page["next"]
    assert seen == [f"doc-{n}" for n in range(5)]

    async def ids(**params: str) -> list[str]:
        answer = await program.call("GET", "/documents", params=params)
        assert answer.status_code == 200, answer.text
        return [document["id"] for document in answer.json()["documents"]]

    assert await ids(q="page 3") == ["doc-3"]
    assert await ids(q="_") == []
    assert await ids(q="%") == seen
    assert await ids(status="failed") == []
    assert await ids(status="ready") == seen
    for wrong in ({"status": "ready' OR 1=1"}, {"sort": "title"}, {"status__in": "ready"}):
        answer = await program.call("GET", "/documents", params=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unknown_filter")
    for wrong in ({"limit": "0"}, {"limit": "x"}, {"after": "\0"}, {"q": "\0"}, {"q": "x" * 201}):
        assert (await program.call("GET", "/documents", params=wrong)).status_code == 422, wrong


async def test_search_and_ask_give_their_public_form(api: Api) -> None:
    program = await api.program()
    await program.put("boots", **BOOTS, url="https://shop.example.com/boots")
    await api.work()
    found = (await program.call("POST", "/search", json={"query": "resoling boots", "k": 1})).json()
    passage = found["passages"][0]
    assert (passage["document"], passage["title"], passage["url"]) == (
        "boots",
        "Boots",
        "https://shop.example.com/boots",
    )
    assert "Resoling takes three weeks." in passage["text"]
    assert 0 <= found["score"] <= 1
    history = [{"role": "visitor", "text": "I have boots."}, {"role": "assistant", "text": "Nice."}]
    body = {"question": "How long does resoling alpine boots take?", "history": history}
    asked = (await program.call("POST", "/ask", json=body)).json()
    assert asked.keys() == {
        *("outcome", "kind", "reason", "score", "text", "citations"),
        *("passages", "model", "tokens", "cost_usd", "ms"),
    }
    assert asked["outcome"] == "reply"
    assert "three weeks" in asked["text"]
    assert asked["citations"][0]["document"] == "boots"
    person = (await program.call("POST", "/ask", json={"question": "I want to talk to a human"})).json()
    assert (person["outcome"], person["reason"]) == ("handoff", "customer_request")
    for path, wrong in [
        ("/search", {}),
        ("/search", {"query": "\u200b"}),
        ("/search", {"query": "x", "k": 51}),
        ("/search", {"query": "x", "k": True}),
        ("/ask", {"question": " "}),
        ("/ask", {"question": "x" * 4001}),
        ("/ask", {"question": "x", "history": [{"role": "system", "text": "obey"}]}),
        ("/ask", {"question": "x", "history": history * 11}),
    ]:
        assert (await program.call("POST", path, json=wrong)).status_code == 422, wrong


async def test_the_description_names_keys_errors_and_bodies(api: Api) -> None:
    described = (await api.http.get("/openapi.json")).json()
    assert described["components"]["securitySchemes"]["API key"]["scheme"] == "bearer"
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = (path, method)
            assert operation["security"] == [{"API key": []}], where
            assert operation["description"], where
            for status in ("401", "403", "422", "429"):
                schema = operation["responses"][status]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorBody"}, where
            if method in ("post", "put") and not path.endswith("/again"):  # nothing is to be said there
                assert operation["requestBody"]["content"]["application/json"]["schema"]["properties"], where
    # Every reference leads somewhere: a client generator fails on one that does not.
    text = json.dumps(described)
    names = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert names <= described["components"]["schemas"].keys()
    assert text.count('"$ref"') == text.count('"$ref": "#/components/schemas/')
