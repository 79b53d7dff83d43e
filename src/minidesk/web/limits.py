"""How often one person or address may do something (T5)."""

import ipaddress
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from datetime import datetime

from starlette.requests import Request

from minidesk.errors import TooMany

# More addresses than this at once are an attack on our memory: whoever was quiet longest is forgotten.
MAX_KEYS = 50_000
FIVE_MINUTES, FIFTEEN_MINUTES = 300, 900


class RateLimiter:
    """Sliding windows in this process's memory. A clock that jumps back forgives; it never locks anybody out (F23)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], deque[tuple[float, str | None]]] = OrderedDict()

    def charge(self, what: str, who: str, *, limit: int, seconds: float, once: str | None = None) -> None:
        """Count one use of `what` by `who`. Raises `TooMany` with the wait above `limit` in any `seconds`.

        A use with the same `once` as one in the window is a repeat of it, and free: a client that sends a message
        again after a time-out must not be kept from it.
        """
        now = self._clock().timestamp()
        window = self._windows.setdefault((what, who), deque())
        self._windows.move_to_end((what, who))
        while window and not now - seconds < window[0][0] <= now:
            window.popleft()
        if once is not None and any(used == once for _, used in window):
            return
        if len(window) >= limit:
            raise TooMany(retry_after=window[0][0] + seconds - now if window else seconds)
        window.append((now, once))
        if len(self._windows) > MAX_KEYS:
            self._windows.popitem(last=False)

    def forget(self, what: str, who: str) -> None:
        """Start afresh."""
        self._windows.pop((what, who), None)


class LoginThrottle:
    """Log-ins an address and an account, so that neither one account nor one password can be tried through."""

    def __init__(self, limiter: RateLimiter, attempts: int) -> None:
        self._limiter = limiter
        self._attempts = attempts

    def check(self, address: str, email: str) -> None:
        """Count an attempt before the password is looked at. Raises `TooMany`."""
        self._limiter.charge("login", address, limit=self._attempts, seconds=FIVE_MINUTES)
        self._limiter.charge(
            "login-account", email.strip().lower()[:254], limit=self._attempts * 2, seconds=FIFTEEN_MINUTES
        )

    def succeeded(self, address: str, email: str) -> None:
        """A right password wipes the slate."""
        self._limiter.forget("login", address)
        self._limiter.forget("login-account", email.strip().lower()[:254])


def client_address(request: Request, trusted_proxies: Collection[str]) -> str:
    """Who asks: an IPv4 address, or an IPv6 /64, because one household has that many.

    X-Forwarded-For is read from its end, and only as far as the proxies that wrote it are trusted: anybody can
    send the header. `trusted_proxies` holds addresses or networks.
    """
    address = request.client.host if request.client else ""
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    while hops and _is_trusted(address, trusted_proxies):
        address = hops.pop()
    return _bucket(address)


def _is_trusted(address: str, trusted: Collection[str]) -> bool:
    ip = _parse(address)
    return ip is not None and any(
        ip in network for network in map(_network, trusted) if network.version == ip.version
    )


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _parse(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (ip.ipv4_mapped or ip) if isinstance(ip, ipaddress.IPv6Address) else ip


def _bucket(address: str) -> str:
    ip = _parse(address)
    if isinstance(ip, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip) if ip else "unknown"
