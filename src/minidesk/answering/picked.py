"""The visitor's answer to "Do you mean …?": which of the choices they tapped or typed."""

import re
from collections.abc import Mapping, Sequence

from minidesk.answering.outcome import Turn
from minidesk.answering.rulebook import rulebook
from minidesk.text.words import content_stems

# "the second one", "2": the place of a choice among those that were offered; -1 is the last.
_PLACES = {
    "1": 0, "first": 0, "1st": 0, "2": 1, "second": 1, "2nd": 1,
    "3": 2, "third": 2, "3rd": 2, "4": 3, "fourth": 3, "4th": 3, "last": -1, "latter": -1, "former": 0,
}  # fmt: skip
_PLACE = re.compile(
    rf"^(?:the\s+)?(?P<place>{'|'.join(_PLACES)})(?:\s+(?:one|choice|option))?$", re.IGNORECASE
)
_AROUND = frozenset({"das", "die", "der", "den", "bitte", "nummer", "option"})
# Who keeps the conversation themselves (the OpenAI-compatible API) sends back our text alone: names in quotes, as
# `ask.choices` of the locales writes them.
_QUOTED = re.compile(r"[“„«「]\s?([^“”„«»「」]{1,40}?)\s?[”“»」]")


def offered(history: Sequence[Turn]) -> tuple[str, ...]:
    """The choices of the turn just before the visitor's message; empty if that was no "Do you mean …?"."""
    last = history[-1] if history else None
    if last is None or last.role != "assistant":
        return ()
    if last.choices:
        return last.choices
    named = tuple(_QUOTED.findall(last.text))
    return named if len(named) >= 2 and last.text.rstrip().endswith(("?", "？", "؟")) else ()


def picked(message: str, history: Sequence[Turn]) -> str | None:
    """The choice that the message names: by its text, its place, or words that only it has. None: something else is said."""
    names = offered(history)
    said = _bare(message)
    if not names or not said:
        return None
    for name in names:
        if _bare(name) == said:
            return name
    place = _PLACE.match(said)
    if place:
        at = _PLACES[place["place"]]
        return names[at] if at < len(names) else None
    for rules in rulebook():
        if (found := _placed(said, rules.places)) is not None:
            return names[found] if found < len(names) else None
    own = set(content_stems(said))
    holding = [name for name in names if own and own <= set(content_stems(name))]
    return holding[0] if len(holding) == 1 else None


def _placed(said: str, places: Mapping[str, int]) -> int | None:
    """ "das zweite", "die letzte bitte": one word that tells a place, with an article or "bitte" around it at most."""
    found = [word for word in said.split() if word not in _AROUND]
    if len(found) != 1:
        return None
    return places.get(found[0], places.get(re.sub(r"[nrs]$", "", found[0])))


def _bare(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!?…\"'“”„«»")
