"""A follow-up made whole: "and for shoes?" after "How long is the guarantee on tents?".

Rules of English, strongest first: (1) a message that stands on its own is left alone; (2) one that names only a
new thing ("and to Switzerland?", "what about stoves?") is the last question with that thing in the old one's
place, or beside it; (3) one that leans on a pronoun, a bare verb or "there" takes the topic of the last question along.
The result is for search and for choosing sentences, so word order matters less than words.
"""

import re
from collections.abc import Sequence

from minidesk.answering.asks import Ask, Term, brief, read
from minidesk.answering.followup_abroad import core_of, leans_abroad, rewrite_abroad, with_topic, words_of
from minidesk.answering.outcome import Turn
from minidesk.answering.picked import picked
from minidesk.answering.smalltalk import smalltalk
from minidesk.text.words import STOPWORDS, stem, words

_OPENER = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|thanks|thank you|great|good|hmm?|so|yes|no|right|alright|cool|well|then|but|sorry)\W+)*",
    re.IGNORECASE,
)
_WHAT_ABOUT = re.compile(
    r"^(?:and\s+)?(?:(?:what|how)(?:'s|\s+is)?\s+about|what\s+if\s+it(?:'s|\s+is))\s+(?P<thing>.+)$|^same\s+(?:for|with)\s+(?P<other>.+)$",
    re.IGNORECASE,
)
_AND = re.compile(r"^(?:and|or|but|also|plus)\s+(?P<thing>.+)$", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"^(?:to|for|in|from|with|at|on|by|of|into|without|during|after|before|as|via|near|if)\b", re.IGNORECASE
)
_VERB = re.compile(
    r"\b(?:is|are|am|was|were|do|does|did|can|could|may|might|will|would|shall|should|must|has|have|had|isn't|aren't|don't|doesn't|can't|won't|"
    r"how|when|where|why|who|what|which|whose|whats|cost|costs|take|takes|work|works|need|get|pay|send|return)\b", re.IGNORECASE)  # fmt: skip
_LEANING = re.compile(
    r"\b(?:it|its|that|those|these|they|them|their|this|he|she|him|her|mine|yours|there|then|one|ones|such|both|either|instead|else|too|as well|same|other|"
    r"the (?:rest|other|first|second|smaller|bigger|larger|cheaper|longer|synthetic|latter|former))\b", re.IGNORECASE)  # fmt: skip
# "that" and "there" that lean on nothing: "the order that I placed", "is there a …", "I heard that …".
_NOT_LEANING = re.compile(
    r"\bis there\b|\bare there\b|\bthere(?:'s| is| are)\b|\b(?:that|which) (?:i|we|you|he|she|it|they|was|were|has|have|is|are|my|the)\b|\bso that\b|"
    r"\bthis (?:year|week|month|morning|evening|site|shop|page|chat|weekend|summer|winter)\b|\bthese days\b|\bone (?:of|day|week|month|year|more|time|person|or)\b|"
    r"\bno one\b|\b(?:buy|order|got|have|bought|ordered) (?:\w+ )+(?:and|but) .*\b(?:it|them)\b|\bis it (?:possible|true|ok|allowed|safe)\b|\bit says\b|\bthe same day\b", re.IGNORECASE)  # fmt: skip
_KEEP_TERMS = 7
_PARTS = re.compile(r"[,/&]|\s(?:and|or)\s")
_ROW = re.compile(r"(?P<name>[^\W\d_][^\n:–]{1,39}) – [^\n]*\Z")
# A question that leans on nothing and has so many words of its own is about what it says.
_ENOUGH = 3


def rewrite(question: str, history: Sequence[Turn]) -> str:
    """`question` as it would be asked without a history; unchanged where it stands on its own."""
    last = last_question(history)
    if last is None or brief(question) != question:
        return question  # whoever writes at such length says what it is about
    if (choice := picked(question, history)) is not None:
        return _about(last, choice)
    if (abroad := words_of(question, last)) is not None:
        return rewrite_abroad(question, last, abroad)
    bare = _OPENER.sub("", question).strip()
    core = bare.rstrip("?!. ").strip()
    if not core:
        return question
    about = _WHAT_ABOUT.match(core)
    if about:
        thing = about["thing"] or about["other"]
        return question if _self_contained(thing) else _swap(last, thing)
    led = _AND.match(core)
    rest = led["thing"] if led else core
    if not _VERB.search(rest) and (led or _PREPOSITION.match(rest) or len(rest.split()) <= 3):
        return _swap(last, rest) if led or _PREPOSITION.match(rest) or _is_fragment(rest) else question
    if leans(rest) or (led and len(_content(rest)) <= 3) or not _content(rest):
        return _with_topic(rest, last, history)
    return question


def candidates(question: str, history: Sequence[Turn]) -> tuple[str, ...]:
    """The ways to read `question`, likeliest first: made whole by `rewrite`, with the last topic beside it, alone.

    Rules cannot always tell ("and the deposit?", "up to how tall?"); what the pages hold can: the caller asks them.
    One reading only, where the question needs no history.
    """
    whole = rewrite(question, history)
    last = last_question(history)
    if last is None or picked(question, history) is not None:
        return (whole,)
    if (abroad := words_of(question, last)) is not None:
        if whole == question and not leans_abroad(question) and len(_content(question)) >= _ENOUGH:
            return (whole,)
        return tuple(dict.fromkeys([whole, with_topic(core_of(question, abroad), last)]))
    core = _core(question)
    if not core or (whole == question and len(_content(core)) >= _ENOUGH and not leans(core)):
        return (whole,)
    alone = [core] if _content(core) and not leans(core) and _VERB.search(core) else []
    return tuple(dict.fromkeys([whole, _with_topic(core, last, history), *alone]))


def _core(question: str) -> str:
    """The message without what opens it ("ok, and …") and what ends it."""
    bare = _OPENER.sub("", question).strip().rstrip("?!. ").strip()
    led = _AND.match(bare)
    return str(led["thing"]) if led else bare


def last_question(history: Sequence[Turn]) -> str | None:
    """The visitor's last question, itself made whole by the turns before it; None if there is none."""
    for position in range(len(history) - 1, -1, -1):
        turn = history[position]
        if turn.role == "visitor" and smalltalk(turn.text) is None and words(turn.text):
            return rewrite(brief(turn.text), history[:position][-6:])
    return None


def _before_last(history: Sequence[Turn]) -> str | None:
    """The visitor's last question but one, as it was asked."""
    asked = [turn.text for turn in history if turn.role == "visitor" and smalltalk(turn.text) is None]
    return asked[-2] if len(asked) >= 2 else None


def _content(text: str) -> list[Term]:
    return [term for term in read(text).terms if term.weight >= 1.0]


def _self_contained(thing: str) -> bool:
    """ "What about the deposit for a rented tent if it rains?" needs no history."""
    return len(_content(thing)) >= 4 and not leans(thing)


def _is_fragment(rest: str) -> bool:
    return len(_content(rest)) <= 2 and rest[:1].islower()


def leans(text: str) -> bool:
    """True if the message points to something that it does not name: "it", "there", "the other one"."""
    return bool(_LEANING.search(_NOT_LEANING.sub(" ", text))) or leans_abroad(text)


def _about(last: str, choice: str) -> str:
    """The last question, about what was chosen; a choice that is a question itself is what is asked now."""
    return choice if choice.endswith("?") else f"{last.rstrip('?!. ')} ({choice.rstrip('…')})?"


def _swap(last: str, thing: str) -> str:
    """The last question about `thing`: in the place of what it replaces, else beside it."""
    asked = last.rstrip("?!. ")
    bare = re.sub(r"^(?:the|a|an|my|your|one)\s+", "", thing, flags=re.IGNORECASE)
    preposition = _PREPOSITION.match(thing)
    if preposition:
        return _swap_phrase(asked, thing, preposition.group().lower())
    target = _replaced(read(asked), bare)
    if target is not None:
        return f"{asked[: target[0]]}{bare}{asked[target[1] :]}?"
    return f"{asked}, {thing}?"


def _swap_phrase(asked: str, thing: str, word: str) -> str:
    """ "to Switzerland" takes the place of "to Austria", "from 10k" of the figure, "for shoes" of the last phrase."""
    place = re.search(
        rf"\b{word}\s+(?:the\s+|a\s+|an\s+|my\s+)?(?:[€$£]?\d[\d.,]*(?:\s?(?:kg|g|cm|mm|m|km|l|litres?|days?|weeks?|months?|years?|euros?|dollars?|pounds?|people|persons?)\b)?|[\w'-]+(?:\s+[A-Z][\w'-]*|\s+\d+\b)*)",
        asked,
    )
    if place and place.start() > 0:
        return f"{asked[: place.start()]}{thing}{asked[place.end() :]}?"
    rest = thing[len(word) :].strip()
    target = (
        _replaced(read(asked), rest)
        if re.search(r"\d", rest) or word in {"for", "with", "of", "about"}
        else None
    )
    return f"{asked[: target[0]]}{rest}{asked[target[1] :]}?" if target else f"{asked} {thing}?"


def _replaced(last: Ask, thing: str) -> tuple[int, int] | None:
    """Where in the last question the old thing stands: a name for a name, a figure for a figure, else its last noun phrase."""
    text = last.text
    if re.search(r"\d", thing):
        figures = list(
            re.finditer(
                r"[€$£]?\d[\d.,]*\s?(?:k|euros?|dollars?|kg|g|cm|l|days?|weeks?)?\b", text, re.IGNORECASE
            )
        )
        if figures and not re.search(r"[A-Za-z]{3,}", thing):
            return figures[-1].span()
    named = [term for term in last.terms if term.named]
    if named and (thing[:1].isupper() or len(_content(thing)) == 1):
        found = re.search(rf"\b(?i:{re.escape(named[-1].word)})\b(?:\s+(?:\d+\b|[A-Z][\w-]*))*", text)
        if found and (thing[:1].isupper() or thing.lower() == thing):
            return found.span()
    if thing[:1].isupper():
        return None  # a name does not take a common noun's place: "guarantee on tents", "and Switzerland?"
    phrase = list(
        re.finditer(
            r"\b(?:on|for|of|in|with|about)\s+(?:the\s+|a\s+|an\s+|my\s+|your\s+)?(?P<noun>[\w'-]+(?:\s[\w'-]+)?)$",
            text,
            re.IGNORECASE,
        )
    )
    return phrase[-1].span("noun") if phrase else None


def _with_topic(rest: str, last: str, history: Sequence[Turn]) -> str:
    """The new question with the topic of the last one beside it; what the new one asks replaces what the old one asked."""
    new = {t.stem for t in read(rest).terms}
    asked = read(last)
    shaped = {
        "much",
        "many",
        "long",
        "cost",
        "price",
        "heavi",
        "weigh",
        "open",
        "expir",
        "big",
        "old",
        "high",
        "larg",
        "when",
        "where",
    }
    keep = [
        t for t in asked.terms if t.stem not in new and t.stem not in shaped and (t.weight >= 1.0 or t.named)
    ]
    topic = _phrase(last, keep[:_KEEP_TERMS])
    # What was made whole has taken what it needs from the questions before it, and has put something in another's place.
    if len(keep) <= 2 and (earlier := _before_last(history)) and _as_asked(last, history):
        known = new | {t.stem for t in keep} | shaped
        wider = [t for t in read(earlier).terms if t.stem not in known and t.weight >= 1.0]
        topic = " ".join(filter(None, [topic, _phrase(earlier, wider[:2])]))
    topic = " ".join(filter(None, [topic, _told_of(history, topic)]))
    if not topic and history and history[-1].role != "visitor":
        topic = " ".join(t.word for t in _content(history[-1].text)[:4])
    return f"{rest.rstrip('?!. ')} ({topic})?" if topic else f"{rest.rstrip('?!. ')}?"


def _as_asked(last: str, history: Sequence[Turn]) -> bool:
    return any(turn.role == "visitor" and turn.text.strip() == last.strip() for turn in history)


def _told_of(history: Sequence[Turn], topic: str) -> str:
    """The name of the one row that the last answer was ("Lizum 3 – Price: €459."): "how much is it?" asks of that."""
    last = history[-1] if history else None
    row = _ROW.match(last.text) if last is not None and last.role == "assistant" else None
    if row is None:
        return ""
    known = {stem(word) for word in words(topic)}
    named = [{stem(word) for word in words(part)} for part in _PARTS.split(row["name"])]
    return "" if any(part <= known for part in named) else row["name"]


def _phrase(text: str, terms: Sequence[Term]) -> str:
    """The kept words as they stand in the last question, in its order, with figures that belong to a name ("Lizum 2")."""
    stems = {t.stem for t in terms}
    kept: list[str] = []
    for word in re.findall(r"[\w€$£'’.+-]+", text):
        low = word.lower().strip(".'’-").removesuffix("'s")
        if stem(low) in stems or (kept and low.isdigit() and low not in STOPWORDS):
            kept.append(word.strip(".'’-"))
    return " ".join(kept)
