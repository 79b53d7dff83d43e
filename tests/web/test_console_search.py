"""The search page and the inbox by tag: what is found, what is marked, and whose it is."""

import re
from html import unescape

from markupsafe import Markup
from tests.web import test_console
from tests.web.test_console import PAYLOADS, Office

from minidesk.web.console.marks import marked

office = test_console.office
HERE = "/console/search"


def test_words_are_marked_in_text_and_nowhere_else() -> None:
    body = Markup('<p title="a>lt b">lt &lt; <a href="/lt">LT</a> Ärger &amp; lt</p>')
    assert marked(body, ("lt", "ärger")) == Markup(
        '<p title="a>lt b"><mark>lt</mark> &lt; <a href="/lt"><mark>LT</mark></a> '
        "<mark>Ärger</mark> &amp; <mark>lt</mark></p>"
    )
    assert marked(body, ()) == body


async def test_a_hit_leads_to_its_message_and_marks_it(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    conversation = await office.conversation(office.site, "Where is my <b>parcel</b> & the receipt?")
    stranger = await office.conversation(office.other, "Another parcel")
    async with office.at_work("mara@example.com") as browser:
        start = await browser.get(HERE)
        assert "Search what was written" in start.text
        page = await browser.get(HERE, params={"q": "PARCEL receipt"})
        assert "<mark>parcel</mark>" in page.text
        assert "<b>" not in re.findall(r'class="snippet">(.*?)</span>', page.text)[0].replace("&lt;b&gt;", "")
        assert stranger not in page.text
        [href] = {unescape(h) for h in re.findall(r'href="([^"]*hit=[^"]*)"', page.text)}
        assert href.startswith(f"/console/conversations/{conversation}?")
        talk = await browser.get(href.partition("#")[0])
        message = href.partition("#m-")[2]
        assert re.search(rf'id="m-{message}" class="entry visitor hit"', talk.text)
        assert "<mark>parcel</mark>" in talk.text
        assert "found here" in talk.text
        live = await browser.get(f"/console/conversations/{conversation}/live")
        version = rf'id="m-{message}" class="[^"]*" data-v="([^"]*)"'
        # The same version: a refresh leaves the marks where they are.
        assert re.findall(version, live.text) == re.findall(version, talk.text) != []
        nothing = await browser.get(HERE, params={"q": "nothere"})
        assert "Nothing found" in nothing.text
        for payload in (*PAYLOADS, "\0", "%", "\u202e", "x" * 5000):
            odd = await browser.get(
                HERE,
                params={"q": payload, "status": payload, "team": payload, "tag": payload, "after": payload},
            )
            assert odd.status_code == 200, payload
            assert payload not in odd.text or "<" not in payload
    async with office.browser() as nobody:
        assert (await nobody.get(HERE)).status_code == 303


async def test_a_ticket_is_tagged_shown_and_filtered_by(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await office.agent("else@example.com", office.other, "admin")
    conversation = await office.conversation(office.site)
    plain = await office.conversation(office.site, "Another question")
    base = f"/console/conversations/{conversation}"
    async with office.at_work("mara@example.com") as browser:
        await browser.get(base)
        none = await browser.part(f"{base}/tag", tag="Refund")
        assert (none.status_code, none.json()["error"]["code"]) == (409, "no_ticket")
        await office.deps.handoff.hand_off(conversation, "customer_request")
        await office.deps.handoff.hand_off(plain, "customer_request")
        assert (await browser.part(f"{base}/tag", tag="Refund & <b>")).status_code == 204
        assert (await browser.post(f"{base}/tag", tag="late")).status_code == 303
        refused = await browser.post(f"{base}/tag", tag=" ")
        assert (refused.status_code, "A tag has 1 to 40 characters" in refused.text) == (422, True)
        page = await browser.get(base)
        assert "Remove the tag Refund &amp; &lt;b&gt;" in page.text
        inbox = await browser.get("/console/inbox", params={"view": "open", "tag": "refund & <B>"})
        assert f'id="row-{conversation}"' in inbox.text
        assert f'id="row-{plain}"' not in inbox.text
        part = await browser.get("/console/inbox/list", params={"view": "open", "tag": "late"})
        assert 'title="Tag: late"' in part.text
        assert f'id="row-{plain}"' not in part.text
        other = await browser.get("/console/inbox", params={"view": "open", "tag": "\0nothing"})
        assert "No ticket here has the tag" in other.text
        found = await browser.get(HERE, params={"tag": "late", "status": "open"})
        assert found.text.count("data-row") == 1
        assert (await browser.part(f"{base}/untag", tag="late")).status_code == 204
        assert "Remove the tag late" not in (await browser.get(base)).text
    async with office.at_work("else@example.com") as stranger:
        await stranger.get("/console/inbox")
        for action in ("tag", "untag"):
            assert (await stranger.part(f"{base}/{action}", tag="Refund & <b>")).status_code == 404
        assert "Refund" not in (await stranger.get("/console/inbox")).text


async def test_a_place_that_is_no_moment_is_the_start(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    await office.conversation(office.site, "Where is my parcel?")
    async with office.at_work("mara@example.com") as browser:
        for at in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-03-02T10:00:00", "now"):
            page = await browser.get(HERE, params={"q": "parcel", "after": f"{at}~x"})
            assert page.status_code == 200
            assert "<mark>parcel</mark>" in page.text
