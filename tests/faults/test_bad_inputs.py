"""What nobody should send, to the whole product in its own process: the right status, a sentence, and nothing lost."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.helpers.commands import minidesk
from tests.helpers.documents import pdf
from tests.helpers.server import Server, running

EMAIL, PASSWORD = "mara@example.com", "a long enough password"
API = "/api/widget/v1"
BROKEN = pdf([[(72, 700, 10, "Half a page")]])[:200]


@dataclass
class Desk:
    """A server with an agent and one file of knowledge."""

    server: Server
    client: httpx.AsyncClient
    key: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        with closing(sqlite3.connect(self.server.folder / "data" / "minidesk.db")) as connection:
            return connection.execute(query).fetchall()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Started and reachable; whatever the test did, nothing of it may be a 500."""
    data = tmp_path / "data"
    made = await asyncio.to_thread(
        minidesk, data, "agents", "add", EMAIL, "--password-stdin", typed=f"{PASSWORD}\n"
    )
    assert made.returncode == 0, made.stderr
    async with running(tmp_path) as server, httpx.AsyncClient(trust_env=False, timeout=30) as client:
        client.base_url = httpx.URL(server.url)
        one = Desk(server, client, "")
        one.key = one.rows("SELECT key FROM sites")[0][0]
        yield one
    assert "Traceback" not in server.log
    assert " 500" not in server.log
    assert "status=500" not in server.log


def refused(answer: httpx.Response, status: int, code: str) -> None:
    """The one error body, with a sentence."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert error["code"] == code
    assert re.fullmatch(r"[A-Z].*[.?]", error["message"]), error


async def test_messages(desk: Desk) -> None:
    session = (await desk.client.post(f"{API}/sites/{desk.key}/session", json={})).json()
    signed = {"Authorization": f"Bearer {session['token']}"}

    async def post(path: str, body: object) -> httpx.Response:
        return await desk.client.post(f"{API}{path}", json=body, headers=signed)

    conversation = (await post("/conversations", {})).json()["id"]
    said = f"/conversations/{conversation}/messages"
    long = await post(said, {"client_id": "c-00000001", "text": "x" * 5000})
    refused(long, 422, "message_too_long")
    assert "4,000" in long.json()["error"]["message"] or "4000" in long.json()["error"]["message"]
    refused(await post(said, {"client_id": "c-00000001", "text": " \u200b "}), 422, "message_empty")
    refused(await post(said, {"text": "hello"}), 422, "invalid")
    unknown = "/conversations/cnv_1a1fd5d971b5620ff121dfcd51c8aa5/messages"
    refused(await post(unknown, {"client_id": "c-00000001", "text": "hello"}), 404, "not_found")
    refused(
        await post("/conversations/'; --/messages", {"client_id": "c-1", "text": "hello"}), 404, "not_found"
    )
    no_json = await desk.client.post(f"{API}{said}", content=b"{nonsense", headers=signed)
    assert no_json.status_code in (400, 415)
    no_token = await desk.client.post(f"{API}{said}", json={"client_id": "c-00000001", "text": "hello"})
    refused(no_token, 401, "not_authenticated")
    refused(await desk.client.post(f"{API}/sites/pk_nothing/session", json={}), 404, "not_found")
    assert desk.rows("SELECT count(*) FROM messages") == [(0,)]

    # After all that the conversation still takes a message, and the same one twice is one.
    body = {"client_id": "c-00000001", "text": "Do you sell boots?"}
    first, second = await post(said, body), await post(said, body)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["message"]["id"] == second.json()["message"]["id"]
    other = await post(said, body | {"text": "Something else under the same id"})
    assert other.json()["message"]["text"] == "Do you sell boots?"
    assert desk.rows("SELECT text FROM messages WHERE author = 'visitor'") == [("Do you sell boots?",)]


async def test_uploads(desk: Desk) -> None:
    async def page(path: str) -> str:
        answer = await desk.client.get(path)
        assert answer.status_code == 200
        found = re.search(r'name="csrf" value="([^"]+)"', answer.text)
        return unescape(found[1]) if found else ""

    origin = {"Origin": desk.server.url}
    fields = {"email": EMAIL, "password": PASSWORD, "csrf": await page("/console/login")}
    signed_in = await desk.client.post("/console/login", data=fields, headers=origin)
    assert signed_in.status_code == 303, signed_in.text
    csrf = await page("/console/docs")

    async def upload(*files: tuple[str, bytes, str]) -> httpx.Response:
        return await desk.client.post(
            "/console/docs/upload",
            data={"csrf": csrf},
            files=[("files", file) for file in files],
            headers=origin | {"HX-Request": "true"},
        )

    refused(await upload(("empty.md", b"", "text/markdown")), 422, "file_empty")
    refused(await upload(("setup.exe", b"MZ" + bytes(300), "application/pdf")), 415, "type_not_allowed")
    refused(
        await upload(("page.pdf", b"<!doctype html><html></html>", "application/pdf")), 415, "type_mismatch"
    )
    assert desk.rows("SELECT count(*) FROM sources") == [(0,)]

    # A broken PDF looks like one at the door: the child finds out, and the page says it.
    both = await upload(
        ("moon.md", b"# Moon\n\nThe shop on the moon opens at five in the morning.", "text/markdown"),
        ("broken.pdf", BROKEN, "application/pdf"),
    )
    assert (both.status_code, both.json()) == (200, {"problems": [None, None]})
    async with asyncio.timeout(60):
        # Another process works on them; only its rows can be asked.
        while sorted(desk.rows("SELECT status FROM sources")) != [("failed",), ("ready",)]:  # noqa: ASYNC110 (see above)
            await asyncio.sleep(0.1)
    found = desk.rows("SELECT path, status, code FROM sources ORDER BY path")
    assert found == [("broken.pdf", "failed", "document_unreadable"), ("moon.md", "ready", None)]
    shown = await desk.client.get("/console/docs/list")
    assert "broken.pdf" in shown.text
    source = desk.rows("SELECT id FROM sources WHERE path = 'broken.pdf'")[0][0]
    assert "This PDF is damaged" in (await desk.client.get(f"/console/docs/{source}")).text
    # A broken new version leaves the old one answering.
    assert (await upload(("moon.md", b"\x00\x01\x02" * 50, "text/markdown"))).status_code in (204, 415, 422)
    assert desk.rows("SELECT status FROM documents WHERE external_id = 'moon.md'") == [("ready",)]
    assert desk.rows("SELECT count(*) FROM chunks") == [(1,)]
