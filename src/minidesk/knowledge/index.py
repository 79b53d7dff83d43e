"""Vectors by nearness: Chroma (the one place that names it), and an exact search over SQL's own copy.

Chroma's folder is a projection that can be thrown away. Two processes that write it damage it for good, and a
damaged file can crash whoever opens it, so: one owner by a lock file, and a child process that opens it first
and asks questions with known answers.
"""

import asyncio
import fcntl
import importlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document, KnowledgeRevision, Site, Vector
from minidesk.errors import Conflict, IndexUnavailable
from minidesk.knowledge.index_check import (
    KnownAnswer,
    answers_known,
    check_in_child,
    mark_of,
    name_of,
    open_client,
)
from minidesk.settings import Settings

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection as ChromaCollection

log = logging.getLogger(__name__)

# What is nearest is looked for among these kinds; vectors of sentences only order what was found (search.py). With those
# of titles, half of all, nDCG@10 was .001 lower on four sets; all passages of a page share one, and Chroma's graph loses
# the way to vectors that stand beside hundreds of equal ones.
RANKED_KINDS = ("text", "phrasing")
# Rows of one call: half a second of Chroma's work, so that a question that comes meanwhile does not wait longer.
BATCH = 500
# Ids of one call: a megabyte.
ID_PAGE = 10_000
# Vectors that must find themselves, or up to twice as many. A lost segment still counts all its rows but answers with
# one (F7); a store that had lost an eighth of them passed with 24 once in 25 times, with 48 once in 600.
KNOWN_ANSWERS = 48

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


class OwnerLock:
    """The right to write the indexes of a data folder: one process at a time, freed by the system even after kill -9."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "index.lock"
        self._file: Any = None

    def acquire(self) -> bool:
        """True if this object now holds the lock, False if another process (or object) does."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Let the next one in."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "OwnerLock":
        if not self.acquire():
            raise Conflict(
                "Another minidesk process owns the indexes of this data folder. Stop it first, or use its console.",
                code="index_locked",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


class ChromaIndex:
    """One Chroma collection a site, with its position (the revision that it holds) in the collection's metadata.

    A collection without a position is being built and answers nothing; one of another embedding model counts as
    missing. Only the holder of the `OwnerLock` may open the embedded store.
    """

    def __init__(
        self, folder: Path, fingerprint: str, url: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        """`folder`: Chroma's own; `url`: a server's address, used instead; `clock` names folders that are moved aside."""
        self._folder = folder
        self._url = url
        self.fingerprint = fingerprint
        self._clock = clock
        self._client: ClientAPI | None = None
        self._collections: dict[str, ChromaCollection] = {}
        self._positions: dict[str, int] = {}
        self._lock = threading.RLock()
        self.damaged = False  # set by whoever finds it so; the follower then rebuilds

    @classmethod
    def from_settings(cls, settings: Settings, fingerprint: str) -> "ChromaIndex":
        """The index that `settings` ask for."""
        return cls(settings.data_dir / "chroma", fingerprint, settings.chroma_url)

    @property
    def is_open(self) -> bool:
        """Whether questions can be asked."""
        return self._client is not None

    async def open(self, known: Sequence[KnownAnswer]) -> bool:
        """Open the store; False if what was there failed its known answers and was moved aside. Raises `IndexUnavailable`."""
        return await asyncio.to_thread(self._open, known)

    async def reset(self) -> None:
        """Close the store, move its folder aside and open an empty one."""
        await asyncio.to_thread(self._reset)

    async def search(self, site_id: str, vector: Floats, n: int) -> list[VectorHit]:
        """The `n` nearest vectors of a site, nearest first. Raises `IndexUnavailable` while it is missing or being built."""
        return await asyncio.to_thread(self._search, site_id, vector, n)

    async def revision(self, site_id: str) -> int:
        """The revision that the site's collection holds; -1 where there is none, or an unfinished or unfitting one."""
        return await asyncio.to_thread(self._position, site_id)

    async def apply(
        self, site_id: str, added: Sequence[VectorRow], removed: Collection[str], revision: int
    ) -> None:
        """Add (or replace) vectors, remove those of the chunks `removed`, then store the position. Repeating it is harmless."""
        await asyncio.to_thread(self._apply, site_id, added, removed)
        await asyncio.to_thread(self._set_position, site_id, revision)

    async def begin(self, site_id: str) -> None:
        """Start the site's collection afresh; it answers nothing until `finish`."""
        await asyncio.to_thread(self._begin, site_id)

    async def add(self, site_id: str, rows: Sequence[VectorRow]) -> None:
        """Add rows to a collection that was begun."""
        await asyncio.to_thread(self._apply, site_id, rows, ())

    async def finish(self, site_id: str, revision: int) -> None:
        """Let a collection that was begun answer."""
        await asyncio.to_thread(self._set_position, site_id, revision)

    async def ids(self, site_id: str) -> set[str]:
        """The ids of all vectors of a site, as `VectorRow.id` gives them. Raises `IndexUnavailable`."""
        return await asyncio.to_thread(self._ids, site_id)

    async def is_damaged(self) -> bool:
        """Whether somebody found the open store damaged, or its folder has gone."""
        if not self.damaged and not self._url:
            self.damaged = not await asyncio.to_thread((self._folder / "chroma.sqlite3").exists)
        return self.damaged

    async def healthy(self, known: Sequence[KnownAnswer]) -> bool:
        """Ask the open store its known answers. A False marks it damaged."""
        client = self._client
        if client is None:
            return False
        fine = await asyncio.to_thread(answers_known, client, known, self.fingerprint)
        self.damaged = self.damaged or not fine
        return fine

    def close(self) -> None:
        """Flush and let go of the files."""
        with self._lock:
            self._collections.clear()
            self._positions.clear()
            client, self._client = self._client, None
            if client is not None:
                client.close()  # type: ignore[attr-defined]  # the interface does not name it, every client has it

    def _open(self, known: Sequence[KnownAnswer]) -> bool:
        fine = True
        # Importing it takes 0.4 s, while the child is doing the same on another core.
        threading.Thread(target=importlib.import_module, args=("chromadb",), daemon=True).start()
        if (
            not self._url
            and self._folder.exists()
            and not check_in_child(self._folder, known, self.fingerprint)
        ):
            self._move_aside()
            fine = False
        self._connect()
        return fine

    def _connect(self) -> None:
        with self._lock:
            try:
                self._client = open_client(self._folder, self._url)
            except Exception as error:  # chromadb raises ValueError, its own classes and Rust's panics alike
                raise IndexUnavailable from error
            self.damaged = False

    def _reset(self) -> None:
        with self._lock:
            self.close()
            if not self._url:
                self._move_aside()
            self._connect()
            if self._url and self._client is not None:
                for collection in self._client.list_collections():
                    if collection.name.startswith("site-"):
                        self._client.delete_collection(collection.name)

    def _move_aside(self) -> None:
        if not self._folder.exists():
            return
        base = f"{self._folder.name}.damaged-"
        # One is kept for whoever wants to know what happened; a store that fails daily must not fill the disk.
        for old in self._folder.parent.glob(base + "*"):
            shutil.rmtree(old, ignore_errors=True)
        self._folder.rename(self._folder.with_name(f"{base}{int(self._clock())}"))
        log.warning("the vector index was damaged: moved aside, and built again from the database")

    def _collection(self, site_id: str) -> "ChromaCollection":
        with self._lock:
            if self._client is None:
                raise IndexUnavailable
            if site_id not in self._collections:
                self._collections[site_id] = self._client.get_collection(
                    name_of(site_id), embedding_function=None
                )
            return self._collections[site_id]

    def _position(self, site_id: str) -> int:
        if self._client is None:
            return -1
        if (
            site_id not in self._positions or self._url
        ):  # a server's collection is followed by another process
            try:
                meta = self._collection(site_id).metadata or {}
            except Exception:  # missing, or unreadable: either way it has to be built
                return -1
            fits = meta.get("fingerprint") == mark_of(self.fingerprint)
            self._positions[site_id] = int(meta.get("revision", -1)) if fits else -1
        return self._positions[site_id]

    def _search(self, site_id: str, vector: Floats, n: int) -> list[VectorHit]:
        if self.damaged or self._position(site_id) < 0:
            raise IndexUnavailable
        try:
            collection = self._collection(site_id)
        except Exception as error:  # gone meanwhile, or unreadable; the follower looks
            raise IndexUnavailable from error
        try:
            found = collection.query(
                query_embeddings=np.asarray([vector], np.float32), n_results=n, include=["distances"]
            )
        except Exception as error:  # files that went away while open show as many classes
            # Not damaged if the follower put another collection in its place just now.
            self.damaged = self._collections.get(site_id) is collection and not self._url
            raise IndexUnavailable from error
        distances = found["distances"] or [[]]
        return [_hit(id_, distance) for id_, distance in zip(found["ids"][0], distances[0], strict=True)]

    def _ids(self, site_id: str) -> set[str]:
        try:
            collection = self._collection(site_id)
            found: set[str] = set()
            while page := collection.get(limit=ID_PAGE, offset=len(found), include=[])["ids"]:
                found.update(page)
        except IndexUnavailable:
            raise
        except Exception as error:  # missing, or as in _search
            raise IndexUnavailable from error
        return found

    def _apply(self, site_id: str, added: Sequence[VectorRow], removed: Collection[str]) -> None:
        try:
            collection = self._collection(site_id)
            gone = sorted(removed)
            for start in range(0, len(gone), BATCH):
                collection.delete(where={"chunk": {"$in": gone[start : start + BATCH]}})  # type: ignore[dict-item]  # its types know lists of exact types only
            for start in range(0, len(added), BATCH):
                rows = added[start : start + BATCH]
                collection.upsert(
                    ids=[row.id for row in rows],
                    embeddings=decode(rows),
                    metadatas=[{"chunk": row.chunk} for row in rows],
                )
        except IndexUnavailable:
            raise
        except Exception as error:  # as in _search
            self.damaged = self.damaged or not self._url
            raise IndexUnavailable from error

    def _set_position(self, site_id: str, revision: int) -> None:
        collection = self._collection(site_id)
        collection.modify(metadata={"revision": revision, "fingerprint": mark_of(self.fingerprint)})
        self._positions[site_id] = revision

    def _begin(self, site_id: str) -> None:
        self._drop(site_id)
        with self._lock:
            if self._client is None:
                raise IndexUnavailable
            self._collections[site_id] = self._client.create_collection(
                name_of(site_id),
                embedding_function=None,
                metadata={"revision": -1, "fingerprint": mark_of(self.fingerprint)},
                # Cosine, and a list of candidates twice as long as what search asks for.
                configuration={"hnsw": {"space": "cosine", "ef_search": 128}},
            )
            self._positions[site_id] = -1

    def _drop(self, site_id: str) -> None:
        with self._lock:
            if self._client is None:
                raise IndexUnavailable
            self._collections.pop(site_id, None)
            self._positions.pop(site_id, None)
            if name_of(site_id) in {collection.name for collection in self._client.list_collections()}:
                self._client.delete_collection(name_of(site_id))


class ExactIndex:
    """Ranks a site's vectors in SQL one by one: for a command that finds the lock held, and for `within`.

    20,000 vectors take 30 ms and 15 MB; nothing has to be built.
    """

    def __init__(self, db: Database, fingerprint: str) -> None:
        self._db = db
        self._fingerprint = fingerprint
        self._kept: tuple[tuple[str, int], list[VectorRow], NDArray[np.float16]] | None = None

    async def search(
        self, site_id: str, vector: Floats, n: int, documents: Collection[str] | None = None
    ) -> list[VectorHit]:
        """The `n` nearest vectors of a site, nearest first; `documents` (internal ids) keeps to these."""
        rows, matrix = await self._vectors(site_id, documents)
        if not rows:
            return []
        return await asyncio.to_thread(_nearest, rows, matrix, vector, n)

    async def _vectors(
        self, site_id: str, documents: Collection[str] | None
    ) -> tuple[list[VectorRow], NDArray[np.float16]]:
        async with self._db.read() as tx:
            revision = await tx.scalar(select(Site.knowledge_revision).where(Site.id == site_id))
            key = (site_id, revision or 0)
            if documents is None and self._kept is not None and self._kept[0] == key:
                return self._kept[1], self._kept[2]
            query = current_vectors(site_id, self._fingerprint)
            if documents is not None:
                query = query.where(Chunk.document_id.in_(documents))
            found = await tx.execute(query)
            rows = [VectorRow(chunk, kind, ordinal, data) for _, chunk, kind, ordinal, data in found]
        matrix = (
            np.stack([np.frombuffer(row.data, "<f2") for row in rows])
            if rows
            else np.empty((0, 0), np.float16)
        )
        if documents is None:
            self._kept = (key, rows, matrix)
        return rows, matrix


async def known_answers(db: Database, fingerprint: str, site_id: str | None = None) -> list[KnownAnswer]:
    """Some stored vectors of each site (or one), from documents all over it and the newest, as SQL knows them now."""
    found = []
    async with db.read() as tx:
        chosen = select(Site.id, Site.knowledge_revision)
        sites = await tx.execute(chosen if site_id is None else chosen.where(Site.id == site_id))
        for site, revision in sites.all():
            rows = await _rows_of(tx, site, fingerprint, await _sample(tx, site))
            if rows:
                found.append(known_answer(site, revision, rows))
    return found


async def _rows_of(tx: Tx, site_id: str, fingerprint: str, documents: Sequence[str]) -> list[VectorRow]:
    """Vectors of some current chunks of these documents, one every so-many."""
    chunks = (
        select(Chunk.id)
        .join(Document, Document.id == Chunk.document_id)
        .where(Chunk.document_id.in_(documents), Document.current_version_id == Chunk.version_id)
    )
    ids = sorted(await tx.scalars(chunks))
    # The site is compared here: where it stands in the query SQLite reads all of the site's vectors, which took
    # ten seconds at 100,000 passages.
    query = select(Vector.site_id, Vector.chunk_id, Vector.kind, Vector.ordinal, Vector.data).where(
        Vector.chunk_id.in_(ids[:: max(1, len(ids) // KNOWN_ANSWERS)]),
        Vector.kind.in_(RANKED_KINDS),
        Vector.fingerprint == fingerprint,
    )
    return [
        VectorRow(chunk, kind, ordinal, data)
        for site, chunk, kind, ordinal, data in await tx.execute(query)
        if site == site_id
    ]


def known_answer(site_id: str, revision: int, rows: Sequence[VectorRow]) -> KnownAnswer:
    """Some of these rows, from end to end, as what the index must find when it holds this revision."""
    some = rows[:: max(1, len(rows) // KNOWN_ANSWERS)]
    vectors = tuple(tuple(map(float, vector)) for vector in decode(some))
    return KnownAnswer(site_id, revision, tuple(row.id for row in some), vectors)


async def _sample(tx: Tx, site_id: str) -> list[str]:
    """Documents that answer: every so-manieth, and those of the last changes, which a crash is likeliest to have cost."""
    place = func.row_number().over(order_by=Document.external_id)
    all_ = select(Document.id, place.label("place")).where(
        Document.site_id == site_id, Document.current_version_id.is_not(None)
    )
    count = await tx.scalar(select(func.count()).select_from(all_.subquery())) or 0
    numbered = all_.subquery()
    spread = await tx.scalars(
        select(numbered.c.id).where(numbered.c.place % max(1, count // KNOWN_ANSWERS) == 0)
    )
    newest = select(KnowledgeRevision.document_id).where(KnowledgeRevision.site_id == site_id)
    last = await tx.scalars(newest.order_by(KnowledgeRevision.n.desc()).limit(KNOWN_ANSWERS // 4))
    return list(dict.fromkeys([*spread, *last]))


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


def _hit(id_: str, distance: float) -> VectorHit:
    chunk, kind, _ = id_.rsplit(":", 2)
    return VectorHit(chunk, kind, 1.0 - float(distance))


def _nearest(
    rows: Sequence[VectorRow], matrix: NDArray[np.float16], vector: Floats, n: int
) -> list[VectorHit]:
    cosines = np.empty(len(rows), np.float32)
    for start, block in _blocks(matrix):
        cosines[start : start + len(block)] = block.astype(np.float32) @ vector
    best = np.argsort(-cosines, kind="stable")[:n]
    return [VectorHit(rows[i].chunk, rows[i].kind, float(cosines[i])) for i in best]


def _blocks(matrix: NDArray[np.float16], size: int = 4096) -> Iterator[tuple[int, NDArray[np.float16]]]:
    """Pieces of 4,096 rows: as float32 they are 6 MB at a time instead of all at once."""
    for start in range(0, len(matrix), size):
        yield start, matrix[start : start + size]
