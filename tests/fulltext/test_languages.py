"""Full text in other languages than English: their stems, their small words, their compounds; and English as it was."""

from pathlib import Path

import pytest

from minidesk.fulltext import FullText, TextDoc, TextPage

SITE = "ste_1"
TEXTS = {
    "hours": ("de", "Unsere Sprechzeiten: Mittwoch geschlossen, Freitag von 8:00 bis 13:00."),
    "money": ("de-AT", "Die Kasse erstattet einen Teil. Das Geld kommt nach zwei Wochen zurück."),
    "care": ("de", "Die Fäden ziehen wir nach einer Woche. Artikel AB-1234 liegt bei."),
    "street": ("de", "Die Praxis finden Sie in der Langen Straße."),
    "retour": ("fr", "Vous pouvez retourner les chaussures pendant trente jours."),
    "henpin": ("ja", "商品は三十日以内に返品できます。"),
    "returns": (None, "You can return unworn boots within 30 days."),
    "die": ("en", "Cutting dies and was there a war of roses."),
}


@pytest.fixture
def fulltext(tmp_path: Path) -> FullText:
    """Texts in four languages, a page each."""
    found = FullText(tmp_path)
    docs = [TextDoc(name, name, "", "", "", text, language) for name, (language, text) in TEXTS.items()]
    pages = [TextPage(name, text, language) for name, (language, text) in TEXTS.items()]
    found.rebuild(SITE, [*docs, *pages], 1)
    return found


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Haben Sie am Mittwoch offen?", "hours"),
        ("Wann bekomme ich das Geld zurueck?", "money"),  # as who has no umlauts writes
        ("Zahlt das die Krankenkasse?", "money"),  # a compound that stands nowhere, by its end
        ("Habt ihr Freitagabend auf?", "hours"),  # and by its beginning
        ("Faden", "care"),
        ("ab-1234", "care"),
        ("Strasse", "street"),
        ("Puis-je retourner une chaussure ?", "retour"),
        ("返品は何日以内ですか", "henpin"),
        ("ｒｅｔｕｒｎ my boots", "returns"),  # full-width letters
        ("Mittwcoh", "hours"),  # typing errors
    ],
)
def test_finds_what_was_meant(fulltext: FullText, query: str, first: str) -> None:
    found = fulltext.search(SITE, query, 10)
    assert found.hits[0].id == first
    if query not in ("ab-1234", "Mittwcoh"):  # of pages there are stems only
        assert found.pages[0].id == first


def test_small_words_find_nothing(fulltext: FullText) -> None:
    assert fulltext.search(SITE, "Haben Sie das auch?", 10).pages == []


def test_within_and_changes(fulltext: FullText) -> None:
    assert fulltext.search(SITE, "Mittwoch", 10, within=["care"]).hits == []
    fulltext.apply(SITE, [TextDoc("hours", "hours", "", "", "", "Dienstag", "de")], [], 2, gone=["hours"])
    assert fulltext.search(SITE, "Mittwoch", 10).hits == []
    assert [hit.id for hit in fulltext.search(SITE, "Dienstag", 10).hits] == ["hours"]


def test_english_is_ranked_as_if_there_were_no_languages(tmp_path: Path) -> None:
    """What a document says of its language changes nothing where that is English or not known."""
    ways = []
    for language in ("en", "en-GB", None):
        fulltext = FullText(tmp_path / str(language))
        texts = ["You can return unworn boots within 30 days.", "Boots for the war of roses.", "Die boots."]
        fulltext.rebuild(
            SITE, [TextDoc(f"t{n}", "g", "", "", "", t, language) for n, t in enumerate(texts)], 1
        )
        ways.append(fulltext.search(SITE, "was there a boot to return?", 10).hits)
    assert ways[0] == ways[1] == ways[2]
    assert len(ways[0]) == 3
