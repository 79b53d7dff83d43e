"""Bounds of figures: up to, at least, within, from. A figure with another bound, or with none, is another fact."""

import re
from collections import Counter

from minidesk.answering.alike import LIGHT
from minidesk.answering.facts import number
from minidesk.text.words import STOPWORDS, stem, words

_FIGURE = r"(?:[€$£]\s?)?(\d{1,3}(?:[,' ]\d{3})+|\d+(?:[.,:]\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|(?<!at )once|twice)(?:(?<=\d)(?:st|nd|rd|th))?\b"
_HEDGES = {
    "up to": "max", "at most": "max", "maximum": "max", "no more than": "max", "not more than": "max", "not older than": "max", "no later than": "max", "less than": "below",
    "under": "below", "below": "below", "within": "in", "until": "in", "by": "in", "before": "in", "at least": "min", "minimum": "min", "more than": "above", "over": "above",
    "above": "above", "from": "from", "after": "after", "beyond": "above", "older than": "above", "not be older than": "max", "younger than": "below", "at most to": "max", "no less than": "min",
}  # fmt: skip
_HEDGE = re.compile(
    rf"\b({'|'.join(sorted(_HEDGES, key=len, reverse=True))}):?\s+(?:(?:a|an|the|of|value|total|age|basket|step|order|is|about|around|some)\s+){{0,4}}{_FIGURE}",
    re.IGNORECASE,
)
# "Safari 16 or newer", "five rooms or more": the bound stands behind its figure, and what is counted between them.
_BEHIND = re.compile(
    rf"(?<![\w.,]){_FIGURE}(?:\s?[%\w²³°€$£]{{1,12}}){{0,2}},? (?:or|and) (?:(?P<more>more|over|above|newer|later|higher|larger|longer|upwards?)"
    r"|(?P<less>less|fewer|under|below|earlier|lower|smaller|shorter|younger))\b",
    re.IGNORECASE,
)


def _stems(listed: str) -> frozenset[str]:
    return frozenset(stem(word) for word in listed.split())


# What "before" and "after" may be said with as well, and what stands between them and their noun.
_BEFORE_KEPT = _stems("before beforehand prior until till by ahead advance earlier previous preceding pre to")
_AFTER_KEPT = _stems("after afterwards once when then later following from of since as if have has had from")
_OUTSIDE_KEPT = _stems("outside beyond abroad except other not foreign non rest außerhalb")
_BOUND = (
    ("before", _BEFORE_KEPT),
    ("after", _AFTER_KEPT),
    ("outside", _OUTSIDE_KEPT),
    ("außerhalb", _OUTSIDE_KEPT),
    ("except", _OUTSIDE_KEPT | {stem("apart"), stem("unless"), stem("excluding"), stem("only")}),
)
_PASSED = _stems("the a an your our their its you we they it of each every")
_UPPER, _LOWER = {"max", "below", "in"}, {"min", "above", "after", "from"}
_STRONG = {"max", "below", "min", "above"}
_ELSEWHERE = re.compile(
    r"\b(?:maximum|minimum|at most|at least|or more|or less|upwards|limit(?:ed)?|between|lowest|highest|latest|earliest|threshold|not exceed|older|younger)\b",
    re.IGNORECASE,
)


def bounds_agree(sentence: str, span: str) -> bool:
    """ "At least 30 days" is neither "up to 30 days" nor "30 days"."""
    said, there = _bounds(sentence), _bounds(span)
    for figure, kinds in said.items():
        other = there.get(figure)
        if other is None:
            if kinds & _STRONG and not _ELSEWHERE.search(span):
                return False
        elif not any(_fits(mine, theirs) for mine in kinds for theirs in other):
            return False
    plainly = {
        _value(m.group(1))
        for m in re.finditer(rf"(?<![\w.,]){_FIGURE}", sentence, re.IGNORECASE)
        if not _ELSEWHERE.search(sentence[max(0, m.start() - 45) : m.end() + 14])
    }
    often = Counter(
        _value(m.group(1)) for m in re.finditer(rf"(?<![\w.,×])(?<!× ){_FIGURE}", span, re.IGNORECASE)
    )
    return not any(
        kinds <= _STRONG | {"from"} and figure in plainly - set(said) and often[figure] == 1
        for figure, kinds in there.items()
    )


# All of an amount, and a part of it.
_WHOLE = re.compile(
    r"\b(?:in full|fully|full(?= (?:price|amount|sum|fare|fee|cost|refund|rate|value))|(?:the )?whole|entire(?:ly)?|complete(?:ly)?)\b|\b100 ?(?:%|percent)",
    re.IGNORECASE,
)
_PART = re.compile(
    r"\b(?:half|halves|partly|partial(?:ly)?|a (?:third|quarter|part)|two thirds|three quarters)\b|(?<![\d.,])(?!100\b)\d+(?:[.,]\d+)? ?(?:%|percent\b)",
    re.IGNORECASE,
)
_STATEMENTS = re.compile(
    r"(?<=[.!?;])\s+|\n+|,\s+(?:and|but|or|while|whereas)\s+|\s+(?:but|while|whereas)\s+|,\s+(?=(?:half|the full|the whole|the entire)\b)",
    re.IGNORECASE,
)


def parts_agree(sentence: str, span: str) -> bool:
    """ "Half until 7 days before, the full price after that": what is said of the half is not said of the whole."""
    for mine, theirs in ((_WHOLE, _PART), (_PART, _WHOLE)):
        if not mine.search(sentence) or theirs.search(sentence) or not theirs.search(span):
            continue
        pieces = [(frozenset(words(piece)), piece) for piece in _of_amounts(span)]
        mine_there = [piece for _, piece in pieces if mine.search(piece)]
        if len(mine_there) == 1 and not bound_in_time(sentence, mine_there[0]):
            return False
        own = frozenset().union(*(held for held, piece in pieces if mine.search(piece)))
        others = [held - own for held, piece in pieces if theirs.search(piece) and not mine.search(piece)]
        said = {stem(word) for word in words(sentence)}
        if any(stem(word) in said - LIGHT for held in others for word in held - STOPWORDS):
            return False
    return True


def _of_amounts(span: str) -> list[str]:
    """The statements of which each has a whole or a part; what has neither belongs to the next: "once …, the full price"."""
    made: list[str] = []
    open_ = ""
    for piece in _STATEMENTS.split(span):
        open_ = f"{open_} {piece}".strip()
        if _WHOLE.search(piece) or _PART.search(piece) or re.search(r"[.!?;]$", piece):
            made.append(open_)
            open_ = ""
    return [*made, open_] if open_ else made


def bound_in_time(said: str, there: str) -> bool:
    """ "The day before arrival" is not the day of arrival: what stands behind "before" only, stands there in both."""
    told = [stem(word) for word in words(said)]
    for opener, kept in _BOUND:
        if opener not in there.lower():
            continue
        held = [stem(word) for word in words(there)]
        spots = [i for i, word in enumerate(held) if word == stem(opener)]
        for spot in spots:
            noun = next((word for word in held[spot + 1 : spot + 4] if word not in _PASSED), "")
            if not noun.isalpha() or noun in LIGHT or noun not in told:
                continue
            if all(
                any(0 < i - s <= 3 for s in spots) for i, word in enumerate(held) if word == noun
            ) and not any(
                kept & {*told[max(0, i - 4) : i], *told[i + 1 : i + 3]}
                for i, word in enumerate(told)
                if word == noun
            ):
                return False
    return True


def _fits(mine: str, theirs: str) -> bool:
    if {mine, theirs} in ({"in", "max"}, {"min", "from"}, {"above", "from"}, {"max", "below"}):
        return {mine, theirs} != {"max", "below"}
    return mine == theirs or ({mine, theirs} == {"after", "from"})


def _bounds(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _HEDGE.finditer(text):
        kind = _HEDGES[re.sub(r"\s+", " ", match[1].lower())]
        if kind == "from" and re.match(
            r"[\w%€ :.]{0,12}?\s*(?:to|until|–|-)\s*[€$£]?\d", text[match.end() :]
        ):
            continue  # the start of a range
        found.setdefault(_value(match[2]), set()).add(kind)
    for match in _BEHIND.finditer(text):
        found.setdefault(_value(match[1]), set()).add("min" if match["more"] else "max")
    return found


def _value(written: str) -> str:
    written = {"once": "1", "twice": "2"}.get(written.lower(), written)
    return written if ":" in written else f"{number(written):g}"
