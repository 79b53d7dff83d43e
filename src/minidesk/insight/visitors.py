"""Visitors that are not real: they want something, know a few facts, and write until they have it or give up.

One goes by rules and costs nothing; the other is played by a model, for words that no rule finds.
"""

import re
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from minidesk.answering.models import Models, closing
from minidesk.answering.outcome import Answered, Clarify, Reply, Turn
from minidesk.errors import Invalid, ModelError
from minidesk.gateway.messages import ChatMessage, ChatRequest, Finished
from minidesk.insight.jsonlines import objects_of
from minidesk.text.words import content_stems, stem

End = Literal["answered", "clarify", "handoff"]
THANKS = "Thanks, that helped."
PERSON = "Can I talk to a person, please?"
_DONE, _GIVE_UP = "[DONE]", "[GIVE UP]"
_TOKENS = 120  # a message of a visitor is two sentences
_CHARS = 600
_UNREADABLE = "simulation_unreadable"
_NO_CONVERSATION = "no conversation: each line needs JSON with `goal` and `opening`."

_SYSTEM = f"""You play a visitor of a shop's website who writes to its assistant. You are not the assistant.
Write the visitor's next message and nothing else: one or two short sentences, as such people write, in the language of the opening.
Want only what the goal says. Tell a fact when it is asked for or needed. Invent no facts.
If there are choices to tap, write one of them word for word.
If you have what you want, write {_DONE}. If you were not helped and see no way on, write {_GIVE_UP}. You may ask for a person in words."""


class Persona(BaseModel):
    """One conversation to be played: a line of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = ""
    persona: str = Field("", max_length=600)  # who writes, for a model that plays them
    goal: str = Field(min_length=2, max_length=600)  # what they want, in their own words
    opening: str = Field(min_length=1, max_length=2000)
    facts: dict[str, str] = Field(default_factory=dict, max_length=20)  # by what one would ask for
    then: tuple[str, ...] = Field((), max_length=20)  # what they ask after an answer
    answers: tuple[str, ...] = ()  # all of these must have been read before they are content
    expect: End | None = None
    max_turns: int = Field(8, ge=1, le=40)


class Visits(Protocol):
    """Whoever plays a visitor."""

    cost_micros: int
    kind: str  # "rules" or "model"

    async def next(self, turns: list[Turn], last: Answered) -> "Move":
        """What is said after the assistant's last turn."""


@dataclass(frozen=True, slots=True)
class Move:
    """The next message; None ends the conversation. `content`: the goal is reached."""

    text: str | None
    content: bool = False


@dataclass
class RuleVisitor:
    """States the goal, gives the facts when asked, taps choices, thanks, or asks for a person."""

    persona: Persona
    cost_micros: int = 0
    kind: str = "rules"
    _then: list[str] = field(init=False)
    _missing: list[str] = field(init=False)
    _said: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._then = list(self.persona.then)
        self._missing = [_folded(answer) for answer in self.persona.answers]
        self._said = {_folded(self.persona.opening)}

    async def next(self, turns: list[Turn], last: Answered) -> Move:
        """By what the last turn came to."""
        read = _folded(last.text)
        self._missing = [answer for answer in self._missing if answer not in read]
        if isinstance(last.outcome, Clarify) and last.outcome.choices:
            return Move(self._tap(last.outcome.choices))
        if isinstance(last.outcome, Reply) and not self._missing and not self._then:
            return Move(THANKS, content=True)
        if (fact := self._asked_for(last.text)) is not None:
            return Move(fact)
        if isinstance(last.outcome, Reply) and self._then:
            return Move(self._then.pop(0))
        return Move(self._other_words())

    def _tap(self, choices: tuple[str, ...]) -> str:
        """The choice that has most in common with what is wanted."""
        wanted = set(content_stems(" ".join([self.persona.goal, *self.persona.facts.values()])))
        return max(choices, key=lambda choice: len(wanted & set(content_stems(choice))))

    def _asked_for(self, text: str) -> str | None:
        """A fact that the assistant asks for and has not been told."""
        asked = {
            stem(word) for part in re.findall(r"[^.!?]*\?", text) for word in re.findall(r"\w+", part.lower())
        }
        for name, value in self.persona.facts.items():
            line = f"My {name} is {value}."
            if _folded(line) not in self._said and asked & set(content_stems(name)):
                self._said.add(_folded(line))
                return line
        return None

    def _other_words(self) -> str:
        """The goal, then the facts, then a person."""
        told = " ".join(f"My {name} is {value}." for name, value in self.persona.facts.items())
        for line in (self.persona.goal, told):
            if line and _folded(line) not in self._said:
                self._said.add(_folded(line))
                return line
        return PERSON


@dataclass
class ModelVisitor:
    """Played by a model; where that fails, by the rules."""

    persona: Persona
    models: Models
    site_id: str
    cost_micros: int = 0
    kind: str = "model"
    _rules: RuleVisitor = field(init=False)

    def __post_init__(self) -> None:
        self._rules = RuleVisitor(self.persona)

    async def next(self, turns: list[Turn], last: Answered) -> Move:
        """The model's message."""
        by_rules = await self._rules.next(turns, last)
        request = ChatRequest(
            messages=(ChatMessage("system", _SYSTEM), ChatMessage("user", self._scene(turns, last))),
            purpose="test",
            max_tokens=_TOKENS,
            temperature=0.7,
            site_id=self.site_id,
        )
        said = ""
        try:
            async with aclosing(closing(self.models.stream(request))) as parts:
                async for part in parts:
                    if isinstance(part, Finished):
                        self.cost_micros += part.cost_micros
                    else:
                        said += part
        except ModelError:
            return by_rules
        said = " ".join(said.split()).strip('"“” ')[:_CHARS]
        if _GIVE_UP in said:
            return Move(None)
        if _DONE in said:
            return Move(None, content=isinstance(last.outcome, Reply))
        return Move(said) if said else by_rules

    def _scene(self, turns: list[Turn], last: Answered) -> str:
        facts = "\n".join(f"- {name}: {value}" for name, value in self.persona.facts.items())
        talk = "\n".join(f"{turn.role}: {turn.text}" for turn in turns[-12:])
        choices = last.outcome.choices if isinstance(last.outcome, Clarify) else ()
        tap = f"\n\nChoices to tap: {' | '.join(choices)}" if choices else ""
        return (
            f"Who you are: {self.persona.persona or 'a customer'}\nYour goal: {self.persona.goal}\n"
            f"Facts:\n{facts or '- none'}\n\nThe conversation so far:\n{talk}{tap}"
        )


def unread(persona: Persona, turns: Iterable[Turn]) -> list[str]:
    """The wanted answers that nothing of the assistant's has said."""
    said = _folded(" ".join(turn.text for turn in turns if turn.role == "assistant"))
    return [answer for answer in persona.answers if _folded(answer) not in said]


def read_personas(path: Path) -> list[Persona]:
    """The conversations of a JSONL file. Raises Invalid naming the line that cannot be used."""
    found: dict[str, Persona] = {}
    for number, row in objects_of(path, _NO_CONVERSATION, _UNREADABLE):
        try:
            one = Persona.model_validate({"id": str(number)} | row)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the line"
            raise Invalid(
                f"Line {number} cannot be played: {where}: {first['msg']}.", code=_UNREADABLE
            ) from error
        if one.id in found:
            raise Invalid(
                f"Line {number} has the id “{one.id}” of an earlier line. Give each conversation its own.",
                code=_UNREADABLE,
            )
        found[one.id] = one
    if not found:
        raise Invalid("This file holds no conversations. Write one a line.", code=_UNREADABLE)
    return list(found.values())


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
