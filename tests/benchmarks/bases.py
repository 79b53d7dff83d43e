"""Large knowledge bases without hours of embedding: real sentences with their real vectors, mixed into passages.

The sentences are docstrings of the standard library. A few thousand of them are embedded once; a passage is six of
them, its vector is near to the mean of theirs, and each sentence keeps its own: eight vectors a passage, two of which
are ranked, as ingest makes of running text under headings.
"""

import ast
import hashlib
import random
import re
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, DocumentVersion, Site, Source, Vector, new_id
from minidesk.knowledge.embed import Embedder

Floats = NDArray[np.float32]
WHEN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SENTENCES, TITLES = 4_000, 800
OF_PASSAGE, OF_DOCUMENT = 6, 5
VECTORS_OF_PASSAGE = OF_PASSAGE + 2
# How far a passage's vector lies from the mean of its sentences': real ones had a cosine of .9 with it.
APART = 0.45
# Documents of one transaction.
LOT = 100


@dataclass(frozen=True, slots=True)
class Pool:
    """Texts with their vectors, and questions: some words of a sentence each."""

    sentences: Sequence[str]
    sentence_vectors: Floats
    titles: Sequence[str]
    title_vectors: Floats
    questions: Sequence[str]


@cache
def docstrings() -> list[tuple[str, str]]:
    """(module and name, docstring on one line) from the standard library; the same on every run."""
    root = Path(sysconfig.get_paths()["stdlib"])
    left_out = {"site-packages", "test", "tests", "idle_test", "lib2to3", "turtledemo"}
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(root.rglob("*.py")):
        where = file.relative_to(root)
        if left_out & set(where.parts):
            continue
        try:
            tree = ast.parse(file.read_text("utf-8", "ignore"))
        except (SyntaxError, ValueError):
            continue
        module = ".".join(where.with_suffix("").parts)
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module | ast.AsyncFunctionDef):
                text = re.sub(r"\s+", " ", ast.get_docstring(node) or "").strip()
                if len(text.split()) >= 18:
                    found.setdefault(text[:80], (f"{module}.{getattr(node, 'name', module)}", text))
    mixed = list(found.values())
    random.Random(7).shuffle(mixed)
    return mixed


def make_pool(embedder: Embedder) -> Pool:
    """Embed the sentences and titles: a minute on one core."""
    pieces = (piece for _, text in docstrings() for piece in re.split(r"(?<=[.!?]) ", text))
    fitting = list(dict.fromkeys(piece for piece in pieces if 5 <= len(piece.split()) <= 40))
    sentences = fitting[:SENTENCES]
    titles = [f"{name} {n}" for n, (name, _) in enumerate(docstrings()[:TITLES])]
    return Pool(
        sentences,
        embedder.encode(sentences),
        titles,
        embedder.encode(titles),
        [_question(n, sentence) for n, sentence in enumerate(sentences)],
    )


def _question(n: int, sentence: str) -> str:
    words = sentence.split()
    start = random.Random(n).randrange(max(1, len(words) - 9))
    return "how to " + " ".join(words[start : start + 10])


async def build(db: Database, site_id: str, fingerprint: str, pool: Pool, chunks: int) -> None:
    """Write `chunks` passages into a site's rows. No revisions: whoever follows builds the indexes afresh."""
    made = _Maker(site_id, fingerprint, pool)
    source = {
        "id": new_id("src"), "site_id": site_id, "path": "base.md", "sha256": "0" * 64, "size": 1,
        "status": "ready", "created_at": WHEN, "updated_at": WHEN,
    }  # fmt: skip
    async with db.write() as tx:
        await tx.execute(insert(Source), [source])
    documents = -(-chunks // OF_DOCUMENT)
    for start in range(0, documents, LOT):
        lot = [made.document(source["id"], n) for n in range(start, min(start + LOT, documents))]
        async with db.write() as tx:
            for model in (Document, DocumentVersion, Chunk, Vector):
                rows = [row for document in lot for row in document[model.__tablename__]]
                await tx.execute(insert(model), rows)
    async with db.write() as tx:
        site = await tx.get_one(Site, site_id)
        site.knowledge_revision += 1


class _Maker:
    def __init__(self, site_id: str, fingerprint: str, pool: Pool) -> None:
        self._site_id, self._fingerprint, self._pool = site_id, fingerprint, pool
        self._random = np.random.default_rng(11)

    def document(self, source_id: object, n: int) -> dict[str, list[dict[str, object]]]:
        """A document's rows by table."""
        document_id, version_id = new_id("doc"), new_id("ver")
        title = n % len(self._pool.titles)
        chunks: list[dict[str, object]] = []
        vectors: list[dict[str, object]] = []
        texts, at = [], 0
        for ordinal in range(OF_DOCUMENT):
            chosen = self._random.integers(0, len(self._pool.sentences), OF_PASSAGE)
            text = " ".join(self._pool.sentences[i] for i in chosen)
            chunk_id = new_id("chk")
            chunks.append(
                {
                    "id": chunk_id, "site_id": self._site_id, "document_id": document_id, "version_id": version_id,
                    "ordinal": ordinal, "kind": "text", "heading_path": [f"Part {ordinal}"], "question": None,
                    "phrasings": [], "text": text, "start": at, "end": at + len(text), "page": None,
                }
            )  # fmt: skip
            vectors += self._vectors(chunk_id, title, chosen, text)
            texts.append(text)
            at += len(text) + 1
        times = {"created_at": WHEN, "updated_at": WHEN}
        return {
            "documents": [
                {
                    "id": document_id, "site_id": self._site_id, "source_id": source_id, "external_id": f"page-{n}.md",
                    "title": self._pool.titles[title], "url": None, "language": "en", "status": "ready",
                    "current_version_id": version_id, "fingerprint": f"{n}", **times,
                }
            ],
            "document_versions": [
                {
                    "id": version_id, "document_id": document_id, "n": 1, "text": "\n".join(texts),
                    "sha256": "0" * 64, "created_at": WHEN,
                }
            ],
            "chunks": chunks,
            "vectors": vectors,
        }  # fmt: skip

    def _vectors(
        self, chunk_id: str, title: int, chosen: NDArray[np.int64], text: str
    ) -> Iterator[dict[str, object]]:
        sentences = self._pool.sentence_vectors[chosen]
        yield self._row(chunk_id, "text", 0, text, self._near(sentences.mean(axis=0)))
        name = self._pool.titles[title]
        yield self._row(chunk_id, "title", 0, name, self._near(self._pool.title_vectors[title]))
        for n, (i, vector) in enumerate(zip(chosen, sentences, strict=True)):
            yield self._row(chunk_id, "sentence", n, self._pool.sentences[i], vector)

    def _near(self, vector: Floats) -> Floats:
        """A unit vector at about `APART` from this one's direction."""
        noise = self._random.standard_normal(len(vector)).astype(np.float32)
        found = vector / np.linalg.norm(vector) + APART * noise / np.linalg.norm(noise)
        return np.asarray(found / np.linalg.norm(found), np.float32)

    def _row(self, chunk_id: str, kind: str, ordinal: int, text: str, vector: Floats) -> dict[str, object]:
        # By its hash an answer finds a sentence's vector, instead of embedding it again.
        text_hash = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        return {
            "id": new_id("vec"), "site_id": self._site_id, "chunk_id": chunk_id, "kind": kind, "ordinal": ordinal,
            "text_hash": text_hash, "fingerprint": self._fingerprint,
            "data": vector.astype("<f2").tobytes(),
        }  # fmt: skip
