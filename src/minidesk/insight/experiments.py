"""What came of an experiment: both variants side by side, with 95 % intervals.

Shares have Wilson's interval (1927), which holds for few observations; means and medians are drawn again and again
(bootstrap; Efron and Tibshirani 1993). Conversations are what was drawn by lot, so they are what is drawn again.
"""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, median
from typing import Any

from sqlalchemy import Row, func, select

from minidesk.db import Tx
from minidesk.db.models import AnswerVersion, Conversation, Message, ModelCall, Ticket

# The normal quantile of a 95 % interval.
Z = 1.959964
RESAMPLES = 1_000
# The same rows must always give the same intervals.
SEED = 20
# Conversations of a variant that are drawn from: with more the intervals no longer change what anyone would do.
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval; `value` is None where nothing was seen."""

    value: float | None
    low: float = 0.0
    high: float = 0.0
    of: int = 0  # observations


@dataclass(frozen=True, slots=True)
class Outcome:
    """One variant's conversations. Shares are 0 to 1, cost is in US dollars an answer, `ms` an answer's median time."""

    conversations: int
    answers: int
    answered: Estimate  # of answers: those that answered
    handed_off: Estimate  # of conversations: those that became tickets
    helpful: Estimate  # of answers that were rated by a thumb
    by_large: Estimate  # of answers: those that a model of the large tier wrote; above its cap mini writes a variant's too
    cost: Estimate
    ms: Estimate


@dataclass(frozen=True, slots=True)
class _Answer:
    conversation: str
    replied: bool
    helpful: bool | None
    cost_micros: int
    ms: int | None
    by_large: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What an experiment's rows say: answers and tickets by variant."""

    answers: Mapping[str, Sequence[_Answer]]
    tickets: Mapping[str, int]


_BY_LARGE = (
    select(ModelCall.id)
    .where(
        ModelCall.conversation_id == Message.conversation_id,  # the column that has an index
        ModelCall.message_id == Message.reply_to,
        ModelCall.model == Message.model,
        ModelCall.tier == "large",
        ModelCall.outcome == "ok",
    )
    .exists()
)


async def seen(tx: Tx, experiment_id: str) -> Seen:
    """Everything that was answered in an experiment."""
    rows = await tx.execute(
        select(
            AnswerVersion.variant,
            Message.conversation_id,
            Message.outcome,
            Message.helpful,
            Message.cost_micros,
            Message.ms,
            _BY_LARGE.label("by_large"),
        )
        .join(Message, Message.id == AnswerVersion.message_id)
        .where(AnswerVersion.experiment_id == experiment_id, Message.state == "done")
    )
    answers: dict[str, list[_Answer]] = defaultdict(list)
    for row in rows:
        answers[row.variant].append(_answer(row))
    tickets = await tx.execute(
        select(AnswerVersion.variant, func.count(func.distinct(Ticket.conversation_id)))
        .join(Message, Message.id == AnswerVersion.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Ticket, Ticket.conversation_id == Conversation.id)
        .where(AnswerVersion.experiment_id == experiment_id)
        .group_by(AnswerVersion.variant)
    )
    return Seen(answers, {str(row[0]): row[1] for row in tickets})


async def answers_by_prompt(tx: Tx, site_id: str, since: datetime) -> dict[str, int]:
    """How many answers of a site were asked for with which prompt (answering.prompt.version_of)."""
    rows = await tx.execute(
        select(AnswerVersion.prompt, func.count())
        .join(Message, Message.id == AnswerVersion.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(Conversation.site_id == site_id, Message.created_at >= since)
        .group_by(AnswerVersion.prompt)
    )
    return {str(prompt): int(count) for prompt, count in rows}


def outcomes(of: Seen) -> dict[str, Outcome]:
    """Both variants, `a` and `b`. CPU work: seconds for thousands of conversations."""
    return {letter: _outcome(of.answers.get(letter, ()), of.tickets.get(letter, 0)) for letter in ("a", "b")}


def _outcome(answers: Sequence[_Answer], tickets: int) -> Outcome:
    by_conversation: dict[str, list[_Answer]] = defaultdict(list)
    for answer in answers:
        by_conversation[answer.conversation].append(answer)
    rated = [answer.helpful for answer in answers if answer.helpful is not None]
    return Outcome(
        conversations=len(by_conversation),
        answers=len(answers),
        answered=wilson(sum(answer.replied for answer in answers), len(answers)),
        handed_off=wilson(min(tickets, len(by_conversation)), len(by_conversation)),
        helpful=wilson(sum(rated), len(rated)),
        by_large=wilson(sum(answer.by_large for answer in answers), len(answers)),
        cost=_drawn(by_conversation, lambda one: one.cost_micros / 1_000_000, fmean),
        ms=_drawn(by_conversation, lambda one: None if one.ms is None else float(one.ms), median),
    )


def wilson(hits: int, of: int) -> Estimate:
    """A share with Wilson's interval."""
    if not of:
        return Estimate(None)
    share = hits / of
    middle = (share + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z / (1 + Z * Z / of) * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), of)


def _drawn(
    conversations: Mapping[str, Sequence[_Answer]],
    value: Callable[[_Answer], float | None],
    of: Callable[[Sequence[float]], float],
) -> Estimate:
    """A mean or median over answers, with the interval of whole conversations drawn again."""
    groups = [
        found
        for answers in list(conversations.values())[:MOST]
        if (found := [known for answer in answers if (known := value(answer)) is not None])
    ]
    if not groups:
        return Estimate(None)
    draw = random.Random(SEED)  # noqa: S311 (no secret: the same rows must give the same intervals)
    found = sorted(
        of([one for group in draw.choices(groups, k=len(groups)) for one in group]) for _ in range(RESAMPLES)
    )
    low, high = found[int(0.025 * RESAMPLES)], found[int(0.975 * RESAMPLES)]
    return Estimate(of([one for group in groups for one in group]), low, high, sum(map(len, groups)))


def _answer(row: Row[*tuple[Any, ...]]) -> _Answer:
    return _Answer(
        row.conversation_id, row.outcome == "reply", row.helpful, row.cost_micros, row.ms, bool(row.by_large)
    )
