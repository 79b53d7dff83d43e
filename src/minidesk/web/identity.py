"""What a request says of who sends it: its bearer token, its cookie, its page."""

from starlette.requests import Request
from starlette.responses import Response

from minidesk.errors import CsrfFailed, NotAuthenticated
from minidesk.settings import Settings
from minidesk.sites import check_origin

COOKIE_SECONDS = 14 * 24 * 3600  # as long as a session can live at all
TOKEN_CHARS = 200


def bearer_token(request: Request) -> str:
    """The token of the one Authorization header, the only place it may stand (T13). Raises `NotAuthenticated`."""
    headers = request.headers.getlist("authorization")
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() != "bearer" or not 0 < len(token.strip()) <= TOKEN_CHARS:
        raise NotAuthenticated
    return token.strip()


def own_origin(request: Request, settings: Settings) -> str:
    """The desk's own origin: of the public URL where there is one, of the address that was asked for otherwise."""
    if settings.public_url:
        scheme, _, rest = settings.base_url.partition("://")
        return check_origin(f"{scheme}://{rest.partition('/')[0]}")
    return f"{request.url.scheme}://{request.headers.get('host', '').lower()}"


def check_own_origin(request: Request, settings: Settings) -> None:
    """For forms that a cookie signs: raises `CsrfFailed` if the browser says that another page sent it (T10)."""
    origin = request.headers.get("origin")
    if origin is not None and origin != own_origin(request, settings):
        raise CsrfFailed
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise CsrfFailed


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds the cookie to this very host, but browsers take it over https only (T9)."""
    return "__Host-minidesk" if settings.secure_cookies else "minidesk"


def session_cookie(request: Request, settings: Settings) -> str | None:
    """The console session's token, if the browser sent one."""
    return request.cookies.get(cookie_name(settings))


def set_session_cookie(response: Response, settings: Settings, token: str) -> None:
    """Give the browser its token; scripts cannot read it, and other sites' forms do not send it."""
    response.set_cookie(
        cookie_name(settings),
        token,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(response: Response, settings: Settings) -> None:
    """Take it away."""
    response.delete_cookie(
        cookie_name(settings), path="/", secure=settings.secure_cookies, httponly=True, samesite="lax"
    )
