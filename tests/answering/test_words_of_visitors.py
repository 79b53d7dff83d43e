"""Requests for a person, small talk, follow-ups: rules of language."""

import pytest

from minidesk.answering.followup import rewrite
from minidesk.answering.outcome import Turn
from minidesk.answering.smalltalk import BOT, BYE, GREETING, THANKS, smalltalk
from minidesk.answering.wants_human import wants_human
from minidesk.answering.wording import page_words, plainly

ASKS = [
    "can I talk to someone", "agent please", "Human", "tlak to a humna", "agrnt", "call mi", "this is useless, get me a real person",
    "I don't want to talk to a bot", "put me through to a colleague", "please call me back", "could somebody ring me?", "connect me to support",
    "is there anybody there who can help me?", "let me speak to the manager", "Please open a ticket for me.", "I want a person to look at my case",
    "give me a human now!!", "speak to a representative", "customer service please", "stop. I need a live agent", "escalate this",
]  # fmt: skip
DOES_NOT_ASK = [
    "are you human?", "are you a real person or a bot", "what is your customer service number?", "do you have an agent in Berlin?",
    "when is customer service open?", "Am I talking to a bot?", "can someone else pick up my order?", "how many people fit into the tent?",
    "do you support PayPal?", "What do people call me?", "can I return it", "I want to order for two persons", "who is the founder of the company?",
    "I want to contact my bank", "what does the call cost?", "is the cleaning agent harmful?",
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


@pytest.mark.parametrize("text", ["hi, where is my order", "thanks, but how long does it take?", "good tents?", "do you ship to France", "is this jacket waterproof"])
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
def test_a_follow_up_is_made_whole_and_a_new_question_left_alone(history: tuple[Turn, ...], question: str, whole: str) -> None:
    assert rewrite(question, history) == whole


@pytest.mark.parametrize("question", ["how long does that take?", "is it worth it?", "what does it cover?", "why?"])
def test_what_leans_on_the_last_question_takes_its_topic_along(question: str) -> None:
    assert {"guarantee", "tents"} <= set(rewrite(question, TENTS).replace("(", " ").replace(")", " ").replace("?", " ").split())


def test_without_a_history_nothing_is_added() -> None:
    assert rewrite("and for boots?", ()) == "and for boots?"
    assert rewrite("and for boots?", (Turn("visitor", "hello"),)) == "and for boots?"


def test_a_chain_of_follow_ups_keeps_the_topic() -> None:
    history = (*AUSTRIA, Turn("visitor", "and to Norway?"), Turn("assistant", "€18.90."))
    assert rewrite("and for 5 kg?", history) == "How much is shipping to Norway for 5 kg?"


def test_the_words_of_pages_are_put_beside_those_of_visitors() -> None:
    assert "carrier" in page_words("when does the postman come")
    assert plainly("do you sell ropes") == "do you sell ropes"
    assert plainly("can I hire a tent").startswith("can I hire a tent (")
