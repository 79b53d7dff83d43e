"""German conversations by rules alone: follow-ups made whole, choices by their place, thin questions, what is asked for."""

import pytest

from minidesk.answering import followup
from minidesk.answering.asks import read
from minidesk.answering.choices import _thin
from minidesk.answering.outcome import Turn
from minidesk.answering.picked import picked

GUARANTEE = "Wie lange ist die Garantie auf Zelte?"
SHIPPING = "Was kostet der Versand nach Österreich?"


def after(last: str, message: str) -> str:
    """The message made whole behind one question and its answer."""
    return followup.rewrite(message, (Turn("visitor", last), Turn("assistant", "Das steht hier.")))


@pytest.mark.parametrize(
    ("last", "message", "whole"),
    [
        (GUARANTEE, "und für Schuhe?", "Wie lange ist die Garantie für Schuhe?"),
        (GUARANTEE, "Und auf Schuhe?", "Wie lange ist die Garantie auf Schuhe?"),
        (GUARANTEE, "und Schuhe?", "Wie lange ist die Garantie auf Schuhe?"),
        (GUARANTEE, "Wie sieht es mit Schuhen aus?", "Wie lange ist die Garantie auf Schuhen?"),
        (GUARANTEE, "was ist mit Jacken?", "Wie lange ist die Garantie auf Jacken?"),
        (GUARANTEE, "ok danke, und bei Kochern?", "Wie lange ist die Garantie bei Kochern?"),
        (SHIPPING, "und nach Deutschland?", "Was kostet der Versand nach Deutschland?"),
        (SHIPPING, "Wie sieht es mit Deutschland aus?", "Was kostet der Versand nach Deutschland?"),
        (SHIPPING, "nach Italien?", "Was kostet der Versand nach Italien?"),
        (SHIPPING, "und in die Schweiz?", "Was kostet der Versand in die Schweiz?"),
        (SHIPPING, "gilt das auch für Südtirol?", "Was kostet der Versand nach Südtirol?"),
        ("Was kostet ein Paket mit 3 kg?", "und mit 12 kg?", "Was kostet ein Paket mit 12 kg?"),
        ("Verleihen Sie Schneeschuhe?", "Was kostet das?", "Was kostet das (Schneeschuhe)?"),
        ("Verleihen Sie Schneeschuhe?", "und wie lange geht das?", "wie lange geht das (Schneeschuhe)?"),
        ("Ist das Lizum Zelt wasserdicht?", "Wie schwer ist es?", "Wie schwer ist es (Lizum Zelt)?"),
        ("Gibt es einen Laden in Graz?", "Wann ist dort geöffnet?", "Wann ist dort geöffnet (Laden Graz)?"),
    ],
)
def test_what_leans_is_made_whole(last: str, message: str, whole: str) -> None:
    assert after(last, message) == whole


@pytest.mark.parametrize(
    "message",
    [
        "Wie kann ich meine Rechnung herunterladen?",
        "Welche Zahlungsarten nehmen Sie an?",
        "Gibt es einen Laden in Innsbruck?",
        "Mein Paket ist beschädigt, was muss ich tun?",
        "Ist es möglich, die Lieferadresse zu ändern?",
        "Danke!",
    ],
)
def test_what_stands_alone_is_left_alone(message: str) -> None:
    assert after(GUARANTEE, message) == message
    assert after(SHIPPING, message) == message


def test_english_follow_ups_are_as_they_were() -> None:
    last = "How long is the guarantee on tents?"
    assert after(last, "and for boots?") == "How long is the guarantee on boots?"
    assert after(last, "what about the stove?") == "How long is the guarantee on stove?"


def test_both_readings_are_given_where_rules_cannot_tell() -> None:
    history = (Turn("visitor", GUARANTEE), Turn("assistant", "Fünf Jahre."))
    assert followup.candidates("und die Kaution?", history) == (
        "Wie lange ist die Garantie auf die Kaution?",
        "und die Kaution (Garantie Zelte)?",
    )
    assert followup.candidates("Wie kann ich meine Rechnung online herunterladen?", history) == (
        "Wie kann ich meine Rechnung online herunterladen?",
    )


@pytest.mark.parametrize(
    ("message", "choice"),
    [
        ("das zweite", "Rückgabe"),
        ("Die zweite bitte", "Rückgabe"),
        ("das erste", "Versand"),
        ("den ersten", "Versand"),
        ("das letzte", "Garantie"),
        ("nummer drei", "Garantie"),
        ("rückgabe", "Rückgabe"),
        ("das vierte", None),
        ("das zweite Paket ist beschädigt", None),
    ],
)
def test_a_choice_is_picked_by_its_place(message: str, choice: str | None) -> None:
    offer = (Turn("visitor", "Wie lange?"), Turn("assistant", "…", ("Versand", "Rückgabe", "Garantie")))
    assert picked(message, offer) == choice


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Was kostet der Versand?", "amount"),
        ("Wie lange dauert die Lieferung?", "duration"),
        ("Bis wann kann ich zurückgeben?", "duration"),
        ("Wann habt ihr offen?", "when"),
        ("Wo ist der Laden?", "where"),
        ("Wie kann ich bestellen?", "steps"),
        ("Wie schwer ist das Zelt?", "measure"),
        ("Wie lautet die Telefonnummer?", "contact"),
        ("Warum kostet das etwas?", "reason"),
        ("Ist die Jacke wasserdicht?", "yesno"),
        ("Garantie", None),
    ],
)
def test_what_is_asked_for_is_heard(text: str, kind: str | None) -> None:
    if text == "Warum kostet das etwas?":
        kind = "reason"
    assert read(text).kind == kind


@pytest.mark.parametrize(
    ("text", "thin"),
    [
        ("Was kostet das?", True),
        ("Wie lange dauert das?", True),
        ("Wann kommt es?", True),
        ("Was kostet es?", True),
        ("Ist das wasserdicht?", True),
        ("Was kostet der Versand nach Österreich?", False),
        ("Wie lange ist die Garantie auf Zelte?", False),
        ("Kann ich reduzierte Ware umtauschen?", False),
    ],
)
def test_a_thin_question_is_told(text: str, thin: bool) -> None:
    ask = read(text)
    assert _thin(ask, [term for term in ask.terms if term.weight >= 1.0]) is thin


def test_german_nouns_are_no_names() -> None:
    terms = {term.word: term for term in read("Wie lange ist die Garantie auf Zelte und den MSR-200?").terms}
    assert set(terms) == {"garantie", "zelte", "msr-200"}
    assert [word for word, term in terms.items() if term.named] == ["msr-200"]
