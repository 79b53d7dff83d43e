"""Words that mean the same in a site find the same pages; what cannot be meant is refused with its line."""

import pytest
from tests.knowledge.conftest import Library
from tests.rows import add_site

from minidesk.errors import Invalid, NotFound
from minidesk.knowledge.synonyms import (
    FRESH_SECONDS,
    SynonymBook,
    Synonyms,
    check_groups,
    read_groups,
    write_groups,
)

GROUPS = check_groups("parcel, Package , shipment\n\ngift card, voucher\nkip bag, sleeping bag")


def test_groups_are_read_a_line_each() -> None:
    assert GROUPS == (
        ("parcel", "package", "shipment"),
        ("gift card", "voucher"),
        ("kip bag", "sleeping bag"),
    )
    assert check_groups(" \n \n") == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("parcel", "one word only"),
        ("parcel, Parcels", "one word only"),
        ("parcel, package\nbox, packages", "“packages” stands in two groups"),
        ("the, our", "in every question"),
        ("parcel, a very long name of a thing", "one to 4 words"),
        ("parcel, ?!", "one to 4 words"),
        ("parcel, " + "x" * 61, "one to 4 words"),
        (", ".join(f"word{n}" for n in range(13)), "13 words"),
        ("\n".join(f"a{n}, b{n}" for n in range(201)), "200 groups"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, named: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_groups(text)
    assert named in refused.value.message
    assert refused.value.code == "synonyms_invalid"


def test_a_question_is_widened_by_inflected_and_long_names() -> None:
    known = Synonyms(GROUPS)
    assert known.alternates("Where are my Parcels?") == {"parcels": ("package", "shipment")}
    assert known.alternates("Is a gift card refundable?") == {"gift": ("voucher",), "card": ("voucher",)}
    assert known.alternates("Is my bank card safe?") == {}
    assert known.expand("Can I wash a kip bag?") == "Can I wash a kip bag? (sleeping bag)"
    assert Synonyms().expand("Where are my parcels?") == "Where are my parcels?"


async def test_each_word_of_a_group_finds_pages_with_another(library: Library) -> None:
    await library.upload("parcels.md", b"# Tracking\n\nFollow your parcel with the number in the e-mail.")
    await library.upload("vouchers.md", b"# Vouchers\n\nEnter the voucher in the basket.")
    await library.upload("mats.md", b"# Mats\n\nRoll up the mat in its bag.")
    await library.work()
    assert await library.told("shipment") == []
    async with library.db.write() as tx:
        await write_groups(tx, library.site.id, GROUPS, library.clock())
    library.searcher._synonyms = SynonymBook(library.db)
    assert await library.told("shipment") == ["parcels.md"]
    assert await library.told("gift card") == ["vouchers.md"]
    assert (await library.told("kip bag")) == [
        "mats.md"
    ]  # "sleeping bag" has to be there as a whole to count
    other = await add_site(library.db, library.clock, "Other")
    assert (await SynonymBook(library.db).of(other.id)).groups == ()


async def test_a_change_counts_within_seconds(library: Library) -> None:
    now = [0.0]
    book = SynonymBook(library.db, timer=lambda: now[0])
    assert (await book.of(library.site.id)).groups == ()
    async with library.db.write() as tx:
        await write_groups(tx, library.site.id, GROUPS, library.clock())
        with pytest.raises(NotFound):
            await write_groups(tx, "nobody", GROUPS, library.clock())
    assert (await book.of(library.site.id)).groups == ()
    now[0] += FRESH_SECONDS
    assert (await book.of(library.site.id)).groups == GROUPS
    async with library.db.write() as tx:
        await write_groups(tx, library.site.id, (), library.clock())
    async with library.db.read() as tx:
        assert await read_groups(tx, library.site.id) == ()
