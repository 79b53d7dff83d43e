"""Whether a sentence says its page's words as strongly as the page does, in languages of which the proof knows only words.

Every content word stands on the page already (`prove.py`). What is left to get wrong are the small words: a "nicht"
more or less, "muss" for "kann", "bis" for "ab", a condition left away, the figure of one thing for another. A language's
file in `rules/` names them; nothing else of the language is known here.
"""

import re
from collections.abc import Sequence

from minidesk.answering.rulebook import ProofWords, rules_for

_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSES = re.compile(r",\s+|\s+[–—-]\s+|\s*;\s*")
_WORD = re.compile(r"[^\W\d_]+")
_SHORT = 3  # letters up to which a word is hardly ever a noun or verb


def agrees_abroad(sentence: str, span: str) -> bool:
    """True where no word of force was added, lost or changed; also where the language is not one of these. CPU work."""
    rules = rules_for(sentence, span)  # a short sentence may hold none of the words that tell
    return rules is None or rules.proof is None or _agrees(sentence, span, rules.proof)


def _agrees(sentence: str, span: str, words: ProofWords) -> bool:
    made_of = _made_of(sentence, span)
    if not made_of:
        return False
    clauses = _used(sentence, made_of)
    return (
        _equally_strong(sentence, clauses, words)
        and _bounds_agree(sentence, " ".join(made_of), words)
        and not any(_turned_round(sentence, piece, words) for piece in made_of)
        and _conditions_kept(sentence, made_of, clauses, words)
        and _figures_belong(sentence, span, words)
    )


def _made_of(sentence: str, span: str) -> list[str]:
    """The sentences of the span that hold its words, the one with most of them first."""
    left = _content(sentence)
    pieces = [piece for piece in _SENTENCES.split(span) if piece.strip()]
    found: list[str] = []
    while left and pieces:
        best = max(pieces, key=lambda piece: len(left & _content(piece)))
        if not left & _content(best):
            break
        found.append(best)
        left -= _content(best)
        pieces.remove(best)
    return found


def _used(sentence: str, made_of: Sequence[str]) -> list[str]:
    """The clauses of these that give the sentence a word that no clause before gave."""
    left = _content(sentence)
    found: list[str] = []
    for piece in made_of:
        for clause in _CLAUSES.split(piece):
            if left & _content(clause):
                found.append(clause)
                left -= _content(clause)
    return found


def _equally_strong(sentence: str, clauses: Sequence[str], words: ProofWords) -> bool:
    low, there = sentence.lower(), " , ".join(clauses).lower()
    return all(len(pattern.findall(low)) == len(pattern.findall(there)) for pattern in words.alike.values())


def _bounds_agree(sentence: str, page: str, words: ProofWords) -> bool:
    """A figure has the limit that it has on the page, and none that it has not."""
    said, there = _bounds(sentence, words), _bounds(page, words)
    figures = set(words.figure.findall(sentence.lower()))
    return said <= there and {bound for bound in there if bound[1] in figures} <= said


def _bounds(text: str, words: ProofWords) -> set[tuple[str, str]]:
    low = text.lower()
    return {
        (kind, match["figure"]) for kind, pattern in words.bounds.items() for match in pattern.finditer(low)
    }


def _turned_round(sentence: str, page: str, words: ProofWords) -> bool:
    said, there = set(_WORD.findall(sentence.lower())), set(_WORD.findall(page.lower()))
    return any(
        (one in said and one not in there and other in there and other not in said)
        or (other in said and other not in there and one in there and one not in said)
        for one, other in words.opposites
    )


def _conditions_kept(
    sentence: str, made_of: Sequence[str], clauses: Sequence[str], words: ProofWords
) -> bool:
    """What holds under a condition is not said without it."""
    said = set(_WORD.findall(sentence.lower()))
    for piece in made_of:
        for clause in _CLAUSES.split(piece):
            opening = _WORD.findall(clause.lower())[:2]
            if words.conditions & set(opening) - said and clause not in clauses:
                return False
    return True


def _figures_belong(sentence: str, span: str, words: ProofWords) -> bool:
    """ "Zelte fünf Jahre, Schuhe zwei": a noun of another figure's clause does not take the place of this one's."""
    low, mine = sentence.lower(), _names(sentence)
    numbered = [
        clause for clause in _CLAUSES.split(_SENTENCES.sub("; ", span)) if words.figure.search(clause.lower())
    ]
    for figure in set(words.figure.findall(low)):
        own = [clause for clause in numbered if figure in words.figure.findall(clause.lower())]
        others = [clause for clause in numbered if clause not in own]
        if not own or not others:
            continue
        elsewhere = {name for clause in others for name in _names(clause)}
        here = {name for clause in own for name in _names(clause)}
        if mine & elsewhere - here and all(_names(clause) - mine for clause in own):
            return False
    return True


def _content(text: str) -> set[str]:
    """Words that could be nouns or verbs, and figures; without the ends that inflection changes."""
    found = {
        word[:-1] if len(word) > 5 else word for word in _WORD.findall(text.lower()) if len(word) > _SHORT
    }
    return found | set(re.findall(r"\d[\d.,:]*\d|\d", text))


def _names(text: str) -> set[str]:
    """Nouns, where a language writes them with a capital; the first word of a sentence as well."""
    return {word.lower() for word in _WORD.findall(text) if word[:1].isupper() and len(word) > _SHORT}
