"""The page of saved replies: read, written, changed and deleted by editors and administrators."""

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.errors import MinideskError, NotFound
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import VARIABLES, CannedView, change_canned, create_canned, delete_canned, list_canned
from minidesk.web.console.contexts import Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import Translate, View

HERE = "/console/replies"
PREVIEW_CHARS = 90


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """A saved reply as its form shows it; without an id the one that is being made."""

    id: str
    name: str
    text: str
    audience: Literal["site", "own"] = "site"
    preview: str = ""
    open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RepliesPage:
    """The page. `variables` are (as it is written, what it stands for)."""

    shell: Shell
    replies: tuple[ReplyForm, ...]
    new: ReplyForm
    variables: tuple[tuple[str, str], ...]


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/replies")
    async def replies_page(request: Request) -> Response:
        return await _page(await access_viewer(deps, request, role="editor"))

    @router.post("/replies")
    async def create(request: Request) -> Response:
        return await _save(request, "")

    @router.post("/replies/{canned_id}")
    async def change(request: Request, canned_id: str) -> Response:
        return await _save(request, canned_id)

    @router.post("/replies/{canned_id}/delete")
    async def delete(request: Request, canned_id: str) -> Response:
        agent, _ = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="editor")
        async with deps.db.write() as tx:
            await delete_canned(tx, viewer.site.site_id, agent.agent_id, canned_id)
        return RedirectResponse(HERE, status_code=303)

    async def _save(request: Request, canned_id: str) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="editor")
        written = _read(form, canned_id)
        try:
            saved = await _write(viewer, written)
        except NotFound:
            raise  # there is no form to show it in
        except MinideskError as error:
            return await _page(viewer, written, error)
        return RedirectResponse(f"{HERE}#{saved}", status_code=303)

    async def _write(viewer: Viewer, written: ReplyForm) -> str:
        site_id, agent_id, now = viewer.site.site_id, viewer.agent.agent_id, deps.clock()
        name, text, own = written.name, written.text, written.audience == "own"
        async with deps.db.write() as tx:
            if not written.id:
                return await create_canned(tx, site_id, agent_id, name=name, text=text, own=own, now=now)
            await change_canned(tx, site_id, agent_id, written.id, name=name, text=text, own=own, now=now)
        return written.id

    async def _page(
        viewer: Viewer, written: ReplyForm | None = None, error: MinideskError | None = None
    ) -> Response:
        async with deps.db.read() as tx:
            replies = await list_canned(tx, viewer.site.site_id, viewer.agent.agent_id)
            waiting = await waiting_count(tx, viewer.site.site_id, viewer.agent.agent_id)
        back = _refused(written, error.message) if written and error else None
        page = RepliesPage(
            shell(viewer, "inbox", waiting),
            tuple(back if back and back.id == reply.id else _form(reply) for reply in replies),
            back if back and not back.id else ReplyForm("", "", "", open=not replies),
            described_variables(view.t),
        )
        return view.html("replies.html", status=error.status if error else 200, page=page)


def described_variables(t: Translate) -> tuple[tuple[str, str], ...]:
    """(as it is written, what it stands for) of each variable."""
    return tuple((f"{{{{{name}}}}}", t(f"variable.{name}")) for name in VARIABLES)


def _read(form: FormData, canned_id: str) -> ReplyForm:
    audience: Literal["site", "own"] = "own" if field(form, "audience") == "own" else "site"
    return ReplyForm(canned_id, field(form, "name"), field(form, "text"), audience)


def _form(reply: CannedView) -> ReplyForm:
    preview = " ".join(reply.text.split())[:PREVIEW_CHARS]
    return ReplyForm(reply.id, reply.name, reply.text, "own" if reply.own else "site", preview)


def _refused(written: ReplyForm, problem: str) -> ReplyForm:
    name, text = replace_surrogates(written.name), replace_surrogates(written.text)
    return ReplyForm(written.id, name, text, written.audience, open=True, problem=problem)
