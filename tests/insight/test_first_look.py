"""The first look at a new site: questions that its pages really answer, while they are still being read."""

import pytest
from tests.desk import embed_words
from tests.knowledge import conftest
from tests.knowledge.conftest import Library
from tests.rows import add_site

from minidesk.ask import Asker
from minidesk.db.models import Crawl
from minidesk.insight.first_look import AGAIN_SECONDS, WANTED, FirstLook
from minidesk.insight.first_steps import (
    LOOK_AFTER,
    QUEUE,
    StepsView,
    begin,
    is_starting,
    keep_check,
    put_away,
    read_steps,
)
from minidesk.knowledge.installed import Check
from minidesk.knowledge.sample_questions import sample_questions

library = conftest.library

FAQ = b"""question,answer
How long can I return boots?,You can return boots within 30 days.
Where is your shop?,Our shop is in Graz.
"""
RENTAL = b"""# How to rent a tent

## What does a tent cost?

A tent costs 12 euros a day.

## Notes

Dry the tent.
"""


@pytest.fixture
def look(library: Library) -> FirstLook:
    """Asks the library as visitors would, without a model."""

    async def embed(texts: object) -> object:
        import numpy as np

        return np.asarray(await embed_words(texts), np.float32)  # type: ignore[arg-type]  # handed on

    asker = Asker(library.searcher, embed, None, library.settings, library.clock)  # type: ignore[arg-type]  # the same
    return FirstLook(library.db, asker, library.jobs, library.hub, library.clock, library.follower.is_behind)


async def order(library: Library, crawl_id: str | None = None, url: str | None = None) -> None:
    """Somebody pasted an address, or chose to upload."""
    now = library.clock()
    async with library.db.write() as tx:
        await begin(
            tx, library.jobs, library.site.id, url=url, crawl_id=crawl_id, now=now, run_at=now + LOOK_AFTER
        )


async def run(library: Library, look: FirstLook, *, followed: bool = True) -> int:
    """The jobs whose time has come; how many there were. `followed`: what was read can be found by then."""
    if followed:
        await library.follower.catch_up(library.site.id)
    library.clock.advance(seconds=AGAIN_SECONDS)
    number = 0
    while job := await library.jobs.claim(library.db, QUEUE, "test"):
        await look.run(job)
        await library.jobs.finish(library.db, job)
        number += 1
    return number


async def steps(library: Library) -> StepsView:
    """As the page sees them."""
    async with library.db.read() as tx:
        return await read_steps(tx, library.site.id)


async def test_questions_come_from_entries_headings_and_titles_and_from_each_page_first(
    library: Library,
) -> None:
    await library.upload("faq.csv", FAQ)
    await library.upload("rental.md", RENTAL)
    await library.upload("shipping.md", b"# Shipping abroad\n\nWe ship to Italy.")
    await library.upload("index.md", b"# Home\n\nWelcome to our shop.")
    await library.work()
    async with library.db.read() as tx:
        found = [(one.question, one.document) for one in await sample_questions(tx, library.site.id, 20)]
        few = await sample_questions(tx, library.site.id, 2)
        assert await sample_questions(tx, "another", 5) == []
    assert set(found) == {
        ("How long can I return boots?", "faq.csv#1"),
        ("Where is your shop?", "faq.csv#2"),
        ("What does a tent cost?", "rental.md"),
        ("How do I rent a tent?", "rental.md"),
        ("What should I know about shipping abroad?", "shipping.md"),
    }
    assert [one.document for one in few] == ["faq.csv#1", "faq.csv#2"]
    assert len({document for _, document in found[:4]}) == 4  # no page twice before each had its turn


async def test_only_what_is_answered_from_that_very_page_is_shown(library: Library, look: FirstLook) -> None:
    await library.upload("faq.csv", FAQ)
    await library.upload("rental.md", RENTAL)
    await library.work()
    await order(library)
    assert (await steps(library)).looking
    assert await run(library, look) == 1
    found = await steps(library)
    assert (found.looking, found.looked) == (False, True)
    assert 1 <= len(found.questions) <= WANTED
    for one in found.questions:
        assert one.answer
        assert one.document in ("faq.csv#1", "faq.csv#2", "rental.md")
    assert "30 days" in {q.question: q.answer for q in found.questions}["How long can I return boots?"]


async def test_it_waits_while_pages_are_read_and_ends_when_there_are_none(
    library: Library, look: FirstLook
) -> None:
    async with library.db.write() as tx:
        tx.add(
            Crawl(
                id="crw_1", site_id=library.site.id, url="https://shop.example/", kind="crawl", status="running",
                created_at=library.clock(),
            )
        )  # fmt: skip
    await order(library, "crw_1", "https://shop.example/")
    assert await run(library, look) == 1
    assert ((await steps(library)).looking, (await steps(library)).questions) == (True, ())
    assert await run(library, look) == 1  # its own next turn
    async with library.db.write() as tx:
        (await tx.get_one(Crawl, "crw_1")).status = "failed"
    assert await run(library, look) == 1
    assert not (await steps(library)).looking
    assert await run(library, look) == 0


async def test_pages_that_were_read_but_cannot_be_found_yet_are_waited_for(
    library: Library, look: FirstLook
) -> None:
    await library.upload("faq.csv", FAQ)
    await library.work()
    await library.follower.catch_up(library.site.id)
    await library.upload("rental.md", RENTAL)
    await library.work()
    await order(library)
    assert await run(library, look, followed=False) == 1
    assert (await steps(library)).looking
    assert await run(library, look) == 1
    found = await steps(library)
    assert not found.looking
    assert "What does a tent cost?" in [one.question for one in found.questions]


async def test_a_second_order_makes_the_first_ones_job_void(library: Library, look: FirstLook) -> None:
    await order(library)
    await order(library, None, None)
    assert await run(library, look) == 2
    assert (await steps(library)).looked


async def test_the_page_is_offered_until_it_is_put_away(library: Library) -> None:
    async with library.db.read() as tx:
        assert await is_starting(tx, library.site.id)
    await library.upload("faq.csv", FAQ)
    async with library.db.read() as tx:
        assert not await is_starting(tx, library.site.id)  # it has files, and nobody began here
    other = await add_site(library.db, library.clock, "Other")
    async with library.db.write() as tx:
        await keep_check(tx, other.id, Check("missing", "https://shop.example/"), library.clock())
    async with library.db.write() as tx:
        assert await is_starting(tx, other.id)
        await put_away(tx, other.id, library.clock())
    async with library.db.read() as tx:
        assert not await is_starting(tx, other.id)
        assert (await read_steps(tx, other.id)).check == "missing"
