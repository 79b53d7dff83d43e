"""A music school in German, asked without a model: verbs that are torn apart, words that are put together, and who asks
without a word that tells the language."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from minidesk.answering.forms import forms_of, parts_of
from minidesk.answering.outcome import Clarify, Reply
from minidesk.answering.separable import torn_verbs
from tests.answering.taken_in import TakenIn, taken_in

PAGES = {
    "anmeldung.md": """# Anmeldung

Eine Anmeldung ist im Sekretariat oder mit dem Formular auf dieser Seite möglich.

## Warteliste

Wird ein Platz frei, melden wir uns bei Ihnen. Bitte melden Sie uns eine neue Adresse.

## Kündigung

Den Unterricht können Sie zum Ende eines Halbjahres kündigen. Der volle Betrag ist fällig, auch wenn Sie nicht teilnehmen.
Bei Krankheit von mehr als drei Wochen erstatten wir den Unterricht.

## Angaben von Kindern

Bitte geben Sie bei Kindern eine Telefonnummer für Notfälle an.
""",
    "buero.md": """# Sekretariat

Musikschule Lindental, Schulgasse 4, 74511 Lindental. Telefon 07123 44 55 66, E-Mail buero@musikschule.example.

## Öffnungszeiten

| Tag | Zeit |
| --- | --- |
| Montag | 9-12 Uhr |
| Mittwoch | geschlossen |
| Donnerstag | 14-18 Uhr |

## Parken

Parken können Sie ab 18 Uhr im Hof.
""",
    "unterricht.csv": """Unterricht,Tag,Gebühr,Ort
Geige für Anfänger,Montag 15:00-15:45,58 €,Raum 12
Gitarre in der Gruppe,Mittwoch 16:00-17:00,41 €,Raum 3
Singen mit Kindern,Freitag 15:00-16:00,29 €,Saal
""",
    "leihen.md": """# Instrumente leihen

Der Verleih ist kostenlos in den ersten drei Monaten. Später kostet er 9 € im Monat. Die Gebühr buchen wir am Monatsende ab.

Für die Jugend zahlt die Sparkasse die Hälfte dazu.
""",
}  # fmt: skip
NOT_SAID = Clarify("not_found", offer_person=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TakenIn]:
    """One for all of them."""
    async with taken_in(tmp_path_factory.mktemp("school"), PAGES) as desk:
        yield desk


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        # "melde … an" is the Anmeldung, and not who "meldet sich".
        ("Wie melde ich mich an?", "im Sekretariat"),
        ("habt ihr mittwochs auf", "geschlossen"),
        ("Welche Telefonnummer haben Sie?", "07123"),
        ("Was zahle ich, wenn ich nicht komme?", "volle Betrag"),
        ("ich bin seit wochen krank, krieg ich geld zurück?", "Krankheit"),
        # A compound is answered by its parts.
        ("was kostet der geigenunterricht", "58 €"),
        ("Wo findet der Gitarrenunterricht statt?", "Raum 3"),
        ("wann wird die gebühr abgebucht", "am Monatsende"),
        # No word of it tells the language but the pages do.
        ("zahlt die sparkasse was dazu", "Hälfte"),
    ],
)
async def test_what_the_pages_say_is_told(school: TakenIn, question: str, wanted: str) -> None:
    found = await school.ask(question)
    assert found.outcome == Reply()
    assert wanted in found.text


async def test_a_follow_up_without_its_own_words_asks_of_the_thing(school: TakenIn) -> None:
    found = await school.ask("Kann ich Instrumente leihen?", "kostet das was?")
    assert "kostenlos" in found.text


@pytest.mark.parametrize(
    "question",
    [
        "Gibt es Schlagzeugunterricht?",
        "Wer leitet die Musikschule?",
        "Wie lange gibt es die Musikschule schon?",
        "Wie wird das Wetter in Lindental?",
    ],
)
async def test_what_is_only_near_is_no_answer(school: TakenIn, question: str) -> None:
    assert (await school.ask(question)).outcome == NOT_SAID


async def test_a_compound_whose_parts_stand_there_is_not_said_to_be_missing(school: TakenIn) -> None:
    found = await school.ask("Braucht der Geigenunterricht einen Notenständer?")
    assert "Geigenunterricht" not in found.text


@pytest.mark.parametrize(
    ("text", "verbs"),
    [
        ("Wie melde ich mich an?", ("anmelden",)),
        ("wo findet der kurs statt", ("stattfinden",)),
        ("Rufen Sie uns an, wenn Sie kommen.", ("anrufen",)),
        # What only says where to makes no verb of another meaning.
        ("krieg ich mein Geld zurück?", ()),
        # A preposition at the start of what follows, and a noun, are no part of a verb.
        ("Das Geld kommt auf Ihr Konto", ()),
    ],
)
def test_torn_verbs_are_made_whole(text: str, verbs: tuple[str, ...]) -> None:
    assert torn_verbs(text, "de") == verbs
    assert torn_verbs(text, "en") == ()


@pytest.mark.parametrize(
    ("word", "page", "held"),
    [
        ("krank", "krankheit", 0.85),
        ("kurs", "kurse", 1.0),
        ("aquarell", "aquarellmalerei", 0.5),
        ("rente", "ente", 0.0),
        ("onlinekurs", "online-kurse", 1.0),
        ("abgebucht", "abbuchen", 1.0),
    ],
)
def test_a_word_is_held_by_its_forms(word: str, page: str, held: float) -> None:
    assert forms_of(word, {page: page}, "de").get(page, 0.0) == held


def test_a_compound_needs_both_of_its_parts() -> None:
    assert parts_of("kinderkurse", {w: w for w in ("kinder", "kurs")}, "de") is not None
    assert parts_of("nähkurs", {w: w for w in ("nähen", "kurs")}, "de") is not None
    assert parts_of("töpferkurs", {w: w for w in ("nähen", "kurs")}, "de") is None
    assert parts_of("kinderkurse", {w: w for w in ("kinder", "kurs")}, "en") is None
