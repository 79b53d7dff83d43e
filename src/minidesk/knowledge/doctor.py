"""Rows against vectors against full text against Chroma: whether the projections hold what SQL says, no more and no less."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import func, select

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, Site, Vector
from minidesk.errors import IndexUnavailable
from minidesk.fulltext import FullText
from minidesk.knowledge.index import ChromaIndex, current_vectors, known_answers
from minidesk.knowledge.projection import Follower


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether it holds, and the sentence to print."""

    ok: bool
    sentence: str


class Doctor:
    """Only for the holder of the `OwnerLock`."""

    def __init__(self, db: Database, index: ChromaIndex, fulltext: FullText, follower: Follower) -> None:
        self._db = db
        self._index = index
        self._fulltext = fulltext
        self._follower = follower

    async def examine(self, *, repair: bool) -> list[Finding]:
        """Check every site. With `repair`, what differs is built again from SQL's rows and checked once more."""
        await self._follower.catch_up()
        async with self._db.read() as tx:
            sites = (await tx.execute(select(Site.id, Site.name).order_by(Site.created_at))).tuples().all()
        findings = []
        for site_id, name in sites:
            found = await self._site(site_id, name)
            if repair and not all(one.ok for one in found):
                await self._follower.rebuild(site_id)
                found = await self._site(site_id, name)
            findings += found
        return findings

    async def _site(self, site_id: str, name: str) -> list[Finding]:
        chunks = await self._chunk_ids(site_id)
        vectors, embedded = await self._vector_ids(site_id)
        findings = [
            await self._stale_rows(site_id, name),
            _compare(name, "passages have a vector", "a vector", chunks, embedded),
        ]
        try:
            texts = await asyncio.to_thread(self._fulltext.ids, site_id)
            findings.append(_compare(name, "passages are in the full text", "full text", chunks, texts))
            held = await self._index.ids(site_id)
            findings.append(_compare(name, "vectors are in Chroma", "Chroma", vectors, held))
        except IndexUnavailable:
            return [*findings, Finding(not chunks, f"{name}: an index is missing or cannot be read.")]
        known = await known_answers(self._db, self._index.fingerprint, site_id)
        healthy = await self._index.healthy(known)
        asked = sum(len(one.ids) for one in known)
        return [*findings, Finding(healthy, f"{name}: {asked} known answers asked of Chroma.")]

    async def _chunk_ids(self, site_id: str) -> set[str]:
        query = (
            select(Chunk.id)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.site_id == site_id, Document.current_version_id == Chunk.version_id)
        )
        async with self._db.read() as tx:
            return set(await tx.scalars(query))

    async def _vector_ids(self, site_id: str) -> tuple[set[str], set[str]]:
        """Ids as Chroma has them, and the chunks that they belong to."""
        query = current_vectors(site_id, self._index.fingerprint).with_only_columns(
            Vector.chunk_id, Vector.kind, Vector.ordinal
        )
        async with self._db.read() as tx:
            rows = (await tx.execute(query)).tuples().all()
        return {f"{chunk}:{kind}:{n}" for chunk, kind, n in rows}, {chunk for chunk, _, _ in rows}

    async def _stale_rows(self, site_id: str, name: str) -> Finding:
        query = (
            select(func.count())
            .select_from(Chunk)
            .join(Document, Document.id == Chunk.document_id)
            .where(Chunk.site_id == site_id, Document.current_version_id.is_distinct_from(Chunk.version_id))
        )
        async with self._db.read() as tx:
            stale = await tx.scalar(query) or 0
        return Finding(stale == 0, f"{name}: {stale} passages of replaced versions are left over.")


def _compare(name: str, what: str, where: str, rows: set[str], held: set[str]) -> Finding:
    missing, extra = len(rows - held), len(held - rows)
    if missing or extra:
        return Finding(
            False, f"{name}: {missing} of {len(rows)} are missing in {where}, {extra} are too many."
        )
    return Finding(True, f"{name}: all {len(rows)} {what}.")
