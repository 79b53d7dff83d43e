"""The interface's words."""

import string

import pytest

from minidesk.text.locale import load_texts


def test_every_language_has_every_key_with_the_same_names() -> None:
    texts = load_texts()
    assert texts.locales == ("en", "de")

    def names(value: object) -> set[str | None]:
        forms = value.values() if isinstance(value, dict) else [value]
        return {name for form in forms for _, name, _, _ in string.Formatter().parse(str(form)) if name}

    english, german = texts._catalogues["en"], texts._catalogues["de"]
    assert set(german) == set(english)
    assert {key: names(value) for key, value in german.items()} == {
        key: names(value) for key, value in english.items()
    }


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("de-AT", "de"),
        ("DE_at", "de"),
        ("fr", "en"),
        (None, "en"),
        ("fr-FR, de;q=0.8, en;q=0.5", "de"),
        (";,;q", "en"),
        ("x" * 100_000, "en"),
    ],
)
def test_choosing_a_language(wanted: str | None, chosen: str) -> None:
    assert load_texts().choose(wanted) == chosen


def test_plurals_and_names() -> None:
    texts = load_texts()
    assert texts.t("hours.reply_minutes", "en", n=1) == "A person usually answers within a minute."
    assert (
        texts.t("hours.reply_minutes", "de-AT", n=5) == "Ein Mensch antwortet meist innerhalb von 5 Minuten."
    )
    assert texts.t("hours.tomorrow", "fr", time="9") == "People are back tomorrow at 9."
    assert (
        texts.t("handoff.queued", "en", number=7)
        == "A person from our team will take it from here. Your request has number 7."
    )
    with pytest.raises(KeyError):
        texts.t("no.such.key", "en")
