"""The words "yes" and "no" in front of a sentence: they answer the visitor's question, and so the page alone cannot bear them.

"Can I bring my dog?" – "Yes, dogs must stay outside": each word of the statement is the page's, and the answer is wrong. So
the word in front is kept only where the statement answers that question by itself: it says all that the question asks about,
of the same people and as strongly, and is denied or not as the word in front has it. Or the page has been asked the same
question, and opens its answer with the same word. Else the statement stands without it: true, and no answer is made of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from minidesk.answering.alike import alike
from minidesk.answering.facts import plain
from minidesk.answering.force import clauses_of, denied
from minidesk.answering.narrowing import same_word
from minidesk.answering.rulebook import AnswerWords, rulebook
from minidesk.text.language import language_of
from minidesk.text.words import STOPWORDS, stem, words

_QUESTION = re.compile(r"[^?]*\?+|[^?]+$")
_WORD = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_FIGURE = re.compile(r"(?:(\S+)\s+)?(\S*\d\S*)")
_LONGEST = 600  # characters of a question that one word can answer; whoever writes more asks more
_SAID_SO = re.compile(r"\b(?:yes|ja|nein)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opened:
    """A sentence, and the word of consent or denial that stood in front of it."""

    rest: str
    word: str = ""  # as it was written, with the space behind it; empty where there is none
    yes: bool = True
    soft: bool = False  # "of course" is a courtesy too, where nothing was asked with yes or no


def opened(sentence: str) -> Opened:
    """`sentence` without its "Yes," or "No,", in any language that has a rule file. CPU work of some 20 µs."""
    front = Opened(sentence)
    while (more := _once(front.rest)) is not None:
        # "Good news: yes, …" is no courtesy.
        soft = more.soft and (front.soft or not front.word)
        yes = front.yes if more.soft and front.word else more.yes
        front = Opened(more.rest, front.word + more.word, yes, soft)
    open_mark = "**" if front.word.count("**") % 2 else ""  # "**Yes, you can** …"
    return replace(front, rest=open_mark + front.rest) if open_mark else front


def _once(sentence: str) -> Opened | None:
    for own in _answers():
        for pattern, yes, soft in ((own.yes, True, False), (own.no, False, False), (own.soft, True, True)):
            match = pattern.match(sentence) if pattern is not None else None
            if match is None or not match.group():
                continue
            rest = sentence[match.end() :]
            if rest.strip(" *_.!") and not rest[0].isdigit():  # "No. 3"
                return Opened(rest, match.group(), yes, soft)
    return None


def begun(rest: str) -> str:
    """What stood behind the word in front, as a sentence of its own."""
    match = _WORD.search(rest)
    if match is None or not match.group().islower() or re.match(r"\w*[-.@/]\w", rest[match.start() :]):
        return rest  # "iPhone", an address
    at = match.start()
    return f"{rest[:at]}{rest[at].upper()}{rest[at + 1 :]}"


def says_so(sentence: str, there: str) -> bool:
    """Whether a "yes" that stands elsewhere than in front ("…, so yes.") is the page's."""
    found = {match.group().lower() for match in _SAID_SO.finditer(sentence)}
    return found <= {match.group().lower() for match in _SAID_SO.finditer(there)}


def stays(before: Opened, question: str, asked_there: str, there: str, pages: str | None) -> bool:
    """Whether the word in front of a proved statement answers `question`.

    `asked_there`, `there`: the question that the page itself is an answer to, "" for none, and that answer. `pages`: the
    language of the pages, where no text tells. CPU work.
    """
    if not question.strip() or len(question) > _LONGEST:
        return False
    own = _words_of(question, before.rest, pages)
    if own is None or own.whether is None:
        return False
    asked = [each.strip() for each in _QUESTION.findall(plain(question)) if each.strip()]
    whether = [each for each in asked if own.whether.search(each.lower())]
    if not whether:
        return before.soft
    if len(whether) != 1 or len([each for each in asked if each.endswith("?")]) > 1:
        return False
    one = _Asked.of(whether[0], own)
    return one.plain and (one.answered_by(before) or one.asked_by(asked_there, there, before))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one yes-no question asks about."""

    text: str
    own: AnswerWords
    about: tuple[str, ...]  # its words that a plain answer says again, in their order

    @classmethod
    def of(cls, text: str, own: AnswerWords) -> "_Asked":
        passed = own.carrying | own.filling
        if own.language == "en":
            passed |= STOPWORDS
        low = [word.removesuffix("'s") for word in words(text)]
        return cls(text.lower(), own, tuple(word for word in low if word not in passed))

    @property
    def plain(self) -> bool:
        """Whether one word can answer it: nothing to choose from, nothing denied, and something that is asked about."""
        own = self.own
        return bool(self.about) and not own.choice.search(self.text) and not own.denial.search(self.text)

    def answered_by(self, before: Opened) -> bool:
        """Whether the statement answers it by itself, and so."""
        said = plain(before.rest)
        return (
            self._told_in(said)
            and self._same_people(said)
            and self._as_strong(said)
            and self._of_the_same(said)
            and self._denied(said) == (not before.yes)
        )

    def asked_by(self, heading: str, answer: str, before: Opened) -> bool:
        """Whether the page was asked the same, and opens its answer with the same word."""
        there = opened(answer)
        if not there.word or there.soft or there.yes != before.yes:
            return False
        other = _Asked.of(heading, self.own)
        return (
            other.plain
            and self._told_in(heading)
            and other._told_in(self.text)
            and all(
                bool(p.search(self.text)) == bool(p.search(other.text)) for p in (self.own.must, self.own.may)
            )
        )

    def _told_in(self, said: str) -> bool:
        """All that is asked about is said; "after", "without", "all" and figures where and as they were asked."""
        low = [word.removesuffix("'s") for word in words(said)]
        forms, bare = _Forms.of(low, self.own), frozenset(low)
        if not all(forms.has(word) for word in self.about):
            return False
        own = frozenset(words(self.text))
        if not (own & (self.own.turning | self.own.strict)) <= bare:
            return False
        figures = {(m[1] or "", m[2].rstrip(".,?!")) for m in _FIGURE.finditer(said.lower())}
        if any((m[1] or "", m[2].rstrip(".,?!")) not in figures for m in _FIGURE.finditer(self.text)):
            return False
        return not own & self.own.compares or self._in_order(low)

    def _in_order(self, low: list[str]) -> bool:
        """ "Is A cheaper than B?" is not answered by "B is cheaper than A"."""
        places = [
            next((i for i, w in enumerate(low) if same_as(word, w, self.own)), -1) for word in self.about
        ]
        return places == sorted(places)

    def _same_people(self, said: str) -> bool:
        """Who is "you" in a question is "we" in its answer, and the other way round."""
        own = self.own
        asked, told = own.asked_of.search(self.text), own.said_of.search(said.lower())
        if asked is None or told is None:
            return True
        return (asked.group("visitor") is not None) == (told.group("visitor") is not None)

    def _as_strong(self, said: str) -> bool:
        low, own = said.lower(), self.own
        if own.must.search(self.text):
            return bool(own.must.search(low))
        # Who has to, need not be free to; and what happens sometimes is not said with a yes.
        return not own.must.search(low) and (bool(own.unsure.search(self.text)) or not own.unsure.search(low))

    def _of_the_same(self, said: str) -> bool:
        """Not of some kind of it: who asks about dogs is not answered with guide dogs."""
        own = self.own
        passed = own.filling | own.carrying | own.strict | own.turning | STOPWORDS
        return all(
            not before or before in passed or own.denial.search(before) or self._asks_about(before)
            for before, word in _beside(said)
            if self._asks_about(word)
        )

    def _asks_about(self, word: str) -> bool:
        return any(same_as(mine, word, self.own) for mine in self.about)

    def _denied(self, said: str) -> bool | None:
        """Whether the clauses that speak of it deny it; None where one does and another does not."""
        if self.own.language == "en":
            clauses = clauses_of(said)
            held = [c for c in clauses if self._shared(c)] or clauses
            ways = {denied(clause) for clause in held}
        else:
            ways = {len(self.own.denial.findall(said.lower())) % 2 == 1}
        return ways.pop() if len(ways) == 1 else None

    def _shared(self, clause: str) -> bool:
        forms = _Forms.of(words(clause), self.own)
        return any(forms.has(word) for word in self.about)


@dataclass(frozen=True, slots=True)
class _Forms:
    """The words of a text, and how another text's word is recognised among them."""

    low: frozenset[str]
    own: AnswerWords

    @classmethod
    def of(cls, low: list[str], own: AnswerWords) -> "_Forms":
        return cls(frozenset(low), own)

    def has(self, word: str) -> bool:
        return any(same_as(word, other, self.own) for other in self.low)


def same_as(word: str, other: str, own: AnswerWords) -> bool:
    """Whether two words of one language are forms of one, or say the same."""
    if own.language != "en":
        return same_word(word, other)
    return stem(word) == stem(other) or alike(stem(word), frozenset([stem(other)]))


def _beside(said: str) -> Iterator[tuple[str, str]]:
    """Each word with the one before it; "" where a comma or the like stands between them."""
    last, end = "", 0
    for match in _WORD.finditer(said):
        word = match.group().lower().replace("’", "'").removesuffix("'s")
        yield (last if not said[end : match.start()].strip(" *_`\"'“”") else ""), word
        last, end = word, match.end()


def _words_of(question: str, said: str, pages: str | None) -> AnswerWords | None:
    """The words of the language that is spoken."""
    language = language_of(question) or language_of(said) or pages or "en"
    return next((own for own in _answers() if own.language == language), None)


@lru_cache(maxsize=1)
def _answers() -> tuple[AnswerWords, ...]:
    return tuple(rules.answers for rules in rulebook() if rules.answers is not None)
