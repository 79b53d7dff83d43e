"""What "our pages don't say anything about …" names, and that it says in which language the pages are."""

import pytest

from minidesk.answering.absent import held, topic
from minidesk.answering.language import of_pages
from minidesk.answering.outcome import Answered, Clarify, HandOff, ProvedSentence, Question, Reply, Turn
from minidesk.ask import Asker, answer
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.records import Passage
from minidesk.settings import Settings
from tests.answering.conftest import embedder as embedder  # noqa: PLC0414 (a fixture, named so that pytest finds it)
from tests.answering.shop import SHOP, Script, SmallSearch, passage
from tests.conftest import FakeClock

PRACTICE = (
    passage(
        "Neue Patientinnen und Patienten bekommen meist innerhalb von drei Wochen einen Termin. Kinder behandeln wir ab dem ersten Zahn.",
        "Termine", title="Die Praxis",
    ),
    passage("Die Fäden ziehen wir nach einer Woche. Mit starken Schmerzen kommen Sie ohne Termin um 8 Uhr.", "Nach dem Eingriff", title="Die Praxis"),
    passage("Die Kontrolle kostet 60 €, eine Füllung 110 €. Sie können bar oder mit der Karte zahlen.", "Preise", title="Was es kostet"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("word", "question", "named"),
    [
        ("hypnosis", "Do you offer hypnosis?", "hypnosis"), ("skis", "Do you sell skis?", "skis"), ("salary", "What is the salary of a librarian?", "salary"),
        ("court", "Is there a tennis court?", "court"), ("norway", "Do you deliver to Norway?", "Norway"), ("kayaks", "WHERE CAN I BUY KAYAKS", "kayaks"),
        ("hypnosis", "hypnosis?", "hypnosis"), ("students", "do students pay less?", "students"), ("parking", "how much is parking", "parking"),
        # verbs, adverbs, superlatives, adjectives
        ("extend", "can I extend a magazine?", None), ("log", "how do I log into the app", None), ("start", "does it start again?", None), ("renew", "how to renew", None),
        ("extra", "do I pay anything extra?", None), ("quickly", "is it delivered quickly", None), ("lightest", "Which tent is the lightest?", None),
        ("expire", "does the warranty expire?", None), ("waterproof", "is the Nordkette waterproof", None), ("founded", "When was the library founded?", None),
        ("stoves", "and for boots?", None),
    ],
)  # fmt: skip
def test_an_english_word_is_named_where_it_is_a_topic(word: str, question: str, named: str | None) -> None:
    assert topic(word, question, "en") == named


@pytest.mark.parametrize(
    ("word", "question", "named"),
    [
        ("hypnose", "Bieten Sie Hypnose an?", "Hypnose"), ("gutscheine", "Verkaufen Sie Gutscheine?", "Gutscheine"), ("hypnose", "Hypnose?", "Hypnose"),
        ("röntgenbild", "Machen Sie ein Röntgenbild?", "Röntgenbild"),
        ("parken", "Wo kann ich parken?", None), ("gezogen", "Wann werden die Fäden gezogen?", None), ("starke", "Ich habe starke Zahnschmerzen", None),
        ("rein", "Komme ich mit dem Rollstuhl rein?", None), ("voraus", "Wie lange im Voraus muss ich absagen?", None), ("extra", "Muss ich was extra zahlen?", None),
        ("rufe", "Wen rufe ich am Sonntag an?", None), ("rufe", "Rufe ich vorher an?", None), ("gutscheine", "gibt es bei euch gutscheine", None),
    ],
)  # fmt: skip
def test_a_german_word_is_named_where_it_is_a_noun(word: str, question: str, named: str | None) -> None:
    assert topic(word, question, "de") == named


def test_in_other_languages_none_is_named() -> None:
    assert topic("hypnose", "Faites-vous de l'hypnose ?", "fr") is None
    assert topic("hypnose", "Hypnose?", None) is None


@pytest.mark.parametrize(
    ("word", "language", "passages", "there"),
    [
        ("kind", "de", PRACTICE, True), ("kindern", "de", PRACTICE, True), ("schmerz", "de", PRACTICE, True), ("hypnose", "de", PRACTICE, False),
        ("zahnspange", "de", PRACTICE, False), ("return", "en", SHOP, True), ("refunding", "en", SHOP, True), ("filter", "en", SHOP, True), ("skis", "en", SHOP, False),
    ],
)  # fmt: skip
def test_another_form_of_the_word_is_the_word(
    word: str, language: str, passages: tuple[Passage, ...], there: bool
) -> None:
    assert held(word, language, passages) is there


def test_the_language_of_pages_is_told_by_them() -> None:
    assert of_pages(SHOP, "") == "en"
    assert of_pages(PRACTICE, "") == "de"
    assert of_pages((*SHOP, PRACTICE[0]), "") == "en"
    assert of_pages((*SHOP, PRACTICE[0]), "Wann bekomme ich einen Termin?") == "de"
    assert of_pages((), "Wann bekomme ich einen Termin?") is None


def asker(
    embedder: Embedder,
    settings: Settings,
    clock: FakeClock,
    passages: tuple[Passage, ...],
    model: Script | None = None,
) -> Asker:
    """Over these pages."""
    return Asker(SmallSearch(embedder, passages), embedder.documents, model, settings, clock)


async def said(asker: Asker, text: str, locale: str | None = None) -> Answered:
    """The end of the turn."""
    return await answer(asker, Question("s1", text, locale=locale))


OFFERED = Clarify("not_found", offer_person=True)


async def test_german_questions_on_german_pages(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    practice = asker(embedder, settings, clock, PRACTICE)
    found = await said(practice, "Bieten Sie Hypnose an?", "en-US")
    assert found.outcome == OFFERED
    assert found.text.startswith("Zu „Hypnose“ steht nichts")
    found = await said(practice, "Wo kann ich parken?")
    assert "„" not in found.text, found.text


@pytest.mark.parametrize(
    ("locale", "begins"), [(None, "Zu „Hypnose“"), ("en-GB", "Zu „Hypnose“"), ("fr", "Nos pages")]
)
async def test_where_the_words_do_not_tell_the_pages_do_unless_the_browser_says_more(
    embedder: Embedder, settings: Settings, clock: FakeClock, locale: str | None, begins: str
) -> None:
    found = await said(asker(embedder, settings, clock, PRACTICE), "Hypnose?", locale)
    assert found.text.startswith(begins)


@pytest.mark.parametrize(
    ("text", "begins", "offers"),
    [
        ("Gibt es einen Studentenrabatt?", "Unsere Seiten sind auf Englisch geschrieben", "Soll Ihnen ein Mensch helfen?"),
        ("Faites-vous la livraison en Norvège ?", "Nos pages sont écrites en anglais", "Souhaitez-vous l'aide d'une personne ?"),
        ("¿Tienen descuento para estudiantes?", "Nuestras páginas están escritas en inglés", "¿Quiere que le ayude una persona?"),
        ("学生割引はありますか?", "当サイトのページは英語で", "担当者におつなぎしましょうか?"),
    ],
)  # fmt: skip
async def test_without_a_model_pages_in_another_language_are_said_to_be_so(
    embedder: Embedder, settings: Settings, clock: FakeClock, text: str, begins: str, offers: str
) -> None:
    found = await said(asker(embedder, settings, clock, SHOP), text, "en-US")
    assert found.outcome == OFFERED
    assert found.text.startswith(begins)
    assert found.text.endswith(offers)


async def test_english_on_german_pages(embedder: Embedder, settings: Settings, clock: FakeClock) -> None:
    found = await said(asker(embedder, settings, clock, PRACTICE), "Do you do hypnosis for anxious people?")
    assert found.text.startswith("Our pages are written in German")


async def test_with_a_model_nothing_is_said_of_languages(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    found = await said(
        asker(embedder, settings, clock, SHOP, Script(["NOT_FOUND"] * 4)), "Gibt es einen Studentenrabatt?"
    )
    assert found.outcome == OFFERED
    assert found.text.startswith("Dazu steht nichts auf unseren Seiten")


async def test_extracts_in_another_language_are_said_to_be_so(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    """Names are alike in both languages, so the page is found."""
    brands = passage(
        "Express is offered in Austria and Germany only. The express price is €14.90.",
        "Express",
        title="Express",
    )
    shop = asker(embedder, settings, clock, (brands,))
    parts = [part async for part in shop.ask(Question("s1", "Was kostet Express?"))]
    end = parts[-1]
    assert isinstance(end, Answered)
    assert end.outcome == Reply(), end.text
    assert end.text.startswith("Auf unseren Seiten steht das auf Englisch:\n\n")
    assert end.text == "".join(part.text for part in parts if isinstance(part, ProvedSentence))
    assert end.citations
    again = await said(shop, "What does express cost?")
    assert again.outcome == Reply()
    assert "written" not in again.text
    assert "auf Englisch" not in again.text


async def test_where_there_are_no_pages_no_word_is_missing(
    embedder: Embedder, settings: Settings, clock: FakeClock
) -> None:
    empty = asker(embedder, settings, clock, ())
    assert "„" not in (await said(empty, "Wann habt ihr offen?")).text
    assert "“" not in (await said(empty, "Do you sell skis?")).text


@pytest.mark.parametrize(("text", "handed"), [("ja gerne", True), ("nein danke", False)])
async def test_the_offer_behind_it_can_be_answered(
    embedder: Embedder, settings: Settings, clock: FakeClock, text: str, handed: bool
) -> None:
    shop = asker(embedder, settings, clock, SHOP)
    first = await said(shop, "Gibt es einen Studentenrabatt?")
    history = (Turn("visitor", "Gibt es einen Studentenrabatt?"), Turn("assistant", first.text))
    found = await answer(shop, Question("s1", text, history))
    assert found.outcome == (HandOff("customer_request") if handed else Clarify("smalltalk"))
