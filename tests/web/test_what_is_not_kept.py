"""A site that keeps conversations for some days only: what is over goes with all that hangs on it, what waits stays."""

from pathlib import Path

from sqlalchemy import func, select, update
from tests.rows import add_conversation
from tests.web import test_rest
from tests.web.test_rest import Api, Program

from minidesk.conversations import Attachments
from minidesk.db.models import (
    Attachment,
    Citation,
    Conversation,
    Event,
    Message,
    Site,
    Ticket,
    TicketText,
    Visitor,
    new_id,
)
from minidesk.files import FileStore
from minidesk.tickets import Tending

api = test_rest.api


async def keep(program: Program, site: Site, days: int | None) -> None:
    """As a program sets it."""
    answer = await program.call("PATCH", f"/sites/{site.id}", json={"settings": {"keep_days": days}})
    assert answer.json()["settings"]["keep_days"] == days, answer.text


async def there(program: Program) -> set[str]:
    """The conversations that the site still has."""
    listed = (await program.call("GET", "/conversations?limit=200")).json()["conversations"]
    return {each["id"] for each in listed}


def tending(api: Api) -> Tending:
    """What looks after the sites."""
    return Tending(api.db, api.deps.tickets, lambda locale: locale or "", api.clock)


async def test_what_is_over_goes_with_all_that_hangs_on_it_and_what_waits_stays(api: Api) -> None:
    program, others = await api.program(), await api.program(site=api.other)
    waits, done, solved = [await api.furnish() for _ in range(3)]
    theirs = await api.furnish(api.other)
    alone = await add_conversation(api.db, api.clock, api.site.id)
    for site, ids in ((program, done), (program, solved), (others, theirs)):
        await site.call("PATCH", f"/tickets/{ids['number']}", json={"status": "solved"})
    await tending(api).look()
    api.clock.advance(days=8)
    await tending(api).look()  # solved ones are closed, and with them their conversations
    api.clock.advance(days=23)
    await tending(api).look()
    assert len(await there(program)) == 3, "no site forgets by itself"

    await keep(program, api.site, 31)
    await tending(api).look()
    assert len(await there(program)) == 3, "the last day is not over"
    api.clock.advance(minutes=1)
    await tending(api).look()
    assert await there(program) == {waits["conversation_id"]}
    assert await there(others) == {theirs["conversation_id"]}
    gone = {done["conversation_id"], solved["conversation_id"], alone.id}
    for conversation_id in gone:
        assert (await program.call("GET", f"/conversations/{conversation_id}")).status_code == 404
    assert (await program.call("GET", f"/tickets/{done['number']}")).status_code == 404
    assert (await program.call("GET", f"/tickets/{waits['number']}")).status_code == 200
    async with api.db.read() as tx:
        for model in (Message, Event, Ticket):
            left = set(await tx.scalars(select(model.conversation_id)))
            assert not left & gone, model
        assert await tx.scalar(select(func.count()).select_from(Visitor)) == 2
        assert await tx.scalar(select(func.count()).select_from(Citation)) == 0
        tickets = set(await tx.scalars(select(Ticket.id)))
        assert set(await tx.scalars(select(TicketText.ticket_id))) <= tickets
    log = (await program.call("GET", "/audit?about=settings")).json()["entries"]
    assert log[0]["changes"] == {"keep_days": [None, 31]}


async def test_who_writes_again_is_kept_and_who_came_back_is_known(api: Api) -> None:
    program = await api.program()
    await keep(program, api.site, 30)
    writes, silent = [await add_conversation(api.db, api.clock, api.site.id) for _ in range(2)]
    api.clock.advance(days=29)
    async with api.db.write() as tx:
        row = await tx.get_one(Conversation, writes.id)
        await api.conversations.post_visitor_message(tx, row, client_id="c1", text="One more thing")
        await tx.execute(
            update(Visitor).where(Visitor.id == silent.visitor_id).values(last_seen_at=api.clock())
        )
    api.clock.advance(days=2)
    await tending(api).look()
    assert await there(program) == {writes.id}
    async with api.db.read() as tx:
        assert await tx.get(Visitor, silent.visitor_id) is not None, "they were here the day before yesterday"


async def test_their_files_go_too(api: Api, tmp_path: Path) -> None:
    program = await api.program()
    await keep(program, api.site, 1)
    files = FileStore(tmp_path / "sent")
    attachments = Attachments(api.db, files, api.clock, max_bytes=100, max_pixels=100)
    stored = await files.put(b"a receipt", limit=100)
    over = await add_conversation(api.db, api.clock, api.site.id)
    async with api.db.write() as tx:
        message = Message(
            id=new_id("msg"), conversation_id=over.id, seq=1, author="visitor", text="", choices=[],
            created_at=api.clock(),
        )  # fmt: skip
        tx.add(message)
        await tx.flush()
        tx.add(
            Attachment(
                id=new_id("att"), site_id=api.site.id, author="visitor", owner_id=over.visitor_id,
                conversation_id=over.id, message_id=message.id, position=0, name="receipt.txt",
                declared_type="text/plain", type="text/plain", size=9, sha256=stored.sha256, created_at=api.clock(),
            )
        )  # fmt: skip
    assert files.path(stored.sha256).exists()
    api.clock.advance(days=2)
    await tending(api).look()
    assert await attachments.sweep() == 1
    assert not files.path(stored.sha256).exists()
