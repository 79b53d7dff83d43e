"""Nothing that anybody writes runs in the widget or in the console, and nothing of it asks a foreign host for anything.

A page-level hook counts: calls of `canary`, dialogs, and requests to anywhere but the desk, which are stopped.
"""

import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from minidesk.accounts import create_api_key
from minidesk.conversations import AnswerEnd, AnswerPart, BeforeFirst, CitationDraft, Conversations, Sent
from minidesk.operations import add_agent
from minidesk.settings import load_settings
from minidesk.sites import Visitors
from minidesk.wiring import Core, open_core
from tests.browser import conftest as browsers
from tests.browser.conftest import Watched
from tests.browser.embedding import until
from tests.helpers.server import running
from tests.hostile.desk import LOGIN, PASSWORD, HostileDesk, sign_in_to, stranger_to_all_but
from tests.hostile.obedient import obedient_model
from tests.hostile.scripts import COUNT, FOREIGN, LONGEST, PLACES, SHAPES, Place, Script, few, rounds

browser = browsers.browser
pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

SHORT = 8
TOGETHER = 8  # rounds on one page
Round = dict[Place, Script]

# What stands in a document that must not: whoever could act, and whoever could ask for something.
WRONG = """(foreign) => [...document.querySelectorAll("*")].flatMap((it) => {
  const wrong = [...it.attributes].filter((a) => /^on/i.test(a.name) || /^(srcdoc|srcset|background|poster|hx-on.*)$/.test(a.name)
    || (/^(href|src|action|formaction|data|xlink:href|style|hx-get|data-url)$/.test(a.name)
      && (/^\\s*(javascript|vbscript|data):/i.test(a.value) || (a.name === "style" ? a.value : URL.parse(a.value, location)?.host ?? "").includes(foreign)) && a.value !== "data:,"));
  const tags = /^(iframe|object|embed|base|math|style|foreignobject|marquee|template|audio|video)$/i;
  const names = /clobber/.test(`${it.id} ${it.getAttribute("name")}`) || (it.tagName !== "DIV" && it.id === "app");
  const strange = /^script$/i.test(it.tagName) && !it.src.startsWith(location.origin);
  return wrong.length || tags.test(it.tagName) || names || strange ? [it.outerHTML.slice(0, 200)] : [];
})"""


@dataclass
class Seen:
    """What was shown, and what happened."""

    shown: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def test_there_are_four_hundred_and_no_two_are_the_same() -> None:
    every = [script for one in rounds() for script in one.values()]
    assert len(every) == COUNT
    assert len({script.text for script in every}) == COUNT
    assert all(len(script.text.rpartition(" ")[0]) <= LONGEST for script in every)
    assert {place: sum(s.place == place for s in every) for place in PLACES} == dict.fromkeys(PLACES, 80)
    assert len(SHAPES) >= 80


async def test_a_part_of_them_runs_nowhere(tmp_path: Path, browser: Browser) -> None:
    await show(few(SHORT), tmp_path, browser)


@pytest.mark.prove
async def test_none_of_four_hundred_runs_anywhere(tmp_path: Path, browser: Browser) -> None:
    await show(rounds(), tmp_path, browser)


async def test_the_hook_counts(tmp_path: Path, browser: Browser) -> None:
    """On a page that shows them as they are, they do run: a hook that hears nothing would prove nothing."""
    async with written((), tmp_path) as (desk, _):
        watched = await listening(desk, browser)
        await watched.context.route(f"{desk.server.url}/naked", lambda route: route.fulfill(content_type="text/html", body="<p>"))  # fmt: skip
        await watched.page.goto(f"{desk.server.url}/naked")
        every = [one[place].text for one in rounds() for place in PLACES]
        # Those that leave the page would end the test; these stay.
        html = "".join(text for text in every if text.startswith("<img src=x onerror="))
        await watched.page.evaluate("(html) => { document.body.innerHTML = html; }", html)
        await watched.page.evaluate(f"fetch('//{FOREIGN}/last').catch(String)")

        async def all_heard() -> bool | None:
            kinds = {line.partition(":")[0] for line in watched.complaints}
            return {"ran", "dialog", "stopped"} <= kinds or None

        await until(all_heard)


async def show(chosen: Sequence[Round], folder: Path, browser: Browser) -> None:
    """Write all of it, look at it where people look at it, and count."""
    async with written(chosen, folder) as (desk, tokens):
        seen = Seen()
        agent = await listening(desk, browser, signed_in=True)
        for id, token in tokens:
            if token:
                await in_widget(desk, browser, token, seen)
            await agent.page.goto(f"{desk.server.url}/console/conversations/{id}")
            await expect(agent.page.locator("#p-customer")).to_be_visible()
            await judge(agent.page, seen)
        for path in ("inbox", "docs"):
            await agent.page.goto(f"{desk.server.url}/console/{path}")
            await expect(agent.page.locator("main, #main").first).to_be_visible()
            await judge(agent.page, seen)
        seen.wrong += agent.complaints
        marks = {script.mark for one in chosen for script in one.values()}
        print(f"{len(marks)} payloads, {len(marks & seen.shown)} seen on a page, {len(seen.wrong)} wrong")
        assert seen.wrong == [], "\n".join(seen.wrong)
        missing = [s for one in chosen for s in one.values() if s.mark not in seen.shown]
        assert missing == [], "what was not shown was not tried"


async def judge(page: Page, seen: Seen) -> None:
    """Look at a page as it stands."""
    seen.wrong += [f"{page.url}: {html}" for html in await page.evaluate(WRONG, FOREIGN)]
    text = await page.evaluate("document.body.innerText + ' ' + document.title")
    seen.shown |= set(re.findall(r"kx\d+x", text))


async def in_widget(desk: HostileDesk, browser: Browser, token: str, seen: Seen) -> None:
    """The conversation as its visitor sees it, with a passage that it quotes."""
    visitor = await listening(desk, browser)
    stored = {f"minidesk:{desk.site_key}:token": token}
    await visitor.context.add_init_script(
        f"for (const [k, v] of Object.entries({json.dumps(stored)})) localStorage.setItem(k, v)"
    )
    page = visitor.page
    await page.goto(f"{desk.server.url}/widget/{desk.site_key}")
    await expect(page.locator(".from-visitor").last).to_be_visible()
    await expect(page.locator(".chips button").last).to_be_visible()
    await judge(page, seen)
    await page.locator(".chips button").last.click()
    await expect(page.locator("dialog mark")).to_be_visible()
    await judge(page, seen)
    seen.wrong += visitor.complaints
    await visitor.context.close()


async def listening(desk: HostileDesk, browser: Browser, *, signed_in: bool = False) -> Watched:
    """A person in whose browser every call, dialog and foreign request is a complaint."""
    watched = await (sign_in_to(desk, browser) if signed_in else stranger_to_all_but(desk, browser))
    await watched.context.expose_binding("canary", lambda _, n=None: watched.complaints.append(f"ran: {n}"))

    async def opened(dialog: Any) -> None:
        watched.complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    watched.page.on("dialog", opened)
    return watched


@asynccontextmanager
async def written(
    chosen: Sequence[Round], folder: Path
) -> AsyncIterator[tuple[HostileDesk, list[tuple[str, str]]]]:
    """A running desk in which all of it stands; gives conversations, and their visitors' tokens where there are messages."""
    settings = load_settings(data_dir=folder / "data")
    tokens: list[tuple[str, str]] = []
    async with open_core(settings) as core:
        await add_agent(core, LOGIN, "Mara Lindt", PASSWORD, "admin", False, None)
        site = await core.site(None)
        async with core.db.write() as tx:
            scopes = ["documents:read", "documents:write"]
            key = await create_api_key(tx, site_id=site.id, name="tests", scopes=scopes, now=core.clock())
        for at in range(0, len(chosen), TOGETHER):
            some = chosen[at : at + TOGETHER]
            tokens.append(await talked(core, site.id, some))
            tokens += [(await named(core, site.id, one["name"].text), "") for one in some]
    async with (
        running(folder, "serve", MINIDESK_REQUESTS_PER_MINUTE_KEY="100000") as server,
        httpx.AsyncClient(base_url=server.url, timeout=60) as http,
    ):
        desk = HostileDesk(server, obedient_model(), http, site.key, key.key)
        for one in chosen:
            number = one["title"].number
            await desk.put(f"d{number}", one["title"].text, f"Lamp {number} is made in Graz.", key.key)
        if chosen:
            assert await desk.all_read(key.key) == len(chosen)
        yield desk, tokens


async def talked(core: Core, site_id: str, some: Sequence[Round]) -> tuple[str, str]:
    """A conversation with their messages, files, answers and cited titles."""
    visitors, conversations = Visitors(core.clock), Conversations(core.events, core.jobs, core.clock)
    async with core.db.write() as tx:
        session = await visitors.open_session(tx, site_id, None, browser=some[0]["name"].text)
        await visitors.keep_attributes(
            tx, session.visitor_id, {one["name"].text[:40]: one["message"].text for one in some}
        )
        before = BeforeFirst(some[0]["message"].text, some[0]["answer"].text, some[0]["title"].text)
        talk = await conversations.start(
            tx,
            site_id=site_id,
            visitor_id=session.visitor_id,
            page_title=some[0]["title"].text,
            before=before,
        )
    for one in some:
        file = await core.attachments.take(
            site_id=site_id, author="visitor", owner_id=session.visitor_id,
            sent=Sent(f"{one['file'].text}.txt", "text/plain", _bytes(b"harmless")),
        )  # fmt: skip
        async with core.db.write() as tx:
            posted = await conversations.post_visitor_message(
                tx, talk, client_id=one["message"].mark, text=one["message"].text, attachments=[file.id]
            )
        async with core.db.write() as tx:
            handle = await conversations.begin_answer(tx, reply_to=posted.message.id)
            title, text = one["title"].text, one["answer"].text
            cited = CitationDraft(1, "chk_1", "doc_1", "ver_1", title, title, f"javascript:canary('{title}')", text, 0, len(text))  # fmt: skip
            await conversations.append_sentence(tx, handle, AnswerPart(text, (cited,)))
            await conversations.finish_answer(tx, handle, AnswerEnd("reply", score=0.9))
    return talk.id, session.token


async def named(core: Core, site_id: str, name: str) -> str:
    """A conversation of somebody with this name; a person is asked for, so that it is in the inbox."""
    visitors, conversations = Visitors(core.clock), Conversations(core.events, core.jobs, core.clock)
    async with core.db.write() as tx:
        session = await visitors.open_session(tx, site_id, None)
        await visitors.introduce(tx, session.visitor_id, name=name[:120], email=None)
        return (await conversations.start(tx, site_id=site_id, visitor_id=session.visitor_id)).id


async def _bytes(data: bytes) -> AsyncIterator[bytes]:
    yield data
