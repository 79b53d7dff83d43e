"""What a question asks for: the kind of answer, and the words that an answer cannot do without."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.rulebook import AskWords, rules_for
from minidesk.answering.wording import alternates, plainly
from minidesk.text.words import STOPWORDS, stem, words

AskKind = Literal[
    "amount",
    "duration",
    "when",
    "date",
    "number",
    "measure",
    "where",
    "contact",
    "steps",
    "yesno",
    "who",
    "which",
    "reason",
]

# Answers of these kinds can be told apart without a word in common; "how do I" and "is it" without any cannot.
TELLING: frozenset[AskKind | None] = frozenset({"amount", "duration", "when", "date", "number", "measure"})
FITS = 0.9  # `fits` of a text that holds the kind of answer asked for

# First match wins; each row is a way English asks. Order matters: "how long" before "how", "how much" before "much".
_FORMS: tuple[tuple[AskKind, str], ...] = (
    ("contact", r"\b(?:phone|telephone|call|hotline) ?(?:number|no)\b|\be-?mail(?: address)? (?:of|for|do|can|should)\b|(?:what|which)(?:'s| is| are)? (?:the|your) (?:e-?mail|phone|contact)\b|\b(?:how|where) (?:can|do) i (?:contact|reach)|\bwho(?:m)? (?:do|can|should) i (?:write|contact|get in touch|ask|call|talk)|\bget in touch\b"),
    ("measure", r"\bhow (?:heavy|big|large|tall|wide|thick|deep|high|hot|cold|warm|fast|far|loud)\b(?! (?:is|are) (?:the|your) (?:handling |delivery |shipping )?(?:fee|price|cost|charge|deposit))|\b(?:weight|weigh|weighs|diameter|volume|capacity|temperature|dimensions?|height|width|length|water column)\b"),
    ("amount", r"\bhow much\b(?! (?:time|longer|bigger|smaller|larger|older))|\b(?:cost|costs|price|prices|fee|fees|charge|charges|surcharge|deposit|set (?:us|me) back|expensive|cheap|owe|shell out)\b|\bdiscount\b|\bpay for\b"),
    ("duration", r"\bhow (?:long|quickly|fast|soon|old)\b|\bhow many (?:days|weeks|months|years|hours|minutes)\b|\bhow much time\b|\bvalid(?:ity)?\b"),
    ("number", r"\bhow many\b|\b(?:what|which) (?:percentage|percent|number|share)\b|\bhow often\b|\bminimum\b|\bmaximum\b|\bup to what\b"),
    ("when", r"\bwhen\b|\b(?:what|which) (?:times?|dates?|day|days|hours|year|month|decade|century)\b|\b(?:opening|business) (?:hours|times)\b|\bdeadline\b|\b(?:last|latest) (?:date|day|time)\b|\bby when\b|\bsince when\b|\bopen on\b"),
    ("where", r"\bwhere\b|\baddress\b|\b(?:which|what) (?:country|countries|city|place|address)\b"),
    ("reason", r"\bwhy\b|\bhow come\b|\bwhat (?:is|are) the reasons?\b"),
    ("steps", r"^\W*how (?:do|can|would|should|could|to)\b|\bhow (?:do|can|should|would|could) (?:i|we|you|one)\b|\bsteps\b|\bwhat (?:should|do|must) i do\b|\bwhat now\b|\bshow me how\b"),
    ("yesno", r"^\W*(?:(?:hi|hello|hey|and|so|but|ok|okay|then)\W+)*(?:is|are|am|was|were|do|does|did|can|could|may|might|will|would|should|shall|must|has|have|had)\b|[,.;] (?:is|are|do|does|can|could|may|will|would|should|has|have) (?:i|we|you|he|she|it|they|there|my|the|that|this)\b"),
    ("who", r"\b(?:who|whom|whose)\b"),
    ("which", r"\b(?:which|wich|what)\b"),
)  # fmt: skip
# "Do you sell …", "is there …", "have you got …": whoever asks how, when or how much takes for granted that there is
# an answer; whoever asks whether there is something does not, so such questions miss the pages more often.
_OFFERED = re.compile(
    r"(?:^|[.!?,;])\W{0,6}(?:(?:hi|hello|hey|and|so|but|ok|okay|then|also|please)\W{1,6}){0,4}(?:do|does|did|have|has|are there|is there|will|would|got any|any)\b",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"\b(?:differences?|differ|compare[ds]?|comparison|versus|vs)\b", re.IGNORECASE)
# Of what was, a length of time tells nothing.
_PAST = re.compile(
    r"\b(?:when (?:was|were|did)|since when|seit wann|wann (?:wurden?|waren?))\b", re.IGNORECASE
)
# What is measured, and the base units (facts.py) in which that is told: of "how heavy?" litres are no answer.
_DIMENSIONS = tuple(
    (re.compile(rf"\b(?:{words})\b", re.IGNORECASE), frozenset(units.split()))
    for words, units in (
        ("heavy|weigh(?:s|t)?", "g lb"),
        ("tall|wide|thick|deep|high|height|width|length|diameter|water column", "m"),
        ("volume|capacity", "l"),
        ("hot|cold|warm|temperatures?", "°c °f"),
        ("fast|speed", "km/h"),
    )
)
_RULES = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _FORMS)

# Words that shape a request but name nothing a page would have to say.
_GENERIC = frozenset(
    stem(word)
    for word in """need want like know tell possible able give get got take make let help find ask say mean happen way
    thing something anything someone everything question information info detail details please sorry would
    currently right now today always ever still already actually really lot bit kind sort type many any whole
    back go come put use using usually normally generally exactly maximum minimum new want's say looking try trying thank
    offer have sell available exist per average special personally personal mine first last next one two long
    much cost price fee charge pay expensive cheap number amount high big large heavy old often fast soon quickly
    time day date hour week month year people person look guy guys thing stuff hi hello hey wich what's how's there's
    i'm i've i'd let's lol mum dad instead we're you're they're he's she's won't isn't everybody middle found wife husband daughter son suggest recommend not never
    difference different differ compare comparison compared versus vs between include best bring
    """.split()  # noqa: SIM905 (a list of 100 strings cannot be read)
)
_GENERIC_WEIGHT = 0.25
_OWN = frozenset(["founded", "founding"])  # not of "find", though they have its stem
# Said before a question, and no word of it.
_INTERJECTIONS = frozenset(
    """ok okay oki hm hmm ah oh aha yeah yep nope cool alright btw pls plz well um uh eh""".split()  # noqa: SIM905 (as above)
)


@dataclass(frozen=True, slots=True)
class Term:
    """A content word of the question; `weight` in (0, 1] before idf, `named`: a proper name or code."""

    word: str
    stem: str
    weight: float
    named: bool
    alternates: tuple[str, ...] = ()  # stems of what pages call it
    place: bool = False  # a name behind "in", "to", "from": nothing else is called so


@dataclass(frozen=True, slots=True)
class Ask:
    """A question taken apart. `plain`: the question with the pages' words beside the visitor's."""

    text: str
    plain: str
    kind: AskKind | None
    terms: tuple[Term, ...]
    facts: tuple[Fact, ...]
    offered: bool = False  # it asks whether there is something at all
    compares: bool = False  # of two things at once: no single sentence need name both
    units: frozenset[str] = frozenset()  # of measures: those in which the answer would stand; none: any
    carried: frozenset[str] = frozenset()  # stems that earlier messages brought, not this one
    language: str = "en"  # of the question, where rules for it are there


# A message may have 4,000 characters. What it asks stands where it opens or where it ends; the embedding model reads
# no more of it either, and rules that look at all of it would hold up other visitors.
_HEAD, _TAIL = 400, 500


def brief(text: str) -> str:
    """`text`, its middle left out where it is long."""
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]} … {text[-_TAIL:]}"


# A message of more words tells a story; what is asked stands in its questions.
_STORY = 40


def asked_in(message: str) -> str | None:
    """The questions of a message that tells a story besides, at most two and the last ones; None for shorter ones and for
    those without a question."""
    if len(words(message[: _HEAD * 10])) < _STORY:
        return None
    asked = [part for part in re.split(r"(?<=[.!?])\s+|\n+", message) if part.rstrip().endswith("?")]
    found = " ".join(asked[-2:])
    return found if found and len(found) <= _HEAD and len(found) < len(message) / 2 else None


def read(question: str, synonyms: Mapping[str, Sequence[str]] | None = None, said: str = "") -> Ask:
    """Take a question apart; several sentences count together, the one with the question mark decides the kind.

    `synonyms`: what this site calls words of it besides, by the word in lower case. `said`: the message that the
    question was made whole from; empty where that is the question itself.
    """
    question = brief(question)
    asked = [part for part in re.split(r"(?<=[.!?])\s+", plain(question)) if part.endswith("?")]
    focus = asked[-1] if asked else question
    rules = rules_for(question)
    abroad = rules.asks if rules is not None else None
    kind = _kind(focus, abroad) or _kind(question, abroad)
    if kind == "when" and _PAST.search(focus):
        kind = "date"
    terms = _terms(question, synonyms or {}, abroad)
    own = {term.stem for term in _terms(brief(said), {}, abroad)} if said else {term.stem for term in terms}
    return Ask(
        question,
        plainly(question),
        kind,
        terms,
        tuple(facts(question)),
        bool(_OFFERED.search(question)),
        bool(_COMPARES.search(question)),
        next((units for pattern, units in _DIMENSIONS if pattern.search(focus)), frozenset()),
        frozenset(term.stem for term in terms) - own,
        rules.language if rules is not None else "en",
    )


def _kind(text: str, abroad: AskWords | None) -> AskKind | None:
    if abroad is not None:
        low = text.lower()
        return cast(
            AskKind | None, next((kind for kind, form in abroad.kinds.items() if form.search(low)), None)
        )
    return next((kind for kind, pattern in _RULES if pattern.search(text)), None)


_PLACE_BEFORE = re.compile(r"\b(?:to|from|in|near)\s+(?:the\s+)?$", re.IGNORECASE)


def _terms(question: str, synonyms: Mapping[str, Sequence[str]], abroad: AskWords | None) -> tuple[Term, ...]:
    terms: dict[str, Term] = {}
    starts = {m.end() for m in re.finditer(r"(?:^|[.!?]\s+)\W*", question)}
    shouted = question.isupper()
    others = alternates(question)
    for match in re.finditer(r"[^\W_]+(?:[-'’.][^\W_]+)*", question):
        word = match.group()
        low = word.lower().replace("’", "'")
        low = low.removesuffix("'s")
        if low in STOPWORDS or low in _INTERJECTIONS or (abroad is not None and low in abroad.stop):
            continue
        root = stem(low)
        is_code = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        # Elsewhere a capital makes no name: German writes every noun with one.
        capital = word[0].isupper() and match.start() not in starts and not shouted and abroad is None
        named = is_code or capital
        generic = (root in _GENERIC and low not in _OWN) if abroad is None else low in abroad.generic
        weight = _GENERIC_WEIGHT if generic and not named else 1.0
        if root not in terms or terms[root].weight < weight:
            also = {stem(w) for start, end, found in others if start <= match.start() < end for w in found}
            also |= {stem(w) for other in synonyms.get(low, ()) for w in other.split()}
            place = capital and bool(_PLACE_BEFORE.search(question, 0, match.start()))
            terms[root] = Term(low, root, weight, named, tuple(sorted(also - {root})), place)
    return tuple(terms.values())


_CONTACT = frozenset({"email", "phone", "link"})
_PLACE = re.compile(
    r"\b(?:in|at|from|to|near|under|beside|on)\s+(?:the\s+)?[A-Z][\w-]+|\b\d{4,5}\s+[A-Z]\w+|\bstreet\b|\bfloor\b|→"
)
_REASON = re.compile(
    r"\b(?:because|since|so that|due to|reason|in order to|that is why|therefore|means that|weil|damit|deshalb|daher|wegen)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\b|\b(?:spring|summer|autumn|fall|winter|today|tomorrow|immediately|"
    r"at once|same day|until|after|before|during|as soon as|once|century|centuries|closed|"
    r"montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|frühling|frühjahr|sommer|herbst|heute|sofort|sobald|geschlossen)s?\b", re.IGNORECASE)  # fmt: skip
_FREE = re.compile(
    r"\b(?:free|no charge|nothing|half|full|at (?:our|your) (?:cost|expense)|included|"
    r"kostenlos|kostenfrei|gratis|umsonst|nichts|hälfte|inklusive|inbegriffen)\b",
    re.IGNORECASE,
)


_NAME = re.compile(r"(?<=\s)[^\w\s]?([A-Z][\w'’-]+)")


def _names(text: str, said: Collection[str]) -> float:
    """1 where a name stands in `text` that the question has not said itself, 0.3 where not."""
    return 1.0 if any(stem(m[1].lower()) not in said for m in _NAME.finditer(text)) else 0.3


def fits(
    kind: AskKind | None,
    text: str,
    held: list[Fact] | None = None,
    said: Collection[str] = (),
    units: Collection[str] = (),
) -> float:
    """How well `text` holds the kind of answer asked for: 1 yes, 0.5 nearly, 0 no; 0.5 where any text will do.

    `said`: stems of the question's own words; `units`: as `Ask.units`.
    """
    if kind in {None, "which", "yesno", "steps"}:
        return 0.5
    if kind == "who":
        return _names(text, said)
    found = facts(text) if held is None else held
    kinds = {fact.kind for fact in found}
    if kind == "amount":
        return 1.0 if kinds & {"money", "percent"} else 0.6 if _FREE.search(text) else 0.0
    if kind == "duration":
        return (
            1.0
            if "duration" in kinds
            else 0.5
            if kinds & {"date", "time", "year"} or _WHEN.search(text)
            else 0.0
        )
    if kind == "when":
        return 1.0 if kinds & {"date", "time", "duration", "year"} else 0.6 if _WHEN.search(text) else 0.0
    if kind == "date":
        return 1.0 if kinds & {"date", "year"} else 0.2 if _WHEN.search(text) else 0.0
    if kind == "number":
        return 1.0 if kinds - {"email", "link", "code", "phone"} else 0.0
    if kind == "measure":
        if any(fact.kind == "measure" and (not units or fact.value.split()[0] in units) for fact in found):
            return 1.0
        return 0.4 if kinds & {"measure", "number", "percent", "money"} else 0.0
    if kind == "where":
        return 1.0 if _PLACE.search(text) else 0.3
    if kind == "contact":
        return 1.0 if kinds & _CONTACT else 0.0
    return 1.0 if _REASON.search(text) else 0.4


def stems_of(text: str) -> set[str]:
    """Stems of the content words, possessives cut."""
    return {stem(w.removesuffix("'s")) for w in words(text) if w not in STOPWORDS}
