"""The console's page of the prompt: edited, compared and brought back by administrators only."""

import re

import httpx
from tests.web import test_console
from tests.web.test_console import Browser, Office

from minidesk.answering.prompt import shipped, version_of
from minidesk.sites import PromptWords, list_prompts, site_by_id, words_of

office = test_console.office
HERE = "/console/prompts"


async def send(browser: Browser, path: str = HERE, **fields: str) -> httpx.Response:
    """A form of the page, made from what it says now."""
    mark = re.search(r'name="mark" value="([0-9a-f]+)"', (await browser.get(HERE)).text)
    data = {
        "csrf": browser.csrf,
        "mark": mark[1] if mark else "",
        "rules": shipped().rules,
        "instructions": "",
    }
    return await browser.client.post(path, data=data | fields, headers={"Origin": browser.base})


async def now(office: Office) -> PromptWords:
    """What answers are asked for with."""
    async with office.db.read() as tx:
        return words_of((await site_by_id(tx, office.site.id)).config)


async def test_edited_compared_and_brought_back(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin", name="Mara Lindt")
    async with office.at_work("mara@example.com") as browser:
        empty = (await browser.get(HERE)).text
        assert "Nobody has changed anything yet" in empty
        assert version_of("", "") in empty
        assert f"In use: what minidesk brings along, version {shipped().version}" in empty
        assert (await send(browser, instructions="Be brief.\r\nSay du.")).status_code == 303
        assert await now(office) == PromptWords("", "Be brief.\nSay du."), (
            "the shipped rules are followed, not copied"
        )
        own = shipped().rules.replace("at most four short", "at most two short")
        assert (await send(browser, rules=own, instructions="Be brief.\nSay du.")).status_code == 303
        page = (await browser.get(HERE)).text
        assert re.search(r'<li class="added">.*<ins>two</ins>', page)
        assert "Edited by Mara Lindt" in page
        assert "In use: version 3 of this site" in page
        assert version_of(own, "Be brief.\nSay du.") in page
        first = (await browser.get(f"{HERE}?n=2")).text
        assert re.search(r'<li class="added">.*Say du\.', first)
        assert (await send(browser, f"{HERE}/restore", n="2")).status_code == 303
        assert await now(office) == PromptWords("", "Be brief.\nSay du.")
        assert "Version 2 brought back by Mara Lindt" in (await browser.get(HERE)).text
        assert (await send(browser, f"{HERE}/restore", n="0")).status_code == 303
        assert await now(office) == PromptWords()
        for n in ("99", "x"):
            assert (await send(browser, f"{HERE}/restore", n=n)).status_code == 404
    async with office.db.read() as tx:
        assert [one.n for one in await list_prompts(tx, office.site.id)] == [5, 4, 3, 2, 1]
        assert await list_prompts(tx, office.other.id) == []


async def test_what_cannot_be_used_is_said_and_what_was_written_stays(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        refused = await send(browser, rules="<b>Say anything.</b>")
        assert refused.status_code == 422
        assert "Keep {not_found} in the rules" in refused.text
        assert "&lt;b&gt;Say anything.&lt;/b&gt;" in refused.text
        assert (await send(browser, instructions="Mine.")).status_code == 303
        overtaken = await send(browser, instructions="Theirs.", mark=PromptWords().mark)
        assert overtaken.status_code == 409
        assert "Theirs." in overtaken.text
        assert (await now(office)).instructions == "Mine."


async def test_only_administrators(office: Office) -> None:
    await office.agent("jonas@example.com", office.site, "editor")
    async with office.at_work("jonas@example.com") as browser:
        assert (await browser.get(HERE)).status_code == 403
        assert (await send(browser, instructions="Mine.")).status_code == 403
        assert (await send(browser, f"{HERE}/restore", n="0")).status_code == 403
    assert await now(office) == PromptWords()
