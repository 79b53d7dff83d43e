"""The follower: whatever is lost, killed or damaged, the indexes come back to what SQL says."""

import asyncio
import resource
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, update
from tests.conftest import FakeClock
from tests.knowledge.shelf import FINGERPRINT, Entry, put, random_vectors
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import KnowledgeRevision, Site
from minidesk.errors import IndexUnavailable
from minidesk.fulltext import FullText, TextDoc, TextPage
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.projection import CHECK_EVERY, Follower
from minidesk.knowledge.vectors import VectorRow
from minidesk.live.hub import Hub


class Desk:
    """A site with both indexes and their follower."""

    def __init__(self, db: Database, clock: FakeClock, folder: Path, site: Site) -> None:
        self.db, self.clock, self.folder, self.site = db, clock, folder, site
        self.hub = Hub()
        self.fulltext = FullText(folder / "fulltext")
        self.index = ChromaIndex(folder / "chroma", FINGERPRINT, clock=lambda: clock().timestamp())
        self.follower = Follower(db, self.index, self.fulltext, self.hub, clock)

    async def put(self, name: str, *words: str, seed: int = 0) -> list[str]:
        """A document with a chunk a word; `seed` chooses its vectors."""
        vectors = random_vectors(len(words), seed)
        entries = [Entry(f"about {word}", [("text", vectors[i])]) for i, word in enumerate(words)]
        return await put(self.db, self.clock, self.site.id, name, entries)

    async def near(self, seed: int = 0) -> list[str]:
        """Chunks by vectors."""
        return [hit.chunk for hit in await self.index.search(self.site.id, random_vectors(1, seed)[0], 100)]

    def named(self, word: str) -> list[str]:
        """Chunks by words."""
        return [hit.id for hit in self.fulltext.search(self.site.id, word, 100).hits]

    async def at(self) -> tuple[int, int]:
        """The revisions of full text and vectors."""
        return self.fulltext.revision(self.site.id), await self.index.revision(self.site.id)


@pytest.fixture
async def desk(db: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Desk]:
    """An empty site."""
    made = Desk(db, clock, tmp_path, await add_site(db, clock))
    yield made
    made.index.close()
    made.fulltext.close()


async def test_follows_new_versions_and_removals(desk: Desk) -> None:
    first = await desk.put("a", "zebra", "gnu")
    assert await desk.follower.catch_up() > 0
    assert await desk.follower.catch_up() == 0
    assert desk.named("zebra") == first[:1]
    assert (await desk.near())[0] == first[0]

    second = await desk.put("a", "okapi", seed=3)
    other = await desk.put("b", "gnu", seed=4)
    assert await desk.follower.catch_up() == 4  # two revisions in each index
    assert desk.named("zebra") == []
    assert desk.named("gnu") == other
    assert set(await desk.near()) == {*second, *other}
    assert await desk.at() == (3, 3)

    await desk.put("b")
    await desk.follower.catch_up(desk.site.id)
    assert desk.named("gnu") == []
    assert await desk.near() == second
    assert desk.fulltext.search(desk.site.id, "gnu", 5).pages == []


async def test_a_kill_between_apply_and_position_is_harmless(desk: Desk) -> None:
    """The rows of revision 2 are in Chroma, the position still says 1; full text got nothing at all."""
    await desk.put("a", "zebra")
    await desk.follower.catch_up()
    new = await desk.put("a", "okapi", seed=3)
    await asyncio.to_thread(
        desk.index._apply,
        desk.site.id,
        [VectorRow(new[0], "text", 0, random_vectors(1, 3)[0].astype("<f2").tobytes())],
        set(),
    )
    assert await desk.at() == (1, 1)
    assert len(await desk.near()) == 2

    desk.index.close()  # the process is gone; the next one starts
    await desk.follower.catch_up()
    assert await desk.at() == (2, 2)
    assert await desk.near() == desk.named("okapi") == new


@pytest.mark.parametrize("loss", ["deleted", "garbled", "half built"])
async def test_text_answers_while_lost_vectors_come_back(desk: Desk, loss: str) -> None:
    chunks = await desk.put("a", "zebra", "gnu")
    await desk.follower.catch_up()
    if loss == "half built":
        await desk.index.begin(desk.site.id)
    desk.index.close()
    if loss == "deleted":
        shutil.rmtree(desk.folder / "chroma")
    elif loss == "garbled":
        for path in (desk.folder / "chroma").rglob("*"):
            if path.is_file():
                path.write_bytes(np.random.default_rng(2).bytes(path.stat().st_size))

    assert desk.named("zebra") == chunks[:1]
    with pytest.raises(IndexUnavailable):
        await desk.near()
    await desk.follower.catch_up()
    assert set(await desk.near()) == set(chunks)
    assert await desk.at() == (1, 1)


async def test_a_folder_that_goes_while_it_is_open(desk: Desk) -> None:
    chunks = await desk.put("a", "zebra")
    await desk.follower.catch_up()
    shutil.rmtree(desk.folder / "chroma")
    await desk.follower.catch_up()
    assert await desk.near() == chunks
    assert (desk.folder / "chroma" / "chroma.sqlite3").exists()


@contextmanager
def _failing_disk() -> Iterator[None]:
    """No file may grow: whoever tries is told of an error of the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("sites", ["one", "another"])
async def test_a_disk_that_fails_under_chroma_costs_nothing_but_time(desk: Desk, sites: str) -> None:
    first = await desk.put("a", "zebra")
    await desk.follower.catch_up()
    if sites == "another":  # its collection is made while the disk fails
        desk.site = await add_site(desk.db, desk.clock)
    second = await desk.put("b", "okapi", seed=3)
    await Follower(desk.db, None, desk.fulltext, desk.hub, desk.clock).catch_up()
    with _failing_disk(), pytest.raises(IndexUnavailable):
        await desk.follower.catch_up()
    with pytest.raises(IndexUnavailable):  # and the words answer meanwhile
        await desk.near()
    assert desk.named("okapi") == second
    await desk.follower.catch_up()
    assert set(await desk.near()) == {*second, *(first if sites == "one" else ())}


async def test_a_store_that_cannot_be_begun_or_finished_is_ours_to_name(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.put("a", "zebra")
    await desk.follower.catch_up()

    def fail(*_: object, **__: object) -> None:
        raise ValueError("Could not connect to a Chroma server")

    client = desk.index._client
    for name in ("list_collections", "create_collection"):
        with monkeypatch.context() as patch:
            patch.setattr(client, name, fail)
            with pytest.raises(IndexUnavailable):
                await desk.index.begin(desk.site.id)
    await desk.follower.catch_up()
    collection = desk.index._collection(desk.site.id)
    with monkeypatch.context() as patch:
        patch.setattr(collection, "modify", fail)
        with pytest.raises(IndexUnavailable):
            await desk.index.finish(desk.site.id, 1)
    await desk.follower.catch_up()
    assert len(await desk.near()) == 1


async def test_rows_lost_in_silence_are_found_within_the_hour(desk: Desk) -> None:
    chunks = await desk.put("a", "zebra", "gnu")
    await desk.follower.catch_up()
    await asyncio.to_thread(desk.index._apply, desk.site.id, [], {chunks[0]})
    await desk.follower.catch_up()
    assert await desk.near() == chunks[1:]
    desk.clock.advance(seconds=CHECK_EVERY.total_seconds())
    await desk.follower.catch_up()
    assert set(await desk.near()) == set(chunks)


async def test_full_text_is_built_again(desk: Desk) -> None:
    chunks = await desk.put("a", "zebra")
    await desk.follower.catch_up()
    shutil.rmtree(desk.folder / "fulltext")
    await desk.follower.catch_up()
    assert desk.named("zebra") == chunks


async def test_a_gap_or_an_older_database_means_building_again(desk: Desk) -> None:
    await desk.put("a", "zebra")
    await desk.follower.catch_up()
    old = await desk.put("b", "gnu", seed=2)
    last = await desk.put("c", "okapi", seed=3)
    async with desk.db.write() as tx:  # the middle one was pruned
        await tx.execute(delete(KnowledgeRevision).where(KnowledgeRevision.n == 2))
    await desk.follower.catch_up()
    assert {*old, *last} < set(await desk.near())
    assert await desk.at() == (3, 3)

    async with desk.db.write() as tx:  # as after restoring a backup of revision 1
        await tx.execute(update(Site).values(knowledge_revision=1))
    await desk.follower.catch_up()
    assert await desk.at() == (1, 1)


async def test_what_is_written_while_it_follows_is_followed_and_not_built_again(desk: Desk) -> None:
    """The child writes on: between reading a site's revision and the changes up to it there are always newer ones."""
    await desk.put("a", "zebra")
    await desk.follower.catch_up()
    built: list[str] = []

    class Text(FullText):
        def rebuild(self, site_id: str, docs: Iterable[TextDoc | TextPage], revision: int) -> None:
            built.append("text")
            super().rebuild(site_id, docs, revision)

    class Vectors(ChromaIndex):
        async def begin(self, site_id: str) -> None:
            built.append("vectors")
            await super().begin(site_id)

    class Writing(Follower):
        async def _revisions(self, site_id: str | None = None) -> dict[str, int]:
            found = await super()._revisions(site_id)
            await desk.put("b", "gnu", seed=2)
            return found

    desk.index.close()
    desk.index = Vectors(desk.folder / "chroma", FINGERPRINT)
    desk.fulltext = Text(desk.folder / "fulltext")
    await desk.put("c", "okapi", seed=3)
    assert await Writing(desk.db, desk.index, desk.fulltext, desk.hub, desk.clock).catch_up() == 2
    assert built == []
    assert await desk.at() == (2, 2)
    await Follower(desk.db, desk.index, desk.fulltext, desk.hub, desk.clock).catch_up()
    assert await desk.at() == (3, 3)
    assert built == []
    assert len(await desk.near()) == 3


async def test_rebuild_leaves_what_sql_has(desk: Desk) -> None:
    await desk.put("a", *(f"word{i}" for i in range(700)))  # more than one lot
    await desk.follower.catch_up()
    await asyncio.to_thread(desk.index._apply, desk.site.id, random_rows(5), set())
    await desk.follower.rebuild(desk.site.id)
    assert len(await desk.index.search(desk.site.id, random_vectors(1)[0], 1000)) == 700
    assert desk.named("word699") != []
    assert await desk.at() == (1, 1)


def random_rows(n: int) -> list[VectorRow]:
    """Vectors that SQL does not know."""
    return [
        VectorRow(f"alien{i}", "text", 0, v.astype("<f2").tobytes())
        for i, v in enumerate(random_vectors(n, 77))
    ]


async def test_sites_of_their_own(desk: Desk) -> None:
    mine = await desk.put("a", "zebra")
    other = await add_site(desk.db, desk.clock, "Other")
    theirs = await put(
        desk.db, desk.clock, other.id, "a", [Entry("about zebra", [("text", random_vectors(1)[0])])]
    )
    await desk.follower.catch_up()
    assert desk.named("zebra") == await desk.near() == mine
    assert [hit.id for hit in desk.fulltext.search(other.id, "zebra", 5).hits] == theirs


async def test_runs_until_it_is_told_to_stop(desk: Desk) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(desk.follower.run(stop))
    chunks = await desk.put("a", "zebra")
    desk.hub.wake(f"knowledge:{desk.site.id}")
    async with asyncio.timeout(20):
        # It works in threads: there is nothing to wait on from outside.
        while await desk.at() != (1, 1):  # noqa: ASYNC110 (see above)
            await asyncio.sleep(0.02)
        assert await desk.near() == chunks
        stop.set()
        await task


async def test_words_alone_without_a_model(desk: Desk) -> None:
    chunks = await desk.put("a", "zebra")
    await Follower(desk.db, None, desk.fulltext, desk.hub, desk.clock).catch_up()
    assert desk.named("zebra") == chunks
    assert not (desk.folder / "chroma").exists()
