"""A webhook of the real server: added in the console, told of a visitor's message, and not forgotten by kill -9."""

import json
import re
import sqlite3
from contextlib import closing
from html import unescape
from pathlib import Path

import httpx
from tests.channels.conftest import Receiver
from tests.channels.test_webhooks import verified
from tests.helpers.server import running

EMAIL = "demo@hillside-outdoor.example"


async def form_token(client: httpx.AsyncClient, path: str) -> str:
    """The token of a page's form."""
    found = re.search(r'name="csrf" value="([^"]+)"', (await client.get(path)).text)
    assert found is not None
    return unescape(found[1])


async def press(client: httpx.AsyncClient, path: str, token: str, **fields: object) -> httpx.Response:
    """Send a form."""
    headers = {"Origin": str(client.base_url).rstrip("/")}
    return await client.post(path, data={"csrf": token} | fields, headers=headers)


async def ask(client: httpx.AsyncClient, site_key: str, client_id: str) -> None:
    """A new visitor writes; 202 says that it is stored."""
    session = (await client.post(f"/api/widget/v1/sites/{site_key}/session", json={})).json()
    headers = {"Authorization": f"Bearer {session['token']}"}
    started = await client.post("/api/widget/v1/conversations", json={}, headers=headers)
    path = f"/api/widget/v1/conversations/{started.json()['id']}/messages"
    body = {"client_id": client_id, "text": "How long may I return boots?"}
    assert (await client.post(path, json=body, headers=headers)).status_code == 202


async def test_a_message_reaches_the_receiver_also_over_a_kill(
    receiver: Receiver, tmp_path: Path, sample: Path
) -> None:
    allowed = {"MINIDESK_OUTBOUND_ALLOW": f"127.0.0.1:{receiver.port}"}
    async with running(tmp_path, "demo", sample, **allowed) as server:
        async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
            token = await form_token(client, "/console/login")
            await press(client, "/console/login", token, email=EMAIL, password=server.password)
            token = await form_token(client, "/console/webhooks")
            made = await press(
                client, "/console/webhooks", token, url=receiver.url, events=["message.visitor"]
            )
            assert made.status_code == 201, made.text
            secret = re.search(r'value="(whsec_[^"]+)"', made.text)
            assert secret is not None
            page = (await client.get("/demo")).text
            key = re.search(r'data-site="([^"]+)"', page)
            assert key is not None, page
            await ask(client, key[1], "first")
            await receiver.wait_for(1)
            receiver.silent = True
            await ask(client, key[1], "second")
            await receiver.wait_for(2)
        await server.kill()
        with closing(sqlite3.connect(tmp_path / "data" / "minidesk.db")) as rows, rows:
            assert unescape(secret[1]) not in str(rows.execute("SELECT * FROM webhook_endpoints").fetchall())
            # As a version wrote it that did not seal secrets yet; a start seals it, and it goes on signing.
            rows.execute("UPDATE webhook_endpoints SET sealed = ?", (unescape(secret[1]),))
        receiver.silent = False
        await server.start()
        await receiver.wait_for(3)
        with closing(sqlite3.connect(tmp_path / "data" / "minidesk.db")) as rows:
            assert unescape(secret[1]) not in str(rows.execute("SELECT * FROM webhook_endpoints").fetchall())
    first, second, third = receiver.got
    assert all(verified(unescape(secret[1]), one.headers, one.body) for one in receiver.got)
    assert json.loads(first.body)["data"]["message"]["text"] == "How long may I return boots?"
    assert first.headers["webhook-id"] != second.headers["webhook-id"] == third.headers["webhook-id"]
    assert second.body == third.body
