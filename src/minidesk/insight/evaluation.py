"""Question sets: what to ask, what came of it, and how good that was.

A set is JSON lines (design, section 5): `id`, `question`, `history`, `relevant`, `answers`, `outcome`,
`answerable`, `tags`. Each gives a result line; all together a summary with retrieval measured by hit@k, MRR@10 and
nDCG@10 (binary gains, log2 discount; Järvelin and Kekäläinen 2002) and answers measured by what they cite and say.
"""

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Reply, Turn
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.ask import Asker, Searches, answer
from minidesk.errors import Invalid
from minidesk.insight.experiments import Estimate
from minidesk.insight.intervals import mean_of, share_of
from minidesk.insight.jsonlines import objects_of

_TOP = 10  # documents in a result line, and the depth of MRR and nDCG
# Passages that are looked through for as many documents: an answer reads ten passages, which may be of three pages.
_DEPTH = 40
_ROLES: dict[str, Literal["visitor", "assistant", "agent"]] = {
    "user": "visitor",
    "visitor": "visitor",
    "assistant": "assistant",
    "bot": "assistant",
    "agent": "agent",
}
_UNREADABLE = "questions_unreadable"
_NO_QUESTION = "no question: each line needs JSON with `question` and `relevant`."


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of a question set."""

    id: str
    question: str
    relevant: frozenset[str]
    history: tuple[Turn, ...] = ()
    answers: tuple[str, ...] = ()
    outcome: str | None = None
    answerable: bool | None = None
    tags: tuple[str, ...] = ()

    @property
    def can_answer(self) -> bool:
        """Whether the pages hold the answer: as the line says, else whether it names a document."""
        if self.answerable is not None:
            return self.answerable
        return self.outcome == "reply" if self.outcome is not None else bool(self.relevant)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one question; `line` is how it stands in the results file."""

    asked: Asked
    documents: tuple[str, ...]
    score: float
    outcome: str
    kind: str | None
    reason: str | None
    text: str
    cited: tuple[str, ...]
    cost_usd: float
    ms: int
    model: str | None = None  # that answered; None: extracts, a fixed line or a handoff

    def line(self) -> dict[str, Any]:
        """The result line of design section 5."""
        return {
            "id": self.asked.id,
            "question": self.asked.question,
            "documents": list(self.documents),
            "score": round(self.score, 4),
            "outcome": self.outcome,
            "kind": self.kind,
            "reason": self.reason,
            "text": self.text,
            "citations": [{"document": document} for document in self.cited],
            "cost_usd": self.cost_usd,
            "ms": self.ms,
            "right": self.as_wished,
            "ndcg": round(_ndcg(self), 4) if self.asked.relevant else None,
            "tags": list(self.asked.tags),
            "model": self.model,
        }

    @property
    def as_wished(self) -> bool:
        """The best that could come of it: a right reply, a person where one is wanted, no reply where the pages have none."""
        if self.asked.outcome == "handoff":
            return self.outcome == "handoff"
        return self.right if self.asked.can_answer else self.outcome != "reply"

    @property
    def says_it(self) -> bool:
        """The answer holds one of the wanted strings (spaces and case as they come)."""
        return any(_folded(wanted) in _folded(self.text) for wanted in self.asked.answers)

    @property
    def right(self) -> bool:
        """A cited document is relevant, and where strings are wanted the text holds one."""
        cites = any(relevant_to(document, self.asked.relevant) for document in self.cited)
        return self.outcome == "reply" and cites and (not self.asked.answers or self.says_it)


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares are of 1; None where no question of the set bears on the figure."""

    questions: int
    as_wished: float | None  # of all: what the set calls right (a right reply, a person, or no reply)
    hit_at_1: float | None
    hit_at_3: float | None
    hit_at_5: float | None
    mrr_at_10: float | None
    ndcg_at_10: float | None
    answered: float | None  # of the answerable, replied to
    abstained: float | None  # of all, neither replied to nor handed off
    right_if_answered: float | None  # of the replies to questions with a known right document
    right_phrase: float | None  # of the answerable with wanted strings: the reply holds one
    unanswerable_not_answered: float | None
    handoff_found: float | None
    followups_right: float | None
    cost_usd: float
    p50_ms: float
    p95_ms: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON; figures rounded to what means something."""
        return {
            key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()
        }


class _Said(BaseModel):
    """An earlier turn in a line of a set."""

    role: Literal["user", "visitor", "assistant", "bot", "agent"]
    text: str


class _Line(BaseModel):
    """A line of a set as it is written; what it holds beyond this is its writer's own."""

    model_config = ConfigDict(extra="ignore")

    id: str | int | None = None
    question: str = Field(min_length=1)
    relevant: list[str] | None = None
    history: list[_Said] | None = None
    answers: list[str] | None = None
    outcome: Literal["reply", "clarify", "handoff"] | None = None
    answerable: bool | None = None
    tags: list[str] | None = None


def read_questions(path: Path) -> list[Asked]:
    """The questions of a file. Raises Invalid naming the line that cannot be used, or saying that there are none."""
    asked: dict[str, Asked] = {}
    for number, row in objects_of(path, _NO_QUESTION, _UNREADABLE):
        one = _asked(row, number)
        # Two results of one id could not be told apart, and comparing runs would take one for the other.
        if one.id in asked:
            raise Invalid(
                f"Line {number} has the id “{one.id}” of an earlier line. Give each question its own.",
                code=_UNREADABLE,
            )
        asked[one.id] = one
    if not asked:
        raise Invalid(f"{path.name} holds no questions. Write one a line.", code=_UNREADABLE)
    return list(asked.values())


def _asked(row: dict[str, Any], number: int) -> Asked:
    if "question" not in row:
        raise Invalid(f"Line {number} is {_NO_QUESTION}", code=_UNREADABLE)
    try:
        line = _Line.model_validate(row)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(
            f"Line {number} cannot be used: {where}: {first['msg']}.", code=_UNREADABLE
        ) from problem
    return Asked(
        id=str(number if line.id is None else line.id),
        question=line.question,
        relevant=frozenset(line.relevant or ()),
        history=tuple(Turn(_ROLES[turn.role], turn.text) for turn in line.history or ()),
        answers=tuple(line.answers or ()),
        outcome=line.outcome,
        answerable=line.answerable,
        tags=tuple(dict.fromkeys(line.tags or ())),
    )


def with_tags(questions: Sequence[Asked], tags: Sequence[str]) -> list[Asked]:
    """Those that have one of these tags; all where none is given. Raises Invalid for a tag that no question has."""
    known = sorted({tag for asked in questions for tag in asked.tags})
    for tag in tags:
        if tag not in known:
            has = f"It has {', '.join(known)}." if known else "It has none."
            raise Invalid(f"No question of this set has the tag “{tag}”. {has}", code="unknown_tag")
    return [asked for asked in questions if not tags or set(tags) & set(asked.tags)]


async def evaluate(
    asker: Asker,
    searcher: Searches,
    site_id: str,
    questions: Sequence[Asked],
    *,
    given: bool = False,
    wishes: SiteWishes = NO_WISHES,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Ask every question, one after the other so that times are a single visitor's. `given`: search only in `relevant`.

    `wishes` are the site's: its instructions, and its topics for people.

    Behind the documents that the answer was made from stand those that search ranks next, also where a rule answered
    without a search ("talk to an agent"): retrieval is measured for every question that names documents.
    """
    results = []
    for asked in questions:
        within = asked.relevant if given and asked.relevant else None
        answered = await answer(
            asker, Question(site_id, asked.question, asked.history, within=within), wishes
        )
        documents = [passage.document for passage in answered.passages]
        if asked.relevant:
            query = answered.search_query or asked.question
            found = await searcher.search(site_id, query, k=_DEPTH, within=within)
            documents += [passage.document for passage in found.passages]
        result = _result(asked, answered, tuple(dict.fromkeys(documents))[:_TOP])
        on_result(result)
        results.append(result)
    return results


def _result(asked: Asked, answered: Answered, documents: tuple[str, ...]) -> Result:
    outcome = answered.outcome
    return Result(
        asked=asked,
        documents=documents,
        score=answered.score,
        outcome="reply"
        if isinstance(outcome, Reply)
        else "clarify"
        if isinstance(outcome, Clarify)
        else "handoff",
        kind=outcome.kind if isinstance(outcome, Clarify) else None,
        reason=outcome.reason if isinstance(outcome, HandOff) else None,
        text=answered.text,
        cited=tuple(dict.fromkeys(citation.document for citation in answered.citations)),
        cost_usd=answered.cost_micros / 1_000_000,
        ms=answered.ms,
        model=answered.model,
    )


def summarise(results: Sequence[Result]) -> Summary:
    """The figures of a set of results."""
    means = {name: statistics.fmean(values) if values else None for name, values in _figures(results).items()}
    times = sorted(r.ms for r in results)
    return Summary(
        questions=len(results),
        **means,
        cost_usd=sum(r.cost_usd for r in results),
        p50_ms=statistics.median(times) if times else 0.0,
        p95_ms=float(times[min(len(times) - 1, math.ceil(0.95 * len(times)) - 1)]) if times else 0.0,
    )


def estimates(results: Sequence[Result]) -> dict[str, Estimate]:
    """The summary's shares and means with their 95 % intervals, by the summary's names."""
    return {
        name: mean_of([float(value) for value in values])
        if name in ("mrr_at_10", "ndcg_at_10")
        else share_of([bool(value) for value in values])
        for name, values in _figures(results).items()
    }


def _figures(results: Sequence[Result]) -> dict[str, Sequence[float]]:
    """What each figure is the mean of: a value a question that bears on it."""
    searched = [r for r in results if r.asked.relevant]
    ranks = [_rank(r) for r in searched]
    answerable = [r for r in results if r.asked.can_answer]
    replies = [r for r in results if r.outcome == "reply" and r.asked.relevant]
    wanted = [r for r in answerable if r.asked.answers]
    unanswerable = [r for r in results if not r.asked.can_answer and r.asked.outcome != "handoff"]
    handoffs = [r for r in results if r.asked.outcome == "handoff"]
    followups = [r for r in answerable if r.asked.history]
    return {
        "as_wished": [r.as_wished for r in results],
        "hit_at_1": [rank is not None and rank <= 1 for rank in ranks],
        "hit_at_3": [rank is not None and rank <= 3 for rank in ranks],
        "hit_at_5": [rank is not None and rank <= 5 for rank in ranks],
        "mrr_at_10": [1 / rank if rank else 0.0 for rank in ranks],
        "ndcg_at_10": [_ndcg(r) for r in searched],
        "answered": [r.outcome == "reply" for r in answerable],
        "abstained": [r.outcome == "clarify" for r in results],
        "right_if_answered": [r.right for r in replies],
        "right_phrase": [r.outcome == "reply" and r.says_it for r in wanted],
        "unanswerable_not_answered": [r.outcome != "reply" for r in unanswerable],
        "handoff_found": [r.outcome == "handoff" for r in handoffs],
        "followups_right": [r.right for r in followups],
    }


def by_tag(results: Sequence[Result]) -> dict[str, Summary]:
    """A summary for each tag, in order of name."""
    tags = sorted({tag for result in results for tag in result.asked.tags})
    return {tag: summarise([r for r in results if tag in r.asked.tags]) for tag in tags}


def relevant_to(document: str, relevant: frozenset[str]) -> bool:
    """A row of a sheet (`path#row`) also counts where the whole file is named."""
    return document in relevant or document.split("#", 1)[0] in relevant


def _rank(result: Result) -> int | None:
    for position, document in enumerate(result.documents, start=1):
        if relevant_to(document, result.asked.relevant):
            return position
    return None


def _ndcg(result: Result) -> float:
    gains = [
        1.0 if relevant_to(document, result.asked.relevant) else 0.0 for document in result.documents[:_TOP]
    ]
    best = sum(
        1 / math.log2(i + 2) for i in range(min(_TOP, max(len(result.asked.relevant), int(sum(gains)))))
    )
    return sum(gain / math.log2(i + 2) for i, gain in enumerate(gains)) / best if best else 0.0


def _folded(text: str) -> str:
    return re.sub(r"[\s\u00a0\u2009\u202f]+", " ", text).replace("’", "'").lower()
