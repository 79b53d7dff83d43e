"""Finds the passages that answer a question: by vectors and by words, checked against SQL."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from typing import Literal

import numpy as np

from minidesk.db import Database
from minidesk.db.models import utc_now
from minidesk.errors import IndexUnavailable, MinideskError
from minidesk.fulltext import FullText, TextResult
from minidesk.knowledge.calibrate import Sample, Samples
from minidesk.knowledge.confidence import OTHERS, Nearness, confidence
from minidesk.knowledge.cross_encoder import Reranker
from minidesk.knowledge.embed import Embedder, Floats
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.fuse import Likeness
from minidesk.knowledge.languages import Reads, SiteLanguages, abroad
from minidesk.knowledge.read import PassageReader, Place, Readers, Reading, Standing
from minidesk.knowledge.records import Passage, SearchResult
from minidesk.knowledge.rerank import READ_AGAIN, echoes, readable, reordered
from minidesk.knowledge.sources import Audience
from minidesk.knowledge.synonyms import Alternates, SynonymBook
from minidesk.knowledge.vectors import VectorHit, VectorIndex
from minidesk.text.plain_forms import plain_forms
from minidesk.text.words import content_stems

log = logging.getLogger(__name__)

# Vectors asked for: a chunk has two or three and an FAQ entry one for each phrasing, so some 40 chunks.
NEAREST = 96
# The same where one language is wanted: a manual in four languages says the same four times.
NEAREST_SPEAKING = 4 * NEAREST
# Chunks, and documents, found by words. The 60th never reached the first ten in any set tried.
BY_WORDS = 60
# Passages that are looked at again, with their vectors: half of a millisecond each dozen. 32 or 64 instead made
# no difference above .001.
SECOND_LOOK = 24


@dataclass(frozen=True, slots=True)
class _Found:
    """What the indexes said, before SQL has confirmed any of it."""

    vector: Floats | None  # of the question; None in text mode
    near: list[VectorHit]
    text: TextResult
    sample: Sample | None  # how near vectors of this base are to each other; None in text mode
    abroad: bool = False  # the model does not read the question's language, or the pages'


@dataclass(frozen=True, slots=True)
class _Picked:
    """What SQL confirmed of it: how the best chunk came out, the passages, and vectors as `SearchResult` gives them."""

    best: Likeness | None
    near: Nearness | None  # None in text mode
    passages: list[Passage]
    vectors: dict[tuple[str, str], Floats]


class Searcher:
    """One site's passages for one question. Without vectors (no model, index missing or being built) words answer alone."""

    def __init__(
        self,
        db: Database,
        embedder: Embedder | None,
        index: VectorIndex | None,
        fulltext: FullText,
        clock: Callable[[], datetime] = utc_now,
        reranker: Reranker | None = None,
        reads: Reads | None = None,
    ) -> None:
        """`embedder` is None where no model could be opened, `index` where this process has no vectors.

        `reranker` reads the best passages again, where one is wanted. `reads`: the embedder's languages; any without.
        """
        self._reads = reads or Reads()
        self._languages = SiteLanguages(db)
        self._reranker = reranker
        self._clock = clock
        self._db = db
        self._reader = PassageReader(db, None if embedder is None else embedder.fingerprint)
        self._embedder = embedder
        self._index = index
        self._fulltext = fulltext
        self._synonyms = SynonymBook(db)
        self._samples = None if embedder is None else Samples(db, embedder.fingerprint)

    async def search(
        self,
        site_id: str,
        query: str,
        *,
        k: int = 8,
        within: Collection[str] | None = None,
        audience: Audience = "public",
        language: str | None = None,
    ) -> SearchResult:
        """The `k` best passages, best first, and how sure we are that the first one answers.

        Only an agent may be shown what is found with the audience `agents`: everything, internal entries too.
        `within` keeps to documents by their public ids, `language` (its two letters) to those that are in it or of which
        nobody said in which they are. `mode` says which of vectors and words were there;
        raises `IndexUnavailable` where neither is, and `Unavailable` where the database is down.
        """
        query = plain_forms(query)
        timings: dict[str, float] = {}
        documents = None if within is None else await self._reader.documents(site_id, within)
        synonyms = await self._synonyms.of(site_id)
        alternates = synonyms.alternates(query)
        words = asyncio.create_task(self._by_words(site_id, query, documents, timings, alternates))
        try:
            count = NEAREST if language is None else NEAREST_SPEAKING
            vector, near = await self._by_vectors(site_id, synonyms.expand(query), count, documents, timings)
        finally:
            text, revision = await words
        if text is None and vector is None:
            raise IndexUnavailable
        sample = None if self._samples is None else await self._samples.of(site_id, revision)
        away = vector is not None and await self._abroad(site_id, query, revision)
        found = _Found(vector, near, text or TextResult([], []), sample, away)
        with _timed(timings, "read"):
            most = k if self._reranker is None else max(k, READ_AGAIN)
            picked = await self._reader.read(
                lambda reading: self._pick(reading, site_id, found, most, Readers(audience, language))
            )
        passages = await self._read_again(query, picked.passages, timings)
        vectors = picked.vectors
        if vector is not None:
            vectors["", hashlib.sha256(query.encode("utf-8", "replace")).hexdigest()] = vector
        mode: Literal["hybrid", "text", "dense"] = (
            "text" if vector is None else "dense" if text is None else "hybrid"
        )
        score = 0.0
        if picked.best is not None:
            likeness = picked.best
            score = confidence(
                picked.near, likeness.words, len(set(content_stems(query))), abroad=likeness.abroad
            )
        return SearchResult(tuple(passages[:k]), score, mode, revision, timings, vectors, alternates)

    async def _abroad(self, site_id: str, query: str, revision: int) -> bool:
        if self._reads.languages is None:
            return False
        return abroad(self._reads, query, await self._languages.of(site_id, revision))

    async def _read_again(
        self, query: str, passages: list[Passage], timings: dict[str, float]
    ) -> list[Passage]:
        """The passages in the order that the reranker gives them; as they are where there is none, or where it fails."""
        if self._reranker is None or not passages:
            return passages
        with _timed(timings, "rerank"):
            best = passages[:READ_AGAIN]
            scores = await self._reranker.scores(query, [readable(passage) for passage in best])
            return passages if scores is None else reordered(best, scores) + passages[READ_AGAIN:]

    async def _by_words(
        self,
        site_id: str,
        query: str,
        documents: Collection[str] | None,
        timings: dict[str, float],
        alternates: Alternates,
    ) -> tuple[TextResult | None, int]:
        with _timed(timings, "words"):
            try:
                return await asyncio.to_thread(self._words, site_id, query, documents, alternates)
            except IndexUnavailable:
                return None, 0

    def _words(
        self, site_id: str, query: str, documents: Collection[str] | None, alternates: Alternates
    ) -> tuple[TextResult, int]:
        found = self._fulltext.search(site_id, query, BY_WORDS, documents, alternates)
        return found, self._fulltext.revision(site_id)

    async def _by_vectors(
        self,
        site_id: str,
        query: str,
        count: int,
        documents: Collection[str] | None,
        timings: dict[str, float],
    ) -> tuple[Floats | None, list[VectorHit]]:
        """The question's vector and the `count` vectors nearest to it; (None, []) where there is no model or no index."""
        if self._embedder is None or self._index is None:
            return None, []
        try:
            with _timed(timings, "embed"):
                vector = await self._embedder.query(query)
            with _timed(timings, "vectors"):
                if documents is None:
                    return vector, await self._index.search(site_id, vector, count)
                # A filter costs Chroma 20–50 ms; these few are ranked faster one by one.
                exact = ExactIndex(self._db, self._embedder.fingerprint)
                return vector, await exact.search(site_id, vector, count, documents)
        except MinideskError as error:
            log.warning("searching by words only: %s", error.code)
            return None, []

    def _pick(self, reading: Reading, site_id: str, found: _Found, k: int, who: Readers) -> _Picked:
        """What SQL confirms of it, best first. Runs between two statements of one transaction: quick work only."""
        ids = {hit.chunk for hit in found.near} | {hit.id for hit in found.text.hits}
        places = reading.places_of(ids)
        likenesses = _likenesses(places, found)
        # In the order of their scores, so that only those that come into question need be confirmed.
        order = [chunk for chunk, _ in _order(likenesses)]
        wanted = max(k, SECOND_LOOK)
        allowed = reading.first_confirmed(site_id, order, wanted, self._clock(), who)
        ranked = [(chunk, likenesses[chunk]) for chunk in allowed]
        if found.vector is not None and found.sample is not None:
            again = _second_look(dict(ranked[:SECOND_LOOK]), places, reading, found.vector, found.sample)
            ranked = _order(again) + ranked[SECOND_LOOK:]
        lexical = {hit.id: hit.score for hit in found.text.hits}
        # Behind those that were looked at again, scores have another scale: none may seem better than what stands before it.
        scores = accumulate((like.score for _, like in ranked[:k]), min)
        standings = {
            chunk: Standing(score, like.cosine, lexical.get(chunk, 0.0), like.phrasing)
            for (chunk, like), score in zip(ranked, scores, strict=False)
        }
        return _Picked(
            ranked[0][1] if ranked else None,
            _nearness([like for _, like in ranked], found),
            reading.passages(standings),
            reading.vectors(list(standings)),
        )


def _likenesses(places: Mapping[str, Place], found: _Found) -> dict[str, Likeness]:
    """What each chunk has in common with the question, as far as the indexes say."""
    near: dict[str, dict[str, float]] = {"text": {}, "phrasing": {}, "title": {}}
    for hit in found.near:
        of_kind = near[hit.kind]
        of_kind[hit.chunk] = max(of_kind.get(hit.chunk, -1.0), hit.cosine)
    # A chunk that only its words found is no nearer than the last vector that was returned.
    floor = found.near[-1].cosine if found.near else 0.0
    words = {hit.id: hit.share for hit in found.text.hits}
    pages = {hit.id: hit.share for hit in found.text.pages}
    return {
        chunk: Likeness(
            near["text"].get(chunk, floor),
            near["phrasing"].get(chunk),
            near["title"].get(chunk),
            words=words.get(chunk, 0.0),
            page_words=pages.get(place.document, 0.0),
            abroad=found.abroad,
        )
        for chunk, place in places.items()
    }


def _second_look(
    likenesses: Mapping[str, Likeness],
    places: Mapping[str, Place],
    reading: Reading,
    vector: Floats,
    sample: Sample,
) -> dict[str, Likeness]:
    """The same passages with what their stored vectors say: sentences, crowds, leads, and what the best have in common."""
    chunks = list(likenesses)
    texts = reading.texts(chunks)
    sentences = reading.sentence_cosines(chunks, vector)
    known = [chunk for chunk in chunks if chunk in texts]
    matrix = np.stack([texts[chunk] for chunk in known]) if known else np.empty((0, len(vector)), np.float32)
    crowds = dict(zip(known, sample.crowd(matrix).tolist(), strict=True))
    cosines = dict(zip(known, (matrix @ vector).tolist(), strict=True))
    looked = {
        chunk: replace(
            like,
            text=cosines.get(chunk, like.text),
            sentence=sentences.get(chunk),
            crowd=crowds.get(chunk, 0.0),
        )
        for chunk, like in likenesses.items()
    }
    leads = {places[chunk].document: chunk for chunk in known if places[chunk].ordinal == 0}
    for chunk in known:
        lead = leads.get(places[chunk].document)
        if lead is not None and lead != chunk:
            kin = float(texts[chunk] @ texts[lead])
            looked[chunk] = replace(looked[chunk], lead=looked[lead].near, kin=kin)
    echo, agreement = echoes({chunk: like.total for chunk, like in looked.items()}, texts)
    # Without a vector (it has one of another model) it must stay where its words put it: it was not found by nearness.
    most = max(echo.values(), default=0.0)
    return {
        chunk: replace(like, echo=echo.get(chunk, most), agreement=agreement)
        for chunk, like in looked.items()
    }


def _nearness(ranked: Sequence[Likeness], found: _Found) -> Nearness | None:
    """What the certainty is made of, from the cosines of all that was near and of the top passage."""
    if found.vector is None or not ranked:
        return None
    best: dict[str, float] = {}
    for hit in found.near:
        if hit.kind != "title":
            best[hit.chunk] = max(best.get(hit.chunk, -1.0), hit.cosine)
    others = sorted(best.values(), reverse=True)[:OTHERS]
    usual = sum(others) / len(others) if others else 0.0
    nearest = max(max(like.text, -1.0 if like.phrasing is None else like.phrasing) for like in ranked)
    return Nearness(nearest, ranked[0].answer, usual)


def _order(likenesses: Mapping[str, Likeness]) -> list[tuple[str, Likeness]]:
    """Best first; equals by id, so that the same question always gets the same order."""
    return sorted(likenesses.items(), key=lambda item: (-item[1].score, item[0]))


@contextmanager
def _timed(timings: dict[str, float], stage: str) -> Iterator[None]:
    """Add the block's wall time in milliseconds to `timings`."""
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[stage] = round((time.perf_counter() - start) * 1000, 2)
