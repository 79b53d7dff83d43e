"""The loader, the chat page, the built files, and what operators ask for."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import httpx
import lxml.html
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter
from starlette.requests import Request
from starlette.responses import Response
from tests.helpers.serving import serving
from tests.web.conftest import SHOP, Desk

from minidesk.errors import CsrfFailed, Invalid, NotFound, Unavailable
from minidesk.settings import load_settings
from minidesk.sites import update_config
from minidesk.web.assets import Assets
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.identity import (
    check_own_origin,
    cookie_name,
    own_origin,
    session_cookie,
    set_session_cookie,
)
from minidesk.web.ops import OpsDeps, ops_router

MANIFEST: dict[str, dict[str, Any]] = {
    "src/loader/main.ts": {"file": "assets/loader-1.js", "isEntry": True},
    "src/chat/main.tsx": {
        "file": "assets/chat-1.js",
        "css": ["assets/chat-1.css"],
        "imports": ["_shared.js"],
    },
    "_shared.js": {
        "file": "assets/shared-1.js",
        "css": ["assets/shared-1.css"],
        "imports": ["src/chat/main.tsx"],
    },
}


def build(dist: Path, loader: str = "(() => {})()") -> None:
    """What Vite leaves behind."""
    (dist / ".vite").mkdir(parents=True, exist_ok=True)
    (dist / "assets").mkdir(exist_ok=True)
    for entry in MANIFEST.values():
        for name in [entry["file"], *entry.get("css", [])]:
            (dist / name).write_text(f"/* {name} */")
    (dist / "assets/loader-1.js").write_text(loader)
    manifest = dist / ".vite" / "manifest.json"
    stamp = manifest.stat().st_mtime_ns + 1 if manifest.exists() else None
    manifest.write_text(json.dumps(MANIFEST))
    if stamp is not None:
        os.utime(manifest, ns=(stamp, stamp))


async def test_the_chat_page_works_under_the_strictest_policy(client: httpx.AsyncClient, desk: Desk) -> None:
    build(desk.dist)
    answer = await client.get(f"/widget/{desk.site.key}", headers={"Accept-Language": "de"})
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert policy.endswith(f"frame-ancestors 'self' {SHOP}")
    assert "X-Frame-Options" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    page = lxml.html.document_fromstring(answer.text)
    assert page.get("lang") == "de"
    (app,) = [element for element in page.iter("div") if element.get("id") == "app"]
    assert app.get("data-site") == desk.site.key
    scripts = list(page.iter("script"))
    assert [(script.get("src"), script.text) for script in scripts] == [
        ("/static/dist/assets/chat-1.js", None)
    ]
    styles = ["/static/dist/assets/shared-1.css", "/static/dist/assets/chat-1.css"]
    assert [link.get("href") for link in page.iter("link") if link.get("rel") == "stylesheet"] == styles
    assert list(page.iter("style")) == []
    inline = [
        name for e in page.iter() for name in e.attrib if str(name) == "style" or str(name).startswith("on")
    ]
    assert inline == []
    for path in ["/static/dist/assets/chat-1.js", *styles]:
        built = await client.get(path)
        assert built.status_code == 200
        assert built.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert built.headers["Content-Type"].startswith(("text/javascript", "text/css"))
    for missing in ("pk_none", "a%00b", "x" * 300):
        assert (await client.get(f"/widget/{missing}")).status_code == 404


async def test_a_sites_name_is_text(client: httpx.AsyncClient, desk: Desk) -> None:
    build(desk.dist)
    async with desk.db.write() as tx:
        await update_config(tx, desk.site.id, desk.site.config, name="</title><script>alert(1)</script>")
    page = lxml.html.document_fromstring((await client.get(f"/widget/{desk.site.key}")).text)
    assert [title.text for title in page.iter("title")] == ["Chat with </title><script>alert(1)</script>"]
    assert len(list(page.iter("script"))) == 1


async def test_the_loader_is_asked_for_again_and_seldom_sent_twice(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    unbuilt = await client.get("/widget.js")
    assert (unbuilt.status_code, unbuilt.json()["error"]["code"]) == (503, "assets_missing")
    build(desk.dist)
    first = await client.get("/widget.js")
    assert (first.text, first.headers["Content-Type"]) == ("(() => {})()", "text/javascript; charset=utf-8")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    assert first.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    again = await client.get("/widget.js", headers={"If-None-Match": f'"old", {first.headers["ETag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    build(desk.dist, loader="(() => { 2 })()")
    changed = await client.get("/widget.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (changed.status_code, changed.text) == (200, "(() => { 2 })()")


@pytest.mark.parametrize(
    "path", ["assets/none.js", "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "assets/%2e%2e/%2e%2e/secret.txt", ".vite/manifest.json", "assets", "", "/etc/passwd", "a%00b"]
)  # fmt: skip
async def test_no_path_leads_out_of_the_build(client: httpx.AsyncClient, desk: Desk, path: str) -> None:
    build(desk.dist)
    (desk.dist.parent / "secret.txt").write_text("secret")
    request = client.build_request("GET", "/static/dist/x")
    request.url = request.url.copy_with(raw_path=f"/static/dist/{path}".encode())
    answer = await client.send(request)
    assert answer.status_code == 404
    assert "secret" not in answer.text


async def test_ten_thousand_ranges_cost_nothing(client: httpx.AsyncClient, desk: Desk) -> None:
    build(desk.dist)
    ranges = "bytes=" + ",".join(f"{n}-" for n in range(3000))
    async with asyncio.timeout(30):
        answer = await client.get("/static/dist/assets/chat-1.js", headers={"Range": ranges[:15_000]})
    assert answer.status_code in (200, 206, 400, 416)


def test_assets_that_were_not_built_say_what_to_do(tmp_path: Path) -> None:
    assets = Assets(tmp_path)
    with pytest.raises(Unavailable, match=r"Run `python hatch_build\.py`"):
        assets.entry("src/chat/main.tsx")
    build(tmp_path)
    assert assets.entry("src/chat/main.tsx").script == "/static/dist/assets/chat-1.js"
    with pytest.raises(Unavailable):
        assets.entry("src/nothing.ts")
    with pytest.raises(NotFound):
        assets.file("assets/none.js")


async def test_what_operators_ask() -> None:
    registry, stopping, broken = CollectorRegistry(), asyncio.Event(), False
    down: list[str] = []
    Counter("minidesk_answers", "Answers.", registry=registry).inc(3)

    async def works() -> None:
        if broken:
            raise Unavailable

    app = FastAPI()
    app.include_router(ops_router(OpsDeps({"database": works}, registry, stopping, down=lambda: down)))
    app.add_middleware(Guard, rules=GuardRules())
    async with serving(app) as base, httpx.AsyncClient(base_url=base, timeout=30) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (200, {"ready": True, "parts": {"database": "ok"}})
        down.append("tickets")  # a loop that ended
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["parts"]) == (503, {"database": "ok", "tickets": "failing"})
        down.clear()
        assert "minidesk_answers_total 3.0" in (await http.get("/metrics")).text
        broken = True
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()) == (503, {"ready": False, "parts": {"database": "failing"}})
        assert (await http.get("/healthz")).status_code == 200
        stopping.set()
        assert (await http.get("/healthz")).status_code == 503


def request_with(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "scheme": "http",
            "path": "/",
            "query_string": b"",
            "server": ("x", 80),
            "headers": raw,
        }
    )


def test_which_origin_is_our_own() -> None:
    public, local = load_settings(public_url="https://Desk.example.com:443/"), load_settings()
    assert own_origin(request_with(host="evil.example"), public) == "https://desk.example.com"
    assert own_origin(request_with(host="localhost:8600"), local) == "http://localhost:8600"
    for fine in (
        {},
        {"origin": "https://desk.example.com"},
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
    ):
        check_own_origin(request_with(host="desk.example.com", **fine), public)
    for foreign in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ):
        with pytest.raises(CsrfFailed):
            check_own_origin(request_with(host="desk.example.com", **foreign), public)
    with pytest.raises(Invalid):
        own_origin(request_with(host="x"), load_settings(public_url="ftp://x"))


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [("https://desk.example.com", "__Host-minidesk", True), ("", "minidesk", False)],
)
def test_the_cookie_is_as_strict_as_the_scheme_allows(url: str, name: str, secure: bool) -> None:
    settings, response = load_settings(public_url=url), Response()
    set_session_cookie(response, settings, "token")
    cookie = response.headers["set-cookie"]
    assert cookie_name(settings) == name
    assert cookie.startswith(f"{name}=token; HttpOnly; Max-Age=1209600; Path=/; SameSite=lax")
    assert ("Secure" in cookie) is secure
    assert "Domain" not in cookie
    assert session_cookie(request_with(cookie=f"{name}=token"), settings) == "token"
    assert session_cookie(request_with(cookie="other=token"), settings) is None
