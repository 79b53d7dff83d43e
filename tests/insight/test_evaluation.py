"""Figures of a question set, worked out by hand."""

import json
import math
from pathlib import Path

import pytest
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import SmallSearch
from tests.conftest import FakeClock

from minidesk.ask import Asker
from minidesk.errors import Invalid
from minidesk.insight.evaluation import (
    Asked,
    Result,
    by_tag,
    estimates,
    evaluate,
    read_questions,
    summarise,
)
from minidesk.insight.intervals import mean_of
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings


def result(
    asked: Asked,
    outcome: str,
    text: str = "",
    documents: tuple[str, ...] = (),
    cited: tuple[str, ...] = (),
    ms: int = 10,
) -> Result:
    return Result(asked, documents, 0.5, outcome, None, None, text, cited, 0.001, ms)


def test_the_summary_counts_what_it_says() -> None:
    a = Asked(
        "a", "?", frozenset({"x.md"}), answers=("30 days",), outcome="reply", answerable=True, tags=("one",)
    )
    b = Asked("b", "?", frozenset({"y.csv"}), answers=("€5",), outcome="reply", answerable=True)
    c = Asked("c", "?", frozenset(), outcome="clarify", answerable=False)
    d = Asked("d", "?", frozenset(), outcome="handoff", answerable=False)
    results = [
        result(a, "reply", "Within 30\u00a0days.", ("x.md", "y.csv#2"), ("x.md",), ms=10),
        result(b, "reply", "It is €6.", ("x.md", "y.csv#2"), ("y.csv#2",), ms=20),
        result(c, "clarify", ms=30),
        result(d, "handoff", ms=40),
    ]
    summary = summarise(results)
    assert summary.questions == 4
    assert summary.hit_at_1 == 0.5
    assert summary.hit_at_3 == 1.0
    assert summary.mrr_at_10 == 0.75
    assert summary.ndcg_at_10 == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert summary.answered == 1.0
    assert summary.abstained == 0.25
    assert summary.right_if_answered == 0.5
    assert summary.right_phrase == 0.5
    assert summary.unanswerable_not_answered == 1.0
    assert summary.handoff_found == 1.0
    assert summary.followups_right is None
    assert summary.cost_usd == pytest.approx(0.004)
    assert summary.p50_ms == 25
    assert summary.p95_ms == 40
    assert by_tag(results)["one"].right_if_answered == 1.0


def test_a_set_is_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    good = {
        "id": "q",
        "question": "and boots?",
        "history": [{"role": "user", "text": "Tents?"}],
        "relevant": ["a.md"],
        "tags": ["followup"],
    }
    path.write_text(json.dumps(good) + "\n\n")
    [asked] = read_questions(path)
    assert asked.history[0].role == "visitor"
    assert asked.can_answer
    path.write_text(json.dumps(good) + "\n{}\n")
    with pytest.raises(Invalid, match="Line 2"):
        read_questions(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\n \n", "q.jsonl holds no questions"),
        (b"\n[]\n", "Line 2 is no question"),
        (b"{}\n", "Line 1 is no question"),
        (b"not json", "Line 1 is no question"),
        (b'{"question": ""}\n', "Line 1 cannot be used: question"),
        (b'{"question": "x", "relevant": "a.md"}\n', "Line 1 cannot be used: relevant"),
        (b'{"question": "x", "outcome": "answer"}\n', "Line 1 cannot be used: outcome"),
        (b'{"question": "x", "history": [{"role": "cat", "text": "?"}]}\n', r"Line 1 cannot be used: history\.0\.role"),
        (b'{"id": 1, "question": "x"}\n{"id": "1", "question": "y"}\n', "Line 2 has the id “1” of an earlier line"),
        (b'{"question": "\\ud800"}\n', "Line 1 is no question"),
        (b"[" * 100_000, "Line 1 is no question"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_set_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(content)
    with pytest.raises(Invalid, match=said):
        read_questions(path)


def test_intervals_of_shares_and_means() -> None:
    """Wilson's interval of 3 of 4, and none where no question bears on the figure."""
    results = [
        result(Asked(str(n), "?", frozenset({"x.md"})), "reply", documents=("x.md",), cited=("x.md",) if n else ())
        for n in range(4)
    ]  # fmt: skip
    found = estimates(results)
    assert (found["as_wished"].low, found["as_wished"].high) == pytest.approx((0.3006, 0.9544), abs=1e-3)
    assert found["followups_right"].value is None
    assert (found["mrr_at_10"].value, found["mrr_at_10"].low, found["mrr_at_10"].of) == (1.0, 1.0, 4)


def test_a_mean_of_many_has_nearly_the_interval_that_drawing_gives() -> None:
    values = [float(n % 2) for n in range(500)]
    drawn, plain = mean_of(values), mean_of([*values, 0.0, 1.0])
    assert drawn.low == pytest.approx(plain.low, abs=0.01)
    assert drawn.high == pytest.approx(plain.high, abs=0.01)


async def test_a_line_as_the_contract_has_it(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    search = SmallSearch(embedder)
    asker = Asker(search, embedder.documents, None, settings, clock)
    asked = Asked(
        "q1",
        "How long do I have to return something?",
        frozenset({"return-window.md"}),
        answers=("30 days",),
        answerable=True,
    )
    seen: list[Result] = []
    [found] = await evaluate(asker, search, "s1", [asked], given=True, on_result=seen.append)
    assert seen == [found]
    line = found.line()
    assert {
        "id",
        "documents",
        "score",
        "outcome",
        "kind",
        "text",
        "citations",
        "cost_usd",
        "ms",
    } <= line.keys()
    assert line["documents"] == ["return-window.md"]
    assert line["outcome"] == "reply"
    assert line["citations"] == [{"document": "return-window.md"}]
    assert found.right


async def test_outcomes_have_their_names(embedder: Embedder, settings: Settings, clock: FakeClock) -> None:
    search = SmallSearch(embedder)
    asker = Asker(search, embedder.documents, None, settings, clock)
    questions = [
        Asked("h", "return it with a human please", frozenset({"return-window.md"}), outcome="handoff"),
        Asked("s", "hello", frozenset(), outcome="clarify"),
    ]
    handoff, smalltalk = await evaluate(asker, search, "s1", questions)
    # Whoever asks for a person is not searched for, but what search would find is measured all the same.
    assert (handoff.documents[0], smalltalk.documents) == ("return-window.md", ())
    assert (handoff.outcome, handoff.reason) == ("handoff", "customer_request")
    assert (smalltalk.outcome, smalltalk.kind) == ("clarify", "smalltalk")
