"""German: requests for a person, small talk, the language of our own lines."""

import pytest

from minidesk.answering.language import spoken
from minidesk.answering.outcome import Answered, Clarify, HandOff, Question
from minidesk.answering.smalltalk import BOT, BYE, GREETING, HOW, THANKS, smalltalk
from minidesk.answering.wants_human import wants_human
from minidesk.ask import Asker, answer
from minidesk.knowledge.embed import Embedder
from minidesk.settings import Settings
from minidesk.text.language import language_of
from minidesk.text.locale import load_texts
from tests.answering.shop import SmallSearch
from tests.conftest import FakeClock

ASKS = [
    "Kann ich mit einem Menschen sprechen?", "Mitarbeiter bitte", "Mitarbeter bitte", "ich möchte mit einem Mitarbieter sprehcen",
    "Verbinden Sie mich mit dem Kundenservice", "bitte verbinden Sie mich", "Ich will einen echten Menschen", "Mensch", "Menshc bitte",
    "Rufen Sie mich bitte zurück", "Können Sie mich zurückrufen?", "Bitte um Rückruf", "Rückruf bitte", "Ist da jemand?",
    "Gibt es hier auch echte Mitarbeiter?", "Ich möchte nicht mit einem Bot reden", "Ich will keinen Roboter", "blöder Bot",
    "Leiten Sie mich an einen Kollegen weiter", "Holen Sie Ihren Chef", "Ich möchte mich beschweren", "Das hat mir nicht geholfen",
    "das hilft mir nicht weiter", "Kann mir jemand helfen?", "ich brauche einen Ansprechpartner", "kann ich mit jemandem telefonieren",
    "Ich würde gerne mit jemandem aus Ihrem Team reden", "Kundenservice", "Bitte ein Ticket erstellen", "menschliche Hilfe bitte",
]  # fmt: skip
DOES_NOT_ASK = [
    "sind Sie ein Mensch?", "Sind Sie ein Bot?", "bist du ein echter Mensch", "Spreche ich mit einem Menschen?", "Wie ist die Nummer vom Kundenservice?",
    "Wann ist der Kundenservice erreichbar?", "Ruft mich der Fahrer vorher an?", "Wie viele Mitarbeiter haben Sie?", "Sprechen Ihre Mitarbeiter Englisch?",
    "Kann jemand anderes mein Paket abholen?", "Für wie viele Personen ist das Zelt?", "Gibt es einen Rückruf für den Kocher?",
    "Wie lange dauert die Lieferung?", "Was kostet der Versand nach Österreich?", "Wie reiche ich eine Beschwerde ein?", "Ist das Zelt für zwei Personen?",
    "Welche Sprachen sprechen Sie?", "Wer leitet die Firma?", "Ich habe eine Frage zu meiner Bestellung", "Passen Menschen mit 2 m Größe hinein?",
]  # fmt: skip


@pytest.mark.parametrize("text", ASKS)
def test_a_request_for_a_person_is_heard(text: str) -> None:
    assert wants_human(text)


@pytest.mark.parametrize("text", DOES_NOT_ASK)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert not wants_human(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Hallo", GREETING), ("Guten Tag zusammen!", GREETING), ("Grüß Gott", GREETING), ("Moin", GREETING), ("Servus", GREETING),
        ("Danke", THANKS), ("Vielen Dank für die Hilfe!", THANKS), ("super, danke", THANKS), ("alles klar", THANKS), ("passt", THANKS),
        ("Tschüss", BYE), ("Auf Wiedersehen", BYE), ("Wie geht es Ihnen?", HOW),
        ("sind Sie ein Mensch?", BOT), ("Bist du ein Bot oder ein Mensch?", BOT), ("Spreche ich mit einem Computer?", BOT),
        ("Wer bist du?", BOT),
    ],
)  # fmt: skip
def test_small_talk(text: str, line: str) -> None:
    assert smalltalk(text) == line


@pytest.mark.parametrize(
    "text",
    ["Hallo, wo ist mein Paket?", "Danke, und wie lange dauert es?", "gute Zelte?", "Ist das wasserdicht?", "Wer ist der Hersteller?"],
)  # fmt: skip
def test_a_question_is_no_small_talk(text: str) -> None:
    assert smalltalk(text) is None


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wie lange dauert der Versand?", "de"),
        ("How long does shipping take?", "en"),
        ("Rückgabe", "de"),
        ("express", None),
        ("in 2 kg", None),
        ("", None),
    ],
)
def test_german_and_english_are_told_apart(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "locale", "allowed", "language"),
    [
        ("Wie lange dauert das?", "en", (), "de"),
        ("Wie lange dauert das?", "de-AT", (), "de-AT"),
        ("express?", "fr-CH", (), "fr-CH"),
        ("express?", None, (), None),
        ("How long?", "de", ("de",), "de"),
        ("Wie lange?", "de", ("en", "fr"), "en"),
        ("express?", None, ("fr",), "fr"),
    ],
)
def test_the_language_of_our_lines(
    text: str, locale: str | None, allowed: tuple[str, ...], language: str | None
) -> None:
    assert spoken(language_of(text), locale, allowed, load_texts().locales, None) == language


@pytest.fixture
def asker(embedder: Embedder, settings: Settings, clock: FakeClock) -> Asker:
    """Without a model."""
    return Asker(SmallSearch(embedder), embedder.documents, None, settings, clock)


async def said(asker: Asker, text: str, locale: str | None = None, not_found_before: int = 0) -> Answered:
    """The end of the turn."""
    return await answer(asker, Question("s1", text, not_found_before=not_found_before, locale=locale))


async def test_our_lines_are_german_for_who_writes_german(asker: Asker) -> None:
    handed = await said(asker, "Kann ich bitte mit einem Menschen sprechen?")
    assert handed.outcome == HandOff("customer_request")
    assert handed.text == "Gern. Ich gebe Sie an einen Menschen weiter."
    bot = await said(asker, "sind Sie ein Mensch?")
    assert bot.outcome == Clarify("smalltalk")
    assert "automatischer Assistent" in bot.text
    missing = await said(asker, "Wer hat 1998 die Weltmeisterschaft gewonnen?")
    assert missing.outcome == Clarify("not_found", offer_person=True)
    assert missing.text.startswith("Unsere Seiten sind auf Englisch geschrieben")
    assert missing.text.endswith("Soll Ihnen ein Mensch helfen?")
    again = await said(asker, "Wer hat 1998 die Weltmeisterschaft gewonnen?", not_found_before=1)
    assert again.outcome == HandOff("missing_knowledge")
    assert again.text.startswith("Das kann ich gerade nicht beantworten")


async def test_else_they_are_in_the_language_of_the_conversation(asker: Asker) -> None:
    assert (await said(asker, "ok", "fr-CH")).text.startswith("Avec plaisir")
    assert (await said(asker, "ok")).text.startswith("You're welcome")
