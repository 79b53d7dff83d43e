"""Whether a sentence says it with the same force as the span: denied or not, must or may, only, bounds, opposites, promises.

A sentence and its span are compared clause by clause: "not" in a half that the sentence leaves out says nothing about
the other half, and a "not" that the sentence leaves out of its own clause says everything.
"""

import re

from minidesk.answering.alike import LIGHT, alike, turned_round
from minidesk.answering.bounds import bound_in_time, bounds_agree, parts_agree
from minidesk.answering.certainty import SOME, as_sure, clause_as_sure
from minidesk.answering.facts import plain
from minidesk.answering.promises import no_new_promise, same_doer
from minidesk.answering.rank import surface
from minidesk.text.words import stem, words

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|cannot|nobody|nothing|nowhere|unable|hardly|forbidden|prohibited|impossible|"
    r"refuses?|refused|excluded|out of the question)\b|\w+n't\b",
    re.IGNORECASE,
)
# "no later than" is a bound; "whether or not" denies nothing.
_NO_DENIAL = re.compile(
    r"^\s*(?:no|yes)\s*[,.:;!]|\ba no\b|\bnothing else\b|\b(?:no|not) (?:later|more|longer|less|earlier) than\b|\bwhether or not\b|\b(?:not?|don't|doesn't) (?:cost|pay) anything\b|\b(?:costs?|pay) nothing\b",
    re.IGNORECASE,
)
_ONLY = re.compile(
    r"\b(?:(?<!whose )only(?! one\b)|solely|exclusively|just(?! (?:as|sign|click|go|open|write|send|enter|come)\b)|nothing but)\b",
    re.IGNORECASE,
)
_EXCEPT = re.compile(r"\b(?:unless|except|excluding|apart from|other than)\b", re.IGNORECASE)
_MUST = re.compile(
    r"\b(?:must|have to|has to|had to|need to|needs to|required?|requires|mandatory|obliged|necessary|obligatory)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\b(?:needs?|asks? for|please|(?:prompted|asked) (?:to|for))\b", re.IGNORECASE)
_CAN = re.compile(r"\b(?:can|could)\b(?!not)", re.IGNORECASE)
_MAY = re.compile(
    r"\b(?:may(?! only\b)|might|could|optional|optionally|voluntary|voluntarily|if you (?:like|wish|want|prefer))\b",
    re.IGNORECASE,
)
_MAY_THERE = re.compile(
    r"\b(?:may|can|could|might|optional|optionally|voluntary|allowed|possible|possibly|if you (?:like|wish|want)|offer|will)\b",
    re.IGNORECASE,
)
_BE_DONE = re.compile(r"\b(?:can|may|might|could) (?:only )?be (\w+)", re.IGNORECASE)
_HAS_TO_BE = re.compile(r"\b(?:must|have to|has to|need to|needs to) be (\w+)|\bmust (\w+)", re.IGNORECASE)
_ALL = re.compile(
    r"\b(?:all|every|each|always|any|everyone|everything|guaranteed|completely|entire(?:ly)?|fully)\b",
    re.IGNORECASE,
)
# "Team, Business and Enterprise", of one to three words each.
_SIDE_BY_SIDE = re.compile(
    r"((?:[\w'-]+ ){0,2}[\w'-]+(?:, (?:[\w'-]+ ){0,2}[\w'-]+)*),? (?:and|or|und|oder|sowie) ((?:(?:only|the|an?|in|on|at|for|to|your|der|die|das|im|in|für) )*(?:[\w'-]+ ?){1,2})"
)
_ALL_THERE = re.compile(_ALL.pattern + r"|\bper\b", re.IGNORECASE)
_EDGE = re.compile(r"\b(?:earliest|latest|minimum|maximum|definitely|certainly)\b", re.IGNORECASE)
_ORDER = {
    "after": re.compile(
        r"\b(?:after|afterwards|once|when|then|later|following|beyond|as soon as|(?:days?|weeks?|months?|years?|hours?|minutes?) (?:of|from))\b",
        re.IGNORECASE,
    ),
    "before": re.compile(r"\b(?:before|beforehand|ahead|until|earlier|by|prior|advance)\b", re.IGNORECASE),
    "until": re.compile(r"\b(?:until|till|by|before|to|up to)\b", re.IGNORECASE),
}
# "No appointment is needed" is the page's "without an appointment".
_NO_NEED = re.compile(
    r"\bno (\w+) (?:is|are) (?:needed|required|necessary)\b|\byou (?:do not|don't) need an? (\w+)\b",
    re.IGNORECASE,
)
_LACKING = frozenset(stem(w) for w in "without no not never none nor neither free cannot".split())  # noqa: SIM905 (a word list)
_MORE = 1  # content words by which another clause may be longer and still be meant
_DENIALS = {"not", "no", "never", "cannot", "nor", "neither", "none"}
_CLAUSE = re.compile(
    r"(?<=[;:.!?|])\s+|\n+|,\s+(?=(?:and|but|or|so|not|never|no|neither|nor|just|up to|at most|at least|while|whereas|because|if|unless|when|only)\b)|"
    r"\s+(?:and|or)\s+(?=(?:only|we|you|it|they|is|are|not|no|never|cannot|can't|do not|does not|don't|doesn't)\b)|"
    r"\s+(?=(?:but|while|whereas|unless|except|because|if|although|when|so)\b)"
    r"|\s+[–—]\s+|\s*[()]\s*",
    re.IGNORECASE,
)
# Verbs with which a page tells its reader what to do.
_IMPERATIVE = re.compile(
    r"^\W*(?:please\s+|then\s+|always\s+)?(add|answer|ask|bring|brush|build|buy|call|cancel|change|check|choose|clean|click|close|come|confirm|copy|count|cut|dry|enter|"
    r"fill|find|fold|follow|forward|get|give|go|grease|hand|hang|heat|install|keep|leave|let|log|look|lay|make|mark|measure|mount|name|open|order|pack|pay|peel|peg|"
    r"phone|pick|pitch|place|plan|plug|press|print|pull|push|put|read|register|remove|report|reserve|return|rinse|save|scan|screw|select|send|set|show|sign|slide|spread|"
    r"stand|start|stop|store|stuff|switch|take|tell|tick|tighten|try|tumble|turn|type|unplug|unscrew|update|upload|use|wait|walk|wash|wear|wipe|wrap|write)\b",
    re.IGNORECASE,
)


def force_agrees(sentence: str, span: str, around: str = "", lead: str = "") -> bool:
    """Negation, "only", must and may, bounds, opposites and promises say the same in both.

    `around`: headings and title. `lead`: what an item stands under; where it denies ("What we cannot take back") its
    items are denied.
    """
    said, there = plain(sentence), plain(span)
    said, there = _unneeded(said, there), _unneeded(there, said)
    if not _answers_as(said, there):
        return False
    clauses = clauses_of(there)
    matched = [(clause, _matching(clause, clauses) or there) for clause in clauses_of(said)]
    for clause, same in matched:
        whole = " ".join(other for other, its in matched if its == same)
        if (
            not denied(clause)
            and not _matching(clause, clauses)
            and not any(p.search(clause) for p in (_MUST, _MAY, _ONLY))
        ):
            continue  # only a heading says it
        if denied(clause) and not _matching(clause, clauses) and not denies(lead):
            return False
        if not clause_as_sure(clause, same, said, around, alone=same in clauses):
            return False
        if not _clause_agrees(clause, same, denies(lead)) or not _limits(whole, same, f"{around} {lead}"):
            return False
        if not _rest_agrees(clause, same, clauses, denies(lead)) or not _order_agrees(
            clause, same, around, there
        ):
            return False
    if not _without_agrees(said, f"{there} {around}"):
        return False
    if not _exceptions_agree(said, there, clauses):
        return False
    if not as_sure(said, there) or (_ONLY.search(said) and not _all_of_only(said, there)):
        return False
    if (
        _ALL.search(said)
        and not _ALL_THERE.search(there)
        and (SOME.search(there) or not _ALL.search(f"{span} {around}"))
    ):
        return False
    if any(m.group().lower() not in there.lower() for m in _EDGE.finditer(said)):
        return False
    return (
        bounds_agree(said, there)
        and parts_agree(said, there)
        and same_doer(said, there)
        and not turned_round(said, f"{there} {around}")
        and no_new_promise(said, there)
    )


def _exceptions_agree(said: str, there: str, clauses: list[str]) -> bool:
    """No exception is made up, and none is said as if it were the rule."""
    if _EXCEPT.search(said):
        return bool(_EXCEPT.search(there))
    if _NEGATION.search(said):
        return True
    roots = frozenset(surface(said)) - LIGHT
    return not any(
        roots & frozenset(surface(clause))
        for clause in clauses
        if re.match(_EXCEPT.pattern, clause.lstrip(), re.IGNORECASE)
    )


def orders(clause: str) -> bool:
    """Whether the clause tells its reader to do something: "Open the link"."""
    return _IMPERATIVE.match(clause) is not None


def denies(lead: str) -> bool:
    """Whether a heading or lead-in denies what stands under it."""
    return any(
        re.match(
            r"\s*(?:what|not (?:covered|included|possible|allowed|accepted|supported|available)|things|articles)\b",
            line,
            re.IGNORECASE,
        )
        and len(_NEGATION.findall(line)) == 1
        for line in lead.split("\n")
    )


def clauses_of(text: str) -> list[str]:
    """The clauses of a text, each with a statement of its own."""
    opened = re.match(
        r"\s*(?:if(?! you (?:like|wish|want|prefer)\b)|when|unless|as long as|once|as soon as)\b[^,]{3,80},\s+",
        text,
        re.IGNORECASE,
    )
    rest = text[opened.end() :] if opened else text
    found = [opened.group()] if opened else []
    for clause in _CLAUSE.split(rest):
        if not clause or not clause.strip():
            continue
        if found and found[-1].endswith(":") and denies(found[-1]):
            found[-1] = f"{found[-1]} {clause}"  # "What we do not support: parties, raffles" denies its list
        else:
            found.append(clause)
    return found


def _matching(clause: str, clauses: list[str]) -> str:
    """The clauses of the span that speak of the same; the best of them, and those that share as much."""
    roots = set(surface(clause)) - _DENIALS
    held = [set(surface(other)) for other in clauses]
    best = max((len(roots & other) for other in held), default=0)
    if not best:
        return ""
    # Of those that share as much, the ones that say least else: "a single tab" is not what "the browser tab" is about.
    least = min(len(other - roots) for other in held if len(roots & other) == best)
    return " ".join(
        clause
        for clause, other in zip(clauses, held, strict=True)
        if len(roots & other) == best and len(other - roots) <= least + _MORE
    )


def _limits(said: str, there: str, around: str) -> bool:
    """ "Only" stands in both; a heading may say it for what stands under it."""
    only = bool(_ONLY.search(said))
    return only == bool(_ONLY.search(there)) or bool(only and _ONLY.search(around))


def _all_of_only(said: str, there: str) -> bool:
    """Who says "only" of one thing says of those beside it that they are not: all are named, or none."""
    roots = frozenset(surface(" ".join(clause for clause in clauses_of(said) if _ONLY.search(clause))))
    for match in _SIDE_BY_SIDE.finditer(there):
        if _ONLY.search(match[2]):
            continue  # said of the last one alone
        members = [frozenset(surface(part)) - LIGHT for part in (*match[1].split(", "), match[2])]
        shared = frozenset.intersection(*members)
        members = [own for member in members if (own := member - shared)]
        told = [bool(member & roots) for member in members]
        if any(told) and not all(told):
            return False
    return True


def _rest_agrees(said: str, there: str, clauses: list[str], denied_above: bool) -> bool:
    """What the matching clause does not hold must not be denied where it stands: "as a gift card, not in cash"."""
    rest = frozenset(surface(said)) - frozenset(surface(there))
    return denied(said) or not any(
        denied(clause) != denied_above
        for clause in clauses
        if clause not in there and rest & frozenset(surface(clause)) - LIGHT
    )


def _order_agrees(said: str, there: str, around: str, whole: str) -> bool:
    """Before, after and until say which comes first."""
    if not bound_in_time(said, there):
        return False
    known = {stem(word) for word in words(whole)}
    # "After you enter your address" is the page's "Enter your address. Then …".
    said = re.sub(
        r"\bafter you(?: have|'ve)? (\w+)",
        lambda m: "" if stem(m[1]) in known else m.group(),
        said,
        flags=re.IGNORECASE,
    )
    for word, same in _ORDER.items():
        if re.search(rf"\b{word}\b", said, re.IGNORECASE) and not same.search(f"{there} {around}"):
            return False
    return not (
        re.search(r"\buntil\b", there, re.IGNORECASE)
        and re.search(r"\b(?:from|after|since)\b", said, re.IGNORECASE)
        and not _ORDER["until"].search(re.sub(r"\bup to\b", "", said))
    )


def _without_agrees(said: str, there: str) -> bool:
    """What one has "without" something the other has without it, or with "no" of it."""
    for one, other in ((said, there), (there, said)):
        for match in re.finditer(r"\bwithout\s+(?:an?\s+|any\s+|the\s+)?([\w'-]+)", one, re.IGNORECASE):
            root = stem(match[1].lower())
            told = [stem(word) for word in words(other)]
            spots = [position for position, word in enumerate(told) if word == root]
            if spots and not any(_LACKING & set(told[max(0, spot - 3) : spot + 2]) for spot in spots):
                return False
    return True


def _none_there(said: str, there: str) -> bool:
    """ "There is no rental" needs a page that has no rental, not one that does not send what is rented."""
    for match in re.finditer(r"\bno\s+((?:[\w'-]+\s*){1,3})", _NO_DENIAL.sub(" ", said), re.IGNORECASE):
        about = frozenset(surface(match[1]))
        about = about - LIGHT or about
        held = [
            frozenset(surface(m[1]))
            for m in re.finditer(
                r"\b(?:no|without|none of|neither|nor|not (?:an?|any|have|offer|sell|provide|take|accept|use)|free of)\s+((?:[\w'-]+\s*){1,4}(?:, (?:[\w'-]+\s*){1,4})*)",
                there,
                re.IGNORECASE,
            )
        ]
        if about and not any(about & roots or any(alike(a, roots) for a in about) for roots in held):
            return False
    return True


def _clause_agrees(said: str, there: str, denied_above: bool) -> bool:
    if (
        re.search(r"\bany(?:thing|body|one)\b", said)
        and not _NEGATION.search(said)
        and _NEGATION.search(there)
    ):
        return False
    if denied(said) != (denied(there) != denied_above) or not (denied_above or _none_there(said, there)):
        return False
    order = _IMPERATIVE.match(there)
    orders = order is not None and stem(order[1].lower()) in {stem(w) for w in words(said)} | {
        stem(w.removesuffix("ed")) for w in words(said)
    }
    if _MUST.search(said) and not (
        denied(said) or _MUST.search(there) or orders or _ASKS.search(there) or _done(_HAS_TO_BE, said, there)
    ):
        return False
    if _MAY.search(said) and not _MAY_THERE.search(there):
        return False
    if _CAN.search(said) and _MUST.search(there) and not _MAY_THERE.search(there):
        return False
    return not (_done(_BE_DONE, said, there) and not _MAY_THERE.search(there))


def _done(pattern: re.Pattern[str], said: str, there: str) -> bool:
    """`said` has it that something can or must be done of which the span says that it is done."""
    return any(
        re.search(
            rf"\b(?:is|are|gets?)\s+(?:\w+ly\s+)?{next(g for g in match.groups() if g)}\b",
            there,
            re.IGNORECASE,
        )
        for match in pattern.finditer(said)
    )


def denied(text: str) -> bool:
    """Whether it denies; two denials of one statement cancel out. "Too flexible for" denies as well."""
    once = re.sub(r"\b(neither\b.*?)\bnor\b", r"\1or", _NO_DENIAL.sub(" ", text), flags=re.IGNORECASE)
    return len(_NEGATION.findall(once)) % 2 == 1


def _unneeded(text: str, other: str) -> str:
    if not re.search(r"\bwithout\b", other, re.IGNORECASE):
        return text
    return _NO_NEED.sub(lambda m: f"without {m[1] or m[2]}", text)


def _answers_as(said: str, there: str) -> bool:
    """ "No, you can" says the opposite of the page that lets you; "Yes, it cannot" as well."""
    match = re.match(r"\s*(yes|no)\s*[,.:!]\s*(.+)", said, re.IGNORECASE | re.DOTALL)
    if match is None or re.match(rf"\s*(?:\w+,\s+)?{match[1]}\b", there, re.IGNORECASE):
        return True
    rest = clauses_of(match[2])[0]
    if match[1].lower() == "yes":
        return not (denied(rest) or re.search(r"\btoo\b", rest, re.IGNORECASE))
    return denied(rest) or bool(re.search(r"\b(?:too|only|instead)\b", rest, re.IGNORECASE))
