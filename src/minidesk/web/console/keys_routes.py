"""The site's API keys: for its administrators alone."""

from collections.abc import Collection
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import SCOPES, ApiKeyView, create_api_key, list_api_keys, revoke_api_key
from minidesk.errors import Invalid, MinideskError
from minidesk.web.console.contexts import KeyRow, KeysPage, Option
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.times import when
from minidesk.web.console.view import View

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
        return await _page(await access_viewer(deps, request, role="admin"), _Written())

    @router.post("/keys")
    async def create(request: Request) -> Response:
        _, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        scopes = [value for value in form.getlist("scopes") if isinstance(value, str)]
        written = _Written(field(form, "name"), scopes, field(form, "days"))
        try:
            made = await _create(viewer, written)
        except MinideskError as error:
            return await _page(viewer, written, problem=error)
        # No redirect: the key is kept nowhere, so the page after it could not show it.
        return await _page(viewer, _Written(), made=made)

    @router.post("/keys/{key_id}/revoke")
    async def revoke(request: Request, key_id: str) -> Response:
        await checked_form(deps, request)
        viewer = await access_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await revoke_api_key(
                tx, site_id=viewer.site.site_id, key_id=key_id, now=deps.clock(), actor=viewer.actor
            )
        return RedirectResponse("/console/keys", status_code=303)

    async def _create(viewer: Viewer, written: _Written) -> str:
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
        viewer: Viewer, written: _Written, *, made: str = "", problem: MinideskError | None = None
    ) -> Response:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            keys = await list_api_keys(tx, site_id)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
        page = KeysPage(
            shell(viewer, "keys", waiting),
            rows=tuple(_row(key) for key in keys),
            scopes=tuple(Option(s, view.t(f"scope.{s}"), s in written.scopes) for s in SCOPES),
            days=tuple(Option(d, view.t(f"keys.days.{d or 'never'}"), d == written.days) for d in DAYS),
            made=made,
            name=written.name,
            problem=problem.message if problem else "",
        )
        status = problem.status if problem else 201 if made else 200
        return view.html("keys.html", status=status, page=page)

    def _row(key: ApiKeyView) -> KeyRow:
        now = deps.clock()
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
