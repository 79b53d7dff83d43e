"""Of two statements that stand side by side no third is made: what one thing is said to be is not said of the next.

"Singles have a shower, all other rooms have a bath" holds each word of "Singles have a bath". So a sentence and its span
are cut into clauses, each with its subject and what is said of it; a clause of the sentence that names the subject of one
and says what only the other one says is neither. The same for "the desktop app does, the web app does not", where all
that is said is yes or no.

Cut without a grammar: the words before the first verb are the subject. A verb that is not known joins two clauses into
one, which refuses nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from minidesk.answering.alike import LIGHT, alike
from minidesk.answering.claims import PAIRED
from minidesk.answering.facts import facts
from minidesk.answering.rank import surface
from minidesk.answering.rulebook import Narrowing, rules_for
from minidesk.answering.spans import Span
from minidesk.text.words import stem, words

_AUXILIARY = (
    "is are was were be can cannot can't could may might must will won't would shall should has have had hasn't haven't do does "
    "did don't doesn't isn't aren't"
)
VERBS = frozenset(
    (
        f"{_AUXILIARY} costs cost pays pay needs need gets get takes take keeps keep applies apply ends end lasts last starts start "
        "works work goes go comes come stands stand reaches reach receives receive gives give includes include expires expire covers "
        "cover belongs belong runs run grows grow accepts accept becomes become remains remain stays stay charges arrives arrive "
        "enters enter returns opens closes allows allow requires require offers provides provide uses sees see shows show sends "
        "faces face contains contain holds hold leaves begins begin bears bear supports wins earns earn saves asks lets renews "
        "continues continue"
    ).split()
)
_BARE = frozenset(_AUXILIARY.split()) | {"not", "too", "either", "also", "so"}
_NOT = re.compile(r"\b(?:not|never|cannot|nicht|kein\w*|nie|neither)\b|n't\b", re.IGNORECASE)
_CUT = re.compile(
    r"(?P<end>[.!?;:]\s+|\n+)|(?P<comma>,\s+(?:(?:and|but|or|while|whereas|und|aber|während|doch)\s+)?)"
    r"|(?P<join>\s+(?:and|but|or|while|whereas|und|oder|aber)\s+)|\s*[()]\s*|\s+[–—]\s+",
    re.IGNORECASE,
)
# "… at the end of a period and upgrade at any time": a second verb with when, where or how.
_AND_DOES = re.compile(
    r"\s(?:and|und)\s(?P<verb>[^\W\d_]+)(?=\s(?:at|by|in|on|within|after|before|until|during|for|from|with|without|under|up to|only|once|twice|free)\b)",
)
_POINTS = frozenset("it they these those this that he she we you i es sie er wir ihr man dies diese".split())  # noqa: SIM905 (a word list)
# "Spezialfutter bringen Sie mit": in front of a subject that stands behind it, the verb; no list has to know it.
_VERB_SECOND = re.compile(r"(?<=\w )[a-zäöüß]{2,}(?:n|t|e)(?= (?:Sie|wir|ihr|man|ich|es|er)\b)")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n+")
_COORDINATE = re.compile(r",\s|\s(?:and|or|und|oder)\s", re.IGNORECASE)
_MONTHS = frozenset(
    "january february march april june july august september october november december "  # noqa: SIM905 (a word list)
    "januar februar märz mai juni juli oktober dezember".split()
)
_COSTS = frozenset(
    map(stem, ("costs", "kostet", "kosten"))
)  # what stands beside a price says no more than it
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
# Before these no clause of its own begins: they belong to the noun or to the verb that stands already.
_BELONGS = frozenset("to that which who whose if when unless as than because".split())  # noqa: SIM905 (a word list)


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the things that a sentence of the page says side by side."""

    held: frozenset[tuple[str, str]]  # its figures
    roots: frozenset[str]
    behind: frozenset[str]  # those behind its last figure


@dataclass(frozen=True, slots=True)
class _Clause:
    subject: frozenset[str]
    said: frozenset[str]  # of the subject
    denied: bool
    bare: bool  # "does not": only whether


def uncrossed(sentence: str, span: Span) -> bool:
    """Whether each clause of the sentence says of its subject what the span says of that. CPU work of some 0.5 ms."""
    if span.row:
        return True
    rules = rules_for(sentence, span.text)
    words = rules.proof.narrowing if rules is not None and rules.proof is not None else None
    if not _with_its_own(sentence, span.text, words):
        return False
    if _gapped(sentence, span.text, words):
        return False
    there = _clauses(span.text, words)
    if len(there) < 2:
        return True
    return not any(
        _crossed(clause, there) or _answered_otherwise(clause, there) for clause in _clauses(sentence, words)
    )


def _gapped(sentence: str, span: str, words: Narrowing | None) -> bool:
    """Whether the sentence is made of halves: "into a larger one at once, into a smaller one at the end"."""
    small = words.small if words is not None else frozenset[str]()
    said = _roots(sentence, small)
    for whole in _SENTENCES.split(span):
        parts = [part for part in re.split(r"[,;]\s+(?:(?:and|but|und|aber)\s+)?", whole) if part.strip()]
        for one, other in pairwise(parts):
            opens = [next((m.group().lower() for m in _WORD.finditer(part)), "") for part in (one, other)]
            if opens[0] != opens[1] or opens[0] in _POINTS:
                continue
            if _of_both_halves(said, _roots(one, small), _roots(other, small)):
                return True
        if any(
            _of_both_halves(
                said, _roots(part[: m.start()], small), _roots(f"{m['verb']}{part[m.end() :]}", small)
            )
            for part in parts
            for m in _AND_DOES.finditer(part)
        ):
            return True
    return False


def _of_both_halves(said: frozenset[str], one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether something of each half is said and something of each is not."""
    first, second = one - other - _COSTS, other - one - _COSTS
    return bool(first & said and second & said and _unsaid(first, said) and _unsaid(second, said))


def _unsaid(half: frozenset[str], said: frozenset[str]) -> bool:
    return any(not alike(root, said) for root in half - said - LIGHT)


def _with_its_own(sentence: str, span: str, words: Narrowing | None) -> bool:
    """ "58 € inside and 94 € outside hours": who says one of two things that are said side by side says what that one is."""
    if not _COORDINATE.search(span) or not any(fact.kind in PAIRED for fact in facts(sentence)):
        return True
    small = words.small if words is not None else frozenset[str]()
    wholes = [_side_by_side(whole, small) for whole in _SENTENCES.split(span)]
    for clause in _SENTENCES.split(sentence):
        about = _told(clause, small)
        for key in {fact.key for fact in facts(clause) if fact.kind in PAIRED}:
            there = [parts for parts in wholes if any(key in part.held for part in parts)]
            if there and not any(
                _is_of(about, parts, key) and _goes_on(about, parts, key) for parts in there
            ):
                return False
    return True


def _is_of(about: frozenset[str], parts: Sequence[_Part], key: tuple[str, str]) -> bool:
    """Whether what is said of a figure is said of it in these parts, or nothing is that another part says."""
    mine = [part.roots for part in parts if key in part.held]
    if len(mine) != 1 or len(parts) < 2:
        return True
    others = frozenset().union(*(part.roots for part in parts if key not in part.held))
    own = mine[0] - others
    return not own or not about & others - mine[0] or any(root in own or alike(root, own) for root in about)


def _goes_on(about: frozenset[str], parts: Sequence[_Part], key: tuple[str, str]) -> bool:
    """ "By 31 January for March and by 31 July for September": what stands behind a figure is said of that one."""
    mine = [part.behind for part in parts if key in part.held]
    others = frozenset().union(*(part.behind for part in parts if key not in part.held))
    if len(mine) != 1 or not mine[0] - others:
        return True
    return not about & others - mine[0] or bool(about & mine[0] - others)


def _side_by_side(whole: str, small: frozenset[str]) -> list[_Part]:
    """The parts of a sentence of the page, with their figures and words; names before a figure share it."""
    made: list[_Part] = []
    waiting: frozenset[str] = frozenset()
    for part in _COORDINATE.split(whole):
        figures = [fact for fact in facts(part) if fact.kind in PAIRED]
        roots = _told(part, small) | waiting
        if not figures and not made:
            waiting = roots
        else:
            behind = _told(part[figures[-1].end :], small) if figures else frozenset[str]()
            made.append(_Part(frozenset(fact.key for fact in figures), roots, behind))
            waiting = frozenset()
    return made


def _told(text: str, small: frozenset[str]) -> frozenset[str]:
    """What a text says beside its figures; of "by 31 January for the end of March" the March."""
    for fact in reversed(facts(text)):
        if fact.kind in PAIRED:
            text = f"{text[: fact.start]} {text[fact.end :]}"
    months = frozenset(stem(word) for word in words(text) if word in _MONTHS)
    return months | frozenset(
        root for root in _roots(text, small) - LIGHT if not any(c.isdigit() for c in root)
    )


def _crossed(mine: _Clause, there: Sequence[_Clause]) -> bool:
    for own in there:
        named = mine.subject & own.subject
        if not named:
            continue
        for other in there:
            rival = other.subject - own.subject
            if not named - other.subject or not rival - mine.subject:
                continue
            taken = mine.said & other.said - own.subject - own.said
            # The same thing may be spoken of twice.
            taken -= frozenset().union(
                *(c.subject | c.said for c in there if (named - other.subject) <= c.subject)
            )
            kept = own.said - other.said
            if taken and not any(
                root in kept or (root not in other.said and alike(root, kept)) for root in mine.said
            ):
                return True
    return False


def _answered_otherwise(mine: _Clause, there: Sequence[_Clause]) -> bool:
    """Whether the span says of this subject a bare yes where the sentence denies, or a bare no where it does not."""
    for own in there:
        if not own.bare or own.denied == mine.denied:
            continue
        named = (mine.subject & own.subject) - frozenset().union(*(c.subject for c in there if c is not own))
        if named:
            return True
    return False


def _clauses(text: str, words: Narrowing | None) -> list[_Clause]:
    """The clauses with a subject of their own; what goes on without one belongs to the clause before."""
    verbs = words.verbs if words is not None else VERBS
    small = words.small if words is not None else frozenset[str]()
    made: list[_Clause] = []
    waiting = ""  # "Gold and …": the subject goes on
    for chunk, goes_on in _chunks(text):
        verb = next((m for m in _WORD.finditer(chunk) if m.group().lower() in verbs), None)
        if verb is None and words is not None:
            verb = _VERB_SECOND.search(chunk)
        opening = next((m.group().lower() for m in _WORD.finditer(chunk)), "")
        if verb is None and goes_on and opening not in _POINTS | _BELONGS:
            waiting = f"{waiting} {chunk}"
            continue
        start = verb.start() if verb is not None else len(chunk)
        before, rest = _roots(f"{waiting} {chunk[:start]}", small), _roots(chunk[start:], small)
        waiting = ""
        denied = bool(_NOT.search(chunk, start))
        bare = verb is not None and all(w.lower() in _BARE for w in _WORD.findall(chunk[start:]))
        if made and (verb is None or not before or opening in _POINTS | _BELONGS):
            last = made[-1]
            made[-1] = _Clause(last.subject, last.said | before | rest, last.denied or denied, False)
        else:
            made.append(_Clause(before, rest, denied, bare))
    return made


def _chunks(text: str) -> Iterator[tuple[str, bool]]:
    """What stands between two cuts, and whether the next may go on with its subject: "Gold and Business cards do"."""
    start = 0
    for match in _CUT.finditer(text):
        if text[start : match.start()].strip():
            yield text[start : match.start()], match["join"] is not None or match.group().startswith(":")
        start = match.end()
    if text[start:].strip():
        yield text[start:], False


def _roots(text: str, small: frozenset[str]) -> frozenset[str]:
    return frozenset(root for root, word in surface(text).items() if word not in small)
