"""What visitors call a thing and what pages call it: the lines of a language's file in `sayings/`.

Found by their stems, so that a line need not list "cancelled" beside "cancel". Only words of the question are looked up
here; `rank.py` looks for the pages' words among the units'.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from minidesk.text.language import language_of
from minidesk.text.words import stem_in

# Between the two parts of "send … back" stands what is sent: "it", "my old boots".
_BETWEEN = 3
_PARTICLES = frozenset(["back", "up", "off", "out", "over", "zurück", "ab", "an", "aus"])


@dataclass(frozen=True, slots=True)
class Saying:
    """One way to say it: stems of the words behind its first one, and the words that pages have for it."""

    rest: tuple[str, ...]
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The places of its words among the tokens of a question, and the words that pages have for it."""

    at: tuple[int, ...]
    pages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VisitorWords:
    """A language's table: sayings by the stem of their first word, and words that a page need not have."""

    language: str
    sayings: Mapping[str, tuple[Saying, ...]]
    everyday: frozenset[str]

    def found(self, tokens: Sequence[str]) -> tuple[Found, ...]:
        """The sayings in a question, given by its words in lower case; the longest of those that begin together."""
        stems = [stem_in(token, self.language) for token in tokens]
        found: list[Found] = []
        whole = -1  # up to here a phrase without gaps: "credit" in "credit card" is nothing by itself
        for first, root in enumerate(stems):
            ends = {
                saying: last
                for saying in (self.sayings.get(root, ()) if first > whole else ())
                if (last := self._end(saying, first, stems)) is not None
            }
            longest = max(ends.values(), default=first)
            here = [saying for saying, last in ends.items() if last == longest]
            joined = any(first + len(saying.rest) == longest for saying in here)
            whole = longest if here and joined else whole
            at = tuple(range(first, longest + 1)) if joined else (first, longest)
            found += [Found(at, saying.pages) for saying in here]
        return tuple(found)

    def _end(self, saying: Saying, first: int, stems: Sequence[str]) -> int | None:
        """Where the saying that begins at `first` ends; None where its other words do not follow."""
        behind = first + 1
        if not saying.rest:
            return first
        if tuple(stems[behind : behind + len(saying.rest)]) == saying.rest:
            return first + len(saying.rest)
        if len(saying.rest) == 1 and saying.rest[0] in _PARTICLES:
            near = stems[behind : behind + _BETWEEN + 1]
            return behind + near.index(saying.rest[0]) if saying.rest[0] in near else None
        return None


def visitor_words(text: str, pages: str | None) -> VisitorWords | None:
    """The table for `text`, whose language it is, or that of the pages where it does not tell; None where there is none."""
    return _tables().get(language_of(text) or pages or "en")


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, VisitorWords]:
    """By language: read at their first use, not at import."""
    folder = resources.files("minidesk.answering") / "sayings"
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    names = [file.name.removesuffix(".toml") for file in files]
    return {
        name: _read(name, tomllib.loads(file.read_text(encoding="utf-8")))
        for name, file in zip(names, files, strict=True)
    }


def _read(language: str, table: Mapping[str, str]) -> VisitorWords:
    sayings: dict[str, list[Saying]] = {}
    for line in table["same"].splitlines():
        if not line or line.startswith("#"):
            continue
        left, _, right = line.partition(">")
        said = [way.strip() for way in left.split(",") if way.strip()]
        # What stands behind ">" was chosen for the page's side; of phrases on both sides one word alone would be held.
        pages = right.replace(",", " ").split() if right else [way for way in said if " " not in way]
        for way in said:
            head, *rest = (stem_in(word, language) for word in way.split())
            others = tuple(word for word in pages if word != way)
            sayings.setdefault(head, []).append(Saying(tuple(rest), others))
    listed = {head: tuple(ways) for head, ways in sayings.items()}
    return VisitorWords(language, listed, frozenset(table["everyday"].split()))
