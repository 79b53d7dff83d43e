"""A small square picture from a form: an agent's, or a site's logo."""

import asyncio
import base64

from starlette.datastructures import FormData, UploadFile

from minidesk.errors import Invalid
from minidesk.files.pictures import portrait
from minidesk.web.console.gate import field

REMOVE = "remove"


async def portrait_in(form: FormData, name: str, max_pixels: int) -> str:
    """`files.pictures.portrait` in base64; empty where the button says to remove it. Raises Invalid or TooLarge."""
    if field(form, "do") == REMOVE:
        return ""
    file = form.get(name)
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("Choose a picture first.", code="file_missing")
    drawn = await asyncio.to_thread(portrait, await file.read(), file.content_type or "", max_pixels)
    return base64.b64encode(drawn).decode()
