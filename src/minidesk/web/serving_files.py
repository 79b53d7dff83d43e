"""Files that people attached, on their way out: never as something that a browser would run (T8)."""

from collections.abc import AsyncIterator
from urllib.parse import quote

from fastapi.responses import Response
from starlette.datastructures import UploadFile
from starlette.requests import Request

from minidesk.conversations import Sent, StoredAttachment
from minidesk.errors import Invalid
from minidesk.web.body import read_form

PIECE = 256 * 1024
# Should a browser ever take such a file for a page: nothing in it loads, runs or knows whose page it is.
_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def attachment_response(file: StoredAttachment) -> Response:
    """The bytes, as what we found them to be. Only pictures that we wrote ourselves may be shown in their place."""
    way = "inline" if file.shown else "attachment"
    return Response(
        file.data,
        media_type=file.type,
        headers={
            "Content-Disposition": f"{way}; filename*=UTF-8''{quote(file.name, safe='')}",
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


async def file_of(request: Request, name: str = "file") -> UploadFile:
    """The one file of a form; close it. Raises Invalid."""
    form = await read_form(request, max_files=1, max_fields=2)
    file = form.get(name)
    if not isinstance(file, UploadFile):
        await form.close()
        raise Invalid(
            f"Send one file as multipart/form-data, in a field called `{name}`.", code="file_missing"
        )
    return file


def sent(file: UploadFile) -> Sent:
    """A form's file as `Attachments` takes it."""

    async def pieces() -> AsyncIterator[bytes]:
        while piece := await file.read(PIECE):
            yield piece

    return Sent(file.filename or "", file.content_type or "", pieces())
