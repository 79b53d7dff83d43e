"""How figures are written: the marks inside them, which change with the language, and numbers in words.

`1.500` is one and a half in English and fifteen hundred in most other languages of Europe; `1,500` is the reverse. Which
one is meant tells the text around it. Where that does not, money is told by itself (nobody writes an amount with three
decimals), and any other figure keeps both readings: it equals what is written as it is, and neither of the two.
"""

import re

from minidesk.text.language import language_of

# A point parts the decimals here, and a comma thousands; elsewhere it is the reverse.
_POINT = frozenset(["en", "ja", "zh", "ko", "he"])
_FIGURE = re.compile(
    r"(?<![\w.,'])(?:\d{1,3}(?:[' ]\d{3}){1,4}[.,]\d{1,2}|\d{1,3}(?:'\d{3}){1,4}|\d{1,15}(?:[.,]\d{1,6}){1,5})(?!\d|[.,']\d)"
)
# What makes a reading depend on the language: three digits behind a point or a comma. Blanks and commas mix in a few more.
_DEPENDS = re.compile(r"\d[.,]\d{3}(?!\d)")
_WRITTEN = re.compile(r"\d[.,']\d")
_MONEY_BEFORE = re.compile(r"(?:[€$£¥₹]|\b(?:eur|usd|gbp|chf|s?fr\.?))\s?$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"(?:,[-–]{1,2})?\s?(?:[€$£¥₹]|(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|franken|francs?)\b)",
    re.IGNORECASE,
)
_IS = re.compile(r"\bis\b")
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")


def language_of_figures(text: str) -> str | None:
    """The language that `text` is in, where a figure of it needs that; None as well where it does not tell."""
    # A row is read with an "is" between its cells (`spans.py`), in whichever language it is.
    return language_of(_IS.sub(" ", text)) if _DEPENDS.search(text) else None


def marked(text: str, language: str | None) -> str:
    """`text` with its figures' marks as in English, `1'500.50`; same length. What may be either stays as it is."""
    return _FIGURE.sub(lambda m: _one(m, language), text) if _WRITTEN.search(text) else text


def in_digits(text: str, language: str | None) -> str:
    """`text` with its figures in one form for comparing, `1500.50`; what may be either stays as it is."""
    if not _WRITTEN.search(text):
        return text

    def bare(match: re.Match[str]) -> str:
        same = _one(match, language)
        pointed = "," in match.group() or (language in _POINT and not _is_money(match))
        if pointed and "." in same and _EITHER.fullmatch(same):
            same += "0"  # decimals for whoever reads it alone as well
        return re.sub(r"[' ]", "", same)

    return _FIGURE.sub(bare, text)


def doubtful(written: str, language: str | None, *, money: bool) -> bool:
    """Whether a figure as `marked` left it may be read in two ways."""
    if "," in written or _EITHER.fullmatch(written) is None:
        return False
    return money if language in _POINT else not money and language is None


def _is_money(match: re.Match[str]) -> bool:
    """Whether a currency stands beside the figure."""
    before = match.string[max(0, match.start() - 5) : match.start()]
    return bool(_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(match.string, match.end()))


def _one(match: re.Match[str], language: str | None) -> str:
    """A figure in the form of the same length."""
    written = match.group()
    groups, signs = re.split(r"[.,' ]", written), re.findall(r"[.,' ]", written)
    thousands = all(len(group) == 3 for group in groups[1:-1])
    last = signs[-1]
    if len(signs) > 1 and len(set(signs)) == 1:  # "1.500.000"; anything else is a date, a version
        return "'".join(groups) if thousands and len(groups[-1]) == 3 and len(groups[0]) < 4 else written
    if len(signs) > 1:  # "1.500,00": the last one parts the decimals
        plain = thousands and len(groups[0]) < 4 and len(set(signs[:-1])) == 1 and last in ".,"
        whole = "'".join(groups[:-1])
        return f"{whole}.{groups[-1]}" if plain else written
    if last == "'":
        return written
    if not _EITHER.fullmatch(written):
        return written.replace(",", ".")  # "4,90", "0,750": no language has another reading
    if last == ".":
        known = language is not None or _is_money(match)
        return "'".join(groups) if known and language not in _POINT else written
    as_point = language is not None and language not in _POINT and not _is_money(match)
    return written.replace(",", "." if as_point else "'")
