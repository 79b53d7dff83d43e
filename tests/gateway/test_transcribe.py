"""Voice notes through the real client, with the scripted twin at the network's edge."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.gateway.conftest import Ledger, target
from tests.helpers.pictures import WEBM
from tests.helpers.serving import serving, speaking

from minidesk.cli import main
from minidesk.errors import Invalid, ModelBadResponse, ModelError, ModelRefused, ModelTimeout
from minidesk.gateway import Recording, Route, Target, Transcriber, read_catalog
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.settings import load_settings

NOTE = Recording(WEBM, "audio/webm", "s1", "cnv1")  # 6,148 bytes: about two seconds, eight at most


def heard(text: Any = "Where is my parcel?", **more: Any) -> Line:
    return Line(body=json.dumps({"text": text, **more}).encode(), content_type="application/json")


def voice(url: str, model: str = "whisper-1") -> Target:
    return replace(target(url, model), minute_price=0.006)


def transcriber(ledger: Ledger, *targets: Target, target_s: float = 5.0) -> Transcriber:
    return Transcriber(Route(targets) if targets else None, ledger.book, ledger, target_s=target_s)


async def test_the_words_come_back_and_are_booked_by_the_second(ledger: Ledger) -> None:
    model = ScriptedModel([heard(usage={"type": "duration", "seconds": 30})])
    async with serving(model) as url:
        one = transcriber(ledger, voice(url))
        assert one.configured
        assert await one.write_down(NOTE) == "Where is my parcel?"
        await one.close()
    [line] = ledger.lines
    assert (line.purpose, line.outcome, line.cost_micros, line.estimated) == (
        "transcription",
        "ok",
        3000,  # half a minute at 0.006 dollars
        False,
    )
    assert (line.site_id, line.conversation_id, line.tier) == ("s1", "cnv1", "")
    assert ledger.left == 1_000_000  # what was set aside is back
    form = model.requests[0]["form"]
    assert WEBM in form
    assert b'name="model"\r\n\r\nwhisper-1\r\n' in form
    assert b'name="file"; filename="voice.webm"\r\nContent-Type: audio/webm\r\n' in form
    assert model.headers[0]["authorization"] == "Bearer sk-test"


@pytest.mark.parametrize(
    ("more", "seconds"),
    [({"duration": 12.5}, 12.5), ({"usage": {"type": "tokens", "total_tokens": 9}}, None), ({"duration": True}, None), ({"duration": -1}, None)],
)  # fmt: skip
async def test_how_long_it_was_is_read_or_guessed(
    ledger: Ledger, more: dict[str, Any], seconds: float | None
) -> None:
    async with serving(ScriptedModel([heard(**more)])) as url:
        await transcriber(ledger, voice(url)).write_down(NOTE)
    [line] = ledger.lines
    assert line.estimated is (seconds is None)
    assert line.cost_micros == pytest.approx((NOTE.guessed_s if seconds is None else seconds) * 100, abs=1)


async def test_the_most_that_it_can_cost_is_set_aside_first(ledger: Ledger) -> None:
    model = ScriptedModel([heard()])
    async with serving(model) as url:
        ledger.left = voice(url).sound_cost(NOTE.longest_s) - 1
        with pytest.raises(ModelRefused) as refused:
            await transcriber(ledger, voice(url)).write_down(NOTE)
        assert refused.value.code == "budget_spent"
        assert model.requests == []
        ledger.left += 1
        await transcriber(ledger, voice(url)).write_down(NOTE)


async def test_the_next_model_is_asked_where_the_first_one_fails(ledger: Ledger) -> None:
    broken, good = ScriptedModel([Line(status=503)]), ScriptedModel([heard()])
    async with serving(broken) as first, serving(good) as second:
        text = await transcriber(ledger, voice(first), voice(second, "other")).write_down(NOTE)
    assert text == "Where is my parcel?"
    assert [(line.outcome, line.attempt) for line in ledger.lines] == [("model_overloaded", 1), ("ok", 2)]
    assert ledger.lines[0].cost_micros == 0


@pytest.mark.parametrize(
    "line",
    [
        heard(None),
        heard("half \ud83d a pair"),
        Line(body=b"<html>", content_type="text/html"),
        Line(body=b"[1]"),
        Line(body=b'{"text": "' + b"x" * 300_000 + b'"}'),
        Line(body=b"[" * 50_000),
    ],
)
async def test_what_is_no_answer_is_a_failure_with_a_name(ledger: Ledger, line: Line) -> None:
    async with serving(ScriptedModel([line])) as url:
        with pytest.raises(ModelBadResponse):
            await transcriber(ledger, voice(url)).write_down(NOTE)
    assert [line.outcome for line in ledger.lines] == ["model_bad_response"]


async def test_a_server_that_hangs_up_or_says_nothing(ledger: Ledger) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
    async with speaking([head, b'{"text": ']) as url:
        with pytest.raises(ModelError):
            await transcriber(ledger, voice(url)).write_down(NOTE)
    async with speaking([head], then_hang=True) as url:
        with pytest.raises(ModelTimeout):
            await transcriber(ledger, voice(url), target_s=0.2).write_down(NOTE)
    assert [line.outcome for line in ledger.lines] == ["model_truncated", "model_timeout"]
    assert all(line.cost_micros > 0 for line in ledger.lines)  # the provider may have heard all of it


async def test_a_visitor_who_leaves_is_booked(ledger: Ledger) -> None:
    arrived, never = asyncio.Event(), asyncio.Event()

    def listen(_: dict[str, Any]) -> Line:
        arrived.set()
        return Line(("Where",), gate=never)

    async with serving(ScriptedModel(otherwise=listen)) as url:
        one = transcriber(ledger, voice(url), target_s=60)
        task = asyncio.create_task(one.write_down(NOTE))
        await arrived.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await one.close()
        never.set()
    assert [line.outcome for line in ledger.lines] == ["aborted"]
    assert ledger.lines[0].cost_micros > 0


async def test_a_refused_key_is_not_tried_again(ledger: Ledger) -> None:
    model = ScriptedModel([Line(status=401)])
    async with serving(model) as url:
        one = transcriber(ledger, voice(url))
        for _ in range(2):
            with pytest.raises(ModelError):
                await one.write_down(NOTE)
    assert len(model.requests) == 1


TOML = """
[[providers]]
name = "openai"
models = [{ name = "whisper-1" }, { name = "gpt-4o-mini" }]

[[providers]]
name = "rack"
base_url = "http://10.0.0.5:8000/v1"
models = [{ name = "whisper-large", minute_price = 0 }]

[tiers.voice]
models = ["rack/whisper-large", "openai/whisper-1"]
"""


def test_the_tier_voice_is_read_and_is_no_tier_that_answers() -> None:
    Path("minidesk.toml").write_text(TOML, encoding="utf-8")
    found = read_catalog(load_settings(), {"OPENAI_API_KEY": "sk"})
    assert found.voice is not None
    assert [(t.name, t.minute_price) for t in found.voice.targets] == [
        ("rack/whisper-large", 0.0),
        ("openai/whisper-1", 0.006),
    ]
    assert found.routes == {}
    assert found.tiers_of(found.voice.targets[0]) == ["voice"]


def test_a_model_without_a_price_a_minute_cannot_be_meant() -> None:
    Path("minidesk.toml").write_text(
        TOML.replace('"openai/whisper-1"', '"openai/gpt-4o-mini"'), encoding="utf-8"
    )
    with pytest.raises(Invalid, match="minute_price"):
        read_catalog(load_settings(), {"OPENAI_API_KEY": "sk"})


def test_the_list_names_its_price_a_minute_and_a_trial_passes_it_over() -> None:
    Path("minidesk.toml").write_text(TOML.replace(', { name = "gpt-4o-mini" }', ""), encoding="utf-8")
    listed = CliRunner().invoke(main, ["models", "list"], env={"OPENAI_API_KEY": "sk"})
    assert listed.exit_code == 0, listed.output
    assert "openai/whisper-1  [voice]  api.openai.com  $0.006 a minute of sound" in listed.output
    tried = CliRunner().invoke(main, ["models", "test"], env={"OPENAI_API_KEY": "sk"})
    assert (tried.exit_code, tried.output) == (0, "")
