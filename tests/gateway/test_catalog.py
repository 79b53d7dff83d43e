"""Providers, tiers and prices from minidesk.toml; and the commands that show and try them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.gateway.conftest import REQUEST
from tests.helpers.serving import serving

from minidesk.cli import main
from minidesk.errors import Invalid
from minidesk.gateway import PRESETS, Catalog, ChatMessage, load_prices, read_catalog
from minidesk.gateway.call import at_most
from minidesk.gateway.client import body_for
from minidesk.gateway.scripted import Line, ScriptedModel
from minidesk.settings import load_settings

TOML = """
[[providers]]
name = "openai"
models = [{ name = "gpt-4o-mini" }, { name = "gpt-5-mini" }, { name = "gpt-4.1", output_price = 7.0 }]

[[providers]]
name = "rack"
base_url = "http://10.0.0.5:8000/v1"
models = [{ name = "qwen3", context = 32768, input_price = 0, output_price = 0, supports = [] }]

[[providers]]
name = "ollama"
models = [{ name = "llama3.2" }]

[tiers.mini]
policy = "weighted"
models = ["openai/gpt-5-mini", "rack/qwen3"]
weights = [0.8, 0.2]

[tiers.large]
models = ["openai/gpt-4.1"]
"""
KEYS = {"OPENAI_API_KEY": "sk-test"}


def catalog(toml: str, environ: dict[str, str] | None = None) -> Catalog:
    """Read it as the product does, from the working directory."""
    Path("minidesk.toml").write_text(toml, encoding="utf-8")
    return read_catalog(load_settings(), KEYS if environ is None else environ)


def test_providers_are_completed_from_the_presets_and_the_price_table() -> None:
    found = {entry.target.name: entry.target for entry in catalog(TOML).entries}
    mini = found["openai/gpt-5-mini"]
    assert (mini.base_url, mini.api_key) == (PRESETS["openai"].base_url, "sk-test")
    assert (mini.input_price, mini.output_price, mini.context) == (0.25, 2.0, 272_000)
    assert (found["openai/gpt-4.1"].input_price, found["openai/gpt-4.1"].output_price) == (2.0, 7.0)
    assert (found["ollama/llama3.2"].input_price, found["ollama/llama3.2"].base_url) == (
        0.0,
        PRESETS["ollama"].base_url,
    )
    assert "sk-test" not in repr(mini)


def test_tiers_are_ordered_lists_and_the_simple_settings_stand_in_front(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINIDESK_MODEL", "gpt-4o-mini-2024-07-18")
    routes = catalog(TOML).routes
    assert [t.model for t in routes["mini"].targets] == ["gpt-4o-mini-2024-07-18", "gpt-5-mini", "qwen3"]
    assert routes["mini"].weights == (1.0, 0.8, 0.2)
    assert routes["mini"].targets[0].context == 128_000
    assert [t.model for t in routes["large"].targets] == ["gpt-4.1"]


def test_prices_that_were_set_count_before_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDESK_MODEL", "gpt-4.1-mini")
    assert catalog("").entries[0].target.input_price == 0.40
    monkeypatch.setenv("MINIDESK_MODEL_INPUT_PRICE", "0.33")
    assert catalog("").entries[0].target.input_price == 0.33


def test_a_hosted_model_without_its_key_is_named_and_left_out() -> None:
    found = catalog(TOML, {})
    assert {e.problem for e in found.entries if e.target.name.startswith("openai/")} == {
        "no key: set OPENAI_API_KEY"
    }
    assert [t.model for t in found.routes["mini"].targets] == ["qwen3"]
    assert "large" not in found.routes


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ('[[providers]]\nname = "mistery"\nmodels = [{ name = "x" }]', "base_url"),
        ('[[providers]]\nname = "openai"\nmodels = [{ name = "gpt-99" }]', "costs"),
        ('[tiers.mini]\nmodels = ["openai/gpt-4o"]', "no provider lists"),
        (TOML.replace("weights = [0.8, 0.2]", "weights = [1.0]"), "weights"),
        (TOML.replace("supports = []", 'supports = ["telepathy"]'), "telepathy"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(toml: str, word: str) -> None:
    with pytest.raises(Invalid) as refused:
        catalog(toml)
    assert word in refused.value.message


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("openai/gpt-4o-mini", 0.15),
        ("gpt-4o-mini-2024-07-18", 0.15),
        ("gpt-4o:extended", 2.5),
        ("gpt-5-mini", 0.25),
        ("anthropic/claude-haiku-4.5", 1.0),
    ],
)
def test_the_table_knows_a_model_under_its_other_names(name: str, row: float) -> None:
    found = load_prices().find(name)
    assert found is not None
    assert found.input == row


@pytest.mark.parametrize("name", ["gpt-5-pro", "gpt", "my-gpt-5-tuned", ""])
def test_the_table_does_not_take_one_model_for_another(name: str) -> None:
    assert load_prices().find(name) is None


def test_a_model_is_sent_what_it_takes() -> None:
    found = {entry.target.name: entry.target for entry in catalog(TOML).entries}
    gpt5, gpt4, rack = (
        body_for(found[n], REQUEST) for n in ("openai/gpt-5-mini", "openai/gpt-4o-mini", "rack/qwen3")
    )
    assert (gpt5["max_completion_tokens"], gpt5["reasoning_effort"]) == (100, "minimal")
    assert not {"max_tokens", "temperature"} & gpt5.keys()
    assert (gpt4["max_tokens"], gpt4["temperature"]) == (100, 0.1)
    assert set(rack) == {"model", "messages", "max_tokens", "stream"}


def test_the_list_shows_tiers_and_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = CliRunner().invoke(main, ["models", "list"])
    assert "extracts answer" in empty.output
    Path("minidesk.toml").write_text(TOML, encoding="utf-8")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    shown = CliRunner().invoke(main, ["models", "list"])
    assert shown.exit_code == 0
    assert "openai/gpt-5-mini  [no tier]" in shown.output
    assert "rack/qwen3  [mini]" in shown.output
    assert "set OPENAI_API_KEY" in shown.output
    assert load_prices().date in shown.output
    known = CliRunner().invoke(main, ["models", "list", "--known"]).output
    for name in ("xroute", "openai", "openrouter", "anthropic", "gemini", "mistral", "groq", "together", "ollama",
                 "llamacpp", "vllm", "lmstudio", "litellm", "gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-4.1",
                 "gpt-5-mini", "gpt-5"):  # fmt: skip
        assert f"\n  {name}  " in known
    assert f"list prices of {load_prices().date}" in known


async def test_the_trial_calls_each_model_and_fails_if_one_does() -> None:
    good = ScriptedModel(otherwise=lambda _: Line(("one, ", "two"), usage=(30, 10)))
    bad = ScriptedModel(otherwise=lambda _: Line(status=401))
    async with serving(good) as works, serving(bad) as refuses:
        toml = "".join(
            f'[[providers]]\nname = "{name}"\nbase_url = "{url}/v1"\nmodels = [{{ name = "m", input_price = 1, output_price = 1 }}]\n'
            for name, url in (("works", works), ("refuses", refuses))
        )
        Path("minidesk.toml").write_text(toml, encoding="utf-8")
        both = await asyncio.to_thread(CliRunner().invoke, main, ["models", "test"])
        assert both.exit_code == 1
        Path("minidesk.toml").write_text(toml.split('[[providers]]\nname = "refuses"')[0], encoding="utf-8")
        one = await asyncio.to_thread(CliRunner().invoke, main, ["models", "test"])
    assert "works/m: first token" in both.output
    assert "$0.000040 (30 + 10 tokens)" in both.output
    assert "refuses/m: the key is refused" in both.output
    assert one.exit_code == 0, one.output


def test_prompts_of_a_site_find_the_same_cache_where_the_provider_has_a_name_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {entry.target.name: entry.target for entry in catalog(TOML).entries}
    mini = found["openai/gpt-4o-mini"]
    key = body_for(mini, REQUEST)["prompt_cache_key"]
    assert body_for(mini, replace(REQUEST, messages=(), conversation_id="c2"))["prompt_cache_key"] == key
    assert body_for(mini, replace(REQUEST, site_id="s2"))["prompt_cache_key"] != key
    assert "s1" not in key
    assert "prompt_cache_key" not in body_for(found["ollama/llama3.2"], REQUEST)
    monkeypatch.setenv("MINIDESK_MODEL", "gpt-4o-mini")
    assert "prompt_cache_key" in catalog("").entries[0].target.supports
    monkeypatch.setenv("MINIDESK_MODEL_BASE_URL", "https://llm.example.com/v1")
    assert "prompt_cache_key" not in catalog("").entries[0].target.supports


ROUTER = """
[[providers]]
name = "openrouter"
models = [{ name = "anthropic/claude-haiku-4.5" }, { name = "openai/gpt-4.1-mini" }]
[[providers]]
name = "anthropic"
models = [{ name = "claude-haiku-4-5" }]
"""


def test_what_is_the_same_in_every_prompt_is_marked_where_the_endpoint_hands_the_mark_on() -> None:
    found = {entry.target.name: entry.target for entry in catalog(ROUTER).entries}
    asked = replace(REQUEST, messages=(ChatMessage("system", "Rules. Marker x", stable=7), *REQUEST.messages))
    claude = found["openrouter/anthropic/claude-haiku-4.5"]
    rules, question = body_for(claude, asked)["messages"]
    assert rules["content"] == [
        {"type": "text", "text": "Rules. ", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Marker x"},
    ]
    assert question["content"] == REQUEST.messages[0].content
    for other in ("openrouter/openai/gpt-4.1-mini", "anthropic/claude-haiku-4-5"):
        assert body_for(found[other], asked)["messages"][0]["content"] == "Rules. Marker x"
    # 1000 read from the cache, 2000 put there, 500 neither; in millionths of a dollar.
    assert claude.cost(3500, 100, 1000, 2000) == 100 + 2500 + 500 + 500
    assert at_most(claude, asked) > at_most(found["anthropic/claude-haiku-4-5"], asked), "it may be put there"
