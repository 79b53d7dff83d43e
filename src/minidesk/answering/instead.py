"""A page's own sentence in the place of one that could not be proved.

A model often tells what a page says in words of its own that no rule can follow ("keeps" for "maintains", two steps in
one sentence). To drop such a sentence would cost the visitor the answer. So the nearest sentence of the passages is said
instead, word for word: what was right is kept, what was wrong (a figure, a "not") is put right, and nothing is shown that
the page does not say. Where no sentence is near enough, the model made it up, and it is lost.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from minidesk.answering.alike import LIGHT, alike
from minidesk.answering.asks import stems_of
from minidesk.answering.pieces import Piece, count, leans, prose, stands_alone
from minidesk.answering.rank import Embed, surface
from minidesk.answering.units import Unit, cut, heading, read_row
from minidesk.knowledge.records import Passage

# Cosine and share of the sentence's words from which a page's sentence says what was meant. Of 27 faithful sentences about
# a password manager's help pages that the proof refused, 23 have a page's sentence above both; of 24 invented ones about
# the same pages one has, which the page denies.
_NEAR, _SHARED = 0.72, 0.55
_ALIKE = 0.8  # of a word that stands there in another one's place ("receive" for "get")
# Read before the vectors: those that share most words.
_COMPARED = 12
_MAX_WORDS = 45  # more is a paragraph, where a sentence was written


class PagesWords:
    """What some passages say that can be said by itself: sentences, items, steps, and of a table the row that is named."""

    def __init__(self, passages: Sequence[Passage], embed: Embed) -> None:
        self._embed = embed
        self._units = [
            (unit, heading(passage), frozenset(surface(f"{_heads(unit)} {unit.text}")))
            for index, passage in enumerate(passages)
            for unit in cut(passage, index)
            if _can_be_said(unit)
        ]

    async def nearest(self, sentence: str) -> Piece | None:
        """What the pages say in the place of `sentence`; None where they say nothing like it."""
        roots = frozenset(surface(sentence)) - LIGHT
        shares = [_share(roots, held) if _is_named(unit, roots) else 0.0 for unit, _, held in self._units]
        order = sorted(range(len(shares)), key=lambda i: -shares[i])[:_COMPARED]
        order = [i for i in order if shares[i] >= _SHARED]
        if not order:
            return None
        pieces = [_piece(self._units[i][0], roots) for i in order]
        below = [f"{self._units[i][1]}: {piece.text}" for i, piece in zip(order, pieces, strict=True)]
        vectors = await self._embed([sentence, *(piece.text for piece in pieces), *below])
        cosines = vectors[1:] @ vectors[0]
        near = np.maximum(cosines[: len(order)], cosines[len(order) :])
        best = max(range(len(order)), key=lambda n: float(near[n]) + 0.3 * shares[order[n]])
        return pieces[best] if near[best] >= _NEAR else None


def _share(roots: frozenset[str], held: frozenset[str]) -> float:
    if not roots:
        return 0.0
    return sum(1.0 if root in held else _ALIKE * alike(root, held) for root in roots) / len(roots)


def _is_named(unit: Unit, roots: frozenset[str]) -> bool:
    """A row answers for what its first cell names, and for nothing else."""
    if not unit.cells:
        return True
    name = stems_of(unit.cells[0][1])
    return bool(name) and name <= roots


def _heads(unit: Unit) -> str:
    return " ".join(head for head, _ in unit.cells)


def _piece(unit: Unit, roots: frozenset[str]) -> Piece:
    """A sentence as it stands; a row in the columns that the sentence speaks of."""
    if not unit.cells:
        return prose(unit)
    asked = frozenset(
        i for i, (head, value) in enumerate(unit.cells) if i and stems_of(f"{head} {value}") & roots
    )
    return replace(prose(unit), text=f"{read_row(unit.cells, asked or None)}.")


def _can_be_said(unit: Unit) -> bool:
    if unit.kind == "poster" or count(unit.text) > _MAX_WORDS:
        return False
    if unit.kind == "row":
        return len(unit.cells) > 1
    if unit.kind == "sentence":
        return stands_alone(unit)
    return not leans(unit.text) and not re.search(r"[:?]$", unit.text)
