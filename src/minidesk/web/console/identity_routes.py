"""The keys with which a website signs who its visitors are: for its administrators alone, each shown once."""

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from minidesk.accounts import record
from minidesk.errors import MinideskError
from minidesk.sites import create_identity_key, delete_identity_key, list_identity_keys, site_by_id
from minidesk.sites.identity import KEYS_OF_A_SITE
from minidesk.web.console.contexts import Shell, When
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import Viewer, access_viewer, checked_viewer
from minidesk.web.console.inbox import shell_of
from minidesk.web.console.times import when
from minidesk.web.console.view import View, to


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """A key in the list: never its secret."""

    id: str
    created: When
    used: When | None


@dataclass(frozen=True, slots=True)
class IdentityPage:
    """A site's identity keys. `made` is a new one's secret, shown this once."""

    shell: Shell
    site_key: str
    rows: tuple[IdentityRow, ...]
    may_add: bool
    made: str = ""
    problem: str = ""


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the routes."""

    @router.get("/identity")
    async def identity_page(request: Request) -> Response:
        return await _page(deps, view, await access_viewer(deps, request, role="admin"))

    @router.post("/identity")
    async def create(request: Request) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        try:
            async with deps.db.write() as tx:
                made = await create_identity_key(
                    tx,
                    deps.sealer,
                    site_id=viewer.site.site_id,
                    now=deps.clock(),
                    created_by=viewer.agent.agent_id,
                )
                await record(
                    tx, deps.clock(), viewer.actor, "keys.identity_created", site_id=viewer.site.site_id
                )
        except MinideskError as error:
            return await _page(deps, view, viewer, problem=error)
        # No redirect: an address that shows a secret could be opened again.
        return await _page(deps, view, viewer, made=made.secret)

    @router.post("/identity/{key_id}/delete")
    async def delete(request: Request, key_id: str) -> Response:
        viewer, _ = await checked_viewer(deps, request, role="admin")
        async with deps.db.write() as tx:
            await delete_identity_key(tx, site_id=viewer.site.site_id, key_id=key_id)
            await record(
                tx, deps.clock(), viewer.actor, "keys.identity_deleted",
                site_id=viewer.site.site_id, target_id=key_id,
            )  # fmt: skip
        return to("/console/identity")


async def _page(
    deps: ConsoleDeps, view: View, viewer: Viewer, *, made: str = "", problem: MinideskError | None = None
) -> Response:
    """The page. `made`: a new key's secret, shown this once."""
    site_id, now = viewer.site.site_id, deps.clock()
    async with deps.db.read() as tx:
        keys = await list_identity_keys(tx, site_id)
        site = await site_by_id(tx, site_id)
        around = await shell_of(tx, viewer, "keys")
    rows = tuple(
        IdentityRow(
            key.id, when(key.created_at, now), when(key.last_used_at, now) if key.last_used_at else None
        )
        for key in keys
    )
    page = IdentityPage(
        around,
        site.key,
        rows,
        may_add=len(rows) < KEYS_OF_A_SITE,
        made=made,
        problem=problem.message if problem else "",
    )
    status = problem.status if problem else 201 if made else 200
    return view.html("identity.html", status=status, page=page)
