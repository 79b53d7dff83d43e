"""In front of every request: limits before anything is parsed, and headers on whatever goes out (T2, T8, T26, T28).

A pure ASGI middleware. uvicorn by itself keeps half-sent bodies open for ever and takes headers of 200 KB.
"""

import asyncio
import logging
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from minidesk.errors import BadRequest, MinideskError, Refused, TooLarge
from minidesk.text.sentences import speak_errors
from minidesk.web.problems import REQUEST_ID, response_of

logger = logging.getLogger("minidesk.web")

_EXTRA_HEADERS = "response_headers"
WIDGET = "/api/widget/"
WIDGET_UPLOADS = frozenset({"/api/widget/v1/attachments", "/api/widget/v1/voice"})
INBOUND_MAIL = "/api/v1/inbound/mail"
# Doors for files of who has signed in or has a key; each looks at that before it reads the body.
_FILE_DOORS = re.compile(
    r"/console/(?:docs/upload|account/picture|settings/logo"
    r"|conversations/[^/]+/(?:say|canned|macro|assist))"  # each a button of the composer, which may hold files
    r"|/api/v1/documents/.+",
    re.DOTALL,
)
UPLOAD_SLACK = 64 * 1024  # the parts of a multipart body around the file

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)


class TooSlow(Refused):
    """The body did not arrive in time."""

    status = 408
    code = "too_slow"
    default = "The request took too long to arrive. Check the connection and send it again."


class HeadersTooLarge(Refused):
    """More header bytes than the limit."""

    status = 431
    code = "headers_too_large"
    default = "The request's headers are too large. Clear this site's cookies and try again."


@dataclass(frozen=True, slots=True)
class GuardRules:
    """The limits (faults-and-threats, section 0). Sizes in bytes."""

    widget_body: int = 64 * 1024
    other_body: int = 1024 * 1024
    upload_body: int = 50_000_000  # of the file; the rest of the form comes on top
    widget_upload: int = 10_000_000  # the same, of what a visitor attaches
    inbound_mail: int = 10_000_000  # a mail with its files, in one piece
    headers: int = 16 * 1024
    body_seconds: float = 15.0
    upload_rate: int = 50_000  # bytes a second: an upload may take 15 s and as long as this rate needs
    https: bool = False

    def is_upload(self, path: str, content_type: str) -> bool:
        """Whether files come: as multipart, and only at the doors for them."""
        if path == INBOUND_MAIL:
            return True
        takes_files = path in WIDGET_UPLOADS or _FILE_DOORS.fullmatch(path) is not None
        return content_type.lower().startswith("multipart/") and takes_files

    def body_limit(self, path: str, content_type: str) -> int:
        """How much this address takes."""
        if path == INBOUND_MAIL:
            return self.inbound_mail
        if self.is_upload(path, content_type):
            largest = self.widget_upload if path in WIDGET_UPLOADS else self.upload_body
            return largest + UPLOAD_SLACK
        return self.widget_body if path.startswith(WIDGET) else self.other_body


# Of a page that may ask for a voice note: ours, and the chat that it frames.
MICROPHONE = "camera=(), geolocation=(), microphone=(self)"


def content_policy(frame_ancestors: Iterable[str] = ()) -> str:
    """The Content-Security-Policy of a page; nobody may frame it unless named."""
    return _POLICY.format(ancestors=" ".join(frame_ancestors) or "'none'")


def add_response_header(request: Request, name: str, value: str) -> None:
    """Put a header on whatever answer this request gets, errors included."""
    headers: dict[str, str] = request.scope["state"].setdefault(_EXTRA_HEADERS, {})
    headers[name.lower()] = value


def drop_response_header(request: Request, name: str) -> None:
    """Take back what `add_response_header` put there."""
    request.scope["state"].get(_EXTRA_HEADERS, {}).pop(name.lower(), None)


class Guard:
    """The middleware: `app.add_middleware(Guard, rules=…)`, added last so that it stands outermost."""

    def __init__(self, app: ASGIApp, rules: GuardRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one HTTP request; anything else passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._rules).run(self._app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, rules: GuardRules) -> None:
        self._scope, self._receive_raw, self._send_raw, self._rules = scope, receive, send, rules
        self._headers = Headers(scope=scope)
        self.request_id = secrets.token_hex(8)
        scope.setdefault("state", {})[REQUEST_ID] = self.request_id
        if scope["path"].startswith(WIDGET):
            speak_errors(self._headers.get("accept-language"))  # also what is refused before any route
        content_type = self._headers.get("content-type", "")
        self._limit = rules.body_limit(scope["path"], content_type)
        self._is_upload = rules.is_upload(scope["path"], content_type)
        self._received = 0
        self._body_done = False
        self._refusal: MinideskError | None = None
        self._started = False
        self._refused = False
        self._deadline = asyncio.get_running_loop().time() + rules.body_seconds

    async def run(self, app: ASGIApp) -> None:
        """Hand the request on if its headers may pass; turn whatever is raised into the one body."""
        try:
            self._check_headers()
            await app(self._scope, self.receive, self.send)
        except MinideskError as error:
            await self._fail(error)
        except Exception:  # the last place where an unknown error can still become an answer
            if self._refusal is None:
                logger.exception(
                    "a request failed",
                    extra={"request_id": self.request_id, "method": self._scope["method"], "status": 500},
                )
            if self._started:
                raise  # the server then breaks the connection: a cut answer must not look whole
            await self._fail(self._refusal or MinideskError())

    def _check_headers(self) -> None:
        if sum(len(name) + len(value) + 4 for name, value in self._scope["headers"]) > self._rules.headers:
            raise HeadersTooLarge
        lengths = self._headers.getlist("content-length")
        if len(set(lengths)) > 1 or any(not (n.isascii() and n.isdigit() and len(n) < 20) for n in lengths):
            raise BadRequest("The request's length cannot be read. Send one Content-Length, a whole number.")
        if lengths and int(lengths[0]) > self._limit:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next piece of the body, counted and timed; after a breach the app sees a client that is gone."""
        if self._body_done:
            return await self._receive_raw()
        if self._refusal is not None:
            return {"type": "http.disconnect"}
        extra = self._received / self._rules.upload_rate if self._is_upload else 0
        try:
            async with asyncio.timeout_at(self._deadline + extra):
                message = await self._receive_raw()
        except TimeoutError:
            return self._refuse(TooSlow())
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self._body_done = not message.get("more_body", False)
            if self._received > self._limit:
                self._body_done = False
                return self._refuse(self._too_large())
        return message

    async def send(self, message: Message) -> None:
        """Send on, with our headers; an answer to a body that was refused is replaced by the refusal."""
        if self._refused:
            return
        if message["type"] == "http.response.start":
            if self._refusal is not None:
                await self._fail(self._refusal)
                return
            self._started = True
            self._add_headers(MutableHeaders(raw=message["headers"]))
        await self._send_raw(message)

    def _refuse(self, error: MinideskError) -> Message:
        self._refusal = error
        return {"type": "http.disconnect"}

    def _too_large(self) -> TooLarge:
        return TooLarge(f"This is too large. Send {self._limit // 1024} KB or less at once.")

    async def _fail(self, error: MinideskError) -> None:
        if self._started or self._refused:
            return
        response = response_of(error, self.request_id)
        if not self._body_done:
            response.headers["Connection"] = (
                "close"  # the rest of the body must not be read as the next request
            )
        self._add_headers(response.headers)
        self._refused = True
        await response(self._scope, self._receive_raw, self._send_raw)

    def _add_headers(self, headers: MutableHeaders) -> None:
        headers["X-Request-Id"] = self.request_id
        headers["X-Content-Type-Options"] = "nosniff"
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Content-Security-Policy", content_policy())
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if "frame-ancestors 'none'" in headers["Content-Security-Policy"]:
            headers["X-Frame-Options"] = "DENY"
        if self._rules.https:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        # Whatever is not meant for everyone is kept by no cache between us and one person (T26).
        if not headers.get("Cache-Control", "").startswith("public"):
            headers["Cache-Control"] = "no-store"
        for name, value in self._scope["state"].get(_EXTRA_HEADERS, {}).items():
            headers[name] = value
