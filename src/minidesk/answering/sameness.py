"""When two questions are the same one: not alike, the same.

Likeness lies: "Can boots be returned?" and "Can boots not be returned?" are neighbours for any embedding, and so are
two plans that differ in a number. So every word counts here, in its order, with its numbers, codes, negations and
persons. What is taken away can change no answer: letter case, plural endings, articles, greetings, what leads up to a
question ("could you tell me …"), where a lone helping verb stands, and which of two clauses around "if" comes first.
Stems would be too coarse ("important" and "import" have the same one), and a bag of words would not know who returns
what to whom. Texts in different languages share no form, because their small words stand in it.
"""

import re

# A word with what may stand inside one (4.90, AG-48213, e-mail, a@b.at), a sign that means something (€, %, +, …), or
# the minus of a number. Plain punctuation is none of these.
_TOKEN = re.compile(r"(?<!\w)-(?=\d)|[^\W_]+(?:[-'.,:/@_+&][^\W_]+)*|[^\s\w.,;:!?…\"'“”„«»()\[\]{}·–—-]")
# Signs that look alike and mean the same.
_PLAIN = str.maketrans("’‘–−\u00a0", "''-- ")
_SENTENCE_END = re.compile(r"[.!?…]+(?:\s+|$)|\n+")
_OPENERS = r"(?:how|what|when|where|who|which|why|do|does|did|can|could|is|are|am|was|will|would|should|may|must|have|has|had|if|i|we|my|our|you)"
_GREETING = re.compile(
    rf"^\W*(?:(?:hi|hello|hey|good (?:morning|afternoon|evening|day))(?: (?:there|all|team|everyone))?(?:\s*[,.!:-]+\s*|\s+(?={_OPENERS}\b)))+",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?<=[.!?,\n])\W{0,4}(?:many )?(?:thanks|thank you|cheers)(?: (?:a lot|so much|very much|in advance))*\W*$",
    re.IGNORECASE,
)
_PLEASE = re.compile(r",?\s*\b(?:please|kindly)\b,?", re.IGNORECASE)
_LEAD = re.compile(
    r"^\W*(?:(?:so|ok|okay|well)\W+)?(?:"
    r"(?:can|could|would|will) (?:you|someone|anybody|somebody|anyone) (?:just |quickly )?(?:tell|explain to) me"
    r"|(?:i|we)(?: would|'d)? (?:like|love|want|need) to (?:know|ask)|do you (?:happen to )?know|tell me"
    r"|(?:i am|i'm|i was|was|just) (?:just )?wondering|i wonder|may i ask|(?:a )?(?:quick )?question:"
    r")\s*[,:]?\s+(?:(?:if|whether)\s+)?",
    re.IGNORECASE,
)
_CONTRACTIONS = (
    (re.compile(r"\b(?:can't|cant|cannot)\b"), "can not"),
    (re.compile(r"\b(?:won't|wont)\b"), "will not"),
    (re.compile(r"\bshan't\b"), "shall not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|had|would|could|should|must|need)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(what|how|where|when|who|why|it|that|there|here)'s\b"), r"\1 is"),
    (re.compile(r"\bi'm\b"), "i am"),
    (re.compile(r"\b(\w+)'re\b"), r"\1 are"),
    (re.compile(r"\b(\w+)'ve\b"), r"\1 have"),
    (re.compile(r"\b(\w+)'ll\b"), r"\1 will"),
    (re.compile(r"\b(i|we|you|he|she|it|they)'d\b"), r"\1 would"),
    (re.compile(r"'s?(?!\w)"), ""),  # the customer's, the customers'
)  # fmt: skip
_HALF_OF_DAY = re.compile(r"(?<=\d)\s*([ap])\.?\s?m\b\.?", re.IGNORECASE)
_FORMS = {
    "does": "do", "am": "be", "is": "be", "are": "be", "were": "was", "has": "have", "euro": "€", "euros": "€", "eur": "€",
    "percent": "%", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "e-mail": "email", "e-mails": "email",
}  # fmt: skip
# "a" is an article behind these. Behind a noun it may be a name: "plan A".
_BEFORE_ARTICLE = frozenset(
    """be do have can could will would may might must should for in of with without to on at by from into about as per and or not than
    if when what which how such i you we it they my return buy send sell get order need want use bring cancel exchange take make give
    pay find offer repair rent wash bought ordered got returned sent lost""".split()  # noqa: SIM905 (a list of 60 strings cannot be read)
)
# Where a lone one of these stands in its clause changes nothing: "where is my order", "where my order is".
_LOOSE = frozenset(
    ["be", "can", "could", "will", "would", "may", "might", "should", "must", "shall", "cost", "take"]
)
_LINKS = frozenset(["and", "or", "but", "nor", "while"])
# Their plural is another word, or they only look like one.
_NO_PLURAL = frozenset(
    """customs goods glasses news means terms pants shorts arms spirits savings looks works times contents needs grounds forces
    scales drawers briefs odds series species always lens this thus plus minus clothes""".split()  # noqa: SIM905 (a list of 30 strings cannot be read)
)
# What they mean is another day tomorrow.
_PASSING = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|now|currently|at the moment|right away|(?:this|next|last) (?:morning|evening|week|weekend|month|year))\b",
    re.IGNORECASE,
)
# With a capital they are other words: "ship to US" is not "ship to us".
_TWO_WORDS = frozenset(
    ["us", "it", "who", "may", "march", "august", "polish", "china", "turkey", "mark", "bill", "will", "jersey", "a"]
)  # fmt: skip
_CONDITION = re.compile(r"^(?:if|once|unless)\b", re.IGNORECASE)
_INNER_CONDITION = re.compile(r",?\s+(?=(?:if|once|unless)\b)", re.IGNORECASE)
_PRICE = (
    (("what", "be", "price", "of"), ()),
    (("what", "be", "cost", "of"), ()),
    (("how", "much", "be"), ()),
    (("how", "much"), ("cost",)),
    (("what",), ("cost",)),
)


def form(question: str) -> str:
    """Two questions are the same one exactly where their forms are equal. Empty where there is no word."""
    text = question.translate(_PLAIN)
    text = _THANKS.sub("", _GREETING.sub("", text)).strip()
    text = _LEAD.sub("", re.sub(r"[^\S\n]+", " ", _PLEASE.sub(" ", text)).strip())
    sentences = [_sentence(part) for part in _SENTENCE_END.split(_HALF_OF_DAY.sub(r"\1m ", text))]
    return " | ".join(part for part in sentences if part)


def is_passing(question: str) -> bool:
    """Whether it asks about a day that is another one tomorrow ("Are you open today?")."""
    return bool(_PASSING.search(question))


def _sentence(text: str) -> str:
    clauses = [_clause(part) for part in _clauses(text.strip(" ,;:"))]
    return " ; ".join(clause for clause in clauses if clause)


def _clauses(text: str) -> list[str]:
    """One clause, or two of which one is a condition; then that one first."""
    if _CONDITION.match(text):
        condition, _, rest = text.partition(",")
        return [condition, rest]
    parts = _INNER_CONDITION.split(text, maxsplit=1)
    return parts[::-1] if parts[0].strip() else parts


def _clause(text: str) -> str:
    tokens = _money_last(_without_articles(_tokens(text)))
    if "do" in tokens[:-1] and tokens[tokens.index("do") + 1] != "not":
        tokens.remove("do")  # it helps a verb that follows
    for head, held in _PRICE:
        rest = _without(tokens[len(head) :], held) if tuple(tokens[: len(head)]) == head else None
        if rest and not _LOOSE & set(rest):
            return f"price of: {' '.join(rest)}"
    loose = [token for token in tokens if token in _LOOSE]
    if len(loose) != 1 or _LINKS & set(tokens):
        return " ".join(tokens)  # which verb belongs to which words is told by the order alone
    fixed = " ".join(token for token in tokens if token not in _LOOSE)
    # "How can I pay?" asks what "How do I pay?" asks.
    return fixed if loose == ["can"] and fixed.startswith(("how i ", "how we ")) else f"{fixed} [{loose[0]}]"


def _without(tokens: list[str], held: tuple[str, ...]) -> list[str] | None:
    """`tokens` without `held`, each once; None where one is not there."""
    rest = list(tokens)
    for token in held:
        if token not in rest:
            return None
        rest.remove(token)
    return rest


def _tokens(text: str) -> list[str]:
    """The words and signs, contractions written out, folded; names keep their endings."""
    shouted = text.isupper()
    found: list[str] = []
    for n, word in enumerate(text.split()):
        bare = word.strip(".,;:!?\"()'“”")
        named = n > 0 and not shouted and bare[:1].isupper()
        low = word if named and bare.lower() in _TWO_WORDS else word.lower()
        for pattern, whole in _CONTRACTIONS:
            low = pattern.sub(whole, low)
        same = [_FORMS.get(token, token) for token in _TOKEN.findall(low)]
        found += same if named else [_singular(token) for token in same]
    return found


def _singular(token: str) -> str:
    """Plural endings cut; what holds a digit stays as it is."""
    if not token.isalpha() or token in _NO_PLURAL or len(token) <= 3:
        return token
    if token.endswith("ies") and len(token) > 4:
        return f"{token[:-3]}y"
    if re.search(r"(?:ss|sh|ch|x|zz)es$", token):
        return token[:-2]
    return token[:-1] if token.endswith("s") and not re.search(r"(?:ss|us|is)$", token) else token


def _without_articles(tokens: list[str]) -> list[str]:
    kept = [word for word in tokens if word not in ("the", "an")]
    return [
        word
        for n, word in enumerate(kept)
        if word != "a" or (n > 0 and kept[n - 1] not in _BEFORE_ARTICLE) or n == len(kept) - 1
    ]


def _money_last(tokens: list[str]) -> list[str]:
    """ "€ 50" as "50 €"."""
    found = list(tokens)
    for n in range(len(found) - 1):
        if found[n] in ("€", "$", "£") and found[n + 1][:1].isdigit():
            found[n], found[n + 1] = found[n + 1], found[n]
    return found
