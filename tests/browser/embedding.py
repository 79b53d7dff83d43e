"""The built widget in pages of other origins, on a desk whose answers the test writes itself.

Names such as shop.example lead to this machine inside the browser, so that origins are as different as in life.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from playwright.async_api import Browser, BrowserContext, Frame, Page, async_playwright, expect
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minidesk.db.models import Conversation, Site
from minidesk.db.models import Message as MessageRow
from minidesk.web.assets import DIST
from tests.browser.conftest import CHROMIUM, QUIET
from tests.helpers.serving import serving
from tests.web.conftest import Desk

T = TypeVar("T")
PATIENCE_MS = 30_000
SHOP, EVIL = "shop.example", "evil.example"
# Of the shop's own site: to a frame of another one, a private window (which is what a test has) gives no storage.
DESK, FAR_DESK = "desk.shop.example", "desk.example"
LOOK_ALIKES = (
    "evil-shop.example",
    "shop.example.evil.example",
    "www.shop.example",
    "xn--shp-0na.example",
    "shopxexample.example",
)
HOST = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>A shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>A shop</h1><p>Some words.</p><div id="place"></div></main>{more}
<script async src="{desk}/widget.js" data-site="{key}" {attributes}></script></body></html>"""


EVENT_END = b"\n\n"


class Cutter:
    """Stands before the desk and breaks an event stream after `after` stored events, once.

    A piece of a stream may hold several events where the machine is slow: it is parted at the cut.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.after: int | None = None
        self.cuts = 0
        self.passed = 0  # stored events of the streams that began since `cut_after`

    def cut_after(self, events: int) -> None:
        """Break the next stream once this many stored events went through."""
        self.after, self.passed = events, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or cut."""
        if self.after is None or not scope.get("path", "").endswith("/events"):
            await self._app(scope, receive, send)
            return

        async def counted(message: Message) -> None:
            if message["type"] != "http.response.body" or self.after is None:
                await send(message)
                return
            through = b""
            for event in message.get("body", b"").split(EVENT_END):
                if not (stored := b"\nid: " in b"\n" + event) or self.passed < self.after:
                    through += event + EVENT_END
                    self.passed += stored
                    continue
                if through:
                    await send({**message, "body": through})
                self.after = None
                self.cuts += 1
                raise ConnectionResetError("cut")
            await send({**message, "body": through.removesuffix(EVENT_END)})

        await self._app(scope, receive, counted)


@dataclass
class Embedding:
    """A browser, a desk, and the pages around."""

    desk: Desk
    browser: Browser
    desk_port: int
    page_port: int
    cutter: Cutter
    complaints: list[str] = field(default_factory=list)
    policy: str = ""
    more: str = ""
    lang: str = "en"
    attributes: str = ""
    desk_name: str = DESK

    @property
    def desk_url(self) -> str:
        """The desk's address in the browser."""
        return f"http://{self.desk_name}:{self.desk_port}"

    def origin(self, name: str = SHOP) -> str:
        """A page's origin."""
        return f"http://{name}:{self.page_port}"

    async def context(self, **options: Any) -> BrowserContext:
        """One person's browser."""
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"} | options
        context = await self.browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        return context

    async def page(self, context: BrowserContext | None = None, name: str = SHOP, path: str = "/") -> Page:
        """A page of a website, which notes whatever should not happen in it."""
        page = await (context or await self.context()).new_page()
        watch(page, self.complaints)
        await page.goto(self.origin(name) + path)
        return page

    async def chat(self, page: Page) -> Frame:
        """Press the launcher; gives the chat's frame once one can write there."""
        await page.locator("minidesk-widget button").click()
        return await self.frame(page)

    async def frame(self, page: Page) -> Frame:
        """The chat's frame."""
        await page.frame_locator("minidesk-widget iframe").get_by_role("textbox").wait_for()
        return next(frame for frame in page.frames if frame.url.startswith(self.desk_url))

    async def conversation(self) -> str:
        """The newest one's id."""
        async with self.desk.db.read() as tx:
            found = await tx.scalar(
                select(Conversation.id).order_by(Conversation.created_at.desc(), Conversation.id.desc())
            )
        assert found is not None
        return found

    async def messages(self, conversation_id: str | None = None) -> list[MessageRow]:
        """What is stored, in order."""
        async with self.desk.db.read() as tx:
            rows = select(MessageRow).order_by(
                MessageRow.created_at, MessageRow.conversation_id, MessageRow.seq
            )
            if conversation_id is not None:
                rows = rows.where(MessageRow.conversation_id == conversation_id)
            return list(await tx.scalars(rows))

    async def last_question(self) -> str:
        """The id of what the visitor said last, once it is there."""

        async def asked() -> str | None:
            rows = await self.messages()
            return rows[-1].id if rows and rows[-1].author == "visitor" else None

        return await until(asked)


async def until(check: Callable[[], Awaitable[T | None]]) -> T:
    """What `check` gives as soon as it gives anything: rows do not announce themselves to a test."""
    async with asyncio.timeout(30):
        while (found := await check()) is None:  # noqa: ASYNC110 (see above)
            await asyncio.sleep(0.02)
    return found


def watch(page: Page, complaints: list[str]) -> None:
    """Note script errors, violations of a policy, dialogs, and requests to hosts that are none of ours."""
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("console", lambda said: complaints.append(said.text) if "Security Policy" in said.text else None)

    async def opened(dialog: Any) -> None:
        complaints.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    page.on("dialog", opened)
    page.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith(("data:", "blob:")) or ".example:" in asked.url.split("/")[2]
            else complaints.append(f"request: {asked.url}")
        ),
    )


async def say(frame: Frame, text: str) -> None:
    """Write and send."""
    box = frame.get_by_role("textbox")
    await box.fill(text)
    await box.press("Enter")


def pages(embedding: Callable[[], Embedding]) -> ASGIApp:
    """The websites: every path of every host gives the same page."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        it = embedding()
        request = Request(scope, receive)
        path = request.url.path
        html = HOST.format(
            desk=it.desk_url,
            key=it.desk.site.key,
            more=it.more,
            lang=it.lang,
            dir="rtl" if it.lang in ("ar", "he") else "ltr",
            attributes=it.attributes,
        )
        if path.startswith("/evil"):
            html = EVIL_PAGE.replace("MARK", json.dumps("minidesk2"))
        headers = {"Content-Security-Policy": it.policy} if it.policy and path == "/" else {}
        await HTMLResponse(html, headers=headers)(scope, receive, send)

    return app


EVIL_PAGE = """<!doctype html><meta charset="utf-8"><title>evil</title><script>
window.got = [];
addEventListener("message", (event) => window.got.push(event.data));
window.attack = (target) => {
  const forged = [
    {type: "page", page: "x", title: "x", locale: "de", attributes: "{}", token: "x", inline: false, open: true, focus: 9},
    {type: "send", text: "forged"}, {type: "reset"}, {type: "unread", count: 7}, {type: "close"}, {type: "ready"},
    {type: "look", accent: "#ff0000", onAccent: "#000000", position: "left", label: "forged", side: "99px", bottom: "99px", open: "forged", close: "forged"},
    {type: "event", name: "message", detail: {author: "forged"}}, {type: "active", active: true},
  ];
  for (const message of forged) for (const mark of [MARK, "minidesk1", undefined]) target.postMessage({mark, ...message}, "*");
  for (const odd of [null, 5, "x", [], {mark: MARK}, {mark: MARK, type: "__proto__"}, {mark: MARK, type: "page"}]) target.postMessage(odd, "*");
};
</script>"""


@pytest.fixture
def database_kind() -> str:
    """What the browser shows does not depend on the database; test_story runs on both."""
    return "sqlite"


@pytest.fixture
async def embedding(desk: Desk, tmp_path: Path) -> AsyncIterator[Embedding]:
    """Everything started."""
    shutil.copytree(DIST, desk.dist)
    cutter = Cutter(desk.app)
    made: list[Embedding] = []
    async with AsyncExitStack() as stack:
        desk_at = await stack.enter_async_context(serving(cutter, proxy_headers=False))
        pages_at = await stack.enter_async_context(serving(pages(lambda: made[0])))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        tasks.create_task(desk.streams.run())
        browser = await stack.enter_async_context(chromium())
        ports = [int(url.rpartition(":")[2]) for url in (desk_at, pages_at)]
        it = Embedding(desk, browser, ports[0], ports[1], cutter)
        made.append(it)
        async with desk.db.write() as tx:
            site = await tx.get_one(Site, desk.site.id)
            site.allowed_origins = [it.origin(SHOP)]
        yield it
        desk.stopping.set()
        await browser.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser for which every name ending in .example is this machine."""
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path=CHROMIUM, args=[*QUIET, "--host-resolver-rules=MAP *.example 127.0.0.1"]
        )
        yield browser
