"""Rules of single languages, from the data files in `rules/`: read at their first use, not at import.

A language is a file of its own; every message is held against all of them, since a site's visitors write in more
than one language and short messages ("hi", "agent") do not tell which.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Rules:
    """One language's patterns for tidied text (lower case, single spaces, no punctuation but hyphens and apostrophes)."""

    asking: tuple[re.Pattern[str], ...]  # requests for a person
    not_asking: tuple[re.Pattern[str], ...]  # what looks like one and is not
    bare: re.Pattern[str]  # a whole message that only names a person
    fuzzy: frozenset[str]  # words whose near misses are mended
    real: frozenset[str]  # words near to those, which are meant as they stand
    chat: Mapping[str, str]  # how people shorten words, and what they mean
    smalltalk: tuple[tuple[re.Pattern[str], str], ...]  # with the key of its line behind `ask.`


@lru_cache(maxsize=1)
def rulebook() -> tuple[Rules, ...]:
    """The rules of every language there are, English first: its lines were measured most."""
    folder = resources.files("minidesk.answering") / "rules"
    files = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name != "en.toml"
    )
    return tuple(_read(tomllib.loads(file.read_text(encoding="utf-8"))) for file in files)


def _read(data: dict[str, Any]) -> Rules:
    names: dict[str, str] = data["names"]

    def compiled(pattern: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"<([A-Z]+)>", lambda m: names[m[1]], pattern))

    person = data["person"]
    return Rules(
        tuple(map(compiled, person["asking"])),
        tuple(map(compiled, person["not_asking"])),
        compiled(person["bare"]),
        frozenset(person["fuzzy"]),
        frozenset(person["real"].split()),
        data["chat"],
        tuple((compiled(pattern), key) for key, pattern in data["smalltalk"].items()),
    )
