"""Bounds of figures: up to, at least, within, from. A figure with another bound, or with none, is another fact."""

import re
from collections import Counter

from minidesk.answering.facts import number

_FIGURE = r"(?:[€$£]\s?)?(\d{1,3}(?:[,' ]\d{3})+|\d+(?:[.,:]\d+)?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|(?<!at )once|twice)\b"
_HEDGES = {
    "up to": "max", "at most": "max", "maximum": "max", "no more than": "max", "not more than": "max", "not older than": "max", "no later than": "max", "less than": "below",
    "under": "below", "below": "below", "within": "in", "until": "in", "by": "in", "before": "in", "at least": "min", "minimum": "min", "more than": "above", "over": "above",
    "above": "above", "from": "from", "after": "after", "beyond": "above", "older than": "above", "not be older than": "max", "younger than": "below", "at most to": "max", "no less than": "min",
}  # fmt: skip
_HEDGE = re.compile(
    rf"\b({'|'.join(sorted(_HEDGES, key=len, reverse=True))}):?\s+(?:(?:a|an|the|of|value|total|age|basket|step|order|is|about|around|some)\s+){{0,4}}{_FIGURE}",
    re.IGNORECASE,
)
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
    return found


def _value(written: str) -> str:
    written = {"once": "1", "twice": "2"}.get(written.lower(), written)
    return written if ":" in written else f"{number(written):g}"
