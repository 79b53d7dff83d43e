"""Telephone numbers as visitors write them, and numbers of other things."""

import pytest

from minidesk.text.phones import countries_of, phone_spans

ANYWHERE = [
    *("0664 1234567", "0512 987 654", "0664/1234567", "06641234567", "0664.123.45.67", "(0664) 1234567"),
    *(
        "0043 664 1234567",
        "0049 151 23456789",
        "00 43 664 1234567",
        "+43 (0)664 / 123 45 67",
        "+1 415 555 2671",
    ),
    *(
        "(415) 555-2671",
        "415-555-2671",
        "1-415-555-2671",
        "07700 900123",
        "020 7946 0018",
        "06 12 34 56 78",
        "06.12.34.56.78",
    ),
    *("０６６４ １２３４５６７", "0 6 6 4 1 2 3 4 5 6 7", "+99 1234 5678"),
]
BESIDE_A_WORD = [
    ("tel 987 6543", "987 6543"),
    ("mein Handy: 12345678", "12345678"),
    ("12345678 is my phone", "12345678"),
    ("unter 1234567 erreichbar", "1234567"),
    ("please return my call: 555 2671", "555 2671"),
    ("ruf mich an 699 12345678", "699 12345678"),
    ("my number is 4155552671", "4155552671"),
    ("Mobil 664-1234567, danke", "664-1234567"),
    ("Mon téléphone est le 612345678", "612345678"),
    ("mi móvil es 612345678", "612345678"),
    ("Order 20431877, phone 512987654", "512987654"),
    ("Can I return articles? 0043 664 1234567", "0043 664 1234567"),
    ("電話 312345678", "312345678"),
    ("電話番号は312345678です", "312345678"),
    ("전화는 312345678 입니다", "312345678"),
    ("мой телефон 9123456", "9123456"),
    ("подзвоніть 9123456", "9123456"),
    ("volejte prosím 6011234", "6011234"),
    ("το τηλέφωνό μου 6912345", "6912345"),
    ("הטלפון שלי 5412345", "5412345"),
    ("هاتفي 5012345", "5012345"),
]
WITH_MORE = [
    ("0664 1234567 2 Stück bitte", "0664 1234567"),
    ("order 4711 and 0664 1234567", "0664 1234567"),
    ("+43 664 1234567 2 Stück", "+43 664 1234567"),
    ("Call from 0512 987 654 came, is that yours?", "0512 987 654"),
]
OTHERS = [
    *(
        "order 20431877",
        "My order is 20431877, please call me back",
        "Call me about order 12345678",
        "20431877",
        "123456789012",
    ),
    *(
        "Bestellung 100234567",
        "Bestellnummer 0664123456",
        "Rechnung Nr. 0512987654",
        "tracking number is 1234567890",
    ),
    *(
        "Artikel 0123456789",
        "Art.-Nr. 4006381333931",
        "EAN 4006381333931",
        "phone case article 12345678",
        "LZ-20001234567",
        "#0664123456",
    ),
    *(
        "1 299 000 €",
        "€ 5 000 000",
        "5.000.000 Euro",
        "It costs €1,249.90 and weighs 1 240 g, size 42.",
        "call for 1 250 000,50",
    ),
    *(
        "born 12.03.1980",
        "2026-03-02 to 2026-04-01",
        "call me on 12.03.2026 between 9-17",
        "call me in 2025-2026",
        "ring 03/12/2026",
    ),
    *(
        "Opening hours 09:00-17:00, 1010 Wien",
        "Parcel 00340434161094042557",
        "AT61 1904 3002 3457 3202 is no IBAN",
    ),
    *("注文番号 1234567890 はどこですか。電話します", "订单13812345678在哪里"),
    *("Is order 12345678 here? Please call me", "The battery of my phone has 5 000 000 mAh"),
]
GERMAN, ENGLISH = countries_of("de"), countries_of("en")


def found(text: str, countries: tuple[str, ...] = ()) -> list[str]:
    return [text[start:end] for start, end in phone_spans(text, countries)]


@pytest.mark.parametrize("countries", [(), GERMAN, ENGLISH], ids=["nowhere", "de", "en"])
@pytest.mark.parametrize(
    ("text", "number"),
    [*((text, text) for text in ANYWHERE), *BESIDE_A_WORD, *WITH_MORE],
)
def test_a_number_is_found_whole(text: str, number: str, countries: tuple[str, ...]) -> None:
    assert found(text, countries) == [number]


@pytest.mark.parametrize(
    "countries", [(), GERMAN, ENGLISH, countries_of("es")], ids=["nowhere", "de", "en", "es"]
)
@pytest.mark.parametrize("text", OTHERS)
def test_numbers_of_other_things_are_none(text: str, countries: tuple[str, ...]) -> None:
    assert found(text, countries) == []


def test_numbers_without_a_zero_are_told_by_the_country() -> None:
    assert found("612 34 56 78") == []
    assert found("612 34 56 78", countries_of("es")) == ["612 34 56 78"]
    assert found("22 12 34 56", countries_of("nb")) == ["22 12 34 56"]
    assert found("612345678", countries_of("es")) == []  # an order's number looks the same


def test_where_visitors_dial_from_is_told_by_locale_languages_and_time_zone() -> None:
    assert countries_of() == ()
    assert countries_of("de-AT") == ("AT", "DE", "CH")
    assert countries_of("xx", ("en",), "Europe/Warsaw") == ("GB", "US", "IE", "PL")
    assert countries_of(None, (), "UTC") == ()
