"""Is the visitor angry at whoever they write to? Rules of language, as data (`rules/`), as in `wants_human`.

Anger names us ("you people", "worst shop ever"), what goes on ("this is a joke"), what one feels, or that one has asked
again and again and nobody answers. A curse alone, capitals and exclamation marks are no anger: people write so.
"""

from minidesk.answering.asks import brief
from minidesk.answering.rulebook import rulebook
from minidesk.answering.wants_human import pieces

_FURIOUS = frozenset("😡🤬🖕")


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
