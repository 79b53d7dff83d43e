"""Two results files side by side, through the command."""

import json
from pathlib import Path
from typing import Any

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
    right = by_name["as wanted"]
    assert right.questions == 99
    assert right.a == pytest.approx(60 / 99)
    assert right.b == pytest.approx(98 / 99)
    # 39 better and 1 worse of 99: the normal approximation gives .383 ± .099.
    assert right.low == pytest.approx(0.28, abs=0.04)
    assert right.high == pytest.approx(0.48, abs=0.04)
    assert right.certain
    assert by_name["cost a question"].b == pytest.approx(0.002)
    assert by_name["nDCG@10"].questions == 59  # those without a figure on either side are left out
    assert by_name["even"].questions == 49
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
    for content, said in (
        (b'{"id": "q1", "question": "?"}\n', r"Line 1 is no result.*\(questions\.jsonl\)"),
        (b"\n[1]\n", "Line 2 is no result"),
        (b"[" * 100_000, "Line 1 is no result"),
        (good.read_bytes() * 2, "Line 2 of questions.jsonl has the id “q1” of an earlier line"),
        (b"", "questions.jsonl holds no results"),
        (b"\xff\xfe{}", "questions.jsonl is no text in UTF-8"),
    ):
        bad.write_bytes(content)
        with pytest.raises(Invalid, match=said):
            read_results(bad)
    with pytest.raises(Invalid, match="no question in common"):
        compare(read_results(good), read_results(write(bad, {"q2": True})))


def asked(path: Path, *questions: str, **more: Any) -> Path:
    """A run of a set without ids: they are the numbers of the lines."""
    lines = [
        {"id": str(n), "question": question, "outcome": "reply", "text": "x", "cost_usd": 0, "ms": 9, "right": True} | more
        for n, question in enumerate(questions, start=1)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_same_id_with_another_question_is_left_out(tmp_path: Path) -> None:
    a = read_results(asked(tmp_path / "a.jsonl", "Boots?", "Tents?"))
    b = read_results(asked(tmp_path / "b.jsonl", "Boots?", "Stoves?"))
    found = compare(a, b)
    assert (found.questions, found.other_question) == (1, 1)
    with pytest.raises(Invalid, match="no question in common"):
        compare(a, read_results(asked(tmp_path / "c.jsonl", "Jackets?", "Stoves?")))


def test_signs_that_end_lines_elsewhere_may_stand_in_an_answer(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = {
        "id": "1",
        "outcome": "reply",
        "text": "One\u2028two\u0085three",
        "cost_usd": 0,
        "ms": 1,
        "right": True,
    }
    path.write_text(json.dumps(line, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_results(path)["1"].text == line["text"]


def test_the_command_prints_both_sides(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", {"q1": True, "q2": False})
    b = write(tmp_path / "b.jsonl", {"q1": False, "q2": False})
    done = minidesk(tmp_path / "data", "eval", "compare", str(a), str(b))
    assert done.returncode == 0, done.stderr
    told = done.stdout
    assert f"A is {a}, B is {b}: 2 questions that both have." in told
    assert "No sure difference: 1 got worse, 0 got better, which may be chance." in told
    assert (
        "Got worse: as wanted in A, not in B: 1\n  q1\n    A answer: The answer to q1.\n"
        "    B no answer: Our pages don't say." in told
    )
    # The tag that got worse stands first, what is the same comes in one line, and worse stands before better.
    rows = told.splitlines()
    assert rows[rows.index("as wanted, by tag, worst first") + 1].split()[:4] == ["odd", "100.0", "%", "0.0"]
    assert "  no change: even" in rows
    assert told.index("Got worse") < told.index("Got better")


def test_a_clear_difference_is_said_and_json_has_it_all(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", {f"q{n}": True for n in range(40)})
    b = write(tmp_path / "b.jsonl", {f"q{n}": n % 2 == 0 for n in range(40)}, cost=0.0005)
    told = minidesk(tmp_path / "data", "eval", "compare", str(a), str(b)).stdout
    assert "B is worse than A: 20 got worse, 0 got better." in told
    [cost] = [line for line in told.splitlines() if line.startswith("cost a question")]
    assert cost.endswith("better")
    found = json.loads(minidesk(tmp_path / "data", "eval", "compare", str(a), str(b), "--json").stdout)
    assert found["questions"] == 40
    assert found["worse"] == [f"q{n}" for n in range(1, 40, 2)]
    assert found["better"] == []
    first = found["figures"][0]
    assert (first["name"], first["unit"], first["a"], first["b"], first["certain"]) == (
        "as wanted",
        "share",
        1.0,
        0.5,
        True,
    )


def test_a_run_with_itself_is_the_same(tmp_path: Path) -> None:
    a = write(tmp_path / "a.jsonl", {f"q{n}": n > 3 for n in range(9)})
    told = minidesk(tmp_path / "data", "eval", "compare", str(a), str(a)).stdout
    assert "No question changed sides." in told
    assert "may be chance" not in told.split("as wanted: a right")[0]
    assert "Got worse: as wanted in A, not in B: 0" in told
