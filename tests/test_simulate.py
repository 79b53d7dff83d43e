"""`minidesk simulate`: whole conversations through the command, with visitors by rule and by a model."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from minidesk.demo import sample_folder
from minidesk.gateway.scripted import Line, ScriptedModel
from tests.helpers.commands import minidesk
from tests.helpers.serving import serving

pytestmark = pytest.mark.timeout(180)

PAGES = ("returns/returns-policy.md", "shipping/shipping-costs.md", "payment/gift-cards-and-vouchers.jsonl")
PLAYED = (
    {"id": "return", "goal": "Until when can I return something?", "opening": "How long do I have to send something back?", "answers": ["30 days"], "expect": "answered"},
    {"id": "goggles", "goal": "I want to rent ski goggles.", "opening": "Do you rent out ski goggles?", "answers": ["goggles"], "expect": "handoff"},
    {"id": "person", "goal": "Somebody should call me.", "opening": "Let me talk to a human!", "expect": "answered"},
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that has read a few pages, with the sample conversations among them."""
    top = tmp_path_factory.mktemp("simulate")
    pages = top / "pages"
    pages.mkdir()
    for name in PAGES:
        shutil.copy(sample_folder() / name, pages)
    shutil.copy(sample_folder() / "simulations.jsonl", pages)
    done = minidesk(top / "data", "ingest", str(pages))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped simulations.jsonl: conversations to be played, not knowledge" in done.stdout
    return top / "data"


def written(folder: Path, lines: tuple[dict[str, Any], ...] = PLAYED) -> Path:
    """A file of conversations."""
    path = folder / "played.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_visitors_by_rule(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = minidesk(data, "simulate", str(written(tmp_path)), "--out", str(out))
    assert done.returncode == 0, done.stderr
    told = done.stdout.split("\n\n")
    assert told[0].splitlines()[:4] == [
        "return: goal reached after 2 answers; as expected",
        "  wants      Until when can I return something?",
        "  visitor    How long do I have to send something back?",
        *[
            line
            for line in told[0].splitlines()[3:4]
            if line.startswith("  assistant  ") and "30 days" in line
        ],
    ]
    assert told[1].startswith("goggles: handed to a person (")
    assert told[2].startswith(
        "person: handed to a person (customer request) after 1 answer; NOT AS EXPECTED, which was: goal reached"
    )
    figures = done.stdout[done.stdout.index("3 conversations, visitors played by rules") :]
    assert "goal reached                1   33.3 %   6.1 to 79.2 %" in figures
    assert "handed to a person          2   66.7 %   20.8 to 93.9 %" in figures
    assert "ended as expected           2   66.7 %" in figures
    assert "Not as expected: 1\n  person: handed to a person" in figures
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["end"] for row in rows] == ["answered", "handoff", "handoff"]
    assert [(row["goal_reached"], row["handed_off"], row["turns"]) for row in rows][::2] == [
        (True, False, 2),
        (False, True, 1),
    ]
    talk = rows[0]["conversation"]
    assert [turn["role"] for turn in talk] == ["visitor", "assistant"] * 2
    assert "30 days" in talk[1]["text"]
    assert talk[2]["text"] == "Thanks, that helped."


def test_the_sample_conversations_can_be_played(data: Path) -> None:
    path = str(sample_folder() / "simulations.jsonl")
    done = minidesk(data, "simulate", path, "--brief")
    assert done.returncode == 0, done.stderr
    assert "10 conversations, visitors played by rules" in done.stdout
    assert (
        "wants-a-person: handed to a person (customer request) after 1 answer; as expected\n" in done.stdout
    )
    assert "  visitor    " not in done.stdout


def test_the_figures_as_json(data: Path, tmp_path: Path) -> None:
    done = minidesk(data, "simulate", str(written(tmp_path)), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["conversations"] == 3
    assert told["figures"]["handed_off"] == pytest.approx(
        {"value": 0.6667, "low": 0.2077, "high": 0.9385, "of": 3}, abs=1e-3
    )
    assert [one["id"] for one in told["played"]] == ["return", "goggles", "person"]


async def test_a_model_plays_the_visitor(data: Path, tmp_path: Path) -> None:
    def speak(request: dict[str, Any]) -> Line:
        system = request["messages"][0]["content"]
        if not system.startswith("You play a visitor"):
            return Line(["You can return articles within 30 days after delivery."])
        scene = request["messages"][1]["content"]
        assert "Your goal: Until when can I return something?" in scene
        return Line(["[DO", "NE]"] if "30 days" in scene else ["Until when, please?"])

    model = ScriptedModel(otherwise=speak)
    async with serving(model) as upstream:
        settings = {
            "MINIDESK_MODEL": "mini",
            "MINIDESK_MODEL_BASE_URL": f"{upstream}/v1",
            "MINIDESK_MODEL_OUTPUT_PRICE": "1000",
        }
        path = str(written(tmp_path, PLAYED[:1]))
        done = await asyncio.to_thread(minidesk, data, "simulate", path, **settings)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("return: goal reached after 1 answer, $0.02")
        assert "visitors played by model" in done.stdout
        assert "cost of the visitor" in done.stdout
        asked = len(model.requests)
        done = await asyncio.to_thread(minidesk, data, "simulate", path, "--rules", **settings)
        assert done.stdout.startswith("return: goal reached after 2 answers, $")
        assert "cost of the visitor" not in done.stdout
        assert all(
            not request["messages"][0]["content"].startswith("You play") for request in model.requests[asked:]
        )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "This file holds no conversations."),
        ("not json\n", "Line 1 is no conversation"),
        ('{"goal": "x y"}\n', "Line 1 cannot be played: opening"),
        ('\n{"goal": "x y", "opening": "hi", "max_turns": 0}\n', "Line 2 cannot be played: max_turns"),
        ('{"goal": "x y", "opening": "hi", "colour": "red"}\n', "Line 1 cannot be played: colour"),
        ('{"id": "a", "goal": "x y", "opening": "hi"}\n' * 2, "Line 2 has the id “a” of an earlier line"),
    ],
)
def test_a_file_that_cannot_be_played_says_why(data: Path, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    done = minidesk(data, "simulate", str(path))
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
