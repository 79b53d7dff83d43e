"""Facts in a text in one written form: amounts, times, dates, durations, measures, codes, contacts.

`"€1,000"`, `"1 000 EUR"` and `"1000 euros"` give the same fact; so do `"two weeks"` and `"14 days"`, and
`"9 am"` and `"09:00"`. Units that are equal only roughly (a month and 30 days, a year and 52 weeks) stay
apart, and working days never equal days. English and German are read (`figures_german.py`); what a point
or a comma inside a figure means depends on the language around it (`figures.py`).
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

from minidesk.answering import figures_german as german
from minidesk.answering.figures import doubtful, language_of_figures, marked

FactKind = Literal[
    "money",
    "percent",
    "time",
    "date",
    "year",
    "duration",
    "measure",
    "number",
    "code",
    "email",
    "link",
    "phone",
]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact in its canonical form; two are equal exactly when `kind` and `value` are."""

    kind: FactKind
    value: str
    start: int
    end: int
    noun: str = ""  # the word after a bare number: 30 *boxes* is not 30 days

    @property
    def key(self) -> tuple[str, str]:
        """What is compared."""
        return (self.kind, self.value)


_SMALL = {
    word: n
    for n, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
}
_ENGLISH_NUMBERS = "|".join(_SMALL)
_SMALL |= german.NUMBERS
_MONTHS = {
    name: n
    for n, names in enumerate(
        ["january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"], start=1)
    for name in names.split()
} | german.MONTHS  # fmt: skip
_CURRENCY = german.CURRENCY | {
    "€": "eur", "eur": "eur", "euro": "eur", "euros": "eur", "$": "usd", "usd": "usd", "dollar": "usd", "dollars": "usd",
    "£": "gbp", "gbp": "gbp", "pound": "gbp", "pounds": "gbp", "chf": "chf", "franc": "chf", "francs": "chf", "¥": "jpy",
    "₹": "inr", "rs": "inr", "inr": "inr", "cent": "cent", "cents": "cent",
    "ct": "cent", "rappen": "rappen", "p": "penny", "pence": "penny", "penny": "penny",
}  # fmt: skip
# Factor to the base unit; only where equality is exact.
_DURATION = german.DURATION | {
    "second": ("min", 1 / 60), "sec": ("min", 1 / 60), "minute": ("min", 1), "min": ("min", 1), "hour": ("min", 60), "hr": ("min", 60),
    "h": ("min", 60), "day": ("min", 1440), "week": ("min", 10080), "month": ("month", 1), "year": ("month", 12), "yr": ("month", 12),
    "night": ("night", 1), "nights": ("night", 1),
}  # fmt: skip
_MEASURE = german.MEASURE | {
    "kg": ("g", 1000), "kilo": ("g", 1000), "kilogram": ("g", 1000), "g": ("g", 1), "gram": ("g", 1), "mg": ("g", 0.001), "lb": ("lb", 1),
    "km": ("m", 1000), "kilometre": ("m", 1000), "kilometer": ("m", 1000), "m": ("m", 1), "metre": ("m", 1), "meter": ("m", 1),
    "cm": ("m", 0.01), "centimetre": ("m", 0.01), "centimeter": ("m", 0.01), "mm": ("m", 0.001), "millimetre": ("m", 0.001),
    "mile": ("mile", 1), "inch": ("inch", 1), "inche": ("inch", 1), "l": ("l", 1), "litre": ("l", 1), "liter": ("l", 1), "ml": ("l", 0.001),
    "°c": ("°c", 1), "°f": ("°f", 1), "°": ("°", 1), "degree": ("°", 1), "w": ("w", 1), "watt": ("w", 1), "kw": ("w", 1000), "v": ("v", 1),
    "mb": ("b", 1e6), "gb": ("b", 1e9), "kb": ("b", 1e3), "tb": ("b", 1e12), "km/h": ("km/h", 1), "mph": ("mph", 1),
}  # fmt: skip
_WORKING = r"(?:(?P<working>working|business|banking|bank|work)\s+)?"
# Bounded, and never started inside a number: a message of 4,000 digits must not cost seconds.
_NUM = r"(?<!\d)(?:\d{1,3}(?:[,' ]\d{3}){1,4}(?:\.\d{1,6})?(?!\d)|\d{1,15}(?!\d)(?:[.,]\d{1,6}(?!\d))?)"
_WORDNUM = rf"\b(?:{_ENGLISH_NUMBERS}|{german.NUMBER_PATTERN})\b"
_CUR = r"€|\$|£|¥|₹|\b(?:eur|usd|gbp|chf|sfr|inr|rs)\b|\b(?:s?fr)\.(?=\s?\d)"
_CUR_AFTER = r"€|\$|£|\b(?:eur|euros?|usd|dollars?|gbp|pounds?|chf|francs?|rs|inr|cents?|ct|rappen|pence|penny|franken|pfund|sfr)\b"
# "30p", "5 p", not "12 p.m." nor "1080p"; a page's number ("p 5") stands behind.
_PENCE = re.compile(r"(?<![\w.,])(?P<before>\d{1,2})\s?p\b(?![.:]?\s?\w*\d|\.m)", re.IGNORECASE)
_HUNDREDTH = {"penny": "gbp", "rappen": "chf"}  # the others are a hundredth of more than one
_UNITS = "|".join(sorted((re.escape(u) for u in (*_DURATION, *_MEASURE)), key=len, reverse=True))
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_LINK = re.compile(
    r"\b(?:https?://[^\s<>()\[\]\"']+|www\.[^\s<>()\[\]\"']+|(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,6}(?:com|org|net|io|example|at|de|ch|eu|co|uk|dev|app)\b(?:/[^\s<>()\[\]\"']*)?)",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.])(?:\+|00)\d[\d /()-]{6,18}\d|(?<![\w.,])0\d{2,5}[ /-]\d[\d /-]{4,14}\d")
_DATE_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_DATE_DM = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?({_MONTH})\b\.?(?:,?\s+(\d{{4}}))?", re.IGNORECASE
)
_DATE_MD = re.compile(
    rf"\b({_MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*(?:{_UNITS})\b)(?:,?\s+(\d{{4}}))?", re.IGNORECASE
)
# The first of two days of a month: "24 and 31 December".
_DATE_PAIR = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\.?\s*(?:and|or|to|until|und|oder|bis|sowie|-|–)\s*(?=\d{{1,2}}(?:st|nd|rd|th)?\.?\s+(?:of\s+)?({_MONTH})\b)",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(\d{1,2})(?:[:.](\d{2}))?\s*(a\.?m\.?|p\.?m\.?|o'clock)(?![a-z])|\b([01]?\d|2[0-4]):([0-5]\d)\b",
    re.IGNORECASE,
)
# "After a week" is after one; "€18 a day" is no time.
_A_WEEK = re.compile(
    r"\b(?:after|within|in|for)\s+(?:about\s+)?an?\s+(hour|day|week|month|year)\b", re.IGNORECASE
)
# An age is counted in years where nothing else is said.
_AGE = re.compile(rf"\b(?:age of|aged|age)\s+(\d{{1,3}})\b(?!\s*(?:{_UNITS}|to|-|–))", re.IGNORECASE)
_TIME_WORD = re.compile(r"\b(noon|midday|midnight|mitternacht)\b", re.IGNORECASE)
_CLOCKS = tuple(
    re.compile(form.format(words=german.NUMBER_PATTERN), re.IGNORECASE)
    for form in (german.CLOCK_BEFORE, german.CLOCK)
)
_DAY_AND_MONTH = re.compile(r"\d\.\s?\d{1,2}\.")
_DATES_IN_FIGURES = tuple(re.compile(form) for form in (german.DATE, german.DATE_SHORT))
_ONE_LASTS = re.compile(german.A_WEEK, re.IGNORECASE)
_HALF = re.compile(german.HALF, re.IGNORECASE)
_LASTING = re.compile(rf"(?P<n>{_NUM}|\b{german.NUMBER_PATTERN})-?{german.LASTING}", re.IGNORECASE)
_SO_OFTEN = re.compile(german.TIMES, re.IGNORECASE)
_RANGE = re.compile(
    rf"(?P<a>{_NUM}|{_WORDNUM})\s*(?:-|–|—|to|or|and|bis|und|oder)\s*(?=(?P<b>{_NUM}|{_WORDNUM}))",
    re.IGNORECASE,
)
_MONEY = re.compile(
    rf"(?:{_CUR})\s*(?P<after>{_NUM})|(?P<before>{_NUM}|{_WORDNUM})(?:[.,][-–]{{1,2}})?\s*(?:{_CUR_AFTER})",
    re.IGNORECASE,
)
_PERCENT = re.compile(rf"(?P<n>{_NUM}|{_WORDNUM})\s*(?:%|percent\b|per cent\b|prozent\b)", re.IGNORECASE)
_QUANTITY = re.compile(
    rf"(?P<n>(?:(?<![\w.])-)?(?:{_NUM})|{_WORDNUM})\s*-?{_WORKING}(?P<unit>{_UNITS})(?:s|es)?(?![\w/])",
    re.IGNORECASE,
)
_NUMBER = re.compile(rf"(?<![\w.])(?P<n>{_NUM}|{_WORDNUM})(?:\s+(?P<noun>[^\W\d_][\w-]*))?", re.IGNORECASE)
_CODE = re.compile(
    r"\b(?=[\w+/-]{0,40}\d)(?=[\w+/-]{0,40}[A-Za-z])[A-Za-z0-9]{1,40}(?:[-+/][A-Za-z0-9]{1,40}){0,8}\b|\b[A-Z]{2,}[A-Z0-9]*\b"
)
_ORDINAL = re.compile(r"^\d+(?:st|nd|rd|th)$", re.IGNORECASE)
_FOREIGN = re.compile(r"[^\x00-\x7f]")
_SPACES = {ord(c): " " for c in "\u00a0\u2007\u2009\u200a\u202f"} | {
    ord("−"): "-",
    ord("’"): "'",
    ord("‑"): "-",
}


def plain(text: str) -> str:
    """Same length, but thin and fixed spaces, minus and apostrophe as on a keyboard: offsets stay true."""
    # Most texts are ASCII, of which nothing is folded: letter by letter this took a tenth of a sentence's proof.
    return text if text.isascii() else _FOREIGN.sub(_folded, text.translate(_SPACES))


def _folded(match: re.Match[str]) -> str:
    letter = unicodedata.normalize("NFKC", match.group())
    return letter if len(letter) == 1 else match.group()


def number(written: str) -> float:
    """`1,000` → 1000, `4,90` → 4.9 (two decimals after a comma), `two` → 2."""
    low = written.lower()
    if low in _SMALL:
        return float(_SMALL[low])
    if re.fullmatch(r"-?\d+,\d{1,2}", low):
        return float(low.replace(",", "."))
    return float(re.sub(r"[,' ]", "", low))


def _show(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"


def _of(base: str, factor: float, value: float) -> str:
    return f"{base} {_show(value * factor)}"


class _Scan:
    """One pass a kind, strongest first; what a kind has taken is blanked for the ones after it."""

    def __init__(self, text: str, language: str | None) -> None:
        self.text = marked(plain(text), language)
        self.low = self.text.lower()
        self.language = language
        self.facts: list[Fact] = []

    def add(self, kind: FactKind, value: str, start: int, end: int, noun: str = "") -> None:
        self.facts.append(Fact(kind, value, start, end, noun))

    def blank(self, start: int, end: int) -> None:
        self.text = self.text[:start] + " " * (end - start) + self.text[end:]

    def has(self, *parts: str) -> bool:
        """Whether one of these stands in the text at all: most patterns need one, and most texts have none."""
        return any(part in self.low for part in parts)

    def take(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        found = list(pattern.finditer(self.text))
        for match in found:
            self.blank(match.start(), match.end())
        return found


def facts(text: str, language: str | None = None) -> list[Fact]:
    """Every fact of `text`, in order of position; offsets count its characters.

    `language`: what it is written in, where the caller knows more than the text itself tells.
    """
    return list(_facts(text, language))


# The rules of the proof ask for the facts of the same few texts some thirty times a sentence: they were 40 % of its time.
@lru_cache(maxsize=4_096)
def _facts(text: str, language: str | None) -> tuple[Fact, ...]:
    scan = _Scan(text, language or language_of_figures(text))
    for match in scan.take(_EMAIL):
        scan.add("email", match.group().lower().rstrip("."), match.start(), match.end())
    for match in scan.take(_LINK):
        value = re.sub(r"^https?://(www\.)?|^www\.", "", match.group().lower()).rstrip("/.,;:!?")
        scan.add("link", value, match.start(), match.end())
    for match in scan.take(_PHONE):
        scan.add("phone", re.sub(r"\D", "", match.group()).lstrip("0"), match.start(), match.end())
    _dates(scan)
    _times(scan)
    _ages(scan)
    _single(scan)
    _counted(scan)
    _amounts(scan)
    _rest(scan)
    return tuple(sorted(scan.facts, key=lambda fact: fact.start))


def _dates(scan: _Scan) -> None:
    for match in scan.take(_DATE_ISO):
        scan.add("date", f"{int(match[2])}-{int(match[3])}", match.start(), match.end())
        scan.add("year", match[1], match.start(), match.end())
    for form in _DATES_IN_FIGURES if _DAY_AND_MONTH.search(scan.text) else ():
        for match in scan.take(form):
            scan.add("date", f"{int(match['m'])}-{int(match['d'])}", match.start(), match.end())
            if year := match.groupdict().get("y"):
                scan.add("year", year, match.start(), match.end())
    for match in _DATE_PAIR.finditer(scan.text):
        scan.add("date", f"{_MONTHS[match[2].lower()]}-{int(match[1])}", match.start(), match.end(1))
        scan.blank(match.start(), match.end(1))
    for pattern, day, month in ((_DATE_DM, 1, 2), (_DATE_MD, 2, 1)):
        for match in scan.take(pattern):
            scan.add("date", f"{_MONTHS[match[month].lower()]}-{int(match[day])}", match.start(), match.end())
            if match[3]:
                scan.add("year", match[3], match.start(), match.end())


def _times(scan: _Scan) -> None:
    for form in _CLOCKS if scan.has("uhr") else ():
        for match in scan.take(form):
            minutes = match["m"] or match.groupdict().get("behind") or 0
            scan.add("time", str(int(number(match["h"])) * 60 + int(minutes)), match.start(), match.end())
    for match in scan.take(_TIME):
        if match[4] is not None:
            minutes = int(match[4]) * 60 + int(match[5])
        else:
            half = match[3].lower()[0]
            minutes = (int(match[1]) % 12 if half in "ap" else int(match[1])) * 60 + int(match[2] or 0)
            minutes += 720 if half == "p" else 0
        scan.add("time", str(minutes), match.start(), match.end())
    for match in scan.take(_TIME_WORD):
        scan.add(
            "time",
            "0" if match[1].lower() in {"midnight", "mitternacht"} else "720",
            match.start(),
            match.end(),
        )


def _single(scan: _Scan) -> None:
    for match in scan.take(_A_WEEK):
        base, factor = _DURATION[match[1].lower()]
        scan.add("duration", _of(base, factor, 1.0), match.start(1), match.end(1))
    for match in scan.take(_ONE_LASTS) if scan.has("ein") else ():
        base, factor = _DURATION[match["unit"].lower()]
        scan.add("duration", _of(base, factor, 1.0), match.start(), match.end())
    for match in scan.take(_HALF) if scan.has("halbe") else ():
        base, factor = _DURATION[match["unit"].lower()]
        scan.add("duration", _of(base, factor, 0.5), match.start(), match.end())


def _counted(scan: _Scan) -> None:
    """What German writes in one word: "14-tägig", "zweimal"."""
    for match in scan.take(_LASTING) if scan.has(*german.LASTING_UNITS) else ():
        base, factor = _DURATION[german.LASTING_UNITS[match["unit"].lower()]]
        scan.add("duration", _of(base, factor, number(match["n"])), match.start(), match.end())
    for match in scan.take(_SO_OFTEN) if scan.has("mal") else ():
        often = number(match["n"] or match["word"] or "1")
        scan.add("number", _show(often), match.start(), match.end(), "mal")


def _ages(scan: _Scan) -> None:
    for match in scan.take(_AGE):
        scan.add("duration", _of("month", 12, number(match[1])), match.start(1), match.end(1))


def _amounts(scan: _Scan) -> None:
    """Amounts, percentages, durations and measures; the first number of a range takes the unit of the second."""
    text, ranges = scan.text, dict[int, re.Match[str]]()

    def value(kind: FactKind, written: str, make: Callable[[float], str]) -> str:
        made = make(number(written))
        if doubtful(written, scan.language, money=kind == "money"):
            made += f"|{make(number(written.replace('.', '')))}"  # either; equal to neither
        return made

    def both(kind: FactKind, start: int, written: str, end: int, make: Callable[[float], str]) -> None:
        scan.add(kind, value(kind, written, make), start, end)
        if not ranges:
            ranges.update({match.start("b"): match for match in _RANGE.finditer(text)})
        other = ranges.get(start)
        if other is not None and scan.text[other.start("a") : other.end("a")].strip():
            scan.add(kind, value(kind, other["a"], make), other.start("a"), other.end("a"))
            scan.blank(other.start("a"), other.end("a"))

    for match in _PENCE.finditer(scan.text):
        scan.add("money", _of("gbp", 0.01, number(match["before"])), match.start("before"), match.end())
        scan.blank(match.start("before"), match.end())
    for match in list(_MONEY.finditer(scan.text)):
        group = "after" if match["after"] else "before"
        mark = re.sub(r"[^a-z€$£¥₹]", "", match.group().lower().replace(match[group].lower(), ""))
        currency = _CURRENCY.get(mark, mark)
        whole = _HUNDREDTH.get(currency)
        make = partial(_of, whole, 0.01) if whole else partial(_of, currency, 1.0)
        both("money", match.start(group), match[group], match.end(), make)
        scan.blank(match.start(), match.end())
    for match in list(_PERCENT.finditer(scan.text)) if scan.has("%", "cent", "prozent") else ():
        both("percent", match.start("n"), match["n"], match.end(), _show)
        scan.blank(match.start(), match.end())
    for match in list(_QUANTITY.finditer(scan.text)):
        unit = match["unit"].lower()
        if unit in _DURATION:
            base, factor = _DURATION[unit]
            base = "working " + base if match["working"] else base
            both("duration", match.start("n"), match["n"], match.end(), partial(_of, base, factor))
        elif match["n"].lower() not in _SMALL:
            base, factor = _MEASURE[unit]
            both("measure", match.start("n"), match["n"], match.end(), partial(_of, base, factor))
        else:
            continue
        scan.blank(match.start(), match.end())


def _rest(scan: _Scan) -> None:
    for match in list(_CODE.finditer(scan.text)):
        if _ORDINAL.match(match.group()):
            continue
        scan.add("code", re.sub(r"[-+/]", "", match.group().lower()), match.start(), match.end())
        scan.blank(match.start(), match.end())
    for match in _NUMBER.finditer(scan.text):
        if match["n"].lower() == "one" and _PRONOUN.search(scan.text[: match.start("n")]):
            continue
        value = _show(number(match["n"]))
        if doubtful(match["n"], scan.language, money=False):
            value += f"|{_show(number(match['n'].replace('.', '')))}"
        noun = (match["noun"] or "").lower()
        kind: FactKind = "year" if re.fullmatch(r"(?:19|20)\d{2}", match["n"]) and not noun else "number"
        scan.add(kind, value, match.start("n"), match.end("n"), noun)


# "If one is lost", "the other one": no number.
_PRONOUN = re.compile(r"\b(?:if|this|that|another|other|new|old|existing|previous)\s+$", re.IGNORECASE)
_RANGE_TEXT = re.compile(r"\d[^\d]*(?:-|–|—|to|bis)\s*[€$£]?\d")


def within(fact: Fact, header: str) -> bool:
    """True if a figure with a unit falls into the range that a header names: `3 kg` into `2–10 kg` or `up to 5 kg`."""
    if fact.kind not in {"measure", "money", "duration"} or "|" in fact.value:
        return False
    base, value = fact.value.rsplit(" ", 1)
    bounds = [
        float(f.value.rsplit(" ", 1)[1])
        for f in facts(header)
        if f.kind == fact.kind and "|" not in f.value and f.value.rsplit(" ", 1)[0] == base
    ]
    if len(bounds) == 2 and _RANGE_TEXT.search(plain(header)):
        return min(bounds) < float(value) <= max(bounds)
    return (
        len(bounds) == 1
        and bool(
            re.match(
                r"(?:up to|under|below|bis(?: zu)?|unter|höchstens|maximal|≤|<)",
                header.strip(),
                re.IGNORECASE,
            )
        )
        and float(value) <= bounds[0]
    )
