"""FAQ entries: the form to write and to change one."""

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import Conflict, Invalid
from minidesk.knowledge.faq import FaqEntry
from minidesk.text.normalise import whole_number
from minidesk.web.console.docs_base import Beside, Docs
from minidesk.web.console.docs_contexts import EntryPart
from minidesk.web.console.gate import access_viewer, field
from minidesk.web.console.view import to

NEW = "/console/docs/entries"


def add(router: APIRouter, docs: Docs) -> None:
    """Add the routes."""
    deps = docs.deps

    @router.get("/docs/entries/new")
    async def new_entry(request: Request, question: str = "") -> Response:
        viewer = await access_viewer(deps, request, role="editor")
        # Other pages lead here with a question that nobody could answer.
        part = _form(FaqEntry(question[:500], ""), None)
        return await docs.page(request, Beside(entry=part), viewer=viewer)

    @router.post("/docs/entries")
    async def create(request: Request) -> Response:
        viewer, form = await docs.editor(request)
        entry = _written(form)
        try:
            stored = await deps.faq.create(viewer.site.site_id, entry, viewer.agent.name)
        except Invalid as error:
            part = _form(entry, None, error.message)
            return await docs.page(request, Beside(entry=part), viewer=viewer, problem=error)
        return to(f"/console/docs/{stored.id}")

    @router.get("/docs/{source_id}/entry")
    async def edit(request: Request, source_id: str) -> Response:
        viewer = await access_viewer(deps, request, role="editor")
        part = _form(await deps.faq.read(viewer.site.site_id, source_id), source_id)
        return await docs.page(request, Beside(entry=part, selected=source_id), viewer=viewer)

    @router.post("/docs/{source_id}/entry")
    async def change(request: Request, source_id: str) -> Response:
        viewer, form = await docs.editor(request)
        entry = _written(form)
        try:
            await deps.faq.update(viewer.site.site_id, source_id, entry, viewer.agent.name)
        except (Invalid, Conflict) as error:
            # What was written must not be lost because somebody else was faster.
            beside = Beside(entry=_form(entry, source_id, error.message), selected=source_id)
            return await docs.page(request, beside, viewer=viewer, problem=error)
        return to(f"/console/docs/{source_id}")


def _written(form: FormData) -> FaqEntry:
    return FaqEntry(
        question=field(form, "question"),
        answer=field(form, "answer"),
        alternates=tuple(field(form, "alternates").splitlines()),
        # Anything but the one word that opens it keeps it inside.
        audience="public" if field(form, "audience") == "public" else "agents",
        generation=whole_number(field(form, "generation"), 8) or 0,
    )


def _form(entry: FaqEntry, source_id: str | None, problem: str = "") -> EntryPart:
    return EntryPart(
        href=f"/console/docs/{source_id}/entry" if source_id else NEW,
        back=f"/console/docs/{source_id}" if source_id else "/console/docs",
        new=source_id is None,
        question=entry.question,
        alternates="\n".join(entry.alternates),
        answer=entry.answer,
        audience=entry.audience,
        generation=entry.generation,
        problem=problem,
    )
