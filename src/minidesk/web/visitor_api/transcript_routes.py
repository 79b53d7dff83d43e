"""The conversation for its visitor to keep: as a file, or by mail."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from minidesk.channels import check_address, file_name, transcript_text
from minidesk.channels.transcript import MOST_MESSAGES
from minidesk.conversations import access_conversation_as_visitor, transcript
from minidesk.errors import NotFound
from minidesk.sites import VisitorIdentity, site_by_id
from minidesk.tickets import check_not_blocked
from minidesk.web.body import json_body, takes
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.gate import Gate, known
from minidesk.web.visitor_api.locales import locale_for
from minidesk.web.visitor_api.saying import HOUR
from minidesk.web.visitor_api.session_routes import Ok

DAY = 24 * HOUR
# Whoever asks for a copy needs one, or two after a typing error. The others bound what many visitors together could
# make the desk send: to one address, out of one network, and in a site's name.
COPIES_AN_HOUR, COPIES_A_DAY_TO_ONE = 3, 3
COPIES_AN_HOUR_ADDRESS, COPIES_AN_HOUR_SITE = 10, 60


class CopyOrder(BaseModel):
    """Where a copy goes, in which language its frame is."""

    address: str = Field(max_length=400)
    locale: str | None = Field(None, max_length=35)


def add_transcripts(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    """The routes."""

    @router.get("/conversations/{id}/transcript")
    async def keep_transcript(
        request: Request,
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        locale: Annotated[str | None, Query()] = None,
    ) -> Ok:
        """The conversation as a text file: its name and its text."""
        async with deps.db.read() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            site = await site_by_id(tx, row.site_id)
            messages = await transcript(tx, row.id, include_notes=False, last=MOST_MESSAGES)
        chosen = locale_for(deps.texts, site, locale, request.headers.get("accept-language"))
        return {
            "name": file_name(site.name, row.created_at),
            "text": transcript_text(messages, deps.texts, chosen),
        }

    @router.post("/conversations/{id}/transcript/mail", status_code=202, openapi_extra=takes(CopyOrder))
    async def mail_transcript(
        request: Request,
        id: str,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        body: Annotated[CopyOrder, Depends(json_body(CopyOrder))],
    ) -> Ok:
        """Mail a copy. The same answer whether the address takes mails of this site or not."""
        if deps.copies is None:
            raise NotFound
        address = check_address(body.address)
        async with deps.db.read() as tx:
            await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            await check_not_blocked(tx, visitor.site_id, visitor.visitor_id)
            site = await site_by_id(tx, visitor.site_id)
        _charge(deps, visitor, gate.address(request), address)
        chosen = locale_for(deps.texts, site, body.locale, request.headers.get("accept-language"))
        async with deps.db.write() as tx:
            row = await access_conversation_as_visitor(tx, visitor.visitor_id, known(id))
            await deps.copies.ask(tx, row, address, chosen)
        return {}


def _charge(deps: VisitorDeps, visitor: VisitorIdentity, network: str, address: str) -> None:
    charge = deps.limiter.charge
    charge("copies", visitor.visitor_id, limit=COPIES_AN_HOUR, seconds=HOUR)
    charge("copies-network", network, limit=COPIES_AN_HOUR_ADDRESS, seconds=HOUR)
    charge("copies-to", f"{visitor.site_id} {address}", limit=COPIES_A_DAY_TO_ONE, seconds=DAY)
    charge("copies-site", visitor.site_id, limit=COPIES_AN_HOUR_SITE, seconds=HOUR)
