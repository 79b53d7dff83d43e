"""Mails that come in: to which conversation, what is kept of them, what is dropped, and that nothing goes round in circles."""

import dataclasses
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import func, select
from tests.channels.conftest import BASE
from tests.conftest import FakeClock
from tests.desk import Desk, embed_words, open_desk
from tests.helpers.serving import serving

from minidesk.channels import (
    MailOutbox,
    ReplyAddress,
    check_signed,
    key_of,
    new_secret,
    read_mail,
    signed_headers,
)
from minidesk.channels.letter import Letter, Said, write_message
from minidesk.channels.read_mail import MAX_WORDS
from minidesk.conversations import AnswerEnd, Attachments, Conversations
from minidesk.db import Database
from minidesk.db.models import Attachment, Block, InboundMail, Job, Message, SentMail, new_id
from minidesk.errors import Invalid, NotAuthenticated, TooLarge, TooMany
from minidesk.files import FileStore
from minidesk.handoff import Handoff, next_line
from minidesk.inbound import AN_HOUR, Inbound
from minidesk.live import EventLog
from minidesk.settings import Settings, load_settings
from minidesk.text.locale import load_texts
from minidesk.text.normalise import check_text
from minidesk.tickets import Tickets
from minidesk.web.guard import INBOUND_MAIL, Guard, GuardRules
from minidesk.web.inbound_mail import InboundDeps, inbound_router
from minidesk.web.limits import RateLimiter
from minidesk.web.problems import install_error_handlers

SECRET = new_secret()
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@dataclass
class Door:
    """What a test holds in its hands."""

    desk: Desk
    inbound: Inbound
    address: ReplyAddress
    to: str = ""

    def mail(self, text: str = "It is AG-10234.", **headers: str) -> EmailMessage:
        """An answer to our mail, as a mail program writes it."""
        mail = EmailMessage()
        mail["From"] = headers.pop("From", "Somebody Else <other@example.net>")
        mail["To"] = headers.pop("To", self.to)
        mail["Subject"] = "Re: Alpenglow answered you"
        mail["Message-ID"] = headers.pop("Message_ID", f"<{new_id('x')}@mail.example>")
        for name, value in headers.items():
            mail[name.replace("_", "-")] = value
        mail.set_content(
            f"{text}\n\nOn Mon, 2 Mar 2026 at 10:00, Alpenglow <desk@x.example> wrote:\n> Which order?\n"
        )
        return mail

    async def take(self, mail: EmailMessage) -> tuple[str, str]:
        taken = await self.inbound.take(mail.as_bytes())
        return taken.outcome, taken.reason

    async def visitor_said(self) -> list[Message]:
        async with self.desk.db.read() as tx:
            query = select(Message).where(Message.author == "visitor").order_by(Message.seq)
            return list(await tx.scalars(query))


@pytest.fixture
async def door(db: Database, clock: FakeClock, settings: Settings) -> Door:
    """A desk that has mailed Ana, whose ticket waits for her."""
    desk = await open_desk(db, clock)
    events = EventLog(desk.hub, clock, (MailOutbox(desk.jobs, clock).heard,))
    conversations = Conversations(events, desk.jobs, clock)
    tickets = Tickets(events, conversations, clock)
    handoff = Handoff(db, conversations, tickets, embed_words, next_line(load_texts()), clock)
    desk = dataclasses.replace(
        desk, events=events, conversations=conversations, tickets=tickets, handoff=handoff
    )
    store = FileStore(settings.data_dir / "attachments")
    attachments = Attachments(db, store, clock, max_bytes=1_000_000, max_pixels=1_000_000)
    address = ReplyAddress("Reply@in.example.com", key_of(SECRET))
    inbound = Inbound(
        db, conversations, tickets, handoff, attachments, address, clock, max_chars=settings.message_max_chars
    )
    await desk.say("Where is my parcel?")
    ticket = await desk.handoff.hand_off(desk.conversation.id, "customer_request")
    async with db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.jonas.id, text="Which order?")
        await desk.tickets.set_status(tx, ticket.id, "pending")
        sent = SentMail(
            id=new_id("eml"),
            site_id=desk.conversation.site_id,
            conversation_id=desk.conversation.id,
            address="ana@example.com",
            up_to_seq=2,
            state="sent",
            problem="",
            created_at=clock(),
        )
        tx.add(sent)
    return Door(desk, inbound, address, address.of(sent.id))


async def test_an_answer_by_mail_is_the_visitors_message_and_wakes_the_ticket(door: Door) -> None:
    mail = door.mail()
    assert await door.take(mail) == ("stored", "")
    message = (await door.visitor_said())[-1]
    assert (message.text, message.channel) == ("It is AG-10234.", "mail")
    [ticket] = await door.desk.all_tickets()
    assert ticket.status == "open"
    assert any("AG-10234" in entity.text for entity in ticket.entities)
    assert await door.take(mail) == ("repeated", "")
    assert len(await door.visitor_said()) == 2


async def test_who_it_is_from_does_not_count_and_a_token_cannot_be_made(door: Door) -> None:
    upper = door.mail(To=door.to.upper(), From="ana@example.com")
    assert await door.take(upper) == ("stored", "")
    mail_id = door.address.mail_of([door.to])
    assert mail_id is not None
    other = ReplyAddress("reply@in.example.com", b"another key" * 3).of(mail_id)
    changed = door.to.replace("+", "+0", 1)[:-1]
    unknown = door.address.of(new_id("eml"))
    for to in (other, changed, unknown, "reply@in.example.com", "ana@example.com", "a" * 5000):
        assert await door.take(door.mail(To=to)) == ("dropped", "unknown_address")
    hidden = door.mail(To="desk@x.example", Delivered_To=door.to)
    assert await door.take(hidden) == ("stored", "")
    assert len(door.to.partition("@")[0]) <= 64


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto_Submitted": "auto-generated; x=y"}, "auto_reply"),
        ({"Precedence": "bulk"}, "auto_reply"),
        ({"X_Auto_Response_Suppress": "All"}, "auto_reply"),
        ({"X_Autoreply": "yes"}, "auto_reply"),
        ({"List_Id": "<news.example>"}, "auto_reply"),
        ({"Return_Path": "<>"}, "bounce"),
        ({"From": "MAILER-DAEMON@mx.example"}, "bounce"),
    ],
)
async def test_programs_are_not_answered(door: Door, headers: dict[str, str], reason: str) -> None:
    assert await door.take(door.mail(**headers)) == ("dropped", reason)
    assert len(await door.visitor_said()) == 1


async def test_our_own_mail_that_comes_back_is_dropped(door: Door) -> None:
    letter = Letter(
        new_id("eml"), "cnv_1", "ana@example.com", "Alpenglow", "en", (Said("Jonas", "Which order?"),),
        f"{BASE}/widget/k", door.to,
    )  # fmt: skip
    words = load_texts()
    ours = write_message(letter, "desk@x.example", BASE, lambda k, **v: words.t(k, "en", **v), ())
    assert ours["Reply-To"] == door.to
    ours.replace_header("To", door.to)
    assert await door.take(ours) == ("dropped", "auto_reply")


async def test_a_person_gets_what_the_assistant_would_have(door: Door) -> None:
    [ticket] = await door.desk.all_tickets()
    async with door.desk.db.write() as tx:
        await door.desk.tickets.set_status(tx, ticket.id, "solved")
    jobs = await door.desk.job_count()
    assert await door.take(door.mail("It came broken.")) == ("stored", "")
    assert await door.desk.job_count() == jobs
    [ticket] = await door.desk.all_tickets()
    assert (ticket.status, (await door.desk.row()).holder) == ("open", "queue")
    async with door.desk.db.read() as tx:  # nothing is mailed because of it
        mails = await tx.scalar(select(func.count()).where(Job.kind == "answer_mail"))
    assert mails == 1  # of the agent's answer before


class Killed(BaseException):
    """The process ends here; nothing of ours may catch it."""


@dataclass
class Dying:
    """A process that ends between the mail's commit and its handoff."""

    async def hand_off(self, *_: object, **__: object) -> None:
        raise Killed


async def test_a_mail_that_a_killed_process_left_comes_to_a_person_whatever_was_said_since(
    door: Door,
) -> None:
    desk = door.desk
    [ticket] = await desk.all_tickets()
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "solved")
    mail, whole = door.mail("It came broken."), door.inbound._handoff
    door.inbound._handoff = Dying()  # type: ignore[assignment]
    with pytest.raises(Killed):
        await door.take(mail)
    door.inbound._handoff = whole
    said = await desk.say("Hello?")  # in the chat, where the assistant answers
    async with desk.db.write() as tx:
        answer = await desk.conversations.begin_answer(tx, reply_to=said.id)
        await desk.conversations.finish_answer(
            tx, answer, AnswerEnd("clarify", kind="smalltalk", text="Hello!")
        )
    assert await door.take(mail) == ("repeated", "")
    [ticket] = await desk.all_tickets()
    assert (ticket.status, (await desk.row()).holder) == ("open", "queue")
    # Once a person had it, the same mail again wakes nobody, even if they solved it without a word.
    async with desk.db.write() as tx:
        await desk.tickets.set_status(tx, ticket.id, "solved")
    assert await door.take(mail) == ("repeated", "")
    assert (await desk.row()).holder == "assistant"
    assert len(await door.visitor_said()) == 3


async def test_a_mail_that_an_agent_answered_and_that_comes_again_wakes_nobody(door: Door) -> None:
    desk, mail = door.desk, door.mail()
    [ticket] = await desk.all_tickets()
    assert await door.take(mail) == ("stored", "")  # while Jonas has it
    async with desk.db.write() as tx:
        await desk.tickets.reply(tx, ticket.id, agent_id=desk.jonas.id, text="On its way.")
        await desk.tickets.set_status(tx, ticket.id, "solved")
    assert await door.take(mail) == ("repeated", "")
    [ticket] = await desk.all_tickets()
    assert (ticket.status, (await desk.row()).holder) == ("solved", "assistant")


async def test_files_are_taken_as_in_the_chat_and_the_others_named(door: Door) -> None:
    mail = door.mail("See the picture.")
    mail.add_attachment(PNG, maintype="image", subtype="png", filename="broken.png")
    mail.add_attachment(b"MZ\x90", maintype="application", subtype="octet-stream", filename="..\\setup.exe")
    mail.add_attachment(b"<svg/>", maintype="image", subtype="svg+xml", filename="x.svg")
    assert await door.take(mail) == ("stored", "")
    message = (await door.visitor_said())[-1]
    async with door.desk.db.read() as tx:
        [file] = await tx.scalars(select(Attachment).where(Attachment.message_id == message.id))
        row = await tx.scalar(select(InboundMail).where(InboundMail.message_id == message.id))
    assert (file.name, file.type, file.author) == ("broken.png", "image/png", "visitor")
    assert row is not None
    assert row.left_out == "setup.exe, x.svg"
    only = EmailMessage()
    only["To"], only["Message-ID"] = door.to, "<only@x>"
    only.set_content("> old\n")
    only.add_attachment(b"MZ\x90", maintype="application", subtype="octet-stream", filename="a.exe")
    assert await door.take(only) == ("stored", "")
    assert (await door.visitor_said())[-1].text == "[a.exe]"


async def test_html_alone_is_read_and_long_words_come_as_a_file_too(door: Door) -> None:
    html = EmailMessage()
    html["To"], html["Message-ID"] = door.to, "<html@x>"
    html.set_content(
        "<html><head><style>p{}</style></head><body><p>It is &euro;5.</p><div>Yours</div><script>x()</script>"
        '<div class="gmail_quote">On Monday Alpenglow wrote:<blockquote>old</blockquote></div></body></html>',
        subtype="html",
    )
    assert await door.take(html) == ("stored", "")
    assert (await door.visitor_said())[-1].text == "It is €5.\nYours"
    assert await door.take(door.mail("word " * 2000)) == ("stored", "")
    message = (await door.visitor_said())[-1]
    assert len(message.text) <= 4000
    async with door.desk.db.read() as tx:
        [file] = await tx.scalars(select(Attachment).where(Attachment.message_id == message.id))
    assert (file.name, file.size > 9000) == ("message.txt", True)
    assert await door.take(door.mail("")) == ("dropped", "empty")


async def test_who_is_blocked_is_not_heard_and_a_flood_ends(door: Door) -> None:
    async with door.desk.db.write() as tx:
        tx.add(
            Block(
                id=new_id("blk"), site_id=door.desk.conversation.site_id, kind="visitor",
                value=door.desk.conversation.visitor_id, created_by=None, created_at=door.desk.clock(),
            )
        )  # fmt: skip
    assert await door.take(door.mail()) == ("dropped", "blocked")
    async with door.desk.db.write() as tx:
        await tx.delete((await tx.scalars(select(Block))).one())
    for n in range(AN_HOUR):
        assert await door.take(door.mail(f"number {n}")) == ("stored", "")
    with pytest.raises(TooMany):
        await door.take(door.mail("one more"))
    door.desk.clock.advance(minutes=61)
    assert await door.take(door.mail("one more")) == ("stored", "")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no mail at all",
        b"To: x\nContent-Type: multipart/mixed; boundary=a\n\n"
        + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 500,
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(30))
        + b"\n" * 9_000_000,
        b"To: a\n" + b"X: a\n" * 500_000 + b"\nhello",
        b"To: " + b"(" * 5000 + b"\n\nhello",
        b"To: x\n" + b"--a\nContent-Type: message/rfc822\n\n" * 300,
    ],
)
@pytest.mark.timeout(20)
def test_what_is_no_mail_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_mail(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"To: a\nContent-Type: text/plain; charset=zip\n\nhello",
        b'To: a\nContent-Type: text/plain; charset="unicode_escape"\n\nhello',
        b"To: a\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!!",
        b"To: a\nContent-Type: multipart/mixed\n\nno boundary",
        b"To: \xff\xfe\nSubject: =?utf-8?b?////?=\n\n\x00\xd8\xff",
        b"To: " + b"a@b.example, " * 50_000 + b"\n\nx",
        b"To: a\nContent-Type: text/html\n\n" + b"<div>" * 20_000,
        b"To: a\nContent-Type: text/html\n\n" + b"<" * 300_000,
        b"To: a\nContent-Type: text/html\n\n<p>x</p>" + b"<?xml" * 60_000,
        b"To: a\nContent-Type: text/html\n\n<p>x</p>" + b"<i id=appendonsend>a</i>b" * 12_000,
        b"To: a\nContent-Type: text/html\n\n<p>x</p>" + b"<title>a</title>b" * 17_000,
        b"To: a\n\n" + b"\n>\n" * 200_000,
        b"To: a\nContent-Type: text/plain" + b";" * 2_000_000 + b"\n\nhello",
        b"To: a\nContent-Type: text/plain; charset*=punycode''"
        + b"a" * 400_000
        + b"-"
        + b"a" * 400_000
        + b"\n\nhello",
        b"To: a\nContent-Type: multipart/mixed; charset=undefined\n\n\xff no boundary",
        b"To: a\nContent-Type: multipart/mixed; boundary*=undefined''a\n\n--a\n\nhello",
        b"To: a\n" + b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 9 + b"\n",
    ],
    ids=map(str, itertools.count()),
)
@pytest.mark.timeout(20)
def test_whatever_strangers_send_is_read_or_refused(raw: bytes) -> None:
    found = read_mail(raw)
    assert "\0" not in found.text
    found.text.encode()


def test_of_a_mail_without_an_end_the_beginning_is_read() -> None:
    assert read_mail(b"To: a\n\n" + b"word " * 1_000_000).text.startswith("word word")
    assert len(read_mail(b"To: a\n\n" + b"word " * 1_000_000).text) <= MAX_WORDS
    part = b"--q\nContent-Type: text/html\n\n" + b"<p>word</p>" * 2000 + b"\n"
    many = b"To: a\nContent-Type: multipart/mixed; boundary=q\n\n" + part * 40 + b"--q--"
    assert len(read_mail(many).text) <= MAX_WORDS + 40


def test_an_old_mail_of_html_goes_and_what_stands_around_it_stays() -> None:
    body = (
        b"<div>New</div><p>words</p><div><b id=appendonsend></b><p>old</p>tail<div id=appendonsend>x</div><i>y</i></div>"
        b"<p>below</p><!-- c --><div id=divRplyFwdMsg>From: A</div><p>older</p><blockquote>q</blockquote>"
    )
    assert read_mail(b"To: a\nContent-Type: text/html\n\n" + body).text == "New\nwords\ntail\nbelow"


def test_a_mail_that_is_too_large_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_mail(b"To: a\n\n" + b"x" * 10_000_000)


def test_a_signature_is_of_this_body_and_this_minute() -> None:
    body, now = b"To: a\n\nhello", 1_770_000_000
    headers = signed_headers([SECRET], "id_1", now, body)
    check_signed(SECRET, headers, body, now + 299)
    for wrong, said, at in (
        (headers, body + b"!", now),
        (headers, body, now + 301),
        (headers, body, now - 301),
        ({**headers, "webhook-timestamp": str(now + 1)}, body, now),
        ({**headers, "webhook-timestamp": "٣"}, body, now),
        ({**headers, "webhook-id": "id_2"}, body, now),
        ({**headers, "webhook-signature": "v1,é"}, body, now),
        ({}, body, now),
        (signed_headers([new_secret()], "id_1", now, body), body, now),
    ):
        with pytest.raises(NotAuthenticated):
            check_signed(SECRET, wrong, said, at)


@pytest.fixture
async def base(door: Door, settings: Settings) -> AsyncIterator[str]:
    """The door on a real port."""
    settings = load_settings(
        data_dir=settings.data_dir, mail_reply_to="reply@in.example.com", mail_inbound_secret=SECRET
    )
    app = FastAPI()
    app.include_router(
        inbound_router(InboundDeps(settings, door.desk.clock, RateLimiter(door.desk.clock), door.inbound))
    )
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    async with serving(app, proxy_headers=False) as address:
        yield address


async def test_only_what_is_signed_gets_in(door: Door, base: str) -> None:
    mail = door.mail()
    mail.add_attachment(PNG + b"\0" * 1_500_000, maintype="image", subtype="png", filename="big.png")
    body = mail.as_bytes()
    now = int(door.desk.clock().timestamp())
    signed = signed_headers([SECRET], "id_1", now, body)
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
        for headers in ({}, {**signed, "webhook-signature": "v1,AAAA"}):
            refused = await client.post(INBOUND_MAIL, content=body, headers=headers)
            assert (refused.status_code, refused.json()["error"]["code"]) == (401, "signature_invalid")
        assert len(await door.visitor_said()) == 1
        taken = await client.post(INBOUND_MAIL, content=body, headers=signed)
        assert (taken.status_code, taken.json()["outcome"]) == (200, "stored")
        again = await client.post(INBOUND_MAIL, content=body, headers=signed)
        assert again.json() == {**taken.json(), "outcome": "repeated"}
        door.desk.clock.advance(minutes=6)
        assert (await client.post(INBOUND_MAIL, content=body, headers=signed)).status_code == 401
    assert len(await door.visitor_said()) == 2
    rules = GuardRules()
    assert rules.body_limit(INBOUND_MAIL, "message/rfc822") == 10_000_000
    assert rules.body_limit("/api/v1/ask", "message/rfc822") == 1024 * 1024


@pytest.mark.parametrize(
    "word",
    ["\u0958\u0932\u092e ", "\u09b0\u09df\u09dc ", "\u0344\u0390\ufb2c", "e\u0301 ", "\u0928\u094d\u200d "],
)  # what composing makes longer, and shorter
async def test_long_mails_of_any_script_are_taken(door: Door, base: str, word: str) -> None:
    body = door.mail(word * 3000).as_bytes()
    signed = signed_headers([SECRET], "id_1", int(door.desk.clock().timestamp()), body)
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
        taken = await client.post(INBOUND_MAIL, content=body, headers=signed)
    assert (taken.status_code, taken.json()["outcome"]) == (200, "stored")
    message = (await door.visitor_said())[-1]
    assert 3900 < len(message.text) <= 4000
    assert message.text == check_text(message.text, 4000)
    async with door.desk.db.read() as tx:
        [file] = await tx.scalars(select(Attachment).where(Attachment.message_id == message.id))
    assert file.name == "message.txt"


async def test_a_mail_with_a_strange_name_or_address_is_taken_or_refused_and_never_our_mistake(
    door: Door, base: str
) -> None:
    head = f"To: {door.to}\nMessage-ID: <s@x>\n".encode()
    file = b"Content-Type: multipart/mixed; boundary=q\n\n--q\n\nSee this.\n--q\nContent-Type: image/png\n"
    named = b"Content-Disposition: attachment; filename*=undefined''x.png\n\n" + PNG + b"\n--q--"
    torn = b"Content-Disposition: attachment; filename*=a; filename*0=b\n\n" + PNG + b"\n--q--"
    now = int(door.desk.clock().timestamp())
    async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
        for body, status, outcome in (
            (head + file + named, 200, "stored"),
            (head.replace(b"<s@", b"<t@") + file + torn, 200, "stored"),
            (b"To: " + b"(" * 5000 + b"\n\nhello", 422, "mail_unreadable"),
        ):
            answer = await client.post(
                INBOUND_MAIL, content=body, headers=signed_headers([SECRET], "id_1", now, body)
            )
            said = answer.json()
            assert (answer.status_code, said.get("outcome") or said["error"]["code"]) == (status, outcome)
    assert (await door.visitor_said())[-1].text == "See this."


async def test_without_settings_there_is_no_door(clock: FakeClock, settings: Settings) -> None:
    app = FastAPI()
    app.include_router(inbound_router(InboundDeps(settings, clock, RateLimiter(clock), None)))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    async with serving(app) as base, httpx.AsyncClient(base_url=base, trust_env=False, timeout=30) as client:
        assert (await client.post(INBOUND_MAIL, content=b"To: a\n\nb")).status_code == 404


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({"mail_reply_to": "reply@in.example.com", "mail_inbound_secret": SECRET}, True),
        ({"mail_reply_to": "reply@in.example.com"}, False),
        ({"mail_inbound_secret": SECRET}, False),
        (
            {"mail_reply_to": "a-very-long-name-of-a-desk@in.example.com", "mail_inbound_secret": SECRET},
            False,
        ),
        ({"mail_reply_to": "reply@in.example.com", "mail_inbound_secret": "short"}, False),
    ],
)
def test_the_settings_belong_together(given: dict[str, str], fits: bool) -> None:
    if fits:
        assert load_settings(**given).mail_reply_to == "reply@in.example.com"
    else:
        with pytest.raises(ValidationError):
            load_settings(**given)
