"""When two questions are the same one. That they are alike is not enough, and here is what it would have cost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidesk.answering.sameness import form
from tests.answering.questions import DIFFERENT, Pair


def test_there_are_enough_pairs() -> None:
    assert len(DIFFERENT) >= 300
    assert len({(pair.one, pair.other) for pair in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("pair", DIFFERENT, ids=lambda pair: f"{pair.kind}: {pair.one} / {pair.other}")
def test_another_question_has_another_form(pair: Pair) -> None:
    assert form(pair.one) != form(pair.other)


@pytest.mark.parametrize(
    "questions",
    [
        ("How long does shipping to Germany take?", "Hi, how long does shipping take to Germany?", "could you please tell me how long shipping to Germany takes"),
        ("How much is the Lizum 2 tent?", "how much does a Lizum 2 tent cost", "What's the price of the lizum 2 tent?", "What does the Lizum 2 tent cost, please?"),
        ("Can I return boots if they are worn?", "If they're worn, can I return boots?", "can i return boots, if they are worn"),
        ("Is a €50 voucher ok?", "is a 50 € voucher ok?", "Is a 50 euro voucher ok"),
        ("Do you open at 9 am?", "do you open at 9 a.m.?", "Do you open at 9am"),
        ("Where is my order?", "where's my order", "Can you tell me where my order is?"),
        ("Do you sell gift cards?", "I was wondering if you sell gift cards.", "Do you sell a gift card? Thanks!"),
        ("Why can't I pay by card?", "why can’t I pay by card", "Why can not I pay by card?"),
        ("Do you rent tents for two people?", "do you rent tents for 2 people"),
        ("Is plan A cheaper?", "is the plan A cheaper?"),
    ],
)  # fmt: skip
def test_the_same_question_has_the_same_form(questions: tuple[str, ...]) -> None:
    assert {form(question) for question in questions} == {form(questions[0])}
    assert form(questions[0])


@given(st.text(max_size=400))
def test_any_text_has_a_form_and_a_form_is_stable(text: str) -> None:
    assert form(text) == form(text)
    assert form(f"{text}") == form(text.strip(" "))


def test_no_text_takes_long() -> None:
    started = time.thread_time()
    for text in (
        "a ",
        "if ",
        "hi ",
        "- ",
        "'",
        "please ",
        ".",
        "good morning ",
        "could you tell me ",
        "1",
        "a.b",
    ):
        form(text * (400 // len(text)))
    assert time.thread_time() - started < 2  # 40 ms on an idle machine
