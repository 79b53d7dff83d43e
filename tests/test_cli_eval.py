"""`minidesk eval`: what its owner reads of a question set, what is refused, and what a program gets."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from minidesk.demo import sample_folder
from minidesk.settings import load_settings
from minidesk.sites import SiteConfig, update_config
from minidesk.wiring import open_core
from tests.helpers.commands import minidesk

pytestmark = pytest.mark.timeout(180)

RETURNS, COSTS = "returns-policy.md", "shipping-costs.md"
SET: tuple[dict[str, Any], ...] = (
    {"id": "days", "question": "How long can I return something?", "relevant": [RETURNS], "answers": ["30 days"], "tags": ["returns"]},
    {"id": "price", "question": "How much is shipping to Germany for a 3 kg parcel?", "relevant": [COSTS], "answers": ["€999"], "tags": ["shipping"]},
    {"id": "moon", "question": "Do you deliver to the moon with a rocket?", "outcome": "clarify", "tags": ["none"]},
    {"id": "person", "question": "Let me talk to a human", "outcome": "handoff", "tags": ["none"]},
    {"id": "lost", "question": "Do you sell aeroplanes?", "relevant": ["no-such-page.md"], "tags": ["shipping"]},
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that has read two pages."""
    top = tmp_path_factory.mktemp("eval")
    pages = top / "pages"
    pages.mkdir()
    shutil.copy(sample_folder() / "returns" / RETURNS, pages)
    shutil.copy(sample_folder() / "shipping" / COSTS, pages)
    done = minidesk(top / "data", "ingest", str(pages))
    assert done.returncode == 0, done.stdout + done.stderr
    return top / "data"


def written(folder: Path, lines: tuple[dict[str, Any], ...] = SET) -> str:
    """A question set."""
    path = folder / "set.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return str(path)


def test_the_report_says_what_each_figure_means_and_what_went_wrong(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    done = minidesk(data, "eval", written(tmp_path), "--out", str(out))
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout
    assert told.startswith(
        "5 questions, answered without a model.\n3 came out as the set wants it: 60.0 % (23.1 to 88.2 %)."
    )
    assert (
        "the set names 1 document that this site does not have, so they cannot be found: no-such-page.md."
        in told
    )
    rows = {line[:24].strip(): line for line in told.splitlines()}
    assert rows["answered"].split()[1:3] == ["66.7", "%"]
    assert "got an answer, right or wrong" in rows["answered"]
    assert "follow-ups right" not in rows  # of what no question asks nothing is said
    assert rows["MRR@10"].split()[1] == "0.667"
    # The worst tag first, each with its interval.
    tags = [line.split()[0] for line in told.split("By tag, worst first")[1].splitlines()[1:4]]
    assert tags == ["shipping", "none", "returns"]
    assert rows["shipping"].split()[1:5] == ["2", "0.0", "%", "0.0"]
    wrong = told.split("2 did not come out as wanted\n")[1].splitlines()
    assert wrong[0] == "  Answered wrongly: 1"
    assert wrong[1] == "    price  How much is shipping to Germany for a 3 kg parcel?"
    assert wrong[3:6] == [
        f"      wanted: “€999” from {COSTS}",
        f"      cited: {COSTS}",
        "  Not answered, though the pages say it: 1",
    ]
    rights = {
        row["id"]: row["right"] for row in map(json.loads, out.read_text(encoding="utf-8").splitlines())
    }
    assert rights == {"days": True, "price": False, "moon": True, "person": True, "lost": False}


def test_the_figures_as_json_and_of_some_tags(data: Path, tmp_path: Path) -> None:
    done = minidesk(data, "eval", written(tmp_path), "--json", "--tag", "returns", "--tag", "none")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert (told["all"]["questions"], told["all"]["as_wished"], told["all"]["handoff_found"]) == (3, 1.0, 1.0)
    assert told["all"]["followups_right"] is None
    assert told["all"]["intervals"]["as_wished"] == [0.4385, 1.0]
    assert "followups_right" not in told["all"]["intervals"]
    assert list(told["tags"]) == ["none", "returns"]
    done = minidesk(data, "eval", written(tmp_path), "--tag", "shoes")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "No question of this set has the tag “shoes”. It has none, returns, shipping.\n"


def test_when_all_is_right_that_is_said(data: Path, tmp_path: Path) -> None:
    done = minidesk(data, "eval", written(tmp_path, SET[:1]))
    assert done.stdout.startswith(
        "1 question, answered without a model.\n1 came out as the set wants it: 100.0 %"
    )
    assert done.stdout.rstrip().endswith("Every question came out as the set wants it.")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "set.jsonl holds no questions."),
        (b"\xff\xfe\x00", "set.jsonl is no text in UTF-8."),
        (b'{"question": "x", "tags": "boots"}\n', "Line 1 cannot be used: tags"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_in_one_line(
    data: Path, tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(content)
    done = minidesk(data, "eval", str(path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1


def test_a_results_file_that_cannot_be_written_is_said_before_anything_is_asked(
    data: Path, tmp_path: Path
) -> None:
    done = minidesk(data, "eval", written(tmp_path), "--out", str(tmp_path / "nowhere" / "out.jsonl"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("cannot be written: No such file or directory. Give --out another file.\n")
    assert len(done.stderr.splitlines()) == 1


async def test_commands_ask_as_the_sites_visitors_do(data: Path, tmp_path: Path) -> None:
    """A topic that always goes to a person did so for visitors, and `ask` and `eval` answered it all the same."""
    own = tmp_path / "data"
    shutil.copytree(data, own)
    async with open_core(load_settings(data_dir=own)) as core:
        site = await core.site(None)
        async with core.db.write() as tx:
            await update_config(tx, site.id, SiteConfig(person_topics=("Returns: return",)), name=site.name)
    asked = await asyncio.to_thread(minidesk, own, "ask", SET[0]["question"], "--json")
    assert (json.loads(asked.stdout)["outcome"], json.loads(asked.stdout)["reason"]) == ("handoff", "policy")
    done = await asyncio.to_thread(minidesk, own, "eval", written(tmp_path, SET[:1]))
    assert "Not answered, though the pages say it: 1\n    days" in done.stdout
    assert "handed off (policy)" in done.stdout
