"""Vectors by nearness: Chroma, the one place that names it.

Chroma's folder is a projection that can be thrown away. Two processes that write it damage it for good, and a
damaged file can crash whoever opens it, so: one owner by a lock file (`owner_lock.py`), and a child process that
opens it first and asks questions with known answers (`index_check.py`).
"""

import asyncio
import importlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minidesk.errors import IndexUnavailable
from minidesk.knowledge.index_check import (
    KnownAnswer,
    answers_known,
    check_in_child,
    mark_of,
    name_of,
    open_client,
)
from minidesk.knowledge.vectors import Floats, VectorHit, VectorRow, decode
from minidesk.settings import Settings

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection as ChromaCollection

log = logging.getLogger(__name__)

# Rows of one call: half a second of Chroma's work, so that a question that comes meanwhile does not wait longer.
BATCH = 500
# Ids of one call: a megabyte.
ID_PAGE = 10_000


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
        with self._lock, self._writing():
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
        with self._writing():
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

    def _set_position(self, site_id: str, revision: int) -> None:
        with self._writing():
            collection = self._collection(site_id)
            collection.modify(metadata={"revision": revision, "fingerprint": mark_of(self.fingerprint)})
            self._positions[site_id] = revision

    def _begin(self, site_id: str) -> None:
        with self._lock, self._writing():
            self._drop(site_id)
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
        if self._client is None:
            raise IndexUnavailable
        self._collections.pop(site_id, None)
        self._positions.pop(site_id, None)
        if name_of(site_id) in {collection.name for collection in self._client.list_collections()}:
            self._client.delete_collection(name_of(site_id))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What fails while the store is written is ours, and the folder counts as damaged: nobody knows what of it is there."""
        try:
            yield
        except IndexUnavailable:
            raise
        except Exception as error:  # as in _search
            self.damaged = self.damaged or not self._url
            raise IndexUnavailable from error


def _hit(id_: str, distance: float) -> VectorHit:
    chunk, kind, _ = id_.rsplit(":", 2)
    return VectorHit(chunk, kind, 1.0 - float(distance))
