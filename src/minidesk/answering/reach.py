"""A second look where the best piece lacks a word of the question: at passages behind those that were read, which hold it.

Search orders by nearness, and a page that is about one of the question's words ("stoves") can fill all places while the
one table that holds the other word too ("guarantee") stands behind them. Whoever asks with two words wants both.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from minidesk.answering.asks import Term
from minidesk.answering.near import LIKE
from minidesk.answering.rank import Ranking, WordNearness, surface, whole
from minidesk.knowledge.records import Passage

# Passages to ask search for, of which the best are read: it looks again at so many itself, so these cost nothing.
WIDE = 24
# Places of those read that are given to others.
_GIVEN = 2


async def reached(
    ranking: Ranking, passages: Sequence[Passage], count: int, nearness: WordNearness, *, all_words: bool
) -> tuple[Passage, ...] | None:
    """The `count` passages to read instead of the first `count`, or None where the others are no better.

    `ranking`: of the first ones. The last places go to the others that hold a word of the question that its best unit
    lacks, or one that means the same, beside another word of the question; `all_words`: beside all the others.
    """
    others, lacking = passages[count:], ranking.lacking
    strong = [term for term in ranking.ask.terms if term.weight >= 1.0]
    if len(strong) < 2 or not lacking or not others:
        return None
    wanted = len(strong) if all_words else 2
    others, held = await asyncio.to_thread(_may_hold, others, strong, lacking, wanted)
    words = list(dict.fromkeys(word for one in held for word in one.values()))
    near = await nearness.matrix(lacking, words)
    like = [{words[at] for at in (row >= LIKE).nonzero()[0]} for row in near]
    found = []
    for passage, own in zip(others, held, strict=True):
        said = _said_in(own, strong) | {
            word for word, likes in zip(lacking, like, strict=True) if not likes.isdisjoint(own.values())
        }
        if len(said) >= wanted and not said.isdisjoint(lacking):
            found.append((len(said), passage))
    if not found:
        return None
    found.sort(key=lambda one: -one[0])
    # What holds every word stands beside the best: nearness to one of them alone must not count against it.
    chosen = tuple(
        replace(passage, score=passages[0].score) if held_words == len(strong) else passage
        for held_words, passage in found[:_GIVEN]
    )
    return (*passages[: count - len(chosen)], *chosen)


def _may_hold(
    passages: Sequence[Passage], strong: Sequence[Term], lacking: Sequence[str], wanted: int
) -> tuple[list[Passage], list[dict[str, str]]]:
    """Those that could hold so many of the words, and their own: a near word for each that is lacking is hoped for. The
    others' words would be embedded for nothing, up to a tenth of a second of a visitor's time. CPU work."""
    found = [(passage, surface(whole(passage))) for passage in passages]
    found = [(passage, own) for passage, own in found if len(_said_in(own, strong) | {*lacking}) >= wanted]
    return [passage for passage, _ in found], [own for _, own in found]


def _said_in(own: Mapping[str, str], terms: Sequence[Term]) -> set[str]:
    """The terms that stand there, or another word for them."""
    return {term.word for term in terms if not own.keys().isdisjoint({term.stem, *term.alternates})}
