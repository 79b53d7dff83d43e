"""Requests for a person, small talk, follow-ups: rules of language."""

import pytest

from minidesk.answering.followup import candidates, rewrite
from minidesk.answering.outcome import Turn
from minidesk.answering.smalltalk import BOT, BYE, GREETING, THANKS, smalltalk
from minidesk.answering.wants_human import wants_human
from minidesk.answering.wording import page_words, plainly

ASKS = [
    "can I talk to someone", "agent please", "Human", "tlak to a humna", "agrnt", "call mi", "this is useless, get me a real person",
    "I don't want to talk to a bot", "put me through to a colleague", "please call me back", "could somebody ring me?", "connect me to support",
    "is there anybody there who can help me?", "let me speak to the manager", "Please open a ticket for me.", "I want a person to look at my case",
    "hello?? anybody actually there", "this isn't helping at all", "I'd rather explain this to a member of your team", "hand me over",
    "is there no human being in your company?", "who can I actually speak to", "can u get ur supervisor", "need an advisor to take over",
    "would it be possible for a staff member to join", "someone please help me in person, this is going nowhere", "i want talk",
    "Kann ich bitte mit einem Mitarbeiter sprechen?", "Könnt ihr mich zurückrufen?", "that did not help", "have somebody email me back",
    "give me a human now!!", "speak to a representative", "customer service please", "stop. I need a live agent", "escalate this",
]  # fmt: skip
DOES_NOT_ASK = [
    "are you human?", "are you a real person or a bot", "what is your customer service number?", "do you have an agent in Berlin?",
    "when is customer service open?", "Am I talking to a bot?", "can someone else pick up my order?", "how many people fit into the tent?",
    "do you support PayPal?", "What do people call me?", "can I return it", "I want to order for two persons", "who is the founder of the company?",
    "can the driver ring me half an hour before?", "does the courier call me first?", "when can I reach customer service by phone?",
    "will someone call me when my order is ready?", "who do I talk to about sponsoring our club", "do I get a call-back if I leave a message",
    "my number you can call me at is 555 0142", "am I talking to a real live person", "can we speak in German", "can you call me a different name",
    "I am waiting for the seller to get back to me", "I want to contact my bank", "what does the call cost?", "is the cleaning agent harmful?",
]  # fmt: skip


@pytest.mark.parametrize("text", ASKS)
def test_a_request_for_a_person_is_heard(text: str) -> None:
    assert wants_human(text)


@pytest.mark.parametrize("text", DOES_NOT_ASK)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert not wants_human(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [("hi", GREETING), ("Good morning!", GREETING), ("thanks a lot for your help", THANKS), ("ok great", THANKS), ("bye", BYE),
     ("are you a bot?", BOT), ("are you a human or a bot?", BOT), ("is this a real person", BOT), ("👋", GREETING)],
)  # fmt: skip
def test_small_talk_gets_its_fixed_line(text: str, line: str) -> None:
    assert smalltalk(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "hi, where is my order",
        "thanks, but how long does it take?",
        "good tents?",
        "do you ship to France",
        "is this jacket waterproof",
    ],
)
def test_a_question_is_no_small_talk(text: str) -> None:
    assert smalltalk(text) is None


TENTS = (Turn("visitor", "How long is the guarantee on tents?"), Turn("assistant", "5 years."))
AUSTRIA = (Turn("visitor", "How much is shipping to Austria for 1 kg?"), Turn("assistant", "€4.90."))


@pytest.mark.parametrize(
    ("history", "question", "whole"),
    [
        (TENTS, "and for boots?", "How long is the guarantee on boots?"),
        (TENTS, "what about boots?", "How long is the guarantee on boots?"),
        (AUSTRIA, "and to Switzerland?", "How much is shipping to Switzerland for 1 kg?"),
        (AUSTRIA, "what about Norway?", "How much is shipping to Norway for 1 kg?"),
        (AUSTRIA, "and for 5 kg?", "How much is shipping to Austria for 5 kg?"),
        (TENTS, "do you sell ice axes?", "do you sell ice axes?"),
        (TENTS, "Is there parking in Graz?", "Is there parking in Graz?"),
    ],
)
def test_a_follow_up_is_made_whole_and_a_new_question_left_alone(
    history: tuple[Turn, ...], question: str, whole: str
) -> None:
    assert rewrite(question, history) == whole


@pytest.mark.parametrize(
    "question", ["how long does that take?", "is it worth it?", "what does it cover?", "why?"]
)
def test_what_leans_on_the_last_question_takes_its_topic_along(question: str) -> None:
    assert {"guarantee", "tents"} <= set(
        rewrite(question, TENTS).replace("(", " ").replace(")", " ").replace("?", " ").split()
    )


def test_without_a_history_nothing_is_added() -> None:
    assert rewrite("and for boots?", ()) == "and for boots?"
    assert rewrite("and for boots?", (Turn("visitor", "hello"),)) == "and for boots?"


RENTAL = (Turn("visitor", "How much is it to rent snowshoes?"), Turn("assistant", "One day is €14."))
HOURS_THERE = (Turn("visitor", "What are your hours in Innsbruck?"), Turn("assistant", "9:30 to 18:30."))


def test_a_verb_is_not_replaced_by_a_noun_and_a_time_stands_beside_a_place() -> None:
    assert rewrite("and the deposit?", RENTAL) == "How much is it to rent snowshoes, the deposit?"
    assert (
        rewrite("what about on christmas eve", HOURS_THERE)
        == "What are your hours in Innsbruck on christmas eve?"
    )


def test_where_rules_cannot_tell_both_readings_are_offered() -> None:
    history = (Turn("visitor", "Which sleeping bag is for kids?"), Turn("assistant", "The Murmel."))
    assert candidates("up to how tall", history) == ("up to how tall", "up to how tall (sleeping bag kids)?")
    assert candidates("Which jackets do you have for skiing in spring?", history) == (
        "Which jackets do you have for skiing in spring?",
    )
    assert candidates("up to how tall", ()) == ("up to how tall",)


def test_a_chain_of_follow_ups_keeps_the_topic() -> None:
    history = (*AUSTRIA, Turn("visitor", "and to Norway?"), Turn("assistant", "€18.90."))
    assert rewrite("and for 5 kg?", history) == "How much is shipping to Norway for 5 kg?"


def test_the_words_of_pages_are_put_beside_those_of_visitors() -> None:
    assert "carrier" in page_words("when does the postman come")
    assert plainly("do you sell ropes") == "do you sell ropes"
    assert plainly("can I hire a tent").startswith("can I hire a tent (")
