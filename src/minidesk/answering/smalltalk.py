"""Fixed, friendly, honest lines for what is no question: greetings, thanks, goodbyes, "are you a bot?"."""

import re

from minidesk.answering.facts import plain

GREETING = "Hello! I'm the assistant on this site. What would you like to know?"
BOT = "I'm an automated assistant: I answer from this site's pages and show where each answer stands. If you'd rather talk to a person, just say so."
THANKS = "You're welcome! Is there anything else you'd like to know?"
BYE = "Goodbye, and thanks for stopping by!"
HOW = "I'm well, thank you! What would you like to know?"

_FILLER = r"(?:\W|there|all|everyone|team|again|so|very|much|a lot|lot|lots|really|for (?:your|the|that|all your) (?:help|time|answer|info|information|support)|bot|guys|sir|madam|folks|dear|mate|ok|okay|great|cool|perfect|good|nice|super|alright|fine|that(?:'s| is| was)?|it|this|helped|helps|help|helpful|me|you|u|a|bunch|million|ton|and|to|know|all i (?:needed|wanted)(?: to know)?|got it|for now|today|have|day|one|morning|afternoon|evening|night|excellent|awesome|brilliant|wonderful|amazing)*"
_LINES = tuple(
    (re.compile(rf"^{_FILLER}{pattern}{_FILLER}$"), line)
    for pattern, line in (
        (
            r"\b(?:thanks|thank you|thank u|thx|tnx|ty|cheers|many thanks|thanx|appreciate it|appreciated)\b",
            THANKS,
        ),
        (
            r"\b(?:bye|goodbye|good bye|see you|see ya|cya|farewell|have a (?:nice|good|great) (?:day|evening|one|weekend))\b",
            BYE,
        ),
        (r"\b(?:how are you|how are you doing|how's it going|how do you do|what's up|whats up|sup)\b", HOW),
        (
            r"\b(?:hi|hello|hey|heya|hiya|hy|hii+|helo|hallo|greetings|good (?:morning|afternoon|evening|day)|howdy|yo)\b",
            GREETING,
        ),
    )
)
_BOT = re.compile(
    r"^(?:\W*(?:hi|hello|hey|so|wait|ok|and|but|sorry|excuse me)\W+)*"
    r"(?:(?:are|r) (?:you|u)|is this|is that|is it|am i (?:talking|speaking|chatting|writing) (?:to|with)|do i (?:talk|speak) (?:to|with)|who (?:are|r) (?:you|u)|what (?:are|r) (?:you|u)|"
    r"who am i (?:talking|speaking|chatting) (?:to|with))\b"
    r"(?:\W|\b(?:an?|the|or|just|even|really|actually|some|kind|of|real|live|human|person|bot|robot|machine|chat ?bot|ai|computer|someone|somebody|program|being|agent|automated|artificial|alive|not|assistant|you|here|with|to)\b)*$"
)
_OK = re.compile(
    r"^\W*(?:ok|okay|k|kk|alright|great|cool|perfect|got it|i see|understood|good|fine|nice|super|awesome|sounds good|that helps|that helped)(?:\W|\b(?:ok|okay|thanks|then|good|great|that|it|i)\b)*$"
)


def smalltalk(text: str) -> str | None:
    """The fixed line for a message that asks nothing; None for anything else."""
    low = re.sub(r"\s+", " ", plain(text).lower()).strip()
    if len(low) > 90:
        return None  # a long message says more than hello
    if not re.search(r"\w", low):
        return GREETING
    if _BOT.match(low):
        return BOT
    for pattern, line in _LINES:
        if pattern.match(low):
            return line
    return THANKS if _OK.match(low) else None
