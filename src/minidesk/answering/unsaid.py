"""Whether a unit says what is asked about at all: near in meaning is also what speaks of something else in the same words."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from minidesk.answering.asks import FITS, Ask
from minidesk.answering.facts import facts
from minidesk.answering.near import HELD, SAME
from minidesk.answering.units import Unit
from minidesk.knowledge.records import Passage
from minidesk.text.words import STOPWORDS, stem, words

Vectors = NDArray[np.float32]

# From here on a question is one that the entry is known to answer, in whatever words.
_SURELY_SAME = 0.85
_CAPITAL = re.compile(r"(?<=[a-zäöüß,;] )[A-ZÄÖÜ][\w-]+")


def unsaid(
    ask: Ask, known: float, unit: Unit, kind: float, held: Vectors, anywhere: Vectors, places: frozenset[str]
) -> float:
    """1 where a unit says nothing of what is asked about, however near its meaning: none of the question's words but a
    place, not the thing that "do you sell …?" asks for nor what "can I …?" asks to be done, no weight for "how heavy?", no amount for "how much?", no figure for "how many?",
    no date for "when was it founded?", no number for "your phone number?" or "your VAT ID?".

    `known`: how near the question is to one that the unit's entry is known to answer, 0 where to none; `held`: by the unit, of
    each term; `kind`: as `asks.fits`; `anywhere`: the most that any unit holds of each term; `places`: as `places_of`.
    """
    told = ask.kind == "contact" or "age" in ask.units or (ask.kind == "measure" and bool(ask.units))
    # A century is no date and tells when; what has no time at all tells it not.
    some = ask.kind == "date" or not {"amount", "count"}.isdisjoint(ask.units)
    if (told and kind < FITS) or (some and kind == 0.0):
        return 1.0
    strong = [
        (term, share >= HELD, most >= HELD)
        for term, share, most in zip(ask.terms, held, anywhere, strict=True) if term.weight >= 1.0
    ]  # fmt: skip
    if _OWN_CODE.search(ask.text) and not _CODE.search(unit.text):
        return 1.0
    if ask.kind == "number" and _STOCK.search(ask.text) and _uncounted(ask.thing, unit.text):
        return 1.0
    # Of a jacket that is to be returned, what is said of jackets alone tells nothing.
    done = [here for term, here, _ in strong if term.stem not in ask.goods] if ask.goods else []
    if done and not any(done) and not ask.trouble and known < SAME:
        return 1.0
    if any(term.stem == ask.thing and not here for term, here, _ in strong):
        return 0.0 if known >= _SURELY_SAME else 1.0
    if known < SAME and (_another_kind(ask, unit) or _only_with(ask, unit.text)):
        return 1.0
    # "Who described …?" is answered in other words too; where no page has one for "owns", nobody is told of who does.
    if any(
        term.stem == ask.verb and not (here or (most and ask.kind == "who")) for term, here, most in strong
    ):
        return 0.0 if known >= SAME else 1.0
    what = [one for one in strong if one[0].stem not in places]
    if not what or any(here for _, here, _ in what):
        return 0.0
    return 0.0 if known >= (SAME if any(most for _, _, most in what) else _SURELY_SAME) else 1.0


# Asked for a number of theirs, what is said about such numbers tells it not.
_OWN_CODE = re.compile(
    r"\b(?:what(?:'s|s| is| are)|tell me|give me|need|send me|have) (?:your|ur) (?:[\w-]+ )?(?:vat|tax|company|registration|register|commercial register|bank|account|licen[cs]e|iban|bic)\b(?: (?:[\w-]+ )?(?:id|number|no|code|details))?\b(?! (?:policy|page|settings|manager|hours))"
    r"|\b(?:wie (?:ist|lautet)|was ist) (?:eure|ihre|deine) (?:ust-?id|uid|umsatzsteuer\S*|steuernummer|firmenbuchnummer|handelsregister\S*|iban|kontonummer|bankverbindung)",
    re.IGNORECASE,
)
# "ATU12345678", "DE 136 695 976", "HRB 12345", "GB29 NWBK 6016 1331 9268 19".
_CODE = re.compile(r"\b[A-Z]{2,4} ?\d{2,}[\dA-Z ]{2,}|\b\d[\d /.-]{5,}\d\b")


_YEAR = re.compile(r"(?<![\d.,/-])(?:1\d|20)\d\d(?![\d/-]|[.,]\d)")


def of_another_year(ask: Ask, unit: Unit) -> bool:
    """True where a year is asked about and the unit tells of others: what was in 1998 says nothing of 1975. Two years with
    that one between them tell of it."""
    asked = {int(year) for year in _YEAR.findall(ask.text)}
    told = {int(year) for year in _YEAR.findall(unit.text)}
    return bool(asked and told) and not any(min(told) <= year <= max(told) for year in asked)


_NOT = re.compile(
    r"\b(?:not|no|never|nicht|kein\w*)\s+(?:\w+\s+)?(?P<word>[^\W\d_]+)|\bun(?P<un>[^\W\d_]{4,})",
    re.IGNORECASE,
)


def denied(ask: Ask, text: str) -> bool:
    """True where `text` says of a word of the question that it is not so: "not waterproof"."""
    asked = {term.stem for term in ask.terms if term.weight >= 1.0}
    return any(stem((m["word"] or m["un"]).lower()) in asked for m in _NOT.finditer(text))


_THERE_IS = re.compile(
    r"\b(?:there (?:is|are)|there's|we (?:also |only )?(?:have|offer|sell|rent(?: out)?|carry|stock|provide)|es gibt|gibt es|wir (?:haben|bieten|verkaufen|verleihen|vermieten|führen))\b(?P<what>[^.;:]{0,60})",
    re.IGNORECASE,
)


def states(ask: Ask, text: str) -> bool:
    """True where `text` says that there is, or is not, the thing that "is there …?" asks for."""
    return bool(ask.thing) and any(
        ask.thing in {stem(word) for word in words(m["what"])} for m in _THERE_IS.finditer(text)
    )


# How many of a thing there are; what else is counted may be called by another name than the question's.
_STOCK = re.compile(r"\b(?:do|does) (?:you|the \w+) (?:have|own|sell|offer)\b|\bare there\b|\b(?:gibt es|habt ihr|haben sie)\b|\bhat (?:die|der|das)\b", re.IGNORECASE)  # fmt: skip
# Characters between a figure and what it counts: "up to 3 different gift cards".
_COUNTS = 25
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")


def _uncounted(thing: str, text: str) -> bool:
    """True where `text` has no figure of the thing that "how many …?" asks for: none in front of its name, and where it is
    not named, none that counts nothing else."""
    if not thing:
        return False
    figures = [fact for fact in facts(text) if fact.kind in {"number", "percent"}]
    named = [m.start() for m in _TOKEN.finditer(text) if stem(m.group().lower()) == thing]
    if not named:
        return not any(not fact.noun for fact in figures)
    between = [text[fact.end : at] for at in named for fact in figures if 0 <= at - fact.end <= _COUNTS]
    return all(STOPWORDS & set(words(gap)) for gap in between)


_CLAUSES = re.compile(r"[,;:.!?()–—]|\b(?:and|or|but)\b", re.IGNORECASE)


def _another_kind(ask: Ask, unit: Unit) -> bool:
    """True where a sentence names the thing, and not as the kind of it that is asked for: of bags and of bikes, and of no bike
    bags. A table's row may leave to its heading what kind of things it lists."""
    if ask.language != "en" or not ask.kind_of_thing or unit.kind != "sentence":
        return False
    clauses = [{stem(word) for word in words(part)} for part in _CLAUSES.split(unit.text)]
    named = [clause for clause in clauses if ask.thing in clause]
    kinds = [{term.stem, *term.alternates} for term in ask.terms if term.stem in ask.kind_of_thing]
    return bool(named) and not any(all(kind & clause for kind in kinds) for clause in named)


# How far around the thing stands what makes it needless: "no card is needed", "with a card or in cash".
_AROUND = 4
_NEEDLESS = frozenset(
    stem(word)
    for word in """without no not never none nor or either instead other otherwise alternatively optional only must need needs needed
    required requires require necessary mandatory cannot don't doesn't isn't""".split()  # noqa: SIM905 (a list of strings cannot be read)
)


def _only_with(ask: Ask, text: str) -> bool:
    """True where `text` names what the question would do without, and tells neither of going without it nor that it must be:
    that cards are taken says nothing of who has none."""
    if not ask.without:
        return False
    tokens = [stem(m.group().lower()) if m.group()[0].isalnum() else m.group() for m in _PIECE.finditer(text)]
    places = [at for at, token in enumerate(tokens) if token in ask.without]
    for at in places:
        before = tokens[max(0, at - _AROUND) : at]
        behind = tokens[at + 1 : at + 1 + _AROUND]
        while any(not token[0].isalnum() for token in before):
            before = before[1:]
        # A list names something else beside it.
        if behind[:1] in ([","], ["and"], ["or"]) or not _NEEDLESS.isdisjoint({*before, *behind}):
            return False
    return bool(places)


_PIECE = re.compile(rf"{_TOKEN.pattern}|[,;:.!?()–—]")


def places_of(ask: Ask, passages: Sequence[Passage]) -> frozenset[str]:
    """Stems of the question's words that stand behind "in" or "to" and are names: written so in the question, or on the pages
    where the question is all in small letters."""
    where = {term.stem for term in ask.terms if term.where}
    if not where:
        return frozenset()
    named = {stem(m.group().lower()) for passage in passages for m in _CAPITAL.finditer(passage.text)}
    return frozenset(where & named) | {term.stem for term in ask.terms if term.place}
