"""Twelve languages: the page brings its words, the API others, and both know which way they run."""

import gzip
import json
from typing import Any

import httpx
import lxml.html
import pytest
from tests.web.conftest import Desk, Visitor
from tests.web.test_visitor_api_pages import build

from minidesk.sites import SiteConfig, update_config
from minidesk.text.locale import load_texts

LANGUAGES = load_texts().locales


async def test_there_are_twelve() -> None:
    assert len(LANGUAGES) == 12
    assert {"ar", "he"} < set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_brings_its_words(client: httpx.AsyncClient, desk: Desk, language: str) -> None:
    build(desk.dist)
    answer = await client.get(
        f"/widget/{desk.site.key}?locale={language}-XX", headers={"Accept-Language": "sv"}
    )
    page: Any = lxml.html.document_fromstring(answer.text)
    assert (page.get("lang"), page.get("dir")) == (language, "rtl" if language in ("ar", "he") else "ltr")
    (app,) = page.xpath("//div[@id='app']")
    words = json.loads(app.get("data-words"))
    assert words == load_texts().part("widget.", language)
    assert (words["person"] == "Talk to a person") is (language == "en")


async def test_other_words_come_with_the_settings(visitor: Visitor, desk: Desk) -> None:
    arabic = (await visitor.get("/config?locale=ar&have=en")).json()
    assert (arabic["locale"], arabic["words"]["today"]) == ("ar", "اليوم")
    assert arabic["words"]["left"]["two"] == "بقي حرفان"
    assert "words" not in (await visitor.get("/config?locale=ar-EG&have=ar")).json()
    unknown = (await visitor.get("/config?locale=xx&have=de")).json()
    assert (unknown["locale"], unknown["words"]["today"]) == ("en", "Today")
    async with desk.db.write() as tx:
        await update_config(tx, desk.site.id, SiteConfig(languages=("de", "fr")))
    limited = (await visitor.get("/config?locale=ar&have=en")).json()
    assert (limited["locale"], limited["words"]["today"]) == ("de", "Heute")


async def test_a_browser_that_takes_gzip_gets_it(client: httpx.AsyncClient, desk: Desk) -> None:
    build(desk.dist, loader="/* " + "loader " * 300 + "*/")
    for path in ("/widget.js", f"/widget/{desk.site.key}"):
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        async with client.stream("GET", path, headers={"Accept-Encoding": "br, gzip"}) as packed:
            raw = b"".join([piece async for piece in packed.aiter_raw()])
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert gzip.decompress(raw) == plain.content
        assert len(raw) < len(plain.content) / 2
        refused = await client.get(path, headers={"Accept-Encoding": "gzip;q=0"})
        assert "Content-Encoding" not in refused.headers


async def test_a_conversation_as_a_file(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long can I return boots?")
    await desk.answer(said["id"], "You have 30 days.")
    kept = (await visitor.get(f"/conversations/{conversation}/transcript?locale=de")).json()
    assert kept == {
        "name": "Shop 2026-03-02.txt",
        "text": "2026-03-02 10:00 UTC · Sie\nHow long can I return boots?\n\n"
        "2026-03-02 10:00 UTC · Assistent\nYou have 30 days.\n[1] Returns · /returns\n",
    }


async def test_why_an_answer_did_not_help(visitor: Visitor, desk: Desk) -> None:
    conversation = await visitor.start()
    said = await visitor.say(conversation, "How long?")
    handle = await desk.answer(said["id"], "You have 30 days.")
    path = f"/messages/{handle.message_id}/feedback"
    assert (await visitor.post(path, {"helpful": False, "reason": "incomplete"})).status_code == 200
    assert (await visitor.post(path, {"helpful": False, "reason": "x"})).status_code == 422
    shown = (await visitor.get(f"/conversations/{conversation}")).json()["messages"][1]
    assert (shown["helpful"], "feedback_reason" in shown) == (False, False)
