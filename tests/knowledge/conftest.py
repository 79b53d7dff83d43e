"""A site whose files are read, whose words are indexed by the server's follower, and which can be asked."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select
from tests.conftest import FakeClock
from tests.knowledge.test_ingest import Room, WordEmbedder
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Document, DocumentVersion, Vector
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue
from minidesk.knowledge.faq import FaqEntries
from minidesk.knowledge.lifecycle import Lifecycle
from minidesk.knowledge.projection import Follower
from minidesk.knowledge.search import Searcher
from minidesk.knowledge.sources import Audience, Sources
from minidesk.knowledge.versions import Versions, VersionView, list_versions
from minidesk.live import Hub
from minidesk.settings import Settings


@dataclass
class Library(Room):
    """A room that can be asked what it knows."""

    follower: Follower
    searcher: Searcher
    faq: FaqEntries
    lifecycle: Lifecycle
    versions: Versions

    async def told(self, words: str, audience: Audience = "public") -> list[str]:
        """Public ids of the documents that a question finds, after the follower has caught up."""
        await self.follower.catch_up(self.site.id)
        return await self.told_now(words, audience)

    async def told_now(self, words: str, audience: Audience = "public") -> list[str]:
        """The same while the indexes are as they are."""
        found = await self.searcher.search(self.site.id, words, audience=audience)
        return [passage.document for passage in found.passages]

    async def document(self, external_id: str) -> Document:
        """The row."""
        async with self.db.read() as tx:
            row = await tx.scalar(select(Document).where(Document.external_id == external_id))
        assert row is not None
        return row

    async def history(self, external_id: str) -> list[VersionView]:
        """Its versions, newest first."""
        document = await self.document(external_id)
        async with self.db.read() as tx:
            return await list_versions(tx, self.site.id, document.id)

    async def count(self, model: type[Vector] | type[DocumentVersion]) -> int:
        """How many rows there are."""
        async with self.db.read() as tx:
            return int(await tx.scalar(select(func.count()).select_from(model)) or 0)


@pytest.fixture
async def library(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Library]:
    """A library with nothing in it. Words alone find: its vectors are made of checksums."""
    hub, embedder = Hub(), WordEmbedder()
    jobs, files = JobQueue(hub, clock), FileStore(settings.data_dir / "files")
    sources = Sources(db, files, jobs, hub, settings, clock, embedder.fingerprint)
    ingest = Ingest(db, files, embedder, jobs, hub, settings, clock)
    fulltext = FullText(settings.data_dir / "fulltext")
    site = await add_site(db, clock)
    yield Library(
        db, site, sources, ingest, embedder, jobs, files, hub, settings, clock,
        Follower(db, None, fulltext, hub, clock),
        Searcher(db, None, None, fulltext, clock),
        FaqEntries(db, sources, files),
        Lifecycle(db, hub, clock),
        Versions(db, files, jobs, hub, clock),
    )  # fmt: skip
    await ingest.close()
    fulltext.close()
