"""The loader, the chat page and the files that Vite built."""

import base64
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request

from minidesk.errors import NotFound
from minidesk.files.pictures import PORTRAIT_TYPE
from minidesk.sites import SiteView, logo_url, note_sighting, origin_of, site_by_key
from minidesk.text.locale import direction
from minidesk.web.assets import BASE, script_of
from minidesk.web.guard import MICROPHONE, content_policy
from minidesk.web.visitor_api.compressed import Compressed, compressed
from minidesk.web.visitor_api.deps import PageDeps
from minidesk.web.visitor_api.gate import known
from minidesk.web.visitor_api.locales import locale_for, words_json
from minidesk.web.visitor_api.nudges import NudgedSites, nudge_script

LOADER, CHAT, NUDGE = "src/loader/main.ts", "src/chat/main.tsx", "src/loader/nudge.ts"
# The loader's address never changes, so browsers must ask again soon after an upgrade; built files have a hash in
# their names and never change at all.
LOADER_CACHE = "public, max-age=300"
BUILT_CACHE = "public, max-age=31536000, immutable"
# Other sites' pages load these, also those that demand an explicit word for it (COEP).
FOR_ALL = {"Cross-Origin-Resource-Policy": "cross-origin"}


@cache
def templates() -> Environment:
    """The visitor's pages, compiled once a process."""
    return Environment(
        loader=PackageLoader("minidesk.web.visitor_api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def pages_router(deps: PageDeps) -> APIRouter:
    """`/widget.js`, `/widget/{key}` and `/static/dist/…`."""
    router = APIRouter(include_in_schema=False)
    _add_launcher(router, deps)
    _add_chat(router, deps)
    _add_files(router, deps)
    return router


def _add_launcher(router: APIRouter, deps: PageDeps) -> None:
    nudged = NudgedSites(deps.db, deps.clock)

    @router.api_route("/widget.js", methods=["GET", "HEAD"])
    async def loader(request: Request, if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """The script that a website includes."""
        script = script_of(await nudged.fill(deps.assets.script(LOADER).content))
        headers = FOR_ALL | {"Cache-Control": LOADER_CACHE, "ETag": script.etag}
        if if_none_match is not None and script.etag in (tag.strip() for tag in if_none_match.split(",")):
            return Response(status_code=304, headers=headers)
        return compressed(request, script.content, "text/javascript", headers)

    @router.get("/widget/{key}/nudge.js")
    async def nudge(
        request: Request,
        key: str,
        locale: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        """What the launcher says by itself. A module of another origin: browsers load it only where that is allowed."""
        site = await _site(deps, key)
        chosen = locale_for(deps.texts, site, locale, accept_language)
        script = nudge_script(deps.assets.script(NUDGE).content, site, deps.texts, chosen)
        headers = FOR_ALL | {"Cache-Control": LOADER_CACHE, "Access-Control-Allow-Origin": "*"}
        return compressed(request, script, "text/javascript", headers)


def _add_chat(router: APIRouter, deps: PageDeps) -> None:
    pages = templates()

    @router.get("/widget/{key}")
    async def chat(
        request: Request,
        key: str,
        locale: Annotated[str | None, Query()] = None,
        accept_language: Annotated[str | None, Header()] = None,
    ) -> Response:
        """The chat, to be framed by the desk itself and by the site's own pages only (T2).

        It carries the interface's words, so that the script need not, and so that they are there at the first paint.
        """
        site = await _site(deps, key)
        # Browsers name the page around a frame here, and nowhere else before the visitor speaks.
        origin = origin_of(request.headers.get("referer"))
        await note_sighting(deps.db, site.id, site.allowed_origins, origin, deps.clock())
        chosen = locale_for(deps.texts, site, locale, accept_language)
        html = pages.get_template("chat.html").render(
            site=site,
            locale=chosen,
            direction=direction(chosen),
            entry=deps.assets.entry(CHAT),
            words=words_json(deps.texts, chosen),
            t=lambda name, **values: deps.texts.t(name, chosen, **values),
        )
        policy = content_policy(("'self'", *site.allowed_origins))
        headers = FOR_ALL | {"Content-Security-Policy": policy}
        if deps.voice or site.config.browser_voice:
            headers["Permissions-Policy"] = MICROPHONE
        return compressed(request, html.encode(), "text/html", headers)


def _add_files(router: APIRouter, deps: PageDeps) -> None:
    files = Compressed()

    @router.get("/widget/{key}/logo/{version}")
    async def logo(key: str, version: str) -> Response:
        """The site's logo; only the version that there is, so that it may be kept for ever."""
        site = await _site(deps, key)
        if not site.config.look.logo or not logo_url(site).endswith(f"/{version}"):
            raise NotFound
        content = base64.b64decode(site.config.look.logo)
        return Response(content, media_type=PORTRAIT_TYPE, headers=FOR_ALL | {"Cache-Control": BUILT_CACHE})

    @router.api_route(BASE + "{path:path}", methods=["GET", "HEAD"])
    async def built(request: Request, path: str) -> Response:
        """A file of the build."""
        return files.file(request, deps.assets.file(path), FOR_ALL | {"Cache-Control": BUILT_CACHE})


async def _site(deps: PageDeps, key: str) -> SiteView:
    async with deps.db.read() as tx:
        return await site_by_key(tx, known(key))
