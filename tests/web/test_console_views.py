"""Who waits longest, and the searches that an agent saves: over HTTP, as a page without scripts sends it."""

import asyncio
import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import delete, select, update
from tests.rows import add_team
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Browser, Office

from minidesk.accounts import grant
from minidesk.conversations import AnswerEnd, AnswerPart
from minidesk.db.models import Agent, Conversation, Message, SavedSearch, Site, Tag, Team, Ticket, TicketTag
from minidesk.tickets import snooze

office = test_console.office
SEARCHES = "/console/searches"


async def handed_off(office: Office, words: str) -> str:
    """A conversation that waits for a person, a minute after the one before."""
    office.clock.advance(minutes=1)
    conversation = await office.conversation(office.site, words)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    return conversation


async def say(office: Office, conversation: str, client_id: str) -> None:
    """The visitor writes once more, a minute later."""
    office.clock.advance(minutes=1)
    async with office.db.write() as tx:
        row = await tx.get_one(Conversation, conversation)
        posted = await office.deps.conversations.post_visitor_message(
            tx, row, client_id=client_id, text="And?"
        )
        await office.deps.tickets.visitor_wrote(tx, posted.message, conversation)


async def rows(browser: Browser, **asked: str) -> list[str]:
    """The conversations of the view, in order; the tab's number is how many they are."""
    page = (await browser.get("/console/inbox", params={"view": "waiting", **asked})).text
    found = re.findall(r'<li id="row-(\w+)"', page)
    found = [] if found == ["none"] else found
    count = re.search(r'view=waiting[^>]*aria-current="page">Waiting longest(?: <b>(\d+)</b>)?', page)
    assert count is not None
    assert int(count.group(1) or 0) == len(found)
    return found


async def test_who_waits_longest_stands_first_whatever_the_priority(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    old = await handed_off(office, "The first")
    urgent = await handed_off(office, "The urgent one")
    later = await handed_off(office, "The third")
    alone = await office.conversation(office.site, "Only the assistant")
    async with office.at_work("mara@example.com") as browser:
        await browser.get(f"/console/conversations/{urgent}")
        assert (
            await browser.part(f"/console/conversations/{urgent}/ticket", priority="urgent")
        ).status_code == 204
        assert await rows(browser) == [old, urgent, later]
        assert alone not in await rows(browser)
        # Answered: nobody waits, whether or not the ticket is still open.
        answer = {"text": "It left today.", "kind": "reply", "client_id": "a1"}
        assert (await browser.part(f"/console/conversations/{old}/say", **answer)).status_code == 204
        assert await rows(browser) == [urgent, later]
        # A note is no answer.
        note = {"text": "Who knows?", "kind": "note", "client_id": "a2"}
        assert (await browser.part(f"/console/conversations/{urgent}/say", **note)).status_code == 204
        assert await rows(browser) == [urgent, later]
        # From what was not answered on, not from the last word.
        await say(office, old, "c2")
        fourth = await handed_off(office, "The fourth")
        await say(office, old, "c3")
        assert await rows(browser) == [urgent, later, old, fourth]
        # Who has it does not matter, as long as it is a person.
        assert (await browser.part(f"/console/conversations/{later}/take-over")).status_code == 204
        assert await rows(browser) == [urgent, later, old, fourth]
        assert (await browser.part(f"/console/conversations/{later}/hand-back")).status_code == 204
        assert await rows(browser) == [urgent, old, fourth]
        await browser.part(f"/console/conversations/{urgent}/tag", tag="Refund")
        assert await rows(browser, tag="refund") == [urgent]


@pytest.mark.parametrize("way", ["pending", "snoozed", "spam", "solved", "closed"])
async def test_what_waits_for_nobody_is_not_there(office: Office, way: str) -> None:
    mara = await office.agent("mara@example.com", office.site)
    gone, stays = await handed_off(office, "One"), await handed_off(office, "Two")
    async with office.db.write() as tx:
        ticket = (await tx.scalars(select(Ticket).where(Ticket.conversation_id == gone))).one()
        if way == "snoozed":
            await snooze(tx, office.deps.tickets, ticket.id, mara, office.clock() + timedelta(days=1))
        elif way == "spam":
            await tx.execute(
                update(Conversation).where(Conversation.id == gone).values(spam_at=office.clock())
            )
        else:
            await office.deps.tickets.set_status(tx, ticket.id, way)  # type: ignore[arg-type]
    async with office.at_work("mara@example.com") as browser:
        assert await rows(browser) == [stays]


async def test_what_the_assistant_answered_is_waited_for_from_the_handoff_on(office: Office) -> None:
    """The visitor asked long ago and was answered: they wait since they asked for a person."""
    await office.agent("mara@example.com", office.site)
    early = await office.conversation(office.site, "How long can I return it?")
    async with office.db.write() as tx:
        question = await tx.scalar(select(Message.id).where(Message.conversation_id == early))
        handle = await office.deps.conversations.begin_answer(tx, reply_to=question or "")
        await office.deps.conversations.append_sentence(tx, handle, AnswerPart("30 days.", ()))
        await office.deps.conversations.finish_answer(tx, handle, AnswerEnd("reply"))
    before = await handed_off(office, "Where is it?")
    office.clock.advance(minutes=1)
    await office.deps.handoff.hand_off(early, "customer_request")
    async with office.at_work("mara@example.com") as browser:
        assert await rows(browser) == [before, early]


async def test_a_word_of_thanks_before_it_was_solved_is_no_waiting(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    back = await handed_off(office, "Where is it?")
    base = f"/console/conversations/{back}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        assert (await browser.part(f"{base}/say", text="Here.", kind="reply", client_id="a1")).is_success
        await say(office, back, "thanks")
        assert await rows(browser) == [back]
        assert (await browser.part(f"{base}/solve")).status_code == 204
        assert await rows(browser) == []
        other = await handed_off(office, "Another")
        office.clock.advance(hours=1)
        await say(office, back, "again")
        await office.deps.handoff.hand_off(back, "customer_request")
        assert await rows(browser) == [other, back]


async def kept(browser: Browser, name: str, **asked: str) -> str:
    """Save a search by its page's form; its address."""
    page = await browser.get("/console/search", params=asked)
    form = re.search(rf'<form method="post" action="{SEARCHES}".*?</form>', page.text, re.DOTALL)
    assert form is not None
    fields = {n: unescape(v) for n, v in re.findall(r'name="(\w+)" value="([^"]*)"', form.group())}
    answer = await browser.post(SEARCHES, **(fields | {"name": name}))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_search_is_saved_opened_renamed_and_removed(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    team = await add_team(office.db, office.clock, office.site.id, "Returns")
    boots, tent = await handed_off(office, "My boots & laces"), await handed_off(office, "My tent")
    async with office.at_work("mara@example.com") as browser:
        for conversation in (boots, tent):
            await browser.get(f"/console/conversations/{conversation}")
            await browser.part(f"/console/conversations/{conversation}/ticket", team=team.id)
        start = (await browser.get("/console/search")).text
        assert "Save this search" not in start
        here = await kept(browser, " Boots  <b> ", q="boots  &", status="open", team=team.id)
        page = (await browser.get(here)).text
        assert "<h1>Boots &lt;b&gt;</h1>" in page
        assert boots in page
        assert tent not in page
        assert f'<option value="{team.id}" selected>' in page
        assert 'name="q" maxlength="200" value="boots &amp;"' in page
        inbox = (await browser.get("/console/inbox?view=open")).text
        assert f'<a href="{here}">Boots &lt;b&gt;</a>' in inbox
        live = (await browser.get("/console/inbox/list?view=mine")).text
        assert f'<a href="{here}">Boots &lt;b&gt;</a>' in live
        assert f'<a href="{here}" aria-current="page">' in page
        assert (await browser.post(here, name="Shoes")).headers["location"] == here
        assert f'<a href="{here}">Shoes</a>' in (await browser.get("/console/inbox")).text
        gone = await browser.post(f"{here}/delete")
        query = parse_qs(urlsplit(gone.headers["location"]).query)
        assert query == {"q": ["boots &"], "status": ["open"], "team": [team.id]}
        assert boots in (await browser.get(gone.headers["location"])).text
        assert "Shoes" not in (await browser.get("/console/inbox")).text
        assert (await browser.get(here)).status_code == 404
    assert await office.count(SavedSearch) == 0


async def test_a_saved_search_is_its_agents_in_its_site(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    await office.agent("ben@example.com", office.site, "admin")
    await office.agent("eve@example.com", office.other, "admin")
    async with office.at_work("mara@example.com") as browser:
        here = await kept(browser, "Mine alone", q="parcel")
    for other in ("ben@example.com", "eve@example.com"):
        async with office.at_work(other) as browser:
            assert "Mine alone" not in (await browser.get("/console/inbox")).text
            assert "Mine alone" not in (await browser.get("/console/search")).text
            assert (await browser.get(here)).status_code == 404
            assert (await browser.post(here, name="Theirs")).status_code == 404
            assert (await browser.post(f"{here}/delete")).status_code == 404
    # Nor in another site of the same agent.
    async with office.db.write() as tx:
        await grant(tx, office.deps.sessions, agent_id=mara, site_id=office.other.id, role="agent")
    async with office.at_work("mara@example.com") as browser:
        for site, status in ((office.other, 404), (office.site, 200)):
            assert (await browser.post("/console/site", site=site.id)).status_code == 303
            assert (await browser.get(here)).status_code == status
            assert ("Mine alone" in (await browser.get("/console/inbox")).text) == (status == 200)
        forged = await browser.client.post(f"{here}/delete", data={"csrf": "x"})
        assert forged.status_code == 403
    async with office.browser() as nobody:
        assert (await nobody.get(here)).status_code == 303
    assert await office.count(SavedSearch) == 1


async def test_what_cannot_be_saved_is_said(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        await kept(browser, "Parcels", q="parcel")
        for name, status, words in (
            ("", 422, "Give the search a name of 1 to 60 characters."),
            ("x" * 61, 422, "Give the search a name of 1 to 60 characters."),
            ("pARCELS", 409, "You have a search “pARCELS” already. Choose another name."),
        ):
            refused = await browser.post(SEARCHES, name=name, q="boots")
            assert refused.status_code == status
            assert words in refused.text
            assert '<input type="hidden" name="q" value="boots">' in refused.text
            assert f'name="name" required maxlength="60" value="{name}"' in refused.text
        for fields in ({}, {"q": " "}, {"team": "tem_none"}, {"status": "huge"}, {"tag": "\0"}):
            empty = await browser.post(SEARCHES, name="All", **fields)
            assert (empty.status_code, "Search for something first" in empty.text) == (422, True), fields
        for n in range(19):
            await kept(browser, f"Search {n}", q="parcel")
        many = await browser.post(SEARCHES, name="One more", q="parcel")
        assert (many.status_code, "You can save up to 20 searches." in many.text) == (422, True)
        german = await browser.client.post(
            SEARCHES, data={"csrf": browser.csrf, "name": "One more", "q": "parcel"},
            headers={"Origin": browser.base, "Accept-Language": "de"},
        )  # fmt: skip
        assert "Mehr Suchen können Sie nicht speichern." in german.text
        here = re.findall(rf'href="({SEARCHES}/\w+)"', (await browser.get("/console/inbox")).text)[0]
        taken = await browser.post(here, name="search 3")
        assert (taken.status_code, "You have a search" in taken.text) == (409, True)
    assert await office.count(SavedSearch) == 20


async def test_two_windows_do_not_save_one_name_twice(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        saved = (browser.post(SEARCHES, name="Parcels", q="parcel") for _ in range(4))
        assert sorted([answer.status_code for answer in await asyncio.gather(*saved)]) == [303, 409, 409, 409]


async def test_a_filter_that_is_gone_is_left_out_with_a_word(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    ben = await office.agent("ben@example.com", office.site, name="Ben Okafor")
    team = await add_team(office.db, office.clock, office.site.id, "Returns")
    conversation = await handed_off(office, "My boots")
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        await browser.part(f"{base}/tag", tag="Refund")
        await browser.part(f"{base}/ticket", team=team.id)
        here = await kept(browser, "All of it", q="boots", team=team.id, assignee=ben, tag="refund")
        assert "No longer there" not in (await browser.get(here)).text
        async with office.db.write() as tx:
            await tx.execute(delete(TicketTag))
            await tx.execute(delete(Tag))
            await tx.execute(update(Ticket).values(team_id=None))
            await tx.execute(delete(Team).where(Team.id == team.id))
            await tx.execute(delete(Agent).where(Agent.id == ben))
        page = (await browser.get(here)).text
        assert "No longer there, so left out: Team, Assigned to, Tag." in page
        assert conversation in page
        only = await browser.get("/console/search", params={"q": "boots", "team": team.id})
        assert conversation not in only.text


async def test_older_results_of_a_saved_search_are_its_own(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    for n in range(31):
        office.clock.advance(seconds=1)
        await office.conversation(office.site, f"parcel {n}")
    async with office.at_work("mara@example.com") as browser:
        here = await kept(browser, "Parcels", q="parcel")
        page = (await browser.get(here)).text
        [older] = [unescape(href) for href in re.findall(rf'href="({here}\?after=[^"]*)"', page)]
        rest = (await browser.get(older)).text
        assert len(re.findall(r"data-row", rest)) == 1
        assert "<h1>Parcels</h1>" in rest


async def test_odd_names_and_words_are_shown_as_text(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    async with office.at_work("mara@example.com") as browser:
        for n, payload in enumerate(PAYLOADS):
            saved = await browser.post(SEARCHES, name=f"{n}{payload}"[:60], q=payload, tag=payload)
            assert saved.status_code == 303, payload
            for path in (saved.headers["location"], "/console/inbox"):
                page = await browser.get(path)
                assert page.status_code == 200
                assert "<" not in payload or payload not in page.text
        for odd in ("\0", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "%", "x" * 5000):
            answer = await browser.post(SEARCHES, name="Odd " + odd[:3], q=odd)
            assert answer.status_code in (303, 422), odd
        assert (await browser.get(f"{SEARCHES}/%00")).status_code == 404
        assert (await browser.post(f"{SEARCHES}/%00/delete")).status_code == 404


async def test_who_goes_takes_their_searches_along(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    await office.agent("eve@example.com", office.other)
    for email in ("mara@example.com", "eve@example.com"):
        async with office.at_work(email) as browser:
            await kept(browser, "Parcels", q="parcel")
    async with office.db.write() as tx:
        await tx.execute(delete(Agent).where(Agent.id == mara))
    assert await office.count(SavedSearch) == 1
    async with office.db.write() as tx:
        await tx.execute(delete(Site).where(Site.id == office.other.id))
    assert await office.count(SavedSearch) == 0
