"""The check of Chroma's folder before it is opened: a damaged file can crash whoever opens it, so a child does so first.

Apart from `index.py` because the child must come up fast: what is imported here is imported at every start, twice.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import numpy as np

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.models.Collection import Collection as ChromaCollection

# Importing chromadb and opening 100k vectors took 3 s; a child that hangs on a damaged file is given up then.
CHECK_SECONDS = 60
# A float16 copy of a unit vector is within .0005 of itself.
SAME = 0.002
# Raised when a collection should hold other vectors than before: one of an earlier format counts as missing.
FORMAT = 2


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """Vectors of a site that must be found by themselves; `revision` is the site's when they were read."""

    site: str
    revision: int
    ids: tuple[str, ...]
    vectors: tuple[tuple[float, ...], ...]


def name_of(site_id: str) -> str:
    """The collection of a site."""
    return f"site-{site_id}"


def mark_of(fingerprint: str) -> str:
    """What a collection says of the vectors that it holds: of which model, and chosen how."""
    return f"{fingerprint}/{FORMAT}"


def open_client(folder: Path, url: str) -> "ClientAPI":
    """Open the store: the folder, or the server at `url`."""
    import chromadb
    from chromadb.config import Settings as ChromaSettings

    quiet = ChromaSettings(anonymized_telemetry=False)
    if url:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 8000)
        return chromadb.HttpClient(
            parts.hostname or "localhost", port, ssl=parts.scheme == "https", settings=quiet
        )
    folder.mkdir(parents=True, exist_ok=True)
    return chromadb.PersistentClient(str(folder), settings=quiet)


def answers_known(client: "ClientAPI", known: Iterable[KnownAnswer], fingerprint: str) -> bool:
    """Whether every stored known vector finds itself (or its equal), and a collection that is up to date has them all."""
    try:
        names = {collection.name for collection in client.list_collections()}
        for answer in known:
            if name_of(answer.site) not in names:
                continue  # not built yet: the follower does that, and nothing is damaged
            collection = client.get_collection(name_of(answer.site), embedding_function=None)
            meta = collection.metadata or {}
            if meta.get("fingerprint") != mark_of(fingerprint) or int(meta.get("revision", -1)) < 0:
                continue
            if not _finds_itself(collection, answer, complete=int(meta["revision"]) == answer.revision):
                return False
    except Exception:  # whatever a damaged store raises, the answer is the same
        return False
    return True


def _finds_itself(collection: "ChromaCollection", answer: KnownAnswer, *, complete: bool) -> bool:
    stored = set(collection.get(ids=list(answer.ids), include=[])["ids"])
    if complete and len(stored) < len(answer.ids):
        return False
    asked = {id_: vector for id_, vector in zip(answer.ids, answer.vectors, strict=True) if id_ in stored}
    if not asked:
        return True
    found = collection.query(
        query_embeddings=np.asarray(list(asked.values()), np.float32), n_results=1, include=["distances"]
    )
    distances = found["distances"] or []
    missed = {
        id_: vector
        for (id_, vector), row in zip(asked.items(), distances, strict=True)
        if not row or row[0] > SAME
    }
    # Chroma searches a graph, which has no way to some vectors where hundreds are nearly equal; that is no damage
    # as long as it holds them. A segment that was lost finds next to none.
    return 2 * len(missed) <= len(asked) and _holds(collection, missed)


def _holds(collection: "ChromaCollection", vectors: Mapping[str, Sequence[float]]) -> bool:
    """Whether these vectors stand in the collection under their ids."""
    if not vectors:
        return True
    found = collection.get(ids=list(vectors), include=["embeddings"])
    held = found["embeddings"]
    if held is None or len(held) < len(vectors):
        return False
    wanted = np.asarray([vectors[id_] for id_ in found["ids"]], np.float32)
    return bool((1.0 - (np.asarray(held, np.float32) * wanted).sum(axis=1) <= SAME).all())


def check_in_child(folder: Path, known: Sequence[KnownAnswer], fingerprint: str) -> bool:
    """Open the folder in a child process and ask there: a damaged file kills the child and nobody else."""
    command = [sys.executable, "-m", "minidesk.knowledge.index_check", str(folder), fingerprint]
    try:
        done = subprocess.run(
            command,
            input=json.dumps([asdict(answer) for answer in known]),
            text=True,
            capture_output=True,
            timeout=CHECK_SECONDS,
            check=False,
            process_group=0,  # Ctrl-C in a terminal must not end it: an unanswered check would cost the folder
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _check_main(folder: Path, fingerprint: str, text: str) -> int:
    """The child's part: 0 if every known answer was found."""
    known = [
        KnownAnswer(one["site"], one["revision"], tuple(one["ids"]), tuple(one["vectors"]))
        for one in json.loads(text)
    ]
    return 0 if answers_known(open_client(folder, ""), known, fingerprint) else 1


if __name__ == "__main__":
    sys.exit(_check_main(Path(sys.argv[1]), sys.argv[2], sys.stdin.read()))
