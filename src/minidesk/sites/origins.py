"""Which pages may embed a site. Origins are compared whole and exactly: every looser rule has been got around (T1)."""

import re
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from minidesk.errors import Invalid

_PORTS = {"http": 80, "https": 443}
# What a browser sends: lower case, ASCII, no path, no default port, no trailing dot. Anything else is not a browser.
_SENT = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\])(?::(\d{1,5}))?"
)


def check_origin(raw: str) -> str:
    """An origin as an owner types it, as browsers send it: `Shop.Example.com/` → `https://shop.example.com`.

    A bare host means https; a name in another script becomes its ASCII form. Raises `Invalid` (`origin_invalid`).
    """
    text = raw.strip()
    problem = Invalid(
        "Write the address of the website alone, such as https://shop.example.com.", code="origin_invalid"
    )
    if (
        text.lower() in ("", "null")
        or len(text) > 300
        or any(c.isspace() or c in '\\*"' or ord(c) < 32 for c in text)
    ):
        raise problem
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host = (
            (parts.hostname or "").encode("idna").decode()
            if not (parts.hostname or "").isascii()
            else parts.hostname
        )
        port = parts.port
    except (ValueError, UnicodeError) as error:
        raise problem from error
    if parts.scheme not in _PORTS or parts.username is not None or parts.password is not None:
        raise problem
    if parts.path not in ("", "/") or parts.query or parts.fragment or not host or host.endswith("."):
        raise problem
    shown = f"[{host}]" if ":" in host else host
    origin = f"{parts.scheme}://{shown}" + (
        f":{port}" if port is not None and port != _PORTS[parts.scheme] else ""
    )
    if not is_origin(origin):
        raise problem
    return origin


def is_origin(origin: str) -> bool:
    """Whether this is an origin in the very form that browsers send."""
    match = _SENT.fullmatch(origin)
    if match is None:
        return False
    port = match.group(3)
    return port is None or (
        0 < int(port) < 65536 and int(port) != _PORTS[match.group(1)] and not port.startswith("0")
    )


def allows(allowed: Collection[str], origin: str) -> bool:
    """Whether `origin`, as sent, is one of `allowed`. `null`, another port, case or a dot at the end is not."""
    return is_origin(origin) and origin in allowed


def link_hosts(origins: Iterable[str], also: Iterable[str] = ()) -> frozenset[str]:
    """Hosts that answers may link to: those of a site's own pages, and those that its owner named."""
    return frozenset(host for origin in origins if (host := urlsplit(origin).hostname)) | frozenset(also)
