"""What is done with several tickets at once, and who may not write to the site."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.conversations import access_conversation_as_agent
from minidesk.db import Tx
from minidesk.errors import Conflict, Invalid, NotFound
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import active_ticket, check_tag, list_blocks, mark_spam, ticket_of, unblock
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import access_viewer, checked_form, checked_viewer, field, fields
from minidesk.web.console.inbox import query_of, shell_of
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to

AT_ONCE = 60  # what the inbox shows
BULK = ("assign", "tag", "solve", "reopen", "close", "spam")
Step = Callable[[Tx, str], Awaitable[None]]
_ID = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class BlockRow:
    """Who may not write."""

    id: str
    kind: str
    who: str
    by: str
    at: When
    href: str


@dataclass(frozen=True, slots=True)
class BlocksPage:
    """The page."""

    shell: Shell
    rows: tuple[BlockRow, ...]


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.post("/inbox/bulk")
    async def bulk(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        chosen = [each for each in fields(form, "chosen") if "\0" not in each]
        chosen = list(dict.fromkeys(chosen))[:AT_ONCE]
        do = field(form, "do")
        if do not in BULK:
            raise Invalid("Choose what to do with them.", code="bulk_invalid")
        if not chosen:
            raise Invalid("Tick the tickets first.", code="nothing_chosen")
        tag = check_tag(replace_surrogates(field(form, "with_tag"))) if do == "tag" else ""
        step = _step(deps, agent.agent_id, do, tag, field(form, "assignee"))
        done: list[str] = []
        failed = 0
        for conversation_id in chosen:
            try:
                # Each in a transaction of its own: one that cannot be moved must not hold back the others.
                async with deps.db.write() as tx:
                    await access_conversation_as_agent(tx, agent.agent_id, conversation_id)
                    await step(tx, conversation_id)
                done.append(conversation_id)
            except (Conflict, Invalid, NotFound):
                failed += 1
        told = {"did": do, "done": str(len(done)), "failed": str(failed)}
        if do == "solve":
            told["undo"] = ",".join(done)
        here = f"/console/inbox?{query_of(field(form, 'view'), replace_surrogates(field(form, 'tag')))}"
        return to(f"{here}&{urlencode(told)}")

    @router.get("/blocked")
    async def blocked_page(request: Request) -> Response:
        viewer = await access_viewer(deps, request)
        now = deps.clock()
        async with deps.db.read() as tx:
            blocks = await list_blocks(tx, viewer.site.site_id)
            around = await shell_of(tx, viewer, "inbox")
        rows = tuple(
            BlockRow(
                each.id,
                each.kind,
                each.value if each.kind == "email" else each.visitor_name or view.t("talk.visitor"),
                each.created_by or "",
                when(each.created_at, now),
                f"/console/conversations/{each.conversation_id}" if each.conversation_id else "",
            )
            for each in blocks
        )
        return view.html("blocked.html", page=BlocksPage(around, rows))

    @router.post("/blocked/{block_id}/lift")
    async def lift(request: Request, block_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request)
        async with deps.db.write() as tx:
            await unblock(tx, viewer.site.site_id, block_id)
        return to("/console/blocked")


def said_of(view: View, did: str, done: str, failed: str) -> str:
    """What the inbox says of a bulk action, by what stands in the address."""
    if did not in BULK or not (done.isascii() and done.isdigit() and failed.isascii() and failed.isdigit()):
        return ""
    words = view.t(f"bulk.did_{did}", n=int(done[:3]))
    return f"{words} {view.t('bulk.failed', n=int(failed[:3]))}" if int(failed[:3]) else words


def undone_by(did: str, undo: str) -> tuple[str, ...]:
    """The conversations that "Undo" opens again, by what stands in the address."""
    return tuple(each for each in undo.split(",")[:AT_ONCE] if _ID.fullmatch(each)) if did == "solve" else ()


def _step(deps: ConsoleDeps, agent_id: str, do: str, tag: str, assignee: str) -> Step:
    tickets = deps.tickets

    async def assign(tx: Tx, conversation_id: str) -> None:
        await tickets.assign(tx, await _active(tx, conversation_id), assignee or None)

    async def put_tag(tx: Tx, conversation_id: str) -> None:
        ticket = await ticket_of(tx, conversation_id)
        if ticket is None:
            raise NotFound
        await tickets.add_tag(tx, ticket.id, agent_id, tag)

    async def solve(tx: Tx, conversation_id: str) -> None:
        await tickets.set_status(tx, await _active(tx, conversation_id), "solved")

    async def reopen(tx: Tx, conversation_id: str) -> None:
        ticket = await ticket_of(tx, conversation_id)
        if ticket is None:
            raise NotFound
        was_mine = ticket.assignee_id == agent_id
        await tickets.set_status(tx, ticket.id, "open")
        if was_mine:  # as it was before it was solved: else it would wait in the queue for somebody to come
            await tickets.take(tx, ticket.id, agent_id)

    async def close(tx: Tx, conversation_id: str) -> None:
        await tickets.set_status(tx, await _active(tx, conversation_id), "closed")

    async def spam(tx: Tx, conversation_id: str) -> None:
        await mark_spam(tx, tickets, deps.conversations, conversation_id, agent_id, deps.clock())

    steps = {"assign": assign, "tag": put_tag, "solve": solve, "reopen": reopen, "close": close, "spam": spam}
    return steps[do]


async def _active(tx: Tx, conversation_id: str) -> str:
    ticket = await active_ticket(tx, conversation_id)
    if ticket is None:
        raise Conflict("There is no open ticket here. Reload to see how it stands.", code="no_ticket")
    return ticket.id
