"""The page of saved replies and macros: read, written, changed and deleted by editors and administrators."""

from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Literal

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import MinideskError, NotFound
from minidesk.text.normalise import replace_surrogates
from minidesk.tickets import (
    MACRO_STATUSES,
    PRIORITIES,
    VARIABLES,
    CannedView,
    Does,
    change_canned,
    create_canned,
    delete_canned,
    list_canned,
)
from minidesk.web.console.contexts import Option, Shell
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.desk_part import say_does
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.queries import list_teams
from minidesk.web.console.view import Translate, View, to

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
    does: str = ""  # in words, of a macro
    tags: str = ""
    status: str = ""
    team: str = ""
    priority: str = ""
    open: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RepliesPage:
    """The page. `variables` are (as it is written, what it stands for)."""

    shell: Shell
    replies: tuple[ReplyForm, ...]
    new: ReplyForm
    variables: tuple[tuple[str, str], ...]
    teams: tuple[Option, ...]
    priorities: tuple[Option, ...]
    statuses: tuple[Option, ...]


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/replies")
    async def replies_page(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="editor"))

    @router.post("/replies")
    async def create(request: Request) -> Response:
        return await _save(deps, view, request, "")

    @router.post("/replies/{canned_id}")
    async def change(request: Request, canned_id: str) -> Response:
        return await _save(deps, view, request, canned_id)

    @router.post("/replies/{canned_id}/delete")
    async def delete(request: Request, canned_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="editor")
        async with deps.db.write() as tx:
            await delete_canned(tx, viewer.site.site_id, viewer.agent.agent_id, canned_id)
        return to(HERE)


async def _save(deps: ConsoleDeps, view: View, request: Request, canned_id: str) -> Response:
    viewer, form = await checked_viewer(deps, request, role="editor")
    written = _read(form, canned_id)
    try:
        saved = await _write(deps, viewer, written)
    except NotFound:
        raise  # there is no form to show it in
    except MinideskError as error:
        return await _page(deps, view, viewer, written, error)
    return to(f"{HERE}#{saved}")


async def _write(deps: ConsoleDeps, viewer: Viewer, written: ReplyForm) -> str:
    """Make the saved reply, or change it; its id."""
    site_id, agent_id, now = viewer.site.site_id, viewer.agent.agent_id, deps.clock()
    name, text, own, does = written.name, written.text, written.audience == "own", _does(written)
    async with deps.db.write() as tx:
        if not written.id:
            return await create_canned(
                tx, site_id, agent_id, name=name, text=text, own=own, now=now, does=does
            )
        await change_canned(
            tx, site_id, agent_id, written.id, name=name, text=text, own=own, now=now, does=does
        )
    return written.id


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    written: ReplyForm | None = None,
    error: MinideskError | None = None,
) -> Response:
    """The page; with `error`, the form that was `written` comes back."""
    async with deps.db.read() as tx:
        replies = await list_canned(tx, viewer.site.site_id, viewer.agent.agent_id)
        around = await shell_of(tx, viewer, "inbox")
        teams = await list_teams(tx, viewer.site.site_id)
    back = _refused(written, error.message) if written and error else None
    page = RepliesPage(
        around,
        tuple(
            back if back and back.id == reply.id else _form(reply, dict(teams), view.t) for reply in replies
        ),
        back if back and not back.id else ReplyForm("", "", "", open=not replies),
        described_variables(view.t),
        tuple(Option(id, name) for id, name in teams),
        tuple(Option(each, view.t(f"priority.{each}")) for each in PRIORITIES),
        tuple(Option(each, view.t(f"macro.do_{each}")) for each in MACRO_STATUSES),
    )
    return view.html("replies.html", status=error.status if error else 200, page=page)


def described_variables(t: Translate) -> tuple[tuple[str, str], ...]:
    """(as it is written, what it stands for) of each variable."""
    return tuple((f"{{{{{name}}}}}", t(f"variable.{name}")) for name in VARIABLES)


def _read(form: FormData, canned_id: str) -> ReplyForm:
    audience: Literal["site", "own"] = "own" if field(form, "audience") == "own" else "site"
    return ReplyForm(
        canned_id,
        field(form, "name"),
        field(form, "text"),
        audience,
        tags=replace_surrogates(field(form, "tags")),
        status=field(form, "status"),
        team=field(form, "team"),
        priority=field(form, "priority"),
    )


def _does(written: ReplyForm) -> Does:
    """What the form says besides the text, unchecked."""
    tags = tuple(tag for part in written.tags.split(",") if (tag := part.strip()))
    return Does(tags, written.status or None, written.team or None, written.priority or None)  # type: ignore[arg-type]  # `check_does` looks at them


def _form(reply: CannedView, teams: dict[str, str], t: Translate) -> ReplyForm:
    preview = shorten(reply.text, PREVIEW_CHARS, placeholder=" …")
    does = reply.does
    return ReplyForm(
        reply.id,
        reply.name,
        reply.text,
        "own" if reply.own else "site",
        preview,
        say_does(does, teams, t),
        ", ".join(does.tags),
        does.status or "",
        does.team_id or "",
        does.priority or "",
    )


def _refused(written: ReplyForm, problem: str) -> ReplyForm:
    name, text = replace_surrogates(written.name), replace_surrogates(written.text)
    return replace(written, name=name, text=text, open=True, problem=problem)
