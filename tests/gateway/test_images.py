"""Pictures in a request: who is shown them, and what they are reckoned to cost."""

from dataclasses import replace

import pytest
from tests.gateway.conftest import REQUEST, Ledger, collect, gateway, target
from tests.helpers.serving import serving

from minidesk.errors import ModelRefused
from minidesk.gateway import ChatMessage, Target, load_prices
from minidesk.gateway.call import at_most, estimate_tokens
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.gateway.target import USUAL

PICTURES = ("data:image/jpeg;base64,AAAA", "data:image/jpeg;base64,BBBB")
SHOWN = replace(
    REQUEST, messages=(ChatMessage("system", "Rules."), ChatMessage("user", "What is this?", PICTURES))
)
HELLO = Line(("A tent.",), usage=(2000, 3))


def seeing(url: str) -> Target:
    return replace(target(url), supports=USUAL | {"images"}, image_tokens=1000)


async def test_a_model_that_sees_gets_words_and_pictures(ledger: Ledger) -> None:
    model = ScriptedModel([HELLO])
    async with serving(model) as url:
        text, _ = await collect(gateway(ledger, seeing(url)), SHOWN)
    assert text == "A tent."
    assert model.requests[0]["messages"] == [
        {"role": "system", "content": "Rules."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PICTURES[0]}},
                {"type": "image_url", "image_url": {"url": PICTURES[1]}},
            ],
        },
    ]
    assert ledger.lines[0].input_tokens == 2000


async def test_a_model_that_does_not_gets_the_words(ledger: Ledger) -> None:
    model = ScriptedModel([HELLO])
    async with serving(model) as url:
        await collect(gateway(ledger, target(url)), SHOWN)
    assert [message["content"] for message in model.requests[0]["messages"]] == ["Rules.", "What is this?"]


async def test_of_a_tier_those_that_see_are_asked_first(ledger: Ledger) -> None:
    blind, good = ScriptedModel([HELLO]), ScriptedModel([HELLO])
    async with serving(blind) as first, serving(good) as second:
        one = gateway(ledger, target(first), seeing(second))
        assert one.sees
        await collect(one, SHOWN)
        assert (len(blind.requests), len(good.requests)) == (0, 1)
        await collect(one, REQUEST)  # without pictures the order is the tier's
        assert (len(blind.requests), len(good.requests)) == (1, 1)
    assert not gateway(ledger, target("http://nobody")).sees


async def test_the_money_for_pictures_is_set_aside_before_the_call(ledger: Ledger) -> None:
    model = ScriptedModel([HELLO, HELLO])
    async with serving(model) as url:
        ledger.left = at_most(seeing(url), SHOWN) - 1
        with pytest.raises(ModelRefused) as refused:
            await collect(gateway(ledger, seeing(url)), SHOWN)
        assert refused.value.code == "budget_spent"
        assert model.requests == []
        ledger.left += 1
        await collect(gateway(ledger, seeing(url)), SHOWN)
    assert at_most(seeing("x"), SHOWN) - at_most(target("x"), SHOWN) == 300  # 2000 tokens at 0.15
    assert estimate_tokens(SHOWN, seeing("x")) == estimate_tokens(SHOWN, target("x")) + 2000


async def test_where_nobody_counted_pictures_are_booked_at_their_most(ledger: Ledger) -> None:
    async with serving(ScriptedModel([Line(("A tent.",), usage=None)])) as url:
        _, end = await collect(gateway(ledger, seeing(url)), SHOWN)
    assert end.estimated
    assert 2000 < end.input_tokens < 2030


def test_every_model_of_the_table_that_sees_has_a_bound_worth_reading() -> None:
    for name, row in load_prices().rows.items():
        if "images" in row.supports and not name.startswith("mistral"):
            assert row.image_tokens, name
