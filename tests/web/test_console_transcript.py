"""A long conversation: its end is shown, what came before is one press away, and a page is sent only what it does not have."""

import re

from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import PART, Browser, Office

from minidesk.db.models import Conversation, Correction, Message, new_id
from minidesk.web.console.talk_entries import BEFORE, MESSAGES_SHOWN

office = test_console.office
SAID = 130


async def long_talk(office: Office) -> tuple[str, list[str]]:
    """A conversation with a ticket about its second message, and the ids of its messages in order."""
    conversation = await office.conversation(office.site, "Is the tent waterproof? Order 10492 is late")
    await office.deps.handoff.hand_off(conversation, "customer_request")
    async with office.db.write() as tx:
        row = await tx.get_one(Conversation, conversation)
        for n in range(row.last_seq + 1, SAID + 1):
            await office.deps.conversations.post_visitor_message(
                tx, row, client_id=f"n{n}", text=f"Line number {n}."
            )
    async with office.db.read() as tx:
        ids = await tx.scalars(
            select(Message.id).where(Message.conversation_id == conversation).order_by(Message.seq)
        )
        return conversation, list(ids)


def shown(page: str) -> list[str]:
    """The messages of a page or part, by id."""
    return re.findall(r'<li id="m-(msg_\w+)"', page)


async def again(browser: Browser, path: str, page: str) -> str:
    """The part as the browser asks for it that has `page`."""
    versions = ".".join(re.findall(r'<li id="m-msg_\w+"[^>]* data-v="(\w+)"', page))
    answer = await browser.client.get(path, headers={**PART, "Minidesk-Known": versions})
    assert answer.status_code == 200
    return answer.text


async def test_the_end_is_shown_and_links_reach_what_was_said_before(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    conversation, ids = await long_talk(office)
    path = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        page = (await browser.get(path)).text
        assert shown(page) == ids[-MESSAGES_SHOWN:]
        # The words of the summary stand in the first message: their link leads to a page that has it.
        assert f'href="{path}?message={ids[0]}#m-{ids[0]}"' in page
        found = (await browser.get(f"{path}?message={ids[0]}")).text
        assert shown(found) == ids
        assert f'href="#m-{ids[0]}"' in found
        hit = (await browser.get(f"{path}?q=number&hit={ids[20]}")).text
        assert shown(hit) == ids[20 - BEFORE :]
        assert f'id="m-{ids[20]}" class="entry visitor hit"' in hit
        # By the link alone, fifty by fifty, to the beginning.
        reached = [page]
        while link := re.search(r'data-earlier href="([^"#]+)#m-(\w+)"', reached[-1]):
            assert link[2] == shown(reached[-1])[0]
            reached.append((await browser.get(link[1])).text)
        assert [len(shown(each)) for each in reached] == [50, 100, SAID]
        assert shown(reached[-1]) == ids
        for wrong in ("from=0", "from=x", "from=99999", "message=msg_of_another", "message=a%00b", "from=-3"):
            assert shown((await browser.get(f"{path}?{wrong}")).text)[-1] == ids[-1], wrong


async def test_a_page_is_sent_only_what_it_does_not_have(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    conversation, ids = await long_talk(office)
    path = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        page = (await browser.get(path)).text
        first = re.search(r'data-first="(\d+)"', page)
        assert first is not None
        part = f"{path}/messages?from={first[1]}"
        async with office.db.write() as tx:
            row = await tx.get_one(Conversation, conversation)
            # The same words as before are another message all the same.
            posted = await office.deps.conversations.post_visitor_message(
                tx, row, client_id="new", text=f"Line number {SAID}."
            )
            (await tx.get_one(Message, ids[-2])).text = "Edited line."
            tx.add(
                Correction(
                    id=new_id("cor"), site_id=office.site.id, conversation_id=conversation, kind="wrong",
                    message_id=ids[-3], question="?", given="", right="This is right.", created_at=office.clock(),
                )
            )  # fmt: skip
        for address in (part, f"{path}/live?from={first[1]}"):
            fresh = await again(browser, address, page)
            # The window does not move under what is read: it grows.
            assert shown(fresh) == [*ids[-MESSAGES_SHOWN:], posted.message.id]
            full = re.findall(r'<li id="m-(msg_\w+)" class', fresh)
            assert full == [ids[-3], ids[-2], posted.message.id]
            assert fresh.count("data-same") == MESSAGES_SHOWN - 2
            for said in ("This is right.", "Edited line.", f"Line number {SAID}."):
                assert said in fresh
        assert "ticket" not in await again(browser, part, page)
        whole = (await browser.get(part)).text  # who has nothing is sent everything
        assert "data-same" not in whole
        earlier = await again(browser, f"{path}/messages?from=1", whole)
        assert (len(shown(earlier)), earlier.count("data-same")) == (SAID + 1, MESSAGES_SHOWN + 1)
    async with office.browser() as stranger:
        assert (await stranger.client.get(part, headers=PART)).status_code == 401
    await office.agent("else@example.com", office.other, "admin")
    async with office.at_work("else@example.com") as other:
        assert (await other.get(part)).status_code == 404
