"""Whole conversations played against the assistant: how many end with an answer, and what they cost.

Nothing is written and no ticket is opened: a conversation ends where the assistant would hand it off.
"""

import textwrap
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from minidesk.answering.outcome import Answered, Clarify, HandOff, Question, Reply, Turn
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.ask import Asks
from minidesk.errors import ModelBadResponse
from minidesk.insight.estimates_text import between, percent, shortened
from minidesk.insight.experiments import Estimate
from minidesk.insight.intervals import mean_of, share_of
from minidesk.insight.visitors import End, Persona, Visits, unread

# Of a message in a transcript; the results file has all of it.
_TEXT = 420
_WIDTH = 104  # of a transcript on a terminal
ENDS: dict[End, str] = {
    "answered": "goal reached",
    "handoff": "handed to a person",
    "clarify": "goal not reached",
}


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
    played_by: str = "rules"  # or "model"

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
            "goal_reached": self.end == "answered",
            "handed_off": self.end == "handoff",
            "expected": self.persona.expect,
            "turns": self.answers,
            "cost_usd": self.cost_usd,
            "visitor_cost_usd": self.visitor_cost_usd,
            "visitor": self.played_by,
            "ms": self.ms,
            "conversation": [{"role": turn.role, "text": turn.text} for turn in self.turns],
        }

    def head(self) -> str:
        """How it ended, in one line."""
        turns = f"after {self.answers} answer{'' if self.answers == 1 else 's'}"
        how = ENDS[self.end] if self.reason is None else f"{ENDS[self.end]} ({self.reason.replace('_', ' ')})"
        cost = f", ${self.cost_usd:.6f}" if self.cost_usd else ""
        expect = self.persona.expect
        wanted = (
            ""
            if expect is None
            else "; as expected"
            if self.as_expected
            else f"; NOT AS EXPECTED, which was: {ENDS[expect]}"
        )
        return f"{self.persona.id}: {how} {turns}{cost}{wanted}"

    def transcript(self) -> str:
        """How it ended, what the visitor wanted, and what was said, for a terminal."""
        lines = [self.head(), *_wrapped("wants", self.persona.goal)]
        for turn in self.turns:
            said = shortened(turn.text, _TEXT)
            if turn.choices:
                said += f"  [to tap: {' | '.join(turn.choices)}]"
            lines += _wrapped(turn.role, said)
        return "\n".join(lines)


def _wrapped(who: str, said: str) -> list[str]:
    return textwrap.wrap(
        said or "(nothing)", _WIDTH, initial_indent=f"  {who:11}", subsequent_indent=" " * 13
    )


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
    end, reason = _came_to(answered, content, missing=bool(unread(persona, turns)))
    return Played(
        persona,
        end,
        reason,
        tuple(turns),
        answers,
        micros / 1_000_000,
        visitor.cost_micros / 1_000_000,
        ms,
        visitor.kind,
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


def _came_to(answered: Answered, content: bool, *, missing: bool) -> tuple[End, str | None]:
    """A visitor who thanked has an answer, whatever was said to the thanks; not one who thanked for the wrong thing."""
    if isinstance(answered.outcome, HandOff):
        return "handoff", answered.outcome.reason
    if content:
        return ("clarify", "answer_missing") if missing else ("answered", None)
    if isinstance(answered.outcome, Reply):
        return "clarify", "not content"
    return "clarify", answered.outcome.kind


def report(played: Sequence[Played]) -> str:
    """The figures of all conversations with their 95 % intervals, and which did not end as expected."""
    by = " and ".join(sorted({one.played_by for one in played}))
    rows = [
        f"{len(played)} conversation{'' if len(played) == 1 else 's'}, visitors played by {by}",
        f"{'':26}{'':>5}{'share':>9}   likely range",
    ]
    meanings: dict[End, str] = {
        "answered": "they read the `answers` of the file; where it gives none, any answer counts",
        "handoff": "a ticket would have been opened",
        "clarify": "no answer, no person, or not the answer they wanted",
    }
    rows += [
        _share(ENDS[end], [one.end == end for one in played], meaning) for end, meaning in meanings.items()
    ]
    expected = [one.as_expected for one in played if one.as_expected is not None]
    if expected:
        rows.append(_share("ended as expected", expected, f"of the {len(expected)} that expect something"))
    rows.append(f"{'':31}{'average':>9}   likely range")
    rows.append(_figure("answers a conversation", played, lambda one: one.answers, "{:.2f}"))
    rows.append(_figure("time an answer", played, lambda one: one.ms / one.answers, "{:.0f}", " ms"))
    rows.append(_figure("cost a conversation", played, lambda one: one.cost_usd, "${:.6f}"))
    if any(one.visitor_cost_usd for one in played):
        rows.append(_figure("cost of the visitor", played, lambda one: one.visitor_cost_usd, "${:.6f}"))
    rows.append(
        "likely range: other conversations of this kind would lie in it 19 times of 20 (95 % interval)."
    )
    others = [one.head() for one in played if one.as_expected is False]
    if others:
        rows += [f"\nNot as expected: {len(others)}", *(f"  {head}" for head in others)]
    return "\n".join(rows)


def as_dict(played: Sequence[Played]) -> dict[str, Any]:
    """For JSON: shares and means with their intervals, and the line of each conversation."""
    expected = [one.as_expected for one in played if one.as_expected is not None]
    figures: dict[str, Estimate] = {
        "goal_reached": share_of([one.end == "answered" for one in played]),
        "handed_off": share_of([one.end == "handoff" for one in played]),
        "goal_not_reached": share_of([one.end == "clarify" for one in played]),
        "as_expected": share_of(expected),
        "turns": mean_of([one.answers for one in played]),
        "cost_usd": mean_of([one.cost_usd for one in played]),
        "visitor_cost_usd": mean_of([one.visitor_cost_usd for one in played]),
        "ms": mean_of([one.ms for one in played]),
    }
    return {
        "conversations": len(played),
        "figures": {name: asdict(each) for name, each in figures.items()},
        "played": [one.line() for one in played],
    }


def _share(name: str, hits: Sequence[bool], meaning: str) -> str:
    found = share_of(hits)
    return f"  {name:24}{sum(hits):>5}{percent(found.value):>9}   {between(found):17}   {meaning}"


def _figure(
    name: str, played: Sequence[Played], of: Callable[[Played], float], form: str, unit: str = ""
) -> str:
    found = mean_of([of(one) for one in played])
    value, low, high = (form.format(each or 0.0) for each in (found.value, found.low, found.high))
    return f"  {name:24}{value + unit:>14}   {low} to {high}{unit}"
