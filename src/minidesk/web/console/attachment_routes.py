"""Files of messages, for agents: read by their session's cookie, and sent along with a reply."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from minidesk.conversations.attachments import MOST
from minidesk.errors import Invalid
from minidesk.web.console.deps import ConsoleDeps
from minidesk.web.console.gate import identify
from minidesk.web.console.view import View
from minidesk.web.serving_files import attachment_response, sent


def add(router: APIRouter, deps: ConsoleDeps, view: View) -> None:
    """Add the route."""

    @router.get("/conversations/{conversation_id}/attachments/{attachment_id}")
    async def attachment(request: Request, conversation_id: str, attachment_id: str) -> Response:
        agent = await identify(deps, request)
        file = await deps.attachments.as_agent(agent.agent_id, conversation_id, attachment_id)
        return attachment_response(file)


def files_in(form: FormData) -> list[UploadFile]:
    """The files that were chosen; a field without one holds a file without a name. Raises Invalid for too many."""
    files = [file for file in form.getlist("files") if isinstance(file, UploadFile) and file.filename]
    if len(files) > MOST:
        raise Invalid(
            f"A message can have {MOST} files. Send the others with another one.", code="too_many_files"
        )
    return files


async def store(deps: ConsoleDeps, files: Sequence[UploadFile], *, site_id: str, agent_id: str) -> list[str]:
    """Their ids, for the message that comes next. Raises what `Attachments.take` raises."""
    stored = []
    for file in files:
        view = await deps.attachments.take(
            site_id=site_id, author="agent", owner_id=agent_id, sent=sent(file)
        )
        stored.append(view.id)
    return stored
