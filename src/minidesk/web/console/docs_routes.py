"""The pages of files: the list, a file with its passages, uploads, reading again, deleting."""

from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from minidesk.errors import Invalid, MinideskError
from minidesk.knowledge.queries import access_document
from minidesk.knowledge.sources import Maker, Upload
from minidesk.web.console import entry_routes, life_routes, try_routes
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.docs import source_list
from minidesk.web.console.docs_base import Beside, Docs, filters_of
from minidesk.web.console.gate import Viewer, access_viewer, is_part
from minidesk.web.console.view import View, to

PIECE = 256 * 1024
_ID_CHARS = 500


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add all routes of the knowledge pages. Addresses with a fixed word come before those with a file's id."""
    docs = Docs(deps, view)
    _add_list(router, docs)
    _add_uploads(router, docs)
    try_routes.add(router, docs)
    entry_routes.add(router, docs)
    life_routes.add(router, docs)
    _add_files(router, docs)


def _add_list(router: APIRouter, docs: Docs) -> None:
    @router.get("/docs")
    async def docs_page(request: Request) -> Response:
        return await docs.page(request)

    @router.get("/docs/list")
    async def list_fragment(request: Request) -> Response:
        viewer = await access_viewer(docs.deps, request)
        now, t = docs.deps.clock(), docs.view.t
        async with docs.deps.db.read() as tx:
            part = await source_list(
                tx, viewer.site.site_id, filters_of(request), selected=None, now=now, t=t
            )
        return docs.view.html("parts/sources.html", list=part)

    @router.get("/docs/open")
    async def open_document(request: Request, document: str = "") -> Response:
        viewer = await access_viewer(docs.deps, request)
        async with docs.deps.db.read() as tx:
            found = await access_document(tx, viewer.site.site_id, document[:_ID_CHARS])
        part = await docs.source(viewer, found.source_id, found.external_id)
        return await docs.page(request, Beside(part, selected=found.source_id), viewer=viewer)


def _add_uploads(router: APIRouter, docs: Docs) -> None:
    @router.post("/docs/upload")
    async def upload(request: Request) -> Response:
        viewer, form = await docs.editor(request)
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
        problems = await _store(docs, viewer, files)
        await form.close()  # large parts are temporary files
        if is_part(request):
            return _for_script(files, problems)
        first = next((problem for problem in problems if problem), None)
        if first is None:
            return to("/console/docs")
        if len(files) > 1:
            first.message = f"{(files[problems.index(first)].filename or '')[:120]}: {first.message}"
        return await docs.page(request, viewer=viewer, problem=first)


async def _store(docs: Docs, viewer: Viewer, files: Sequence[UploadFile]) -> list[MinideskError | None]:
    """Keep every file that can be kept, in one transaction; what is wrong with each of the others."""
    if not files:
        return [Invalid("Choose at least one file.", code="file_missing")]
    uploads = [Upload(file.filename or "", _pieces(file), file.content_type) for file in files]
    stored = await docs.deps.sources.store_many(
        site_id=viewer.site.site_id, uploads=uploads, maker=Maker("upload", viewer.agent.name)
    )
    return [one if isinstance(one, MinideskError) else None for one in stored]


def _for_script(files: Sequence[UploadFile], problems: Sequence[MinideskError | None]) -> Response:
    """One file is stored or refused; of several each has its line, in their order: a sentence, or null."""
    if len(files) > 1:
        return JSONResponse({"problems": [problem and problem.message for problem in problems]})
    if problems[0]:
        raise problems[0]
    return Response(status_code=204)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE):
        yield piece


def _add_files(router: APIRouter, docs: Docs) -> None:
    @router.get("/docs/{source_id}")
    async def source_page(request: Request, source_id: str, document: str = "") -> Response:
        viewer = await access_viewer(docs.deps, request)
        part = await docs.source(viewer, source_id, document[:_ID_CHARS])
        return await docs.page(request, Beside(part, selected=source_id), viewer=viewer)

    @router.get("/docs/{source_id}/part")
    async def source_fragment(request: Request, source_id: str, document: str = "") -> Response:
        viewer = await access_viewer(docs.deps, request)
        part = await docs.source(viewer, source_id, document[:_ID_CHARS])
        return docs.view.html(
            "parts/source.html", s=part, may_edit=viewer.may_edit, csrf=viewer.agent.csrf_token, problem=""
        )

    @router.post("/docs/{source_id}/delete")
    async def delete(request: Request, source_id: str) -> Response:
        viewer, _ = await docs.editor(request)
        await docs.deps.sources.delete_source(viewer.site.site_id, source_id, viewer.actor)
        return to("/console/docs")

    @router.post("/docs/{source_id}/retry")
    async def retry(request: Request, source_id: str) -> Response:
        viewer, _ = await docs.editor(request)
        await docs.deps.sources.retry(viewer.site.site_id, source_id)
        return to(f"/console/docs/{source_id}")
