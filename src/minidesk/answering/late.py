"""Does a sentence speak of what each word of the question means? Late interaction over the embedding model's tokens.

One vector for a whole sentence tells what it is about, and loses which of the question's words it answers. Here each
token of the question looks for the nearest token of the sentence, and the mean of these nearnesses counts (MaxSim:
Khattab and Zaharia, ColBERT, 2020, here with the weights of the embedding model as they are). A passage is read whole,
below its heading, so that "it" in a sentence has the meaning that the sentences before give it.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minidesk.answering.units import Unit, heading
from minidesk.knowledge.records import Passage, PassageTokens

Vectors = NDArray[np.float32]
Places = NDArray[np.int32]
# Unit vectors of a text's tokens and their places in it, as knowledge.embed gives them.
ReadTokens = Callable[[Sequence[str]], Awaitable[Sequence[tuple[Vectors, Places]]]]
# What is stored of passages, by their chunks' ids.
StoredTokens = Callable[[Sequence[str]], Awaitable[Mapping[str, PassageTokens]]]

# Of what nobody has read before: a token costs some 0.1 ms, and a passage is 40 to 200 of them.
_CHARS = 2600
_PASSAGES = 6
_REMEMBERED = 15_000_000  # bytes: some 600 passages
# A number of a vector is one of fifteen steps, half a byte. What that changes in a nearness (0.2 to 0.8) was .005 on
# real passages; as much room with 192 of its 384 dimensions, whole, changed .02.
_STEPS = 7


@dataclass(frozen=True, slots=True)
class ReadText:
    """A passage as it is read: below its heading, which takes the first `shift` characters."""

    whole: str
    shift: int

    @property
    def hash(self) -> str:
        """SHA-256: what was read of another text, the title of its document having changed, is not this one's."""
        return hashlib.sha256(self.whole.encode("utf-8", "replace")).hexdigest()


def read_as(passage: Passage) -> ReadText:
    """How it is read, here and ahead (`read_ahead.py`)."""
    head = f"{heading(passage)}: "
    return ReadText(head + passage.text, len(head))


def packed(vectors: Vectors, places: Places) -> bytes:
    """Token vectors in an eighth of their room: `tokens` and `dimensions` (two bytes each), then for each token its place
    (two int32), its step (float16) and half a byte a dimension; little-endian."""
    tokens, dimensions = vectors.shape
    even = np.pad(vectors, ((0, 0), (0, dimensions % 2)))
    steps = (np.abs(even).max(axis=1, initial=1e-6) / _STEPS).astype("<f2")
    halves = (np.rint(even / steps.astype(np.float32)[:, None]).clip(-_STEPS, _STEPS) + _STEPS).astype(
        np.uint8
    )
    pairs = halves[:, 0::2] << 4 | halves[:, 1::2]
    head = np.array([tokens, dimensions], "<u2")
    return b"".join((head.tobytes(), places.astype("<i4").tobytes(), steps.tobytes(), pairs.tobytes()))


def unpacked(data: bytes) -> tuple[Vectors, Places]:
    """What `packed` was given, but for what half a byte loses. Raises ValueError for other bytes."""
    tokens, dimensions = (int(n) for n in np.frombuffer(data, "<u2", 2))
    places = np.frombuffer(data, "<i4", 2 * tokens, 4).reshape(tokens, 2)
    steps = np.frombuffer(data, "<f2", tokens, 4 + 8 * tokens).astype(np.float32)
    width = (dimensions + 1) // 2
    pairs = np.frombuffer(data, np.uint8, tokens * width, 4 + 10 * tokens).reshape(tokens, width)
    vectors = np.empty((tokens, 2 * width), np.float32)
    vectors[:, 0::2], vectors[:, 1::2] = pairs >> 4, pairs & 15
    vectors -= _STEPS
    vectors *= steps[:, None]
    return vectors[:, :dimensions], places


class LateReader:
    """Takes passages' tokens from where they are stored; reads the others, and remembers those that it read last."""

    def __init__(self, read: ReadTokens, stored: StoredTokens | None = None) -> None:
        self._read = read
        self._stored = stored
        self._known: dict[str, bytes] = {}

    async def nearness(
        self, question: str, passages: Sequence[Passage], units: Sequence[Unit], order: Sequence[int]
    ) -> Vectors:
        """For each unit the mean nearness of the question's tokens, about 0.2 to 0.8; NaN where it was not read.

        `order`: passages, the most promising first; so many are read as time allows, whatever is stored or remembered:
        the same question must get the same answer.
        """
        chosen = _affordable(passages, order)
        texts = {index: read_as(passages[index]) for index in chosen}
        # The question's are not remembered with the pages': they are a visitor's words.
        (asked, _), tokens = await asyncio.gather(self._question(question), self._tokens(passages, texts))
        return await asyncio.to_thread(_nearness, asked, tokens, texts, units)

    async def _question(self, question: str) -> tuple[Vectors, Places]:
        (read,) = await self._read([question])
        return read

    async def _tokens(self, passages: Sequence[Passage], texts: Mapping[int, ReadText]) -> dict[int, bytes]:
        """By passage; packed before they are compared, too: what is read again must not differ from what is stored."""
        # Not looked up twice: another question may have them forgotten while this one waits.
        have = {t.whole: self._known[t.whole] for t in texts.values() if t.whole in self._known}
        unknown = [index for index, text in texts.items() if text.whole not in have]
        if unknown and self._stored is not None:
            rows = await self._stored([passages[index].chunk for index in unknown])
            for index in unknown:
                row = rows.get(passages[index].chunk)
                if row is not None and row.text_hash == texts[index].hash:
                    have[texts[index].whole] = row.data
        missing = list(dict.fromkeys(t.whole for t in texts.values() if t.whole not in have))
        if missing:
            read = await self._read(missing)
            have.update((text, packed(*tokens)) for text, tokens in zip(missing, read, strict=True))
        self._remember(have)
        return {index: have[text.whole] for index, text in texts.items()}

    def _remember(self, have: Mapping[str, bytes]) -> None:
        """Behind all others: what was needed longest ago is forgotten first."""
        for text, data in have.items():
            self._known.pop(text, None)
            self._known[text] = data
        total = sum(map(len, self._known.values()))
        for old in list(self._known):
            if total <= _REMEMBERED:
                break
            total -= len(self._known.pop(old))


def _nearness(
    asked: Vectors, tokens: Mapping[int, bytes], texts: Mapping[int, ReadText], units: Sequence[Unit]
) -> Vectors:
    near = np.full(len(units), np.nan, dtype=np.float32)
    for index, data in tokens.items():
        vectors, places = unpacked(data)
        cosines = asked @ vectors.T
        for i, unit in enumerate(units):
            if unit.passage != index or not len(asked):
                continue
            shift = texts[index].shift
            inside = (places[:, 0] < unit.end + shift) & (places[:, 1] > unit.start + shift)
            if inside.any():
                near[i] = cosines[:, inside].max(axis=1).mean()
    return near


def _affordable(passages: Sequence[Passage], order: Sequence[int]) -> list[int]:
    chosen: list[int] = []
    left = _CHARS
    for index in order[:_PASSAGES]:
        if chosen and len(passages[index].text) > left:
            continue
        chosen.append(index)
        left -= len(passages[index].text)
    return chosen
