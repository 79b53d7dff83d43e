"""Whether a text that was rewritten or translated still says the same figures, dates, amounts, addresses, codes and names.

Two texts of one language are compared by their facts (`facts.py`). Of two languages only the marks can be compared:
numbers in one written form, so that `1,000.50` and `1.000,50` are the same, each with its currency or percent sign, times of
day, months by their names, addresses and codes letter by letter. What cannot be told is refused: an agent can write it.
"""

import re
from collections.abc import Collection, Iterator

from minidesk.answering.facts import facts, plain
from minidesk.text.language import language_of

_LINK = re.compile(r"(?:https?://|www\.)[^\s<>()\[\]\"'“”«»]+", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
# A word with a digit and a letter in it (AG-10234, 4K), or in capitals (DHL), or with capitals inside (PayPal).
_CODE = re.compile(
    r"\b(?=[\w/-]{0,40}\d)(?=[\w/-]{0,40}[^\W\d_])[^\W_]{1,40}(?:[-/][^\W_]{1,40}){0,8}\b|\b[A-Z]{2,12}\b|\b[A-Za-z]+[a-z][A-Z]\w*\b"
)
_ORDINAL = re.compile(r"\d{1,4}(?:st|nd|rd|th|er|re|e|ère|ème|º|ª)", re.IGNORECASE)
_TIME = re.compile(
    r"\b(?P<h>[01]?\d|2[0-4])(?:(?P<sep>[:.h])(?P<m>[0-5]\d))?\s*(?P<mark>a\.?m\b\.?|p\.?m\b\.?|o'clock|uhr\b|heures?\b|h\b|uur\b)"
    r"|\b(?P<h24>[01]?\d|2[0-4])[:h](?P<m24>[0-5]\d)\b",
    re.IGNORECASE,
)
_CURRENCY = {
    "€": "eur", "eur": "eur", "euro": "eur", "euros": "eur", "$": "usd", "usd": "usd", "dollar": "usd", "dollars": "usd",
    "£": "gbp", "gbp": "gbp", "pound": "gbp", "pounds": "gbp", "pfund": "gbp", "chf": "chf", "franken": "chf", "francs": "chf",
    "¥": "jpy", "jpy": "jpy", "yen": "jpy", "%": "%", "percent": "%", "per cent": "%", "prozent": "%", "pour cent": "%",
    "por ciento": "%", "per cento": "%", "procent": "%", "por cento": "%",
}  # fmt: skip
_SIGN = "|".join(
    sorted(
        (re.escape(sign) if not sign.isalpha() else rf"\b{sign}\b" for sign in _CURRENCY),
        key=len,
        reverse=True,
    )
)
_NUMBER = r"\d{1,15}(?:[.,' ]\d{1,6}(?!\d)){0,5}"
_AMOUNT = re.compile(
    rf"(?:(?P<before>{_SIGN})\s?)?(?<!\d)(?P<n>{_NUMBER})(?:\s?(?P<after>{_SIGN}))?", re.IGNORECASE
)
_MONTHS = {
    name: n
    for n, names in enumerate(
        [
            "january jan januar jänner janvier enero gennaio januari styczeń stycznia janeiro ocak",
            "february feb februar février febrero febbraio februari luty lutego fevereiro şubat",
            "march mar märz mars marzo maart marzec marca março mart",
            "april apr avril abril aprile kwiecień kwietnia nisan",
            "may mai mayo maggio mei maj maja maio mayıs",
            "june jun juni juin junio giugno czerwiec czerwca junho haziran",
            "july jul juli juillet julio luglio lipiec lipca julho temmuz",
            "august aug août agosto augustus sierpień sierpnia ağustos",
            "september sep sept septembre septiembre settembre wrzesień września setembro eylül",
            "october oct oktober octobre octubre ottobre październik października outubro ekim",
            "november nov novembre noviembre listopad listopada novembro kasım",
            "december dec dezember décembre diciembre dicembre grudzień grudnia dezembro aralık",
        ],
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
# "May" alone may be no month: only beside a day or a year it is one.
_DATE = re.compile(
    rf"\d{{1,2}}(?:st|nd|rd|th|er|\.|º)?\s+(?:of\s+|de\s+|di\s+)?(?P<after>{_MONTH})\b|\b(?P<before>{_MONTH})\.?\s+\d{{1,4}}",
    re.IGNORECASE,
)
# Kinds of facts.py that one language's two texts must share where they are written in digits.
_SAME = frozenset({"money", "percent", "time", "date", "year", "duration", "measure"})


def changed(
    source: str, result: str, *, names: Collection[str] = (), translated: bool = False
) -> tuple[str, ...]:
    """What stands in one of the two texts and not in the other, as people read it; empty where all is kept. CPU work.

    `names`: those of people, products and companies that must stay, where they stand in the source. `translated`: the two are
    of different languages, and units are words that only the model knows.
    """
    before, after = _marks(source), _marks(result)
    lost = [before[key] for key in before if key not in after]
    added = [after[key] for key in after if key not in before]
    if not translated:
        said, written = _figures(source), _figures(result)
        lost += [said[key] for key in said if key not in written]
        added += [written[key] for key in written if key not in said]
    low = result.casefold()
    lost += [
        name
        for name in sorted({*names, *_named(source)})
        if _stands(name, source) and name.casefold() not in low
    ]
    return tuple(dict.fromkeys([*lost, *added]))


def _stands(name: str, text: str) -> bool:
    return len(name) > 1 and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def _named(text: str) -> set[str]:
    """Two capitalised words and more in the middle of a sentence: "Alder Rain Cape" is a name, whatever it means."""
    if language_of(text) != "en":
        return set()  # German writes every noun so
    text = _CODE.sub("", text)
    return {match.group() for match in re.finditer(r"(?<=[a-z,] )[A-Z][\w'’]+(?: [A-Z][\w'’]+)+", text)}


def _figures(text: str) -> dict[tuple[str, str], str]:
    shown = plain(text)
    return {
        fact.key: text[fact.start : fact.end]
        for fact in facts(text)
        if fact.kind in _SAME and any(c.isdigit() for c in shown[fact.start : fact.end])
    }


def _marks(text: str) -> dict[tuple[str, str], str]:
    """Everything that reads the same in every language: how it is compared → how it is written."""
    scan = plain(text)
    found: dict[tuple[str, str], str] = {}
    for kind, value, start, end in _scanned(scan):
        found.setdefault((kind, value), text[start:end].strip())
    return found


def _scanned(scan: str) -> Iterator[tuple[str, str, int, int]]:
    for match in _DATE.finditer(scan):
        name = match["after"] or match["before"]
        yield "month", str(_MONTHS[name.lower()]), *match.span()
    for kind, pattern in (("link", _LINK), ("email", _EMAIL), ("code", _CODE), ("time", _TIME)):
        for match in list(pattern.finditer(scan)):
            if kind == "code" and (_ORDINAL.fullmatch(match.group()) or _is_sign(match.group())):
                continue
            if kind == "code" and _TIME.fullmatch(match.group()):
                continue  # "5pm" is a time
            yield (
                kind,
                _time(match) if kind == "time" else match.group().rstrip(".,;:!?").casefold(),
                *match.span(),
            )
            scan = scan[: match.start()] + " " * (match.end() - match.start()) + scan[match.end() :]
    for match in _AMOUNT.finditer(scan):
        sign = (match["before"] or match["after"] or "").lower()
        for value in _values(match["n"]):
            yield "number", f"{value} {_CURRENCY.get(sign, '')}", *match.span()


def _is_sign(word: str) -> bool:
    return word.lower() in _CURRENCY


def _time(match: re.Match[str]) -> str:
    """Minutes after midnight."""
    if match["h24"] is not None:
        return str(int(match["h24"]) * 60 + int(match["m24"]))
    half = match["mark"][0].lower() if match["mark"][:1].lower() in "ap" else ""
    hours = int(match["h"]) % 12 + (12 if half == "p" else 0) if half else int(match["h"])
    return str(hours * 60 + int(match["m"] or 0))


def _values(written: str) -> Iterator[str]:
    """`1,000.50`, `1.000,50` and `1 000,50` → 1000.5; a date such as `03.04.2026`, or a list, → each of its numbers."""
    groups = re.split(r"[.,' ]", written)
    marks = re.findall(r"[.,' ]", written)
    *whole, last = groups
    if not whole:
        yield _plain_number(last, "")
        return
    thousands = (
        len(set(marks)) == 1 and marks[0] != " " and all(len(g) == 3 for g in groups[1:]) and groups[0] != "0"
    )
    if thousands or (set(marks) == {" "} and all(len(g) == 3 for g in groups[1:]) and len(groups[0]) <= 3):
        yield _plain_number("".join(groups), "")
    elif (
        marks[-1] in ".,"
        and marks[-1] not in marks[:-1]
        and len(set(marks[:-1])) <= 1
        and all(len(g) == 3 for g in whole[1:])
    ):
        yield _plain_number("".join(whole), last)
    else:
        for group in groups:
            yield _plain_number(group, "")


def _plain_number(whole: str, fraction: str) -> str:
    fraction = fraction.rstrip("0")
    return f"{int(whole)}.{fraction}" if fraction else str(int(whole))
