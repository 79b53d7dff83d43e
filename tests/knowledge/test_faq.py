"""FAQ entries: each phrasing finds them, they are changed like files, and internal ones reach no visitor."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from tests.knowledge.conftest import Library

from minidesk.db.models import Chunk, Document, Source, Vector
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.knowledge.faq import FaqEntry

ENTRY = FaqEntry(
    "Do you repair zippers?",
    "Yes. We mend zippers of our own tents free of charge.",
    ("Can you fix a broken zip?", "Is there a tent workshop?"),
)


async def test_each_phrasing_has_a_vector_and_finds_the_entry(library: Library) -> None:
    stored = await library.faq.create(library.site.id, ENTRY, "Mara Lindt")
    assert stored.status == "queued"
    await library.work()
    async with library.db.read() as tx:
        document = (await tx.scalars(select(Document))).one()
        chunk = (await tx.scalars(select(Chunk))).one()
        kinds = list(await tx.scalars(select(Vector.kind).order_by(Vector.kind, Vector.ordinal)))
    assert document.external_id.startswith("faq/do-you-repair-zippers-")
    assert (document.title, document.status) == (ENTRY.question, "ready")
    assert (chunk.kind, chunk.question, tuple(chunk.phrasings)) == ("faq", ENTRY.question, ENTRY.alternates)
    assert chunk.text == ENTRY.answer
    assert kinds == ["phrasing", "phrasing", "phrasing", "text"]
    for asked in (ENTRY.question, *ENTRY.alternates):
        assert await library.told(asked) == [document.external_id]
    read = await library.faq.read(library.site.id, stored.id)
    assert read == replace(ENTRY, generation=1)


async def test_a_changed_entry_replaces_the_old_one_in_place(library: Library) -> None:
    first = await library.faq.create(library.site.id, ENTRY, "Mara Lindt")
    await library.work()
    changed = FaqEntry("Do you repair zippers?", "Yes, for 12 euros.", ("Zip broken?",), generation=1)
    second = await library.faq.update(library.site.id, first.id, changed, "Jonas Weber")
    assert second.id == first.id
    (document,) = await library.told("zippers")
    assert (await library.state())[document] == ("ready", [ENTRY.answer])  # until the new one is whole
    await library.work()
    assert (await library.state())[document] == ("ready", ["Yes, for 12 euros."])
    assert await library.told("workshop") == []
    newest, oldest = await library.history(document)
    assert (newest.author, newest.origin, newest.current) == ("Jonas Weber", "entry", True)
    assert (oldest.author, oldest.current, oldest.restorable) == ("Mara Lindt", False, True)
    with pytest.raises(Conflict):  # Mara still has the form open that she read before Jonas wrote
        await library.faq.update(library.site.id, first.id, changed, "Mara Lindt")
    await library.check_whole()


async def test_an_entry_for_agents_never_reaches_a_visitor(library: Library) -> None:
    stored = await library.faq.create(library.site.id, replace(ENTRY, audience="agents"))
    await library.work()
    assert await library.told("zippers") == []
    (document,) = await library.told("zippers", "agents")
    # Another text for visitors: until it is ready the internal one must stay inside.
    opened = FaqEntry(ENTRY.question, "Ask us.", audience="public", generation=1)
    await library.faq.update(library.site.id, stored.id, opened)
    assert await library.told("zippers") == []
    await library.work()
    assert await library.told("zippers") == [document]
    # And back: from this moment, not from when the job has run, and not from when the index has followed.
    await library.faq.update(library.site.id, stored.id, replace(opened, audience="agents", generation=2))
    assert await library.told_now("zippers") == []
    assert await library.told("zippers", "agents") == [document]
    await library.work()
    assert await library.told("zippers") == []
    await library.check_whole()


async def test_the_same_text_for_another_audience_is_not_embedded_again(library: Library) -> None:
    stored = await library.faq.create(library.site.id, replace(ENTRY, audience="agents"))
    await library.work()
    library.embedder.embedded.clear()
    before = library.site.knowledge_revision
    await library.faq.update(library.site.id, stored.id, replace(ENTRY, generation=1))
    await library.work()
    assert len(await library.told("zippers")) == 1
    assert library.embedder.embedded == []
    assert (await library.revisions())[-1].n > before  # whoever keeps answers hears of it


async def test_a_failed_change_opens_nothing(library: Library) -> None:
    """A file that could not be read has no new text for visitors: the internal one stays inside."""
    state = await library.sources.store(
        site_id=library.site.id, path="notes.jsonl", data=b'{"id": "n", "text": "Zippers cost us 2 euros."}\n',
        audience="agents",
    )  # fmt: skip
    await library.work()
    await library.sources.store(
        site_id=library.site.id, path="notes.jsonl", data=b'{"id": "n"}\n', audience="public"
    )
    await library.work()
    assert (await library.sources.status(library.site.id, state.id)).status == "failed"
    assert await library.told("zippers") == []
    assert await library.told("zippers", "agents") == ["n"]


async def test_deleting_an_entry_forgets_it(library: Library) -> None:
    stored = await library.faq.create(library.site.id, ENTRY)
    await library.work()
    assert await library.told("zippers")
    await library.sources.delete_source(library.site.id, stored.id)
    assert await library.told_now("zippers") == []
    with pytest.raises(NotFound):
        await library.faq.read(library.site.id, stored.id)


async def test_what_cannot_be_an_entry_is_refused_with_a_sentence(library: Library) -> None:
    for wrong, code in (
        (replace(ENTRY, question="  "), "question_missing"),
        (replace(ENTRY, answer="\u200b"), "answer_missing"),
        (replace(ENTRY, alternates=tuple(f"Way {n}?" for n in range(61))), "too_many_phrasings"),
        (replace(ENTRY, question="x" * 501), "message_too_long"),
    ):
        with pytest.raises(Invalid) as caught:
            await library.faq.create(library.site.id, wrong)
        assert caught.value.code == code
    async with library.db.read() as tx:
        assert list(await tx.scalars(select(Source))) == []


async def test_only_entries_are_read_as_entries_and_only_those_of_the_site(library: Library) -> None:
    file = await library.upload("a.md", b"# A\n\nText.")
    entry = await library.faq.create(library.site.id, ENTRY)
    with pytest.raises(NotFound):
        await library.faq.read(library.site.id, file)
    with pytest.raises(NotFound):
        await library.faq.update("another", entry.id, replace(ENTRY, generation=1))
