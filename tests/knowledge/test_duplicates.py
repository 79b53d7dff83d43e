"""Pages that say the same twice, or two things about the same, are found in the background and can be put aside."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.desk import embed_words
from tests.knowledge.test_ingest import Room, WordEmbedder
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Job, OverlapProgress
from minidesk.errors import NotFound
from minidesk.files import FileStore
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue
from minidesk.knowledge.contradictions import disagreement, pieces, read
from minidesk.knowledge.duplicates import QUEUE, WAIT_SECONDS, DuplicateFinder
from minidesk.knowledge.overlaps import OverlapView, count_overlaps, list_overlaps, set_ignored
from minidesk.knowledge.sources import Sources
from minidesk.live import Hub
from minidesk.settings import Settings

CONTRADICT = (
    ("You can return articles within 30 days after delivery.", "Returns are accepted within 14 days of delivery."),
    ("Standard shipping to Germany costs €4.90.", "Shipping to Germany costs €6.90 with standard delivery."),
    ("The guarantee on tents is five years.", "Tents come with a guarantee of 3 years."),
    ("We deliver to Switzerland.", "We do not deliver to Switzerland."),
    ("Gift cards are valid for 36 months.", "A gift card is valid for 24 months."),
    ("Orders over €80 ship free.", "Orders over €100 ship for free."),
    ("You can cancel an order until it is packed.", "You cannot cancel an order until it is packed."),
    ("You can return worn shoes.", "Worn shoes cannot be returned."),
    ("Refunds take two weeks.", "A refund takes 5 business days."),
    ("The discount for students is 10 %.", "Students get a discount of 15 percent."),
    ("We answer e-mails within 24 hours.", "E-mails are answered within 3 working days."),
)  # fmt: skip
AGREE = (
    ("Standard delivery takes 3 days.", "Express delivery takes 1 day."),
    ("Tents have a guarantee of 5 years.", "Jackets have a guarantee of 2 years."),
    ("The shop in Graz opens 5 days a week.", "The shop in Innsbruck opens 6 days a week."),
    ("Gift cards are valid for 36 months.", "A gift card is valid for three years."),
    ("The refund takes two weeks.", "Refunds take 14 days."),
    ("We answer within 3 weeks, also when it is a no.", "We answer within 30 days at the latest."),
    ("Shipping to Germany costs €4.90.", "Shipping to Austria costs €3.90."),
    ("Boots in size 42 weigh 1,200 g.", "Boots in size 44 weigh 1,300 g."),
    ("Delivery only within the EU.", "We do not deliver outside the EU."),
    ("We don't track you, ever.", "We don’t track you, ever."),
)  # fmt: skip
RETURNS = """# Returns

You can send articles back within 30 days after delivery, unworn and with their label. We pay the postage in Austria.
"""
TWIN = """# Sending back

You can send articles back within 14 days after delivery, unworn and with their label. We pay the postage in Austria.
"""


@pytest.mark.parametrize(("first", "second"), CONTRADICT)
def test_contradictions_are_seen_in_the_words(first: str, second: str) -> None:
    assert disagreement(read(first), read(second))
    assert disagreement(read(second), read(first))


@pytest.mark.parametrize(("first", "second"), AGREE)
def test_what_only_looks_like_one_is_not(first: str, second: str) -> None:
    assert disagreement(read(first), read(second)) is None
    assert disagreement(read(second), read(first)) is None


def test_the_differing_words_are_marked_and_nothing_is_lost() -> None:
    left, right = pieces("Open until 18:00, not on Sundays.", "Open until 17:30, not on Sundays.")
    assert "".join(p.text for p in left) == "Open until 18:00, not on Sundays."
    assert "".join(p.text for p in right) == "Open until 17:30, not on Sundays."
    assert [p.text for p in left if p.differs] + [p.text for p in right if p.differs] == [
        "18",
        "00",
        "17",
        "30",
    ]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "run", ["0" * 300_000, "1." + "7" * 300_000, "7" * 300_000 + " %", "€" + "1" * 300_000]
)
def test_a_run_of_digits_without_an_end_is_read_and_no_figure(run: str) -> None:
    first, second = (f"The boot wax {run} may be used for {n} days after it was opened." for n in (30, 40))
    found = disagreement(read(first), read(second))
    assert found is None or len(found.why) <= 300
    short, other = (f"The boot wax keeps for {n} days after it was opened." for n in (30, 40))
    assert disagreement(read(short), read(other))


class BagEmbedder(WordEmbedder):
    """Texts are as near as they have words in common."""

    async def documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Bags of stems."""
        return np.asarray(await embed_words(texts), np.float32)


@dataclass
class Study(Room):
    """A room with somebody who looks for what stands twice."""

    finder: DuplicateFinder

    async def look(self) -> int:
        """Run the jobs that wait, once their time has come; how many there were."""
        await self.work()
        self.clock.advance(seconds=WAIT_SECONDS)
        number = 0
        while job := await self.jobs.claim(self.db, QUEUE, "test"):
            await self.finder.run(job)
            await self.jobs.finish(self.db, job)
            number += 1
        return number

    async def found(self, *, ignored: bool = False) -> list[OverlapView]:
        """What an editor sees."""
        async with self.db.read() as tx:
            return await list_overlaps(tx, self.site.id, ignored=ignored)


@pytest.fixture
async def study(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Study]:
    """Nothing in it."""
    hub, embedder = Hub(), BagEmbedder()
    jobs, files = JobQueue(hub, clock), FileStore(settings.data_dir / "files")
    sources = Sources(db, files, jobs, hub, settings, clock, embedder.fingerprint)
    ingest = Ingest(db, files, embedder, jobs, hub, settings, clock)
    finder = DuplicateFinder(db, jobs, hub, clock, embedder.fingerprint, embedder.documents)
    site = await add_site(db, clock)
    yield Study(db, site, sources, ingest, embedder, jobs, files, hub, settings, clock, finder)
    await ingest.close()


async def test_a_burst_is_looked_at_once_and_a_contradiction_is_shown_with_both_sides(study: Study) -> None:
    await study.upload("returns.md", RETURNS.encode())
    await study.upload("sending.md", TWIN.encode())
    await study.upload("tents.md", b"# Tents\n\nDry your tent before you pack it away.")
    assert await study.look() == 1
    (one,) = await study.found()
    assert (one.kind, {one.first.document, one.second.document}) == (
        "contradiction",
        {"returns.md", "sending.md"},
    )
    assert one.why in ("30 days ≠ 14 days", "14 days ≠ 30 days")
    assert "within" in one.first.text
    assert await study.look() == 0


@pytest.mark.timeout(60)
async def test_pages_of_digits_do_not_hold_up_what_comes_behind_them(study: Study) -> None:
    for name, days in (("a.md", 30), ("b.md", 40)):
        text = (
            f"# Boot wax\n\nThe boot wax {'0' * 100_000} may be used for {days} days after it was opened.\n"
        )
        await study.upload(name, text.encode())
    await study.upload("returns.md", RETURNS.encode())
    await study.upload("sending.md", TWIN.encode())
    assert await study.look() == 1
    assert {"30 days ≠ 14 days", "14 days ≠ 30 days"} & {one.why for one in await study.found()}


async def test_the_same_text_in_two_documents_is_a_duplicate(study: Study) -> None:
    await study.upload("returns.md", RETURNS.encode())
    await study.upload("copy.md", RETURNS.encode())
    await study.look()
    (one,) = await study.found()
    assert (one.kind, one.why) == ("duplicate", None)


async def test_what_is_ignored_stays_so_until_its_text_changes(study: Study) -> None:
    await study.upload("returns.md", RETURNS.encode())
    await study.upload("sending.md", TWIN.encode())
    await study.look()
    (one,) = await study.found()
    async with study.db.write() as tx:
        await set_ignored(tx, study.site.id, one.id, agent_id="agt_1", now=study.clock())
    await study.upload("sending.md", f"{TWIN}\n\n## Gifts\n\nGifts can be swapped in our shops.".encode())
    assert await study.look() == 1
    assert await study.found() == []
    assert [kept.id for kept in await study.found(ignored=True)] == [one.id]
    await study.upload("sending.md", TWIN.replace("14", "21").encode())
    await study.look()
    assert [found.why for found in await study.found()] in (["30 days ≠ 21 days"], ["21 days ≠ 30 days"])
    async with study.db.write() as tx:
        with pytest.raises(NotFound):
            await set_ignored(tx, "another site", one.id, agent_id=None, now=None)


async def test_a_page_that_was_mended_or_deleted_takes_its_findings_along(study: Study) -> None:
    await study.upload("returns.md", RETURNS.encode())
    source = await study.upload("sending.md", TWIN.encode())
    await study.look()
    async with study.db.read() as tx:
        assert await count_overlaps(tx, study.site.id) == {"contradiction": 1}
    await study.upload("sending.md", TWIN.replace("14", "30").replace("send", "give").encode())
    await study.look()
    assert [one for one in await study.found() if one.kind == "contradiction"] == []
    await study.upload("sending.md", TWIN.encode())
    await study.look()
    assert len(await study.found()) == 1
    await study.sources.delete_source(study.site.id, source)
    assert await study.found() == []


async def test_what_comes_right_behind_a_look_is_looked_at_too(study: Study) -> None:
    await study.upload("returns.md", RETURNS.encode())
    await study.work()
    study.clock.advance(seconds=WAIT_SECONDS)
    job = await study.jobs.claim(study.db, QUEUE, "test")
    assert job is not None
    # The next file comes when this look is over, and before its worker has put the job away.
    await study.finder.run(job)
    await study.upload("sending.md", TWIN.encode())
    await study.work()
    async with study.db.read() as tx:
        keys = set(await tx.scalars(select(Job.key).where(Job.queue == QUEUE)))
        progress = await tx.get_one(OverlapProgress, study.site.id)
    assert (
        len(keys) == 2
    )  # the one that is done, and the next one: its key is of the revision that was reached
    assert f"duplicates:{study.site.id}:{progress.revision}" in keys
    await study.jobs.finish(study.db, job)
    study.clock.advance(seconds=WAIT_SECONDS)
    assert await study.look() == 1
    assert len(await study.found()) == 1
