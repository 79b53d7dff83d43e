"""What is no question: greetings, thanks, goodbyes, "are you a bot?". Each has a fixed, friendly, honest line in the locales."""

import re

from minidesk.answering.facts import plain
from minidesk.answering.rulebook import rulebook

# The keys of the lines, behind `ask.`.
GREETING, BOT, THANKS, BYE, HOW = "hello", "bot", "thanks", "bye", "how"
_LONGEST = 90  # characters; a long message says more than hello


def smalltalk(text: str) -> str | None:
    """The key of the line for a message that asks nothing; None for anything else."""
    low = re.sub(r"\s+", " ", plain(text).lower()).strip()
    if len(low) > _LONGEST:
        return None
    if not re.search(r"\w", low):
        return GREETING
    for rules in rulebook():
        for pattern, key in rules.smalltalk:
            if pattern.match(low):
                return THANKS if key == "ok" else key
    return None
