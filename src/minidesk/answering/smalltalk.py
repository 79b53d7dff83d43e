"""What is no question: greetings, thanks, goodbyes, "are you a bot?", "test". Each has a fixed, friendly, honest line in the locales."""

import re

from minidesk.answering.facts import plain
from minidesk.answering.rulebook import rulebook

# The keys of the lines, behind `ask.`.
GREETING, BOT, THANKS, BYE, HOW = "hello", "bot", "thanks", "bye", "how"
MISUNDERSTOOD = "misunderstood"  # no small talk: what was answered is turned down
READY, GO_AHEAD, SPEAKS, ASIDE = "ready", "go_ahead", "speaks", "aside"
_LONGEST = 90  # characters; a long message says more than hello
_CONTENT = re.compile("[👍👌🙏❤💯✅✔👏💪🎉]")


def smalltalk(text: str) -> str | None:
    """The key of the line for a message that asks nothing; None for anything else."""
    return next(iter(_said(text).values()), None)


def smalltalk_in(text: str) -> tuple[str, ...]:
    """The languages in which the message is small talk; "ok" is one in many, a thumb and "lol" in none."""
    return tuple(language for language in _said(text) if language != "any")


def _said(text: str) -> dict[str, str]:
    """The key of the line, by the language in which the message asks for it."""
    clean = re.sub(r"\s+", " ", plain(text)).strip()
    if len(clean) > _LONGEST:
        return {}
    if not re.search(r"\w", clean):
        return {"any": THANKS if _CONTENT.search(clean) else GREETING}
    found: dict[str, str] = {}
    for rules in rulebook():
        low = rules.fold(clean)
        key = next((key for pattern, key in rules.smalltalk if pattern.match(low)), None)
        if key is not None:
            found[rules.language] = THANKS if key == "ok" else key
    return found
