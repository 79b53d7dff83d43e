"""Pages that only a site's sitemaps name are read too, and what others' servers send is read in the child alone."""

import pytest
from tests.knowledge import test_crawl
from tests.knowledge.test_crawl import Room, page

from minidesk.errors import DocumentProblem
from minidesk.knowledge.crawls import access_crawl
from minidesk.knowledge.parse import ParserPool
from minidesk.knowledge.parse.child import TOO_COMPLEX
from minidesk.knowledge.robots import parse_robots
from minidesk.settings import Settings

room = test_crawl.room


def sitemap(*addresses: str) -> str:
    """A sitemap of these."""
    return f"<urlset>{''.join(f'<url><loc>{url}</loc></url>' for url in addresses)}</urlset>"


def test_robots_name_sitemaps_for_everybody() -> None:
    rules = parse_robots(
        "Sitemap: https://a.example/s.xml\nUser-agent: other\nDisallow: /\nsitemap: /two.xml # both\n"
    )
    assert rules.sitemaps == ("https://a.example/s.xml", "/two.xml")
    assert rules.allows("/")
    assert parse_robots("User-agent: *\nDisallow: /").sitemaps == ()


async def test_a_site_is_read_by_its_links_first_and_then_by_its_sitemaps(room: Room) -> None:
    base = room.web.base
    room.web.put(
        "/robots.txt", f"User-agent: *\nDisallow: /secret\nSitemap: {base}/map.xml", content_type="text/plain"
    )
    named = sitemap(
        f"{base}/alone", f"{base}/linked", f"{base}/secret", "https://other.example/x", f"{base}/photo.jpg"
    )
    room.web.put("/map.xml", named, content_type="application/xml")
    room.web.put("/", page("Home", "/linked"))
    room.web.put("/linked", page("Linked"))
    room.web.put("/alone", page("Alone", "/further"))
    room.web.put("/further", page("Further"))
    crawl = await room.crawl()
    assert set(await room.documents()) == {"Home", "Linked", "Alone", "Further"}
    assert room.web.asked.index("/linked") < room.web.asked.index("/map.xml") < room.web.asked.index("/alone")
    pages = await room.pages(crawl)
    assert pages["/secret"][0] == "skipped"
    assert "robots.txt" in str(pages["/secret"][1])
    assert "/photo.jpg" not in room.web.asked
    assert room.web.asked.count("/robots.txt") == 1


@pytest.mark.parametrize("body", ["", "<urlset><url><loc>", "not a sitemap at all"])
async def test_a_sitemap_that_says_nothing_harms_nothing(room: Room, body: str) -> None:
    room.web.put(
        "/robots.txt", f"Sitemap: {room.web.base}/map.xml\nSitemap: ftp://nowhere/", content_type="text/plain"
    )
    room.web.put("/map.xml", body, content_type="application/xml")
    room.web.put("/", page("Home"))
    crawl = await room.crawl()
    assert (crawl.status, set(await room.documents())) == ("done", {"Home"})


async def test_one_page_alone_asks_for_no_sitemap(room: Room) -> None:
    room.web.put("/robots.txt", f"Sitemap: {room.web.base}/map.xml", content_type="text/plain")
    room.web.put("/", page("Home"))
    await room.crawl(kind="page")
    assert "/map.xml" not in room.web.asked


async def test_the_child_says_where_a_page_leads_and_which_chat_it_has(settings: Settings) -> None:
    pool = ParserPool(settings)
    html = (
        '<base href="/b/"><link rel="canonical" href="/c"><a href="one">1</a><a rel="nofollow" href="two">2</a>'
        '<!-- <script src="https://desk/widget.js" data-site="pk_comment"></script> -->'
        '<script async src="https://desk/widget.js" data-site="pk_1"></script><script src="x.js"></script>'
    )
    links = await pool.page_links(html.encode(), "utf-8")
    assert (links.base, links.canonical, links.links) == ("/b/", "/c", ["one"])
    assert links.widgets == [("https://desk/widget.js", "pk_1")]
    many = "".join(f'<a href="/{n}">x</a>' for n in range(3000)) + '<script src="w" data-site="k"></script>'
    links = await pool.page_links(many.encode(), None)
    assert (len(links.links), links.widgets) == (1000, [("w", "k")])
    found = await pool.sitemap(sitemap("https://a.example/1").encode())
    assert (found.pages, found.sitemaps) == (["https://a.example/1"], [])
    await pool.close()


async def test_a_page_that_blocks_the_child_fails_alone(room: Room, settings: Settings) -> None:
    slow = ParserPool(settings.model_copy(update={"parse_seconds": 1e-6}))
    with pytest.raises(DocumentProblem):
        await slow.page_links(b"<a href=x>", None)
    await slow.close()
    room.web.put("/", page("Home", "/a"))
    await room.crawl()
    room.crawler._visits._parser = slow
    room.web.put("/", page("Newer", "/a"))
    room.web.put("/a", "Plain words.", content_type="text/plain")
    crawl = await room.crawl()
    pages = await room.pages(crawl)
    assert pages["/"] == ("failed", TOO_COMPLEX)
    assert pages["/a"][0] == "failed"  # it was gone at the first visit and nothing leads to it now
    assert "Home" in await room.documents()  # what it said before goes on answering
    await slow.close()
    async with room.db.read() as tx:
        assert (await access_crawl(tx, room.site.id, crawl.id)).status == "done"
