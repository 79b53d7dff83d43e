"""Which language a text is in: told by its small words, or not at all."""

import json
from pathlib import Path

import pytest

from minidesk.text.language import language_of, written_in

KNOWLEDGE = Path(__file__).resolve().parents[2] / "knowledge"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Bieten Sie Hypnose an?", "de"), ("Habt ihr Ski?", "de"), ("Was kostet eine Zahnspange", "de"), ("Rückgabe", "de"), ("Wann habt ihr offen?", "de"),
        ("Do you ship to Curaçao?", "en"), ("what's the price", "en"), ("is it worth it", "en"),
        ("Combien coûte la livraison ?", "fr"), ("Livrez-vous en Suisse ?", "fr"), ("¿Cuánto cuesta el envío?", "es"), ("Quiero hablar con una persona", "es"),
        ("Quanto costa la spedizione?", "it"), ("Vorrei parlare con un operatore", "it"), ("Wat kost verzending?", "nl"), ("Heeft u tenten?", "nl"),
        ("Ile kosztuje wysyłka?", "pl"), ("Quanto custa o frete?", "pt"), ("Kargo ücreti ne kadar?", "tr"),
        ("كم تكلفة الشحن؟", "ar"), ("כמה עולה משלוח", "he"), ("配送料はいくらですか", "ja"), ("运费多少", "zh"), ("Сколько стоит доставка?", "ru"),
        ("express", None), ("in 2 kg", None), ("", None), ("Nordkette", None), ("Hypnose?", None), ("las vegas", None), ("Size 42 2/3 = UK 8.5", None),
    ],
)  # fmt: skip
def test_a_message_tells_its_language_or_none(text: str, language: str | None) -> None:
    assert language_of(text) == language


def test_english_messages_are_never_taken_for_another_language() -> None:
    lines = (KNOWLEDGE / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    taken = {language_of(json.loads(line)["question"]) for line in lines}
    assert taken <= {"en", None}


def test_a_document_needs_more_than_a_word() -> None:
    page = "Die Fäden ziehen wir nach einer Woche. Mit starken Schmerzen kommen Sie ohne Termin um 8 Uhr, und wir helfen Ihnen."
    assert written_in(page) == "de"
    assert (
        written_in("You can return what you bought from us within 30 days, and we refund the price.") == "en"
    )
    assert written_in("Latte macchiato con panna | 4,20 €") is None
    assert (
        written_in(
            f"{page} You can return what you bought from us, and we refund the price. It is on our site."
        )
        is None
    )
    assert written_in("") is None
