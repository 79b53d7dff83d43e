"""The knowledge pages: files, their passages, uploads, and "try a question"."""

from collections.abc import AsyncIterator
from contextlib import aclosing

from fastapi import APIRouter
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.accounts import access_site
from minidesk.answering.outcome import Answered, ProvedSentence, Question
from minidesk.errors import Invalid, MinideskError
from minidesk.knowledge.crawls import list_crawls
from minidesk.knowledge.queries import access_document
from minidesk.sites import site_by_id
from minidesk.text.normalise import check_text
from minidesk.web.console.contexts import DocsPage, TryPart
from minidesk.web.console.crawls import crawl_lines
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.docs import source_list, source_part, try_part
from minidesk.web.console.gate import Viewer, access_viewer, checked_form, field, is_part
from minidesk.web.console.inbox import shell
from minidesk.web.console.queries import waiting_count
from minidesk.web.console.view import View

QUESTION_CHARS = 1000
PIECE = 256 * 1024
# One agent's tries: each may cost a model call.
TRIES_PER_MINUTE = 20


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:  # noqa: PLR0915 (routes, one after the other)
    """Add the routes."""

    @router.get("/docs")
    async def docs_page(request: Request) -> Response:
        return await _page(request)

    @router.get("/docs/list")
    async def list_fragment(request: Request) -> Response:
        viewer = await access_viewer(deps, request)
        async with deps.db.read() as tx:
            wanted = request.query_params.get("q", "")
            part = await source_list(
                tx, viewer.site.site_id, wanted, selected=None, now=deps.clock(), t=view.t
            )
        return view.html("parts/sources.html", list=part)

    @router.get("/docs/open")
    async def open_document(request: Request, document: str = "") -> Response:
        viewer = await access_viewer(deps, request)
        async with deps.db.read() as tx:
            found = await access_document(tx, viewer.site.site_id, document[:500])
        return await _page(request, source_id=found.source_id, document=found.external_id)

    @router.post("/docs/upload")
    async def upload(request: Request) -> Response:
        viewer, form = await _editor(request)
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
        problem = await _store(viewer, files)
        await form.close()  # large parts are temporary files
        if problem is None:
            return Response(status_code=204) if is_part(request) else _to("/console/docs")
        if is_part(request):
            raise problem
        return await _page(request, problem=problem)

    @router.get("/docs/try")
    async def try_page(request: Request) -> Response:
        return await _page(request, trying=True)

    @router.post("/docs/try")
    async def try_question(request: Request) -> Response:
        agent, form = await checked_form(deps, request)
        question = check_text(field(form, "question"), QUESTION_CHARS)
        if not question:
            raise Invalid("Write a question first.", code="text_missing")
        deps.limiter.charge("try", agent.agent_id, limit=TRIES_PER_MINUTE, seconds=60)
        return await _page(request, tried=await _try(await access_viewer(deps, request), question))

    @router.get("/docs/{source_id}")
    async def source_page(request: Request, source_id: str) -> Response:
        return await _page(request, source_id=source_id)

    @router.post("/docs/{source_id}/delete")
    async def delete(request: Request, source_id: str) -> Response:
        viewer, _ = await _editor(request)
        await deps.sources.delete_source(viewer.site.site_id, source_id)
        return _to("/console/docs")

    @router.post("/docs/{source_id}/retry")
    async def retry(request: Request, source_id: str) -> Response:
        viewer, _ = await _editor(request)
        await deps.sources.retry(viewer.site.site_id, source_id)
        return _to(f"/console/docs/{source_id}")

    async def _editor(request: Request) -> tuple[Viewer, FormData]:
        """The form of an agent who may change documents. Raises `NotAllowed`, before anything is stored."""
        agent, form = await checked_form(deps, request)
        viewer = await access_viewer(deps, request)
        async with deps.db.read() as tx:
            await access_site(tx, agent.agent_id, viewer.site.site_id, "editor")
        return viewer, form

    async def _store(viewer: Viewer, files: list[UploadFile]) -> MinideskError | None:
        """Keep every file that can be kept; gives the first problem, naming its file where there were several."""
        if not files:
            return Invalid("Choose at least one file.", code="file_missing")
        problem: MinideskError | None = None
        for file in files:
            try:
                await deps.sources.store(
                    site_id=viewer.site.site_id,
                    path=file.filename or "",
                    data=_pieces(file),
                    content_type=file.content_type,
                )
            except MinideskError as error:
                if len(files) > 1:
                    error.message = f"{(file.filename or '')[:120]}: {error.message}"
                problem = problem or error
        return problem

    async def _try(viewer: Viewer, text: str) -> TryPart:
        site_id = viewer.site.site_id
        async with deps.db.read() as tx:
            site = await site_by_id(tx, site_id)
        sentences: list[ProvedSentence] = []
        answered: Answered | None = None
        question = Question(site_id, text)
        async with aclosing(
            deps.asker.ask(question, site_prompt=site.config.instructions, site_name=site.name)  # type: ignore[type-var]  # an async generator behind the protocol
        ) as parts:
            async for part in parts:
                if isinstance(part, Answered):
                    answered = part
                else:
                    sentences.append(part)
        assert answered is not None  # the stream always ends with one
        # The asker does not say how long each stage took; the same search once more does.
        search = await deps.searcher.search(site_id, answered.search_query) if answered.passages else None
        return try_part(text, sentences, answered, search.timings_ms if search else {}, view.t)

    async def _page(
        request: Request,
        *,
        source_id: str | None = None,
        document: str | None = None,
        tried: TryPart | None = None,
        trying: bool = False,
        problem: MinideskError | None = None,
    ) -> Response:
        viewer = await access_viewer(deps, request)
        site_id, now = viewer.site.site_id, deps.clock()
        async with deps.db.read() as tx:
            part = (
                await source_part(tx, site_id, source_id, document, now=now, t=view.t) if source_id else None
            )
            wanted = request.query_params.get("q", "")
            rows = await source_list(tx, site_id, wanted, selected=source_id, now=now, t=view.t)
            waiting = await waiting_count(tx, site_id, viewer.agent.agent_id)
            crawls = crawl_lines(await list_crawls(tx, site_id), now, view.t)
        page = DocsPage(
            shell(viewer, "docs", waiting),
            rows,
            deps.settings.document_max_bytes,
            part,
            tried,
            trying or tried is not None,
            problem.message if problem else "",
            crawls,
        )
        return view.html("docs.html", status=problem.status if problem else 200, page=page)


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE):
        yield piece


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, status_code=303)
