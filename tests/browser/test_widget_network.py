"""A message is never lost, and an answer never torn: cut connections, an offline hour, history, and hostile text."""

import itertools
from functools import partial

import pytest
from playwright.async_api import Frame, expect
from sqlalchemy import update

from minidesk.db.models import Citation, Conversation, Message, Visitor
from minidesk.db.models.base import new_id
from tests.browser import embedding as parts
from tests.browser.embedding import Embedding, say, until, watch
from tests.web import conftest as rooms

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

desk, limits, embedding, database_kind = rooms.desk, rooms.limits, parts.embedding, parts.database_kind
voice, ledger = rooms.voice, rooms.ledger

SENTENCES = [
    f"{'' if n == 1 else ' '}Sentence {n} has ünïcode 🥾 and says that boots return in {n} days."
    for n in range(1, 13)
]
# What the reader sees of the last answer, without the citations' numbers.
SHOWN = """() => { const it = [...document.querySelectorAll('.from-desk .prose')].at(-1)?.cloneNode(true);
  it?.querySelectorAll('sup').forEach((sup) => sup.remove()); return it?.textContent ?? ''; }"""


async def shows(frame: Frame, text: str) -> None:
    """Wait until the last answer is exactly this."""
    await frame.wait_for_function(f"(text) => ({SHOWN})() === text", arg=text)


async def asked(embedding: Embedding, words: str) -> str | None:
    """The id of the message with these words."""
    return next((row.id for row in await embedding.messages() if row.text == words), None)


async def followed(embedding: Embedding) -> bool | None:
    """Whether the question went through the stream, or was where it was cut."""
    return (embedding.cutter.passed > 0 or embedding.cutter.after is None) or None


async def test_a_connection_cut_at_every_event(embedding: Embedding) -> None:
    frame = await embedding.chat(await embedding.page())
    whole = "".join(SENTENCES)
    # The question, the answer's start, twelve parts and its end.
    for cut in range(len(SENTENCES) + 3):
        embedding.desk.clock.advance(minutes=1)
        if cut:
            await frame.get_by_role("button", name="More").click()
            await frame.get_by_role("button", name="Start a new conversation").click()
            await expect(frame.locator(".from-visitor")).to_have_count(0)
        embedding.cutter.cut_after(cut)
        await say(frame, f"question {cut}")
        # A stream that begins later than the answer gets its text so far in one: nothing would be left to cut.
        await until(partial(followed, embedding))
        handle = await embedding.desk.begin(await until(partial(asked, embedding, f"question {cut}")))
        for n, sentence in enumerate(SENTENCES, 1):
            await embedding.desk.part(handle, sentence, n)
        await embedding.desk.finish(handle)
        await shows(frame, whole)
        stored = (await embedding.messages(handle.conversation_id))[-1].text
        assert stored == whole
        assert await frame.evaluate(SHOWN) == stored
        await expect(frame.locator(".cite")).to_have_count(len(SENTENCES))
    assert embedding.cutter.cuts == len(SENTENCES) + 3
    assert embedding.complaints == []


async def test_three_messages_written_offline_arrive_once_and_in_order(embedding: Embedding) -> None:
    context = await embedding.context()
    page = await embedding.page(context)
    frame = await embedding.chat(page)
    await say(frame, "before")
    await embedding.last_question()
    await context.set_offline(True)
    await expect(frame.get_by_text("You are offline.", exact=False)).to_be_visible()
    for word in ("first", "second", "third"):
        await say(frame, word)
    # All attempts of its own are used up: the person is told.
    await expect(frame.get_by_text("Not sent").first).to_be_visible()
    assert [row.text for row in await embedding.messages()] == ["before"]
    await context.set_offline(False)
    await expect(frame.locator(".row.own:has(.from-visitor)")).to_have_count(4)
    await expect(frame.locator(".failure")).to_have_count(0)
    await until(lambda: asked(embedding, "third"))
    await expect(frame.get_by_text("Sending", exact=False)).to_have_count(0)
    rows = await embedding.messages()
    assert [row.text for row in rows] == ["before", "first", "second", "third"]
    assert len({row.client_id for row in rows}) == 4


async def test_two_tabs_and_earlier_conversations(embedding: Embedding) -> None:
    context = await embedding.context()
    page = await embedding.page(context)
    frame = await embedding.chat(page)
    await say(frame, "the first matter")
    await embedding.desk.answer(await embedding.last_question(), "You have 30 days.")
    await frame.locator(".follow").wait_for()
    other = await embedding.chat(await embedding.page(context))
    await expect(other.locator(".from-visitor")).to_contain_text("the first matter")
    embedding.desk.clock.advance(hours=1)
    await frame.get_by_role("button", name="More").click()
    await frame.get_by_role("button", name="Start a new conversation").click()
    await say(frame, "the second matter")
    await expect(frame.locator(".from-visitor")).to_contain_text("the second matter")
    await until(lambda: asked(embedding, "the second matter"))
    await frame.get_by_role("button", name="More").click()
    await frame.locator(".history button").first.click()
    await expect(frame.locator(".from-visitor")).to_contain_text("the first matter")
    await expect(frame.get_by_role("dialog")).to_have_count(0)
    await frame.get_by_role("button", name="More").click()
    async with page.expect_download() as downloading:
        await frame.get_by_role("button", name="Download this conversation").click()
    file = await downloading.value
    assert file.suggested_filename == "Shop 2026-03-02.txt"
    text = (await file.path()).read_text()
    assert "You\nthe first matter" in text
    assert "Assistant\nYou have 30 days.\n[1] Returns" in text
    assert embedding.complaints == []


TEMPLATES = (
    "<script>{x}</script>", "<ScRiPt>{x}</sCrIpT>", "<img src=x onerror={x}>", '"><img src=x onerror={x}>', "'><svg onload={x}>", "<svg/onload={x}>",
    "<svg><script>{x}</script></svg>", "<math><mtext><img src=x onerror={x}></mtext></math>", "<iframe src=javascript:{x}></iframe>",
    '<iframe srcdoc="<script>parent.{x}</script>"></iframe>', "<body onload={x}>", "<details open ontoggle={x}>", "<video src=x onerror={x}>",
    "<audio src=x onerror={x}>", "<input autofocus onfocus={x}>", "<select autofocus onfocus={x}>", "<textarea autofocus onfocus={x}>", "<marquee onstart={x}>",
    "<a href=javascript:{x}>a</a>", "[a](javascript:{x})", "[a](JaVaScRiPt:{x})", "[a](java\tscript:{x})", "[a](data:text/html,<script>{x}</script>)", "<javascript:{x}>",
    "![a](https://foreign.test/{n}.png)", "<link rel=stylesheet href=https://foreign.test/{n}.css>", "<style>@import 'https://foreign.test/{n}.css'</style>",
    "<meta http-equiv=refresh content='0;url=https://foreign.test/{n}'>", "<base href=https://foreign.test/>", "<object data=javascript:{x}></object>",
    "<embed src=javascript:{x}>", "<form action=javascript:{x}><button>a</button></form>", "</title><script>{x}</script>", "</textarea><script>{x}</script>",
    "</style><script>{x}</script>", "<!--><script>{x}</script>-->", "<![CDATA[<script>{x}</script>]]>", "&lt;script&gt;{x}&lt;/script&gt;", "\\u003cscript\\u003e{x}\\u003c/script\\u003e",
    "${{{x}}}{{{{{x}}}}}",
)  # fmt: skip
CALLS = (
    "boom({n})",
    "alert({n})",
    "top.boom({n})",
    "window[`boom`]({n})",
    "fetch(`https://foreign.test/{n}`)",
)
PAYLOADS = [
    template.format(x=call.format(n=n), n=n)
    for n, (template, call) in enumerate(itertools.product(TEMPLATES, CALLS))
]


async def test_four_hundred_injections_run_nowhere(embedding: Embedding) -> None:
    """200 payloads, each as a visitor's message and as an answer with its citation's title and quote; the names carry some."""
    assert len(PAYLOADS) == 200
    context = await embedding.context()
    await context.add_init_script("window.boom = (n) => { (window.booms ??= []).push(n); };")
    page = await embedding.page(context)
    frame = await embedding.chat(page)
    await say(frame, PAYLOADS[0])
    await embedding.last_question()
    conversation = await embedding.conversation()
    for start in range(0, len(PAYLOADS), 90):
        await _fill(embedding, conversation, PAYLOADS[start : start + 90], start)
        await page.reload()
        frame = await embedding.frame(page)
        await expect(frame.locator(".chips button").first).to_be_visible()
        await expect(frame.locator(".from-visitor")).not_to_have_count(0)
        await frame.locator(".chips button").last.click()
        await frame.locator("dialog mark").wait_for()
        await page.keyboard.press("Escape")
        plain = await context.new_page()
        watch(plain, embedding.complaints)
        await plain.goto(f"{embedding.desk_url}/widget/{embedding.desk.site.key}/plain")
        token = await frame.evaluate(
            "localStorage.getItem(Object.keys(localStorage).find((k) => k.endsWith(':token')))"
        )
        await plain.evaluate(
            "([token, id]) => { const f = document.forms[0]; f.token.value = token; f.conversation.value = id; }",
            [token, conversation],
        )
        await plain.locator("textarea").fill(PAYLOADS[start])
        await plain.get_by_role("button", name="Send").click()
        await plain.locator("li.visitor").first.wait_for()
        for place in (page, frame, plain):
            assert await place.evaluate("window.booms ?? []") == []
        await plain.close()
    assert embedding.complaints == []


async def _fill(embedding: Embedding, conversation: str, payloads: list[str], start: int) -> None:
    """Straight into the rows: what comes out must not trust what once went in."""
    now = embedding.desk.clock()
    async with embedding.desk.db.write() as tx:
        row = await tx.get_one(Conversation, conversation)
        await tx.execute(update(Visitor).values(name=payloads[0], email=payloads[1][:250]))
        row.page_title = payloads[2][:300]
        for n, payload in enumerate(payloads, start):
            for author in ("visitor", "assistant"):
                row.last_seq += 1
                id = new_id("msg")
                answer = author == "assistant"
                tx.add(
                    Message(
                        id=id,
                        conversation_id=conversation,
                        seq=row.last_seq,
                        author=author,
                        text=payload,
                        state="done",
                        attempt=1,
                        outcome="reply" if answer else None,
                        offer_person=False,
                        choices=[payload] if answer else [],
                        cost_micros=0,
                        created_at=now,
                    )
                )
                await tx.flush()
                if answer:
                    tx.add(
                        Citation(
                            id=new_id("cit"),
                            message_id=id,
                            n=1,
                            chunk_id="chk_0",
                            document_id="doc_0",
                            version_id="ver_0",
                            document=f"{n}",
                            title=payload[:300],
                            url=f"javascript:boom({n})",
                            quote=payload,
                            start=0,
                            end=len(payload),
                            sentences=[[0, len(payload)]],
                        )
                    )
        row.last_event += 1
