"""Versions: kept, compared, and brought back with the file that they were read from."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.knowledge.conftest import Library

from minidesk.db.models import DocumentVersion
from minidesk.errors import Conflict, NotFound
from minidesk.files import FileStore
from minidesk.knowledge.compare import compare
from minidesk.knowledge.rows import VERSIONS
from minidesk.knowledge.sources import Maker, locked_source
from minidesk.knowledge.versions import Versions, version_texts

OLD = b"# Returns\n\nSend it back within 30 days.\n\nWe pay the postage.\n"
NEW = b"# Returns\n\nSend it back within 14 days.\n\nWe pay the postage.\n"


async def two_versions(library: Library) -> str:
    """A page that was changed once; gives its document's internal id."""
    await library.sources.store(
        site_id=library.site.id, path="returns.md", data=OLD, maker=Maker("upload", "Mara")
    )
    await library.work()
    library.clock.advance(days=1)
    await library.sources.store(site_id=library.site.id, path="returns.md", data=NEW, maker=Maker("command"))
    await library.work()
    return (await library.document("returns.md")).id


async def test_who_and_what_made_a_version_is_known(library: Library) -> None:
    await two_versions(library)
    new, old = await library.history("returns.md")
    assert (new.n, new.origin, new.author, new.current, new.restorable) == (2, "command", None, True, False)
    assert (old.n, old.origin, old.author, old.current, old.restorable) == (1, "upload", "Mara", False, True)
    assert (new.made_at - old.made_at).days == 1
    assert new.sha256 != old.sha256
    assert await library.files.read(old.sha256) == OLD


async def test_going_back_takes_the_old_file_and_the_present_text_answers_until_then(
    library: Library,
) -> None:
    document = await two_versions(library)
    await library.versions.restore(library.site.id, document, 1, "Jonas")
    assert "14 days" in str(await library.state())
    await library.work()
    assert "30 days" in str(await library.state())
    assert "14 days" not in str(await library.state())
    newest = (await library.history("returns.md"))[0]
    assert (newest.n, newest.origin, newest.author, newest.same_as) == (3, "restore", "Jonas", 1)
    # Reading everything again, as after an update of the program, must not undo it.
    library.ingest._recipe = "another"
    await library.sources.retry(library.site.id, (await library.document("returns.md")).source_id)
    await library.work()
    assert "30 days" in str(await library.state())
    await library.check_whole()


async def test_going_back_to_what_stands_there_is_refused(library: Library) -> None:
    document = await two_versions(library)
    with pytest.raises(Conflict):
        await library.versions.restore(library.site.id, document, 2)
    for site, n in ((library.site.id, 7), ("another", 1)):
        with pytest.raises(NotFound):
            await library.versions.restore(site, document, n)
    old = (await library.history("returns.md"))[1]
    await library.files.remove(old.sha256)
    with pytest.raises(Conflict, match="Upload it again"):
        await library.versions.restore(library.site.id, document, 1)


async def test_a_file_that_is_brought_back_is_not_cleaned_up_meanwhile(library: Library) -> None:
    """Between the look for the file and the row that names it, its version can be forgotten: with it the file would go."""
    document = await two_versions(library)
    source = (await library.document("returns.md")).source_id
    old = (await library.history("returns.md"))[1]
    looked = asyncio.Event()

    class Watched(FileStore):
        def path(self, sha256: str) -> Path:
            looked.set()
            return super().path(sha256)

    folder = library.files.path(old.sha256).parents[2]
    versions = Versions(library.db, Watched(folder), library.jobs, library.hub, library.clock)
    order: list[str] = []

    async def restore() -> None:
        await versions.restore(library.site.id, document, 1)
        order.append("restored")

    async def clean_up() -> None:
        await looked.wait()
        async with FileStore(folder).removing():  # as another process would
            order.append("removing")

    async with asyncio.TaskGroup() as tasks, library.db.write() as tx:
        await locked_source(
            tx, library.site.id, source
        )  # the restoring one has looked, and waits for its turn
        tasks.create_task(restore())
        removing = tasks.create_task(clean_up())
        await asyncio.wait({removing}, timeout=0.3)
        assert looked.is_set()
        assert order == []
    assert order == ["restored", "removing"]


async def test_a_version_of_a_file_that_failed_later_can_be_brought_back(library: Library) -> None:
    await library.upload("a.jsonl", b'{"id": "a", "text": "Good."}\n')
    await library.work()
    await library.upload("a.jsonl", b'{"id": "a"}\n')
    await library.work()
    document = await library.document("a")
    assert (await library.sources.status(library.site.id, document.source_id)).status == "failed"
    (only,) = await library.history("a")
    assert (only.current, only.restorable) == (True, True)
    await library.versions.restore(library.site.id, document.id, 1)
    await library.work()
    assert (await library.sources.status(library.site.id, document.source_id)).status == "ready"
    assert (await library.state())["a"] == ("ready", ["Good."])


async def test_rows_go_back_with_their_file(library: Library) -> None:
    await library.upload("faq.csv", b"question,answer\nWhere?,Here.\nWhen?,Now.\n")
    await library.work()
    await library.upload("faq.csv", b"question,answer\nWhere?,There.\nWhen?,Later.\n")
    await library.work()
    await library.versions.restore(library.site.id, (await library.document("faq.csv#1")).id, 1)
    await library.work()
    assert {text for _, texts in (await library.state()).values() for text in texts} == {"Here.", "Now."}


async def test_only_the_newest_versions_are_kept_and_their_files(library: Library) -> None:
    shas = []
    for n in range(VERSIONS + 3):
        await library.upload("a.md", b"# A\n\nText %d." % n)
        await library.work()
        shas.append((await library.history("a.md"))[0].sha256)
    assert [version.n for version in await library.history("a.md")] == list(range(VERSIONS + 3, 3, -1))
    assert [library.files.path(sha).exists() for sha in shas] == [False] * 3 + [True] * VERSIONS
    await library.sources.delete_source(library.site.id, (await library.document("a.md")).source_id)
    assert not any(library.files.path(sha).exists() for sha in shas)
    async with library.db.read() as tx:
        assert list(await tx.scalars(select(DocumentVersion))) == []


async def test_texts_of_versions_are_read_in_the_order_asked_for(library: Library) -> None:
    document = await two_versions(library)
    async with library.db.read() as tx:
        old, new = await version_texts(tx, library.site.id, document, 1, 2)
        with pytest.raises(NotFound):
            await version_texts(tx, library.site.id, document, 1, 9)
        with pytest.raises(NotFound):
            await version_texts(tx, "another", document, 1)
    found = compare(old.lines(), new.lines())
    changed = [
        (line.kind, [p.text for p in line.parts if p.changed])
        for line in found.lines
        if line.kind in ("added", "removed")
    ]
    assert changed == [("removed", ["30"]), ("added", ["14"])]


def test_a_comparison_gives_both_texts_back_where_nothing_was_left_out() -> None:
    old = "one\ntwo\nthree\nfour\nfive\nsix\nseven"
    new = "one\ntwo\n3\nfour\nfive\nsix\nseven and more\neight"
    found = compare(old, new)
    texts = {
        kind: ["".join(p.text for p in line.parts) for line in found.lines if line.kind in ("same", kind)]
        for kind in ("removed", "added")
    }
    assert "\n".join(texts["removed"]) == old
    assert "\n".join(texts["added"]) == new
    assert (found.added, found.removed, found.cut) == (3, 2, False)


def test_far_lines_are_counted_and_equal_texts_have_no_lines() -> None:
    old = [f"line {n}" for n in range(100)]
    found = compare("\n".join(old), "\n".join([*old[:50], "new", *old[51:]]))
    assert [line.kind for line in found.lines] == [
        "gap",
        "same",
        "same",
        "removed",
        "added",
        "same",
        "same",
        "gap",
    ]
    assert (found.lines[0].skipped, found.lines[-1].skipped) == (48, 47)
    assert compare("a\nb", "a\nb").lines == []


def test_texts_beyond_the_ceiling_are_compared_as_far_as_it_goes() -> None:
    found = compare("\n".join("ab" * 40_000), "\n".join("ba" * 41_000))
    assert found.cut
    assert found.added <= 3000
