"""Files of the visitor's: sent before the message that they belong to, and read again with the same token (never by an address)."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from starlette.requests import Request

from minidesk.conversations import access_conversation_as_visitor
from minidesk.errors import Invalid, ModelError, NotFound, TooLarge, Unavailable
from minidesk.files.kinds import VOICE, kind_of
from minidesk.gateway import Recording
from minidesk.sites import VisitorIdentity
from minidesk.text.normalise import remove_invisible, replace_surrogates
from minidesk.web.serving_files import attachment_response, file_of, sent
from minidesk.web.visitor_api.deps import VisitorDeps
from minidesk.web.visitor_api.gate import Gate, known
from minidesk.web.visitor_api.saying import charge_upload
from minidesk.web.visitor_api.session_routes import Ok

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "format": "binary"}},
                    "required": ["file"],
                }
            }
        },
    }
}


def add_attachments(router: APIRouter, deps: VisitorDeps, gate: Gate) -> None:
    """The routes of files."""

    @router.post("/attachments", status_code=201, openapi_extra=_FORM)
    async def attach(request: Request, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]) -> Ok:
        """Store a file for a message that comes after it; its id goes into that message's `attachments`."""
        if not deps.settings.attachment_max_bytes:
            raise NotFound
        charge_upload(deps, visitor, gate.address(request))
        file = await file_of(request)
        try:
            stored = await deps.attachments.take(
                site_id=visitor.site_id, author="visitor", owner_id=visitor.visitor_id, sent=sent(file)
            )
        finally:
            await file.close()
        return {"attachment": asdict(stored)}

    @router.get("/attachments/{id}", response_class=Response)
    async def read(id: str, visitor: Annotated[VisitorIdentity, Depends(gate.visitor)]) -> Response:
        """A file of the visitor's own conversations."""
        return attachment_response(await deps.attachments.as_visitor(visitor.visitor_id, known(id)))

    @router.post("/voice", openapi_extra=_FORM)
    async def write_down(
        request: Request,
        visitor: Annotated[VisitorIdentity, Depends(gate.visitor)],
        conversation: Annotated[str | None, Query()] = None,
    ) -> Ok:
        """What a voice note says, for the visitor to look at before it is sent. The recording itself is not kept."""
        if not deps.voice.configured:
            raise NotFound
        charge_upload(deps, visitor, gate.address(request))
        if conversation is not None:
            async with deps.db.read() as tx:
                await access_conversation_as_visitor(tx, visitor.visitor_id, known(conversation))
        data, type = await _recording(deps, request)
        try:
            heard = await deps.voice.write_down(Recording(data, type, visitor.site_id, conversation))
        except ModelError as error:
            raise Unavailable(
                "Your voice note could not be written down. Try again in a moment, or write your message.",
                code="voice_failed",
            ) from error
        text = remove_invisible(replace_surrogates(heard)).strip()[: deps.settings.message_max_chars]
        if not text:
            raise Invalid(
                "Nothing could be heard. Speak closer to the microphone, or write.", code="nothing_heard"
            )
        return {"text": text}


async def _recording(deps: VisitorDeps, request: Request) -> tuple[bytes, str]:
    """The form's recording and what its bytes are. Raises TooLarge, WrongType and Invalid."""
    file = await file_of(request)
    try:
        data = await file.read(deps.settings.voice_max_bytes + 1)
        if len(data) > deps.settings.voice_max_bytes:
            raise TooLarge("This voice note is too long. Say it in two parts.")
        kind = await asyncio.to_thread(kind_of, file.filename or "", file.content_type or "", data, VOICE)
    finally:
        await file.close()
    return data, kind.type
