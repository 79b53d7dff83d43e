"""Chroma, the exact index and the owner's lock, on real folders."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import FakeClock
from tests.knowledge.shelf import FINGERPRINT, Entry, put, random_vectors
from tests.rows import add_site

from minidesk.db import Database
from minidesk.errors import Conflict, IndexUnavailable
from minidesk.knowledge.exact_index import ExactIndex
from minidesk.knowledge.index import ChromaIndex
from minidesk.knowledge.index_check import KnownAnswer
from minidesk.knowledge.known_answers import KNOWN_ANSWERS, known_answers
from minidesk.knowledge.owner_lock import OwnerLock
from minidesk.knowledge.vectors import VectorRow, current_vectors


def rows(n: int, seed: int = 0) -> list[VectorRow]:
    """`n` chunks with a vector each."""
    vectors = random_vectors(n, seed)
    return [VectorRow(f"chk_{i}", "text", 0, vectors[i].astype("<f2").tobytes()) for i in range(n)]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[ChromaIndex]:
    """A store that is not open yet."""
    found = ChromaIndex(tmp_path / "chroma", FINGERPRINT)
    yield found
    found.close()


async def fill(index: ChromaIndex, site: str, added: list[VectorRow], revision: int = 1) -> None:
    """Build a site's collection."""
    await index.begin(site)
    await index.add(site, added)
    await index.finish(site, revision)


async def test_finds_and_forgets(index: ChromaIndex) -> None:
    assert await index.open([])
    await fill(index, "ste_a", rows(50))
    vector = random_vectors(50)[7]
    best = (await index.search("ste_a", vector, 5))[0]
    assert (best.chunk, best.kind) == ("chk_7", "text")
    assert best.cosine == pytest.approx(1, abs=0.002)

    for _ in range(2):  # applied twice is applied once
        await index.apply("ste_a", rows(1, seed=9), {"chk_7"}, 2)
    found = [hit.chunk for hit in await index.search("ste_a", vector, 60)]
    assert len(found) == 49
    assert "chk_7" not in found
    assert await index.revision("ste_a") == 2


async def test_sites_stay_apart(index: ChromaIndex) -> None:
    await index.open([])
    await fill(index, "ste_a", rows(5))
    await fill(index, "ste_b", [VectorRow("chk_b", "text", 0, rows(1)[0].data)])
    assert [hit.chunk for hit in await index.search("ste_b", random_vectors(5)[0], 10)] == ["chk_b"]
    with pytest.raises(IndexUnavailable):
        await index.search("ste_c", random_vectors(1)[0], 10)


async def test_says_nothing_while_it_is_built(index: ChromaIndex) -> None:
    await index.open([])
    await index.begin("ste_a")
    await index.add("ste_a", rows(5))
    with pytest.raises(IndexUnavailable):
        await index.search("ste_a", random_vectors(1)[0], 3)
    await index.finish("ste_a", 1)
    assert len(await index.search("ste_a", random_vectors(1)[0], 3)) == 3


async def test_keeps_its_position_and_knows_its_model(index: ChromaIndex, tmp_path: Path) -> None:
    await index.open([])
    await fill(index, "ste_a", rows(5), revision=12)
    index.close()
    assert await index.open([])
    assert await index.revision("ste_a") == 12
    index.close()
    other = ChromaIndex(tmp_path / "chroma", "another-model")
    await other.open([])
    assert await other.revision("ste_a") == -1
    other.close()


def known(n: int, revision: int = 1) -> list[KnownAnswer]:
    """Some of `rows(n)`, as SQL would know them."""
    chosen = list(range(0, n, max(1, n // 24)))[-24:]
    vectors = random_vectors(n)[chosen].astype("<f2").astype(float)
    ids = tuple(f"chk_{i}:text:0" for i in chosen)
    return [KnownAnswer("ste_a", revision, ids, tuple(tuple(vector) for vector in vectors))]


# More rows than Chroma keeps in its log: only then is there a graph on disk to be damaged.
MANY = 2300


@pytest.mark.parametrize("damage", ["graph", "graph gone", "sqlite", "none"])
async def test_a_damaged_store_is_moved_aside(index: ChromaIndex, tmp_path: Path, damage: str) -> None:
    await index.open([])
    await fill(index, "ste_a", rows(MANY))
    index.close()
    graphs = list((tmp_path / "chroma").glob("*/data_level0.bin"))
    assert graphs
    for graph in graphs:
        if damage == "graph":
            graph.write_bytes(np.random.default_rng(1).bytes(graph.stat().st_size))
        elif damage == "graph gone":
            for file in graph.parent.iterdir():
                file.unlink()
            graph.parent.rmdir()
    if damage == "sqlite":
        (tmp_path / "chroma" / "chroma.sqlite3").write_bytes(b"garbage" * 1000)

    fine = await index.open(known(MANY))

    assert fine == (damage == "none")
    assert await index.revision("ste_a") == (1 if fine else -1)
    assert len(list(tmp_path.glob("chroma.damaged-*"))) == (0 if fine else 1)
    await fill(index, "ste_a", rows(5))  # what is there now takes rows
    assert len(await index.search("ste_a", random_vectors(5)[0], 5)) == 5


async def test_rows_that_were_lost_in_silence_are_noticed(index: ChromaIndex) -> None:
    await index.open([])
    await fill(index, "ste_a", rows(30)[:29])
    assert await index.healthy(known(29))
    assert not index.damaged
    assert await index.healthy(known(30, revision=2))  # not followed yet: nothing is wrong
    assert not await index.healthy(known(30))
    assert await index.is_damaged()


def test_one_owner(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom minidesk.knowledge.owner_lock import OwnerLock\n"
        "sys.exit(0 if OwnerLock(Path(sys.argv[1])).acquire() else 3)"
    )

    def another_process() -> int:
        return subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode

    with OwnerLock(tmp_path) as lock:
        assert another_process() == 3
        assert not OwnerLock(tmp_path).acquire()
        assert lock.acquire()  # the holder may ask again
        with pytest.raises(Conflict, match="owns the indexes"), OwnerLock(tmp_path):
            pass
    assert another_process() == 0


async def test_the_exact_index_agrees_with_chroma(index: ChromaIndex, db: Database, clock: FakeClock) -> None:
    site = await add_site(db, clock)
    vectors = random_vectors(60)
    entries = [
        Entry(
            f"text {i}",
            [("text", vectors[2 * i]), ("phrasing", vectors[2 * i + 1]), ("sentence", vectors[0])],
        )
        for i in range(30)
    ]
    await put(db, clock, site.id, "a", entries[:20])
    await put(db, clock, site.id, "b", entries[20:])
    exact = ExactIndex(db, FINGERPRINT)
    question = random_vectors(1, seed=5)[0]
    found = await exact.search(site.id, question, 10)
    assert found == sorted(found, key=lambda hit: -hit.cosine)
    assert "sentence" not in {hit.kind for hit in found}

    await index.open([])
    answers = await known_answers(db, FINGERPRINT)
    assert KNOWN_ANSWERS <= len(answers[0].ids) <= 2 * KNOWN_ANSWERS
    chunks = {id_.partition(":")[0] for id_ in answers[0].ids}
    assert chunks == {hit.chunk for hit in await exact.search(site.id, question, 100)}  # of both documents
    assert await ExactIndex(db, "another-model").search(site.id, question, 10) == []

    async with db.read() as tx:
        stored = (await tx.execute(current_vectors(site.id, FINGERPRINT))).all()
    await fill(index, site.id, [VectorRow(c, kind, n, data) for _, c, kind, n, data in stored], revision=2)
    assert [hit.chunk for hit in await index.search(site.id, question, 10)] == [hit.chunk for hit in found]
    assert await index.healthy(answers)

    await put(db, clock, site.id, "b", [])  # the kept copy must not outlive a change
    left = {hit.chunk for hit in await exact.search(site.id, question, 100)}
    assert len(left) == 20
