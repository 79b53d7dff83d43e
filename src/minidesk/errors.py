"""Every error that can reach a person, as one tree.

    MinideskError
    ├── Refused                      the caller can mend it; never an alarm
    │   ├── BadRequest               400  cannot be parsed at all
    │   ├── NotAuthenticated         401  no identity, or one that has ended
    │   ├── NotAllowed               403  an identity without this right
    │   │   ├── OriginNotAllowed          the page is not on the site's list
    │   │   └── CsrfFailed                a form without its token
    │   ├── NotFound                 404  missing, or another site's: the same words
    │   ├── Conflict                 409  the state has moved on
    │   │   ├── AlreadyAssigned           another agent was first
    │   │   └── HolderChanged             the assistant lost the conversation while it worked
    │   ├── TooLarge                 413
    │   ├── WrongType                415
    │   ├── Invalid                  422  well formed, but a value cannot be used
    │   │   ├── InvalidText
    │   │   └── DocumentProblem           a file that cannot become knowledge
    │   └── TooMany                  429  with the seconds to wait
    ├── Unavailable                  503  a part is down; trying again may help
    │   ├── StorageFull              507
    │   ├── IndexUnavailable              vectors are being rebuilt
    │   └── DatabaseBusy
    └── ModelError                   503  what the gateway makes of any provider's failure
        ├── ModelTimeout                  a clock of ours ran out
        ├── ModelUnreachable              no connection
        ├── ModelOverloaded               429 or 5xx: another target may do
        ├── ModelRefused                  key, model name or request is wrong: retry is useless
        ├── ModelBadResponse              not the protocol, or too much of it
        └── ModelTruncated                the stream ended without saying so

A class knows its HTTP status, its stable code and whether trying again can help. `message` is one
plain sentence that says what to do next: never a path, SQL, an upstream's name, a key or a trace.
`web/guard.py` turns any of them into the one error body.
"""

from collections.abc import Callable
from contextvars import ContextVar

# How the request that is answered says a code in its own language (text.sentences); none: as the error was raised.
SAID_BY_CODE: ContextVar[Callable[[str], str | None] | None] = ContextVar("said_by_code", default=None)


class MinideskError(Exception):
    """Root of the tree: carries what the edge needs to answer."""

    status = 500
    code = "internal_error"
    retry = False
    default = "Something went wrong on our side. Please try again in a moment."

    def __init__(
        self, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
    ) -> None:
        """`message` replaces the class's sentence, `code` its code; `retry_after` is in seconds."""
        self._raised = message or self.default
        self._replaced: str | None = None
        if code is not None:
            self.code = code
        self.retry_after = retry_after
        super().__init__(self._raised)

    @property
    def message(self) -> str:
        """One plain sentence, in the language of the request where its code has one there."""
        say = SAID_BY_CODE.get()
        said = say(self.code) if say is not None else None
        return self._replaced or said or self._raised

    @message.setter
    def message(self, sentence: str) -> None:
        """Say this instead, in every language."""
        self._replaced = sentence


class Refused(MinideskError):
    """The caller can mend it."""

    status = 400
    code = "refused"


class BadRequest(Refused):
    """The request cannot be parsed."""

    status = 400
    code = "bad_request"
    default = "This request could not be read. Send valid JSON in UTF-8."


class NotAuthenticated(Refused):
    """There is no identity, or it has ended."""

    status = 401
    code = "not_authenticated"
    default = "Please sign in again."


class NotAllowed(Refused):
    """The identity lacks the right."""

    status = 403
    code = "not_allowed"
    default = "You may not do this here. Ask an administrator of the site."


class OriginNotAllowed(NotAllowed):
    """The embedding page is not on the site's list."""

    code = "origin_not_allowed"
    default = "This page is not on the site's list of allowed addresses. Add it in the site's settings."


class CsrfFailed(NotAllowed):
    """A form came without its token, or from another page."""

    code = "csrf_failed"
    default = "This form has expired. Reload the page and send it again."


class NotFound(Refused):
    """Missing, or somebody else's: nobody can tell which."""

    status = 404
    code = "not_found"
    default = "There is nothing here. Check the address, or start again from the first page."


class Conflict(Refused):
    """The state has moved on."""

    status = 409
    code = "conflict"
    default = "This has changed in the meantime. Reload to see how it stands."


class AlreadyAssigned(Conflict):
    """Another agent was first."""

    code = "already_assigned"


class HolderChanged(Conflict):
    """The assistant lost the conversation while it worked; it must say nothing more."""

    code = "holder_changed"


class TooLarge(Refused):
    """More bytes than the limit."""

    status = 413
    code = "too_large"
    default = "This is too large. Send less at once."


class WrongType(Refused):
    """A kind of file that is not taken, or one that is not what its name says."""

    status = 415
    code = "type_not_allowed"
    default = "This kind of file is not taken. Send Markdown, text, HTML, CSV, XLSX, JSON, JSONL, PDF or DOCX, or a zip of these."


class Invalid(Refused):
    """Well formed, but a value cannot be used."""

    status = 422
    code = "invalid"
    default = "A value in this request cannot be used."


class InvalidText(Invalid):
    """Text with characters that no database or reader can hold."""

    code = "invalid_text"
    default = "This text holds characters that cannot be stored. Remove them and send it again."


class DocumentProblem(Invalid):
    """A file that cannot become knowledge; the code says why."""

    code = "document_unreadable"
    default = "This file could not be read. Open it, save it again, and upload that copy."


class TooMany(Refused):
    """Too often; `retry_after` says how long to wait."""

    status = 429
    code = "too_many_requests"
    retry = True
    default = "That was a lot at once. Please wait a moment and try again."


class Unavailable(MinideskError):
    """A part is down for now."""

    status = 503
    code = "unavailable"
    retry = True
    default = "This is not available right now. Please try again in a moment."


class StorageFull(Unavailable):
    """The disk is full: reading goes on, writing does not."""

    status = 507
    code = "storage_full"
    default = "There is no room left to store this. Free some disk space and try again."


class IndexUnavailable(Unavailable):
    """The vector index is missing or being rebuilt; full text answers meanwhile."""

    code = "index_unavailable"


class DatabaseBusy(Unavailable):
    """The database did not take the write in time."""

    code = "database_busy"


class ModelError(MinideskError):
    """Any failure of a model's provider, translated once in `gateway/client.py`."""

    status = 503
    code = "model_failed"
    default = "The assistant's model did not answer."


class ModelTimeout(ModelError):
    """One of our clocks ran out: first token, gap or total."""

    code = "model_timeout"
    retry = True


class ModelUnreachable(ModelError):
    """No connection could be made, or it broke before the first byte."""

    code = "model_unreachable"
    retry = True


class ModelOverloaded(ModelError):
    """429 or 5xx; `retry_after` holds the provider's wish in seconds, if it gave one."""

    code = "model_overloaded"
    retry = True


class ModelRefused(ModelError):
    """The key, the model's name or the request is wrong: the same call will fail again."""

    code = "model_refused"


class ModelBadResponse(ModelError):
    """What came back is not the protocol, or more than the caps allow."""

    code = "model_bad_response"


class ModelTruncated(ModelError):
    """The stream ended without `finish_reason` or `[DONE]`."""

    code = "model_truncated"
    retry = True
