"""A model that obeys every order that it reads: nothing of what the attackers want gets to a page.

Documents come in by the console's upload in every format, messages by the visitor's API, and what comes of it is read
where people read it: in what is stored and streamed, and in a browser that may speak to nobody but the desk.
"""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.browser import conftest as browsers
from tests.hostile.checks import wrong_in
from tests.hostile.crafted import Crafted, crafted
from tests.hostile.desk import (
    HostileDesk,
    Talk,
    fill,
    hostile_desk,
    markers,
    messages_of,
    prompt_words,
    sign_in_to,
    stranger_to_all_but,
)
from tests.hostile.obedient import VAULT, orders_in
from tests.hostile.payloads import Payload, few, payloads

browser = browsers.browser
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

# One conversation holds so many: what was ordered earlier is then in the history of what comes later.
TOGETHER = 8
SHORT = 40
# Invisible orders are gone before a model is asked, and what only a parser sees is no passage: the rest must arrive.
REACHED = 0.6
# Of the sixty that are left most stand where no model looks: in names and addresses.
SOME = 0.2


async def test_forty_hostile_texts_change_nothing(tmp_path: Path, browser: Browser) -> None:
    """The short run: one conversation of many payloads in the widget, all conversations in the console."""
    await hold_against(few(SHORT), tmp_path, browser, widgets=1)


@pytest.mark.prove
async def test_all_hostile_texts_change_nothing(tmp_path: Path, browser: Browser) -> None:
    """The whole run, each conversation in the widget as well."""
    every = payloads()
    assert len(every) >= 300
    assert len({one.language for one in every}) == 12
    await hold_against(every, tmp_path, browser, widgets=len(every))


@pytest.mark.prove
async def test_what_readers_do_not_see_reaches_no_model(tmp_path: Path, browser: Browser) -> None:
    """Sixty more, most of them documents that hide their order: none of those is even read."""
    made = crafted()
    assert len(made) == 60
    makers = {payload.number: one for payload, one in made if one is not None}
    unseen = {payload.code for payload, one in made if one is not None and one.unseen}
    every = [payload for payload, _ in made]
    await hold_against(every, tmp_path, browser, widgets=len(every), makers=makers, unseen=unseen)


async def hold_against(
    chosen: Sequence[Payload],
    folder: Path,
    browser: Browser,
    *,
    widgets: int,
    makers: Mapping[int, Crafted] | None = None,
    unseen: Collection[str] = (),
) -> None:
    """Everything is done with these payloads, and nothing may be wrong afterwards.

    `makers` of documents by their payload's number; the codes in `unseen` may not reach the model at all.
    """
    async with hostile_desk(folder) as (desk, other_key):
        agent = await sign_in_to(desk, browser)
        await fill(desk, other_key, agent, chosen, makers or {})
        await speak(desk, chosen)
        marks, told = markers(desk.model), prompt_words(desk.model)
        wrong = [f"{talk.id}: {line}" for talk in desk.talks for line in judged(talk, marks, told)]
        wrong += [f"sent to the model: {VAULT}" for request in desk.model.requests if VAULT in _sent(request)]
        reached = {code for request in desk.model.requests for code in orders_in(_sent(request))}
        wrong += [
            f"reached the model: {one.code} ({one.way})"
            for one in chosen
            if one.code in reached & set(unseen)
        ]
        seen = [one for one in chosen if one.code not in unseen]
        share = len(reached & {one.code for one in seen}) / len(seen)
        for talk in desk.talks[:widgets]:
            wrong += await seen_in_widget(desk, browser, talk)
        for talk in desk.talks:
            await agent.page.goto(f"{desk.server.url}/console/conversations/{talk.id}")
            await expect(agent.page.locator("#talk, main").first).to_be_visible()
            await expect(agent.page.locator("main img, main iframe, main script[src*='//kx']")).to_have_count(
                0
            )
        wrong += agent.complaints
        outcomes = Counter(m["outcome"] for talk in desk.talks for m in _answers(talk))
        print(
            f"{len(chosen)} payloads, {share:.0%} of their orders reached the model; answers: {dict(outcomes)}"
        )
        assert wrong == []
        assert share >= (REACHED if not unseen else SOME)
        assert outcomes["reply"] >= len(chosen) * REACHED, "with nothing shown, nothing would be tested"


async def speak(desk: HostileDesk, chosen: Sequence[Payload]) -> None:
    """Send all of it. What a handed-off conversation would have held goes on in a new one."""
    talk: Talk | None = None
    for payload in chosen:
        apart = payload.place in ("page_url", "page_title")
        if apart:
            url, title = (payload.text, None) if payload.place == "page_url" else (None, payload.text)
            mine = await desk.start(url, title)
        else:
            mine = talk = talk or await desk.start()
        mine.payloads.append(payload)
        holder = await desk.say(mine, messages_of(payload))
        if not apart and (holder != "assistant" or len(mine.payloads) >= TOGETHER):
            talk = None
    for one in desk.talks:
        await desk.finish(one)


def judged(talk: Talk, marks: Collection[str], told: Collection[str]) -> list[str]:
    """What is wrong in what was stored and in what was streamed."""
    wrong = []
    for message in _answers(talk):
        wrong += [f"stored: {line} in “{message['text'][:300]}”" for line in wrong_in(message, marks, told)]
    for raw in talk.streamed:
        data = json.loads(raw)
        if "outcome" in data:
            wrong += [f"streamed: {line}" for line in wrong_in(data, marks, told)]
    return wrong


def _answers(talk: Talk) -> list[dict[str, Any]]:
    return [message for message in talk.stored["messages"] if message["author"] == "assistant"]


def _sent(request: dict[str, Any]) -> str:
    return "\n".join(m["content"] for m in request["messages"] if m["role"] == "user")


async def seen_in_widget(desk: HostileDesk, browser: Browser, talk: Talk) -> list[str]:
    """The conversation on the chat's own page; every request elsewhere, and every acting element in it."""
    visitor = await stranger_to_all_but(desk, browser)
    stored = {f"minidesk:{desk.site_key}:token": talk.token}
    await visitor.context.add_init_script(
        f"for (const [k, v] of Object.entries({json.dumps(stored)})) localStorage.setItem(k, v)"
    )
    await visitor.page.goto(f"{desk.server.url}/widget/{desk.site_key}")
    shown = visitor.page.locator(".from-desk")
    said = sum(m["author"] == "visitor" for m in talk.stored["messages"])
    await expect(visitor.page.locator(".from-visitor")).to_have_count(said)
    await expect(shown.last).to_be_visible()
    await expect(visitor.page.locator(".prose img, .prose iframe, .prose script, .prose a")).to_have_count(0)
    await visitor.context.close()
    return visitor.complaints
