"""Does the visitor ask for a person? Rules of English, as data; no model, no training.

A request for a person has one of four shapes: a *bare name* of one ("human", "agent please"); a *move*
towards one ("talk to …", "get me …", "put me through"); a *call back* ("call me", "can somebody ring me");
a *rejection* of the assistant ("I don't want a bot", "useless, a real person"). What looks the same and is not:
asking what the assistant is ("are you human?"), asking for a fact about people ("do you have an agent in
Berlin?", "what is your phone number?").
"""

import re
from functools import lru_cache

from minidesk.answering.asks import brief
from minidesk.answering.facts import plain
from minidesk.text.words import distance

# Words whose near misses are mended; typing errors hit short messages hardest.
_FUZZY = frozenset(
    (
        "human",
        "person",
        "agent",
        "representative",
        "operator",
        "someone",
        "somebody",
        "employee",
        "manager",
        "support",
        "service",
        "customer",
        "talk",
        "speak",
        "connect",
        "transfer",
        "contact",
        "please",
        "real",
        "call",
    )
)

# What people type for it.
_CHAT = {
    "u": "you",
    "ur": "your",
    "r": "are",
    "2": "to",
    "pls": "please",
    "plz": "please",
    "sb": "somebody",
    "sm1": "someone",
    "spk": "speak",
    "tlk": "talk",
    "w": "with",
    "ppl": "people",
    "wanna": "want to",
}
_SHORT = 12  # words

# Who counts as a person to be reached, and the words that may stand before them.
_P = r"(?:human(?: being)?s?|persons?|people|agents?|representatives?|reps?|operators?|someone|somebody|anyone|anybody|employees?|staff|managers?|supervisors?|colleagues?|advis[eo]rs?|consultants?|specialists?|experts?|executives?|boss|founders?|owner|(?:the|your|a|an|support|service|care|help|customer) team|(?:customer |client |tech(?:nical)? |live |human |real )?(?:support|service|care|help ?desk)(?: (?:team|agents?|staff|people|representatives?|reps?|executives?))?|(?:real|live|actual|proper) (?:one|guy|man|woman|lady|person|human))"
_ADJ = r"(?:(?:a|an|the|one of|your|some|any|real|live|actual|proper|human|other|another|different|competent|customer|support|service|sales|care|responsible|right|qualified|more|experienced|senior|flesh-and-blood|genuine|somebody|someone|else|of)\s+){0,5}"
_TALK = r"(?:talk|talking|took|speak|speaking|spoke|chat|chatting|discuss(?: (?:this|it|that|my \w+))?|communicate|converse)"

_ASKING = tuple(
    re.compile(pattern)
    for pattern in (
        # moves
        rf"\b{_TALK}\s+(?:directly\s+|now\s+)?(?:to|with|2|w)?\s*{_ADJ}{_P}\b",
        r"\b(?:talk|speak)\s+(?:to|with)\s+(?!you\b|your (?:bot|assistant)|a bot|a machine|a robot|an? ai\b|the bot|me about|my\b|it\b|this\b|them\b|us\b)(?:an?\s|the\s|your\s)?(?:real|live|actual|human|sales|support|founder|owner|boss|doctor|lawyer|technician|engineer)\w*\b",
        rf"\b(?:connect|transfer|forward|redirect|pass|hand|put|switch|refer|send|escalate|patch)\b(?:\s+(?:me|us|this|it|my \w+|a|the|conversation|over|on|through|up))*\s+(?:to|with|through to|over to|onto)\s+{_ADJ}{_P}\b",
        r"\bput (?:me|us) (?:through|on to)\b|\b(?:transfer|connect|escalate|forward) (?:me|us|this|my (?:case|request|issue|chat|call))\b(?!.*\b(?:account|wallet|bank|points|order|money|wifi|app)\b)|\bpass (?:me|us) on\b",
        rf"\b(?:get|give|gimme|find|fetch|bring|send|show|need|want|wanna|would like|'d like|id like|prefer|request|require|demand)\s+(?:me\s+|us\s+)?(?:to\s+(?:have\s+|get\s+|see\s+|reach\s+|contact\s+)?)?{_ADJ}(?:human(?: being)?|(?:real|live|actual|proper) (?:person|people|human|agent|one|someone|somebody|employee|representative|rep|support|operator)|(?:customer |support |service )(?:agent|representative|rep|executive)|agent|representative|operator|supervisor|manager|person(?=\s*(?:please|now|$)))\b(?!\s+(?:in|at|near|for)\s+[a-z]*\s*(?:berlin|graz|city|country))",
        r"\b(?:want|need|would like|'d like|wish)\s+(?:an?\s+)?(?:real |actual )?(?:person|human|someone|somebody|agent)\s+(?:to|who|that)\s+(?:\w+\s+){0,2}?(?:look|help|check|handle|deal|call|contact|read|take|solve|fix|assist|answer|review|understand)",
        rf"\b(?:contact|reach|get (?:hold of|through to|in touch with|in contact with)|reach out to|message)\s+{_ADJ}(?:human|person|agent|representative|operator|someone|somebody|employee|staff|manager|supervisor|customer (?:service|support|care)|support(?: team)?|your team)\b",
        r"\b(?:can|could|is|will|would|may|are)\s+(?:there\s+)?(?:any|some)(?:one|body)\s+(?:\w+\s+){0,2}?(?:(?:help|assist)(?: (?:me|us|out|please|here|now|personally|with (?:this|that|it|my \w+)))*$|(?:speak|talk|call|look (?:at|into) (?:this|it|that|my (?:case|order|account|request|problem|issue|complaint|ticket))|contact|get back|available|here|there|from)\b)|\bis there (?:a|any) (?:real |live |actual )?(?:human|person|agent|operator|representative)\b(?! in\b)",
        r"\b(?:some|any)(?:one|body)\s+(?:should|must|needs? to|has to|please|could|can|to|real|from (?:customer|support|your))\s*(?:look|check|help|call|contact|handle|deal|take care|read|solve|fix|get back|service|care|support|team|$)",
        r"\bhuman (?:support|help|agent|assistance|operator|representative|contact|handoff|take ?over)\b(?! team in\b)|\blive (?:agent|chat|support|person|human|operator|representative)\b",
        r"\b(?:open|create|raise|file|make|log|submit)\s+(?:me\s+)?(?:a|an|my|the|new)?\s*(?:support\s+)?(?:ticket|case|complaint)\b(?!.*\bhow\b)",
        r"\bescalate\b",
        rf"\b(?:help|assistance|support|answer|reply|advice|response)\s+(?:from|by|of)\s+{_ADJ}(?:human|person|agent|representative|operator|someone|somebody|employee)\b|\bput (?:me|us) in (?:touch|contact)\b",
        r"^(?:human )?(?:hand ?off|hand ?over|take ?over)(?: please)?$",
        # somebody to do it, however it is put
        r"\b(?:is|are|isn'?t|aren'?t) (?:there )?(?:some|any)(?:one|body)\b(?: \w+){0,3} (?:i|we|to|who|that|there|here|around|available|online|on duty|from)\b|\b(?:some|any)(?:one|body) (?:(?:actually|really|even|still|out) )?(?:there|around|online|home|available|on duty)\b|^(?:hello |hi |hey )?(?:any|some)(?:one|body)(?: there| here| home| around)?$",
        r"\b(?:can|could|may|might|would) (?:i|we) (?:please |maybe |just )?(?:talk|speak) (?:to|with)\s+(?!you\b|it\b|them\b|a bot|the bot|an? ai\b|a machine|about)\w+(?!.*\b(?:by video|in (?:the |your )?(?:shop|store)))|\bcan we (?:talk|speak|have a (?:quick |short )?(?:call|chat|word))(?! in\b)\b",
        r"\b(?:who|whom)\b[^.?!]{0,25}\b(?:can|could|do|may|should|must) (?:i|we) (?:\w+ )?(?:talk|speak|complain|turn) (?:to|with)\b(?! about (?!my|this|it|that))|\bwho (?:can|could|will) (?:help me|sort this|deal with this|take care)\b",
        r"\b(?:a|an|one|real|actual|live|another) (?:real |actual |live |human |proper )*(?:person|human(?: being)?|member of (?:your |the )?(?:staff|team)|staff member|team member|colleague|employee)\b[^.?!]{0,20}\b(?:look|check|help|handle|deal|answer|read|reply|respond|take (?:over|care|this)|decide|call|ring|phone|contact|write|get back|assist|explain|sort|fix|solve|review)\w*\b",
        r"\b(?:by|with) (?:a|an|one of (?:your|the)) (?:real |actual |live |proper |living |breathing )*(?:human(?: being)?|colleagues?|employees?|staff member|team member|member of (?:your |the )?(?:staff|team))\b|\b(?:by|with) (?:a |an )?(?:real|actual|live|proper|human) (?:person|people|human)\b",
        r"\b(?:get|fetch|find|bring|send|call|ask|have|let) (?:me |us )?(?:an?other |an? |one of your |your |the |some )?(?:real |actual |human )*(?:someone|somebody|colleagues?|employees?|supervisor|manager|boss|member of (?:your )?staff|staff member|human|person|agent)\b(?! (?:discount|price|card)s?\b| to (?:collect|pick|fetch|deliver|install|set up|sign|measure)\b)",
        r"\b(?:forward|pass|send|escalate|give|hand|show|report|take) (?:this|it|that|my \w+|me|us)(?: on| over| up)? to (?:your |the |a |an |one of your |somebody |someone )*(?:\w+ )?(?:team|department|staff|people|boss|manager|supervisor|colleagues?|human|person|agent|someone|somebody)\b",
        r"\b(?:a|quick) word with\b|\b(?:talk|speak|discuss|sort|clear|do|explain|settle)\b[^.?!]{0,30}\b(?:on|over|by|via) (?:the )?phone\b",
        r"\b(?:make|file|lodge|submit|raise|want to|like to|need to) (?:a |an )?(?:formal |official )?(?:complaint|complain)\b|\bleave (?:a |you a )?message for\b(?! the (?:driver|carrier|courier))",
        r"\b(?:human|person|people|somebody|someone) (?:instead|rather than)\b|\binstead of (?:you|this|a) ?(?:bot|robot|machine|chatbot|program|computer)?$|\banything but (?:a|this) (?:bot|machine|robot)\b|\bfed up\b.*\b(?:bot|robot|machine|chatbot|computer|automated)\b",
        # a person to join, to take over, to be told
        rf"\b(?:explain|tell|say|describe|show|put|bring|take|hand|give|leave)(?:ing)?\b(?:\s+(?:me|us|this|it|that|my \w+|all|everything|over|directly))*\s+to\s+(?:a|an|one of (?:your|the)|your|some|another)\s+{_ADJ}(?:{_P}|member of (?:your |the )?(?:staff|team)|staff member|team member)\b",
        rf"\b(?:want|need|like|prefer|request|possible for|chance of|time for|bring in|get)\s+{_ADJ}(?:{_P}|staff member|team member|member of (?:your |the )?(?:staff|team))\s+(?:to\s+)?(?:take over|join|step in|jump in|come in|handle|write|reply)\b",
        rf"\b(?:put|get)\s+(?:a|an|one of your|some)\s*{_ADJ}(?:{_P}|one|body)\s+on\b(?: (?:the|this|it|here|line|chat))*|\bput (?:some|any)(?:one|body) on\b",
        r"\b(?:get|have|ask|tell) (?:one of )?(?:the|your) (?:\w+ )?(?:people|staff|team|guys|folks) to (?:call|ring|phone|write|e-?mail|contact|get back|reply|look|help)\b|\b(?:have|let|get) (?:some(?:one|body)) (?:\w+ ){0,3}(?:e-?mail|write|message|contact|call|ring|answer)\b",
        r"\bis there (?:really )?(?:no|not an?|no real|no actual) (?:single |real |actual |living )*(?:human|person|people|one real|agent|staff|body|being)\b|\bwho else is (?:there|available|around)\b|\bwho(?:'s| is) (?:on duty|in charge (?:here|there)?|available)\b",
        r"\b(?:hand|pass|put|switch|transfer|connect|take|move|patch) (?:me|us) (?:over|through|on)\b|\bhelp (?:me|us) in person\b|\bsomeone (?:competent|capable|who (?:actually |really )?(?:knows|can|understands))\b|\bneed (?:some(?:one|body)) who\b",
        r"\b(?:get|fetch|call|bring)\s+(?:me\s+)?(?:your|the)\s+(?:supervisor|manager|boss|superior|team ?lead(?:er)?)\b",
        r"^(?:i |we )?(?:just )?(?:want|need|wanna|would like|'d like) (?:to )?(?:talk|speak|chat)(?: please| now)?$",
        r"\b(?:is|are) (?:there )?(?:a|an|any|some|your) (?:real |actual |live |human )*(?:humans?|persons?|people|agents?|staff|operators?|representatives?|colleagues?)\b(?: \w+)? (?:available|online|around|there|free|on duty)\b|\b(?:have|got) any (?:real|actual|human) (?:people|person|humans|staff)\b",
        r"\b(?:want|need|would like|'d like|wish for|require) (?:for )?(?:some(?:one|body)|a person|a human) (?:else )?(?:to|who)\b(?! (?:collect|pick|fetch|deliver|sign|install|set up))",
        rf"\b(?:help|assistance|support|answer|call) from {_ADJ}(?:{_P}|coworkers?|co-workers?)\b|\b(?:pass|put|hand|connect|transfer|forward|talk|speak) (?:me |us )?(?:on )?(?:to|with) (?:a|an|another|one of your) (?:co-?worker|workmate|team ?mate|crew member)s?\b",
        rf"\b(?:ask(?:ed|ing)?|beg(?:ging)?|wait(?:ed|ing)?|looking) for {_ADJ}(?:human(?: being)?|(?:real )?person|agent|representative|operator|supervisor|manager|colleague)\b",
        rf"\b(?:could|can|would|may) (?:a|an|one of your|your) {_ADJ}(?:{_P})\b(?: \w+){{0,2}} (?:contact|call|ring|phone|write|get in touch|get back|reach out)\b|\bput in (?:touch|contact) with\b",
        r"\b(?:human|person|agent|representative|operator|supervisor|manager|somebody real|someone real) (?:please|now|asap|immediately|at once)$|^(?:some|any)(?:one|body) from (?:\w+ ){1,3}?(?:please|now)?$|^(?:some|any)(?:one|body) from (?:your |the )?(?:support|service|staff|team|shop|store)(?: team)?(?: please)?$",
        # it does not help
        r"\bout of this (?:bot|chat ?bot|loop|machine)\b|\b(?:you|bot|chat ?bot|this (?:bot|chat|assistant|machine|thing))(?:'re| are| is|'s)? (?:\w+ ){0,2}(?:useless|hopeless|worthless|no help|no use|a joke)\b",
        r"\b(?:this|that|it|you|bot|chat)(?:'s| is|'re| are| was| were)? (?:really |still |just )?(?:not|isn't|aren't|wasn't|isnt|arent|ain't) (?:really |being |at all )?(?:helping|helpful|any help|of any help|any use)\b|\b(?:this|that|it|you) (?:did not|didn't|didnt|does not|doesn't|doesnt|don't|do not) (?:really )?help(?:ed)?(?: me)?(?: at all| either)?$",
        r"\bgoing nowhere\b|\b(?:not|never) getting anywhere\b|\bgetting (?:me |us )?nowhere\b",
        # German
        r"\bmit (?:einem|einer|ihrem|eurem|ihren|euren|jemand(?:em)?)\b(?: \w+)*? (?:sprechen|reden|telefonieren|chatten|verbinden)\b|\b(?:echte[nrs]?|richtige[nrs]?) (?:mensch(?:en)?|person|mitarbeiter(?:in)?)\b|\b(?:einen?|zu einem|bitte) (?:mitarbeiter(?:in)?|menschen|berater(?:in)?|kollegen)\b|\b(?:ruf(?:en|t)? (?:sie |ihr )?(?:mich|uns)\b.*\b(?:an|zurück)|(?:mich|uns) (?:bitte )?(?:zurückrufen|anrufen)|um (?:einen )?rückruf)\b|^(?:mensch|mitarbeiter(?:in)?|rückruf)(?: bitte)?$",
        # call backs
        r"\b(?:arrange|schedule|organi[sz]e|set up) (?:me )?(?:a |an )?(?:phone |quick |short )?call\b|\bto be (?:called|rung|phoned|contacted)\b|^(?:please )?(?:call|ring|phone) (?:me )?(?:on |at |under )?\d[\d ]{4,}$",
        r"\b(?:ring|phone|buzz|bell) (?:me|us)\b|\bgive (?:me|us) (?:a )?(?:bell|buzz|shout|call|ring)\b|\b(?:have|get|ask|tell) (?:\w+ ){1,3}?(?:to )?(?:call|ring|phone) (?:me|us)\b|\bcall ?-?backs?\b(?!.*\b(?:url|function|hours)\b)",
        r"(?<!people )(?<!to )(?<!you )(?<!they )(?<!name )(?<!number you can )\bcall\s*(?:me|us|mi)\b(?=\s*(?:$|back|now|please|pls|at|on|in|asap|today|tomorrow|later|when|once|immediately|urgently|as soon|between|after|before|this|again|about|regarding|for|to|my))|(?<!number you )\b(?:can|could|please|will|would) (?:you |u |some(?:one|body) )?(?:please )?call\s*(?:me|us|mi)\b(?! (?:a|an|by|as|mr|mrs|ms|mister|something|anything|whatever|[a-z]+$))|\b(?:ring|phone)\s+(?:me|us)\b|\bgive (?:me|us) a (?:call|ring)\b|\b(?:get|give|request|need|want|have|arrange|schedule)\s+(?:me\s+)?(?:a\s+)?(?:call ?-?back|phone call)\b|^\W*(?:please\s+)?call ?-?back\b|\bcontact me\b(?! (?:if|when|before)\b)|(?:^|\b(?:please|you|someone|somebody) )get back to me\b|\bcan (?:you|some(?:one|body)) call(?: (?:back|please|now|today|tomorrow))?$",
        # rejections of the assistant
        r"\b(?:don'?t|do not|dont|not|never|hate|stop|tired of|sick of|no more|instead of|rather than|without)\b[^.!?]{0,30}\b(?:talk(?:ing)?|speak(?:ing)?|chat(?:ting)?|deal(?:ing)?|writ(?:e|ing)|want(?:na)?|like)\b[^.!?]{0,14}\b(?:bots?|robots?|machines?|chat ?bots?|computers?|a\.?i\.?|automated?|programs?)\b",
        r"\b(?:no|not a|sick of|enough of|tired of|hate)\s+(?:more\s+|these\s+|this\s+|stupid\s+|talking to\s+)*(?:bots?|robots?|machines?|chat ?bots?|automated)\b[^?]*$",
        r"\bnot (?:a|with a|to a)\s+(?:bot|robot|machine|computer|chatbot)\b",
        rf"\b(?:useless|stupid|hopeless|not helping|no help|annoying|wrong)\b.*\b{_ADJ}(?:human|real person|agent|someone real|person)\b",
        r"\b(?:someone|somebody|anyone|anybody) (?:real|human|competent|in charge|responsible)\b|\b(?:talk|speak|chat|want|need|get|ask|is there|put me on to)\b[^.?!]{0,12}\b(?:someone|somebody|anyone|anybody) else\b",
    )
)

# The whole message is a person's name in this sense, with politeness around it: "human", "agent please".
_BARE = re.compile(
    r"^(?:(?:hi|hello|hey|ok|okay|yes|no|please|pls|plz|a|an|the|just|real|live|actual|human|to|with|now|immediately|asap|i|want|need|"
    r"speak|talk|can|have|get|me|your|some|any|proper|customer|support|service|care|contact|call|from|one|someone|connect|right|away)\s+)*"
    r"(?:human(?: being)?|real (?:person|people)|person|agent|agents|representative|rep|operator|human(?:s)? support|live (?:chat|agent|support)|customer (?:service|support|care)|supervisor|manager|someone|somebody|staff|employee|support agent)"
    r"(?:\s+(?:please|pls|plz|now|here|thanks|thank you|asap|immediately|agent|support|representative|team|needed|required|available|handover|takeover|only))*$"
)

# Looks alike, means something else.
_NOT_ASKING = tuple(
    re.compile(pattern)
    for pattern in (
        # what the assistant is
        r"^(?:\w+[ ,]+){0,4}?(?:are|r|is)\s+(?:you|u|this|it|that|there)\s+(?:even |really |actually |just |still |an?\s|the\s)*(?:real |actual |live |human |artificial )*(?:human|person|bot|robot|machine|ai|agent|someone|somebody|real|alive|computer|chatbot|program)(?:\s+being)?(?:\s+(?:or|and)\s+.*)?\s*$",
        r"\b(?:you are|you're|ur|you r|u are)\s+(?:not\s+)?(?:an?\s+)?(?:bot|human|robot|machine)\b(?!.*\b(?:want|need|talk|speak|get|connect)\b)",
        r"\b(?:am i|i'm|i am|is this|are these) (?:talking|speaking|chatting|writing) (?:to|with) (?:an?\s+)?(?:real |actual |live )*(?:bot|human|robot|machine|person|ai|computer|agent|someone)\b",
        # how things go, who else calls: asked about, not asked for
        r"^(?:and |so |but )?how (?:do|can|would|should) (?:i|we|one) (?:make|file|lodge|submit|raise|open|create)\b|^do (?:i|we) (?:have|need) to (?:talk|speak|call|contact)\b",
        r"^(?:\w+ ){0,2}?(?:when|what time|at what|until when|how late|on which|which days?)\b.*\b(?:reach|call|contact|available|speak|talk|phone|ring)\b",
        r"^(?:do|does|did|will) (?:the|your|a|they|it|he|she|some(?:one|body)|any(?:one|body)|i|we)\b.*\b(?:call|ring|phone|contact|call ?back)\b(?! me now| us now)",
        r"\b(?:can|could|does|will|would|should|must) (?:the|your|a|my) (?:\w+ )?(?:driver|carrier|courier|postman|postie|delivery \w+|bank|seller|shop|store|warehouse|neighbou?r)\b.*\b(?:call|ring|phone|contact)\b",
        r"\bwho(?:m)? (?:do|can|should|must) (?:i|we) (?:talk|speak|write|turn) to about (?!my|this|it|that)",
        # facts about people or numbers
        r"\b(?:what|which|where|when)(?:'s| is| are| r| was)?\s+(?:the\s+|your\s+|ur\s+)?(?:opening |phone |telephone |contact |customer |support |service |care |office |working |team )*(?:phone|telephone|number|hours|address|e-?mail|times?|fee|cost|price|rate)\b",
        r"\b(?:customer (?:service|care|support)|support|call cent(?:er|re)) (?:phone |contact |telephone |mobile )?(?:number|no|hours|times|e-?mail|address)\b",
        r"^(?:\w+[ ,]+){0,2}?(?:do|have|does) (?:you|u|it|they|the)\s+(?:have|got|work with|employ|use|offer|know)\b(?!.*\b(?:human support|live (?:chat|agent)|i can (?:talk|speak)|to (?:talk|speak))\b).*",
        r"\b(?:how many|how much|how long|how old|how do(?:es)? (?:one|i) (?:become|apply))\b.*\b(?:people|persons?|employees?|staff|agents?|managers?|service)\b",
        r"\b(?:who|what) (?:is|are|was) (?:the|your|an?)\s+(?:\w+\s+){0,2}(?:founders?|owner|boss|manager|ceo|agent|team|person|human)\b",
        r"\b(?:travel|estate|insurance|shipping|customs|cleaning|washing|oxidi[sz]ing|user|real estate|booking) agents?\b",
        r"\b(?:build|create|make|develop|program|train|integrate|implement|configure|set up|setup)\b.*\b(?:bots?|agents?|handoff|chat ?bots?)\b",
        r"\b(?:should|do|must|can) i (?:give|send|hand|lend|pass|gift|show) (?:it|this|the \w+) (?:to|for)\b",
        r"\bfor (?:how many|one|two|three|four|\d+|a single|another|each|every|per)\s*(?:people|persons?)\b|\b(?:second|other|another|different) person\b.*\b(?:pick|collect|order|pay|drive|use|sign)\b",
        r"\b(?:some|any)(?:one|body) else\b.*\b(?:pick|collect|sign|use|order|pay|receive|accept|return)\b|\b(?:pick|collect|sign|return|ship|send|deliver|transfer)\w*\b.*\b(?:some|any)(?:one|body) else\b",
    )
)


def asks_about_people(text: str) -> bool:
    """True if the message asks what the assistant is, or for a fact about people or numbers."""
    return any(pattern.search(_tidy(brief(text))) for pattern in _NOT_ASKING)


def wants_human(text: str) -> bool:
    """True if the message asks for a person; typing errors in the words that matter are forgiven."""
    text = brief(text)
    whole = _tidy(text)
    parts = [_tidy(part) for part in re.split(r"[.!?\n;]+", text)]
    # Several short sentences may be one request ("agent. now."); across long ones, words would meet that do not belong together.
    for clean in dict.fromkeys([*parts, *([whole] if len(whole.split()) <= _SHORT else [])]):
        if not clean or any(pattern.search(clean) for pattern in _NOT_ASKING):
            continue
        if _BARE.match(clean) or any(pattern.search(clean) for pattern in _ASKING):
            return True
    return False


def _tidy(text: str) -> str:
    low = re.sub(r"[^\w' -]", " ", plain(text).lower())
    low = re.sub(r"\s+", " ", low).strip(" -'")
    return " ".join(_mend(_CHAT.get(word, word)) for word in low.split())


@lru_cache(maxsize=8192)
def _mend(word: str) -> str:
    """A near miss of a word that matters becomes that word: `tlak`, `humna`, `agrnt`, `persn`."""
    if word in _FUZZY or len(word) < 4 or word in _REAL_WORDS:
        return word
    for known in _FUZZY:
        close = len(word) >= 5 or sorted(word) == sorted(known) or (len(known) == 5 and word[0] == known[0])
        if close and abs(len(known) - len(word)) <= 1 and distance(word, known) == 1:
            return known
    return word


# Real words one letter away from a word that matters.
_REAL_WORDS = frozenset(
    """urgent aged agents agenda argent humans humane persons personal parson talks tall walk task tack calls called ball fall tall
    hall wall mall cell calm cal pleased leak speaks steak spear services serviced customers customs costumer contacts contract
    contracts rear deal meal heal seal veal read reel ideal supports connects transfers manages managed reason season event
    taken takes tale table stalk chalk silk milk balk tank bank hum sped seal soak peak speck gent plead plea pleas""".split()  # noqa: SIM905 (a word list)
)
