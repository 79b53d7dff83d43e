"""A conversation: its page, its live part, its event stream, and what an agent does in it."""

import secrets
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from minidesk.accounts import list_people
from minidesk.conversations import access_conversation_as_agent
from minidesk.db import Tx
from minidesk.errors import Conflict, Invalid, MinideskError, NotFound, TooLarge, WrongType
from minidesk.files.kinds import ACCEPT
from minidesk.tickets import (
    canned_for,
    read_words,
    waiting_count,
)
from minidesk.web.console import assist_routes
from minidesk.web.console.assist_routes import Page, unanswered
from minidesk.web.console.contexts import Composer, ConversationPart, Helps, InboxPage, ListPart, Option
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.desk_part import macro_lines, with_desk
from minidesk.web.console.gate import at_the_console, checked_form, field, identify, is_part, viewer_in
from minidesk.web.console.helps import helps_for, with_wordings
from minidesk.web.console.inbox import list_part, shell
from minidesk.web.console.streams import conversation_events, event_number, stream
from minidesk.web.console.talk import Opened, conversation_part, with_hit
from minidesk.web.console.talk_acts import Acts
from minidesk.web.console.talk_entries import known_to, only_new, transcript_part, wanted_by
from minidesk.web.console.ticket_acts import CLIENT_ID_CHARS, Act
from minidesk.web.console.view import HEADERS, Translate, View, to

SELF = {"HX-Trigger": "desk:changed"}
NO_LIST = ListPart("", (), (), False, 0)  # the list beside a conversation refreshes itself


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    page = partial(_page, deps, view)

    @router.get("/conversations/{conversation_id}")
    async def conversation(request: Request, conversation_id: str) -> Response:
        return await page(request, conversation_id)

    for name, action in Acts(deps).by_name().items():
        _add_act(router, deps, name, action, page)
    _add_parts(router, deps, view)
    _add_canned(router, deps, view, page)
    _add_people(router, deps, view)
    assist_routes.add(router, deps, view, page, _composer)


def _add_act(router: APIRouter, deps: ConsoleDeps, name: str, action: Act, page: Page) -> None:
    """A form below the conversation: htmx gets 204 or the error body, a page without scripts the page again."""

    @router.post(f"/conversations/{{conversation_id}}/{name}")
    async def posted(request: Request, conversation_id: str) -> Response:
        agent, form = await checked_form(deps, request)
        try:
            async with deps.db.read() as tx:
                await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            await action(agent, conversation_id, form)
        except (Conflict, Invalid, WrongType, TooLarge) as error:
            if is_part(request):
                raise
            return await page(request, conversation_id, error, form)
        if is_part(request):
            return Response(status_code=204, headers=SELF)
        return to(f"/console/conversations/{conversation_id}")


def _add_parts(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """What an open page asks for: the conversation again, what was just said, and the stream that says when."""

    @router.get("/conversations/{conversation_id}/live")
    async def live(request: Request, conversation_id: str) -> Response:
        agent, now = await identify(deps, request), deps.clock()
        async with deps.db.read() as tx:
            opened, part = await _opened(tx, deps, request, agent.agent_id, conversation_id, now, view.t)
            viewer = await viewer_in(tx, deps, request, agent, site_id=opened.row.site_id)
        part = only_new(part, known_to(request))
        page = InboxPage(shell(viewer, "inbox"), NO_LIST, part, Composer(""))
        return view.html("parts/talk.html", page=page, c=part)

    @router.get("/conversations/{conversation_id}/messages")
    async def messages(request: Request, conversation_id: str) -> Response:
        """The transcript alone: what was just said is on the page before anything around it is looked up."""
        agent, now = await identify(deps, request), deps.clock()
        async with deps.db.read() as tx:
            part = await transcript_part(
                tx, agent.agent_id, conversation_id, wanted_by(request), now=now, t=view.t
            )
            part = await with_wordings(tx, deps.assist, part, view.t)
        return view.html("parts/transcript.html", c=only_new(part, known_to(request)), csrf=agent.csrf_token)

    @router.get("/conversations/{conversation_id}/events")
    async def events(request: Request, conversation_id: str, after: str = "") -> Response:
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            site_id = (await access_conversation_as_agent(tx, agent.agent_id, conversation_id)).site_id
        number = event_number(request, after)
        return stream(conversation_events(deps, request, site_id, conversation_id, number))


def _add_canned(router: APIRouter, deps: ConsoleDeps, view: View, page: Page) -> None:
    """Saved replies in the composer: all of them for a page with scripts, one inserted for a page without."""

    @router.get("/conversations/{conversation_id}/canned")
    async def canned(request: Request, conversation_id: str) -> Response:
        """Every saved reply as it would stand in this conversation: the page looks through them while one types."""
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            choices = await canned_for(tx, row, agent.agent_id)
            does = {each.id: each.does for each in await macro_lines(tx, row.site_id, choices, view.t)}
        replies = [
            {"name": c.name, "text": c.filled.text, "missing": list(c.filled.missing)}
            | ({"id": c.id, "does": does[c.id]} if c.id in does else {})
            for c in choices
        ]
        return JSONResponse({"replies": replies}, headers=HEADERS)

    @router.post("/conversations/{conversation_id}/canned")
    async def insert_canned(request: Request, conversation_id: str) -> Response:
        """Without scripts: the page again, with the reply behind what was written so far."""
        agent, form = await checked_form(deps, request)
        async with deps.db.read() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            choices = await canned_for(tx, row, agent.agent_id)
        chosen = next((c.filled for c in choices if c.id == field(form, "canned")), None)
        if chosen is None:
            raise NotFound
        written = _composer(form)
        text = f"{written.text.rstrip()}\n\n{chosen.text}".lstrip()
        return await page(
            request, conversation_id, composer=replace(written, text=text, missing=chosen.missing)
        )


def _add_people(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Whom a note can name."""

    @router.get("/conversations/{conversation_id}/people")
    async def people(request: Request, conversation_id: str) -> Response:
        """Everybody else who works for the site: the page looks through them while one types."""
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            found = await list_people(tx, row.site_id)
        named = [
            {"name": each.name, "about": view.t(f"people.role.{each.role}") if each.role else ""}
            for each in found
            if each.id != agent.agent_id
        ]
        return JSONResponse({"people": named}, headers=HEADERS)


async def _page(
    deps: ConsoleDeps,
    view: View,
    request: Request,
    conversation_id: str,
    error: MinideskError | None = None,
    form: FormData | None = None,
    composer: Composer | None = None,
) -> Response:
    """The whole page; with `error`, the one that refuses the `form`. `composer` is what its field holds instead of that."""
    agent, now = await identify(deps, request), deps.clock()
    asked = request.query_params
    beside = request.headers.get("hx-target") == "work"
    async with deps.db.read() as tx:
        opened, part = await _opened(tx, deps, request, agent.agent_id, conversation_id, now, view.t)
        viewer = await viewer_in(tx, deps, request, agent, site_id=opened.row.site_id)
        if beside:  # the list is on the page and stays there
            rows = replace(NO_LIST, waiting=await waiting_count(tx, opened.row.site_id, agent.agent_id))
        else:
            wanted = asked.get("view", "mine" if part.held_by_me else "open" if part.ticket else "assistant")
            tag = asked.get("tag", "")
            rows = await list_part(tx, viewer, wanted, tag=tag, selected=conversation_id, now=now, t=view.t)
        if query := asked.get("q"):
            part = with_hit(part, asked.get("hit", ""), read_words(query))
        choices = await canned_for(tx, opened.row, agent.agent_id)
        macros = await macro_lines(tx, opened.row.site_id, choices, view.t)
        helps = await helps_for(tx, deps.assist, conversation_id, view.t)
    await at_the_console(deps, opened.row.site_id, agent.agent_id)
    page = InboxPage(
        shell(viewer, "inbox", rows.waiting),
        rows,
        part,
        replace(
            _helped(composer or _composer(form), helps, form),
            accept=_accept(deps),
            canned=tuple(Option(each.id, each.name) for each in choices if each.filled.text),
            macros=macros,
            anyway=error is not None and error.code == "someone_writes",
        ),
        error.message if error else "",
    )
    template = "parts/opened.html" if beside else "inbox.html"
    return view.html(template, status=error.status if error else 200, page=page)


async def _opened(
    tx: Tx,
    deps: ConsoleDeps,
    request: Request,
    agent_id: str,
    conversation_id: str,
    now: datetime,
    t: Translate,
) -> tuple[Opened, ConversationPart]:
    """The conversation as far back as the address asks for, with what stands around its ticket."""
    opened, part = await conversation_part(tx, agent_id, conversation_id, wanted_by(request), now=now, t=t)
    part = await with_desk(tx, deps.here, agent_id, opened, part, now=now, t=t)
    if deps.assist is not None:
        part = replace(part, suggest_for=unanswered(part))
    return opened, await with_wordings(tx, deps.assist, part, t)


def _accept(deps: ConsoleDeps) -> str:
    """What the composer's file field offers; nothing where no files are taken."""
    return ACCEPT if deps.settings.attachment_max_bytes else ""


def _helped(composer: Composer, offered: Helps | None, form: FormData | None) -> Composer:
    """The composer with what it can be helped with, unless it comes with what a help has brought."""
    if composer.helps is not None or offered is None:
        return composer
    return replace(composer, helps=replace(offered, original=field(form, "original") if form else ""))


def _composer(form: FormData | None) -> Composer:
    if form is None:
        return Composer(secrets.token_hex(16))
    kind: Literal["reply", "note"] = "note" if field(form, "kind") == "note" else "reply"
    return Composer(
        field(form, "client_id")[:CLIENT_ID_CHARS] or secrets.token_hex(16), kind, field(form, "text")
    )
