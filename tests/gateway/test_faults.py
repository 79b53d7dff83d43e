"""Whatever a server sends, byte by byte: the right text or a typed failure, never a crash or a hang (F15, F16, F18)."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.gateway.conftest import REQUEST, Ledger, target

from minidesk.errors import ModelError, ModelTruncated
from minidesk.gateway import Clocks, Finished, Gateway, ModelClient, Route
from minidesk.gateway.wire import Opened

CLOCKS = Clocks(first_token=5.0, gap=5.0, total=10.0)
MANY = settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class Bytes:
    """A network on which every answer is these pieces."""

    pieces: list[bytes]
    content_type: str

    @asynccontextmanager
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AsyncIterator[Opened]:
        """One answer."""
        yield Opened(200, {"content-type": self.content_type}, self._each())

    async def _each(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    async def close(self) -> None:
        """Nothing is open."""


async def ask(pieces: list[bytes], content_type: str = "text/event-stream") -> tuple[str, Finished]:
    """The text that these bytes are, through the real client."""
    ledger = Ledger()
    client = ModelClient(CLOCKS, Bytes(pieces, content_type))
    gateway = Gateway(
        client, {"mini": Route((target("http://model"),))}, ledger.book, ledger, jitter=lambda: 0.0
    )
    text, end = "", None
    try:
        async for piece in gateway.stream(REQUEST):
            if isinstance(piece, str):
                text += piece
            else:
                end = piece
    finally:
        await gateway.close()
    assert end is not None
    assert ledger.left == 1_000_000, "what was set aside was not given back"
    return text, end


def stream_of(words: list[str], *, end: str, comments: bool, usage: bool, done: bool) -> bytes:
    """A valid stream, written as some server might."""
    events = [
        json.dumps({"choices": [{"index": 0, "delta": {"content": word}}]}, ensure_ascii=False)
        for word in words
    ]
    events.append(json.dumps({"choices": [{"delta": {"content": None}, "finish_reason": "stop"}]}))
    if usage:
        events.append(json.dumps({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}))
    if done:
        events.append("[DONE]")
    ping = f": ping{end}{end}event: x{end}" if comments else ""
    return "".join(f"{ping}data: {event}{end}{end}" for event in events).encode()


WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=12),
    min_size=1,
    max_size=8,
)
STREAMS = st.builds(
    stream_of,
    WORDS,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    comments=st.booleans(),
    usage=st.booleans(),
    done=st.booleans(),
)


def split(raw: bytes, cuts: list[int]) -> list[bytes]:
    """`raw` in pieces."""
    edges = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    return [raw[a:b] for a, b in pairwise(edges)]


@MANY
@given(
    WORDS,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(st.integers(0, 10_000), max_size=20),
)
async def test_a_valid_stream_is_the_same_text_however_it_is_split(
    words: list[str], end: str, comments: bool, usage: bool, done: bool, cuts: list[int]
) -> None:
    raw = stream_of(words, end=end, comments=comments, usage=usage, done=done)
    text, finished = await ask(split(raw, cuts))
    assert text == "".join(words)
    assert finished.estimated is not usage


@MANY
@given(
    STREAMS,
    st.lists(st.tuples(st.integers(0, 5_000), st.binary(max_size=6)), min_size=1, max_size=4),
    st.integers(0, 5_000),
)
async def test_a_damaged_stream_is_a_text_or_a_typed_failure(
    raw: bytes, damage: list[tuple[int, bytes]], cut: int
) -> None:
    for place, what in damage:
        at = place % (len(raw) + 1)
        raw = raw[:at] + what + raw[at + len(what) :]
    try:
        text, _ = await ask(split(raw, [cut]))
    except ModelError:
        return
    text.encode()  # no half characters


@MANY
@given(STREAMS, st.integers(1, 5_000))
async def test_a_stream_that_is_cut_before_its_end_is_never_whole(raw: bytes, cut: int) -> None:
    ending = max(raw.find(b'"finish_reason"'), 1)
    with pytest.raises(ModelTruncated):
        await ask([raw[: cut % ending]])


@MANY
@example(b"data:[DONE]", "text/event-stream")
@given(st.binary(max_size=300), st.sampled_from(["text/event-stream", "application/json", "text/html", ""]))
async def test_any_bytes_at_all_are_a_failure(raw: bytes, content_type: str) -> None:
    with pytest.raises(ModelError):
        await ask([raw], content_type)


@pytest.mark.parametrize(
    "raw",
    [
        b"data: " + b"[" * 60_000 + b"\n\n",
        b'data: {"choices":[{"delta":{"content":"\\ud800"}}]}\n\n',
        b'data: {"choices":[{"delta":{"content":{}}}],"usage":{"prompt_tokens":1e999}}\n\n',
        b'data: {"choices":{"0":1},"usage":[]}\n\n',
        b"data: " + b"9" * 5_000 + b"\n\n",
        b"\n" * 100_000,
    ],
)
async def test_nasty_events(raw: bytes) -> None:
    with pytest.raises(ModelError):
        await ask([raw])


async def test_an_absurd_count_of_tokens_is_no_bill() -> None:
    absurd = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":99999999999,"completion_tokens":true}}\n\n'
    text, end = await ask([absurd])
    assert (text, end.estimated) == ("Hi", True)
