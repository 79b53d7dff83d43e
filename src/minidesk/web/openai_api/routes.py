"""`/v1/models` and `/v1/chat/completions`."""

from collections.abc import AsyncGenerator

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from minidesk.errors import MinideskError
from minidesk.web.body import parse_model, read_json
from minidesk.web.openai_api.completions import offered, pieces_of
from minidesk.web.openai_api.deps import OpenAIDeps
from minidesk.web.openai_api.keys import Keys
from minidesk.web.openai_api.protocol import Completion, End, Written, problem
from minidesk.web.openai_api.stream import Reader, Stream
from minidesk.web.problems import request_id_of


def openai_router(deps: OpenAIDeps) -> APIRouter:
    """`/v1/models` and `/v1/chat/completions`."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"])
    keys = Keys(deps)

    @router.get("/models")
    async def models(request: Request) -> Response:
        """The models that this key may use."""
        try:
            key = await keys.identify(request)
        except MinideskError as error:
            return problem(error, request)
        rows = [
            {"id": name, "object": "model", "created": 0, "owned_by": "minidesk"}
            for name in offered(deps, key)
        ]
        return JSONResponse({"object": "list", "data": rows})

    @router.post("/chat/completions")
    async def completions(request: Request) -> Response:
        """A completion, streamed or whole."""
        try:
            key = await keys.identify(request)
            asked = parse_model(await read_json(request), Completion)
            pieces = await pieces_of(deps, key, asked)
            answer = Written(asked, request_id_of(request), int(deps.clock().timestamp()))
            return await _answered(request, answer, pieces, streamed=asked.stream)
        except MinideskError as error:
            return problem(error, request)

    return router


async def _answered(
    request: Request, answer: Written, pieces: AsyncGenerator[str | End, None], *, streamed: bool
) -> Response:
    """The completion, or its beginning: what fails before the first word is an error with a status of its own."""
    reader, stream = Reader(request), None
    try:
        if not streamed:
            return await reader.waits_for(answer.whole(pieces))
        first = await reader.waits_for(anext(pieces))
        stream = Stream(answer.events(first, pieces), reader)
        return stream
    finally:
        if stream is None:  # else it ends both
            reader.stop()
            await pieces.aclose()
