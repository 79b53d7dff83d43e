"""Pages and sites of the web become documents, politely, and stay what they were while a site has trouble."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select
from tests.conftest import FakeClock
from tests.helpers.serving import serving
from tests.knowledge.test_ingest import WordEmbedder
from tests.rows import add_site

from minidesk.db import Database
from minidesk.db.models import Crawl, Document, Job, Site, Source
from minidesk.errors import Invalid, NotFound
from minidesk.files import FileStore
from minidesk.ingest import Ingest
from minidesk.jobs import JobQueue
from minidesk.knowledge.crawl import Crawler
from minidesk.knowledge.crawl_visit import GONE, RETIRED
from minidesk.knowledge.crawls import Crawls, CrawlView, Kind, access_crawl, list_crawls, pages_of
from minidesk.knowledge.pages import page_path, without_tracking
from minidesk.knowledge.parse.links import read_links, read_sitemap
from minidesk.knowledge.robots import parse_robots
from minidesk.knowledge.sources import Sources
from minidesk.live import Hub
from minidesk.outbound import Outbound
from minidesk.settings import Settings

HTML = "text/html; charset=utf-8"


def page(title: str, *links: str, head: str = "") -> str:
    """A small page that says one thing."""
    anchors = "".join(f'<a href="{link}">x</a>' for link in links)
    return f"<html><head><title>{title}</title>{head}</head><body><main><h1>{title}</h1><p>All that we say about {title} stands here, in one sentence.</p>{anchors}</main></body></html>"


@dataclass
class Web:
    """A website: answers by path, and everything that was asked."""

    base: str = ""
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    conditional: list[str] = field(default_factory=list)
    silent: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, path: str, body: str | bytes = b"", status: int = 200, **headers: str) -> None:
        """Answer `path` so. A header's name is written with `_`."""
        raw = body.encode() if isinstance(body, str) else body
        names = {name.replace("_", "-"): value for name, value in {"content_type": HTML, **headers}.items()}
        self.answers[path] = (status, names, raw)

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]  # ASGI
        if scope["type"] != "http":
            return
        query = scope["query_string"].decode()
        path = scope["path"] + (f"?{query}" if query else "")
        self.asked.append(path)
        status, headers, body = self.answers.get(path, self.answers.get(scope["path"] + "?*", (404, {}, b"")))
        given = {name.decode(): value.decode() for name, value in scope["headers"]}
        if "if-none-match" in given or "if-modified-since" in given:
            self.conditional.append(path)
        if status == 200 and headers.get("etag") and given.get("if-none-match") == headers["etag"]:
            status, body = 304, b""
        if status == 0:  # says nothing
            await self.silent.wait()
            return
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Room:
    """Everything that a crawl needs."""

    db: Database
    clock: FakeClock
    site: Site
    web: Web
    jobs: JobQueue
    crawls: Crawls
    crawler: Crawler
    sources: Sources
    ingest: Ingest
    slept: list[float]

    async def crawl(self, path: str = "/", kind: Kind = "crawl", **more: object) -> CrawlView:
        """Order it, work everything off, and give how it stands."""
        ordered = await self.crawls.order(site_id=self.site.id, url=self.web.base + path, kind=kind, **more)  # type: ignore[arg-type]  # the caller's
        await self.work()
        async with self.db.read() as tx:
            return await access_crawl(tx, self.site.id, ordered.id)

    async def work(self) -> int:
        """Run every job that is due; how many crawls there were."""
        number = 0
        while job := await self.jobs.claim(self.db, "crawl", "test"):
            await self.crawler.run(job)
            await self.jobs.finish(self.db, job)
            number += 1
        while job := await self.jobs.claim(self.db, "background", "test"):
            await self.ingest.run(job)
            await self.jobs.finish(self.db, job)
        return number

    async def pages(self, crawl: CrawlView) -> dict[str, tuple[str, str | None]]:
        """Status and reason by path on the site."""
        async with self.db.read() as tx:
            found = await pages_of(tx, crawl.id)
        return {one.url.removeprefix(self.web.base): (one.status, one.reason) for one in found}

    async def documents(self) -> dict[str, str | None]:
        """Addresses of the documents that answer, by title."""
        async with self.db.read() as tx:
            rows = await tx.execute(select(Document.title, Document.url).where(Document.status == "ready"))
        return {title: url and url.removeprefix(self.web.base) for title, url in rows.all()}


@pytest.fixture
async def room(db: Database, clock: FakeClock, settings: Settings) -> AsyncIterator[Room]:
    """A website on 127.0.0.1 that the settings allow."""
    web = Web()
    slept: list[float] = []
    now = [0.0]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    async with serving(web, lifespan="off", server_header=False, date_header=False) as web.base:
        settings = settings.model_copy(
            update={
                "outbound_allow": web.base.removeprefix("http://"),
                "page_seconds": 5.0,
                "crawl_pages": 30,
            }
        )
        hub, embedder = Hub(), WordEmbedder()
        jobs, files = JobQueue(hub, clock), FileStore(settings.data_dir / "files")
        outbound = Outbound(settings.outbound_allow)
        sources = Sources(db, files, jobs, hub, settings, clock, embedder.fingerprint)
        ingest = Ingest(db, files, embedder, jobs, hub, settings, clock)
        crawler = Crawler(
            db, sources, jobs, hub, outbound, settings, clock, timer=lambda: now[0], sleep=sleep
        )
        crawls = Crawls(db, jobs, hub, clock, outbound.allowed)
        yield Room(db, clock, await add_site(db, clock), web, jobs, crawls, crawler, sources, ingest, slept)
        web.silent.set()
        await crawler.close()
        await ingest.close()


async def test_one_page_becomes_a_document_with_its_own_address(room: Room) -> None:
    room.web.put(
        "/help/returns.html?lang=en", page("Returns", "/other", head='<link rel="canonical" href="/x">')
    )
    crawl = await room.crawl("/help/returns.html?lang=en#top", "page")
    assert crawl.status == "done"
    assert crawl.log[-1][1] == "1 ready."
    assert await room.documents() == {"Returns": "/help/returns.html?lang=en"}
    assert room.web.asked == ["/robots.txt", "/help/returns.html?lang=en"]


async def test_a_site_is_followed_on_its_own_host_and_each_page_says_what_came_of_it(room: Room) -> None:
    web = room.web
    web.put("/", page("Home", "a", "/b?utm_source=x&id=1", "https://other.example/", "mailto:x@y.example", "/pic.png",
                      "/secret", "/data", "javascript:x", "/login", "/gone", "/hidden", "/a#part", "/err", "http://10.0.0.1/"))  # fmt: skip
    web.put("/a", page("Ants", "/b?id=1", "/"))
    web.put("/b?id=1", page("Bees"))
    web.put("/data", b"\x00\x01", content_type="application/octet-stream")
    web.put("/login", status=401)
    web.put("/hidden", page("Hidden", "/behind", head='<meta name="robots" content="NOINDEX">'))
    web.put("/behind", page("Behind"))
    web.put("/err", status=500)
    web.put("/robots.txt", "User-agent: *\nDisallow: /secret\n", content_type="text/plain")
    crawl = await room.crawl()
    pages = await room.pages(crawl)
    assert {path: status for path, (status, _) in pages.items()} == {
        "/": "ready", "/a": "ready", "/b?id=1": "ready", "/behind": "ready", "/secret": "skipped", "/data": "skipped",
        "/login": "failed", "/gone": "failed", "/hidden": "skipped", "/err": "failed",
    }  # fmt: skip
    assert all(reason for status, reason in pages.values() if status != "ready")
    assert await room.documents() == {"Home": "/", "Ants": "/a", "Bees": "/b?id=1", "Behind": "/behind"}
    assert crawl.log[-1][1] == "4 ready, 3 failed, 3 skipped."
    assert len(web.asked) == len(set(web.asked))
    assert "/secret" not in web.asked


async def test_an_unchanged_site_costs_one_conditional_request_a_page(room: Room) -> None:
    room.web.put("/", page("Home", "/a"), etag='"h1"')
    room.web.put("/a", page("Ants", "/b"), etag='"a1"')
    room.web.put("/b", page("Bees"), last_modified="Mon, 02 Mar 2026 09:00:00 GMT")
    await room.crawl()
    async with room.db.read() as tx:
        before = {source.path: source.generation for source in await tx.scalars(select(Source))}
    room.web.asked.clear()
    room.web.put("/a", page("Apes", "/b"), etag='"a2"')
    crawl = await room.crawl()
    assert room.web.asked == ["/robots.txt", "/", "/a", "/b"]
    assert room.web.conditional == ["/", "/a", "/b"]
    assert crawl.log[-1][1] == "3 ready."
    async with room.db.read() as tx:
        after = {source.path: source.generation for source in await tx.scalars(select(Source))}
    assert [after[path] - before[path] for path in sorted(before)] == [1, 0, 0]  # a, b, index
    assert await room.documents() == {"Home": "/", "Apes": "/a", "Bees": "/b"}


async def test_trouble_keeps_the_last_good_content_and_three_times_gone_ends_it(room: Room) -> None:
    room.web.put("/", page("Home", "/a"))
    room.web.put("/a", page("Ants"), etag='"a"')
    await room.crawl()
    for _ in range(4):  # errors of the site are no sign that the page is gone
        room.web.put("/a", status=503, retry_after="5")
        crawl = await room.crawl()
        assert (await room.pages(crawl))["/a"][0] == "failed"
        assert "Ants" in await room.documents()
    room.web.put("/", page("Home"))  # no link to it any more
    for said in (GONE, GONE, RETIRED, RETIRED):
        room.web.put("/a", status=404)
        crawl = await room.crawl()
        assert (await room.pages(crawl))["/a"][1] == said
        assert ("Ants" in await room.documents()) == (said == GONE)
    room.web.put("/", page("Home", "/a"))
    room.web.put("/a", page("Ants"), etag='"a"')
    await room.crawl()
    assert "Ants" in await room.documents()


async def test_two_visits_that_find_it_gone_and_one_that_does_not_begin_anew(room: Room) -> None:
    room.web.put("/a", page("Ants"))
    for found in (True, False, False, True, False, False):
        room.web.put("/a", page("Ants") if found else "", status=200 if found else 410)
        await room.crawl("/a", "page")
        assert "Ants" in await room.documents()


async def test_a_document_that_somebody_deleted_is_read_whole_again(room: Room) -> None:
    room.web.put("/a", page("Ants"), etag='"a"')
    await room.crawl("/a", "page")
    (state,) = await room.sources.list_(room.site.id)
    await room.sources.delete_source(room.site.id, state.id)
    await room.crawl("/a", "page")
    assert room.web.conditional == []
    assert await room.documents() == {"Ants": "/a"}


async def test_redirects_loops_and_chains(room: Room) -> None:
    web = room.web
    web.put("/", page("Home", "/old", "/loop1", "/self", "/chain0", "/away", "/inside", "/refresh"))
    web.put("/old", status=301, location="/new")
    web.put("/new", page("New"))
    web.put("/loop1", status=302, location="/loop2")
    web.put("/loop2", status=302, location="/loop1")
    web.put("/self", status=302, location="/self")
    for n in range(30):
        web.put(f"/chain{n}", status=302, location=f"/chain{n + 1}")
    web.put("/away", status=302, location="https://other.example/")
    web.put("/inside", status=302, location="http://169.254.169.254/latest")
    web.put("/refresh", page("Wait", head='<meta http-equiv="Refresh" content="0; URL=\'/target\'">'))
    web.put("/target", page("Target"))
    crawl = await room.crawl()
    pages = await room.pages(crawl)
    assert await room.documents() == {"Home": "/", "New": "/new", "Target": "/target"}
    assert pages["/loop2"][0] == pages["/self"][0] == pages["/chain5"][0] == pages["/inside"][0] == "failed"
    assert "/chain6" not in web.asked
    assert pages["/away"] == ("skipped", "The page leads to another website: https://other.example/")


async def test_the_address_that_was_ordered_may_lead_to_another_host(room: Room) -> None:
    there = room.web.base.replace("127.0.0.1", "localhost")
    room.crawler._visits._outbound.allowed._pairs.add(("localhost", int(there.rpartition(":")[2])))
    room.web.put("/", page("Home", "/a"))
    room.web.put("/start", status=301, location=f"{there}/")
    room.web.put("/a", page("Ants"))
    await room.crawl("/start")
    assert await room.documents() == {"Home": f"{there}/", "Ants": f"{there}/a"}


async def test_a_page_that_names_another_address_as_its_own_is_kept_once(room: Room) -> None:
    web = room.web
    web.put("/", page("Home", "/a?sort=up", "/one", "/two", "/broken"))
    web.put("/a?sort=up", page("Ants", head='<link rel="canonical" href="/a">'))
    web.put("/a", page("Ants", head='<link rel="canonical" href="/a">'))
    web.put("/one", page("Twins", head='<link rel="canonical" href="/two">'))
    web.put("/two", page("Twins", head='<link rel="canonical" href="/one">'))
    pages = await room.pages(await room.crawl())
    assert pages["/a?sort=up"] == ("skipped", f"The same page as {web.base}/a")
    assert (pages["/one"][0], pages["/two"][0]) == ("skipped", "ready")
    assert await room.documents() == {"Home": "/", "Ants": "/a", "Twins": "/two"}


async def test_a_page_that_moved_takes_its_document_along(room: Room) -> None:
    room.web.put("/", page("Home", "/old"))
    room.web.put("/old", page("Ants"))
    await room.crawl()
    room.web.put("/old", status=301, location="/new")
    room.web.put("/new", status=500)
    await room.crawl()
    assert (await room.documents())["Ants"] == "/old"  # until the new one can be read
    room.web.put("/new", page("Ants"))
    await room.crawl()
    assert await room.documents() == {"Home": "/", "Ants": "/new"}


async def test_traps_come_to_an_end(room: Room) -> None:
    room.web.put("/", page("Home", "/day/1", "/cal?m=0", "/x/x/x/y"))
    for n in range(1, 9):
        room.web.put(f"/day/{n}", page(f"Day {n}", f"/day/{n + 1}"))
    months = [f"/cal?m={n}" for n in range(100)]
    room.web.put("/cal?*", page("Calendar", *months))
    crawl = await room.crawl()
    assert "/day/5" in room.web.asked
    assert "/day/6" not in room.web.asked  # deeper than five links
    assert sum(path.startswith("/cal?") for path in room.web.asked) == 10
    assert "/x/x/x/y" not in room.web.asked
    assert crawl.status == "done"
    room.web.put("/", page("Home", *(f"/p{n}" for n in range(50))))
    for n in range(50):
        room.web.put(f"/p{n}", page(f"Page {n}"))
    crawl = await room.crawl(settings={"pages": 12})
    assert crawl.log[-1][1].startswith("Stopped after 12 pages: 12 ready; 39 addresses were not visited")


async def test_one_request_a_second_and_robots_may_ask_for_fewer(room: Room) -> None:
    room.web.put("/", page("Home", "/a", "/b"))
    room.web.put("/a", page("Ants"))
    room.web.put("/b", page("Bees"))
    await room.crawl()
    assert room.slept == pytest.approx([1, 1, 1])  # robots.txt, then each page a second after the one before
    room.slept.clear()
    room.web.put("/robots.txt", "User-agent: minidesk\nCrawl-delay: 3600\n", content_type="text/plain")
    await room.crawl()
    assert room.slept[-1] == 10  # the cap
    room.slept.clear()


async def test_a_site_has_its_quarter_of_an_hour(room: Room) -> None:
    room.web.put("/robots.txt", "User-agent: *\nCrawl-delay: 10\n", content_type="text/plain")
    room.crawler._settings = room.crawler._settings.model_copy(update={"crawl_pages": 500})
    room.web.put("/", page("Home", *(f"/p{n}" for n in range(200))))
    for n in range(200):
        room.web.put(f"/p{n}", page(f"Page {n}"))
    crawl = await room.crawl()
    assert crawl.log[-1][1].startswith("Stopped after 15 minutes: 91 ready")


@pytest.mark.parametrize(
    ("status", "read"), [(404, True), (403, True), (500, False), (429, False), (200, True)]
)
async def test_a_robots_file_that_cannot_be_read_forbids_all(room: Room, status: int, read: bool) -> None:
    room.web.put("/robots.txt", status=status)
    room.web.put("/", page("Home"))
    pages = await room.pages(await room.crawl())
    assert pages["/"][0] == ("ready" if read else "skipped")


async def test_a_host_that_does_not_answer_is_asked_once_and_keeps_its_documents(room: Room) -> None:
    room.web.put("/", page("Home", *(f"/p{n}" for n in range(9))))
    for n in range(9):
        room.web.put(f"/p{n}", page(f"Page {n}"))
    await room.crawl()
    room.crawler._settings = room.crawler._settings.model_copy(update={"page_seconds": 0.2})
    room.web.put("/robots.txt", status=0)
    room.web.asked.clear()
    crawl = await room.crawl()
    assert room.web.asked == ["/robots.txt"]
    assert crawl.log[-1][1] == "10 failed."
    assert len(await room.documents()) == 10


async def test_bombs_silence_and_lies_fail_alone(room: Room) -> None:
    web = room.web
    room.crawler._settings = room.crawler._settings.model_copy(update={"page_seconds": 0.3})
    web.put("/", page("Home", "/bomb", "/silent", "/lies", "/empty", "/deep", "/last"))
    web.put("/bomb", gzip.compress(bytes(50_000_000)), content_encoding="gzip")
    web.put("/silent", status=0)
    web.put(
        "/lies",
        "<p>Grüße aus Köln</p>".encode("latin-1") + b"<p>and more words",
        content_type="text/html; charset=latin-1",
    )
    web.put("/empty", b"")
    web.put("/deep", b"<div>" * 100_000 + b"<a href='/behind'>", content_type="text/html")
    web.put("/last", page("Last"))
    crawl = await room.crawl()
    pages = await room.pages(crawl)
    assert pages["/bomb"] == ("failed", "This page is larger than 10 MB. Save what matters as a smaller document and upload that.")  # fmt: skip
    assert pages["/silent"][0] == pages["/empty"][0] == "failed"
    assert pages["/lies"][0] == pages["/last"][0] == "ready"
    assert crawl.status == "done"
    assert "Last" in await room.documents()


async def test_a_sitemap_and_those_it_names(room: Room) -> None:
    web, base = room.web, room.web.base
    web.put("/sitemap.xml", f"<sitemapindex><sitemap><loc>{base}/one.xml.gz</loc></sitemap><sitemap><loc>{base}/sitemap.xml</loc></sitemap><sitemap><loc>http://10.0.0.1/x.xml</loc></sitemap><sitemap><loc>{base}/gone.xml</loc></sitemap></sitemapindex>")  # fmt: skip
    listed = "".join(f"<url><loc> {base}/{name} </loc></url>" for name in ("a", "b", "a"))
    foreign = "<url><loc>https://other.example/x</loc></url>"
    web.put("/one.xml.gz", gzip.compress(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}{foreign}</urlset>'.encode()))  # fmt: skip
    web.put("/a", page("Ants", "/c"))
    web.put("/b", page("Bees"))
    web.put("/c", page("Cats"))
    crawl = await room.crawl("/sitemap.xml", "sitemap")
    assert crawl.log[-1][1] == "2 ready."
    assert await room.documents() == {"Ants": "/a", "Bees": "/b"}
    web.put("/one.xml.gz", gzip.compress(bytes(50_000_000)))
    web.put("/b", page("Bats"))
    crawl = await room.crawl("/sitemap.xml", "sitemap")  # what is known is visited all the same
    assert await room.documents() == {"Ants": "/a", "Bats": "/b"}
    empty = await room.crawl("/none.xml", "sitemap")
    assert (empty.status, empty.log[-1][1]) == (
        "failed",
        "No pages were found in this sitemap. Check its address.",
    )


async def test_a_huge_sitemap_is_read_as_far_as_it_is_used(room: Room) -> None:
    room.crawler._settings = room.crawler._settings.model_copy(update={"page_max_bytes": 100_000})
    many = "".join(f"<url><loc>{room.web.base}/p{n}</loc></url>" for n in range(20_000))
    room.web.put("/sitemap.xml", f"<urlset>{many}</urlset>")
    room.web.put("/p0", page("First"))
    crawl = await room.crawl("/sitemap.xml", "sitemap")
    assert crawl.log[-1][1].startswith("Stopped after 30 pages: 1 ready, 29 failed")


async def test_a_schedule_is_the_run_at_of_the_next_job(room: Room) -> None:
    room.web.put("/", page("Home"))
    crawl = await room.crawl(every_hours=24)
    assert crawl.next_run_at == room.clock.now.replace(day=3)
    assert await room.work() == 0
    room.clock.advance(hours=24, seconds=1)
    room.web.put("/", page("House"))
    assert await room.work() == 1
    assert await room.documents() == {"House": "/"}
    again = await room.crawl()  # by hand, in between: the waiting job becomes void, the schedule stays
    assert (again.id, again.every_hours, len(again.log)) == (crawl.id, 24, 3)
    room.clock.advance(hours=24, seconds=1)
    await room.work()
    last = await room.crawl(every_hours=0)
    assert (last.next_run_at, len(last.log)) == (None, 5)
    room.clock.advance(days=9)
    await room.work()
    async with room.db.read() as tx:
        assert len((await access_crawl(tx, room.site.id, crawl.id)).log) == 5
        assert (await tx.scalars(select(Job).where(Job.queue == "crawl"))).all() == []


async def test_orders_at_once_make_one_crawl_and_one_job(room: Room) -> None:
    room.web.put("/", page("Home"))
    url = room.web.base
    made = await asyncio.gather(
        *(room.crawls.order(site_id=room.site.id, url=url, kind="crawl") for _ in range(3))
    )
    assert len({crawl.id for crawl in made}) == 1
    assert await room.work() == 1


async def test_a_crawl_that_is_removed_stops_and_its_documents_stay(room: Room) -> None:
    room.web.put("/", page("Home", "/a"))
    ordered = await room.crawl()
    await room.crawls.order(site_id=room.site.id, url=room.web.base, kind="crawl")
    job = await room.jobs.claim(room.db, "crawl", "test")
    assert job is not None
    async with room.db.read() as tx:
        assert [crawl.id for crawl in await list_crawls(tx, room.site.id)] == [ordered.id]
    removing = room.sources.store

    async def store(**more: object) -> object:
        await room.crawls.remove(room.site.id, ordered.id)
        return await removing(**more)  # type: ignore[arg-type]  # handed on

    room.sources.store = store  # type: ignore[method-assign,assignment]  # somebody else, in mid-run
    room.web.put("/", page("Housing"))
    await room.crawler.run(job)
    assert "Home" in await room.documents() or "Housing" in await room.documents()
    async with room.db.read() as tx:
        assert (await tx.scalars(select(Crawl))).all() == []
        with pytest.raises(NotFound):
            await access_crawl(tx, room.site.id, ordered.id)


async def test_giving_up_says_so_and_keeps_the_schedule(room: Room) -> None:
    await room.crawls.order(site_id=room.site.id, url=room.web.base, kind="crawl", every_hours=2)
    job = await room.jobs.claim(room.db, "crawl", "test")
    assert job is not None
    await room.crawler.give_up(job, "died")
    await room.jobs.fail(room.db, job, "died", retry=False)
    async with room.db.read() as tx:
        (crawl,) = await list_crawls(tx, room.site.id)
    assert crawl.status == "failed"
    assert crawl.next_run_at is not None
    room.web.put("/", page("Home"))
    assert (await room.crawl()).status == "done"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/", "ftp://shop.example/", "http://10.0.0.1/", "not an address", "", "http://"]
)
async def test_orders_that_cannot_be_are_refused_at_the_door(room: Room, url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await room.crawls.order(site_id=room.site.id, url=url, kind="crawl")
    assert refusal.value.code in ("url_invalid", "address_not_allowed")
    with pytest.raises(NotFound):
        await room.crawls.order(site_id="ste_none", url="shop.example", kind="crawl")
    assert (
        await room.crawls.order(site_id=room.site.id, url=" shop.example", kind="crawl")
    ).url == "https://shop.example/"


# ---------------------------------------------------------------- what is read of a page


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z", True),
        ("User-agent: *\nDisallow: /*?sort=", "/a?sort=up", False),
        ("User-agent: other\nUser-agent: Minidesk # us\nDisallow: /a\n\nUser-agent: *\nDisallow: /", "/b", True),
        ("User-agent: other\nUser-agent: minidesk\nDisallow: /a\n\nUser-agent: *\nAllow: /", "/a", False),
        ("Disallow: /\nnonsense\n\x00", "/a", True),
        ("User-agent: *\nDisallow: /a$", "/a", False),
        ("User-agent: *\nDisallow: /" + "*a" * 500 + "$", "/" + "a" * 400, True),
        ("User-agent: *\nDisallow: /p\nAllow: /p", "/p", True),
    ],
)  # fmt: skip
def test_robots_rules(rules: str, path: str, allowed: bool) -> None:
    assert parse_robots(rules).allows(path) is allowed


def test_links_are_read_without_a_tree() -> None:
    found = read_links(b"<base href='/x/'><a href=' one '><a rel='me nofollow' href=two><A HREF=three><a name=x><a href='#top'>", None)  # fmt: skip
    assert (found.base, found.links) == ("/x/", ["one", "three"])
    assert len(read_links(b"<a href=x>" * 100_000, None).links) == 1000
    assert read_links(b"<a " * 100_000, "no-such-charset").links == []
    assert read_links(b"", None).links == []
    assert read_links(b"\x00\xff%PDF", None).links == []


def test_a_sitemap_may_be_a_bomb_or_broken() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"x" * 1000 + b'">' + b"".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 50}">'.encode() for n in range(8)
    ) + b"]><urlset><url><loc>&i;</loc></url></urlset>"  # fmt: skip
    assert all(len(address) < 100 for address in read_sitemap(bomb).pages)
    outside = (
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><urlset><url><loc>&f;</loc></url></urlset>'
    )
    assert "root:" not in "".join(read_sitemap(outside).pages)
    assert read_sitemap(b"<urlset><url><loc>http://a/</loc></url><url><loc>http://b").pages == ["http://a/"]
    assert read_sitemap(b"http://a/\nnothing\nhttps://b/\n").pages == ["http://a/", "https://b/"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://shop.example/", "shop.example/index.html"),
        ("https://shop.example/help/", "shop.example/help/index.html"),
        ("https://shop.example/help/returns", "shop.example/help/returns.html"),
        ("https://shop.example/returns.htm", "shop.example/returns.htm"),
        ("http://127.0.0.1:8080/%C3%9Cber", "127.0.0.1-8080/Über.html"),
    ],
)
def test_a_page_has_a_path_that_people_can_read(url: str, path: str) -> None:
    assert page_path(url, ".html") == path


def test_pages_that_differ_have_paths_that_do() -> None:
    urls = ["https://s.example/a?x=1", "https://s.example/a?x=2", "https://s.example/a", "https://s.example/a%3Ax", "https://s.example/ax",
            "https://s.example/" + "long/" * 190 + "a", "https://s.example/" + "long/" * 190 + "b"]  # fmt: skip
    paths = {page_path(url, ".html") for url in urls}
    assert len(paths) == len(urls)
    assert all(len(path) <= 500 and path.endswith(".html") for path in paths)


def test_addresses_lose_what_says_nothing_about_the_page() -> None:
    assert (
        without_tracking("https://s.example/a;jsessionid=1F?utm_source=x&id=7&gclid=y")
        == "https://s.example/a?id=7"
    )
    assert without_tracking("https://s.example/a?fbclid=x") == "https://s.example/a"
