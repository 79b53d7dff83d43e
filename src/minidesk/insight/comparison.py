"""Two runs of the same question set, question by question: what got better, what got worse, and whether that can be chance.

Differences are paired: the same questions are drawn again and again (bootstrap; Efron and Tibshirani 1993, chapter 13),
so that a hard question weighs on both sides and only what differs between the runs remains.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from minidesk.errors import Invalid
from minidesk.insight.estimates_text import shortened
from minidesk.insight.intervals import mean_of
from minidesk.insight.jsonlines import objects_of

# Questions listed on each side; the whole lists stand in the results files.
LISTED = 20
_TEXT = 110  # characters of an answer in a line
_NAME = 27
_NO_RESULT = "no result: write both files with `minidesk eval --out`."
_UNREADABLE = "results_unreadable"

# What a figure is counted in, and which way is better; None: neither.
Unit = Literal["share", "mean", "usd", "ms"]


class ResultLine(BaseModel):
    """What comparing needs of a line that `minidesk eval --out` wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    question: str = ""  # runs of before it was written have none
    outcome: str
    text: str
    cost_usd: float
    ms: float
    right: bool
    ndcg: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both runs over the questions that both have, and the 95 % interval of `b - a`."""

    name: str
    questions: int
    a: float
    b: float
    low: float
    high: float
    unit: Unit = "share"
    up: bool | None = True  # whether more is better; None: neither
    tag: str | None = None

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out "no difference"."""
        return self.low > 0 or self.high < 0

    @property
    def word(self) -> str:
        """What the difference is, in a word or two."""
        if self.a == self.b and self.low == self.high == 0:
            return "the same"
        if not self.certain:
            return "may be chance"
        more = self.b > self.a
        if self.up is None:
            return "more" if more else "fewer"
        return "better" if more == self.up else "worse"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs side by side."""

    differences: tuple[Difference, ...]
    better: tuple[tuple[ResultLine, ResultLine], ...]  # wrong in A, right in B
    worse: tuple[tuple[ResultLine, ResultLine], ...]
    only_in_a: int
    only_in_b: int
    questions: int = 0  # that both have
    reworded: int = 0  # right or wrong in both, with another outcome or text
    other_question: int = 0  # the same id with another question: left out

    def as_dict(self) -> dict[str, Any]:
        """For JSON: the figures (shares of 1), and the ids of the questions that changed sides."""
        return {
            "questions": self.questions,
            "figures": [asdict(each) | {"certain": each.certain} for each in self.differences],
            "worse": [before.id for before, _ in self.worse],
            "better": [before.id for before, _ in self.better],
            "reworded": self.reworded,
            "only_in_a": self.only_in_a,
            "only_in_b": self.only_in_b,
            "other_question": self.other_question,
        }


def read_results(path: Path) -> dict[str, ResultLine]:
    """The lines of a results file by question id. Raises Invalid naming the first line that is none, or a second one of an id."""
    found: dict[str, ResultLine] = {}
    what = f"{_NO_RESULT[:-1]} ({path.name})."
    for number, row in objects_of(path, what, _UNREADABLE):
        try:
            result = ResultLine.model_validate(row)
        except ValidationError as problem:
            raise Invalid(f"Line {number} is {what}", code=_UNREADABLE) from problem
        if result.id in found:
            raise Invalid(
                f"Line {number} of {path.name} has the id “{result.id}” of an earlier line: compare one run each.",
                code=_UNREADABLE,
            )
        found[result.id] = result
    if not found:
        raise Invalid(f"{path.name} holds no results: write it with `minidesk eval --out`.", code=_UNREADABLE)
    return found


def compare(a: dict[str, ResultLine], b: dict[str, ResultLine]) -> Comparison:
    """What changed from `a` to `b`, over the questions of both. Raises Invalid if they share none."""
    both = [(a[id_], b[id_]) for id_ in a if id_ in b]
    # Sets without ids are numbered by line: two of them share ids and no question.
    shared = [
        (one, other)
        for one, other in both
        if not one.question or one.question == other.question or not other.question
    ]
    if not shared:
        raise Invalid("The two files have no question in common: compare runs of the same set.")
    differences = [
        _difference("as wanted", shared, lambda line: float(line.right)),
        _difference("nDCG@10", shared, lambda line: line.ndcg, "mean"),
        _difference("got an answer", shared, lambda line: float(line.outcome == "reply"), up=None),
        _difference("cost a question", shared, lambda line: line.cost_usd, "usd", up=False),
        _difference("time a question", shared, lambda line: line.ms, "ms", up=False),
    ]
    for tag in sorted({tag for line, _ in shared for tag in line.tags}):
        tagged = [pair for pair in shared if tag in pair[0].tags]
        differences.append(_difference(tag, tagged, lambda line: float(line.right), tag=tag))
    return Comparison(
        differences=tuple(found for found in differences if found is not None),
        better=tuple(pair for pair in shared if pair[1].right and not pair[0].right),
        worse=tuple(pair for pair in shared if pair[0].right and not pair[1].right),
        only_in_a=len(a.keys() - b.keys()),
        only_in_b=len(b.keys() - a.keys()),
        questions=len(shared),
        reworded=sum(
            one.right == other.right and (one.outcome, one.text) != (other.outcome, other.text)
            for one, other in shared
        ),
        other_question=len(both) - len(shared),
    )


def _difference(
    name: str,
    pairs: Sequence[tuple[ResultLine, ResultLine]],
    figure: Callable[[ResultLine], float | None],
    unit: Unit = "share",
    *,
    up: bool | None = True,
    tag: str | None = None,
) -> Difference | None:
    """None where no question of both runs bears on the figure."""
    values = [
        (before, after)
        for before, after in ((figure(one), figure(other)) for one, other in pairs)
        if before is not None and after is not None
    ]
    if not values:
        return None
    change = mean_of([after - before for before, after in values])
    a, b = fmean(before for before, _ in values), fmean(after for _, after in values)
    return Difference(name, len(values), a, b, change.low, change.high, unit, up, tag)


def as_text(found: Comparison, names: tuple[str, str] = ("A", "B")) -> str:
    """For a terminal: the figures, the tags from the worst change on, then the questions that changed sides. `names` of the files."""
    lines = [
        f"A is {names[0]}, B is {names[1]}: {found.questions} questions that both have.",
        *_left_out(found),
        "",
        _verdict(found),
        "",
        _HEAD,
        *(_row(each) for each in found.differences if each.tag is None),
    ]
    tags = [each for each in found.differences if each.tag is not None]
    changed = sorted(
        (each for each in tags if each.word != "the same"), key=lambda each: (each.b - each.a, each.name)
    )
    if changed:
        lines += ["as wanted, by tag, worst first", *(_row(each, indent="  ") for each in changed)]
    if same := [each.name for each in tags if each.word == "the same"]:
        lines.append(f"  no change: {', '.join(same)}")
    lines += [
        "as wanted: a right answer, a person where one is wanted, no answer where the pages hold none.",
        "likely range: where the change would lie 19 times of 20 with other questions of this kind (95 % interval);",
        "where it reaches over 0 the change may be chance. got an answer: neither good nor bad by itself.",
    ]
    lines += _listed("Got worse: as wanted in A, not in B", found.worse)
    lines += _listed("Got better: not as wanted in A, as wanted in B", found.better)
    return "\n".join(lines)


_HEAD = f"{'':{_NAME}}{'A':>10}{'B':>10}{'change':>12}   {'likely range':24}{'of':>5}"


def _left_out(found: Comparison) -> list[str]:
    lines = []
    if found.only_in_a or found.only_in_b:
        lines.append(f"Left out: {found.only_in_a} questions only in A, {found.only_in_b} only in B.")
    if found.other_question:
        lines.append(f"Left out: {found.other_question} with the same id and another question.")
    return lines


def _verdict(found: Comparison) -> str:
    right = found.differences[0]
    sides = f"{len(found.worse)} got worse, {len(found.better)} got better"
    if not found.worse and not found.better:
        how = "No question changed sides"
    elif right.certain:
        how = f"B is {right.word} than A: {sides}"
    else:
        how = f"No sure difference: {sides}, which may be chance"
    again = f"; {found.reworded} more read differently" if found.reworded else ""
    return f"{how}{again}."


def _row(each: Difference, indent: str = "") -> str:
    name = f"{indent}{shortened(each.name, _NAME - 3)}"
    low, high = (_change(value, each.unit) for value in (each.low, each.high))
    return (
        f"{name:{_NAME}}{_value(each.a, each.unit):>10}{_value(each.b, each.unit):>10}"
        f"{_change(each.b - each.a, each.unit):>12}   {f'{low} to {high}':24}{each.questions:>5}   {each.word}"
    )


def _value(value: float, unit: Unit) -> str:
    if unit == "share":
        return f"{100 * value:.1f} %"
    return f"${value:.5f}" if unit == "usd" else f"{value:.0f} ms" if unit == "ms" else f"{value:.3f}"


def _change(value: float, unit: Unit) -> str:
    """With its sign; shares in percentage points."""
    if unit == "share":
        return f"{100 * value:+.1f}"
    return f"{value:+.5f}" if unit == "usd" else f"{value:+.0f}" if unit == "ms" else f"{value:+.3f}"


def _listed(title: str, pairs: Iterable[tuple[ResultLine, ResultLine]]) -> list[str]:
    held = list(pairs)
    lines = [f"\n{title}: {len(held)}"]
    for before, after in held[:LISTED]:
        lines.append(f"  {before.id}  {shortened(after.question or before.question, _TEXT)}".rstrip())
        lines += [
            f"    {side} {_OUTCOMES.get(line.outcome, line.outcome)}: {shortened(line.text, _TEXT)}"
            for side, line in (("A", before), ("B", after))
        ]
    if len(held) > LISTED:
        lines.append(f"  and {len(held) - LISTED} more; --json names them all")
    return lines


_OUTCOMES = {"reply": "answer", "clarify": "no answer", "handoff": "handed off"}
