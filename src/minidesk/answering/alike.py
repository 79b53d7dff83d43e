"""Words that say the same, words that say nothing of their own, and words that say the opposite: everyday English.

The proof asks of each word of a sentence that the page has it. Pages and answers use different words for the same
thing ("send back", "return"); only those that mean the same in every shop stand here. Things are never alike: a tent
is no sleeping bag, however near their vectors are.
"""

from minidesk.text.words import stem, words

# Forms that no stemmer brings together.
_FORMS = (
    "take taken took", "sell sold sale", "keep kept", "send sent", "lend lent loan", "pay paid payment payable", "buy bought", "give given gave",
    "tell told", "hold held", "wear worn wore", "make made", "find found", "leave left", "lose lost loss", "bring brought", "choose chosen choice",
    "write written wrote", "show shown", "come came", "get got", "know known", "mean meant", "spend spent", "speak spoken", "begin began begun",
    "deliver delivery", "weigh weight", "long length", "high height", "wide width", "rent rental", "permit permission", "decide decision",
    "grow growth", "try tried", "lie lay", "break broken", "store storage", "day daily", "month monthly", "week weekly", "year yearly annual annually",
    "refund refundable", "apply application", "begin start", "child children", "foot feet", "shelf shelves", "person people", "withdraw withdrawal",
)  # fmt: skip
# Each line: words of which one may stand for another in an answer. Verbs of service, money and time.
_SAME = (
    "cost price charge fee pay rate due", "send post ship mail dispatch deliver delivery go travel", "keep hold store save retain wait", "get receive obtain earn collect",
    "enter type give fill provide", "valid good last run work", "move transfer", "reach arrive become", "twice double", "deduct subtract off less minus reduce lower",
    "take accept", "lend borrow loan", "decline refuse reject turn", "buy purchase order place", "consist make", "report tell notify inform contact write",
    "call phone ring telephone", "reply answer respond response hear", "show appear display see visible", "see look check", "allow permit possible can may",
    "forbidden prohibited banned", "require need necessary must ask", "include cover contain part", "calculate compute work", "correct fix mend repair",
    "begin start open", "finish end stop", "change alter modify", "choose pick select", "hand bring give", "return give send bring back",
    "email e-mail mail message", "text sms", "approximately about around roughly some", "almost nearly", "maximum most", "minimum least",
    "extra additional more further another other", "immediately once straight instantly", "kind type sort", "people person customer everyone",
    "shop store branch", "website site page", "shorten reduce", "upload send", "click press tap choose", "consumer customer", "picture photo image",
    "confirm approve approval confirmation", "delete erase remove", "sign log", "available offer", "exchange swap", "free nothing gratis", "bill invoice",
    "beforehand before ahead advance", "afterwards after later", "anyone anybody", "employee staff people", "expire expiry", "age old year",
    "fit suit suitable", "enough sufficient", "issue give make", "calendar year", "large big", "little small", "amount sum", "question request",
    "register sign", "customer buyer", "purchaser buyer", "regardless whatever", "ready come", "find see", "hours open", "rent hire", "person somebody someone else", "parcel package box",
    "kid child", "garment clothing", "goods article item product", "location address", "say state", "parcel package shipment shipping delivery transit", "come bring", "whole complete entire full all", "foot bottom end", "foot walk", "withstand stand resist", "immediately once instantly straight", "threshold from minimum", "exist already", "back return returned", "hand drop", "new successor replacement", "see find look", "keep remain stay", "big large", "begin start", "last final", "correct right", "wrong incorrect", "job position place", "answer reply", "quick fast", "next following", "current present", "previous earlier old", "dispatch ship", "remind reminder", "say speak talk", "collect pick fetch", "anything nothing", "anyone nobody", "more larger bigger higher greater longer", "write send message", "multiply times", "appointment booking", "size fit", "keep stay remain stand", "kid child", "drop hand return",
    "confirm verify", "keep maintain", "see view", "stay remain persist last", "many number", "configure set", "contact reach touch", "change alter modify edit update",
    "issue problem trouble", "submit send", "proceed continue", "ensure sure", "locate find", "navigate go", "eligible qualify entitled", "duration length period time",
    "prior before", "recommend suggest advise", "prevent avoid", "track follow", "damaged defective faulty", "refund reimburse", "entire whole", "forever permanently permanent",
    "instruction step", "purchase order", "assistance help support", "attempt try",
)  # fmt: skip
# What adds nothing that a page would have to bear: courtesy, connecting words, verbs that only carry others. Dates,
# units and currencies are here as well: facts.py reads them.
_LIGHT = """answer question request inquiry enquiry simply just need want order get able possible follow following step way yes sure indeed note
    help use make go way please however therefore also addition additionally option item article product customer mean
    means say says state according page pages detail details still already within company shop store like
    currently generally typically usually must may required allowed apply applies available am pm o'clock noon midnight
    minute hour day week month year euro euros dollar dollars percent course unfortunately sorry great worry come put place
    belong even too as well once then when while since though although has have been being does do done us our your it its
    there here this that these those them per each in short back whether else wish would could should will shall through
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october
    november december not no never cannot neither nor none enough find per
    you'll we'll it'll they'll you've we've they're we're myself yourself ourselves themselves suitable necessary
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty hundred
    cm mm km kg g m l ml c w litre liter metre meter kilometre kilometer gram kilogram kilo °c degree watt""".split()  # noqa: SIM905 (a word list)
_OPPOSITE_PAIRS = (
    "include exclude", "before after", "more less", "least most", "open closed", "accept refuse", "allow forbid", "possible impossible", "minimum maximum",
    "above below", "over under", "earliest latest", "increase decrease", "enable disable", "first last", "free chargeable", "always never", "online offline",
    "opened unopened", "used unused", "worn unworn", "new old", "valid invalid", "available unavailable", "larger smaller", "higher lower", "buy sell", "start end",
    "start stop", "begin end", "inside outside", "indoors outdoors", "indoor outdoor", "refundable non-refundable", "paid unpaid", "waterproof water-repellent",
    "men women", "left right", "add remove", "added deducted", "add deduct", "win lose", "send receive", "earlier later", "up down", "domestic international",
    "weekday weekend", "customer seller", "same different", "high low", "hot cold", "warm cold", "long short", "full empty", "half double", "once twice", "plus minus",
    "plus less", "wet dry", "fast slow", "light heavy", "thick thin", "wide narrow", "hard soft", "early late", "push pull", "lock unlock",
    "tighten loosen", "expire renew", "rise fall", "shorten lengthen", "shorten extend", "private public", "single double", "both neither", "gain lose", "faulty flawless",
    "complete partial", "partly fully", "mandatory optional", "required optional", "required voluntary", "optional needed", "prepaid postpaid", "buyer seller", "sender recipient", "inner outer",
    "upper lower", "smaller more", "larger less", "fewer more", "once double", "bigger smaller", "front back", "top bottom", "morning evening", "day night", "summer winter", "cheap expensive", "near far", "approve reject",
)  # fmt: skip
_NEGATIVE = ("un", "in", "im", "non-", "non", "dis", "ir", "il")


def _groups() -> dict[str, frozenset[int]]:
    """By stem, the lines it stands in; a form stands wherever one of its other forms does."""
    table: dict[str, set[int]] = {}
    for number, line in enumerate((*_FORMS, *_SAME)):
        for word in line.split():
            table.setdefault(stem(word), set()).add(number)
    whole = {root: frozenset(numbers) for root, numbers in table.items()}
    for line in _FORMS:
        forms = [stem(word) for word in line.split()]
        everywhere = frozenset().union(*(whole[form] for form in forms))
        for form in forms:
            table[form] |= everywhere
    return {root: frozenset(numbers) for root, numbers in table.items()}


_GROUPS = _groups()
_OTHERS = {
    stem(word): frozenset().union(*(map(stem, line.split()) for line in _FORMS if word in line.split()))
    for line in _FORMS
    for word in line.split()
}
LIGHT = frozenset(stem(word) for word in _LIGHT)
_OPPOSITES = [tuple(frozenset({word, stem(word)}) for word in pair.split()) for pair in _OPPOSITE_PAIRS]


def alike(root: str, others: frozenset[str]) -> bool:
    """Whether one of the stems `others` stands for the stem `root` in every text, or is a form of it."""
    if len(root) > 3 and any(root == other + other[-1:] or other == root + root[-1:] for other in others):
        return True  # the stemmer makes "stuf" of "stuffed"
    mine = _GROUPS.get(root)
    return mine is not None and any(mine & _GROUPS.get(other, frozenset()) for other in others)


def other_forms(root: str) -> frozenset[str]:
    """Stems of the other forms of a word that no stemmer brings together: of "write" those of "written" and "wrote"."""
    return _OTHERS.get(root, frozenset()) - {root}


def opposed(root: str, others: frozenset[str]) -> bool:
    """Whether `root` is one of `others` with a negative syllable more or less: valid, invalid; opened, unopened."""
    return any(
        root == syllable + other or other == syllable + root
        for syllable in _NEGATIVE
        for other in others
        if min(len(root), len(other)) >= 4
    )


def turned_round(sentence: str, span: str) -> bool:
    """Whether the sentence has a word that the span lacks, where the span has its opposite."""
    said, there = _forms(sentence), _forms(span)
    for pair in _OPPOSITES:
        for mine, theirs in (pair, pair[::-1]):
            if said & mine and not there & mine and there & theirs:
                return True
    return any(opposed(word, frozenset(there)) for word in said - there)


def _forms(text: str) -> set[str]:
    found = words(text)
    return set(found) | {stem(word) for word in found}
