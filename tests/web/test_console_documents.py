"""The knowledge pages over real HTTP: entries, the life of a document, versions, filters and honest status."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.helpers.documents import zipped
from tests.helpers.serving import serving
from tests.knowledge.test_ingest import WordEmbedder
from tests.rows import add_site
from tests.web.test_console import PART, PAYLOADS, Browser, Office, build

from minidesk.db import Database
from minidesk.db.models import Document, Job, Source
from minidesk.files import FileStore
from minidesk.fulltext import FullText
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue
from minidesk.knowledge.projection import Follower
from minidesk.settings import Settings
from minidesk.web.console import console_router
from minidesk.web.guard import Guard, GuardRules
from minidesk.web.problems import install_error_handlers

EDITOR = "mara@example.com"
ENTRY = {
    "question": "Do you repair zippers?",
    "alternates": "Can you fix a broken zip?\r\n\r\nIs there a workshop?",
    "answer": "Yes. We mend zippers free of charge.",
    "audience": "public",
}


@dataclass
class Reading(Office):
    """An office whose files are read, and whose words can be found."""

    ingest: Ingest | None = None
    jobs: JobQueue | None = None
    follower: Follower | None = None

    async def work(self) -> None:
        """What the server's child and its follower do."""
        assert self.ingest
        assert self.jobs
        assert self.follower
        while job := await self.jobs.claim(self.db, "background", "test"):
            await self.ingest.run(job)
            await self.jobs.finish(self.db, job)
        await self.follower.catch_up()

    async def told(self, words: str) -> list[str]:
        """What a visitor would be told: texts of passages."""
        found = await self.deps.searcher.search(self.site.id, words)
        return [passage.text for passage in found.passages]

    async def source(self, path: str) -> Source:
        """A file's row."""
        async with self.db.read() as tx:
            row = await tx.scalar(select(Source).where(Source.path == path, Source.site_id == self.site.id))
        assert row is not None
        return row

    async def upload(self, browser: Browser, *files: tuple[str, bytes]) -> list[str | None]:
        """Send files as the page's script does; what is wrong with each."""
        headers = {"Origin": self.base, "X-CSRF-Token": browser.csrf, **PART}
        sent = [("files", file) for file in files]
        answer = await browser.client.post("/console/docs/upload", files=sent, headers=headers)
        if len(files) == 1:
            return [None if answer.status_code == 204 else answer.json()["error"]["message"]]
        problems: list[str | None] = answer.json()["problems"]
        return problems


@pytest.fixture
async def office(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Reading]:
    """The console on a real port, with an editor, and with what reads the files beside it."""
    deps = build(db, clock, settings)
    app = FastAPI()
    app.include_router(console_router(deps))
    install_error_handlers(app)
    app.add_middleware(Guard, rules=GuardRules())
    jobs = JobQueue(deps.hub, clock)
    files = FileStore(settings.data_dir / "files")
    ingest = Ingest(db, files, WordEmbedder("model"), jobs, deps.hub, settings, clock)
    fulltext = FullText(settings.data_dir / "fulltext")
    follower = Follower(db, None, fulltext, deps.hub, clock)
    site, other = await add_site(db, clock, "Alpenglow"), await add_site(db, clock, "Other")
    office = Reading(db, clock, deps, app, site, other, ingest=ingest, jobs=jobs, follower=follower)
    await office.agent(EDITOR, office.site, "editor")
    async with serving(app, proxy_headers=False) as office.base:
        yield office
        deps.stopping.set()
    await ingest.close()
    fulltext.close()


async def write_entry(office: Reading, browser: Browser, **changes: str) -> str:
    """Write an entry by the form and let it be read; its page's address."""
    await browser.get("/console/docs/entries/new")
    answer = await browser.post("/console/docs/entries", **{**ENTRY, **changes})
    assert answer.status_code == 303
    await office.work()
    return answer.headers["location"]


def shown_document(page: str) -> str:
    """The public id that the page's forms name."""
    found = re.search(r'name="document" value="([^"]+)"', page)
    assert found
    return unescape(found.group(1))


# ---------------------------------------------------------------- entries


async def test_an_entry_is_written_read_back_and_changed(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser)
        shown = (await browser.get(page)).text
        assert "<h2>Do you repair zippers?</h2>" in shown
        assert "Can you fix a broken zip? · Is there a workshop?" in shown
        assert "Answers visitors." in shown
        assert await office.told("workshop") == [ENTRY["answer"]]
        form = (await browser.get(f"{page}/entry")).text
        assert "Can you fix a broken zip?\nIs there a workshop?</textarea>" in form
        generation = re.search(r'name="generation" value="(\d+)"', form)
        assert generation
        changed = {**ENTRY, "answer": "Yes, for 12 euros.", "generation": generation.group(1)}
        assert (await browser.post(f"{page}/entry", **changed)).status_code == 303
        busy = (await browser.get(page)).text
        assert "A newer text is being read." in busy
        assert "free of charge" in busy
        await office.work()
        assert await office.told("zippers") == ["Yes, for 12 euros."]
        late = await browser.post(
            f"{page}/entry", **{**changed, "answer": "Mine"}
        )  # the form was open all the time
        assert late.status_code == 409
        assert "Mine</textarea>" in late.text  # what was written is not lost
        assert "Somebody changed this entry" in late.text


async def test_an_entry_for_agents_is_shown_to_agents_only(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser, audience="agents")
        assert await office.told("zippers") == []
        assert "For agents only." in (await browser.get(page)).text
        tried = (await browser.post("/console/docs/try", question="Do you repair zippers?")).text
        before, _, internal = tried.partition("<h3>Only for agents</h3>")
        assert ENTRY["answer"] in internal
        assert ENTRY["answer"] not in before
        document = shown_document((await browser.get(page)).text)
        # A form that says neither keeps it inside.
        assert (await browser.post(f"{page}/audience", document=document, audience="all")).status_code == 303
        assert await office.told("zippers") == []
        opened = await browser.post(f"{page}/audience", document=document, audience="public")
        assert opened.headers["location"] == f"/console/docs/open?document={quote(document, safe='')}"
        assert await office.told("zippers") == [ENTRY["answer"]]


async def test_what_is_missing_is_said_beside_what_was_written(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        await browser.get("/console/docs/entries/new")
        refused = await browser.post("/console/docs/entries", **{**ENTRY, "answer": " "})
        assert refused.status_code == 422
        assert "Write the answer." in refused.text
        assert "Do you repair zippers?" in refused.text
        assert refused.text.count("Write the answer.") == 1
    assert await office.count(Source) == 0


# ---------------------------------------------------------------- life


async def test_a_document_is_withdrawn_and_published_by_its_buttons(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser)
        document = shown_document((await browser.get(page)).text)
        assert (await browser.post(f"{page}/unpublish", document=document)).status_code == 303
        assert await office.told("zippers") == []
        await office.work()
        shown = (await browser.get(page)).text
        assert "Unpublished: it answers nobody." in shown
        assert ENTRY["answer"] in shown  # its passages are still there to be read
        listed = (await browser.get("/console/docs?status=unpublished")).text
        assert '<span class="tag status-unpublished">unpublished</span>' in listed
        assert (await browser.post(f"{page}/publish", document=document)).status_code == 303
        await office.work()
        assert await office.told("zippers") == [ENTRY["answer"]]
        assert "No document fits" in (await browser.get("/console/docs?status=unpublished")).text


async def test_dates_are_kept_shown_and_listed(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser)
        document = shown_document((await browser.get(page)).text)
        fields = {"document": document, "last_day": "2026-03-04", "review_day": "2026-03-03"}
        assert (await browser.post(f"{page}/dates", **fields)).status_code == 303
        shown = (await browser.get(page)).text
        assert "Until the end of 2026-03-04." in shown
        assert 'name="review_day" value="2026-03-03"' in shown
        assert "to review" not in (await browser.get("/console/docs")).text
        office.clock.advance(days=1)
        await browser.sign_in(EDITOR)  # the session has ended meanwhile
        listed = (await browser.get("/console/docs")).text
        assert "1 to review" in listed
        assert "repair zippers" in (await browser.get("/console/docs?status=review")).text
        assert await office.told("zippers")
        office.clock.advance(days=2)
        await browser.sign_in(EDITOR)
        assert await office.told("zippers") == []
        assert "Expired: its last day was 2026-03-04." in (await browser.get(page)).text
        assert "repair zippers" in (await browser.get("/console/docs?status=expired")).text
        for wrong in ("tomorrow", "2026-02-30", "9999-12-31"):
            refused = await browser.post(f"{page}/dates", document=document, last_day=wrong)
            assert refused.status_code == 422
        assert (await browser.post(f"{page}/dates", document=document)).status_code == 303
        assert await office.told("zippers")


# ---------------------------------------------------------------- versions


async def test_versions_are_compared_and_brought_back(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        await office.upload(browser, ("returns.md", b"# Returns\n\nSend it back within 30 days.\n"))
        await office.work()
        await office.upload(browser, ("returns.md", b"# Returns\n\nSend it back within 14 days.\n"))
        await office.work()
        page = f"/console/docs/{(await office.source('returns.md')).id}"
        shown = (await browser.get(f"{page}/versions?document=returns.md")).text
        assert "uploaded by Mara Lindt" in shown
        assert "What version 2 changed in version 1" in shown
        assert "<del>30</del>" in shown
        assert "<ins>14</ins>" in shown
        assert '<span class="sr">Removed: </span>' in shown
        assert "One line added, one line removed." in shown
        first = (await browser.get(f"{page}/versions?document=returns.md&n=1")).text
        assert "This is the oldest version that is kept." in first
        back = await browser.post(f"{page}/restore", document="returns.md", n="1")
        assert back.status_code == 303
        assert await office.told("send it back") == ["Send it back within 14 days."]
        await office.work()
        assert await office.told("send it back") == ["Send it back within 30 days."]
        assert (
            "version 1 brought back by Mara Lindt"
            in (await browser.get(f"{page}/versions?document=returns.md")).text
        )
        assert (await browser.post(f"{page}/restore", document="returns.md", n="1")).status_code == 409
        for n in ("x", "", "-1"):
            assert (await browser.post(f"{page}/restore", document="returns.md", n=n)).status_code == 422
        assert (await browser.get(f"{page}/versions?document=other.md")).status_code == 404


async def test_texts_come_out_of_a_comparison_escaped(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        for text in ("\n".join(PAYLOADS), "\n".join(f"so {payload} too" for payload in PAYLOADS)):
            line = json.dumps({"id": "p", "title": PAYLOADS[0], "text": text})
            await office.upload(browser, ("p.jsonl", line.encode()))
            await office.work()
        page = f"/console/docs/{(await office.source('p.jsonl')).id}"
        shown = (await browser.get(f"{page}/versions?document=p")).text
        assert "What version 2 changed" in shown
        for forbidden in ("<script>alert", "<svg/onload", "<img", "onmouseover='alert(3)"):
            assert forbidden not in shown
        assert "{{31337*31337}}" in shown


# ---------------------------------------------------------------- status and filters


async def test_every_document_that_came_in_comes_out_with_its_status(office: Reading) -> None:
    sheet = (
        b"question,answer\n" + b"".join(b"Where is %d?,Here %d.\n" % (n, n) for n in range(7)) + b"Why?,\n"
    )
    lines = b'{"id": "a", "text": "One."}\nno json\n{"id": "a", "text": "Twice."}\n{"id": "b", "text": ""}\n'
    files = (
        ("sheet.csv", sheet),
        ("lines.jsonl", lines),
        ("set.jsonl", b'{"id": "1", "question": "Where?", "relevant": ["a"]}\n'),
        ("pages.zip", zipped([("x.md", b"# X\n\nText."), ("empty.md", b""), ("y.md", b"# Y\n\nText.")])),
        ("broken.pdf", b"%PDF-1.7\n%%EOF"),
        ("run.exe", b"MZ"),
    )
    async with office.at_work(EDITOR) as browser:
        problems = await office.upload(browser, *files)
        assert [problem is None for problem in problems] == [True] * 5 + [False]
        assert await office.count(Job) == 5
        await office.work()
        found = {}
        for name, _ in files[:5]:
            page = (await browser.get(f"/console/docs/{(await office.source(name)).id}")).text
            status = re.search(r'id="source-head".*?class="tag status-(\w+)"', page, re.DOTALL)
            tally = re.search(r"<nav class=\"documents\".*?<h3>(.*?)</h3>", page, re.DOTALL)
            assert status
            found[name] = (status.group(1), tally.group(1) if tally else "", page)
    assert found["sheet.csv"][:2] == ("ready", "8 documents: 7 ready, 1 failed")
    assert "Row 8 has no answer." in found["sheet.csv"][2]
    assert found["lines.jsonl"][:2] == ("ready", "4 documents: 1 ready, 3 failed")
    assert found["set.jsonl"][:2] == ("skipped", "")
    assert "a question set, not knowledge" in found["set.jsonl"][2]
    assert found["pages.zip"][0] == "ready"
    assert found["pages.zip"][1].startswith("3 documents: 2 ready, 1 ")
    assert found["broken.pdf"][0] == "failed"
    assert 'class="reason alarm"' in found["broken.pdf"][2]


async def test_the_list_is_narrowed_by_status_kind_and_words(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        await office.upload(browser, ("good.md", b"# Good\n\nText."), ("bad.pdf", b"%PDF-1.7\n%%EOF"))
        await write_entry(office, browser)

        async def names(query: str) -> set[str]:
            text = (await browser.get(f"/console/docs/list?{query}")).text
            return set(re.findall(r'class="subject">([^<]+)<', text))

        everything = {"good.md", "bad.pdf", ENTRY["question"]}
        assert await names("") == await names("status=nonsense&kind=nonsense&start=x") == everything
        assert await names("status=failed") == {"bad.pdf"}
        assert await names("status=ready") == {"good.md", ENTRY["question"]}
        assert await names("status=ready&kind=file") == {"good.md"}
        assert await names("kind=faq") == {ENTRY["question"]}
        assert await names("q=zippers") == {ENTRY["question"]}
        assert await names("start=3") == set()
        page = (await browser.get("/console/docs?status=failed&kind=file&q=bad")).text
        assert (
            "/console/docs/list?q=bad&amp;status=failed&amp;kind=file" in page
        )  # what live refreshes ask for
        assert '<option value="failed" selected>' in page


async def test_the_part_that_refreshes_is_the_part_of_the_page(office: Reading) -> None:
    """The page asks for it again whenever something changed: both must be drawn the same, or it would flicker."""
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser)
        shown = (await browser.get(page)).text
        part_address = re.search(r'hx-get="(/console/docs/src_[^"]+/part[^"]*)"', shown)
        assert part_address
        part = (await browser.client.get(unescape(part_address.group(1)))).text.strip()
        assert part.startswith('<div class="doc-part" id="source-part">')
        assert re.sub(r"\s+", " ", part) in re.sub(r"\s+", " ", shown)


# ---------------------------------------------------------------- who may


async def test_only_editors_of_the_site_may_change_anything(office: Reading) -> None:
    await office.agent("jonas@example.com", office.site)
    await office.agent("eve@example.com", office.other, "admin")
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser)
        document = shown_document((await browser.get(page)).text)
    actions = ("publish", "unpublish", "dates", "audience", "restore", "entry", "delete", "retry")
    for email, status in (("jonas@example.com", 403), ("eve@example.com", 404)):
        async with office.at_work(email) as browser:
            for action in actions:
                fields = {**ENTRY, "document": document, "n": "1", "generation": "1", "audience": "agents"}
                answer = await browser.post(f"{page}/{action}", **fields)
                assert answer.status_code == status, (email, action)
    async with office.at_work("jonas@example.com") as browser:
        assert (await browser.post("/console/docs/entries", **ENTRY)).status_code == 403
        assert (await browser.get(f"{page}/entry")).status_code == 403
        assert (await browser.get(page)).status_code == 200
        assert (await browser.get(f"{page}/versions", params={"document": document})).status_code == 200
        assert "Go back to this" not in (await browser.get(page)).text
    async with office.at_work("eve@example.com") as browser:
        for path in (page, f"{page}/part", f"{page}/entry", f"{page}/versions?document={quote(document)}"):
            assert (await browser.get(path)).status_code == 404
    async with office.db.read() as tx:
        (row,) = await tx.scalars(select(Document))
    assert (row.status, row.audience, row.expires_at) == ("ready", "public", None)


async def test_no_form_counts_without_its_token(office: Reading) -> None:
    async with office.at_work(EDITOR) as browser:
        page = await write_entry(office, browser)
        document = shown_document((await browser.get(page)).text)
        for action in ("unpublish", "dates", "audience", "restore", "entry"):
            answer = await browser.post(
                f"{page}/{action}", **{**ENTRY, "document": document, "csrf": "wrong"}
            )
            assert answer.status_code == 403, action
        assert (await browser.post("/console/docs/entries", **{**ENTRY, "csrf": "wrong"})).status_code == 403
    assert await office.told("zippers")


async def test_pages_that_the_model_does_not_read_are_named_with_a_model_that_does(office: Reading) -> None:
    german = "Die Fäden ziehen wir nach einer Woche, und Sie dürfen essen, wenn die Betäubung vorbei ist."
    hidden = '<html><body><p>Wir öffnen um neun, und Sie dürfen warten.</p><p style="color:#fff">Geld!</p></body></html>'
    advised = "MINIDESK_EMBEDDING_MODEL to sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
    async with office.at_work(EDITOR) as browser:
        assert advised not in (await browser.get("/console/docs")).text
        files = (("danach.txt", german.encode()), ("garten.html", hidden.encode()))
        assert await office.upload(browser, *files) == [None, None]
        await office.work()
        page = unescape((await browser.get("/console/docs")).text)
        assert "Most of these pages are in German" in page
        assert advised in page
        assert "1 passage that readers cannot see was left out." in page
