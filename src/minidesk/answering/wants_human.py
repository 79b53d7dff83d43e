"""Does the visitor ask for a person? Rules of language, as data (`rules/`); no model, no training.

A request for a person has one of four shapes: a *bare name* of one ("human", "agent please"); a *move*
towards one ("talk to …", "get me …", "put me through"); a *call back* ("call me", "can somebody ring me");
a *rejection* of the assistant ("I don't want a bot", "useless, a real person"). What looks the same and is not:
asking what the assistant is ("are you human?"), asking for a fact about people ("do you have an agent in
Berlin?", "what is your phone number?"). Each language brings its own words for these shapes.
"""

import re
from functools import lru_cache

from minidesk.answering.asks import brief
from minidesk.answering.facts import plain
from minidesk.answering.rulebook import Rules, rulebook
from minidesk.text.words import distance

_SHORT = 12  # words


def asks_about_people(text: str) -> bool:
    """True if the message asks what the assistant is, or for a fact about people or numbers."""
    return any(
        pattern.search(_tidy(brief(text), at))
        for at, rules in enumerate(rulebook())
        for pattern in rules.not_asking
    )


def wants_human(text: str) -> bool:
    """True if the message asks for a person; typing errors in the words that matter are forgiven."""
    text = brief(text)
    return any(_asks(text, at, rules) for at, rules in enumerate(rulebook()))


def _asks(text: str, at: int, rules: Rules) -> bool:
    for clean in pieces(text, at):
        if any(pattern.search(clean) for pattern in rules.not_asking):
            continue
        if (rules.bare is not None and rules.bare.match(clean)) or any(
            pattern.search(clean) for pattern in rules.asking
        ):
            return True
    return False


def pieces(text: str, at: int) -> list[str]:
    """The sentences of the text, as the patterns of the rulebook's language `at` read them.

    Several short ones may be one request ("agent. now."): then all of it, too. Across long ones, words would meet that
    do not belong together.
    """
    whole = _tidy(text, at)
    parts = [_tidy(part, at) for part in re.split(r"[.!?\n;]+", text) if part.strip()]
    found = dict.fromkeys([*parts, *([whole] if len(whole.split()) <= _SHORT else [])])
    return [clean for clean in found if clean]


def _tidy(text: str, at: int) -> str:
    """The text as the patterns of the rulebook's language `at` read it."""
    rules = rulebook()[at]
    low = re.sub(r"[^\w' -]", " ", rules.fold(plain(text)))
    low = re.sub(r"\s+", " ", low).strip(" -'")
    chat = rules.chat
    return " ".join(_mend(chat.get(word, word), at) for word in low.split())


@lru_cache(maxsize=8192)
def _mend(word: str, at: int) -> str:
    """A near miss of a word that matters becomes that word: `tlak`, `humna`, `agrnt`, `persn`, `mitarbeter`."""
    rules = rulebook()[at]
    if word in rules.fuzzy or len(word) < 4 or word in rules.real:
        return word
    for known in sorted(rules.fuzzy):
        close = len(word) >= 5 or sorted(word) == sorted(known) or (len(known) == 5 and word[0] == known[0])
        if close and abs(len(known) - len(word)) <= 1 and distance(word, known) == 1:
            return known
    return word
