"""The same word in another form, in languages whose words join and bend more than English ones: "Zahnschmerzen" and
"starke Schmerzen", "Kinder" and "Kind", "Kinderkurse" and "Kurse für Kinder"."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from minidesk.text.words import stem_in

_JOINING = frozenset(["de"])
# A compound is what its last part says: the visitor's "Krankenkasse" is the page's "Kasse", hardly less sure than the
# word itself. The other way round the page speaks of one kind of the thing only.
_PART_OF, _KIND_OF = 0.85, 0.7
# "Aquarellmalerei" has to do with "Aquarell", and may be something else than that.
_BEGINS = 0.5
_SHORTEST = 5  # letters of a part: "Ei" ends in many words
# Who is "krank" is told under "Krankheit".
_DERIVED = 0.85
_ENDINGS = re.compile(r"(?:heit|keit|igkeit|ung|lich|ig|isch|schaft|nis|bar|los|haft|er|in|erin|t)")
_ROOT = 4  # letters of a root that another word is made of
# Both parts of a compound beside each other say what it says.
BOTH_PARTS = 0.9
_HEAD, _FRONT = 4, 3  # letters of each part, where the other one must stand there too
_PARTICIPLE = re.compile(
    r"(?P<first>ab|an|auf|aus|bei|ein|fest|los|mit|nach|statt|teil|um|vor|weg|zu|zurück|zusammen)ge(?P<root>\w{3,}?)(?:t|en)"
)
_UMLAUTS = str.maketrans("äöü", "aou")
_LINKS = frozenset(["", "s", "es", "n", "en", "er", "e", "ens", "-"])


@dataclass(frozen=True, slots=True)
class Parts:
    """Stems of the page's words that are the front and the head of a compound."""

    front: frozenset[str]
    head: frozenset[str]


def forms_of(
    word: str, vocabulary: Mapping[str, str], language: str, *, whole: bool = False
) -> dict[str, float]:
    """Stems of `vocabulary` (stem to word) that are forms or parts of `word`, with how well they hold it, 0 to 1; none for
    English, whose stemmer made the stems. `whole`: its last part alone does not do ("Gibt es Tanzkurse?" is not answered by
    any course)."""
    if language not in _JOINING:
        return {}
    own, shapes = stem_in(word, language), _shapes(word, language)
    found: dict[str, float] = {}
    for root, other in vocabulary.items():
        theirs = stem_in(other.lower(), language)
        if not shapes.isdisjoint(_shapes(other.lower(), language)):
            found[root] = 1.0
        elif not whole and len(theirs) >= _SHORTEST and own.endswith(theirs):
            found[root] = _PART_OF
        elif _derived(own, theirs):
            found[root] = _DERIVED
        elif len(own) >= _SHORTEST and theirs.endswith(own):
            found[root] = _KIND_OF
        elif len(own) >= _SHORTEST and theirs.startswith(own):
            found[root] = _BEGINS
    return found


@lru_cache(maxsize=16_384)
def _shapes(word: str, language: str) -> frozenset[str]:
    """The stem, and the word as it stands: Snowball takes "kur" of "Kurs" and "kurs" of "Kurse". "Online-Kurs" is "Onlinekurs",
    and "abgebucht" is of "abbuchen"."""
    plain = word.replace("-", "")
    found = {
        stem_in(word, language),
        word.translate(_UMLAUTS),
        stem_in(plain, language),
        plain.translate(_UMLAUTS),
    }
    if participle := _PARTICIPLE.fullmatch(word):
        found.add(stem_in(f"{participle['first']}{participle['root']}en", language))
    return frozenset(found)


def _derived(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _ROOT and long.startswith(short) and bool(_ENDINGS.fullmatch(long, len(short)))


def parts_of(word: str, vocabulary: Mapping[str, str], language: str) -> Parts | None:
    """The words of `vocabulary` that a compound is put together of; None where it is none, or they are not all there."""
    if language not in _JOINING or len(word) < _HEAD + _FRONT:
        return None
    shapes = [(root, _shapes(other.lower(), language)) for root, other in vocabulary.items()]
    front: set[str] = set()
    head: set[str] = set()
    for own in _shapes(word, language):
        for end in {
            s for _, known in shapes for s in known if _HEAD <= len(s) < len(own) and own.endswith(s)
        }:
            rest = own[: -len(end)].rstrip("-")
            begun = {root for root, known in shapes if any(_begins(rest, s) for s in known)}
            if begun:
                front |= begun
                head |= {root for root, known in shapes if end in known}
    return Parts(frozenset(front), frozenset(head)) if front else None


def _begins(rest: str, front: str) -> bool:
    return len(front) >= _FRONT and rest.startswith(front) and rest[len(front) :] in _LINKS
