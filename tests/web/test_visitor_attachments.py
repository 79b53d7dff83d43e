"""Files of visitors, through HTTP: what is taken, what is refused, and who can read it again (T7, T8, T12)."""

import asyncio
import io
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import select
from tests.helpers.pictures import DOCX, PDF, SVG, photograph, picture
from tests.web.conftest import API, SHOP, Desk, Visitor, open_visitor

from minidesk.db.models import Attachment, Job, Message


async def send(
    visitor: Visitor,
    name: str = "screen.png",
    data: bytes | None = None,
    type: str = "image/png",
    **more: Any,
) -> httpx.Response:
    files = {"file": (name, picture() if data is None else data, type)}
    headers = visitor.headers | more.pop("headers", {})
    return await visitor.client.post(f"{API}/attachments", files=files, headers=headers)


async def stored(visitor: Visitor, *args: Any, **more: Any) -> dict[str, Any]:
    answer = await send(visitor, *args, **more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["attachment"]
    return found


async def post(
    visitor: Visitor, conversation: str, ids: list[str], text: str = "", client_id: str = "c1"
) -> httpx.Response:
    body = {"client_id": client_id, "text": text, "attachments": ids}
    return await visitor.post(f"/conversations/{conversation}/messages", body)


async def test_a_screenshot_goes_along_with_a_message(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    file = await stored(visitor)
    assert {key: file[key] for key in ("name", "type", "width", "height")} == {
        "name": "screen.png", "type": "image/png", "width": 40, "height": 30,
    }  # fmt: skip
    async with visitor.listen(conversation) as listener:
        answers = [await post(visitor, conversation, [file["id"]], "What is this?") for _ in range(2)]
        event = (await listener.until("message"))[-1]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].text == answers[1].text  # the same client id: one message
    message = answers[0].json()["message"]
    assert message["attachments"] == [file] == event.data["attachments"]
    read = (await visitor.get(f"/conversations/{conversation}")).json()
    assert read["messages"] == [message]
    got = await visitor.get(f"/attachments/{file['id']}")
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == "inline; filename*=UTF-8''screen.png"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "no-store" in got.headers["cache-control"]
    assert Image.open(io.BytesIO(got.content)).size == (40, 30)
    async with desk.db.read() as tx:
        row = (await tx.scalars(select(Attachment))).one()
        assert (row.conversation_id, row.author, row.owner_id) == (
            conversation,
            "visitor",
            visitor.visitor_id,
        )
        assert len(list(await tx.scalars(select(Job.id)))) == 1


async def test_a_picture_alone_is_a_message(visitor: Visitor) -> None:
    conversation = await visitor.start()
    empty = await post(visitor, conversation, [])
    assert (empty.status_code, empty.json()["error"]["code"]) == (422, "message_empty")
    answer = await post(visitor, conversation, [(await stored(visitor))["id"]])
    assert answer.status_code == 202
    assert answer.json()["message"]["text"] == ""
    kept = (await visitor.get(f"/conversations/{conversation}/transcript")).json()["text"]
    assert "[screen.png]" in kept


async def test_other_files_are_downloads(visitor: Visitor) -> None:
    for name, data, type in [
        ("Rechnung März.pdf", PDF, "application/pdf"),
        ("letter.docx", DOCX, "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("notes.txt", b"<b>not a page</b>", "text/plain"),
    ]:
        file = await stored(visitor, name, data, type)
        assert (file["name"], file["width"]) == (name, None)
        got = await visitor.get(f"/attachments/{file['id']}")
        assert got.content == data
        assert got.headers["content-disposition"].startswith("attachment; ")


async def test_a_photograph_loses_what_it_says_of_itself(visitor: Visitor) -> None:
    file = await stored(visitor, "IMG_1.jpg", photograph(), "image/jpeg")
    got = (await visitor.get(f"/attachments/{file['id']}")).content
    assert b"47.07" not in got
    assert (file["width"], file["height"]) == (30, 40)


@pytest.mark.parametrize(
    ("name", "data", "type", "status", "code"),
    [
        ("a.svg", SVG, "image/svg+xml", 415, "type_not_allowed"),
        ("a.png", SVG, "image/png", 415, "type_mismatch"),
        ("a.html", b"<script>alert(1)</script>", "text/html", 415, "type_not_allowed"),
        ("a.jpg", picture(), "image/jpeg", 415, "type_mismatch"),
        ("a.png", picture(), "application/pdf", 415, "type_mismatch"),
        ("a.png", picture()[:70], "image/png", 422, "picture_unreadable"),
        ("a.txt", b"", "text/plain", 422, "file_empty"),
        ("a.txt", b"x" * 10_000_001, "text/plain", 413, "too_large"),
    ],
)
async def test_what_is_refused(
    visitor: Visitor, desk: Desk, name: str, data: bytes, type: str, status: int, code: str
) -> None:
    answer = await send(visitor, name, data, type)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert error["message"].endswith(".")
    async with desk.db.read() as tx:
        assert list(await tx.scalars(select(Attachment.id))) == []
    # The same visitor, and a file that is what it says:
    assert (await send(visitor)).status_code == 201


async def test_a_bomb_is_refused_by_its_size_in_pixels(visitor: Visitor) -> None:
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    answer = await send(visitor, data=out.getvalue())
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "picture_too_large")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.png", "passwd.png"),
        ("..\\..\\boot.png", "boot.png"),
        ("invoice\u202egpj.png", "invoicegpj.png"),
        ("a\u200bb%00\r\nSet-Cookie: x=1.png", "Set-Cookie_ x=1.png"),
        ('x";filename="y.html.png', "x__filename=_y.html.png"),
        ("<img src=x onerror=alert(1)>.png", "_img src=x onerror=alert(1)_.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
        (".png", "png.png"),
        ("", "picture.png"),
    ],
)
async def test_names_are_made_harmless(visitor: Visitor, name: str, kept: str) -> None:
    answer = await visitor.client.post(
        f"{API}/attachments", headers=visitor.headers | {"Content-Type": "multipart/form-data; boundary=xx"},
        content=_form(name),
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    assert answer.json()["attachment"]["name"] == kept
    got = await visitor.get(f"/attachments/{answer.json()['attachment']['id']}")
    assert got.headers["content-disposition"].isascii()
    assert "set-cookie" not in got.headers


def _form(name: str) -> bytes:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\r\n", "%0D%0A")
    head = f'--xx\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\nContent-Type: image/png\r\n\r\n'
    return head.encode() + picture() + b"\r\n--xx--\r\n"


async def test_nobody_else_reads_or_sends_it(
    visitor: Visitor, stranger: Visitor, client: httpx.AsyncClient, desk: Desk
) -> None:
    elsewhere = await open_visitor(client, desk.other)
    mine, sent_already = await stored(visitor), await stored(visitor)
    conversation = await visitor.start()
    assert (await post(visitor, conversation, [sent_already["id"]])).status_code == 202
    for file in (mine, sent_already):
        for other in (stranger, elsewhere):
            assert (await other.get(f"/attachments/{file['id']}")).status_code == 404
            answer = await post(other, await other.start(), [file["id"]], "mine now")
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "attachment_missing")
        assert (await client.get(f"{API}/attachments/{file['id']}")).status_code == 401
        assert (await client.get(f"{API}/attachments/{file['id']}?token={visitor.token}")).status_code == 401
        assert (await visitor.get(f"/attachments/{file['id']}")).status_code == 200
    # A file belongs to one message.
    twice = await post(visitor, conversation, [sent_already["id"]], client_id="c2")
    assert (twice.status_code, twice.json()["error"]["code"]) == (422, "attachment_missing")
    async with desk.db.read() as tx:
        assert len(list(await tx.scalars(select(Message.id)))) == 1


async def test_without_a_token_nothing_is_read(client: httpx.AsyncClient, visitor: Visitor) -> None:
    files = {"file": ("a.png", picture(), "image/png")}
    assert (await client.post(f"{API}/attachments", files=files)).status_code == 401
    foreign = {"Origin": "https://evil.example"}
    assert (await send(visitor, headers=foreign)).status_code == 403
    assert (await send(visitor, headers={"Origin": SHOP})).status_code == 201


async def test_five_files_and_no_more(visitor: Visitor) -> None:
    conversation = await visitor.start()
    ids = [(await stored(visitor, f"{n}.png"))["id"] for n in range(6)]
    assert (await post(visitor, conversation, ids)).status_code == 422
    answer = await post(visitor, conversation, list(reversed(ids[:5])))
    assert [file["name"] for file in answer.json()["message"]["attachments"]] == [
        f"{n}.png" for n in reversed(range(5))
    ]


async def test_fifty_of_the_same_post_bind_the_file_once(visitor: Visitor, desk: Desk) -> None:
    conversation, file = await visitor.start(), await stored(visitor)
    answers = await asyncio.gather(*(post(visitor, conversation, [file["id"]]) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1


async def test_who_sends_too_many_waits(visitor: Visitor, desk: Desk) -> None:
    for n in range(20):
        await stored(visitor, f"{n}.txt", b"words", "text/plain")
    answer = await send(visitor)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    desk.clock.advance(hours=1, seconds=1)
    assert (await visitor.post(f"/sites/{desk.site.key}/session")).status_code == 200
    assert (await send(visitor)).status_code == 201


async def test_what_is_never_sent_goes_after_a_day(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    kept, same, other = (
        await stored(visitor),
        await stored(visitor),
        await stored(visitor, data=picture(colour=0)),
    )
    assert (await post(visitor, conversation, [kept["id"]])).status_code == 202
    assert await desk.attachments.sweep() == 0
    desk.clock.advance(days=1, minutes=1)
    assert await desk.attachments.sweep() == 2
    assert (
        await visitor.get(f"/attachments/{kept['id']}")
    ).status_code == 200  # its bytes were also `same`'s
    for gone in (same, other):
        assert (await visitor.get(f"/attachments/{gone['id']}")).status_code == 404
    left = [path for path in (desk.files / "attachments").rglob("*") if path.is_file()]
    assert len(left) == 1


@pytest.mark.parametrize("limits", [{"attachment_max_bytes": 0}])
async def test_it_can_be_switched_off(visitor: Visitor) -> None:
    assert (await visitor.get("/config")).json()["files"] is None
    assert (await send(visitor)).status_code == 404
