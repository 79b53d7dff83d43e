"""What a question asks for: the kind of answer, and the words that an answer cannot do without."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from minidesk.answering.alike import other_forms
from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.reaching import HERE, TO_YOU, asks_the_way, looked_up, own_place
from minidesk.answering.rulebook import AskWords, rules_of
from minidesk.answering.said_alike import VisitorWords, visitor_words
from minidesk.answering.separable import joined, with_whole_verbs
from minidesk.answering.trouble import reports
from minidesk.answering.wording import alternates, phrases, plainly
from minidesk.text.words import STOPWORDS, distance, stem, stem_in, words

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
    ("contact", r"\b(?:can|could|may) (?:i|we) (?:also )?(?:call|phone|ring|e-?mail|contact|write to) (?:you|u)\b|\b(?:phone|telephone|call|hotline) ?(?:number|no)\b|\be-?mail(?: address)? (?:of|for|do|can|should)\b|(?:what|which)(?:'s| is| are)? (?:the|your) (?:e-?mail|phone|contact)\b|\b(?:how|where) (?:can|do) i (?:contact|reach)|\bwho(?:m)? (?:do|can|should) i (?:write|contact|get in touch|ask|call|talk)|\bget in touch\b"),
    ("measure", r"\bhow (?:heavy|big|large|tall|wide|thick|deep|high|hot|cold|warm|far|loud)\b(?! (?:is|are) (?:the|your) (?:handling |delivery |shipping )?(?:fee|price|cost|charge|deposit))|\bhow fast (?:is|are|does|do|can) (?:it|they|(?:the|this|that|these|a|an|your) (?!delivery|shipping|dispatch|service|refund|repair|support|response|reply|order|parcel|package)[\w-]+)\b(?! (?:ship|arrive|get here|come|be)\b)|\b(?:weight|weigh|weighs|diameter|volume|capacity|temperature|dimensions?|height|width|length|water column)\b"),
    ("amount", r"\bhow much\b(?! (?:time|longer|bigger|smaller|larger|older))|\b(?:cost|costs|price|prices|fee|fees|charges|surcharge|deposit|set (?:us|me) back|expensive|cheap|owe|shell out)\b|\bcharge\b(?!\s+(?:it|them|up|(?:the|my|a|an|your|this|our)\s+(?!fee|deposit|surcharge|price|customer|card)\w+))|\bdiscount\b|\bpay for\b"),
    ("duration", r"\bhow (?:long|quick(?:ly)?|fast|soon|old)\b|\bhow many (?:days|weeks|months|years|hours|minutes)\b|\bhow much time\b|\bvalid(?:ity)?\b"),
    ("number", r"\bhow many\b|\b(?:what|which) (?:percentage|percent|number|share)\b|\bhow often\b|\bminimum\b|\bmaximum\b|\bup to what\b"),
    ("when", r"\bwhen\b|\bhow (?:early|late)\b|\b(?:what|which) (?:times?|dates?|day|days|hours|year|month|decade|century)\b|\b(?:opening|business) (?:hours|times)\b|\bdeadline\b|\b(?:last|latest) (?:date|day|time)\b|\bby when\b|\bsince when\b|\bopen on\b"),
    ("where", rf"\bwhere\b|{TO_YOU}|\baddress\b|\b(?:which|what) (?:country|countries|city|place|address)\b"),
    ("reason", r"\bwhy\b|\bhow come\b|\bwhat (?:is|are) the reasons?\b"),
    ("steps", r"^\W*how (?:do|can|would|should|could|to)\b|\bhow (?:do|can|should|would|could) (?:i|we|you|one)\b|\bsteps\b|\bwhat (?:should|do|must) i do\b|\bwhat now\b|\bshow me how\b"),
    ("yesno", r"^\W*(?:(?:hi|hello|hey|and|so|but|ok|okay|then)\W+)*(?:is|are|am|was|were|do|does|did|can|could|may|might|will|would|should|shall|must|has|have|had)\b|[,.;] (?:is|are|do|does|can|could|may|will|would|should|has|have) (?:i|we|you|he|she|it|they|there|my|the|that|this)\b"),
    ("who", r"\b(?:who|whom|whose)\b"),
    ("which", r"\b(?:which|wich|what)\b"),
)  # fmt: skip
# "Do you sell …", "is there …", "have you got …": whoever asks how, when or how much takes for granted that there is
# an answer; whoever asks whether there is something does not, so such questions miss the pages more often.
_OFFERED = re.compile(
    r"(?:^|[.!?,;])\W{0,6}(?:(?:hi|hello|hey|and|so|but|ok|okay|then|also|please)\W{1,6}){0,4}(?:do|does|did|have|has|are there|is there|will|would|got any|any)\b(?! (?:i|we) (?:(?:also|still|really|always) )?(?:have to|need|must|be)\b)",
    re.IGNORECASE,
)
# What follows names the thing, up to the next small word.
_THERE = re.compile(
    r"\b(?:(?:do|does|will|would) (?:you|the \w+|they) (?:also |still |ever )?(?:have|sell|offer|stock|carry|provide|rent(?: out)?|hire out|make|serve)|(?:is|are) there|have you(?: got)?|got any|how many|how much (?:is|are|do|does|would))\s+(?:(?:a|an|any|some|also|the|your|such)\s+)*",
    re.IGNORECASE,
)
_THERE_ABROAD = re.compile(
    r"\b(?:wie viele|was kostet|was kosten|gibt(?:'?s| es)|(?:habt|verkauft|bietet|führt|vermietet|verleiht) ihr|(?:haben|verkaufen|bieten|führen|vermieten|verleihen) sie)\s+(?:(?:bei \w+|im \w+|am \w+|auch|hier|da|noch|ein|eine|einen|einem|der|die|das|den|mal|denn|eigentlich)\s+)*",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"\b(?:differences?|differ|compare[ds]?|comparison|versus|vs)\b", re.IGNORECASE)
# Of what was, a length of time tells nothing.
_PAST = re.compile(
    r"\b(?:when (?:was|were|did)|since when|how old (?:is|are) (?:the|this|your)|wie alt (?:ist|sind) (?:der|die|das|ihre?|eure?)|how long have you been|how long has \w+(?: \w+)? been|seit wann|wann (?:wurden?|waren?)|wie lange gibt\b.*\bschon)\b",
    re.IGNORECASE,
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
    allowed permitted welcome physical local nearby yet
    difference different differ compare comparison compared versus vs between include best bring
    """.split()  # noqa: SIM905 (a list of 100 strings cannot be read)
)
_GENERIC_WEIGHT = 0.25
# Of what goes on in the visitor's life ("moved", "accidentally") a page need not speak to be what was asked for.
_EVERYDAY_WEIGHT = 0.5
# From so many letters on a word with one typing error in it is still told.
_TYPO_LETTERS = 6
_LONG_GENERIC = tuple(root for root in _GENERIC if len(root) >= _TYPO_LETTERS)
# Not of "find" and "use", though they have their stems: "used bikes" are a kind of their own.
_OWN = frozenset(["founded", "founding", "used"])
# Said before a question, and no word of it; small words that hold it together.
_INTERJECTIONS = frozenset(
    """ok okay oki hm hmm ah oh aha yeah yep nope cool alright btw pls plz well um uh eh onto upon within via per""".split()  # noqa: SIM905 (as above)
)
_CONTRACTED = re.compile(r"(?:n't|'(?:ve|ll|re|d|m|s))$")
# What a visitor counts of their own case stands on no page: "after three weeks", "my son is 12".
_COUNTED = frozenset(
    """two three four five six seven eight nine ten eleven twelve twenty thirty hundred
    zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig hundert""".split()  # noqa: SIM905 (as above)
)
_FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True)
class Term:
    """A content word of the question; `weight` in (0, 1] before idf, `named`: a proper name or code."""

    word: str
    stem: str
    weight: float
    named: bool
    alternates: tuple[str, ...] = ()  # stems of what pages call it
    place: bool = False  # a name behind "in", "to", "from": nothing else is called so
    where: bool = False  # any word behind one of these: in lower case too, pages may know it as a name
    said: tuple[str, ...] = ()  # words that mean the same, the likeliest first (`said_alike.py`)


@dataclass(frozen=True, slots=True)
class Ask:
    """A question taken apart. `plain`: the question with the pages' words beside the visitor's."""

    text: str
    plain: str
    kind: AskKind | None
    terms: tuple[Term, ...]
    facts: tuple[Fact, ...]
    offered: bool = False  # it asks whether there is something at all...
    thing: str = ""  # ...the stem of what that is: in "do you sell bike bags?" the bags
    verb: str = ""  # the stem of what "can I …?" and "do you …?" ask to be done, where it names something
    compares: bool = False  # of two things at once: no single sentence need name both
    # What the answer would be told in: of measures the units, else "amount", "count", "age", "hours" (with "day" where that is said already), "weekday", "person", "address", "way"; none: anything of
    # its kind, or something else ("is there a discount?" has a "no" as well).
    units: frozenset[str] = frozenset()
    # Stems of the words before `thing` that say which: in "bike bags" the bikes.
    kind_of_thing: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()  # stems of what it is to be done without
    # Stems of what is to be returned or exchanged, or came broken: pages speak of "articles".
    goods: frozenset[str] = frozenset()
    carried: frozenset[str] = frozenset()  # stems that earlier messages brought, not this one
    language: str = "en"  # of the question, where rules for it are there
    # Kinds of what went wrong (`trouble.py`), where it tells of that and asks nothing.
    trouble: frozenset[str] = frozenset()


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


def read(
    question: str,
    synonyms: Mapping[str, Sequence[str]] | None = None,
    said: str = "",
    pages: str | None = None,
) -> Ask:
    """Take a question apart; several sentences count together, the one with the question mark decides the kind.

    `synonyms`: what this site calls words of it besides, by the word in lower case. `said`: the message that the
    question was made whole from; empty where that is the question itself. `pages`: the language that they are in, for a
    question that does not tell its own ("zahlt die krankenkasse was dazu").
    """
    question = brief(question)
    asked = [part for part in re.split(r"(?<=[.!?])\s+", plain(question)) if part.endswith("?")]
    focus = asked[-1] if asked else question
    rules = rules_of(question, pages)
    abroad = rules.asks if rules is not None else None
    kind = _kind(focus, abroad) or _kind(question, abroad)
    if kind in {"when", "duration"} and _PAST.search(focus):
        kind = "date"
    if asks_the_way(focus):
        kind = "where"
    visitors = visitor_words(question, pages)
    terms = _terms(question, synonyms or {}, abroad, visitors)
    thing, which = _thing(question, terms, abroad)
    own = (
        {term.stem for term in _terms(brief(said), {}, abroad, visitors)}
        if said
        else {term.stem for term in terms}
    )
    trouble = reports(question)
    if trouble:
        kind = None  # "my discount code does not work" asks for no amount
    units = _units(kind, focus, abroad)
    if not HERE.isdisjoint(units):
        # Pages may call their shop a branch: where it is, is asked.
        named = stems_of(own_place(focus))
        terms = tuple(replace(term, weight=_GENERIC_WEIGHT) if term.stem in named else term for term in terms)
    return Ask(
        question,
        in_page_words(question, pages),
        kind,
        terms,
        tuple(facts(question)),
        bool(_OFFERED.search(question)),
        thing,
        _verb(kind, focus, terms, abroad),
        bool(_COMPARES.search(question)),
        units,
        which,
        _behind(_WITHOUT, question, terms) if abroad is None else frozenset(),
        (_behind(_RETURNED, question, terms) | _bought(trouble, question, terms))
        if abroad is None
        else frozenset(),
        frozenset(term.stem for term in terms) - own,
        rules.language if rules is not None else "en",
        trouble,
    )


def to_search(question: str) -> str:
    """The question as it is looked up: its torn verbs whole."""
    rules = rules_of(question, None)
    if rules is None or rules.asks is None:
        return question
    return with_whole_verbs(question, rules.asks.stop, rules.asks.generic)


# Opening hours are told by days and times; "which days?" by days; in German, where any noun has a capital, who somebody
# is by two names or a title.
_HOURS = re.compile(
    r"\b(?:when (?:can|may|could|do) (?:i|we) (?:call|phone|ring|reach|visit|come|drop)|how (?:early|late) (?:are|do|can|may|will|is)|open(?:ing)?|closing|close[sd]?|shut|öffnungs\w+|sprech(?:zeit|stunde)\w*|geöffnet|offen|schlie(?:ß|ss)t|geschlossen)\b|\b(?:hat|habt|haben|macht|machen)\b[^.?!]{0,40}\b(?:auf|zu)\s*[?!.]*$",
    re.IGNORECASE,
)
_WHICH_DAY = re.compile(
    r"\b(?:what|which) (?:week)?days?\b(?! of the month)|\bwelche[nmr]? (?:wochen)?tage?n?\b", re.IGNORECASE
)


_OLD = re.compile(r"\bhow old\b|\bwie (?:alt|lange)\b", re.IGNORECASE)
_COUNT = re.compile(r"\b(?:how many|wie ?viele)\b", re.IGNORECASE)
_WHETHER = re.compile(dict(_FORMS)["yesno"], re.IGNORECASE)


def _units(kind: AskKind | None, focus: str, abroad: AskWords | None) -> frozenset[str]:
    if kind == "when" and _WHICH_DAY.search(focus):
        return frozenset(["weekday"])
    if kind == "when" and _HOURS.search(focus):
        return frozenset(["hours", "day"] if _DAY.search(focus) else ["hours"])
    if kind == "who" and abroad is not None:
        return frozenset(["person"])
    if kind == "date" and _OLD.search(focus):
        return frozenset(["age"])
    if kind == "number" and _COUNT.search(focus):
        return frozenset(["count"])
    if kind == "amount":
        whether = _WHETHER if abroad is None else abroad.kinds["yesno"]
        return frozenset() if whether.search(focus.lower()) else frozenset(["amount"])
    if kind == "where" and own_place(focus):
        return frozenset(["way" if asks_the_way(focus) else "address"])
    return next((units for pattern, units in _DIMENSIONS if pattern.search(focus)), frozenset())


def _thing(question: str, terms: Sequence[Term], abroad: AskWords | None) -> tuple[str, tuple[str, ...]]:
    """The stem of the last of the words that name what there may be, and those of the words right before it; empty where
    nothing is asked so."""
    opened = (_THERE if abroad is None else _THERE_ABROAD).search(question)
    if opened is None:
        return "", ()
    weights = {term.word: term for term in terms}
    found: list[str] = []
    for match in re.finditer(r"[^\W_]+(?:[-'’.][^\W_]+)*|[^\w\s]", question[opened.end() :]):
        word = match.group().lower().replace("’", "'").removesuffix("'s")
        term = weights.get(word)
        if term is None or not (abroad is None or match.group()[0].isupper() or question.islower()):
            break
        if term.weight >= 1.0:
            found.append(term.stem)
    return (found[-1], tuple(found[:-1])) if found else ("", ())


# Up to two words behind the articles: "without a credit card", "return my hiking boots".
_NAMED = r"(?:(?:a|an|the|my|our|any|some|this|that|these|those|having|using|\w+ing)\s+)*(?!(?:it|its|them|this|that|these|those)\b)(?P<named>[a-z'-]+(?:\s+[a-z'-]+)?)"
_WITHOUT = re.compile(rf"\bwithout\s+{_NAMED}", re.IGNORECASE)
_RETURNED = re.compile(
    rf"\b(?:return|exchange|swap|bring back|send back|give back|take back|(?:bring|send|give|take)(?=\s+(?:\w+\s+){{1,3}}back\b))\s+{_NAMED}",
    re.IGNORECASE,
)


def _behind(pattern: re.Pattern[str], question: str, terms: Sequence[Term]) -> frozenset[str]:
    """Stems of the words that `pattern` names, where they are words that the question is about."""
    found = pattern.search(question)
    named = set(found["named"].lower().split()) if found else set[str]()
    return frozenset(term.stem for term in terms if term.word in named and term.weight >= 1.0)


# "My jacket", "the wrong jacket", "one paddle": of these something is told.
_OF_MINE = re.compile(
    r"\b(?:my|our|the|this|one|two|an?)\s+(?:new |wrong |other |whole )?(?P<named>[\w-]+)",
    re.IGNORECASE,
)
# Kinds of trouble (`trouble.py`) that any article may have, so that pages tell of it once for all of them.
_OF_ANY = frozenset({"broken", "wrong", "part"})


def _bought(trouble: frozenset[str], question: str, terms: Sequence[Term]) -> frozenset[str]:
    """Stems of what came broken, wrong or without a part."""
    if trouble.isdisjoint(_OF_ANY):
        return frozenset()
    named = {found["named"].lower() for found in _OF_MINE.finditer(question)}
    return frozenset(term.stem for term in terms if term.word in named and term.weight >= 1.0)


_DONE = re.compile(
    r"\b(?:(?:can|could|may|might|will|would|should|do|does|did|must) (?:i|we|you|one|they|people)|(?:is it|would it be) (?:possible|ok|okay|allowed|fine) to|am i allowed to|are we allowed to)\s+(?:(?:also|still|just|please|even|then|ever|only|really|first)\s+)*(?P<verb>[a-z'-]+)",
    re.IGNORECASE,
)
_DONE_ABROAD = re.compile(
    r"\b(?:kann|können|könnte|könnten|darf|dürfen|dürfte|muss|müssen|soll|sollte)\b[^.?!,;]*\s(?P<verb>[a-zäöüß]+n)\s*[?!.]*$"
)
_WHO_DOES = re.compile(r"\b(?:who|wer)\s+(?P<verb>[a-zäöüß]+)")


def _verb(kind: AskKind | None, focus: str, terms: Sequence[Term], abroad: AskWords | None) -> str:
    """The stem of what is asked to be done, or who does it; empty where the word says little ("who is", "can I get")."""
    if kind == "who":
        found = _WHO_DOES.search(focus.lower())
    elif kind == "yesno":
        found = _DONE.search(focus) if abroad is None else _DONE_ABROAD.search(focus)
    else:
        found = None
    root = stem(found["verb"].lower()) if found else ""
    return root if any(term.stem == root and term.weight >= 1.0 for term in terms) else ""


def in_page_words(question: str, pages: str | None = None) -> str:
    """The question with what pages call the things in it behind it; unchanged where there is nothing to add, and what pages
    say in its place where it asks how to reach us. `pages`: as for `read`."""
    about_us = looked_up(question)
    if about_us is not None:
        return about_us
    rules = rules_of(question, pages)
    if rules is None or rules.asks is None:
        return _widened(question, visitor_words(question, pages))
    whole = with_whole_verbs(question, rules.asks.stop, rules.asks.generic)
    fronts = rules.asks.taken_apart(question)
    widened = f"{whole} ({' '.join(fronts)})" if fronts else whole
    return plainly(widened)


# Of the words that mean the same, for each of the visitor's and in all: more drown what was asked.
_SAID_EACH, _SAID_MOST = 2, 4
_VAGUE = 2  # words that say what it is about; of fewer ("can I exchange it?") other words would pick one of many meanings


def _widened(question: str, visitors: VisitorWords | None) -> str:
    """An English question with the pages' words behind it."""
    # Pages that say what may be returned list no jackets.
    found = plainly(f"{question} (return of articles)" if _RETURNED.search(question) else question)
    known = set(words(found))
    own = {
        word for word in words(question) if not (_small(word, None) or _is_generic(word, stem(word), None))
    }
    if len(own) < _VAGUE:
        return found
    said = [word for ways in _sayings(question, visitors).values() for word in ways[:_SAID_EACH]]
    more = [word for word in dict.fromkeys(said) if word not in known][:_SAID_MOST]
    return f"{found} ({' '.join(more)})" if more else found


def _kind(text: str, abroad: AskWords | None) -> AskKind | None:
    if abroad is not None:
        low = text.lower()
        return cast(
            AskKind | None, next((kind for kind, form in abroad.kinds.items() if form.search(low)), None)
        )
    led = _LEADS.match(text)
    if led:
        kinds: tuple[AskKind, ...] = ("when", "where", "reason")
        return next(kind for kind in kinds if led[kind])
    found = next((kind for kind, pattern in _RULES if pattern.search(text)), None)
    if found == "where" and _WHETHER.match(text) and not _TELLS_WHERE.search(text):
        return "yesno"  # "do you have a shop where I can try them on?"
    return found


_TELLS_WHERE = re.compile(
    r"\b(?:know|tell|say|show|explain|idea|out|remember|address|country|countries|city|place)\b",
    re.IGNORECASE,
)


# Who asks when the deposit comes back asks for no amount.
_LEADS = re.compile(
    r"\W*(?:(?:and|so|but|ok|okay|hi|hello|then|also)\W+)*(?:(?P<when>when)|(?P<where>where)|(?P<reason>why))\b(?! is it cheap| can i get (?:a |the )?(?:discount|best price))",
    re.IGNORECASE,
)


_PLACE_BEFORE = re.compile(r"\b(?:to|from|in|near)\s+(?:the\s+)?$", re.IGNORECASE)


_PLACE_BEFORE_ABROAD = re.compile(r"\b(?:in|nach|aus|bei)\s+$", re.IGNORECASE)


_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")


def _sayings(question: str, visitors: VisitorWords | None) -> dict[int, list[str]]:
    """By where each of its words starts, what pages say for it."""
    if visitors is None:
        return {}
    tokens = list(_TOKEN.finditer(question))
    found: dict[int, list[str]] = {}
    for one in visitors.found([token.group().lower().replace("’", "'") for token in tokens]):
        for at in one.at:
            found.setdefault(tokens[at].start(), []).extend(one.pages)
    return found


def _terms(
    question: str,
    synonyms: Mapping[str, Sequence[str]],
    abroad: AskWords | None,
    visitors: VisitorWords | None,
) -> tuple[Term, ...]:
    terms: dict[str, Term] = {}
    sayings = _sayings(question, visitors)
    everyday = frozenset[str]() if visitors is None else visitors.everyday
    starts = {m.end() for m in re.finditer(r"(?:^|[.!?]\s+)\W*", question)}
    shouted = question.isupper()
    others = alternates(question)
    whole = (
        {} if abroad is None else {one.at[0]: one for one in joined(question, abroad.stop, abroad.generic)}
    )
    firsts = {one.first[0] for one in whole.values()}
    meant = phrases(question)
    before = ""
    for match in _TOKEN.finditer(question):
        word, ahead = match.group(), before
        before = word
        torn = whole.get(match.start())
        low = word.lower().replace("’", "'") if torn is None else torn.verb
        low = low.removesuffix("'s")
        _, phrase = meant.get(match.start(), (0, ()))
        inside = any(start <= match.start() < last for last, (start, _) in meant.items())
        if inside or (torn is None and not phrase and (match.start() in firsts or _small(low, abroad))):
            continue
        root = stem(low)
        is_code = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        # Elsewhere a capital makes no name: German writes every noun with one.
        capital = word[0].isupper() and match.start() not in starts and not shouted and abroad is None
        named = is_code or capital
        generic = _is_generic(low, root, abroad) or (_counted(low) and _shapes(ahead, abroad))
        said = tuple(dict.fromkeys(sayings.get(match.start(), ())))
        also = {stem(w) for start, end, found in others if start <= match.start() < end for w in found}
        also |= {stem(w) for w in (*phrase, *said)}
        weight = 1.0
        if not (named or phrase):
            # What pages have another word for is meant as it is said: "any good still?"
            weight = _GENERIC_WEIGHT if generic else _EVERYDAY_WEIGHT if low in everyday and not also else 1.0
        if root not in terms or terms[root].weight < weight:
            if torn is not None:
                also |= {stem(w) for _, _, found in alternates(low) for w in found}
            also |= {stem(w) for other in synonyms.get(low, ()) for w in other.split()}
            if abroad is None:
                also |= other_forms(root)
            near = _PLACE_BEFORE if abroad is None else _PLACE_BEFORE_ABROAD
            where = bool(near.search(question, 0, match.start()))
            place = capital and where
            terms[root] = Term(low, root, weight, named, tuple(sorted(also - {root})), place, where, said)
    if any(term.weight >= 1.0 and not term.where for term in terms.values()):
        return tuple(terms.values())
    # Nothing else says what it is about: "what is there to see in Graz?"
    return tuple(
        replace(term, weight=1.0) if term.weight == _EVERYDAY_WEIGHT else term for term in terms.values()
    )


def _small(low: str, abroad: AskWords | None) -> bool:
    """Whether the word names nothing: "the", "you've", "hm"."""
    if low in STOPWORDS or low in _INTERJECTIONS or _CONTRACTED.sub("", low) in STOPWORDS:
        return True
    return abroad is not None and low in abroad.stop


def _is_generic(low: str, root: str, abroad: AskWords | None) -> bool:
    if abroad is not None:
        return low in abroad.generic or stem_in(low, abroad.language) in abroad.generic_stems
    return (root in _GENERIC and low not in _OWN) or _nearly_generic(root)


def _shapes(word: str, abroad: AskWords | None) -> bool:
    """Whether a figure behind this word counts something, and is no part of a name: "after 3 weeks", not "lizum 3"."""
    low = word.lower()
    return not low or _small(low, abroad) or _is_generic(low, stem(low), abroad)


def _nearly_generic(root: str) -> bool:
    """ "normaly": a typing error in a word that names nothing makes it no name."""
    return len(root) >= _TYPO_LETTERS and any(
        other[0] == root[0] and abs(len(other) - len(root)) <= 1 and distance(other, root) == 1
        for other in _LONG_GENERIC
    )


def _counted(low: str) -> bool:
    return low in _COUNTED or bool(_FIGURE.fullmatch(low))


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
_DAY = re.compile(
    r"\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:days?)?\b|\b(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)s?\b|\b(?:daily|every day|täglich|weekdays|werktags|weekends?|wochenende)\b|\b(?:Mo|Di|Mi|Do|Fr|Sa|So)(?=\s?[-–.:])",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"\b(?:closed|geschlossen)\b", re.IGNORECASE)
_PERSON = re.compile(
    r"\b(?:Herrn?|Frau|Dr\.|Prof\.|Mr|Mrs|Ms)\s+[A-ZÄÖÜ]|(?<![.!?] )\b[A-ZÄÖÜ][a-zäöüß]+ [A-ZÄÖÜ][a-zäöüß]+(?:-[A-ZÄÖÜ][a-zäöüß]+)?\b"
)
_FREE = re.compile(
    r"\b(?:free|no charge|nothing|half|full|at (?:our|your) (?:cost|expense)|included|"
    r"kostenlos|kostenfrei|gratis|umsonst|nichts|hälfte|volle[nrms]?|gesamte[nrms]?|inklusive|inbegriffen)\b",
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
        return (1.0 if _PERSON.search(text) else 0.3) if "person" in units else _names(text, said)
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
        return _fits_when(text, kinds, units)
    if kind == "date":
        return 1.0 if kinds & {"date", "year"} else 0.2 if _WHEN.search(text) else 0.0
    if kind == "number" and "count" in units:
        return 1.0 if kinds & {"number", "percent", "measure"} else 0.0
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


def _fits_when(text: str, kinds: Collection[str], units: Collection[str]) -> float:
    """As `fits`, of a time; `kinds`: of the facts that the text holds."""
    if "hours" in units:
        day = not {"day", "date"}.isdisjoint((*units, *kinds)) or bool(_DAY.search(text))
        told = "time" in kinds or bool(_CLOSED.search(text))
        return 1.0 if day and told else 0.5 if day or told else 0.0
    if "weekday" in units:
        return 1.0 if _DAY.search(text) else 0.6 if "date" in kinds else 0.2
    told = not {"date", "time", "duration", "year"}.isdisjoint(kinds)
    return 1.0 if told else 0.6 if _WHEN.search(text) else 0.0


def stems_of(text: str) -> set[str]:
    """Stems of the content words, possessives cut."""
    return {stem(w.removesuffix("'s")) for w in words(text) if w not in STOPWORDS}
