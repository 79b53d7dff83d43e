"""Token vectors of passages as they are stored: what `answering.late` compares, read before anybody asks (`read_ahead.py`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, delete, func, select

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document, Site, TokenVectors
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.knowledge.read import PassageReader, Standing
from minidesk.knowledge.records import Passage, PassageTokens

QUEUE, KIND = "tokens", "read_tokens"
# A burst of uploads is read once, this long after its first file.
WAIT_SECONDS = 3.0
_NOT_FOUND_BY_ANYTHING = Standing(0.0, 0.0, 0.0, None)


async def enqueue(tx: Tx, jobs: JobQueue, site_id: str, now: datetime) -> None:
    """Have the site's passages read soon; nothing is added where that is waiting already.

    Call it in the transaction that wrote the passages, with the site's row held.
    """
    await jobs.enqueue(
        tx,
        queue=QUEUE,
        kind=KIND,
        payload={"site_id": site_id},
        key=f"{KIND}:{site_id}",
        run_at=now + timedelta(seconds=WAIT_SECONDS),
    )


class TokenStore:
    """The rows of `token_vectors` that one model made in one precision (`fingerprint`); of another one they are missing."""

    def __init__(self, db: Database, fingerprint: str) -> None:
        self._db = db
        self._fingerprint = fingerprint
        self._passages = PassageReader(db, None)

    async def of(self, chunks: Sequence[str]) -> dict[str, PassageTokens]:
        """What is stored of these passages, by chunk id. Raises `Unavailable` where the database is away."""
        query = select(TokenVectors.chunk_id, TokenVectors.text_hash, TokenVectors.data).where(
            TokenVectors.chunk_id.in_(chunks), TokenVectors.fingerprint == self._fingerprint
        )
        rows = await self._db.read_at_once(lambda connection: connection.execute(query).all())
        return {chunk: PassageTokens(text_hash, data) for chunk, text_hash, data in rows}

    async def stored(self) -> int:
        """Passages of all sites that have theirs."""
        query = (
            select(func.count())
            .select_from(TokenVectors)
            .where(TokenVectors.fingerprint == self._fingerprint)
        )
        async with self._db.read() as tx:
            return await tx.scalar(query) or 0

    async def sites_behind(self) -> list[str]:
        """Sites with passages that have not been read: after an update, or with another model."""
        query = select(Site.id).where(self._unread(Site.id).exists())
        async with self._db.read() as tx:
            return list(await tx.scalars(query))

    async def unread(self, site_id: str, after: str, count: int) -> list[Passage]:
        """The next `count` passages of the site, by their chunks' ids behind `after`, that have not been read."""
        query = self._unread(site_id).where(Chunk.id > after).order_by(Chunk.id).limit(count)
        async with self._db.read() as tx:
            found = list(await tx.scalars(query))
        return await self._passages.read(
            lambda reading: reading.passages(dict.fromkeys(found, _NOT_FOUND_BY_ANYTHING))
        )

    async def write(self, read: Mapping[str, PassageTokens]) -> None:
        """Store what was read of these passages; those that have gone meanwhile are left out."""
        async with self._db.write() as tx:
            # Held, or PostgreSQL could delete one before its row here is written.
            held = select(Chunk.id).where(Chunk.id.in_(read)).with_for_update(read=True, key_share=True)
            there = list(await tx.scalars(held))
            await tx.execute(delete(TokenVectors).where(TokenVectors.chunk_id.in_(there)))
            tx.add_all(
                TokenVectors(
                    chunk_id=chunk,
                    fingerprint=self._fingerprint,
                    text_hash=read[chunk].text_hash,
                    data=read[chunk].data,
                )
                for chunk in there
            )

    async def finished(self, site_id: str, jobs: JobQueue, job: ClaimedJob) -> bool:
        """True if nothing of the site is left; what comes from now on has a job of its own, for this one will not see it."""
        async with self._db.write() as tx:
            # Whoever writes passages holds this row too: they come before we look, or find the key free.
            await tx.get(Site, site_id, with_for_update=True)
            if await tx.scalar(self._unread(site_id).limit(1)) is not None:
                return False
            await jobs.free_key(tx, job)
            return True

    def _unread(self, site_id: object) -> Select[str]:
        return (
            select(Chunk.id)
            .join(Document, Document.id == Chunk.document_id)
            .outerjoin(
                TokenVectors,
                and_(TokenVectors.chunk_id == Chunk.id, TokenVectors.fingerprint == self._fingerprint),
            )
            .where(
                Chunk.site_id == site_id,
                Document.current_version_id == Chunk.version_id,
                TokenVectors.chunk_id.is_(None),
            )
        )
