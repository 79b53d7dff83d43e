"""What a site asks before the first message: asked by the page, and held to by the server."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from tests.web.conftest import API, SEALER, Desk, Visitor, open_visitor
from tests.web.test_visitor_plain import open_page

from minidesk.db.models import Conversation
from minidesk.db.models import Visitor as VisitorRow
from minidesk.sites import SiteConfig, create_identity_key, update_config
from minidesk.web.visitor_api import plain

CONSENT = "I agree to the shop's rules."
ALL: dict[str, Any] = {"ask_name": "required", "ask_email": "optional", "ask_own": "required", "own_question": "Which order?", "ask_consent": True, "consent_text": CONSENT}  # fmt: skip
FILLED = {"name": " Ana  Kovač ", "email": "ana@example.com", "answer": "20431", "consent": CONSENT}


async def set_up(desk: Desk, **config: Any) -> None:
    async with desk.db.write() as tx:
        await update_config(tx, desk.site.id, SiteConfig(**config))


async def start(visitor: Visitor, intake: dict[str, str] | None) -> httpx.Response:
    return await visitor.post("/conversations", {} if intake is None else {"intake": intake})


async def rows(desk: Desk, conversation: str) -> tuple[Conversation, VisitorRow]:
    async with desk.db.read() as tx:
        row = await tx.get_one(Conversation, conversation)
        return row, await tx.get_one(VisitorRow, row.visitor_id)


async def test_nothing_is_asked_unless_the_site_wants_it(desk: Desk, visitor: Visitor) -> None:
    assert not {"ask", "nudges"} & set((await visitor.get("/config")).json())
    assert (await start(visitor, FILLED)).status_code == 201
    row, who = await rows(desk, (await start(visitor, FILLED)).json()["id"])
    assert (who.name, who.email, row.asked_answer, row.consent_at) == (None, None, None, None)


async def test_answers_and_consent_are_kept(desk: Desk, visitor: Visitor) -> None:
    await set_up(desk, **ALL)
    form = (await visitor.get("/config?locale=de")).json()["ask"]
    assert {key: form[key] for key in form if key != "words"} == {
        "name": "required", "email": "optional", "own": "required", "question": "Which order?", "consent": CONSENT,
    }  # fmt: skip
    assert form["words"]["name"] == "Ihr Name"
    made = await start(visitor, FILLED)
    assert made.status_code == 201, made.text
    row, who = await rows(desk, made.json()["id"])
    assert (who.name, who.email, who.verified) == ("Ana Kovač", "ana@example.com", False)
    assert (row.asked, row.asked_answer) == ("Which order?", "20431")
    assert (row.consent_text, row.consent_at) == (CONSENT, desk.clock())
    assert (await visitor.say(made.json()["id"], "hello"))["text"] == "hello"
    # The next conversation asks only what is not known of the visitor.
    form = (await visitor.get("/config")).json()["ask"]
    assert (form["name"], form["email"], form["own"], form["consent"]) == ("", "", "required", CONSENT)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"name": " "}, "intake_missing", "Write your name"),
        ({"answer": ""}, "intake_missing", "Which order?"),
        ({"consent": ""}, "intake_missing", "Agree to how"),
        ({"consent": "I agree to other words."}, "intake_missing", "Agree to how"),
        ({"email": "nobody"}, "intake_invalid", "name@example.com"),
        ({"answer": "x" * 401}, "message_too_long", "400"),
    ],
)
async def test_without_what_is_required_no_conversation_begins(
    desk: Desk, visitor: Visitor, change: dict[str, str], code: str, words: str
) -> None:
    await set_up(desk, **ALL)
    refused = await start(visitor, FILLED | change)
    assert refused.status_code == 422, refused.text
    assert refused.json()["error"]["code"] == code
    assert words in refused.json()["error"]["message"]
    assert (await start(visitor, None)).status_code == 422
    assert (await start(visitor, FILLED)).status_code == 201


async def test_a_conversation_that_was_begun_before_is_held_to_it(desk: Desk, visitor: Visitor) -> None:
    begun, talked = await visitor.start(), await visitor.start()
    await visitor.say(talked, "hello")
    await set_up(desk, ask_consent=True)
    first = await visitor.post(f"/conversations/{begun}/messages", {"client_id": "c1", "text": "hello"})
    assert (first.status_code, first.json()["error"]["code"]) == (422, "intake_missing")
    assert (await visitor.post(f"/conversations/{begun}/handoff")).status_code == 422
    assert (await visitor.say(talked, "more", "c2"))["text"] == "more"


async def test_our_own_line_is_agreed_to_in_any_language(desk: Desk, visitor: Visitor) -> None:
    await set_up(desk, ask_consent=True)
    line = (await visitor.get("/config?locale=he")).json()["ask"]["consent"]
    made = await start(visitor, {"consent": line})
    assert (await rows(desk, made.json()["id"]))[0].consent_text == line


async def test_whom_the_website_signed_for_is_asked_no_name(client: httpx.AsyncClient, desk: Desk) -> None:
    await set_up(desk, **ALL)
    async with desk.db.write() as tx:
        key = await create_identity_key(tx, SEALER, site_id=desk.site.id, now=desk.clock())
    ends = int((desk.clock() + timedelta(minutes=30)).timestamp())
    claims = {
        "sub": "7",
        "name": "Ana Signed",
        "email": "signed@example.com",
        "aud": desk.site.key,
        "exp": ends,
    }
    token = jwt.encode(claims, key.secret, "HS256")
    answer = await client.post(f"{API}/sites/{desk.site.key}/session", json={"identity": token})
    ana = Visitor(client, answer.json()["token"], answer.json()["visitor"]["id"])
    form = (await ana.get("/config")).json()["ask"]
    assert (form["name"], form["email"], form["consent"]) == ("", "", CONSENT)
    made = await start(ana, FILLED | {"name": "Mallory", "email": "mallory@example.com"})
    _, who = await rows(desk, made.json()["id"])
    assert (who.name, who.email, who.verified) == ("Ana Signed", "signed@example.com", True)
    # Somebody who writes her address gets nothing of hers.
    other = await open_visitor(client, desk.site)
    assert (await start(other, FILLED | {"email": "signed@example.com"})).status_code == 201
    seen = (await other.get("/conversations")).json()["conversations"]
    assert made.json()["id"] not in [line["id"] for line in seen]
    assert len(seen) <= 1


async def test_the_page_without_scripts_asks_the_same(
    client: httpx.AsyncClient, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "ANSWER_SECONDS", 0.2)
    await set_up(desk, **ALL)
    page = await open_page(client, desk)
    required: Callable[[str], Any] = lambda name: page.tree.xpath(f"//input[@name='{name}' and @required]")  # noqa: E731
    assert [len(required(name)) for name in ("name", "email", "answer", "consent")] == [1, 0, 1, 1]
    refused = await page.press("send", "hello", name="Ana", answer="20431")
    assert refused.answer.status_code == 422
    assert "Agree to how" in refused.text
    assert (refused.fields["name"], refused.fields["text"]) == ("Ana", "hello")
    sent = await refused.press("send", "hello", **FILLED)
    assert sent.said() == [("visitor", "hello")]
    assert not sent.tree.xpath("//input[@name='consent']")
    row, who = await rows(desk, sent.fields["conversation"])
    assert (who.name, row.consent_text, row.asked_answer) == ("Ana Kovač", CONSENT, "20431")
