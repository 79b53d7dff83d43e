"""Visitors by rule and by a model, and how a conversation comes to its end, against an assistant that says what we tell it."""

from collections.abc import AsyncGenerator, AsyncIterator

from minidesk.answering.outcome import (
    Answered,
    Clarify,
    HandOff,
    Outcome,
    ProvedSentence,
    Question,
    Reply,
    Turn,
)
from minidesk.answering.privacy import NO_WISHES, SiteWishes
from minidesk.errors import ModelTimeout
from minidesk.gateway.messages import ChatRequest, Finished
from minidesk.insight.simulation import Played, play, report
from minidesk.insight.visitors import PERSON, THANKS, ModelVisitor, Persona, RuleVisitor

Said = tuple[Outcome, str]
NOT_FOUND: Said = (Clarify("not_found", offer_person=True), "Our pages don't say this.")
THANKED: Said = (Clarify("smalltalk"), "You're welcome!")


class Assistant:
    """Ends each turn as its script says; the last line is said again and again."""

    def __init__(self, *script: Said) -> None:
        self.script = list(script)
        self.asked: list[Question] = []

    async def ask(
        self, question: Question, site: SiteWishes = NO_WISHES
    ) -> AsyncGenerator[ProvedSentence | Answered, None]:
        """One end."""
        self.asked.append(question)
        outcome, text = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        yield Answered(outcome, text, (), 0.5, (), question.text, None, 3, 1000, 20)


class Voice:
    """A model that says these lines, or fails where None stands."""

    configured = True

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)

    async def stream(self, request: ChatRequest) -> AsyncIterator[str | Finished]:
        """The next line in two halves."""
        line = self.lines.pop(0)
        if line is None:
            raise ModelTimeout
        yield line[:3]
        yield line[3:]
        yield Finished("mini", 10, 5, False, 7, 1, 2)


def persona(**more: object) -> Persona:
    """Somebody who wants to return boots."""
    return Persona.model_validate(
        {"id": "p", "goal": "Until when can I return boots?", "opening": "boots?", "max_turns": 6} | more
    )


async def played(who: Persona, *script: Said) -> tuple[Played, list[str]]:
    """By rules: the end, and what the visitor wrote."""
    assistant = Assistant(*script)
    end = await play(assistant, "s1", who, RuleVisitor(who))
    return end, [question.text for question in assistant.asked]


async def test_content_with_the_first_answer() -> None:
    end, said = await played(persona(), (Reply(), "30 days."), THANKED)
    assert said == ["boots?", THANKS]
    assert (end.end, end.reason, end.answers, end.cost_usd, end.ms) == ("answered", None, 2, 0.002, 40)


async def test_other_words_then_facts_then_a_person() -> None:
    who = persona(facts={"size": "42"})
    end, said = await played(
        who, NOT_FOUND, NOT_FOUND, NOT_FOUND, (HandOff("customer_request"), "Of course.")
    )
    assert said == ["boots?", who.goal, "My size is 42.", PERSON]
    assert (end.end, end.reason) == ("handoff", "customer_request")


async def test_misses_in_a_row_are_counted_as_a_conversation_counts_them() -> None:
    assistant = Assistant(NOT_FOUND, (Reply(), "x"), NOT_FOUND, NOT_FOUND)
    who = persona(answers=["30 days"])
    await play(assistant, "s1", who, RuleVisitor(who))
    assert [question.not_found_before for question in assistant.asked][:4] == [0, 1, 0, 1]


async def test_a_choice_is_tapped_word_for_word() -> None:
    choices = Clarify("choices", ("Gift cards", "Returning boots", "Tents"))
    end, said = await played(persona(), (choices, "Do you mean …?"), (Reply(), "30 days."), THANKED)
    assert said == ["boots?", "Returning boots", THANKS]
    assert end.turns[1] == Turn("assistant", "Do you mean …?", choices.choices)


async def test_a_fact_is_given_when_asked_for_and_only_once() -> None:
    who = persona(facts={"order number": "20431", "size": "42"})
    asks: Said = (Clarify("not_found"), "What is the number of your order?")
    _, said = await played(who, asks, asks, (Reply(), "Thank you."), THANKED)
    assert said == ["boots?", "My order number is 20431.", who.goal, THANKS]


async def test_follow_ups_are_asked_and_all_answers_must_have_been_read() -> None:
    who = persona(then=["and shoes?"], answers=["30 days", "60 days"])
    end, said = await played(who, (Reply(), "30 days."), (Reply(), "For shoes 60 DAYS."), THANKED)
    assert said == ["boots?", "and shoes?", THANKS]
    assert end.end == "answered"
    end, said = await played(who, (Reply(), "30 days."), (Reply(), "Shoes are nice."))
    assert said[:4] == ["boots?", "and shoes?", who.goal, PERSON]
    assert (end.end, end.reason, end.answers) == ("clarify", "not content", 6)


async def test_a_model_speaks_and_rules_where_it_fails() -> None:
    who = persona(expect="answered")
    assistant = Assistant(NOT_FOUND, NOT_FOUND, (Reply(), "30 days."))
    visitor = ModelVisitor(who, Voice("“Boots, I mean.”", None, "[DONE]"), "s1")
    end = await play(assistant, "s1", who, visitor)
    assert [question.text for question in assistant.asked] == ["boots?", "Boots, I mean.", PERSON]
    assert (end.end, end.as_expected, end.visitor_cost_usd) == ("answered", True, 0.000014)


async def test_a_model_gives_up_or_is_content_with_nothing() -> None:
    for last in ("[GIVE UP]", "[DONE]"):
        who = persona(expect="answered")
        end = await play(Assistant(NOT_FOUND), "s1", who, ModelVisitor(who, Voice(last), "s1"))
        assert (end.end, end.reason, end.as_expected) == ("clarify", "not_found", False)
        assert (
            end.head()
            == "p: goal not reached (not found) after 1 answer, $0.001000; NOT AS EXPECTED, which was: goal reached"
        )


async def test_a_model_that_is_content_without_the_wanted_answer_has_not_reached_its_goal() -> None:
    who = persona(answers=["30 days"], expect="answered")
    end = await play(Assistant((Reply(), "60 days.")), "s1", who, ModelVisitor(who, Voice("[DONE]"), "s1"))
    assert (end.end, end.reason, end.as_expected) == ("clarify", "answer_missing", False)
    end = await play(Assistant((Reply(), "30 DAYS.")), "s1", who, ModelVisitor(who, Voice("[DONE]"), "s1"))
    assert (end.end, end.reason) == ("answered", None)


async def test_a_transcript_tells_who_said_what_and_what_could_be_tapped() -> None:
    choices = Clarify("choices", ("Gift cards", "Returning boots"))
    end, _ = await played(persona(), (choices, "Do you mean …?"), (Reply(), "30 days. " * 20), THANKED)
    lines = end.transcript().splitlines()
    assert lines[0] == "p: goal reached after 3 answers, $0.003000"
    assert lines[2:5] == [
        "  visitor    boots?",
        "  assistant  Do you mean …?  [to tap: Gift cards | Returning boots]",
        "  visitor    Returning boots",
    ]
    assert lines[6].startswith("             30 days.")
    assert max(map(len, lines)) <= 104


async def test_the_figures_have_intervals_and_are_the_same_each_time() -> None:
    ends = [(await played(persona(expect="answered"), (Reply(), "yes"), THANKED))[0] for _ in range(3)]
    ends.append((await played(persona(expect="handoff"), (HandOff("policy"), "A person."), THANKED))[0])
    text = report(ends)
    assert text == report(ends)
    assert "goal reached                3   75.0 %   30.1 to 95.4 %" in text
    assert "ended as expected           4  100.0 %" in text
    assert "answers a conversation            1.75   1.25 to 2.00" in text
