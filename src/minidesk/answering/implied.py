"""Words that a text says by its form alone: "$5 off" is a discount, "Sat 9:30 – 17:00" tells when a place opens and closes.

Who asks "until when are you open?" uses words that a table of opening hours need not have.
"""

import re
from collections.abc import Collection
from functools import cache

from minidesk.answering.facts import facts
from minidesk.answering.separable import torn_verbs
from minidesk.answering.weekdays import ENGLISH, GERMAN, weekdays
from minidesk.text.words import stem

# "10% off", "$5 off", "25 % weniger": less is to be paid.
_LESS = re.compile(
    r"(?:%|per ?cent|[€$£]\s?\d[\d.,]*|\d\s?(?:€|euro|eur|dollars?|prozent))\s+(?:off|less|cheaper|reduction|weniger|billiger|günstiger|nachlass)\b",
    re.IGNORECASE,
)
# From one time of a day to another, or not at all: "9:30 – 17:00", "9am to 5pm", "9–12 Uhr", "closed".
_CLOCK = r"\d{1,2}(?:[:.]\d\d)?\s?(?:[ap]\.?m\.?|uhr|h)?"
_SPAN = re.compile(
    rf"{_CLOCK}\s*(?:[-–—]|to|until|till|bis)\s*{_CLOCK}(?![\w.]*\d)|\b(?:closed|geschlossen)\b"
    rf"|\b(?:open|close)[sd]? (?:at|from|until|till) {_CLOCK}|\b(?:öffne|schließ)\w+ (?:um|ab|erst um|schon um) {_CLOCK}",
    re.IGNORECASE,
)
_OPENS = ("open", "opening", "close", "closing", "hours", "geöffnet", "öffnungszeiten", "offen", "schließen")
# A street with its number and a town with its code in front or behind: "Talgasse 14, 6020 Innsbruck", "12 High Street,
# London SW1A 1AA", "500 Main St, Springfield, IL 62701".
_ADDRESS = re.compile(
    r"\b[A-ZÄÖÜ][\w.'’ßäöü-]*(?: [A-ZÄÖÜ][\w.'’ßäöü-]*){0,3} \d{1,4}[a-z]?,? *(?:[A-Z]{1,2}-)?\d{4,5} [A-ZÄÖÜ]"
    r"|\b\d{1,5} (?:[A-Z][\w.'’-]* ){1,4}(?:St|Street|Ave|Avenue|Rd|Road|Ln|Lane|Blvd|Way|Sq|Square|Dr|Drive)\b\.?"
    r"|\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|gasse|weg|platz|allee|ufer|ring|str\.) \d{1,4}[a-z]?\b"
)
_PLACE = ("address", "located", "location", "adresse", "anschrift", "standort")
# Days that have a name and a date.
_FEASTS = (
    (re.compile(r"\b24(?:th|\.)? (?:of )?de[cz]|\bde[cz][a-z]* 24|\b24\. ?12\.", re.IGNORECASE), ("christmas", "heiligabend")),
    (re.compile(r"\b25(?:th|\.)? (?:of )?de[cz]|\bde[cz][a-z]* 25|\b25\. ?12\.", re.IGNORECASE), ("christmas", "weihnachten")),
    (re.compile(r"\b31(?:st|\.)? (?:of )?de[cz]|\bde[cz][a-z]* 31|\b31\. ?12\.", re.IGNORECASE), ("silvester",)),
    (re.compile(r"(?<!\d)1(?:st|\.)? (?:of )?jan|\bjan[a-z]* 1\b|(?<!\d)0?1\. ?0?1\.", re.IGNORECASE), ("neujahr",)),
)  # fmt: skip


@cache
def _stems(words: tuple[str, ...]) -> dict[str, str]:
    return {stem(word): word for word in words}


def days(text: str) -> dict[str, str]:
    """The days that it means without naming them: stem → word."""
    return {stem(day): day for day in weekdays(text)}


def implied(text: str, language: str) -> dict[str, str]:
    """What it says as surely as if the word stood there: stem → word."""
    found = {} if language == "en" else {stem(verb): verb for verb in torn_verbs(text, language)}
    if _LESS.search(text):
        found |= _stems(("discount", "rabatt", "ermäßigung"))
    for date, names in _FEASTS:
        if date.search(text):
            found |= _stems(names)
    return found


_PHONE = re.compile(r"(?<![\w.,])(?:\+\d|\(?0\d|\(?\d{3}\)?[- ]\d{3})[\d ()/.-]{4,}\d")
_MAILBOX = re.compile(r"\b([\w.+-]+)@[\w-]+\.")


def hinted(text: str) -> dict[str, str]:
    """What it is about by its form, as a heading above it would say: opening hours, an address, a number to call."""
    found: dict[str, str] = {}
    if tells_hours(text):
        found |= _stems(_OPENS)
    if is_address(text):
        found |= _stems(_PLACE)
    # Not by facts.py, which takes 0.2 ms for a sentence: this one is asked of fifty.
    if _PHONE.search(text):
        found |= _stems(("phone", "telephone", "number", "call", "telefon", "telefonnummer"))
    if _MAILBOX.search(text):
        found |= _stems(("email", "mail"))
    return found


_NAMED_DAY = re.compile(
    rf"\b(?:{'|'.join((*ENGLISH, *GERMAN))}|sonnabend)s?\b|\b(?:daily|täglich)\b", re.IGNORECASE
)
# One day of the year, or a few: what holds then is no answer to who asks of any week.
_SPECIAL = re.compile(
    r"\b(?:easter|christmas|advent|new year\w*|good friday|boxing day|thanksgiving|ostern?|osterwochenende|weihnacht\w*|silvester|neujahr|fasching)\b"
    r"|\b(?:first|second|third|fourth|last|ersten?|zweiten?|dritten?|letzten?)\s+(?:mon|tues|wednes|thurs|fri|satur|sun)day (?:of|in)\b"
    r"|\b\d{1,2}(?:st|nd|rd|th|\.)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b|\b\d{1,2}\. ?(?:januar|jänner|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember)\b",
    re.IGNORECASE,
)


def tells_hours(text: str) -> bool:
    """True for a day and its hours, or that it is closed then."""
    if not _SPAN.search(text):
        return False
    return bool(weekdays(text) or _NAMED_DAY.search(text) or any(date.search(text) for date, _ in _FEASTS))


def is_special(text: str, asked: Collection[str]) -> bool:
    """True for what holds on a day of the year that nobody asked of (`asked`: stems)."""
    named = list(_SPECIAL.finditer(text))
    if not named:
        return False
    meant = {stem(word.lower()) for m in named for word in m.group().split()} | implied(text, "en").keys()
    return meant.isdisjoint(asked)


def is_address(text: str) -> bool:
    """True where a postal address stands in it."""
    return bool(_ADDRESS.search(text))


# Names of mailboxes that are for everybody, as RFC 2142 and custom have them; others are for what their name says.
_FOR_ALL = frozenset(
    """info help support service contact hello hi team office mail post sales customerservice customercare
    reception enquiries enquiry desk kontakt hallo kundenservice kundendienst anfrage buero büro sekretariat
    rezeption empfang""".split()  # noqa: SIM905 (a list of 30 strings cannot be read)
)


def is_for_all(text: str, asked: Collection[str]) -> bool:
    """False where each e-mail address in it is for something that nobody asked for (`asked`: stems): press@, privacy@."""
    boxes = [re.sub(r"[\W_]", "", m[1].lower()) for m in _MAILBOX.finditer(text)]
    return (
        not boxes
        or any(fact.kind == "phone" for fact in facts(text))
        or any(box in _FOR_ALL or stem(box) in asked for box in boxes)
    )


_WAY = re.compile(
    r"\b(?:tram|bus|train|metro|subway|underground|station|on foot|minutes'? walk|motorway|exit|parking|car park|straßenbahn|u-bahn|s-bahn|bahnhof|haltestelle|zu fuß|parkplätze?|parkhaus|autobahn|ausfahrt)\b",
    re.IGNORECASE,
)


def is_way(text: str) -> bool:
    """True for what is said of the way to a place: by which tram, from which station, where to park."""
    return bool(_WAY.search(text))


_EXCEPT = re.compile(
    r"\b(?:not?|never|cannot|except\w*|exclu\w+|without|limits?|restrictions?|nicht|kein\w*|ausgenommen|ausnahmen?|ausgeschlossen)\b|n't\b",
    re.IGNORECASE,
)


def excepts(text: str) -> bool:
    """True for words of what is not so: "Not possible", "Exceptions"."""
    return bool(_EXCEPT.search(text))


def heads_exceptions(heading: str) -> bool:
    """True for a heading without which the items below it would say the contrary; one that asks cannot stand above them."""
    return excepts(heading) and not heading.endswith("?")
