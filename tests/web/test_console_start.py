"""The Start page and its neighbours, step by step over HTTP: what they show, who may do what, and what is refused."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select
from tests.helpers.serving import serving
from tests.knowledge.test_crawl import Web, page
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Office, dangers

from minidesk.db.models import (
    Chunk,
    Citation,
    Document,
    DocumentVersion,
    FirstSteps,
    Job,
    Message,
    Overlap,
    Site,
    Source,
    WidgetSighting,
    new_id,
)
from minidesk.insight.first_steps import QUEUE
from minidesk.knowledge.crawls import Crawls
from minidesk.knowledge.installed import InstallCheck
from minidesk.outbound import Allowed, Outbound
from minidesk.sites import note_sighting, origin_of

office = test_console.office


@pytest.fixture
async def web(office: Office) -> AsyncIterator[Web]:
    """A website on 127.0.0.1 that the office may read."""
    web = Web()
    async with serving(web, lifespan="off", server_header=False, date_header=False) as web.base:
        allow = web.base.removeprefix("http://")
        deps = office.deps
        check = InstallCheck(Outbound(allow), deps.settings)
        # The routes hold `deps`; it is frozen for everybody but a test that has to allow an address.
        object.__setattr__(deps, "install_check", check)
        object.__setattr__(deps, "crawls", Crawls(deps.db, deps.jobs, deps.hub, deps.clock, Allowed(allow)))
        yield web
        await check.close()


async def steps(office: Office) -> FirstSteps | None:
    """The row."""
    async with office.db.read() as tx:
        return await tx.get(FirstSteps, office.site.id)


async def test_an_address_is_read_and_the_page_survives_a_reload(office: Office, web: Web) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    async with office.at_work("editor@example.com") as browser:
        first = await browser.get("/console/start")
        assert "Paste the address" in first.text
        assert 'href="/console/start"' in (await browser.get("/console/inbox")).text
        refused = await browser.post("/console/start/crawl", url="http://10.0.0.1/")
        assert refused.status_code == 422
        assert "This address cannot be read" in refused.text
        assert 'value="http://10.0.0.1/"' in refused.text  # what was typed comes back
        assert await steps(office) is None
        ordered = await browser.post("/console/start/crawl", url=web.base)
        assert (ordered.status_code, ordered.headers["location"]) == (303, "/console/start")
        again = (await browser.get("/console/start")).text
        assert "You can leave this page" in again
        assert "Looking for questions" in again
        assert 'hx-trigger="desk:changed' in again
        async with office.db.read() as tx:
            queues = sorted(await tx.scalars(select(Job.queue)))
        assert queues == sorted(["crawl", QUEUE])


async def test_an_agent_who_may_not_edit_is_kept_out(office: Office, web: Web) -> None:
    await office.agent("agent@example.com", office.site, "agent")
    await office.agent("editor@example.com", office.site, "editor")
    async with office.at_work("agent@example.com") as browser:
        assert 'href="/console/start"' not in (await browser.get("/console/inbox")).text
        for path in ("/console/start", "/console/synonyms"):
            assert (await browser.get(path)).status_code == 403
        for path in ("start/crawl", "start/upload", "start/look", "start/check", "start/done", "synonyms"):
            assert (await browser.post(f"/console/{path}", url=web.base)).status_code == 403
    async with office.at_work("editor@example.com") as browser:
        await browser.get("/console/start")
        assert (await browser.post("/console/start/origins", origin=web.base)).status_code == 403
        wrong = await browser.post("/console/start/done", csrf="wrong")
        assert wrong.status_code == 403
    assert await steps(office) is None
    assert web.asked == []


async def test_the_script_its_origin_and_the_check(office: Office, web: Web) -> None:
    await office.agent("admin@example.com", office.site, "admin")
    tag = f'<script async src="{office.base}/widget.js" data-site="{office.site.key}"></script>'
    async with office.at_work("admin@example.com") as browser:
        await browser.post("/console/start/crawl", url=web.base)
        shown = (await browser.get("/console/start")).text
        assert tag.replace('"', "&#34;").replace("<", "&lt;").replace(">", "&gt;") in shown
        assert f'name="origin" value="{web.base}"' in shown
        assert (
            await browser.post("/console/start/origins", origin="https://a.example/path")
        ).status_code == 422
        assert (await browser.post("/console/start/origins", origin=web.base)).status_code == 303
        async with office.db.read() as tx:
            assert (await tx.get_one(Site, office.site.id)).allowed_origins == [web.base]
        assert f'name="origin" value="{web.base}"' not in (await browser.get("/console/start")).text
        told = {
            page("Home"): "the line is not in it",
            page("Home") + f"<!-- {tag} -->": "the line is not in it",
            page("Home") + tag: "The chat is in this page",
            page("Home") + tag.replace(office.site.key, "pk_other"): "another key",
            page("Home") + tag.replace(office.base, "https://desk.example"): "another address",
        }
        for body, sentence in told.items():
            web.put("/", body)
            assert (await browser.post("/console/start/check", url=web.base)).status_code == 303
            assert sentence in (await browser.get("/console/start")).text
        web.put("/", "gone", status=500)
        await browser.post("/console/start/check", url=web.base)
        assert "not with a page that can be read" in (await browser.get("/console/start")).text
        for forbidden in (
            "http://127.0.0.1:1/",
            "http://169.254.169.254/",
            "file:///etc/passwd",
            "nothing here",
        ):
            assert (await browser.post("/console/start/check", url=forbidden)).status_code == 422
        assert (await browser.post("/console/start/done")).headers["location"] == "/console/inbox"
        assert 'href="/console/start"' not in (await browser.get("/console/inbox")).text
        assert (await browser.get("/console/start")).status_code == 200


async def test_uploads_instead_of_an_address(office: Office) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    async with office.at_work("editor@example.com") as browser:
        await browser.get("/console/start")
        assert (await browser.post("/console/start/upload")).headers["location"] == "/console/docs"
        row = await steps(office)
        assert row is not None
        assert (row.url, row.looking) == (None, True)
        assert (await browser.post("/console/start/look")).status_code == 303


async def test_the_chat_was_seen_where_an_owner_allowed_it(office: Office) -> None:
    shop, clock = "https://shop.example.com", office.clock
    assert origin_of(f"{shop}/cart?x=1") == shop
    for odd in (
        None,
        "",
        "null",
        "about:blank",
        "https://SHOP.example.com/",
        f"{shop}:443/",
        "https://[",
        "x" * 3000,
    ):
        assert origin_of(odd) is None
    for origin in (shop, "https://evil.example", None):
        await note_sighting(office.db, office.site.id, [shop], origin, clock())
    first = clock()
    clock.advance(minutes=30)
    await note_sighting(office.db, office.site.id, [shop], shop, clock())
    clock.advance(minutes=31)
    await note_sighting(office.db, office.site.id, [shop], shop, clock())
    async with office.db.read() as tx:
        (row,) = (await tx.scalars(select(WidgetSighting))).all()
    assert (row.origin, row.first_at, row.last_at) == (shop, first, clock())
    await office.agent("editor@example.com", office.site, "editor")
    async with office.at_work("editor@example.com") as browser:
        assert "The chat was loaded in" in (await browser.get("/console/start")).text


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_questions_and_synonyms_cannot_act(office: Office, payload: str) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    async with office.db.write() as tx:
        tx.add(
            FirstSteps(
                site_id=office.site.id, generation=1, looking=False, looked_at=office.clock(), created_at=office.clock(),
                questions=[{"question": payload, "answer": payload, "document": payload, "title": payload, "url": None}],
            )
        )  # fmt: skip
    async with office.at_work("editor@example.com") as browser:
        for text in (
            (await browser.get("/console/start")).text,
            (await browser.post("/console/synonyms", groups=f"{payload}, x\n{payload}, y")).text,
        ):
            assert dangers(text) == []
            assert "982007569" not in text  # the product: a template that ran


async def test_synonyms_are_saved_or_refused_with_the_line(office: Office) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    async with office.at_work("editor@example.com") as browser:
        assert "One group a line" in (await browser.get("/console/synonyms")).text
        saved = await browser.post("/console/synonyms", groups="Parcel, package\n\nvoucher, gift card")
        assert saved.status_code == 303
        shown = (await browser.get(saved.headers["location"])).text
        assert "Saved: 2 groups." in shown
        assert "parcel, package\nvoucher, gift card" in shown
        refused = await browser.post("/console/synonyms", groups="parcel, box\nparcel, crate")
        assert refused.status_code == 422
        assert "stands in two groups" in refused.text
        assert "parcel, crate" in refused.text  # what was written comes back
        assert "parcel, package" in (await browser.get("/console/synonyms")).text


async def put_document(office: Office, name: str, text: str) -> Document:
    """A document of one passage."""
    now = office.clock()
    source = Source(
        id=new_id("src"), site_id=office.site.id, path=name, sha256="0" * 64, size=1, status="ready",
        created_at=now, updated_at=now,
    )  # fmt: skip
    document = Document(
        id=new_id("doc"), site_id=office.site.id, source_id=source.id, external_id=name, title=name.title(),
        status="ready", current_version_id=new_id("ver"), created_at=now, updated_at=now,
    )  # fmt: skip
    version = DocumentVersion(
        id=document.current_version_id,
        document_id=document.id,
        n=1,
        text=text,
        sha256="0" * 64,
        created_at=now,
    )
    chunk = Chunk(
        id=new_id("chk"), site_id=office.site.id, document_id=document.id, version_id=version.id, ordinal=0,
        kind="text", heading_path=[], text=text, start=0, end=len(text),
    )  # fmt: skip
    async with office.db.write() as tx:
        for row in (source, document, version, chunk):
            tx.add(row)
            await tx.flush()
    return document


async def test_overlaps_stand_side_by_side_and_can_be_put_aside(office: Office) -> None:
    await office.agent("editor@example.com", office.site, "editor")
    await office.agent("agent@example.com", office.site, "agent")
    await office.agent("stranger@example.com", office.other, "editor")
    one, other = [await put_document(office, name, "Text.") for name in ("one.md", "two.md")]
    async with office.db.write() as tx:
        tx.add(
            Overlap(
                id="ovl_1", site_id=office.site.id, pair="p", kind="contradiction", first_id=one.id, second_id=other.id,
                first_text="Open until 18:00 <b>daily</b>.", second_text="Open until 17:00 <b>daily</b>.", why="18 ≠ 17",
                likeness=0.9, found_at=office.clock(),
            )
        )  # fmt: skip
    async with office.at_work("agent@example.com") as browser:
        shown = (await browser.get("/console/overlaps")).text
        assert "<mark>18</mark>" in shown
        assert "<mark>17</mark>" in shown
        assert "&lt;b&gt;" in shown or "&lt;" in shown
        assert "<b>daily</b>" not in shown
        assert "may contradict each other" in shown
        assert (await browser.post("/console/overlaps/ovl_1/ignore")).status_code == 403
    async with office.at_work("stranger@example.com") as browser:
        assert "18" not in (await browser.get("/console/overlaps")).text.partition('id="overlaps"')[2][:2000]
        assert (await browser.post("/console/overlaps/ovl_1/ignore")).status_code == 404
    async with office.at_work("editor@example.com") as browser:
        assert '<span class="tag wait">1</span>' in (await browser.get("/console/docs")).text
        assert (await browser.post("/console/overlaps/ovl_1/ignore")).status_code == 303
        assert "Nothing to mend" in (await browser.get("/console/overlaps")).text
        assert "<mark>18</mark>" in (await browser.get("/console/overlaps?ignored=1")).text
        assert (await browser.post("/console/overlaps/ovl_1/restore")).status_code == 303
        assert "<mark>18</mark>" in (await browser.get("/console/overlaps")).text


async def cite(office: Office, conversation: str, document: Document, chunk: str, quote: str) -> None:
    """The assistant answered the conversation's question from this passage."""
    async with office.db.write() as tx:
        asked = (await tx.scalars(select(Message).where(Message.conversation_id == conversation))).first()
        assert asked is not None
        answer = Message(
            id=new_id("msg"), conversation_id=conversation, seq=asked.seq + 1, author="assistant", reply_to=asked.id,
            text=quote, outcome="reply", created_at=office.clock(),
        )  # fmt: skip
        tx.add(answer)
        await tx.flush()
        tx.add(
            Citation(
                id=new_id("cit"), message_id=answer.id, n=1, chunk_id=chunk, document_id=document.id, version_id="ver_x",
                document=document.external_id, title=document.title, quote=quote, start=0, end=len(quote),
            )
        )  # fmt: skip


async def test_a_passage_shows_what_it_answered_lately(office: Office) -> None:
    await office.agent("agent@example.com", office.site, "agent")
    document = await put_document(office, "one.md", "Boots go back within 30 days. We pay.")
    async with office.db.read() as tx:
        chunk = await tx.scalar(select(Chunk.id).where(Chunk.document_id == document.id))
    for words, cited in (
        ("How long <b>?", str(chunk)),
        ("Who pays?", "chk_of_an_older_version"),
        ("who pays?", "chk_x"),
    ):
        await cite(office, await office.conversation(office.site, words), document, cited, "We pay.")
    await cite(
        office, await office.conversation(office.other, "Another site's?"), document, str(chunk), "We pay."
    )
    await cite(
        office, await office.conversation(office.site, "Lost words?"), document, "chk_gone", "Not there."
    )
    async with office.at_work("agent@example.com") as browser:
        shown = (await browser.get(f"/console/docs/{document.source_id}")).text
    assert "Answered lately" in shown
    assert "How long &lt;b&gt;?" in shown
    assert shown.lower().count("who pays?") == 1  # a new version cut it anew; the words are still there; once
    assert "Another site" not in shown
    assert "Lost words" not in shown
