"""The life of a document: publishing, dates, audience, versions and the way back."""

import asyncio
from datetime import date, datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from minidesk.db.models import Document
from minidesk.errors import Invalid
from minidesk.knowledge.compare import Comparison, compare
from minidesk.knowledge.lifecycle import end_of, start_of
from minidesk.knowledge.versions import VersionView, documents_beside, list_versions, version_texts
from minidesk.text.normalise import whole_number
from minidesk.web.console.docs_base import Beside, Docs, zone_of
from minidesk.web.console.docs_queries import access_document_row, access_source
from minidesk.web.console.gate import Viewer, access_viewer, field
from minidesk.web.console.talk_entries import document_href
from minidesk.web.console.versions import versions_part
from minidesk.web.console.view import to

_ID_CHARS = 500


def add(router: APIRouter, docs: Docs) -> None:
    """Add the routes."""
    _add_publishing(router, docs)
    _add_terms(router, docs)
    _add_versions(router, docs)


def _add_publishing(router: APIRouter, docs: Docs) -> None:
    lifecycle = docs.deps.lifecycle

    @router.post("/docs/{source_id}/publish")
    async def publish(request: Request, source_id: str) -> Response:
        viewer, form = await docs.editor(request)
        document = await _document(docs, viewer, source_id, field(form, "document"))
        await lifecycle.publish(viewer.site.site_id, document.id)
        return _back(document)

    @router.post("/docs/{source_id}/unpublish")
    async def unpublish(request: Request, source_id: str) -> Response:
        viewer, form = await docs.editor(request)
        document = await _document(docs, viewer, source_id, field(form, "document"))
        await lifecycle.unpublish(viewer.site.site_id, document.id)
        return _back(document)


def _add_terms(router: APIRouter, docs: Docs) -> None:
    lifecycle = docs.deps.lifecycle

    @router.post("/docs/{source_id}/dates")
    async def dates(request: Request, source_id: str) -> Response:
        viewer, form = await docs.editor(request)
        site_id = viewer.site.site_id
        document = await _document(docs, viewer, source_id, field(form, "document"))
        async with docs.deps.db.read() as tx:
            zone = await zone_of(tx, site_id)
        expires_at, review_at = _dates(form, zone)
        await lifecycle.set_dates(site_id, document.id, expires_at=expires_at, review_at=review_at)
        return _back(document)

    @router.post("/docs/{source_id}/audience")
    async def audience(request: Request, source_id: str) -> Response:
        viewer, form = await docs.editor(request)
        wanted = field(form, "audience")
        # Anything but the one word that opens it keeps it inside.
        await lifecycle.set_audience(
            viewer.site.site_id, source_id, "public" if wanted == "public" else "agents"
        )
        shown = field(form, "document")
        return to(document_href(shown) if shown else f"/console/docs/{source_id}")


def _add_versions(router: APIRouter, docs: Docs) -> None:
    deps = docs.deps

    @router.get("/docs/{source_id}/versions")
    async def versions_page(request: Request, source_id: str, document: str = "", n: int = 0) -> Response:
        viewer = await access_viewer(deps, request)
        site_id = viewer.site.site_id
        row = await _document(docs, viewer, source_id, document)
        async with deps.db.read() as tx:
            source = await access_source(tx, site_id, source_id)
            versions = await list_versions(tx, site_id, row.id)
            beside = await documents_beside(tx, source_id)
        new, old = _pair(versions, n)
        comparison = await _compared(docs, site_id, row.id, old, new)
        part = versions_part(row, source, beside, versions, old, new, comparison, deps.clock(), docs.view.t)
        return await docs.page(request, Beside(versions=part, selected=source_id), viewer=viewer)

    @router.post("/docs/{source_id}/restore")
    async def restore(request: Request, source_id: str) -> Response:
        viewer, form = await docs.editor(request)
        document = await _document(docs, viewer, source_id, field(form, "document"))
        number = whole_number(field(form, "n"), 8)
        if number is None:
            raise Invalid("Choose one of the versions in the list.", code="version_invalid")
        await deps.versions.restore(viewer.site.site_id, document.id, number, viewer.agent.name)
        return _back(document)


async def _document(docs: Docs, viewer: Viewer, source_id: str, external_id: str) -> Document:
    async with docs.deps.db.read() as tx:
        return await access_document_row(tx, viewer.site.site_id, source_id, external_id[:_ID_CHARS])


def _back(document: Document) -> RedirectResponse:
    return to(document_href(document.external_id))


def _dates(form: FormData, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    """The moments behind the last day on which it answers and the first on which to look at it."""
    last, review = _day(field(form, "last_day")), _day(field(form, "review_day"))
    return (end_of(last, zone) if last else None, start_of(review, zone) if review else None)


def _day(raw: str) -> date | None:
    if not raw.strip():
        return None
    try:
        return date.fromisoformat(raw.strip())
    except ValueError as error:
        raise Invalid("Write the date as 2026-12-31, or leave it empty.", code="date_invalid") from error


def _pair(versions: list[VersionView], n: int) -> tuple[VersionView | None, VersionView | None]:
    """Version `n`, or the newest, and the one before it."""
    at = next((index for index, version in enumerate(versions) if version.n == n), 0)
    return tuple((*versions[at : at + 2], None, None)[:2])  # type: ignore[return-value]  # two, whatever there is


async def _compared(
    docs: Docs, site_id: str, document_id: str, old: VersionView | None, new: VersionView | None
) -> Comparison | None:
    if old is None or new is None:
        return None
    async with docs.deps.db.read() as tx:
        before, after = await version_texts(tx, site_id, document_id, old.n, new.n)
    return await asyncio.to_thread(compare, before.lines(), after.lines())
