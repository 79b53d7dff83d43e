"""Stored vectors, and what an index of them is to the search: Chroma (`index.py`) or SQL itself (`exact_index.py`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, select

from minidesk.db.models import Chunk, Document, Vector

# What is nearest is looked for among these kinds; vectors of sentences only order what was found (search.py). With those
# of titles, half of all, nDCG@10 was .001 lower on four sets; all passages of a page share one, and Chroma's graph loses
# the way to vectors that stand beside hundreds of equal ones.
RANKED_KINDS = ("text", "phrasing")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class VectorRow:
    """A stored vector: `data` is float16, little-endian, L2-normalised."""

    chunk: str
    kind: str
    ordinal: int
    data: bytes

    @property
    def id(self) -> str:
        """Its name in Chroma: the same row always has the same one, so adding it twice changes nothing."""
        return f"{self.chunk}:{self.kind}:{self.ordinal}"


@dataclass(frozen=True, slots=True)
class VectorHit:
    """A vector near a question's, and their cosine."""

    chunk: str
    kind: str
    cosine: float


class VectorIndex(Protocol):
    """What search needs of an index."""

    async def search(self, site_id: str, vector: Floats, n: int) -> list[VectorHit]:
        """The `n` nearest vectors, nearest first. Raises `IndexUnavailable`."""
        ...


def decode(rows: Sequence[VectorRow]) -> Floats:
    """The rows' vectors as float32 of shape (n, dimensions)."""
    return np.stack([np.frombuffer(row.data, "<f2") for row in rows]).astype(np.float32)


def current_vectors(site_id: str, fingerprint: str) -> Select[str, str, str, int, bytes]:
    """Vectors that an index holds: of this model, of a kind that is ranked, of a document's current version."""
    return (
        select(Vector.id, Vector.chunk_id, Vector.kind, Vector.ordinal, Vector.data)
        .join(Chunk, Chunk.id == Vector.chunk_id)
        .join(Document, Document.id == Chunk.document_id)
        .where(
            Vector.site_id == site_id,
            Vector.fingerprint == fingerprint,
            Vector.kind.in_(RANKED_KINDS),
            Document.current_version_id == Chunk.version_id,
        )
    )
