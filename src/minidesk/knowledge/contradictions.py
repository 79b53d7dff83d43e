"""Do two sentences that are about the same thing say two different things of it? Rules over words; no model.

They look for what can be told from the words alone: other figures for the same unit (30 days and 14 days, €4.90 and
€5.90), and a "not" on one side only. What is said in other words and without a figure is not found.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

from minidesk.text.words import content_stems, stem

# Measured on the sample shop, 226 pages of product help and hand-written pairs (tests/knowledge/test_duplicates.py).
# Words in common (of all that either has) from which two sentences with different figures are about one thing.
SHARED_FIGURES = 0.5
# Fewer words in common ("We answer within …") are about whatever the page is about.
SHARED_LEAST = 2
# A "not" is in half of all sentences; more has to agree before it means anything.
SHARED_NEGATION = 0.65
# A sentence with more figures is a row of a table, which names another article.
MOST_FIGURES = 3
_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12,
}  # fmt: skip
_IN_WORDS = re.compile(
    rf"\b({'|'.join(_WORDS)})\b(?=[ -](?:\w+ )?(?:minute|hour|day|week|month|year|per ?cent|euro|piece|item|article|person|people))"
)
# Spans of time in hours, so that two weeks are 14 days and three years 36 months.
_HOURS = {"minut": 1 / 60, "hour": 1, "day": 24, "week": 168, "month": 730, "year": 8760}
# A month is 30 or 31 days, and nobody contradicts themselves by that.
_NEARLY = 0.03
# Begun at the first digit of a run, and not longer than a figure is: begun at each, a page of 60,000 zeros took minutes.
_NUMBER = r"(?<!\d)(\d{1,15}(?:[.,]\d{1,15})?)"
_MONEY = (
    re.compile(rf"(?:€|eur|\$|usd|£|gbp|chf) ?{_NUMBER}"),
    re.compile(rf"{_NUMBER} ?(?:€|eur\b|euros?\b|dollars?\b|usd\b|pounds?\b|chf\b|francs?\b)"),
)
_PERCENT = re.compile(rf"{_NUMBER} ?(?:%|per ?cent\b)")
_COUNTED = re.compile(
    rf"(?<![\w.,:€$£]){_NUMBER}[ -](?:(?:business|working|calendar|full|more|consecutive) )?([a-z°]{{2,}})"
)
_NO_UNIT = frozenset(
    "to or and of in at for from by on per is are am pm the if as with than eur euro euros chf usd percent".split()  # noqa: SIM905 (a list of 25 strings cannot be read)
)
_NEGATION = re.compile(
    r"\b(?:not|no|never|cannot|can't|don't|doesn't|didn't|won't|isn't|aren't|without|neither|nor|unable|impossible)\b"
)
# "Only in Austria" and "not outside Austria" say the same: with these a "not" proves nothing.
# Words that say nothing of what a sentence is about.
_EMPTY = frozenset(
    ("not", "no", "never", "cannot", "can't", "don't", "doesn't", "won't", "isn't", "aren't", "within")
)
_NUMBERED = re.compile(
    r"\b(size|model|type|no\.?|number|version|article|section|step|level|class|part) (\d+)"
)
_LIMITS = re.compile(r"\b(?:only|outside|except|unless|other than|apart from|but)\b")


Figures = Mapping[str, Mapping[float, str]]  # by unit: value → as it was said


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text; `differs`: the other text has something else there."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What two sentences contradict each other in, in words."""

    why: str
    negation: bool = False  # only a "not" differs: weaker evidence than other figures


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence with all that is compared of it, read once for many comparisons."""

    text: str
    plain: str
    stems: tuple[str, ...]
    subject: frozenset[str]  # what it is about: no figures, units of time, or words of the rules below
    names: frozenset[str]
    numbered: frozenset[str]  # "size 42"
    figures: Figures


def read(sentence: str) -> Said:
    """Take a sentence apart."""
    plain = _plain(sentence)
    stems = tuple(content_stems(plain))
    subject = frozenset(word for word in stems if not any(c.isdigit() for c in word)) - _HOURS.keys() - _EMPTY
    return Said(sentence, plain, stems, subject, _names(sentence), _numbered(sentence), figures(sentence))


def disagreement(first: Said, second: Said) -> Disagreement | None:
    """What two sentences contradict each other in; None where nothing is found."""
    same = first.subject & second.subject
    shared = len(same) / max(1, len(first.subject | second.subject))
    if shared < SHARED_FIGURES or len(same) < SHARED_LEAST:
        return None
    why = _other_figures(first.figures, second.figures)
    negation = why is None and shared >= SHARED_NEGATION
    if negation:
        why = _negated(first.plain, second.plain)
    if why is None or _of_different_things(first, second):
        return None
    return Disagreement(why, negation)


def _other_figures(mine: Figures, theirs: Figures) -> str | None:
    if max(sum(map(len, found.values())) for found in (mine, theirs)) > MOST_FIGURES:
        return None
    for unit, values in mine.items():
        if unit in theirs and not _overlap(values, theirs[unit]):
            return " ≠ ".join(" / ".join(said[unit].values()) for said in (mine, theirs))[:300]
    return None


def _overlap(one: Iterable[float], other: Iterable[float]) -> bool:
    """Whether a figure stands on both sides."""
    found = list(other)
    return any(abs(a - b) <= _NEARLY * max(a, b) for a in one for b in found)


def figures(sentence: str) -> Figures:
    """The figures of a sentence by unit: money, percent, hours, or the stem of what is counted; each with its words."""
    text = _plain(sentence)
    found: dict[str, dict[float, str]] = {}
    for pattern in _MONEY:
        for match in pattern.finditer(text):
            found.setdefault("money", {})[_value(match[1])] = match[0].strip()
    for match in _PERCENT.finditer(text):
        found.setdefault("percent", {})[_value(match[1])] = match[0]
    for match in _COUNTED.finditer(text):
        unit = stem(match[2])
        if match[2] in _NO_UNIT:
            continue
        hours = _HOURS.get(unit)
        value = _value(match[1])
        found.setdefault("hours" if hours else unit, {})[round(value * (hours or 1), 3)] = match[0]
    return found


def pieces(first: str, second: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts, cut where they differ, so that a page can mark the words."""
    mine, theirs = (re.findall(r"\s+|[\w.,€$£%-]*\w[%€]?|[^\w\s]", text) for text in (first, second))
    matcher = SequenceMatcher(None, [w.lower() for w in mine], [w.lower() for w in theirs], autojunk=False)
    left: list[Piece] = []
    right: list[Piece] = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if b > a:
            left.append(Piece("".join(mine[a:b]), kind != "equal"))
        if d > c:
            right.append(Piece("".join(theirs[c:d]), kind != "equal"))
    return tuple(left), tuple(right)


def _plain(text: str) -> str:
    """Lower case, straight apostrophes, "two weeks" as "2 weeks", 1,000 as 1000."""
    text = text.lower().replace("’", "'").replace(" ", " ")
    text = _IN_WORDS.sub(lambda match: str(_WORDS[match[1]]), text)
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)


def _value(number: str) -> float:
    return round(float(number.replace(",", ".")), 3)


def _of_different_things(first: Said, second: Said) -> bool:
    """Whether both have a name, number or describing word in the same place, and not the same one.

    Germany and Austria, size 42 and size 44, *standard* delivery and *express* delivery.
    """
    for mine, theirs in ((first.names, second.names), (first.numbered, second.numbered)):
        if mine - theirs and theirs - mine:
            return True
    same = first.subject & second.subject
    return bool(_describing(first, second, same) & _describing(second, first, same))


def _describing(one: Said, other: Said, same: frozenset[str]) -> set[str]:
    """What both speak of and only `one` describes: "delivery", of "express delivery"."""
    return {
        after
        for word, after in pairwise(one.stems)
        if after in same and _isword(word) and word not in other.stems
    }


def _isword(word: str) -> bool:
    return word.isalpha() and word not in _EMPTY and word not in _HOURS


def _names(text: str) -> frozenset[str]:
    """Words with a capital that do not begin the sentence."""
    return frozenset(match.lower() for match in re.findall(r"(?<=[a-z0-9,;] )[A-Z][\w-]+", text))


def _numbered(text: str) -> frozenset[str]:
    return frozenset(" ".join(match) for match in _NUMBERED.findall(text.lower()))


def _negated(one: str, other: str) -> str | None:
    if _LIMITS.search(one) or _LIMITS.search(other):
        return None
    mine, theirs = _NEGATION.findall(one), _NEGATION.findall(other)
    # Two of them in a sentence belong to two statements, or cancel out.
    return f"“{(mine or theirs)[0]}”" if len(mine) + len(theirs) == 1 else None


def same_text(first: str, second: str) -> float:
    """How much of two texts is the same, word by word, 0 to 1."""
    return SequenceMatcher(None, content_stems(first), content_stems(second), autojunk=False).ratio()


def has_words(text: str, least: int) -> bool:
    """Whether it holds so many words: lists of numbers and addresses look alike and mean nothing."""
    return sum(1 for word in content_stems(text) if word.isalpha()) >= least
