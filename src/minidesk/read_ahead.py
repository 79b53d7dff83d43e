"""Passages are read token by token before anybody asks: what an answer without a model spends most of its time on.

    passages without token vectors → read, some at a time → rows, for `answering.late`

It runs in the background, behind uploads: a passage can be found and answers before it was read, only not as fast.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from minidesk.answering.late import ReadTokens, packed, read_as
from minidesk.db import Database
from minidesk.jobs import ClaimedJob, JobQueue
from minidesk.jobs.turns import NotYet
from minidesk.knowledge.records import Passage, PassageTokens
from minidesk.knowledge.token_vectors import TokenStore, enqueue

log = logging.getLogger(__name__)

# Passages between two looks at whether somebody uploads: 0.3 s of work, and 0.4 MB in a transaction.
_AT_ONCE = 16
# An upload is done first: until then its pages do not answer at all.
_BEHIND_UPLOADS_SECONDS = 5


class ReadAhead:
    """Handles `read_tokens` jobs."""

    def __init__(
        self,
        store: TokenStore,
        read: ReadTokens,
        jobs: JobQueue,
        most: int,
        uploading: Callable[[], Awaitable[bool]],
    ) -> None:
        """`most`: passages of the installation that are stored at all. `uploading`: whether files wait to be read in."""
        self._store = store
        self._read = read
        self._jobs = jobs
        self._most = most
        self._uploading = uploading

    async def run(self, job: ClaimedJob) -> None:
        """Read what has not been read of the site of `job.payload`. Raises `NotYet` while files are uploaded."""
        site_id = str(job.payload["site_id"])
        room = self._most - await self._store.stored()
        after = ""
        while room > 0:
            if await self._uploading():
                raise NotYet(_BEHIND_UPLOADS_SECONDS)
            passages = await self._store.unread(site_id, after, min(room, _AT_ONCE))
            if passages:
                await self._store.write(await self._tokens(passages))
                room -= len(passages)
                after = passages[-1].chunk
            elif await self._store.finished(site_id, self._jobs, job):
                return
            else:
                after = ""
        log.info("no more token vectors are stored: MINIDESK_READ_AHEAD_PASSAGES is reached")

    async def _tokens(self, passages: Sequence[Passage]) -> dict[str, PassageTokens]:
        found = {}
        for passage in passages:
            # One at a time: of the embedder's two threads the other one stays free.
            text = read_as(passage)
            ((vectors, places),) = await self._read([text.whole])
            found[passage.chunk] = PassageTokens(text.hash, packed(vectors, places))
        return found


async def order_missing(
    db: Database, store: TokenStore, jobs: JobQueue, clock: Callable[[], datetime]
) -> None:
    """Queue the reading of sites that have passages without: an earlier release made them, or another model."""
    for site_id in await store.sites_behind():
        async with db.write() as tx:
            await enqueue(tx, jobs, site_id, clock())
