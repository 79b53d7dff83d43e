"""The chat without JavaScript: one form. Whatever is pressed, the whole page comes back with the conversation as it stands.

The visitor's token stands in a hidden field: never in an address, which ends up in logs and histories (T4), and in no
cookie, so that no other page can send the form in the visitor's name.
"""

import asyncio
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import FileResponse, HTMLResponse
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import Request

from minidesk.conversations import MessageView, access_conversation_as_visitor
from minidesk.errors import Invalid, MinideskError, NotAuthenticated, NotFound
from minidesk.sites import (
    KnownVisitor,
    SiteView,
    VisitorIdentity,
    in_language,
    link_hosts,
    site_by_key,
)
from minidesk.text.locale import direction
from minidesk.text.normalise import check_text
from minidesk.text.render import render_markdown
from minidesk.text.sentences import speak_errors
from minidesk.tickets import check_not_blocked
from minidesk.web.body import read_form
from minidesk.web.guard import content_policy
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.gate import SESSIONS_PER_MINUTE, Gate, known
from minidesk.web.visitor_api.intake import SAID_CHARS, Intake, Wanted, check_asked, take_intake, wanted
from minidesk.web.visitor_api.locales import locale_for
from minidesk.web.visitor_api.pages import templates
from minidesk.web.visitor_api.queries import ThreadView, thread
from minidesk.web.visitor_api.saying import MINUTE, charge_conversation, say

# Most answers take a second; a request that waits longer than this for one costs the visitor's patience and a connection.
ANSWER_SECONDS = 8.0
FIELDS = 12
_CLIENT_ID = re.compile(r"[0-9a-f]{1,64}")
STYLE = Path(__file__).parent / "templates" / "plain.css"


@dataclass(frozen=True, slots=True)
class Source:
    """A page that an answer quotes."""

    n: int
    title: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """A message as the page shows it."""

    author: str
    who: str
    html: Markup
    sources: tuple[Source, ...]
    files: tuple[str, ...] = ()  # names: this page shows none, and says that there are some


@dataclass(frozen=True, slots=True)
class Said:
    """The conversation so far; `id` is empty before its first message."""

    id: str = ""
    holder: str = "assistant"
    who: str = ""
    messages: tuple[Line, ...] = ()
    waiting: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form held."""

    token: str = ""
    conversation: str = ""
    client_id: str = ""
    text: str = ""
    do: str = ""
    name: str = ""
    email: str = ""
    answer: str = ""
    consent: str = ""


class Plain:
    """The page and what its buttons do."""

    def __init__(self, deps: VisitorDeps) -> None:
        self._deps = deps
        self._gate = Gate(deps)
        self._pages = templates()

    async def first(self, site: SiteView, locale: str) -> HTMLResponse:
        """The page before anything was said: no session is opened for somebody who only looks."""
        return self._page(
            site, locale, Asked(), Said(who=self._who(None, locale)), form=self._form(site, locale, None)
        )

    async def pressed(self, request: Request, site: SiteView, locale: str, asked: Asked) -> HTMLResponse:
        """Do what the button says; a refusal is a sentence above the form, and nothing that was written is lost."""
        speak_errors(locale)
        problem: MinideskError | None = None
        token = asked.token
        try:
            token, visitor = await self._session(request, site, asked.token)
        except MinideskError as error:  # the session has ended, say: the words stay
            said = Said(who=self._who(None, locale))
            kept = replace(asked, token="", client_id="")
            return self._page(site, locale, kept, said, error, self._form(site, locale, None))
        conversation = asked.conversation
        try:
            conversation = await self._do(request, site, visitor, locale, asked)
            await self._answer(visitor, conversation)
        except MinideskError as error:
            problem = error
        said = await self._said(site, visitor, conversation, locale)
        kept = replace(asked, token=token, text=asked.text if problem else "")
        return self._page(site, locale, kept, said, problem, await self._still(site, visitor, locale, said))

    async def _still(self, site: SiteView, visitor: VisitorIdentity, locale: str, said: Said) -> Wanted:
        if said.messages:
            return Wanted()
        async with self._deps.db.read() as tx:
            return self._form(site, locale, await self._deps.visitors.about(tx, visitor.visitor_id))

    def _form(self, site: SiteView, locale: str, known_visitor: KnownVisitor | None) -> Wanted:
        """What stands before the first message."""
        return wanted(in_language(site.config, locale), known_visitor, self._deps.texts, locale)

    async def _session(self, request: Request, site: SiteView, token: str) -> tuple[str, VisitorIdentity]:
        if token:
            visitor = await self._deps.visitors.identify(self._deps.db, token[:200])
            if visitor.site_id != site.id:
                raise NotAuthenticated
            return token, visitor
        address = self._gate.address(request)
        self._deps.limiter.charge("sessions", address, limit=SESSIONS_PER_MINUTE, seconds=MINUTE)
        async with self._deps.db.write() as tx:
            browser = request.headers.get("user-agent", "")
            opened = await self._deps.visitors.open_session(tx, site.id, None, browser=browser)
        return opened.token, VisitorIdentity(opened.visitor_id, site.id)

    async def _do(
        self, request: Request, site: SiteView, visitor: VisitorIdentity, locale: str, asked: Asked
    ) -> str:
        """The conversation's id after it."""
        if asked.conversation:
            known(asked.conversation)
        text = check_text(asked.text, self._deps.settings.message_max_chars)  # before a conversation is begun
        if not text and asked.do != "person":
            if asked.do == "send":
                raise Invalid("Write something first.", code="message_empty")
            return asked.conversation
        id = await self._conversation(request, site, visitor, locale, asked)
        if text:
            client_id = asked.client_id if _CLIENT_ID.fullmatch(asked.client_id) else secrets.token_hex(16)
            await say(self._deps, visitor, self._gate.address(request), id, client_id, text)
        if asked.do == "person":
            await self._deps.handoff.hand_off(id, "customer_request")
        return id

    async def _conversation(
        self, request: Request, site: SiteView, visitor: VisitorIdentity, locale: str, asked: Asked
    ) -> str:
        if asked.conversation:
            async with self._deps.db.read() as tx:
                id = known(asked.conversation)
                row = await access_conversation_as_visitor(tx, visitor.visitor_id, id)
                await check_not_blocked(tx, visitor.site_id, visitor.visitor_id)
                await check_asked(self._deps, tx, site, row)
                return row.id
        charge_conversation(self._deps, self._gate.address(request))
        async with self._deps.db.write() as tx:
            await check_not_blocked(tx, visitor.site_id, visitor.visitor_id)
            given = Intake(
                name=asked.name[:SAID_CHARS],
                email=asked.email[:SAID_CHARS],
                answer=asked.answer[:SAID_CHARS],
                consent=asked.consent[:SAID_CHARS],
            )
            before = await take_intake(self._deps, tx, site, visitor.visitor_id, given)
            row = await self._deps.conversations.start(
                tx, site_id=visitor.site_id, visitor_id=visitor.visitor_id, locale=locale, before=before
            )
            return row.id

    async def _answer(self, visitor: VisitorIdentity, id: str) -> None:
        """Wait until nobody owes an answer, but not for long."""
        if not id:
            return
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                self._deps.streams.hub.subscribe(f"conversation:{id}") as news,
            ):
                while not self._deps.streams.stopping.is_set():
                    async with self._deps.db.read() as tx:
                        if not _owed(await thread(tx, visitor.visitor_id, id)):
                            return
                    await news.wait(1.0)
        except TimeoutError:
            return  # the page says that the question has arrived

    async def _said(self, site: SiteView, visitor: VisitorIdentity, id: str, locale: str) -> Said:
        if not id:
            return Said(who=self._who(None, locale))
        try:
            async with self._deps.db.read() as tx:
                view = await thread(tx, visitor.visitor_id, known(id))
        except NotFound:
            return Said(who=self._who(None, locale))
        hosts = link_hosts(site.allowed_origins, site.config.link_hosts)
        lines = await asyncio.to_thread(self._lines, view, hosts, locale)
        return Said(view.id, view.holder, self._who(view, locale), lines, _owed(view))

    def _lines(self, view: ThreadView, hosts: Collection[str], locale: str) -> tuple[Line, ...]:
        return tuple(self._line(m, hosts, locale) for m in view.messages if m.text or m.attachments)

    def _line(self, message: MessageView, hosts: Collection[str], locale: str) -> Line:
        names = {
            "visitor": self._deps.texts.t("widget.you", locale),
            "assistant": self._deps.texts.t("widget.assistant", locale),
            "agent": message.name or self._deps.texts.t("widget.agent", locale),
        }
        html = Markup(render_markdown(message.text, link_hosts=hosts))  # noqa: S704 (cleaned by the one renderer)
        files = tuple(file.name for file in message.attachments)
        sources = tuple(Source(c.n, c.title, _link(c.url)) for c in message.citations)
        return Line(message.author, names.get(message.author, ""), html, sources, files)

    def _who(self, view: ThreadView | None, locale: str) -> str:
        holder = view.holder if view else "assistant"
        key = "closed_status" if holder == "closed" else f"{holder}_line"
        name = (view.agent_name if view else None) or self._deps.texts.t("widget.agent", locale)
        return self._deps.texts.t(f"widget.{key}", locale, name=name)

    def _page(
        self,
        site: SiteView,
        locale: str,
        asked: Asked,
        said: Said,
        problem: MinideskError | None = None,
        form: Wanted | None = None,
    ) -> HTMLResponse:
        html = self._pages.get_template("plain.html").render(
            site=site,
            locale=locale,
            direction=direction(locale),
            t=lambda name, **values: self._deps.texts.t(name, locale, **values),
            greeting=in_language(site.config, locale).greeting
            or self._deps.texts.t("widget.greeting", locale),
            privacy_url=site.config.privacy_url,
            max_chars=self._deps.settings.message_max_chars,
            said=said,
            form=form or Wanted(),
            asked=asked,
            token=asked.token,
            text=asked.text,
            # The same id as before where nothing was taken: pressing again must not say it twice.
            client_id=asked.client_id if problem and asked.client_id else secrets.token_hex(16),
            problem=problem.message if problem else "",
        )
        policy = content_policy(("'self'", *site.allowed_origins)).replace(
            "script-src 'self'", "script-src 'none'"
        )
        status = problem.status if problem else 200
        return HTMLResponse(html, status, {"Content-Security-Policy": policy})


def plain_router(deps: VisitorDeps) -> APIRouter:
    """`/widget/{key}/plain`."""
    router = APIRouter(include_in_schema=False)
    plain = Plain(deps)

    async def where(key: str, *wanted: str | None) -> tuple[SiteView, str]:
        async with deps.db.read() as tx:
            site = await site_by_key(tx, known(key))
        return site, locale_for(deps.texts, site, *wanted)

    @router.get("/widget/plain.css")
    async def style() -> FileResponse:
        """The page's one style sheet."""
        return FileResponse(STYLE, media_type="text/css", headers={"Cache-Control": "public, max-age=300"})

    @router.get("/widget/{key}/plain")
    async def page(
        key: str,
        locale: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> HTMLResponse:
        """The empty form."""
        site, chosen = await where(key, locale, accept_language)
        return await plain.first(site, chosen)

    @router.post("/widget/{key}/plain")
    async def press(
        request: Request,
        key: str,
        locale: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> HTMLResponse:
        """A button of the form."""
        site, chosen = await where(key, locale, accept_language)
        form = await read_form(request, max_files=0, max_fields=FIELDS)
        return await plain.pressed(request, site, chosen, _asked(form))

    return router


def _asked(form: FormData) -> Asked:
    values = {field.name: form.get(field.name) for field in fields(Asked)}
    return Asked(**{name: value if isinstance(value, str) else "" for name, value in values.items()})


def _owed(view: ThreadView) -> bool:
    """Whether the assistant has not finished what the visitor asked last."""
    last = view.messages[-1] if view.messages else None
    return (
        view.holder == "assistant"
        and last is not None
        and (last.author == "visitor" or last.state == "streaming")
    )


def _link(url: str | None) -> str | None:
    return url if url and url.lower().startswith(("https://", "http://", "/")) else None
