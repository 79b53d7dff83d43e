"""Search: all words, whatever their case, of this site alone, the latest first, page by page."""

import pytest
from tests.desk import Desk
from tests.rows import add_conversation, add_team, add_visitor

from minidesk.db.models import Conversation
from minidesk.tickets import Filters, Found, Place, read_words, search_site
from minidesk.tickets import search as search_module
from minidesk.tickets.search import snippet


async def find(desk: Desk, query: str, filters: Filters | None = None, after: Place | None = None) -> Found:
    """In the desk's site."""
    async with desk.db.read() as tx:
        return await search_site(
            tx, desk.conversation.site_id, read_words(query), filters or Filters(), after=after
        )


async def ids(desk: Desk, query: str, filters: Filters | None = None) -> list[str]:
    """The conversations of the first page."""
    return [hit.conversation_id for hit in (await find(desk, query, filters)).hits]


async def told(desk: Desk, *texts: str, site_id: str | None = None) -> Conversation:
    """A further conversation with these messages."""
    site_id = site_id or desk.conversation.site_id
    visitor = await add_visitor(desk.db, desk.clock, site_id)
    row = await add_conversation(desk.db, desk.clock, site_id, visitor.id)
    for n, text in enumerate(texts):
        desk.clock.advance(seconds=1)
        async with desk.db.write() as tx:
            await desk.conversations.post_visitor_message(tx, row, client_id=f"c{n}", text=text)
    return row


async def test_all_words_wherever_they_stand_and_the_best_message(desk: Desk) -> None:
    one = await told(desk, "My parcel is late", "The order was 100% wool_socks", "parcel? order!")
    two = await told(desk, "My parcel is blue")
    assert await ids(desk, "PARCEL") == [two.id, one.id]
    assert await ids(desk, "parcel order") == [one.id]
    assert await ids(desk, "parcel order blue") == []
    assert await ids(desk, "100%") == [one.id]
    assert await ids(desk, "l_socks") == [one.id]
    assert await ids(desk, "1__%") == []  # the signs of LIKE are letters here
    assert await ids(desk, "!") == [one.id]
    [hit] = (await find(desk, "parcel order")).hits
    assert hit.snippet == "parcel? order!"
    assert (await find(desk, "")).then is None


async def test_umlauts_in_either_case(desk: Desk) -> None:
    rows = [await told(desk, text) for text in ("so ein Ärger", "viel ärger", "ÄRGER MIT DER GRÖSSE")]
    expected = [row.id for row in reversed(rows)]
    for query in ("ärger", "Ärger", "ÄRGER"):
        assert await ids(desk, query) == expected
    assert await ids(desk, "größe") == [rows[2].id]  # as capitals write it
    assert await ids(desk, "grösse ärger") == [rows[2].id]


async def test_another_site_is_never_found(desk: Desk) -> None:
    other = await add_conversation(desk.db, desk.clock)
    strange = await told(desk, "a secret parcel", site_id=other.site_id)
    ours = await told(desk, "a parcel")
    assert await ids(desk, "parcel") == [ours.id]
    team = await add_team(desk.db, desk.clock, other.site_id, "Theirs")
    await desk.handoff.hand_off(strange.id, "customer_request")
    assert await ids(desk, "parcel", Filters(status="open")) == []
    assert await ids(desk, "", Filters(team_id=team.id)) == []


async def test_tickets_by_number_and_filters(desk: Desk) -> None:
    plain = await told(desk, "Where is my parcel?")
    asked = await told(desk, "Where is my parcel? I want a person")
    ticket = await desk.handoff.hand_off(asked.id, "customer_request")
    async with desk.db.write() as tx:
        await desk.tickets.take(tx, ticket.id, desk.mara.id)
        await desk.tickets.add_tag(tx, ticket.id, desk.mara.id, "Refund")
    assert set(await ids(desk, "parcel")) == {plain.id, asked.id}
    for query in (f"#{ticket.number}", str(ticket.number), f"parcel #{ticket.number}"):
        assert await ids(desk, query) == [asked.id]
    assert await ids(desk, "#99999999999999999999") == []
    for filters in (
        Filters(status="open"),
        Filters(assignee_id=desk.mara.id),
        Filters(tag="refund"),
        Filters("open", None, desk.mara.id, "REFUND"),
    ):
        assert await ids(desk, "parcel", filters) == [asked.id]
        assert await ids(desk, "", filters) == [asked.id]
    for filters in (Filters(status="solved"), Filters(assignee_id=desk.jonas.id), Filters("open", tag="x")):
        assert await ids(desk, "parcel", filters) == []
    [hit] = (await find(desk, "", Filters(tag="refund"))).hits
    assert (hit.number, hit.status, hit.assignee_name, hit.tags, hit.message_id) == (
        ticket.number, "open", "Mara Lindt", ("Refund",), None,
    )  # fmt: skip


async def test_page_by_page_each_once_also_where_nothing_is_found(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "SHOWN", 2)
    monkeypatch.setattr(search_module, "LOOKED", 4)
    rows = [await told(desk, "parcel" if n % 3 else "boots") for n in range(9)]
    async with desk.db.write() as tx:  # the same moment: only the id tells them apart
        for row in rows[3:6]:
            (await tx.get_one(Conversation, row.id)).last_message_at = desk.clock()
    for word in ("parcel", "boots", "nothing"):
        seen: list[str] = []
        after, pages = None, 0
        while True:
            found = await find(desk, word, after=after)
            seen += [hit.conversation_id for hit in found.hits]
            pages += 1
            assert pages < 20
            if (after := found.then) is None:
                break
        wanted = {row.id for n, row in enumerate(rows) if word == ("parcel" if n % 3 else "boots")}
        assert len(seen) == len(set(seen))
        assert set(seen) == wanted
        assert pages > 1


def test_words_and_snippets() -> None:
    assert read_words("  a\0b a\ud800 a b\u200b b ") == ("ab", "a\ufffd", "a", "b")
    assert len(read_words(" ".join(f"w{n}" for n in range(50)))) == 8
    text = f"{'before ' * 40}NEEDLE {'after ' * 40}"
    found = snippet(text, ("needle",))
    assert found.startswith("… before")
    assert found.endswith(" …")
    assert "NEEDLE" in found
    assert snippet("one\n two", ("x",)) == "one two"
