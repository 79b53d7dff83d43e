"""What search reads from SQL: which chunks this site may see, their vectors and their passages.

A search reads in one go: the statements and the ranking between them run as one piece of work on one
connection (`PassageReader.read`), because every change of threads costs more than a statement.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, Select, bindparam, select

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, Vector
from minidesk.knowledge.lifecycle import may_answer, speaks
from minidesk.knowledge.records import ChunkKind, Passage
from minidesk.knowledge.sources import Audience

Floats = NDArray[np.float32]
T = TypeVar("T")
Statement = Select[*tuple[Any, ...]]
Rows = Sequence[Row[*tuple[Any, ...]]]
# Passages whose place is kept in mind: 13 MB when full.
PLACES = 50_000
# Passages whose vectors are kept in mind, those read last: 13 MB. A shop's usual questions are about few pages.
VECTORS = 1_000
# Passages confirmed beyond those that are wanted, so that a few which may not be shown cost no second statement.
SPARE = 8
_AUDIENCES: tuple[Audience, ...] = ("public", "agents")


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a passage came out: what it scored, and what of that was nearness and what were words."""

    score: float
    dense: float
    lexical: float
    phrasing: float | None


@dataclass(frozen=True, slots=True)
class Readers:
    """Who is told: visitors or agents, and in which language (two letters) where only that one is wanted."""

    audience: Audience = "public"
    language: str | None = None


# By kind and, of a sentence, its hash.
Vectors = list[tuple[str, str, Floats]]


class _Kept:
    """Vectors of the passages that were read last. Searches run in threads side by side, hence the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: dict[str, Vectors] = {}  # those longest unused first

    def take(self, chunks: Sequence[str]) -> dict[str, Vectors]:
        """Those that are known."""
        with self._lock:
            found = {chunk: self._of.pop(chunk) for chunk in chunks if chunk in self._of}
            self._of.update(found)
        return found

    def keep(self, read: Mapping[str, Vectors]) -> None:
        """Add what was read. A chunk without vectors may get some yet and is not kept."""
        # Copies: each would otherwise hold the whole block that it was read with in memory.
        copied = {
            chunk: [(kind, text_hash, vector.copy()) for kind, text_hash, vector in vectors]
            for chunk, vectors in read.items()
            if vectors
        }
        with self._lock:
            self._of.update(copied)
            for chunk in list(self._of)[: max(0, len(self._of) - VECTORS)]:
                del self._of[chunk]


class Place(NamedTuple):
    """Where a chunk stands: its document, and the number of chunks before it there."""

    document: str
    ordinal: int


class _Statements:
    """What is asked, put together once: building a statement takes SQLAlchemy as long as SQLite takes to answer it."""

    def __init__(self, fingerprint: str | None) -> None:
        chunks = Chunk.id.in_(bindparam("chunks", expanding=True))
        self.documents: Statement = select(Document.id).where(
            Document.site_id == bindparam("site"),
            Document.external_id.in_(bindparam("public", expanding=True)),
        )
        self.places: Statement = select(Chunk.id, Chunk.document_id, Chunk.ordinal).where(chunks)
        now = cast(datetime, bindparam("now"))
        self.confirmed: dict[Audience, Statement] = {
            audience: select(Chunk.id, Chunk.site_id, Document.site_id)
            .join(Document, Document.id == Chunk.document_id)
            .where(chunks, Document.current_version_id == Chunk.version_id, may_answer(now, audience))
            for audience in _AUDIENCES
        }
        language = speaks(cast(str, bindparam("language")))
        self.speaking = {audience: query.where(language) for audience, query in self.confirmed.items()}
        self.vectors: Statement = select(Vector.chunk_id, Vector.kind, Vector.text_hash, Vector.data).where(
            Vector.chunk_id.in_(bindparam("chunks", expanding=True)),
            Vector.kind.in_(("text", "title", "sentence")),
            Vector.fingerprint == fingerprint,
        )
        self.passages: Statement = (
            select(
                Chunk.id.label("chunk"),
                Document.external_id.label("document"),
                Chunk.document_id,
                Chunk.version_id,
                Document.title,
                Document.url,
                Chunk.heading_path,
                Chunk.kind,
                Chunk.question,
                Chunk.phrasings,
                Chunk.text,
                Chunk.start,
                Chunk.end,
                Chunk.page,
            )
            .join(Document, Document.id == Chunk.document_id)
            .where(chunks)
        )


class PassageReader:
    """Opens one consistent view of SQL for a search."""

    def __init__(self, db: Database, fingerprint: str | None) -> None:
        """`fingerprint`: of the embedding model; None where there is none, and no vectors are read."""
        self._db = db
        self._fingerprint = fingerprint
        self._statements = _Statements(fingerprint)
        # By chunk. None is ever moved, and no id is given twice: nothing here can grow old.
        self._places: dict[str, Place] = {}
        self._kept = _Kept()

    async def read(self, work: Callable[["Reading"], T]) -> T:
        """`work`'s result. It runs inside one reading transaction and must not keep the `Reading`.

        Raises `Unavailable` where the database cannot be reached.
        """
        return await self._db.read_at_once(
            lambda connection: work(
                Reading(
                    connection,
                    self._statements,
                    self._places,
                    self._kept if self._fingerprint is not None else None,
                )
            )
        )

    async def documents(self, site_id: str, public: Collection[str]) -> list[str]:
        """The internal ids of a site's documents by their public ones; unknown ones are left out."""
        return await self.read(lambda reading: reading.documents(site_id, public))


class Reading:
    """One transaction's view."""

    def __init__(
        self,
        connection: Connection,
        statements: _Statements,
        places: dict[str, Place],
        vectors: _Kept | None,
    ) -> None:
        """`places` and `vectors` are filled here and kept for the next search; `vectors` None: none are read."""
        self._connection = connection
        self._statements = statements
        self._places = places
        self._kept = vectors
        # The best chunks' are asked for twice: to rank, and to be given.
        self._vectors: dict[str, Vectors] = {}

    def documents(self, site_id: str, public: Collection[str]) -> list[str]:
        """The internal ids of a site's documents by their public ones; unknown ones are left out."""
        query = self._statements.documents
        return list(self._connection.scalars(query, {"site": site_id, "public": list(public)}))

    def places_of(self, chunks: Collection[str]) -> dict[str, Place]:
        """Where chunks stand; unknown ones are left out.

        Says nothing about who may see them: that is for `confirmed`.
        """
        unknown = [chunk for chunk in chunks if chunk not in self._places]
        rows = self._all(self._statements.places, chunks=unknown)
        read = {chunk: Place(document, ordinal) for chunk, document, ordinal in rows}
        found = {chunk: self._places.get(chunk) or read.get(chunk) for chunk in chunks}
        if len(self._places) + len(read) > PLACES:
            self._places.clear()
        self._places.update(read)
        return {chunk: place for chunk, place in found.items() if place is not None}

    def first_confirmed(
        self, site_id: str, chunks: Sequence[str], wanted: int, now: datetime, who: Readers
    ) -> list[str]:
        """The first `wanted` of `chunks` that may be shown, in their order."""
        found: list[str] = []
        at = 0
        while len(found) < wanted and at < len(chunks):
            some = chunks[at : at + wanted + SPARE]
            known = self.confirmed(site_id, some, now, who)
            found += [chunk for chunk in some if chunk in known]
            at += len(some)
        return found[:wanted]

    def confirmed(self, site_id: str, chunks: Collection[str], now: datetime, who: Readers) -> set[str]:
        """Those of `chunks` that are this site's and of their document's current version.

        Documents that have expired or that these readers must not be told or would not understand are left out. An index may be behind, or
        hold what it should not: SQL decides what may be seen.
        """
        if who.language is None:
            rows = self._all(self._statements.confirmed[who.audience], chunks=list(chunks), now=now)
        else:
            speaking = self._statements.speaking[who.audience]
            rows = self._all(speaking, chunks=list(chunks), now=now, language=who.language)
        # The sites are compared here, because SQLite takes the index by site when they stand in the query and reads
        # 20,000 rows for 100.
        return {
            chunk for chunk, of_chunk, of_document in rows if of_chunk == site_id and of_document == site_id
        }

    def sentence_cosines(self, chunks: Sequence[str], vector: Floats) -> dict[str, float]:
        """The cosine of each chunk's nearest sentence, where its sentences have vectors."""
        self._load(chunks)
        found = [
            (chunk, one)
            for chunk in chunks
            for kind, _, one in self._vectors.get(chunk, ())
            if kind == "sentence"
        ]
        if not found:
            return {}
        best: dict[str, float] = {}
        cosines = (np.stack([one for _, one in found]) @ vector).tolist()
        for (chunk, _), cosine in zip(found, cosines, strict=True):
            best[chunk] = max(best.get(chunk, -1.0), cosine)
        return best

    def texts(self, chunks: Sequence[str]) -> dict[str, Floats]:
        """The vectors of the chunks' texts, where they have one."""
        self._load(chunks)
        return {
            chunk: vector
            for chunk in chunks
            for kind, _, vector in self._vectors.get(chunk, ())
            if kind == "text"
        }

    def vectors(self, chunks: Sequence[str]) -> dict[tuple[str, str], Floats]:
        """Stored vectors of these chunks, as `SearchResult.vectors` gives them."""
        self._load(chunks)
        return {
            (chunk, text_hash if kind == "sentence" else kind): vector
            for chunk in chunks
            for kind, text_hash, vector in self._vectors.get(chunk, ())
        }

    def passages(self, standings: Mapping[str, Standing]) -> list[Passage]:
        """The passages of confirmed chunks, in the order of `standings` (chunk id → how it came out)."""
        rows = self._all(self._statements.passages, chunks=list(standings))
        found = {row.chunk: _passage(row, standings[row.chunk]) for row in rows}
        return [found[chunk] for chunk in standings if chunk in found]

    def _load(self, chunks: Sequence[str]) -> None:
        """Read the vectors of those chunks that have not been read yet."""
        wanted = [chunk for chunk in chunks if chunk not in self._vectors]
        if self._kept is None or not wanted:
            return
        self._vectors.update(self._kept.take(wanted))
        missing = [chunk for chunk in wanted if chunk not in self._vectors]
        self._read_vectors(missing)
        self._kept.keep({chunk: self._vectors[chunk] for chunk in missing})

    def _read_vectors(self, missing: list[str]) -> None:
        self._vectors.update((chunk, []) for chunk in missing)
        rows = self._all(self._statements.vectors, chunks=missing)
        if not rows:
            return
        data = np.frombuffer(b"".join(row[3] for row in rows), "<f2")
        matrix = data.reshape(len(rows), -1).astype(np.float32)
        for (chunk, kind, text_hash, _), vector in zip(rows, matrix, strict=True):
            self._vectors[chunk].append((kind, text_hash, vector))

    def _all(self, query: Statement, *, chunks: Sequence[str], **values: object) -> Rows:
        if not chunks:
            return []
        return self._connection.execute(query, {"chunks": chunks, **values}).all()


def _passage(row: Row[*tuple[Any, ...]], standing: Standing) -> Passage:
    return Passage(
        chunk=row.chunk,
        document=row.document,
        document_id=row.document_id,
        version_id=row.version_id,
        title=row.title,
        url=row.url,
        heading_path=tuple(map(str, row.heading_path)),
        kind=cast(ChunkKind, row.kind),
        question=row.question,
        text=row.text,
        start=row.start,
        end=row.end,
        page=row.page,
        score=standing.score,
        dense=standing.dense,
        lexical=standing.lexical,
        phrasing=standing.phrasing,
        phrasings=tuple(map(str, row.phrasings)),
    )
