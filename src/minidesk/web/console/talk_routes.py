"""A conversation: its page, its live part, its event stream, and what an agent does in it."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal, get_args

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from minidesk.accounts import AgentIdentity
from minidesk.conversations import access_conversation_as_agent
from minidesk.db import Tx
from minidesk.errors import AlreadyAssigned, Conflict, Invalid, MinideskError, NotFound
from minidesk.text.normalise import check_text
from minidesk.tickets import (
    Priority,
    active_ticket,
    canned_for,
    canned_names,
    check_filled,
    read_words,
    ticket_of,
)
from minidesk.web.console.contexts import Composer, InboxPage, ListPart, Option
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer, checked_form, field, identify, is_part
from minidesk.web.console.inbox import list_part, shell
from minidesk.web.console.streams import conversation_events, event_number, stream
from minidesk.web.console.talk import conversation_part, with_hit
from minidesk.web.console.view import HEADERS, View

# A person may write more than a visitor: a whole explanation with its steps.
AGENT_TEXT_CHARS = 20_000
CLIENT_ID_CHARS = 64
SELF = {"HX-Trigger": "desk:changed"}
NO_LIST = ListPart("", (), (), False, 0)  # the list beside a conversation refreshes itself

Action = Callable[[AgentIdentity, str, FormData], Awaitable[None]]


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""
    acts = Acts(deps)

    @router.get("/conversations/{conversation_id}")
    async def page(request: Request, conversation_id: str) -> Response:
        return await _page(request, conversation_id)

    @router.get("/conversations/{conversation_id}/live")
    async def live(request: Request, conversation_id: str) -> Response:
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            site_id, part = await conversation_part(
                tx, agent.agent_id, conversation_id, now=deps.clock(), t=view.t
            )
        viewer = await access_viewer(deps, request, site_id=site_id)
        page = InboxPage(shell(viewer, "inbox"), NO_LIST, part, Composer(""))
        return view.html("parts/talk.html", page=page, c=part)

    @router.get("/conversations/{conversation_id}/events")
    async def events(request: Request, conversation_id: str, after: str = "") -> Response:
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            site_id = (await access_conversation_as_agent(tx, agent.agent_id, conversation_id)).site_id
        number = event_number(request, after)
        return stream(conversation_events(deps, request, site_id, conversation_id, number))

    def act(name: str, action: Action) -> None:
        """A form below the conversation: htmx gets 204 or the error body, a page without scripts the page again."""

        @router.post(f"/conversations/{{conversation_id}}/{name}")
        async def posted(request: Request, conversation_id: str) -> Response:
            agent, form = await checked_form(deps, request)
            try:
                async with deps.db.read() as tx:
                    await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
                await action(agent, conversation_id, form)
            except (Conflict, Invalid) as error:
                if is_part(request):
                    raise
                return await _page(request, conversation_id, error, form)
            if is_part(request):
                return Response(status_code=204, headers=SELF)
            return RedirectResponse(f"/console/conversations/{conversation_id}", status_code=303)

    act("say", acts.say)
    act("take-over", acts.take_over)
    act("hand-back", acts.hand_back)
    act("wait", acts.wait)
    act("solve", acts.solve)
    act("reopen", acts.reopen)
    act("ticket", acts.change_ticket)
    act("tag", acts.add_tag)
    act("untag", acts.remove_tag)

    async def _page(
        request: Request,
        conversation_id: str,
        error: MinideskError | None = None,
        form: FormData | None = None,
        composer: Composer | None = None,
    ) -> Response:
        agent = await identify(deps, request)
        now = deps.clock()
        async with deps.db.read() as tx:
            site_id, part = await conversation_part(tx, agent.agent_id, conversation_id, now=now, t=view.t)
        viewer = await access_viewer(deps, request, site_id=site_id)
        wanted = request.query_params.get(
            "view", "mine" if part.held_by_me else "open" if part.ticket else "assistant"
        )
        async with deps.db.read() as tx:
            tag = request.query_params.get("tag", "")
            rows = await list_part(tx, viewer, wanted, tag=tag, selected=conversation_id, now=now, t=view.t)
            if query := request.query_params.get("q"):
                part = with_hit(part, request.query_params.get("hit", ""), read_words(query))
            names = await canned_names(tx, site_id, agent.agent_id)
        page = InboxPage(
            shell(viewer, "inbox", rows.waiting),
            rows,
            part,
            replace(composer or _composer(form), canned=tuple(Option(id, name) for id, name in names)),
            error.message if error else "",
        )
        return view.html("inbox.html", status=error.status if error else 200, page=page)

    _add_canned(router, deps, _page)


def _add_canned(router: APIRouter, deps: ConsoleDeps, page: Callable[..., Awaitable[Response]]) -> None:
    """Saved replies in the composer: all of them for a page with scripts, one inserted for a page without."""

    @router.get("/conversations/{conversation_id}/canned")
    async def canned(request: Request, conversation_id: str) -> Response:
        """Every saved reply as it would stand in this conversation: the page looks through them while one types."""
        agent = await identify(deps, request)
        async with deps.db.read() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            choices = await canned_for(tx, row, agent.agent_id)
        replies = [
            {"name": c.name, "text": c.filled.text, "missing": list(c.filled.missing)} for c in choices
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


class Acts:
    """What an agent does in a conversation that they may see. Each raises what the room below raises."""

    def __init__(self, deps: ConsoleDeps) -> None:
        self._deps = deps

    async def say(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """A note, or a reply to the visitor; a reply to a conversation that no person holds takes it over."""
        text = check_text(field(form, "text"), AGENT_TEXT_CHARS)
        if not text:
            raise Invalid("Write something first.", code="text_missing")
        client_id = field(form, "client_id")[:CLIENT_ID_CHARS] or secrets.token_hex(16)
        if field(form, "kind") == "note":
            async with self._deps.db.write() as tx:
                await self._deps.conversations.post_note(
                    tx, conversation_id, agent_id=agent.agent_id, text=text, client_id=client_id
                )
            return
        check_filled(text)
        ticket_id = await self._ticket_to_answer(agent, conversation_id)
        async with self._deps.db.write() as tx:
            await self._deps.tickets.reply(
                tx, ticket_id, agent_id=agent.agent_id, text=text, client_id=client_id
            )

    async def take_over(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The agent holds the conversation; a ticket is opened where there is none."""
        await self._deps.handoff.hand_off(conversation_id, "agent_request", agent_id=agent.agent_id)

    async def hand_back(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The assistant answers again. What another agent holds is theirs to give back."""
        async with self._deps.db.write() as tx:
            row = await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
            if row.holder == "agent" and row.holder_agent_id != agent.agent_id:
                raise AlreadyAssigned("Another agent is on this conversation. Take it over from them first.")
            await self._deps.conversations.hand_back(tx, conversation_id)

    async def solve(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The ticket is solved; what the visitor writes next is the assistant's again."""
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is None:
                raise Conflict("There is no open ticket here. Reload to see how it stands.", code="no_ticket")
            await self._deps.tickets.set_status(tx, ticket.id, "solved")

    async def wait(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The ticket waits for the visitor: out of the way until they write again."""
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is None:
                raise Conflict("There is no open ticket here. Reload to see how it stands.", code="no_ticket")
            await self._deps.tickets.set_status(tx, ticket.id, "pending")

    async def reopen(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """A solved ticket waits for a person again."""
        async with self._deps.db.write() as tx:
            await self._reopened(tx, conversation_id)

    async def change_ticket(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """Another team or priority."""
        priority = field(form, "priority")
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is None:
                raise Conflict("This ticket is not open any more. Reopen it first.", code="ticket_not_open")
            await self._deps.tickets.set_team(tx, ticket.id, field(form, "team") or None)
            if priority and priority not in get_args(Priority):
                raise Invalid("A priority is low, normal, high or urgent.", code="invalid_priority")
            if priority:
                await self._deps.tickets.set_priority(tx, ticket.id, priority)  # type: ignore[arg-type]  # checked above

    async def add_tag(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """The conversation's latest ticket wears one tag more."""
        async with self._deps.db.write() as tx:
            ticket_id = await _tagged_ticket(tx, conversation_id)
            await self._deps.tickets.add_tag(tx, ticket_id, agent.agent_id, field(form, "tag"))

    async def remove_tag(self, agent: AgentIdentity, conversation_id: str, form: FormData) -> None:
        """And one less."""
        async with self._deps.db.write() as tx:
            ticket_id = await _tagged_ticket(tx, conversation_id)
            await self._deps.tickets.remove_tag(tx, ticket_id, agent.agent_id, field(form, "tag"))

    async def _ticket_to_answer(self, agent: AgentIdentity, conversation_id: str) -> str:
        """The open ticket; a solved one is opened again, and where there is none, taking over opens one."""
        async with self._deps.db.write() as tx:
            ticket = await active_ticket(tx, conversation_id)
            if ticket is not None:
                return ticket.id
            last = await ticket_of(tx, conversation_id)
            if last is not None and last.status == "solved":
                return await self._reopened(tx, conversation_id)
        opened = await self._deps.handoff.hand_off(conversation_id, "agent_request", agent_id=agent.agent_id)
        return opened.id

    async def _reopened(self, tx: Tx, conversation_id: str) -> str:
        last = await ticket_of(tx, conversation_id)
        if last is None:
            raise Conflict(
                "There is no ticket here. Take the conversation over to open one.", code="no_ticket"
            )
        await self._deps.tickets.set_status(tx, last.id, "open")
        return last.id


async def _tagged_ticket(tx: Tx, conversation_id: str) -> str:
    ticket = await ticket_of(tx, conversation_id)
    if ticket is None:
        raise Conflict(
            "There is no ticket here to tag. Take the conversation over to open one.", code="no_ticket"
        )
    return ticket.id


def _composer(form: FormData | None) -> Composer:
    if form is None:
        return Composer(secrets.token_hex(16))
    kind: Literal["reply", "note"] = "note" if field(form, "kind") == "note" else "reply"
    return Composer(
        field(form, "client_id")[:CLIENT_ID_CHARS] or secrets.token_hex(16), kind, field(form, "text")
    )
