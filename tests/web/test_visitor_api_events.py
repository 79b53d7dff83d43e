"""The visitor's event stream: cut anywhere, it goes on where it stopped."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.web.conftest import API, Desk, Listener, Seen, Visitor

from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.db.models import Message
from minidesk.jobs import JobQueue
from minidesk.live import EventLog, Hub

PARTS = ("You have **30 days**.", " Boots must be", " unworn.\n\n", "Send them to Graz ✉️.", " It is free.")


def spoken(events: list[Seen]) -> str:
    """What a widget shows that follows the protocol: a new attempt starts afresh, a part goes to its offset."""
    text = ""
    for event in events:
        if event.type == "answer.start":
            text = ""
        elif event.type == "answer.part":
            text = text[: event.data["offset"]] + event.data["text"]
    return text


async def stored_text(desk: Desk, message_id: str) -> str:
    async with desk.db.read() as tx:
        return (await tx.get_one(Message, message_id)).text


async def test_cut_at_every_event_the_parts_make_the_stored_text(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    await desk.part(await desk.begin(said["id"]), "A first attempt that died.")
    handle = await desk.answer(said["id"], *PARTS)
    text = await stored_text(desk, handle.message_id)
    assert text == "".join(PARTS)
    async with visitor.listen(conversation, after=0) as listener:
        whole = await listener.until("answer.done")
    types = ["message", "answer.start", "answer.part", "answer.start", *["answer.part"] * 5, "answer.done"]
    assert [event.type for event in whole] == types
    assert [event.id for event in whole] == list(range(1, 11))
    for index, cut in enumerate(whole[:-1], 1):
        async with visitor.listen(conversation, last_event_id=str(cut.id)) as listener:
            rest = await listener.until("answer.done")
        assert whole[:index] + rest == whole
        assert spoken(whole[:index] + rest) == text
    done = whole[-1].data
    assert done["text"] == text
    assert done["html"] == whole[-2].data["html"]
    assert "<strong>30 days</strong>" in done["html"]
    assert [citation["n"] for citation in done["citations"]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("cut", range(7))
async def test_cut_while_the_answer_is_written(visitor: Visitor, desk: Desk, cut: int) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    last = (await visitor.get(f"/conversations/{conversation}")).json()["last_event"]
    steps: list[Any] = []

    async def write() -> None:
        handle = await desk.begin(said["id"])
        steps.append(handle)
        for n, part in enumerate(PARTS, 1):
            await desk.part(handle, part, n)
        await desk.finish(handle)

    async with visitor.listen(conversation, after=last) as listener:
        writing = asyncio.create_task(write())
        events = [await listener.next() for _ in range(cut)]
    await writing
    position = str(events[-1].id) if events else str(last)
    async with visitor.listen(conversation, last_event_id=position) as listener:
        events += await listener.until("answer.done")
    assert [event.id for event in events] == list(range(last + 1, last + 8))
    assert spoken(events) == await stored_text(desk, steps[0].message_id) == "".join(PARTS)


async def test_a_new_listener_first_gets_the_text_so_far(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    handle = await desk.begin(said["id"])
    await desk.part(handle, PARTS[0], 1)
    await desk.part(handle, PARTS[1], 2)
    async with visitor.listen(conversation) as listener:
        so_far = await listener.until("answer.part")
        await desk.part(handle, PARTS[2], 3)
        await desk.finish(handle)
        rest = await listener.until("answer.done")
        assert listener.retry == "2000"
        headers = listener.response.headers
    assert [(event.type, event.id) for event in so_far] == [("answer.start", None), ("answer.part", None)]
    assert so_far[1].data["text"] == PARTS[0] + PARTS[1]
    assert so_far[1].data["citations"] == [1, 2]
    assert [event.type for event in rest] == ["answer.part", "answer.done"]
    assert rest[0].data["offset"] == len(PARTS[0] + PARTS[1])
    assert rest[0].data["html"] == "<p>You have <strong>30 days</strong>. Boots must be unworn.</p>"
    assert spoken(so_far + rest) == await stored_text(desk, handle.message_id)
    assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert (headers["X-Accel-Buffering"], headers["Cache-Control"]) == ("no", "no-store")


async def test_a_listener_that_joins_after_an_answer_hears_only_what_comes(
    visitor: Visitor, desk: Desk
) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    await desk.answer(said["id"], *PARTS)
    async with visitor.listen(conversation) as listener:
        await visitor.say(conversation, "Thanks", "c2")
        event = await listener.next()
    assert (event.type, event.data["text"], event.data["client_id"]) == ("message", "Thanks", "c2")


@pytest.mark.parametrize(
    "position",
    ["-1", "x", "", "99", "1e3", "1 1", "9" * 400, "1' OR '1'='1", "cnv_other.3", "9223372036854775808", "٣"],
)
@pytest.mark.parametrize("place", ["header", "query"])
async def test_a_position_that_is_none_gets_everything(
    visitor: Visitor, desk: Desk, position: str, place: str
) -> None:
    conversation = await visitor.start()
    await visitor.say(conversation, "How long?")
    url = f"{API}/conversations/{conversation}/events"
    headers = {name.encode(): value.encode() for name, value in visitor.headers.items()}
    params = {"after": position} if place == "query" else {}
    if place == "header":
        headers[b"Last-Event-ID"] = position.encode()
    async with visitor.client.stream("GET", url, headers=headers, params=params) as response:
        assert response.status_code == 200
        event = await Listener(response).next()
    assert (event.type, event.id) == ("message", 1)


async def test_a_position_of_a_megabyte_is_refused(visitor: Visitor) -> None:
    conversation = await visitor.start()
    refused = await visitor.get(
        f"/conversations/{conversation}/events", headers={"Last-Event-ID": "1" * 60_000}
    )
    assert (refused.status_code, refused.json()["error"]["code"]) == (431, "headers_too_large")


async def test_the_sixth_stream_supersedes_the_first(visitor: Visitor, stranger: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    theirs = await stranger.start()
    async with stranger.listen(theirs) as bystander, visitor.listen(conversation) as first:
        contexts = [visitor.listen(conversation) for _ in range(5)]
        others = [await context.__aenter__() for context in contexts]
        assert (await first.next()).type == "superseded"
        with pytest.raises(StopAsyncIteration):
            await first.next()
        await visitor.say(conversation, "Hello")
        assert [(await listener.next()).type for listener in others] == ["message"] * 5
        await stranger.say(theirs, "Hello")
        assert (await bystander.next()).type == "message"
        for context in contexts:
            await context.__aexit__(None, None, None)
    async with asyncio.timeout(30):
        while len(desk.streams):  # noqa: ASYNC110 (nothing announces the end of a connection)
            await asyncio.sleep(0.01)


async def test_a_server_that_stops_says_so(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    async with visitor.listen(conversation) as listener:
        desk.stopping.set()
        assert (await listener.next()).type == "reconnect"
        with pytest.raises(StopAsyncIteration):
            await listener.next()


async def test_what_another_process_writes_comes_too(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    elsewhere = Database(desk.db.url)
    hub = Hub()  # nobody in this process hears it
    writer = Conversations(EventLog(hub, desk.clock), JobQueue(hub, desk.clock), desk.clock)
    async with visitor.listen(conversation) as listener:
        async with elsewhere.write() as tx:
            await writer.post_system_message(tx, conversation, "Written elsewhere.")
        async with asyncio.timeout(30):
            event = await listener.next()
    assert (event.type, event.data["text"], event.data["html"]) == (
        "message",
        "Written elsewhere.",
        "<p>Written elsewhere.</p>",
    )
    await elsewhere.close()


async def test_an_idle_stream_is_pinged(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)  # 15 s as it comes
    conversation = await visitor.start()
    async with visitor.listen(conversation) as listener:
        async with asyncio.timeout(30):
            async for line in listener.response.aiter_lines():
                if line.startswith(":"):
                    break
    assert line == ": ping"


async def test_a_stream_says_nothing_that_is_for_agents(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    async with desk.db.write() as tx:
        await desk.log.append(tx, conversation, "note", {"text": "private"}, audience="agents")
        await desk.log.append(tx, conversation, "audit", {"text": "a type that visitors do not know"})
        await desk.log.append(
            tx,
            conversation,
            "ticket",
            {"number": 1, "status": "open", "summary": "private", "email": "mara@example.com"},
        )
    async with visitor.listen(conversation, after=0) as listener:
        event = await listener.next()
    assert (event.type, event.id, event.data) == ("ticket", 3, {"number": 1, "status": "open"})


async def test_the_stream_needs_its_visitor(visitor: Visitor, stranger: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    assert (await stranger.get(f"/conversations/{conversation}/events")).status_code == 404
    url = f"{API}/conversations/{conversation}/events"
    assert (await visitor.client.get(f"{url}?token={visitor.token}")).status_code == 401
    desk.clock.now += timedelta(days=31)
    ended = await visitor.get(f"/conversations/{conversation}/events")
    assert (ended.status_code, ended.json()["error"]["code"]) == (401, "session_ended")


async def test_a_stream_ends_with_the_session(visitor: Visitor, desk: Desk) -> None:
    """On a shared computer: what comes after the sign-out is not for who sits there now."""
    conversation = await visitor.start()
    await visitor.say(conversation, "hello")
    async with visitor.listen(conversation, after=0) as listener:
        await listener.until("message")
        assert (await visitor.post("/session/end")).status_code == 200
        async with desk.db.write() as tx:
            await desk.conversations.post_system_message(tx, conversation, "Your parcel is at Graz.")
        with pytest.raises(StopAsyncIteration):
            await listener.next()
    assert len(desk.streams) == 0
