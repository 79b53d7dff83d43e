"""What agents do with tickets in the console besides answering: over HTTP, with and without scripts."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.web import test_console
from tests.web.test_console import PART, Office, put_file

from minidesk.conversations import AnswerEnd, AnswerPart
from minidesk.db.models import (
    Block,
    CannedReply,
    Conversation,
    Correction,
    Document,
    Mention,
    Message,
    Source,
    Ticket,
)
from minidesk.knowledge.faq import FaqEntry
from minidesk.knowledge.records import Passage, SearchResult
from minidesk.knowledge.sources import Sources
from minidesk.tickets import correct_answer

office = test_console.office


async def ticket_of(office: Office, conversation: str) -> Ticket:
    """The row as it stands."""
    async with office.db.read() as tx:
        return (await tx.scalars(select(Ticket).where(Ticket.conversation_id == conversation))).one()


async def handed_off(office: Office, words: str = "Where is my parcel?") -> str:
    """A conversation that waits for a person."""
    conversation = await office.conversation(office.site, words)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    return conversation


@pytest.mark.parametrize("way", ["macro", "reply"])
async def test_what_is_sent_once_more_does_not_open_again_what_was_solved(office: Office, way: str) -> None:
    """A double press on a macro that solves; a browser that sends a reply again when its agent has solved the ticket."""
    await office.agent("mara@example.com", office.site, "editor")
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/replies")
        await browser.post("/console/replies", name="Late", text="Sorry", audience="site", status="solved")
        [macro] = (await browser.client.get(f"{base}/canned", headers=PART)).json()["replies"]
        act, sent = f"{base}/macro", {"macro": macro["id"], "client_id": "a1"}
        if way == "reply":
            act, sent = f"{base}/say", {"text": "Sorry", "client_id": "a1"}
        assert (await browser.part(act, **sent)).status_code == 204
        if way == "reply":
            assert (await browser.part(f"{base}/solve")).status_code == 204
        assert (await browser.part(act, **sent)).status_code == 204
    async with office.db.read() as tx:
        said = await tx.scalar(select(func.count()).where(Message.author == "agent"))
    ticket = await ticket_of(office, conversation)
    assert (ticket.status, await office.holder(conversation), said) == ("solved", ("assistant", None), 1)


async def test_a_macro_is_made_shown_and_run(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/replies")
        made = await browser.post(
            "/console/replies",
            name="Late",
            text="Sorry",
            audience="site",
            tags="late",
            status="solved",
            priority="high",
        )
        assert made.status_code == 303
        listed = (await browser.get("/console/replies")).text
        assert "tags late; priority high; solve" in listed
        page = (await browser.get(base)).text
        assert "tags late; priority high; solve" in page
        answer = await browser.client.get(f"{base}/canned", headers=PART)
        [macro] = answer.json()["replies"]
        assert (macro["name"], macro["does"]) == ("Late", "tags late; priority high; solve")
        assert (await browser.part(f"{base}/macro", macro="can_gone", client_id="a1")).status_code == 404
        assert (await browser.part(f"{base}/macro", macro=macro["id"], client_id="a1")).status_code == 204
        assert (await ticket_of(office, conversation)).status == "solved"
        # By the composer: the agent's own words, and what the macro does.
        sent = await browser.part(
            f"{base}/say", text="Dear Ana", kind="reply", macro=macro["id"], client_id="a2"
        )
        assert sent.status_code == 204
        refused = await browser.post("/console/replies", name="Bad", text="", audience="site")
        assert refused.status_code == 422
    async with office.db.read() as tx:
        texts = list(
            await tx.scalars(select(Message.text).where(Message.author == "agent").order_by(Message.seq))
        )
        assert await tx.scalar(select(CannedReply.does)) is not None
    assert texts == ["Sorry", "Dear Ana"]
    ticket = await ticket_of(office, conversation)
    assert (ticket.status, ticket.priority) == ("solved", "high")


async def test_putting_off_looking_again_and_bringing_back(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        assert (await browser.part(f"{base}/snooze", until="tomorrow")).status_code == 204
        assert "back 3 Mar" in (await browser.get("/console/inbox?view=snoozed")).text
        assert conversation not in (await browser.get("/console/inbox?view=open")).text
        assert "Bring back" in (await browser.get(base)).text
        assert (await browser.part(f"{base}/wake")).status_code == 204
        assert conversation in (await browser.get("/console/inbox?view=open")).text
        refused = await browser.part(f"{base}/snooze", until="day", day="2026-03-01")
        assert (refused.status_code, refused.json()["error"]["code"]) == (422, "time_invalid")
        assert (await browser.post(f"{base}/follow-up", day="2026-03-09")).status_code == 303
        assert "look again 9 Mar" in (await browser.get(base)).text
        await browser.part(f"{base}/follow-up", day="")
    assert (await ticket_of(office, conversation)).follow_up_at is None


async def test_who_writes_is_seen_and_a_second_answer_is_asked_about(office: Office) -> None:
    ada = await office.agent("ada@example.com", office.site, name="Ada Berg")
    await office.agent("ben@example.com", office.site, name="Ben Okafor")
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    here, say = office.deps.here, {"text": "Hello", "kind": "reply", "client_id": "a1"}
    async with office.at_work("ada@example.com") as one, office.at_work("ben@example.com") as two:
        with here.viewing(conversation, ada, "Ada Berg"):
            assert "Ada Berg is here" in (await two.get(base)).text
            assert (await one.part(f"{base}/typing", writing="yes")).status_code == 204
            assert "Ada Berg is writing" in (await two.get(f"{base}/live", headers=PART)).text
            assert "Ada Berg is" not in (await one.get(base)).text
            asked = await two.part(f"{base}/say", **say)
            assert (asked.status_code, asked.json()["error"]["code"]) == (409, "someone_writes")
            assert asked.json()["error"]["message"] == "Ada Berg is writing. Send anyway?"
            page = await two.post(f"{base}/say", **say)  # without scripts the question has its button
            assert 'name="anyway" value="yes"' in page.text
            assert (await two.part(f"{base}/say", text="A note", kind="note")).status_code == 204
            assert (await two.part(f"{base}/say", **say, anyway="yes")).status_code == 204
            late = await one.part(f"{base}/say", text="Me too", kind="reply", client_id="a2", seen="1")
            assert (late.status_code, "Ben Okafor" in late.json()["error"]["message"]) == (409, True)
            await one.part(f"{base}/typing", writing="no")
            assert "Ada Berg is here" in (await two.get(base)).text
    async with office.db.read() as tx:
        assert list(await tx.scalars(select(Message.text).where(Message.author == "agent"))) == ["Hello"]


async def test_what_was_not_seen_is_not_answered_over(office: Office) -> None:
    await office.agent("ada@example.com", office.site, name="Ada Berg")
    ben = await office.agent("ben@example.com", office.site, name="Ben Okafor")
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("ada@example.com") as one, office.at_work("ben@example.com") as two:
        await two.get(base)
        await one.get(base)
        assert (await one.part(f"{base}/say", text="Hello", kind="reply", client_id="a1")).status_code == 204
        assert (await one.part(f"{base}/ticket", team="", priority="", assignee=ben)).status_code == 204
        stale = await two.part(f"{base}/say", text="Hi", kind="reply", client_id="a2", seen="2")
        assert (stale.status_code, stale.json()["error"]["code"]) == (409, "answered_meanwhile")
        read = await two.part(f"{base}/say", text="Hi", kind="reply", client_id="a2", seen="3")
        assert read.status_code == 204


async def test_many_at_once(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    first, second = await handed_off(office), await handed_off(office, "And my voucher?")
    assistant = await office.conversation(office.site, "No ticket yet")
    theirs = await office.conversation(office.other)
    here = "/console/inbox/bulk"
    async with office.at_work("mara@example.com") as browser:
        await browser.get("/console/inbox?view=open")

        async def bulk(*chosen: str, **fields: str) -> str:
            data = {"csrf": browser.csrf, "view": "open", "chosen": list(chosen), **fields}
            answer = await browser.client.post(here, data=data, headers={"Origin": office.base})
            assert answer.status_code == 303, answer.text
            return (await browser.get(answer.headers["location"])).text

        assert "2 tickets assigned." in await bulk(first, second, do="assign", assignee=mara)
        assert (await ticket_of(office, second)).assignee_id == mara
        said = await bulk(first, second, theirs, assistant, do="tag", with_tag="wave")
        assert "2 tickets tagged." in said
        assert "2 could not be changed" in said
        assert "1 ticket solved." in await bulk(first, do="solve")
        assert "1 ticket closed." in await bulk(second, do="close")
        assert "1 conversation put away as spam." in await bulk(assistant, do="spam")
        for fields in (
            {"do": "burn", "chosen": first},
            {"do": "solve"},
            {"do": "tag", "chosen": first, "with_tag": " "},
        ):
            assert (await browser.post(here, **fields)).status_code == 422
    async with office.db.read() as tx:
        assert (await tx.get_one(Conversation, assistant)).spam_at is not None
        assert (await tx.get_one(Conversation, theirs)).spam_at is None


async def test_spam_blocks_and_lifting_it(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await office.agent("else@example.com", office.other)
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        assert (await browser.post(f"{base}/spam", block_visitor="yes")).status_code == 303
        assert "This is no spam" in (await browser.get(base)).text
        assert conversation in (await browser.get("/console/blocked")).text
        async with office.db.read() as tx:
            [block] = await tx.scalars(select(Block.id))
        async with office.at_work("else@example.com") as other:
            assert conversation not in (await other.get("/console/blocked")).text
            assert (await other.post(f"/console/blocked/{block}/lift")).status_code == 404
        assert (await browser.post(f"/console/blocked/{block}/lift")).status_code == 303
        assert (await browser.part(f"{base}/spam")).status_code == 204
        assert (await browser.part(f"{base}/not-spam")).status_code == 204
    assert await office.count(Block) == 0


async def test_a_mention_is_found_in_the_inbox_until_it_is_seen(office: Office) -> None:
    await office.agent("mara@example.com", office.site, name="Mara Lindt")
    await office.agent("ben@example.com", office.site, name="Ben Okafor")
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as mara, office.at_work("ben@example.com") as ben:
        await ben.get(base)
        assert (
            await ben.part(f"{base}/say", text="@Mara please", kind="note", client_id="n1")
        ).status_code == 204
        assert (
            await ben.part(f"{base}/say", text="@Mara please", kind="note", client_id="n1")
        ).status_code == 204
        inbox = (await mara.get("/console/inbox?view=mentions")).text
        assert 'tag note">mentions you' in inbox
        assert 'data-mentions="1"' in inbox
        page = (await mara.get(base)).text
        assert "Mark as read" in page
        assert await office.count(Mention) == 1
        assert (await mara.post(f"{base}/seen")).status_code == 303
        assert 'tag note">mentions you' not in (await mara.get("/console/inbox?view=mentions")).text
        assert "Mark as read" not in (await mara.get(base)).text


async def test_a_wrong_answer_becomes_an_entry(office: Office) -> None:
    await office.agent("ann@example.com", office.site)
    await office.agent("mara@example.com", office.site, "editor")
    conversation = await office.conversation(office.site, "How long can I return boots?")
    base = f"/console/conversations/{conversation}"
    async with office.db.write() as tx:
        question = await tx.scalar(select(Message.id))
        handle = await office.deps.conversations.begin_answer(tx, reply_to=question or "")
        await office.deps.conversations.append_sentence(tx, handle, AnswerPart("Ten days.", ()))
        await office.deps.conversations.finish_answer(tx, handle, AnswerEnd("reply"))
    async with office.at_work("ann@example.com") as browser:
        await browser.get(base)
        assert (
            await browser.post(f"{base}/wrong", message=handle.message_id, right="30 days.")
        ).status_code == 303
        assert "Marked as wrong. Right is:" in (await browser.get(base)).text
        assert (await browser.get("/console/gaps")).status_code == 403
    async with office.db.read() as tx:
        [gap] = await tx.scalars(select(Correction.id))
    async with office.at_work("mara@example.com") as browser:
        assert "30 days." in (await browser.get("/console/gaps")).text
        draft = await browser.get(f"/console/gaps/{gap}")
        assert draft.status_code == 200, draft.text
        assert "Draft of a new entry" in draft.text
        assert 'value="How long can I return boots?"' in draft.text
        refused = await browser.post(f"/console/gaps/{gap}", question="", answer="30 days.")
        assert refused.status_code == 422
        saved = await browser.post(f"/console/gaps/{gap}", question="Returning boots?", answer="30 days.")
        assert saved.status_code == 303
        async with office.db.read() as tx:
            row = await tx.get_one(Correction, gap)
            assert (await tx.get_one(Source, row.closed_as or "")).kind == "faq"
        assert (await browser.post(f"/console/gaps/{gap}", question="x", answer="y")).status_code == 409
        assert "Nothing is open" in (await browser.get("/console/gaps")).text
        assert (await browser.get("/console/gaps/cor_gone")).status_code == 404


class Nearest:
    """A search that finds one passage of a document."""

    def __init__(self, document: str) -> None:
        self.passage = Passage(
            "chk_1", document, "doc_1", "ver_1", "Boots", None, (), "text", None, "Ten days.", 0, 9, None, 0.9
        )

    async def search(self, site_id: str, query: str, **_: Any) -> SearchResult:
        """Always the same."""
        return SearchResult((self.passage,), 0.9)


async def test_a_near_entry_is_changed_and_what_changes_is_shown(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site, "editor")
    stored = await office.deps.faq.create(office.site.id, FaqEntry("Returning boots?", "Within ten days."))
    document = await put_file(office, office.site, "x.jsonl", "Returning boots?")
    async with office.db.write() as tx:
        await tx.execute(update(Document).where(Document.source_id == document).values(source_id=stored.id))
        external = await tx.scalar(select(Document.external_id).where(Document.source_id == stored.id))
    object.__setattr__(office.deps, "searcher", Nearest(external or ""))  # the routes hold this very object
    conversation = await office.conversation(office.site, "How long can I return boots?")
    async with office.db.write() as tx:
        row = await tx.get_one(Conversation, conversation)
        question = await tx.scalar(select(Message.id).where(Message.conversation_id == conversation))
        handle = await office.deps.conversations.begin_answer(tx, reply_to=question or "")
        await office.deps.conversations.append_sentence(tx, handle, AnswerPart("Ten days.", ()))
        await office.deps.conversations.finish_answer(tx, handle, AnswerEnd("reply"))
        gap = await correct_answer(tx, row, mara, handle.message_id, "Within 30 days.", office.clock())
    async with office.at_work("mara@example.com") as browser:
        draft = (await browser.get(f"/console/gaps/{gap}")).text
        assert "Draft of a change" in draft
        assert "<del>ten</del>" in draft
        assert "<ins>30</ins>" in draft
        assert "Draft of a new entry" in (await browser.get(f"/console/gaps/{gap}?new=yes")).text
        fields = {"question": "Returning boots?", "answer": "Within 30 days.", "source": stored.id}
        stale = await browser.post(f"/console/gaps/{gap}", **fields, generation="7")
        assert stale.status_code == 409
        assert (await browser.post(f"/console/gaps/{gap}", **fields, generation="1")).status_code == 303
    entry = await office.deps.faq.read(office.site.id, stored.id)
    assert entry.answer == "Within 30 days."


async def test_a_solved_ticket_is_proposed_and_put_aside(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        assert (await browser.part(f"{base}/article")).status_code == 409
        await browser.part(f"{base}/say", text="It is in Graz.", kind="reply", client_id="a1")
        await browser.part(f"{base}/solve")
        assert "Make this an article" in (await browser.get(base)).text
        assert (await browser.part(f"{base}/article")).status_code == 204
        assert "An editor has your answer as a draft." in (await browser.get(base)).text
        async with office.db.read() as tx:
            [gap] = await tx.scalars(select(Correction.id))
        assert "It is in Graz." in (await browser.get(f"/console/gaps/{gap}")).text
        assert (await browser.post(f"/console/gaps/{gap}/aside")).status_code == 303
        assert "Nothing is open" in (await browser.get("/console/gaps")).text
        assert "Make this an article" in (await browser.get(base)).text


async def test_two_tickets_of_one_visitor_are_merged(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    first = await handed_off(office)
    async with office.db.write() as tx:
        visitor = (await tx.get_one(Conversation, first)).visitor_id
        row = await office.deps.conversations.start(tx, site_id=office.site.id, visitor_id=visitor)
        await office.deps.conversations.post_visitor_message(tx, row, client_id="c1", text="And another")
    await office.deps.handoff.hand_off(row.id, "customer_request")
    base = f"/console/conversations/{row.id}"
    into = (await ticket_of(office, first)).id
    async with office.at_work("mara@example.com") as browser:
        assert "#1 Where is my parcel?" in (await browser.get(base)).text
        assert (await browser.part(f"{base}/merge", into="")).status_code == 409
        assert (await browser.part(f"{base}/merge", into="tkt_gone")).status_code == 404
        assert (await browser.part(f"{base}/merge", into=into)).status_code == 204
        assert "Goes on in #1" in (await browser.get(base)).text
    assert (await ticket_of(office, row.id)).merged_into == into


async def test_what_solved_a_ticket_is_written_into_the_page_that_is_near(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "editor")
    text = "# Boots\n\n## Returning boots\n\nTen days.\n\n## Care\n\nWax them.\n"
    assert isinstance(office.deps.sources, Sources)
    stored = await office.deps.sources.store(
        site_id=office.site.id, path="boots.md", data=text.replace("\n", "\r\n").encode()
    )
    document = await put_file(office, office.site, "x.md", "Boots")
    async with office.db.write() as tx:
        await tx.execute(update(Document).where(Document.source_id == document).values(source_id=stored.id))
        external = await tx.scalar(select(Document.external_id).where(Document.source_id == stored.id))
    near = Nearest(external or "")
    near.passage = replace(near.passage, heading_path=("Boots", "Returning boots"))
    object.__setattr__(office.deps, "searcher", near)  # the routes hold this very object
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        await browser.part(f"{base}/say", text="In Graz, at the post office.", kind="reply", client_id="a1")
        await browser.part(f"{base}/solve")
        assert (await browser.part(f"{base}/article")).status_code == 204
        async with office.db.read() as tx:
            [gap] = await tx.scalars(select(Correction.id))
        draft = (await browser.get(f"/console/gaps/{gap}")).text
        assert "Draft of a change" in draft
        added = re.findall(r'<li class="added">.*?<span class="words">(.*?)</span></li>', draft)
        assert "In Graz, at the post office." in added
        assert '<li class="removed">' not in draft
        [written] = re.findall(r"<textarea[^>]*>\n(.*?)</textarea>", draft, re.DOTALL)
        head, section = unescape(written).split("Ten days.")
        assert head == "# Boots\n\n## Returning boots\n\n"
        assert re.fullmatch(r"\n\n### .+\n\nIn Graz, at the post office.\n\n## Care\n\nWax them.\n", section)
        assert "Draft of a new entry" in (await browser.get(f"/console/gaps/{gap}?new=yes")).text
        fields = {"source": stored.id, "question": "x", "answer": unescape(written).replace("\n", "\r\n")}
        assert (await browser.post(f"/console/gaps/{gap}", **fields, generation="7")).status_code == 409
        empty = await browser.post(f"/console/gaps/{gap}", **fields | {"answer": " "}, generation="1")
        assert empty.status_code == 422
        approved = await browser.post(f"/console/gaps/{gap}", **fields, generation="1")
        assert approved.headers["location"] == f"/console/docs/{stored.id}"
    page = await office.deps.pages.read(office.site.id, stored.id)
    assert page is not None
    assert (page.text, page.generation) == (unescape(written), 2)


@pytest.mark.parametrize("path", ["boots.pdf", "boots.csv"])
async def test_what_is_no_text_is_not_changed_but_named(office: Office, path: str) -> None:
    """A file that only its own program can write."""
    await office.agent("mara@example.com", office.site, "editor")
    await put_file(office, office.site, path, "Boots")
    async with office.db.read() as tx:
        external = await tx.scalar(select(Document.external_id))
    object.__setattr__(office.deps, "searcher", Nearest(external or ""))  # the routes hold this very object
    conversation = await handed_off(office)
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        await browser.part(f"{base}/say", text="In Graz.", kind="reply", client_id="a1")
        await browser.part(f"{base}/solve")
        await browser.part(f"{base}/article")
        async with office.db.read() as tx:
            [gap] = await tx.scalars(select(Correction.id))
        draft = (await browser.get(f"/console/gaps/{gap}")).text
        assert "Draft of a new entry" in draft
        assert "The nearest document:" in draft
