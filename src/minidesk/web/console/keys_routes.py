"""The site's API keys: for its administrators alone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import SCOPES, ApiKeyView, create_api_key, list_api_keys, revoke_api_key
from minidesk.errors import Invalid, MinideskError
from minidesk.web.console.contexts import KeyRow, KeysPage, Option
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer, field, fields
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to

DAYS = ("", "30", "90", "365")  # until a key ends; empty: never


@dataclass(frozen=True, slots=True)
class _Written:
    """What the form held."""

    name: str = ""
    scopes: Collection[str] = ()
    days: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/keys")
    async def keys_page(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/keys")
    async def create(request: Request) -> Response:
        viewer, form = await checked_viewer(deps, request, role="admin")
        written = _Written(field(form, "name"), fields(form, "scopes"), field(form, "days"))
        try:
            made = await _create(deps, viewer, written)
        except MinideskError as error:
            return await _page(deps, view, viewer, written, problem=error)
        # No redirect: the key is kept nowhere, so the page after it could not show it.
        return await _page(deps, view, viewer, made=made)

    @router.post("/keys/{key_id}/revoke")
    async def revoke(request: Request, key_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await revoke_api_key(
                tx, site_id=viewer.site.site_id, key_id=key_id, now=deps.clock(), actor=viewer.actor
            )
        return to("/console/keys")


async def _create(deps: ConsoleDeps, viewer: Viewer, written: _Written) -> str:
    """Make the key and return it, the only time that it can be read. Raises what is wrong with the form."""
    if written.days not in DAYS:
        raise Invalid("Choose one of the offered times.", code="expiry_invalid")
    async with deps.db.write() as tx:
        made = await create_api_key(
            tx,
            site_id=viewer.site.site_id,
            name=written.name,
            scopes=written.scopes,
            now=deps.clock(),
            expires_days=int(written.days) if written.days else None,
            actor=viewer.actor,
        )
    return made.key


async def _page(
    deps: ConsoleDeps,
    view: View,
    viewer: Viewer,
    written: _Written = _Written(),
    *,
    made: str = "",
    problem: MinideskError | None = None,
) -> Response:
    """The page. `made`: a new key, shown this once; `written` comes back with its `problem`."""
    async with deps.db.read() as tx:
        keys = await list_api_keys(tx, viewer.site.site_id)
        around = await shell_of(tx, viewer, "keys")
    now = deps.clock()
    page = KeysPage(
        around,
        rows=tuple(_row(key, now) for key in keys),
        scopes=tuple(Option(s, view.t(f"scope.{s}"), s in written.scopes) for s in SCOPES),
        days=tuple(Option(d, view.t(f"keys.days.{d or 'never'}"), d == written.days) for d in DAYS),
        made=made,
        name=written.name,
        problem=problem.message if problem else "",
    )
    status = problem.status if problem else 201 if made else 200
    return view.html("keys.html", status=status, page=page)


def _row(key: ApiKeyView, now: datetime) -> KeyRow:
    return KeyRow(
        key.id,
        key.name,
        key.prefix,
        ", ".join(key.scopes),
        key.state(now),
        when(key.created_at, now),
        when(key.last_used_at, now) if key.last_used_at else None,
        f"{key.expires_at:%Y-%m-%d}" if key.expires_at else "",
    )
