"""The one error body, for everything that can go wrong in a request.

`{"error": {"code", "message", "request_id"}}`: a stable code, a sentence that says what to do next, and the id under
which the log tells more. Never a trace, a path, SQL or an upstream's name.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from minidesk.errors import BadRequest, Invalid, MinideskError, NotFound

REQUEST_ID = "request_id"
_METHOD = (
    "method_not_allowed",
    "This address does not take that method. See the API's description for the one it takes.",
)


@dataclass(frozen=True, slots=True)
class LostPage:
    """What a person's browser is shown below `prefix` at an address that no route answers: by the request and the status."""

    prefix: str
    answer: Callable[[Request, int], Awaitable[Response]]

    def fits(self, request: Request) -> bool:
        """Whether a person asked, and not a script of the page or a program."""
        path, accepted = request.url.path, request.headers.get("accept", "")
        below = path == self.prefix or path.startswith(f"{self.prefix}/")
        return below and "text/html" in accepted and "hx-request" not in request.headers


def error_response(
    status: int, code: str, message: str, request_id: str, *, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The error body as a response."""
    body = {"error": {"code": code, "message": message, "request_id": request_id}}
    return JSONResponse(body, status_code=status, headers=dict(headers or {}))


def response_of(error: MinideskError, request_id: str) -> JSONResponse:
    """An error of ours as a response, with `Retry-After` in whole seconds where it says how long."""
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return error_response(error.status, error.code, error.message, request_id, headers=headers)


def request_id_of(request: Request) -> str:
    """The id that the guard gave this request."""
    return str(getattr(request.state, REQUEST_ID, ""))


def install_error_handlers(app: FastAPI, lost: LostPage | None = None) -> None:
    """Answer every error of ours, of FastAPI and of Starlette with the one body; people who are `lost` get its page.

    What none of them knows goes on to the guard, which logs it and answers 500.
    """

    async def ours(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, MinideskError)
        return response_of(error, request_id_of(request))

    async def unusable(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        errors = error.errors()
        unparsable = any(e["type"] == "json_invalid" for e in errors)
        problem = BadRequest() if unparsable else Invalid(sentence_for(errors))
        return response_of(problem, request_id_of(request))

    async def starlettes(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        cause = error.__cause__
        if isinstance(cause, MinideskError):  # FastAPI wraps what is raised while it reads a body
            return response_of(cause, request_id_of(request))
        if lost is not None and error.status_code in (404, 405) and lost.fits(request):
            return await lost.answer(request, error.status_code)
        if error.status_code == 404:
            return response_of(NotFound(), request_id_of(request))
        code, message = _METHOD if error.status_code == 405 else ("bad_request", BadRequest.default)
        return error_response(error.status_code, code, message, request_id_of(request), headers=error.headers)

    app.add_exception_handler(MinideskError, ours)
    app.add_exception_handler(RequestValidationError, unusable)
    app.add_exception_handler(HTTPException, starlettes)


def sentence_for(errors: Sequence[Mapping[str, Any]]) -> str:
    """The first of pydantic's complaints as a sentence. Never quotes the value: it may hold somebody's data."""
    error = errors[0]
    places = {"body", "query", "path", "header", "cookie"}
    where = ".".join(str(part) for part in error["loc"] if part not in places) or "request"
    kind, context = str(error["type"]), error.get("ctx", {})
    sentences = {
        "missing": f"The field {where} is missing.",
        "string_type": f"The field {where} must be text.",
        "bool_type": f"The field {where} must be true or false.",
        "bool_parsing": f"The field {where} must be true or false.",
        "int_type": f"The field {where} must be a whole number.",
        "int_parsing": f"The field {where} must be a whole number.",
        "string_too_long": f"The field {where} may have up to {context.get('max_length')} characters.",
        "string_too_short": f"The field {where} must have {context.get('min_length')} or more characters.",
        "greater_than_equal": f"The field {where} must be {context.get('ge')} or more.",
        "less_than_equal": f"The field {where} must be {context.get('le')} or less.",
    }
    return sentences.get(
        kind, f"The field {where} cannot be used. See the API's description for what it takes."
    )
