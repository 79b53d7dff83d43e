"""Documents with vectors for tests: written as ingest writes them, with a revision each."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select
from tests.conftest import FakeClock

from minidesk.db import Database, Tx
from minidesk.db.models import (
    Chunk,
    Document,
    DocumentVersion,
    KnowledgeRevision,
    Site,
    Source,
    Vector,
    new_id,
)
from minidesk.knowledge.embed import Embedder

Floats = NDArray[np.float32]
FINGERPRINT = "test-model"
DIMENSIONS = 48


@dataclass(frozen=True, slots=True)
class Entry:
    """A chunk to be: its text, and vectors by kind."""

    text: str
    vectors: Sequence[tuple[str, Floats]] = ()
    question: str | None = None
    phrasings: Sequence[str] = field(default_factory=tuple)


def random_vectors(n: int, seed: int = 0) -> Floats:
    """`n` unit vectors, the same for the same seed."""
    found = np.random.default_rng(seed).standard_normal((n, DIMENSIONS)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


async def put(
    db: Database,
    clock: FakeClock,
    site_id: str,
    external_id: str,
    entries: Sequence[Entry],
    *,
    title: str = "",
    fingerprint: str = FINGERPRINT,
) -> list[str]:
    """Write a document's new version (none of its chunks where `entries` is empty); the ids of its chunks."""
    async with db.write() as tx:
        site = (await tx.scalars(select(Site).where(Site.id == site_id).with_for_update())).one()
        site.knowledge_revision += 1
        known = select(Document).where(Document.site_id == site_id, Document.external_id == external_id)
        document = (await tx.scalars(known)).one_or_none()
        if document is None:
            document = await _new_document(tx, clock, site_id, external_id, title)
        removed = list(await tx.scalars(select(Chunk.id).where(Chunk.document_id == document.id)))
        await tx.execute(delete(Vector).where(Vector.chunk_id.in_(removed)))
        await tx.execute(delete(Chunk).where(Chunk.id.in_(removed)))
        version = DocumentVersion(
            id=new_id("ver"),
            document_id=document.id,
            n=site.knowledge_revision,
            text="\n".join(entry.text for entry in entries),
            sha256="0" * 64,
            created_at=clock(),
        )
        tx.add(version)
        document.current_version_id = version.id if entries else None
        await tx.flush()
        chunks = [_chunk(site_id, document.id, version.id, n, entry) for n, entry in enumerate(entries)]
        tx.add_all(chunks)
        await tx.flush()
        for chunk, entry in zip(chunks, entries, strict=True):
            tx.add_all(_vectors(chunk, entry, fingerprint))
        tx.add(
            KnowledgeRevision(
                site_id=site_id,
                n=site.knowledge_revision,
                document_id=document.id,
                added=[chunk.id for chunk in chunks],
                removed=removed,
                created_at=clock(),
            )
        )
    return [chunk.id for chunk in chunks]


async def put_texts(
    db: Database, clock: FakeClock, site_id: str, embedder: Embedder, texts: dict[str, str]
) -> dict[str, str]:
    """A document of one passage for each text, embedded; chunk ids by public id."""
    found = {}
    vectors = await embedder.documents(list(texts.values()))
    for (name, text), vector in zip(texts.items(), vectors, strict=True):
        ids = await put(
            db, clock, site_id, name, [Entry(text, [("text", vector)])], fingerprint=embedder.fingerprint
        )
        found[name] = ids[0]
    return found


async def _new_document(tx: Tx, clock: FakeClock, site_id: str, external_id: str, title: str) -> Document:
    source = Source(
        id=new_id("src"),
        site_id=site_id,
        path=external_id,
        sha256="0" * 64,
        size=1,
        status="ready",
        created_at=clock(),
        updated_at=clock(),
    )
    tx.add(source)
    await tx.flush()
    document = Document(
        id=new_id("doc"),
        site_id=site_id,
        source_id=source.id,
        external_id=external_id,
        title=title or external_id,
        status="ready",
        created_at=clock(),
        updated_at=clock(),
    )
    tx.add(document)
    await tx.flush()
    return document


def _chunk(site_id: str, document_id: str, version_id: str, ordinal: int, entry: Entry) -> Chunk:
    return Chunk(
        id=new_id("chk"),
        site_id=site_id,
        document_id=document_id,
        version_id=version_id,
        ordinal=ordinal,
        kind="faq" if entry.question else "text",
        heading_path=[],
        question=entry.question,
        phrasings=list(entry.phrasings),
        text=entry.text,
        start=0,
        end=len(entry.text),
        page=None,
    )


def _vectors(chunk: Chunk, entry: Entry, fingerprint: str) -> list[Vector]:
    counts: dict[str, int] = {}
    rows = []
    for kind, vector in entry.vectors:
        ordinal = counts.get(kind, 0)
        counts[kind] = ordinal + 1
        rows.append(
            Vector(
                id=new_id("vec"),
                site_id=chunk.site_id,
                chunk_id=chunk.id,
                kind=kind,
                ordinal=ordinal,
                text_hash="0" * 64,
                fingerprint=fingerprint,
                data=vector.astype("<f2").tobytes(),
            )
        )
    return rows
