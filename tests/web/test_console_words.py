"""Who said it, in which language, and what our own words in a ticket are in the agent's: by the pages that say it."""

import re
from html import unescape

from tests.web import test_console
from tests.web.test_console import Office

from minidesk.conversations import access_conversation_as_agent

office = test_console.office

GERMAN = {"Accept-Language": "de-AT,de;q=0.9"}


async def handed_off(office: Office, words: str) -> str:
    """A conversation that waits for a person."""
    conversation = await office.conversation(office.site, words)
    await office.deps.handoff.hand_off(conversation, "customer_request")
    return conversation


def plain(html: str) -> str:
    """What one reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


async def test_the_list_names_who_answered_whoever_has_it_now(office: Office) -> None:
    await office.agent("ben@example.com", office.site, name="Ben Okafor")
    mara = await office.agent("mara@example.com", office.site)
    talk = await handed_off(office, "Where is my parcel? It is the third time that I ask.")
    base = f"/console/conversations/{talk}"
    async with office.at_work("ben@example.com") as ben, office.at_work("mara@example.com") as browser:
        await ben.get(base)
        await ben.part(f"{base}/say", text="It is in Graz.", kind="reply", client_id="b1")
        await ben.part(f"{base}/ticket", team="", priority="normal", assignee=mara)
        assert "Ben Okafor: It is in Graz." in plain((await browser.get("/console/inbox?view=mine")).text)
        # Nobody has it any more: the assistant goes on.
        await browser.get(base)
        assert (await browser.part(f"{base}/hand-back")).status_code == 204
        listed = plain((await browser.get("/console/inbox?view=assistant")).text)
    assert "Ben Okafor: It is in Graz." in listed
    assert "Agent:" not in listed


async def test_our_own_words_in_a_ticket_are_in_the_agents_language(office: Office) -> None:
    await office.agent("mara@example.com", office.site)
    talk = await handed_off(office, "Wo bleibt mein Paket 20431? Ich warte seit zwei Wochen darauf.")
    wordless = await handed_off(office, "Hallo")
    async with office.at_work("mara@example.com") as browser:
        english = plain((await browser.get(f"/console/conversations/{talk}")).text)
        assert "Asked for a person." in english
        browser.client.headers.update(GERMAN)
        page = (await browser.get(f"/console/conversations/{talk}")).text
        german, listed = plain(page), plain((await browser.get("/console/inbox?view=unassigned")).text)
        title = plain((await browser.get(f"/console/conversations/{wordless}")).text)
    assert "Wollte einen Menschen." in german
    assert re.search("Der Besucher (fragt|schreibt): „ ?Wo bleibt mein Paket 20431", german)
    assert "Ein Besucher möchte einen Menschen sprechen" in listed
    assert "Ein Besucher möchte einen Menschen sprechen" in title
    for english_words in ("Asked for a person", "The visitor", "A visitor asks"):
        assert english_words not in german + listed + title, english_words
    # What the visitor said is still shown where it was said.
    assert re.search(r'data-evidence="m-[^"]+" data-words="Wo bleibt mein Paket 20431', page)


async def test_the_language_is_told_with_the_words_that_tell_it(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    talk = await handed_off(office, "Wo bleibt mein Paket? Ich warte seit zwei Wochen darauf.")
    silent = await handed_off(office, "20431")
    async with office.db.write() as tx:
        (await access_conversation_as_agent(tx, mara, silent)).locale = "fr-FR"
    async with office.at_work("mara@example.com") as browser:
        told = (await browser.get(f"/console/conversations/{talk}")).text
        guessed = plain((await browser.get(f"/console/conversations/{silent}")).text)
    [fact] = re.findall(r"<dt>Language</dt><dd[^>]*>(.*?)</dd>", told)
    assert plain(fact) == "German"
    assert re.search(r'data-words="Wo bleibt mein Paket\? Ich warte', fact)
    assert "Language French as their browser says" in guessed


async def test_a_merge_is_noted_in_the_language_of_who_merged(office: Office) -> None:
    mara = await office.agent("mara@example.com", office.site)
    first = await handed_off(office, "Where is my parcel?")
    second = await handed_off(office, "Where is my parcel, please?")
    async with office.db.write() as tx:
        one = await access_conversation_as_agent(tx, mara, first)
        (await access_conversation_as_agent(tx, mara, second)).visitor_id = one.visitor_id
    async with office.at_work("mara@example.com") as browser:
        browser.client.headers.update(GERMAN)
        page = (await browser.get(f"/console/conversations/{second}")).text
        [into] = re.findall(r'<select id="merge-into".*?<option value="([^"]+)"', page)
        assert (await browser.part(f"/console/conversations/{second}/merge", into=into)).status_code == 204
        assert "Zusammengeführt in #1" in (await browser.get(f"/console/conversations/{second}")).text
        assert "Zusammengeführt aus #2" in (await browser.get(f"/console/conversations/{first}")).text
