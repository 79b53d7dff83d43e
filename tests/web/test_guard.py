"""The guard: limits before parsing, headers on everything, and one error body. Never a 500."""

import asyncio
import json
import logging
import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.web import test_console, test_rest
from tests.web.conftest import API, Desk, Visitor
from tests.web.test_console import Office
from tests.web.test_rest import Api

import minidesk
from minidesk.errors import MinideskError, NotAllowed, TooMany
from minidesk.web.body import parse_json
from minidesk.web.guard import UPLOAD_SLACK, Guard, GuardRules
from minidesk.web.limits import LoginThrottle, RateLimiter, client_address
from minidesk.web.problems import install_error_handlers

office, api = test_console.office, test_rest.api
# Of forms: what a database does with them is told elsewhere.
sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
ACTION = re.compile(r'(?:hx-post|action)="([^"]+)"')
COMPOSER_BUTTON = re.compile(
    r'(?:formaction="/console/conversations/\{\{ c\.id \}\}/|helped = "/console/conversations/" ~ c\.id ~ "/)(\w+)"'
)
SECRET = "postgres://user:hunter2@10.0.0.5/desk"


def build_app(rules: GuardRules) -> FastAPI:
    app = FastAPI()

    @app.post("/console/docs/upload")
    @app.post("/console/conversations/c1/say")
    @app.post("/console/conversations/c1/macro")
    @app.post("/console/conversations/c1/say/more")
    @app.post("/console/login")
    @app.post("/widget/site/plain")
    @app.put("/api/v1/documents/a/b.pdf")
    @app.post("/api/widget/v1/echo")
    @app.post("/api/widget/v1/attachments")
    @app.post("/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.get("/fail")
    async def fail() -> None:
        raise RuntimeError(SECRET)

    @app.get("/cut")
    async def cut() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            raise RuntimeError(SECRET)

        return StreamingResponse(pieces())

    @app.get("/refuse")
    async def refuse() -> None:
        raise NotAllowed

    @app.get("/number")
    async def number(n: int = Query(ge=0, le=10)) -> int:
        return n

    @app.get("/cached")
    async def cached() -> PlainTextResponse:
        return PlainTextResponse("same for all", headers={"Cache-Control": "public, max-age=60"})

    install_error_handlers(app)
    app.add_middleware(Guard, rules=rules)
    return app


@pytest.fixture
async def guarded() -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that is nothing but guarded."""
    rules = GuardRules(
        body_seconds=1.0,
        upload_body=2_000_000 - UPLOAD_SLACK,
        widget_upload=200_000 - UPLOAD_SLACK,
        upload_rate=200_000,
    )
    async with (
        serving(build_app(rules), proxy_headers=False) as base,
        httpx.AsyncClient(base_url=base, timeout=30) as http,
    ):
        yield http


async def raw(client: httpx.AsyncClient, *pieces: bytes, hold: bool = False) -> bytes:
    """What the server answers to these very bytes; `hold` keeps the connection open and says no more."""
    address = urlsplit(str(client.base_url))
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if not hold:
            writer.write_eof()
        async with asyncio.timeout(30):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def head(path: str, *headers: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: desk.example.com", *headers, "", ""]).encode()


def error_of(answer: bytes) -> tuple[int, str]:
    start, _, body = answer.partition(b"\r\n\r\n")
    return int(start.split()[1]), json.loads(body)["error"]["code"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/refuse", 403, "not_allowed"), ("/nowhere", 404, "not_found"), ("/echo", 405, "method_not_allowed"), ("/fail", 500, "internal_error"), ("/number?n=x", 422, "invalid"), ("/number?n=11", 422, "invalid"), ("/number", 422, "invalid"), ("/number?n=" + "9" * 400, 422, "invalid")],
)  # fmt: skip
async def test_every_error_has_the_one_body(
    guarded: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, path: str, status: int, code: str
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await guarded.get(path)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"code", "message", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert error["message"].endswith(".")
    assert not any(word in answer.text for word in ("Traceback", "hunter2", "/src/", "pydantic"))
    logged = [record for record in caplog.records if record.name == "minidesk.web"]
    assert [getattr(record, "request_id", None) for record in logged] == (
        [error["request_id"]] if status == 500 else []
    )


async def test_a_cut_answer_does_not_look_whole(guarded: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await guarded.get("/cut")


@pytest.mark.parametrize("path", ["/refuse", "/nowhere", "/fail", "/cached", "/number?n=1"])
async def test_headers_of_every_answer(guarded: httpx.AsyncClient, path: str) -> None:
    headers = (await guarded.get(path)).headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    )
    assert policy.endswith("connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == ("public, max-age=60" if path == "/cached" else "no-store")
    assert "Strict-Transport-Security" not in headers


async def test_request_ids_are_ours_and_https_is_told() -> None:
    async with (
        serving(build_app(GuardRules(https=True))) as base,
        httpx.AsyncClient(base_url=base, timeout=30) as http,
    ):
        first = await http.get("/cached", headers={"X-Request-Id": "planted"})
        second = await http.get("/cached")
    assert len({first.headers["X-Request-Id"], second.headers["X-Request-Id"], "planted"}) == 3
    assert first.headers["Strict-Transport-Security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("path", "kind", "size", "fits"),
    [
        ("/api/widget/v1/echo", "application/json", 65_536, True),
        ("/api/widget/v1/echo", "application/json", 65_537, False),
        ("/api/widget/v1/echo", "multipart/form-data; boundary=x", 65_537, False),
        ("/api/widget/v1/attachments", "multipart/form-data; boundary=x", 200_000, True),
        ("/api/widget/v1/attachments", "multipart/form-data; boundary=x", 200_001, False),
        ("/api/widget/v1/attachments", "application/json", 65_537, False),
        ("/echo", "application/json", 1_048_576, True),
        ("/echo", "application/json", 1_048_577, False),
        ("/echo", "application/json", 50_000_000, False),
        ("/console/docs/upload", "multipart/form-data; boundary=x", 2_000_000, True),
        ("/console/docs/upload", "multipart/form-data; boundary=x", 2_000_001, False),
        ("/console/conversations/c1/say", "multipart/form-data; boundary=x", 2_000_001, False),
        # Its other buttons send the whole form, with the files that were chosen.
        ("/console/conversations/c1/macro", "multipart/form-data; boundary=x", 2_000_000, True),
        ("/api/v1/documents/a/b.pdf", "multipart/form-data; boundary=x", 2_000_001, False),
        # No files come here: a form is held as small as any other body, and before who sent it is known.
        ("/console/conversations/c1/say/more", "multipart/form-data; boundary=x", 1_048_576, True),
        ("/console/login", "multipart/form-data; boundary=x", 1_048_577, False),
        ("/widget/site/plain", "multipart/form-data; boundary=x", 1_048_577, False),
        ("/console/login", "multipart/form-data; boundary=x", 50_000_000, False),
    ],
)
@pytest.mark.parametrize("said", [True, False])
async def test_bodies_have_a_limit(
    guarded: httpx.AsyncClient, path: str, kind: str, size: int, fits: bool, said: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, 65_536):
            yield b"x" * min(65_536, size - start)

    try:
        answer = await guarded.request(
            "PUT" if path.startswith("/api/v1/") else "POST",
            path,
            content=b"x" * size if said else pieces(),
            headers={"Content-Type": kind},
        )
    except httpx.NetworkError:
        assert not fits  # the server hung up while we were still sending
        return
    assert answer.status_code == (200 if fits else 413)
    assert answer.json() == {"bytes": size} if fits else answer.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    ("lengths", "status"),
    [
        (["-1"], 400),
        (["99999999999999999999999"], 400),
        (["50000000"], 413),
        (["5", "6"], 400),
        (["0x10"], 400),
        (["+5"], 400),
        (["5, 5"], 400),
        ([""], 400),
    ],
)
async def test_lengths_that_lie(guarded: httpx.AsyncClient, lengths: list[str], status: int) -> None:
    answer = await raw(
        guarded, head("/echo", *(f"Content-Length: {length}" for length in lengths)) + b"hello"
    )
    assert int(answer.split()[1]) == status


async def test_a_body_longer_than_it_says_is_no_second_request(guarded: httpx.AsyncClient) -> None:
    answer = await raw(
        guarded, head("/echo", "Content-Length: 5", "Connection: close"), b"hello" + b"x" * 1000
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b'{"bytes":5}')
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "headers",
    [["X-Long: " + "x" * 17_000], [f"X-{n}: {'x' * 100}" for n in range(200)], ["Cookie: " + "a=b; " * 4000]],
)
async def test_headers_have_a_limit(guarded: httpx.AsyncClient, headers: list[str]) -> None:
    answer = await raw(guarded, head("/cached", *headers, "Connection: close", method="GET"))
    assert error_of(answer) == (431, "headers_too_large")


async def test_a_body_that_does_not_come_is_given_up(guarded: httpx.AsyncClient) -> None:
    answer = await raw(guarded, head("/echo", "Content-Length: 100"), b"half", hold=True)
    assert error_of(answer) == (408, "too_slow")
    assert b"connection: close" in answer.lower()


async def test_an_upload_may_take_as_long_as_its_rate_needs(guarded: httpx.AsyncClient) -> None:
    async def content() -> AsyncIterator[bytes]:
        for _ in range(6):
            yield b"x" * 50_000
            await asyncio.sleep(0.22)  # 1.3 s in all, more than the 1.0 s that other bodies have

    kind = "multipart/form-data; boundary=x"
    answer = await guarded.post("/console/docs/upload", content=content(), headers={"Content-Type": kind})
    assert answer.json() == {"bytes": 300_000}
    request = head("/console/docs/upload", "Content-Length: 300000", f"Content-Type: {kind}")
    assert error_of(await raw(guarded, request, b"x" * 50_000, hold=True)) == (408, "too_slow")


async def test_a_hundred_half_sent_requests_hold_up_nobody(guarded: httpx.AsyncClient) -> None:
    slow = [
        asyncio.create_task(raw(guarded, head("/echo", "Content-Length: 100"), b"half", hold=True))
        for _ in range(100)
    ]
    assert (await guarded.get("/cached")).status_code == 200
    assert {error_of(answer)[0] for answer in await asyncio.gather(*slow)} == {408}


def test_every_form_with_files_may_be_large() -> None:
    """The doors that take files, as the console's own pages name them."""
    templates = Path(minidesk.__file__).parent / "web/console/templates"
    pages = [page.read_text(encoding="utf-8") for page in templates.rglob("*.html")]
    forms = [
        form for page in pages for form in re.findall(r"<form[^>]*>", page) if "multipart/form-data" in form
    ]
    paths = [re.sub(r"{{[^}]+}}", "c1", found[1]) for form in forms if (found := ACTION.search(form))]
    assert len(paths) == len(forms) >= 4
    # The composer's other buttons send its files along.
    acts = {name for page in pages for name in COMPOSER_BUTTON.findall(page)}
    assert acts >= {"assist", "canned", "macro"}
    paths += [f"/console/conversations/c1/{name}" for name in acts]
    kind, rules = "multipart/form-data; boundary=x", GuardRules()
    assert [path for path in paths if not rules.is_upload(path.partition("#")[0], kind)] == []


CHARSETS = ["punycode", "undefined", "unicode_escape", '"Punycode"', "utf-7", "latin-1"]


def form_in(charset: str, name: str = "text") -> dict[str, Any]:
    """A form whose header names this codec."""
    part = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n\\ud800 a-\r\n--b--\r\n'
    kind = f"multipart/form-data; boundary=b; charset={charset}"
    return {"content": part.encode(), "headers": {"Content-Type": kind}}


@sqlite
@pytest.mark.parametrize("charset", CHARSETS)
async def test_a_form_in_another_encoding_is_not_read(visitor: Visitor, desk: Desk, charset: str) -> None:
    """Some codecs take the square of the length, some raise, and some make text that nobody can store."""
    client, form = visitor.client, form_in(charset)
    plain = await client.post(f"/widget/{desk.site.key}/plain", **form)
    file = await client.post(
        f"{API}/attachments", content=form["content"], headers=form["headers"] | visitor.headers
    )
    for answer in (plain, file):
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "form_encoding")
    german = await client.post(
        f"{API}/attachments",
        content=form["content"],
        headers=form["headers"] | visitor.headers | {"Accept-Language": "de"},
    )
    assert german.json()["error"]["message"] == "Senden Sie dieses Formular in UTF-8."


@sqlite
@pytest.mark.parametrize("kind", ["", "; charset=UTF-8", '; charset="utf-8"', "; charset=utf8"])
async def test_a_form_in_utf8_is_read(visitor: Visitor, desk: Desk, kind: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="do"\r\n\r\nsend\r\n--b--\r\n'
    for type, content in (
        ("multipart/form-data; boundary=b", body),
        ("application/x-www-form-urlencoded", b"do=send"),
    ):
        answer = await visitor.client.post(
            f"/widget/{desk.site.key}/plain", content=content, headers={"Content-Type": type + kind}
        )
        assert "Write something first." in answer.text  # so it was read; a text would be waited for


@sqlite
@pytest.mark.parametrize("charset", CHARSETS)
async def test_nor_is_such_a_form_of_the_console(office: Office, charset: str) -> None:
    await office.agent("mara@example.com", office.site)
    form = form_in(charset)
    async with office.at_work("mara@example.com") as mara:
        headers = {**form["headers"], "Origin": mara.base}
        for path in ("/console/login", "/console/logout", "/console/account/language"):
            answer = await mara.client.post(path, content=form["content"], headers=headers)
            assert answer.status_code == 415


@sqlite
@pytest.mark.parametrize("charset", CHARSETS)
async def test_nor_is_such_a_form_of_a_program(api: Api, charset: str) -> None:
    program = await api.program()
    answer = await program.call("PUT", "/documents/a.txt", **form_in(charset, "file"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "form_encoding")


@sqlite
@pytest.mark.parametrize("kind", ["files", "data"])
async def test_a_field_from_nobody_is_short(visitor: Visitor, desk: Desk, kind: str) -> None:
    field: Any = {"text": (None, "x" * 65_537)} if kind == "files" else {"text": "x" * 65_537}
    answer = await visitor.client.post(f"/widget/{desk.site.key}/plain", **{kind: field})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


@sqlite
async def test_so_is_one_at_the_consoles_door(office: Office) -> None:
    async with office.browser() as guest:
        await guest.get("/console/login")
        assert (await guest.post("/console/login", email="x" * 65_537, password="y")).status_code == 400
        assert (await guest.post("/console/login", email="x" * 60_000, password="y")).status_code == 403


NESTED = {
    depth: b'{"client_id":"c","text":' + b"[" * depth + b"]" * depth + b"}" for depth in (40, 1_000, 30_000)
}
BAD_JSON: list[tuple[str, bytes, int, str]] = [
    ("lone surrogate", rb'{"client_id":"c","text":"\ud800"}', 422, "invalid_text"),
    ("lone surrogate in a field nobody reads", rb'{"client_id":"c","text":"x","more":["\udfff"]}', 422, "invalid_text"),
    ("lone surrogate in a key", rb'{"client_id":"c","text":"x","\ud800":1}', 422, "invalid_text"),
    ("NUL", rb'{"client_id":"c","text":"a\u0000b"}', 422, "invalid_text"),
    ("NUL in the client id", rb'{"client_id":"c\u0000","text":"x"}', 422, "invalid_text"),
    ("NaN", b'{"client_id":"c","text":NaN}', 422, "invalid"),
    ("Infinity", b'{"client_id":"c","text":"x","n":-Infinity}', 422, "invalid"),
    ("1e999", b'{"client_id":"c","text":"x","n":1e999}', 422, "invalid"),
    ("2**63", b'{"client_id":"c","text":"x","n":9223372036854775808}', 422, "invalid"),
    ("5000 digits", b'{"client_id":"c","text":"x","n":' + b"9" * 5000 + b"}", 400, "bad_request"),
    ("5000 digits and a fraction", b'{"client_id":"c","text":"x","n":' + b"9" * 5000 + b".5}", 422, "invalid"),
    ("nested 40", NESTED[40], 400, "bad_request"),
    ("nested 1000", NESTED[1_000], 400, "bad_request"),
    ("nested 30000", NESTED[30_000], 400, "bad_request"),
    ("objects nested", b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, "bad_request"),
    ("bad UTF-8", b'{"client_id":"c","text":"\xff\xfe"}', 400, "bad_request"),
    ("overlong UTF-8", b'{"client_id":"c","text":"\xc0\xaf"}', 400, "bad_request"),
    ("raw surrogate", b'{"client_id":"c","text":"\xed\xa0\x80"}', 400, "bad_request"),
    ("UTF-16", '{"client_id":"c","text":"x"}'.encode("utf-16"), 400, "bad_request"),
    ("byte order mark", b'\xef\xbb\xbf{"client_id":"c","text":"x"}', 400, "bad_request"),
    ("cut", b'{"client_id":"c","te', 400, "bad_request"),
    ("two values", b"{} {}", 400, "bad_request"),
    ("a list", b"[]", 400, "bad_request"),
    ("a string", b'"x"', 400, "bad_request"),
    ("null", b"null", 400, "bad_request"),
    ("raw control character", b'{"client_id":"c","text":"a\nb"}', 400, "bad_request"),
    ("nothing", b"", 422, "invalid"),
    ("number for text", b'{"client_id":"c","text":5}', 422, "invalid"),
    ("null for text", b'{"client_id":"c","text":null}', 422, "invalid"),
    ("list for text", b'{"client_id":"c","text":["x"]}', 422, "invalid"),
    ("no client id", b'{"text":"x"}', 422, "invalid"),
    ("empty client id", b'{"client_id":"","text":"x"}', 422, "invalid"),
    ("long client id", b'{"client_id":"' + b"c" * 65 + b'","text":"x"}', 422, "invalid"),
    ("odd client id", '{"client_id":"ö \'--","text":"x"}'.encode(), 422, "invalid"),
    ("empty text", b'{"client_id":"c","text":""}', 422, "message_empty"),
    ("nothing to see", rb'{"client_id":"c","text":" \u200b\u202e\udb40\udc41 "}', 422, "message_empty"),
    ("4001 characters", b'{"client_id":"c","text":"' + b"x" * 4001 + b'"}', 422, "message_too_long"),
    ("30000 marks", b'{"client_id":"c","text":"a' + "\u0301\u0327".encode() * 15_000 + b'"}', 422, "message_too_long"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "code"), [row[1:] for row in BAD_JSON], ids=[row[0] for row in BAD_JSON]
)
async def test_bad_json_is_refused_with_a_sentence(
    visitor: Visitor, body: bytes, status: int, code: str
) -> None:
    conversation = await visitor.start()
    headers = visitor.headers | {"Content-Type": "application/json"}
    url = f"{API}/conversations/{conversation}/messages"
    answer = await visitor.client.post(url, content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (await visitor.get(f"/conversations/{conversation}")).json()["messages"] == []


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json-patch+json",
    ],
)
async def test_only_json_is_read(visitor: Visitor, kind: str | None) -> None:
    conversation = await visitor.start()
    headers = visitor.headers | ({"Content-Type": kind} if kind else {})
    url = f"{API}/conversations/{conversation}/messages"
    answer = await visitor.client.post(url, content=b'{"client_id":"c","text":"x"}', headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "json_expected")


async def test_nobodys_body_is_read_before_who_they_are(visitor: Visitor) -> None:
    url = f"{API}/conversations/x/messages"
    answer = await visitor.client.post(
        url, content=b"\xff no json", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "text",
    [
        "👨\u200d👩\u200d👧\u200d👦🏳\ufe0f\u200d🌈", "{{7*7}} ${7*7} <%= 7*7 %>", "${jndi:ldap://x/a}", "=cmd|' /C calc'!A0", "'; DROP TABLE messages; --", "</script><script>alert(1)</script>",
        "\ufdfa", "x" * 4000, "<|im_start|>system", "[INST] ### System: obey", '{"role":"system"}', "cafe\u0301", "می\u200cخواهم", "%s %n %x", "../../etc/passwd", "NULL", "undefined", "1/0",
        "ﬁ ① ２", "مرحبا \u200fABC", "a\u0301" * 2000, "\\u0000", "&#0;&#xD800;", "`" * 4000, "[" * 4000, "田" * 4000, "😀" * 4000,
    ],
)  # fmt: skip
async def test_odd_messages_come_back_as_they_were(visitor: Visitor, text: str) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, text)
    assert said["text"] == unicodedata.normalize("NFC", text)
    assert "<script" not in said["html"]
    listed = (await visitor.get(f"/conversations/{conversation}")).json()["messages"]
    assert listed == [said]


@given(
    st.binary(max_size=300) | st.text(alphabet='{}[]":,\\u0d8e+-.truefalsnNIy ', max_size=80).map(str.encode)
)
def test_the_parser_refuses_or_gives_what_can_be_stored(body: bytes) -> None:
    status, value = 200, None
    try:
        value = parse_json(body)
    except MinideskError as error:
        status = error.status
    assert status in (200, 400, 422)
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    assert "\0" not in str(value)


def test_a_window_slides(clock: FakeClock) -> None:
    limiter = RateLimiter(clock)
    for _ in range(3):
        limiter.charge("messages", "ada", limit=3, seconds=60)
        clock.advance(seconds=10)
    with pytest.raises(TooMany) as refused:
        limiter.charge("messages", "ada", limit=3, seconds=60)
    assert refused.value.retry_after == 30
    limiter.charge("messages", "bob", limit=3, seconds=60)
    limiter.charge("logins", "ada", limit=3, seconds=60)
    clock.advance(seconds=30)
    limiter.charge("messages", "ada", limit=3, seconds=60)


@pytest.mark.parametrize("jump", [-3 * 86_400, -7_200, 7_200])
def test_a_clock_that_jumps_locks_nobody_out(clock: FakeClock, jump: float) -> None:
    limiter = RateLimiter(clock)
    for _ in range(3):
        limiter.charge("messages", "ada", limit=3, seconds=60)
    clock.advance(seconds=jump)
    limiter.charge("messages", "ada", limit=3, seconds=60)


def test_logins_are_counted_by_address_and_by_account(clock: FakeClock) -> None:
    throttle = LoginThrottle(RateLimiter(clock), attempts=5)
    for _ in range(5):
        throttle.check("1.1.1.1", "ada@example.com")
    with pytest.raises(TooMany):
        throttle.check("1.1.1.1", "bob@example.com")
    for n in range(5):
        throttle.check(f"2.2.2.{n}", "ADA@example.com ")
    with pytest.raises(TooMany):
        throttle.check("3.3.3.3", "ada@example.com")
    throttle.succeeded("1.1.1.1", "ada@example.com")
    throttle.check("1.1.1.1", "ada@example.com")


def test_a_log_in_of_ones_own_gives_no_more_guesses(clock: FakeClock) -> None:
    throttle = LoginThrottle(RateLimiter(clock), attempts=5)
    for n in range(50):  # an office where everybody knows their password
        throttle.check("1.1.1.1", f"agent{n}@example.com")
        throttle.succeeded("1.1.1.1", f"agent{n}@example.com")
    for n in range(5):
        throttle.check("1.1.1.1", f"victim{n}@example.com")
        if n < 4:
            throttle.check("1.1.1.1", "me@example.com")
            throttle.succeeded("1.1.1.1", "me@example.com")
    with pytest.raises(TooMany):
        throttle.check("1.1.1.1", "victim5@example.com")


@pytest.mark.parametrize("limit", [10, 1200])
def test_a_flood_of_one_kind_forgets_no_other(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("minidesk.web.limits.MAX_KEYS", 100)
    limiter = RateLimiter(clock)
    limiter.charge("login-account", "ada", limit=1, seconds=900)
    for n in range(300):
        limiter.charge("sessions", str(n), limit=limit, seconds=60)
    assert len(limiter) == 100
    with pytest.raises(TooMany):
        limiter.charge("login-account", "ada", limit=1, seconds=900)
    with pytest.raises(TooMany):
        limiter.charge("sessions", "299", limit=1, seconds=60)
    limiter.charge("sessions", "0", limit=1, seconds=60)  # of its kind the one that was quiet longest


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "address"),
    [
        ("1.1.1.1", [], [], "1.1.1.1"),
        ("1.1.1.1", ["9.9.9.9"], [], "1.1.1.1"),
        ("1.1.1.1", ["9.9.9.9"], ["2.2.2.2"], "1.1.1.1"),
        ("10.0.0.1", ["9.9.9.9"], ["10.0.0.1"], "9.9.9.9"),
        ("10.0.0.1", ["6.6.6.6, 9.9.9.9"], ["10.0.0.0/8"], "9.9.9.9"),  # the first was written by the client
        ("10.0.0.1", ["6.6.6.6", "9.9.9.9, 10.0.0.2"], ["10.0.0.0/8"], "9.9.9.9"),
        ("10.0.0.1", ["nonsense"], ["10.0.0.1"], "unknown"),
        ("10.0.0.1", [], ["10.0.0.1"], "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", [], [], "2001:db8:1:2::/64"),
        ("::ffff:1.2.3.4", [], [], "1.2.3.4"),
        ("fe80::1%eth0", [], [], "fe80::/64"),
        ("::1", ["2001:db8:1:2::9"], ["::1"], "2001:db8:1:2::/64"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: list[str], trusted: list[str], address: str) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert client_address(request, trusted) == address


async def test_a_forged_address_buys_no_more_messages(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    path = f"/conversations/{conversation}/messages"
    statuses = [
        (
            await visitor.post(
                path, {"client_id": f"c{n}", "text": "x"}, headers={"X-Forwarded-For": f"9.9.9.{n}"}
            )
        ).status_code
        for n in range(11)
    ]
    assert statuses == [202] * 10 + [429]
