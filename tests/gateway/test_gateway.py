"""The gateway against a scripted endpoint: what is answered, tried again, booked and refused (faults F9 to F18)."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from tests.gateway.conftest import REQUEST, Ledger, collect, gateway, target
from tests.helpers.serving import serving, speaking

from minidesk.errors import (
    ModelBadResponse,
    ModelError,
    ModelOverloaded,
    ModelRefused,
    ModelTimeout,
    ModelTruncated,
    ModelUnreachable,
)
from minidesk.gateway import Clocks, routing
from minidesk.gateway.failures import retry_after
from minidesk.gateway.scripted import Line, ScriptedModel

HELLO = Line(("You have ", "30 days."), usage=(120, 8))


async def test_an_answer_streams_and_is_booked_to_the_token(ledger: Ledger) -> None:
    model = ScriptedModel([HELLO])
    async with serving(model) as url:
        text, end = await collect(gateway(ledger, target(url)))
    assert text == "You have 30 days."
    assert (end.input_tokens, end.output_tokens, end.estimated) == (120, 8, False)
    assert end.cost_micros == 23  # 120 × 0.15 + 8 × 0.60 = 22.8, rounded up
    [line] = ledger.lines
    assert (line.outcome, line.cost_micros, line.site_id) == ("ok", 23, "s1")
    [request] = model.requests
    assert request["stream"] is True
    assert request["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(("key", "sent"), [("", None), ("sk-1", "Bearer sk-1")])
async def test_a_server_without_a_key_is_asked_without_one(
    ledger: Ledger, key: str, sent: str | None
) -> None:
    model = ScriptedModel([HELLO])
    async with serving(model) as url:
        text, _ = await collect(gateway(ledger, replace(target(url), api_key=key)))
    assert text == "You have 30 days."
    assert [headers.get("authorization") for headers in model.headers] == [sent]


async def test_a_key_that_cannot_be_sent_is_refused_at_once(ledger: Ledger) -> None:
    model = ScriptedModel([HELLO])
    async with serving(model) as url:
        with pytest.raises(ModelRefused):
            await collect(gateway(ledger, replace(target(url), api_key="sk\n1")))
    assert model.requests == []


async def test_without_usage_tokens_are_estimated_and_marked(ledger: Ledger) -> None:
    async with serving(ScriptedModel([Line(("four" * 10,), usage=None)])) as url:
        _, end = await collect(gateway(ledger, target(url)))
    assert end.estimated
    assert end.output_tokens == 10


async def test_the_fallback_answers_when_the_first_model_fails(ledger: Ledger) -> None:
    broken, good = ScriptedModel([Line(status=503)] * 2), ScriptedModel([HELLO])
    async with serving(broken) as first, serving(good) as second:
        text, end = await collect(gateway(ledger, target(first), target(second, "other")))
    assert (text, end.model) == ("You have 30 days.", "other")
    assert [line.outcome for line in ledger.lines] == ["model_overloaded", "model_overloaded", "ok"]
    assert [line.cost_micros for line in ledger.lines] == [0, 0, 23]


async def test_a_refused_key_is_not_tried_again_and_the_target_is_left_alone(ledger: Ledger) -> None:
    model = ScriptedModel([Line(status=401)])
    async with serving(model) as url:
        one = gateway(ledger, target(url))
        for _ in range(3):
            with pytest.raises(ModelError):
                await collect(one)
    assert len(model.requests) == 1


async def test_retry_after_cools_the_target(ledger: Ledger) -> None:
    busy, good = (
        ScriptedModel([Line(status=429, headers=(("retry-after", "60"),))]),
        ScriptedModel([HELLO, HELLO]),
    )
    async with serving(busy) as first, serving(good) as second:
        one = gateway(ledger, target(first), target(second))
        for _ in range(2):
            assert (await collect(one))[0] == "You have 30 days."
    assert len(busy.requests) == 1


async def test_over_the_budget_nothing_is_asked(ledger: Ledger) -> None:
    model = ScriptedModel([HELLO])
    ledger.left = 10  # the most this call can cost is 100 × 0.60 + input
    async with serving(model) as url:
        with pytest.raises(ModelRefused) as refused:
            await collect(gateway(ledger, target(url)))
        assert refused.value.code == "budget_spent"
        assert model.requests == []
        ledger.left = 1_000
        assert (await collect(gateway(ledger, target(url))))[0] == "You have 30 days."


async def test_a_break_after_the_first_token_changes_no_model_and_is_booked(ledger: Ledger) -> None:
    broken, other = ScriptedModel([Line(("You have ",), done=False)]), ScriptedModel([HELLO])
    async with serving(broken) as first, serving(other) as second:
        with pytest.raises(ModelTruncated):
            await collect(gateway(ledger, target(first), target(second)))
    assert other.requests == []
    [line] = ledger.lines
    assert (line.outcome, line.estimated) == ("model_truncated", True)
    assert line.cost_micros > 0


async def test_a_reader_who_leaves_is_booked_as_aborted(ledger: Ledger) -> None:
    gate = asyncio.Event()
    async with serving(ScriptedModel([Line(("You have ", "30 days."), gate=gate)])) as url:
        async with aclosing(gateway(ledger, target(url)).stream(REQUEST)) as pieces:
            assert await anext(pieces) == "You have "
        gate.set()
    assert [line.outcome for line in ledger.lines] == ["aborted"]
    assert ledger.lines[0].output_tokens == 3


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
PART = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
STOP = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'


@pytest.mark.parametrize(
    "raw",
    [
        [HEAD, PART, STOP],  # no [DONE]
        [HEAD, PART, b"data: [DONE]\n\n"],  # no finish_reason
        [HEAD, b": ping\n\n", PART[:20], PART[20:], b'data: {"choices":[]}\n\n', STOP],
        [HEAD, b'data: {"choices":[{"delta":{"content":null}}]}\n\n', PART, STOP.replace(b"\n", b"\r\n")],
        [HEAD, b'data: {"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}\n\n', PART, STOP],
        [
            b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'
        ],
    ],
)
async def test_streams_that_are_odd_but_whole(raw: list[bytes], ledger: Ledger) -> None:
    async with speaking(raw) as url:
        assert (await collect(gateway(ledger, target(url))))[0] == "Hi"


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        ([HEAD, PART], ModelTruncated),
        ([HEAD, PART[:25]], ModelTruncated),
        ([HEAD], ModelTruncated),
        ([HEAD, b"data: not json\n\n"], ModelBadResponse),
        ([HEAD, b"data: " + b"x" * 70_000], ModelBadResponse),
        ([HEAD, b'data: {"error":{"message":"sk-secret leaked"}}\n\n'], ModelOverloaded),
        ([b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Sign in</html>"], ModelBadResponse),
        (
            [b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"],
            ModelBadResponse,
        ),
        (
            [b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b"],
            ModelBadResponse,
        ),
        ([b"HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n"], ModelRefused),
        ([b"nonsense\r\n\r\n"], ModelTruncated),
    ],
)
async def test_streams_that_are_no_answer(raw: list[bytes], error: type[ModelError], ledger: Ledger) -> None:
    async with speaking(raw) as url:
        with pytest.raises(error) as failed:
            await collect(gateway(ledger, target(url)))
    assert "secret" not in failed.value.message
    assert "127.0.0.1" not in failed.value.message
    assert all(line.outcome == error.code for line in ledger.lines)


async def test_a_server_that_hangs_or_drips_is_left_when_the_clock_says_so(ledger: Ledger) -> None:
    for raw in ([], [HEAD], [HEAD, b": drip\n\n"]):
        async with speaking(raw, then_hang=True) as url:
            with pytest.raises(ModelTimeout):
                await collect(
                    gateway(ledger, target(url), clocks=Clocks(first_token=0.2, gap=0.2, total=0.5))
                )


async def test_all_targets_together_have_so_long_to_the_first_word(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert routing.FIRST_TOKEN_BUDGET_S <= 25, "F12"
    monkeypatch.setattr(routing, "FIRST_TOKEN_BUDGET_S", 1.5)
    async with speaking([HEAD], then_hang=True) as url:
        slow = [target(url, f"mini-{n}") for n in range(20)]
        with pytest.raises(ModelTimeout):
            async with asyncio.timeout(30):
                await collect(gateway(ledger, *slow, clocks=Clocks(first_token=1.0, gap=20.0, total=60.0)))
    assert [line.model for line in ledger.lines] == ["mini-0", "mini-1"]
    assert sum(line.total_ms for line in ledger.lines) >= 1450


async def test_two_hundred_readers_who_leave_leave_nothing_behind(ledger: Ledger) -> None:
    gate = asyncio.Event()
    never = Line(("You have ", "30 days."), gate=gate)
    async with serving(ScriptedModel(otherwise=lambda _: never)) as url:
        # Forty at once wait for their first part: it is they who leave, however slow the machine is.
        asked = gateway(ledger, target(url), clocks=Clocks(first_token=60.0, gap=60.0, total=120.0))
        before = len(asyncio.all_tasks())

        async def leaves(after: int) -> None:
            async with aclosing(asked.stream(REQUEST)) as pieces:
                for _ in range(after):
                    await anext(pieces)
                await asyncio.wait_for(anext(pieces), 0.01)

        for _ in range(5):
            left = await asyncio.gather(*(leaves(n % 2) for n in range(40)), return_exceptions=True)
            # Who waits for the second part leaves in vain; the first one may just have come.
            assert {type(each) for each in left} <= {TimeoutError, type(None)}
            assert {type(each) for each in left[1::2]} == {TimeoutError}
        await asked.close()
        gate.set()
        async with asyncio.timeout(30):
            while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 (the server's own end with the gate)
                await asyncio.sleep(0.01)
    assert [line.outcome for line in ledger.lines] == ["aborted"] * 200
    assert ledger.left == 1_000_000, "nothing stays set aside"


async def test_nobody_there(ledger: Ledger) -> None:
    with pytest.raises(ModelUnreachable):
        await collect(gateway(ledger, target("http://127.0.0.1:1")))
    assert {line.cost_micros for line in ledger.lines} == {0}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("1e9", 300.0),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        (None, None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_retry_after_in_every_form(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


async def test_a_connection_is_used_again_and_one_that_is_not_ended_does_not_delay_the_answer(
    ledger: Ledger,
) -> None:
    connections: set[tuple[str, int]] = set()
    model = ScriptedModel(otherwise=lambda _: HELLO)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            connections.add(tuple(scope["client"]))
        await model(scope, receive, send)

    async with serving(app) as url:
        one = gateway(ledger, target(url))
        for _ in range(3):
            assert (await collect(one))[0] == "You have 30 days."
    assert len(connections) == 1
    async with speaking([HEAD, PART, b"data: [DONE]\n\n"], then_hang=True) as url:
        text, end = await collect(gateway(ledger, target(url)))
    assert text == "Hi"
    assert end.total_ms < 1_500
