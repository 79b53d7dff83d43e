"""Whether a sentence says its page's words as strongly as the page does, in languages of which the proof knows only words.

Every content word stands on the page already (`prove.py`), or its form says it (`borne_by_form`). What is left to get
wrong are the small words: a "nicht" more or less, "muss" for "kann", "bis" for "ab", a condition left away, the figure of
one thing for another, the hours of another day. A language's file in `rules/` names them; nothing else of the language is
known here.
"""

import re
from collections.abc import Sequence

from minidesk.answering.facts import FactKind, facts
from minidesk.answering.rulebook import ProofWords, SaidByForm, rules_for
from minidesk.answering.spans import Span
from minidesk.answering.weekdays import GERMAN, weekdays

_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSES = re.compile(r",\s+|\s+[–—-]\s+|\s*;\s*")
_WORD = re.compile(r"[^\W\d_]+")
_SOMEONE = re.compile(r"\b(?:Sie|wir|ich|man|ihr|es|er)\b", re.IGNORECASE)
_AND_SOMEONE = re.compile(r"\s+und\s+(?=[a-zäöü]+\s+(?:Sie|wir|ich|man|ihr)\b)")
_SHORT = 3  # letters up to which a word is hardly ever a noun or verb
_WITH_UNITS: frozenset[FactKind] = frozenset(["money", "percent", "duration", "measure", "time", "date"])
_COUNTED: frozenset[FactKind] = _WITH_UNITS - {"date"} | {"number"}
_RANGE = re.compile(
    r"(?:\bvon\s+)?(\d[\d.]*)\s*(?:\bbis\b|[-–—])\s*(\d[\d.]*)|\bzwischen\s+(\d[\d.]*)\s+und\s+(\d[\d.]*)",
    re.IGNORECASE,
)
# Of these days only; other languages' are compared where they are known.
_DAY = re.compile(
    rf"\b({'|'.join(GERMAN)}|sonnabend)(?:e?s|en?|morgens?|vormittags?|mittags?|nachmittags?|abends?)?\b",
    re.IGNORECASE,
)
_BY_DAY = re.compile(
    rf"[,;.|]\s+|\n+|\s+(?:und|sowie)\s+(?=(?:\w+\s+)?(?:{'|'.join(GERMAN)}))", re.IGNORECASE
)


def agrees_abroad(sentence: str, span: str, around: str = "", *, row: bool = False) -> bool:
    """True where no word of force was added, lost or changed; also where the language is not one of these. CPU work.

    `around`: headings, which may name the day that a time holds for; `row`: of a table, whose cells belong to the first.
    """
    rules = rules_for(sentence, span)  # a short sentence may hold none of the words that tell
    if rules is None or rules.proof is None:
        return True
    agrees = _agrees(_figured(sentence), _figured(span), rules.proof, row=row)
    return agrees and _days_agree(sentence, span, around)


def borne_by_form(sentence: str, span: Span) -> frozenset[str]:
    """The words of `sentence` that `span` need not have: its form says them, or a figure that stands there."""
    rules = rules_for(sentence, span.text)
    if rules is None or rules.proof is None or rules.proof.said is None:
        return frozenset()
    own, there = rules.proof.said, set(_WORD.findall(span.text.lower()))
    figures = [fact for fact in facts(sentence) if fact.kind in _WITH_UNITS and fact.key in span.facts]
    found = own.light | {
        word for fact in figures for word in _WORD.findall(sentence[fact.start : fact.end].lower())
    }
    verbs = rules.proof.narrowing.verbs if rules.proof.narrowing is not None else frozenset[str]()
    if span.row or not there & verbs:
        found |= own.row if there & {"wir", "sie", "ihr", "ich"} else own.row | own.we
    kinds = {fact.kind for fact in figures}
    if "money" in kinds and (span.row or _has_price(span.text, own)):
        found |= own.price
    if "time" in kinds and span.row and own.hours_head.search(span.around):
        found |= own.hours
    return found


def _has_price(text: str, words: SaidByForm) -> bool:
    return any(
        words.price_behind.search(text, max(0, fact.start - 30), fact.start)
        for fact in facts(text)
        if fact.kind == "money"
    )


def _figured(text: str) -> str:
    """Figures with their units, in digits of one form: "drei Wochen" and "21 Tage" are the same, "von 8 bis 12" and "8 – 12"."""
    for fact in reversed(facts(text)):
        if fact.kind in _COUNTED and "|" not in fact.value:
            text = f"{text[: fact.start]} {fact.value.rsplit(' ', 1)[-1]} {text[fact.end :]}"
    return _RANGE.sub(lambda m: f"{m[1] or m[3]}–{m[2] or m[4]}", text)


def _days_agree(sentence: str, span: str, around: str) -> bool:
    """Each day that is said is named there, and has the times that are said."""
    said = _days(sentence)
    times = {fact.value for fact in facts(sentence) if fact.kind == "time"}
    if not said <= (_days(span) or _days(around)):
        return False
    if not times:
        return True
    held: list[tuple[frozenset[str], set[str]]] = []
    days: frozenset[str] = frozenset()
    for piece in _BY_DAY.split(span):
        days |= _days(piece)
        own = {fact.value for fact in facts(piece) if fact.kind == "time"}
        if own:  # days in front of a comma have the times behind it
            held.append((days, own))
            days = frozenset()
    if not any(days for days, _ in held):
        return True
    if not said:
        return any(times & own and not days for days, own in held)
    return all(times <= {time for days, own in held if day in days for time in own} for day in said)


def _days(text: str) -> frozenset[str]:
    named = {match[1].lower().replace("sonnabend", "samstag") for match in _DAY.finditer(text)}
    return frozenset(named) | (weekdays(text) & frozenset(GERMAN))


def _agrees(sentence: str, span: str, words: ProofWords, *, row: bool) -> bool:
    made_of = _made_of(sentence, span)
    if not made_of:
        return False
    clauses = _used(sentence, made_of)
    return (
        _equally_strong(sentence, clauses, words)
        and _bounds_agree(sentence, " ".join(made_of), words)
        and not any(_turned_round(sentence, piece, words) for piece in made_of)
        and _conditions_kept(sentence, made_of, clauses, words)
        and _figures_belong(sentence, span.partition("; ")[2] if row else span, words)
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


def _clauses(text: str) -> list[str]:
    """Cut at commas and dashes; at "and" where a verb with its subject stands on both sides of it."""
    found: list[str] = []
    for clause in _CLAUSES.split(text):
        first, *others = _AND_SOMEONE.split(clause)
        if others and _SOMEONE.search(first):
            found += [first, *others]
        else:
            found.append(clause)
    return found


def _used(sentence: str, made_of: Sequence[str]) -> list[str]:
    """The clauses of these that give the sentence a word that no clause before gave."""
    left = _content(sentence)
    found: list[str] = []
    for piece in made_of:
        for clause in _clauses(piece):
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
        for clause in _clauses(piece):
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
