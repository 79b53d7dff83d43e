"""A copy of the conversation by mail: for whom, what stands in it, and how little it is good for to anybody else."""

from datetime import time
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from tests.channels.test_answer_mails import Sink, sink
from tests.conftest import FakeClock
from tests.rows import add_agent
from tests.web.conftest import Desk, Visitor, open_visitor

from minidesk.channels import COPY_MAIL, QUEUE, CopyMails, CopyOutbox, MailServer, stop_mails
from minidesk.channels.answer_mails import AGAIN
from minidesk.channels.readers import reader_of
from minidesk.db.models import Conversation, SentMail
from minidesk.db.models import Visitor as VisitorRow
from minidesk.sites import OpeningHours, SiteConfig, Span, update_config
from minidesk.text.locale import load_texts
from minidesk.web.visitor_api.transcript_routes import COPIES_A_DAY_TO_ONE, COPIES_AN_HOUR

__all__ = ["sink"]
BASE = "https://desk.example.com"


@pytest.fixture
def limits() -> dict[str, Any]:
    """A desk that mails."""
    return {"smtp_url": SecretStr("smtp://127.0.0.1:1"), "mail_from": "desk@example.com"}


async def work(desk: Desk, sink: Sink) -> int:
    """Run the jobs that are due; how many there were."""
    server = MailServer(f"smtp://127.0.0.1:{sink.port}")
    outbox = CopyOutbox(desk.jobs, desk.clock)
    mails = CopyMails(desk.db, outbox, server, load_texts(), sender="desk@example.com", base_url=BASE)
    done = 0
    while (job := await desk.jobs.claim(desk.db, QUEUE, "w:1")) is not None:
        assert job.kind == COPY_MAIL
        await mails.run(job)
        await desk.jobs.finish(desk.db, job)
        done += 1
    return done


async def order(visitor: Visitor, id: str, address: str, locale: str = "en") -> httpx.Response:
    return await visitor.post(f"/conversations/{id}/transcript/mail", {"address": address, "locale": locale})


ADVERTISEMENT = "Boots? Buy at https://spam.example/x or cheap.example.com now, 3.50 each"


async def talk(desk: Desk, visitor: Visitor, asked: str = ADVERTISEMENT) -> str:
    """A question, its answer, and a note of an agent's."""
    id = await visitor.start()
    said = await visitor.say(id, asked)
    await desk.answer(said["id"], "You have 30 days.")
    agent = await add_agent(desk.db, desk.clock, desk.site.id, "Mara Berg")
    async with desk.db.write() as tx:
        row = await tx.get_one(Conversation, id)
        await desk.conversations.post_note(tx, row.id, agent_id=agent.id, text="a difficult one")
    return id


async def test_it_comes_with_a_reason_and_without_what_leads_elsewhere(
    desk: Desk, visitor: Visitor, stranger: Visitor, sink: Sink
) -> None:
    id = await talk(desk, visitor)
    assert (await visitor.get("/config")).json()["mail"] is True
    assert (await order(stranger, id, "ana@example.com")).status_code == 404
    assert (await order(visitor, id, " Ana@Example.com ", "de")).status_code == 202
    assert await work(desk, sink) == 1
    [mail] = sink.mails
    assert sink.recipients == [["ana@example.com"]]
    assert mail["Subject"] == "Ihr Gespräch mit Shop"
    assert mail["List-Unsubscribe"].startswith(f"<{BASE}/mail/stop/")
    text = mail.get_content().replace("\r\n", "\n")
    assert "Sie bekommen das, weil Ihre Adresse im Chat von Shop eingegeben wurde." in text
    assert "You have 30 days.\n[1] Returns" in text
    assert "Boots? Buy at […] or […] now, 3.50 each" in text
    assert "difficult" not in text
    # Once sent, a repeated job sends nothing; its owner knows everything that they wrote.
    async with desk.db.write() as tx:
        await tx.execute(update(VisitorRow).values(verified=True, email="Ana@example.com"))
    assert (await order(visitor, id, "ana@example.com")).status_code == 202
    await work(desk, sink)
    assert "https://spam.example/x" in sink.mails[-1].get_content()
    async with desk.db.read() as tx:
        rows = list(await tx.scalars(select(SentMail)))
    assert [(row.kind, row.state) for row in rows] == [("copy", "sent")] * 2


@pytest.mark.parametrize(
    "written",
    [".evil.com", "(evil.com)", "HTTPS://evil", "tel://1", "www.evil", "go:evil.com/x?y", "é.évil.fr"],
)
async def test_a_stranger_is_sent_nothing_that_a_mail_program_would_make_a_link_of(
    desk: Desk, visitor: Visitor, sink: Sink, written: str
) -> None:
    id = await talk(desk, visitor, f"Costs 3.50, see {written} and no.1")
    assert (await order(visitor, id, "ana@example.com")).status_code == 202
    await work(desk, sink)
    assert "Costs 3.50, see […] and no.1" in sink.mails[-1].get_content()


async def test_nobody_is_flooded(
    desk: Desk, client: httpx.AsyncClient, visitor: Visitor, clock: FakeClock
) -> None:
    id = await talk(desk, visitor)
    bad = (
        "",
        "ana",
        "a@b.example, c@d.example",
        "ana@example.com\nBcc: x@y.example",
        "a" * 250 + "@example.com",
    )
    for address in bad:
        refused = await order(visitor, id, address)
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "address_invalid"), address
    for n in range(COPIES_AN_HOUR):
        assert (await order(visitor, id, f"friend{n}@example.com")).status_code == 202
    assert (await order(visitor, id, "another@example.com")).status_code == 429
    clock.advance(hours=1)
    for n in range(COPIES_A_DAY_TO_ONE + 1):
        other = await open_visitor(client, desk.site)
        theirs = await other.start()
        assert (await order(other, theirs, "ana@example.com")).json()["error"]["code"] == (
            "transcript_empty" if n < COPIES_A_DAY_TO_ONE else "too_many_requests"
        )


async def test_who_stopped_mails_gets_none_and_a_busy_server_gets_it_later(
    desk: Desk, visitor: Visitor, sink: Sink, clock: FakeClock
) -> None:
    id = await talk(desk, visitor)
    sink.replies = ["451 later", "250 ok"]
    await order(visitor, id, "ana@example.com")
    assert await work(desk, sink) == 1
    assert sink.mails == []
    clock.advance(seconds=AGAIN[0].total_seconds())
    assert await work(desk, sink) == 1
    assert len(sink.mails) == 1
    async with desk.db.write() as tx:
        mail = (await tx.scalars(select(SentMail))).one()
        await stop_mails(tx, mail.id, clock())
    assert (
        await order(visitor, id, "ana@example.com")
    ).status_code == 202  # nobody learns that it was stopped
    assert await work(desk, sink) == 0


async def test_where_the_answer_goes_when_nobody_is_there(desk: Desk, visitor: Visitor) -> None:
    sunday = OpeningHours(week=((),) * 6 + ((Span(start=time(9), end=time(10)),),))
    async with desk.db.write() as tx:
        await update_config(tx, desk.site.id, SiteConfig(hours=sunday))
    id = await visitor.start()
    await visitor.say(id, "Where is my parcel?")
    assert (
        await visitor.post(f"/conversations/{id}/address", {"address": "a@example.com", "client_id": "m1"})
    ).status_code == 409
    await visitor.post(f"/conversations/{id}/handoff")
    assert (await visitor.get(f"/conversations/{id}/place")).json() == {"ahead": None, "away": True}
    for _ in range(2):  # pressed twice
        left = await visitor.post(
            f"/conversations/{id}/address", {"address": "Ana@example.com", "client_id": "m2"}
        )
        assert left.status_code == 202
    assert (await visitor.get(f"/conversations/{id}/place")).json() == {"ahead": None, "away": False}
    said = [m["text"] for m in (await visitor.get(f"/conversations/{id}")).json()["messages"]]
    assert said.count("ana@example.com") == 1
    async with desk.db.read() as tx:
        reader = await reader_of(tx, await tx.get_one(Conversation, id), desk.clock())
    assert reader is not None
    assert (reader.address, reader.verified) == ("ana@example.com", False)
