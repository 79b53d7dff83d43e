"""Follow-ups made whole in languages that `followup.py` has no code for: their words come from the files in `rules/`.

Two moves only. "Und für Schuhe?" is the last question with the new thing in the old one's place; "Was kostet das?" takes
the topic of the last question along. Nouns are told by their capital, which German writes and chats mostly keep.
"""

import re

from minidesk.answering.asks import Term, read
from minidesk.answering.rulebook import FollowUpWords, rules_for

_NOUN = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-ZÄÖÜ][\wäöüß-]+|\b\d[\d.,]*(?:\s?(?:kg|g|cm|l|Euro|€))?")
_ARTICLES = r"(?:(?:der|die|das|den|dem|des|ein|eine|einen|einem|einer|mein\w*|ihr\w*|euer\w*|eure\w*)\s+)?"
_ENDS = "?!. "
_FEW = 4  # words up to which a message without a verb is a fragment of a question
_TOPIC = 4  # nouns of the last question that go along


def words_of(question: str, last: str) -> FollowUpWords | None:
    """The rules for this message after that question; None where `followup.py` knows the language."""
    rules = rules_for(question, last)
    return None if rules is None else rules.followup


def leans_abroad(text: str) -> bool:
    """Whether the message points to something that it does not name."""
    words = words_of(text, text)
    return words is not None and bool(words.leaning.search(words.not_leaning.sub(" ", text)))


def rewrite_abroad(question: str, last: str, words: FollowUpWords) -> str:
    """`question` as it would be asked without `last`; unchanged where it stands on its own."""
    core = core_of(question, words)
    if not core:
        return question
    about = words.about.match(core)
    if about:
        return _swap(last, about["thing"], words)
    led = words.and_.match(core)
    rest = str(led["thing"]) if led else core
    short = len(rest.split()) <= _FEW
    if (
        not words.verb.search(rest)
        and short
        and (led or words.preposition.match(rest) or len(rest.split()) <= 2)
    ):
        return _swap(last, rest, words)
    if leans_abroad(rest) or (led and not _NOUN.search(f" {rest}")) or not _own_words(rest):
        return with_topic(rest, last)
    return question


def core_of(question: str, words: FollowUpWords) -> str:
    """The message without what opens and ends it."""
    return words.opener.sub("", question).strip().rstrip(_ENDS).strip()


def with_topic(rest: str, last: str) -> str:
    """The new question with the nouns of the last one beside it."""
    rules = rules_for(rest, last)
    known = set(rest.lower().split()) | (rules.asks.stop if rules and rules.asks else frozenset())
    # Nouns say what it is about; where there are none, whatever else does ("darf ich danach rauchen?").
    said = _NOUN.findall(last) or [term.word for term in _own_words(last)]
    nouns = [word for word in said if word.lower() not in known]
    topic = " ".join(dict.fromkeys(nouns[:_TOPIC]))
    return f"{rest.rstrip(_ENDS)} ({topic})?" if topic else f"{rest.rstrip(_ENDS)}?"


def _own_words(text: str) -> list[Term]:
    return [term for term in read(text).terms if term.weight >= 1.0]


def _swap(last: str, thing: str, words: FollowUpWords) -> str:
    """The last question about `thing`: behind the same preposition, else for its last noun, else beside it."""
    asked = last.rstrip(_ENDS)
    lead = words.preposition.match(thing)
    if lead:
        place = re.search(
            rf"\b{re.escape(lead.group())}\s+{_ARTICLES}(?:\d[\d.,]*\s?\w+|[\w-]+)", asked, re.IGNORECASE
        )
        if place is None:
            place = _last_phrase(asked, words)
        return f"{asked[: place.start()]}{thing}{asked[place.end() :]}?" if place else f"{asked} {thing}?"
    phrase = _last_phrase(asked, words)
    if phrase is not None:
        # "auf Zelte" keeps its preposition: only the thing behind it changes.
        first, _, _ = phrase.group().partition(" ")
        return f"{asked[: phrase.start()]}{first} {thing}{asked[phrase.end() :]}?"
    nouns = list(_NOUN.finditer(asked))
    if not nouns:
        return f"{asked} ({thing})?"
    return f"{asked[: nouns[-1].start()]}{thing}{asked[nouns[-1].end() :]}?"


def _last_phrase(asked: str, words: FollowUpWords) -> re.Match[str] | None:
    """The last preposition with its noun or figure."""
    names = words.preposition.pattern.removeprefix("^").removesuffix(r"\b")
    found = list(re.finditer(rf"\b(?i:{names})\s+{_ARTICLES}(?:\d[\d.,]*\s?\w+|[A-ZÄÖÜ][\wäöüß-]+)", asked))
    return found[-1] if found else None
