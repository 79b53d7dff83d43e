"""What a rewritten or translated text must have kept: figures, amounts, dates, addresses, codes, names."""

import pytest

from minidesk.answering.kept import changed


@pytest.mark.parametrize(
    ("source", "result"),
    [
        (
            "You get €1,000.50 back within 5 days, at 5 pm on 3 March 2026.",
            "Sie bekommen 1.000,50 € innerhalb von 5 Tagen zurück, um 17 Uhr am 3. März 2026.",
        ),
        (
            "Your order AG-10234 costs 4.90 EUR, see https://a.example/x.",
            "Ihre Bestellung AG-10234 kostet 4,90 EUR, siehe https://a.example/x.",
        ),
        ("DHL brings it on 03.04.2026 (20 %).", "DHL bringt es am 03.04.2026 (20 Prozent)."),
        ("Open 9:00 to 17:30", "Geöffnet 9:00 bis 17:30 Uhr"),
        ("Call +43 1 234 5678", "Rufen Sie +43 1 234 5678 an"),
        ("The 2nd parcel may take 3 days", "Das 2. Paket kann 3 Tage dauern"),
        ("1 000 items", "1.000 Stück"),
        ("Le colis part le 4 mai", "The parcel leaves on 4 May"),
    ],
)
def test_another_language_writes_the_same_figures_otherwise(source: str, result: str) -> None:
    assert changed(source, result, translated=True) == ()


@pytest.mark.parametrize(
    ("source", "result", "said"),
    [
        ("It costs €4.90", "Es kostet €49", "€4.90"),
        ("in 5 days", "in 6 Tagen", "5"),
        ("order AG-10234", "Bestellung AG-10235", "AG-10234"),
        ("on 3 March", "am 3. Mai", "3 March"),
        ("€5", "$5", "€5"),
        ("call DHL", "UPS anrufen", "DHL"),
        ("at 5 pm", "um 5 Uhr", "5 pm"),
        ("write to a@b.example", "schreiben Sie an a@c.example", "a@b.example"),
        ("see https://a.example/x", "siehe https://a.example/y", "https://a.example/x"),
        ("We thank you", "Wir danken Ihnen für 2 Käufe", "2"),
        ("in the Alder Rain Cape now", "im Regencape jetzt", "Alder Rain Cape"),
    ],
)
def test_what_was_changed_is_named(source: str, result: str, said: str) -> None:
    assert said in changed(source, result, translated=True)


def test_in_one_language_units_count_and_names_of_people_stay() -> None:
    assert changed("We send it within 30 days.", "We send it within 30 weeks.") == ("30 days", "30 weeks")
    assert changed("Hi Ana, you have 14 days.", "Ana, you have 14 days!", names=["Ana"]) == ()
    assert changed("Hi Ana, yes.", "Yes.", names=["Ana", "Mara"]) == ("Ana",)
    assert changed("One moment please", "Please wait") == ()
