"""Topics that a site always gives to a person: by their words, and by likeness to the owner's own examples.

A topic is one line of the site's settings: `Legal: lawyer; court; I will take legal action against you`. What stands
before a colon is its name; the rest are words or whole sentences, a semicolon between two. Words count where they stand
near each other in the message, in any order and in any of their forms. Of "someone was hurt by your product" only what
happened counts, not to whom or by what. A word, and a sentence, also count where the message says nearly the same.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from minidesk.answering.rank import Embed, Vectors
from minidesk.answering.rulebook import rulebook
from minidesk.text.language import language_of
from minidesk.text.words import STOPWORDS, stem_in, words

# Cosine of a message with an example. Of 42 messages on eight topics whose words are others (tests/answering/topics.jsonl)
# 0.50 hears 30, 0.55 hears 25 and 0.45 hears 34; of 320 ordinary ones 6, 4 and 15 are as near, and four of the six are
# indeed about the topic ("my account was hacked"). A missed one breaks the owner's rule, a wrong one costs a person a
# minute: so not higher. Below it everyday questions about prices and payment come in.
NEAR = 0.50
# Cosine of a word with an example of one word: an attorney and a solicitor are .89 and .66 near a lawyer, a reporter .79
# near a journalist. Of the 700 words of 300 ordinary messages four are as near one of twenty such examples.
SAME_WORD = 0.65
# So many words make an example a sentence; the vector of one or two words lies near everything.
_SENTENCE = 3
# "What about stoves?" says too little of its own to be like anything.
_SAYS_SOMETHING = 4
_LONGEST = 300  # characters; a longer message is about several things, and its vector is a mixture
_BETWEEN = 3  # other words that may stand among the words of a phrase
# Whoever it happened to, and whatever of ours it was: in an example sentence they stand for anybody and anything.
_ANYBODY = frozenset(
    """someone somebody anyone anybody everyone person people something anything product products item items thing things stuff equipment
    company shop store business use using used jemand jemanden irgendwer irgendjemand man person leute kunde kunden etwas produkt produkte produkts
    produkten artikel ware waren sache sachen ding firma shop laden geschäft benutzen verwenden wurde wurden worden werden""".split()  # noqa: SIM905 (a list of strings cannot be read)
)
_HAPPENED = r"(?:was|were|is|are|am|be|been|being|get|gets|got|gotten|getting|i'm|he's|she's|they're)(?: (?:\w+ly|so|just|also|nearly|almost|very))?"
_GESCHEHEN = re.compile(r"\b(?:wurde[nt]?|worden|bin|ist|sind|hat|habe|haben|hab|sich|mich)\b")
# Endings of German words, the longest first; a root has at least four letters.
_GERMAN_ENDINGS = ("test", "ten", "tet", "end", "ern", "est", "et", "te", "en", "em", "er", "es", "st", "e", "n", "t", "s")  # fmt: skip
_ROOT = 4
# Of verbs that complaints are made of; the stemmer knows endings only.
_FORMS = {
    "take": "took taken", "break": "broke broken", "steal": "stole stolen", "burn": "burnt", "bite": "bit bitten", "fall": "fell fallen",
    "pay": "paid", "buy": "bought", "sell": "sold", "lose": "lost", "give": "gave given", "write": "wrote written", "speak": "spoke spoken",
    "send": "sent", "sting": "stung", "bleed": "bled", "tear": "tore torn", "catch": "caught", "freeze": "froze frozen", "drive": "drove driven",
}  # fmt: skip
_IRREGULAR = {form: verb for verb, forms in _FORMS.items() for form in forms.split()}
# A comma counts as two words between, the end of a sentence as more than may stand between any.
_PAUSE = re.compile(r"([.!?;:\n]+(?=\s|$)|[,–](?=\s))")
_PAUSES = {",": 2, "–": 2} | dict.fromkeys(".!?;:", 12)
_UMLAUTS = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss"})
_WORD_CHARS = 3


@dataclass(frozen=True, slots=True)
class Caught:
    """Why a message goes to a person. `near`: 1 for words, else the cosine with `example`."""

    topic: str
    example: str
    by: Literal["words", "likeness"]
    near: float = 1.0


@dataclass(frozen=True, slots=True)
class _Topic:
    name: str
    phrases: tuple[
        tuple[str, tuple[str, ...]], ...
    ]  # as written, and the keys of the words that must be near each other
    happened: tuple[tuple[str, str], ...]  # as written, and the key of what was done to somebody
    single: tuple[str, ...]  # examples of one word
    sentences: tuple[str, ...]


def named(line: str) -> str:
    """The name of a topic: what stands before its colon, else its first words."""
    return _read(line, None).name


def caught_by_words(text: str, topics: Sequence[str]) -> Caught | None:
    """The first topic whose words stand in the message. CPU work of a few milliseconds at most."""
    if not topics:
        return None
    language = language_of(text)
    said = _said(text, language)
    places: dict[str, list[int]] = {}
    for place, key in enumerate(said):
        places.setdefault(key, []).append(place)
    for topic in (_read(line, language) for line in topics):
        for written, phrase in topic.phrases:
            if _near_each_other(phrase, said, places):
                return Caught(topic.name, written, "words")
        for written, key in topic.happened:
            if key in places and _was_done(text, key, language):
                return Caught(topic.name, written, "words")
    return None


def _near_each_other(phrase: Sequence[str], said: Sequence[str], places: Mapping[str, Sequence[int]]) -> bool:
    if not all(key in places for key in phrase):
        return False
    rarest = min(phrase, key=lambda key: len(places[key]))
    reach = len(phrase) + _BETWEEN if len(phrase) > 1 else 1
    wanted = sorted(phrase)
    for place in places[rarest]:
        for start in range(max(0, place - reach + 1), place + 1):
            window = list(said[start : start + reach])
            if all(window.count(key) >= wanted.count(key) for key in wanted):
                return True
    return False


def _was_done(text: str, key: str, language: str | None) -> bool:
    """Whether it is told as something that happened to somebody: "got hurt", "wurde verletzt"; boots may hurt, too."""
    low = " ".join(words(text))
    if language == "de":
        return _GESCHEHEN.search(low) is not None
    return any(_key(match[1], language) == key for match in re.finditer(rf"\b{_HAPPENED} (\w+)", low))


class Topics:
    """Holds what comparing needs. `embed` gives L2-normalised rows; hand in one that remembers."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    async def caught(self, text: str, topics: Sequence[str], vector: Vectors | None = None) -> Caught | None:
        """The topic of a message, by words or else by likeness. `vector`: of `text`, where it is known."""
        if (found := caught_by_words(text, topics)) is not None:
            return found
        if len(text) > _LONGEST:
            return None
        read = [_read(line, None) for line in topics]
        if (found := await self._same_word(text, read)) is not None:
            return found
        examples = [(topic.name, sentence) for topic in read for sentence in topic.sentences]
        if not examples or len(words(text)) < _SAYS_SOMETHING:
            return None
        rows = await self._embed([sentence for _, sentence in examples])
        own = vector if vector is not None else (await self._embed([text]))[0]
        cosines = np.asarray(rows @ own)
        best = int(cosines.argmax())
        if cosines[best] < NEAR:
            return None
        name, sentence = examples[best]
        return Caught(name, sentence, "likeness", round(float(cosines[best]), 2))

    async def _same_word(self, text: str, topics: Sequence[_Topic]) -> Caught | None:
        """A word of the message that means the same as an example of one word."""
        examples = [(topic.name, word) for topic in topics for word in topic.single]
        # The model was made for English: words of other languages are near each other by their letters.
        if not examples or language_of(text) not in ("en", None):
            return None
        said = [word for word in dict.fromkeys(words(text)) if word not in STOPWORDS and word.isascii()]
        said = [word for word in said if word.isalpha() and len(word) >= _WORD_CHARS]
        if not said:
            return None
        rows = await self._embed([*(word for _, word in examples), *said])
        cosines = np.asarray(rows[: len(examples)] @ rows[len(examples) :].T)
        best = int(cosines.max(axis=1).argmax())
        near = float(cosines[best].max())
        return None if near < SAME_WORD else Caught(*examples[best], "likeness", round(near, 2))


@lru_cache(maxsize=1024)
def _read(line: str, language: str | None) -> _Topic:
    """A topic's line, its words as they are held against a message in this language."""
    head, colon, rest = line.partition(":")
    parts = [part.strip() for part in (rest if colon else line).split(";") if part.strip()]
    phrases: list[tuple[str, tuple[str, ...]]] = []
    happened: list[tuple[str, str]] = []
    for part in parts:
        sentence = len(words(part)) >= _SENTENCE
        keys = tuple(_keys(part, language))
        own = tuple(_keys(part, language, without=_ANYBODY)) if sentence else keys
        if sentence and len(own) == 1 and len(keys) > 1 and _was_done(part, own[0], language_of(part)):
            happened.append((part, own[0]))
        # "Can we get a quote?" says one word, and that one would stand in many a message.
        if keys and (len(keys) > 1 or not sentence):
            phrases.append((part, own if len(own) > 1 else keys))
    return _Topic(
        head.strip() if colon else (parts[0] if parts else line).strip(),
        tuple(phrases),
        tuple(happened),
        tuple(part for part in parts if part.isascii() and part.isalpha() and len(part) >= _WORD_CHARS),
        tuple(part for part in parts if len(words(part)) >= _SENTENCE),
    )


def _said(text: str, language: str | None) -> list[str]:
    """The keys of a message, with empty places where it pauses: what a full stop parts does not belong together."""
    found: list[str] = []
    for piece in _PAUSE.split(text):
        pause = _PAUSES.get(piece.strip()[:1])
        found.extend([""] * pause if pause else _keys(piece, language))
    return found


def _keys(text: str, language: str | None, without: frozenset[str] = frozenset()) -> list[str]:
    """Keys of the words that say something, "not" among them: an order without function words."""
    small = _small_words() if language == "de" else STOPWORDS
    bare = (word.removesuffix("'s") for word in words(text) if word not in small and word not in without)
    return [_key(word, language) for word in bare]


@lru_cache(maxsize=1)
def _small_words() -> frozenset[str]:
    """German and English ones: an owner's example may be in either."""
    german = next(
        (rules.asks.stop for rules in rulebook() if rules.language == "de" and rules.asks), frozenset[str]()
    )
    return (
        STOPWORDS | german | {"habt", "seid", "wurde", "wurden", "worden", "eure", "euren", "eurem", "eures"}
    )


def _key(word: str, language: str | None) -> str:
    """What all forms of a word have in common, in the language of the message."""
    if language == "de":
        return _german_root(word)
    return stem_in(_IRREGULAR.get(word, word), language)


@lru_cache(maxsize=16_384)
def _german_root(word: str) -> str:
    """Without umlauts, "ge" and endings: löschen, löscht, gelöscht, Löschung."""
    root = word.translate(_UMLAUTS)
    if root.endswith("ung") and len(root) - len("ung") >= _ROOT:
        root = root.removesuffix("ung")
    if root.startswith("ge") and root.endswith(("t", "en")) and len(root) >= _ROOT + len("ge") + 1:
        root = root.removeprefix("ge")
    for _ in range(2):  # "Anwälten", "Anwalts"
        ending = next((e for e in _GERMAN_ENDINGS if root.endswith(e) and len(root) - len(e) >= _ROOT), "")
        root = root.removesuffix(ending)
    return root
