"""Over real sockets: what no fake network shows. Floods, resets, endless heads, slow readers and impatient ones."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.gateway.conftest import REQUEST, Ledger, collect, gateway, target
from tests.gateway.test_faults import split, stream_of

from minidesk.errors import ModelBadResponse, ModelError, ModelTimeout, ModelTruncated
from minidesk.gateway import Clocks, ModelClient

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
PART = b'data: {"choices":[{"delta":{"content":%b}}]}\n\n'
MEGABYTE = 1 << 20
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def playing(script: Script) -> AsyncIterator[str]:
    """A server on which each connection, once the request's head was read, goes as `script` says."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, which is what is tried
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def words(count: int) -> list[str]:
    """So many deltas."""
    return [f"w{n} " for n in range(count)]


async def flood(writer: asyncio.StreamWriter, head: bytes, block: bytes, sent: list[int]) -> None:
    """`head`, then `block` up to 100 MB, for as long as somebody takes it."""
    writer.write(head)
    for _ in range(100 * MEGABYTE // len(block)):
        writer.write(block)
        await writer.drain()
        sent[0] += len(block)


@pytest.mark.parametrize(
    ("head", "block"),
    [
        (HEAD + b"data: ", b"x" * MEGABYTE),  # one line of 100 MB
        (
            HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"),
            gzip.compress(b"\0" * 50 * MEGABYTE),
        ),
        (HEAD.replace(b"text/event-stream", b"application/json"), b'{"a":' + b"[" * MEGABYTE),
        (b"HTTP/1.1 500 Oh\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n", b"<p>" * MEGABYTE),
        (b"HTTP/1.1 200 OK\r\n", b"x-more: and more\r\n" * 1000),  # a head without an end
    ],
)
async def test_a_flood_is_left_long_before_its_end(head: bytes, block: bytes, ledger: Ledger) -> None:
    sent = [0]

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await flood(writer, head, block, sent)

    async with playing(script) as url:
        with pytest.raises(ModelError):
            await collect(gateway(ledger, target(url)))
    # What fits in the buffers of two sockets, and a second attempt where the error allows one.
    assert sent[0] < 30 * MEGABYTE


@FEW
@given(st.integers(0, 12), st.integers(1, 12))
async def test_a_reset_after_some_tokens_keeps_what_was_read(tokens: int, at_once: int) -> None:
    said = words(tokens)
    events = [PART % json.dumps(word).encode() for word in said]
    read = asyncio.Event()

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        for n, event in enumerate(events):
            writer.write(event)
            if n % at_once == 0:
                await writer.drain()
        if events:
            await read.wait()  # a reset throws away what was not read
        writer.transport.abort()

    text = ""
    ledger = Ledger()
    async with playing(script) as url:
        one = gateway(ledger, target(url))

        async def listen() -> None:
            nonlocal text
            async with aclosing(one.stream(REQUEST)) as pieces:
                async for piece in pieces:
                    text += str(piece)
                    if text == "".join(said):
                        read.set()

        with pytest.raises(ModelTruncated):
            await listen()
    assert text == "".join(said)
    assert ledger.lines[-1].outcome == "model_truncated"
    assert ledger.left == 1_000_000
    await one.close()


@FEW
@given(
    st.lists(st.text("grüß 🎉\u2028abc", min_size=1, max_size=6), min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 2_000), max_size=8),
)
async def test_bytes_in_any_pieces_over_a_socket_are_the_same_text(
    said: list[str], end: str, cuts: list[int]
) -> None:
    raw = stream_of(said, end=end, comments=True, usage=True, done=True)

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for piece in filter(None, split(raw, cuts)):
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    async with playing(script) as url:
        one = gateway(Ledger(), target(url))
        text, finished = await collect(one)
        await one.close()
    assert text == "".join(said)
    assert not finished.estimated


async def test_a_reader_who_takes_their_time_is_not_the_models_fault(ledger: Ledger) -> None:
    go_on = asyncio.Event()

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + PART % b'"one "')
        await go_on.wait()
        writer.write(stream_of(["two"], end="\n", comments=False, usage=False, done=True))

    async with playing(script) as url:
        one = gateway(ledger, target(url), clocks=Clocks(first_token=5.0, gap=0.3, total=10.0))
        async with aclosing(one.stream(REQUEST)) as pieces:
            said = [str(await anext(pieces))]
            go_on.set()
            await asyncio.sleep(0.6)  # longer than the gap: the time that is tried
            said += [str(piece) async for piece in pieces if isinstance(piece, str)]
    assert "".join(said) == "one two"


async def test_a_call_that_is_cancelled_while_it_waits_is_cancelled_and_not_late() -> None:
    client = ModelClient(Clocks(first_token=0.3, gap=0.3, total=1.0))

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def ask(url: str) -> None:
        async with aclosing(client.stream(target(url), REQUEST)) as pieces:
            await anext(pieces)

    async with playing(script) as url:
        waiting = asyncio.create_task(ask(url))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        with pytest.raises(ModelTimeout):
            await ask(url)
    await client.close()


async def test_a_login_page_is_no_answer_whatever_its_status(ledger: Ledger) -> None:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        page = b"<html>Sign in</html>"
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n" % len(page) + page
        )

    async with playing(script) as url:
        with pytest.raises(ModelBadResponse) as failed:
            await collect(gateway(ledger, target(url)))
    assert "Sign in" not in str(failed.value)
