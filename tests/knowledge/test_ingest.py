"""The first story: uploads become documents, once, in one step, and survive being stopped anywhere."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import func, select
from tests.conftest import FakeClock
from tests.helpers.documents import pdf, word, zipped
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Chunk, Document, DocumentVersion, Job, KnowledgeRevision, Site, Source, Vector
from minidesk.errors import DocumentProblem, Invalid, NotFound, TooLarge, WrongType
from minidesk.files import FileStore, StoredFile
from minidesk.ingest import Ingest, _url
from minidesk.jobs import JobQueue
from minidesk.knowledge import queries
from minidesk.knowledge.folder import files_of
from minidesk.knowledge.sources import Sources, SourceState, Upload
from minidesk.knowledge.vectors import RANKED_KINDS
from minidesk.live import Hub
from minidesk.settings import Settings

PAGE = b"# Returns\n\n## Window\n\nThirty days after delivery.\n\n## Who pays?\n\nWe do."
PAGE_OF_HTML = (
    b"<title>Tents</title><h1>Tents</h1><p>Dry your tent before you pack it away for the winter.</p>"
)
SHEET = b"question,answer\nWhere?,Here.\nWhen?,Now.\nWho?,We.\n"


class Killed(BaseException):
    """The process ends here; nothing of ours may catch it."""


@dataclass
class WordEmbedder:
    """Vectors made of the text's checksum; counts what it was asked, and can die at the n-th call."""

    fingerprint: str = "words-1"
    embedded: list[str] = field(default_factory=list)
    die_at: int = -1
    calls: int = 0

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls += 1
        if self.calls == self.die_at:
            raise Killed
        self.embedded += texts
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        rows = np.stack([np.random.default_rng(seed).standard_normal(8) for seed in seeds])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@dataclass
class Room:
    """A site with everything that ingest needs."""

    db: Database
    site: Site
    sources: Sources
    ingest: Ingest
    embedder: WordEmbedder
    jobs: JobQueue
    files: FileStore
    hub: Hub
    settings: Settings
    clock: FakeClock

    async def upload(self, path: str, data: bytes, **more: Any) -> str:
        """Store a file; gives the source's id."""
        return (await self.sources.store(site_id=self.site.id, path=path, data=data, **more)).id

    async def work(self) -> int:
        """Run all jobs that wait; how many there were."""
        async with self.db.read() as tx:
            number = (
                await tx.scalar(select(func.count()).select_from(Job).where(Job.queue == "background")) or 0
            )
        while job := await self.jobs.claim(self.db, "background", "test"):
            await self.ingest.run(job)
            await self.jobs.finish(self.db, job)
        return number

    async def state(self) -> dict[str, tuple[str, list[str]]]:
        """Every document that answers: status and passages."""
        async with self.db.read() as tx:
            rows = await tx.execute(
                select(Document.external_id, Document.status, Chunk.text)
                .join(Chunk, Chunk.document_id == Document.id, isouter=True)
                .order_by(Document.external_id, Chunk.ordinal)
            )
        found: dict[str, tuple[str, list[str]]] = {}
        for external_id, status, text in rows.all():
            found.setdefault(external_id, (status, []))[1].extend([text] if text else [])
        return found

    async def revisions(self) -> list[KnowledgeRevision]:
        async with self.db.read() as tx:
            return list(await tx.scalars(select(KnowledgeRevision).order_by(KnowledgeRevision.n)))

    async def check_whole(self) -> None:
        """What must hold at any moment: nothing dangling, revisions without gaps that add up to the passages there are."""
        async with self.db.read() as tx:
            revision = await tx.scalar(select(Site.knowledge_revision).where(Site.id == self.site.id))
            chunks = {c.id: c for c in await tx.scalars(select(Chunk))}
            versions = {v.id: v for v in await tx.scalars(select(DocumentVersion))}
            current = set(await tx.scalars(select(Document.current_version_id)))
            vectors = list(await tx.scalars(select(Vector)))
        alive: set[str] = set()
        revisions = await self.revisions()
        assert [r.n for r in revisions] == list(range(1, (revision or 0) + 1))
        for r in revisions:
            assert alive >= set(r.removed)
            alive = (alive - set(r.removed)) | set(r.added)
        assert alive == set(chunks)
        for chunk in chunks.values():
            assert chunk.version_id in current
            assert chunk.text == versions[chunk.version_id].text[chunk.start : chunk.end]
        assert {v.chunk_id for v in vectors} == set(chunks)
        assert {len(v.data) for v in vectors} <= {16}


@pytest.fixture
async def room(db: Database, clock: FakeClock, settings: Settings):  # type: ignore[no-untyped-def]  # pytest's generator
    hub, embedder = Hub(), WordEmbedder()
    jobs, files = JobQueue(hub, clock), FileStore(settings.data_dir / "files")
    sources = Sources(db, files, jobs, hub, settings, clock, embedder.fingerprint)
    ingest = Ingest(db, files, embedder, jobs, hub, settings, clock)
    yield Room(db, await add_site(db, clock), sources, ingest, embedder, jobs, files, hub, settings, clock)
    await ingest.close()


async def test_a_file_becomes_a_document(room: Room) -> None:
    async with (
        room.hub.subscribe(f"knowledge:{room.site.id}") as followers,
        room.hub.subscribe(f"site:{room.site.id}") as console,
    ):
        source_id = await room.upload(
            "help/returns.md", PAGE, content_type="text/markdown", base_url="https://shop.example/"
        )
        assert await console.wait(1)
        assert (await room.sources.status(room.site.id, source_id)).status == "queued"
        assert not await followers.wait(0)
        assert await room.work() == 1
        assert await followers.wait(1)
        assert await console.wait(1)
    assert (await room.sources.status(room.site.id, source_id)).status == "ready"
    async with room.db.read() as tx:
        view = await queries.access_document(tx, room.site.id, "help/returns.md")
        text = await queries.version_text(tx, room.site.id, view.id)
        chunks = await queries.chunks_of(tx, room.site.id, view.id)
        kinds = (await tx.execute(select(Vector.kind, func.count()).group_by(Vector.kind))).all()
        counted = await queries.counts(tx, room.site.id)
    assert (view.title, view.url, view.status, view.chunks) == (
        "Returns",
        "https://shop.example/help/returns",
        "ready",
        2,
    )
    assert [(c.heading_path, c.text, c.phrasings) for c in chunks] == [
        (("Window",), "Thirty days after delivery.", ()),
        (("Who pays?",), "We do.", ("Who pays?",)),
    ]
    assert all(text[c.start : c.end] == c.text for c in chunks)
    assert sorted((kind, number) for kind, number in kinds) == [("phrasing", 1), ("text", 2), ("title", 2)]
    assert (counted.documents, counted.chunks, counted.sources) == (1, 2, {"ready": 1})
    assert "Returns / Window\nThirty days after delivery." in room.embedder.embedded
    await room.check_whole()


async def test_the_same_file_again_costs_nothing(room: Room) -> None:
    await room.upload("a.md", PAGE)
    await room.work()
    again = await room.sources.store(site_id=room.site.id, path="a.md", data=PAGE)
    assert again.unchanged
    assert again.status == "ready"
    assert await room.work() == 0
    moved = await room.sources.store(site_id=room.site.id, path="b.md", data=PAGE)
    assert not moved.unchanged
    embedded = len(room.embedder.embedded)
    assert await room.work() == 1
    assert len(room.embedder.embedded) == embedded  # the texts are known, so are their vectors
    await room.check_whole()


async def test_a_new_version_replaces_the_old_one_in_one_step(room: Room) -> None:
    await room.upload("a.md", PAGE)
    await room.work()
    await room.upload("a.md", PAGE.replace(b"Thirty", b"Forty"))
    assert (await room.state())["a.md"][1][
        0
    ] == "Thirty days after delivery."  # the old one answers meanwhile
    await room.work()
    assert (await room.state())["a.md"] == ("ready", ["Forty days after delivery.", "We do."])
    first, second = await room.revisions()
    assert set(second.removed) == set(first.added)
    async with room.db.read() as tx:
        assert sorted(await tx.scalars(select(DocumentVersion.n))) == [1, 2]
    await room.check_whole()


async def test_only_rows_that_changed_are_written_and_lost_ones_retire(room: Room) -> None:
    await room.upload("faq.csv", SHEET)
    await room.work()
    assert list(await room.state()) == ["faq.csv#1", "faq.csv#2", "faq.csv#3"]
    await room.upload("faq.csv", SHEET.replace(b"Now.", b"Later.").replace(b"Who?,We.\n", b""))
    await room.work()
    assert await room.state() == {
        "faq.csv#1": ("ready", ["Here."]),
        "faq.csv#2": ("ready", ["Later."]),
        "faq.csv#3": ("retired", []),
    }
    assert len(await room.revisions()) == 3 + 2
    await room.upload("faq.csv", SHEET)
    await room.work()
    assert (await room.state())["faq.csv#3"] == ("ready", ["We."])
    await room.check_whole()


async def test_ids_of_their_own_are_kept_and_follow_the_newest_file(room: Room) -> None:
    line = b'{"id": "gift-1", "title": "Gift cards", "text": "Valid for %d years."}\n'
    await room.upload("old.jsonl", line % 4)
    await room.work()
    source_id = await room.upload("new.jsonl", line % 5)
    await room.work()
    assert await room.state() == {"gift-1": ("ready", ["Valid for 5 years."])}
    async with room.db.read() as tx:
        assert await tx.scalar(select(Document.source_id)) == source_id
    await room.check_whole()


async def test_a_file_that_fails_says_why_and_the_old_version_answers(room: Room) -> None:
    await room.upload("a.docx", word())
    await room.work()
    source_id = await room.upload("a.docx", word()[:-60] + b"x" * 60)
    await room.upload("good.md", PAGE)
    assert await room.work() == 2
    state = await room.sources.status(room.site.id, source_id)
    assert (state.status, state.code) == ("failed", "document_unreadable")
    assert state.reason
    assert state.reason.endswith("upload that copy.")
    assert (await room.state())["a.docx"][1]
    assert (await room.state())["good.md"][0] == "ready"
    await room.check_whole()


async def test_bad_rows_are_named_and_the_rest_is_used(room: Room) -> None:
    source_id = await room.upload("faq.csv", SHEET + b"Why?,\n")
    await room.work()
    state = await room.sources.status(room.site.id, source_id)
    assert (state.status, state.reason) == (
        "ready",
        "1 of 4 entries could not be used. The first: Row 4 has no answer. Fill it in, or remove the row.",
    )
    assert (await room.state())["faq.csv#4"] == ("failed", [])
    async with room.db.read() as tx:
        failed = await queries.list_documents(tx, room.site.id, status="failed")
    assert [view.reason for view in failed] == ["Row 4 has no answer. Fill it in, or remove the row."]
    await room.upload("faq.csv", SHEET + b"Why?,Because.\n")
    await room.work()
    assert (await room.state())["faq.csv#4"] == ("ready", ["Because."])


async def test_a_question_set_is_skipped_as_such(room: Room) -> None:
    source_id = await room.upload(
        "questions.jsonl", b'{"id": "1", "question": "Where?", "relevant": ["a"]}\n'
    )
    await room.work()
    state = await room.sources.status(room.site.id, source_id)
    assert (state.status, state.reason, state.code) == ("skipped", "a question set, not knowledge", None)
    assert await room.state() == {}


@pytest.mark.parametrize(
    ("path", "data", "declared", "error", "code"),
    [
        ("a.exe", b"MZ", None, WrongType, "type_not_allowed"),
        ("a.pdf", b"words", None, WrongType, "type_mismatch"),
        ("a.md", PAGE, "image/png", WrongType, "type_mismatch"),
        ("a.md", b"", None, DocumentProblem, "file_empty"),
        ("a.md", b"x" * 2_000_001, None, TooLarge, "too_large"),
    ],
)
async def test_what_is_refused_at_the_door_leaves_no_row(
    room: Room, path: str, data: bytes, declared: str | None, error: type[Exception], code: str
) -> None:
    small = room.settings.model_copy(update={"document_max_bytes": 2_000_000})
    sources = Sources(room.db, room.files, room.jobs, room.hub, small, room.clock, room.embedder.fingerprint)
    with pytest.raises(error) as caught:
        await sources.store(site_id=room.site.id, path=path, data=data, content_type=declared)
    assert getattr(caught.value, "code") == code  # noqa: B009 (the class is a parameter)
    async with room.db.read() as tx:
        assert await tx.scalar(select(func.count()).select_from(Source)) == 0
        assert await tx.scalar(select(func.count()).select_from(Job).where(Job.queue == "background")) == 0
    assert (await sources.store(site_id=room.site.id, path="a.md", data=PAGE)).status == "queued"


async def test_a_late_result_of_an_older_upload_loses(room: Room) -> None:
    await room.upload("a.md", PAGE)
    old = await room.jobs.claim(room.db, "background", "slow")
    assert old
    source_id = await room.upload("a.md", b"# New\n\nNewer words.")
    await room.work()
    await room.ingest.run(old)
    assert await room.state() == {"a.md": ("ready", ["Newer words."])}
    assert (await room.sources.status(room.site.id, source_id)).generation == 2
    await room.check_whole()


async def test_an_upload_in_the_middle_of_the_work_wins(room: Room) -> None:
    source_id = await room.upload("a.md", PAGE)
    job = await room.jobs.claim(room.db, "background", "slow")
    assert job
    plain = room.embedder.documents

    async def overtaken(texts: Sequence[str]) -> NDArray[np.float32]:
        room.embedder.documents = plain  # type: ignore[method-assign]  # once only
        await room.upload("a.md", b"# New\n\nNewer words.")
        return await plain(texts)

    room.embedder.documents = overtaken  # type: ignore[method-assign]  # a slow model, for as long as the upload takes
    await room.ingest.run(job)
    assert await room.state() == {}
    assert (await room.sources.status(room.site.id, source_id)).status == "queued"
    await room.work()
    assert await room.state() == {"a.md": ("ready", ["Newer words."])}
    await room.check_whole()


@pytest.mark.parametrize("die_at", [1, 2, 3])
async def test_work_that_was_killed_is_done_again_without_traces(room: Room, die_at: int) -> None:
    entries = b"".join(
        b'{"id": "e%d", "title": "Entry %d", "text": "Words of entry %d."}\n' % (n, n, n) for n in range(300)
    )
    await room.upload("all.jsonl", entries)
    job = await room.jobs.claim(room.db, "background", "victim")
    assert job
    room.embedder.die_at = die_at
    with pytest.raises(Killed):
        await room.ingest.run(job)
    await room.check_whole()
    await room.ingest.run(job)
    await room.check_whole()
    state = await room.state()
    assert len(state) == 300
    assert {status for status, _ in state.values()} == {"ready"}
    assert len(await room.revisions()) == 300  # what was written before the end was not written twice
    await room.ingest.run(job)
    assert len(await room.revisions()) == 300


async def test_a_file_that_always_fails_is_given_up_with_a_sentence(room: Room) -> None:
    source_id = await room.upload("a.md", PAGE)
    job = await room.jobs.claim(room.db, "background", "x")
    assert job
    await room.ingest.give_up(job, "died")
    state = await room.sources.status(room.site.id, source_id)
    assert (state.status, state.code) == ("failed", "processing_failed")
    assert (await room.sources.retry(room.site.id, source_id)).status == "queued"
    await room.work()
    assert (await room.sources.status(room.site.id, source_id)).status == "ready"


async def test_bytes_that_are_gone_are_told(room: Room) -> None:
    source_id = await room.upload("a.md", PAGE)
    await room.files.remove(hashlib.sha256(PAGE).hexdigest())
    await room.work()
    assert (
        await room.sources.status(room.site.id, source_id)
    ).reason == "The stored copy of this file is missing. Upload it again."


async def test_another_model_makes_new_vectors_and_the_old_passages_answer_until_then(room: Room) -> None:
    await room.upload("a.md", PAGE)
    await room.work()
    newer = WordEmbedder(fingerprint="words-2")
    sources = Sources(room.db, room.files, room.jobs, room.hub, room.settings, room.clock, newer.fingerprint)
    assert await sources.refresh() == 1
    assert (await room.state())["a.md"][1]
    ingest = Ingest(room.db, room.files, newer, room.jobs, room.hub, room.settings, room.clock)
    await replace(room, ingest=ingest).work()
    await ingest.close()
    async with room.db.read() as tx:
        assert set(await tx.scalars(select(Vector.fingerprint))) == {"words-2"}
    assert await sources.refresh() == 0
    await room.check_whole()


async def test_removing_a_file_removes_everything_of_it(room: Room) -> None:
    first = await room.upload("faq.csv", SHEET)
    second = await room.upload("copy.csv", SHEET)
    await room.work()
    with pytest.raises(Invalid):
        await room.sources.delete_document(room.site.id, "faq.csv#1")
    other = await add_site(room.db, room.clock, "Other")
    with pytest.raises(NotFound):
        await room.sources.delete_source(other.id, first)
    await room.sources.delete_source(room.site.id, first)
    assert list(await room.state()) == ["copy.csv#1", "copy.csv#2", "copy.csv#3"]
    assert await room.files.read(hashlib.sha256(SHEET).hexdigest()) == SHEET  # the copy still needs it
    await room.sources.delete_source(room.site.id, second)
    with pytest.raises(NotFound):
        await room.files.read(hashlib.sha256(SHEET).hexdigest())
    assert await room.state() == {}
    await room.check_whole()


async def test_bytes_that_come_again_while_they_are_removed_stay(room: Room) -> None:
    """Another process takes the same file when its last row is gone, and its bytes are about to go."""
    first = await room.upload("a.md", PAGE)
    removing: list[asyncio.Task[None]] = []

    class Elsewhere(FileStore):
        async def put(self, *args: Any, **more: Any) -> StoredFile:
            stored = await super().put(*args, **more)
            async with room.hub.subscribe(f"knowledge:{room.site.id}") as followers:
                removing.append(asyncio.create_task(room.sources.delete_source(room.site.id, first)))
                assert await followers.wait(5)  # the row is gone, the bytes are next
            return stored

    files = Elsewhere(room.settings.data_dir / "files")
    other = Sources(room.db, files, room.jobs, room.hub, room.settings, room.clock, room.embedder.fingerprint)
    state = await other.store(site_id=room.site.id, path="b.md", data=PAGE)
    await removing[0]
    assert await room.files.read(hashlib.sha256(PAGE).hexdigest()) == PAGE
    await room.work()
    assert (await room.sources.status(room.site.id, state.id)).status == "ready"
    await room.sources.delete_source(room.site.id, state.id)
    with pytest.raises(NotFound):
        await room.files.read(hashlib.sha256(PAGE).hexdigest())


async def test_a_row_that_cannot_be_used_now_is_read_once_a_recipe(room: Room) -> None:
    """Its old words answer, and the file is not read again at every start because of it."""
    await room.upload("faq.csv", SHEET)
    await room.work()
    source_id = await room.upload("faq.csv", SHEET.replace(b"Now.", b""))
    await room.work()
    assert (await room.state())["faq.csv#2"] == ("ready", ["Now."])
    assert await room.sources.refresh() == 0
    same = await room.sources.store(site_id=room.site.id, path="faq.csv", data=SHEET.replace(b"Now.", b""))
    assert same.unchanged
    newer = WordEmbedder(fingerprint="words-2")
    sources = Sources(room.db, room.files, room.jobs, room.hub, room.settings, room.clock, newer.fingerprint)
    assert await sources.refresh() == 1
    ingest = Ingest(room.db, room.files, newer, room.jobs, room.hub, room.settings, room.clock)
    later = replace(room, ingest=ingest, sources=sources)
    await later.work()
    assert await sources.refresh() == 0
    # Mended, the row is taken although it is what it was before.
    await later.upload("faq.csv", SHEET)
    await later.work()
    await ingest.close()
    assert (await sources.status(room.site.id, source_id)).reason is None
    async with room.db.read() as tx:
        assert set(await tx.scalars(select(Vector.fingerprint))) == {"words-2"}
        assert not (await tx.scalars(select(Document.id).where(Document.reason.is_not(None)))).all()


async def test_nothing_is_seen_from_another_site(room: Room) -> None:
    source_id = await room.upload("a.md", PAGE)
    await room.work()
    other = await add_site(room.db, room.clock, "Other")
    async with room.db.read() as tx:
        view = await queries.access_document(tx, room.site.id, "a.md")
        assert await queries.list_documents(tx, other.id) == []
        assert await queries.chunks_of(tx, other.id, view.id) == []
        with pytest.raises(NotFound):
            await queries.access_document(tx, other.id, "a.md")
        with pytest.raises(NotFound):
            await queries.version_text(tx, other.id, view.id)
    with pytest.raises(NotFound):
        await room.sources.status(other.id, source_id)
    assert await room.sources.list_(other.id) == []
    assert [state.path for state in await room.sources.list_(room.site.id)] == ["a.md"]


LONG = b"# Care\n\nWax the boots. Dry them slowly. Never use an oven. Store them open."


async def vectors_of(room: Room) -> dict[tuple[str, str, int], tuple[str, bytes]]:
    """Text hash and data of each vector, by document, kind and ordinal."""
    statement = select(Document.external_id, Vector.kind, Vector.ordinal, Vector.text_hash, Vector.data)
    async with room.db.read() as tx:
        rows = await tx.execute(
            statement.select_from(Vector)
            .join(Chunk, Chunk.id == Vector.chunk_id)
            .join(Document, Document.id == Chunk.document_id)
        )
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


async def test_sentences_have_vectors_which_are_used_again(room: Room) -> None:
    await room.upload("a.md", LONG)
    await room.upload("two.md", b"# Two\n\nWax the boots. Dry them slowly.")
    await room.upload("faq.csv", b"question,answer\nHow?,One. Two. Three. Four.\n")
    await room.work()
    found = await vectors_of(room)
    sentences = {key: value for key, value in found.items() if key[1] == "sentence"}
    texts = ["Wax the boots.", "Dry them slowly.", "Never use an oven.", "Store them open."]
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    assert {key: value[0] for key, value in sentences.items()} == {
        ("a.md", "sentence", n): mark for n, mark in enumerate(hashes)
    }
    assert (
        sentences["a.md", "sentence", 1][1]
        == (await room.embedder.documents([texts[1]])).astype("<f2").tobytes()
    )
    room.embedder.embedded.clear()
    await room.upload("a.md", LONG.replace(b"Never use an oven", b"Keep them from fire"))
    await room.work()
    assert sorted(room.embedder.embedded) == [
        "Care\nWax the boots. Dry them slowly. Keep them from fire. Store them open.",
        "Keep them from fire.",
    ]
    assert "sentence" not in RANKED_KINDS  # so they never reach Chroma
    await room.check_whole()


async def test_small_files_are_done_together(room: Room) -> None:
    uploads = [Upload(f"{n:02}.md", PAGE.replace(b"Thirty", b"%d" % n)) for n in range(20)]
    uploads[7] = Upload("07.docx", word()[:-60] + b"x" * 60)
    uploads[9] = Upload("09.exe", b"MZ")
    stored = await room.sources.store_many(site_id=room.site.id, uploads=uploads)
    assert [one.status if isinstance(one, SourceState) else one.code for one in stored] == [
        "type_not_allowed" if n == 9 else "queued" for n in range(20)
    ]
    job = await room.jobs.claim(room.db, "background", "test")
    assert job
    await room.ingest.run(job)
    async with room.db.read() as tx:
        assert list(await tx.scalars(select(Job.id).where(Job.queue == "background"))) == [
            job.id
        ]  # its worker finishes it
        states = {source.path: source.status for source in await tx.scalars(select(Source))}
    assert states == {f"{n:02}.md": "ready" for n in range(20) if n not in (7, 9)} | {"07.docx": "failed"}
    assert len(await room.state()) == 18
    await room.check_whole()
    again = await room.sources.store_many(site_id=room.site.id, uploads=uploads[:5])
    assert [one.unchanged for one in again if isinstance(one, SourceState)] == [True] * 5


async def test_a_failure_of_ours_puts_the_others_back_and_each_is_then_tried_alone(room: Room) -> None:
    for n in range(4):
        await room.upload(f"{n}.md", b"# Page %d\n\nWords of page %d." % (n, n))
    job = await room.jobs.claim(room.db, "background", "test")
    assert job
    room.embedder.die_at = 1
    with pytest.raises(Killed):
        await room.ingest.run(job)
    async with room.db.read() as tx:
        jobs = list(await tx.scalars(select(Job).where(Job.queue == "background").order_by(Job.id)))
    assert [(row.state, row.attempts) for row in jobs] == [("running", 1)] + [("ready", 1)] * 3
    await room.ingest.run(job)
    await room.jobs.finish(room.db, job)
    assert list(await room.state()) == ["0.md"]
    assert await room.work() == 3
    assert len(await room.state()) == 4
    await room.check_whole()


async def test_one_newer_upload_in_a_group_loses_only_its_own_results(room: Room) -> None:
    for n in range(3):
        await room.upload(f"{n}.md", b"# Page %d\n\nWords of page %d." % (n, n))
    plain = room.embedder.documents

    async def overtaken(texts: Sequence[str]) -> NDArray[np.float32]:
        room.embedder.documents = plain  # type: ignore[method-assign]  # once only
        await room.upload("1.md", b"# New\n\nNewer words.")
        return await plain(texts)

    room.embedder.documents = overtaken  # type: ignore[method-assign]  # a slow model, for as long as the upload takes
    job = await room.jobs.claim(room.db, "background", "test")
    assert job
    await room.ingest.run(job)
    await room.jobs.finish(room.db, job)
    assert list(await room.state()) == ["0.md", "2.md"]
    assert await room.work() == 1
    assert (await room.state())["1.md"] == ("ready", ["Newer words."])
    await room.check_whole()


async def test_two_files_of_one_group_that_give_the_same_id(room: Room) -> None:
    line = b'{"id": "gift-1", "title": "Gift cards", "text": "Valid for %d years."}\n'
    await room.upload("a.jsonl", line % 3)
    await room.upload("b.jsonl", line % 5)
    assert await room.work() == 2
    assert await room.state() == {"gift-1": ("ready", ["Valid for 5 years."])}
    await room.check_whole()


async def test_an_archive_gives_a_row_a_member_with_links_below_the_site(room: Room) -> None:
    archive = zipped(
        [("help/a.md", b"# A\n\nWords."), ("faq.csv", SHEET), ("x.png", b"\x89PNG"), ("b.pdf", b"no")]
    )
    source_id = await room.upload("all.zip", archive, base_url="https://x.example")
    await room.work()
    async with room.db.read() as tx:
        views = (await queries.documents_of_sources(tx, room.site.id, [source_id]))[source_id]
    assert [(view.external_id, view.status, view.url) for view in views] == [
        ("all.zip/b.pdf", "failed", None),
        ("all.zip/faq.csv#1", "ready", "https://x.example/faq#1"),
        ("all.zip/faq.csv#2", "ready", "https://x.example/faq#2"),
        ("all.zip/faq.csv#3", "ready", "https://x.example/faq#3"),
        ("all.zip/help/a.md", "ready", "https://x.example/help/a"),
        ("all.zip/x.png", "skipped", None),
    ]
    assert (await room.sources.status(room.site.id, source_id)).status == "ready"


async def test_a_tree_of_help_pages(room: Room, tmp_path: Path) -> None:
    pages = {
        "start.md": b"---\ntitle: Where to start?\ncategory: Basics\n---\n\nHere.",
        "mail/index.md": b"---\ntitle: 'Mail: protected'\npermalink: /mail/index.html\n---\n# Mail\n\nYes.",
        "mail/deep/a b.md": b"# Own heading\n\nText.",
        "mail/.draft.md": b"# Draft",
    }
    for path, data in pages.items():
        (tmp_path / "md" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "md" / path).write_bytes(data)
    uploads = [Upload(found.path, found.file.read_bytes()) for found in files_of([tmp_path / "md"])]
    await room.sources.store_many(site_id=room.site.id, uploads=uploads, base_url="https://help.example.com")
    await room.work()
    async with room.db.read() as tx:
        views = await queries.list_documents(tx, room.site.id)
    assert [(view.external_id, view.title, view.url, view.status) for view in views] == [
        ("mail/deep/a b.md", "Own heading", "https://help.example.com/mail/deep/a%20b", "ready"),
        ("mail/index.md", "Mail: protected", "https://help.example.com/mail/index.html", "ready"),
        ("start.md", "Where to start?", "https://help.example.com/start", "ready"),
    ]


async def test_pages_of_a_pdf_reach_the_passages(room: Room) -> None:
    words = [
        "Wax the boots on page 1 of this leaflet.",
        "Tents dry on page 2 here.",
        "Ask us on page 3 at last.",
    ]
    lines = [[(72.0, 700.0 - 90 * n, 10.0, line)] for n, line in enumerate(words)]
    await room.upload("leaflet.pdf", pdf(lines))
    await room.work()
    async with room.db.read() as tx:
        pages = (await tx.execute(select(Chunk.page, Chunk.text).order_by(Chunk.ordinal))).all()
    assert pages
    assert all(f"page {page} " in text for page, text in pages)


@pytest.mark.parametrize("base_url", [None, "https://x.example"])
async def test_a_row_whose_address_is_none_has_none_and_the_others_stay(
    room: Room, base_url: str | None
) -> None:
    lines = [
        b'{"id": "one", "title": "One", "text": "Wax is one.", "url": "http://["}',
        b'{"id": "two", "title": "Two", "text": "Oil is two.", "url": "//["}',
        b'{"id": "three", "title": "Three", "text": "Rope is three.", "url": "https://x.example/3"}',
    ]
    await room.upload("corpus.jsonl", b"\n".join(lines), base_url=base_url)
    await room.upload(
        "page.html", b'<link rel="canonical" href="http://[">' + PAGE_OF_HTML, base_url=base_url
    )
    await room.work()
    async with room.db.read() as tx:
        found = await tx.execute(select(Document.external_id, Document.url, Document.status))
    answers = {external_id: url for external_id, url, status in found.all() if status == "ready"}
    assert answers.pop("three") == "https://x.example/3"
    assert answers == {
        name: base_url and f"{base_url}/{name.split('.')[0]}" for name in ("one", "two", "page.html")
    }


@pytest.mark.parametrize(
    ("base", "external_id", "own", "url"),
    [
        (None, "a/b.md", None, None),
        (None, "a/b.md", "help/b", None),
        (None, "a/b.md", "https://x.example/b", "https://x.example/b"),
        (None, "a/b.md", "javascript:alert(1)", None),
        ("https://x.example/help/", "a/b.md", None, "https://x.example/help/a/b"),
        ("https://x.example", "a/b.md", "/c", "https://x.example/c"),
        ("https://x.example", "faq.csv#3", None, "https://x.example/faq#3"),
        ("https://x.example", "v1.2 notes.md", None, "https://x.example/v1.2%20notes"),
        ("https://x.example", "gift-1", None, "https://x.example/gift-1"),
        ("https://x.example", "a.zip/b/c.md", None, "https://x.example/b/c"),
    ],
)
def test_addresses(base: str | None, external_id: str, own: str | None, url: str | None) -> None:
    assert _url(base, external_id, own) == url
