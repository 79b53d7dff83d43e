"""What a site's own passages and questions say about how to read cosines there, without any labels.

In a knowledge base about one product every passage is near to every question, and overviews that name everything are
the nearest. `Sample.crowd` says for a vector how much nearer it is to its neighbours than vectors of this base usually
are; search takes a part of it off (fuse.py). The idea is local scaling (Conneau et al. 2018, CSLS) with a sample in the
place of all vectors: 512 gave the same figures as all of them.
"""

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from minidesk.db import Database, Tx
from minidesk.db.models import Vector

Floats = NDArray[np.float32]

# Vectors of one sample: 0.8 MB, and a fifth of a millisecond for the passages of one question.
SAMPLE = 512
# The neighbours of a vector are this part of the sample; between .03 and .08 made no difference above .002.
NEIGHBOURS = 0.05
LEAST_NEIGHBOURS = 3
# Among few passages the neighbours are chance: with so many, half of the crowd counts.
FEW = 16
# Rows of one read, and reads, in the order of hashes before a site's own rows are asked for.
PAGE = 2_048
PAGES = 4
# The same text again is no neighbour: float16 makes it .999 instead of 1.
SAME = 0.999


class Sample:
    """Some of a site's vectors, chosen by the hash of their texts: a change of the base changes few of them."""

    def __init__(self, vectors: Floats) -> None:
        """`vectors`: L2-normalised rows, at most SAMPLE."""
        self._vectors = vectors
        self._neighbours = max(LEAST_NEIGHBOURS, round(NEIGHBOURS * len(vectors)))
        self._usual = float(self._density(vectors).mean()) if len(vectors) else 0.0
        self._weight = len(vectors) / (len(vectors) + FEW)

    def __len__(self) -> int:
        return len(self._vectors)

    def crowd(self, vectors: Floats) -> Floats:
        """For each row, the mean cosine to its nearest neighbours in the sample, less what is usual here; shape (n,)."""
        if len(self._vectors) <= LEAST_NEIGHBOURS:
            return np.zeros(len(vectors), np.float32)
        return np.asarray(self._weight * (self._density(vectors) - self._usual), np.float32)

    def _density(self, vectors: Floats) -> Floats:
        cosines = vectors @ self._vectors.T
        cosines[cosines > SAME] = -1.0
        count = min(self._neighbours, cosines.shape[1])
        nearest = np.partition(cosines, -count, axis=1)[:, -count:]
        return np.asarray(nearest.mean(axis=1), np.float32)


@dataclass(slots=True)
class _Kept:
    revision: int
    sample: Sample


class Samples:
    """One process's samples, site by site, read again when a site's knowledge has changed."""

    def __init__(self, db: Database, fingerprint: str) -> None:
        """`fingerprint`: of the embedding model."""
        self._db = db
        self._fingerprint = fingerprint
        self._kept: dict[str, _Kept] = {}
        self._renewing: dict[str, asyncio.Task[Sample]] = {}

    async def of(self, site_id: str, revision: int) -> Sample:
        """The site's sample. `revision`: of its knowledge, as the caller sees it; any other than before asks for a new look.

        A large sample hardly changes, so it is renewed beside the questions; one of a small base is waited for.
        """
        kept = self._kept.get(site_id)
        if kept is not None and kept.revision == revision:
            return kept.sample
        task = self._renewing.get(site_id)
        if task is None:
            task = self._renewing[site_id] = asyncio.create_task(self._renew(site_id, revision))
        if kept is not None and len(kept.sample) == SAMPLE:
            return kept.sample
        return await asyncio.shield(task)

    async def _renew(self, site_id: str, revision: int) -> Sample:
        try:
            async with self._db.read() as tx:
                data = await self._read(tx, site_id)
            sample = await asyncio.to_thread(_sample, data)
            self._kept[site_id] = _Kept(revision, sample)
            return sample
        finally:
            del self._renewing[site_id]

    async def _read(self, tx: Tx, site_id: str) -> list[bytes]:
        """Vectors of passages and of their questions, in the order of the texts' hashes."""
        query = (
            select(Vector.site_id, Vector.text_hash, Vector.data)
            .where(Vector.kind.in_(("text", "phrasing")), Vector.fingerprint == self._fingerprint)
            .order_by(Vector.text_hash)
        )
        found: dict[str, bytes] = {}
        last = ""
        # The site is compared here: in the query, SQLite would take the index by site and sort 100,000 rows for these.
        for _ in range(PAGES):
            rows = (await tx.execute(query.where(Vector.text_hash > last).limit(PAGE))).all()
            found.update((hash_, data) for site, hash_, data in rows if site == site_id)
            if len(rows) < PAGE or len(found) >= SAMPLE:
                return list(found.values())[:SAMPLE]
            last = rows[-1][1]
        # A small site among large ones.
        rows = (await tx.execute(query.where(Vector.site_id == site_id).limit(2 * SAMPLE))).all()
        return list({hash_: data for _, hash_, data in rows}.values())[:SAMPLE]


def _sample(data: list[bytes]) -> Sample:
    matrix = np.frombuffer(b"".join(data), "<f2").reshape(len(data), -1) if data else np.empty((0, 0))
    return Sample(matrix.astype(np.float32))
