"""Whole conversations played against the assistant: how many end with an answer, and what they cost.

Nothing is written and no ticket is opened: a conversation ends where the assistant would hand it off.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Reply, Turn
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.ask import Asks
from minidesk.errors import ModelBadResponse
from minidesk.insight.comparison import RESAMPLES, SEED
from minidesk.insight.experiments import Estimate, wilson
from minidesk.insight.visitors import End, Persona, Visits

_TEXT = 100  # characters of a conversation's last words in its line


@dataclass(frozen=True, slots=True)
class Played:
    """One conversation. `end`: how it ended for the visitor; `reason` of a handoff, kind of a last clarification."""

    persona: Persona
    end: End
    reason: str | None
    turns: tuple[Turn, ...]
    answers: int  # turns of the assistant
    cost_usd: float
    visitor_cost_usd: float
    ms: int  # of all its answers

    @property
    def as_expected(self) -> bool | None:
        """None where the file expects nothing."""
        return None if self.persona.expect is None else self.end == self.persona.expect

    def line(self) -> dict[str, Any]:
        """As a line of a results file, the whole conversation in it."""
        return {
            "id": self.persona.id,
            "end": self.end,
            "reason": self.reason,
            "expected": self.persona.expect,
            "turns": self.answers,
            "cost_usd": self.cost_usd,
            "visitor_cost_usd": self.visitor_cost_usd,
            "ms": self.ms,
            "conversation": [{"role": turn.role, "text": turn.text} for turn in self.turns],
        }

    def summary(self) -> str:
        """Its end in one line."""
        how = self.end if self.reason is None else f"{self.end} ({self.reason})"
        mark = "" if self.as_expected in (None, True) else f"  expected: {self.persona.expect}"
        said = next((turn.text for turn in reversed(self.turns) if turn.role == "assistant"), "")
        short = " ".join(said.split())
        short = short if len(short) <= _TEXT else f"{short[:_TEXT].rstrip()}…"
        turns = f"{self.answers} turn{'' if self.answers == 1 else 's'}"
        return f"{self.persona.id}  {how}  {turns}  ${self.cost_usd:.6f}{mark}\n    {short}"


async def play(
    asker: Asks, site_id: str, persona: Persona, visitor: Visits, wishes: SiteWishes = NO_WISHES
) -> Played:
    """Play one conversation to its end, at most `max_turns` messages of the visitor's."""
    turns: list[Turn] = []
    answered: Answered | None = None
    text, content, not_found, answers, micros, ms = persona.opening, False, 0, 0, 0, 0
    for _ in range(persona.max_turns):
        question = Question(site_id, text, tuple(turns), not_found)
        answered = await _end(asker, question, wishes)
        turns += [Turn("visitor", text), _said(answered)]
        answers, micros, ms = answers + 1, micros + answered.cost_micros, ms + answered.ms
        if content or isinstance(answered.outcome, HandOff):
            break
        not_found = not_found + 1 if _not_found(answered) else 0
        move = await visitor.next(turns, answered)
        content = move.content
        if move.text is None:
            break
        text = move.text
    assert answered is not None
    end, reason = _came_to(answered, content)
    return Played(
        persona,
        end,
        reason,
        tuple(turns),
        answers,
        micros / 1_000_000,
        visitor.cost_micros / 1_000_000,
        ms,
    )


async def _end(asker: Asks, question: Question, wishes: SiteWishes) -> Answered:
    async with aclosing(asker.ask(question, wishes)) as parts:
        async for part in parts:
            if isinstance(part, Answered):
                return part
    raise ModelBadResponse("The answer ended without an outcome.")


def _said(answered: Answered) -> Turn:
    choices = answered.outcome.choices if isinstance(answered.outcome, Clarify) else ()
    return Turn("assistant", answered.text, choices)


def _not_found(answered: Answered) -> bool:
    return isinstance(answered.outcome, Clarify) and answered.outcome.kind == "not_found"


def _came_to(answered: Answered, content: bool) -> tuple[End, str | None]:
    """A visitor who thanked has an answer, whatever was said to the thanks."""
    if isinstance(answered.outcome, HandOff):
        return "handoff", answered.outcome.reason
    if content:
        return "answered", None
    if isinstance(answered.outcome, Reply):
        return "clarify", "not content"
    return "clarify", answered.outcome.kind


def report(played: Sequence[Played]) -> str:
    """The figures of all conversations with their 95 % intervals."""
    rows = [f"{'conversations':26}{len(played)}"]
    rows += [
        _share(f"ended {end}", [one.end == end for one in played])
        for end in ("answered", "clarify", "handoff")
    ]
    expected = [one.as_expected for one in played if one.as_expected is not None]
    if expected:
        rows.append(_share("as expected", expected))
    rows.append(_figure("turns", played, lambda one: one.answers, "{:.2f}"))
    rows.append(_figure("cost_usd", played, lambda one: one.cost_usd, "{:.6f}"))
    if any(one.visitor_cost_usd for one in played):
        rows.append(_figure("visitor_cost_usd", played, lambda one: one.visitor_cost_usd, "{:.6f}"))
    rows.append(_figure("ms", played, lambda one: float(one.ms), "{:.0f}"))
    return "\n".join(rows)


def _share(name: str, hits: Sequence[bool]) -> str:
    found = wilson(sum(hits), len(hits))
    return f"{name:26}{_percent(found.value)}   {_percent(found.low)} to {_percent(found.high)}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _figure(name: str, played: Sequence[Played], of: Callable[[Played], float], form: str) -> str:
    found = _mean([of(one) for one in played])
    low, high = (form.format(value or 0.0) for value in (found.low, found.high))
    return f"{name + ' a conversation':26}{form.format(found.value or 0.0)}   {low} to {high}"


def _mean(values: Sequence[float]) -> Estimate:
    """With the interval of conversations drawn again (bootstrap)."""
    draw = random.Random(SEED)  # noqa: S311 (no secret: the same run must give the same intervals)
    found = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Estimate(fmean(values), found[int(0.025 * RESAMPLES)], found[int(0.975 * RESAMPLES)], len(values))
