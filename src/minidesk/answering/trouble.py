"""Messages that ask nothing and tell what went wrong: "My order hasn't arrived". What helps is what a page says of just that
trouble; a sentence about orders and arrivals in general is none, however many of its words are the visitor's.
"""

import re

from minidesk.text.words import content_stems

# Kinds of trouble, English and German, as visitors and as pages tell them: a page helps who tells of the same kind. Repeats
# are bounded, for a page's units are read with each of these.
_KINDS = {
    name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    for name, words in {
        "not here": r"(?:not|never|\w+n['’]t|nothing|no)\b(?: \w+){0,3} (?:arriv\w+|come|came|received?|deliver\w+|here|turned up|shown up)|never (?:\w+ )?(?:got|received)"
        r"|(?:has|had|did|was|have|is|were)n['’]t (?:\w+ ){0,2}got|nothing (?:\w+ )?(?:here|there|came|arrived)|ha(?:ve|s) nothing"
        r"|non-?(?:receipt|delivery)|undelivered|lost|nothing (?:has )?happen\w*|if no [\w-]+ (?:arrives?|comes?)|(?:parcel|package|shipment|order)s? (?:\w+ ){0,2}(?:lost|missing|late|delayed)|stopped moving|went missing|gone missing"
        r"|(?:nicht|nie|noch nicht|nichts)\b(?: \w+){0,2} (?:angekommen|gekommen|da|erhalten|bekommen|zugestellt)|verschollen|verspätet\w*",
        "broken": r"broken?|broke|breaks?|damaged?|torn|tears?|tore|ripped|cracks?|cracked|snapped|dented|smashed|defect\w*|faulty|faults?|leak\w*|came off|fell off|peel\w*|holes?|stopped working|loose|does(?:n['’]t| not) work (?:any ?more|any longer)"
        r"|kaputt\w*|defekt\w*|beschädigt\w*|gerissen\w*|riss\w*|undicht|gebrochen\w*|zerbrochen\w*",
        "wrong": r"wrong\w*|incorrect\w*|another (?:size|colou?r|article|item) than|not what i ordered|mixed up|(?:ordered|bought|paid for)\b(?: [\w-]+){1,5},? (?:but|and)(?: [\w-]+){0,2} (?:got|received|came|arrived|sent)"
        r"|(?:sent|got|received|delivered|came|arrived)\b(?: [\w-]+){0,5} instead of|bestellt(?: [\w-]+){0,3},? (?:aber|und)(?: [\w-]+){1,4} (?:bekommen|erhalten|geliefert)|statt (?:eine[rs]?|der|des)|falsch\w*|verwechselt",
        "mistyped": r"(?:entered|typed|gave(?: you)?|put in|wrote|filled in|chose|selected) (?:\w+ ){0,2}wrong|typo|mistyped|can (?:still )?be (?:changed|corrected|edited)|(?:change|correct|edit) (?:the|your|an?)"
        r"|vertippt|falsch (?:eingegeben|angegeben)|(?:geändert|korrigiert) werden",
        "part": r"(?:missing|incomplete|only (?:a )?part|not complete|left out|fehl\w*|unvollständig\w*)",
        "refused": r"declined?|reject\w+|refused?|fails?|failed|not accepted|not (?:go|gone) through|not work|\w+n['’]t work|invalid|can(?:not|['’]t) be (?:used|applied|combined|redeemed)|only one (?:[\w-]+ ){1,2}can|expired?|locked|blocked|abgelehnt\w*|ungültig\w*|abgelaufen\w*|gesperrt\w*",
        "missed": r"missed (?:\w+ ){0,2}(?:courier|driver|delivery|postman|carrier)|(?:was|were|am) out(?! of)|not (?:at )?home|\w+n['’]t (?:at )?home|nobody (?:\w+ )?home|(?:delivery|second|another) attempt|tries (?:twice|again)"
        r"|nicht (?:zu hause|da(?:heim)?)|verpasst|zustellversuch",
        "stolen": r"stol\w+|steal\w*|theft|thie\w+|gestohlen\w*|geklaut\w*|diebstahl\w*",
        "twice": r"twice|two times|double|doppelt\w*|zweimal",
        "forgotten": r"forgot\w*|lost|losing|vergessen\w*|verloren\w*",
        "no longer": r"(?:not|\w+n['’]t) (?:\w+ ){1,3}any ?(?:more|longer)|no longer|stopped \w+ing|nicht mehr",
        "size": r"too (?:small|big|large|short|long|tight|wide|narrow)|do(?:es)?(?:n['’]t| not) fit|hurts?|pinch\w*|zu (?:klein|groß|kurz|lang|eng|weit)|passt nicht|passen nicht|drück\w+",
    }.items()
}  # fmt: skip
# What is broken is repaired, or under guarantee: pages of these need not say what broke.
_MENDS = re.compile(
    r"\b(?:repair\w*|warrant\w+|guarantee\w*|spare parts?|reparatur\w*|garantie\w*|gewährleistung|ersatzteile?)\b",
    re.IGNORECASE,
)
# Somebody or something of theirs, and what became of it. A wish ("I want to cancel") tells of no trouble by itself.
_TELLS = re.compile(
    r"^\W*(?:(?:hi|hello|hey|hallo|so|ok|okay|well|also|sorry|please help)\b\W+)*"
    r"(?:i|we|you|my|our|the|one|it|there|this|these|some|somebody|someone|tracking|ich|wir|mein\w*|unser\w*|der|die|das|es|ein\w*)\b(?!['’]?d? (?:want|would|need|like|möchte|will|brauche)\b)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?|^\W*(?:what|when|where|why|how|who|which|can|could|do|does|did|is|are|will|would|may|should|was|wann|wo|wie|wer|warum|kann|können|gibt)\b"
    r"|[,;.!–—]\s+(?:(?:and|so|but|und|also) )?(?:how|what|why|can|could|does|will|would|is there|wie|was|warum|kann|gibt es)\b"
    r"|\b(?:what now|what (?:can|should|do) i|how (?:can|do) i|was (?:nun|soll|kann|tun))\b",
    re.IGNORECASE,
)


def troubles(text: str) -> frozenset[str]:
    """The kinds of trouble of which it speaks."""
    return frozenset(name for name, pattern in _KINDS.items() if pattern.search(text))


def told_with(text: str, kinds: frozenset[str]) -> frozenset[str]:
    """Stems of the words with which these kinds are told: a page has its own for the same ("cannot be applied" for "doesn't
    work")."""
    matches = [m.group() for name in kinds for m in _KINDS[name].finditer(text)]
    return frozenset(root for match in matches for root in content_stems(match))


def mended_by(kinds: frozenset[str], title: str) -> bool:
    """True where a page of this title is about what to do with such trouble."""
    return "broken" in kinds and _MENDS.search(title) is not None


def reports(text: str) -> frozenset[str]:
    """The kinds of trouble that a message tells of which asks nothing; none for other messages."""
    return troubles(text) if _TELLS.match(text) and not _ASKS.search(text) else frozenset()
