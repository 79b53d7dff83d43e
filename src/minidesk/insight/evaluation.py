"""Question sets: what to ask, what came of it, and how good that was.

A set is JSON lines (design, section 5): `id`, `question`, `history`, `relevant`, `answers`, `outcome`,
`answerable`, `tags`. Each gives a result line; all together a summary with retrieval measured by hit@k, MRR@10 and
nDCG@10 (binary gains, log2 discount; Järvelin and Kekäläinen 2002) and answers measured by what they cite and say.
"""

import json
import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Reply, Turn
from minidesk.ask import Asker, Searches, answer
from minidesk.errors import Invalid

_TOP = 10  # documents in a result line, and the depth of MRR and nDCG
# Passages that are looked through for as many documents: an answer reads ten passages, which may be of three pages.
_DEPTH = 40
_ROLES = {
    "user": "visitor",
    "visitor": "visitor",
    "assistant": "assistant",
    "bot": "assistant",
    "agent": "agent",
}


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

    def line(self) -> dict[str, Any]:
        """The result line of design section 5."""
        return {
            "id": self.asked.id,
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


def read_questions(path: Path) -> list[Asked]:
    """The questions of a file. Raises Invalid naming the line that cannot be used."""
    asked = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            asked.append(_asked(json.loads(line), number))
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as problem:
            raise Invalid(
                f"Line {number} is no question: each line needs JSON with `question` and `relevant`.",
                code="questions_unreadable",
            ) from problem
    return asked


def _asked(row: dict[str, Any], number: int) -> Asked:
    history = tuple(Turn(_ROLES[turn["role"]], turn["text"]) for turn in row.get("history") or ())  # type: ignore[arg-type]  # _ROLES holds only roles
    return Asked(
        id=str(row.get("id", number)),
        question=row["question"],
        relevant=frozenset(row.get("relevant") or ()),
        history=history,
        answers=tuple(row.get("answers") or ()),
        outcome=row.get("outcome"),
        answerable=row.get("answerable"),
        tags=tuple(row.get("tags") or ()),
    )


async def evaluate(
    asker: Asker,
    searcher: Searches,
    site_id: str,
    questions: Sequence[Asked],
    *,
    given: bool = False,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Ask every question, one after the other so that times are a single visitor's. `given`: search only in `relevant`.

    Behind the documents that the answer was made from stand those that search ranks next, also where a rule answered
    without a search ("talk to an agent"): retrieval is measured for every question that names documents.
    """
    results = []
    for asked in questions:
        within = asked.relevant if given and asked.relevant else None
        answered = await answer(asker, Question(site_id, asked.question, asked.history, within=within))
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
    )


def summarise(results: Sequence[Result]) -> Summary:
    """The figures of a set of results."""
    searched = [r for r in results if r.asked.relevant]
    ranks = [_rank(r) for r in searched]
    answerable = [r for r in results if r.asked.can_answer]
    replies = [r for r in results if r.outcome == "reply" and r.asked.relevant]
    wanted = [r for r in answerable if r.asked.answers]
    unanswerable = [r for r in results if not r.asked.can_answer and r.asked.outcome != "handoff"]
    handoffs = [r for r in results if r.asked.outcome == "handoff"]
    followups = [r for r in answerable if r.asked.history]
    times = sorted(r.ms for r in results)
    return Summary(
        questions=len(results),
        hit_at_1=_share(rank is not None and rank <= 1 for rank in ranks),
        hit_at_3=_share(rank is not None and rank <= 3 for rank in ranks),
        hit_at_5=_share(rank is not None and rank <= 5 for rank in ranks),
        mrr_at_10=_mean(1 / rank if rank else 0.0 for rank in ranks),
        ndcg_at_10=_mean(_ndcg(r) for r in searched),
        answered=_share(r.outcome == "reply" for r in answerable),
        abstained=_share(r.outcome == "clarify" for r in results),
        right_if_answered=_share(r.right for r in replies),
        right_phrase=_share(r.outcome == "reply" and r.says_it for r in wanted),
        unanswerable_not_answered=_share(r.outcome != "reply" for r in unanswerable),
        handoff_found=_share(r.outcome == "handoff" for r in handoffs),
        followups_right=_share(r.right for r in followups),
        cost_usd=sum(r.cost_usd for r in results),
        p50_ms=statistics.median(times) if times else 0.0,
        p95_ms=float(times[min(len(times) - 1, math.ceil(0.95 * len(times)) - 1)]) if times else 0.0,
    )


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


def _share(values: Iterable[bool]) -> float | None:
    return _mean(float(value) for value in values)


def _mean(values: Iterable[float]) -> float | None:
    held = list(values)
    return sum(held) / len(held) if held else None
