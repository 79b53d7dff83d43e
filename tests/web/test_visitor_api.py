"""The visitor's API, through HTTP."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select
from tests.web.conftest import API, Desk, Visitor, open_visitor

from minidesk.conversations import latest_open
from minidesk.db.models import Chunk, Document, DocumentVersion, Job, Message, Site, Source
from minidesk.db.models import Visitor as VisitorRow
from minidesk.files.kinds import ACCEPT
from minidesk.knowledge.lifecycle import Lifecycle


async def count(desk: Desk, model: Any) -> int:
    async with desk.db.read() as tx:
        return await tx.scalar(select(func.count()).select_from(model)) or 0


async def test_a_first_visit_and_a_second(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await client.post(f"{API}/sites/{desk.site.key}/session", json={})
    assert first.status_code == 200
    body = first.json()
    assert body["conversation"] is None
    visitor = Visitor(client, body["token"], body["visitor"]["id"])
    conversation = await visitor.start()
    again = (await visitor.post(f"/sites/{desk.site.key}/session")).json()
    assert (again["token"], again["visitor"], again["conversation"]) == (
        body["token"],
        body["visitor"],
        conversation,
    )
    desk.clock.advance(days=31)
    late = (await visitor.post(f"/sites/{desk.site.key}/session")).json()
    assert late["visitor"] != body["visitor"]
    assert late["conversation"] is None
    missing = await client.post(f"{API}/sites/pk_none/session", json={})
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")


async def test_the_widgets_settings(visitor: Visitor, desk: Desk) -> None:
    config = (await visitor.get("/config?have=en")).json()
    assert config == {
        "site": {"name": "Shop", "key": desk.site.key},
        "look": {
            "accent": "#1F5F5B",
            "on_accent": "#FFFFFF",
            "ink": {"light": "#1F5F5B", "dark": "#628F8C"},
            "position": "right",
            "launcher_text": "",
        },
        "texts": {
            "greeting": "Servus",
            "placeholder": "",
            "assistant_line": "",
            "privacy_url": "https://shop.example.com/privacy",
        },
        "hours_line": "",
        "quick_replies": ["Where is my parcel?"],
        "locale": "en",
        "limits": {"message_max_chars": 4000},
        "files": {"accept": ACCEPT, "max_bytes": 10_000_000, "most": 5},
        "voice": None,
    }
    assert (await visitor.get("/config", headers={"Accept-Language": "de-AT,de;q=0.9"})).json()[
        "locale"
    ] == "de"
    assert (await visitor.get("/config?locale=en", headers={"Accept-Language": "de"})).json()[
        "locale"
    ] == "en"


async def test_a_question_and_its_answer(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long can I **return** boots?")
    assert said["html"] == "<p>How long can I <strong>return</strong> boots?</p>"
    handle = await desk.answer(said["id"], "You have 30 days.", " Unworn.")
    read = (await visitor.get(f"/conversations/{conversation}")).json()
    assert {key: read[key] for key in ("id", "holder", "agent_name", "ticket")} == {
        "id": conversation,
        "holder": "assistant",
        "agent_name": None,
        "ticket": None,
    }
    assert read["messages"][0] == said
    answer = read["messages"][1]
    assert (answer["id"], answer["author"], answer["state"], answer["outcome"]) == (
        handle.message_id,
        "assistant",
        "done",
        "reply",
    )
    assert answer["text"] == "You have 30 days. Unworn."
    assert [citation["n"] for citation in answer["citations"]] == [1, 2]
    assert answer["citations"][0]["sentences"] == [[0, 17]]
    listed = (await visitor.get("/conversations")).json()["conversations"]
    assert [(line["id"], line["last_text"]) for line in listed] == [
        (conversation, "You have 30 days. Unworn.")
    ]
    assert not {"model", "cost_micros", "score", "agent_id", "ms"} & set(answer)
    assert "secret-model" not in str(read)


async def test_fifty_of_the_same_post_make_one_row(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    path, body = (
        f"/conversations/{conversation}/messages",
        {"client_id": "c-1", "text": "Where is my parcel?"},
    )

    async def sent() -> httpx.Response:
        # Nothing was written where the database was busy with the others for too long; a browser sends it again.
        while (answer := await visitor.post(path, body)).status_code == 503:
            assert answer.headers["Retry-After"]
        return answer

    answers = await asyncio.gather(*(sent() for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert await count(desk, Message) == 1
    assert await count(desk, Job) == 1


async def test_who_sends_too_often_waits(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    for n in range(10):
        await visitor.say(conversation, "hello", f"c{n}")
    path = f"/conversations/{conversation}/messages"
    refused = await visitor.post(path, {"client_id": "c10", "text": "hello"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (
        await visitor.post(path, {"client_id": "c3", "text": "hello"})
    ).status_code == 202  # a repeat is free
    desk.clock.advance(seconds=int(refused.headers["Retry-After"]))
    assert (await visitor.post(path, {"client_id": "c10", "text": "hello"})).status_code == 202
    started = [(await visitor.post("/conversations")).status_code for _ in range(20)]
    assert started == [201] * 19 + [429]


async def test_a_person_can_be_reached_once_and_again(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    await visitor.say(conversation, "I want to talk to a person")
    first = await visitor.post(f"/conversations/{conversation}/handoff")
    again = await visitor.post(f"/conversations/{conversation}/handoff")
    assert (first.status_code, first.json()) == (202, {"ticket": {"number": 1}})
    assert (again.status_code, again.json()) == (202, first.json())
    read = (await visitor.get(f"/conversations/{conversation}")).json()
    assert (read["holder"], read["ticket"]) == ("queue", {"number": 1, "status": "open"})
    assert [message["author"] for message in read["messages"]] == ["visitor", "system"]


async def test_stopping_rating_and_feedback(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    handle = await desk.begin(said["id"])
    await desk.part(handle, "You have 30 days.")
    assert (await visitor.post(f"/conversations/{conversation}/stop")).status_code == 202
    answer = (await visitor.get(f"/conversations/{conversation}")).json()["messages"][1]
    assert (answer["state"], answer["text"]) == ("interrupted", "You have 30 days.")
    feedback = await visitor.post(f"/messages/{handle.message_id}/feedback", {"helpful": False})
    assert (feedback.status_code, feedback.json()) == (200, {"helpful": False})
    assert (await visitor.post(f"/messages/{said['id']}/feedback", {"helpful": True})).status_code == 422
    assert (await visitor.post(f"/conversations/{conversation}/rating", {"rating": 5})).json() == {
        "rating": 5
    }
    for rating in (0, 6, 2.5, "5", True, None):
        assert (
            await visitor.post(f"/conversations/{conversation}/rating", {"rating": rating})
        ).status_code == 422
    helpful = (await visitor.get(f"/conversations/{conversation}")).json()["messages"][1]["helpful"]
    assert helpful is False


async def add_passage(desk: Desk, text: str) -> None:
    """The document that `Desk.part` cites."""
    now = desk.clock()
    async with desk.db.write() as tx:
        source = Source(
            id="src_1",
            site_id=desk.site.id,
            path="returns.md",
            sha256="0" * 64,
            size=1,
            status="ready",
            created_at=now,
            updated_at=now,
        )
        tx.add(source)
        await tx.flush()
        document = Document(
            id="doc_1",
            site_id=desk.site.id,
            source_id="src_1",
            external_id="returns.md",
            title="Returns",
            status="ready",
            created_at=now,
            updated_at=now,
        )
        tx.add(document)
        await tx.flush()
        tx.add(
            DocumentVersion(id="ver_1", document_id="doc_1", n=1, text=text, sha256="0" * 64, created_at=now)
        )
        await tx.flush()
        tx.add(
            Chunk(
                id="chk_1",
                site_id=desk.site.id,
                document_id="doc_1",
                version_id="ver_1",
                ordinal=0,
                kind="text",
                heading_path=["Returns", "How long"],
                text=text,
                start=0,
                end=len(text),
                page=3,
            )
        )
        document.current_version_id = "ver_1"


async def test_a_citation_opens_its_passage(visitor: Visitor, desk: Desk) -> None:
    await add_passage(desk, "You have 30 days to return boots.")
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    handle = await desk.answer(said["id"], "You have 30 days.")
    passage = (await visitor.get(f"/messages/{handle.message_id}/citations/1")).json()
    assert passage == {
        "title": "Returns",
        "url": "/returns",
        "heading_path": ["Returns", "How long"],
        "before": "You have ",
        "quote": "30 days",
        "after": " to return boots.",
        "page": 3,
    }
    async with desk.db.write() as tx:  # the document is gone; what was quoted is kept
        source = await tx.get_one(Source, "src_1")
        await tx.delete(source)
    kept = (await visitor.get(f"/messages/{handle.message_id}/citations/1")).json()
    assert (kept["before"], kept["quote"], kept["after"], kept["page"]) == ("", "30 days", "", None)
    for n, status in (("2", 404), ("0", 422), (str(2**63), 422), (str(10**400), 422), ("x", 422)):
        assert (await visitor.get(f"/messages/{handle.message_id}/citations/{n}")).status_code == status


@pytest.mark.parametrize("how", ["agents only", "unpublished", "past its date", "a new version"])
async def test_of_a_page_that_is_told_no_more_only_the_quote_is_shown(
    visitor: Visitor, desk: Desk, how: str
) -> None:
    await add_passage(desk, "You have 30 days to return boots. We know: nobody does.")
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    path = f"/messages/{(await desk.answer(said['id'], 'You have 30 days.')).message_id}/citations/1"
    assert "nobody does" in (await visitor.get(path)).json()["after"]
    life = Lifecycle(desk.db, desk.hub, desk.clock)
    if how == "agents only":
        await life.set_audience(desk.site.id, "src_1", "agents")
    elif how == "unpublished":
        await life.unpublish(desk.site.id, "doc_1")
    elif how == "past its date":
        await life.set_dates(desk.site.id, "doc_1", expires_at=desk.clock(), review_at=None)
    else:
        async with desk.db.write() as tx:
            tx.add(
                DocumentVersion(
                    id="ver_2", document_id="doc_1", n=2, text="You have 30 days.", sha256="1" * 64,
                    created_at=desk.clock(),
                )
            )  # fmt: skip
            await tx.flush()
            (await tx.get_one(Document, "doc_1")).current_version_id = "ver_2"
    kept = (await visitor.get(path)).json()
    assert (kept["before"], kept["quote"], kept["after"], kept["heading_path"]) == ("", "30 days", "", [])


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", "/conversations/{c}", None),
    ("GET", "/conversations/{c}/events", None),
    ("GET", "/conversations/{c}/transcript", None),
    ("POST", "/conversations/{c}/messages", {"client_id": "x", "text": "hello"}),
    ("POST", "/conversations/{c}/handoff", {}),
    ("POST", "/conversations/{c}/stop", {}),
    ("POST", "/conversations/{c}/rating", {"rating": 3}),
    ("POST", "/messages/{m}/feedback", {"helpful": True}),
    ("GET", "/messages/{m}/citations/1", None),
    ("GET", "/conversations/{c}/agent", None),
    ("GET", "/conversations/{c}/place", None),
    ("POST", "/conversations/{c}/typing", {}),
    ("POST", "/conversations/{c}/address", {"client_id": "x", "address": "ana@example.com"}),
    ("POST", "/conversations/{c}/transcript/mail", {"address": "ana@example.com"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_what_is_anothers_is_missing(
    visitor: Visitor, stranger: Visitor, desk: Desk, method: str, path: str, body: Any
) -> None:
    await add_passage(desk, "You have 30 days to return boots.")
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    answer = await desk.answer(said["id"], "You have 30 days.")
    foreign = await open_visitor(visitor.client, desk.other)
    before = await count(desk, Message)
    own = path.format(c=conversation, m=answer.message_id)
    missing = path.format(c="cnv_00000000000", m="msg_00000000000")
    bodies = set()
    for who in (stranger, foreign):
        for target in (own, missing, path.format(c="a%00b", m="a%00b"), path.format(c="%F0%28", m="x" * 300)):
            refused = await who.client.request(method, API + target, json=body, headers=who.headers)
            assert refused.status_code == 404
            error = refused.json()["error"]
            assert error.pop("request_id") == refused.headers["X-Request-Id"]
            bodies.add(str(error))
    assert len(bodies) == 1
    for headers in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Basic {visitor.token}"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"X-Api-Key": visitor.token},
    ):
        refused = await visitor.client.request(method, API + own, json=body, headers=headers)
        assert (refused.status_code, refused.json()["error"]["code"]) in {
            (401, "not_authenticated"),
            (401, "session_ended"),
        }
    twice = [("Authorization", f"Bearer {visitor.token}"), ("Authorization", f"Bearer {visitor.token}")]
    assert (await visitor.client.request(method, API + own, json=body, headers=twice)).status_code == 401
    assert await count(desk, Message) == before


def test_every_route_of_the_api_is_in_the_table(desk: Desk) -> None:
    known = {
        (method, path.replace("{c}", "{id}").replace("{m}", "{id}").replace("/citations/1", "/citations/{n}"))
        for method, path, _ in ROUTES
    }
    known |= {
        ("POST", "/sites/{key}/session"),
        ("POST", "/session/end"),
        ("POST", "/context"),
        ("GET", "/config"),
        ("GET", "/words"),
        ("POST", "/conversations"),
        ("GET", "/conversations"),
        # Whose files these are is asked in test_visitor_attachments.py, and who speaks in test_visitor_voice.py.
        ("POST", "/attachments"),
        ("GET", "/attachments/{id}"),
        ("POST", "/voice"),
    }
    described = {
        (method.upper(), path.removeprefix(API))
        for path, methods in desk.app.openapi()["paths"].items()
        for method in methods
    }
    assert described == known


OWN = "OWN"
ORIGINS = [
    (None, True), (OWN, True), ("https://shop.example.com", True), ("https://evil-shop.example.com", False), ("https://shop.example.com.evil.example", False),
    ("http://shop.example.com", False), ("https://shop.example.com:8443", False), ("https://SHOP.example.com.", False), ("https://SHOP.example.com", False),
    ("null", False), ("", False), ("https://other.example.com", False), ("https://xn--shp-0na.example.com", False), ("https://sh\u00f6p.example.com", False),
]  # fmt: skip


@pytest.mark.parametrize(("origin", "allowed"), ORIGINS)
async def test_which_pages_may_call(visitor: Visitor, desk: Desk, origin: str | None, allowed: bool) -> None:
    sent = str(visitor.client.base_url).rstrip("/") if origin == OWN else origin
    headers: dict[str, Any] = {} if sent is None else {"Origin": sent.encode()}
    answers = [
        await visitor.client.post(f"{API}/sites/{desk.site.key}/session", json={}, headers=headers),
        await visitor.get("/config", headers=headers),
        await visitor.post("/conversations", headers=headers),
        await visitor.client.options(f"{API}/sites/{desk.site.key}/session", headers=headers),
    ]
    for answer in answers:
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        if allowed:
            assert answer.status_code in (200, 201, 204)
            echoed = answer.headers.get("Access-Control-Allow-Origin")
            assert echoed == (None if origin in (None, OWN) else origin)
        else:
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_a_page_can_read_why_it_was_refused(visitor: Visitor, desk: Desk) -> None:
    page = {"Origin": "https://shop.example.com"}
    preflight = await visitor.client.options(f"{API}/conversations/x/messages", headers=page)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Headers"] == "authorization, content-type, last-event-id"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, POST"
    refused = [
        await visitor.client.get(f"{API}/config", headers=page),
        await visitor.get("/conversations/cnv_none", headers=page),
        await visitor.post("/conversations", {"locale": 5}, headers=page),
    ]
    assert [answer.status_code for answer in refused] == [401, 404, 422]
    assert {answer.headers["Access-Control-Allow-Origin"] for answer in refused} == {
        "https://shop.example.com"
    }


async def test_guessed_ids_find_nothing(visitor: Visitor) -> None:
    guesses = [f"cnv_{n:011x}{n:020x}" for n in range(100)]
    answers = await asyncio.gather(*(visitor.get(f"/conversations/{guess}") for guess in guesses))
    assert {answer.status_code for answer in answers} == {404}


async def test_what_agents_say_shows_a_first_name_only(visitor: Visitor, desk: Desk) -> None:
    from tests.rows import add_agent

    conversation = await visitor.start()
    agent = await add_agent(desk.db, desk.clock, desk.site.id, "Mara Lindt")
    async with desk.db.write() as tx:
        await desk.conversations.take_over(tx, conversation, agent.id)
        await desk.conversations.post_note(tx, conversation, agent_id=agent.id, text="a private note")
        await desk.conversations.post_agent_message(
            tx, conversation, agent_id=agent.id, text="Hello, Mara here."
        )
    read = await visitor.get(f"/conversations/{conversation}")
    assert (read.json()["agent_name"], read.json()["messages"][0]["name"]) == ("Mara", "Mara")
    listed = await visitor.get("/conversations")
    async with visitor.listen(conversation, after=0) as listener:
        streamed = [await listener.next() for _ in range(2)]
    assert [event.type for event in streamed] == ["holder", "message"]
    for shown in (read.text, listed.text, str(streamed)):
        for hidden in ("Lindt", agent.email, "private note", agent.id):
            assert hidden not in shown


async def test_the_database_keeps_no_token(visitor: Visitor, desk: Desk) -> None:
    async with desk.db.read() as tx:
        row = await tx.get_one(VisitorRow, visitor.visitor_id)
        assert visitor.token not in {str(value) for value in vars(row).values()}
        assert await latest_open(tx, visitor.visitor_id) is None
        assert (await tx.get_one(Site, desk.site.id)).key == desk.site.key
