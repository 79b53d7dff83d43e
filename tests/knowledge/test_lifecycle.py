"""Publishing, dates and deleting: what answers, from which moment on."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from tests.knowledge.conftest import Library

from minidesk.db.models import Chunk, Document, Vector
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.knowledge.doctor import _stale_chunks
from minidesk.knowledge.lifecycle import end_of, last_day, start_of

PAGE = b"# Huts\n\nThe Pasture Hut is open in winter.\n"
SHEET = b"question,answer\nWhere are tents?,In aisle 3.\nWhere are boots?,In aisle 5.\n"


async def page(library: Library) -> str:
    """A page that answers; gives its document's internal id."""
    await library.upload("huts.md", PAGE)
    await library.work()
    assert await library.told("Pasture Hut") == ["huts.md"]
    return (await library.document("huts.md")).id


async def test_an_unpublished_document_is_silent_at_once_and_comes_back_without_embedding(
    library: Library,
) -> None:
    document = await page(library)
    vectors = await library.count(Vector)
    async with library.hub.subscribe(f"knowledge:{library.site.id}") as follower:
        await library.lifecycle.unpublish(library.site.id, document)
        assert await follower.wait(1)
    assert await library.told_now("Pasture Hut") == []  # before any index has followed
    assert await library.told("Pasture Hut", "agents") == []
    assert (await library.document("huts.md")).status == "unpublished"
    library.embedder.embedded.clear()
    await library.lifecycle.publish(library.site.id, document)
    await library.lifecycle.publish(library.site.id, document)
    assert await library.told("Pasture Hut") == ["huts.md"]
    assert library.embedder.embedded == []
    assert await library.count(Vector) == vectors
    await library.check_whole()


async def test_an_upload_does_not_publish_what_was_withdrawn(library: Library) -> None:
    document = await page(library)
    await library.lifecycle.unpublish(library.site.id, document)
    await library.upload("huts.md", PAGE.replace(b"winter", b"summer"))
    await library.work()
    assert await library.told("Pasture Hut") == []
    row = await library.document("huts.md")
    assert (row.status, row.current_version_id) == ("unpublished", None)
    assert [version.current for version in await library.history("huts.md")] == [True, False]
    # The same file once more costs nothing, as for any other document.
    library.embedder.embedded.clear()
    state = await library.sources.store(
        site_id=library.site.id, path="huts.md", data=PAGE.replace(b"winter", b"summer")
    )
    assert state.unchanged
    await library.lifecycle.publish(library.site.id, document)
    assert await library.told("Pasture Hut summer") == ["huts.md"]
    assert "summer" in (await library.state())["huts.md"][1][0]
    assert library.embedder.embedded == []
    await library.check_whole()


async def test_one_row_of_a_sheet_can_be_withdrawn(library: Library) -> None:
    await library.upload("aisles.csv", SHEET)
    await library.work()
    await library.lifecycle.unpublish(library.site.id, (await library.document("aisles.csv#1")).id)
    assert await library.told("tents") == []
    assert await library.told("boots") == ["aisles.csv#2"]
    # A row that leaves the sheet is gone, whether or not it was published.
    await library.upload("aisles.csv", b"question,answer\nWhere are boots?,In aisle 5.\n")
    await library.work()
    row = await library.document("aisles.csv#2")
    assert (row.status, row.current_version_id, row.held_version_id) == ("retired", None, None)


async def test_a_document_expires_by_the_clock_alone(library: Library) -> None:
    document = await page(library)
    await library.lifecycle.set_dates(
        library.site.id, document, expires_at=library.clock() + timedelta(hours=1), review_at=None
    )
    assert await library.told("Pasture Hut") == ["huts.md"]
    library.clock.advance(minutes=59)
    assert await library.told_now("Pasture Hut") == ["huts.md"]
    library.clock.advance(minutes=1)
    assert await library.told_now("Pasture Hut") == []
    assert await library.told_now("Pasture Hut", "agents") == []
    await library.upload("huts.md", PAGE + b"\nAnd warm.\n")  # a new text is no later date
    await library.work()
    assert await library.told("Pasture Hut") == []
    await library.lifecycle.set_dates(library.site.id, document, expires_at=None, review_at=None)
    assert await library.told("Pasture Hut") == ["huts.md"]
    await library.check_whole()


async def test_a_files_audience_counts_for_all_its_documents_at_once(library: Library) -> None:
    source = await library.upload("aisles.csv", SHEET)
    await library.work()
    assert await library.told("boots") == ["aisles.csv#2"]
    await library.lifecycle.set_audience(library.site.id, source, "agents")
    assert await library.told_now("boots") == []
    await library.upload("aisles.csv", SHEET + b"Where are ropes?,In aisle 7.\n")
    await library.work()
    assert await library.told("ropes") == []
    assert await library.told("ropes", "agents") == ["aisles.csv#3"]
    await library.lifecycle.set_audience(library.site.id, source, "public")
    assert await library.told_now("ropes") == ["aisles.csv#3"]
    await library.check_whole()


async def test_a_deleted_document_leaves_the_answers_of_a_running_server(library: Library) -> None:
    """Through the follower's own loop, which nobody asks to catch up."""
    await page(library)
    stop = asyncio.Event()
    running = asyncio.create_task(library.follower.run(stop))
    try:
        source = (await library.document("huts.md")).source_id
        await library.sources.delete_source(library.site.id, source)
        assert await library.told_now("Pasture Hut") == []  # SQL forgets first
        async with asyncio.timeout(
            20
        ):  # and the index: within 5 s, as is promised, on a machine that is not starved
            while await asyncio.to_thread(library.searcher._fulltext.ids, library.site.id):  # noqa: ASYNC110 (see below)
                await asyncio.sleep(0.02)  # the follower tells nobody that it is done
    finally:
        stop.set()
        await running


async def test_publishing_what_was_not_unpublished_is_refused(library: Library) -> None:
    await library.upload("aisles.csv", SHEET + b"Why?,\n")
    await library.work()
    failed = await library.document("aisles.csv#3")
    assert failed.status == "failed"
    with pytest.raises(Conflict):
        await library.lifecycle.publish(library.site.id, failed.id)
    with pytest.raises(Conflict):
        await library.lifecycle.unpublish(library.site.id, failed.id)
    with pytest.raises(NotFound):
        await library.lifecycle.unpublish("another", failed.id)
    with pytest.raises(NotFound):
        await library.lifecycle.set_audience("another", failed.source_id, "agents")


async def test_an_unpublished_document_is_no_difference_to_the_doctor(library: Library) -> None:
    """Its passages belong to no current version; the doctor must not take them for leftovers and delete them."""
    document = await page(library)
    await library.lifecycle.unpublish(library.site.id, document)
    async with library.db.read() as tx:
        assert (
            await tx.scalar(select(func.count()).select_from(Chunk).where(_stale_chunks(library.site.id)))
            == 0
        )
    async with library.db.write() as tx:
        await tx.execute(update(Document).values(held_version_id=None))
    async with library.db.read() as tx:
        assert (
            await tx.scalar(select(func.count()).select_from(Chunk).where(_stale_chunks(library.site.id)))
            == 1
        )


def test_days_are_days_of_the_sites_place() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    day = date(2026, 3, 28)  # the night after it the clocks are put forward
    assert end_of(day, vienna) == datetime(2026, 3, 28, 23, tzinfo=UTC)
    assert end_of(date(2026, 3, 29), vienna) == datetime(2026, 3, 29, 22, tzinfo=UTC)
    assert start_of(day, vienna) == datetime(2026, 3, 27, 23, tzinfo=UTC)
    assert last_day(end_of(day, vienna), vienna) == day
    with pytest.raises(Invalid):
        end_of(date.max, vienna)
