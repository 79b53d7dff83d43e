"""Promises, and news of the visitor's own case: pages make the first to everyone, and know nothing of the second."""

import re

from minidesk.text.words import STOPWORDS, stem

_PROMISE = re.compile(
    r"\b(?:we|i|our (?:team|staff|agents?|support|colleagues)|the (?:team|company)|someone|somebody|an agent)\b[^.;,]{0,20}?"
    r"\b(?:will|'ll|shall|guarantee|promise|ensure|commit|are going to|am going to|would be (?:glad|happy)|can (?:offer|give|make|refund|waive|extend))\b|"
    r"\b(?:we|i)'ll\b|\b(?:we|i) (?:guarantee|promise|ensure)\b|\byou (?:will|shall|are (?:entitled|guaranteed|promised))\b",
    re.IGNORECASE,
)
# Pages know nothing of what became of this visitor's order.
_YOUR_CASE = re.compile(
    r"\byour? [^.;,]{0,30}\b(?:(?:has|have|was|were) (?:now |already |just )?(?:been )?\w+ed\b|is (?:now )?(?:approved|accepted|granted|confirmed|cancelled|refunded|processed|shipped)\b)"
    r"|\b(?:has|have) (?:now |already |just )?\w+(?:ed|en) (?:it|this|that|yours)\b",
    re.IGNORECASE,
)
# What is said of this visitor's own things as done or under way; no page can know it. "When your order has been sent" is
# the page's condition and no news.
_THINGS = (
    r"(?:refund|reimbursement|order|parcel|package|shipment|delivery|money|payment|credit|compensation|replacement|return|request|complaint|claim|"
    r"case|ticket|booking|reservation|appointment|application|account|subscription|erstattung|rückerstattung|bestellung|paket|sendung|lieferung|geld|"
    r"zahlung|gutschrift|ersatz|rücksendung|anfrage|beschwerde|reklamation|buchung|reservierung|termin|konto)"
)
_NEWS = re.compile(
    rf"\b(?:your|ihre?|deine?|eure?) (?:[\w-]+ ){{0,2}}{_THINGS}(?: (?:of|over|for|von|über) [€$£]?\w+(?:[.,]\d+)? ?(?:€|euros?|pounds?|dollars?)?)? "
    r"(?:(?:is|are|ist|sind) (?:now |already |currently |jetzt |bereits |schon |gerade )*(?:on (?:its|the|their) way|under way|being \w+|in transit|"
    r"approved|accepted|granted|confirmed|cancelled|refunded|processed|shipped|unterwegs|auf dem weg|genehmigt|bestätigt|storniert|bewilligt)\b"
    r"|(?:has|have|had|was|were) (?:now |already |just )*(?:been )?\w+(?:ed|en|nt|id|de|ne)\b"
    r"|(?:wurde|wurden|ist|sind) (?:[\w.-]+ ){0,4}(?:ge|be|er|ver|über|storn|genehm)\w+(?:t|en)\b)",
    re.IGNORECASE,
)
_CONDITION = re.compile(
    r"\b(?:if|when|once|as soon as|as long as|after|until|unless|before|whether|wenn|falls|sobald|nachdem|bis|ob|sofern)\b[^.;]{0,60}$",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(
    r"\b(?:i|i've|i'll|i'd|my|me|myself|as an ai)\b|\bi'm (?!sorry\b|afraid\b|happy to\b|glad to\b)",
    re.IGNORECASE,
)


# "You may choose", "we usually cancel": who does what.
_DOES = re.compile(
    r"\b(you|we) (?:(?:can|may|must|will|should|could|might|have to|need to|do|don't|cannot|can't|also|always|usually|only|then|both|not|never|still|[a-z]+ly) )*([a-z]{3,})\b",
    re.IGNORECASE,
)


def same_doer(sentence: str, span: str) -> bool:
    """ "If we cancel …" does not say what becomes of it if you do."""
    there: dict[str, set[str]] = {}
    for match in _DOES.finditer(span):
        there.setdefault(stem(match[2].lower()), set()).add(match[1].lower())
    return all(
        match[1].lower() in there.get(stem(match[2].lower()), {match[1].lower()})
        for match in _DOES.finditer(sentence)
        if match[2].lower() not in STOPWORDS
    )


def no_new_promise(sentence: str, span: str) -> bool:
    """What "we" will do must be what "we" do in the span; the assistant itself does nothing, and knows no news."""
    # "My orders" is what a menu says, not a person.
    if _FIRST_PERSON.search(re.sub(r"(?<=\w )My\b", "", sentence)) and not re.search(
        r"\b(?:I|I've|I'll|me)\b", span
    ):
        return False
    if any(not _CONDITION.search(sentence[: news.start()]) for news in _NEWS.finditer(sentence)):
        return False
    if _YOUR_CASE.search(sentence) and not _YOUR_CASE.search(span):
        return False
    match = _PROMISE.search(sentence)
    if match is None or match.group().lower().startswith("you will"):
        return True  # what "you will get" is a statement, which the words have to bear
    if not re.search(r"\b(?:we|we'll|our|us)\b", span, re.IGNORECASE):
        return False
    strong = re.search(r"\b(?:guarantee|promise|ensure)\w*", sentence, re.IGNORECASE)
    return not strong or strong.group().lower() in span.lower()
