"""Looks for pages that say the same twice, or contradict each other, after the knowledge has changed.

    changed documents → passages of other documents near theirs, by stored vectors → their words compared → rows

It runs in the background, once for a burst of changes: `enqueue` gives its job a key of the last revision that was
compared, so there is one job until that revision moves on. Only the few sentences that seem to disagree are embedded.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document, KnowledgeRevision, OverlapProgress, Site, Vector
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.knowledge.contradictions import (
    Figures,
    Said,
    disagreement,
    figures,
    has_words,
    read,
    same_text,
)
from minidesk.knowledge.overlaps import Found, replace_overlaps
from minidesk.live import Hub
from minidesk.text.words import sentences

QUEUE = "duplicates"
# A burst of uploads is looked at once, this long after its first file.
WAIT_SECONDS = 3.0
# Passages further apart have hardly a sentence about the same thing; one of two sentences can be at .53.
NEAR = 0.5
# Others looked at for each passage; the thirteenth-nearest says the same as the twelve, or nothing.
NEAREST = 12
# A passage of more is a list.
MOST_SENTENCES = 40
# Two passages, or sentences, from which on they can say the same in the same words.
SAME, SAME_WORDS, SAME_LEAST = 0.9, 0.9, 8
# Two sentences about the same thing. Where nothing but a "not" differs they have to be nearer.
ALIKE, ALIKE_NOT = 0.62, 0.75
# Findings of one pair of documents: the fourth says nothing that the first three do not.
MOST_A_PAIR = 3
_BLOCK = 256  # passages of one product of matrices: with 100,000 others its cosines are 100 MB
_BATCH = 500

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Passage:
    """A passage with its sentences, taken apart."""

    document: str
    text: str
    said: tuple[Said, ...]
    figures: Figures


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Two sentences that disagree by their words, if they are about the same thing."""

    found: Found
    negation: bool


async def enqueue(tx: Tx, jobs: JobQueue, site_id: str, now: datetime) -> None:
    """Have the site looked through soon; nothing is added where that is waiting already.

    Call it in the transaction that wrote revisions: it holds the site's row, so the key cannot be an older one.
    """
    done = await tx.scalar(select(OverlapProgress.revision).where(OverlapProgress.site_id == site_id)) or 0
    await jobs.enqueue(
        tx,
        queue=QUEUE,
        kind="duplicates",
        payload={"site_id": site_id},
        key=f"duplicates:{site_id}:{done}",
        run_at=now + timedelta(seconds=WAIT_SECONDS),
    )


class DuplicateFinder:
    """Handles `duplicates` jobs. `fingerprint` names the stored vectors of the model that `embed` asks."""

    def __init__(
        self,
        db: Database,
        jobs: JobQueue,
        hub: Hub,
        clock: Callable[[], datetime],
        fingerprint: str,
        embed: Callable[[Sequence[str]], Awaitable[Floats]],
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._hub = hub
        self._clock = clock
        self._fingerprint = fingerprint
        self._embed = embed

    async def run(self, job: ClaimedJob) -> None:
        """Compare what changed in the site of `job.payload` since the last time."""
        site_id = str(job.payload["site_id"])
        async with self._db.read() as tx:
            site = await tx.get(Site, site_id)
            progress = await tx.get(OverlapProgress, site_id)
            if site is None or (progress and progress.revision >= site.knowledge_revision):
                return
            reached, before = site.knowledge_revision, progress.revision if progress else 0
            changed = await _changed(tx, site_id, before, reached)
            ids, owners, matrix = await self._matrix(tx, site_id)
        pairs = await asyncio.to_thread(_near, owners, matrix, changed)
        found: list[Found] = []
        doubts: list[_Doubt] = []
        for start in range(0, len(pairs), _BATCH):
            some = [(ids[a], ids[b], likeness) for a, b, likeness in pairs[start : start + _BATCH]]
            async with self._db.read() as tx:
                passages = await self._passages(tx, {one for a, b, _ in some for one in (a, b)})
            same, apart = await asyncio.to_thread(_compare, some, passages)
            found += same
            doubts += apart
        found += await self._about_the_same(doubts)
        await self._write(site_id, changed, _best(found), reached)

    async def _about_the_same(self, doubts: Sequence[_Doubt]) -> list[Found]:
        """Those of them whose sentences are near enough, as a whole."""
        texts = list(
            dict.fromkeys(text for one in doubts for text in (one.found.first_text, one.found.second_text))
        )
        vectors: dict[str, Floats] = {}
        for start in range(0, len(texts), _BATCH):
            some = texts[start : start + _BATCH]
            vectors.update(zip(some, await self._embed(some), strict=True))
        sure = []
        for one in doubts:
            likeness = float(vectors[one.found.first_text] @ vectors[one.found.second_text])
            if likeness >= (ALIKE_NOT if one.negation else ALIKE):
                sure.append(replace(one.found, likeness=likeness))
        return sure

    async def _write(self, site_id: str, changed: set[str], found: Sequence[Found], reached: int) -> None:
        now = self._clock()
        async with self._db.write() as tx:
            site = await tx.get(Site, site_id, with_for_update=True)
            if site is None:
                return
            await replace_overlaps(tx, site_id, changed, found, now)
            progress = await tx.get(OverlapProgress, site_id)
            if progress is None:
                tx.add(OverlapProgress(site_id=site_id, revision=reached))
            else:
                progress.revision = reached
            await tx.flush()
            if (
                site.knowledge_revision > reached
            ):  # while we compared; those writers found our job's key taken
                await enqueue(tx, self._jobs, site_id, now)
            tx.after_commit(lambda: self._hub.wake(f"site:{site_id}"))

    async def _matrix(self, tx: Tx, site_id: str) -> tuple[list[str], list[str], Floats]:
        """All passages that answer: ids, documents, and a vector each."""
        statement = (
            select(Chunk.id, Chunk.document_id, Vector.data)
            .join(Document, Document.id == Chunk.document_id)
            .join(Vector, Vector.chunk_id == Chunk.id)
            .where(
                Chunk.site_id == site_id,
                Document.current_version_id == Chunk.version_id,
                Vector.kind == "text",
                Vector.ordinal == 0,
                Vector.fingerprint == self._fingerprint,
            )
        )
        rows = (await tx.execute(statement)).all()
        if not rows:
            return [], [], np.zeros((0, 1), np.float32)
        matrix = np.frombuffer(b"".join(row[2] for row in rows), "<f2").reshape(len(rows), -1)
        return [row[0] for row in rows], [row[1] for row in rows], matrix.astype(np.float32)

    async def _passages(self, tx: Tx, ids: Iterable[str]) -> dict[str, _Passage]:
        wanted = sorted(ids)
        found: dict[str, _Passage] = {}
        for start in range(0, len(wanted), _BATCH):
            some = wanted[start : start + _BATCH]
            rows = await tx.scalars(select(Chunk).where(Chunk.id.in_(some)))
            found.update({row.id: _passage(row) for row in rows})
        return found


async def _changed(tx: Tx, site_id: str, after: int, until: int) -> set[str]:
    """Documents whose passages came or went in these revisions."""
    statement = select(KnowledgeRevision.document_id).where(
        KnowledgeRevision.site_id == site_id, KnowledgeRevision.n > after, KnowledgeRevision.n <= until
    )
    return set(await tx.scalars(statement))


def _passage(chunk: Chunk) -> _Passage:
    # Rows of tables differ because their articles do.
    spans = [] if chunk.kind == "table" else sentences(chunk.text)
    said = tuple(read(span.text) for span in spans[:MOST_SENTENCES])
    return _Passage(chunk.document_id, chunk.text, said, figures(chunk.text))


def _near(owners: Sequence[str], matrix: Floats, changed: set[str]) -> list[tuple[int, int, float]]:
    """Pairs of passages of two documents, one of which changed, by their places, with their cosines."""
    places = [n for n, owner in enumerate(owners) if owner in changed]
    numbers = {owner: n for n, owner in enumerate(dict.fromkeys(owners))}
    whose = np.array([numbers[owner] for owner in owners])
    found: dict[tuple[int, int], float] = {}
    for start in range(0, len(places), _BLOCK):
        block = places[start : start + _BLOCK]
        likeness = matrix[block] @ matrix.T
        for row, place in zip(likeness, block, strict=True):
            row[whose == whose[place]] = -1.0
            best = np.argpartition(row, -NEAREST)[-NEAREST:] if len(row) > NEAREST else np.arange(len(row))
            for other in best:
                if row[other] >= NEAR:
                    found[min(place, int(other)), max(place, int(other))] = float(row[other])
    return [(a, b, likeness) for (a, b), likeness in sorted(found.items())]


def _compare(
    pairs: Sequence[tuple[str, str, float]], passages: dict[str, _Passage]
) -> tuple[list[Found], list[_Doubt]]:
    """Passages that say the same, and sentences that disagree by their words."""
    found: list[Found] = []
    doubts: list[_Doubt] = []
    for a, b, likeness in pairs:
        one, other = passages.get(a), passages.get(b)
        if one is None or other is None:
            continue
        apart = list(_apart(one, other))
        doubts += apart
        if not apart and likeness >= SAME and _says_the_same(one.text, other.text):
            found.append(
                Found("duplicate", one.document, other.document, one.text, other.text, None, likeness)
            )
    return found, doubts


def _apart(one: _Passage, other: _Passage) -> Iterator[_Doubt]:
    for first in one.said:
        for second in other.said:
            found = disagreement(first, second)
            # The other page may say both: "30 days", and further down "14 days for shoes".
            if found is None or _also_says(one, second) or _also_says(other, first):
                continue
            texts = (one.document, other.document, first.text, second.text)
            yield _Doubt(Found("contradiction", *texts, found.why, 0.0), found.negation)


def _also_says(passage: _Passage, said: Said) -> bool:
    return bool(said.figures) and all(
        unit in passage.figures and values.keys() <= passage.figures[unit].keys()
        for unit, values in said.figures.items()
    )


def _says_the_same(first: str, second: str) -> bool:
    return (
        has_words(first, SAME_LEAST)
        and has_words(second, SAME_LEAST)
        and same_text(first, second) >= SAME_WORDS
    )


def _best(found: Sequence[Found]) -> list[Found]:
    """Of each pair of documents the likeliest few of a kind, and one duplicate: the longest."""
    kept: dict[tuple[str, str, str], list[Found]] = {}
    for one in sorted(found, key=lambda one: (-one.likeness, one.first_text, one.second_text)):
        kept.setdefault((*sorted((one.first, one.second)), one.kind), []).append(one)  # type: ignore[arg-type]  # three words
    result: list[Found] = []
    for (*_, kind), some in kept.items():
        if kind == "duplicate":
            result.append(max(some, key=lambda one: len(one.first_text)))
        else:
            result += some[:MOST_A_PAIR]
    return result
