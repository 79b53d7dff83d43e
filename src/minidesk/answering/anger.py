"""Is the visitor angry at whoever they write to? Rules of language, as data (`rules/`), as in `wants_human`.

Anger names us ("you people", "worst shop ever"), what goes on ("this is a joke"), what one feels, or that one has asked
again and again and nobody answers. A curse alone, capitals and exclamation marks are no anger: people write so.

There is this one list: what hands a visitor off as angry is what their ticket says of their mood.
"""

import re

from minidesk.answering.asks import brief
from minidesk.answering.rulebook import rulebook
from minidesk.answering.wants_human import pieces

_FURIOUS = frozenset("😡🤬🖕")
_SENTENCE = re.compile(r"[^.!?\n;]+[.!?]*")


def angry(text: str) -> bool:
    """True if a person should take over because of how the visitor feels about us."""
    text = brief(text)
    if not _FURIOUS.isdisjoint(text):
        return True
    return any(
        any(pattern.search(clean) for pattern in rules.anger)
        and not any(pattern.search(clean) for pattern in rules.not_anger)
        for at, rules in enumerate(rulebook())
        if rules.anger
        for clean in pieces(text, at)
    )


def anger_in(text: str) -> tuple[tuple[int, int], ...]:
    """Where `angry` is heard, as (start, end) of whole sentences; all of the text where none of them says it alone."""
    if not angry(text):
        return ()
    spans = [
        (match.start() + len(found) - len(found.lstrip()), match.start() + len(found.rstrip()))
        for match in _SENTENCE.finditer(text)
        if angry(found := match.group())
    ]
    start = len(text) - len(text.lstrip())
    return tuple(spans) or ((start, len(text.rstrip())),)
