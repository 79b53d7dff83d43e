"""Where those who answer are, and how they are reached: asked everywhere, and told by pages that have no word of the question.

An address, the way there, a telephone number and a mailbox stand at the foot of a page, below "Linz" or "Customer care".
How they look is in `implied.py`.
"""

import re

# What people call the place where they are received.
_PLACES = r"(?:shops?|stores?|offices?|showrooms?|branch(?:es)?|clinics?|studios?|workshops?|headquarters|premises|practice|surgery|restaurants?|locations?|cent(?:re|er)s?|gyms?|schools?|salons?|hotels?|galler(?:y|ies)|pharmac(?:y|ies)|librar(?:y|ies)|garages?|warehouses?|caf[eé]s?)"
# "How do I get to …?", which asks for no steps of an instruction.
TO_YOU = rf"\bhow (?:do|can|could|would) (?:i|we) (?:get|come|drive|travel|find (?:my|the) way) to (?:you\b|(?:the|your) (?:[\w-]+ ){{0,2}}{_PLACES}\b)|\bdirections to\b"
# Of `Ask.units`: what tells it is an address, or the way there.
HERE = frozenset(["address", "way"])
_OWN_PLACE = re.compile(
    rf"\bwhere(?:'s| is| are) (?:(?:you|u|ya)\b(?! (?:open|ship|deliver))|(?:your|the|ur) (?:[\w-]+ ){{0,2}}{_PLACES}\b)"
    rf"|\bwhere (?:can|do|could|would) (?:i|we) find (?:you|your (?:[\w-]+ )?{_PLACES})\b"
    rf"|\b(?:your|ur|what'?s the|postal|street|business|company|{_PLACES}) address\b|\baddress of (?:you|the|your)\b"
    r"|\bwo (?:seid|sind|ist|liegt|finde ich) (?:ihr|sie|euch|(?:euer|eure|eurer|ihr|ihre|der|die|das) (?:laden|geschäft|shop|filialen?|büro|praxis|studio|werkstatt|\w*(?:center|zentrum|markt|laden|geschäft|haus|schule)))\b|\b(?:eure|ihre|die) (?:adresse|anschrift)\b",
    re.IGNORECASE,
)
_WAY_THERE = re.compile(
    rf"{TO_YOU}|\bwie (?:komme? (?:ich|man)|kommen wir|finde ich) (?:zu (?:ihnen|euch)|(?:zum|zur|in (?:den|die|das|eure?n?|ihre?n?)) )",
    re.IGNORECASE,
)
# Nothing more than how to reach somebody: "what is your e-mail for returns?" is about returns.
_OWN_CONTACT = re.compile(
    r"^\W*(?:(?:hi|hello|hey|so|and|ok|please)\W+)*(?:(?:what(?:'s|s| is| are)|do you have|is there|have you got|give me|can i (?:have|get)) (?:your|the|a|an|ur) |your )?(?:(?:customer )?(?:service|support|contact) )?(?:e-?mail|phone|telephone|hotline|contact)(?: (?:number|no|address|adress|details?|info))?(?: (?:of|for) (?:you|support|customer service|the (?:shop|store|company)))?\W*$"
    r"|^\W*(?:how|where|on which number|when|can|may|could) (?:can |do |may |could )?(?:i|we) (?:best )?(?:call|phone|ring|e-?mail|contact|write to) (?:you|u|customer service|support)\b",
    re.IGNORECASE,
)
_PLACE_PAGE = "our address, how to find us, opening hours"
_CONTACT_PAGE = "contact customer service: phone number, e-mail address"


def asks_the_way(text: str) -> bool:
    """True for "how do I get to you?"."""
    return bool(_WAY_THERE.search(text))


def own_place(text: str) -> str:
    """The words that ask where those who answer are, or how to get there; empty where none do."""
    found = _OWN_PLACE.search(text) or _WAY_THERE.search(text)
    return found.group() if found else ""


def looked_up(question: str) -> str | None:
    """What is searched for such a question in its stead, or beside it: what such pages say. None for all others."""
    if _OWN_CONTACT.search(question):
        return _CONTACT_PAGE
    return f"{question} ({_PLACE_PAGE})" if own_place(question) else None
