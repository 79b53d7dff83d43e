"""Does a sentence speak of what each word of the question means? Late interaction over the embedding model's tokens.

One vector for a whole sentence tells what it is about, and loses which of the question's words it answers. Here each
token of the question looks for the nearest token of the sentence, and the mean of these nearnesses counts (MaxSim:
Khattab and Zaharia, ColBERT, 2020, here with the weights of the embedding model as they are). A passage is read whole,
below its heading, so that "it" in a sentence has the meaning that the sentences before give it.
"""

from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from minidesk.answering.units import Unit, heading
from minidesk.knowledge.records import Passage

Vectors = NDArray[np.float32]
# Unit vectors of a text's tokens and their places in it, as knowledge.embed gives them.
ReadTokens = Callable[[Sequence[str]], Awaitable[Sequence[tuple[Vectors, NDArray[np.int32]]]]]
_Halved = tuple[NDArray[np.float16], NDArray[np.int32]]

# A token costs some 0.1 ms, and a passage is 40 to 200 of them.
_CHARS = 2600
_PASSAGES = 6
_REMEMBERED = 20_000  # tokens, of 384 half floats: 15 MB


class LateReader:
    """Reads passages token by token, and remembers those that it read last."""

    def __init__(self, read: ReadTokens) -> None:
        self._read = read
        self._known: dict[str, _Halved] = {}

    async def nearness(
        self, question: str, passages: Sequence[Passage], units: Sequence[Unit], order: Sequence[int]
    ) -> Vectors:
        """For each unit the mean nearness of the question's tokens, about 0.2 to 0.8; NaN where it was not read.

        `order`: passages, the most promising first; so many are read as time allows, whatever is remembered: the same
        question must get the same answer.
        """
        chosen = _affordable(passages, order)
        heads = {index: f"{heading(passages[index])}: " for index in chosen}
        texts = [heads[index] + passages[index].text for index in chosen]
        asked, *read = await self._tokens([question, *texts])
        tokens = dict(zip(chosen, read, strict=True))
        words = asked[0].astype(np.float32)
        near = np.full(len(units), np.nan, dtype=np.float32)
        for i, unit in enumerate(units):
            if unit.passage in tokens:
                vectors, places = tokens[unit.passage]
                shift = len(heads[unit.passage])
                inside = (places[:, 0] < unit.end + shift) & (places[:, 1] > unit.start + shift)
                if inside.any() and len(words):
                    near[i] = (words @ vectors[inside].astype(np.float32).T).max(axis=1).mean()
        return near

    async def _tokens(self, texts: list[str]) -> list[_Halved]:
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        read = await self._read(missing) if missing else []
        # Halved before they are compared, too: what is read again must not differ from what is remembered.
        found = {
            text: (vectors.astype(np.float16), places)
            for text, (vectors, places) in zip(missing, read, strict=True)
        }
        for text in texts:
            if text not in found:
                found[text] = self._known.pop(text)
        # Put back at the end: what was read longest ago is forgotten first. The question itself rarely comes back.
        self._known.update({text: found[text] for text in texts[1:]})
        total = sum(len(places) for _, places in self._known.values())
        for old in list(self._known):
            if total <= _REMEMBERED:
                break
            total -= len(self._known.pop(old)[1])
        return [found[text] for text in texts]


def _affordable(passages: Sequence[Passage], order: Sequence[int]) -> list[int]:
    chosen: list[int] = []
    left = _CHARS
    for index in order[:_PASSAGES]:
        if chosen and len(passages[index].text) > left:
            continue
        chosen.append(index)
        left -= len(passages[index].text)
    return chosen
