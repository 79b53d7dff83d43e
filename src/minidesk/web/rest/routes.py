"""The routes below `/api/v1`. A key belongs to one site; whatever it asks for is looked up there alone (T12).

PUT is idempotent by itself, and search and ask create nothing: no request here needs an Idempotency-Key.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response
from fastapi.security import HTTPBearer
from starlette.datastructures import UploadFile
from starlette.requests import Request

from minidesk.accounts import ApiKeyIdentity
from minidesk.answering.outcome import Answered, Question, Turn, answer_as_json
from minidesk.ask import wishes_of
from minidesk.errors import Invalid, InvalidText
from minidesk.knowledge.external import Entry, ExternalView, access_external
from minidesk.knowledge.queries import DocumentView, counts, list_documents
from minidesk.knowledge.records import Passage
from minidesk.knowledge.sources import SourceState
from minidesk.sites import site_by_id
from minidesk.text.normalise import check_text
from minidesk.web.body import json_body, parse_model, read_form, read_json, takes
from minidesk.web.rest import (
    desk_routes,
    insight_routes,
    policy_routes,
    rule_routes,
    settings_routes,
    site_routes,
)
from minidesk.web.rest.deps import RestDeps
from minidesk.web.rest.gate import Gate
from minidesk.web.rest.schemas import (
    QUERY_CHARS,
    Accepted,
    Answer,
    AskBody,
    DocumentBody,
    DocumentInfo,
    DocumentList,
    PassageInfo,
    SearchAnswer,
    SearchBody,
    errors,
)

PREFIX = "/api/v1"
STATUSES = ("ready", "unpublished", "failed", "skipped", "retired")
FILTERS = frozenset({"status", "q", "after", "limit"})
PIECE = 256 * 1024

DocumentId = Annotated[
    str, Path(description="Your own id, slashes and all; percent-encode what an address cannot hold.")
]


def rest_router(deps: RestDeps) -> APIRouter:
    """All routes below `/api/v1`."""
    gate = Gate(deps)
    shown = HTTPBearer(
        scheme_name="API key",
        description="`Authorization: Bearer mdk_…`. Made in the console under Keys, or by `minidesk keys add`.",
        auto_error=False,  # it is here for the description only: the gate decides
    )
    router = APIRouter(prefix=PREFIX, dependencies=[Depends(shown)], tags=["API"])
    _add_reading(router, deps, gate)
    _add_writing(router, deps, gate)
    _add_asking(router, deps, gate)
    rule_routes.add(router, deps, gate)
    policy_routes.add(router, deps, gate)
    desk_routes.add(router, deps, gate)
    site_routes.add(router, deps, gate)
    settings_routes.add(router, deps, gate)
    insight_routes.add(router, deps, gate)
    return router


def _add_reading(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    reads = Depends(gate.needs("documents:read"))

    @router.get("/documents", responses=errors())
    async def list_all(
        request: Request,
        key: Annotated[ApiKeyIdentity, reads],
        status: Annotated[str | None, Query(json_schema_extra={"enum": [*STATUSES]})] = None,
        q: Annotated[str, Query(max_length=200, description="Words in a title or an id.")] = "",
        after: Annotated[str, Query(max_length=500, description="The `next` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> DocumentList:
        """The site's documents by id, a page at a time; retired ones only when asked for by their status.

        What was PUT and has not been read yet is counted in `pending`; GET its own address for its status.
        """
        if not request.query_params.keys() <= FILTERS or (status is not None and status not in STATUSES):
            raise Invalid(
                f"Filter by {', '.join(sorted(FILTERS))}; status is one of {', '.join(STATUSES)}.",
                code="unknown_filter",
            )
        if "\0" in after:
            raise InvalidText
        words = check_text(q, 200)
        async with deps.db.read() as tx:
            found = await list_documents(
                tx, key.site_id, status=status, contains=words or None, after=after, limit=limit + 1
            )
            waiting = (await counts(tx, key.site_id)).sources
        return DocumentList(
            documents=[_listed(document, deps.clock()) for document in found[:limit]],
            next=found[limit - 1].external_id if len(found) > limit else None,
            pending=waiting.get("queued", 0) + waiting.get("processing", 0),
        )

    @router.get("/documents/{external_id:path}", responses=errors(404))
    async def read(external_id: DocumentId, key: Annotated[ApiKeyIdentity, reads]) -> DocumentInfo:
        """One document and its status."""
        async with deps.db.read() as tx:
            return _info(await access_external(tx, key.site_id, external_id, deps.clock()))


def _add_writing(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    writes = Depends(gate.needs("documents:write"))

    @router.put(
        "/documents/{external_id:path}",
        status_code=202,
        openapi_extra=_takes_json_or_file(),
        responses={
            200: {"model": Accepted, "description": "It says the same already; nothing was done."},
            **errors(413, 415),
        },
    )
    async def put(
        request: Request, response: Response, external_id: DocumentId, key: Annotated[ApiKeyIdentity, writes]
    ) -> Accepted:
        """Take a document, new or instead of the one with this id.

        Send JSON, or a file as the multipart part `file` (the id then ends like the file's name). 202 comes after
        the commit; until the new version is read whole, the old one answers. Idempotent: the same content again is
        200 with `unchanged`, so that a request may be repeated without an Idempotency-Key.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            state = await _put_file(request, deps, key.site_id, external_id)
        else:
            body = parse_model(await read_json(request), DocumentBody)
            state = await deps.documents.put(key.site_id, external_id, Entry(**body.model_dump()))
        if state.unchanged:
            response.status_code = 200
        return Accepted.model_validate(
            {"id": external_id, "status": state.status, "unchanged": state.unchanged}
        )

    @router.delete("/documents/{external_id:path}", status_code=204, responses=errors(404))
    async def delete(external_id: DocumentId, key: Annotated[ApiKeyIdentity, writes]) -> None:
        """Remove a document; from the 204 on nothing is answered from it.

        A row of a file that was uploaded with others is refused: the next upload would bring it back.
        """
        await deps.documents.delete(key.site_id, external_id, key.actor)


def _takes_json_or_file() -> dict[str, Any]:
    """`takes` for a body of either kind."""
    described = takes(DocumentBody)
    file = {"type": "string", "format": "binary"}
    described["requestBody"]["content"]["multipart/form-data"] = {
        "schema": {"type": "object", "properties": {"file": file}, "required": ["file"]}
    }
    return described


async def _put_file(request: Request, deps: RestDeps, site_id: str, external_id: str) -> SourceState:
    form = await read_form(request, max_files=1, max_fields=10)
    file = form.get("file")
    try:
        if not isinstance(file, UploadFile):
            raise Invalid("Send the file as the part named file.", code="file_missing")
        return await deps.documents.put_file(site_id, external_id, _pieces(file), file.content_type)
    finally:
        await form.close()  # large parts are temporary files


async def _pieces(file: UploadFile) -> AsyncIterator[bytes]:
    while piece := await file.read(PIECE):
        yield piece


def _add_asking(router: APIRouter, deps: RestDeps, gate: Gate) -> None:
    @router.post("/search", openapi_extra=takes(SearchBody), responses=errors())
    async def search(
        key: Annotated[ApiKeyIdentity, Depends(gate.needs("search"))],
        body: Annotated[SearchBody, Depends(json_body(SearchBody))],
    ) -> SearchAnswer:
        """The passages that fit a query, best first."""
        query = check_text(body.query, QUERY_CHARS)
        if not query:
            raise Invalid("Write what to look for.", code="text_missing")
        found = await deps.searcher.search(key.site_id, query, k=body.k, language=body.language)
        passages = [_passage(passage) for passage in found.passages]
        return SearchAnswer(score=round(found.score, 4), mode=found.mode, passages=passages)

    @router.post("/ask", openapi_extra=takes(AskBody), response_model=Answer, responses=errors())
    async def ask(
        key: Annotated[ApiKeyIdentity, Depends(gate.needs("ask"))],
        body: Annotated[AskBody, Depends(json_body(AskBody))],
    ) -> dict[str, Any]:
        """One question answered from the site's documents, each sentence with its proof. Opens no conversation and no ticket."""
        limit = deps.settings.message_max_chars
        text = check_text(body.question, limit)
        if not text:
            raise Invalid("Write a question first.", code="text_missing")
        history = tuple(Turn(turn.role, check_text(turn.text, limit)) for turn in body.history)
        async with deps.db.read() as tx:
            site = await site_by_id(tx, key.site_id)
        answered: Answered | None = None
        question = Question(key.site_id, text, history)
        answering = deps.asker.ask(question, wishes_of(site))
        async with aclosing(answering) as parts:
            async for part in parts:
                if isinstance(part, Answered):
                    answered = part
        assert answered is not None  # the stream always ends with one
        return answer_as_json(answered)


def _listed(document: DocumentView, now: datetime) -> DocumentInfo:
    return DocumentInfo(
        id=document.external_id,
        title=document.title,
        url=document.url,
        language=document.language,
        status=document.status,
        answers=document.answers(now),
        reason=document.reason,
        passages=document.chunks,
        updated_at=document.updated_at,
    )


def _info(view: ExternalView) -> DocumentInfo:
    return DocumentInfo(
        id=view.id,
        title=view.title,
        url=view.url,
        language=view.language,
        status=view.status,
        answers=view.answers,
        reason=view.reason,
        passages=view.passages,
        updated_at=view.updated_at,
    )


def _passage(passage: Passage) -> PassageInfo:
    return PassageInfo(
        chunk=passage.chunk,
        document=passage.document,
        title=passage.title,
        url=passage.url,
        heading_path=list(passage.heading_path),
        page=passage.page,
        text=passage.text,
        score=round(passage.score, 4),
    )
