"""How visitors say it, and how pages say it: everyday English for the things that shops and services write about.

A small embedding model knows that a dog is an animal, but little of "chuck it in the wash", "bit by bit" or
"on the hook". Each row gives what visitors write and the words that pages use for the same thing; the page's words
are put beside the visitor's, never in their place, so a page that talks like the visitor is still found.
British, American, colloquial and common misspelled forms; argued from language, not from any one shop.
"""

import re

# (what visitors write, as a pattern; what pages call it)
_ROWS: tuple[tuple[str, str], ...] = (
    # sending, receiving
    (r"post(?:man|woman|ie)|mail ?man|courier|delivery (?:guy|man|driver)", "carrier delivery postage"),
    (r"parcels?|packages?", "parcel package"),
    (r"dropped off|left (?:at|on) (?:my|the) (?:door|porch)", "delivered"),
    (r"(?:not|never|hasn'?t|didn'?t|nothing)\b.{0,25}\b(?:arrived?|turn(?:ed)? up|show(?:ed|n)? up|here|come)|nothing here|went missing", "lost missing"),
    # Who waits for an order waits for a parcel.
    (r"orders?(?=\b[^.?!]{0,25}\b(?:arriv\w*|c[oa]me|deliver\w*|(?:is|was|got|been) late|delayed|overdue|received|turned up|here)\b)|(?<=received my )orders?", "parcel package delivery"),
    (r"send(?:ing)? (?:\w+ )?back|give (?:\w+ )?back|bring (?:\w+ )?back|take (?:it|them) back|don'?t (?:like|want) (?:it|the|them)|change my mind", "return returns"),
    (r"how (?:long|many days|much time) (?:do|have) (?:i|we|you) (?:have|got)", "within days window period"),
    (r"swap", "exchange"),
    (r"shipp?ing (?:cost|fee|price)s?|p ?& ?p|delivery (?:cost|fee|charge)s?", "shipping costs postage"),
    (r"pick(?:ed|ing)? up|collect|fetch|come by|grab", "pick up collect"),
    (r"overseas|abroad|another country", "international country abroad"),
    (r"track(?:ing)?|where(?:'s| is) my (?:order|stuff|parcel|package)", "tracking delivery status"),
    # money
    (r"bit by bit|in (?:parts|rates|stages)|pay(?:ing)? (?:it )?(?:off )?(?:monthly|over time|later)|on credit|spread (?:the )?(?:cost|payment)s?|one go", "instalments"),
    (r"present cards?|gift certificates?", "gift card"),
    (r"how much (?:is|are|does|do|for)|costs?|how expensive", "price"),
    (r"coupons?|promo(?:tion)? codes?|discount codes?", "voucher code"),
    (r"money off|anything off|cheaper|reduc(?:ed|tion)s?|deals?|bargains?", "discount"),
    (r"at uni|uni|college|students?", "student university"),
    (r"bonus (?:credit|points)|loyalty|reward(?:s| points)?", "loyalty points"),
    (r"cash ?back|money back|get my money|reimburs\w*", "refund"),
    (r"shell out|fork out|cough up|foot the bill|set (?:us|me|you) back|what (?:do|would|will) (?:we|i) owe|how much is owed", "pay cost price"),
    (r"receipt|bill", "invoice receipt"),
    (r"credit cards?|debit cards?", "card payment"),
    (r"payment (?:methods?|options?|types?)|ways? to pay", "payment methods accept card PayPal"),
    (r"hand (?:it |them )?over|pass (?:it |them )?(?:over|on)|give (?:it |them )?to|sign (?:it |them )?over", "transfer move to another person"),
    (r"bucks|quid|price tag|how dear|pricey|going rate|damage", "price cost"),
    (r"for free|gratis|complimentary|no charge|extra cost", "free cost"),
    (r"bitcoins?|crypto|ethereum", "cryptocurrency"),
    (r"contactless|tap to pay|plastic", "card payment"),
    (r"(?:bank|wire) (?:wire|transfer)|wire (?:you )?(?:the )?money", "bank transfer"),
    (r"buy now,? pay later|pay (?:you )?(?:later|afterwards)|on account|after (?:it|they) arrives?", "invoice instalments pay"),
    (r"taxes|tax|vat", "VAT tax duty"),
    (r"customs|border|import fees?", "customs duties import"),
    (r"refund(?:s|ed)?", "refund money"),
    # orders
    (r"(?:called?|back) off|back out|withdraw|don'?t want (?:it|them) any ?more|undo", "cancel withdrawal"),
    (r"amend|alter|edit|modify|(?:got|typed|put|entered) (?:in )?(?:the |my )?wrong|typo", "change wrong correct"),
    (r"(?:didn'?t|never|haven'?t|not) (?:get|got|received?) (?:any |an? |the |my )?(?:confirmation|e-?mail|message)", "confirmation e-mail spam folder"),
    (r"smashed|dented|cracked|came broken|arrived broken|banged up|in pieces|battered", "damaged parcel"),
    (r"wrong (?:item|thing|colou?r|one|product|article)", "wrong article delivered"),
    (r"half (?:of )?(?:my|the) (?:order|stuff)|(?:something|one|item|part) (?:is |was )?missing|incomplete", "part missing order second box"),
    (r"fastest|quickest|tomorrow|same day", "express overnight"),
    (r"how (?:quick(?:ly)?|fast|soon)|next day|overnight|asap|in a hurry|rush|urgent", "express delivery time days"),
    (r"neighbou?rs?|next door", "neighbour delivery"),
    (r"(?:not|won'?t be|away|out) (?:at )?(?:home|in)|nobody (?:is |was )?(?:home|in)|on holiday", "not at home delivery second attempt"),
    (r"wrap(?:ped|ping)?|as a (?:gift|present|surprise)|birthday|x-?mas|christmas", "gift wrapping Christmas"),
    (r"present|gift from|got (?:it|this|them) (?:as|from)", "gift"),
    # fit and use
    (r"too (?:small|big|tight|large|loose|short|long|wide|narrow)|doesn'?t fit|don'?t fit|pinch(?:es|ing)?", "size exchange fit"),
    (r"what size|which size|my size|sizing", "size chart length"),
    (r"soaked|drenched|rain(?:proof|s|ing)?|downpour|let(?:s|ting)? (?:the )?water in|leak(?:s|ing|y)?", "waterproof water leak"),
    (r"chilly|freezing|nippy|how cold|sub-?zero|cold nights?", "temperature comfort cold"),
    (r"stink(?:s|ing|y)?|smells?|smelly|pong|reek", "smell odour wash"),
    (r"ripp?(?:ed|s)?|torn|tears?|holes?|split", "tear repair"),
    (r"coming (?:off|apart|loose)|peel(?:s|ed|ing)|unglued|detached", "loose sole repair fault"),
    (r"grea[sz]e|wax(?:ing)?|polish|look after|take care of|maintain", "care wax treatment"),
    (r"clean(?:ed|ing)?", "clean wash care"),
    (r"weighs?|how heavy|how light", "weight"),
    (r"how (?:big|large|tall|wide|roomy|spacious)", "size dimensions volume length"),
    (r"sleeps?|how many people|(?:two|three|four|\d) (?:adults|people|persons)|family of", "persons family"),
    (r"plane|fly(?:ing)?|airline|cabin|carry-?on|hand luggage", "flight airline luggage"),
    (r"break(?:ing)? (?:them |it )?in|blisters?", "breaking in fit boots"),
    (r"second[- ]hand|used|pre-?owned|trade[- ]?in|buy back|sell (?:you )?(?:my|our) old|old gear", "second-hand used buy back"),
    (r"spares?|replacement parts?", "spare parts"),
    # shop and company
    (r"pop (?:in|by|into)|swing by|drop (?:in|by)|walk in|visit|get to you|find you", "shop store address opening"),
    (r"amex", "American Express"),
    (r"shut|closing time|clos(?:e|es|ed) (?:at|on|for)?", "closed opening hours"),
    (r"bank holidays?|public holidays?|new year'?s?|easter|boxing day", "public holidays closed"),
    (r"weekends?", "Saturday Sunday weekend"),
    (r"tram|bus|train|subway|metro|public transport", "tram directions"),
    (r"appointment|book(?:ing)? a (?:slot|time)|slot", "appointment book"),
    (r"try (?:it |them )?(?:on|out)|test drive", "try rent fitting"),
    (r"eco|green|planet|environment(?:al(?:ly)?)?|carbon|climate|recycl\w+", "sustainability recycled environment"),
    (r"sweatshops?|fair wages?|ethical(?:ly)?|working conditions", "fair wear factory production"),
    (r"vegan|animal|cruelty|feathers?|goose|duck", "vegan down animal"),
    (r"who(?:'s| is) behind|who (?:owns|runs|started|founded)|how old is (?:the|your) (?:company|shop|firm)", "founded company founder"),
    (r"apprentice\w*|intern(?:ship)?s?|openings|positions?|career|cv|salary", "jobs application apprentices"),
    (r"influencer|sponsor(?:ed)?|club|charity|raffle|tombola", "sponsorship club"),
    (r"tax (?:number|id)|company (?:account|order)|wholesale|in bulk|bulk|resell(?:er)?", "business customers VAT"),
    # data and account
    (r"gdpr|privacy|snoop\w*|spy\w*|sell my (?:data|address|details)|share my", "data privacy personal"),
    (r"cookies?|tracking me|trackers?", "cookies consent"),
    (r"locked out|can'?t (?:get|log) in(?:to)?|forgot(?:ten)? (?:my )?(?:password|login|pw|pass)|lost (?:my )?(?:password|pw)", "password reset account locked sign in"),
    (r"two[- ]factor|2fa|authenticator|otp", "two-factor sign-in"),
    (r"new (?:e-?mail|mail) ?(?:address)?|change (?:my )?(?:e-?mail|mail)", "change e-mail address"),
    (r"record(?:ed|ing)?|tape[ds]?", "recorded calls video"),
    (r"how long do you (?:keep|store|hold|save)|hang on to|hold on to", "kept for storage"),
    (r"apprais\w+|rating|reviews?|stars", "review"),
    (r"mates?|buddy|buddies|friend", "friend person"),
    (r"refer(?:ral)?|recommend(?:ing)? (?:a|you)", "refer friend"),
    # time and obligation
    (r"call(?:ed|ing)? (?:it |this |the \w+ )?off", "cancel cancelling"),
    (r"on the hook|falls? apart|fell apart|packs? (?:it )?in|gave up the ghost|breaks?|broke|broken|snapped|busted|wore out|stopped working", "guarantee warranty repair fault"),
    (r"warrant(?:y|ies)|guarantees?", "guarantee warranty"),
    (r"any good still|still (?:good|valid|ok)|run out|runs out|good for", "valid expire"),
    (r"last (?:date|day|chance) to", "deadline until"),
    (r"wip(?:ed?|ing)|erase[ds]?|get rid of", "deleted kept"),
    (r"hir(?:e|ed|ing)|borrow(?:ed|ing)?|rent(?:ed|ing|al)?", "rent rental"),
    # things and places
    (r"rucksacks?|backpacks?|knapsacks?", "pack backpack"),
    (r"bikes?|bicycles?", "bicycle"),
    (r"mobile|cell ?phones?|phones?", "phone telephone"),
    (r"cctv|security cameras?|surveillance", "video recordings camera"),
    (r"dogs?|labradors?|pupp(?:y|ies)|poodles?|terriers?|my pet|pets", "dog dogs pets"),
    (r"wheelchair|disabled|pram|buggy|stroller", "access step ramp lift"),
    (r"car park|park (?:my|the|a) car|parking", "parking garage"),
    (r"trousers|pants", "trousers"),
    (r"trainers|sneakers", "shoes sneakers trainers"),
    (r"kids?|child(?:ren)?|daughter|son|toddler", "children kids"),
    (r"(?:in (?:with )?|do )?the (?:laundry|laundery|wash)|washing machine|launder\w*|laundr?y|chuck (?:it )?in", "wash washing machine"),
    (r"rods?", "pole rod"),
    (r"fasteners?|zippers?", "zip"),
    (r"manufactur\w*|produced", "made production"),
    (r"free (?:kit|stuff|gear)|donat\w+", "sponsorship donation free"),
    (r"stuff|gear|kit", "articles goods"),
    (r"outlet", "outlet sale clearance"),
    (r"shops?|stores?|branch(?:es)?", "shop store"),
    (r"(?:journalist|reporter|magazine|newspaper|interview)\w*", "press media journalist"),
    (r"firms?|corporate|for (?:my|our) (?:company|business)", "business customers company"),
    # data and account
    (r"on file about me|know about me|(?:have|got|stored?|keep|hold) (?:\w+ )*about me|my data", "personal data access copy request"),
    (r"log ?in|log ?on|sign ?in", "sign in login password"),
    (r"close (?:my|the) account|get rid of my account", "delete account"),
    (r"sign ?up|join", "register account sign up"),
    (r"unsubscribe|stop (?:the |your )?(?:e-?mails?|spam|newsletter)", "unsubscribe newsletter"),
    (r"declined|rejected|refused|didn'?t go through|won'?t go through", "payment failed declined"),
    (r"jobs?|vacanc(?:y|ies)|hiring|work for you", "jobs career vacancy"),
    (r"patch(?:ed)? (?:it )?up|fix(?:ed|ing)?|mend(?:ed|ing)?", "repair"),
    (r"opening (?:times|hours)|open(?:ed)? (?:on|at|until|till)|what time do you (?:open|close)", "opening hours"),
    (r"grown-?ups?", "adults"),
    (r"water ?proof|water ?tight", "waterproof water column"),
    (r"deliver|ship|send (?:it|them|things|stuff)?", "deliver ship send delivery"),
    (r"(?:can|may|do) (?:i|we) (?:keep|borrow)", "loan period borrow"),
    (r"extend|prolong", "renew renewal extend"),
    (r"concessions?|discounts?|(?<=pay )less", "discount reduced half"),
    (r"fines?|penalt(?:y|ies)", "fee overdue late"),
    (r"return(?:ed|ing)? late|too late|late (?:book|return)s?", "overdue late"),
    (r"wine|beer|booze|champagne", "alcohol drinks"),
    (r"hand (?:it |them )?in|drop (?:it |them )?off", "return desk"),
    (r"(?:great )?britain|england|scotland|wales|u\.?k\.?", "United Kingdom UK Britain"),
    (r"america|the (?:us|states)|usa", "USA United States"),
    # German
    (r"öffnungszeiten|offen|geöffnet|auf(?:ge)?macht|auf(?:hab|mach)\w*|zumach\w*|schließt|zugemacht", "Öffnungszeiten Sprechzeiten geöffnet"),
    (r"kranke?|erkrankt|erkältet|grippe|arzttermin", "Krankheit erkrankt Attest"),
    (r"handys?|smartphones?|mobiltelefone?", "Handy Smartphone Mobiltelefon"),
    (r"zertifikate?|teilnahmebestätigung|urkunden?", "Bescheinigung Teilnahmebescheinigung Zertifikat"),
    (r"heim(?:gehen|kommen|fahren)|heimgeht|allein heim", "Hause gehen"),
    (r"ausgebucht|voll|keine plätze|kein platz", "ausgebucht Warteliste"),
    (r"fehlen|verpass(?:e|t|en)|nicht da", "fehlen versäumen besucht"),
    (r"zurücktreten|rücktritt|abmelden|abmeldung|aussteigen", "Rücktritt Abmeldung kündigen stornieren"),
    (r"senioren|rentner(?:in|innen)?|pensionist\w*", "Senioren Rentner ermäßigt"),
    (r"kostenlos|gratis|umsonst|kostenfrei", "kostenlos gebührenfrei"),
    (r"wlan|w-lan|internet", "WLAN Internet"),
    (r"parken|parkplatz|parkplätze|auto abstellen", "Parkplätze Parkplatz"),
    (r"absagen|abgesagt|absage|stornieren", "absagen Absage stornieren"),
    (r"krankenkasse|kasse|versicherung", "Kasse Krankenkasse"),
    (r"rollstuhl|barrierefrei|kinderwagen", "barrierefrei Rollstuhl Rampe Lift"),
    (r"anrufen|rufe|ruf|telefon(?:isch|nummer)?", "Telefon telefonisch Nummer"),
    (r"umtausch(?:en)?|zurück(?:schicken|geben|senden|bringen)|retour\w*|rückgabe", "Umtausch Rückgabe zurückgeben"),
    (r"liefer\w*|versand\w*|verschick\w*|porto", "Versand Lieferung liefern"),
    (r"rabatt\w*|ermäßig\w*|vergünstig\w*", "Rabatt Ermäßigung ermäßigt"),
    (r"garantie|gewährleistung", "Garantie Gewährleistung"),
    (r"termin|zeit frei", "Termin Termine"),
    (r"schmerzen|zahnschmerzen|notfall", "Schmerzen Notfall Notdienst"),
    (r"wie teuer|was kostet|kosten|preis", "Preis Kosten Gebühr"),
    (r"sonntags?|samstags?|wochenende", "Wochenende Notdienst"),
    (r"warten|warte|wartezeit", "Wartezeit innerhalb"),
    # software and services
    (r"sso", "single sign-on"),
    (r"mfa", "two-factor"),
    (r"sms|texts?|text messages?", "text message SMS"),
    (r"(?:free|paid|cheap(?:er|est)?|basic|pro|premium) (?:version|tier|edition|option|one)|(?:version|tier|edition)s?", "plan"),
    (r"users?|licen[cs]es?|team ?mates?|colleagues?", "seat user member"),
    (r"rate limits?|throttl\w+|quotas?", "limit requests"),
    (r"non-?profits?|ngos?|charit(?:y|ies)", "non-profit charity"),
    (r"hosted|hosting|data ?cent(?:er|re)s?|servers?", "stored servers"),
    (r"the eu|in europe|european union", "EU Europe"),
    (r"(?:move|switch|migrat\w+|bring|transfer)\b.{0,40}\b(?:over|across|to (?:you|yours)|from)", "import"),
    (r"download (?:all|everything|my data)|take my data", "export"),
    (r"without (?:internet|wi-?fi|a connection)|no (?:internet|wi-?fi|connection)", "offline"),
    (r"wi-?fi", "internet Wi-Fi"),
    (r"delivary|delivry|dilivery", "delivery"),
    (r"adress", "address"),
    (r"wich", "which"),
    (r"recieve[ds]?", "receive"),
    (r"refound", "refund"),
    (r"guarante|garantee|waranty|warrenty", "guarantee warranty"),
)  # fmt: skip
# The same for phrases of small words: together they say what the question is about, and their last word stands for them.
_PHRASES_OF: tuple[tuple[str, str], ...] = (
    (
        r"(?:don'?t|do not|doesn'?t|didn'?t|not|never) (?:\w+ )?(?:show up|turn up|appear|make it|come)|no-?shows?",
        "turn attend no-show",
    ),
    (r"bit by bit|in (?:one go|parts|stages)|spread (?:the )?(?:cost|payment)s?", "instalments monthly"),
    (r"christmas eve", "heiligabend"),
    (r"new year'?s eve", "silvester"),
    (r"get out of|opt out|leave the (?:club|plan)", "cancel end terminate"),
    (
        r"nicht (?:\w+ ){0,3}?(?:kommen?|erscheinen?|teilnehmen?|hingehen?|auftauchen?)",
        "teilnehmen erscheinen absagen Rücktritt",
    ),
)
_PHRASES = tuple((re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), words) for pattern, words in _PHRASES_OF)
# Only for the search: what stands between these words is not what the page's word stands for.
_WIDER_OF: tuple[tuple[str, str], ...] = (
    (
        r"(?:hat|habt|haben|mach(?:t|en)) (?:\w+ ){1,4}(?:auf|zu)(?=\W*$)",
        "Öffnungszeiten Sprechzeiten geöffnet",
    ),
)
_WIDER = tuple((re.compile(rf"\b(?:{pattern})", re.IGNORECASE), words) for pattern, words in _WIDER_OF)
_PATTERNS = tuple((re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), words) for pattern, words in _ROWS)
_MOST = 10  # more added words than this drown the question itself


def page_words(question: str) -> list[str]:
    """What pages call the things in the question, without what it already says."""
    said = set(re.findall(r"[\w-]+", question.lower()))
    found: list[str] = []
    for pattern, added in (*_PHRASES, *_WIDER, *_PATTERNS):
        if pattern.search(question):
            found += [w for w in added.split() if w.lower() not in said and w not in found]
    return found[:_MOST]


def alternates(question: str) -> list[tuple[int, int, tuple[str, ...]]]:
    """Spans of the question with the pages' words for them."""
    return [
        (m.start(), m.end(), tuple(added.lower().split()))
        for pattern, added in _PATTERNS
        for m in pattern.finditer(question)
    ]


def phrases(question: str) -> dict[int, tuple[int, tuple[str, ...]]]:
    """By where its last word starts, where each phrase of small words starts, and the pages' words for the whole."""
    found: dict[int, tuple[int, tuple[str, ...]]] = {}
    for pattern, added in _PHRASES:
        for match in pattern.finditer(question):
            last = match.start() + max(match.group().rfind(" "), match.group().rfind("-")) + 1
            found[last] = (match.start(), tuple(added.lower().split()))
    return found


def plainly(question: str) -> str:
    """The question with the pages' words behind it; unchanged where there are none to add."""
    added = page_words(question)
    return f"{question} ({' '.join(added)})" if added else question
