"""Passages are read token by token in the background, and an answer takes from there what it would have read itself."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import func, select, update

from minidesk.answering.late import LateReader, packed, read_as, unpacked
from minidesk.answering.units import cut
from minidesk.db import Database
from minidesk.db.models import Chunk, Document, TokenVectors
from minidesk.files import FileStore
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue
from minidesk.jobs.turns import NotYet
from minidesk.knowledge.read import PassageReader, Standing
from minidesk.knowledge.records import Passage
from minidesk.knowledge.sources import Sources
from minidesk.knowledge.token_vectors import QUEUE, WAIT_SECONDS, TokenStore
from minidesk.live import Hub
from minidesk.read_ahead import ReadAhead, order_missing
from minidesk.settings import Settings
from tests.conftest import FakeClock
from tests.knowledge.test_ingest import Room, WordEmbedder
from tests.rows import add_site

MODEL = "a-model"
TENTS = b"# Tents\n\nDry your tent before you pack it away. It keeps for ten years then.\n"
RETURNS = b"# Returns\n\nYou can send articles back within 30 days. We pay the postage.\n"


@dataclass
class Tokens:
    """A model that reads: each word is a token, and its vector hangs on the word. Remembers what it was given."""

    asked: list[str] = field(default_factory=list)

    async def __call__(self, texts: Sequence[str]) -> list[tuple[NDArray[np.float32], NDArray[np.int32]]]:
        """As the embedder's `tokens`."""
        self.asked += texts
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        vectors, places, at = [], [], 0
        for word in text.split():
            at = text.index(word, at)
            found = np.random.default_rng(list(word.lower().encode())).standard_normal(24)
            vectors.append(found / np.linalg.norm(found))
            places.append((at, at + len(word)))
        return np.array(vectors, np.float32), np.array(places, np.int32)


@dataclass
class Study(Room):
    """A room with somebody who reads ahead."""

    tokens: Tokens
    store: TokenStore
    most: int = 1000
    uploading: bool = False

    async def read(self) -> int:
        """Take the files in and run the jobs that read ahead, once their time has come; how many there were."""
        await self.work()
        self.clock.advance(seconds=WAIT_SECONDS)
        number = 0
        while job := await self.jobs.claim(self.db, QUEUE, "test"):
            await ReadAhead(self.store, self.tokens, self.jobs, self.most, self._uploading).run(job)
            await self.jobs.finish(self.db, job)
            number += 1
        return number

    async def _uploading(self) -> bool:
        return self.uploading

    async def counts(self) -> tuple[int, int]:
        """Passages, and those that were read."""
        async with self.db.read() as tx:
            return (
                await tx.scalar(select(func.count()).select_from(Chunk)) or 0,
                await tx.scalar(select(func.count()).select_from(TokenVectors)) or 0,
            )

    async def passages(self) -> list[Passage]:
        """All there are."""
        async with self.db.read() as tx:
            ids = list(await tx.scalars(select(Chunk.id).order_by(Chunk.id)))
        standing = Standing(1.0, 1.0, 1.0, None)
        reader = PassageReader(self.db, None)
        return await reader.read(lambda reading: reading.passages(dict.fromkeys(ids, standing)))


@pytest.fixture
async def study(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Study]:
    """Nothing in it."""
    hub, embedder = Hub(), WordEmbedder()
    jobs, files = JobQueue(hub, clock), FileStore(settings.data_dir / "files")
    sources = Sources(db, files, jobs, hub, settings, clock, embedder.fingerprint)
    ingest = Ingest(db, files, embedder, jobs, hub, settings, clock)
    site = await add_site(db, clock)
    yield Study(
        db, site, sources, ingest, embedder, jobs, files, hub, settings, clock, Tokens(), TokenStore(db, MODEL)
    )  # fmt: skip
    await ingest.close()


async def nearness(late: LateReader, passages: Sequence[Passage]) -> NDArray[np.float32]:
    """What a question finds in them."""
    units = [unit for index, passage in enumerate(passages) for unit in cut(passage, index)]
    return await late.nearness("how long does a tent keep", passages, units, range(len(passages)))


async def test_what_is_uploaded_is_read_once_and_what_is_replaced_goes(study: Study) -> None:
    await study.upload("tents.md", TENTS)
    await study.upload("returns.md", RETURNS)
    assert await study.read() == 1
    passages, read = await study.counts()
    assert passages == read == len(study.tokens.asked) >= 2
    await study.upload("tents.md", TENTS.replace(b"ten years", b"twelve years"))
    assert await study.read() == 1
    assert await study.counts() == (passages, passages)
    assert len(study.tokens.asked) == passages + 1
    assert "twelve years" in study.tokens.asked[-1]


async def test_an_answer_reads_nothing_that_was_read_ahead_and_finds_the_same(study: Study) -> None:
    await study.upload("tents.md", TENTS)
    await study.upload("returns.md", RETURNS)
    await study.read()
    passages = await study.passages()
    ahead, alone = Tokens(), Tokens()
    found = await nearness(LateReader(ahead, study.store.of), passages)
    itself = await nearness(LateReader(alone), passages)
    np.testing.assert_array_equal(found, itself)
    assert not np.isnan(found).any()
    assert ahead.asked == ["how long does a tent keep"]
    assert len(alone.asked) == 1 + len(passages)


async def test_what_was_read_under_another_title_is_read_again(study: Study) -> None:
    await study.upload("tents.md", TENTS)
    await study.read()
    async with study.db.write() as tx:
        await tx.execute(update(Document).values(title="Tents and tarps"))
        await tx.execute(update(Chunk).values(heading_path=[]))
    tokens = Tokens()
    await nearness(LateReader(tokens, study.store.of), await study.passages())
    assert "Tents and tarps: " in tokens.asked[-1]


async def test_uploads_go_first(study: Study) -> None:
    await study.upload("tents.md", TENTS)
    study.uploading = True
    with pytest.raises(NotYet):
        await study.read()
    assert (await study.counts())[1] == 0


async def test_what_comes_while_the_last_is_read_has_a_job_of_its_own(study: Study) -> None:
    await study.upload("tents.md", TENTS)
    await study.work()
    study.clock.advance(seconds=WAIT_SECONDS)
    job = await study.jobs.claim(study.db, QUEUE, "test")
    assert job is not None
    await ReadAhead(study.store, study.tokens, study.jobs, study.most, study._uploading).run(job)
    # It has read all there was, and its worker has not taken it out of the queue yet.
    await study.upload("returns.md", RETURNS)
    await study.work()
    await study.jobs.finish(study.db, job)
    assert await study.read() == 1
    passages, read = await study.counts()
    assert passages == read


async def test_no_more_than_the_operator_allows_is_stored(study: Study) -> None:
    study.most = 1
    await study.upload("tents.md", TENTS)
    await study.upload("returns.md", RETURNS)
    await study.read()
    assert (await study.counts())[1] == 1
    # What is not stored is read by whoever needs it.
    tokens = Tokens()
    found = await nearness(LateReader(tokens, study.store.of), await study.passages())
    assert not np.isnan(found).any()


async def test_after_an_update_or_with_another_model_all_is_read_again(study: Study) -> None:
    await study.upload("tents.md", TENTS)
    await study.read()
    assert await study.store.sites_behind() == []
    study.store = TokenStore(study.db, "another-model")
    assert await study.store.sites_behind() == [study.site.id]
    await order_missing(study.db, study.store, study.jobs, study.clock)
    assert await study.read() == 1
    passages, read = await study.counts()
    assert passages == read
    assert await study.store.stored() == passages
    assert await TokenStore(study.db, MODEL).of([one.chunk for one in await study.passages()]) == {}


async def test_questions_side_by_side_get_what_they_would_get_alone(study: Study) -> None:
    for n in range(12):
        await study.upload(f"tents-{n}.md", TENTS.replace(b"ten", str(n).encode()))
    await study.read()
    passages = await study.passages()
    late = LateReader(Tokens(), study.store.of)
    groups = [passages[n : n + 4] for n in range(0, len(passages), 4)]
    found = await asyncio.gather(*(nearness(late, group) for group in groups * 3))
    for group, one in zip(groups * 3, found, strict=True):
        np.testing.assert_array_equal(one, await nearness(LateReader(Tokens()), group))


@pytest.mark.parametrize("dimensions", [384, 7])
def test_half_a_byte_a_number_is_near_enough(dimensions: int) -> None:
    vectors = np.random.default_rng(5).standard_normal((40, dimensions)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    places = np.arange(80, dtype=np.int32).reshape(40, 2)
    data = packed(vectors, places)
    assert len(data) == 4 + 40 * (8 + 2 + (dimensions + 1) // 2)
    again, there = unpacked(data)
    np.testing.assert_array_equal(there, places)
    assert float(np.abs(again @ vectors.T - vectors @ vectors.T).max()) < (0.03 if dimensions > 100 else 0.2)
    none, nowhere = unpacked(packed(vectors[:0], places[:0]))
    assert none.shape == (0, dimensions)
    assert nowhere.shape == (0, 2)


def test_a_passage_is_read_below_its_heading() -> None:
    passage = Passage(
        "chk_1", "tents.md", "doc_1", "ver_1", "Care", None, ("Tents",), "text", None, "Dry it.", 0, 7, None, 1.0
    )  # fmt: skip
    read = read_as(passage)
    assert read.whole[read.shift :] == passage.text
    assert read.whole.startswith("Care – Tents: ")
