"""The terms of a question, cut as tantivy cuts the texts it indexes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from minidesk.fulltext.languages import own_language, words_in
from minidesk.text.language import language_of
from minidesk.text.words import STOPWORDS

if TYPE_CHECKING:
    import tantivy

# A visitor's message may have 4,000 characters; terms past these cost time and decide nothing.
MOST_TERMS = 48
# One edit in a shorter word makes another word ("form" and "from").
LEAST_FUZZY = 5
# What the tokenizer leaves of "don't", "it's", "we'll", "you're", "I've".
_SCRAPS = frozenset(
    ["s", "t", "m", "d", "ll", "re", "ve", "don", "didn", "doesn", "isn", "won", "couldn", "wasn"]
)


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a question: as written (lower-cased, accents off), its stem, and the code it is part of, if any."""

    word: str
    stem: str
    code: str | None = None
    others: tuple[tuple[str, ...], ...] = ()  # what else it may be called: the stems of each

    @property
    def fuzzy(self) -> bool:
        """Whether a word one edit away may be meant; never of a number or code, where one digit is everything."""
        return len(self.word) >= LEAST_FUZZY and not any(c.isdigit() for c in self.word)


@lru_cache(maxsize=1)
def _analyzers() -> "tuple[tantivy.TextAnalyzer, tantivy.TextAnalyzer, tantivy.TextAnalyzer]":
    """Words, stems, and words with what joins them; made once because building one costs more than using it."""
    import tantivy

    plain = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.remove_long(60))
    plain = plain.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold())
    return plain.build(), stem_analyzer(), whole_analyzer()


def stem_analyzer() -> "tantivy.TextAnalyzer":
    """Words cut at everything but letters and digits, lower-cased, accents off, stemmed (English Snowball)."""
    import tantivy

    plain = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.remove_long(60))
    plain = plain.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold())
    return plain.filter(tantivy.Filter.stemmer("english")).build()


def whole_analyzer() -> "tantivy.TextAnalyzer":
    """Words as written, lower-cased, accents off; `AB-1234` and `4.90` stay whole."""
    import tantivy

    pattern = tantivy.Tokenizer.regex(r"[\p{L}\p{N}]+(?:[-./_'’][\p{L}\p{N}]+)*")
    plain = tantivy.TextAnalyzerBuilder(pattern).filter(tantivy.Filter.remove_long(60))
    return plain.filter(tantivy.Filter.lowercase()).filter(tantivy.Filter.ascii_fold()).build()


def given_analyzer() -> "tantivy.TextAnalyzer":
    """Stems as they are handed over, a space apart."""
    import tantivy

    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def query_terms(
    text: str, alternates: Mapping[str, Sequence[str]] | None = None, language: str | None = None
) -> list[Term]:
    """The words of `text` that say what it is about, each once, in order; all of them where every word is a common one.

    `alternates`: what else a word (lower case) may be called, each of one or a few words. `language`: by whose rules
    they are cut; None: English.
    """
    plain, _, whole = _analyzers()
    codes: dict[str, str] = {}
    for token in whole.analyze(text):
        parts = plain.analyze(token)
        if any(c.isdigit() for c in token) and len(parts) > 1:
            codes.update({part: token for part in parts if part not in codes})
    terms: list[Term] = []
    given: set[object] = set()
    for word, stem in _telling(text, language)[:MOST_TERMS]:
        bare = (plain.analyze(word) or [word])[0]  # accents off, as codes and typing errors are looked for
        code = codes.get(bare)
        # A code is asked for once, with the first of its parts.
        also = tuple((alternates or {}).get(word, ()))
        # What several words are called together is looked for once, with the first of them.
        others = () if also in given else tuple(_stems(other, language) for other in also)
        terms.append(Term(bare, stem, None if code in given else code, others))
        given |= {code, also}
    return terms


def _telling(text: str, language: str | None) -> list[tuple[str, str]]:
    """The words that say what it is about, and their stems, each once."""
    if language is not None:
        found = words_in(text, language)
        # A question in English about pages in German: its small words stand nowhere there, and would only weigh.
        spoken = language_of(text) == language
        return list(
            dict.fromkeys((one.word, one.stem) for one in found if spoken or one.word not in STOPWORDS)
        )
    plain, stems, _ = _analyzers()
    words = list(dict.fromkeys(plain.analyze(text)))
    spoken_in = own_language(language_of(text))
    if spoken_in is not None:
        # A question in German about pages in English: its small words are none of theirs, and "die" is not a tool.
        kept = set(plain.analyze(" ".join(one.word for one in words_in(text, spoken_in))))
        words = [word for word in words if word in kept] or words
    telling = [word for word in words if word not in STOPWORDS and word not in _SCRAPS] or words
    return [(word, (stems.analyze(word) or [word])[0]) for word in telling]


def _stems(text: str, language: str | None) -> tuple[str, ...]:
    if language is None:
        return tuple(_analyzers()[1].analyze(text))
    return tuple(word.stem for word in words_in(text, language))
