"""Answers by mail: to whom, when, what stands in it, and what nobody can make of it. The mail server is a real one."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import select
from tests.channels.conftest import BASE
from tests.conftest import FakeClock
from tests.desk import Desk, embed_words, open_desk

from minidesk.channels import (
    ANSWER_MAIL,
    QUEUE,
    AnswerMails,
    MailOutbox,
    MailServer,
    mail_counts,
    mailed_to,
    stop_mails,
)
from minidesk.channels.answer_mails import AGAIN, DELAY, chat_url
from minidesk.channels.letter import is_mailable
from minidesk.channels.readers import A_DAY_WRITTEN
from minidesk.conversations import Conversations
from minidesk.db import Database
from minidesk.db.models import Conversation, Job, SentMail, Site, Visitor
from minidesk.errors import NotFound
from minidesk.handoff import Handoff, next_line
from minidesk.live import EventLog, Presence
from minidesk.settings import load_settings
from minidesk.sites import SiteView, site_by_id
from minidesk.text.locale import load_texts
from minidesk.tickets import Tending, Tickets

LATE = "Nobody has been free. Write your e-mail address."


@dataclass
class Sink:
    """A mail server of a few lines. `replies` are its answers to RCPT, the last one for ever."""

    port: int = 0
    replies: list[str] = field(default_factory=lambda: ["250 ok"])
    hang_up: bool = False
    recipients: list[list[str]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(raw, policy=email.policy.default) for raw in self.raw]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        if self.hang_up:
            writer.close()
            return
        writer.write(b"220 sink\r\n")
        to: list[str] = []
        while line := (await reader.readline()).decode().strip():
            verb = line.upper().split(" ")[0]
            if verb == "RCPT":
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                to.append(line.partition("<")[2].partition(">")[0])
            elif verb == "DATA":
                writer.write(b"354 go\r\n")
                self.raw.append((await reader.readuntil(b"\r\n.\r\n"))[:-5])
                self.recipients.append(to)
                reply = "250 ok"
            else:
                reply = "221 bye" if verb == "QUIT" else "250 sink"
            writer.write(reply.encode() + b"\r\n")
            await writer.drain()
            if verb == "QUIT":
                break
        writer.close()


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """Listens on a free port."""
    found = Sink()
    server = await asyncio.start_server(found.talk, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


@dataclass
class Post:
    """What a test holds in its hands."""

    desk: Desk
    presence: Presence
    mails: AnswerMails

    async def verified(self, address: str = "Ana@example.com") -> None:
        """The website said who the visitor is."""
        async with self.desk.db.write() as tx:
            row = await tx.get_one(Visitor, self.desk.conversation.visitor_id)
            row.email, row.verified, row.external_id = address, True, "customer-1"

    async def ask(self) -> None:
        """The visitor wants a person."""
        await self.desk.say("Where is my parcel?")
        await self.desk.handoff.hand_off(self.desk.conversation.id, "customer_request")

    async def answer(self, text: str) -> None:
        """Jonas answers."""
        [ticket] = await self.desk.all_tickets()
        async with self.desk.db.write() as tx:
            await self.desk.tickets.reply(tx, ticket.id, agent_id=self.desk.jonas.id, text=text)

    async def work(self) -> int:
        """Run all jobs that are due; how many there were."""
        jobs = []
        while (job := await self.desk.jobs.claim(self.desk.db, QUEUE, "w:1")) is not None:
            assert job.kind == ANSWER_MAIL
            jobs.append(job)
        await asyncio.gather(*(self.mails.run(job) for job in jobs))  # as a worker does: side by side
        for job in jobs:
            await self.desk.jobs.finish(self.desk.db, job)
        return len(jobs)

    async def sent(self) -> list[SentMail]:
        async with self.desk.db.read() as tx:
            return list(await tx.scalars(select(SentMail).order_by(SentMail.id)))


@pytest.fixture
async def post(db: Database, clock: FakeClock, sink: Sink) -> Post:
    """A desk that mails through the sink."""
    desk = await open_desk(db, clock)
    outbox, presence = MailOutbox(desk.jobs, clock), Presence(clock)
    events = EventLog(desk.hub, clock, (outbox.heard,))
    conversations = Conversations(events, desk.jobs, clock)
    tickets = Tickets(events, conversations, clock)
    line = next_line(load_texts())
    desk = replace(
        desk,
        events=events,
        conversations=conversations,
        tickets=tickets,
        tending=Tending(db, tickets, lambda _: LATE, clock),
        handoff=Handoff(db, conversations, tickets, embed_words, line, clock),
    )
    mails = AnswerMails(
        db,
        outbox,
        MailServer(f"smtp://127.0.0.1:{sink.port}"),
        presence,
        load_texts(),
        clock,
        sender="support@example.com",
        base_url=BASE,
    )
    return Post(desk, presence, mails)


async def test_one_mail_with_all_that_was_not_seen(post: Post, sink: Sink, clock: FakeClock) -> None:
    await post.verified()
    await post.ask()
    await post.answer("It left **yesterday**. Grüße!")
    assert await post.work() == 0
    clock.advance(seconds=110)
    await post.answer("And here is <b>more</b>.")
    clock.advance(seconds=10)
    assert await post.work() == 1
    clock.now += DELAY
    assert await post.work() == 1
    [mail] = sink.mails
    assert sink.recipients == [["ana@example.com"]]
    assert mail["Subject"] == "Alpenglow answered you"
    assert mail["From"] == "Alpenglow <support@example.com>"
    assert mail["To"] == "ana@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    [row] = await post.sent()
    assert (row.state, row.problem) == ("sent", "")
    assert mail["Message-ID"] == f"<{row.id}@desk.example.com>"
    assert mail["List-Unsubscribe"] == f"<{BASE}/mail/stop/{row.id}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    words = plain.get_content()
    for part in ("Jonas:", "It left **yesterday**. Grüße!", "And here is <b>more</b>.", f"{BASE}/widget/"):
        assert part in words
    markup = html.get_content()
    assert "<strong>yesterday</strong>. Grüße!" in markup
    assert "<b>more</b>" not in markup
    assert "parcel" not in words + markup  # nothing that the visitor wrote
    assert "Weber" not in words + markup


async def test_answers_of_one_second_are_one_mail(post: Post, sink: Sink, clock: FakeClock) -> None:
    await post.verified()
    await post.ask()
    for n in range(3):
        await post.answer(f"Part {n}")
    clock.now += DELAY
    assert await post.work() == 3
    assert len(sink.raw) == 1
    await post.answer("Later")
    clock.now += DELAY
    await post.work()
    assert len(sink.raw) == 2
    assert b"Part 2" not in sink.raw[1]


@pytest.mark.parametrize("where", ["there", "left after", "left before", "wrote"])
async def test_who_saw_it_gets_no_mail(post: Post, sink: Sink, clock: FakeClock, where: str) -> None:
    await post.verified()
    await post.ask()
    id = post.desk.conversation.id
    if where == "left before":
        with post.presence.here(id):
            pass
    clock.advance(seconds=5)
    await post.answer("It comes today.")
    if where == "left after":
        with post.presence.here(id):
            clock.advance(seconds=5)
    if where == "wrote":
        await post.desk.say("Thank you")
    clock.now += DELAY
    if where == "there":
        with post.presence.here(id):
            assert await post.work() == 1
    else:
        assert await post.work() == 1
    assert len(sink.raw) == (1 if where == "left before" else 0)


async def test_without_an_address_nothing_happens(post: Post, sink: Sink, clock: FakeClock) -> None:
    await post.ask()
    await post.desk.say("My account is ana@example.com, not bob@example.com")
    await post.answer("It comes today.")
    clock.now += DELAY
    assert await post.work() == 1
    # An address that nobody signed is no address, whatever stands in the row.
    async with post.desk.db.write() as tx:
        (await tx.get_one(Visitor, post.desk.conversation.visitor_id)).email = "victim@example.com"
    await post.answer("Today!")
    clock.now += DELAY
    assert await post.work() == 1
    assert (sink.raw, await post.sent()) == ([], [])


async def test_an_address_written_when_the_desk_asked(post: Post, sink: Sink, clock: FakeClock) -> None:
    await post.desk.say("My colleague is bob@example.com")
    await post.ask()
    clock.advance(days=1)
    assert await post.desk.tending.look() == 1  # nobody was free: the visitor is asked for an address
    await post.answer("Sorry!")
    clock.now += DELAY
    await post.work()
    assert sink.raw == []
    await post.desk.say("carl@example.com or dora@example.com")
    await post.desk.say("Write to Ana@Example.com please")
    for n in range(A_DAY_WRITTEN + 2):
        await post.answer(f"Answer {n}")
        clock.now += DELAY
        await post.work()
    assert sink.recipients == [["ana@example.com"]] * A_DAY_WRITTEN
    # Whoever's address it is reads that there is an answer, and not a word of it.
    assert not any(word in sink.raw[0] for word in (b"Sorry!", b"Answer 0", b"Mara"))
    assert b"Open the chat in which you asked it" in sink.raw[0].replace(b"=\r\n", b"")


async def test_who_stopped_them_gets_no_more(post: Post, sink: Sink, clock: FakeClock) -> None:
    await post.verified()
    await post.ask()
    await post.answer("One")
    clock.now += DELAY
    await post.work()
    [row] = await post.sent()
    async with post.desk.db.write() as tx:
        for bad in ("eml_0", "x\0"):
            with pytest.raises(NotFound):
                await stop_mails(tx, bad, clock())
        assert (await mailed_to(tx, row.id)).address == "ana@example.com"
        await stop_mails(tx, row.id, clock())
        await stop_mails(tx, row.id, clock())
    await post.answer("Two")
    clock.now += DELAY
    assert await post.work() == 1
    assert len(sink.raw) == 1


@pytest.mark.parametrize("how", ["greylisted", "hangs up"])
async def test_a_server_that_says_later_is_asked_later(
    post: Post, sink: Sink, clock: FakeClock, how: str
) -> None:
    await post.verified()
    await post.ask()
    await post.answer("It comes today.")
    sink.hang_up, sink.replies = how == "hangs up", ["451 try later"]
    clock.now += DELAY
    assert await post.work() == 1
    [row] = await post.sent()
    assert (row.state, row.problem) == ("sending", "unreachable" if how == "hangs up" else "refused")
    assert await post.work() == 0
    clock.now += AGAIN[0]
    assert await post.work() == 1
    sink.hang_up, sink.replies = False, ["250 ok"]
    clock.now += AGAIN[1]
    assert await post.work() == 1
    [same] = await post.sent()
    assert (same.id, same.state, same.problem) == (row.id, "sent", "")
    assert sink.mails[0]["Message-ID"] == f"<{row.id}@desk.example.com>"


@pytest.mark.parametrize("how", ["550 no such user", "451 try later"])
async def test_a_mail_that_is_never_taken_is_given_up(
    post: Post, sink: Sink, clock: FakeClock, how: str
) -> None:
    await post.verified()
    await post.ask()
    await post.answer("It comes today.")
    sink.replies = [how]
    tries = 0
    for wait in (DELAY, *AGAIN, timedelta(days=1)):
        clock.now += wait
        tries += await post.work()
    assert tries == (1 if how.startswith("550") else 1 + len(AGAIN))
    [row] = await post.sent()
    assert (row.state, row.problem) == ("failed", "refused")
    async with post.desk.db.read() as tx:
        counts = await mail_counts(tx, row.site_id, clock() - timedelta(days=30))
    assert (counts.sent, counts.failed, counts.problem) == (0, 1, "refused")
    # The next mail holds what this one did not bring.
    sink.replies = ["250 ok"]
    await post.answer("Still there?")
    clock.now += DELAY
    await post.work()
    assert b"It comes today." in sink.raw[0]


async def test_a_try_that_died_after_sending_is_the_same_mail(
    post: Post, sink: Sink, clock: FakeClock
) -> None:
    await post.verified()
    await post.ask()
    await post.answer("It comes today.")
    clock.now += DELAY
    job = await post.desk.jobs.claim(post.desk.db, QUEUE, "w:1")
    assert job is not None
    await post.mails.run(job)
    async with post.desk.db.write() as tx:  # as if the process had died before this was written
        (await tx.scalars(select(SentMail))).one().state = "sending"
    await post.mails.run(job)
    first, second = sink.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert len(await post.sent()) == 1


async def test_nobody_adds_a_header_or_a_reader(post: Post, sink: Sink, clock: FakeClock) -> None:
    async with post.desk.db.write() as tx:
        site = await tx.get_one(Site, post.desk.conversation.site_id)
        site.name = "Alpen\r\nBcc: evil@example.com\r\n\r\nglow, <x@example.com>"
    for bad in (
        "a@example.com\r\nBcc: evil@example.com",
        "a@example.com,evil@example.com",
        "Evil <evil@example.com>",
        "a@example.com\n",
        "a b@example.com",
        "ä@example.com",
        "a@b@example.com",
        "@example.com",
        "nobody",
        '"a"@example.com',
        "",
    ):
        assert not is_mailable(bad)
    assert is_mailable("ana.b+c@mail.example.co.uk")
    await post.verified("a@example.com,evil@example.com")
    await post.ask()
    await post.answer("One\r\n.\r\nMAIL FROM:<evil@example.com>\r\n..")
    clock.now += DELAY
    await post.work()
    assert sink.raw == []
    await post.verified()
    await post.answer("Two\r\n.\r\nRCPT TO:<evil@example.com>")
    clock.now += DELAY
    await post.work()
    [mail] = sink.mails
    assert sink.recipients == [["ana@example.com"]]
    assert mail["Bcc"] is None
    assert [a.addr_spec for a in mail["From"].addresses] == ["support@example.com"]
    assert mail["Subject"].startswith("Alpen Bcc: evil@example.com glow")
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert "RCPT TO:<evil@example.com>" in plain.get_content()


async def test_a_password_is_never_sent_in_the_open(
    post: Post, sink: Sink, clock: FakeClock, db: Database
) -> None:
    server = MailServer(f"starttls://user:word@127.0.0.1:{sink.port}")  # which the sink does not speak
    problem = await server.send(EmailMessage(), sender="a@example.com", to="b@example.com")
    assert problem is not None
    assert sink.raw == []


async def test_the_link_leads_to_the_sites_own_page_or_to_the_desks(post: Post) -> None:
    async with post.desk.db.write() as tx:
        row = await tx.get_one(Site, post.desk.conversation.site_id)
        row.allowed_origins = ["https://shop.example.com"]
        site: SiteView = await site_by_id(tx, row.id)
    desk = f"{BASE}/widget/{site.key}"
    for page, link in (
        ("https://shop.example.com/cart?next=https://evil.example#x", "https://shop.example.com/cart"),
        ("https://shop.example.com", "https://shop.example.com/"),
        ("https://evil.example/", desk),
        ("https://shop.example.com.evil.example/", desk),
        ("https://shop.example.com@evil.example/", desk),
        ("https://user@shop.example.com/", desk),
        ("javascript:alert(1)", desk),
        ("//shop.example.com/", desk),
        ("https://[", desk),
        (None, desk),
    ):
        assert chat_url(site, page, BASE) == link


async def test_the_mail_speaks_the_visitors_language(post: Post, sink: Sink, clock: FakeClock) -> None:
    await post.verified()
    async with post.desk.db.write() as tx:
        (await tx.get_one(Conversation, post.desk.conversation.id)).locale = "de-AT"
    await post.ask()
    await post.answer("Heute.")
    clock.now += DELAY
    await post.work()
    assert sink.mails[0]["Subject"] == "Alpenglow hat Ihnen geantwortet"


async def test_notes_and_the_desks_own_lines_are_not_mailed(post: Post, clock: FakeClock) -> None:
    await post.verified()
    await post.ask()
    async with post.desk.db.write() as tx:
        await post.desk.conversations.post_note(
            tx, post.desk.conversation.id, agent_id=post.desk.jonas.id, text="internal"
        )
    async with post.desk.db.read() as tx:
        assert (await tx.scalars(select(Job).where(Job.queue == QUEUE))).all() == []


def test_settings_of_the_mail_server() -> None:
    assert not load_settings().mails
    assert load_settings(smtp_url="starttls://u:p@mail.example.com:587", mail_from="a@example.com").mails
    for wrong in (
        {"smtp_url": "smtp://mail.example.com"},
        {"smtp_url": "http://mail.example.com", "mail_from": "a@example.com"},
        {"smtp_url": "smtp://", "mail_from": "a@example.com"},
        {"smtp_url": "smtp://mail.example.com", "mail_from": "A <a@example.com>"},
        {"smtp_url": "smtp://mail.example.com", "mail_from": "a@example.com\nBcc: b@example.com"},
    ):
        with pytest.raises(ValueError):
            load_settings(**wrong)
