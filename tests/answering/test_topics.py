"""Topics that always go to a person: by their words in any form, and by likeness to the owner's examples."""

import json
import time
from pathlib import Path

import pytest

from minidesk.answering.rank import Remembered
from minidesk.answering.topics import Topics, caught_by_words, named
from minidesk.knowledge.embed import Embedder
from tests.hostile.test_ordinary import ordinary

SETS = [
    json.loads(line)
    for line in (Path(__file__).parent / "topics.jsonl").read_text(encoding="utf-8").splitlines()
]
EVERY = [one["topic"] for one in SETS]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("I'll see my lawyer!", "Legal"),
        ("LAWYERS are cheap", "Legal"),
        ("Is this a product recall?", "Rückruf"),
        ("There were product recalls last year", "Rückruf"),
        ("I am a journalist.", "Press"),
        ("Prices for the resellers, please", "Bulk orders"),
        ("Recall the product?", "Rückruf"),
    ],
)
def test_words_count_in_any_form(text: str, topic: str) -> None:
    caught = caught_by_words(text, EVERY)
    assert caught is not None
    assert (caught.topic, caught.by, caught.near) == (topic, "words", 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "My order is courteous",
        "",
        "How long is the guarantee?",
        "law",
        "The product is fine. Do you recall what I said?",
    ],
)
def test_words_that_do_not_stand_together_do_not_count(text: str) -> None:
    assert caught_by_words(text, EVERY) is None


OWNERS = [
    "Legal: lawyer; Anwalt; I will take legal action against you",
    "Safety: someone was hurt by your product; I got injured using the stove; jemand wurde verletzt",
    "Datenschutz: Daten löschen; Auskunft nach DSGVO",
    "Baja: borrar mis datos",
]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("Löscht meine Daten", "Datenschutz"),
        ("Meine Daten sollen gelöscht werden", "Datenschutz"),
        ("Bitte um Löschung aller Daten", "Datenschutz"),
        ("Ich will nach DSGVO eine Auskunft", "Datenschutz"),
        ("Meine Anwältin und deren Anwälte melden sich", "Legal"),
        ("Legal action will be taken", "Legal"),
        ("We are taking serious legal action against your shop", "Legal"),
        ("my kid got hurt by the tent pole", "Safety"),
        ("She was badly hurt", "Safety"),
        ("While using it on the stove she got injured", "Safety"),
        ("Mein Sohn hat sich an der Stange verletzt", "Safety"),
        ("Borra todos mis datos, por favor", "Baja"),
    ],
)
def test_words_count_in_any_order_and_form_and_whoever_it_happened_to(text: str, topic: str) -> None:
    caught = caught_by_words(text, OWNERS)
    assert caught is not None
    assert (caught.topic, caught.by) == (topic, "words")


@pytest.mark.parametrize(
    "text",
    [
        "These boots hurt my heel",
        "Does it hurt to walk in them?",
        "How do I delete my account?",
        "Welche Daten braucht ihr für die Bestellung?",
        "Wann löscht ihr alte Bestellungen?",
        "Kann ich die Daten des Rucksacks sehen? Und wo kann ich meinen Warenkorb nach dem Einkauf löschen?",
        "Legal warranty, how long is it, and what action is needed from me then, or would you take it back?",
        "The product is great",
    ],
)
def test_words_that_only_meet_by_chance_do_not_count(text: str) -> None:
    assert caught_by_words(text, OWNERS) is None


def test_four_thousand_characters_take_no_time() -> None:
    for piece in (
        "daten ",
        "löschen daten ",
        "take ",
        "legal action take ",
        "hurt got ",
        "daten x x x x x löschen ",
    ):
        started = time.thread_time()
        caught_by_words((piece * 4000)[:4000], OWNERS * 10)
        assert time.thread_time() - started < 0.2


async def test_a_word_that_means_the_same_counts_too(embedder: Embedder) -> None:
    topics = Topics(Remembered(embedder.documents))
    lines = ["Legal: lawyer", "Press: journalist", "Crime: theft"]
    for text, topic in (
        ("my solicitor will contact you", "Legal"),
        ("attorney!", "Legal"),
        ("I'm a reporter", "Press"),
        ("it was stolen", "Crime"),
    ):
        caught = await topics.caught(text, lines)
        assert caught is not None, text
        assert (caught.topic, caught.by) == (topic, "likeness")
    for text in ("Can I wash the tent?", "Wo ist der Laden?", "Is the founder there?", "What is the price?"):
        assert await topics.caught(text, lines) is None, text
    every = [text for text in ordinary() if await topics.caught(text, lines)]
    assert len(every) <= 3, every


def test_a_line_without_a_colon_is_its_own_name() -> None:
    assert named("lawyer; court") == "lawyer"
    assert named("Legal: lawyer") == "Legal"
    assert caught_by_words("a court case", ["lawyer; court"]) is not None
    assert caught_by_words("anything", ["Legal:", ":", ";", " "]) is None


def test_one_word_of_a_sentence_does_not_stand_for_it() -> None:
    assert caught_by_words("Please quote my order number.", ["Can we get a quote?"]) is None


async def test_most_of_what_is_meant_is_heard_and_hardly_anything_else(embedder: Embedder) -> None:
    topics = Topics(Remembered(embedder.documents))
    said = [(one["topic"], text) for one in SETS for text in one["said"]]
    heard = [topic for topic, text in said if (c := await topics.caught(text, [topic])) and c.near >= 0.5]
    assert len(heard) >= 0.7 * len(said), f"{len(heard)} of {len(said)}"
    wrong = [text for text in ordinary() if await topics.caught(text, EVERY)]
    print(f"{len(heard)} of {len(said)} heard; of 300 ordinary messages: {wrong}")
    assert len(wrong) <= 6  # most of them are about the topic: a hacked account, personal data


async def test_short_and_long_messages_are_held_against_words_only(embedder: Embedder) -> None:
    topics = Topics(Remembered(embedder.documents))
    example = ["Fraud: Somebody used my credit card in your shop"]
    assert await topics.caught("Somebody used my bank card at yours", example) is not None
    assert await topics.caught("Card used?", example) is None
    assert await topics.caught("Somebody used my bank card at yours. " * 12, example) is None
    assert await topics.caught("Is my parcel on its way?", []) is None
