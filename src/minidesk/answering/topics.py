"""Topics that a site always gives to a person: by their words, and by likeness to the owner's own examples.

A topic is one line of the site's settings: `Legal: lawyer; court; I will take legal action against you`. What stands
before a colon is its name; the rest are words or whole sentences, a semicolon between two. Words count where they stand
together in the message, in any of their forms. A sentence also counts where the message says nearly the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from minidesk.answering.rank import Embed, Vectors
from minidesk.text.words import STOPWORDS, stem, words

# Cosine of a message with an example. Of 42 messages on eight topics whose words are others (tests/answering/topics.jsonl)
# 0.50 hears 30, 0.55 hears 25 and 0.45 hears 34; of 320 ordinary ones 6, 4 and 15 are as near, and four of the six are
# indeed about the topic ("my account was hacked"). A missed one breaks the owner's rule, a wrong one costs a person a
# minute: so not higher. Below it everyday questions about prices and payment come in.
NEAR = 0.50
# So many words make an example a sentence; the vector of one or two words lies near everything.
_SENTENCE = 3
# "What about stoves?" says too little of its own to be like anything.
_SAYS_SOMETHING = 4
_LONGEST = 300  # characters; a longer message is about several things, and its vector is a mixture


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
    phrases: tuple[tuple[str, tuple[str, ...]], ...]  # as written, and the stems that must stand together
    sentences: tuple[str, ...]


def named(line: str) -> str:
    """The name of a topic: what stands before its colon, else its first words."""
    return _read(line).name


def caught_by_words(text: str, topics: Sequence[str]) -> Caught | None:
    """The first topic whose words stand in the message. CPU work of a few milliseconds at most."""
    if not topics:
        return None
    said = _stems(text)
    for topic in map(_read, topics):
        for written, phrase in topic.phrases:
            if any(tuple(said[at : at + len(phrase)]) == phrase for at in range(len(said) - len(phrase) + 1)):
                return Caught(topic.name, written, "words")
    return None


class Topics:
    """Holds what comparing needs. `embed` gives L2-normalised rows; hand in one that remembers."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    async def caught(self, text: str, topics: Sequence[str], vector: Vectors | None = None) -> Caught | None:
        """The topic of a message, by words or else by likeness. `vector`: of `text`, where it is known."""
        if (found := caught_by_words(text, topics)) is not None:
            return found
        examples = [(topic.name, sentence) for topic in map(_read, topics) for sentence in topic.sentences]
        if not examples or len(text) > _LONGEST or len(words(text)) < _SAYS_SOMETHING:
            return None
        rows = await self._embed([sentence for _, sentence in examples])
        own = vector if vector is not None else (await self._embed([text]))[0]
        cosines = np.asarray(rows @ own)
        best = int(cosines.argmax())
        if cosines[best] < NEAR:
            return None
        name, sentence = examples[best]
        return Caught(name, sentence, "likeness", round(float(cosines[best]), 2))


@lru_cache(maxsize=512)
def _read(line: str) -> _Topic:
    head, colon, rest = line.partition(":")
    parts = [part.strip() for part in (rest if colon else line).split(";") if part.strip()]
    # "Can we get a quote?" says one word, and that one would stand in many a message.
    phrases = tuple(
        (part, stems)
        for part in parts
        if (stems := tuple(_stems(part))) and (len(stems) > 1 or len(words(part)) < _SENTENCE)
    )
    sentences = tuple(part for part in parts if len(words(part)) >= _SENTENCE)
    return _Topic(head.strip() if colon else (parts[0] if parts else line).strip(), phrases, sentences)


def _stems(text: str) -> list[str]:
    """Stems of the words that say something, "not" among them: an order without function words."""
    return [stem(word.removesuffix("'s")) for word in words(text) if word not in STOPWORDS]
