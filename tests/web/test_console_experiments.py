"""The console's page of experiments: started, read and ended by administrators only."""

import re

import httpx
from sqlalchemy import select
from tests.web import test_console
from tests.web.test_console import Browser, Office

from minidesk.db.models import AnswerVersion, Experiment, Message, new_id
from minidesk.gateway import Order
from minidesk.sites import PromptWords, Variant, save_prompt

office = test_console.office
HERE = "/console/experiments"


async def start(browser: Browser, **fields: str) -> httpx.Response:
    """Send the form."""
    data = {"csrf": browser.csrf, "name": "Short answers", "share": "50", "b_instructions": "Be brief."}
    return await browser.client.post(HERE, data=data | fields, headers={"Origin": browser.base})


async def rows(office: Office) -> list[Experiment]:
    """What is stored."""
    async with office.db.read() as tx:
        return list(await tx.scalars(select(Experiment)))


async def test_started_read_and_ended(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    async with office.at_work("mara@example.com") as browser:
        assert "New experiment" in (await browser.get(HERE)).text
        assert (await start(browser, b_temperature="0.7", b_large="no")).status_code == 303
        [one] = await rows(office)
        assert (one.share, one.a["large"], one.b) == (
            50,
            True,
            {
                "prompt": None,
                "instructions": "Be brief.",
                "temperature": 0.7,
                "passages": None,
                "models": {"mini": [], "large": []},
                "rules": None,
                "large": False,
            },
        )
        conversation = await office.conversation(office.site)
        async with office.db.write() as tx:
            message = Message(
                id=new_id("msg"), conversation_id=conversation, seq=90, author="assistant", text="30 days.",
                state="done", outcome="reply", ms=210, cost_micros=40, created_at=office.deps.clock(),
            )  # fmt: skip
            tx.add(message)
            await tx.flush()
            tx.add(AnswerVersion(message_id=message.id, prompt="p", experiment_id=one.id, variant="b"))
        page = (await browser.get(HERE)).text
        assert "New experiment" not in page
        assert "210 ms (210–210)" in page
        assert re.search(r'<li class="added">.*Be brief\.', page)
        assert "$0.00004" in page
        ended = await browser.client.post(
            f"{HERE}/{one.id}/end", data={"csrf": browser.csrf}, headers={"Origin": browser.base}
        )
        assert ended.status_code == 303
        assert "New experiment" in (await browser.get(HERE)).text
        assert (await rows(office))[0].ended_at is not None


async def test_what_cannot_be_used_is_said_and_what_was_written_stays(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    object.__setattr__(office.deps, "model_names", ("mini/one", "mini/two"))
    async with office.at_work("mara@example.com") as browser:
        for fields, sentence in (
            ({"b_temperature": "warm"}, "Variant B: the temperature is a number from 0 to 1.5."),
            ({"a_passages": "40"}, "Variant A: give the model 1 to 10 passages."),
            ({"share": "100"}, "Give B between 1 and 99 per cent of the conversations."),
            ({"b_models": "mini/one, no/such"}, "Variant B: there is no model no/such."),
            ({"a_large_models": "no/other"}, "Variant A: there is no model no/other."),
            (
                {"b_large_models": " ".join(f"m/{n}" for n in range(9))},
                "Variant B: name up to 8 models a tier.",
            ),
            ({"b_prompt": "1.5"}, "Variant B: choose one of the versions of the prompt."),
            ({"b_instructions": ""}, "A and B are the same: change something in B."),
        ):
            refused = await start(browser, name="<b>Mine</b>", **fields)
            assert refused.status_code == 422
            assert sentence in refused.text
            assert "&lt;b&gt;Mine&lt;/b&gt;" in refused.text
        assert await rows(office) == []
        assert (await start(browser)).status_code == 303
        assert (await start(browser)).status_code == 409


async def test_only_administrators(office: Office) -> None:
    await office.agent("jonas@example.com", office.site, "editor")
    async with office.at_work("jonas@example.com") as browser:
        assert (await browser.get(HERE)).status_code in (403, 404)
        assert (await start(browser)).status_code in (403, 404)
        assert await rows(office) == []


async def test_variants_name_a_version_of_the_prompt_and_models_in_order(office: Office) -> None:
    await office.agent("mara@example.com", office.site, "admin")
    object.__setattr__(office.deps, "model_names", ("mini/one", "mini/two", "big/one", "big/two"))
    async with office.db.write() as tx:
        now = office.deps.clock()
        await save_prompt(tx, office.site.id, PromptWords("", "Be kind."), by="Mara", now=now)
    async with office.at_work("mara@example.com") as browser:
        assert '<option value="2">Version 2</option>' in (await browser.get(HERE)).text
        # The form shows the site's instructions beside the version: untouched, they say nothing.
        fields = {
            "a_prompt": "0",
            "b_prompt": "2",
            "b_instructions": "Be kind.",
            "b_models": "mini/two, mini/one",
            "b_large_models": "big/two big/one",
        }
        assert (await start(browser, **fields)).status_code == 303
        page = (await browser.get(HERE)).text
    [one] = await rows(office)
    assert (one.a["prompt"], one.b["prompt"], one.b["instructions"]) == (0, 2, None)
    assert one.b["models"] == {"mini": ["mini/two", "mini/one"], "large": ["big/two", "big/one"]}
    assert "mini/two → mini/one" in page
    assert "big/two → big/one" in page
    assert Variant.model_validate({"models": ["mini/two"]}).models == Order(("mini/two",)), "kept before"
    assert "the shipped one alone" in page
    assert re.search(r'<li class="added">.*Be kind\.', page)
