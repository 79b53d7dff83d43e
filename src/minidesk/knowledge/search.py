"""Finds the passages that answer a question: by vectors and by words, checked against SQL."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np
from sqlalchemy import select

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document, Vector
from minidesk.errors import IndexUnavailable, MinideskError
from minidesk.fulltext import FullText, TextResult
from minidesk.knowledge.confidence import confidence
from minidesk.knowledge.embed import Embedder, Floats
from minidesk.knowledge.fuse import Likeness
from minidesk.knowledge.index import ExactIndex, VectorHit, VectorIndex
from minidesk.knowledge.records import ChunkKind, Passage, SearchResult
from minidesk.text.words import content_stems

log = logging.getLogger(__name__)

# Vectors asked for: a chunk has two or three and an FAQ entry one for each phrasing, so some 40 chunks.
NEAREST = 96
# Chunks, and documents, found by words. The 60th never reached the first ten in any set tried.
BY_WORDS = 60
# Passages whose sentences' vectors are looked at: half of a millisecond each dozen.
BY_SENTENCE = 24


@dataclass(frozen=True, slots=True)
class _Found:
    """What the indexes said, before SQL has confirmed any of it."""

    vector: Floats | None  # of the question; None in text mode
    near: list[VectorHit]
    text: TextResult


class Searcher:
    """One site's passages for one question. Without vectors (no model, index missing or being built) words answer alone."""

    def __init__(
        self, db: Database, embedder: Embedder | None, index: VectorIndex | None, fulltext: FullText
    ) -> None:
        """`embedder` is None where no model could be opened, `index` where this process has no vectors."""
        self._db = db
        self._embedder = embedder
        self._index = index
        self._fulltext = fulltext

    async def search(
        self, site_id: str, query: str, *, k: int = 8, within: Collection[str] | None = None
    ) -> SearchResult:
        """The `k` best passages, best first, and how sure we are that the first one answers.

        `within` keeps to documents by their public ids. `mode` says which of vectors and words were there;
        raises `IndexUnavailable` where neither is, and `Unavailable` where the database is down.
        """
        timings: dict[str, float] = {}
        documents = None if within is None else await self._documents(site_id, within)
        words = asyncio.create_task(self._by_words(site_id, query, documents, timings))
        try:
            vector, near = await self._by_vectors(site_id, query, documents, timings)
        finally:
            text, revision = await words
        if text is None and vector is None:
            raise IndexUnavailable
        found = _Found(vector, near, text or TextResult([], []))
        with _timed(timings, "read"):
            # One transaction: each costs two milliseconds of its own on SQLite.
            async with self._db.read() as tx:
                ranked = await self._rank(tx, site_id, found)
                passages = await self._passages(tx, ranked[:k], found)
                vectors = await self._vectors(tx, [passage.chunk for passage in passages])
        if vector is not None:
            vectors["", hashlib.sha256(query.encode("utf-8", "replace")).hexdigest()] = vector
        mode: Literal["hybrid", "text", "dense"] = (
            "text" if vector is None else "dense" if text is None else "hybrid"
        )
        score = 0.0
        if ranked:
            likeness = ranked[0][1]
            score = confidence(
                None if vector is None else likeness.cosine, likeness.words, len(set(content_stems(query)))
            )
        return SearchResult(tuple(passages), score, mode, revision, timings, vectors)

    async def _documents(self, site_id: str, public: Collection[str]) -> list[str]:
        query = select(Document.id).where(Document.site_id == site_id, Document.external_id.in_(public))
        async with self._db.read() as tx:
            return list(await tx.scalars(query))

    async def _by_words(
        self, site_id: str, query: str, documents: Collection[str] | None, timings: dict[str, float]
    ) -> tuple[TextResult | None, int]:
        with _timed(timings, "words"):
            try:
                found = await asyncio.to_thread(self._fulltext.search, site_id, query, BY_WORDS, documents)
                return found, await asyncio.to_thread(self._fulltext.revision, site_id)
            except IndexUnavailable:
                return None, 0

    async def _by_vectors(
        self, site_id: str, query: str, documents: Collection[str] | None, timings: dict[str, float]
    ) -> tuple[Floats | None, list[VectorHit]]:
        """The question's vector and the vectors near it; (None, []) where there is no model or no index."""
        if self._embedder is None or self._index is None:
            return None, []
        try:
            with _timed(timings, "embed"):
                vector = await self._embedder.query(query)
            with _timed(timings, "vectors"):
                if documents is None:
                    return vector, await self._index.search(site_id, vector, NEAREST)
                # A filter costs Chroma 20–50 ms; these few are ranked faster one by one.
                exact = ExactIndex(self._db, self._embedder.fingerprint)
                return vector, await exact.search(site_id, vector, NEAREST, documents)
        except MinideskError as error:
            log.warning("searching by words only: %s", error.code)
            return None, []

    async def _rank(self, tx: Tx, site_id: str, found: _Found) -> list[tuple[str, Likeness]]:
        """Chunks that SQL knows, best first."""
        chunks = {hit.chunk for hit in found.near} | {hit.id for hit in found.text.hits}
        if not chunks:
            return []
        query = (
            select(Chunk.id, Chunk.document_id, Chunk.site_id, Document.site_id)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.id.in_(chunks), Document.current_version_id == Chunk.version_id)
        )
        # An index may be behind, or hold what it should not: SQL decides what this site may see. The sites are compared
        # here, because SQLite takes the index by site when they stand in the query and reads 20,000 rows for 100.
        documents = {
            chunk: document
            for chunk, document, *sites in await tx.execute(query)
            if sites == [site_id, site_id]
        }
        ranked = _order(_likenesses(documents, found))
        if found.vector is None or self._embedder is None:
            return ranked
        best = [chunk for chunk, _ in ranked[:BY_SENTENCE]]
        sentences = await self._sentences(tx, best, found.vector, self._embedder.fingerprint)
        return _order({chunk: replace(like, sentence=sentences.get(chunk)) for chunk, like in ranked})

    async def _sentences(
        self, tx: Tx, chunks: Sequence[str], vector: Floats, fingerprint: str
    ) -> dict[str, float]:
        """The cosine of each chunk's nearest sentence, where its sentences have vectors."""
        query = select(Vector.chunk_id, Vector.data).where(
            Vector.chunk_id.in_(chunks), Vector.kind == "sentence", Vector.fingerprint == fingerprint
        )
        rows = (await tx.execute(query)).all()
        if not rows:
            return {}
        matrix = (
            np.frombuffer(b"".join(data for _, data in rows), "<f2").reshape(len(rows), -1).astype(np.float32)
        )
        best: dict[str, float] = {}
        for (chunk, _), cosine in zip(rows, matrix @ vector, strict=True):
            best[chunk] = max(best.get(chunk, -1.0), float(cosine))
        return best

    async def _vectors(self, tx: Tx, chunks: Sequence[str]) -> dict[tuple[str, str], Floats]:
        """Stored vectors of these chunks, as `SearchResult.vectors` gives them."""
        if self._embedder is None:
            return {}
        query = select(Vector.chunk_id, Vector.kind, Vector.text_hash, Vector.data).where(
            Vector.chunk_id.in_(chunks),
            Vector.kind.in_(("text", "title", "sentence")),
            Vector.fingerprint == self._embedder.fingerprint,
        )
        return {
            (chunk, text_hash if kind == "sentence" else kind): np.frombuffer(data, "<f2").astype(np.float32)
            for chunk, kind, text_hash, data in await tx.execute(query)
        }

    async def _passages(self, tx: Tx, ranked: Sequence[tuple[str, Likeness]], found: _Found) -> list[Passage]:
        query = (
            select(Chunk, Document)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.id.in_([chunk for chunk, _ in ranked]))
        )
        rows = {chunk.id: (chunk, document) for chunk, document in (await tx.execute(query))}
        lexical = {hit.id: hit.score for hit in found.text.hits}
        return [
            _passage(*rows[id_], likeness, lexical.get(id_, 0.0)) for id_, likeness in ranked if id_ in rows
        ]


def _likenesses(documents: Mapping[str, str], found: _Found) -> dict[str, Likeness]:
    """What each chunk (of `documents`: chunk → its document) has in common with the question."""
    texts: dict[str, float] = {}
    titles: dict[str, float] = {}
    for hit in found.near:
        kind = titles if hit.kind == "title" else texts
        kind[hit.chunk] = max(kind.get(hit.chunk, -1.0), hit.cosine)
    # A chunk that only its words found is no nearer than the last vector that was returned.
    floor = found.near[-1].cosine if found.near else 0.0
    words = {hit.id: hit.share for hit in found.text.hits}
    pages = {hit.id: hit.share for hit in found.text.pages}
    return {
        chunk: Likeness(
            texts.get(chunk, floor), titles.get(chunk), None, words.get(chunk, 0.0), pages.get(document, 0.0)
        )
        for chunk, document in documents.items()
    }


def _order(likenesses: Mapping[str, Likeness]) -> list[tuple[str, Likeness]]:
    """Best first; equals by id, so that the same question always gets the same order."""
    return sorted(likenesses.items(), key=lambda item: (-item[1].score, item[0]))


def _passage(chunk: Chunk, document: Document, likeness: Likeness, lexical: float) -> Passage:
    return Passage(
        chunk=chunk.id,
        document=document.external_id,
        document_id=document.id,
        version_id=chunk.version_id,
        title=document.title,
        url=document.url,
        heading_path=tuple(map(str, chunk.heading_path)),
        kind=cast(ChunkKind, chunk.kind),
        question=chunk.question,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        score=likeness.score,
        dense=likeness.cosine,
        lexical=lexical,
    )


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Add the block's wall time in milliseconds to `timings`."""
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[stage] = round((time.perf_counter() - start) * 1000, 2)
