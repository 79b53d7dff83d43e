"""Bodies, JSON and forms, read more strictly than the standard library and Starlette do.

`json` takes NaN, lone surrogates and numbers without end; each becomes a 500 further in (measured: at SQLite's
bind, at the response's encoding). Starlette decodes a form with any codec that its header names. Here they are refused
with a sentence.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from minidesk.errors import BadRequest, Invalid, InvalidText, WrongType
from minidesk.web.problems import sentence_for

Model = TypeVar("Model", bound=BaseModel)

MAX_DEPTH = 32  # deeper than anything this API takes, far from the interpreter's own limit
MAX_DIGITS = 100
INT_LIMIT = 2**63  # what both databases can hold
FIELD_BYTES = 64 * 1024  # of one field of a form that anybody may send
UTF8 = (b"", b"utf-8", b"utf8")


def json_body(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads the body as `model`. Put it after the identity: nobody's body is parsed before that.

    Unknown fields are ignored; of a key that stands twice, the last one counts; no body at all is `{}`.
    """

    async def read(request: Request) -> Model:
        return parse_model(await read_json(request), model)

    return read


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra` of a route whose body `json_body(model)` reads, so that the description shows it."""
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema_of(model)}},
        }
    }


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `model` with its parts written where they are used: `$defs` would point outside the description."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(item) for item in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return whole(parts[value["$ref"].removeprefix("#/$defs/")])
        return {key: whole(item) for key, item in value.items()}

    found: dict[str, Any] = whole(schema)
    return found


async def read_form(
    request: Request, *, max_files: int, max_fields: int, field_bytes: int = FIELD_BYTES
) -> FormData:
    """The fields and files of a form, in UTF-8. The only place that reads one. Raises `WrongType` or `BadRequest`.

    Starlette decodes with the codec that the header names, on the event loop. One takes the square of a field's length
    (punycode: a request of 1 MB stops the server for minutes), others raise or make lone surrogates.
    """
    # The very parser that Starlette asks: another one might read another charset out of the same header.
    _, said = parse_options_header(request.headers.get("content-type"))
    if said.get(b"charset", b"").strip().lower() not in UTF8:
        raise WrongType("Send this form in UTF-8.", code="form_encoding")
    try:
        return await request.form(max_files=max_files, max_fields=max_fields, max_part_size=field_bytes)
    except HTTPException as error:  # cut, or more of it than fits
        raise BadRequest("This form could not be read. Send it again, with less in it.") from error


async def read_json(request: Request) -> Any:
    """The body as plain values. Raises `WrongType`, `BadRequest`, `Invalid` or `InvalidText`."""
    raw = await request.body()
    if not raw:
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise WrongType("Send JSON, with the header Content-Type: application/json.", code="json_expected")
    return parse_json(raw)


def parse_json(raw: bytes) -> Any:
    """`raw` as plain values. Raises `BadRequest` for what is no JSON, `Invalid` for numbers and `InvalidText` for text nobody can store."""
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_constant=_no_number, parse_float=_finite, parse_int=_int64
        )
    except (ValueError, RecursionError) as error:
        raise BadRequest from error
    _check(value)
    return value


def parse_model(value: Any, model: type[Model]) -> Model:
    """Plain values as `model`. Raises `BadRequest` for anything but an object and `Invalid` naming the first wrong field."""
    if not isinstance(value, dict):
        raise BadRequest("Send a JSON object, such as {}.")
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        raise Invalid(sentence_for(error.errors(include_url=False))) from error


def _check(value: Any) -> None:
    """Refuse depth, NUL and lone surrogates, wherever they stand, in keys too."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str) and ("\0" in item or not _encodes(item)):
                raise InvalidText
        level = below
        if not level:
            return
    raise BadRequest("This JSON is nested too deeply. Send a flatter one.")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_number(name: str) -> NoReturn:
    raise Invalid(f"{name} is not a number that can be used. Send a finite one.")


def _finite(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        _no_number("A number too large for a float")
    return value


def _int64(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise BadRequest("This JSON holds a number without end. Send a shorter one.")
    value = int(digits)
    if not -INT_LIMIT <= value < INT_LIMIT:
        raise Invalid("This JSON holds a whole number that is too large. Send a smaller one.")
    return value
