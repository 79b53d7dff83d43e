"""Figures in a text: what a point or a comma in them means, and how German writes numbers, times and units."""

import time

import pytest

from minidesk.answering.asks import fits, read
from minidesk.answering.facts import facts, within
from minidesk.answering.figures import in_digits, marked


def keys(text: str) -> list[tuple[str, str]]:
    """What is compared."""
    return [fact.key for fact in facts(text)]


@pytest.mark.parametrize(
    "written",
    [
        "1.500 €", "€1.500", "EUR 1.500,00", "1.500,00 Euro", "1.500 Euro", "€ 1'500.–", "1500 €", "1 500 Euro", "1 500,00 €", "1500,- €",
        "Das Rad kostet 1.500 €.", "Die Miete beträgt 1.500,00 Euro.",
    ],
)  # fmt: skip
def test_a_thousands_mark_of_money_is_no_decimal(written: str) -> None:
    assert ("money", "eur 1500") in keys(written)
    assert ("money", "eur 1.5") not in keys(written)


@pytest.mark.parametrize("written", ["1,50 €", "€ 1.50", "EUR 1,5", "Das kostet 1,50 Euro."])
def test_two_digits_are_decimals_in_every_language(written: str) -> None:
    assert keys(written) == [("money", "eur 1.5")]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Die Zeltbahn hält 3.000 mm aus.", ("measure", "m 3")),
        ("Das Zelt ist nach 12.500 km am Ziel.", ("measure", "m 12500000")),
        ("The fly is rated to 3.000 mm of water.", ("measure", "m 0.003")),
        ("The fly is rated to 3,000 mm of water.", ("measure", "m 3")),
        ("Das Fass wiegt 1,500 kg und ist leer.", ("measure", "g 1500")),
        ("Die Dose wiegt nur 0,750 kg.", ("measure", "g 750")),
        ("Wir haben 2.000 Schritte gezählt.", ("number", "2000")),
        ("Der Umsatz liegt bei 1.250.000 Euro.", ("money", "eur 1250000")),
        ("The total is €1,250,000 for you.", ("money", "eur 1250000")),
    ],
)  # fmt: skip
def test_the_language_around_a_figure_tells_what_its_mark_is(text: str, key: tuple[str, str]) -> None:
    assert keys(text) == [key]


def test_where_nothing_tells_both_readings_are_kept_and_equal_neither() -> None:
    (unsure,) = keys("3.000 mm")
    assert unsure == keys("Floor: 3.000 mm")[0]
    assert unsure not in {*keys("3 mm"), *keys("3000 mm"), *keys("The tent holds 3 mm and 3000 mm.")}
    (price,) = keys("It costs €1.500 in all.")  # three decimals of money, in English
    assert price not in {*keys("€1.50"), *keys("€1500")}
    assert not within(facts("3.000 mm")[0], "2000–4000 mm")


def test_a_language_that_is_handed_in_decides() -> None:
    assert [fact.key for fact in facts("3.000 mm", "de")] == keys("3000 mm")
    assert [fact.key for fact in facts("3.000 mm", "en")] == keys("3 mm")


def test_offsets_stay_and_dates_and_addresses_are_left_alone() -> None:
    for text in ("am 24.12.2026 um 8.30 Uhr", "Version 2.1.4 auf 192.168.1.20", "Tel. 0662.555.019"):
        assert marked(text, "de") == text
    assert marked("Es kostet 1.500,50 € mehr", "de") == "Es kostet 1'500.50 € mehr"
    assert in_digits("Es kostet 1.500,50 € und 0,750 l", "de") == "Es kostet 1500.50 € und 0.750 l"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("48 Stunden", "2 Tage"), ("drei Wochen", "21 Tagen"), ("14 Tage", "zwei Wochen"), ("zwölf Monate", "ein Jahr"), ("eine Woche", "7 Tage"),
        ("binnen eines Monats", "1 Monat"), ("einundzwanzig Tage", "3 Wochen"), ("ein halbes Jahr", "sechs Monate"), ("eine halbe Stunde", "30 Min"),
        ("14-tägig", "zwei Wochen"), ("zweijährige Garantie", "24 Monate"), ("two weeks", "zwei Wochen"), ("dreissig Minuten", "dreißig Minuten"),
        ("8 Uhr", "8:00"), ("8.30 Uhr", "8:30"), ("20 Uhr", "8 pm"), ("um acht Uhr", "08:00 Uhr"), ("8 Uhr 30", "8:30 Uhr"), ("Mitternacht", "0 Uhr"),
        ("24. Dezember", "24 December"), ("31.1. bis 3.2.", "31. Jänner bis 3. Februar"), ("am 31.01.2026", "31. Januar 2026"),
        ("20 Prozent", "20 %"), ("fünf Prozent", "5%"), ("80 Rappen", "CHF 0.80"), ("Fr. 12.50", "12,50 Franken"), ("CHF 1'200.-", "1200 Franken"),
        ("5,- €", "5 Euro"), ("zweimal", "2-mal"), ("drei Arbeitstage", "3 working days"), ("2,5 Kilogramm", "2500 Gramm"), ("30 Zentimeter", "0,3 m"),
    ],
)  # fmt: skip
def test_german_says_the_same_in_other_forms(one: str, other: str) -> None:
    assert keys(one) == keys(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("drei Wochen", "drei Monate"), ("14 Tage", "14 Werktage"), ("drei Werktage", "drei Arbeitstage"), ("ein Monat", "30 Tage"), ("8 Uhr", "8 Stunden"),
        ("24. Dezember", "24. November"), ("50 Cent", "50 Rappen"), ("einmal im Jahr", "zweimal im Jahr"), ("1.500 €", "1,50 €"), ("3 Tage", "drei Stunden"),
    ],
)  # fmt: skip
def test_what_is_not_the_same_is_kept_apart(one: str, other: str) -> None:
    assert keys(one) != keys(other)
    assert keys(one)
    assert keys(other)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sieben bis zehn Tagen", [("duration", "min 10080"), ("duration", "min 14400")]),
        ("zwischen 5 und 10 Prozent", [("percent", "5"), ("percent", "10")]),
        ("von 8 bis 12 Uhr", [("time", "480"), ("time", "720")]),
        ("am 24. und 31. Dezember", [("date", "12-24"), ("date", "12-31")]),
        ("1.000 bis 2.000 Euro", [("money", "eur 1000"), ("money", "eur 2000")]),
        ("alle sechs Monate", [("duration", "month 6")]),
        ("eines Tages", []),
        ("noch einmal", []),
        ("Das kostet 4.10.", [("number", "4.1")]),
        ("in der Nacht um drei", [("number", "3")]),
    ],
)  # fmt: skip
def test_german_facts(text: str, found: list[tuple[str, str]]) -> None:
    assert keys(text) == found


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Wann werden die Nähte entfernt?", "Die Nähte entfernen wir nach sieben bis zehn Tagen."),
        ("Wie lange darf ich nicht baden?", "Baden Sie 48 Stunden lang nicht."),
        ("Ab welchem Alter darf man klettern?", "Ab sechs Jahren."),
        ("Wie alt muss man sein?", "Ab zwölf Jahren."),
        ("Wie oft kommt die Müllabfuhr?", "Zweimal im Monat."),
        ("Wie häufig wird die Kette geölt?", "Alle drei Monate."),
        ("Bis wann ist am Samstag geöffnet?", "Bis 13 Uhr."),
        ("Um wie viel Uhr beginnt der Kurs?", "Um acht Uhr."),
        ("Wann beginnt das Semester?", "Am 3. Oktober."),
        ("Wie groß ist das Zelt?", "Es ist 2,10 m lang."),
        ("Wie lang ist das Seil?", "Das Seil misst 60 Meter."),
        ("Wie viel muss ich anzahlen?", "Sie zahlen 20 Prozent an."),
    ],
)
def test_a_german_answer_of_the_kind_asked_for_is_known(question: str, answer: str) -> None:
    ask = read(question)
    assert ask.kind is not None
    assert fits(ask.kind, answer, units=ask.units) == 1.0
    assert fits(ask.kind, "Das steht auf der Rückseite.", units=ask.units) < 1.0


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("Ab welchem Alter darf man klettern?", {"klettern"}),
        ("Wie lange im Voraus muss ich stornieren?", {"stornieren"}),
        ("Wen rufe ich bei einem Wasserschaden an?", {"wasserschaden"}),
        ("Komme ich mit dem Kinderwagen rein?", {"kinderwagen"}),
        ("Wie lange warte ich auf den Ausweis?", {"ausweis"}),
        ("Ich habe starke Rückenschmerzen, was soll ich danach tun?", {"rückenschmerzen"}),
        ("Kostet die Endreinigung extra?", {"endreinigung"}),
        ("Wie groß ist die Terrasse?", {"terrasse"}),
        ("Bis wann bekomme ich mein Geld zurück?", set()),
    ],
)
def test_adverbs_and_common_verbs_of_german_name_no_topic(question: str, terms: set[str]) -> None:
    assert {term.word for term in read(question).terms if term.weight == 1.0} == terms


@pytest.mark.parametrize(
    "piece", ["1.500 ", "1.", "zwei und ", "8 bis ", "ein halbes ", "24.12.", "1'000", "einund", "9 Uhr 9 "]
)
def test_long_texts_take_no_longer_than_their_length(piece: str) -> None:
    started = time.thread_time()
    facts(piece * (4000 // len(piece)))
    assert time.thread_time() - started < 2.0
