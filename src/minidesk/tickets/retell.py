"""A visitor's sentence in the third person, by rules: "Can I swap them for a 43?" becomes "The visitor asks whether they can
swap them for a 43".

English alone: a sentence that no rule fits comes back as None, and is quoted. Nothing is added that the sentence does not
say, and nothing but its opening words is left out: what an agent reads can be checked word by word.
"""

import re
from dataclasses import dataclass

# What may stand before a sentence and says nothing. "No" and "right" only with a comma: "no parcel came" is no opening.
_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|dear)(?: there| all| team| everyone| sir| madam)?[\s,.!:;–-]+"
    r"|(?:oh|well|ok|okay|but|and|actually|um+|uh|hmm+|so(?! (?:much|many|far)\b)|good (?:morning|afternoon|evening|day))\b[\s,.!:;–-]*"
    r"|(?:yes|yeah|yep|no|right|sure|alright|all right|sorry|excuse me|please|thanks|thank you|look|listen|you know|by the way|i see)"
    r"\s*[,.!:;–-]+\s*)+",
    re.IGNORECASE,
)
# Words of English that are hardly any of its neighbours'; two of them, and a sentence is English.
_ENGLISH = frozenset(
    """i i'm i've i'd i'll my me you your our the with this that and to from have are can't don't it's not was want would for how what
    when where why is can could do did does it need still has there they by please""".split()  # noqa: SIM905
)
_MODALS = "can|could|may|might|will|would|shall|should|must"
_AUXILIARIES = rf"am|is|are|was|were|do|does|did|have|has|had|{_MODALS}"
_SUBJECTS = "i|you|we|they|he|she|it|this|that|these|those|there"
_ASKED_TO = re.compile(
    r"^(?:(?:could|would) you(?: please| kindly)?|can you (?:please|kindly)) (?P<do>\w+.*)$", re.IGNORECASE
)
_YES_NO = re.compile(
    rf"^(?P<aux>{_AUXILIARIES})(?P<not>n't)? (?P<subject>{_SUBJECTS})\b(?P<rest>.*)$", re.IGNORECASE
)
_OPEN_QUESTION = re.compile(
    rf"^(?P<wh>(?:what|which|when|where|why|how|who|whose)(?: (?!(?:{_AUXILIARIES})\b)[\w-]+){{0,4}})"
    rf" (?P<aux>{_AUXILIARIES})(?P<not>n't)? (?P<subject>{_SUBJECTS})\b(?P<rest>.*)$",
    re.IGNORECASE,
)
# Many leave the question mark out; "should you need …", "had I known …" and "which is why …" ask nothing.
_ASKS_ANYWAY = re.compile(
    rf"^(?:(?:am|is|are|do|does|did|can|could|will|would|may) (?:{_SUBJECTS})\b"
    rf"|(?:what|when|where|why|how|who) (?:{_AUXILIARIES})\b"
    rf"|(?:what|which|how)(?: (?!(?:{_AUXILIARIES}|{_SUBJECTS})\b)[\w-]+){{1,3}} (?:{_AUXILIARIES}) (?:{_SUBJECTS})\b)",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"^(?P<subject>i|we)(?P<short>'(?:m|ve|ll|d|re))?(?P<rest> (?!(?:and|or|as|in|on|at|for|with|who|of|to)\b).*)$",
    re.IGNORECASE,
)
_WISH = re.compile(
    rf"^(?:please|kindly) (?!(?:{_SUBJECTS}|{_AUXILIARIES}|the|my|note)\b)(?P<do>\w+.*)$", re.IGNORECASE
)
# "I'd ordered", "I'd better" are no wishes.
_HAD = re.compile(
    r"\b(i|we|you)'d (?=(?:\w+ed|been|better|had|got|made|paid|sent|bought|found|left|lost|thought|told)\b)",
    re.IGNORECASE,
)
_MODAL_WORDS = frozenset(_MODALS.split("|")) | {"cannot"}
_SHORT = {"'m": " am", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would"}
_NOT = re.compile(r"\b(ca|wo|sha)n't\b", re.IGNORECASE)
_WHOLE = {"ca": "cannot", "wo": "will not", "sha": "shall not"}
# Verbs and their past, where it has no "-ed". Verbs that look alike in both tenses are not among them.
_VERBS = """
    eat ate begin began buy bought break broke bring brought build built come came catch caught choose chose do
    did draw drew drive drove fall fell feel felt fly flew forget forgot find found give gave get got grow grew
    have had hear heard hold held keep kept know knew leave left lend lent lose lost make made mean meant meet met
    pay paid run ran sit sat see saw send sent sleep slept sell sold spend spent speak spoke stand stood stick
    stuck think thought throw threw tell told take took tear tore understand understood go went wake woke win won
    wear wore write wrote
""".split()  # noqa: SIM905 (a list of 120 strings cannot be read)
_IRREGULAR = dict(zip(_VERBS[::2], _VERBS[1::2], strict=True))
_PAST = frozenset(_IRREGULAR.values())
_ADVERBS = "just|only|also|already|still|never|always|recently|really|now|then|usually|often|actually|currently|accidentally|even|simply"
_FIRST = {"i": "they", "me": "them", "my": "their", "mine": "theirs", "myself": "themselves",
          "we": "they", "us": "them", "our": "their", "ours": "theirs", "ourselves": "themselves"}  # fmt: skip
# Behind these "you" is no subject.
_GOVERNS = re.compile(r"\b(?:to|for|from|with|by|of|at|on|about|than|and|tell|told|ask|asked|thank|see|send|sent|give|gave|show|pay|paid|call|contact|help|write)\s+$", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class People:
    """How the two are called. `other` None: they are us, whom the reader belongs to."""

    one: str = "The visitor"
    other: str | None = None


def retell(sentence: str, people: People = People()) -> str | None:
    """The sentence in the third person, without a full stop; None where no rule fits."""
    text, asks = _HAD.sub(r"\1 had ", _opened(sentence)), is_question(sentence)
    if len(_ENGLISH.intersection(text.lower().split())) < 2:
        return None
    if (match := _ASKED_TO.match(text)) is not None:
        return f"{people.one} asks {people.other or 'us'} to {_turned(match['do'], people)}"
    if (match := _WISH.match(text)) is not None:
        return f"{people.one} asks {people.other or 'us'} to {_turned(match['do'], people)}"
    if (match := _YES_NO.match(text)) is not None and asks:
        return f"{people.one} asks whether {_uninverted(match, people)}"
    if (match := _OPEN_QUESTION.match(text)) is not None and asks:
        return f"{people.one} asks {_lowered(match['wh'])} {_uninverted(match, people)}"
    if asks:
        return None
    if (match := _SAYS.match(text)) is not None:
        rest = _SHORT.get((match["short"] or "").lower(), "") + match["rest"]
        return f"{people.one}{_third(_turned(rest, people))}"
    if re.search(r"\b(?:i|i'm|i've|my|me|we|our|us)\b", text, re.IGNORECASE):
        return f"{people.one} says {_turned(_lowered(text), people)}"
    return None


def is_question(sentence: str) -> bool:
    """True for what asks, with its question mark or without."""
    return "?" in sentence or _ASKS_ANYWAY.match(_opened(sentence)) is not None


def _opened(sentence: str) -> str:
    """Without its opening words and its end."""
    return _OPENING.sub("", " ".join(sentence.replace("’", "'").split()).rstrip(" .!?…;,"))


def _uninverted(match: re.Match[str], people: People) -> str:
    """Subject before verb: "do you ship to Norway" as "we ship to Norway"."""
    subject, aux = match["subject"].lower(), match["aux"].lower()
    negated, rest = " not" if match["not"] else "", _turned(match["rest"], people)
    named = {"i": "they", "we": "they", "you": people.other or "we"}.get(subject, subject)
    singular = subject in ("he", "she", "it", "this", "that") or (
        subject == "you" and people.other is not None
    )
    if aux in ("do", "does") and not negated:
        return f"{named}{_third(rest) if singular else rest}"
    if aux == "did" and not negated:
        return f"{named}{_past(rest)}"
    if subject != "there":
        plural = {
            "am": "are",
            "is": "are",
            "are": "are",
            "was": "were",
            "were": "were",
            "has": "have",
            "have": "have",
        }
        single = {
            "am": "is",
            "is": "is",
            "are": "is",
            "was": "was",
            "were": "was",
            "has": "has",
            "have": "has",
        }
        aux = (single if singular else plural).get(aux, aux)
    return f"{named} {aux}{negated}{rest}"


def _turned(text: str, people: People) -> str:
    """The visitor's "I" and "my" as "they" and "their", "you" as whom they speak to."""
    text = _NOT.sub(lambda m: _WHOLE[m[1].lower()], text)
    text = re.sub(r"\b(?:i'm|i am|we're)\b", "they are", text, flags=re.IGNORECASE)
    text = re.sub(r"\bi was\b", "they were", text, flags=re.IGNORECASE)
    text = re.sub(
        r"\b(?:i|we)('ve|'ll|'d)\b", lambda m: "they" + _SHORT[m[1].lower()], text, flags=re.IGNORECASE
    )
    # "US" is a country, "us" is not.
    text = re.sub(
        r"\b(?:[Ii]|me|[Mm]y|mine|myself|[Ww]e|us|[Oo]ur|ours|ourselves)\b",
        lambda m: _FIRST[m[0].lower()],
        text,
    )
    return _told(text, people)


def _told(text: str, people: People) -> str:
    other = people.other
    text = re.sub(
        r"\byou(?:'re| are)\b", lambda _: f"{other} is" if other else "we are", text, flags=re.IGNORECASE
    )
    text = re.sub(
        r"\byou('ve|'ll|'d)\b", lambda m: (other or "we") + _SHORT[m[1].lower()], text, flags=re.IGNORECASE
    )
    text = re.sub(r"\byours?\b", lambda _: f"{other}'s" if other else "our", text, flags=re.IGNORECASE)

    def you(match: re.Match[str]) -> str:
        ends = match.end() == len(text)
        return other or ("us" if ends or _GOVERNS.search(text[: match.start()]) else "we")

    return re.sub(r"\byou\b", you, text, flags=re.IGNORECASE)


def _third(rest: str) -> str:
    """ " want to go" as " wants to go": the verb behind a third person, adverbs before it."""
    match = re.match(
        rf"^(?P<before>(?: (?:{_ADVERBS}))*) (?P<verb>[\w'-]+)(?P<after>.*)$", rest, re.IGNORECASE
    )
    if match is None:
        return rest
    verb = match["verb"].lower()
    return f"{match['before']} {_conjugated(verb, match['verb'])}{match['after']}"


def _conjugated(verb: str, written: str) -> str:
    special = {"am": "is", "are": "is", "were": "was", "have": "has", "do": "does", "don't": "doesn't", "haven't": "hasn't",
               "go": "goes", "aren't": "isn't", "weren't": "wasn't"}  # fmt: skip
    if verb in special:
        return special[verb]
    past = (
        verb in _PAST
        or verb in ("is", "was", "has", "agreed")
        or (verb.endswith("ed") and not verb.endswith("eed"))
    )
    if past or verb in _MODAL_WORDS or verb.endswith("n't"):
        return written
    if verb.endswith(("s", "x", "z", "ch", "sh")):
        return f"{written}es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return f"{written[:-1]}ies"
    return f"{written}s"


def _past(rest: str) -> str:
    match = re.match(
        rf"^(?P<before>(?: (?:{_ADVERBS}))*) (?P<verb>[\w-]+)(?P<after>.*)$", rest, re.IGNORECASE
    )
    if match is None:
        return rest
    verb = match["verb"].lower()
    past = _IRREGULAR.get(verb)
    if past is None:
        past = (
            f"{verb}d"
            if verb.endswith("e")
            else f"{verb[:-1]}ied"
            if re.search(r"[^aeiou]y$", verb)
            else f"{verb}ed"
        )
    return f"{match['before']} {past}{match['after']}"


def _lowered(text: str) -> str:
    """Its first letter small, unless it is a name or a code in capitals."""
    first = text.split(maxsplit=1)[0]
    return text if first[1:] != first[1:].lower() or first == "I" else text[0].lower() + text[1:]
