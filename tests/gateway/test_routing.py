"""Which target is asked: kinds of failure, the breaker, the four policies, the tiers."""

from collections import Counter
from dataclasses import replace

import pytest
from tests.gateway.conftest import FAST, REQUEST, Ledger, Share, Steps, collect, gateway, target
from tests.helpers.serving import serving

from minidesk.errors import ModelError, ModelRefused
from minidesk.gateway import ChatMessage, Gateway, ModelClient, Order, Route, Tier
from minidesk.gateway.failures import failure
from minidesk.gateway.routing import weighted
from minidesk.gateway.scripted import Line, ScriptedModel

HELLO = Line(("Hello.",), usage=(10, 2))
BROKEN = Line(status=500)


def good() -> ScriptedModel:
    """A model that always answers."""
    return ScriptedModel(otherwise=lambda _: HELLO)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b'{"error":{"code":"invalid_api_key","message":"sk-1"}}', "model_bad_key"),
        (403, b"", "model_bad_key"),
        (
            403,
            b'{"error":{"message":"Input token count + max_tokens must be less than 4096"}}',
            "model_context_too_long",
        ),
        (402, b"", "model_out_of_credit"),
        (429, b'{"error":{"type":"insufficient_quota","message":"x"}}', "model_out_of_credit"),
        (
            400,
            b'{"error":{"message":"Your credit balance is too low to access the API"}}',
            "model_out_of_credit",
        ),
        (429, b'{"error":{"type":"requests","code":"rate_limit_exceeded"}}', "model_rate_limited"),
        (400, b'{"error":{"code":"context_length_exceeded"}}', "model_context_too_long"),
        (
            500,
            b'{"error":{"type":"exceed_context_size_error","message":"too big"}}',
            "model_context_too_long",
        ),
        (400, b'{"error":{"code":"content_filter","message":"ResponsibleAI"}}', "model_content_policy"),
        (404, b"<html>", "model_unknown"),
        (
            400,
            b'[{"error":{"code":400,"message":"model x is not found","status":"INVALID"}}]',
            "model_unknown",
        ),
        (400, b'{"error":"temperature is not supported"}', "model_refused"),
        (400, b"[" * 100_000, "model_refused"),
        (503, b'{"error":null}', "model_overloaded"),
        (302, b"", "model_bad_response"),
    ],
)
def test_what_a_refusal_means(status: int, body: bytes, code: str) -> None:
    error = failure(status, body)
    assert error.code == code
    assert "sk-1" not in error.message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error":{"code":429,"message":"slow down"}}', "model_rate_limited"),
        (b'{"error":{"message":"maximum context length is 8192"}}', "model_context_too_long"),
        (b'{"error":"boom"}', "model_overloaded"),
    ],
)
async def test_an_error_in_band_means_the_same(body: bytes, code: str, ledger: Ledger) -> None:
    model = ScriptedModel(otherwise=lambda _: Line(body=b"data: " + body + b"\n\n"))
    async with serving(model) as url:
        with pytest.raises(ModelError) as failed:
            await collect(gateway(ledger, target(url)))
    assert failed.value.code == code


@pytest.mark.parametrize(
    "body", [b'{"error":{"code":"content_filter"}}', b'{"error":{"code":"context_length_exceeded"}}']
)
async def test_what_the_request_is_to_blame_for_goes_on_and_rests_nobody(body: bytes, ledger: Ledger) -> None:
    strict, other = ScriptedModel([Line(status=400, body=body), HELLO]), good()
    async with serving(strict) as first, serving(other) as second:
        one = gateway(ledger, target(first), target(second, "other"))
        assert (await collect(one))[1].model == "other"
        assert (await collect(one))[1].model == "mini-1"
    assert len(strict.requests) == 2


async def test_an_empty_account_rests_every_model_behind_the_same_key(ledger: Ledger) -> None:
    model = ScriptedModel(otherwise=lambda _: Line(status=402))
    clock = Steps()
    async with serving(model) as url:
        mini, twin = target(url, "mini"), target(url, "mini-2")
        paid = replace(twin, model="paid", api_key="another")
        one = gateway(ledger, mini, twin, paid, now=clock)
        for _ in range(2):
            with pytest.raises(ModelError):
                await collect(one)
        assert [r["model"] for r in model.requests] == ["mini", "paid"]
        clock.now += 301
        with pytest.raises(ModelError):
            await collect(one)
    assert [r["model"] for r in model.requests] == ["mini", "paid", "mini", "paid"]


async def test_a_context_that_is_too_small_is_not_asked(ledger: Ledger) -> None:
    long = replace(REQUEST, messages=(ChatMessage("user", "word " * 4000),))
    small, large = good(), good()
    async with serving(small) as first, serving(large) as second:
        one = gateway(
            ledger, replace(target(first), context=4096), replace(target(second, "wide"), context=128_000)
        )
        assert (await collect(one, long))[1].model == "wide"
        assert (await collect(one))[1].model == "mini-1"
        alone = gateway(ledger, replace(target(first), context=4096))
        with pytest.raises(ModelRefused) as refused:
            await collect(alone, long)
    assert refused.value.code == "model_context_too_long"
    assert len(small.requests) == 1


async def test_the_breaker_opens_lets_one_probe_through_and_closes(ledger: Ledger) -> None:
    broken, other = ScriptedModel([BROKEN] * 5), good()
    clock = Steps()
    async with serving(broken) as first, serving(other) as second:
        one = gateway(ledger, target(first), target(second, "other"), now=clock)
        for _ in range(5):  # two attempts each, until five failed
            assert (await collect(one))[1].model == "other"
            clock.now += 1
        assert len(broken.requests) == 5
        assert one.states()[0].breaker == "open"
        clock.now += 30
        assert one.states()[0].breaker == "half-open"
        broken.script.append(BROKEN)
        assert (await collect(one))[1].model == "other"
        assert (len(broken.requests), one.states()[0].breaker) == (6, "open")
        clock.now += 30
        broken.script.append(HELLO)
        assert (await collect(one))[1].model == "mini-1"
        assert one.states()[0].breaker == "closed"


async def test_failures_that_are_few_or_long_ago_open_nothing(ledger: Ledger) -> None:
    clock = Steps()
    async with (
        serving(ScriptedModel([BROKEN, HELLO] * 2 + [BROKEN] * 2, lambda _: HELLO)) as first,
        serving(good()) as second,
    ):
        one = gateway(ledger, target(first), target(second, "other"), now=clock)
        answered = []
        for _ in range(4):
            answered.append((await collect(one))[1].model)
            clock.now += 61
    assert answered == ["mini-1", "mini-1", "other", "mini-1"]


async def test_only_one_probe_at_a_time_and_a_reader_who_leaves_frees_it(ledger: Ledger) -> None:
    clock = Steps()
    async with serving(ScriptedModel([BROKEN] * 5, lambda _: HELLO)) as url:
        one = gateway(ledger, target(url), now=clock)
        for _ in range(3):
            with pytest.raises(ModelError):
                await collect(one)
        clock.now += 30
        probe = one.stream(REQUEST)
        assert await anext(probe) == "Hello."
        with pytest.raises(ModelError):  # the probe is still open
            await collect(one)
        await probe.aclose()
        assert (await collect(one))[0] == "Hello."


async def test_cheapest_and_fastest(ledger: Ledger) -> None:
    async with serving(good()) as first, serving(good()) as second:
        dear, cheap = replace(target(first, "dear"), output_price=9.0), target(second, "cheap")
        assert (await collect(gateway(ledger, dear, cheap, policy="cheapest")))[1].model == "cheap"
        clock = Steps()
        one = gateway(ledger, dear, cheap, policy="fastest", now=clock)
        seen = [(await collect(one))[1].model for _ in range(2)]
        assert sorted(seen) == ["cheap", "dear"]  # each is measured once
        one._health[dear].answered(9_000)
        assert [(await collect(one))[1].model for _ in range(3)] == ["cheap"] * 3
        clock.now += 301  # long ago: measured again
        assert "dear" in [(await collect(one))[1].model for _ in range(2)]


def test_weights_are_shares_of_conversations_and_a_conversation_keeps_its_model() -> None:
    a, b, c = (target("http://x", name) for name in "abc")
    route = Route((a, b, c), "weighted", (0.7, 0.3, 0.0))
    names = [f"conv_{n}" for n in range(4000)]
    chosen = {name: weighted(route, name)[0].model for name in names}
    shares = Counter(chosen.values())
    assert abs(shares["a"] / 4000 - 0.7) < 0.03
    assert shares["c"] == 0
    assert all(weighted(route, name)[0].model == chosen[name] for name in names[:200])
    without_b = Route((a, c), "weighted", (0.7, 0.0))
    assert all(weighted(without_b, name)[0].model == "a" for name in names[:200])
    assert [t.model for t in weighted(route, "conv_1")][-1] == "c"


async def test_a_tier_is_asked_by_its_name(ledger: Ledger) -> None:
    async with serving(good()) as url:
        both = gateway(ledger, target(url, "mini"), large=(target(url, "large"),))
        assert (await collect(both, tier="large"))[1].model == "large"
        assert (await collect(both))[1].model == "mini"
        only = gateway(ledger, target(url, "mini"))
        assert (only.offers("mini"), only.offers("large"), both.offers("large")) == (True, False, True)
        with pytest.raises(ModelError):
            await collect(only, tier="large")
    assert not gateway(ledger).configured


async def test_how_an_answer_ended_is_told(ledger: Ledger) -> None:
    cut = b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"length"}]}\n\ndata: [DONE]\n\n'
    filtered = b'data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}\n\ndata: [DONE]\n\n'
    async with serving(ScriptedModel([Line(body=cut), HELLO, Line(body=filtered)])) as url:
        one = gateway(ledger, target(url))
        assert [(await collect(one))[1].finish_reason for _ in range(2)] == ["length", "stop"]
        with pytest.raises(ModelRefused) as refused:
            await collect(one)
    assert refused.value.code == "model_content_policy"


async def test_cached_input_costs_what_the_provider_asks_for_it(ledger: Ledger) -> None:
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":800}}}\n\n'
    body = (
        b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n'
        + usage
        + b"data: [DONE]\n\n"
    )
    async with serving(ScriptedModel(otherwise=lambda _: Line(body=body))) as url:
        one = replace(target(url), cached_input_price=0.075)
        assert (await collect(gateway(ledger, one)))[1].cost_micros == 96  # 200 × .15 + 800 × .075 + 10 × .60
        assert (await collect(gateway(ledger, target(url))))[1].cost_micros == 156


async def test_input_that_is_put_into_a_cache_costs_more(ledger: Ledger) -> None:
    usage = b'"usage":{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":800}}'
    body = (
        b'data: {"choices":[{"delta":{"content":"Hi"},"finish_reason":"stop"}],'
        + usage
        + b"}\n\ndata: [DONE]\n\n"
    )
    async with serving(ScriptedModel(otherwise=lambda _: Line(body=body))) as url:
        assert (await collect(gateway(ledger, target(url))))[
            1
        ].cost_micros == 186  # 200 × .15 + 800 × .1875 + 10 × .60


async def test_a_request_may_name_who_is_asked_first(ledger: Ledger) -> None:
    async with serving(good()) as url:
        one, two, spare, big = (
            replace(target(url, name), name=f"x/{name}") for name in ("one", "two", "spare", "big")
        )
        routes: dict[Tier, Route] = {"mini": Route((one, two)), "large": Route((big,))}
        asked = Gateway(ModelClient(FAST), routes, ledger.book, ledger, others=[spare], jitter=lambda: 0.0)
        assert asked.names == ("x/one", "x/two", "x/big", "x/spare")
        asks: tuple[tuple[Order, Tier, str], ...] = (
            (Order(), "mini", "one"),
            (Order(("x/two",)), "mini", "two"),
            (Order(("x/spare", "x/two")), "mini", "spare"),
            (Order(("gone/model",)), "mini", "one"),
            (Order(("x/two",)), "large", "big"),
            (Order(("x/two",), ("x/spare",)), "large", "spare"),
        )
        for order, tier, first in asks:
            await collect(asked, replace(REQUEST, order=order), tier)
            assert ledger.lines[-1].model == first
        await asked.close()


async def test_where_the_named_one_fails_the_tier_answers(ledger: Ledger) -> None:
    script = ScriptedModel([Line(status=401)], otherwise=lambda _: Line(("Yes.",)))
    async with serving(script) as url:
        one, spare = (replace(target(url, name), name=f"x/{name}") for name in ("one", "spare"))
        asked = Gateway(
            ModelClient(FAST), {"mini": Route((one,))}, ledger.book, ledger,
            others=[replace(spare, api_key="other")], jitter=lambda: 0.0,
        )  # fmt: skip
        text, end = await collect(asked, replace(REQUEST, order=Order(("x/spare",))))
        assert (text, end.model) == ("Yes.", "one")
        await asked.close()
    assert [line.model for line in ledger.lines] == ["spare", "one"]


async def test_large_is_asked_by_leave_whichever_way_leads_to_it(ledger: Ledger) -> None:
    share = Share()
    async with serving(good()) as url:
        one, both, big = (replace(target(url, name), name=f"x/{name}") for name in ("one", "both", "big"))
        asked = gateway(ledger, one, both, large=(big, both), gate=share)
        named = replace(REQUEST, order=Order(("x/big",)))
        await collect(asked)
        await collect(asked, replace(REQUEST, order=Order(("x/both",))))
        assert share.asked == [], "a model of both tiers is mini's where mini is asked"
        await collect(asked, named)
        await collect(asked, replace(REQUEST, purpose="draft"), "large")
        assert (share.asked, share.open) == ([("s1", "answer"), ("s1", "draft")], 0)
        assert [(line.tier, line.model) for line in ledger.lines] == [
            ("mini", "one"), ("mini", "both"), ("large", "big"), ("large", "big"),
        ]  # fmt: skip
        share.left = 0
        _, end = await collect(asked, named)
        assert end.model == "one", "an experiment stops at the cap, the answers do not"
        with pytest.raises(ModelRefused) as refused:
            await collect(asked, REQUEST, "large")
        assert refused.value.code == "budget_spent"
        await asked.close()
    assert len(ledger.lines) == 5
