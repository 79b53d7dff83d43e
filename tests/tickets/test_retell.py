"""The third person, by rules: it reads right, says nothing new, and where no rule fits there is none."""

import pytest

from minidesk.tickets.retell import People, retell


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Hi, can I swap them for a 43?", "The visitor asks whether they can swap them for a 43"),
        ("Could you please send me a new label?", "The visitor asks us to send them a new label"),
        (
            "I'd like to return two of my three jackets.",
            "The visitor would like to return two of their three jackets",
        ),
        ("I want my money back!", "The visitor wants their money back"),
        (
            "I sent back a jacket on 3 May and I'm still waiting.",
            "The visitor sent back a jacket on 3 May and they are still waiting",
        ),
        ("I haven't received my order 20431", "The visitor hasn't received their order 20431"),
        ("I was charged twice.", "The visitor was charged twice"),
        ("I can't find your invoice", "The visitor cannot find our invoice"),
        ("Do you ship to Norway?", "The visitor asks whether we ship to Norway"),
        ("What kind of stove do you sell?", "The visitor asks what kind of stove we sell"),
        ("When did you send it to me?", "The visitor asks when we sent it to them"),
        ("Why is it so late?", "The visitor asks why it is so late"),
        ("how do i return boots", "The visitor asks how they return boots"),
        ("do you price match", "The visitor asks whether we price match"),
        ("When I bought it, it was fine", "The visitor says when they bought it, it was fine"),
        ("Is there a shop in Graz?", "The visitor asks whether there is a shop in Graz"),
        ("The zip of my tent is broken", "The visitor says the zip of their tent is broken"),
        ("DPD wants £8 from me.", "The visitor says DPD wants £8 from them"),
        (
            "Hello there! Please change the address of order 20955",
            "The visitor asks us to change the address of order 20955",
        ),
        ("Can you ship it to Norway?", "The visitor asks whether we can ship it to Norway"),
        ("I need it by Friday", "The visitor needs it by Friday"),
        ("I'd ordered it for my son", "The visitor had ordered it for their son"),
        ("No parcel has come to my house", "The visitor says no parcel has come to their house"),
        ("We agree with your offer", "The visitor agrees with our offer"),
        ("How much is the postage?", None),
        ("Me gustaría devolver la chaqueta", None),
        ("We hebben het pakket niet gekregen", None),
        ("The tent leaks", None),
        ("Mein Zelt ist kaputt", None),
        ("Hello there", None),
    ],
)
def test_a_sentence_in_the_third_person(said: str, told: str | None) -> None:
    assert retell(said) == told


def test_people_are_called_by_their_names_where_they_are_known() -> None:
    people = People("Anna", "Mara")
    assert retell("Do you have my parcel?", people) == "Anna asks whether Mara has their parcel"
    assert retell("I don't have your number", people) == "Anna doesn't have Mara's number"
