"""The words that triage listens for, English and German. Data only: one row, one reason to change it.

A pattern matches whole words, in any case; `*` stands for the rest of a word.
"""

import re
from collections.abc import Iterator

from minidesk.text.words import STOPWORDS, words
from minidesk.tickets.records import Priority


def cue(words: str) -> re.Pattern[str]:
    """One pattern for `|`-separated words and phrases."""
    alternatives = []
    for phrase in words.split("|"):
        escaped = re.escape(phrase.strip()).replace(r"\*", r"\w*").replace(r"\ ", r"\s+")
        alternatives.append(escaped.replace("'", "['’]"))
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)", re.IGNORECASE)


# Anger is no list of ours: what the assistant hands off as angry is what the ticket says, so its rules are handed in.
WORRIED = cue(
    "worried|worry|worrying|concerned|anxious|afraid|nervous|scared|confused|frustrat*|disappointed|upset|stressed|"
    "desperate|still waiting|still not|still haven't|still no|no reply|no response|no answer|nobody answers|"
    "besorgt|sorgen|mache mir sorgen|enttäuscht|verzweifelt|ratlos|frustriert|immer noch|noch immer|keine antwort"
)

# The first row that matches decides. `why` completes "Urgent: the message speaks of …".
PRIORITY_RULES: tuple[tuple[Priority, str, re.Pattern[str]], ...] = (
    (
        "urgent",
        "danger to people",
        cue(
            "injur*|hurt myself|got hurt|burned|burnt|caught fire|on fire|fire hazard|smell gas|smells of gas|gas leak|leaking gas|"
            "carbon monoxide|explod*|explosion|electric shock|electrocuted|emergency|hospital|allergic reaction|unsafe|dangerous|"
            "verletzt|verbrannt|brennt|feuer gefangen|gasgeruch|gas tritt aus|kohlenmonoxid|explodiert|stromschlag|notfall|krankenhaus|gefährlich"
        ),
    ),
    (
        "urgent",
        "misuse of an account or a card",
        cue(
            "hacked|unauthorized|unauthorised|fraud*|stolen card|card was stolen|identity theft|someone else ordered|"
            "didn't place this order|did not place this order|data breach|"
            "gehackt|missbrauch*|gestohlen* karte|nicht von mir bestellt"
        ),
    ),
    (
        "high",
        "a deadline",
        cue(
            "urgent|urgently|asap|as soon as possible|immediately|right away|today|tonight|tomorrow|this evening|by monday|by tuesday|"
            "by wednesday|by thursday|by friday|by saturday|by sunday|leaving on|i leave|my flight|wedding|before it ships|cancel my order|"
            "dringend|sofort|so schnell wie möglich|heute|morgen|bis montag|bis dienstag|bis mittwoch|bis donnerstag|bis freitag|"
            "bis samstag|bis sonntag|bestellung stornieren"
        ),
    ),
    (
        "high",
        "money",
        cue(
            "charged twice|double charged|charged me twice|overcharged|wrong amount|not refunded|no refund|haven't been refunded|"
            "have not been refunded|refund hasn't|refund has not|missing refund|where is my refund|where's my refund|chargeback|"
            "doppelt abgebucht|zweimal abgebucht|falscher betrag|keine erstattung|geld zurück"
        ),
    ),
    (
        "high",
        "something damaged, wrong or missing",
        cue(
            "damaged|broken|defective|faulty|wrong item|wrong size was sent|wrong product|never arrived|not arrived|hasn't arrived|"
            "didn't arrive|lost parcel|parcel is lost|parcel was lost|missing item|missing parcel|torn|"
            "beschädigt|kaputt|defekt|falscher artikel|nie angekommen|nicht angekommen|paket verloren|fehlt im paket"
        ),
    ),
    (
        "low",
        "something that can wait",
        cue(
            "no hurry|no rush|not urgent|whenever you can|just wondering|just curious|suggestion|feedback|sponsor*|partnership|"
            "press enquiry|press inquiry|journalist|job application|apply for|newsletter|"
            "keine eile|nicht dringend|nur neugierig|vorschlag|anregung|sponsoring|presseanfrage|bewerbung"
        ),
    ),
)

# A cue right behind one of these says the opposite: "not urgent", "nicht beschädigt".
NEGATION = re.compile(
    r"(?:\b(?:not|no|never|isn['’]t|wasn['’]t|without|nicht|kein|keine|ohne)\b|n['’]t\b)\s+(?:\w+\s+)?$",
    re.IGNORECASE,
)

NEGATION_REACH = 24  # characters before a cue: two words and what is between

WANTS = cue(
    "i want|i'd like|i would like|i need|i'm looking|please|can you|could you|can i|could i|may i|would you|how do i|how can i|"
    "what should i|help me|i wish|ich möchte|ich will|ich brauche|bitte|können sie|kann ich|könnten sie|wie kann ich|was soll ich|helfen sie"
)
_TROUBLE = (
    "broken|damaged|defective|faulty|wrong|missing|lost|late|problem*|issue|error|fail*|cannot|can't|won't|doesn't|didn't|hasn't|"
    "haven't|isn't|not|never|still|complain*|charged|leak*|stuck|"
    "torn|ripped|tore|snapped|cracked|dented|peeling|hole|holes|stopped|"
    "kaputt|defekt|falsch*|fehlt|verloren|spät|fehler|nicht|nie|reklam*|undicht"
)
# Something went wrong (which kind of trouble it is, the assistant tells apart: `answering/trouble.py`); and what is wanted
# where it did, which many also ask about in general.
TROUBLE = cue(_TROUBLE)
PROBLEM = cue(f"{_TROUBLE}|cancel*|refund*|return*|exchange*|storn*|erstatt*|retour*|umtausch*")
# Words that ask for a person are no issue by themselves.
PERSON = cue(
    "human|real person|a person|someone real|agent|representative|operator|live chat|customer service|customer support|speak to|"
    "talk to|speak with|talk with|mensch|mitarbeiter*|person sprechen|jemand* sprechen|kundendienst|kundenservice"
)
# Words around those that add no matter of their own: "could you please connect me with an agent now".
_ASKING = frozenset(
    """want wants need needs get give connect put transfer pass wish chat live real actual now immediately asap call speak talk someone
    somebody anyone anybody like urgently right away line phone let ich will möchte brauche bitte kann können könnte mit einem einen
    einer echten jemandem jemanden sprechen verbinden reden sofort""".split()  # noqa: SIM905 (a list of 50 strings cannot be read)
)


def only_asks_for_person(text: str) -> bool:
    """True for words that ask for a person and say nothing else; who tells that customer service did not answer does."""
    return PERSON.search(text) is not None and all(
        word in STOPWORDS or word in _ASKING for word in words(PERSON.sub(" ", text))
    )


GREETING = cue(
    "hi|hello|hey|good morning|good afternoon|good evening|thanks|thank you|hallo|guten tag|guten morgen|danke|servus|grüß gott"
)


def every_cue(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """The matches that are not negated just before them."""
    for match in pattern.finditer(text):
        if not NEGATION.search(text[max(0, match.start() - NEGATION_REACH) : match.start()]):
            yield match


SHOUT = re.compile(r"(?:\b[A-ZÄÖÜ]{2,}\b(?:\W+|$)){3,}|!{3,}")
