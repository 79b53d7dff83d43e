"""The visitor's answer to "Would you like a person to help you?"."""

import re
from collections.abc import Sequence

from minidesk.answering.outcome import Turn
from minidesk.answering.smalltalk import THANKS, smalltalk
from minidesk.text.locale import Texts

# "Ok thanks" closes a talk: with a thank-you beside it this word says only that something was heard, in every language.
_HEARD = frozenset({"ok", "okay", "okey", "oki", "k"})
_LONGEST = 8  # words; who says more says more than yes or no


def answer_to_offer(message: str, history: Sequence[Turn], texts: Texts) -> bool | None:
    """Whether a person is wanted, where the turn just before offered one; None where it did not, or where something else
    is said. Without it "yes please" would be looked up on the pages."""
    last = history[-1] if history else None
    if last is None or last.role != "assistant":
        return None
    # By our own words, not by a mark on the turn: who keeps the conversation themselves sends back our text alone.
    if not any(_ends(last.text, texts.t("ask.not_found", locale)) for locale in texts.locales):
        return None
    said = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", message.casefold().replace("’", "'"))
    if not 0 < len(said) <= _LONGEST:
        return None
    for locale in texts.locales:
        for key, meant in (("ask.means_no", False), ("ask.means_yes", True)):
            own, _, beside = texts.t(key, locale).partition("|")
            words = set(own.split())
            if not words.isdisjoint(said) and words.union(beside.split()).issuperset(said):
                heard = meant and words.intersection(said) <= _HEARD and smalltalk(message) == THANKS
                return None if heard and set(said) - _HEARD else meant
    return None


def _ends(text: str, line: str) -> bool:
    """Whether `text` ends with the line's last sentence: its first one may name a word, or stand behind an answer."""
    return text.rstrip().endswith(re.split(r"(?<=[.!。])\s*(?=\S)", line.strip())[-1])
