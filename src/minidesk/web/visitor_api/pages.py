"""The loader, the chat page and the files that Vite built."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import FileResponse, HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from minidesk.sites import site_by_key
from minidesk.web.assets import BASE
from minidesk.web.guard import content_policy
from minidesk.web.visitor_api.deps import PageDeps
from minidesk.web.visitor_api.gate import known

LOADER, CHAT = "src/loader/main.ts", "src/chat/main.tsx"
# The loader's address never changes, so browsers must ask again soon after an upgrade; built files have a hash in
# their names and never change at all.
LOADER_CACHE = "public, max-age=300"
BUILT_CACHE = "public, max-age=31536000, immutable"
# Other sites' pages load these, also those that demand an explicit word for it (COEP).
FOR_ALL = {"Cross-Origin-Resource-Policy": "cross-origin"}


def pages_router(deps: PageDeps) -> APIRouter:
    """`/widget.js`, `/widget/{key}` and `/static/dist/…`."""
    router = APIRouter(include_in_schema=False)
    pages = Environment(
        loader=PackageLoader("minidesk.web.visitor_api"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )

    @router.api_route("/widget.js", methods=["GET", "HEAD"])
    async def loader(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        """The script that a website includes."""
        script = deps.assets.script(LOADER)
        headers = FOR_ALL | {"Cache-Control": LOADER_CACHE, "ETag": script.etag}
        if if_none_match is not None and script.etag in (tag.strip() for tag in if_none_match.split(",")):
            return Response(status_code=304, headers=headers)
        return Response(script.content, media_type="text/javascript", headers=headers)

    @router.get("/widget/{key}")
    async def chat(key: str, accept_language: Annotated[str | None, Header()] = None) -> HTMLResponse:
        """The chat, to be framed by the desk itself and by the site's own pages only (T2)."""
        async with deps.db.read() as tx:
            site = await site_by_key(tx, known(key))
        locale = deps.texts.choose(accept_language)
        html = pages.get_template("chat.html").render(
            site=site,
            locale=locale,
            entry=deps.assets.entry(CHAT),
            title=deps.texts.t("chat.title", locale, site=site.name),
            noscript=deps.texts.t("chat.noscript", locale),
        )
        policy = content_policy(("'self'", *site.allowed_origins))
        return HTMLResponse(html, headers=FOR_ALL | {"Content-Security-Policy": policy})

    @router.api_route(BASE + "{path:path}", methods=["GET", "HEAD"])
    async def built(path: str) -> FileResponse:
        """A file of the build."""
        return FileResponse(deps.assets.file(path), headers=FOR_ALL | {"Cache-Control": BUILT_CACHE})

    return router
