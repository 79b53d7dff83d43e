"""Words, stems and sentences, as search, proof and the extractive composer need them."""

import re
from dataclasses import dataclass
from functools import lru_cache

import snowballstemmer

_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")

# English function words: they say nothing about what a sentence is about. Negations are not among them.
STOPWORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below between both but by
    can could did do does doing down during each else few for from further get got had has have having he her here hers him his how i
    if in into is it its itself just let like me more most much my of off on once one only or other our ours out over own please
    same she should so some such than that the their theirs them then there these they this those through to too under
    until up us very was we were what when where which while who whom why will with would you your yours i'm i've i'd i'll it's
    that's what's you're don't doesn't didn't can't hi hello hey thanks thank""".split()  # noqa: SIM905 (a list of 140 strings cannot be read)
)

# A full stop after these ends no sentence.
_ABBREVIATIONS = frozenset(
    [
        "e.g",
        "i.e",
        "etc",
        "approx",
        "mr",
        "mrs",
        "ms",
        "dr",
        "no",
        "nr",
        "vs",
        "st",
        "incl",
        "excl",
        "max",
        "min",
        "tel",
        "art",
        "p",
        "pp",
        "ca",
        "z.b",
        "bzw",
        "d.h",
    ]
)
# A run of full stops is tried at its first sign only, and the space behind a line break up to the next one: without
# these two limits a line of 100,000 dots, or of empty lines with spaces, took minutes.
_BREAK = re.compile(
    r"(?:(?<![.!?…])[.!?…]+[\"'”’)\]]*(?=\s)|\n{2,}|\n(?=[^\S\n]*(?:[-*•–]|\d+[.)])\s)|(?<=:)\n)"
)


# German writes ordinals with a full stop: what follows is a month, or goes on in lower case.
_AFTER_ORDINAL = re.compile(
    r"\s+(?:[a-zäöü]|(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b)"
)


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text at [start, end)."""

    start: int
    end: int
    text: str


def words(text: str) -> list[str]:
    """Lower-cased words; `e-mail`, `4.90` and `don't` stay whole."""
    return [w.lower().replace("’", "'") for w in _WORD.findall(text)]


_LETTERS = re.compile(r"[b-df-hj-np-tv-xz]{2,4}s")


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The English Snowball stem of a lower-cased word, "e-mail" and "email" being one; numbers and codes stay as they are."""
    if any(c.isdigit() for c in word):
        return word
    if len(word) > 3 and word[1] == "-":
        word = word[0] + word[2:]  # "t-shirt" is "tshirt", too
    if _LETTERS.fullmatch(word):
        return word[:-1]  # "DVDs": Snowball takes an s away behind a vowel only
    # A stemmer object is not thread-safe, so each call makes its own (2 µs); the cache takes the rest.
    return str(snowballstemmer.stemmer("english").stemWord(word))


# Of the languages besides English whose words are compared here: Snowball's names for them.
_SNOWBALL = {
    "ar": "arabic", "de": "german", "es": "spanish", "fr": "french", "it": "italian", "nl": "dutch", "pt": "portuguese",
    "ru": "russian", "tr": "turkish",
}  # fmt: skip


@lru_cache(maxsize=65_536)
def stem_in(word: str, language: str | None) -> str:
    """The Snowball stem of a lower-cased word in this language; the English one (`stem`) where there is none for it."""
    name = _SNOWBALL.get(language or "")
    return stem(word) if name is None else str(snowballstemmer.stemmer(name).stemWord(word))


def content_stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, repeats kept."""
    return [stem(w) for w in words(text) if w not in STOPWORDS]


def sentences(text: str) -> list[Span]:
    """Sentences, list items and lines of `text` with their offsets; whitespace at the edges is left out.

    Rule-based: full stops after known abbreviations, initials and in numbers end nothing.
    """
    spans: list[Span] = []
    start = 0
    for match in _BREAK.finditer(text):
        if match.group().startswith(".") and _is_abbreviation(text, match.start()):
            continue
        _add(spans, text, start, match.end())
        start = match.end()
    _add(spans, text, start, len(text))
    return spans


def _is_abbreviation(text: str, dot: int) -> bool:
    word = re.search(r"[\w.]*$", text[max(0, dot - 12) : dot])
    before = word.group().lower() if word else ""
    if re.fullmatch(r"\d{1,2}(?:\.\d{1,2})?", before) and _AFTER_ORDINAL.match(text, dot + 1):
        return True  # "24. Dezember", "am 24. und 31."
    if re.fullmatch(r"(?:[a-z]\.)+[a-z]", before) and re.match(r"\.\s+[a-z]", text[dot:]):
        return True  # "U.S. credit cards"; in front of a capital it may be an end
    # A lone letter is an initial; a lone number starts an ordered item ("1. Open …").
    return (
        before in _ABBREVIATIONS
        or (len(before) == 1 and before.isalpha())
        or (before.isdigit() and text[max(0, dot - len(before) - 1) : dot - len(before)] in ("", "\n"))
    )


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if end > start:
        spans.append(Span(start, end, text[start:end]))


def distance(a: str, b: str) -> int:
    """Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        current = [i]
        for j, y in enumerate(b, start=1):
            cost = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, row = row, current
    return row[-1]
