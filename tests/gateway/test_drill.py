"""The fault drill: outages against configured routes, as `minidesk models drill` plays them."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.gateway.conftest import target

from minidesk.cli import main
from minidesk.gateway import Clocks, Route, Seen, Target, play_outages
from minidesk.gateway.drill import FAULTS, Scene
from minidesk.gateway.faults import Fault

QUICK = Clocks(first_token=1.0, gap=1.0, total=3.0)
# What a visitor sees who meets the fault at the model that is asked first, with another one behind it.
BREAKS: set[Fault] = {"resets", "truncated"}
# Those after which the model is left alone, so that the next visitor does not wait for it.
LEFT_ALONE: set[Fault] = {"rate limit", "bad key", "no credit"}


def named(name: str) -> Target:
    """A target that the settings would call so."""
    return replace(target("http://nowhere", name), name=name)


async def test_every_fault_ends_at_another_model_or_at_extracts() -> None:
    scenes = await play_outages({"mini": Route((named("a/one"), named("b/two")))}, QUICK)
    assert len(scenes) == 2 * len(FAULTS)
    for scene in scenes:
        broken = scene.fault in BREAKS
        for seen in (scene.first, scene.next):
            if broken:
                assert (seen.model, seen.whole) == ("a/one", False), scene
            elif scene.hit == "first":
                assert (seen.model, seen.whole) == ("b/two", True), scene
            else:
                assert seen.model is None, scene
            assert seen.first_ms < 2_900
        if scene.fault in LEFT_ALONE:
            assert scene.next.calls == (1 if scene.hit == "first" else 0), scene
        if scene.fault == "hangs" and scene.hit == "first":
            assert scene.first.first_ms >= 900


async def test_a_weighted_route_is_hit_where_it_asks_first() -> None:
    targets = tuple(named(name) for name in ("a/one", "b/two", "c/three"))
    for weights in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
        scenes = await play_outages({"mini": Route(targets, "weighted", weights)}, QUICK, ["bad key"])
        hit = [scene.target for scene in scenes if scene.hit == "first"]
        assert hit == [targets[weights.index(1.0)].name]


@pytest.mark.parametrize(("first_ms", "words"), [(12, "12 ms"), (2_040, "2.0 s")])
def test_a_line_says_what_was_seen(first_ms: int, words: str) -> None:
    met, later = Seen("a/one", first_ms, False, 1), Seen(None, 3, False, 0)
    assert " ".join(Scene("mini", "resets", "first", "a/one", met, later).line().split()) == (
        f"a/one, resets a/one after {words}, then broken off; "
        "the next visitor: extracts or a person after 3 ms"
    )


async def test_the_command_plays_the_configured_tiers() -> None:
    none = await asyncio.to_thread(CliRunner().invoke, main, ["models", "drill", "--quick"])
    assert none.exit_code == 2
    assert "No model is set" in none.output
    Path("minidesk.toml").write_text(
        '[[providers]]\nname = "ollama"\nmodels = [{ name = "a" }, { name = "b" }]\n'
        '[tiers.mini]\nmodels = ["ollama/a", "ollama/b"]\n',
        encoding="utf-8",
    )
    shown = await asyncio.to_thread(CliRunner().invoke, main, ["models", "drill", "--quick"])
    assert shown.exit_code == 0, shown.output
    assert "Tier mini, first: ollama/a, ollama/b" in shown.output
    assert "ollama/a, bad key" in shown.output
    assert "every model, hangs" in shown.output
