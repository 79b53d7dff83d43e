"""The proof: a sentence is shown only if a span of a passage bears it.

Three kinds of checks, each of which can refuse. *Facts*: every number, date, time, amount, code, e-mail,
link and name stands in the span (in any written form, `facts.py`), beside the words it stands beside in the
sentence. *Force*: negation, "only", must/may and opposites agree, and nothing is promised that the company did
not write. *Content*: the words are the span's words or close to them, clause by clause, and the meaning is near.

A refused sentence costs the visitor one sentence; a wrong one costs them money: in doubt, refuse.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.outcome import Citation, ProvedSentence
from minidesk.answering.pieces import cite
from minidesk.answering.rank import Embed, WordNearness, surface
from minidesk.answering.units import Unit, context, cut
from minidesk.knowledge.records import Passage
from minidesk.text.words import STOPWORDS, stem, words

# Lines that state nothing and may stand without a citation; anything else must be proved.
ALLOWED_LINES = frozenset(
    {"hi", "hi there", "hello", "hello there", "thanks for asking", "good question", "happy to help", "glad to help",
     "you're welcome", "i hope this helps", "hope this helps", "i hope that helps", "hope that helps",
     "let me know if you need anything else", "let me know if you have any other questions",
     "is there anything else i can help you with", "is there anything else i can help with"}
)  # fmt: skip

_CANDIDATES = 8  # spans tried a sentence; the right one was never further down
_MEANING = 0.45  # cosine from which a paraphrase counts as near, when most words agree
_MEANING_ALONE = 0.62  # needed where only half of the words agree
_WORDS_MOST, _WORDS_HALF = 0.65, 0.5
_CLAUSE = 0.5  # share of a clause's content words that must stand in the span
_WORD_NEAR = 0.62  # cosine of single words from which one stands for the other (parcel, package)

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|without|nobody|nothing|nowhere|unable|hardly)\b|\w+n't\b",
    re.IGNORECASE,
)
_ONLY = re.compile(r"\b(?:only|solely|exclusively|just|nothing but)\b", re.IGNORECASE)
_EXCEPT = re.compile(r"\b(?:unless|except|excluding|apart from|other than)\b", re.IGNORECASE)
_MUST = re.compile(
    r"\b(?:must|have to|has to|had to|need to|needs to|required?|requires|mandatory|obliged|necessary|obligatory)\b",
    re.IGNORECASE,
)
_MAY = re.compile(
    r"\b(?:may|can|could|might|optional|optionally|voluntary|allowed|possible|possibly|if you (?:like|wish|want))\b",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"\b(?:all|every|each|always|any|everyone|everything|guaranteed|completely|entire(?:ly)?|fully)\b",
    re.IGNORECASE,
)
_SOME = re.compile(
    r"\b(?:some|most|mostly|usually|often|sometimes|normally|generally|many|several|about|around|approximately|up to|at least|at most|nearly|almost)\b",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"\b(?:we|i|our (?:team|staff|agents?|support|colleagues)|the (?:team|company)|someone|somebody|an agent)\b[^.;,]{0,20}?"
    r"\b(?:will|'ll|shall|guarantee|promise|ensure|commit|are going to|am going to|can (?:offer|give|make|refund|waive|extend))\b|\b(?:we|i)'ll\b|"
    r"\b(?:we|i) (?:guarantee|promise|ensure)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|i'll|i'd|my|me|myself|as an ai)\b", re.IGNORECASE)
_CLAUSES = re.compile(
    r"[,;:–—|]\s|\s(?:and|but|or|while|whereas|plus|because|so that|which)\s", re.IGNORECASE
)
_OPPOSITES = (
    ("include", "exclude"), ("before", "after"), ("more", "less"), ("least", "most"), ("open", "close"), ("accept", "refuse"),
    ("allow", "forbid"), ("possible", "impossible"), ("minimum", "maximum"), ("above", "below"), ("over", "under"), ("with", "without"),
    ("earliest", "latest"), ("increase", "decrease"), ("enable", "disable"), ("first", "last"), ("free", "charge"), ("always", "never"),
    ("online", "store"), ("opened", "unopened"), ("used", "unused"), ("worn", "unworn"), ("new", "old"), ("valid", "invalid"),
    ("available", "unavailable"), ("larger", "smaller"), ("higher", "lower"), ("buy", "sell"), ("start", "end"), ("inside", "outside"),
    ("refundable", "non-refundable"), ("paid", "unpaid"), ("waterproof", "water-repellent"), ("men", "women"), ("left", "right"),
    ("add", "remove"), ("win", "lose"), ("send", "receive"), ("earlier", "later"), ("up", "down"), ("domestic", "international"),
    ("weekday", "weekend"), ("customer", "seller"), ("same", "different"),
)  # fmt: skip
# Content words that add nothing to what a span says, and those that the checks of facts and names look after.
_FREE_WORDS = frozenset(
    stem(w)
    for w in """answer question simply just need want order get able possible follow following step way yes sure indeed note
    help use make take go way please however therefore also addition additionally option item article product customer mean
    means say says state according page pages information detail details still already within company shop store like
    currently generally typically usually must may required allowed apply applies available am pm o'clock noon midnight
    second minute hour day week month year euro euros dollar dollars percent
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
    november december""".split()  # noqa: SIM905 (a word list)
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class _Span:
    """A candidate: units of one passage that stand together, with what their reader has in mind."""

    passage: int
    start: int
    end: int
    text: str
    around: str  # headings, lead-in, table header, title


class Prover:
    """Proves the sentences of one answer and numbers its citations, consecutively by first use."""

    def __init__(self, passages: Sequence[Passage], embed: Embed, nearness: WordNearness) -> None:
        self._passages = passages
        self._embed = embed
        self._nearness = nearness
        self._spans = [span for i, p in enumerate(passages) for span in _spans(p, i)]
        self._numbers: dict[tuple[str, int, int], Citation] = {}

    async def prove(self, text: str) -> ProvedSentence | None:
        """`text` (with its joining whitespace) as a proved sentence, or None if no span bears it."""
        bare = strip_marks(text)
        core = re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", bare).strip()
        if not core:
            return None
        if is_allowed(core):
            return ProvedSentence(bare, ())
        if not content_of(core) and not facts(core):
            return None
        span = await self._bearing(core)
        return ProvedSentence(bare, (self._citation(span),)) if span is not None else None

    async def _bearing(self, sentence: str) -> _Span | None:
        said = facts(sentence)
        roots = content_of(sentence)
        ranked = sorted(self._spans, key=lambda s: -_likeness(roots, said, s))[:_CANDIDATES]
        fitting = [
            s
            for s in ranked
            if facts_agree(sentence, s.text, s.around) and force_agrees(sentence, s.text, s.around)
        ]
        if not fitting:
            return None
        vectors = await self._embed(
            [sentence, *(f"{s.around}: {s.text}" for s in fitting), *(s.text for s in fitting)]
        )
        count = len(fitting)
        meaning = np.maximum(vectors[1 : count + 1] @ vectors[0], vectors[count + 1 :] @ vectors[0])
        for i, span in enumerate(fitting):
            if await self._content_agrees(sentence, span, float(meaning[i])):
                return span
        return None

    async def _content_agrees(self, sentence: str, span: _Span, meaning: float) -> bool:
        said = surface(sentence)
        said = {root: word for root, word in said.items() if not any(c.isdigit() for c in word)}
        there = surface(f"{span.text} {span.around}")
        unmatched = [root for root in said if root not in there and root not in _FREE_WORDS]
        near: set[str] = set()
        if unmatched and there:
            cosines = await self._nearness.matrix([said[r] for r in unmatched], list(there.values()))
            near = {
                root for root, row in zip(unmatched, cosines, strict=True) if float(row.max()) >= _WORD_NEAR
            }
        lost = {root for root in unmatched if root not in near}
        counted = [root for root in said if root not in _FREE_WORDS or root in there]
        share = 1.0 if not counted else 1 - len(lost) / len(counted)
        for clause in _CLAUSES.split(sentence):
            inside = [
                root
                for root in surface(clause)
                if root in said and (root not in _FREE_WORDS or root in there)
            ]
            if inside and sum(root in lost for root in inside) > len(inside) * (1 - _CLAUSE):
                return False
        if not counted:
            return meaning >= _MEANING
        return (share >= _WORDS_MOST and meaning >= _MEANING) or (
            share >= _WORDS_HALF and meaning >= _MEANING_ALONE
        )

    def _citation(self, span: _Span) -> Citation:
        passage = self._passages[span.passage]
        key = (passage.chunk, span.start, span.end)
        if key not in self._numbers:
            self._numbers[key] = cite(passage, span.start, span.end, len(self._numbers) + 1)
        return self._numbers[key]


async def prove(sentence: str, passages: Sequence[Passage], embed: Embed) -> ProvedSentence | None:
    """One sentence against the passages; None if nothing bears it."""
    return await Prover(passages, embed, WordNearness(embed)).prove(sentence)


def is_allowed(sentence: str) -> bool:
    """True for a greeting or closing phrase of the fixed list."""
    return re.sub(r"[^a-z' ]", "", plain(sentence).lower()).strip() in ALLOWED_LINES


def strip_marks(text: str) -> str:
    """A model's own citation marks ([1], [^2], 【3†source】), images and invisible joins are never shown."""
    text = re.sub(r"!\[[^\]]*\](?:\([^)]*\)|\[[^\]]*\])?", "", text)
    text = re.sub(r"\s*(?:\[\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\](?!\()|【[^】]*】)", "", text)
    return re.sub(r"[\u200b\u2060\ufeff]", "", text)


def content_of(text: str) -> set[str]:
    """Stems of the words that carry meaning."""
    return set(surface(text))


def _spans(passage: Passage, index: int) -> list[_Span]:
    """Each unit alone, each two neighbours, and each whole list with its lead-in."""
    units = cut(passage, index)
    title = " – ".join(dict.fromkeys((passage.title, *passage.heading_path)))
    made = [
        _Span(index, u.start, u.end, _said(u), f"{title}. {context(passage, u)} {u.lead_text}") for u in units
    ]
    for a, b in pairwise(units):
        if a.kind == "row" or b.kind == "row":
            continue  # two rows in one span would let their figures change places
        around = f"{title}. {context(passage, a)} {a.lead_text}"
        made.append(_Span(index, a.start, b.end, f"{_said(a)} {_said(b)}", around))
    for number in {u.block for u in units if u.kind in {"item", "step"}}:
        block = [u for u in units if u.block == number]
        if len(block) > 2:
            text = "; ".join(u.text for u in block)
            made.append(_Span(index, block[0].start, block[-1].end, text, f"{title}. {block[0].lead_text}"))
    return made


def _said(unit: Unit) -> str:
    return (
        "; ".join(f"{head} {value}" if i else value for i, (head, value) in enumerate(unit.cells))
        if unit.cells
        else unit.text
    )


def _likeness(roots: set[str], said: Sequence[Fact], span: _Span) -> float:
    there = content_of(span.text)
    around = content_of(span.around)
    shared = len(roots & there) + 0.5 * len((roots & around) - there)
    held = {fact.key for fact in facts(span.text)}
    length = 0.02 * len(there)
    return shared / (len(roots) or 1) + 0.5 * sum(fact.key in held for fact in said) - length


# ---------------------------------------------------------------- facts


def facts_agree(sentence: str, span: str, around: str = "") -> bool:
    """Every fact and name of the sentence stands in the span (names and codes: or in its headings), rightly paired."""
    held = facts(span)
    near = facts(around)
    said = facts(sentence)
    for digits in re.finditer(r"\w*\d\w*", plain(sentence)):
        # What no pattern knows (a number of fifty digits) must stand in the span letter by letter.
        if not any(
            f.start <= digits.start() and digits.end() <= f.end for f in said
        ) and digits.group() not in re.findall(r"\w+", plain(span)):
            return False
    for fact in said:
        if not (_stands(fact, held) or (fact.kind in {"code", "number", "year"} and _stands(fact, near))):
            return False
    return _paired(sentence, span) and _names_stand(sentence, f"{span} {around}")


def _stands(fact: Fact, held: Sequence[Fact]) -> bool:
    for other in held:
        if fact.key == other.key:
            if fact.kind == "number" and fact.noun and other.noun and stem(fact.noun) != stem(other.noun):
                if fact.noun in STOPWORDS or other.noun in STOPWORDS:
                    return True
                continue
            return True
        if {fact.kind, other.kind} == {"number", "year"} and fact.value == other.value:
            return True
        if (
            fact.kind == "phone"
            and other.kind == "phone"
            and min(len(fact.value), len(other.value)) >= 7
            and (fact.value.endswith(other.value) or other.value.endswith(fact.value))
        ):
            return True
    return False


def _paired(sentence: str, span: str) -> bool:
    """A figure stands beside the same words as in the span: "Austria €4.90" is not "Germany €4.90"."""
    pieces = [
        p for p in re.split(r"[,;:|]\s|\.\s|\s(?:and|but|or|while|whereas)\s", plain(span)) if p.strip()
    ]
    if len(pieces) < 2:
        return True
    holders = [(set(_keys(p)), {r for r in content_of(p) if not any(c.isdigit() for c in r)}) for p in pieces]
    for clause in re.split(r"[,;|]\s|\.\s|\s(?:and|but|while|whereas)\s", plain(sentence)):
        keys = set(_keys(clause))
        about = {r for r in content_of(clause) if not any(c.isdigit() for c in r)}
        for key in keys:
            if key[0] not in {"money", "percent", "duration", "measure", "time", "date"}:
                continue
            others = {k for k in keys if k[0] != key[0]}

            def beside(
                held: set[tuple[str, str]],
                roots: set[str],
                key: tuple[str, str] = key,
                others: set[tuple[str, str]] = others,
            ) -> float:
                extra = {k for k in held if k[0] != key[0]} - others
                return len(about & roots) + len(others & held) - 0.5 * len(extra)  # noqa: B023 (called within this turn of the loop)

            mine = max((beside(held, roots) for held, roots in holders if key in held), default=0.0)
            rivals = (
                beside(held, roots)
                for held, roots in holders
                if key not in held and any(k[0] == key[0] for k in held)
            )
            if max(rivals, default=mine) > mine:
                return False
    return True


def _keys(text: str) -> list[tuple[str, str]]:
    return [fact.key for fact in facts(text)]


def _names_stand(sentence: str, text: str) -> bool:
    """Capitalised words inside the sentence, and days of the week, are names: each must stand in the text."""
    there = {w.removesuffix("'s") for w in words(text)} | set(words(text))
    roots = {stem(w) for w in there}
    for match in re.finditer(r"[^\W\d_][\w'’-]*", sentence):
        word = match.group()
        low = plain(word).lower().removesuffix("'s")
        inside = match.start() > 0 and sentence[: match.start()].rstrip()[-1:] not in {
            "",
            ".",
            "!",
            "?",
            ":",
            '"',
            "“",
            "*",
            "(",
        }
        name = (word[0].isupper() and inside and low not in STOPWORDS) or low in _DAYS
        if name and low not in there and stem(low) not in roots and not _day_in_range(low, text):
            return False
    return True


def _day_in_range(day: str, text: str) -> bool:
    """`Monday` stands in `Mon-Fri`; a day between the two stands there as well."""
    if day not in _DAYS:
        return False
    names = r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*"
    if re.search(rf"\b{day[:3]}\b", text, re.IGNORECASE):
        return True
    for match in re.finditer(rf"\b{names}\.?\s*(?:-|–|to)\s*{names}\b", text, re.IGNORECASE):
        low, high = (next(i for i, d in enumerate(_DAYS) if d.startswith(match[g].lower())) for g in (1, 2))
        if low <= _DAYS.index(day) <= high:
            return True
    return False


# ---------------------------------------------------------------- force


def force_agrees(sentence: str, span: str, around: str = "") -> bool:
    """Negation, "only", must and may, all and some, opposites and promises say the same in both."""
    said, there = plain(sentence), _touched(plain(sentence), plain(span))
    if _denied(said) != _denied(there):
        return False
    if bool(_ONLY.search(said)) != bool(_ONLY.search(there)) and not (
        _ONLY.search(said) and _ONLY.search(around)
    ):
        return False
    if bool(_EXCEPT.search(said)) != bool(_EXCEPT.search(there)):
        return False
    if _MUST.search(said) and not _MUST.search(there):
        return False
    if _MAY.search(said) and _MUST.search(there) and not _MAY.search(there):
        return False
    if (
        _ALL.search(said)
        and not _ALL.search(there)
        and (_SOME.search(there) or not _ALL.search(f"{span} {around}"))
    ):
        return False
    return (
        _hedges(said, there) and _no_opposite(said, f"{span} {around}") and _no_new_promise(said, plain(span))
    )


def _denied(text: str) -> bool:
    """Whether it denies; two denials of one statement cancel out."""
    bare = re.sub(
        r"\bno(?:\.|,|:|$)|\b(?:no|not) (?:later|more|longer|less|earlier) than\b|\bnot only\b|\bwhether or not\b",
        " ",
        text,
        flags=re.IGNORECASE,
    )
    return len(_NEGATION.findall(bare)) % 2 == 1


def _touched(sentence: str, span: str) -> str:
    """The clauses of the span that the sentence speaks about; all of it where none stands out.

    Without this, "not" in a half that the sentence leaves out would refuse a true sentence, and a sentence that
    leaves a "not" of its own clause out would still be refused.
    """
    roots = content_of(sentence)
    clauses = [
        c
        for c in re.split(
            r"(?<=[;:.!?|])\s+|,\s+(?=but|and|or|while|whereas|so)|\s(?=but|unless|except|while)\b", span
        )
        if c.strip()
    ]
    kept = [
        c
        for c in clauses
        if content_of(c) and len(content_of(c) & roots) >= max(1, 0.34 * len(content_of(c)))
    ]
    return " ".join(kept) or span


_HEDGE = re.compile(
    r"\b(?:up to|at least|at most|minimum|maximum|no more than|no later than|more than|less than|over|under|above|below|within|from|until|by|after|before|about|around|approximately|some|nearly|almost)\s+(?=[€$£]?\d)",
    re.IGNORECASE,
)
_HEDGE_KIND = {
    "up to": "max", "at most": "max", "maximum": "max", "no more than": "max", "no later than": "max", "less than": "max", "under": "max",
    "below": "max", "within": "max", "until": "max", "by": "max", "before": "max", "at least": "min", "minimum": "min", "more than": "min",
    "over": "min", "above": "min", "from": "min", "after": "min", "about": "near", "around": "near", "approximately": "near", "some": "near",
    "nearly": "near", "almost": "near",
}  # fmt: skip


def _hedges(sentence: str, span: str) -> bool:
    """ "At least 30 days" is not "up to 30 days": bounds before the same figure must not contradict each other."""

    def bounds(text: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for match in _HEDGE.finditer(text):
            figure = re.match(r"[€$£]?[\d.,]*\d", text[match.end() :])
            if figure:
                found.setdefault(figure.group(), set()).add(_HEDGE_KIND[match.group().strip().lower()])
        return found

    there = bounds(span)
    for figure, kinds in bounds(sentence).items():
        other = there.get(figure)
        if other and kinds != other and {"max", "min"} <= kinds | other:
            return False
    return True


def _no_opposite(sentence: str, span: str) -> bool:
    said = {stem(w) for w in words(sentence)} | set(words(sentence))
    there = {stem(w) for w in words(span)} | set(words(span))
    for pair in _OPPOSITES:
        for word, other in (pair, pair[::-1]):
            mine, theirs = {word, stem(word)}, {other, stem(other)}
            if said & mine and not there & mine and there & theirs and not said & theirs:
                return False
    return True


def _no_new_promise(sentence: str, span: str) -> bool:
    """What "we" will do must be what "we" do in the span; the assistant itself does nothing."""
    if _FIRST_PERSON.search(sentence) and not _FIRST_PERSON.search(span):
        return False
    if not _PROMISE.search(sentence):
        return True
    if not re.search(r"\b(?:we|we'll|our|us)\b", span, re.IGNORECASE):
        return False
    strong = re.search(r"\b(?:guarantee|promise|ensure)\w*", sentence, re.IGNORECASE)
    return not strong or stem(strong.group().lower()) in {stem(w) for w in words(span)}
