"""What narrows a statement of a page is not left out where the statement is repeated.

"Repairs under guarantee are free" does not say that repairs are free, nor "Guide dogs are welcome" that dogs are. A
sentence may say less than its page: a reason, an example, a second statement may go. But what the page's statement is
limited to has to be said: the words that narrow its subject, what opens it, a condition, and "for", "under", "within"
behind it. Under a "not" everything narrows: who is told not to rinse on the first day may rinse on the second.

Read without a grammar: small words open a phrase, verbs and commas end it. A phrase is left out where no word of it is
said.
"""

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise

from minidesk.answering.alike import LIGHT, alike
from minidesk.answering.facts import Fact, facts, plain
from minidesk.answering.force import orders
from minidesk.answering.rank import surface
from minidesk.answering.rulebook import Narrowing, rulebook, rules_for
from minidesk.answering.spans import Span
from minidesk.answering.weekdays import weekdays
from minidesk.text.language import language_of
from minidesk.text.words import STOPWORDS, stem


def _set(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_TOKEN = re.compile(r"[^\W_]+(?:[-'.][^\W_]+)*|[,;:()–—]")
_PIECES = re.compile(r"(?<=[.!?;])\s+|\n+")
_MODEL = re.compile(r"\b[A-Z]\w+ \d+\b")
_EXTENDED = re.compile(r",?\s+(?:including|incl|inklusive|inkl|einschließlich)\b.*", re.IGNORECASE)
# Things that share a row; a comma before the last of several words is one of these, before a single one it narrows.
_OTHERS = re.compile(
    r"\s*(?:\b(?:and|or|und|oder)\b|[/&])\s*|,\s+(?=(?:[^,]+,)|(?:[A-Z]\w+)$|[^,]*\b(?:and|or|und|oder)\b|(?:\w+day|\w+tag|Mittwoch)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"([^:.;]{1,60}):\s+\S")
# Whoever reads this; and the words with which a page speaks of them all.
_YOU = re.compile(
    r"\W*(?:you|everyone|everybody|anyone|anybody|all of you|sie|man|jeder|jede|alle)\b", re.IGNORECASE
)
_PEOPLE = frozenset(
    stem(w)
    for w in "guest customer visitor member user people person traveller traveler passenger buyer client everyone everybody anyone reader "  # noqa: SIM905
    "patient participant subscriber consumer kunden kundinnen gäste besucher mitglieder nutzer leser patienten fahrgäste reisende".split()
)
_ORDINALS = _set(
    "first second third fourth fifth last ersten zweiten dritten vierten letzten erste zweite dritte vierte letzte"
)
# Labels that make no kinds.
_NO_KIND = re.compile(
    r"\W*(?:step|note|tip|hint|important|example|attention|warning|hinweis|tipp|schritt|beispiel|achtung|wichtig)\b",
    re.IGNORECASE,
)
# What a piece opens with: two words and an article.
_OPENED = re.compile(r"(?:\W*(?:(?:the|an?|your|our|der|die|das)\W+)?[\w'-]+(?:\W+[\w'-]+)?)?", re.IGNORECASE)
# "In the first month", "on Sundays": then, and not always.
_TIME = re.compile(
    r"(?:end|beginning|start|middle|weekend|weekday|holiday|month|year|week|summer|winter|spring|autumn|season|morning|evening|(?:mon|tues|wednes|thurs|fri|satur|sun)day)s?"
    r"|(?:monat|jahr|woche|tag|wochenende|sommer|winter|herbst|frühling|abend|vormittag|nachmittag|feiertag|ferien|saison|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch)(?:e[ns]?|s)?",
    re.IGNORECASE,
)
# What is allowed somewhere is not allowed everywhere.
_ALLOWS = re.compile(r"\b(?:welcome|allowed|permitted|erlaubt|gestattet|willkommen)\b", re.IGNORECASE)
_OFTEN = re.compile(
    r"\b(?:once|twice|einmal|zweimal) (?:an?|per|every|each|pro|im|in der|je)\b", re.IGNORECASE
)
_OFTEN_SAID = re.compile(
    r"\b(?:once|twice|times|every|each|per|one|two|yearly|annually|annual|monthly|weekly|daily|einmal|zweimal|jährlich|monatlich|"
    r"wöchentlich|täglich|pro|je(?:de[rsmn]?)?)\b|\b(?:a|an|im) (?:year|month|week|day|jahr|monat)\b",
    re.IGNORECASE,
)
_TIMES = frozenset(["after", "before"])
_ONCE = frozenset(["once"])
_ADVERBS = frozenset(["also", "never", "always", "already", "still", "just", "only", "not"])
_SUBJECTS = frozenset(["who", "that", "which", "whoever"])
# Two small words, and a limit where they stand in a condition.
_SAME_DAY = re.compile(
    r"\b(?:if|when|unless|provided|as long as)\b[^,.;:]{0,200}\b(same[ -](?:day|week|month|year))\b",
    re.IGNORECASE,
)
_PLACES = frozenset(["in", "at", "from", "to", "on"])
_ADDRESSES = frozenset(["link", "email", "phone"])
_WEIGHTY = frozenset(["duration", "money", "measure", "percent", "date", "time"])
_DAYS = re.compile(
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?|weekends?|weekdays?|january|february|march|april|may|june|july|august|september|october|november|december",
    re.IGNORECASE,
)
# Two words that open a phrase like one, and those that say how exactly a figure is meant (`bounds.py` reads them).
_AS_ONE = (
    (re.compile(r"\bas long as\b|\bprovided that\b|\bonly (?=if\b|when\b)|\bin case\b", re.IGNORECASE), "if "),
    (re.compile(r"\bas soon as\b", re.IGNORECASE), "when "),
    (re.compile(r"\b(?:for (?:example|instance|reasons of)|such as|in order to|due to|thanks to|even (?:if|when)|of course|by the way)\b", re.IGNORECASE), "because "),
    (re.compile(r"\b(?:up to|at (?:least|most|the (?:latest|earliest)|once|any time)|about|around)\b", re.IGNORECASE), " "),
    (re.compile(r"\bonce\b(?! (?:you|we|it|they|the|your|this|that)\b)", re.IGNORECASE), " "),
)  # fmt: skip
_CLAUSES = re.compile(
    r"\s*[;()]\s*|:\s+|\s+[–—]\s+|,?\s+(?:but|whereas|aber|sondern)\s+|,\s+(?:and|so|or|und|oder)\s+"
    r"|\s+(?:and|und)\s+(?=(?:we|you|it|they|is|are|can|cannot|may|must|will|has|have|do|does|wir|sie|ist|sind|kann|können)\b)",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def _english() -> Narrowing:
    return Narrowing(
        conditions=_set("if when whenever unless until till while provided providing where"),
        behind=_set(
            "for under with without within from after before during over above below between against outside except beyond once"
        ),
        opening=_set("in on at by inside through via of to into near behind along than"),
        relative=_set("who whom whose that which whoever"),
        harmless=_set("because since as so like including also rather instead especially usually plus whatever whether wherever however"),
        joins=_set("and or nor"),
        verbs=_set(
            "is are was were be been can cannot can't could may might must will would shall should has have had do does did don't "
            "doesn't isn't aren't won't costs pay pays needs gets get takes take keep keeps apply applies ends lasts last starts works "
            "goes go comes come stands stand reach reaches receives receive gives give includes include expires expire covers belongs "
            "belong runs grows grow sell accept expects become becomes remain remains stay stays cost need work"
        ),
        determiners=_set("the a an your our their its this these those every each all no any my"),
        pronouns=_set("we you it they he she i"),
        denials=_set("not no never none neither nor cannot can't don't doesn't isn't aren't won't nobody nothing"),
        small=STOPWORDS,
    )  # fmt: skip


@dataclass(slots=True)
class _Phrase:
    """A phrase of a clause: the small word that opens it ("" for what opens the clause, "," and "&"), and what it says."""

    opener: str
    said: list[str] = field(default_factory=list)
    figures: list[Fact] = field(default_factory=list)
    verb: bool = False
    leading: bool = False  # stands before the clause's verb
    conditional: bool = False  # stands inside a condition, and belongs to it
    definite: bool = False  # "the" thing, which what follows only makes out


def nothing_narrower(
    sentence: str, span: Span, owner: frozenset[str] = frozenset(), language: str | None = None
) -> bool:
    """Whether the sentence says what the statements that it repeats are limited to. CPU work.

    `owner`: the words of the company's own name, which narrows nothing on its pages. `language`: of the pages, where
    neither the sentence nor the span tells its own.
    """
    return dropped(sentence, span, owner, language) is None


def dropped(
    sentence: str, span: Span, owner: frozenset[str] = frozenset(), language: str | None = None
) -> str | None:
    """The first narrowing phrase that the sentence leaves out, for whoever asks why."""
    rules = rules_for(sentence, span.text)
    if rules is None and language and language_of(sentence) is None and language_of(span.text) is None:
        rules = next((one for one in rulebook() if one.language == language != "en"), None)
    own = rules.proof.narrowing if rules is not None and rules.proof is not None else None
    words = own or _english()
    said = _Said.of(sentence, words, abroad=own is not None, owner=owner)
    if span.row:
        return _row_narrowed(said, span, words)
    if (label := _label_dropped(said, span, words)) is not None:
        return label
    for clause in _clauses_used(said, span, words):
        if _only_names(clause, said, span, words):
            continue
        found = _narrowed(said, clause, span, words)
        if found is not None:
            return found
    return None


@dataclass(frozen=True, slots=True)
class _Said:
    """The sentence: its words, and how one of the page's words is recognised among them."""

    roots: frozenset[str]
    forms: frozenset[str]
    keys: frozenset[tuple[str, str]]
    abroad: bool
    owner: frozenset[str] = frozenset()
    text: str = ""

    @classmethod
    def of(
        cls, sentence: str, words: Narrowing, *, abroad: bool, owner: frozenset[str] = frozenset()
    ) -> "_Said":
        low = frozenset(m.group().lower() for m in _TOKEN.finditer(plain(sentence)))
        return cls(
            frozenset(surface(sentence)),
            low - words.small,
            frozenset(f.key for f in facts(sentence)),
            abroad,
            owner,
            sentence,
        )

    def has(self, word: str) -> bool:
        """Whether the sentence says this word of the page, in whichever form."""
        if self.abroad:
            return any(same_word(word, form) for form in self.forms)
        root = stem(word.removesuffix("'s"))
        return root in self.roots or alike(root, self.roots)


def same_word(one: str, other: str) -> bool:
    """For languages without a stemmer here. Forms of one word differ at their ends: a prefix of nearly all of the shorter."""
    short, long = sorted((one, other), key=len)
    if len(short) < 4:
        return short == long
    return len(long) - len(short) <= 3 and long.startswith(short[: max(4, len(short) - 2)])


def _clauses_used(said: _Said, span: Span, words: Narrowing) -> list[str]:
    """The clauses of the span that give the sentence its words, the one with most of them first."""
    left = {w for w in said.forms if _tells(w)}
    keys = set(said.keys)
    pieces = [piece for piece in _PIECES.split(span.text) if piece.strip()]
    used: list[str] = []

    wanted = frozenset(left)

    @cache
    def there(text: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        read = _Said.of(text, words, abroad=said.abroad)
        return frozenset(w for w in wanted if read.has(w)), read.keys

    def given(text: str) -> set[str]:
        return left & there(text)[0]

    def worth(text: str) -> int:
        return len(given(text)) + len(keys & there(text)[1])

    while pieces and (left or keys):
        best = max(pieces, key=worth)
        # One word that stands elsewhere as well, or a thing that is named there, makes no sentence of that other place.
        if worth(best) < (2 if used else 1) or (used and given(best) <= given(_opening_of(best))):
            break
        pieces.remove(best)
        for clause in sorted(_CLAUSES.split(best), key=lambda c: -worth(c)):
            if worth(clause) > 0:
                used.append(clause)
                left -= given(clause)
                keys -= there(clause)[1]
    return used


def _opening_of(piece: str) -> str:
    match = _OPENED.match(piece)
    return match.group() if match else ""


def _content(text: str, words: Narrowing) -> set[str]:
    return {
        low
        for m in _TOKEN.finditer(plain(text))
        if (low := m.group().lower()) not in words.small and _tells(low)
    }


def _tells(word: str) -> bool:
    """Whether the word says anything of its own."""
    return word[0].isalnum() and (stem(word) not in LIGHT or bool(_DAYS.fullmatch(word)))


def _label_dropped(said: _Said, span: Span, words: Narrowing) -> str | None:
    """The label of an entry that others stand beside: what "Flexible rate: …" says, it says of no other rate."""
    match = _LABEL.match(span.text) if span.labels else None
    if match is None or _NO_KIND.match(match[1]):
        return None
    if any(fact.kind in _ADDRESSES and fact.key in said.keys for fact in facts(span.text)):
        return None  # a number to call says itself what it is
    own = _content(match[1], words)
    own -= frozenset().union(*(_content(label, words) for label in span.labels))
    if not own or any(said.has(w) or stem(w) in span.roots_around for w in own):
        return None
    if weekdays(match[1]) & weekdays(said.text) or any(fact.key in said.keys for fact in facts(match[1])):
        return None
    body = _PIECES.split(span.text[match.end() - 1 :])[0]
    return match[1] if any(said.has(w) for w in _content(body, words)) else None


def _only_names(clause: str, said: _Said, span: Span, words: Narrowing) -> bool:
    """Whether the clause is an entry's label ("Cartridges with a valve: …") that no other entry of the passage is like."""
    if f"{clause.strip()}:" not in span.text or any(
        p.verb for p in _phrases(clause, words, abroad=said.abroad)
    ):
        return False
    named = {w for w in _content(clause, words) if said.has(w)}
    return not any(named & _content(label, words) for label in span.labels)


def _narrowed(said: _Said, clause: str, span: Span, words: Narrowing) -> str | None:
    phrases = _phrases(clause, words, abroad=said.abroad)
    often = _how_often_left_out(clause, phrases, said)
    if often is not None:
        return often
    denied = bool(_ALLOWS.search(clause)) or any(
        m.group().lower() in words.denials for m in _TOKEN.finditer(clause)
    )
    has_verb = any(p.verb for p in phrases)
    # Where to do something is said by itself; by when is another matter.
    where = orders(clause) and any(f.kind in _ADDRESSES and f.key in said.keys for f in facts(clause))
    kept = True  # what the phrase hangs on is said
    for (before, phrase), after in zip(
        pairwise([_Phrase(""), *phrases]), [*phrases[1:], _Phrase("")], strict=True
    ):
        told = _is_told(phrase, said)
        weighs = bool(phrase.figures) or any(_tells(w) for w in phrase.said)
        if phrase.verb:
            first = before.opener != "&" or bool(before.said)
            kept = told or (first and not (phrase.said and _said_later(phrases, phrase, said)))
        elif phrase.opener == "NP" and before.opener in words.conditions and not after.verb:
            # What is done under a condition is done to this: "if you cancel a yearly plan".
            if not told and not _is_above(phrase, span):
                return f"{before.opener} {' '.join((*before.said, *phrase.said))}"
        elif phrase.opener in {"", "NP"}:
            if (
                phrase.leading
                and has_verb
                and (
                    _subject_narrowed(phrase, said)
                    or _is_somebody_else(phrase, said, span)
                    or _is_a_kind_of_people(phrase, said, span)
                )
            ):
                return " ".join(phrase.said)
            everyone = bool(_YOU.match(said.text)) and all(stem(w) in _PEOPLE for w in phrase.said)
            kept = told or not weighs or everyone
        elif phrase.opener in {",", "&"} or phrase.opener in words.harmless:
            kept = (told or not (weighs or phrase.said)) and all(f.key in said.keys for f in phrase.figures)
        elif (
            phrase.opener in words.conditions
            and told
            and not _told_as_condition(phrase, phrases, said, span, words)
        ):
            return f"{phrase.opener} {' '.join(phrase.said)}"
        elif not weighs or told:
            kept = True
        elif phrase.opener in words.conditions or (
            kept and not where and _narrows(phrase, before, span, words, denied=denied)
        ):
            return f"{phrase.opener} {' '.join(phrase.said)}"
    return None


def _said_later(phrases: list[_Phrase], verb: _Phrase, said: _Said) -> bool:
    """Whether of two things that are said with "and" the sentence says the second."""
    return any(p.opener == "&" and _is_told(p, said) for p in phrases[phrases.index(verb) :])


def _narrows(phrase: _Phrase, before: _Phrase, span: Span, words: Narrowing, *, denied: bool) -> bool:
    """Whether a phrase that is left out narrows what it hangs on."""
    if phrase.opener in _PLACES and phrase.said and all(stem(w) in span.roots_around for w in phrase.said):
        return False  # where the whole page is about
    if (
        phrase.opener in words.behind
        or phrase.opener in words.relative
        or denied
        or phrase.conditional
        or any(map(_TIME.fullmatch, phrase.said))
    ):
        return True
    return phrase.leading and not (before.definite and before.opener in {"", "NP"})


def _is_told(phrase: _Phrase, said: _Said) -> bool:
    """Whether the sentence has a word of the phrase; where it has a figure, one of these."""
    figures = [f for f in phrase.figures if f.kind in _WEIGHTY or (f.kind == "number" and f.value != "1")]
    if figures and phrase.opener not in {"", "NP", ",", "&"} and not phrase.verb:
        return any(f.key in said.keys for f in figures)
    return any(said.has(w) for w in phrase.said) or any(f.key in said.keys for f in phrase.figures)


def _how_often_left_out(clause: str, phrases: list[_Phrase], said: _Said) -> str | None:
    """ "Once a year", "the same day", or "third" of "after the third failed try"."""
    if _OFTEN.search(clause) and not _OFTEN_SAID.search(said.text):
        return "how often"
    if (same := _SAME_DAY.search(clause)) and "same" not in said.text.lower():
        return same[1]
    for phrase in phrases:
        if _is_told(phrase, said) and any(w in _ORDINALS and not said.has(w) for w in phrase.said):
            return " ".join(phrase.said)
    return None


def _is_above(phrase: _Phrase, span: Span) -> bool:
    """Whether the headings say what the phrase tells."""
    return all(stem(w) in span.roots_around for w in phrase.said if _tells(w))


def _is_somebody_else(phrase: _Phrase, said: _Said, span: Span) -> bool:
    """Whether the page says it of some only, where the sentence says "you": "Owners can export"."""
    if phrase.opener or _is_told(phrase, said) or not _YOU.match(said.text):
        return False
    return any(_tells(w) and stem(w) not in _PEOPLE and stem(w) not in span.roots_around for w in phrase.said)


def _is_a_kind_of_people(phrase: _Phrase, said: _Said, span: Span) -> bool:
    """ "Agency customers can ask support to restore a file" does not say of anybody that support restores it."""
    *kinds, people = phrase.said or [""]
    return (
        not phrase.opener
        and stem(people) in _PEOPLE
        and any(_tells(w) and stem(w) not in span.roots_around for w in kinds)
        and not any(said.has(w) for w in kinds)
        and not any(w in said.owner for w in kinds)
    )


def _told_as_condition(
    phrase: _Phrase, phrases: list[_Phrase], said: _Said, span: Span, words: Narrowing
) -> bool:
    """Whether what a condition names is a condition in the sentence too, and not only something that is spoken of.

    "When the yard is full, …" is not told by "in the yard". Told is a condition whole, or where a small word opens one and
    half of it stands there.
    """
    rest = [w for other in phrases if other is not phrase for w in other.said]
    # A word that the rest has as well tells nothing of the condition: "folding bikes … if folded".
    weighty = [w for w in phrase.said if _tells(w)]
    alone = [w for w in weighty if stem(w) not in {stem(other) for other in rest}]
    told = sum(said.has(w) or stem(w) in span.roots_around for w in weighty)
    if told == len(weighty) and (alone or not weighty):
        return True
    if 2 * told < len(weighty):
        return False
    low = {m.group().lower() for m in _TOKEN.finditer(plain(said.text))}
    if low & (words.conditions | words.behind | words.relative | {"only", "nur", "by"}):
        return True
    # "Geht sie bis zum 15. ein, gilt sie …": a verb in front opens one in German.
    first = next((m.group().lower() for m in _TOKEN.finditer(said.text)), "")
    return said.abroad and "," in said.text and first not in words.small | words.determiners | words.pronouns


def _subject_narrowed(phrase: _Phrase, said: _Said) -> bool:
    """Whether a word in front of the subject's noun is left out, where the noun is not."""
    if not phrase.said:
        return any(f.kind in _WEIGHTY and f.key not in said.keys for f in phrase.figures)
    *others, noun = phrase.said
    return said.has(noun) and any(_tells(w) and not said.has(w) and w not in said.owner for w in others)


def _phrases(clause: str, words: Narrowing, *, abroad: bool) -> list[_Phrase]:
    """The clause cut at its small words, verbs and commas."""
    for pattern, plainer in _AS_ONE:
        clause = pattern.sub(plainer, clause)
    reader = _Reader(words, abroad, orders(clause))
    figures = facts(clause)
    for match in _TOKEN.finditer(plain(clause)):
        figure = next((f for f in figures if f.start <= match.start() < f.end), None)
        if figure is not None:
            reader.figure(figure)
        else:
            reader.token(match.group())
    return reader.made


class _Reader:
    """Makes phrases of tokens, one after the other."""

    def __init__(self, words: Narrowing, abroad: bool, ordered: bool) -> None:
        self.made = [_Phrase("")]
        self._words = words
        self._abroad = abroad
        self._verb_seen = ordered
        self._relative = False  # in a clause that has not had its own verb yet
        self._own_verb = False  # right behind a "who"
        self._clause_of_time = False  # right behind an "after"
        self._condition = False  # in a condition: up to the comma all belongs to it
        self._before = ""
        self._noun = False
        self._openers = words.conditions | words.behind | words.opening | words.harmless

    def figure(self, figure: Fact) -> None:
        if figure not in self.made[-1].figures:
            self.made[-1].figures.append(figure)
        self._before = "1"
        self._noun = self._abroad

    def token(self, token: str) -> None:
        low = token.lower()
        if self._is_taken(token, low):
            self._before = low
        else:
            self._read(token, low)

    def _read(self, token: str, low: str) -> None:
        words = self._words
        noun = self._abroad and token[0].isupper() and not self._is_small(low)
        if self._abroad and self._noun and not noun and low[0].isalpha() and not self._is_small(low):
            # Behind a noun, in a language that writes these with a capital: the verb.
            self._noun = False
            self._verb(low)
            self._before = low
            return
        if noun and self._noun and self.made[-1].opener not in {"", "NP"}:
            self._open("NP")  # another thing than what the small word opened
        self._noun = noun or (self._noun and not low[0].isalnum() and low != ",")
        current = self.made[-1]
        if not low[0].isalnum():
            self._relative = self._condition = False
            self._open(",")
        elif low in words.relative and self._relates(low):
            self._relative = True
            self._open(low)
            self._own_verb = low in _SUBJECTS
        elif low in words.verbs and self._before not in words.determiners | words.behind | words.opening:
            self._verb(low)
        elif low in words.joins:
            self._open("&")
        elif low == "of" and current.opener not in {"", "NP", ",", "&"} and not current.verb:
            pass  # one phrase with what it stands in: "with a piece of each size"
        elif low in self._openers and not (token[0].isupper() and self._before and not self._abroad):
            # Behind a time and a comma it only explains the time: "after 30 days, once …".
            explains = (
                low == "once" and current.opener == "," and len(self.made) > 1 and bool(self.made[-2].figures)
            )
            # "In the evening, when feet are larger": why then.
            explains |= (
                low == "when"
                and current.opener == ","
                and len(self.made) > 1
                and any(map(_TIME.fullmatch, self.made[-2].said))
            )
            self._open("because" if explains or (low == "where" and self._before == ",") else low)
            self._condition |= low in words.conditions or low == "once"
            self._clause_of_time = low in _TIMES
        elif low in words.pronouns and self._before not in words.behind | words.opening:
            self._verb("", follows=True)
        elif low in words.determiners:
            if (
                not self._verb_seen
                and (current.said or current.figures)
                and current.opener not in {"", "NP"}
                and not self._relative
            ):
                self._open("NP")
            self.made[-1].definite |= (
                low in {"the", "your", "our", "der", "die", "das"} and not self.made[-1].said
            )
        elif low not in words.small:
            current.said.append(low)
        self._before = low

    def _is_small(self, low: str) -> bool:
        words = self._words
        return (
            low
            in self._openers
            | words.joins
            | words.determiners
            | words.pronouns
            | words.denials
            | words.verbs
            | words.small
        )

    def _is_taken(self, token: str, low: str) -> bool:
        """Whether the word before, or its capital, says what this one is in English; no list has to know it."""
        if self._abroad:
            return False
        own_verb, self._own_verb = self._own_verb, False
        of_time, self._clause_of_time = self._clause_of_time, False
        if of_time and low in self._words.pronouns:
            self._condition = True  # "after we have received all documents": up to the comma one condition
            return True
        if own_verb and (low.endswith("ly") or low in _ADVERBS):
            self._own_verb = True
            return True
        # "Customers who move abroad can cancel": behind "who" stands its verb, and the next one is the clause's. A "Plus"
        # with a capital is what a plan is called.
        taken = (own_verb and low[0].isalpha() and not self._is_small(low)) or (
            low == "plus" and token[0].isupper()
        )
        if taken:
            self._relative = self._relative and not own_verb
            self.made[-1].said.append(low)
        return taken

    def _relates(self, low: str) -> bool:
        before = self._before
        if low == "whoever" or (self._abroad and before == ","):
            return True
        return before[:1].isalnum() and before not in self._words.small | self._words.verbs

    def _open(self, opener: str) -> None:
        self.made.append(_Phrase(opener, conditional=self._condition))

    def _verb(self, low: str, *, follows: bool = False) -> None:
        if self._condition:
            if self.made[-1].opener not in self._words.conditions | _TIMES | _ONCE:
                self._open(
                    "&"
                )  # "as long as everything in it is marked": the verb's words are not what is "in it"
            return
        if self._relative:
            self._relative = follows  # its own verb; the next one is the clause's
            return
        current = self.made[-1]
        if not self._verb_seen:
            self._verb_seen = True
            for phrase in self.made:
                phrase.leading = True
        if not current.verb:
            self.made.append(_Phrase("V", verb=True))
            if low and current.opener == "&" and not current.said:
                self.made[-1].said.append(low)


def _row_narrowed(said: _Said, span: Span, words: Narrowing) -> str | None:
    """A row is named by its first cell: of "Filling, one surface" both are said; of "DVDs and Blu-rays" one."""
    if not span.cells:
        return None
    name = _EXTENDED.sub("", re.sub(r"\([^()]*\)", " ", span.cells[0][1]))
    model = _MODEL.search(name)
    if model and all(said.has(w) for w in _TOKEN.findall(model.group().lower())):
        return None  # "Tent Lizum 2" is the Lizum 2
    lost: str | None = None
    for one in _OTHERS.split(name):
        left = [w for w in _content(one, words) if not said.has(w) and stem(w) not in span.roots_around]
        figures = [f for f in facts(one) if f.key not in said.keys and f.kind in _WEIGHTY]
        if not left and not figures:
            return None
        lost = " ".join(left)
    return lost
