"""The same word in another form, in languages whose words join and bend more than English ones: "Zahnschmerzen" and
"starke Schmerzen", "Kinder" and "Kind"."""

from collections.abc import Mapping

from minidesk.text.words import stem_in

_JOINING = frozenset(["de"])
# A compound is what its last part says: the visitor's "Krankenkasse" is the page's "Kasse", hardly less sure than the
# word itself. The other way round the page speaks of one kind of the thing only.
_PART_OF, _KIND_OF = 0.85, 0.7
_SHORTEST = 5  # letters of a part: "Ei" ends in many words


def forms_of(word: str, vocabulary: Mapping[str, str], language: str) -> dict[str, float]:
    """Stems of `vocabulary` (stem to word) that are forms or parts of `word`, with how well they hold it, 0 to 1; none for
    English, whose stemmer made the stems."""
    if language not in _JOINING:
        return {}
    own = stem_in(word, language)
    found: dict[str, float] = {}
    for root, other in vocabulary.items():
        theirs = stem_in(other.lower(), language)
        if own == theirs:
            found[root] = 1.0
        elif len(theirs) >= _SHORTEST and own.endswith(theirs):
            found[root] = _PART_OF
        elif len(own) >= _SHORTEST and theirs.endswith(own):
            found[root] = _KIND_OF
    return found
