"""Answers kept for the same question, for as long as the pages say the same.

The caller makes the key: everything about the question and the way of asking that must be equal. Here stands what must
be equal about the pages. A kept answer is given only where

1. every passage that the model had before it then is still the current one,
2. every passage that the answer cites is found again now, and the best ones found now were all before the model then,
3. no document found now, or shown then, has changed since (nor its audience: that is a revision too).

So an edit counts from its commit on, and a new page that would answer better is never missed for a kept answer. It
costs one search, not one model call, and goes on giving hits while other parts of the knowledge grow.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from minidesk.db import Database, Tx
from minidesk.db.models import Chunk, Document, KeptAnswer, KnowledgeRevision, new_id
from minidesk.knowledge.records import Kept, Passage, Written

# Of the passages found now, so many must have been before the model then; behind them the order is chance.
BEST = 3
# A search may not have seen what was written just before it: the indexes follow within a second, and catch up
# with a large upload within this time.
SEEN_AFTER = timedelta(seconds=60)
# Older answers are made anew; prices and manners of models change as well.
KEPT_FOR = timedelta(days=30)
# An answer has about 4 KB, so a site's stay under 20 MB.
MOST = 5_000


class AnswerCache:
    """One deployment's kept answers, site by site."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    async def find(self, site_id: str, key: str, found: Sequence[Passage]) -> Kept | None:
        """The answer kept under `key`, if it still holds for the passages `found` now (best first, as a model would get them)."""
        async with self._db.read() as tx:
            row = await tx.scalar(
                select(KeptAnswer).where(KeptAnswer.site_id == site_id, KeptAnswer.key == key)
            )
            if row is None or row.created_at < self._clock() - KEPT_FOR:
                return None
            if not _found_again(row, found) or not await _unchanged(tx, row, found):
                return None
            return Kept(row.sentences, row.model)

    async def keep(self, site_id: str, key: str, written: Written) -> None:
        """Keep an answer in the place of an older one under the same key."""
        now = self._clock()
        row = KeptAnswer(
            id=new_id("kan"),
            site_id=site_id,
            key=key,
            sentences=list(written.kept.sentences),
            shown=[passage.chunk for passage in written.shown],
            cited=list(written.cited),
            documents=sorted({passage.document_id for passage in written.shown}),
            revision=0,
            model=written.kept.model[:120],
            created_at=now,
        )
        try:
            async with self._db.write() as tx:
                row.revision = min(written.revision, await _surely_seen(tx, site_id, now))
                await tx.execute(
                    delete(KeptAnswer).where(KeptAnswer.site_id == site_id, KeptAnswer.key == key)
                )
                tx.add(row)
                await _forget(tx, site_id, now)
        except IntegrityError:
            return  # another process kept the same question at this moment, or the site is gone: either is as good


def _found_again(row: KeptAnswer, found: Sequence[Passage]) -> bool:
    now, shown = [passage.chunk for passage in found], set(row.shown)
    return set(row.cited) <= set(now) and set(now[:BEST]) <= shown


async def _unchanged(tx: Tx, row: KeptAnswer, found: Sequence[Passage]) -> bool:
    current = await tx.scalar(
        select(func.count())
        .select_from(Chunk)
        .join(Document, Document.id == Chunk.document_id)
        .where(
            Chunk.id.in_(row.shown),
            Chunk.site_id == row.site_id,
            Document.current_version_id == Chunk.version_id,
        )
    )
    if current != len(row.shown):
        return False
    touched = await tx.scalar(
        select(KnowledgeRevision.n)
        .where(
            KnowledgeRevision.site_id == row.site_id,
            KnowledgeRevision.n > row.revision,
            KnowledgeRevision.document_id.in_({*row.documents, *(p.document_id for p in found)}),
        )
        .limit(1)
    )
    return touched is None


async def _surely_seen(tx: Tx, site_id: str, now: datetime) -> int:
    """The last revision that every index has followed by now."""
    seen = await tx.scalar(
        select(func.max(KnowledgeRevision.n)).where(
            KnowledgeRevision.site_id == site_id, KnowledgeRevision.created_at <= now - SEEN_AFTER
        )
    )
    return seen or 0


async def _forget(tx: Tx, site_id: str, now: datetime) -> None:
    """Drop what is too old, and the oldest beyond `MOST`."""
    ours = KeptAnswer.site_id == site_id
    await tx.execute(delete(KeptAnswer).where(ours, KeptAnswer.created_at < now - KEPT_FOR))
    newest = select(KeptAnswer.id).where(ours).order_by(KeptAnswer.created_at.desc(), KeptAnswer.id.desc())
    too_many = list(await tx.scalars(newest.offset(MOST).limit(100)))
    if too_many:
        await tx.execute(delete(KeptAnswer).where(KeptAnswer.id.in_(too_many)))
