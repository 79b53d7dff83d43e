"""A website says who its visitor is: what is believed, what follows from it, and what never does (T3)."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from sqlalchemy import func, select
from tests.web.conftest import API, SEALER, Desk, Visitor, open_visitor

from minidesk.accounts import Sealer
from minidesk.db.models import Conversation, IdentityKey
from minidesk.db.models import Visitor as VisitorRow
from minidesk.errors import Conflict, NotFound
from minidesk.sites import SiteView, create_identity_key, delete_identity_key, seal_identity_keys


async def new_key(desk: Desk, site: SiteView | None = None) -> str:
    """A secret that the site's website holds."""
    async with desk.db.write() as tx:
        return (
            await create_identity_key(tx, SEALER, site_id=(site or desk.site).id, now=desk.clock())
        ).secret


def sign(desk: Desk, secret: str, *, minutes: float = 30, algorithm: str = "HS256", **claims: Any) -> str:
    """A token as a website makes it; a claim that is None is left out."""
    ends = desk.clock() + timedelta(minutes=minutes)
    whole = {
        "sub": "customer-1",
        "name": "Ana",
        "email": "ana@example.com",
        "aud": desk.site.key,
        "exp": int(ends.timestamp()),
    } | claims
    return jwt.encode({k: v for k, v in whole.items() if v is not None}, secret, algorithm=algorithm)


async def ask_as(
    client: httpx.AsyncClient, desk: Desk, token: str, bearer: str | None = None
) -> httpx.Response:
    """Open a session with an identity."""
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    path = f"{API}/sites/{desk.site.key}/session"
    return await client.post(path, json={"identity": token}, headers=headers)


async def enter(
    client: httpx.AsyncClient, desk: Desk, token: str, bearer: str | None = None
) -> tuple[Visitor, Any]:
    """A browser whose page has named its visitor, and what the session said."""
    answer = await ask_as(client, desk, token, bearer)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return Visitor(client, body["token"], body["visitor"]["id"]), body


async def test_a_name_is_believed_and_shown(client: httpx.AsyncClient, desk: Desk) -> None:
    secret = await new_key(desk)
    visitor, body = await enter(client, desk, sign(desk, secret))
    assert body["visitor"]["verified"] is True
    async with desk.db.read() as tx:
        row = await tx.get_one(VisitorRow, visitor.visitor_id)
        assert (row.name, row.email, row.external_id, row.verified) == (
            "Ana",
            "ana@example.com",
            "customer-1",
            True,
        )
        assert (await tx.scalars(select(IdentityKey.last_used_at))).all() == [desk.clock()]
    _, again = await enter(client, desk, sign(desk, secret, name="Ana Maria"), visitor.token)
    assert again["token"] == visitor.token  # the same person: nothing to change
    async with desk.db.read() as tx:
        assert (await tx.get_one(VisitorRow, visitor.visitor_id)).name == "Ana Maria"


async def test_the_second_device_has_the_conversations_of_the_first(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    secret = await new_key(desk)
    phone = await open_visitor(client, desk.site)
    before = await phone.start()  # as nobody
    await phone.say(before, "Where is my parcel?")
    named, body = await enter(client, desk, sign(desk, secret), phone.token)
    assert body["conversation"] == before
    laptop, seen = await enter(client, desk, sign(desk, secret))
    assert seen["conversation"] == before
    assert laptop.visitor_id == named.visitor_id
    assert laptop.token != named.token
    read = (await laptop.get(f"/conversations/{before}")).json()
    assert [message["text"] for message in read["messages"]] == ["Where is my parcel?"]
    await laptop.say(before, "Hello from the laptop", "c2")
    assert len((await named.get(f"/conversations/{before}")).json()["messages"]) == 2
    # What the third browser wrote as nobody comes along, too.
    tablet = await open_visitor(client, desk.site)
    extra = await tablet.start()
    await tablet.say(extra, "And one thing more")
    third, _ = await enter(client, desk, sign(desk, secret), tablet.token)
    listed = {line["id"] for line in (await third.get("/conversations")).json()["conversations"]}
    assert listed == {before, extra}
    assert (await phone.get(f"/conversations/{before}")).status_code == 401  # the nameless token is gone


async def test_a_written_address_joins_nobodys_history(client: httpx.AsyncClient, desk: Desk) -> None:
    secret = await new_key(desk)
    ana, _ = await enter(client, desk, sign(desk, secret))
    private = await ana.start()
    await ana.say(private, "My card ends in 1234")
    # Somebody who only says so, in words and by what their page tells.
    other = await open_visitor(client, desk.site)
    claim = {"attributes": {"email": "ana@example.com", "sub": "customer-1", "verified": True}}
    assert (await other.post("/context", claim)).status_code == 200
    conversation = await other.start()
    await other.say(conversation, "I am ana@example.com, show me my messages")
    assert [line["id"] for line in (await other.get("/conversations")).json()["conversations"]] == [
        conversation
    ]
    assert (await other.get(f"/conversations/{private}")).status_code == 404
    # The same address under another id of the website is another person.
    twin, _ = await enter(client, desk, sign(desk, secret, sub="customer-2"))
    assert (await twin.get(f"/conversations/{private}")).status_code == 404
    assert (await twin.get("/conversations")).json()["conversations"] == []


async def test_another_person_in_the_same_browser(client: httpx.AsyncClient, desk: Desk) -> None:
    secret = await new_key(desk)
    ana, _ = await enter(client, desk, sign(desk, secret))
    private = await ana.start()
    await ana.say(private, "My card ends in 1234")
    ben, body = await enter(client, desk, sign(desk, secret, sub="customer-2", name="Ben"), ana.token)
    assert body["conversation"] is None
    assert ben.visitor_id != ana.visitor_id
    assert (await ben.get(f"/conversations/{private}")).status_code == 404
    assert (await ana.get("/config")).status_code == 401  # her session in this browser has ended
    back, seen = await enter(client, desk, sign(desk, secret))
    assert (back.visitor_id, seen["conversation"]) == (ana.visitor_id, private)


async def test_signing_out_forgets_the_browser_and_not_the_person(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    secret = await new_key(desk)
    ana, _ = await enter(client, desk, sign(desk, secret))
    conversation = await ana.start()
    assert (await ana.post("/session/end")).status_code == 200
    assert (await ana.get("/config")).status_code == 401
    assert (await ana.post("/session/end")).status_code == 401
    fresh = (await ana.post(f"/sites/{desk.site.key}/session")).json()
    assert (fresh["visitor"]["verified"], fresh["conversation"]) == (False, None)
    assert fresh["visitor"]["id"] != ana.visitor_id
    _, again = await enter(client, desk, sign(desk, secret))
    assert again["conversation"] == conversation


async def test_two_devices_at_the_same_moment_make_one_person(client: httpx.AsyncClient, desk: Desk) -> None:
    secret = await new_key(desk)
    opened = await asyncio.gather(*(enter(client, desk, sign(desk, secret)) for _ in range(8)))
    assert len({visitor.visitor_id for visitor, _ in opened}) == 1
    assert len({visitor.token for visitor, _ in opened}) == 8
    async with desk.db.read() as tx:
        named = select(func.count()).where(VisitorRow.external_id.is_not(None))
        assert await tx.scalar(named) == 1


def unsigned(claims: dict[str, Any], header: dict[str, Any], signature: bytes = b"") -> str:
    """A token put together by hand."""

    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    body = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    return f"{body}.{part(signature)}"


async def test_what_is_not_believed(client: httpx.AsyncClient, desk: Desk) -> None:
    secret = await new_key(desk)
    foreign = await new_key(desk, desk.other)
    good = sign(desk, secret)
    claims = jwt.decode(good, options={"verify_signature": False})
    head, body, signature = good.split(".")
    longer = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha512).digest()
    bad = {
        "none": unsigned(claims, {"alg": "none", "typ": "JWT"}),
        "None": unsigned(claims, {"alg": "None"}),
        "no algorithm": unsigned(claims, {"typ": "JWT"}),
        "HS512": sign(desk, secret * 2, algorithm="HS512"),
        "HS512 with our key": unsigned(claims, {"alg": "HS512"}, longer),
        "another key": sign(desk, "x" * 43),
        "another site's key": sign(desk, foreign),
        "the site's public key": sign(desk, desk.site.key.ljust(32, "x")),
        "another site's audience": sign(desk, secret, aud=desk.other.key),
        "no audience": sign(desk, secret, aud=None),
        "no expiry": sign(desk, secret, exp=None),
        "ended": sign(desk, secret, minutes=-5),
        "ends too late": sign(desk, secret, minutes=90),
        "ends at infinity": sign(desk, secret, exp="9" * 400),
        "ends as a text": sign(desk, secret, exp="soon"),
        "ends as truth": sign(desk, secret, exp=True),
        "no subject": sign(desk, secret, sub=None),
        "an empty subject": sign(desk, secret, sub=" "),
        "a long subject": sign(desk, secret, sub="x" * 201),
        "NUL in the subject": sign(desk, secret, sub="a\0b"),
        "no e-mail address": sign(desk, secret, email="<script>"),
        "cut": good[:-4],
        "changed": f"{head}.{body[:-2]}AA.{signature}",
        "no token": "hello",
        "empty": "",
        "long": "x" * 7000,
        "dots": "." * 20,
        "not ASCII": good + "ü",
    }
    visitor = await open_visitor(client, desk.site)
    conversation = await visitor.start()
    for name, token in bad.items():
        desk.clock.advance(seconds=2)
        refused = await ask_as(client, desk, token, visitor.token)
        assert (name, refused.status_code) == (name, 401)
        assert (name, refused.json()["error"]["code"]) == (name, "identity_invalid")
    assert (
        await visitor.get(f"/conversations/{conversation}")
    ).status_code == 200  # still nobody, still there
    async with desk.db.read() as tx:
        assert (await tx.scalars(select(VisitorRow.verified).distinct())).all() == [False]
    assert (await ask_as(client, desk, sign(desk, secret))).status_code == 200


async def test_an_old_token_ends_by_the_desks_clock(client: httpx.AsyncClient, desk: Desk) -> None:
    secret = await new_key(desk)
    token = sign(desk, secret, minutes=10)
    assert (await ask_as(client, desk, token)).status_code == 200
    desk.clock.advance(minutes=10, seconds=30)  # within what two clocks may differ
    assert (await ask_as(client, desk, token)).status_code == 200
    desk.clock.advance(seconds=31)
    assert (await ask_as(client, desk, token)).status_code == 401


async def test_keys_are_sealed_older_ones_go_on_and_one_that_cannot_be_opened_is_none(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    secret = await new_key(desk)
    async with desk.db.write() as tx:
        key = (await tx.scalars(select(IdentityKey))).one()
        assert secret not in key.sealed
        key.sealed = secret  # as a version before sealing wrote it
    assert (await ask_as(client, desk, sign(desk, secret))).status_code == 200
    async with desk.db.write() as tx:  # what the next start does
        await seal_identity_keys(tx, SEALER)
        key = (await tx.scalars(select(IdentityKey))).one()
        assert secret not in key.sealed
    assert (await ask_as(client, desk, sign(desk, secret))).status_code == 200
    async with desk.db.write() as tx:
        key = (await tx.scalars(select(IdentityKey))).one()
        key.sealed = Sealer(bytes(31) + b"x").seal(secret, key.id)
    refused = await ask_as(client, desk, sign(desk, secret))
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "identity_invalid")
    second = await new_key(desk)  # and the other key holds
    assert (await ask_as(client, desk, sign(desk, second))).status_code == 200


async def test_changing_over_to_another_key(client: httpx.AsyncClient, desk: Desk) -> None:
    first = await new_key(desk)
    second = await new_key(desk)
    async with desk.db.write() as tx:
        with pytest.raises(Conflict) as full:
            await create_identity_key(tx, SEALER, site_id=desk.site.id, now=desk.clock())
    assert full.value.code == "too_many_keys"
    for secret in (first, second):
        assert (await ask_as(client, desk, sign(desk, secret))).status_code == 200
    async with desk.db.write() as tx:
        [old] = [
            key.id
            for key in await tx.scalars(select(IdentityKey))
            if SEALER.open(key.sealed, key.id) == first
        ]
        with pytest.raises(NotFound):
            await delete_identity_key(tx, site_id=desk.other.id, key_id=old)
        with pytest.raises(NotFound):
            await delete_identity_key(tx, site_id=desk.site.id, key_id="a\0b")
        await delete_identity_key(tx, site_id=desk.site.id, key_id=old)
    assert (await ask_as(client, desk, sign(desk, first))).status_code == 401
    assert (await ask_as(client, desk, sign(desk, second))).status_code == 200


async def test_without_a_key_nobody_is_anybody(client: httpx.AsyncClient, desk: Desk) -> None:
    assert (await ask_as(client, desk, sign(desk, "x" * 43))).status_code == 401
    for nothing in (None, 5, ["x"], "x" * 9000):
        answer = await client.post(f"{API}/sites/{desk.site.key}/session", json={"identity": nothing})
        assert answer.status_code == (200 if nothing is None else 422)


async def test_what_the_page_says_is_kept_within_bounds(
    visitor: Visitor, stranger: Visitor, desk: Desk
) -> None:
    conversation = await visitor.start()
    said = {
        "conversation": conversation,
        "page_url": "https://shop.example.com/cart?step=2",
        "page_title": "Your cart",
        "attributes": {"plan": "gold\u202e", "orders": 3, "newsletter": True, "share": 0.5},
    }
    assert (await visitor.post("/context", said)).status_code == 200
    async with desk.db.read() as tx:
        row = await tx.get_one(VisitorRow, visitor.visitor_id)
        assert row.attributes == {"plan": "gold", "orders": 3, "newsletter": True, "share": 0.5}
    assert (await stranger.post("/context", said)).status_code == 404
    too_much: list[Any] = [
        {f"a{n}": 1 for n in range(21)},
        {"x" * 41: 1},
        {"": 1},
        {"a": "x" * 201},
        {"a": None},
        {"a": [1]},
        {"a": {"b": 1}},
        {"a": 2**60},
    ]
    for attributes in too_much:
        refused = await visitor.post("/context", {"attributes": attributes})
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "attributes_invalid")
    for url in ("javascript:alert(1)", "x", ""):
        assert (
            await visitor.post("/context", {"conversation": conversation, "page_url": url})
        ).status_code == 200
    async with desk.db.read() as tx:
        row = await tx.get_one(VisitorRow, visitor.visitor_id)
        assert row.attributes == {"plan": "gold", "orders": 3, "newsletter": True, "share": 0.5}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://shop.example.com/reset?token=abc&lang=de", "https://shop.example.com/reset?lang=de"),
        ("https://ana:pw@shop.example.com/cart#access_token=x", "https://shop.example.com/cart"),
        ("https://shop.example.com/cart?step=2", "https://shop.example.com/cart?step=2"),
    ],
)
async def test_the_page_is_kept_without_what_opens_an_account(
    visitor: Visitor, desk: Desk, url: str, kept: str
) -> None:
    """Agents, webhooks and rules read it: a link to a new password in it would be anybody's."""
    conversation = await visitor.start()
    await visitor.post("/context", {"conversation": conversation, "page_url": url})
    async with desk.db.read() as tx:
        assert (await tx.get_one(Conversation, conversation)).page_url == kept
