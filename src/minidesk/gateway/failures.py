"""What a provider's refusal means, from its status and the little that its body says.

The body is read for its meaning alone: not a word of it is kept or shown, for it may hold a key or somebody's data.
"""

import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from minidesk.errors import ModelBadResponse, ModelError, ModelOverloaded, ModelRefused

# A provider that asks for more is treated as down that long and no longer (F11).
LONGEST_WAIT_S = 300.0

# Codes of ModelRefused, each of which the router answers in another way.
CONTEXT_TOO_LONG = "model_context_too_long"  # this request: another model may have room
CONTENT_POLICY = "model_content_policy"  # this request: another provider may judge otherwise
OUT_OF_CREDIT = "model_out_of_credit"  # everything behind this key, until somebody pays
BAD_KEY = "model_bad_key"  # everything behind this key, until somebody mends it
UNKNOWN_MODEL = "model_unknown"  # this model
BUDGET_SPENT = "budget_spent"  # our own ceiling
# Of ModelOverloaded.
RATE_LIMITED = "model_rate_limited"

_CONTEXT = re.compile(
    r"context[ _](length|window|size)|maximum context|too many (input )?tokens|(prompt|input) is too long"
    r"|exceed_context_size|string_above_max_length|token count .{0,60}(exceed|less than)",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content[ _](policy|filter|management)|safety (system|setting)|responsibleai", re.IGNORECASE
)
_CREDIT = re.compile(
    r"insufficient[ _](quota|balance|credit|funds)|exceeded your current quota|credit balance is too low"
    r"|billing[ _](hard|not[ _]active)|payment required",
    re.IGNORECASE,
)
_MODEL = re.compile(
    r"model[ _]not[ _]found|(unknown|invalid|no such) model|model .{0,120}(not exist|not found)", re.I
)


def failure(status: int, body: bytes | Mapping[str, Any], wait: float | None = None) -> ModelError:
    """The error that a status and a body stand for. `wait` is what Retry-After asked for, in seconds."""
    said = _said(body)
    if status == 402 or _CREDIT.search(said):
        return ModelRefused(code=OUT_OF_CREDIT)
    if status in (400, 403, 413, 422, 500) and _CONTEXT.search(said):
        return ModelRefused(code=CONTEXT_TOO_LONG)
    if status in (400, 403, 422) and _POLICY.search(said):
        return ModelRefused(code=CONTENT_POLICY)
    if status in (401, 403):
        return ModelRefused(code=BAD_KEY)
    if status == 404 or (status in (400, 422) and _MODEL.search(said)):
        return ModelRefused(code=UNKNOWN_MODEL)
    if status == 429:
        return ModelOverloaded(code=RATE_LIMITED, retry_after=wait)
    if status in (408, 409, 425) or status >= 500:
        return ModelOverloaded(retry_after=wait)
    if 300 <= status < 400:
        return ModelBadResponse()
    return ModelRefused()


def failure_in_band(error: Any) -> ModelError:
    """An error object in the middle of a stream that began with 200."""
    body = error if isinstance(error, dict) else {"message": str(error)}
    code = body.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 0
    found = failure(status or 400, {"error": body})
    # Without a status, and with nothing in it that we know, it is the server's trouble and not the request's.
    return ModelOverloaded() if not status and found.code == ModelRefused.code else found


def _said(body: bytes | Mapping[str, Any]) -> str:
    """Code, type and message of an error body, in the forms that OpenAI, Google, llama.cpp and proxies use."""
    value: Any = body
    if isinstance(body, bytes):
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            return ""
    if isinstance(value, list):  # Google's
        value = value[0] if value else {}
    if not isinstance(value, dict):
        return ""
    error = value.get("error", value)
    if not isinstance(error, dict):
        return str(error)[:2000]
    fields = (error.get(name) for name in ("code", "type", "status", "message"))
    return " ".join(str(field)[:2000] for field in fields if isinstance(field, str))


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for, between 0 and `LONGEST_WAIT_S`; None where it says nothing usable (F11)."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        seconds = when.timestamp() - time.time()
    # Written so that NaN fails it too.
    return min(seconds, LONGEST_WAIT_S) if seconds >= 0 else None
