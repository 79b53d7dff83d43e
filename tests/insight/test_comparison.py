"""Two results files side by side, through the command."""

import json
from pathlib import Path

import pytest
from tests.helpers.commands import minidesk

from minidesk.errors import Invalid
from minidesk.insight.comparison import compare, read_results


def write(path: Path, rights: dict[str, bool], *, cost: float = 0.001) -> Path:
    lines = [
        {
            "id": id_,
            "outcome": "reply" if right else "clarify",
            "text": f"The answer to {id_}." if right else "Our pages don't say.",
            "cost_usd": cost,
            "ms": 20,
            "right": right,
            "ndcg": 1.0 if right else None,
            "tags": ["even" if int(id_[1:]) % 2 == 0 else "odd"],
        }
        for id_, right in rights.items()
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_what_changed_is_counted_and_named(tmp_path: Path) -> None:
    a = read_results(write(tmp_path / "a.jsonl", {f"q{n}": n >= 40 for n in range(100)}))
    b = read_results(write(tmp_path / "b.jsonl", {f"q{n}": n != 99 for n in range(1, 101)}, cost=0.002))
    found = compare(a, b)
    by_name = {each.name: each for each in found.differences}
    right = by_name["right"]
    assert right.questions == 99
    assert right.a == pytest.approx(60 / 99)
    assert right.b == pytest.approx(98 / 99)
    # 39 better and 1 worse of 99: the normal approximation gives .383 ± .099.
    assert right.low == pytest.approx(0.28, abs=0.04)
    assert right.high == pytest.approx(0.48, abs=0.04)
    assert right.certain
    assert by_name["cost, USD"].b == pytest.approx(0.002)
    assert by_name["nDCG@10"].questions == 59  # those without a figure on either side are left out
    assert by_name["right: even"].questions == 49
    assert [pair[0].id for pair in found.worse] == ["q99"]
    assert len(found.better) == 39
    assert (found.only_in_a, found.only_in_b) == (1, 1)


def test_equal_runs_show_no_difference_and_one_change_can_be_chance(tmp_path: Path) -> None:
    rights = {f"q{n}": n % 3 > 0 for n in range(60)}
    a = read_results(write(tmp_path / "a.jsonl", rights))
    same = compare(a, a).differences[0]
    assert (same.low, same.high, same.certain) == (0.0, 0.0, False)
    b = read_results(write(tmp_path / "b.jsonl", rights | {"q0": True}))
    one = compare(a, b).differences[0]
    assert one.b > one.a
    assert not one.certain


def test_what_is_no_results_file_is_refused(tmp_path: Path) -> None:
    good = write(tmp_path / "a.jsonl", {"q1": True})
    bad = tmp_path / "questions.jsonl"
    bad.write_text('{"id": "q1", "question": "?"}\n')
    with pytest.raises(Invalid, match=r"Line 1 of questions\.jsonl"):
        read_results(bad)
    with pytest.raises(Invalid, match="no question in common"):
        compare(read_results(good), {})


def test_the_command_prints_both_sides(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", {"q1": True, "q2": False})
    b = write(tmp_path / "b.jsonl", {"q1": False, "q2": False})
    done = minidesk(tmp_path / "data", "eval", "compare", str(a), str(b))
    assert done.returncode == 0, done.stderr
    assert (
        "worse: 1\n  q1\n    A reply: The answer to q1.\n    B clarify: Our pages don't say." in done.stdout
    )
