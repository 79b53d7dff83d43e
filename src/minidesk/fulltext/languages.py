"""How words of languages other than English are cut and stemmed, for the texts of an index and for questions alike."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

ENGLISH = "en"
# What an index is asked for: the languages of which a document may be told. Another one's words are taken as they stand.
LANGUAGES = tuple(
    "ar bg ca cs da de el es et fa fi fr he hi hr hu id it ja ko lt lv nl no pl pt ro ru sk sl sr sv ta th tr uk vi zh".split()  # noqa: SIM905 (a list of 36 strings cannot be read)
)
_STEMMED = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "es": "spanish", "fi": "finnish", "fr": "french",
    "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
# Of these tantivy knows function words; it has no question words among them, for it was made for articles.
_STOPPED = frozenset("da de es fi fr hu it nl no pt ru sv".split())  # noqa: SIM905 (the same)
_ASKING = {
    "de": "wann wo warum wieso weshalb wohin woher wieviel wieviele welche welcher welches welchen welchem habt seid bitte gibts könnt könnte möchte ab bis",
    "es": "cuándo dónde cómo cuánto cuánta cuántos cuántas cuál cuáles quién puedo pueden tienen hay favor",
    "fr": "quand où comment combien pourquoi quel quelle quels quelles puis peut faut avez est",
    "it": "quando dove come quanto quanta quanti quante perché quale quali posso potete avete",
    "nl": "wanneer waar hoe hoeveel waarom welke kunt kan hebben jullie",
    "pl": "kiedy gdzie jak ile dlaczego jaki jaka jakie czy mogę można macie jest są się na do za od po dla przy bez",
    "pt": "quando onde como quanto quanta quantos quantas qual quais quem posso pode têm tem há",
    "tr": "ne nasıl nerede nereden kaç zaman hangi kim mi mı mu mü var bir ve bu için ile",
}
# Languages that write "Krankenkasse" in one word; and the shortest parts that are looked for, in letters of the stem: "Ei"
# ends in many words.
_COMPOUNDING = frozenset({"da", "de", "fi", "hu", "nl", "no", "sv"})
_SHORTEST_END, _SHORTEST_BEGINNING = 4, 5
_UMLAUTS = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
# "zurueck" is "zurück"; after a vowel or q the u is its own ("neue", "bauen", "Quelle").
_SPELT = re.compile(r"ae|oe|(?<![aeiouyq])ue")
# Written without spaces: pairs of signs are their words.
_JOINED = re.compile("[\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word that says what a text is about: as written (lower-cased), and its stem."""

    word: str
    stem: str


@lru_cache(maxsize=8)
def _analyzers(language: str) -> "tuple[tantivy.TextAnalyzer, tantivy.TextAnalyzer]":
    """Words without function words; and a word's stem. Made once because building one costs more than using it."""
    import tantivy

    cut = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.remove_long(60))
    cut = cut.filter(tantivy.Filter.lowercase())
    if language in _STOPPED:
        cut = cut.filter(tantivy.Filter.stopword(_STEMMED[language]))
    if language in _ASKING:
        cut = cut.filter(tantivy.Filter.custom_stopword(_ASKING[language].split()))
    stems = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    if language in _STEMMED:
        stems = stems.filter(tantivy.Filter.stemmer(_STEMMED[language]))
    # Accents go last: the stemmers know their languages with them. A visitor's telephone leaves them out.
    return cut.build(), stems.filter(tantivy.Filter.ascii_fold()).build()


def own_language(language: str | None) -> str | None:
    """The two letters of a language that is analysed by its own rules; None for English and where it is not known."""
    code = (language or "").lower()[:2]
    return code if code in LANGUAGES else None


def words_in(text: str, language: str) -> list[Word]:
    """The words of `text` that say what it is about, in order, repeats kept. Common ones are left out."""
    cut, stems = _analyzers(language)
    kept = cut.analyze(_JOINED.sub(_pairs, text))
    # One call for all: each is a word of letters and digits, and gives one stem.
    found = stems.analyze(" ".join(_folded(word, language) for word in kept))
    return [Word(word, stem) for word, stem in zip(kept, found, strict=True)]


def parts_of(stem: str, language: str) -> Iterator[str]:
    """What a compound may be made of: its ends, the longest first (they say what it is), then its beginnings."""
    if language in _COMPOUNDING:
        yield from (stem[at:] for at in range(2, len(stem) - _SHORTEST_END + 1))
        yield from (stem[:end] for end in range(len(stem) - 2, _SHORTEST_BEGINNING - 1, -1))


def _folded(word: str, language: str) -> str:
    return _SPELT.sub(lambda two: two.group()[0], word.translate(_UMLAUTS)) if language == "de" else word


def _pairs(run: re.Match[str]) -> str:
    signs = run.group()
    return f" {' '.join(signs[at : at + 2] for at in range(max(1, len(signs) - 1)))} "
