"""Verbs that German tears apart: "Wie melde ich mich an?" asks how to "anmelden", which is what the page calls it.

The first part of such a verb stands at the end of its clause. Joined again it is the word that pages have in their
headings and nouns ("Anmeldung"); torn apart, "melde" is found where somebody "meldet sich".
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from minidesk.answering.rulebook import rulebook

# First parts that make a verb of its own with what stands before it...
_FIRST = frozenset(
    """ab an auf aus bei ein fest fort frei heim hoch los mit nach nieder statt teil um unter vor weg weiter wieder zu
    zurück zusammen""".split()  # noqa: SIM905 (a list of strings cannot be read)
)
# ...and those that only say where to: "krieg ich mein Geld zurück?" asks of the money.
_WHERE_TO = frozenset(["zurück", "weg", "wieder", "mit", "weiter", "heim", "los", "vor", "nach"])
_CLAUSE = re.compile(r"[^.!?;:,()\n]+")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_AROUND = frozenset(
    [
        "bitte",
        "denn",
        "eigentlich",
        "hier",
        "jetzt",
        "noch",
        "so",
        "dann",
        "genau",
        "und",
        "oder",
        "aber",
        "dass",
    ]
)
# How far from its start the verb of a clause may stand: "Bis wann genau meldet man sich …".
_VERB_BY = 5
_HELPERS = frozenset(["habt", "haben", "hat", "habe", "macht", "machen", "mache", "geht", "gehen"])


@dataclass(frozen=True, slots=True)
class Joined:
    """A verb made whole: `verb` as an infinitive; the spans of its two parts in the text."""

    verb: str
    at: tuple[int, int]
    first: tuple[int, int]


def joined(text: str, stop: Collection[str], generic: Collection[str]) -> tuple[Joined, ...]:
    """The torn verbs of a German text, one a clause at most. `stop`, `generic`: words as in `AskWords`, in lower case."""
    found: list[Joined] = []
    for clause in _CLAUSE.finditer(text):
        tokens = list(_WORD.finditer(text, clause.start(), clause.end()))
        while tokens and tokens[-1].group().lower() in _AROUND:
            tokens.pop()
        if len(tokens) < 3 or tokens[-1].group() not in _FIRST:
            continue
        first = tokens[-1]
        verb = next(
            (t for n, t in enumerate(tokens[: min(_VERB_BY, len(tokens) - 1)]) if _verb(t.group(), n, stop)),
            None,
        )
        if verb is None:
            continue
        low = verb.group().lower()
        if first.group() in _WHERE_TO and low in generic:
            continue
        found.append(Joined(f"{first.group()}{_root(low)}en", verb.span(), first.span()))
    return tuple(found)


def _verb(word: str, position: int, stop: Collection[str]) -> bool:
    """Nouns have a capital, but so has the first word of a clause: "Meldet ihr euch …", "Melden Sie sich …"."""
    low = word.lower()
    if low in _HELPERS:
        return True
    return low not in stop and (word == low or position == 0) and bool(re.search(r"(?:e|t|en|st)$", low))


def _root(verb: str) -> str:
    """ "findet", "finde", "finden" → "find"."""
    return re.sub(r"(?:est|et|en|st|t|e)$", "", verb) if len(verb) > 4 else re.sub(r"(?:en|t|e)$", "", verb)


def with_whole_verbs(text: str, stop: Collection[str], generic: Collection[str]) -> str:
    """The text with each torn verb whole in the place of its root: a search for "melde" finds who "meldet sich"."""
    for one in reversed(joined(text, stop, generic)):
        (start, end), (first, last) = one.at, one.first
        text = f"{text[:start]}{one.verb}{text[end:first].rstrip()}{text[last:]}"
    return text


def torn_verbs(text: str, language: str) -> tuple[str, ...]:
    """The torn verbs of a page's text, made whole; none where its language tears none."""
    rules = next((rules for rules in rulebook() if rules.language == language == "de"), None)
    if rules is None or rules.asks is None:
        return ()
    return tuple(one.verb for one in joined(text, rules.asks.stop, rules.asks.generic))
