"""The interface's words."""

import string

import pytest

from minidesk.text.locale import Texts, direction, load_texts, plural_form

LANGUAGES = ("en", "ar", "de", "es", "fr", "he", "it", "ja", "nl", "pl", "pt", "tr")


def test_every_language_has_every_key_with_the_same_names() -> None:
    texts = load_texts()
    assert texts.locales == LANGUAGES

    def names(value: object) -> set[str | None]:
        forms = value.values() if isinstance(value, dict) else [value]
        return {name for form in forms for _, name, _, _ in string.Formatter().parse(str(form)) if name}

    english = texts._catalogues["en"]
    for language in LANGUAGES[1:]:
        own = texts._catalogues[language]
        assert (language, set(own) ^ set(english)) == (language, set())
        wrong = {key for key in english if names(own[key]) - {"n"} != names(english[key]) - {"n"}}
        assert (language, wrong) == (language, set())


# The categories of whole numbers that Unicode CLDR 46 names for each language, without those of millions.
CATEGORIES = {
    "ar": {"zero", "one", "two", "few", "many", "other"},
    "he": {"one", "two", "other"},
    "ja": {"other"},
    "pl": {"one", "few", "many", "other"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_a_form_of_its_own(language: str) -> None:
    texts = load_texts()
    needed = CATEGORIES.get(language, {"one", "other"})
    for n in range(1, 131):
        assert plural_form(language, n) in needed
    for key, text in texts._catalogues[language].items():
        if isinstance(text, dict):
            assert (key, set(text)) == (key, needed)
            # A form for one number may leave it out ("two characters"); the others name it.
            assert all("{n}" in form for name, form in text.items() if name in ("few", "many", "other"))


@pytest.mark.parametrize(
    ("language", "n", "form"),
    [("ar", 0, "zero"), ("ar", 2, "two"), ("ar", 7, "few"), ("ar", 103, "few"), ("ar", 11, "many"), ("ar", 100, "other"), ("ar", 102, "other"),
     ("pl", 1, "one"), ("pl", 3, "few"), ("pl", 13, "many"), ("pl", 22, "few"), ("pl", 112, "many"), ("pl", 21, "many"), ("he", 2, "two"),
     ("fr", 0, "one"), ("de", 0, "other"), ("ja", 1, "other")],
)  # fmt: skip
def test_plural_forms(language: str, n: int, form: str) -> None:
    assert plural_form(language, n) == form


def test_a_part_of_the_texts_is_whole_in_every_language() -> None:
    texts = Texts({"en": {"a.x": "X", "a.y": "Y", "b": "B"}, "de": {"a.x": "EX"}})
    assert texts.part("a.", "de-AT") == {"x": "EX", "y": "Y"}
    assert texts.part("a.", "fr") == {"x": "X", "y": "Y"}


def test_directions() -> None:
    assert [direction(tag) for tag in ("ar", "he-IL", "AR", "en", "", None)] == [
        "rtl",
        "rtl",
        "rtl",
        "ltr",
        "ltr",
        "ltr",
    ]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("de-AT", "de"),
        ("DE_at", "de"),
        ("sv", "en"),
        (None, "en"),
        ("sv-SE, de;q=0.8, en;q=0.5", "de"),
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
    assert texts.t("hours.tomorrow", "sv", time="9") == "People are back tomorrow at 9."
    assert (
        texts.t("handoff.queued", "en", number=7)
        == "A person from our team will take it from here. Your request has number 7."
    )
    with pytest.raises(KeyError):
        texts.t("no.such.key", "en")
