"""The proof and German figures: table rows, prices, opening hours, days and lengths of time, said in a sentence or swapped."""

import pytest

from minidesk.answering.abroad import agrees_abroad
from minidesk.answering.prove import prove
from minidesk.knowledge.embed import Embedder
from minidesk.knowledge.records import Passage
from minidesk.text.words import sentences


def page(
    chunk: str, title: str, text: str, heading: tuple[str, ...] = (), question: str | None = None
) -> Passage:
    """A passage of a German page, or a question and its answer."""
    return Passage(
        chunk, f"{chunk}.md", chunk, "v", title, None, heading, "faq" if question else "text", question, text, 0, len(text), None, 1.0
    )  # fmt: skip


DENTIST = (
    page("preise", "Kosten und Kassen", "Leistung: Kontrolle | Preis: 55 €\nLeistung: Mundhygiene (60 Minuten) | Preis: 110 €\nLeistung: Füllung, eine Fläche | Preis: 95 €\nLeistung: Füllung, drei Flächen | Preis: 165 €\nLeistung: Zahn ziehen | Preis: 85 €\nLeistung: Bleaching | Preis: 390 €"),
    page("zeiten", "Termine in der Praxis", "Tag: Montag | Uhrzeit: 8:00 – 12:00 und 14:00 – 18:00\nTag: Dienstag | Uhrzeit: 8:00 – 12:00\nTag: Mittwoch | Uhrzeit: geschlossen\nTag: Donnerstag | Uhrzeit: 12:00 – 20:00\nTag: Freitag | Uhrzeit: 8:00 – 13:00", ("Sprechzeiten",)),
    page("schmerz", "Termine in der Praxis", "Mit starken Schmerzen kommen Sie ohne Termin um 8:00 Uhr, donnerstags um 12:00 Uhr. Am Wochenende hilft der Notdienst.", ("Schmerzen",)),
    page("angst", "Fragen", "Ja. Wir planen mehr Zeit ein und bieten Lachgas für 80 € je Sitzung an. Vollnarkose machen wir nicht.", (), "Behandeln Sie Angstpatienten?"),
    page("alter", "Fragen", "Ab drei Jahren.", (), "Ab welchem Alter behandeln Sie Kinder?"),
    page("danach", "Nach der Behandlung", "- Rauchen Sie drei Tage lang nicht und trinken Sie keinen Alkohol.\n- Sport ist nach einer Woche wieder möglich.\n\nDie Fäden ziehen wir nach sieben bis zehn Tagen."),
    page("implantat", "Implantate", "Ein Implantat kostet 1.500 €. Ein Röntgenbild kostet 1,50 € Aufschlag je Aufnahme. Rechnungen sind binnen zwei Wochen zu bezahlen."),
    page("urlaub", "Urlaub", "Am 24. und 31. Dezember ist die Praxis geschlossen."),
)  # fmt: skip
HOTEL = (
    page("zimmer", "Zimmer und Preise", "Zimmer: Einzelzimmer | Preis je Nacht: 89 €\nZimmer: Doppelzimmer | Preis je Nacht: 129 €\nZimmer: Hochzeitssuite | Preis je Nacht: 1.290 €"),
    page("rezeption", "Anreise", "Tag: Samstag | Zeit: 7:00 – 22:00\nTag: Sonntag | Zeit: 8:00 – 20:00", ("Öffnungszeiten der Rezeption",)),
    page("storno", "Stornieren", "Bis 14 Tage vor der Anreise ist die Stornierung kostenlos. Danach verrechnen wir 80 Prozent des Preises. Die Anzahlung beträgt 20 Prozent.", ()),
    page("sauna", "Wellness", "Die Sauna ist von 16 bis 22 Uhr geöffnet, sonntags von 10 bis 22 Uhr. Das Becken fasst 12.500 Liter und ist 1,20 m tief.", ()),
    page("hund", "Fragen", "Ja, für 15 € je Nacht.", (), "Darf mein Hund mit?"),
    page("bus", "Anreise", "Der Skibus fährt vom 20.12. bis 6.1. alle zwanzig Minuten.", ("Skibus",)),
)  # fmt: skip

SAID = [
    (DENTIST, "Das Bleaching kostet 390 €."),
    (DENTIST, "Eine Kontrolle kostet 55 Euro."),
    (DENTIST, "Eine Füllung mit drei Flächen kostet 165 €."),
    (DENTIST, "Die Mundhygiene (60 Minuten) kostet 110 €."),
    (DENTIST, "Mittwochs ist geschlossen."),
    (DENTIST, "Am Mittwoch haben wir geschlossen."),
    (DENTIST, "Am Donnerstag haben wir von 12:00 bis 20:00 Uhr geöffnet."),
    (DENTIST, "Dienstags ist von 8 bis 12 Uhr geöffnet."),
    (DENTIST, "Lachgas kostet 80 € je Sitzung."),
    (DENTIST, "Kinder behandeln wir ab drei Jahren."),
    (DENTIST, "Die Fäden ziehen wir nach 7 bis 10 Tagen."),
    (DENTIST, "Rauchen Sie 3 Tage lang nicht."),
    (DENTIST, "Rechnungen sind binnen 14 Tagen zu bezahlen."),
    (DENTIST, "Ein Implantat kostet 1500 €."),
    (DENTIST, "Ein Implantat kostet 1.500 Euro."),
    (DENTIST, "Am 31. Dezember ist die Praxis geschlossen."),
    (HOTEL, "Das Doppelzimmer kostet 129 € je Nacht."),
    (HOTEL, "Die Hochzeitssuite kostet 1290 € je Nacht."),
    (HOTEL, "Samstags ist von 7 bis 22 Uhr geöffnet."),
    (HOTEL, "Bis zwei Wochen vor der Anreise ist die Stornierung kostenlos."),
    (HOTEL, "Die Anzahlung beträgt 20 %."),
    (HOTEL, "Das Becken fasst 12500 Liter."),
]
REFUSED = [
    (DENTIST, "Das Bleaching kostet 85 €."),
    (DENTIST, "Eine Füllung mit drei Flächen kostet 95 €."),
    (DENTIST, "Mittwochs ist geöffnet."),
    (DENTIST, "Montags ist geschlossen."),
    (DENTIST, "Samstags ist geschlossen."),
    (DENTIST, "Am Donnerstag haben wir von 8:00 bis 12:00 Uhr geöffnet."),
    (DENTIST, "Am Freitag haben wir von 12:00 bis 20:00 Uhr geöffnet."),
    (DENTIST, "Kommen Sie donnerstags um 8:00 Uhr ohne Termin."),
    (DENTIST, "Mit starken Schmerzen kommen Sie donnerstags ohne Termin um 8:00 Uhr."),
    (DENTIST, "Mit starken Schmerzen kommen Sie ohne Termin um 12:00 Uhr."),
    (DENTIST, "Lachgas kostet 90 € je Sitzung."),
    (DENTIST, "Vollnarkose kostet 80 € je Sitzung."),
    (DENTIST, "Kinder behandeln wir ab zwei Jahren."),
    (DENTIST, "Kinder behandeln wir bis drei Jahre."),
    (DENTIST, "Die Fäden ziehen wir nach sieben bis zwölf Tagen."),
    (DENTIST, "Rauchen Sie drei Stunden lang nicht."),
    (DENTIST, "Rauchen Sie drei Tage lang."),
    (DENTIST, "Sport ist nach einem Monat wieder möglich."),
    (DENTIST, "Rechnungen sind binnen zwei Monaten zu bezahlen."),
    (DENTIST, "Ein Implantat kostet 1,50 €."),
    (DENTIST, "Ein Implantat kostet 1.50 €."),
    (DENTIST, "Ein Röntgenbild kostet 1.500 € Aufschlag je Aufnahme."),
    (DENTIST, "Am 30. Dezember ist die Praxis geschlossen."),
    (DENTIST, "Am 31. Jänner ist die Praxis geschlossen."),
    (HOTEL, "Das Einzelzimmer kostet 129 € je Nacht."),
    (HOTEL, "Die Hochzeitssuite kostet 1,29 € je Nacht."),
    (HOTEL, "Das Doppelzimmer kostet 129 € je Woche."),
    (HOTEL, "Sonntags ist von 7 bis 22 Uhr geöffnet."),
    (HOTEL, "Die Sauna ist sonntags von 16 bis 22 Uhr geöffnet."),
    (HOTEL, "Montags ist die Sauna von 10 bis 22 Uhr geöffnet."),
    (HOTEL, "Bis zwei Tage vor der Anreise ist die Stornierung kostenlos."),
    (HOTEL, "Ab 14 Tage vor der Anreise ist die Stornierung kostenlos."),
    (HOTEL, "Die Anzahlung beträgt 80 Prozent."),
    (HOTEL, "Das Becken fasst 12,5 Liter."),
    (HOTEL, "Der Skibus fährt vom 20.12. bis 16.1. alle zwanzig Minuten."),
    (HOTEL, "Der Skibus fährt alle zwölf Minuten."),
    (HOTEL, "Mein Hund kostet 89 € je Nacht."),
]


@pytest.mark.parametrize(("pages", "sentence"), SAID)
async def test_what_the_page_says_in_other_words_is_shown(
    embedder: Embedder, pages: tuple[Passage, ...], sentence: str
) -> None:
    assert await prove(sentence, pages, embedder.documents) is not None


@pytest.mark.parametrize(("pages", "sentence"), REFUSED)
async def test_another_figure_day_or_thing_is_refused(
    embedder: Embedder, pages: tuple[Passage, ...], sentence: str
) -> None:
    assert await prove(sentence, pages, embedder.documents) is None


async def test_what_may_be_read_in_two_ways_is_shown_as_it_stands_only(embedder: Embedder) -> None:
    sheet = (page("sheet", "Nordkette", "Model: Nordkette | PU: 3.000 mm"),)  # in no language
    assert await prove("Nordkette: PU 3.000 mm.", sheet, embedder.documents) is not None
    assert await prove("Nordkette: PU 3 mm.", sheet, embedder.documents) is None
    assert await prove("Nordkette: PU 3000 mm.", sheet, embedder.documents) is None


@pytest.mark.parametrize(
    ("sentence", "span", "agrees"),
    [
        ("Der Kurs ist montags um 9 Uhr.", "Der Kurs ist Montag und Mittwoch um 9 Uhr, Freitag um 11 Uhr.", True),
        ("Der Kurs ist mittwochs um 9 Uhr.", "Der Kurs ist Montag und Mittwoch um 9 Uhr, Freitag um 11 Uhr.", True),
        ("Der Kurs ist freitags um 9 Uhr.", "Der Kurs ist Montag und Mittwoch um 9 Uhr, Freitag um 11 Uhr.", False),
        ("Der Kurs ist dienstags um 9 Uhr.", "Der Kurs ist Mo–Do um 9 Uhr, Fr um 11 Uhr.", True),
        ("Der Kurs ist samstags um 9 Uhr.", "Der Kurs ist Mo–Do um 9 Uhr, Fr um 11 Uhr.", False),
        ("Der Kurs ist um 11 Uhr.", "Der Kurs ist Montag um 9 Uhr, Freitag um 11 Uhr.", False),
        ("Wir trainieren drei Wochen lang.", "Wir trainieren 21 Tage lang.", True),
        ("Wir trainieren höchstens 21 Tage.", "Wir trainieren höchstens drei Wochen.", True),
        ("Wir trainieren mindestens 21 Tage.", "Wir trainieren höchstens drei Wochen.", False),
        ("Wir trainieren zwischen 8 und 12 Uhr.", "Wir trainieren von 8:00 bis 12:00.", True),
        ("Die zweite Stunde ist frei.", "Die erste Stunde ist frei.", False),
        ("Rauchen Sie bei uns.", "Rauchen und trinken Sie bei uns nicht.", False),
    ],
)  # fmt: skip
def test_days_and_figures_keep_together(sentence: str, span: str, agrees: bool) -> None:
    assert agrees_abroad(sentence, span) is agrees


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Am 24. und 31. Dezember ist zu. Danach ist offen.", 2),
        ("Vom 1.8. bis 15.8. ist Urlaub. Am 16. August geht es weiter.", 2),
        ("Die Gebühr beträgt 24. Sie ist sofort fällig.", 2),
        ("The fee is 24. It is due at once.", 2),
    ],
)
def test_an_ordinal_ends_no_sentence(text: str, count: int) -> None:
    assert len(sentences(text)) == count
