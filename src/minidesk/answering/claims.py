"""Whether the facts of a sentence are the facts of a span: figures, codes, names, links, days, and what they belong to."""

import re
from collections import Counter
from collections.abc import Sequence

from minidesk.answering.alike import LIGHT
from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.rank import surface
from minidesk.answering.weekdays import ENGLISH
from minidesk.text.words import STOPWORDS, stem, words

_DAY = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_DAY_RANGE = re.compile(rf"\b({_DAY})\.?\s*(?:-|–|to|through|until)\s*({_DAY})\b", re.IGNORECASE)
_ONE_DAY = re.compile(
    r"\b(?:mon|tues?|wed|thur?s?|fri|sat|sun|(?:mon|tues|wednes|thurs|fri|satur|sun)days?)\b", re.IGNORECASE
)
# What looks like an address on the web, whatever it ends in: letters with a dot and letters behind it. Nothing that was
# read is given back: "a-a-a-…" of 1,600 characters once held the server for a minute and a half.
_DOTTED = re.compile(r"(?<![\w@.-])(?=[\w-]*[a-z])[\w-]++(?:\.[a-z][\w-]++)+(?:/[\w./-]*\w)?", re.IGNORECASE)
_ORDINAL = re.compile(r"\b(?:first|second|third|fourth|fifth|last)\b(?!\s+of\s+all)", re.IGNORECASE)
# "and" between two figures joins them: "between 2 and 10 kg".
_PIECES = re.compile(
    r"\n+|[,;|]\s|\.\s|(?<!\d)\s(?:and|or)\s|\s(?:and|or)\s(?![€$£]?\d)|\s(?:but|while|whereas)\s"
)
_CLAUSES = re.compile(r"\n+|[,;|]\s|\.\s|(?<!\d)\sand\s|\sand\s(?![€$£]?\d)|\s(?:but|while|whereas)\s")
_RANGE = re.compile(r"(?<![\d.,:])(\d+(?:[.,:]\d+)*)\s*(?:-|–|—|to|and)\s*(\d+(?:[.,:]\d+)*)")
_PER = re.compile(
    r"(?<=\d )(?:an?|per) (day|night|week|month|year|hour)\b", re.IGNORECASE
)  # "€18 a day" is for one
# "A day walk" lasts no day, "a week pass" costs none: the word behind says what kind of thing it is.
_KIND = re.compile(
    r"(?:hour|day|week|month|year)[ -](?!(?:and|or|but|if|when|after|before|from|of|in|at|on|to|until|by|with|without|for|as|is|are|has|a|an|the|you|we|it|they|later|earlier|ago|only|long)\b)[a-z]",
    re.IGNORECASE,
)
# Each figure with what is said of it: up to the next one, or to what is free.
_BESIDE = re.compile(
    r"\n+|[;|]\s|\.\s|,\s(?:and\s|or\s)?(?=[€$£]?\d)|\s(?:and|or|but|while|whereas)\s(?=[€$£]?\d)"
    r"|,\s(?=[^,;.|\d]{0,60}\b(?:free|gratis|(?:kosten|gebühren)(?:los|frei)\w{0,2}|umsonst|unentgeltlich)\b)"
)
# Words of a period, each with its forms.
_PERIOD_OF = {
    form: forms.split()[0]
    for forms in (
        "hour hours hourly stunde stunden stündlich", "day days daily tag tage tagen täglich", "night nights nightly nacht nächte nächten",
        "week weeks weekly woche wochen wöchentlich", "month months monthly monat monate monaten monatlich monatliche monatlichen",
        "year years yearly annual annually jahr jahre jahren jährlich jährliche jährlichen",
    )
    for form in forms.split()
}  # fmt: skip
_PERIOD_WORD = re.compile(rf"\b(?:{'|'.join(_PERIOD_OF)})\b", re.IGNORECASE)
_PERIOD = re.compile(
    r"\b(?:per|each|every|pro|je|jede[nsrm]?) (?:\w+ (?:and|und) )?(hour|day|night|week|month|year|stunde|tag|nacht|woche|monat|jahr)\b"
    r"|(?:(?<=\d )|(?<=once )|(?<=twice )|(?<=times )|(?<=mal ))(?:an?|im|am|in der) (hour|day|night|week|month|year|stunde|tag|nacht|woche|monat|jahr)\b"
    r"|\b(hourly|daily|nightly|weekly|monthly|yearly|annual(?:ly)?|stündlich|täglich|wöchentlich|monatlich(?:en?)?|jährlich(?:en?)?)\b",
    re.IGNORECASE,
)
_ITEMS = re.compile(r"(?<=[.!?;])\s+|\n+")
# "Per item and day" is one measure.
_EACH = re.compile(r"\b((?:per|an?|each|every) [\w-]+) (?:and|or) (?=(?:per |an? )?[\w-]+\b)", re.IGNORECASE)
# "Free of charge", not "free of PFAS", "PFAS-free" nor the plan that is called Free.
_FREE = re.compile(
    r"(?<![\w-])(?:free(?! (?:of (?!charge)|to\b|from\b))|for nothing|gratis|(?:kosten|gebühren)(?:los|frei)\w{0,2}|umsonst|unentgeltlich)\b"
)
PAIRED = {"money", "percent", "duration", "measure", "time", "date"}


def facts_agree(sentence: str, span: str, around: str = "") -> bool:
    """Every fact and name of the sentence stands in the span (names and codes: or in its headings), rightly paired."""
    held, near = facts(span), facts(around)
    # "A day walk" lasts no day.
    said = [
        fact
        for fact in facts(sentence)
        if not (fact.kind == "duration" and _KIND.match(sentence, fact.start))
    ]
    if not _digits_stand(sentence, span, said) or not _marks_stand(sentence, f"{span} {around}"):
        return False
    for fact in said:
        if not (
            _stands(fact, held, sentence)
            or (fact.kind in {"code", "number", "year"} and _stands(fact, near, sentence))
        ):
            return False
    counted, there = Counter(f.key for f in said if f.kind in PAIRED), Counter(f.key for f in held)
    if any(count > 1 and count > there[key] for key, count in counted.items()):
        return False
    return (
        _ranges_agree(sentence, span)
        and _periods_agree(sentence, f"{span} {around}")
        and paired(sentence, span)
        and _days_agree(sentence, span)
        and _names_stand(sentence, f"{span} {around}", said)
    )


def _ranges_agree(sentence: str, span: str) -> bool:
    """A range has both its ends from one range: of "18 to 25" and "32 to 40" nobody makes "18 to 40"."""
    there = set(_RANGE.findall(plain(span)))
    return all(
        pair in there or not any(pair[0] == low or pair[1] == high for low, high in there)
        for pair in _RANGE.findall(plain(sentence))
    )


def _periods_agree(sentence: str, text: str) -> bool:
    """What is said to be so often ("per month", "a year" behind a figure, "weekly") is of a period that the text names."""
    said = {_PERIOD_OF[next(g for g in match.groups() if g).lower()] for match in _PERIOD.finditer(sentence)}
    return not said or said <= {_PERIOD_OF[match.group().lower()] for match in _PERIOD_WORD.finditer(text)}


_TIMES = re.compile(r"\b(?:times|once|twice)\b", re.IGNORECASE)


def in_its_column(sentence: str, cells: Sequence[tuple[str, str]]) -> bool:
    """A row's figure is said of what its column is about: "3 | at most" is not how often a thing can be renewed."""
    said = _roots(_TIMES.sub(" ", sentence)) - {"time"}
    named = {i for i, (head, _) in enumerate(cells) if i and _roots(head) & said}
    for fact in facts(sentence):
        if fact.kind == "number":
            own = {i for i, (_, value) in enumerate(cells) if fact.key in _keys(value)}
            if own and named and not own & (named | {0}):
                return False
    return True


def _digits_stand(sentence: str, span: str, said: Sequence[Fact]) -> bool:
    """What no pattern knows (a number of fifty digits) must stand in the span letter by letter."""
    there = set(re.findall(r"\w+", plain(span)))
    return all(
        any(f.start <= digits.start() and digits.end() <= f.end for f in said) or digits.group() in there
        for digits in re.finditer(r"\w*\d\w*", plain(sentence))
    )


def _marks_stand(sentence: str, text: str) -> bool:
    """Addresses of any form, and "first", "second", "last", stand there word for word."""
    low = text.lower()
    if any(match.group().lower().removeprefix("www.") not in low for match in _DOTTED.finditer(sentence)):
        return False
    ordinals = {match.group().lower() for match in _ORDINAL.finditer(text)}
    return all(match.group().lower() in ordinals for match in _ORDINAL.finditer(sentence))


def _stands(fact: Fact, held: Sequence[Fact], sentence: str = "") -> bool:
    for other in held:
        if fact.key == other.key:
            if fact.kind == "number" and fact.value == "1" and fact.noun and not other.noun:
                continue  # "the other one" is no number
            if fact.kind == "number" and fact.noun and other.noun and stem(fact.noun) != stem(other.noun):
                if fact.noun in STOPWORDS or other.noun in STOPWORDS:
                    return True
                if stem(other.noun) in {stem(w) for w in words(sentence[fact.end : fact.end + 30])[:3]}:
                    return True  # "three payment attempts" are "three attempts"
                continue
            return True
        if {fact.kind, other.kind} == {"number", "year"} and fact.value == other.value:
            return True
        if (
            fact.kind == "phone"
            and other.kind == "phone"
            and min(len(fact.value), len(other.value)) >= 7
            and (fact.value.endswith(other.value) or other.value.endswith(fact.value))
        ):
            return True
    return False


def paired(sentence: str, span: str) -> bool:
    """A figure stands beside the same words as in the span: "Austria €4.90" is not "Germany €4.90"."""
    sentence, span = (_EACH.sub(r"\1 ", plain(text)) for text in (sentence, span))
    return (
        _paired(sentence, _joined(_PIECES.split(span)))
        and _paired(sentence, _ITEMS.split(span))
        and _not_lent(sentence, span)
    )


def _not_lent(sentence: str, span: str) -> bool:
    """ "15 pence in black and 50 pence in colour": what only another figure of the kind is said of is not said of this one."""
    pieces = [(set(_keys(p)), _roots(p)) for p in _joined(_BESIDE.split(span))]
    for clause in _CLAUSES.split(sentence):
        keys, about = set(_keys(clause)), _roots(clause) - LIGHT
        for key in keys:
            if key[0] != "money":
                continue
            mine = [roots for held, roots in pieces if key in held]
            rivals = [
                roots
                for held, roots in pieces
                if key not in held and any(k[0] == key[0] and k not in keys for k in held)
            ]
            if (
                mine
                and rivals
                and about & frozenset().union(*rivals) - frozenset().union(*mine)
                and not any(about <= roots for roots in mine)
            ):
                return False
    return True


def _paired(sentence: str, pieces: Sequence[str]) -> bool:
    if len(pieces) < 2:
        return True
    holders = [(set(_keys(p)), _roots(p)) for p in pieces]
    for clause in _CLAUSES.split(_PER.sub(r"1 \1", sentence)):
        keys, about = set(_keys(clause)), _roots(clause)
        for key in keys:
            if key[0] not in PAIRED and not (key[0] == "number" and len(key[1]) > 1):
                continue
            others = {k for k in keys if k[0] != key[0]}
            mine = max(
                (_beside(held, roots, key, others, about) for held, roots in holders if key in held),
                default=0.0,
            )
            rivals = (
                _beside(held, roots, key, others, about)
                for held, roots in holders
                if key not in held and any(k[0] == key[0] and k not in keys for k in held)
            )
            if max(rivals, default=mine) > mine:
                return False
    return True


def _joined(pieces: Sequence[str]) -> list[str]:
    """Pieces of which each says something: a bare figure ("24 December and …") belongs to the one behind it, or before."""
    made: list[str] = []
    bare = ""
    for piece in pieces:
        if not piece.strip():
            continue
        if _roots(piece) - LIGHT or " is " in piece or ":" in piece:
            made.append(f"{bare} {piece}" if bare else piece)
            bare = ""
        else:
            bare = f"{bare} {piece}".strip()
    if bare:
        made[-1:] = [f"{made[-1]}, {bare}" if made else bare]
    return made


def _beside(
    held: set[tuple[str, str]],
    roots: set[str],
    key: tuple[str, str],
    others: set[tuple[str, str]],
    about: set[str],
) -> float:
    extra = {k for k in held if k[0] != key[0]} - others
    return len(about & roots) + len(others & held) - 0.5 * len(extra)


def _keys(text: str) -> list[tuple[str, str]]:
    """The facts of a text; "free" is an amount as well, and no other thing's."""
    keys = [fact.key for fact in facts(text)]
    return [*keys, ("money", "nothing")] if _FREE.search(text) else keys


def _roots(text: str) -> set[str]:
    return {root for root in surface(text) if not any(c.isdigit() for c in root)}


def _names_stand(sentence: str, text: str, said: Sequence[Fact]) -> bool:
    """Capitalised words inside the sentence are names: each must stand in the text, or be part of a fact ("20 Uhr")."""
    there = {w.removesuffix("'s") for w in words(text)} | set(words(text))
    roots = {stem(w) for w in there}
    bare = set(re.findall(r"\w+", text.lower()))
    for match in re.finditer(r"[^\W\d_][\w'’-]*", sentence):
        word = match.group()
        low = plain(word).lower().removesuffix("'s")
        before = sentence[: match.start()].rstrip()[-1:]
        inside = match.start() > 0 and before not in {"", ".", "!", "?", ":", '"', "“", "*", "("}
        if _ONE_DAY.fullmatch(low):
            continue  # `_days_agree` knows more of them
        if any(fact.kind in PAIRED and fact.start <= match.start() < fact.end for fact in said):
            continue
        name = word[0].isupper() and inside and low not in STOPWORDS
        if (
            name
            and low not in there
            and not all(
                stem(part) in roots or part in bare or ("-" in low and stem(part) in LIGHT)
                for part in low.split("-")
            )
        ):
            return False
    line = " ".join(stem(w) for w in words(text))
    return all(
        " ".join(stem(w) for w in words(run.group())) in line
        for run in re.finditer(r"(?<=[a-z\d,] )[A-Z][\w-]+(?: [A-Z][\w-]+)+", sentence)
    )


def _days_agree(sentence: str, span: str) -> bool:
    """Each day that the sentence names or spans is named or spanned, and beside the same times."""
    said = _days(sentence)
    if not said:
        return True
    pieces = [
        (_days(piece), {k for k in _keys(piece) if k[0] == "time"})
        for piece in re.split(r"[;.|\n]\s*", plain(span))
    ]
    pieces = [(days, times) for days, times in pieces if days]
    if not pieces:
        return False
    times = {k for k in _keys(sentence) if k[0] == "time"}
    if times and any(times & held for _, held in pieces):
        return any(said <= days and times <= held for days, held in pieces)
    return said <= set().union(*(days for days, _ in pieces))


def _days(text: str) -> set[str]:
    found: set[str] = set()
    rest = text
    for match in _DAY_RANGE.finditer(text):
        low, high = (
            next(i for i, d in enumerate(ENGLISH) if d.startswith(match[g].lower()[:3])) for g in (1, 2)
        )
        found |= {ENGLISH[i % 7] for i in range(low, (high if high >= low else high + 7) + 1)}
        rest = rest.replace(match.group(), " ")
    return found | {
        next(d for d in ENGLISH if d.startswith(m.group().lower()[:3])) for m in _ONE_DAY.finditer(rest)
    }
